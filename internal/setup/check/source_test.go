//go:build unix

package check_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/policy"
)

// asService is the policy of the function web with the condition in statements for both actions.
func asService(service, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Version":"2012-10-17","Statement":[{"Sid":"both","Effect":"Allow","Principal":{"Service":"` + service + `"},` +
		`"Action":["lambda:InvokeFunctionUrl","lambda:InvokeFunction"],"Resource":"` + web + `"` + condition + `}]}`
}

// A service calls for the resource that the function's policy names. The keys of a distribution are those that CloudFront
// sends (CloudFront Developer Guide, "Restrict access to an AWS Lambda function URL origin").
func TestServices(t *testing.T) {
	const front = "cloudfront.amazonaws.com"
	tests := []struct {
		name, service, policy string
		context               policy.Values
		want                  check.Verdict
		says, fix             string
	}{
		{"one distribution", front, asService(front, `{"ArnLike":{"AWS:SourceArn":"`+distribution+`"}}`), nil, check.Allowed, "as a call for aws:SourceArn " + distribution + " and aws:SourceAccount " + here, ""},
		{"with its account", front, asService(front, `{"ArnLike":{"AWS:SourceArn":"`+distribution+`"},"StringEquals":{"AWS:SourceAccount":"`+here+`"}}`), nil, check.Allowed, "", ""},
		{"with another account", front, asService(front, `{"ArnLike":{"AWS:SourceArn":"`+distribution+`"},"StringEquals":{"AWS:SourceAccount":"`+there+`"}}`), nil, check.Refused, "the request has " + here, "--source-arn " + distribution},
		{"an account alone", front, asService(front, `{"StringEquals":{"aws:SourceAccount":"`+there+`"}}`), nil, check.Allowed, "as a call for aws:SourceAccount " + there, ""},
		{"by another operator", front, asService(front, `{"StringEquals":{"aws:sourcearn":["`+distribution+`"]}}`), nil, check.Allowed, "", ""},
		{"any of several", front, asService(front, `{"ForAnyValue:StringLike":{"aws:SourceArn":["`+distribution+`","`+distribution+`2"]}}`), nil, check.Allowed, "", ""},
		{"every distribution of an account", front, asService(front, `{"ArnLike":{"aws:SourceArn":"arn:aws:cloudfront::`+here+`:distribution/*"}}`), nil, check.Allowed, "distribution/EXAMPLE", ""},
		{"every distribution of every account", front, asService(front, `{"ArnLike":{"aws:SourceArn":"arn:aws:cloudfront::*:distribution/*"}}`), nil, check.Allowed, ":" + here + ":distribution/EXAMPLE", ""},
		{"everything", front, asService(front, `{"StringLike":{"aws:SourceArn":"*"}}`), nil, check.Allowed, "", ""},
		{"without a source", front, asService(front, ""), nil, check.Allowed, "lambda:InvokeFunctionUrl allowed", ""},
		{"another distribution that is asked about", front, asService(front, `{"ArnLike":{"AWS:SourceArn":"`+distribution+`"}}`), policy.Values{"AWS:SourceArn": {distribution + "X"}}, check.Refused, "the request has " + distribution + "X", "--source-arn " + distribution + "X"},
		{"the distribution that is asked about", front, asService(front, `{"ArnLike":{"AWS:SourceArn":"`+distribution+`"}}`), policy.Values{"aws:sourcearn": {distribution}}, check.Allowed, "", ""},
		{"denied for one", front, strings.Replace(asService(front, ""), `"Statement":[`, `"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"ArnLike":{"aws:SourceArn":"`+distribution+`"}}},`, 1), nil, check.Undecided, "may deny it: aws:SourceArn", ""},
		{"denied for all but one", front, strings.Replace(asService(front, ""), `"Statement":[`, `"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"ArnNotLike":{"aws:SourceArn":"`+distribution+`"}}},`, 1), nil, check.Allowed, "as a call for aws:SourceArn " + distribution, ""},
		{"no policy", front, "", nil, check.Refused, "no resource-based policy", "let cloudfront.amazonaws.com in for one resource"},
		{"another service's", front, asService("s3.amazonaws.com", `{"StringEquals":{"aws:SourceAccount":"`+here+`"}}`), nil, check.Refused, "", ""},
		{"a bucket", "s3.amazonaws.com", asService("s3.amazonaws.com", `{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::books"},"StringEquals":{"aws:SourceAccount":"`+here+`"}}`), nil, check.Allowed, "as a call for aws:SourceArn arn:aws:s3:::books and aws:SourceAccount " + here, ""},
		{"a service without a permission", "events.amazonaws.com", "", nil, check.Refused, "CloudFront is the only service that is known to sign", ""},
		{"a service of China", "s3.amazonaws.com.cn", asService("s3.amazonaws.com.cn", ""), nil, check.Allowed, "", ""},
		{"an organization", front, asService(front, `{"StringEquals":{"aws:SourceOrgID":"o-1"}}`), nil, check.Undecided, "--context aws:SourceOrgID=VALUE", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := fakeSide()
			if test.policy != "" {
				f.policies[""] = test.policy
			}
			report := f.ask(t, check.Question{Target: web, As: test.service, Context: test.context}, still)
			if report.Verdict != test.want || !strings.Contains(text(report), test.says) {
				t.Errorf("want %s and %q:\n%s", test.want, test.says, text(report))
			}
			if fix := strings.Join(report.Fix, "\n"); !strings.Contains(fix, test.fix) {
				t.Errorf("fix %q", fix)
			}
			typable(t, report)
		})
	}
}

