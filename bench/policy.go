//go:build unix

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/furl-dev/furl/policy"
)

const functionARN = "arn:aws:lambda:" + region + ":" + account + ":function:books"

// caller is a session of the role that the policies name.
var caller = policy.Principal{
	Type: policy.RoleSession, Account: account, ARN: "arn:aws:sts::" + account + ":assumed-role/robot/r1",
	RoleARN: roleARN("robot"), UniqueID: "AROAROBOTROBOTROBOT00",
}

// questions are the two decisions that a call of a function URL takes.
func questions() [2]policy.Request {
	ask := func(action, key, value string) policy.Request {
		keys := caller.Keys()
		for name, value := range map[string]string{
			"aws:SourceIp": "203.0.113.9", "aws:SecureTransport": "true", "aws:UserAgent": "curl/8.9",
			"aws:CurrentTime": "2026-11-23T10:00:00Z", "aws:EpochTime": "1795428000", "aws:RequestedRegion": region, key: value,
		} {
			keys[name] = []string{value}
		}
		return policy.Request{Principal: &caller, Action: action, Resource: functionARN, ResourceAccount: account, Context: keys}
	}
	return [2]policy.Request{
		ask("lambda:InvokeFunctionUrl", "lambda:FunctionUrlAuthType", "AWS_IAM"),
		ask("lambda:InvokeFunction", "lambda:InvokedViaFunctionUrl", "true"),
	}
}

// Two attached policies of five statements each, as a role of an application has them.
const (
	appPolicy = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"logs:CreateLogGroup","Resource":"arn:aws:logs:*:*:*"},
		{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:*:*:log-group:/aws/lambda/robot:*"},
		{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::shelf/*"},
		{"Effect":"Allow","Action":"dynamodb:*Item","Resource":"arn:aws:dynamodb:*:*:table/books"},
		{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`
	callPolicy = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}},
		{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"*","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}},
		{"Effect":"Allow","Action":["lambda:GetFunction","lambda:List*"],"Resource":"*"},
		{"Effect":"Deny","Action":"lambda:Invoke*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":["198.51.100.0/24","2001:db8::/32"]}}},
		{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::*:role/reader-*"}]}`
)

// urlPolicy is a function's resource-based policy of four statements.
const urlPolicy = `{"Version":"2012-10-17","Id":"default","Statement":[
	{"Sid":"a","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:role/robot"},"Action":"lambda:InvokeFunctionUrl","Resource":"` + functionARN + `","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}},
	{"Sid":"b","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:role/robot"},"Action":"lambda:InvokeFunction","Resource":"` + functionARN + `","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}},
	{"Sid":"c","Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"lambda:InvokeFunctionUrl","Resource":"` + functionARN + `","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:cloudfront::` + account + `:distribution/E1"}}},
	{"Sid":"d","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + functionARN + `","Condition":{"StringEquals":{"AWS:SourceAccount":"` + account + `"}}}]}`

func parse(text string, kind policy.Kind) *policy.Document {
	document, err := policy.Parse([]byte(text), kind)
	must(err)
	return document
}

// typical is what a role's call of a function URL is decided by.
func typical() *policy.Sets {
	return &policy.Sets{
		Identity: []policy.Named{{Name: "app", Document: parse(appPolicy, policy.Identity)}, {Name: "call", Document: parse(callPolicy, policy.Identity)}},
		Resource: &policy.Named{Name: "resource-based policy", Document: parse(urlPolicy, policy.Resource)},
	}
}

// largest is a resource-based policy at its limit of 20,480 bytes and ten managed policies at theirs of 6,144 (Lambda
// quotas; IAM and AWS STS quotas), the last statement of which decides.
func largest() *policy.Sets {
	sets := &policy.Sets{Resource: &policy.Named{Document: parse(fill(20480, func(i int) string {
		return fmt.Sprintf(`{"Sid":"s%d","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:role/team/caller-%d"},"Action":"lambda:InvokeFunctionUrl","Resource":"%s","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`,
			i, account, i, functionARN)
	}), policy.Resource)}}
	for n := range 9 {
		sets.Identity = append(sets.Identity, policy.Named{Document: parse(fill(6144, func(i int) string {
			return fmt.Sprintf(`{"Effect":"Allow","Action":["lambda:GetFunction%d","lambda:List%d*","s3:GetObject","lambda:Invoke*"],"Resource":["arn:aws:lambda:%s:%s:function:shelf-%d-%d","arn:aws:lambda:*:*:function:*-%d"]}`,
				i, i, region, account, n, i, i)
		}), policy.Identity)})
	}
	const deciding = `{"Effect":"Allow","Action":"lambda:Invoke*","Resource":"` + functionARN + `"}`
	last := fill(6144-len(deciding)-1, func(i int) string {
		return fmt.Sprintf(`{"Effect":"Allow","Action":"lambda:Invoke*","Resource":"arn:aws:lambda:*:*:function:tail-%d-*"}`, i)
	})
	last = strings.TrimSuffix(last, "]}") + "," + deciding + "]}"
	sets.Identity = append(sets.Identity, policy.Named{Document: parse(last, policy.Identity)})
	return sets
}

// fill makes a policy of as many statements as have room in limit bytes.
func fill(limit int, statement func(i int) string) string {
	var text strings.Builder
	text.WriteString(`{"Version":"2012-10-17","Statement":[`)
	for i := 0; ; i++ {
		next := statement(i)
		if text.Len()+len(next)+3 > limit {
			return text.String() + "]}"
		}
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(next)
	}
}

// measurePolicy is how long decisions take.
func measurePolicy(_ context.Context, _ *bench, e effort) ([]row, error) {
	asked := questions()
	decide := func(sets *policy.Sets, requests ...policy.Request) func() {
		return func() {
			for _, request := range requests {
				if decision := policy.Evaluate(request, sets); decision.Effect != policy.Allowed {
					panic(fmt.Sprintf("%s denied: %v", request.Action, decision.Reason))
				}
			}
		}
	}
	both, one := decide(typical(), asked[:]...), decide(largest(), asked[0])
	url, allocs, large := e.repeat(both), allocations(both), e.repeat(one)
	return []row{
		{"decide the two actions of a function URL", fmt.Sprintf("%s, %.0f allocs", took(url), allocs), "≤ 2 µs, ≤ 4 allocs",
			url <= float64(2*time.Microsecond) && allocs <= 4, "role with two policies of five statements, resource policy of four"},
		{"decide over policies at their limits", took(large), "≤ 50 µs", large <= float64(50*time.Microsecond),
			"resource policy of 20 KB, ten managed policies of 6 KB"},
	}, nil
}
