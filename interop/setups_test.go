//go:build unix

package interop_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/furl-dev/furl/internal/oidc/oidctest"
)

// setUps is a server of two accounts, with a function URL of the first that others are to be let in to.
type setUps struct {
	*server
	url string
}

// TestSetUps types the usual ways to let somebody call a function URL into a shell with the AWS CLI. Every call is
// refused until the last command that it needs has been typed. (Execution roles of functions are in TestArticle.)
func TestSetUps(t *testing.T) {
	needProgram(t, "sh")
	need(t, "python")
	s := &setUps{server: startServer(t, "--account", otherAccount)}
	s.url = s.createFunction(t, "web", types.RuntimeProvidedal2023, "bootstrap", echoZip(t), types.InvokeModeBuffered)
	t.Run("user", s.user)
	t.Run("federated user", s.federatedUser)
	t.Run("user of another account", s.stranger)
	t.Run("role for another account", s.roleForStranger)
	t.Run("web identity", s.webIdentity)
}

// nobodyAllows is the reason of a refusal within one account.
const nobodyAllows = "neither an identity-based policy of the caller " +
	"nor the resource-based policy of the function allows it"

// user lets a user in by a policy of its own.
func (s *setUps) user(t *testing.T) {
	t.Parallel()
	alice := s.newUser(t, "alice")
	s.refuses(t, alice, "lambda:InvokeFunctionUrl denied: "+nobodyAllows, "lambda:InvokeFunction denied: "+nobodyAllows)
	s.shell(t, `aws iam put-user-policy --user-name alice --policy-name call-web \
		--policy-document '`+mayCall("web")+`'`)
	s.answers(t, alice, "arn:aws:iam::"+account+":user/alice")
}

// federatedUser makes a session for a user. It may do what both the user and the session policy allow.
func (s *setUps) federatedUser(t *testing.T) {
	t.Parallel()
	broker := s.newUser(t, "broker")
	s.shell(t, `aws iam put-user-policy --user-name broker --policy-name call-web \
		--policy-document '`+mayCall("web")+`'`)
	const federate = `aws sts get-federation-token --name guest`
	broker.isDenied(t, federate, "sts:GetFederationToken on resource: arn:aws:sts::"+account+":federated-user/guest")
	s.shell(t, `aws iam put-user-policy --user-name broker --policy-name federate \
		--policy-document '`+mayDo("sts:GetFederationToken")+`'`)

	guest := s.as(t, broker.shell(t, federate))
	s.refuses(t, guest, "no session policy allows the action")
	guest = s.as(t, broker.shell(t, federate+` --policy '`+mayCall("web")+`'`))
	s.answers(t, guest, "arn:aws:sts::"+account+":federated-user/guest")
}

// stranger lets in a user of another account. Both accounts have to allow it, and the function's both actions.
func (s *setUps) stranger(t *testing.T) {
	t.Parallel()
	theirs := s.in(t, otherAccount)
	bob := theirs.newUser(t, "bob")
	s.refuses(t, bob, "no identity-based policy allows the action")
	theirs.shell(t, `aws iam put-user-policy --user-name bob --policy-name call-web \
		--policy-document '`+mayCall("web")+`'`)
	s.refuses(t, bob, "lambda:InvokeFunctionUrl denied: no resource-based policy allows the action")

	const permit = `aws lambda add-permission --function-name web --principal ` + otherAccount
	s.shell(t, permit+` --statement-id partner-url --action lambda:InvokeFunctionUrl --function-url-auth-type AWS_IAM`)
	s.refuses(t, bob, "lambda:InvokeFunctionUrl allowed",
		"lambda:InvokeFunction denied: no resource-based policy allows the action")
	s.shell(t, permit+` --statement-id partner-invoke --action lambda:InvokeFunction --invoked-via-function-url`)
	s.answers(t, bob, "arn:aws:iam::"+otherAccount+":user/bob")
}

// roleForStranger lets in users of another account by a role that they may assume.
func (s *setUps) roleForStranger(t *testing.T) {
	t.Parallel()
	theirs := s.in(t, otherAccount)
	carol := theirs.newUser(t, "carol")
	const (
		role   = "arn:aws:iam::" + account + ":role/partner"
		assume = `aws sts assume-role --role-arn ` + role + ` --role-session-name carol`
		denied = "sts:AssumeRole on resource: " + role
	)
	s.createRole(t, "partner", `{"Effect":"Allow","Principal":{"AWS":"`+otherAccount+`"},"Action":"sts:AssumeRole",
		"Condition":{"StringEquals":{"sts:ExternalId":"contract-7"}}}`)
	carol.isDenied(t, assume+` --external-id contract-7`, denied)
	theirs.shell(t, `aws iam put-user-policy --user-name carol --policy-name assume \
		--policy-document '`+mayDo("sts:AssumeRole")+`'`)
	carol.isDenied(t, assume, denied)

	session := s.as(t, carol.shell(t, assume+` --external-id contract-7`))
	s.refuses(t, session, nobodyAllows)
	s.shell(t, `aws iam put-role-policy --role-name partner --policy-name call-web \
		--policy-document '`+mayCall("web")+`'`)
	s.answers(t, session, "arn:aws:sts::"+account+":assumed-role/partner/carol")
}

