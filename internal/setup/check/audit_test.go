//go:build unix

package check_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/check"
)

// outcomes are the functions of an audit and how each came out.
func outcomes(audit check.Audit) []string {
	var list []string
	for _, function := range audit.Functions {
		name := function.Function[strings.Index(function.Function, "function:")+len("function:"):]
		list = append(list, fmt.Sprintf("%s %s", name, function.Status))
	}
	return list
}

func TestAllFunctionsAreAudited(t *testing.T) {
	s := start(t)
	role := s.AddRole(here, "/", "caller", "")
	principal := lambda.PermissionPrincipal{AWS: role.ARN()}
	s.allowBoth(principal)
	for _, name := range []string{"bare", "old", "open", "public", "without"} {
		arn := s.AddFunction(here, name, role)
		if name == "without" {
			continue
		}
		authType := lambda.AuthIAM
		if name == "open" || name == "public" {
			authType = lambda.AuthNone
		}
		if _, err := s.api.CreateURL(t.Context(), arn, awsapi.URLSettings{AuthType: authType}); err != nil {
			t.Fatal(err)
		}
		s.arn = arn
		switch name {
		case "old":
			s.allow("old", lambda.ActionInvokeURL, principal, nil)
		case "public":
			s.allowBoth(lambda.PermissionPrincipal{Anyone: true})
		case "open":
			s.allow("half", lambda.ActionInvokeURL, lambda.PermissionPrincipal{Anyone: true}, nil)
		}
	}
	audit, err := (&check.Checker{Owner: check.NewSide(s.api)}).All(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bare depends", "old problem", "open problem", "public ok", "web ok"}, outcomes(audit)); diff != "" || audit.Verdict != check.Refused {
		t.Errorf("%s: %s", audit.Verdict, diff)
	}
	want := []string{
		"furl grant arn:aws:lambda:eu-central-1:" + here + ":function:old --to " + role.ARN(),
		"furl grant arn:aws:lambda:eu-central-1:" + here + ":function:open --to '*'",
	}
	if diff := cmp.Diff(want, audit.Fix); diff != "" {
		t.Error(diff)
	}
	var text strings.Builder
	audit.WriteTo(&text)
	for _, says := range []string{
		"everyone is to call, but is not granted lambda:InvokeFunction", `statement "old"`, "no resource-based policy: callers need both",
		"note: new URLs need both actions (documented)", "is told by --callers",
	} {
		if !strings.Contains(text.String(), says) {
			t.Errorf("%q is not in %s", says, text.String())
		}
	}

	lister := s.Client(s.AddUser(here, "lister", `{"Effect":"Allow","Action":"lambda:List*","Resource":"*"}`))
	audit, err = (&check.Checker{Owner: check.NewSide(lister)}).All(t.Context(), nil)
	if err != nil || audit.Verdict != check.Undecided || audit.Functions[0].Missing != "lambda:GetPolicy" {
		t.Errorf("without a look at policies: %+v, %v", audit, err)
	}
	nobody := s.Client(s.AddUser(here, "nobody", ""))
	if _, err := (&check.Checker{Owner: check.NewSide(nobody)}).All(t.Context(), nil); awsapi.KindOf(err) != awsapi.Denied {
		t.Errorf("without a list of functions: %v", err)
	}
	empty := s.Client(s.Root(planetest.Other))
	if audit, err := (&check.Checker{Owner: check.NewSide(empty)}).All(t.Context(), nil); err != nil || audit.Verdict != check.Allowed || audit.Functions == nil {
		t.Errorf("an account without functions: %+v, %v", audit, err)
	}
}

