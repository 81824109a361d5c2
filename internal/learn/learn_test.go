package learn_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/learn"
	"github.com/furl-dev/furl/policy"
)

const (
	own, other = "111111111111", "222222222222"
	web        = "arn:aws:lambda:eu-central-1:" + own + ":function:web"
	shop       = "arn:aws:lambda:eu-central-1:" + own + ":function:shop"
	role       = "arn:aws:iam::" + own + ":role/target"
)

var start = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

func user(account, name string) learn.Caller {
	return learn.Caller{Kind: learn.User, Account: account, ARN: "arn:aws:iam::" + account + ":user/" + name}
}

func asRole(account, name string) learn.Caller {
	return learn.Caller{Kind: learn.Role, Account: account, ARN: "arn:aws:iam::" + account + ":role/" + name}
}

func root(account string) learn.Caller {
	return learn.Caller{Kind: learn.Root, Account: account, ARN: "arn:aws:iam::" + account + ":root"}
}

func api(caller learn.Caller, action, resource string) learn.Call {
	return learn.Call{Caller: caller, Action: action, Resource: resource, ResourceAccount: own, Last: start.Add(time.Minute)}
}

// url is what a server keeps of a call of a function URL.
func url(caller learn.Caller, function, authType string) []learn.Call {
	first, second := api(caller, "lambda:InvokeFunctionUrl", function), api(caller, "lambda:InvokeFunction", function)
	first.AuthType, second.ViaURL = authType, true
	return []learn.Call{first, second}
}

func join(calls ...[]learn.Call) []learn.Call { return slices.Concat(calls...) }

func denied(calls []learn.Call) []learn.Call {
	for i := range calls {
		calls[i].Denied = true
	}
	return calls
}

func passed(call learn.Call, service string) learn.Call {
	call.PassedTo = service
	return call
}

func past(calls []learn.Call, who learn.Past) []learn.Call {
	for i := range calls {
		calls[i].Past = who
	}
	return calls
}

func typed(call learn.Call, authType string) learn.Call {
	call.AuthType = authType
	return call
}

const (
	callWeb = `{"Sid":"CallFunctionUrl","Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"` + web +
		`","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`
	viaWeb = `{"Sid":"InvokeViaFunctionUrl","Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"` + web +
		`","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`
)

