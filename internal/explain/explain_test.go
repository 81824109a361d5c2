package explain_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/explain"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/policy"
)

const (
	here  = "111111111111"
	there = "222222222222"
)

var (
	web  = lambda.ARN{Region: "eu-central-1", Account: here, Name: "web"}
	user = &policy.Principal{Type: policy.User, Account: here, ARN: "arn:aws:iam::" + here + ":user/a/alice"}
	far  = &policy.Principal{
		Type: policy.RoleSession, Account: there, ARN: "arn:aws:sts::" + there + ":assumed-role/far/s",
		RoleARN: "arn:aws:iam::" + there + ":role/x/far",
	}
	farRoot   = &policy.Principal{Type: policy.Root, Account: there, ARN: "arn:aws:iam::" + there + ":root"}
	federated = &policy.Principal{
		Type: policy.FederatedUser, Account: there, ARN: "arn:aws:sts::" + there + ":federated-user/fred",
		UserARN: "arn:aws:iam::" + there + ":root",
	}
	distribution = &policy.Principal{Type: policy.Service, ARN: "cloudfront.amazonaws.com"}
)

func named(t *testing.T, name string, kind policy.Kind, statements ...string) policy.Named {
	t.Helper()
	document, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`), kind)
	if err != nil {
		t.Fatal(err)
	}
	return policy.Named{Name: name, Document: document}
}

func decide(call explain.Call, sets *policy.Sets) (policy.Request, policy.Decision) {
	request := policy.Request{
		Principal: call.Principal, Action: lambda.ActionInvokeURL, Resource: call.Function.String(),
		ResourceAccount: here, Context: policy.Values{"lambda:FunctionUrlAuthType": {string(call.AuthType)}},
	}
	return request, policy.Evaluate(request, sets)
}

// Each row is a call, and what is said of it: the summary, what matched beside it, what to type for furl, and the
// beginnings of what to type for AWS.
func TestCallsAreExplained(t *testing.T) {
	const allow = `{"Sid":"yes","Effect":"Allow","Action":"*","Resource":"*"}`
	const deny = `{"Sid":"no","Effect":"Deny","Action":"*","Resource":"*"}`
	const allowed = "lambda:InvokeFunctionUrl allowed by "
	const denied = "lambda:InvokeFunctionUrl denied: "
	everything := named(t, "p", policy.Identity, allow)
	nothing := named(t, "limit", policy.Identity, `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)
	open := named(t, "r", policy.Resource, `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`)
	tests := []struct {
		name     string
		call     explain.Call
		sets     policy.Sets
		summary  string
		others   []string
		commands []string
		aws      []string
	}{
		{
			"allowed by both sides", explain.Call{Principal: user}, policy.Sets{Identity: []policy.Named{everything}, Resource: &open},
			allowed + "Statement[0] of r", []string{`also allowed by statement "yes" (Statement[0]) of p`}, nil, nil,
		},
		{
			"allowed under an SCP", explain.Call{Principal: user}, policy.Sets{Identity: []policy.Named{everything}, SCPs: [][]policy.Named{{everything}}},
			allowed + `statement "yes" (Statement[0]) of p`, []string{`also allowed by statement "yes" (Statement[0]) of p`}, nil, nil,
		},
		{
			"allowed to root", explain.Call{Principal: &policy.Principal{Type: policy.Root, Account: here}}, policy.Sets{},
			"lambda:InvokeFunctionUrl allowed: the root user of the function's account may do everything", nil, nil, nil,
		},
		{
			"denied twice", explain.Call{Principal: user}, policy.Sets{Identity: []policy.Named{everything, named(t, "q", policy.Identity, deny, deny[:1]+deny[len(`{"Sid":"no",`):])}},
			denied + "explicit deny in an identity-based policy",
			[]string{`denied by statement "no" (Statement[0]) of q`, "denied by Statement[1] of q", `allowed, but not enough, by statement "yes" (Statement[0]) of p`},
			[]string{
				`remove or narrow statement "no" (Statement[0]) of q: an explicit deny outweighs every allow`,
				"remove or narrow Statement[1] of q: an explicit deny outweighs every allow",
			}, []string{"remove or narrow statement", "remove or narrow Statement"},
		},
		{
			"nothing granted", explain.Call{Principal: user}, policy.Sets{},
			denied + "neither an identity-based policy of the caller nor the resource-based policy of the function allows it", nil,
			[]string{"furl grant NAME --to arn:aws:iam::111111111111:user/a/alice"},
			[]string{"aws lambda add-permission --function-name web --statement-id allow-alice-url "},
		},
		{
			"boundary by name", explain.Call{Principal: user, Boundary: "arn:b"}, policy.Sets{Identity: []policy.Named{everything}, Boundary: &nothing},
			denied + "no permissions boundary allows the action", []string{`allowed, but not enough, by statement "yes" (Statement[0]) of p`},
			[]string{"add lambda:InvokeFunctionUrl on " + web.String() + " to the permissions boundary arn:b of " + user.ARN}, []string{"add lambda:"},
		},
		{
			"session policy", explain.Call{Principal: user}, policy.Sets{Identity: []policy.Named{everything}, Session: []policy.Named{nothing}},
			denied + "no session policy allows the action", []string{`allowed, but not enough, by statement "yes" (Statement[0]) of p`},
			[]string{"add lambda:InvokeFunctionUrl on " + web.String() + " to the session policy of " + user.ARN}, []string{"add lambda:"},
		},
		{
			"SCP", explain.Call{Principal: user}, policy.Sets{Identity: []policy.Named{everything}, SCPs: [][]policy.Named{{nothing}}},
			denied + "no service control policy allows the action", []string{`allowed, but not enough, by statement "yes" (Statement[0]) of p`},
			[]string{"let the organization's administrators allow lambda:InvokeFunctionUrl in a service control policy of account " + here},
			[]string{"let the organization's administrators"},
		},
		{
			"across accounts", explain.Call{Principal: far}, policy.Sets{},
			denied + "no identity-based policy allows the action", nil,
			[]string{"furl grant NAME --to arn:aws:iam::222222222222:role/x/far   # and, in account 222222222222, what it prints"},
			[]string{"aws lambda add-permission", "aws iam put-role-policy --role-name far"},
		},
		{
			"across accounts, one side", explain.Call{Principal: far}, policy.Sets{Identity: []policy.Named{everything}},
			denied + "no resource-based policy allows the action", []string{`allowed, but not enough, by statement "yes" (Statement[0]) of p`},
			[]string{"furl grant NAME --to arn:aws:iam::222222222222:role/x/far   # and, in account 222222222222, what it prints"},
			[]string{"aws lambda add-permission"},
		},
		{
			"root of another account", explain.Call{Principal: farRoot}, policy.Sets{},
			denied + "no resource-based policy allows the action", nil, []string{"furl grant NAME --to 222222222222"},
			[]string{"aws lambda add-permission --function-name web --statement-id allow-222222222222-url"},
		},
		{
			"session without a user", explain.Call{Principal: federated}, policy.Sets{Session: []policy.Named{everything}},
			denied + "no resource-based policy allows the action", []string{`allowed, but not enough, by statement "yes" (Statement[0]) of p`},
			[]string{"furl grant NAME --to arn:aws:sts::222222222222:federated-user/fred   # and, in account 222222222222, what it prints"},
			[]string{"aws lambda add-permission", "allow lambda:InvokeFunctionUrl on " + web.String() + " in the caller's own policies"},
		},
		{
			"service", explain.Call{Principal: distribution}, policy.Sets{},
			denied + "no resource-based policy allows the action", nil,
			[]string{"let cloudfront.amazonaws.com in for one resource: furl grant takes the ARN of it as --source-arn"},
			[]string{"aws lambda add-permission --function-name web --statement-id allow-cloudfront-amazonaws-com-url"},
		},
		{
			"everyone", explain.Call{AuthType: lambda.AuthNone}, policy.Sets{},
			denied + "no resource-based policy allows the action", nil, []string{"furl grant NAME --to '*'"},
			[]string{"aws lambda add-permission --function-name web --statement-id allow-everyone-url"},
		},
		{
			"unsigned", explain.Call{}, policy.Sets{},
			denied + "no resource-based policy allows the action", nil, nil,
			[]string{"aws lambda add-permission --function-name web --statement-id allow-everyone-url"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.call.Function = web
			if test.call.AuthType == "" {
				test.call.AuthType = lambda.AuthIAM
			}
			request, decision := decide(test.call, &test.sets)
			if diff := cmp.Diff(test.summary, test.call.Summary(request.Action, decision)); diff != "" {
				t.Error(diff)
			}
			denying := explain.Denying(decision)
			if diff := cmp.Diff(test.others, append(explain.DeniedBy(denying), explain.Allowing(decision)...)); diff != "" {
				t.Error(diff)
			}
			if decision.Effect == policy.Allowed {
				return
			}
			lack := test.call.Lacks(request.Action, decision)
			if diff := cmp.Diff(test.commands, append(lack.Commands("NAME"), explain.Removals(denying)...)); diff != "" {
				t.Error(diff)
			}
			lines := append(lack.As(snippet.CLI), explain.Removals(denying)...)
			if len(lines) != len(test.aws) {
				t.Fatalf("got %q, want %q", lines, test.aws)
			}
			for i, line := range lines {
				if !strings.HasPrefix(line, test.aws[i]) {
					t.Errorf("got %q, want %q", line, test.aws[i])
				}
			}
		})
	}
}

