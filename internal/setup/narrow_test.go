//go:build unix

package setup_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/setuptest"
	"github.com/furl-dev/furl/policy"
)

const (
	callerARN  = "arn:aws:iam::" + here + ":role/caller"
	anotherARN = "arn:aws:iam::" + here + ":role/another"
	webARN     = "arn:aws:lambda:" + setuptest.Region + ":" + here + ":function:web"
)

// put gives the function a whole policy.
func put(t *testing.T, world *setuptest.World, statements ...string) {
	t.Helper()
	text := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	if err := world.Client(world.Root(here)).PutResourcePolicy(t.Context(), lambda.ARN{Region: setuptest.Region, Account: here, Name: "web"}, text, ""); err != nil {
		t.Fatal(err)
	}
}

func statements(t *testing.T, text string) (list []string) {
	t.Helper()
	if text == "" {
		return nil
	}
	var document struct{ Statement []json.RawMessage }
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	for _, statement := range document.Statement {
		list = append(list, string(statement))
	}
	return list
}

func callers(t *testing.T) *setuptest.World {
	t.Helper()
	world := setuptest.New(t)
	web(t, world)
	world.AddRole(here, "/", "caller", "")
	world.AddRole(here, "/", "another", "")
	return world
}

// What a statement gives others, and what it gives the principal besides calls of the URL, stays as it was.
func TestRevokeNarrowsStatements(t *testing.T) {
	const url, invoke, resource = `"lambda:InvokeFunctionUrl"`, `"lambda:InvokeFunction"`, `,"Resource":"` + webARN + `"`
	allow := func(sid, principal, action, rest string) string {
		if sid != "" {
			sid = `"Sid":"` + sid + `",`
		}
		return `{` + sid + `"Effect":"Allow","Principal":` + principal + `,"Action":` + action + resource + rest + `}`
	}
	const both, two = `[` + url + `,` + invoke + `]`, `{"AWS":["` + anotherARN + `","` + callerARN + `"]}`
	const caller, another = `{"AWS":"` + callerARN + `"}`, `{"AWS":"` + anotherARN + `"}`
	const via, office = `,"Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}`, `,"Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.0/24"]}}`
	deny := `{"Sid":"no","Effect":"Deny","Principal":` + two + `,"Action":"lambda:InvokeFunction"` + resource + office + `}`
	for _, test := range []struct {
		name          string
		before, after []string
		kinds         []setup.ChangeKind
	}{
		{"another keeps it", []string{allow("team", two, url, "")}, []string{allow("team", another, url, "")}, []setup.ChangeKind{setup.ReplacePolicy}},
		{
			"the direct invocation stays, for both", []string{allow("team", two, both, "")},
			[]string{allow("team", another, both, ""), allow("team-rest", caller, invoke, "")}, []setup.ChangeKind{setup.ReplacePolicy},
		},
		{
			"both actions through the URL", []string{allow("team", two, both, via)},
			[]string{allow("team", another, both, via)}, []setup.ChangeKind{setup.ReplacePolicy},
		},
		{
			"its other actions stay", []string{allow("one", caller, `["lambda:GetFunction",`+url+`]`, "")},
			[]string{allow("one", caller, `"lambda:GetFunction"`, "")}, []setup.ChangeKind{setup.ReplacePolicy},
		},
		{
			"a statement without an id", []string{allow("", caller, url, office), allow("", another, url, office)},
			[]string{allow("", another, url, office)}, []setup.ChangeKind{setup.ReplacePolicy},
		},
		{"the whole statement, by its id", []string{allow("one", caller, url, office), allow("other", another, url, "")},
			[]string{allow("other", another, url, "")}, []setup.ChangeKind{setup.RemoveStatement}},
		{"nothing is left", []string{allow("", caller, both, via)}, nil, []setup.ChangeKind{setup.ReplacePolicy}},
		{
			"of two, at once", []string{allow("one", caller, url, ""), allow("team", two, invoke, via), deny},
			[]string{allow("team", another, invoke, via), deny}, []setup.ChangeKind{setup.ReplacePolicy},
		},
		{"services beside it", []string{allow("mixed", `{"AWS":"`+callerARN+`","Service":"s3.amazonaws.com"}`, url, "")},
			[]string{allow("mixed", `{"Service":"s3.amazonaws.com"}`, url, "")}, []setup.ChangeKind{setup.ReplacePolicy}},
		{"an id that is taken", []string{allow("team", two, both, ""), allow("team-rest", another, url, "")},
			[]string{allow("team", another, both, ""), allow("team-rest-rest", caller, invoke, ""), allow("team-rest", another, url, "")},
			[]setup.ChangeKind{setup.ReplacePolicy}},
		{"what denies", []string{deny}, []string{deny}, nil},
		{"patterns", []string{allow("any", caller, `"lambda:*"`, ""), allow("all", `"*"`, url, "")}, []string{allow("any", caller, `"lambda:*"`, ""), allow("all", `"*"`, url, "")}, nil},
		{"the account", []string{allow("account", `{"AWS":"arn:aws:iam::`+here+`:root"}`, both, "")}, []string{allow("account", `{"AWS":"arn:aws:iam::`+here+`:root"}`, both, "")}, nil},
		{"of an alias", []string{strings.Replace(allow("live", two, url, ""), webARN, webARN+":live", 1)}, []string{strings.Replace(allow("live", two, url, ""), webARN, webARN+":live", 1)}, nil},
		{"limited to a source", []string{allow("source", two, url, `,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::b"}}`)},
			[]string{allow("source", two, url, `,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::b"}}`)}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			world := callers(t)
			put(t, world, test.before...)
			plan := revoke(t, granter(t, world), setup.Request{Function: "web", Principal: "caller", Via: setup.ViaResource})
			var kinds []setup.ChangeKind
			for _, change := range plan.Changes {
				kinds = append(kinds, change.Kind)
			}
			if diff := cmp.Diff(test.kinds, kinds); diff != "" {
				t.Error(diff)
			}
			planned := statements(t, plan.Documents[0].After)
			apply(t, plan)
			arn := lambda.ARN{Region: setuptest.Region, Account: here, Name: "web"}
			if diff := cmp.Diff(test.after, statements(t, policyText(t, world, arn))); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.after, planned); diff != "" {
				t.Errorf("the plan: %s", diff)
			}
		})
	}
}

