//go:build unix

package check_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/internal/setup/setuptest"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

const (
	here  = planetest.Account
	there = planetest.Other
	web   = "arn:aws:lambda:" + setuptest.Region + ":" + here + ":function:web"
)

// both are statements that allow what a call needs.
const (
	both     = `{"Sid":"both","Effect":"Allow","Action":["lambda:InvokeFunctionUrl","lambda:InvokeFunction"],"Resource":"` + web + `"}`
	readIAM  = `{"Effect":"Allow","Action":["iam:Get*","iam:List*","iam:Simulate*"],"Resource":"*"}`
	readOnly = `{"Effect":"Allow","Action":["lambda:Get*","lambda:List*"],"Resource":"*"}`
)

// server is a world with a function that has a URL.
type server struct {
	*setuptest.World
	t   *testing.T
	arn lambda.ARN
	api *awsapi.Client // of the root user
}

func start(t *testing.T) *server {
	t.Helper()
	world := setuptest.New(t)
	s := &server{World: world, t: t, api: world.Client(world.Root(here))}
	s.arn = world.AddFunction(here, "web", world.AddRole(here, "/", "web-role", ""))
	if _, err := s.api.CreateURL(t.Context(), s.arn, awsapi.URLSettings{AuthType: lambda.AuthIAM}); err != nil {
		t.Fatal(err)
	}
	return s
}

// allow adds a statement to the function's policy.
func (s *server) allow(id, action string, principal lambda.PermissionPrincipal, change func(*lambda.Permission)) {
	s.t.Helper()
	permission := lambda.Permission{StatementID: id, Action: action, Principal: principal}
	if change != nil {
		change(&permission)
	}
	if err := s.api.AddPermission(s.t.Context(), s.arn, permission); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) allowBoth(principal lambda.PermissionPrincipal) {
	s.t.Helper()
	s.allow("url", lambda.ActionInvokeURL, principal, nil)
	s.allow("invoke", lambda.ActionInvoke, principal, nil)
}

// bound gives a role a permissions boundary.
func (s *server) bound(role *iam.Role, statements string) {
	s.t.Helper()
	document, err := iam.ParsePolicy(`{"Version":"2012-10-17","Statement":[`+statements+`]}`, policy.Identity)
	if err != nil {
		s.t.Fatal(err)
	}
	managed := &iam.ManagedPolicy{Account: here, Name: "limit", Path: "/", ID: "ANPAAAAAAAAAAAAAAAAA2"}
	managed.AddVersion(document, true, s.Now())
	s.Update(func(tx *state.Tx) error {
		if err := tx.Put(managed); err != nil {
			return err
		}
		changed := role.Clone()
		changed.Boundary = managed.ARN()
		return tx.Put(changed)
	})
}

// session is a session of the role.
func (s *server) session(account, role string) sigv4.Credentials {
	s.t.Helper()
	admin := s.AddUser(account, "assumes-"+role, `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`)
	assumed, err := s.Client(admin).AssumeRole(s.t.Context(), "arn:aws:iam::"+account+":role/"+role, "test")
	if err != nil {
		s.t.Fatal(err)
	}
	return sigv4.Credentials{AccessKeyID: assumed.AccessKeyID, Secret: sigv4.NewSecret(assumed.SecretAccessKey), SessionToken: assumed.SessionToken}
}

// ask puts a question with the owner's root credentials and, if there are any, the caller's.
func (s *server) ask(owner *awsapi.Client, caller *awsapi.Client, question check.Question) check.Report {
	s.t.Helper()
	checker := &check.Checker{Owner: check.NewSide(owner)}
	if caller != nil {
		checker.Caller = check.NewSide(caller)
	}
	report, err := checker.Run(s.t.Context(), question)
	if err != nil {
		s.t.Fatal(err)
	}
	return report
}

// step finds a step of a report.
func step(t *testing.T, report check.Report, name string) check.Step {
	t.Helper()
	i := slices.IndexFunc(report.Steps, func(s check.Step) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("there is no step %s: %s", name, text(report))
	}
	return report.Steps[i]
}

func text(report check.Report) string {
	var text strings.Builder
	report.WriteTo(&text)
	return text.String()
}

// explained is what the trace of the last call says of the two actions, in the terms of a check from outside.
func (s *server) explained() []string {
	var summaries []string
	for _, step := range s.Traces.Latest(1)[0].Report().Steps {
		if step.Step == "authorize" {
			summaries = append(summaries, strings.ReplaceAll(step.Summary, "the function's resource-based policy", "resource-based policy of "+web))
		}
	}
	return summaries
}