// What is lacking can be kept as JSON, and written in every form later.
func TestLackIsItsJSON(t *testing.T) {
	call := explain.Call{Principal: far, Function: web, AuthType: lambda.AuthIAM}
	call.Function.Qualifier = "prod"
	request, decision := decide(call, &policy.Sets{})
	lack := call.Lacks(request.Action, decision)
	text, err := json.Marshal(lack)
	if err != nil {
		t.Fatal(err)
	}
	var kept explain.Lack
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	for form, account := range map[snippet.Form]string{
		snippet.CLI: "   # in account ", snippet.JSON: "", snippet.CloudFormation: "# in account ", snippet.Terraform: "# in account ",
	} {
		lines := kept.As(form)
		if diff := cmp.Diff(lack.As(form), lines); diff != "" || len(lines) != 2 {
			t.Errorf("%s: %q: %s", form, lines, diff)
		}
		for i, id := range []string{here, there} {
			if account != "" && !strings.Contains(lines[i], account+id) {
				t.Errorf("%s: %q does not say that it is for account %s", form, lines[i], id)
			}
			if account == "" && strings.Contains(lines[i], "# in account") {
				t.Errorf("%s: %q is no JSON", form, lines[i])
			}
		}
	}
}

func TestMissesSayWhatWasWanted(t *testing.T) {
	resource := named(t, "r", policy.Resource,
		`{"Sid":"gone","Effect":"Allow","Principal":{"AWS":["AROAAAAAAAAAAAAAAAAA2","AROABBBBBBBBBBBBBBBB2"]},"Action":"*","Resource":"*"}`,
		`{"Effect":"Allow","NotAction":"lambda:Invoke*","Principal":"*","Resource":"*"}`,
		`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"v"}}}`)
	sets := &policy.Sets{Resource: &resource}
	request, _ := decide(explain.Call{Principal: user, Function: web, AuthType: lambda.AuthIAM}, sets)
	show := func(principal string) string {
		if principal == "AROABBBBBBBBBBBBBBBB2" {
			return "arn:aws:iam::111111111111:role/b"
		}
		return principal
	}
	misses := policy.NearestMisses(request, sets)
	want := []string{
		"nearly allowed by Statement[2] of r, but for its Condition StringEquals aws:SourceVpc: it wants v, the request has none",
		`nearly allowed by statement "gone" (Statement[0]) of r, but for its Principal: it wants AWS:AROAAAAAAAAAAAAAAAAA2 or AWS:arn:aws:iam::111111111111:role/b, the request has AWS:arn:aws:iam::111111111111:user/a/alice; that is the id of a user or role that was deleted, and does not stand for one made again under its name`,
		"nearly allowed by Statement[1] of r, but for its NotAction: it wants lambda:Invoke*, the request has lambda:InvokeFunctionUrl",
	}
	shown := explain.Misses(misses, show)
	for i, want := range want {
		if diff := cmp.Diff(want, shown[i].Text); diff != "" {
			t.Error(diff)
		}
	}
	inParts := explain.Near{
		Statement: "Statement[2] of r", What: "aws:SourceVpc", Wanted: "v", Got: "(none)", Text: want[0],
	}
	if diff := cmp.Diff(inParts, shown[0]); diff != "" || len(shown) != len(want) {
		t.Error(len(shown), diff)
	}
	if got := explain.Misses(misses, nil); !strings.Contains(got[1].Text, "AWS:AROABBBBBBBBBBBBBBBB2") {
		t.Errorf("principals are not shown as they are kept: %s", got[1].Text)
	}
	if got := explain.Misses(append(append(misses, misses...), misses...), nil); len(got) != 5 {
		t.Errorf("%d statements are too many or too few", len(got))
	}
}

