//go:build unix

package check_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/policy"
)

func still(c *check.Checker) { c.Now = func() time.Time { return moment } }

func denied(action string) error {
	return &awsapi.Error{Kind: awsapi.Denied, Action: action, Message: "not authorized"}
}

// Keys of the form that AWS's have.
const (
	wholeSecret = "wJalrXUtnFEMIaK7MDENGabPxRfiCYzzzzzzzKEY"
	wholeToken  = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQ+/abc="
)

func TestCredentialsAndClock(t *testing.T) {
	tests := []struct {
		name   string
		change func(f *fake)
		step   string
		want   check.Status
		says   string
		verd   check.Verdict
	}{
		{"good", func(*fake) {}, "credentials", check.OK, "temporary keys of arn:aws:sts::" + here + ":assumed-role/caller/s, access key ASIAABCDEFGHIJKLMNOP", check.Allowed},
		{"with an end", func(f *fake) { f.credentials.CanExpire, f.credentials.Expires = true, moment.Add(time.Hour) }, "credentials", check.OK, "good for another 1h0m0s", check.Allowed},
		{"over", func(f *fake) { f.credentials.CanExpire, f.credentials.Expires = true, moment.Add(-time.Second) }, "credentials", check.Problem, "expired at 2026-11-23T14:59:59Z", check.Refused},
		{"without token", func(f *fake) { f.credentials.SessionToken = "" }, "credentials", check.Problem, "its session token is missing", check.Refused},
		{"with a token of others", func(f *fake) { f.credentials.AccessKeyID = "AKIAABCDEFGHIJKLMNOP" }, "credentials", check.Problem, "a session token of other credentials", check.Refused},
		{"white space", func(f *fake) { f.credentials.SecretAccessKey += "\n" }, "credentials", check.Problem, "the secret access key ends with white space (a newline) (found by test)", check.Refused},
		{"a quotation mark", func(f *fake) { f.credentials.AccessKeyID = `"ASIAABCDEFGHIJKLMNOP"` }, "credentials", check.Problem, "the access key id begins with a quotation mark", check.Refused},
		{"swapped", func(f *fake) {
			f.credentials.AccessKeyID, f.credentials.SecretAccessKey = wholeSecret, "AKIAABCDEFGHIJKLMNOP"
		}, "credentials", check.Problem, "the access key id and the secret access key are swapped", check.Refused},
		{"swapped, and the service quotes them", func(f *fake) {
			f.credentials.AccessKeyID, f.credentials.SecretAccessKey = wholeSecret, "AKIAABCDEFGHIJKLMNOP"
			f.keys = &awsapi.Error{Kind: awsapi.BadCredentials, Message: "Credential=" + wholeSecret + "/20261130"}
			f.urlFault = f.keys
		}, "url", check.Unknown, "Credential=[hidden]/20261130", check.Refused},
		{"refused, and the service quotes the token", func(f *fake) {
			f.credentials.SessionToken = wholeToken
			f.keys = &awsapi.Error{Kind: awsapi.BadCredentials, Message: "The Canonical String should have been 'x-amz-security-token:" + wholeToken + "'"}
		}, "credentials", check.Problem, "x-amz-security-token:[hidden]'", check.Refused},
		{"the example of the documentation", func(f *fake) {
			f.credentials = aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
			f.keys = &awsapi.Error{Kind: awsapi.BadCredentials, Message: "The security token included in the request is invalid."}
		}, "credentials", check.Problem, "the key is the example of AWS's documentation", check.Refused},
		{"cut off", func(f *fake) {
			f.credentials = aws.Credentials{AccessKeyID: "AKIAABCDEFGHIJKLMNOP", SecretAccessKey: wholeSecret[1:]}
			f.keys = &awsapi.Error{Kind: awsapi.BadCredentials, Message: "SignatureDoesNotMatch"}
		}, "credentials", check.Problem, "the secret access key has 39 characters; AWS's have 40", check.Refused},
		{"of another shape, which the service takes", func(f *fake) {
			f.credentials = aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
		}, "credentials", check.OK, "access key test", check.Allowed},
		{"none", func(f *fake) {
			f.keys = &awsapi.Error{Kind: awsapi.NoCredentials, Message: "no AWS credentials could be found"}
		}, "credentials", check.Problem, "no AWS credentials could be found", check.Refused},
		{"unknown to AWS", func(f *fake) {
			f.keys = &awsapi.Error{Kind: awsapi.BadCredentials, Action: "sts:GetCallerIdentity", Message: "invalid"}
		}, "credentials", check.Problem, "AWS does not accept them", check.Refused},
		{"nobody to ask", func(f *fake) {
			f.keys = &awsapi.Error{Kind: awsapi.Unreachable, Action: "sts:GetCallerIdentity", Message: "refused"}
		}, "credentials", check.Unknown, "whether AWS accepts access key", check.Undecided},
		{"signature", func(*fake) {}, "signature", check.OK, "GET /a%20b?x=1, signed for service lambda and region eu-central-1", check.Allowed},
		{"clock", func(*fake) {}, "clock", check.OK, "agrees with the service's", check.Allowed},
		{"clock a little off", func(f *fake) { f.identity.ClockAhead = 2 * time.Minute }, "clock", check.OK, "2m0s behind the service's", check.Allowed},
		{"clock far off", func(f *fake) { f.identity.ClockAhead = -6 * time.Minute }, "clock", check.Problem, "6m0s ahead of the service's", check.Refused},
		{"clock not known", func(f *fake) { f.identity.ClockKnown = false }, "clock", "", "", check.Allowed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := fakeSide()
			f.allows("", lambda.ActionInvokeURL, lambda.ActionInvoke)
			test.change(f)
			report := f.ask(t, check.Question{Target: web, Path: "/a%20b?x=1"}, still)
			if got := status(report, test.step); got != test.want || !strings.Contains(text(report), test.says) || report.Verdict != test.verd {
				t.Errorf("%s is %q, want %q and %q, verdict %s:\n%s", test.step, got, test.want, test.says, test.verd, text(report))
			}
			for _, secret := range []string{": secret", ": token\n", wholeSecret, wholeToken} {
				if strings.Contains(text(report), secret) {
					t.Errorf("the report shows %q", secret)
				}
			}
		})
	}
	f := fakeSide()
	f.keys = &awsapi.Error{Kind: awsapi.NoCredentials, Message: "none"}
	if report := f.ask(t, check.Question{Target: "web"}, still); report.Verdict != check.Refused || report.Function != "" || status(report, "url") != check.Unknown {
		t.Errorf("a bare name without credentials: %s", text(report))
	}
	if report := f.ask(t, check.Question{Target: f.url.Address}, still); report.Verdict != check.Refused || status(report, "dns") != check.OK {
		t.Errorf("a URL without credentials: %s", text(report))
	}
}

