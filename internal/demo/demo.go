//go:build unix

// Package demo plays the main use of furl from beginning to end on a server of its own: a function URL with IAM auth,
// refused calls with their reasons, the two permissions, and the signed GET and POST that one function sends to the
// other with the credentials of its own role. Every step says what a person would type, does it, and checks the result.
package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/tint"
	"github.com/furl-dev/furl/internal/trace"
)

const (
	webFunction    = "my-function-with-url"
	callerFunction = "my-calling-function"
	webRole        = "my-function-with-url-role"
	callerRole     = "my-calling-function-role"
)

// Run plays the demo against the server and writes its steps to out. The error names the first step that failed.
func Run(ctx context.Context, server Server, out io.Writer) error {
	p := &play{server: server, out: out}
	for i, step := range p.steps() {
		var head tint.Text
		head.Add(tint.Strong, fmt.Sprintf("\n%d. %s\n", i+1, step.title))
		for line := range strings.Lines(step.command) {
			head.Add(tint.Faint, fmt.Sprintf("   $ %s\n", strings.TrimRight(line, "\n")))
		}
		head.WriteTo(out) //nolint:errcheck // as any other line
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, step.title, err)
		}
	}
	var end tint.Text
	end.Add(tint.Good, "\nAll steps came out as they should.\n")
	_, err := end.WriteTo(out)
	return err
}

// step is one step of the play.
type step struct {
	title   string
	command string // what a person would type
	do      func(context.Context) error
}

// play is one run of the demo.
type play struct {
	server Server
	out    io.Writer
	url    string // of the function; "" until there is one, then ends with /
}

func (p *play) steps() []step {
	callerARN := p.roleARN(callerRole)
	book := order{Method: "GET", URL: "book?page=5"}
	login := order{Method: "POST", URL: "login", Body: `{"user":"my-user","token":"ABC123"}`}
	const trust = " --assume-role-policy-document file://lambda-may-assume.json"
	const create = "aws lambda create-function --runtime provided.al2023 --zip-file fileb://function.zip --function-name "
	const permit = "aws lambda add-permission --function-name " + webFunction + " --principal "
	return []step{
		{
			title: "Create an execution role for each function",
			command: "aws iam create-role --role-name " + webRole + trust + "\n" +
				"aws iam create-role --role-name " + callerRole + trust,
			do: p.createRoles,
		},
		{
			title: "Create the function that serves HTTP and the function that calls it",
			command: create + webFunction + " --handler " + handlerWeb + " --role " + p.roleARN(webRole) + "\n" +
				create + callerFunction + " --handler " + handlerCaller + " --role " + callerARN,
			do: p.createFunctions,
		},
		{
			title:   "Create a function URL configuration with IAM authentication",
			command: "aws lambda create-function-url-config --function-name " + webFunction + " --auth-type AWS_IAM",
			do:      p.createURL,
		},
		{
			title:   "Retrieve the URL",
			command: "aws lambda get-function-url-config --function-name " + webFunction + " --query FunctionUrl --output text",
			do:      p.getURL,
		},
		{
			title:   "Call it without a signature: refused",
			command: `curl -i "${URL}book?page=5"`, // quoted as a whole: zsh takes a bare ? for a pattern
			do:      p.callUnsigned,
		},
		{
			title:   "Call it from the other function, signed but without permission: refused",
			command: p.invokeCommand(book),
			do:      p.refused(book, "lambda:InvokeFunctionUrl denied", "lambda:InvokeFunction denied"),
		},
		{
			title: "Grant lambda:InvokeFunctionUrl to the role of the calling function",
			command: permit + callerARN + " --action lambda:InvokeFunctionUrl" +
				" --function-url-auth-type AWS_IAM --statement-id allow-my-calling-function-to-invoke-url",
			do: p.grant("allow-my-calling-function-to-invoke-url", "lambda:InvokeFunctionUrl", "FunctionUrlAuthType", "AWS_IAM"),
		},
		{
			title:   "Call it with only that permission, which was enough until October 2025: refused",
			command: p.invokeCommand(book),
			do:      p.refused(book, "lambda:InvokeFunctionUrl allowed", "lambda:InvokeFunction denied"),
		},
		{
			title: "Grant lambda:InvokeFunction through the URL as well",
			command: permit + callerARN + " --action lambda:InvokeFunction" +
				" --invoked-via-function-url --statement-id allow-my-calling-function-to-invoke",
			do: p.grant("allow-my-calling-function-to-invoke", "lambda:InvokeFunction", "InvokedViaFunctionUrl", true),
		},
		{
			title:   "GET /book?page=5, signed by the calling function: answered",
			command: p.invokeCommand(book),
			do:      p.answered(book, "page", "5"),
		},
		{
			title:   "POST /login, signed by the calling function: answered",
			command: p.invokeCommand(login),
			do:      p.answered(login, "user", "my-user"),
		},
	}
}

