package auth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

const (
	account = "111111111111"
	other   = "222222222222"
)

var (
	moment = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	role   = &iam.Role{Account: account, Name: "caller", Path: "/team/", ID: "AROAAAAAAAAAAAAAAAAA2", Tags: map[string]string{"Stage": "role", "team": "a"}}
	user   = &iam.User{Account: account, Name: "alice", Path: "/", ID: "AIDAAAAAAAAAAAAAAAAA2", Keys: []iam.AccessKey{{ID: "AKIAALICE23456789012", Secret: "secret of alice"}}}
)

func session(change func(*iam.Session)) *iam.Session {
	s := &iam.Session{
		AccessKeyID: "ASIASESSION345678901", Secret: "secret of the session", Token: "token/of+the=session", Account: account,
		Issued: moment, Expires: moment.Add(time.Hour),
	}
	change(s)
	return s
}

// newGate is a gate before a world with a root user, a user, a role and the sessions.
func newGate(t *testing.T, sessions ...*iam.Session) *auth.Gate {
	t.Helper()
	db, err := store.Open(t.Context(), store.Memory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	world, err := state.Load(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	err = world.Update(t.Context(), func(tx *state.Tx) error {
		tx.SetAccount(&iam.Account{ID: account, RootKey: iam.AccessKey{ID: "AKIAROOT345678901234", Secret: "secret of root"}})
		for _, s := range sessions {
			tx.PutTransientSession(s)
		}
		if err := tx.Put(user); err != nil {
			return err
		}
		return tx.Put(role)
	})
	if err != nil {
		t.Fatal(err)
	}
	return &auth.Gate{State: world, Now: func() time.Time { return moment }}
}

var scope = auth.Scope{Service: "lambda", Region: "eu-central-1", MaxBody: 100}

func signed(t *testing.T, credentials sigv4.Credentials) *http.Request {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), "GET", "http://here/book?page=5", nil)
	signer := sigv4.Signer{Region: scope.Region, Service: scope.Service, Now: func() time.Time { return moment }}
	if _, err := signer.Sign(request, credentials, sigv4.EmptyPayload()); err != nil {
		t.Fatal(err)
	}
	return request
}

func credentials(id, secret, token string) sigv4.Credentials {
	return sigv4.Credentials{AccessKeyID: id, Secret: sigv4.NewSecret(secret), SessionToken: token}
}

func ofSession(s *iam.Session) sigv4.Credentials {
	return credentials(s.AccessKeyID, s.Secret, s.Token)
}