// What could not be looked at is told with the permission that was missing, and is never taken for allowed.
func TestWhatCanNotBeLookedAt(t *testing.T) {
	all := func(f *fake) { f.allows("", lambda.ActionInvokeURL, lambda.ActionInvoke) }
	own := func(f *fake) { f.inline["own"] = `{"Version":"2012-10-17","Statement":[` + both + `]}` }
	tests := []struct {
		name    string
		change  func(f *fake)
		want    check.Verdict
		missing string
		says    string
	}{
		{"the URL", func(f *fake) { all(f); f.urlFault = denied("lambda:GetFunctionUrlConfig") }, check.Undecided, "lambda:GetFunctionUrlConfig", "the function's URL: lambda:GetFunctionUrlConfig"},
		{"the function's policy, when the caller's own allows", func(f *fake) { own(f); f.hidden = denied("lambda:GetPolicy") }, check.Undecided, "lambda:GetPolicy", "without the resource-based policy"},
		{"the function's policy, when nothing else allows", func(f *fake) { f.hidden = denied("lambda:GetPolicy") }, check.Undecided, "lambda:GetPolicy", "without the resource-based policy"},
		{"the caller's policies, although the function's allows", func(f *fake) {
			all(f)
			f.simulator = denied("iam:SimulatePrincipalPolicy")
			f.unreadable = denied("iam:ListRolePolicies")
		}, check.Undecided, "iam:ListRolePolicies", "without policies of the caller"},
		{"the caller", func(f *fake) {
			all(f)
			f.simulator = denied("iam:SimulatePrincipalPolicy")
			f.roleFault = denied("iam:GetRole")
		}, check.Undecided, "iam:GetRole", "without policies of the caller"},
		{"the boundary", func(f *fake) {
			all(f)
			f.simulator = denied("iam:SimulatePrincipalPolicy")
			f.role.Boundary = "arn:aws:iam::" + here + ":policy/limit"
		}, check.Undecided, "iam:GetPolicy", "could not be looked at"},
		{"a policy that is none", func(f *fake) { all(f); f.simulator = denied("iam:SimulatePrincipalPolicy"); f.inline["own"] = "{" }, check.Undecided, "", "inline policy own of role caller"},
		{"a function's policy that is none", func(f *fake) { f.policies[""] = "{" }, check.Undecided, "", "resource-based policy of " + web},
		{"the caller's policies, and the simulator knows", func(f *fake) {
			f.unreadable, f.simulator = denied("iam:ListRolePolicies"), nil
			f.simulation = awsapi.Simulation{Allowed: true, By: []string{"own"}}
		}, check.Allowed, "iam:ListRolePolicies", "the caller's policies, as IAM's simulator has them (own)"},
		{"the caller's policies, and the simulator lacks a key", func(f *fake) {
			f.unreadable = denied("iam:ListRolePolicies")
			f.simulation = awsapi.Simulation{Allowed: true, Missing: []string{"aws:SourceIp"}}
		}, check.Undecided, "iam:ListRolePolicies", "the caller's policies may decide otherwise: aws:SourceIp is not known"},
		{"the caller's policies, and the simulator knows a deny", func(f *fake) {
			all(f)
			f.unreadable, f.simulator = denied("iam:ListRolePolicies"), nil
			f.simulation = awsapi.Simulation{Denied: true}
		}, check.Refused, "iam:ListRolePolicies", "denied by Statement of the caller's policies, as IAM's simulator has them"},
		{"the caller's policies, and the simulator knows of nothing", func(f *fake) {
			f.unreadable, f.simulator = denied("iam:ListRolePolicies"), nil
		}, check.Refused, "iam:ListRolePolicies", "denied: neither"},
		{"an organization that allows", func(f *fake) { all(f); f.simulator, f.simulation = nil, awsapi.Simulation{InOrg: true} }, check.Allowed, "", "do not stand in the way"},
		{"an organization that does not", func(f *fake) {
			all(f)
			f.simulator, f.simulation = nil, awsapi.Simulation{InOrg: true, LimitedBySCP: true}
		}, check.Refused, "", "the service control policies of account " + here + " do not allow lambda:InvokeFunctionUrl"},
		{"service control policies", func(f *fake) { all(f); f.simulator = denied("iam:SimulatePrincipalPolicy") }, check.Undecided, "iam:SimulatePrincipalPolicy", "service control policies, if account " + here + " is in an organization"},
		{"service control policies of an endpoint without a simulator", func(f *fake) {
			all(f)
			f.simulator = &awsapi.Error{Kind: awsapi.Unsupported, Action: "iam:SimulatePrincipalPolicy", Message: "no"}
		}, check.Allowed, "", "service control policies, if account " + here + " is in an organization"},
		{"an account outside of an organization", all, check.Allowed, "", "IAM's simulator says nothing of service control policies"},
		{"a local server without service control policies", func(f *fake) { all(f); f.url.Address = "http://localhost:9000/_furl/url/x/" }, check.Allowed, "", "the server has no service control policies for account " + here},
		{"service control policies that ask for what nobody knows", func(f *fake) {
			all(f)
			f.simulation = awsapi.Simulation{InOrg: true, Missing: []string{"aws:SourceIp", "aws:SourceVpc"}}
		}, check.Undecided, "", "the service control policies may decide otherwise: aws:SourceIp is not known from here"},
		{"a federated user's session", func(f *fake) {
			f.identity.ARN = "arn:aws:sts::" + here + ":federated-user/fred"
			f.policies[""] = strings.ReplaceAll(f.policies[""], f.role.ARN(), f.identity.ARN)
		}, check.Undecided, "", "can be read by nobody"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := fakeSide()
			test.change(f)
			report := f.ask(t, check.Question{Target: web}, still)
			if report.Verdict != test.want || !strings.Contains(text(report), test.says) {
				t.Errorf("want %s and %q:\n%s", test.want, test.says, text(report))
			}
			var missing []string
			for _, step := range report.Steps {
				missing = append(missing, step.Missing)
			}
			if !strings.Contains(strings.Join(missing, " "), test.missing) {
				t.Errorf("missing are %q, want %s", missing, test.missing)
			}
		})
	}
	// Nobody has credentials for the caller's account.
	f := fakeSide()
	far := "arn:aws:iam::" + there + ":role/far"
	f.policies[""] = lambda.PolicyText([]lambda.Permission{{StatementID: "a", Action: "lambda:*", Principal: lambda.PermissionPrincipal{AWS: far}}}, f.url.Function, func(p string) string { return p })
	report := f.ask(t, check.Question{Target: web, As: far}, still)
	if report.Verdict != check.Undecided || !strings.Contains(text(report), "there are no credentials for account "+there+"; --caller-profile names some") {
		t.Error(text(report))
	}
}