// Whatever the set-up, the verdict is what the server then answers, and both say why in the same words; and everyone who
// follows the fix is let in.
func TestVerdictsAreTrue(t *testing.T) {
	const alice = "arn:aws:iam::" + here + ":user/alice"
	tests := []struct {
		name  string
		setUp func(s *server)
		// Who calls, of those that the set-up made: a role of an account, or the user alice of this one if it is "".
		account, role string
		want          check.Verdict
		says          string // what the report contains
	}{
		{"nothing granted", func(s *server) {}, "", "", check.Refused, "lambda:InvokeFunctionUrl denied: neither"},
		{"by resource", func(s *server) { s.allowBoth(lambda.PermissionPrincipal{AWS: alice}) }, "", "", check.Allowed, `allowed by statement "url" (Statement[0]) of resource-based policy of ` + web},
		{"first action only", func(s *server) { s.allow("url", lambda.ActionInvokeURL, lambda.PermissionPrincipal{AWS: alice}, nil) }, "", "", check.Refused, "AWS Health notices announced it for 2026-11-01"},
		{"second action only", func(s *server) { s.allow("invoke", lambda.ActionInvoke, lambda.PermissionPrincipal{AWS: alice}, nil) }, "", "", check.Refused, "lambda:InvokeFunctionUrl denied"},
		{"under the wrong auth type", func(s *server) {
			s.allow("url", lambda.ActionInvokeURL, lambda.PermissionPrincipal{AWS: alice}, func(p *lambda.Permission) { p.FunctionURLAuthType = lambda.AuthNone })
			s.allow("invoke", lambda.ActionInvoke, lambda.PermissionPrincipal{AWS: alice}, nil)
		}, "", "", check.Refused, `nearly allowed by statement "url"`},
		{"a source that users have not", func(s *server) {
			s.allow("url", lambda.ActionInvokeURL, lambda.PermissionPrincipal{AWS: alice}, func(p *lambda.Permission) { p.SourceAccount = here })
			s.allow("invoke", lambda.ActionInvoke, lambda.PermissionPrincipal{AWS: alice}, nil)
		}, "", "", check.Refused, "AWS:SourceAccount: it wants " + here + ", the request has none"},
		{"by identity", func(s *server) { s.AddRole(here, "/", "caller", both) }, here, "caller", check.Allowed, `statement "both" (Statement[0]) of inline policy own of role caller`},
		{"by identity, first action only", func(s *server) {
			s.AddRole(here, "/", "caller", strings.Replace(both, `,"lambda:InvokeFunction"`, "", 1))
		}, here, "caller", check.Refused, "lambda:InvokeFunction denied"},
		{"by one side each", func(s *server) {
			role := s.AddRole(here, "/", "caller", `{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"*","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`)
			s.allow("url", lambda.ActionInvokeURL, lambda.PermissionPrincipal{AWS: role.ARN()}, nil)
		}, here, "caller", check.Allowed, "role caller"},
		{"against an explicit deny", func(s *server) {
			role := s.AddRole(here, "/", "caller", `{"Sid":"no","Effect":"Deny","Action":"lambda:InvokeFunctionUrl","Resource":"*"}`)
			s.allowBoth(lambda.PermissionPrincipal{AWS: role.ARN()})
		}, here, "caller", check.Refused, `denied by statement "no" (Statement[0]) of inline policy own of role caller`},
		{"under a permissions boundary", func(s *server) {
			s.bound(s.AddRole(here, "/", "caller", both), `{"Effect":"Allow","Action":["s3:*","iam:*","sts:*"],"Resource":"*"}`)
		}, here, "caller", check.Refused, "permissions boundary"},
		{"within a permissions boundary", func(s *server) {
			s.bound(s.AddRole(here, "/", "caller", both), `{"Effect":"Allow","Action":"*","Resource":"*"}`)
		}, here, "caller", check.Allowed, "permissions boundary arn:aws:iam::" + here + ":policy/limit"},
		{"across accounts, the function's side only", func(s *server) {
			s.allowBoth(lambda.PermissionPrincipal{AWS: s.AddRole(there, "/", "far", "").ARN()})
		}, there, "far", check.Refused, "no identity-based policy"},
		{"across accounts, the caller's side only", func(s *server) { s.AddRole(there, "/", "far", both) }, there, "far", check.Refused, "no resource-based policy"},
		{"across accounts, both sides", func(s *server) {
			s.allowBoth(lambda.PermissionPrincipal{AWS: s.AddRole(there, "/", "far", both).ARN()})
		}, there, "far", check.Allowed, "role far"},
		{"across accounts, the account", func(s *server) {
			s.AddRole(there, "/", "far", both)
			s.allowBoth(lambda.PermissionPrincipal{AWS: arn.Root(there).String()})
		}, there, "far", check.Allowed, "role far"},
		{"the own account, which is nobody", func(s *server) {
			s.AddRole(here, "/", "caller", "")
			s.allowBoth(lambda.PermissionPrincipal{AWS: arn.Root(here).String()})
		}, here, "caller", check.Refused, "denied"},
		{"by a tag", func(s *server) {
			role := s.AddRole(here, "/", "caller", strings.Replace(both, `"Resource"`, `"Condition":{"StringEquals":{"aws:PrincipalTag/team":"a"}},"Resource"`, 1))
			role = role.Clone()
			role.Tags = map[string]string{"team": "a"}
			s.Update(func(tx *state.Tx) error { return tx.Put(role) })
		}, here, "caller", check.Allowed, "role caller"},
		{"everyone may", func(s *server) {
			if _, err := s.api.UpdateURL(s.t.Context(), s.arn, awsapi.URLSettings{AuthType: lambda.AuthNone}); err != nil {
				s.t.Fatal(err)
			}
			s.allowBoth(lambda.PermissionPrincipal{Anyone: true})
		}, "", "", check.Allowed, "does not look at signatures"},
		{"everyone is to, and may not", func(s *server) {
			if _, err := s.api.UpdateURL(s.t.Context(), s.arn, awsapi.URLSettings{AuthType: lambda.AuthNone}); err != nil {
				s.t.Fatal(err)
			}
		}, "", "", check.Refused, "furl grant web --to '*'"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			key := s.AddUser(here, "alice", "")
			test.setUp(s)
			who := alice
			if test.role != "" {
				key = s.session(test.account, test.role)
				who = "arn:aws:iam::" + test.account + ":role/" + test.role
			}
			// Asked by the owner about somebody, who is not there to call.
			var far *awsapi.Client
			if test.account == there {
				far = s.Client(s.Root(there))
			}
			about := s.ask(s.api, far, check.Question{Target: "web", As: who})
			if about.Verdict != test.want || !strings.Contains(text(about), test.says) {
				t.Errorf("the owner is told %s, want %s and %q:\n%s", about.Verdict, test.want, test.says, text(about))
			}
			if about.Verdict != check.Allowed && len(about.Fix) == 0 {
				t.Errorf("%s, and the fix is %q", about.Verdict, about.Fix)
			}
			// Asked by the caller, and put to the test. The caller can look at little.
			self := s.ask(s.api, s.Client(key), check.Question{Target: "web", Call: true})
			if self.Verdict != test.want {
				t.Errorf("the call ends otherwise than it was foretold:\n%s", text(self))
			}
			called := step(t, self, "call")
			if (called.Status == check.OK) != (test.want == check.Allowed) {
				t.Errorf("the call: %s %s", called.Status, called.Summary)
			}
			foretold := []string{step(t, about, "InvokeFunctionUrl").Summary, step(t, about, "InvokeFunction").Summary}
			if diff := cmp.Diff(s.explained(), foretold); diff != "" {
				t.Errorf("the check says it otherwise than the trace: %s", diff)
			}
		})
	}
}