func TestCallersAreNamedAsIAMNamesThem(t *testing.T) {
	ofRole := session(func(s *iam.Session) {
		s.Role, s.RoleID, s.SessionName, s.SourceIdentity = "caller", role.ID, "s", "bob"
		s.Tags = map[string]string{"stage": "session"}
	})
	ofUser := session(func(s *iam.Session) {
		s.AccessKeyID, s.User, s.UserID, s.MFA = "ASIAUSER345678901234", "alice", user.ID, true
	})
	federated := session(func(s *iam.Session) {
		s.AccessKeyID, s.User, s.UserID, s.Federated = "ASIAFEDERATED7890123", "alice", user.ID, "fred"
	})
	gate := newGate(t, ofRole, ofUser, federated)
	tests := []struct {
		name        string
		credentials sigv4.Credentials
		arn         string
		userID      string
		keys        map[string]string // condition keys; "" is absent
	}{
		{
			"root", credentials("AKIAROOT345678901234", "secret of root", ""), "arn:aws:iam::111111111111:root", account,
			map[string]string{"aws:PrincipalType": "Account", "aws:PrincipalArn": "arn:aws:iam::111111111111:root", "aws:username": "", "aws:TokenIssueTime": ""},
		},
		{
			"user", credentials("AKIAALICE23456789012", "secret of alice", ""), "arn:aws:iam::111111111111:user/alice", user.ID,
			map[string]string{"aws:PrincipalType": "User", "aws:username": "alice", "AWS:UserID": user.ID, "aws:MultiFactorAuthPresent": ""},
		},
		{
			"role session", ofSession(ofRole), "arn:aws:sts::111111111111:assumed-role/caller/s", role.ID + ":s",
			map[string]string{
				"aws:PrincipalType": "AssumedRole", "aws:PrincipalArn": "arn:aws:iam::111111111111:role/team/caller", "aws:username": "",
				"aws:SourceIdentity": "bob", "aws:PrincipalTag/STAGE": "session", "aws:PrincipalTag/team": "a", "aws:PrincipalTag/none": "",
				"aws:TokenIssueTime": "2026-11-23T15:00:00Z",
			},
		},
		{
			"user session", ofSession(ofUser), "arn:aws:iam::111111111111:user/alice", user.ID,
			map[string]string{"aws:PrincipalType": "User", "aws:username": "alice", "aws:MultiFactorAuthPresent": "true"},
		},
		{
			"federated user", ofSession(federated), "arn:aws:sts::111111111111:federated-user/fred", account + ":fred",
			map[string]string{"aws:PrincipalType": "FederatedUser", "aws:username": "", "aws:userid": account + ":fred"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			caller, verified, attempt, err := gate.Authenticate(signed(t, test.credentials), scope)
			if err != nil {
				t.Fatal(err)
			}
			if caller.ARN() != test.arn || caller.UserID != test.userID || verified.AccessKeyID != test.credentials.AccessKeyID {
				t.Errorf("the caller is %s, %s", caller.ARN(), caller.UserID)
			}
			finding := attempt.Finding
			if finding.Verdict() != trace.OK || !strings.Contains(finding.Summary(), test.arn) || finding.Fix() != nil {
				t.Errorf("the finding is %s %s", finding.Verdict(), finding.Summary())
			}
			conditions := &auth.Conditions{Caller: caller, Now: moment, Header: http.Header{}}
			for key, want := range test.keys {
				values, ok := conditions.Lookup(key)
				if ok != (want != "") || ok && values[0] != want {
					t.Errorf("%s is %q, %v; want %q", key, values, ok, want)
				}
			}
		})
	}
}

func TestConditionsOfTheRequest(t *testing.T) {
	conditions := &auth.Conditions{
		Now: moment, SourceIP: "127.0.0.1", Region: "eu-central-1", Resource: account,
		Header: http.Header{"User-Agent": {"curl"}, "X-Forwarded-For": {"9.9.9.9"}, "Aws:sourcearn": {"forged"}},
		Extra:  []auth.Fact{{Key: "lambda:FunctionUrlAuthType", Value: "NONE"}},
	}
	for key, want := range map[string]string{
		"AWS:CurrentTime": "2026-11-23T15:00:00Z", "aws:EpochTime": "1795446000", "aws:SecureTransport": "false",
		"aws:SourceIp": "127.0.0.1", "aws:UserAgent": "curl", "aws:Referer": "", "aws:RequestedRegion": "eu-central-1",
		"aws:ResourceAccount": account, "aws:PrincipalType": "Anonymous", "aws:ViaAWSService": "false", "LAMBDA:functionurlauthtype": "NONE",
		"aws:SourceArn": "", "aws:SourceAccount": "", "aws:SourceVpc": "", "aws:username": "", "aws:PrincipalTag/a": "", "lambda:other": "", "nonsense": "",
	} {
		values, ok := conditions.Lookup(key)
		if ok != (want != "") || ok && values[0] != want {
			t.Errorf("%s is %q, %v; want %q", key, values, ok, want)
		}
	}
}

// presigned is a URL of the gate's, presigned for so long.
func presigned(t *testing.T, who sigv4.Credentials, life time.Duration) string {
	t.Helper()
	signer := sigv4.Signer{Region: scope.Region, Service: scope.Service, Now: func() time.Time { return moment }}
	signed, err := signer.Presign(httptest.NewRequestWithContext(t.Context(), "GET", "http://here/", nil), who, life, sigv4.EmptyPayload())
	if err != nil {
		t.Fatal(err)
	}
	return signed.URL
}