// TestLearn: a call of a URL needs both actions, the second with lambda:InvokedViaFunctionUrl, since October 2025 (Lambda
// Developer Guide, "Control access to Lambda function URLs"). Within an account one side is enough, across accounts both
// have to allow (IAM User Guide, "Policy evaluation logic").
func TestLearn(t *testing.T) {
	alice, partner := user(own, "alice"), asRole(other, "partner")
	tests := map[string]struct {
		calls   []learn.Call
		options learn.Options
		want    map[string][]string // the statements by the ARN that the policy is for
		notes   []string            // the beginnings
	}{
		"one's own URL": {
			calls: url(alice, web, "AWS_IAM"), want: map[string][]string{alice.ARN: {callWeb, viaWeb}},
		},
		"on a server with the permissions of before": {
			calls: url(alice, web, "AWS_IAM")[:1], want: map[string][]string{alice.ARN: {callWeb, viaWeb}},
		},
		"two URLs": {
			calls: join(url(alice, web, "AWS_IAM"), url(alice, shop, "AWS_IAM")),
			want: map[string][]string{alice.ARN: {
				strings.Replace(callWeb, `"`+web+`"`, `["`+shop+`","`+web+`"]`, 1),
				strings.Replace(viaWeb, `"`+web+`"`, `["`+shop+`","`+web+`"]`, 1),
			}},
		},
		"the URL of an alias": {
			calls: url(alice, web+":live", "AWS_IAM"),
			want:  map[string][]string{alice.ARN: {strings.ReplaceAll(callWeb, web, web+":live"), strings.ReplaceAll(viaWeb, web, web+":live")}},
		},
		"the API covers the second action of a URL": {
			calls: append(url(alice, web, "AWS_IAM"), api(alice, "lambda:InvokeFunction", web)),
			want: map[string][]string{alice.ARN: {
				callWeb, `{"Sid":"CallLambda","Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"` + web + `"}`,
			}},
		},
		"operations": {
			calls: []learn.Call{
				api(alice, "lambda:GetFunction", web), api(alice, "lambda:GetFunction", shop), api(alice, "lambda:DeleteFunction", web),
				api(alice, "lambda:DeleteFunction", shop), api(alice, "lambda:ListFunctions", "*"),
				passed(api(alice, "iam:PassRole", role), "lambda.amazonaws.com"), api(alice, "sts:AssumeRole", role),
				typed(api(alice, "lambda:CreateFunctionUrlConfig", web), "AWS_IAM"),
				typed(api(alice, "lambda:GetFunctionUrlConfig", web), "AWS_IAM"),
			},
			want: map[string][]string{alice.ARN: {
				`{"Sid":"CallIam","Effect":"Allow","Action":"iam:PassRole","Resource":"` + role + `","Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}}`,
				`{"Sid":"CallLambda","Effect":"Allow","Action":"lambda:CreateFunctionUrlConfig","Resource":"` + web + `","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`,
				`{"Sid":"CallLambda2","Effect":"Allow","Action":["lambda:DeleteFunction","lambda:GetFunction"],"Resource":"` + shop + `"}`,
				`{"Sid":"CallLambda3","Effect":"Allow","Action":["lambda:DeleteFunction","lambda:GetFunction","lambda:GetFunctionUrlConfig"],"Resource":"` + web + `"}`,
				`{"Sid":"CallLambda4","Effect":"Allow","Action":"lambda:ListFunctions","Resource":"*"}`,
				`{"Sid":"CallSts","Effect":"Allow","Action":"sts:AssumeRole","Resource":"` + role + `"}`,
			}},
		},
		"what is allowed on everything": {
			calls: []learn.Call{api(alice, "lambda:GetFunction", web), api(alice, "lambda:GetFunction", "*")},
			want:  map[string][]string{alice.ARN: {`{"Sid":"CallLambda","Effect":"Allow","Action":"lambda:GetFunction","Resource":"*"}`}},
		},
		"root of the account": {calls: url(root(own), web, "AWS_IAM"), want: map[string][]string{}},
		"root of another account": {
			calls: url(root(other), web, "AWS_IAM"),
			want: map[string][]string{web: {
				`{"Sid":"learned-account-222222222222-invoke","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"lambda:InvokeFunction","Resource":"` + web + `","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`,
				`{"Sid":"learned-account-222222222222-url","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"lambda:InvokeFunctionUrl","Resource":"` + web + `","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`,
			}},
		},
		"a role of another account": {
			calls: url(partner, web, "AWS_IAM"),
			want: map[string][]string{
				partner.ARN: {callWeb, viaWeb},
				web: {
					`{"Sid":"learned-role-partner-222222222222-invoke","Effect":"Allow","Principal":{"AWS":"` + partner.ARN + `"},"Action":"lambda:InvokeFunction","Resource":"` + web + `","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`,
					`{"Sid":"learned-role-partner-222222222222-url","Effect":"Allow","Principal":{"AWS":"` + partner.ARN + `"},"Action":"lambda:InvokeFunctionUrl","Resource":"` + web + `","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`,
				},
			},
		},
		"a user let in past its permissions boundary": {
			calls: past(url(alice, web, "AWS_IAM"), learn.PastUser),
			want: map[string][]string{web: {
				`{"Sid":"learned-user-alice-111111111111-invoke","Effect":"Allow","Principal":{"AWS":"` + alice.ARN + `"},"Action":"lambda:InvokeFunction","Resource":"` + web + `","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`,
				`{"Sid":"learned-user-alice-111111111111-url","Effect":"Allow","Principal":{"AWS":"` + alice.ARN + `"},"Action":"lambda:InvokeFunctionUrl","Resource":"` + web + `","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`,
			}},
		},
		"a session let in past its session policy": {
			calls: past(url(asRole(own, "limited"), web, "AWS_IAM"), learn.PastSession), want: map[string][]string{},
			notes: []string{"a statement for a session of role arn:aws:iam::" + own + ":role/limited allows lambda:InvokeFunction on", "a statement for a session"},
		},
		"everyone": {
			calls: url(learn.Caller{Kind: learn.Everyone}, web, "NONE"),
			want: map[string][]string{web: {
				`{"Sid":"learned-everyone-invoke","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"` + web + `","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`,
				`{"Sid":"learned-everyone-url","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"` + web + `","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}`,
			}},
		},
		"a service": {
			calls: []learn.Call{api(learn.Caller{Kind: learn.Service, ARN: "events.amazonaws.com"}, "lambda:InvokeFunction", web)},
			want: map[string][]string{web: {
				`{"Sid":"learned-events-amazonaws-com-3d72da36-InvokeFunction","Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + web + `"}`,
			}},
		},
		"what no policy of a function can allow": {
			calls: []learn.Call{api(partner, "sts:AssumeRole", role), api(partner, "lambda:InvokeFunction", web+":$LATEST")},
			want: map[string][]string{partner.ARN: {
				`{"Sid":"CallLambda","Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"` + web + `:$LATEST"}`,
				`{"Sid":"CallSts","Effect":"Allow","Action":"sts:AssumeRole","Resource":"` + role + `"}`,
			}},
			notes: []string{"role " + partner.ARN + " called lambda:InvokeFunction", "role " + partner.ARN + " called sts:AssumeRole"},
		},
		"refused": {calls: append(denied(url(user(own, "bob"), web, "AWS_IAM")), url(alice, web, "AWS_IAM")...), want: map[string][]string{alice.ARN: {callWeb, viaWeb}}},
		"also refused": {
			calls: denied(url(alice, web, "AWS_IAM")), options: learn.Options{Denied: true},
			want: map[string][]string{alice.ARN: {callWeb, viaWeb}},
		},
		"before": {
			calls: url(alice, web, "AWS_IAM"), options: learn.Options{Since: start.Add(time.Hour)}, want: map[string][]string{},
		},
		"since": {
			calls: url(alice, web, "AWS_IAM"), options: learn.Options{Since: start.Add(time.Minute)},
			want: map[string][]string{alice.ARN: {callWeb, viaWeb}},
		},
		"of one function": {
			calls:   join(url(alice, web, "AWS_IAM"), url(alice, shop, "AWS_IAM"), []learn.Call{api(alice, "lambda:ListFunctions", "*")}),
			options: learn.Options{Functions: []string{"web"}}, want: map[string][]string{alice.ARN: {callWeb, viaWeb}},
		},
		"by ARN": {
			calls:   join(url(alice, web, "AWS_IAM"), url(alice, shop, "AWS_IAM")),
			options: learn.Options{Functions: []string{web}}, want: map[string][]string{alice.ARN: {callWeb, viaWeb}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			learned, err := learn.Learn(learn.Seen{Calls: test.calls, Functions: []string{web, shop}}, test.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, policies(t, learned)); diff != "" {
				t.Error(diff)
			}
			for i, note := range learned.Notes {
				if len(learned.Notes) != len(test.notes) || !strings.HasPrefix(note, test.notes[i]) {
					t.Errorf("note %q", note)
				}
			}
			if len(test.notes) != len(learned.Notes) {
				t.Errorf("%d notes: %q", len(learned.Notes), learned.Notes)
			}
			slices.Reverse(test.calls) // the order in which a server tells them does not matter
			again, err := learn.Learn(learn.Seen{Calls: test.calls, Functions: []string{web, shop}}, test.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(text(t, learned), text(t, again)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// policies are the statements of all policies by what they are for. IAM takes each of them.
func policies(t *testing.T, learned *learn.Learned) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for i, made := range slices.Concat(learned.Identities, learned.Resources) {
		kind := policy.Identity
		if i >= len(learned.Identities) {
			kind = policy.Resource
		}
		document, err := policy.Parse(made.Document, kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range document.Statements() {
			all[made.For] = append(all[made.For], string(statement.JSON))
		}
	}
	return all
}

func text(t *testing.T, learned *learn.Learned) string {
	t.Helper()
	var out strings.Builder
	if _, err := learned.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(learned)
	if err != nil {
		t.Fatal(err)
	}
	return out.String() + string(encoded)
}

func TestMoreRefusedCallsThanAreKept(t *testing.T) {
	for _, asked := range []bool{false, true} {
		learned, err := learn.Learn(learn.Seen{DeniedFull: true}, learn.Options{Denied: asked})
		if err != nil || learned.Complete == asked {
			t.Errorf("--denied %v: complete %v, %v", asked, learned.Complete, err)
		}
	}
}

func TestLearnRefusesUnknownFunctions(t *testing.T) {
	for _, name := range []string{"wep", "", "web:live", "a b", "arn:aws:lambda:us-east-1:" + own + ":function:web"} {
		_, err := learn.Learn(learn.Seen{Functions: []string{web}}, learn.Options{Functions: []string{name}})
		if err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

// TestIDsDiffer: names that are the same in the characters of an id, and those that are too long for one with it.
func TestIDsDiffer(t *testing.T) {
	seen := learn.Seen{}
	for _, name := range []string{"a.b", "a-b", "a@b", strings.Repeat("x", 64), strings.Repeat("x", 63) + "."} {
		seen.Calls = append(seen.Calls, api(user(other, name), "lambda:GetFunctionEventInvokeConfig", web), api(asRole(other, name), "lambda:GetFunctionEventInvokeConfig", web))
	}
	learned, err := learn.Learn(seen, learn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, statement := range policies(t, learned)[web] {
		var read struct{ Sid string }
		if err := json.Unmarshal([]byte(statement), &read); err != nil || len(read.Sid) > 100 {
			t.Errorf("%v: %s", err, statement)
		}
		ids[read.Sid] = true
	}
	if len(ids) != len(seen.Calls) {
		t.Errorf("%d ids for %d callers: %v", len(ids), len(seen.Calls), ids)
	}
}

// TestPolicyIsTooLarge: AWS takes 2,048 characters in the inline policies of a user (IAM User Guide, "IAM and AWS STS
// quotas").
func TestPolicyIsTooLarge(t *testing.T) {
	seen := learn.Seen{}
	for i := range 30 {
		seen.Calls = append(seen.Calls, url(user(own, "alice"), fmt.Sprintf("%s%d", web, i), "AWS_IAM")...)
		seen.Calls = append(seen.Calls, url(asRole(own, "small"), fmt.Sprintf("%s%d", web, i), "AWS_IAM")...)
	}
	learned, err := learn.Learn(seen, learn.Options{})
	if err != nil || len(learned.Notes) != 1 || !strings.Contains(learned.Notes[0], "user/alice") {
		t.Errorf("%v: %q", err, learned.Notes)
	}
}

func TestUnused(t *testing.T) {
	alice, bob := user(own, "alice"), user(own, "bob")
	call := api(alice, "lambda:GetFunction", web)
	call.By = []string{"used", "group"}
	statement := func(id, owner, text string, members ...string) learn.Statement {
		return learn.Statement{ID: id, Account: own, Owner: owner, Members: members, Policy: "p", Path: "Statement", Sid: id, JSON: json.RawMessage(text)}
	}
	allow := func(action, resource string) string {
		return `{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}`
	}
	group := "arn:aws:iam::" + own + ":group/"
	hidden := statement("hidden", web, `{"Effect":"Allow","Principal":"*","Action":"lambda:*","Resource":"`+web+`"}`)
	hidden.Hidden = start
	seen := learn.Seen{Calls: []learn.Call{call}, Functions: []string{shop, web}, Statements: []learn.Statement{
		statement("used", alice.ARN, allow("lambda:*", "*")),
		statement("used", bob.ARN, allow("lambda:*", "*")), // of the same text, and nobody used it
		statement("shop", alice.ARN, allow("lambda:*", shop)),
		statement("users", alice.ARN, allow("iam:*", "*")),
		statement("group", group+"hers", allow("lambda:*", "*"), bob.ARN, alice.ARN),
		statement("group", group+"his", allow("lambda:*", "*"), bob.ARN),
		statement("everything", bob.ARN, allow("*", "*")),
		statement("logs", alice.ARN, allow("logs:*", "*")),
		statement("bucket", web, `{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"`+web+`"}`),
		statement("anybody", web, `{"Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"`+web+`"}`),
		hidden,
	}}
	names := func(list []learn.Present) (names []string) {
		for _, p := range list {
			names = append(names, p.Owner[strings.LastIndexAny(p.Owner, ":")+1:]+" "+p.Sid)
		}
		slices.Sort(names)
		return names
	}
	tests := map[string]struct {
		options          learn.Options
		full             bool
		unused, unjudged []string
	}{
		"all": {
			unused:   []string{"group/his group", "user/alice shop", "user/alice users", "user/bob everything", "user/bob used", "web anybody"},
			unjudged: []string{"user/alice logs", "web bucket"},
		},
		"of one function": {
			options:  learn.Options{Functions: []string{"web"}},
			unused:   []string{"group/his group", "user/bob everything", "user/bob used", "web anybody"},
			unjudged: []string{"web bucket"},
		},
		"later": {
			options: learn.Options{Since: start.Add(time.Hour)},
			unused: []string{
				"group/hers group", "group/his group", "user/alice shop", "user/alice used", "user/alice users", "user/bob everything",
				"user/bob used", "web anybody", "web hidden",
			},
			unjudged: []string{"user/alice logs", "web bucket"},
		},
		"not all is known": {
			full: true,
			unjudged: []string{
				"group/his group", "user/alice logs", "user/alice shop", "user/alice users", "user/bob everything", "user/bob used",
				"web anybody", "web bucket",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			seen.Full = test.full
			learned, err := learn.Learn(seen, test.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.unused, names(learned.Unused)); diff != "" {
				t.Error("unused", diff)
			}
			if diff := cmp.Diff(test.unjudged, names(learned.Unjudged)); diff != "" {
				t.Error("unjudged", diff)
			}
			if learned.Complete == test.full {
				t.Error("complete", learned.Complete)
			}
		})
	}
}
