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
	if diff := cmp.Diff(want, explain.Misses(misses, show)); diff != "" {
		t.Error(diff)
	}
	if got := explain.Misses(misses, nil); !strings.Contains(got[1], "AWS:AROABBBBBBBBBBBBBBBB2") {
		t.Errorf("principals are not shown as they are kept: %s", got[1])
	}
	if got := explain.Misses(append(append(misses, misses...), misses...), nil); len(got) != 5 {
		t.Errorf("%d statements are too many or too few", len(got))
	}
}

func TestAdditions(t *testing.T) {
	request := policy.Request{Principal: user, Action: "lambda:GetFunction", Resource: web.String()}
	sets := &policy.Sets{}
	want := []string{`add to the identity-based policy: {"Effect":"Allow","Action":"lambda:GetFunction","Resource":"` + web.String() + `"}`}
	if diff := cmp.Diff(want, explain.Additions(request, sets)); diff != "" {
		t.Error(diff)
	}
	sets.Identity = []policy.Named{named(t, "p", policy.Identity, `{"Effect":"Deny","Action":"*","Resource":"*"}`)}
	want = nil // nothing that could be added would help
	if diff := cmp.Diff(want, explain.Additions(request, sets)); diff != "" {
		t.Error(diff)
	}
}