func TestRefusedSignaturesSayWhatToDo(t *testing.T) {
	expired := session(func(s *iam.Session) { s.Role, s.RoleID, s.Expires = "caller", role.ID, moment.Add(-time.Second) })
	gate := newGate(t, expired)
	alice := credentials("AKIAALICE23456789012", "secret of alice", "")
	unsigned := httptest.NewRequestWithContext(t.Context(), "GET", "http://here/", nil)
	late := signed(t, alice)
	late.Header.Set("X-Amz-Date", "20261123T140000Z")
	week := presigned(t, alice, 7*24*time.Hour)
	tooLong := httptest.NewRequestWithContext(t.Context(), "GET", strings.Replace(week, "Expires=604800", "Expires=604801", 1), nil)
	tests := []struct {
		name         string
		request      *http.Request
		kind         sigv4.Kind
		summary, fix string
	}{
		{"unsigned", unsigned, sigv4.MissingAuthentication, "not signed", `service "lambda" and region "eu-central-1"`},
		{"unknown key", signed(t, credentials("AKIANOBODY3456789012", "x", "")), sigv4.UnknownKey, "does not exist", "furl env"},
		{"expired session", signed(t, ofSession(expired)), sigv4.ExpiredToken, "expired", "new temporary credentials"},
		{"token of another", signed(t, credentials(expired.AccessKeyID, expired.Secret, "forged")), sigv4.InvalidToken, "invalid token", "one set of credentials"},
		{"presigned for too long", tooLong, sigv4.IncompleteSignature, "at most 604800 seconds", `presign the request with SigV4 for service "lambda"`},
		{"clock", late, sigv4.SignatureExpired, "local time", "UTC"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			caller, _, attempt, err := gate.Authenticate(test.request, scope)
			attempt.Diagnose(t.Context())
			refusal, ok := err.(*sigv4.Error)
			if !ok || refusal.Kind != test.kind || caller != nil {
				t.Fatalf("got caller %v, error %v; want %s", caller, err, test.kind)
			}
			finding := attempt.Finding
			if finding.Verdict() != trace.Refused || !strings.Contains(finding.Summary(), test.summary) ||
				len(finding.Fix()) != 1 || !strings.Contains(finding.Fix()[0], test.fix) {
				t.Errorf("the finding is %s %q, fix %q", finding.Verdict(), finding.Summary(), finding.Fix())
			}
		})
	}
}

// STS takes presigned requests for a quarter of an hour, whatever X-Amz-Expires says; IAM at the most so long; a function
// URL takes what it says.
func TestPresignedRequestsAreShortLived(t *testing.T) {
	gate := newGate(t)
	for _, test := range []struct {
		service string
		life    time.Duration
		age     time.Duration
		refused string // how long it was good for; "" if it is still
	}{
		{"sts", 24 * time.Hour, 15 * time.Minute, ""},
		{"sts", 24 * time.Hour, 15*time.Minute + time.Second, "15 min."},
		{"sts", time.Minute, 15 * time.Minute, ""}, // aws eks get-token
		{"iam", 24 * time.Hour, 15 * time.Minute, ""},
		{"iam", 24 * time.Hour, time.Hour, "15 min."},
		{"iam", time.Second, time.Second, ""},
		{"iam", time.Second, 10 * time.Minute, "1 sec."},
		{"lambda", 24 * time.Hour, time.Hour, ""},
		{"lambda", time.Minute, 2 * time.Minute, "1 min."},
	} {
		scope := auth.Scope{Service: test.service, Region: "us-east-1", MaxBody: 100}
		signer := sigv4.Signer{Region: scope.Region, Service: scope.Service, Now: func() time.Time { return moment.Add(-test.age) }}
		url := "http://here/?Action=GetCallerIdentity&Version=2011-06-15"
		presigned, err := signer.Presign(httptest.NewRequestWithContext(t.Context(), "GET", url, nil),
			credentials("AKIAALICE23456789012", "secret of alice", ""), test.life, sigv4.EmptyPayload())
		if err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequestWithContext(t.Context(), "GET", presigned.URL, nil)
		caller, _, attempt, err := gate.Authenticate(request, scope)
		if test.refused == "" {
			if err != nil || caller == nil {
				t.Errorf("%s, after %s: %v", test.service, test.age, err)
			}
			continue
		}
		refusal, ok := err.(*sigv4.Error)
		if !ok || refusal.Kind != sigv4.SignatureExpired || caller != nil {
			t.Errorf("%s, after %s: caller %v, error %v", test.service, test.age, caller, err)
			continue
		}
		signed := moment.Add(-test.age).Format("20060102T150405Z")
		if !strings.HasPrefix(refusal.Message, "Signature expired: "+signed+" is now earlier than ") ||
			!strings.HasSuffix(refusal.Message, " (20261123T150000Z - "+test.refused+")") {
			t.Errorf("%s, after %s: %q, want it to end after %s", test.service, test.age, refusal.Message, test.refused)
		}
		if attempt.Finding.Verdict() != trace.Refused {
			t.Errorf("%s, after %s: the finding is %q", test.service, test.age, attempt.Finding.Summary())
		}
	}
}