func (p *play) roleARN(name string) string {
	return arn.IAM(p.server.Account, "role", "/", name).String()
}

func (p *play) invokeCommand(o order) string {
	payload := `{"method":"` + o.Method + `","url":"'"$URL"'` + o.URL + `"`
	if o.Body != "" {
		quoted, err := json.Marshal(o.Body)
		if err != nil {
			panic(err) // a string always marshals
		}
		payload += `,"body":` + string(quoted)
	}
	return "aws lambda invoke --function-name " + callerFunction + " --cli-binary-format raw-in-base64-out --payload '" +
		payload + "}' /dev/stdout"
}

// told stands before the lines of what happened.
const told = "     "

// tell writes what happened below the command.
func (p *play) tell(format string, arguments ...any) {
	text := fmt.Sprintf(format, arguments...)
	for line := range strings.Lines(text) {
		fmt.Fprintf(p.out, "%s%s\n", told, strings.TrimRight(line, "\n"))
	}
}

// tellAnswer writes what a function URL answered.
func (p *play) tellAnswer(got outcome) {
	status := tint.Good
	if got.Status >= http.StatusBadRequest {
		status = tint.Bad
	}
	var line tint.Text
	line.Add(tint.Plain, told)
	line.Add(status, strconv.Itoa(got.Status))
	line.Addf(" %s\n", strings.ReplaceAll(strings.TrimRight(got.Body, "\n"), "\n", "\n"+told))
	line.WriteTo(p.out) //nolint:errcheck // as any other line
}

