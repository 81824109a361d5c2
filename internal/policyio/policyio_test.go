package policyio_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/policyio"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/google/go-cmp/cmp"
)

const (
	books = "arn:aws:lambda:eu-west-1:111122223333:function:books"
	alice = "arn:aws:iam::111122223333:user/alice"
	robot = "arn:aws:sts::111122223333:assumed-role/robot/s1"
	allow = `{"Version":"2012-10-17","Statement":[{"Sid":"url","Effect":"Allow","Action":"lambda:*","Resource":"*"}]}`
	deny  = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"lambda:InvokeFunctionUrl","Resource":"*"}}`
	other = `{"Version":"2012-10-17","Statement":{"Sid":"get","Effect":"Allow","Action":"lambda:Get*","Resource":"*"}}`
)

// line writes a question about books; the rest are further fields.
func line(principal string, rest ...string) string {
	fields := append([]string{`"id":"q"`, `"principal":"` + principal + `"`, `"action":"lambda:InvokeFunctionUrl"`, `"resource":"` + books + `"`}, rest...)
	return "{" + strings.Join(fields, ",") + "}"
}

func grant(principal string) string {
	return `"resourcePolicy":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"lambda:InvokeFunctionUrl","Resource":"` + books + `"}]}`
}

// TestEvaluate checks decisions and reasons of single lines.
func TestEvaluate(t *testing.T) {
	trust := `"resourcePolicy":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com","AWS":"` + alice + `"},"Action":["sts:AssumeRole","sts:TagSession","sts:AssumeRoleWithWebIdentity"]}]}`
	assume := func(principal, action string) string {
		return `{"id":1,"principal":"` + principal + `","action":"` + action + `","resource":"arn:aws:iam::111122223333:role/robot",` + trust + `}`
	}
	const robotRole = "arn:aws:iam::111122223333:role/robot"
	const allowAll = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	const denyAll = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`
	bare := func(principal, action, resource string) string {
		return `{"id":1,"principal":"` + principal + `","action":"` + action + `","resource":"` + resource + `","identityPolicies":[` + allowAll + `]}`
	}
	identity := func(docs ...string) string { return `"identityPolicies":[` + strings.Join(docs, ",") + `]` }
	text := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	tests := []struct {
		name, line, decision, reason string
	}{
		{"no policies", line(alice), "ImplicitlyDenied", "no identity-based policy allows the action"},
		{"null policies", line(alice, `"context":null,"identityPolicies":null,"resourcePolicy":null,"permissionBoundary":null,"sessionPolicy":null,"SCPs":null`), "ImplicitlyDenied", "no identity-based policy allows the action"},
		{"identity", line(alice, identity(other, allow)), "Allowed", "allowed by identityPolicies[1].Statement[0]"},
		{"policy as text", line(alice, identity(text(allow))), "Allowed", "allowed by identityPolicies[0].Statement[0]"},
		{"explicit deny", line(alice, identity(allow, deny)), "ExplicitlyDenied", "explicit deny in an identity-based policy: identityPolicies[1].Statement"},
		{"resource", line(alice, grant(`{"AWS":"`+alice+`"}`)), "Allowed", "allowed by resourcePolicy.Statement[0]"},
		{"boundary", line(alice, identity(allow), `"permissionBoundary":`+other), "ImplicitlyDenied", "no permissions boundary allows the action"},
		{"session policy", line(robot, identity(allow), `"sessionPolicy":`+other), "ImplicitlyDenied", "no session policy allows the action"},
		{"session policies", line(robot, identity(allow), `"sessionPolicy":[`+other+`,`+allow+`]`), "Allowed", "allowed by identityPolicies[0].Statement[0]"},
		{"no session policies", line(robot, identity(allow), `"sessionPolicy":[]`), "ImplicitlyDenied", "no session policy allows the action"},
		{"SCPs", line(robot, identity(allow), `"SCPs":[[`+allow+`],[`+other+`,`+allow+`]]`), "Allowed", "allowed by identityPolicies[0].Statement[0]"},
		{"SCP of a level", line(robot, identity(allow), `"SCPs":[[`+allow+`],[`+other+`]]`), "ImplicitlyDenied", "no service control policy allows the action"},
		{"SCP denies", line(robot, identity(allow), `"SCPs":[[`+allow+`,`+deny+`]]`), "ExplicitlyDenied", "explicit deny in a service control policy: SCPs[0][1].Statement"},
		{"root", line("arn:aws:iam::111122223333:root"), "Allowed", "allowed"},
		{"service", line("cloudfront.amazonaws.com", grant(`{"Service":"cloudfront.amazonaws.com"}`)), "Allowed", "allowed by resourcePolicy.Statement[0]"},
		{"anonymous", line("Anonymous", grant(`"*"`)), "Allowed", "allowed by resourcePolicy.Statement[0]"},
		{"role without path", line(robot, grant(`{"AWS":"arn:aws:iam::111122223333:role/robot"}`)), "Allowed", "allowed by resourcePolicy.Statement[0]"},
		{"role with a path", line(robot, grant(`{"AWS":"arn:aws:iam::111122223333:role/team/robot"}`), `"context":{"aws:principalarn":"arn:aws:iam::111122223333:role/team/robot"}`), "Allowed", "allowed by resourcePolicy.Statement[0]"},
		{"role by another's path", line(robot, grant(`{"AWS":"arn:aws:iam::111122223333:role/team/other"}`), `"context":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/team/other"}`), "ImplicitlyDenied", "no identity-based policy allows the action"},
		{"role by id", line(robot, grant(`{"AWS":"AROACKCEVSQ6C2EXAMPLE"}`), `"context":{"aws:userid":"AROACKCEVSQ6C2EXAMPLE:s1"}`), "Allowed", "allowed by resourcePolicy.Statement[0]"},
		{"user by id", line(alice, grant(`{"AWS":"AIDACKCEVSQ6C2EXAMPLE"}`), `"context":{"aws:userid":"AIDACKCEVSQ6C2EXAMPLE"}`), "Allowed", "allowed by resourcePolicy.Statement[0]"},
		{"account of the resource's ARN", line("arn:aws:iam::444455556666:user/eve", identity(allow)), "ImplicitlyDenied", "no resource-based policy allows the action"},
		{"account given", line("arn:aws:iam::444455556666:user/eve", identity(allow), `"resourceAccount":"444455556666"`), "Allowed", "allowed by identityPolicies[0].Statement[0]"},
		{"trust", assume(alice, "sts:AssumeRole"), "Allowed", "allowed by resourcePolicy.Statement[0]"},
		{"trust of a provider", assume("cognito-identity.amazonaws.com", "sts:AssumeRoleWithWebIdentity"), "Allowed", "allowed by resourcePolicy.Statement[0]"},
		{"trust of tags", assume(alice, "sts:TagSession"), "Allowed", "allowed by resourcePolicy.Statement[0]"},
		{"no trust policy", bare(alice, "sts:AssumeRole", robotRole), "ImplicitlyDenied", "no resource-based policy allows the action"},
		{"no trust policy, tags", bare(alice, "sts:TagSession", robotRole), "ImplicitlyDenied", "no resource-based policy allows the action"},
		{"no trust policy, any role", bare(alice, "STS:assumerole", "*"), "ImplicitlyDenied", "no resource-based policy allows the action"},
		{"no trust policy for a session", bare(robot, "sts:AssumeRole", robotRole), "ImplicitlyDenied", "no resource-based policy allows the action"},
		{"a root user assumes no role", assume("arn:aws:iam::111122223333:root", "sts:AssumeRole"), "ImplicitlyDenied", "roles may not be assumed by the root user"},
		{"who am I", bare(alice, "sts:GetCallerIdentity", "*"), "Allowed", "GetCallerIdentity needs no permission, and no policy can deny it"},
		{"who am I, denied", `{"id":1,"principal":"` + robot + `","action":"STS:GetCallerIdentity","resource":"*",` + identity(denyAll) + `}`, "Allowed", "GetCallerIdentity needs no permission, and no policy can deny it"},
		{"nobody is nobody", bare("Anonymous", "sts:GetCallerIdentity", "*"), "ImplicitlyDenied", "no resource-based policy allows the action"},
		{"session token", `{"id":1,"principal":"` + alice + `","action":"sts:GetSessionToken","resource":"*",` + identity(denyAll) + `}`, "Allowed", "GetSessionToken needs no permission, and no policy can deny it"},
		{"session token of a session", bare(robot, "sts:GetSessionToken", "*"), "ImplicitlyDenied", "a session like the caller's cannot use this operation"},
		{"federation token of a session", bare(robot, "sts:GetFederationToken", "*"), "ImplicitlyDenied", "a session like the caller's cannot use this operation"},
		{"IAM of a federated user", bare("arn:aws:sts::111122223333:federated-user/guest", "iam:GetUser", "*"), "ImplicitlyDenied", "a session like the caller's cannot use this operation"},
		{"context", line(alice, `"context":{"k:text":"a","k:number":1e1,"k:bool":true,"k:list":["a",2,false],"k:none":[]}`,
			identity(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"k:text":"a","K:NUMBER":"1e1"},"Bool":{"k:bool":"true"},"ForAllValues:StringEquals":{"k:list":["a","2","false"]},"Null":{"k:none":"true"}}}}`)),
			"Allowed", "allowed by identityPolicies[0].Statement"},
	}
	var e policyio.Evaluator
	for _, tt := range tests {
		got := e.Evaluate([]byte(tt.line))
		if got.Error != "" || got.Decision != tt.decision || got.Reason != tt.reason {
			t.Errorf("%s: got %q, %q, error %q\nwant %q, %q", tt.name, got.Decision, got.Reason, got.Error, tt.decision, tt.reason)
		}
	}
}

// TestEvaluateWarns: what AWS takes although it does nothing is no reason to drop a line, and is said.
func TestEvaluateWarns(t *testing.T) {
	odd := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:Invoke Function","lambda:*"],"Resource":"*"},` +
		`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"username":[]},"a":{}}}]}`
	got := new(policyio.Evaluator).Evaluate([]byte(line(alice, `"identityPolicies":[`+allow+`,`+odd+`]`, `"SCPs":[[`+odd+`]]`)))
	want := []string{
		`identityPolicies[1]: 1:66: Statement[0].Action[0]: no action has the name "lambda:Invoke Function": it never matches`,
		`identityPolicies[1]: 1:203: Statement[1].Condition.StringEquals.username: no request has the condition key "username"; the name of one is like aws:SourceIp`,
		`identityPolicies[1]: 1:204: Statement[1].Condition.StringEquals.username: an empty list equals no value`,
		`identityPolicies[1]: 1:211: Statement[1].Condition.a: "a" compares nothing: it lets every request pass`,
	}
	for _, warning := range want {
		want = append(want, strings.Replace(warning, "identityPolicies[1]", "SCPs[0][0]", 1))
	}
	if diff := cmp.Diff(want, got.Warnings); diff != "" || got.Decision != "Allowed" || got.Error != "" {
		t.Errorf("got %+v; warnings (-want +got):\n%s", got, diff)
	}
}

