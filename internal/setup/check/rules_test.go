//go:build unix

package check_test

import (
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/check"
)

const distribution = "arn:aws:cloudfront::" + here + ":distribution/E1EXAMPLE"

func statements(f *fake, permissions ...lambda.Permission) {
	f.policies[""] = lambda.PolicyText(permissions, f.url.Function, func(p string) string { return p })
}

func TestCloudFront(t *testing.T) {
	yes := true
	front := lambda.PermissionPrincipal{Service: "cloudfront.amazonaws.com"}
	url := lambda.Permission{StatementID: "url", Action: lambda.ActionInvokeURL, Principal: front, SourceARN: distribution}
	invoke := lambda.Permission{StatementID: "invoke", Action: lambda.ActionInvoke, Principal: front, SourceARN: distribution, InvokedViaURL: &yes}
	f := fakeSide()
	ask := func() check.Report { return f.ask(t, check.Question{Target: web}, still) }

	statements(f, url, invoke)
	report := ask()
	if status(report, "cloudfront") != check.OK || !strings.Contains(text(report), "lets CloudFront in, for 1 distribution") || !strings.Contains(text(report), "x-amz-content-sha256") {
		t.Error(text(report))
	}
	statements(f, url)
	report = ask()
	fix := "furl grant " + web + " --to cloudfront.amazonaws.com --source-arn " + distribution
	if status(report, "cloudfront") != check.Problem || !strings.Contains(text(report), distribution+" lacks lambda:InvokeFunction") || !strings.Contains(strings.Join(report.Fix, "\n"), fix) {
		t.Error(text(report))
	}
	anyone := url
	anyone.SourceARN, anyone.Action = "", "lambda:*"
	statements(f, anyone)
	if report = ask(); status(report, "cloudfront") != check.OK || !strings.Contains(text(report), "every distribution of every account may call") {
		t.Error(text(report))
	}
	f.url.AuthType = lambda.AuthNone
	if report = ask(); status(report, "cloudfront") != check.Problem || !strings.Contains(text(report), "past CloudFront") {
		t.Error(text(report))
	}
	statements(f)
	if report = ask(); status(report, "cloudfront") != "" {
		t.Error(text(report))
	}

	// As the service itself, with the distribution that it calls for.
	f.url.AuthType = lambda.AuthIAM
	statements(f, url, invoke)
	as := check.Question{Target: web, As: "cloudfront.amazonaws.com"}
	if report = f.ask(t, as, still); report.Verdict != check.Allowed || !strings.Contains(text(report), "as a call for aws:SourceArn "+distribution+" and aws:SourceAccount "+here) {
		t.Error(text(report))
	}
	as.Context = map[string][]string{"aws:SourceArn": {distribution}}
	if report = f.ask(t, as, still); report.Verdict != check.Allowed {
		t.Error(text(report))
	}
	as.Context = map[string][]string{"aws:SourceArn": {distribution + "X"}}
	if report = f.ask(t, as, still); report.Verdict != check.Refused || !strings.Contains(strings.Join(report.Fix, "\n"), "--to cloudfront.amazonaws.com --source-arn "+distribution+"X") {
		t.Error(text(report))
	}
}

func TestNovember(t *testing.T) {
	f := fakeSide()
	other := lambda.Permission{StatementID: "old", Action: lambda.ActionInvokeURL, Principal: lambda.PermissionPrincipal{AWS: "arn:aws:iam::" + here + ":role/other"}}
	statements(f, other)
	report := f.ask(t, check.Question{Target: "web"}, still)
	if status(report, "november-2026") != check.Problem || !strings.Contains(text(report), `statement "old"`) ||
		!strings.Contains(strings.Join(report.Fix, "\n"), "furl grant web --to arn:aws:iam::"+here+":role/other") {
		t.Error(text(report))
	}
	f.allows("", lambda.ActionInvokeURL, lambda.ActionInvoke)
	report = f.ask(t, check.Question{Target: web}, still)
	if report.Verdict != check.Allowed || status(report, "november-2026") != check.OK || !strings.Contains(text(report), "note: statement") {
		t.Error(text(report))
	}
}