// A decision that hangs on what only the call itself will have is none, until somebody says what it will have.
func TestConditionsThatCanNotBeKnown(t *testing.T) {
	allow := func(f *fake, condition string) {
		f.inline["own"] = `{"Version":"2012-10-17","Statement":[` + strings.Replace(both, `"Resource"`, `"Condition":`+condition+`,"Resource"`, 1) + `]}`
	}
	deny := func(f *fake, condition string) {
		f.allows("", lambda.ActionInvokeURL, lambda.ActionInvoke)
		f.inline["own"] = `{"Version":"2012-10-17","Statement":[{"Sid":"no","Effect":"Deny","Action":"*","Resource":"*","Condition":` + condition + `}]}`
	}
	address := policy.Values{"aws:SourceIp": {"192.0.2.1"}}
	tests := []struct {
		name    string
		change  func(f *fake)
		context policy.Values
		want    check.Verdict
		says    string
	}{
		{"allowed from an address", func(f *fake) { allow(f, `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`) }, nil, check.Undecided, `statement "both" (Statement[0]) of inline policy own of role caller may allow it: aws:SourceIp is not known from here: --context aws:SourceIp=VALUE`},
		{"allowed from this address", func(f *fake) { allow(f, `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`) }, address, check.Allowed, ""},
		{"allowed from another address", func(f *fake) { allow(f, `{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`) }, address, check.Refused, "the request has 192.0.2.1"},
		{"allowed from this machine", func(f *fake) {
			allow(f, `{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`)
			f.url.Address = "http://[::1]:9000/_furl/url/x/"
		}, nil, check.Allowed, ""},
		{"denied from elsewhere", func(f *fake) { deny(f, `{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`) }, nil, check.Undecided, `statement "no" (Statement[0]) of inline policy own of role caller may not deny it`},
		{"denied from elsewhere than here", func(f *fake) { deny(f, `{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`) }, address, check.Allowed, ""},
		{"denied from an address", func(f *fake) { deny(f, `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`) }, nil, check.Undecided, `statement "no" (Statement[0]) of inline policy own of role caller may deny it`},
		{"denied from this address", func(f *fake) { deny(f, `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`) }, address, check.Refused, "remove or narrow"},
		{"denied for other actions", func(f *fake) {
			f.allows("", lambda.ActionInvokeURL, lambda.ActionInvoke)
			f.inline["own"] = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}]}`
		}, nil, check.Allowed, ""},
		{"denied in clear", func(f *fake) { deny(f, `{"Bool":{"aws:SecureTransport":"false"}}`) }, nil, check.Allowed, ""},
		{"in a session of a function", func(f *fake) {
			allow(f, `{"ArnLike":{"lambda:SourceFunctionArn":"arn:aws:lambda:*:*:function:reader"}}`)
		}, nil, check.Undecided, "lambda:SourceFunctionArn is not known"},
		{"in a session of another instance", func(f *fake) { deny(f, `{"StringEquals":{"ec2:RoleDelivery":"1.0"}}`) }, nil, check.Undecided, "ec2:RoleDelivery is not known"},
		{"in a session of a workflow", func(f *fake) { allow(f, `{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:a/b:*"}}`) }, nil, check.Undecided, "token.actions.githubusercontent.com:sub is not known"},
		{"on a key of another service", func(f *fake) { allow(f, `{"StringEquals":{"s3:prefix":"a"}}`) }, nil, check.Refused, "the request has none"},
		{"in a session with MFA", func(f *fake) { allow(f, `{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`) }, nil, check.Undecided, "aws:MultiFactorAuthPresent"},
		{"by a session's tag", func(f *fake) { allow(f, `{"StringEquals":{"aws:PrincipalTag/team":"a"}}`) }, nil, check.Undecided, "aws:PrincipalTag/team"},
		{"from a private network", func(f *fake) { allow(f, `{"StringEquals":{"aws:SourceVpce":"vpce-1"}}`) }, nil, check.Refused, "the request has none"},
		{"until yesterday", func(f *fake) { allow(f, `{"DateLessThan":{"aws:CurrentTime":"2026-11-22T00:00:00Z"}}`) }, nil, check.Refused, "aws:CurrentTime"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := fakeSide()
			test.change(f)
			report := f.ask(t, check.Question{Target: web, Context: test.context}, still)
			if report.Verdict != test.want || !strings.Contains(text(report), test.says) {
				t.Errorf("want %s and %q:\n%s", test.want, test.says, text(report))
			}
		})
	}
}