// TestEvaluateInvalid checks that what is wrong with a line is said, and that the answer is a deny.
func TestEvaluateInvalid(t *testing.T) {
	tests := []struct{ line, want string }{
		{`[]`, "not a question: json: cannot unmarshal array"},
		{`{"id":"q"`, "not a question: unexpected EOF"},
		{`{} {}`, "not a question: text after the object"},
		{`{"principle":"x"}`, `not a question: json: unknown field "principle"`},
		{`{"id":"q","action":"a:b","resource":"*"}`, "principal is missing"},
		{`{"id":"q","principal":"x"}`, "action is missing"},
		{`{"id":"q","principal":"x","action":"a:b"}`, "resource is missing"},
		{`{"id":"q","principal":"x","action":"invoke","resource":"*"}`, `action: want service:Action, got "invoke"`},
		{line("alice"), "principal: want the ARN of a user"},
		{line("arn:aws:iam::111122223333:role/robot"), "principal: want the ARN of a user, role session"},
		{line(alice, `"resourceAccount":"1"`), `resourceAccount: want 12 digits, got "1"`},
		{line(alice, `"context":{"a:b":"x","A:B":"y"}`), "context: the key "},
		{line(alice, `"context":{"a:b":null}`), `context: "a:b": want text`},
		{line(alice, `"context":{"a:b":[[]]}`), `context: "a:b": want text`},
		{line(alice, `"identityPolicies":[`+allow+`,{}]`), "identityPolicies[1]: 1:1: the policy has no Statement"},
		{line(alice, `"identityPolicies":["{"]`), "identityPolicies[0]: 1:2: not JSON"},
		{line(alice, `"resourcePolicy":`+allow), "resourcePolicy: 1:38: Statement[0]: the statement has no Principal"},
		{line(alice, `"permissionBoundary":1`), "permissionBoundary: 1:1: a policy must be an object"},
		{line(alice, `"sessionPolicy":[1]`), "sessionPolicy[0]: 1:1: a policy must be an object"},
		{line(alice, `"sessionPolicy":1`), "sessionPolicy: 1:1: a policy must be an object"},
		{line(alice, `"SCPs":[[],[1]]`), "SCPs[1][0]: 1:1: a policy must be an object"},
	}
	var e policyio.Evaluator
	for _, tt := range tests {
		got := e.Evaluate([]byte(tt.line))
		if got.Decision != "ImplicitlyDenied" || !strings.HasPrefix(got.Error, tt.want) || got.Reason != "the line cannot be evaluated" {
			t.Errorf("%s\ngot %+v\nwant error %q", tt.line, got, tt.want)
		}
		if strings.HasPrefix(tt.line, `{"id":"q",`) && string(got.ID) != `"q"` {
			t.Errorf("%s: id %s", tt.line, got.ID)
		}
	}
}