func TestRootMayDoEverything(t *testing.T) {
	s := start(t)
	report := s.ask(s.api, nil, check.Question{Target: web, Call: true})
	if report.Verdict != check.Allowed || !strings.Contains(text(report), "the root user of the function's account may do everything") ||
		!strings.Contains(text(report), "AWS advises") {
		t.Error(text(report))
	}
	if report.Function != web || report.Principal != arn.Root(here).String() || report.Method != "GET" || report.Path != "/" {
		t.Errorf("%+v", report)
	}
}

func TestWhoIsAskedAbout(t *testing.T) {
	s := start(t)
	role := s.AddRole(here, "/service-role/", "reader-role", both)
	s.AddFunction(here, "reader", role)
	for _, as := range []string{"function:reader", "reader-role", role.ARN(), "arn:aws:sts::" + here + ":assumed-role/reader-role/s"} {
		if report := s.ask(s.api, nil, check.Question{Target: "web", As: as}); report.Principal != role.ARN() || report.Verdict != check.Allowed {
			t.Errorf("%s: %s", as, text(report))
		}
	}
	// A function's sessions have its name, and say which function calls (Lambda Developer Guide, "Using source function
	// ARN to control function access behavior"). Of other sessions nobody knows.
	own := strings.Replace(both, `"Resource"`, `"Condition":{"ArnLike":{"lambda:SourceFunctionArn":"arn:aws:lambda:*:*:function:cron"},"StringLike":{"aws:userid":"*:cron"}},"Resource"`, 1)
	s.AddFunction(here, "cron", s.AddRole(here, "/", "cron-role", own))
	s.AddFunction(here, "job", s.AddRole(here, "/", "job-role", own))
	cron := "arn:aws:lambda:" + setuptest.Region + ":" + here + ":function:cron"
	for as, want := range map[string]check.Verdict{
		"function:cron": check.Allowed, cron: check.Allowed, "function:job": check.Refused, "cron-role": check.Undecided,
		"arn:aws:sts::" + here + ":assumed-role/cron-role/cron": check.Undecided,
	} {
		if report := s.ask(s.api, nil, check.Question{Target: "web", As: as}); report.Verdict != want {
			t.Errorf("%s: want %s: %s", as, want, text(report))
		}
	}
	// The owner may take the role on to call with it.
	admin := s.Client(s.AddUser(here, "admin", `{"Effect":"Allow","Action":"*","Resource":"*"}`))
	if report := s.ask(admin, nil, check.Question{Target: "web", As: "reader-role", Call: true}); step(t, report, "call").Status != check.OK {
		t.Error(text(report))
	}
	limited := s.Client(s.AddUser(here, "limited", readIAM+","+readOnly))
	report := s.ask(limited, nil, check.Question{Target: "web", As: "reader-role", Call: true})
	if called := step(t, report, "call"); called.Status != check.Unknown || called.Missing != "sts:AssumeRole" || report.Verdict != check.Undecided {
		t.Error(text(report))
	}
	s.AddUser(here, "alice", "")
	if called := step(t, s.ask(admin, nil, check.Question{Target: "web", As: "user/alice", Call: true}), "call"); called.Status != check.Unknown {
		t.Errorf("called as alice: %s", called.Summary)
	}

	report = s.ask(s.api, nil, check.Question{Target: "web", As: "*"})
	if report.Verdict != check.Refused || !strings.Contains(text(report), "an unsigned request has none") {
		t.Error(text(report))
	}
	report = s.ask(s.api, nil, check.Question{Target: "web", As: "arn:aws:iam::" + here + ":role/nobody"})
	if report.Verdict != check.Refused || len(report.Fix) != 0 || !strings.Contains(text(report), "nobody has any: iam:GetRole of role nobody") {
		t.Error(text(report))
	}
	checker := &check.Checker{Owner: check.NewSide(s.api)}
	for _, as := range []string{there, "lambda.amazonaws.com", "nobody", "function:nobody", "a b"} {
		if report, err := checker.Run(t.Context(), check.Question{Target: "web", As: as}); err == nil {
			t.Errorf("%s: %s", as, text(report))
		}
	}
}

