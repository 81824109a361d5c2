package urllint_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

const function = "arn:aws:lambda:eu-west-1:111122223333:function:books"

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// caller calls the function's URL.
type caller struct {
	principal policy.Principal
	keys      policy.Values
}

// callers are by the names that examples have for them. Eve is of another account, where she may do everything.
var callers = map[string]caller{
	"bob": {policy.Principal{Type: policy.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/bob",
		UniqueID: "AIDABOBBOBBOBBOBBOB1"},
		policy.Values{"aws:PrincipalOrgID": {"o-a1b2c3d4e5"}, "aws:PrincipalOrgPaths": {"o-a1b2c3d4e5/r-ab12/ou-1/"},
			"aws:MultiFactorAuthPresent": {"false"}}},
	"caller": {policy.Principal{Type: policy.RoleSession, Account: "111122223333",
		ARN:     "arn:aws:sts::111122223333:assumed-role/caller/session",
		RoleARN: "arn:aws:iam::111122223333:role/caller", UniqueID: "AROACALLERCALLERCAL1", SessionName: "session"}, nil},
	"eve": {policy.Principal{Type: policy.User, Account: "999999999999", ARN: "arn:aws:iam::999999999999:user/eve",
		UniqueID: "AIDAEVEEVEEVEEVEEVE1"}, nil},
}