func TestAdditions(t *testing.T) {
	function := web.String()
	trust := named(t, "trust", policy.Trust, `{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`)
	everything := named(t, "p", policy.Identity, `{"Effect":"Allow","Action":"*","Resource":"*"}`)
	nothing := named(t, "limit", policy.Identity, `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)
	role := &policy.Principal{
		Type: policy.RoleSession, Account: here, ARN: "arn:aws:sts::" + here + ":assumed-role/caller/s",
		RoleARN: "arn:aws:iam::" + here + ":role/x/caller",
	}
	const statement = `{"Effect":"Allow","Action":"lambda:GetFunction","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web"}`
	tests := []struct {
		name             string
		caller           *policy.Principal
		action, resource string
		sets             policy.Sets
		json             []string
		begins           map[snippet.Form]string // of the first; a form that is not listed has none
	}{
		{"user", user, "lambda:GetFunction", function, policy.Sets{}, []string{statement}, map[snippet.Form]string{
			snippet.CLI:            "aws iam put-user-policy --user-name alice --policy-name allow-GetFunction-",
			snippet.SAM:            "AliceAllowGetFunction",
			snippet.CloudFormation: "AliceAllowGetFunction",
			snippet.Terraform:      `resource "aws_iam_user_policy" "alice_allow_GetFunction_`,
			snippet.CDK:            "new iam.CfnUserPolicy(this, 'AliceAllowGetFunction",
		}},
		{"role", role, "lambda:GetFunction", function, policy.Sets{}, []string{statement}, map[snippet.Form]string{
			snippet.CLI:            "aws iam put-role-policy --role-name caller --policy-name allow-GetFunction-",
			snippet.SAM:            "CallerAllowGetFunction",
			snippet.CloudFormation: "CallerAllowGetFunction",
			snippet.Terraform:      `resource "aws_iam_role_policy" "caller_allow_GetFunction_`,
			snippet.CDK:            "new iam.CfnRolePolicy(this, 'CallerAllowGetFunction",
		}},
		{
			"across accounts", far, "lambda:GetFunction", function, policy.Sets{Identity: []policy.Named{everything}},
			[]string{`{"Sid":"AllowGetFunction","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/x/far"},"Action":"lambda:GetFunction","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web"}`},
			map[snippet.Form]string{
				snippet.CLI:            "aws lambda add-permission --function-name web --statement-id AllowGetFunction --action lambda:GetFunction --principal arn:aws:iam::222222222222:role/x/far",
				snippet.SAM:            "WebFarGetFunction4942CF67:",
				snippet.CloudFormation: "WebFarGetFunction4942CF67:",
				snippet.Terraform:      `resource "aws_lambda_permission" "web_far_get_function_4942cf67"`,
				snippet.CDK:            "new lambda.CfnPermission(this, 'WebFarGetFunction4942CF67', {",
			},
		},
		{
			"trust policy", user, "sts:AssumeRole", "arn:aws:iam::" + here + ":role/r", policy.Sets{Identity: []policy.Named{everything}, Resource: &trust},
			[]string{`{"Sid":"AllowAssumeRole","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/a/alice"},"Action":"sts:AssumeRole"}`}, nil,
		},
		{
			"boundary", user, "lambda:GetFunction", function, policy.Sets{Identity: []policy.Named{everything}, Boundary: &nothing},
			[]string{statement}, nil,
		},
		{"explicit deny", user, "lambda:GetFunction", function, policy.Sets{Identity: []policy.Named{
			named(t, "p", policy.Identity, `{"Effect":"Deny","Action":"*","Resource":"*"}`),
		}}, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			request := policy.Request{Principal: test.caller, Action: test.action, Resource: test.resource, ResourceAccount: here}
			text, err := json.Marshal(explain.Additions(request, &test.sets))
			if err != nil {
				t.Fatal(err)
			}
			var additions []explain.Addition // what is kept is its JSON
			if err := json.Unmarshal(text, &additions); err != nil {
				t.Fatal(err)
			}
			var written []string
			for _, addition := range additions {
				text, _ := addition.As(snippet.JSON)
				written = append(written, text)
			}
			if diff := cmp.Diff(test.json, written); diff != "" {
				t.Error(diff)
			}
			for _, form := range snippet.Forms() {
				if form == snippet.JSON || len(additions) == 0 {
					continue
				}
				text, ok := additions[0].As(form)
				if begins := test.begins[form]; ok != (begins != "") || !strings.HasPrefix(text, begins) {
					t.Errorf("%s: %v %s", form, ok, text)
				}
				if !ok && !strings.HasPrefix(text, "add to the ") {
					t.Errorf("%s: the sentence is %q", form, text)
				}
			}
		})
	}
}