// TestKeysOfTheAccountAreTold: a secret or a token of another of the account's keys is told by that key's id.
func TestKeysOfTheAccountAreTold(t *testing.T) {
	ofRole := func(id string) *iam.Session {
		return session(func(s *iam.Session) {
			s.AccessKeyID, s.Secret, s.Token, s.Role, s.RoleID = id, "secret of "+id, "token of "+id, "caller", role.ID
		})
	}
	first, second := ofRole("ASIAFIRST45678901234"), ofRole("ASIASECOND5678901234")
	stranger := session(func(s *iam.Session) {
		s.AccessKeyID, s.Secret, s.Account = "ASIASTRANGER89012345", "secret of a stranger", other
	})
	root, alice := credentials("AKIAROOT345678901234", "secret of root", ""), credentials("AKIAALICE23456789012", "secret of alice", "")
	mixed := func(id, secret, token sigv4.Credentials) sigv4.Credentials {
		return credentials(id.AccessKeyID, secret.Secret.Reveal(), token.SessionToken)
	}
	tests := []struct {
		name   string
		signer sigv4.Credentials
		want   string // in the summary
	}{
		{"user with the root user's secret", mixed(alice, root, alice), "the secret of access key \"AKIAROOT345678901234\""},
		{"root with a user's secret", mixed(root, alice, root), "the secret of access key \"AKIAALICE23456789012\""},
		{"role with a user's secret", mixed(ofSession(first), alice, ofSession(first)), "the secret of access key \"AKIAALICE23456789012\""},
		{"secret of an earlier session", mixed(ofSession(second), ofSession(first), ofSession(second)), "the secret of access key \"ASIAFIRST45678901234\""},
		{"token of an earlier session", mixed(ofSession(second), ofSession(second), ofSession(first)), "that of access key \"ASIAFIRST45678901234\""},
		{"secret of another account", mixed(root, ofSession(stranger), root), "The signature does not match"}, // and no more, whether or not time ran out
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			gate := newGate(t, first, second, stranger)
			_, _, attempt, err := gate.Authenticate(signed(t, test.signer), scope)
			if err == nil {
				t.Fatal("accepted")
			}
			attempt.Diagnose(t.Context())
			if !strings.Contains(attempt.Finding.Summary(), test.want) {
				t.Errorf("the finding is %q, want %q", attempt.Finding.Summary(), test.want)
			}
		})
	}
}

func TestSecretsStayOutOfFindings(t *testing.T) {
	ofRole := session(func(s *iam.Session) { s.Role, s.RoleID = "caller", role.ID })
	gate := newGate(t, ofRole)
	wrong := ofSession(ofRole)
	wrong.Secret = sigv4.NewSecret("wrong secret")
	request := signed(t, wrong)
	signer := sigv4.Signer{Region: scope.Region, Service: scope.Service, Now: func() time.Time { return moment }}
	presigned, err := signer.Presign(httptest.NewRequestWithContext(t.Context(), "GET", "http://here/", nil), wrong, time.Minute, sigv4.EmptyPayload())
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range []*http.Request{request, httptest.NewRequestWithContext(t.Context(), "GET", presigned.URL, nil)} {
		_, _, attempt, err := gate.Authenticate(request, scope)
		if err == nil {
			t.Fatal("a wrong secret was accepted")
		}
		attempt.Diagnose(t.Context())
		text := strings.Join(append(attempt.Finding.Details(), attempt.Finding.Summary()), "\n")
		if !strings.Contains(text, "canonical request") || !strings.Contains(text, " bytes)") {
			t.Errorf("the finding does not show the texts: %s", text)
		}
		for _, secret := range []string{ofRole.Token, "token%2Fof%2Bthe%3Dsession", ofRole.Secret, "wrong secret"} {
			if strings.Contains(text, secret) {
				t.Errorf("the finding shows %q: %s", secret, text)
			}
		}
	}
}