// placeholder is a word that nobody can type as it stands.
var placeholder = regexp.MustCompile(`\b(ARN|PROFILE|NAME|ACCOUNT|FUNCTION|VALUE|ID|ROLE|REGION)\b|[<>]|\.\.\.|…`)

// typable reports commands of a report that cannot be typed as they stand.
func typable(t *testing.T, report check.Report) {
	t.Helper()
	for _, fix := range report.Fix {
		command, _, _ := strings.Cut(fix, "   #")
		if first, _, _ := strings.Cut(command, " "); (first == "furl" || first == "aws" || first == "eval") && placeholder.MatchString(strings.ReplaceAll(command, "DistributionList.Items[].ARN", "")) {
			t.Errorf("%q cannot be typed", fix)
		}
	}
}

// The commands of a report reach the place that the check looked at, and what has to be quoted is.
func TestCommandsCanBeTyped(t *testing.T) {
	flags := func(c *check.Checker) { still(c); c.Flags = "--profile 'my profile' --region eu-central-1" }
	for name, test := range map[string]struct {
		change   func(f *fake)
		question check.Question
		checker  func(*check.Checker)
		want     string
	}{
		"a grant":                   {func(*fake) {}, check.Question{Target: "web"}, flags, "furl grant web --to arn:aws:iam::" + here + ":role/caller --profile 'my profile' --region eu-central-1"},
		"to an alias":               {func(f *fake) { f.url.Function.Qualifier = "prod" }, check.Question{Target: "web", Qualifier: "prod"}, still, "furl grant web --qualifier prod --to arn:aws:iam::" + here + ":role/caller"},
		"across accounts":           {func(*fake) {}, check.Question{Target: web, As: "arn:aws:iam::" + there + ":role/far"}, flags, "furl grant " + web + " --to arn:aws:iam::" + there + ":role/far --profile 'my profile' --region eu-central-1   # and, in account " + there + ", what it prints"},
		"with another profile":      {func(*fake) {}, check.Question{Target: web, As: "arn:aws:iam::" + there + ":role/far"}, func(c *check.Checker) { still(c); c.CallerProfile = "their's" }, `furl grant ` + web + ` --to arn:aws:iam::` + there + `:role/far --caller-profile 'their'\''s'`},
		"to everyone":               {func(f *fake) { f.url.AuthType = lambda.AuthNone }, check.Question{Target: "web"}, flags, "furl grant web --to '*' --profile 'my profile' --region eu-central-1"},
		"to everyone, as a service": {func(f *fake) { f.url.AuthType = lambda.AuthNone }, check.Question{Target: "web", As: "cloudfront.amazonaws.com"}, still, "furl grant web --to '*'"},
		"without a signature":       {func(*fake) {}, check.Question{Target: "web", As: "*"}, flags, "furl url update web --auth NONE --profile 'my profile' --region eu-central-1   # if everyone on the internet is to call"},
		"by the URL":                {func(*fake) {}, check.Question{Target: "https://abcdefghijklmnopqrstuvwxy20fghij.lambda-url.eu-central-1.on.aws/"}, still, "furl grant " + web + " --to arn:aws:iam::" + here + ":role/caller"},
		"a URL of somebody":         {func(*fake) {}, check.Question{Target: "https://bbcdefghijklmnopqrstuvwxy20fghij.lambda-url.eu-central-1.on.aws/"}, still, "name the function by its ARN, if it belongs to another account"},
		"a tag with a space": {func(f *fake) {
			f.inline["own"] = strings.Replace(`{"Version":"2012-10-17","Statement":[`+both+`]}`, `"Resource"`, `"Condition":{"StringEquals":{"aws:PrincipalTag/cost center":"a"}},"Resource"`, 1)
		}, check.Question{Target: "web"}, still, "--context 'aws:PrincipalTag/cost center=VALUE' tells it"},
		"a user with an = sign": {func(*fake) {}, check.Question{Target: "web", As: "arn:aws:iam::" + here + ":user/a=b@c+d,e"}, still, "furl grant web --to arn:aws:iam::" + here + ":user/a=b@c+d,e"},
	} {
		t.Run(name, func(t *testing.T) {
			f := fakeSide()
			test.change(f)
			report := f.ask(t, test.question, test.checker)
			if !strings.Contains(text(report), test.want) {
				t.Errorf("%q is not in\n%s", test.want, text(report))
			}
			typable(t, report)
		})
	}
}