func (p *play) createRoles(ctx context.Context) error {
	const trust = `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	for _, role := range []string{webRole, callerRole} {
		if err := p.server.iam(ctx, "CreateRole", "RoleName", role, "AssumeRolePolicyDocument", trust); err != nil {
			return err
		}
		p.tell("%s", p.roleARN(role))
	}
	return nil
}

func (p *play) createFunctions(ctx context.Context) error {
	code, err := selfPackage()
	if err != nil {
		return err
	}
	for _, function := range []struct{ name, handler, role string }{
		{webFunction, handlerWeb, webRole},
		{callerFunction, handlerCaller, callerRole},
	} {
		var created struct{ FunctionArn string }
		err := p.server.lambda(ctx, http.MethodPost, "/2015-03-31/functions", map[string]any{
			"FunctionName": function.name,
			"Runtime":      "provided.al2023",
			"Handler":      function.handler,
			"Role":         p.roleARN(function.role),
			"Timeout":      15,
			"Code":         map[string][]byte{"ZipFile": code},
		}, &created)
		if err != nil {
			return err
		}
		p.tell("%s", created.FunctionArn)
	}
	p.tell("(the code of both is this program, %.1f MB zipped)", float64(len(code))/1e6)
	return nil
}

func (p *play) createURL(ctx context.Context) error {
	var config struct{ FunctionUrl, AuthType string }
	in := map[string]string{"AuthType": "AWS_IAM"}
	err := p.server.lambda(ctx, http.MethodPost, "/2021-10-31/functions/"+webFunction+"/url", in, &config)
	if err != nil {
		return err
	}
	p.tell("%s, auth type %s", config.FunctionUrl, config.AuthType)
	p.url = config.FunctionUrl
	return nil
}

func (p *play) getURL(ctx context.Context) error {
	var config struct{ FunctionUrl string }
	if err := p.server.lambda(ctx, http.MethodGet, "/2021-10-31/functions/"+webFunction+"/url", nil, &config); err != nil {
		return err
	}
	if config.FunctionUrl != p.url {
		return fmt.Errorf("the URL is %q, but was created as %q", config.FunctionUrl, p.url)
	}
	p.tell("%s", config.FunctionUrl)
	return nil
}

func (p *play) callUnsigned(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"book?page=5", nil)
	if err != nil {
		return err
	}
	got, err := send(request)
	if err != nil {
		return err
	}
	return p.expectRefusal(ctx, got, "the request is not signed")
}

// refused has the calling function call, and expects a refusal for the reasons.
func (p *play) refused(o order, reasons ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		got, err := p.invokeCaller(ctx, o)
		if err != nil {
			return err
		}
		return p.expectRefusal(ctx, got, reasons...)
	}
}

// answered has the calling function call, and expects 200 from the web app, which names the caller's role.
func (p *play) answered(o order, member, value string) func(context.Context) error {
	return func(ctx context.Context) error {
		got, err := p.invokeCaller(ctx, o)
		if err != nil {
			return err
		}
		p.tellAnswer(got)
		var said map[string]string
		if err := json.Unmarshal([]byte(got.Body), &said); err != nil {
			return fmt.Errorf("the answer %q is not JSON: %w", got.Body, err)
		}
		caller := arn.Session(p.server.Account, callerRole, callerFunction).String()
		if got.Status != http.StatusOK || said[member] != value || said["caller"] != caller {
			return fmt.Errorf("want 200 with %s %q and caller %q", member, value, caller)
		}
		return nil
	}
}

// invokeCaller has the calling function send a request to a path of the function's URL.
func (p *play) invokeCaller(ctx context.Context, o order) (outcome, error) {
	o.URL = p.url + o.URL
	var got outcome
	err := p.server.lambda(ctx, http.MethodPost, "/2015-03-31/functions/"+callerFunction+"/invocations", o, &got)
	if err == nil && got.Status == 0 {
		err = fmt.Errorf("%s did not answer; see its log", callerFunction)
	}
	return got, err
}

// grant adds a permission for the calling function's role.
func (p *play) grant(statementID, action, condition string, value any) func(context.Context) error {
	return func(ctx context.Context) error {
		var added struct{ Statement string }
		err := p.server.lambda(ctx, http.MethodPost, "/2015-03-31/functions/"+webFunction+"/policy", map[string]any{
			"StatementId": statementID, "Action": action, "Principal": p.roleARN(callerRole), condition: value,
		}, &added)
		if err != nil {
			return err
		}
		p.tell("%s", added.Statement)
		return nil
	}
}

// expectRefusal checks that the answer is 403 and that its trace gives the reasons, and writes the trace.
func (p *play) expectRefusal(ctx context.Context, got outcome, reasons ...string) error {
	p.tellAnswer(got)
	if got.Status != http.StatusForbidden {
		return fmt.Errorf("want 403, got %d", got.Status)
	}
	var command tint.Text
	command.Add(tint.Faint, fmt.Sprintf("   $ furl explain %s\n", got.RequestID))
	command.WriteTo(p.out) //nolint:errcheck // as any other line
	page := furlproto.Requests + "/" + got.RequestID
	explained, err := p.server.send(ctx, furlproto.Service, http.MethodGet, page, "", nil)
	if err != nil {
		return err
	}
	trace.Mark(string(explained), told).WriteTo(p.out) //nolint:errcheck // as any other line
	for _, reason := range reasons {
		if !strings.Contains(string(explained), reason) {
			return fmt.Errorf("the trace does not say %q", reason)
		}
	}
	return nil
}
