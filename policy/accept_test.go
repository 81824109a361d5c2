package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/furl-dev/furl/policy"
	"github.com/google/go-cmp/cmp"
)

// TestRefusedInAWSWords holds what is refused, and in which words, to what AWS was recorded to answer to CreatePolicy
// (LocalStack's test snapshots, test_iam_policies, 2026-02-18; the documents are those of getmoto/moto#2269). A row
// without a source beside it is one of them.
func TestRefusedInAWSWords(t *testing.T) {
	const (
		syntax    = "Syntax errors in policy."
		legacy    = "The policy failed legacy parsing"
		noVendor  = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
		oneColon  = "Actions/Condition can contain only one colon."
		unique    = "Statement IDs (SID) in a single policy must be unique."
		actions   = "Policy statement must contain actions."
		resources = "Policy statement must contain resources."
		path      = `IAM resource path must either be "*", root, or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, ` +
			`server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.`

		allow  = `"Effect":"Allow",`
		list   = `"Action":"s3:ListBucket",`
		bucket = `"Resource":"arn:aws:s3:::example"`
	)
	when := func(condition string) string { return allow + list + bucket + `,"Condition":` + condition }
	about := func(resource string) string { return allow + list + `"Resource":` + resource }
	tests := []struct{ statement, want string }{
		{allow + list + bucket + `,"Extra field":"value"`, syntax},
		{`"Effect":"invalid",` + list + bucket, syntax},
		{list + bucket, syntax},
		{about(`{"a":"arn:aws:s3:::example"}`), syntax},
		{about(`["adfdf",{}]`), syntax},
		{allow + list + bucket + `,"NotResource":[]`, syntax},
		{allow + list + bucket + `,"NotResource":"*"`, syntax},
		{allow + `"Action":[[]],` + bucket, syntax},
		{allow + `"Action":{},` + bucket, syntax},
		{allow + `"NotAction":"s3s:ListBucket","Action":[],` + bucket, syntax},
		{when(`[]`), syntax},
		{when(`"a"`), syntax},
		{when(`{"a":"b"}`), syntax},
		{when(`{"DateGreaterThan":"b"}`), syntax},
		{when(`{"DateGreaterThan":[]}`), syntax},
		{when(`{"DateGreaterThan":{"a":{}}}`), syntax},
		{allow + bucket + `,"Condition":{"DateGreaterThan":{"a":{}}}`, syntax},
		{when(`{"x":{"a":"1"}}`), syntax},
		{when(`{"ForAnyValue::StringEqualsIfExists":{"a":"asf"}}`), syntax},
		{allow + list + bucket + `,"Sid":{}`, syntax},
		{allow + list + bucket + `,"Sid":[]`, syntax},

		{`"Effect":"denY",` + list + bucket, legacy},
		{`"Effect":"allow","Resource":"arn:aws:s3:us-east-1::example"`, legacy},
		{when(`{"DateGreaterThan":{"a":"sdfdsf"}}`), legacy},
		{allow + `"Condition":{"DateGreaterThan":{"a":"sdfdsf"}}`, legacy},
		{about(`"arn:error:s3:::example","Condition":{"DateGreaterThan":{"a":"sdfdsf"}}`), legacy},
		{when(`{"DateLessThanEquals":{"a":"234-13"}}`), legacy},
		{when(`{"DateLessThanEquals":{"a":"2016-12-13t2:00:00.593194+1"}}`), legacy},
		{when(`{"DateLessThanEquals":{"a":"2016-12-13t2:00:00.1999999999+10:59"}}`), legacy},
		{when(`{"DateLessThan":{"a":"9223372036854775808"}}`), legacy},
		{when(`{"DateLessThan":{"a":"2026-11-31"}}`), legacy}, // the form of the rows above
		{when(`{"DateLessThan":{"a":"T10:00:00Z"}}`), legacy}, // the same
		{about(`"arn:aws:s3::example"`), legacy},
		{allow + `"Resource":"arn:aws:s3::example"`, legacy},
		{allow + list + `"NotResource":"arn:aws:s3::example"`, legacy},
		{about(`"arn:aws::::example"`), legacy},
		{about(`"arn:aws::fdsasf"`), legacy},
		{about(`"arn:aws:lambda:eu-west-1:111122223333"`), legacy},              // getmoto/moto#2269: five parts
		{about(`"arn:aws:lambda:eu-west-1:books"`), legacy},                     // the same
		{about(`"arn:aws:sts::ACCOUNT_ID:federated-user/upload"`), legacy},      // ryanto/next-s3-upload#58
		{about(`"arn:aws:iam::11112222333:role/caller"`), legacy},               // danschultzer/elixir-terraform-aws-ecs-example#1
		{`"Effect":"allow",` + `"Action":"invalid","Resource":"books"`, legacy}, // hashicorp/terraform#10057

		{allow + `"Resource":[],` + list[:len(list)-1], resources},
		{allow + list[:len(list)-1], resources},
		{allow + `"Action":"invalid"`, resources},
		{allow + bucket, actions},
		{allow[:len(allow)-1], actions},
		{allow + `"Action":[],` + bucket, actions},

		{about(`"invalid resource"`), `Resource invalid resource must be in ARN format or "*".`},
		{about(`""`), `Resource  must be in ARN format or "*".`},
		{about(`["adf"]`), `Resource adf must be in ARN format or "*".`},
		{allow + `"Action":"s:3:ListBucket","Resource":"sdfsadf"`, `Resource sdfsadf must be in ARN format or "*".`},
		{about(`"a:bsdfdsafsad"`), `Partition "bsdfdsafsad" is not valid for resource "arn:bsdfdsafsad:*:*:*:*".`},
		{about(`"a:b:"`), `Partition "b" is not valid for resource "arn:b:*:*:*:*".`},
		{about(`"a:b:cadfsdf"`), `Partition "b" is not valid for resource "arn:b:cadfsdf:*:*:*".`},
		{about(`"a:b:c:d:e:f:g:h"`), `Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".`},
		{about(`"aws:s3:::example"`), `Partition "s3" is not valid for resource "arn:s3:::example:*".`},
		{about(`["arn:error:s3:::example","arn:error:s3::example"]`), `Partition "error" is not valid for resource "arn:error:s3:::example".`},
		{about(`"arn::s3:::example"`), `Partition "" is not valid for resource "arn::s3:::example".`}, // hashicorp/terraform-provider-aws#3045
		{about(`"arn:aws"`), "Resource vendor must be fully qualified and cannot contain regexes."},
		{about(`"arn:aws:iam:::example"`), path},
		{about(`"arn:aws:iam::111122223333:caller"`), path},
		{about(`"arn:aws:iam::111122223333:roles/caller"`), path},
		{about(`"arn:aws:iam::111122223333"`), path},
		{about(`"arn:aws:iam:us-east-1::example"`), "IAM resource arn:aws:iam:us-east-1::example cannot contain region information."},
		{about(`"arn:aws:s3:us-east-1::example"`), "Resource arn:aws:s3:us-east-1::example can not contain region information."},

		{allow + `"Action":"invalid",` + bucket, noVendor},
		{allow + `"NotAction":"",` + bucket, noVendor},
		{allow + `"Action":"a a:ListBucket",` + bucket, "Vendor a a is not valid"},
		{allow + `"Action":"s3:List:Bucket",` + bucket, oneColon},
	}
	refused := func(text, want string) {
		t.Helper()
		_, err := policy.Parse([]byte(text), policy.Identity)
		var faults policy.Faults
		if !errors.As(err, &faults) {
			t.Errorf("%s was taken", text)
			return
		}
		if got := faults.AWS(); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
		if faults.Syntax() != (want == syntax) {
			t.Errorf("%s: Syntax is %t", text, faults.Syntax())
		}
	}
	for _, tt := range tests {
		refused(`{"Version":"2012-10-17","Statement":{`+tt.statement+`}}`, tt.want)
	}
	good := `{` + allow + list + bucket + `}`
	refused(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny"},`+good+`]}`, actions)
	refused(`{"Version":"2012-10-17","Statement":[`+good+`,{`+allow+`"Action":"s:3s:ListBucket",`+bucket+`}]}`, oneColon)
	refused(`{"Version":"2012-10-17","Statement":[{"Sid":"a",`+good[1:]+`,{"Sid":"a","Effect":"Allow"}]}`, unique)
	refused(`{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"aLLow",`+list+bucket+`},{"Sid":"a","Effect":"Allow"}]}`, legacy)
	refused(`{"Version":"2012-10-17","Statement":[]}`, syntax)
	refused(`{"Version":"2012-10-17","Statement":["afd"]}`, syntax)
	refused(`{"Version":"2013-10-17","Statement":`+good+`}`, syntax)
	refused(`{"Version":"2012-10-17","Id":{},"Statement":`+good+`}`, syntax)
	refused(`{"Version":"2012-10-17","Extra field":"value","Statement":`+good+`}`, syntax)
}

// TestRefusedInTrust: what only trust policies are refused for (recorded answers in LocalStack's test snapshots of
// UpdateAssumeRolePolicy, 2026-02-11; hashicorp/terraform#35086 for the services; pulumi/pulumi-aws#4629).
func TestRefusedInTrust(t *testing.T) {
	const stsOnly = "AssumeRole policy may only specify STS AssumeRole actions."
	trusting := func(principal, action string) string { return `"Principal":` + principal + `,"Action":` + action }
	const lambda = `{"Service":"lambda.amazonaws.com"}`
	tests := map[string]string{
		trusting(lambda, `"sts:InvalidAction"`):                        stsOnly,
		trusting(lambda, `"sts:AssumeRoleWithWebIdendity"`):            stsOnly,
		trusting(lambda, `["sts:AssumeRole","sts:GetCallerIdentity"]`): stsOnly,
		trusting(lambda, `"sts:Get*"`):                                 stsOnly,
		trusting(lambda, `"sts: AssumeRole"`):                          stsOnly,
		trusting(lambda, `"lambda:InvokeFunction"`):                    stsOnly,
		trusting(lambda, `"*"`):                                        stsOnly,
		trusting(lambda, `"sts:AssumeRole","Resource":"*"`):            "Has prohibited field Resource",
		`"Action":"sts:AssumeRole"`:                                    "Missing required field Principal",

		trusting(`{"Service":"tagging.example.com"}`, `"sts:AssumeRole"`):           `Invalid principal in policy: "SERVICE":"tagging.example.com"`,
		trusting(`{"Service":"amazonaws.com"}`, `"sts:AssumeRole"`):                 `Invalid principal in policy: "SERVICE":"amazonaws.com"`,
		trusting(`{"Service":"lambda.amazonaws.com.evil.org"}`, `"sts:AssumeRole"`): `Invalid principal in policy: "SERVICE":"lambda.amazonaws.com.evil.org"`,
		trusting(`{"Federated":"tagging.amazonaws.com"}`, `"sts:AssumeRole"`):       `Invalid principal in policy: "FEDERATED":"tagging.amazonaws.com"`,
		trusting(`{"AWS":"books"}`, `"sts:AssumeRole"`):                             `Invalid principal in policy: "AWS":"books"`,
	}
	for statement, want := range tests {
		text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + statement + `}]}`
		_, err := policy.Parse([]byte(text), policy.Trust)
		var faults policy.Faults
		if !errors.As(err, &faults) || faults.AWS() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for _, action := range []string{"sts:*", "STS:assumerole", "sts:AssumeRole*", "sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext", "sts:AssumeRoleWithSAML"} {
		for _, service := range []string{"lambda.amazonaws.com", "ec2.amazonaws.com.cn", "alexa-appkit.amazon.com", "delivery.logs.amazonaws.com"} {
			text := `{"Statement":{"Effect":"Allow",` + trusting(`{"Service":"`+service+`"}`, `"`+action+`"`) + `}}`
			if _, err := policy.Parse([]byte(text), policy.Trust); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

// TestTakenAsAWSTakesIt: documents that AWS takes although they do nothing, or not what they look like, what is said of
// them, and whether their statement matches (the documents are those that AWS took in the recordings of
// TestRefusedInAWSWords).
func TestTakenAsAWSTakesIt(t *testing.T) {
	const list = `"Action":"s3:ListBucket",`
	when := func(condition string) string { return list + `"Resource":"*","Condition":` + condition }
	tests := []struct {
		statement string
		want      []string // warnings
		matches   bool
	}{
		{`"Action":"iam: asdf safdsf af ","Resource":"*"`, []string{`Statement.Action: no action has the name "iam: asdf safdsf af ": it never matches`}, false},
		{`"Action":["s3:List Bucket","s3:"],"Resource":"*"`, []string{
			`Statement.Action[0]: no action has the name "s3:List Bucket": it never matches`, `Statement.Action[1]: no action has the name "s3:": it never matches`,
		}, false},
		{`"Action":"s3:ListBucket,GetObject","Resource":"*"`, []string{`Statement.Action: no action has the name "s3:ListBucket,GetObject": it never matches`}, false},
		{`"NotAction":"s3:List Bucket","Resource":"*"`, []string{`Statement.NotAction: no action has the name "s3:List Bucket": it never matches`}, true},
		{when(`{}`), nil, true},
		{when(`{"a":{}}`), []string{`Statement.Condition.a: "a" compares nothing: it lets every request pass`}, true},
		{when(`{"x":{},"y":{}}`), []string{`Statement.Condition.x: "x" compares nothing: it lets every request pass`, `Statement.Condition.y: "y" compares nothing: it lets every request pass`}, true},
		{when(`{"DateGreaterThan":{}}`), []string{`Statement.Condition.DateGreaterThan: "DateGreaterThan" compares nothing: it lets every request pass`}, true},
		{when(`{"DateGreaterThan":{"aws:CurrentTime":[]}}`), []string{`Statement.Condition.DateGreaterThan["aws:CurrentTime"]: an empty list equals no value`}, false},
		{when(`{"StringEquals":{"aws:username":[]}}`), []string{`Statement.Condition.StringEquals["aws:username"]: an empty list equals no value`}, false},
		{when(`{"StringNotEquals":{"aws:username":[]}}`), []string{`Statement.Condition.StringNotEquals["aws:username"]: an empty list equals no value`}, true},
		{when(`{"BoolIfExists":{"aws:username":["TRUE","yes"]},"Null":{"aws:username":"1"}}`), []string{
			`Statement.Condition.BoolIfExists["aws:username"][1]: "yes" is neither true nor false: it counts as false`,
			`Statement.Condition.Null["aws:username"]: "1" is neither true nor false: it counts as false`,
		}, true},
		{when(`{"Null":{"aws:username":[]}}`), []string{`Statement.Condition.Null["aws:username"]: an empty list equals no value`}, false},
		{when(`{"StringEquals":{"username":"alice"}}`), []string{`Statement.Condition.StringEquals.username: no request has the condition key "username"; the name of one is like aws:SourceIp`}, false},
		{when(`{"StringEqualsIfExists":{"username":"bob"}}`), []string{`Statement.Condition.StringEqualsIfExists.username: no request has the condition key "username"; the name of one is like aws:SourceIp`}, true},
		{when(`{"ForAnyValue:StringEqualsIfExists":{"a":"asf"}}`), []string{`Statement.Condition["ForAnyValue:StringEqualsIfExists"].a: no request has the condition key "a"; the name of one is like aws:SourceIp`}, true},
		{when(`{"DateLessThan":{"aws:CurrentTime":"01T"}}`), nil, false},
		{when(`{"DateGreaterThan":{"aws:CurrentTime":"01T"}}`), nil, true},
		{when(`{"DateGreaterThan":{"aws:CurrentTime":"-292275054"}}`), nil, true},
		{when(`{"DateGreaterThan":{"aws:CurrentTime":"2016-12-13t2:00:00.593194+23"}}`), nil, true},
		{when(`{"DateGreaterThan":{"aws:CurrentTime":"2016-12-13T21:20:37.593194+00:00"}}`), nil, true},
		{list + `"Resource":"arn:aws:fdsasf"`, nil, false},
		{list + `"Resource":"arn:aws:sns:*:*"`, nil, false},
		{list + `"Resource":"arn:aws:s33:::example"`, nil, false},
		{list + `"Resource":"arn:aws:ec2:region:account-id:instance/*"`, nil, false},
		{list + `"Resource":["arn:aws:iam:::user/x","arn:aws:iam::*:root","arn:aws:iam::aws:policy/*","arn:aws:iam::*:*","arn:aws:iam::*:mfa/${aws:username}"]`, nil, false},
		{`"Action":"s3-s:ListBucket","Resource":"*"`, nil, false},
		{`"Action":"s3.s:ListBucket","Resource":"*"`, nil, false},
	}
	in := policy.Request{
		Principal: &alice, Action: "s3:ListBucket", Resource: "arn:aws:s3:::example", ResourceAccount: account,
		Context: policy.Values{"aws:username": {"alice"}, "aws:CurrentTime": {"2026-11-30T10:00:00Z"}},
	}
	for _, tt := range tests {
		text := `{"Version":"2012-10-17","Statement":{"Effect":"Allow",` + tt.statement + `}}`
		d, err := policy.Parse([]byte(text), policy.Identity)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, warning := range d.Warnings() {
			got = append(got, warning.Path+": "+warning.Message)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", text, diff)
		}
		allowed := policy.Evaluate(in, &policy.Sets{Identity: []policy.Named{{Document: d}}}).Effect == policy.Allowed
		if allowed != tt.matches {
			t.Errorf("%s: allowed is %t", text, allowed)
		}
	}
}

// TestWarningsAreBounded: a document made to be odd in as many ways as fit keeps no more of them than of faults.
func TestWarningsAreBounded(t *testing.T) {
	actions := strings.Repeat(`"s3: x",`, policy.MaxFaults) + `"s3: x"`
	d := mustParse(t, policy.Identity, `{"Statement":{"Effect":"Allow","Action":[`+actions+`],"Resource":"*"}}`)
	if n := len(d.Warnings()); n != policy.MaxFaults {
		t.Errorf("%d warnings", n)
	}
}

// TestParseTaken: a document that AWS or an earlier version has taken is read for what it means.
func TestParseTaken(t *testing.T) {
	statement := func(rest string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow",` + rest + `}}`
	}
	tests := map[string]policy.Kind{
		statement(`"Action":"*","Resource":"arn:aws:iam::111122223333:caller"`):                                              policy.Identity,
		statement(`"Action":"*","Resource":"arn:aws:iam::1:role/caller"`):                                                    policy.Identity,
		statement(`"Action":"*","Resource":"arn:aws:lambda:eu-west-1:111122223333"`):                                         policy.Identity,
		statement(`"Principal":{"Service":"lambda.example.com"},"Action":"lambda:*","Resource":"*"`):                         policy.Resource,
		statement(`"Principal":{"Federated":"accounts.example.com"},"Action":"sts:AssumeRole"`):                              policy.Trust,
		statement(`"Principal":{"AWS":["111122223333","AIDACKCEVSQ6C2EXAMPLE"]},"Action":["sts:GetCallerIdentity","sts:x"]`): policy.Trust,
	}
	for text, kind := range tests {
		if _, err := policy.Parse([]byte(text), kind); err == nil {
			t.Errorf("%s was taken", text)
		}
		d, err := policy.ParseTaken([]byte(text), kind)
		if err != nil || d.Source() != text {
			t.Errorf("%s: %v", text, err)
			continue
		}
		mapped, err := d.MapPrincipals(func(principal string) string {
			return strings.Replace(principal, "AIDACKCEVSQ6C2EXAMPLE", "arn:aws:iam::111122223333:user/alice", 1)
		})
		if err != nil || strings.Contains(mapped.Source(), "AIDA") {
			t.Errorf("%s: mapped to %v, %v", text, mapped, err)
		}
	}
	if _, err := policy.ParseTaken([]byte(statement(`"Action":"lambda:InvokeFunction","Resource":"books"`)), policy.Identity); err == nil {
		t.Error("a resource that means nothing was taken")
	}
	if d := policy.Empty(policy.Trust); d.Len() != 0 || d.Kind() != policy.Trust || d.String() != "{}" {
		t.Errorf("an empty document prints %s", d)
	}
}
