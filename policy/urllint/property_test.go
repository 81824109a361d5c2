package urllint_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

// faults puts policies together at random, of what the table and the neighbors of its examples have.
type faults struct{ *rand.Rand }

func (f faults) pick(list []string) string { return list[f.IntN(len(list))] }

var (
	faultyConditions = []string{
		`"StringEquals":{"aws:SourceVpc":"vpc-1"}`, `"StringNotEquals":{"aws:SourceVpce":"vpce-1"}`,
		`"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`,
		`"IpAddress":{"aws:SourceIp":["203.0.113.9/24","10.1.2.3"]}`, `"NotIpAddress":{"aws:SourceIp":"192.168.0.0/16"}`,
		`"StringLike":{"aws:PrincipalArn":"*"}`, `"StringLike":{"lambda:FunctionUrlAuthType":"IAM*"}`,
		`"Bool":{"lambda:InvokedViaFunctionUrl":"false"}`,
		`"Null":{"aws:PrincipalOrgID":"true"}`, `"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}`,
		`"StringEquals":{"aws:SourcIp":"x"}`,
		`"StringEqualsIfExists":{"aws:PrincipalOrgID":"O-A1B2C3D4E5"}`,
		`"ArnEquals":{"aws:PrincipalAccount":"1111-2222-3333"}`,
		`"DateLessThan":{"aws:CurrentTime":"2020-01-01"}`, `"StringEquals":{"aws:CurrentTime":"2020-01-01"}`,
		`"Bool":{"aws:SecureTransport":["true","false"]}`,
		`"StringEquals":{"aws:ARN":"arn:aws:sts::111122223333:assumed-role/caller/x"}`,
		`"StringEquals":{"lamda:FunctionUrlAuthTyp":"none"}`,
		`"StringEquals":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/*"}`, `"NumericLessThan":{"aws:MultiFactorAuthAge":["1","2"]}`,
		`"ArnLike":{"AWS:SourceArn":"arn:aws:cloudfront:us-east-1:111122223333:distribution/E1"}`,
		`"StringEquals":{"aws:username":"${aws:usrname}"}`,
		`"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}`, `"Bool":{"lambda:InvokedViaFunctionUrl":"true"}`,
		`"StringEquals":{"sts:ExternalId":"x"}`,
	}
	faultyActions = []string{
		`"lambda:InvokeFunctionUrl"`, `"lambda:InvokeFunction"`, `["lambda:InvokeFunctionUrl","lambda:InvokeFunction"]`,
		`"lambda:*"`, `"*"`,
		`["lambda:InvokeFunctionUri","lambda:GetFunction"]`, `"lamda:Invoke*"`, `["lambda:Invoke","lambda:CallMe"]`,
		`["lambda:InvokeFunctionUrl","lambda:InvokeFunctionUrl"]`,
	}
	faultyResources = []string{
		`"*"`, `"` + function + `"`, `"` + function + `:*"`, `["` + function + `","*"]`,
		`"arn:aws-cn:Lambda::111122223333:function/books"`,
		`["arn:aws:s3:::books","arn:aws:lambda:eu-west-1a:1:books"]`, `"arn:aws:lambda"`,
	}
	faultyPrincipals = []string{
		`"*"`, `{"AWS":"*"}`, `{"AWS":"arn:aws:iam::111122223333:user/bob"}`,
		`{"Service":["cloudfront.amazonaws.com","lambda.amazonaws.com"]}`,
		`{"AWS":["AROAEXAMPLEEXAMPLE22","444455556666"]}`, `{"Service":"cloudfornt.amazonaws.com"}`,
		`{"Service":"nobody-knows.amazonaws.com"}`,
	}
)

