//go:build unix

package interop_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

const (
	webRole         = "arn:aws:iam::" + account + ":role/my-function-with-url-role"
	callingRole     = "arn:aws:iam::" + account + ":role/my-calling-function-role"
	callingIdentity = "arn:aws:sts::" + account + ":assumed-role/my-calling-function-role/my-calling-function"
)

// The answers of a function URL that refuses a request.
const (
	forbidden  = `{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`
	unsigned   = `{"Message":"Forbidden"}`
	mismatch   = `{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}`
	badService = `{"message":"Credential should be scoped to correct service: 'lambda'. "}`
	badRegion  = `{"message":"Credential should be scoped to a valid region. "}`
)

const (
	accessDenied     = "AccessDeniedException"
	invalidSignature = "InvalidSignatureException"
)

// answer is what the calling function got from the URL.
type answer struct {
	Status      int
	ErrorType   string
	RequestID   string
	ContentType string
	Body        string
}

// article is a server with the two functions of the story.
type article struct {
	*server
	url string
}

// TestArticle types the steps of "Calling an AWS Lambda function URL with IAM authentication in Python" into a shell
// with the AWS CLI, in their order. Only what has changed at AWS since is added: the second permission, which function
// URLs ask for since October 2025 (AWS Lambda Developer Guide, "Control access to Lambda function URLs").
func TestArticle(t *testing.T) {
	needProgram(t, "sh")
	need(t, "python", "package")
	a := &article{server: startServer(t)}
	a.createFunctions(t)

	t.Run("create-function-url-config", func(t *testing.T) {
		created := decode[struct{ FunctionURL, FunctionArn, AuthType string }](t, a.shell(t, `
			aws lambda create-function-url-config \
			  --function-name my-function-with-url \
			  --auth-type AWS_IAM`))
		arn := "arn:aws:lambda:" + region + ":" + account + ":function:my-function-with-url"
		if created.AuthType != "AWS_IAM" || created.FunctionArn != arn || !strings.HasSuffix(created.FunctionURL, "/") {
			t.Errorf("created %+v", created)
		}
		a.url = created.FunctionURL
	})
	t.Run("get-function-url-config", func(t *testing.T) {
		got := a.shell(t, `
			aws lambda get-function-url-config \
			            --function-name my-function-with-url \
			            --query FunctionUrl --output text`)
		if got != a.url {
			t.Errorf("the URL is %q, but was created as %q", got, a.url)
		}
	})
	t.Run("unsigned", func(t *testing.T) {
		needProgram(t, "curl")
		got := a.shell(t, `curl -s -o /dev/stdout -w ' %{http_code} %header{x-amzn-errortype} %{content_type}' "$URL"'book?page=5'`, "URL="+a.url)
		if want := unsigned + " 403 AccessDeniedException application/json"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("no permission", func(t *testing.T) {
		a.refused(t, "my-calling-function", "get", accessDenied, forbidden,
			callingIdentity, "lambda:InvokeFunctionUrl denied", "lambda:InvokeFunction denied",
			"aws lambda add-permission --function-name my-function-with-url")
	})
	t.Run("lambda.amazonaws.com is not the calling function", func(t *testing.T) {
		a.shell(t, `aws lambda add-permission --function-name my-function-with-url --action lambda:InvokeFunctionUrl \
			--principal lambda.amazonaws.com --function-url-auth-type AWS_IAM --statement-id any-function-url`)
		a.shell(t, `aws lambda add-permission --function-name my-function-with-url --action lambda:InvokeFunction \
			--principal lambda.amazonaws.com --invoked-via-function-url --statement-id any-function`)
		a.refused(t, "my-calling-function", "get", accessDenied, forbidden, "lambda:InvokeFunctionUrl denied", "lambda:InvokeFunction denied")
		a.shell(t, `aws lambda remove-permission --function-name my-function-with-url --statement-id any-function-url`)
		a.shell(t, `aws lambda remove-permission --function-name my-function-with-url --statement-id any-function`)
	})
	t.Run("add-permission", func(t *testing.T) {
		added := a.shell(t, `
			CALLING_FUNCTION_ROLE=$(aws lambda get-function \
			                           --function-name my-calling-function \
			                           --query Configuration.Role --output text)

			 aws lambda add-permission \
			   --function-name my-function-with-url \
			   --action lambda:InvokeFunctionUrl \
			   --principal $CALLING_FUNCTION_ROLE \
			   --function-url-auth-type AWS_IAM \
			   --statement-id allow-my-calling-function-to-invoke-url`)
		const want = `{"Sid":"allow-my-calling-function-to-invoke-url","Effect":"Allow","Principal":{"AWS":"` + callingRole + `"},` +
			`"Action":"lambda:InvokeFunctionUrl","Resource":"arn:aws:lambda:` + region + ":" + account + `:function:my-function-with-url",` +
			`"Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`
		if got := decode[struct{ Statement string }](t, added).Statement; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("only one permission", func(t *testing.T) {
		a.refused(t, "my-calling-function", "get", accessDenied, forbidden,
			"lambda:InvokeFunctionUrl allowed", "lambda:InvokeFunction denied", "--action lambda:InvokeFunction --principal "+callingRole+" --invoked-via-function-url")
	})
	t.Run("second permission", func(t *testing.T) {
		added := a.shell(t, `
			CALLING_FUNCTION_ROLE=$(aws lambda get-function --function-name my-calling-function --query Configuration.Role --output text)
			aws lambda add-permission \
			   --function-name my-function-with-url \
			   --action lambda:InvokeFunction \
			   --principal $CALLING_FUNCTION_ROLE \
			   --invoked-via-function-url \
			   --statement-id allow-my-calling-function-to-invoke`)
		if got := decode[struct{ Statement string }](t, added).Statement; !strings.Contains(got, `"Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}`) {
			t.Errorf("added %s", got)
		}
	})
	t.Run("GET", func(t *testing.T) {
		a.answered(t, "my-calling-function", "get", `{"page":5,"caller":"`+callingIdentity+`"}`)
	})
	t.Run("POST", func(t *testing.T) {
		a.answered(t, "my-calling-function", "post", `{"user":"my-user","caller":"`+callingIdentity+`"}`)
		a.answered(t, "my-calling-function", "post_with_content_type", `{"user":"my-user","caller":"`+callingIdentity+`"}`)
	})
	t.Run("mistakes", a.mistakes)
	t.Run("role policy", a.rolePolicy)
}

// mistakes are those that the article warns of. Each is refused as AWS refuses it, and furl explain says what it was.
func (a *article) mistakes(t *testing.T) {
	for _, mistake := range []struct {
		name, do, errorType, body string
		explained                 []string
	}{
		{"form signed, JSON sent", "post_form_signed_json_sent", invalidSignature, mismatch, []string{"as a form"}},
		{"URL changed after signing", "get_url_changed_after_signing", invalidSignature, mismatch, []string{`The parameter "lang" was not there when the request was signed.`}},
		{"URL from before signing", "get_url_from_before_signing", invalidSignature, mismatch, []string{"the server's canonical request", "line by line"}},
		{"wrong service", "get_wrong_service", invalidSignature, badService, []string{`signed for the service "execute-api"`, `Sign for the service "lambda"`}},
		{"wrong region", "get_wrong_region", invalidSignature, badRegion, []string{`signed for the region "us-west-2"`, "Sign for the region in the host name, \"" + region + `"`}},
	} {
		t.Run(mistake.name, func(t *testing.T) {
			a.refused(t, "my-calling-function", mistake.do, mistake.errorType, mistake.body, mistake.explained...)
		})
	}
	t.Run("role without permission", func(t *testing.T) {
		a.refused(t, "my-other-function", "get", accessDenied, forbidden,
			"arn:aws:sts::"+account+":assumed-role/my-other-function-role/my-other-function", "lambda:InvokeFunctionUrl denied",
			"--principal arn:aws:iam::"+account+":role/my-other-function-role")
	})
	// Signed and sent as a form it is a good signature, and the app is who complains.
	t.Run("form signed, form sent", func(t *testing.T) {
		if got := a.call(t, "my-calling-function", "post_form"); got.Status != 422 || !strings.Contains(got.Body, `"detail"`) {
			t.Errorf("got %+v, want FastAPI's status 422", got)
		}
	})
}

// rolePolicy gives a calling function the right by policies of its own execution role. In one account that will do
// without any permission.
func (a *article) rolePolicy(t *testing.T) {
	const (
		function = "my-other-function"
		identity = "arn:aws:sts::" + account + ":assumed-role/" + function + "-role/" + function
		logs     = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
	)
	a.shell(t, `aws iam attach-role-policy --role-name `+function+`-role --policy-arn `+logs)
	a.refused(t, function, "get", accessDenied, forbidden, "looked at: the function's resource-based policy, "+logs)
	a.shell(t, `aws iam put-role-policy --role-name `+function+`-role --policy-name call-url \
		--policy-document '`+mayCall("my-function-with-url")+`'`)
	a.answered(t, function, "get", `{"page":5,"caller":"`+identity+`"}`)
}

// mayCall is an identity-based policy that allows calls of the function's URL and nothing else.
func mayCall(function string) string {
	resource := `"Resource":"arn:aws:lambda:` + region + ":" + account + ":function:" + function + `"`
	return `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl",` + resource + `,
		 "Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}},
		{"Effect":"Allow","Action":"lambda:InvokeFunction",` + resource + `,
		 "Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}]}`
}

// createFunctions makes what the article takes for granted: both functions, with a role each, and a third one whose
// role nobody will let in.
func (a *article) createFunctions(t *testing.T) {
	caller := writeZip(t, []string{installed(t, "package", "caller"), "testdata/function/caller"}, nil)
	a.deploy(t, "my-function-with-url", pythonRuntime(t), "app.handler", webZip(t))
	a.deploy(t, "my-calling-function", pythonRuntime(t), "handler.handler", caller)
	a.deploy(t, "my-other-function", pythonRuntime(t), "handler.handler", caller)
}

// webZip is the deployment package of the FastAPI app.
func webZip(t *testing.T) string {
	t.Helper()
	return writeZip(t, []string{installed(t, "package", "web"), "testdata/function/web"}, nil)
}

// deploy creates a function, and its execution role NAME-role, with the AWS CLI.
func (s *server) deploy(t *testing.T, name, runtime, handler, zip string) {
	t.Helper()
	s.shell(t, `
		ROLE=$(aws iam create-role --role-name "$NAME-role" --assume-role-policy-document "$TRUST" --query Role.Arn --output text) &&
		aws lambda create-function --function-name "$NAME" --runtime "$RUNTIME" --handler "$HANDLER" --timeout 60 \
		   --role "$ROLE" --zip-file "fileb://$ZIP" &&
		aws lambda wait function-active-v2 --function-name "$NAME"`,
		"NAME="+name, "TRUST="+lambdaMayAssume, "RUNTIME="+runtime, "HANDLER="+handler, "ZIP="+zip)
}

const lambdaMayAssume = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// pythonRuntime is Lambda's name for the Python that the functions' packages were installed for.
func pythonRuntime(t *testing.T) string {
	t.Helper()
	printed := run(t, baseEnv(t.TempDir()), nil, python(t), "-c", "import sys; print('python%d.%d' % sys.version_info[:2])")
	return strings.TrimSpace(printed.stdout)
}

// call has a calling function call the URL in one of the ways that it knows.
func (a *article) call(t *testing.T, function, do string) answer {
	t.Helper()
	event, err := json.Marshal(map[string]string{"do": do, "url": a.url, "region": region})
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir() + "/out"
	invoked := decode[struct {
		StatusCode    int
		FunctionError string
	}](t, a.shell(t, `aws lambda invoke --function-name "$NAME" --payload "$EVENT" "$OUT"`, "NAME="+function, "EVENT="+string(event), "OUT="+out))
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if invoked.FunctionError != "" {
		t.Fatalf("%s: %s: %s", function, invoked.FunctionError, text)
	}
	return decode[answer](t, string(text))
}

func (a *article) answered(t *testing.T, function, do, body string) {
	t.Helper()
	if got := a.call(t, function, do); got.Status != 200 || got.Body != body {
		t.Errorf("got  %+v\nwant 200 %s", got, body)
	}
}

// refused expects 403 with exactly this error, and that furl explain mentions everything in explained.
func (a *article) refused(t *testing.T, function, do, errorType, body string, explained ...string) {
	t.Helper()
	got := a.call(t, function, do)
	want := answer{Status: 403, ErrorType: errorType, RequestID: got.RequestID, ContentType: "application/json", Body: body}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	problem := missing(a.explain(t, got.RequestID), explained)
	for try := 0; outOfTime(problem) && try < 10; try++ {
		problem = missing(a.explain(t, a.call(t, function, do).RequestID), explained)
	}
	if problem != "" {
		t.Error(problem)
	}
}

// outOfTime reports whether an explanation failed only because the machine was busy: a diagnosis has five milliseconds,
// which may pass without it.
func outOfTime(problem string) bool { return strings.Contains(problem, "time ran out") }

// missing says which of the texts an explanation does not have, and is empty if it has them all.
func missing(explanation string, texts []string) string {
	var absent []string
	for _, text := range texts {
		if !strings.Contains(explanation, text) {
			absent = append(absent, text)
		}
	}
	if len(absent) == 0 {
		return ""
	}
	return fmt.Sprintf("furl explain does not say %q:\n%s", absent, explanation)
}