// A policy that somebody changes between the plan and its execution is left alone; the commands put back what was.
func TestReplacementsAreGuarded(t *testing.T) {
	world := callers(t)
	team := func(action string) string {
		return `{"Sid":"team","Effect":"Allow","Principal":{"AWS":["` + callerARN + `","` + anotherARN + `"]},"Action":"` + action + `","Resource":"*"}`
	}
	put(t, world, team(lambda.ActionInvokeURL))
	plan := revoke(t, granter(t, world), setup.Request{Function: "web", Principal: "caller", Via: setup.ViaResource})
	command, undo := plan.Changes[0].Command(), plan.Changes[0].Undo()
	if !strings.HasPrefix(command, "aws lambda put-resource-policy --region eu-central-1 --resource-arn "+webARN+" --policy '{") ||
		!strings.Contains(command, "--revision-id ") || !strings.Contains(undo, callerARN) || strings.Contains(undo, "--revision-id") {
		t.Errorf("command %s\nundo %s", command, undo)
	}
	if got := plan.Changes[0].String(); got != "statement team narrowed" {
		t.Errorf("the change is called %q", got)
	}
	if diff := plan.Diff(); !strings.Contains(diff, "-          \""+callerARN+"\"") && !strings.Contains(diff, "-        \"AWS\": [") {
		t.Errorf("the difference is %s", diff)
	}
	put(t, world, team(lambda.ActionInvokeURL))
	err := plan.Apply(t.Context(), func(setup.Change) { t.Error("changed") })
	if awsapi.KindOf(err) != awsapi.Conflict {
		t.Errorf("got %v", err)
	}
}

