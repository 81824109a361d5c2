package urllint_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/furl-dev/furl/policy"
)

// TestFixesEnd makes the fixes of policies with several faults one after the other: each is made of what the table and
// the neighbors of its examples put together at random. Every fix is a policy, and in the end nothing is left to find.
func TestFixesEnd(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	conditions := []string{
		`"StringEquals":{"aws:SourceVpc":"vpc-1"}`, `"StringNotEquals":{"aws:SourceVpce":"vpce-1"}`, `"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`,
		`"IpAddress":{"aws:SourceIp":["203.0.113.9/24","10.1.2.3"]}`, `"NotIpAddress":{"aws:SourceIp":"192.168.0.0/16"}`,
		`"StringLike":{"aws:PrincipalArn":"*"}`, `"StringLike":{"lambda:FunctionUrlAuthType":"IAM*"}`, `"Bool":{"lambda:InvokedViaFunctionUrl":"false"}`,
		`"Null":{"aws:PrincipalOrgID":"true"}`, `"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}`, `"StringEquals":{"aws:SourcIp":"x"}`,
		`"StringEqualsIfExists":{"aws:PrincipalOrgID":"O-A1B2C3D4E5"}`, `"ArnEquals":{"aws:PrincipalAccount":"1111-2222-3333"}`,
		`"DateLessThan":{"aws:CurrentTime":"2020-01-01"}`, `"StringEquals":{"aws:CurrentTime":"2020-01-01"}`, `"Bool":{"aws:SecureTransport":["true","false"]}`,
		`"StringEquals":{"aws:ARN":"arn:aws:sts::111122223333:assumed-role/caller/x"}`, `"StringEquals":{"lamda:FunctionUrlAuthTyp":"none"}`,
		`"StringEquals":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/*"}`, `"NumericLessThan":{"aws:MultiFactorAuthAge":["1","2"]}`,
		`"ArnLike":{"AWS:SourceArn":"arn:aws:cloudfront:us-east-1:111122223333:distribution/E1"}`, `"StringEquals":{"aws:username":"${aws:usrname}"}`,
		`"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}`, `"Bool":{"lambda:InvokedViaFunctionUrl":"true"}`, `"StringEquals":{"sts:ExternalId":"x"}`,
	}
	actions := []string{
		`"lambda:InvokeFunctionUrl"`, `"lambda:InvokeFunction"`, `["lambda:InvokeFunctionUrl","lambda:InvokeFunction"]`, `"lambda:*"`, `"*"`,
		`["lambda:InvokeFunctionUri","lambda:GetFunction"]`, `"lamda:Invoke*"`, `["lambda:Invoke","lambda:CallMe"]`, `["lambda:InvokeFunctionUrl","lambda:InvokeFunctionUrl"]`,
	}
	resources := []string{
		`"*"`, `"` + function + `"`, `"` + function + `:*"`, `["` + function + `","*"]`, `"arn:aws-cn:Lambda::111122223333:function/books"`,
		`["arn:aws:s3:::books","arn:aws:lambda:eu-west-1a:1:books"]`, `"arn:aws:lambda"`,
	}
	principals := []string{
		`"*"`, `{"AWS":"*"}`, `{"AWS":"arn:aws:iam::111122223333:user/bob"}`, `{"Service":["cloudfront.amazonaws.com","lambda.amazonaws.com"]}`,
		`{"AWS":["AROAEXAMPLEEXAMPLE22","444455556666"]}`, `{"Service":"cloudfornt.amazonaws.com"}`, `{"Service":"nobody-knows.amazonaws.com"}`,
	}
	for n := range 250 {
		kind := []policy.Kind{policy.Identity, policy.Resource}[n%2]
		var statements []string
		for i := range 1 + random.IntN(3) {
			s := fmt.Sprintf(`"Sid":"S%d","Effect":%q,`, i, pick([]string{"Allow", "Allow", "Deny"}))
			if kind == policy.Resource {
				not := ""
				if strings.Contains(s, "Deny") && random.IntN(4) == 0 {
					not = "Not"
				}
				s += `"` + not + `Principal":` + pick(principals) + `,`
			}
			s += `"Action":` + pick(actions) + `,"Resource":` + pick(resources)
			blocks := map[string]string{}
			for range random.IntN(4) {
				operator, rest, _ := strings.Cut(pick(conditions), ":{")
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
		version := pick([]string{"2012-10-17", "2012-10-17", "2008-10-17"})
		document := mustParse(t, kind, `{"Version":"`+version+`","Statement":[`+strings.Join(statements, ",")+`]}`)
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
			document = apply(t, f)
		}
	}
}