// letsIn reports whether the example's policy, the caller's own or the function's, lets the caller call the URL.
func letsIn(t *testing.T, document *policy.Document, name string) bool {
	t.Helper()
	who, ok := callers[name]
	if !ok {
		t.Fatalf("nobody is called %s", name)
	}
	named := policy.Named{Name: "example", Document: document}
	sets := &policy.Sets{Identity: []policy.Named{named}}
	if document.Kind() == policy.Resource {
		sets = &policy.Sets{Resource: &named}
		if name == "eve" {
			sets.Identity = []policy.Named{{Name: "own", Document: mustParse(t, policy.Identity,
				`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)}}
		}
	}
	for _, action := range []string{"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} {
		if policy.Evaluate(who.request(action), sets).Effect != policy.Allowed {
			return false
		}
	}
	return true
}

// request is what the policies are asked for one of the two actions when the caller calls the URL.
func (c caller) request(action string) policy.Request {
	keys := c.principal.Keys()
	maps.Copy(keys, c.keys)
	keys["aws:SourceIp"], keys["aws:SecureTransport"] = []string{"203.0.113.7"}, []string{"true"}
	keys["aws:RequestedRegion"], keys["aws:ResourceAccount"] = []string{"eu-west-1"}, []string{"111122223333"}
	keys["aws:CurrentTime"], keys["aws:EpochTime"] = []string{now.Format(time.RFC3339)}, []string{strconv.FormatInt(now.Unix(), 10)}
	keys["aws:ViaAWSService"] = []string{"false"}
	if action == "lambda:InvokeFunction" {
		keys["lambda:InvokedViaFunctionUrl"] = []string{"true"}
	} else {
		keys["lambda:FunctionUrlAuthType"] = []string{"AWS_IAM"}
	}
	return policy.Request{
		Principal: &c.principal, Action: action, Resource: function, ResourceAccount: "111122223333", Context: keys,
	}
}

func lint(documents ...*policy.Document) []urllint.Finding {
	var named []policy.Named
	for _, d := range documents {
		named = append(named, policy.Named{Name: "example", Document: d})
	}
	return (&urllint.Linter{Now: func() time.Time { return now }}).Lint(named...)
}

func rulesOf(findings []urllint.Finding) (rules []urllint.Rule) {
	for _, f := range findings {
		rules = append(rules, f.Rule)
	}
	return rules
}

// TestExamples types every example of the table: its rule finds the fault, and no other rule finds one; what the fix
// says leaves no finding; and where the fault is who is let in, the fix lets in or keeps out the right caller.
func TestExamples(t *testing.T) {
	for _, row := range urllint.Rules() {
		if len(row.Examples) == 0 {
			t.Errorf("%s has no example", row.Rule)
		}
		for _, example := range row.Examples {
			t.Run(string(row.Rule), func(t *testing.T) {
				faulty := mustParse(t, example.Kind, example.Document())
				findings := lint(faulty)
				if diff := cmp.Diff([]urllint.Rule{row.Rule}, rulesOf(findings)); diff != "" {
					t.Fatalf("%s (-want +got):\n%s", example.Document(), diff)
				}
				finding := findings[0]
				if finding.Message == "" || finding.Fix == "" {
					t.Errorf("no message or no fix: %+v", finding)
				}
				cured := apply(t, finding)
				if cured == nil {
					if example.Lets != "" {
						t.Errorf("the fix removes the only statement, and should let in %s", example.Lets)
					}
					return
				}
				if rest := lint(cured); len(rest) > 0 {
					t.Errorf("%s\nbecomes %s\nwhich has the findings %v %s", example.Document(), cured, rulesOf(rest), rest[0].Message)
				}
				for _, name := range []string{"bob", "caller", "eve"} {
					before, after := letsIn(t, faulty, name), letsIn(t, cured, name)
					wantBefore, wantAfter := before, before
					switch {
					case name == example.Lets:
						wantBefore, wantAfter = false, true
					case name == example.Stops:
						wantBefore, wantAfter = true, false
					case row.Severity == urllint.SeveritySuggestion:
					default:
						continue
					}
					if before != wantBefore || after != wantAfter {
						t.Errorf("%s: let in before %t, after %t, want %t and %t\n%s\n%s", name, before, after, wantBefore, wantAfter,
							example.Document(), cured)
					}
				}
			})
		}
	}
}

// apply makes the fix of a finding; nil if no statement is left.
func apply(t *testing.T, f urllint.Finding) *policy.Document {
	t.Helper()
	text := f.Apply()
	var left struct{ Statement []json.RawMessage }
	if err := json.Unmarshal(text, &left); err != nil {
		t.Fatal(err)
	}
	if len(left.Statement) == 0 {
		return nil
	}
	return mustParse(t, f.Document.Kind(), string(text))
}

func TestTable(t *testing.T) {
	var seen []urllint.Rule
	for _, row := range urllint.Rules() {
		if slices.Contains(seen, row.Rule) {
			t.Errorf("%s is there twice", row.Rule)
		}
		seen = append(seen, row.Rule)
		if row.Finds == "" || row.Fix == "" || strings.ToLower(string(row.Rule)) != string(row.Rule) {
			t.Errorf("%+v", row)
		}
		for _, example := range row.Examples {
			if !json.Valid([]byte(example.Statement())) {
				t.Errorf("%s: %s", row.Rule, example.Statement())
			}
		}
	}
}

// TestVersionWithoutVariables: what looks like a variable is text, however it is written.
func TestVersionWithoutVariables(t *testing.T) {
	document := mustParse(t, policy.Identity,
		`{"Id":"one","Statement":{"Effect":"Allow","Action":"lambda:*",`+
			`"Resource":["*","arn:aws:lambda:*:*:function:${aws:x*"]}}`)
	want := []urllint.Rule{"invalid-arn-resource"}
	findings := lint(document)
	if diff := cmp.Diff(want, rulesOf(findings)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const applied = `{"Version":"2008-10-17","Id":"one",` +
		`"Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}`
	for _, finding := range findings {
		if got := string(finding.Apply()); got != applied {
			t.Errorf("%s: %s", finding.Rule, got)
		}
	}
}

// TestVersionIsSaidOnce: a document without Version has one finding of it, whatever its number of statements.
func TestVersionIsSaidOnce(t *testing.T) {
	const statement = `{"Effect":"Allow","Action":"lambda:*","Resource":"` + function + `"}`
	document := mustParse(t, policy.Identity, `{"Statement":[`+statement+`,`+statement+`]}`)
	want := []urllint.Rule{"missing-version", "redundant-statement"}
	if diff := cmp.Diff(want, rulesOf(lint(document))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