// The region of a control plane request is the client's choice. Those of refused requests leave nothing behind, and
// do not take the place of those that are used.
func TestMadeUpRegionsLeaveNothing(t *testing.T) {
	gate := newGate(t)
	alice := credentials("AKIAALICE23456789012", "secret of alice", "")
	for i := range 300 {
		elsewhere := scope
		elsewhere.Region = "r" + strings.Repeat("x", i)
		if _, _, _, err := gate.Authenticate(signed(t, alice), elsewhere); err == nil {
			t.Fatal("a signature for another region is accepted")
		}
	}
	if kept := gate.Kept(); kept != 0 {
		t.Errorf("%d verifiers are kept for regions that nobody is in", kept)
	}
	for range 300 {
		if _, _, _, err := gate.Authenticate(signed(t, alice), scope); err != nil {
			t.Fatal(err)
		}
	}
	if kept := gate.Kept(); kept != 1 {
		t.Errorf("%d verifiers are kept for one region", kept)
	}
}

// A client can put a lot into what a refusal quotes.
func TestFindingsAreBounded(t *testing.T) {
	gate := newGate(t)
	long := strings.Repeat("x", 60<<10)
	for name, change := range map[string]func(*http.Request){
		"algorithm": func(r *http.Request) { r.Header.Set("Authorization", long[:10<<10]) },
		"credential": func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+long[:10<<10]+", SignedHeaders=host, Signature=0")
		},
		"equal sign": func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 "+long[:10<<10]) },
		"date":       func(r *http.Request) { r.Header.Set("X-Amz-Date", long) },
		"key": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AKIAALICE", long[:10<<10], 1))
		},
		"signed header": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "SignedHeaders=", "SignedHeaders="+long[:10<<10]+";", 1))
		},
		"query": func(r *http.Request) { r.RequestURI += "&" + long },
	} {
		request := signed(t, credentials("AKIAALICE23456789012", "secret of alice", ""))
		change(request)
		_, _, attempt, err := gate.Authenticate(request, scope)
		if err == nil {
			t.Fatalf("%s: accepted", name)
		}
		attempt.Diagnose(t.Context())
		if text := strings.Join(append(attempt.Finding.Details(), attempt.Finding.Summary()), "\n"); len(text) > 14<<10 {
			t.Errorf("%s: the finding keeps %d bytes", name, len(text))
		}
	}
}