// A role may have got a statement for one function before it needs one for another: the second must not replace the
// first.
func TestAdditionsDoNotReplaceEachOther(t *testing.T) {
	commands := map[string]bool{}
	for _, name := range []string{"a", "b"} {
		request := policy.Request{Principal: user, Action: "lambda:GetFunction", Resource: "arn:aws:lambda:eu-central-1:" + here + ":function:" + name}
		text, _ := explain.Additions(request, nil)[0].As(snippet.CLI)
		command, _, _ := strings.Cut(text, " --policy-document")
		commands[command] = true
	}
	if len(commands) != 2 {
		t.Errorf("both have the name in %v", commands)
	}
}

// Each row is a policy that denies, of every type, and why it does so.
func TestGrounds(t *testing.T) {
	const statement = `{"Effect":"Deny","Action":"*","Resource":"*","Condition":`
	everything := named(t, "all", policy.Identity, `{"Effect":"Allow","Action":"*","Resource":"*"}`)
	identity := func(condition string) policy.Sets {
		return policy.Sets{Identity: []policy.Named{named(t, "p", policy.Identity, statement+condition+"}")}}
	}
	onFunction := named(t, "r", policy.Resource, `{"Effect":"Deny","NotPrincipal":{"AWS":"AROAAAAAAAAAAAAAAAAA2"},"Action":"*","Resource":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`)
	limit := named(t, "limit", policy.Identity, statement+`{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}}`)
	const fromHere = "Condition IpAddress aws:SourceIp lists 127.0.0.0/8, and the request has 127.0.0.1"
	tests := []struct {
		name string
		sets policy.Sets
		want []string
	}{
		{"none", identity(`{}`), []string{""}},
		{"one", identity(`{"Bool":{"aws:SecureTransport":"false"}}`), []string{"its Condition Bool aws:SecureTransport lists false, and the request has false"}},
		{"two", identity(`{"Bool":{"aws:SecureTransport":"false"},"StringNotEquals":{"aws:PrincipalTag/team":["a","b"]}}`), []string{
			"its Condition Bool aws:SecureTransport lists false, and the request has false; " +
				"its Condition StringNotEquals aws:PrincipalTag/team lists a or b, and the request has none, which an operator with Not takes for a match",
		}},
		{"negated, there", identity(`{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`), []string{"its Condition NotIpAddress aws:SourceIp lists 10.0.0.0/8, and the request has 127.0.0.1"}},
		{"IfExists", identity(`{"StringEqualsIfExists":{"aws:SourceVpc":"v"}}`), []string{"its Condition StringEqualsIfExists aws:SourceVpc lists v, and the request has none, which IfExists takes for a match"}},
		{"Not and IfExists", identity(`{"StringNotEqualsIfExists":{"aws:SourceVpc":"v"}}`), []string{"its Condition StringNotEqualsIfExists aws:SourceVpc lists v, and the request has none, which IfExists takes for a match"}},
		{"Null", identity(`{"Null":{"aws:SourceVpc":"true"}}`), []string{"its Condition Null aws:SourceVpc lists true, and the request has none"}},
		{"ForAllValues", identity(`{"ForAllValues:StringEquals":{"aws:TagKeys":"k"}}`), []string{"its Condition ForAllValues:StringEquals aws:TagKeys lists k, and the request has none, which ForAllValues takes for a match"}},
		{"resource", policy.Sets{Resource: &onFunction}, []string{
			"its Condition StringEquals lambda:FunctionUrlAuthType lists AWS_IAM, and the request has AWS_IAM; " +
				"its NotPrincipal lists AWS:arn:aws:iam::111111111111:role/gone, and the request has AWS:" + user.ARN,
		}},
		{"boundary", policy.Sets{Identity: []policy.Named{everything}, Boundary: &limit}, []string{"its " + fromHere}},
		{"session", policy.Sets{Identity: []policy.Named{everything}, Session: []policy.Named{limit}}, []string{"its " + fromHere}},
		{"SCP", policy.Sets{Identity: []policy.Named{everything}, SCPs: [][]policy.Named{{everything, limit}}}, []string{"its " + fromHere}},
		{"two statements", policy.Sets{Identity: []policy.Named{named(t, "p", policy.Identity, `{"Effect":"Deny","Action":"*","Resource":"*"}`), limit}}, []string{"", "its " + fromHere}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			call := explain.Call{Principal: user, Function: web, AuthType: lambda.AuthIAM}
			request, _ := decide(call, &test.sets)
			request.Context = policy.Values{
				"lambda:FunctionUrlAuthType": {"AWS_IAM"}, "aws:SecureTransport": {"false"}, "aws:SourceIp": {"127.0.0.1"},
			}
			decision := policy.Evaluate(request, &test.sets)
			if decision.Effect != policy.ExplicitlyDenied {
				t.Fatal(decision.Reason)
			}
			show := func(id string) string {
				return strings.Replace(id, "AROAAAAAAAAAAAAAAAAA2", "arn:aws:iam::111111111111:role/gone", 1)
			}
			grounds := explain.Grounds(request, decision, show)
			if diff := cmp.Diff(test.want, grounds); diff != "" {
				t.Error(diff)
			}
			if text := explain.DeniedBy(explain.Denying(decision), grounds...); len(text) != len(grounds) || !strings.HasSuffix(text[0], grounds[0]) {
				t.Errorf("in words: %q", text)
			}
		})
	}
}