func (f faults) document(t *testing.T, kind policy.Kind) *policy.Document {
	t.Helper()
	var statements []string
	for i := range 1 + f.IntN(3) {
		s := fmt.Sprintf(`"Sid":"S%d","Effect":%q,`, i, f.pick([]string{"Allow", "Allow", "Deny"}))
		if kind == policy.Resource {
			not := ""
			if strings.Contains(s, "Deny") && f.IntN(4) == 0 {
				not = "Not"
			}
			s += `"` + not + `Principal":` + f.pick(faultyPrincipals) + `,`
		}
		s += `"Action":` + f.pick(faultyActions) + `,"Resource":` + f.pick(faultyResources)
		blocks := map[string]string{}
		for range f.IntN(4) {
			operator, rest, _ := strings.Cut(f.pick(faultyConditions), ":{")
			blocks[operator] = rest
		}
		list := []string{}
		for operator, rest := range blocks {
			list = append(list, operator+":{"+rest)
		}
		if len(list) > 0 {
			s += `,"Condition":{` + strings.Join(list, ",") + `}`
		}
		statements = append(statements, "{"+s+"}")
	}
	version := f.pick([]string{"2012-10-17", "2012-10-17", "2008-10-17"})
	return mustParse(t, kind, `{"Version":"`+version+`","Statement":[`+strings.Join(statements, ",")+`]}`)
}

// TestFixesEnd makes the fixes of policies with several faults one after the other: every fix is a policy that the
// finding is not made of any more, and in the end nothing is left to find.
func TestFixesEnd(t *testing.T) {
	random := faults{rand.New(rand.NewPCG(1, 2))}
	for n := range 120 {
		document := random.document(t, []policy.Kind{policy.Identity, policy.Resource}[n%2])
		first, steps := document, []string{}
		for document != nil {
			findings := lint(document)
			if len(findings) == 0 {
				break
			}
			f := findings[random.IntN(len(findings))]
			if steps = append(steps, f.Path()+" "+string(f.Rule)+": "+f.Message); len(steps) > 40 {
				t.Fatalf("%s\nis never done:\n%s\n%s", first, strings.Join(steps[30:], "\n"), document)
			}
			before := count(findings, f)
			if document = apply(t, f); document != nil && count(lint(document), f) >= before {
				t.Errorf("%s\nis not cured of %s: %s\n%s", f.Document, f.Rule, f.Message, document)
			}
		}
	}
}

// count is how many findings say the same.
func count(findings []urllint.Finding, f urllint.Finding) (n int) {
	for _, other := range findings {
		if other.Rule == f.Rule && other.Message == f.Message {
			n++
		}
	}
	return n
}

// TestFindingsHold asks the evaluator about calls of function URLs: a statement that is said never to match matches
// none of them, and one that is said to deny every call matches them all, for one of the two actions at least.
func TestFindingsHold(t *testing.T) {
	never := []urllint.Rule{"never-matches", "via-url-false", "date-gone-by"}
	random := faults{rand.New(rand.NewPCG(3, 4))}
	checked := map[urllint.Rule]int{}
	for n := range 150 {
		document := random.document(t, []policy.Kind{policy.Identity, policy.Resource}[n%2])
		for _, finding := range lint(document) {
			if !slices.Contains(never, finding.Rule) && finding.Rule != "denies-every-call" {
				continue
			}
			checked[finding.Rule]++
			for name := range callers {
				url, invoke := matches(finding.Ref, name, "lambda:InvokeFunctionUrl"), matches(finding.Ref, name, "lambda:InvokeFunction")
				if finding.Rule != "denies-every-call" && (url || invoke) {
					t.Errorf("%s\n%s: %s, and it matches a call of %s", document, finding.Path(), finding.Message, name)
				}
				all := document.Kind() == policy.Identity || slices.Contains([]string{"*", "AWS:*"}, document.Statements()[finding.Statement].Principals[0])
				if finding.Rule == "denies-every-call" && all && !url && !invoke && covers(document.Statements()[finding.Statement]) {
					t.Errorf("%s\n%s: %s, and it matches no call of %s", document, finding.Path(), finding.Message, name)
				}
			}
		}
	}
	for _, rule := range append(never, "denies-every-call") {
		if checked[rule] < 5 {
			t.Errorf("only %d findings of %s", checked[rule], rule)
		}
	}
}

// covers reports whether the statement is about the function of the calls.
func covers(s policy.Statement) bool { return s.CoversResource(function) }

// matches reports whether a statement matches a caller's request for one of the two actions.
func matches(ref policy.Ref, name, action string) bool {
	named := policy.Named{Name: "policy", Document: ref.Document}
	sets := &policy.Sets{Identity: []policy.Named{named}}
	if ref.Document.Kind() == policy.Resource {
		sets = &policy.Sets{Resource: &named}
	}
	return slices.ContainsFunc(policy.Evaluate(callers[name].request(action), sets).Matched, func(matched policy.Ref) bool {
		return matched.Statement == ref.Statement
	})
}