// Who may not put policies still takes away what goes by statements, and is told what stays.
func TestRevokeWithoutWholePolicies(t *testing.T) {
	world := callers(t)
	put(t, world, `{"Sid":"team","Effect":"Allow","Principal":{"AWS":["`+callerARN+`","`+anotherARN+`"]},"Action":"lambda:InvokeFunctionUrl","Resource":"*"}`,
		`{"Sid":"one","Effect":"Allow","Principal":{"AWS":"`+callerARN+`"},"Action":"lambda:InvokeFunctionUrl","Resource":"*"}`)
	key := world.AddUser(here, "operator", `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":["lambda:GetResourcePolicy","lambda:PutResourcePolicy"],"Resource":"*"}`)
	client := world.Client(key)
	identity, err := client.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	plan := revoke(t, &setup.Granter{Owner: setup.NewAccount(identity, client)}, setup.Request{Function: "web", Principal: "caller", Via: setup.ViaResource})
	if len(plan.Changes) != 1 || plan.Changes[0].StatementID != "one" {
		t.Errorf("changes %v", plan.Changes)
	}
	if notes := strings.Join(plan.Notes, "\n"); !strings.Contains(notes, "statement team gives more than this grant") || !strings.Contains(notes, "lambda:PutResourcePolicy") {
		t.Errorf("notes %s", notes)
	}
	apply(t, plan)
}

// A grant finds what a whole policy gives already, and says what may stand in its way.
func TestGrantBesideAWholePolicy(t *testing.T) {
	world := callers(t)
	put(t, world, `{"Effect":"Allow","Principal":{"AWS":["`+anotherARN+`","`+callerARN+`"]},"Action":["lambda:InvokeFunctionUrl","lambda:Invoke*"],"Resource":"`+webARN+`*"}`)
	g := granter(t, world)
	plan := grant(t, g, setup.Request{Function: "web", Principal: "caller"})
	if len(plan.Changes) != 0 || len(plan.Kept) != 2 {
		t.Errorf("changes %v, kept %v", plan.Changes, plan.Kept)
	}
	office := `{"Sid":"office","Effect":"Deny","Principal":"*","Action":"lambda:Invoke*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`
	put(t, world, office)
	plan = grant(t, g, setup.Request{Function: "web", Principal: "caller"})
	notes := strings.Join(plan.Notes, "\n")
	if len(plan.Changes) != 2 || !strings.Contains(notes, "statement office of the resource-based policy may still deny a call: that depends on aws:SourceIp") ||
		!strings.Contains(notes, "--print writes the whole policy") {
		t.Errorf("changes %v, notes %s", plan.Changes, notes)
	}
	if got := statements(t, plan.Wanted.Policy); len(got) != 3 || got[0] != office {
		t.Errorf("the whole policy is %s", plan.Wanted.Policy)
	}
	apply(t, plan)

	// Denies that hit every call refuse the grant: by a list, and by leaving out of NotPrincipal.
	for _, denies := range []string{
		`"Principal":{"AWS":["` + anotherARN + `","` + callerARN + `"]},"Action":"lambda:InvokeFunctionUrl"`,
		`"NotPrincipal":{"AWS":["` + anotherARN + `"]},"Action":"lambda:Invoke*"`,
		`"Principal":"*","Action":["lambda:InvokeFunction"]`,
	} {
		put(t, world, `{"Sid":"no","Effect":"Deny",`+denies+`,"Resource":"*","Condition":{"StringEqualsIfExists":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`)
		if plan, err := g.Grant(t.Context(), setup.Request{Function: "web", Principal: "caller"}); err == nil || !strings.Contains(err.Error(), "statement no of the resource-based policy denies") {
			t.Errorf("%s: %v, %v", denies, plan, err)
		}
		world.ChangeFunction(lambda.ARN{Region: setuptest.Region, Account: here, Name: "web"}, func(f *lambda.Function) { f.SetPolicy("", "", "") })
	}
}

// A statement that has the id of a grant and says more is neither replaced by a grant nor removed by its end.
func TestIDsOfGrantsThatSayMore(t *testing.T) {
	world := callers(t)
	g, request := granter(t, world), setup.Request{Function: "web", Principal: "caller", Via: setup.ViaResource}
	plan := grant(t, g, request)
	id := plan.Changes[0].StatementID
	shared := `{"Sid":"` + id + `","Effect":"Allow","Principal":{"AWS":"` + anotherARN + `"},"Action":"lambda:InvokeFunctionUrl","Resource":"*"}`
	put(t, world, shared)
	plan = grant(t, g, request)
	if len(plan.Changes) != 2 || plan.Changes[0].StatementID != id+"-2" {
		t.Errorf("changes %v", plan.Changes)
	}
	apply(t, plan)
	apply(t, revoke(t, g, request))
	arn := lambda.ARN{Region: setuptest.Region, Account: here, Name: "web"}
	if diff := cmp.Diff([]string{shared}, statements(t, policyText(t, world, arn))); diff != "" {
		t.Error(diff)
	}
}