// A policy that asks for TLS is named as what a request in plain HTTP meets, whichever way it asks.
func TestPlainHTTP(t *testing.T) {
	allow := named(t, "p", policy.Identity, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:securetransport":"true"}}}`)
	deny := named(t, "p", policy.Identity, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"BoolIfExists":{"aws:SecureTransport":"false"}}}`)
	other := named(t, "p", policy.Identity, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:ViaAWSService":"false"}}}`)
	for _, test := range []struct {
		name   string
		policy policy.Named
		secure string
		want   int
	}{
		{"allowed over TLS only", allow, "false", 1},
		{"denied without TLS", deny, "false", 1},
		{"denied for another reason", other, "false", 0},
		{"allowed", allow, "true", 0},
	} {
		sets := &policy.Sets{Identity: []policy.Named{test.policy}}
		request, _ := decide(explain.Call{Principal: user, Function: web}, sets)
		request.Context = policy.Values{"aws:SecureTransport": {test.secure}, "aws:ViaAWSService": {"false"}}
		got := explain.PlainHTTP(request, policy.Evaluate(request, sets), policy.NearestMisses(request, sets))
		if len(got) != test.want {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

// Each row is a policy with one half of what a function URL needs. What SAM's connectors write is in
// aws/serverless-application-model, samtranslator/model/connector_profiles/profiles.json.
func TestHalves(t *testing.T) {
	arn := web.String()
	const saysInvoke = "Statement[0] of p allows lambda:InvokeFunction, which is enough for the Invoke API, and not lambda:InvokeFunctionUrl"
	tests := []struct {
		name      string
		kind      policy.Kind
		statement string
		denied    string
		want      string
		connector bool
	}{
		{"Invoke alone", policy.Identity, `{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"` + arn + `"}`, lambda.ActionInvokeURL, saysInvoke, false},
		{"connector", policy.Identity, `{"Effect":"Allow","Action":["lambda:InvokeAsync","lambda:InvokeFunction"],"Resource":["` + arn + `"]}`, lambda.ActionInvokeURL, saysInvoke, true},
		{"on the function", policy.Resource, `{"Effect":"Allow","Principal":{"AWS":"` + user.ARN + `"},"Action":"lambda:InvokeFunction","Resource":"` + arn + `"}`, lambda.ActionInvokeURL, saysInvoke, false},
		{"URL alone", policy.Identity, `{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"*"}`, lambda.ActionInvoke, "Statement[0] of p allows lambda:InvokeFunctionUrl, which was enough until October 2025", false},
		{"URL alone, of its auth type", policy.Identity, `{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`, lambda.ActionInvoke, "Statement[0] of p allows lambda:InvokeFunctionUrl", false},
		{"neither", policy.Identity, `{"Effect":"Allow","Action":"lambda:GetFunction","Resource":"*"}`, lambda.ActionInvoke, "", false},
		{"another function", policy.Identity, `{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"` + arn + `2"}`, lambda.ActionInvokeURL, "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			half := named(t, "p", test.kind, test.statement)
			sets := &policy.Sets{Identity: []policy.Named{half}}
			if test.kind == policy.Resource {
				sets = &policy.Sets{Resource: &half}
			}
			decisions := map[string]policy.Decision{}
			for action, context := range map[string]policy.Values{
				lambda.ActionInvokeURL: {"lambda:FunctionUrlAuthType": {"AWS_IAM"}},
				lambda.ActionInvoke:    {"lambda:InvokedViaFunctionUrl": {"true"}},
			} {
				decisions[action] = policy.Evaluate(policy.Request{
					Principal: user, Action: action, Resource: arn, ResourceAccount: here, Context: context,
				}, sets)
			}
			other := lambda.ActionInvoke
			if test.denied == other {
				other = lambda.ActionInvokeURL
			}
			got := strings.Join(explain.Half(test.denied, decisions[test.denied], decisions[other]), "\n")
			if !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if strings.Contains(got, "AWS::Serverless::Connector") != test.connector {
				t.Errorf("of a connector: %q", got)
			}
			if got := explain.Half(other, decisions[other], decisions[test.denied]); test.want != "" && got != nil {
				t.Errorf("of the action that is allowed: %q", got)
			}
		})
	}
}