func TestFunctionsThatCanNotBeCalled(t *testing.T) {
	s := start(t)
	s.AddFunction(here, "bare", s.AddRole(here, "/", "bare-role", ""))
	tests := []struct {
		target, says, fix string
		want              check.Verdict
	}{
		{"bare", "function:bare has no URL", "furl url create bare", check.Unusable},
		{"nobody", "there is no function arn:aws:lambda:eu-central-1:" + here + ":function:nobody", "", check.Unusable},
		{"http://" + strings.Repeat("a", 32) + ".lambda-url.eu-central-1.localhost:1/", "has this URL: it was deleted, or belongs to another account", "name the function by its ARN", check.Undecided},
		{"https://example.com/x", "not the host of a function URL", "", check.Undecided},
	}
	for _, test := range tests {
		checker := &check.Checker{Owner: check.NewSide(s.api), Network: offline{}}
		report, err := checker.Run(t.Context(), check.Question{Target: test.target})
		if err != nil {
			t.Fatal(err)
		}
		if report.Verdict != test.want || !strings.Contains(text(report), test.says) || !strings.Contains(strings.Join(report.Fix, "\n"), test.fix) {
			t.Errorf("%s: %s", test.target, text(report))
		}
	}
	checker := &check.Checker{Owner: check.NewSide(s.api)}
	for _, question := range []check.Question{
		{Target: "web:3"}, {Target: "web", Qualifier: "$LATEST"}, {Target: "a b"}, {Target: "http://a b/"}, {Target: "https://x.example/", Qualifier: "prod"},
	} {
		if report, err := checker.Run(t.Context(), question); err == nil {
			t.Errorf("%+v: %s", question, text(report))
		}
	}
}

// A URL finds its function, with the path of the call.
func TestAskedByURL(t *testing.T) {
	s := start(t)
	url, err := s.api.URL(t.Context(), s.arn)
	if err != nil {
		t.Fatal(err)
	}
	s.allowBoth(lambda.PermissionPrincipal{AWS: "arn:aws:iam::" + here + ":role/web-role"})
	report := s.ask(s.api, nil, check.Question{Target: url.Address + "book?page=5", As: "web-role"})
	if report.Verdict != check.Allowed || report.Function != web || report.Path != "/book?page=5" || report.URL != url.Address {
		t.Errorf("%+v", report)
	}
	report = s.ask(s.api, nil, check.Question{Target: url.Address, As: "*", Path: "x"})
	if report.Path != "/x" || !strings.Contains(fmt.Sprint(report.Fix), "furl url update "+web) {
		t.Errorf("%+v", report)
	}
}