func TestUsersAndTheirGroups(t *testing.T) {
	f := fakeSide()
	f.identity.ARN = "arn:aws:iam::" + here + ":user/alice"
	f.credentials = aws.Credentials{AccessKeyID: "AKIAABCDEFGHIJKLMNOP", SecretAccessKey: "secret"}
	f.attached = map[string]string{"arn:aws:iam::aws:policy/X": `{"Version":"2012-10-17","Statement":[` + both + `]}`}
	f.inline["own"] = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	report := f.ask(t, check.Question{Target: web}, still)
	if report.Verdict != check.Allowed || !strings.Contains(text(report), "long-term keys of") || !strings.Contains(text(report), "inline policy own of group staff") {
		t.Error(text(report))
	}
	f.unreadable, f.simulator = errors.New("broken"), denied("iam:SimulatePrincipalPolicy")
	if report := f.ask(t, check.Question{Target: web}, still); report.Verdict != check.Undecided {
		t.Error(text(report))
	}
}

func TestAliases(t *testing.T) {
	// The URL belongs to the alias, the grant is on the function.
	f := fakeSide()
	f.url.Function.Qualifier = "prod"
	f.allows("", lambda.ActionInvokeURL, lambda.ActionInvoke)
	for _, question := range []check.Question{{Target: web + ":prod"}, {Target: "web", Qualifier: "prod"}} {
		report := f.ask(t, question, still)
		if report.Verdict != check.Refused || status(report, "alias") != check.Problem ||
			!strings.Contains(text(report), "the policy of "+web+" allows lambda:InvokeFunctionUrl and lambda:InvokeFunction, and the URL of "+web+":prod does not ask it") {
			t.Error(text(report))
		}
		if fix := strings.Join(report.Fix, "\n"); !strings.Contains(fix, "furl grant "+question.Target) || !strings.Contains(fix, "prod") {
			t.Errorf("fix %s", fix)
		}
	}
	f.allows("prod", lambda.ActionInvokeURL, lambda.ActionInvoke)
	if report := f.ask(t, check.Question{Target: web + ":prod"}, still); report.Verdict != check.Allowed {
		t.Error(text(report))
	}

	// The other way round.
	f = fakeSide()
	prod := f.url
	prod.Function.Qualifier = "prod"
	f.others = []awsapi.URL{prod}
	f.allows("prod", lambda.ActionInvokeURL, lambda.ActionInvoke)
	report := f.ask(t, check.Question{Target: web}, still)
	if report.Verdict != check.Refused || !strings.Contains(text(report), "the policy of "+web+":prod allows") {
		t.Error(text(report))
	}
	// Also for callers of another account.
	far := "arn:aws:iam::" + there + ":role/far"
	f.policies["prod"] = strings.ReplaceAll(f.policies["prod"], f.role.ARN(), far)
	if report := f.ask(t, check.Question{Target: web, As: far}, still); !strings.Contains(text(report), "the policy of "+web+":prod allows") {
		t.Error(text(report))
	}
	// A URL that only the alias has.
	f.url = prod
	if report := f.ask(t, check.Question{Target: web}, still); report.Verdict != check.Unusable || !strings.Contains(text(report), web+":prod has one: "+prod.Address) {
		t.Error(text(report))
	}
}

func TestRegions(t *testing.T) {
	missing := &awsapi.Error{Kind: awsapi.NotFound, Action: "lambda:GetFunctionUrlConfig", Message: "no URL"}
	for region, says := range map[string]string{"ap-east-2": "among the regions without function URLs", "nowhere-1": "is not the name of a region", "eu-central-1": ""} {
		f := fakeSide()
		f.urlFault = missing
		report := f.ask(t, check.Question{Target: "web"}, func(c *check.Checker) { c.Owner.Region = region })
		if got := status(report, "region"); (got == check.Problem) != (says != "") || !strings.Contains(text(report), says) {
			t.Errorf("%s: %s", region, text(report))
		}
	}
}

func TestCancelled(t *testing.T) {
	f := fakeSide()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	checker := &check.Checker{Owner: &check.Side{Functions: f, Keys: f, Principals: f, Policies: f}, Network: offline{}}
	if _, err := checker.Run(ctx, check.Question{Target: web}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := (&check.Checker{Owner: check.NewSide(awsapi.New(aws.Config{Region: "r"}))}).Run(t.Context(), check.Question{Target: web, As: arn.Root(here).String()}); err != nil {
		t.Errorf("without credentials: %v", err)
	}
}