// Whatever the policy, the end of a grant takes nothing from others, gives nobody anything, and takes from the principal
// nothing but calls of the URL.
func TestRevokeNeverTakesMore(t *testing.T) {
	world := callers(t)
	arn := lambda.ARN{Region: setuptest.Region, Account: here, Name: "web"}
	g := granter(t, world)
	request := setup.Request{Function: "web", Principal: "caller", Via: setup.ViaResource}
	principals := []string{callerARN, anotherARN, "arn:aws:iam::" + here + ":root", "arn:aws:iam::" + there + ":root", "*"}
	actions := []string{"lambda:InvokeFunctionUrl", "lambda:invokefunctionurl", "lambda:InvokeFunction", "lambda:GetFunction", "lambda:Invoke*"}
	replaced := 0
	for seed := range uint64(150) {
		random := rand.New(rand.NewPCG(seed, 1))
		some := func(from []string) any {
			list := slices.Clone(from)
			random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			return list[:1+random.IntN(3)]
		}
		var made []string
		for i := range 1 + random.IntN(3) {
			statement := map[string]any{
				"Effect": []string{"Allow", "Allow", "Allow", "Deny"}[random.IntN(4)], "Principal": map[string]any{"AWS": some(principals)},
				"Action": some(actions), "Resource": []string{"*", webARN, webARN + ":*"}[random.IntN(3)],
			}
			if statement["Effect"] == "Deny" {
				statement["Action"] = []string{"lambda:InvokeFunctionUrl"}
			}
			if random.IntN(2) == 0 {
				statement["Sid"] = fmt.Sprintf("s%d", i)
			}
			if random.IntN(3) == 0 {
				statement["Condition"] = map[string]any{"Bool": map[string]any{"lambda:InvokedViaFunctionUrl": "true"}}
			}
			text, err := json.Marshal(statement)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, string(text))
		}
		put(t, world, made...)
		before := policyText(t, world, arn)
		plan := revoke(t, g, request)
		for _, change := range plan.Changes {
			if change.Kind == setup.ReplacePolicy {
				replaced++
			}
		}
		apply(t, plan)
		after := policyText(t, world, arn)
		if planned := plan.Documents[0].After; len(statements(t, planned)) != len(statements(t, after)) {
			t.Errorf("seed %d: planned %s, made %s", seed, planned, after)
		}
		for _, who := range []string{"caller", "another", "third"} {
			for _, action := range []string{"lambda:InvokeFunctionUrl", "lambda:InvokeFunction", "lambda:GetFunction"} {
				for _, via := range []string{"true", "false"} {
					was, is := decide(t, before, who, action, via), decide(t, after, who, action, via)
					mayGo := who == "caller" && (action == "lambda:InvokeFunctionUrl" || action == "lambda:InvokeFunction" && via == "true")
					if was != is && !(mayGo && is == policy.ImplicitlyDenied) {
						t.Errorf("seed %d: %s of %s (%s) was %v, is %v\nbefore %s\nafter %s", seed, action, who, via, was, is, before, after)
					}
				}
			}
		}
	}
	if replaced < 20 {
		t.Errorf("only %d policies were replaced", replaced)
	}
}

// decide is what a policy says of a session of a role.
func decide(t *testing.T, text, role, action, via string) policy.Effect {
	t.Helper()
	sets := &policy.Sets{}
	if text != "" {
		document, err := policy.Parse([]byte(text), policy.Resource)
		if err != nil {
			t.Fatal(err)
		}
		sets.Resource = &policy.Named{Document: document}
	}
	return policy.Evaluate(policy.Request{
		Principal: &policy.Principal{
			Type: policy.RoleSession, Account: here, ARN: "arn:aws:sts::" + here + ":assumed-role/" + role + "/s", RoleARN: "arn:aws:iam::" + here + ":role/" + role,
		},
		Action: action, Resource: webARN, ResourceAccount: here,
		Context: policy.Values{"lambda:InvokedViaFunctionUrl": {via}, "lambda:FunctionUrlAuthType": {"AWS_IAM"}},
	}, sets).Effect
}