func TestCORS(t *testing.T) {
	yes, no := true, false
	good := lambda.CORS{AllowOrigins: []string{"https://a.example"}, AllowMethods: []string{"get"}, AllowHeaders: []string{"Authorization", "X-Amz-Date", "x-amz-security-token"}, AllowCredentials: &no}
	with := func(change func(*lambda.CORS)) *lambda.CORS {
		changed := good
		change(&changed)
		return &changed
	}
	tests := []struct {
		name string
		cors *lambda.CORS
		want check.Status
		says string
	}{
		{"none", nil, check.OK, "a preflight request is refused"},
		{"good", &good, check.OK, "pages of https://a.example may call"},
		{"all headers and methods", with(func(c *lambda.CORS) { c.AllowHeaders, c.AllowMethods = []string{"*"}, []string{"*"} }), check.OK, "may call"},
		{"no origin", with(func(c *lambda.CORS) { c.AllowOrigins = nil }), check.Problem, "no origin is allowed"},
		{"other methods", with(func(c *lambda.CORS) { c.AllowMethods = []string{"POST"} }), check.Problem, "GET is not among the allowed methods: POST"},
		{"no signature", with(func(c *lambda.CORS) { c.AllowHeaders = []string{"authorization"} }), check.Problem, "header x-amz-date is not allowed"},
		{"everyone's cookies", with(func(c *lambda.CORS) { c.AllowOrigins, c.AllowCredentials = []string{"*"}, &yes }), check.Problem, "every page on the internet"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := fakeSide()
			f.allows("", lambda.ActionInvokeURL, lambda.ActionInvoke)
			f.url.CORS = test.cors
			report := f.ask(t, check.Question{Target: web}, still)
			if status(report, "cors") != test.want || !strings.Contains(text(report), test.says) || report.Verdict != check.Allowed {
				t.Errorf("want %s and %q:\n%s", test.want, test.says, text(report))
			}
		})
	}
}

// Statements of whole policies list principals, actions and distributions.
func TestRulesOnWholePolicies(t *testing.T) {
	const first, second = distribution + "1", distribution + "2"
	f := fakeSide()
	f.policies[""] = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"Service":["s3.amazonaws.com","cloudfront.amazonaws.com"]},"Action":["lambda:InvokeFunctionUrl","lambda:Invoke*"],` +
		`"Resource":"*","Condition":{"ArnLike":{"AWS:SourceArn":["` + first + `","` + second + `"]}}},` +
		`{"Effect":"Deny","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"lambda:InvokeFunctionUrl","Resource":"*",` +
		`"Condition":{"ArnLike":{"AWS:SourceArn":"` + distribution + `3"}}}]}`
	report := f.ask(t, check.Question{Target: web}, still)
	if status(report, "cloudfront") != check.OK || !strings.Contains(text(report), "lets CloudFront in, for 2 distributions") {
		t.Error(text(report))
	}

	f.policies[""] = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::` + there + `:role/one","arn:aws:iam::` +
		there + `:role/two"],"Service":"cloudfront.amazonaws.com"},"Action":["lambda:InvokeFunctionUrl"],"Resource":"*",` +
		`"Condition":{"StringEquals":{"aws:SourceArn":"` + first + `"}}}]}`
	report = f.ask(t, check.Question{Target: web}, still)
	for _, want := range []string{
		"furl grant " + web + " --to arn:aws:iam::" + there + ":role/one", "furl grant " + web + " --to arn:aws:iam::" + there + ":role/two",
		"furl grant " + web + " --to cloudfront.amazonaws.com --source-arn " + first,
	} {
		if !strings.Contains(text(report), want) {
			t.Errorf("no %q in\n%s", want, text(report))
		}
	}
}