func TestRemedies(t *testing.T) {
	const (
		addURL    = "aws lambda add-permission --function-name web --statement-id allow-%-url --action lambda:InvokeFunctionUrl --principal "
		addInvoke = "aws lambda add-permission --function-name web --statement-id allow-%-invoke --action lambda:InvokeFunction --principal "
	)
	foreign := &auth.Caller{
		Identity:  state.Identity{Account: other, Role: &iam.Role{Account: other, Name: "far", Path: "/"}},
		Principal: policy.Principal{Type: policy.RoleSession, Account: other, ARN: "arn:aws:sts::222222222222:assumed-role/far/s", RoleARN: "arn:aws:iam::222222222222:role/far"},
	}
	local := &auth.Caller{
		Identity:  state.Identity{Account: account, User: user},
		Principal: policy.Principal{Type: policy.User, Account: account, ARN: user.ARN()},
	}
	tests := []struct {
		name      string
		caller    *auth.Caller
		action    string
		qualifier string
		authType  lambda.AuthType
		sets      policy.Sets
		want      []string
	}{
		{
			"user of the same account", local, lambda.ActionInvokeURL, "", lambda.AuthIAM, policy.Sets{},
			[]string{strings.Replace(addURL, "%", "alice", 1) + "arn:aws:iam::111111111111:user/alice --function-url-auth-type AWS_IAM"},
		},
		{
			"second action, of an alias", local, lambda.ActionInvoke, "prod", lambda.AuthIAM, policy.Sets{},
			[]string{strings.Replace(strings.Replace(addInvoke, "web", "web --qualifier prod", 1), "%", "alice", 1) + "arn:aws:iam::111111111111:user/alice --invoked-via-function-url"},
		},
		{
			"everyone", nil, lambda.ActionInvokeURL, "", lambda.AuthNone, policy.Sets{},
			[]string{strings.Replace(addURL, "%", "everyone", 1) + "'*' --function-url-auth-type NONE"},
		},
		{
			"role of another account", foreign, lambda.ActionInvokeURL, "", lambda.AuthIAM, policy.Sets{},
			[]string{
				strings.Replace(addURL, "%", "far", 1) + "arn:aws:iam::222222222222:role/far --function-url-auth-type AWS_IAM   # in account 111111111111",
				`aws iam put-role-policy --role-name far --policy-name call-web --policy-document '{"Version":"2012-10-17","Statement":[{"Sid":"CallFunctionUrl","Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}},{"Sid":"InvokeViaFunctionUrl","Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}]}'   # in account 222222222222`,
			},
		},
		{
			"explicit deny", local, lambda.ActionInvokeURL, "", lambda.AuthIAM,
			policy.Sets{Identity: []policy.Named{{Name: "inline policy p of user alice", Document: parse(t, `{"Version":"2012-10-17","Statement":[{"Sid":"no","Effect":"Deny","Action":"*","Resource":"*"}]}`)}}},
			[]string{`remove or narrow statement "no" (Statement[0]) of inline policy p of user alice: an explicit deny outweighs every allow`},
		},
		{
			"boundary", local, lambda.ActionInvokeURL, "", lambda.AuthIAM,
			policy.Sets{
				Identity: []policy.Named{{Name: "p", Document: parse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)}},
				Boundary: &policy.Named{Name: "b", Document: parse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)},
			},
			[]string{"add lambda:InvokeFunctionUrl on arn:aws:lambda:eu-central-1:111111111111:function:web to the permissions boundary of arn:aws:iam::111111111111:user/alice"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			call := auth.URLCall{
				Caller: test.caller, Function: lambda.ARN{Region: "eu-central-1", Account: account, Name: "web"},
				Qualifier: test.qualifier, AuthType: test.authType,
			}
			asked := auth.Asked{Request: policy.Request{Action: test.action, Resource: call.Function.String(), ResourceAccount: account}, Sets: test.sets}
			if test.caller != nil {
				asked.Request.Principal = &test.caller.Principal
			}
			finding := auth.NewURLFinding(call, asked, policy.Evaluate(asked.Request, &asked.Sets))
			if diff := cmp.Diff(test.want, finding.Fix()); diff != "" || finding.Verdict() != trace.Refused {
				t.Errorf("%s: %s", finding.Summary(), diff)
			}
		})
	}
}

func TestDecisionsNameTheirStatements(t *testing.T) {
	condition := parse(t, `{"Version":"2012-10-17","Statement":[{"Sid":"old","Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}]}`)
	asked := auth.Asked{
		Request: policy.Request{
			Principal: &policy.Principal{Type: policy.User, Account: account, ARN: user.ARN()}, Action: lambda.ActionInvokeURL,
			Resource: "arn:aws:lambda:eu-central-1:111111111111:function:web", ResourceAccount: account,
			Context: policy.Values{"lambda:FunctionUrlAuthType": {"AWS_IAM"}},
		},
		Sets: policy.Sets{Identity: []policy.Named{{Name: "inline policy p", Document: condition}}},
	}
	finding := auth.NewURLFinding(auth.URLCall{}, asked, policy.Evaluate(asked.Request, &asked.Sets))
	want := []string{"looked at: inline policy p", `nearly allowed by statement "old" (Statement[0]) of inline policy p, but for its Condition StringEquals lambda:FunctionUrlAuthType: it wants NONE, the request has AWS_IAM`}
	if diff := cmp.Diff(want, finding.Details()); diff != "" {
		t.Error(diff)
	}
}

func parse(t *testing.T, text string) *policy.Document {
	t.Helper()
	document, err := policy.Parse([]byte(text), policy.Identity)
	if err != nil {
		t.Fatal(err)
	}
	return document
}
