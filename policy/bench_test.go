package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/furl-dev/furl/policy"
)

// urlRequests are the two decisions of a call of a function URL, by a role session.
func urlRequests() [2]policy.Request {
	keys := func(extra string, value string) policy.Values {
		v := robot.Keys()
		for k, s := range map[string]string{
			"aws:SourceIp": "203.0.113.9", "aws:SecureTransport": "true", "aws:UserAgent": "curl/8.9", "aws:CurrentTime": "2026-11-23T10:00:00Z",
			"aws:EpochTime": "1795428000", "aws:RequestedRegion": "eu-west-1", "aws:PrincipalTag/team": "books", extra: value,
		} {
			v[k] = []string{s}
		}
		return v
	}
	return [2]policy.Request{
		{Principal: &robot, Action: "lambda:InvokeFunctionUrl", Resource: function, ResourceAccount: account, Context: keys("lambda:FunctionUrlAuthType", "AWS_IAM")},
		{Principal: &robot, Action: "lambda:InvokeFunction", Resource: function, ResourceAccount: account, Context: keys("lambda:InvokedViaFunctionUrl", "true")},
	}
}

// typicalSets are two attached policies of five statements and a resource-based policy of four.
func typicalSets(tb testing.TB) *policy.Sets {
	logs := mustParse(tb, policy.Identity, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"logs:CreateLogGroup","Resource":"arn:aws:logs:eu-west-1:111122223333:*"},
		{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/robot:*"},
		{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::shelf/${aws:PrincipalTag/team}/*"},
		{"Effect":"Allow","Action":"dynamodb:*Item","Resource":"arn:aws:dynamodb:eu-west-1:111122223333:table/books"},
		{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`)
	call := mustParse(tb, policy.Identity, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"`+function+`","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}},
		{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"`+function+`","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}},
		{"Effect":"Allow","Action":["lambda:GetFunction","lambda:List*"],"Resource":"*"},
		{"Effect":"Deny","Action":"lambda:Invoke*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:db8::/32"]}}},
		{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::*:role/reader-*"}]}`)
	onFunction := mustParse(tb, policy.Resource, `{"Version":"2012-10-17","Id":"default","Statement":[
		{"Sid":"a","Effect":"Allow","Principal":{"AWS":"`+robot.RoleARN+`"},"Action":"lambda:InvokeFunctionUrl","Resource":"`+function+`","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}},
		{"Sid":"b","Effect":"Allow","Principal":{"AWS":"`+robot.RoleARN+`"},"Action":"lambda:InvokeFunction","Resource":"`+function+`","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}},
		{"Sid":"c","Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"lambda:InvokeFunctionUrl","Resource":"`+function+`","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:cloudfront::111122223333:distribution/E1"}}},
		{"Sid":"d","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"`+function+`","Condition":{"StringEquals":{"AWS:SourceAccount":"111122223333"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::shelf"}}}]}`)
	return &policy.Sets{
		Identity: []policy.Named{{Name: "logs", Document: logs}, {Name: "call", Document: call}},
		Resource: &policy.Named{Name: "resource-based policy", Document: onFunction},
	}
}

// largeSets are a resource-based policy at its limit of 20,480 bytes and ten managed policies at theirs of 6,144.
func largeSets(tb testing.TB) *policy.Sets {
	fill := func(limit int, statement func(i int) string) string {
		var b strings.Builder
		b.WriteString(`{"Version":"2012-10-17","Statement":[`)
		for i := 0; ; i++ {
			s := statement(i)
			if b.Len()+len(s)+3 > limit {
				return b.String() + "]}"
			}
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(s)
		}
	}
	sets := &policy.Sets{Resource: &policy.Named{Document: mustParse(tb, policy.Resource, fill(20480, func(i int) string {
		return fmt.Sprintf(`{"Sid":"s%d","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/team/caller-%d"},"Action":"lambda:InvokeFunctionUrl","Resource":"%s","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`, i, i, function)
	}))}}
	for n := range 10 {
		sets.Identity = append(sets.Identity, policy.Named{Document: mustParse(tb, policy.Identity, fill(6144, func(i int) string {
			return fmt.Sprintf(`{"Effect":"Allow","Action":["lambda:GetFunction%d","lambda:List%d*","s3:GetObject","lambda:Invoke*"],"Resource":["arn:aws:lambda:eu-west-1:111122223333:function:shelf-%d-%d","arn:aws:lambda:*:*:function:*-%d"]}`, i, i, n, i, i)
		}))})
	}
	sets.Identity = append(sets.Identity, policy.Named{Document: typicalSets(tb).Identity[1].Document})
	return sets
}

// TestAllocations holds the two decisions of a call to four allocations.
func TestAllocations(t *testing.T) {
	sets, requests := typicalSets(t), urlRequests()
	got := testing.AllocsPerRun(100, func() {
		for _, in := range requests {
			if policy.Evaluate(in, sets).Effect != policy.Allowed {
				t.Fatal("denied")
			}
		}
	})
	if got > 4 {
		t.Errorf("%v allocations for the two actions of a function URL, at most 4 wanted", got)
	}
}

// BenchmarkEvaluateURL is the two decisions of one call of a function URL.
func BenchmarkEvaluateURL(b *testing.B) {
	sets, requests := typicalSets(b), urlRequests()
	b.ReportAllocs()
	for b.Loop() {
		for _, in := range requests {
			if policy.Evaluate(in, sets).Effect != policy.Allowed {
				b.Fatal("denied")
			}
		}
	}
}

// BenchmarkEvaluateLarge is one decision over policies at AWS's limits.
func BenchmarkEvaluateLarge(b *testing.B) {
	sets, requests := largeSets(b), urlRequests()
	b.ReportAllocs()
	for b.Loop() {
		if policy.Evaluate(requests[0], sets).Effect != policy.Allowed {
			b.Fatal("denied")
		}
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(typicalSets(b).Resource.Document.Source())
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := policy.Parse(text, policy.Resource); err != nil {
			b.Fatal(err)
		}
	}
}