// webIdentity makes a session with the token of an OpenID Connect provider.
func (s *setUps) webIdentity(t *testing.T) {
	t.Parallel()
	issuer := oidctest.Start(t)
	created := decode[struct{ OpenIDConnectProviderArn string }](t,
		s.shell(t, `aws iam create-open-id-connect-provider --url "$ISSUER" --client-id-list my-app`, "ISSUER="+issuer.URL))
	host := strings.TrimPrefix(issuer.URL, "http://")
	s.createRole(t, "deployer", `{"Effect":"Allow","Principal":{"Federated":"`+created.OpenIDConnectProviderArn+`"},
		"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"`+host+`:aud":"my-app","`+host+`:sub":"repo:books"}}}`)

	claims := oidctest.Claims{
		"iss": issuer.URL, "aud": "my-app", "sub": "repo:books", "exp": time.Now().Add(time.Hour).Unix(),
	}
	assume := func(claims oidctest.Claims) string {
		token := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(token, []byte(issuer.Sign("RS256", claims)), 0o600); err != nil {
			t.Fatal(err)
		}
		return `aws sts assume-role-with-web-identity --role-arn arn:aws:iam::` + account + `:role/deployer \
			--role-session-name ci --web-identity-token file://` + token
	}
	pipeline := s.asNobody()
	other := claims.With(oidctest.Claims{"sub": "repo:other"})
	pipeline.isDenied(t, assume(other), "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	session := s.as(t, pipeline.shell(t, assume(claims)))
	if issuer.Fetched.Load() == 0 {
		t.Error("the token was taken without the keys of its issuer")
	}
	s.refuses(t, session, nobodyAllows)
	s.shell(t, `aws iam put-role-policy --role-name deployer --policy-name call-web \
		--policy-document '`+mayCall("web")+`'`)
	s.answers(t, session, "arn:aws:sts::"+account+":assumed-role/deployer/ci")
}

// newUser makes a user with an access key and no policies.
func (s *server) newUser(t *testing.T, name string) *server {
	t.Helper()
	return s.as(t, s.shell(t, `
		aws iam create-user --user-name "$NAME" >&2 &&
		aws iam create-access-key --user-name "$NAME"`, "NAME="+name))
}

func (s *server) createRole(t *testing.T, name, trust string) {
	t.Helper()
	s.shell(t, `aws iam create-role --role-name "$NAME" --assume-role-policy-document "$TRUST"`,
		"NAME="+name, `TRUST={"Version":"2012-10-17","Statement":[`+trust+`]}`)
}

// mayDo is an identity-based policy that allows the action on all resources.
func mayDo(action string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"*"}]}`
}

// isDenied expects that the AWS CLI ends with AccessDenied, and says of what.
func (s *server) isDenied(t *testing.T, command, of string) {
	t.Helper()
	got := s.tryShell(t, command)
	if got.code == 0 || !strings.Contains(got.stderr, "(AccessDenied)") || !strings.Contains(got.stderr, of) {
		t.Errorf("%s\nexit %d, want AccessDenied of %s: %s%s", command, got.code, of, got.stdout, got.stderr)
	}
}

// answers expects that the function answers the caller, and knows it by the ARN.
func (s *setUps) answers(t *testing.T, caller *server, arn string) {
	t.Helper()
	response, text := caller.call(t, http.MethodGet, s.url+"book?page=5", "")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s\n%s", response.Status, text, s.explain(t, response.Header.Get("X-Amzn-Requestid")))
	}
	if got := decode[echo](t, text); got.Caller != arn {
		t.Errorf("the function was called by %s, not %s", got.Caller, arn)
	}
}

// refuses expects AWS's refusal of the caller, and that furl explain says why.
func (s *setUps) refuses(t *testing.T, caller *server, why ...string) {
	t.Helper()
	response, text := caller.call(t, http.MethodGet, s.url+"book?page=5", "")
	errorType := response.Header.Get("X-Amzn-Errortype")
	if response.StatusCode != http.StatusForbidden || errorType != accessDenied || text != forbidden {
		t.Fatalf("%s: %s", response.Status, text)
	}
	if problem := missing(s.explain(t, response.Header.Get("X-Amzn-Requestid")), why); problem != "" {
		t.Error(problem)
	}
}
