//go:build unix

package interop_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const (
	otherAccount     = "210987654321"
	goCaller         = "my-calling-go-function"
	goCallerRole     = "arn:aws:iam::" + account + ":role/" + goCaller + "-role"
	goCallerIdentity = "arn:aws:sts::" + account + ":assumed-role/" + goCaller + "-role/" + goCaller
)

// TestTransport is the article with a calling function in Go, which signs with furl.NewTransport. It calls a function of
// its own account, where the function's policy is enough, and one of another account, where both sides have to allow
// (AWS Lambda Developer Guide, "Control access to Lambda function URLs").
func TestTransport(t *testing.T) {
	needProgram(t, "sh")
	need(t, "python", "package")
	s := startServer(t, "--account", otherAccount)
	program := must(t, buildGoCaller)
	s.deploy(t, goCaller, "provided.al2023", "bootstrap", writeZip(t, nil, map[string]string{"bootstrap": program}))
	web := webZip(t)

	t.Run("same account", func(t *testing.T) {
		a := &article{server: s, url: s.createWeb(t, web)}
		a.refused(t, goCaller, "get", accessDenied, forbidden, goCallerIdentity, "lambda:InvokeFunctionUrl denied", "lambda:InvokeFunction denied")
		s.permit(t)
		a.answersGoCaller(t)
		t.Run("by host name", func(t *testing.T) {
			// The resolver need not know such a name, and the region to sign for is the one in it.
			_, port, _ := strings.Cut(strings.TrimPrefix(s.endpoint(), "http://"), ":")
			byName := &article{server: s, url: "http://" + urlID(a.url) + ".lambda-url." + region + ".localhost:" + port + "/"}
			byName.answered(t, goCaller, "get", `{"page":5,"caller":"`+goCallerIdentity+`"}`)
		})
	})
	t.Run("other account", func(t *testing.T) {
		other := s.in(t, otherAccount)
		a := &article{server: s, url: other.createWeb(t, web)}
		a.shell(t, `aws iam put-role-policy --role-name "$ROLE" --policy-name call --policy-document "$MAY_CALL"`,
			"ROLE="+goCaller+"-role", "MAY_CALL="+mayCallOther)
		a.refused(t, goCaller, "get", accessDenied, forbidden, goCallerIdentity,
			"lambda:InvokeFunctionUrl denied: no resource-based policy allows", "lambda:InvokeFunction denied: no resource-based policy allows",
			"allowed, but not enough, by Statement[0] of inline policy call", "# in account "+otherAccount)
		other.permit(t)
		a.answersGoCaller(t)
		a.shell(t, `aws iam delete-role-policy --role-name "$ROLE" --policy-name call`, "ROLE="+goCaller+"-role")
		a.refused(t, goCaller, "get", accessDenied, forbidden, goCallerIdentity,
			"lambda:InvokeFunctionUrl denied: no identity-based policy allows", "lambda:InvokeFunction denied: no identity-based policy allows",
			`allowed, but not enough, by statement "url"`, "# in account "+account)
	})
}

// mayCallOther is the side of the calling function.
const mayCallOther = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
	"Action":["lambda:InvokeFunctionUrl","lambda:InvokeFunction"],
	"Resource":"arn:aws:lambda:` + region + ":" + otherAccount + `:function:my-function-with-url"}]}`

// createWeb creates the FastAPI function and returns its URL.
func (s *server) createWeb(t *testing.T, zip string) string {
	t.Helper()
	return s.createFunction(t, "my-function-with-url", types.Runtime(pythonRuntime(t)), "app.handler", zip, types.InvokeModeBuffered)
}

// permit is the side of the FastAPI function: both permissions for the calling function's role.
func (s *server) permit(t *testing.T) {
	t.Helper()
	s.shell(t, `
		aws lambda add-permission --function-name my-function-with-url --action lambda:InvokeFunctionUrl \
		   --principal "$ROLE" --function-url-auth-type AWS_IAM --statement-id url &&
		aws lambda add-permission --function-name my-function-with-url --action lambda:InvokeFunction \
		   --principal "$ROLE" --invoked-via-function-url --statement-id invoke`, "ROLE="+goCallerRole)
}

// answersGoCaller expects the right answers to the GET and the POST of the article.
func (a *article) answersGoCaller(t *testing.T) {
	t.Helper()
	a.answered(t, goCaller, "get", `{"page":5,"caller":"`+goCallerIdentity+`"}`)
	a.answered(t, goCaller, "post", `{"user":"my-user","caller":"`+goCallerIdentity+`"}`)
}