// callers asks IAM for all users and roles of the world.
func callers(t *testing.T, s *server) *check.Callers {
	t.Helper()
	found, err := (&check.Checker{Owner: check.NewSide(s.api)}).Callers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Whether a function without a policy can be called is decided by the callers' own policies: each row is one caller, and
// what the audit says with it.
func TestCallersDecide(t *testing.T) {
	const urlOnly, invokeOnly = `{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"*"}`, `{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"*"}`
	viaURL := strings.Replace(invokeOnly, `"Resource"`, `"Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}},"Resource"`, 1)
	tests := []struct {
		name  string
		setUp func(s *server)
		want  check.Status
		says  string
	}{
		{"nobody", func(s *server) {}, check.Problem, "no user or role of account " + here + " has both actions"},
		{"a role", func(s *server) { s.AddRole(here, "/", "caller", both) }, check.OK, "both actions are granted to arn:aws:iam::" + here + ":role/caller"},
		{"a user", func(s *server) { s.AddUser(here, "alice", both) }, check.OK, ":user/alice"},
		{"many", func(s *server) {
			for i := range 8 {
				s.AddUser(here, fmt.Sprint("user", i), both)
			}
		}, check.OK, "and 3 more"},
		{"a role of a path", func(s *server) { s.AddRole(here, "/service-role/", "caller", both) }, check.OK, ":role/service-role/caller"},
		{"the first action only", func(s *server) { s.AddRole(here, "/", "caller", urlOnly) }, check.Problem, "lambda:InvokeFunction denied"},
		{"the first action only, beside one who has both", func(s *server) {
			s.AddRole(here, "/", "caller", urlOnly)
			s.AddRole(here, "/", "other", both)
		}, check.Problem, "role/caller: lambda:InvokeFunction denied"},
		{"the second action only, for the Invoke API", func(s *server) { s.AddRole(here, "/", "caller", invokeOnly) }, check.Problem, "nobody but its root user"},
		{"the second action only, for the Invoke API, beside one who has both", func(s *server) {
			s.AddRole(here, "/", "caller", invokeOnly)
			s.AddRole(here, "/", "other", both)
		}, check.OK, "role/other"},
		{"the second action only, for URLs", func(s *server) { s.AddRole(here, "/", "caller", viaURL) }, check.Problem, "lambda:InvokeFunctionUrl denied"},
		{"of other functions", func(s *server) { s.AddRole(here, "/", "caller", strings.ReplaceAll(both, web, web+"2")) }, check.Problem, "nobody but its root user"},
		{"denied", func(s *server) {
			s.AddRole(here, "/", "caller", both+`,{"Effect":"Deny","Action":"lambda:*","Resource":"*"}`)
		}, check.Problem, "nobody but its root user"},
		{"under a boundary", func(s *server) {
			s.bound(s.AddRole(here, "/", "caller", both), `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)
		}, check.Problem, "nobody but its root user"},
		{"within a boundary", func(s *server) {
			s.bound(s.AddRole(here, "/", "caller", both), `{"Effect":"Allow","Action":"*","Resource":"*"}`)
		}, check.OK, "role/caller"},
		{"on a condition that nobody knows", func(s *server) {
			s.AddRole(here, "/", "caller", strings.Replace(both, `"Resource"`, `"Condition":{"StringLike":{"aws:UserAgent":"curl*"}},"Resource"`, 1))
		}, check.Depends, "aws:UserAgent is not known"},
		{"of another account", func(s *server) { s.AddRole(there, "/", "far", both) }, check.Problem, "nobody but its root user"},
		{"by one side each", func(s *server) {
			s.allow("url", lambda.ActionInvokeURL, lambda.PermissionPrincipal{AWS: s.AddRole(here, "/", "caller", invokeOnly).ARN()}, nil)
		}, check.OK, "role/caller"},
		{"by the policy, on one side", func(s *server) {
			s.allow("url", lambda.ActionInvokeURL, lambda.PermissionPrincipal{AWS: s.AddRole(here, "/", "caller", "").ARN()}, nil)
		}, check.Problem, "role/caller: lambda:InvokeFunction denied"},
		{"by a policy that is about the own account", func(s *server) {
			s.AddRole(here, "/", "caller", both)
			s.allowBoth(lambda.PermissionPrincipal{AWS: "arn:aws:iam::" + here + ":root"})
		}, check.OK, "role/caller"},
		{"by a policy that is about something else", func(s *server) {
			s.AddRole(here, "/", "caller", both)
			s.allow("s3", lambda.ActionInvoke, lambda.PermissionPrincipal{Service: "s3.amazonaws.com"}, func(p *lambda.Permission) { p.SourceAccount = here })
		}, check.OK, "role/caller"},
		{"by the policy, of another account", func(s *server) {
			s.allowBoth(lambda.PermissionPrincipal{AWS: s.AddRole(there, "/", "far", both).ARN()})
		}, check.OK, "each principal that the policy names"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			test.setUp(s)
			audit, err := (&check.Checker{Owner: check.NewSide(s.api), Flags: "--profile dev"}).All(t.Context(), callers(t, s))
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			audit.WriteTo(&text)
			if audit.Functions[0].Status != test.want || !strings.Contains(text.String(), test.says) {
				t.Errorf("want %s and %q:\n%s", test.want, test.says, text.String())
			}
			for _, fix := range audit.Fix {
				if !strings.HasSuffix(fix, " --profile dev") {
					t.Errorf("fix %q goes elsewhere", fix)
				}
			}
			// What the check says of each caller is the same.
			for _, name := range []string{"caller", "other"} {
				if strings.Contains(text.String(), ":role/"+name) || strings.Contains(text.String(), ":role/service-role/"+name) {
					report := s.ask(s.api, nil, check.Question{Target: "web", As: name})
					if may := strings.Contains(audit.Functions[0].Summary, "granted to"); may != (report.Verdict == check.Allowed) && test.want == check.OK {
						t.Errorf("asked alone: %s", report.Verdict)
					}
				}
			}
		})
	}
}

// A function whose policy lets nobody call by itself is not taken to be fine.
func TestPoliciesThatLetNobodyIn(t *testing.T) {
	tests := []struct {
		name       string
		permission lambda.Permission
		want       check.Status
	}{
		{"another service's", lambda.Permission{Action: lambda.ActionInvoke, Principal: lambda.PermissionPrincipal{Service: "events.amazonaws.com"}, SourceAccount: here}, check.Depends},
		{"the own account", lambda.Permission{Action: "lambda:*", Principal: lambda.PermissionPrincipal{AWS: "arn:aws:iam::" + here + ":root"}}, check.Depends},
		{"a deleted role", lambda.Permission{Action: "lambda:*", Principal: lambda.PermissionPrincipal{AWS: "AROAABCDEFGHIJKLMNOPQ"}}, check.Depends},
		{"another account", lambda.Permission{Action: "lambda:*", Principal: lambda.PermissionPrincipal{AWS: "arn:aws:iam::" + there + ":root"}}, check.OK},
		{"Lambda, which never signs", lambda.Permission{Action: lambda.ActionInvokeURL, Principal: lambda.PermissionPrincipal{Service: "lambda.amazonaws.com"}}, check.Depends},
		{"a service that never signs", lambda.Permission{Action: "lambda:*", Principal: lambda.PermissionPrincipal{Service: "events.amazonaws.com"}}, check.Depends},
		{"CloudFront", lambda.Permission{Action: "lambda:*", Principal: lambda.PermissionPrincipal{Service: "cloudfront.amazonaws.com"}, SourceARN: distribution}, check.OK},
		{"a user", lambda.Permission{Action: "lambda:*", Principal: lambda.PermissionPrincipal{AWS: "arn:aws:iam::" + here + ":user/a"}}, check.OK},
		{"a user, for an event source", lambda.Permission{Action: "lambda:*", Principal: lambda.PermissionPrincipal{AWS: "arn:aws:iam::" + here + ":user/a"}, EventSourceToken: "t"}, check.Depends},
		{"everyone", lambda.Permission{Action: "lambda:*", Principal: lambda.PermissionPrincipal{Anyone: true}}, check.OK},
		{"everyone in an organization", lambda.Permission{Action: "lambda:*", Principal: lambda.PermissionPrincipal{Anyone: true}, PrincipalOrgID: "o-1234567890"}, check.OK},
		{"everyone, for an event source", lambda.Permission{Action: "lambda:*", Principal: lambda.PermissionPrincipal{Anyone: true}, EventSourceToken: "t"}, check.Depends},
		{"another account in an organization", lambda.Permission{Action: "lambda:*", Principal: lambda.PermissionPrincipal{AWS: there}, PrincipalOrgID: "o-1234567890"}, check.OK},
		{"a source that users have not", lambda.Permission{Action: lambda.ActionInvokeURL, Principal: lambda.PermissionPrincipal{AWS: "arn:aws:iam::" + here + ":user/a"}, SourceAccount: here}, check.Problem},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := fakeSide()
			test.permission.StatementID = "s"
			statements(f, test.permission)
			audit, err := (&check.Checker{Owner: &check.Side{Functions: f, Keys: f, Principals: f, Policies: f}}).All(t.Context(), nil)
			if err != nil || audit.Functions[0].Status != test.want {
				t.Errorf("%+v, %v", audit, err)
			}
		})
	}
}

// TestWhoMayCall names everyone, or those that the function's policy or their own lets do both actions.
func TestWhoMayCall(t *testing.T) {
	s := start(t)
	role := s.AddRole(here, "/", "caller", "")
	half := s.AddRole(here, "/", "half", "")
	s.allowBoth(lambda.PermissionPrincipal{AWS: role.ARN()})
	s.allow("half", lambda.ActionInvokeURL, lambda.PermissionPrincipal{AWS: half.ARN()}, nil)
	signed := s.arn.String()
	public := s.AddFunction(here, "public", role)
	if _, err := s.api.CreateURL(t.Context(), public, awsapi.URLSettings{AuthType: lambda.AuthNone}); err != nil {
		t.Fatal(err)
	}
	s.arn = public
	s.allowBoth(lambda.PermissionPrincipal{Anyone: true})
	checker := &check.Checker{Owner: check.NewSide(s.api)}
	callers, err := checker.Callers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, callers := range map[string]*check.Callers{"by the policy alone": nil, "with the callers": callers} {
		audit, err := checker.All(t.Context(), callers)
		if err != nil {
			t.Fatal(err)
		}
		may := map[string][]string{}
		for _, function := range audit.Functions {
			may[function.Function] = function.MayCall
		}
		if !slices.Contains(may[signed], role.ARN()) || slices.Contains(may[signed], half.ARN()) {
			t.Errorf("%s: %s may be called by %q", name, signed, may[signed])
		}
		if got := may[public.String()]; !slices.Equal(got, []string{"*"}) {
			t.Errorf("%s: the public one may be called by %q", name, got)
		}
	}
}