// TestRun checks the lines that come out, which are a contract.
func TestRun(t *testing.T) {
	inline := snippet.InlinePolicy{
		Owner: iam.Owner{Kind: iam.OfUser, Name: "alice"}, Name: "call-books-url",
		Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"` + books + `"}]}`,
	}
	in := strings.Join([]string{
		line(alice, `"identityPolicies":[`+allow+`,`+deny+`]`),
		"", "  \t",
		line(alice, `"identityPolicies":[`+other+`]`),
		strings.Replace(line(robot, `"identityPolicies":[`+allow+`],"SCPs":[[`+other+`]]`), `"id":"q"`, `"id":{"n":1}`, 1),
		`{"principal":"<x>"}`,
		line("arn:aws:iam::111122223333:root"), // the last line has no line feed
	}, "\n")
	want := strings.Join([]string{
		`{"id":"q","decision":"ExplicitlyDenied","matched":[{"policy":"identityPolicies[0]","statement":"Statement[0]","sid":"url","effect":"Allow"},{"policy":"identityPolicies[1]","statement":"Statement","effect":"Deny"}],"reason":"explicit deny in an identity-based policy: identityPolicies[1].Statement"}`,
		`{"id":"q","decision":"ImplicitlyDenied","matched":[],"reason":"no identity-based policy allows the action","nearestMisses":[{"policy":"identityPolicies[0]","element":"Statement.Action","sid":"get","wanted":["lambda:Get*"],"got":["lambda:InvokeFunctionUrl"]}],"suggestions":[{"policy":"identity-based policy","statement":{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"` + books + `"}` + asJSON(t, inline) + `}]}`,
		`{"id":{"n":1},"decision":"ImplicitlyDenied","matched":[{"policy":"identityPolicies[0]","statement":"Statement[0]","sid":"url","effect":"Allow"}],"reason":"no service control policy allows the action","nearestMisses":[{"policy":"SCPs[0][0]","element":"Statement.Action","sid":"get","wanted":["lambda:Get*"],"got":["lambda:InvokeFunctionUrl"]}],"suggestions":[{"policy":"service control policy of level 0","statement":{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"` + books + `"}}]}`,
		`{"id":null,"decision":"ImplicitlyDenied","matched":[],"reason":"the line cannot be evaluated","error":"action is missing"}`,
		`{"id":"q","decision":"Allowed","matched":[],"reason":"allowed"}`,
		"",
	}, "\n")
	var out bytes.Buffer
	sum, err := policyio.Run(context.Background(), strings.NewReader(in), &out)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(policyio.Summary{Allowed: 1, Denied: 3, Invalid: 1}, sum); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

// TestRunLongLines: a line beyond the limit is answered with an error, and the next is read again.
func TestRunLongLines(t *testing.T) {
	root := line("arn:aws:iam::111122223333:root")
	fits := root + strings.Repeat(" ", policyio.MaxLine-len(root))
	in := fits + "\n" + fits + " \n" + strings.Repeat("x", 3*policyio.MaxLine) + "\n" + root + "\n" + fits + " "
	var out bytes.Buffer
	sum, err := policyio.Run(context.Background(), iotest.HalfReader(strings.NewReader(in)), &out)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(policyio.Summary{Allowed: 2, Invalid: 3}, sum); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if !strings.Contains(out.String(), `"error":"the line is longer than 4194304 bytes"`) {
		t.Errorf("got %.300s", out.String())
	}
}

// TestRunManyPolicies: policies that are kept for later lines do not change what these get.
func TestRunManyPolicies(t *testing.T) {
	var e policyio.Evaluator
	for i := range 2500 {
		want := "Allowed"
		text := strings.Replace(allow, "url", fmt.Sprintf("s%d", i%2000), 1)
		if i%2 == 0 {
			text, want = strings.Replace(text, "Allow", "Deny", 1), "ExplicitlyDenied"
		}
		if got := e.Evaluate([]byte(line(alice, `"identityPolicies":[`+text+`]`))); got.Decision != want {
			t.Fatalf("line %d: %+v", i, got)
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no space") }

// TestRunErrors: failures of the streams are errors; what was answered before a failed read is written.
func TestRunErrors(t *testing.T) {
	root := line("arn:aws:iam::111122223333:root") + "\n"
	var out bytes.Buffer
	_, err := policyio.Run(context.Background(), io.MultiReader(strings.NewReader(root), iotest.ErrReader(errors.New("unplugged"))), &out)
	if err == nil || err.Error() != "read line: unplugged" || !strings.Contains(out.String(), "Allowed") {
		t.Errorf("reader: %v, %s", err, out.String())
	}
	for _, in := range []io.Reader{strings.NewReader(root), strings.NewReader(strings.TrimSpace(root)), strings.NewReader(strings.Repeat(root, 2000))} {
		if _, err := policyio.Run(context.Background(), in, brokenWriter{}); err == nil || err.Error() != "write answer: no space" {
			t.Errorf("writer: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := policyio.Run(ctx, strings.NewReader(root), io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("context: %v", err)
	}
}

// FuzzEvaluate: every line has an answer, which is JSON and denies what is not understood.
func FuzzEvaluate(f *testing.F) {
	f.Add([]byte(line(alice, `"identityPolicies":[`+allow+`,`+deny+`],"context":{"a:b":["c",1,true]},"SCPs":[[`+other+`]]`)))
	f.Add([]byte(line(robot, grant(`"*"`), `"sessionPolicy":[`+allow+`]`)))
	f.Add([]byte(`{"id":"q","principal":"x","action":"a:b"} `))
	f.Fuzz(func(t *testing.T, line []byte) {
		var e policyio.Evaluator
		a := e.Evaluate(line)
		if _, err := json.Marshal(a); err != nil {
			t.Error(err)
		}
		if a.Error != "" && a.Decision != "ImplicitlyDenied" || a.Reason == "" || a.Matched == nil {
			t.Errorf("%+v", a)
		}
	})
}

// BenchmarkRun answers 2,000 lines that have policies of their own.
func BenchmarkRun(b *testing.B) {
	var in bytes.Buffer
	for i := range 2000 {
		text := strings.Replace(allow, "url", fmt.Sprintf("s%d", i), 1)
		fmt.Fprintln(&in, line(robot, grant(`{"AWS":"`+alice+`"}`), `"context":{"aws:SourceIp":"203.0.113.9","aws:SecureTransport":true}`,
			`"identityPolicies":[`+text+`,`+other+`],"permissionBoundary":`+other+`,"SCPs":[[`+allow+`],[`+text+`]]`))
	}
	for b.Loop() {
		sum, err := policyio.Run(context.Background(), bytes.NewReader(in.Bytes()), io.Discard)
		if err != nil || sum.Denied != 2000 {
			b.Fatal(sum, err)
		}
	}
}
