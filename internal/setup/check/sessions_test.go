//go:build unix

package check_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

// maker makes policies at random, of parts that matter to a call of the function web.
type maker struct{ *rand.Rand }

// one is one of the texts.
func (m maker) one(texts ...string) string { return texts[m.IntN(len(texts))] }

// often is true in n of ten cases.
func (m maker) often(n int) bool { return m.IntN(10) < n }

func (m maker) condition() string {
	return m.one(
		`{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}`,
		`{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}`,
		`{"StringEqualsIfExists":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}`,
		`{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}`,
		`{"BoolIfExists":{"lambda:InvokedViaFunctionUrl":"true"}}`,
		`{"ArnLike":{"lambda:FunctionArn":"arn:aws:lambda:*:*:function:web"}}`,
		`{"StringEquals":{"aws:PrincipalTag/team":"a"}}`,
		`{"StringNotEquals":{"aws:PrincipalTag/team":"a"}}`,
		`{"StringEquals":{"aws:PrincipalAccount":"`+here+`"}}`,
		`{"StringNotEquals":{"aws:PrincipalAccount":"`+here+`"}}`,
		`{"StringEquals":{"aws:ResourceAccount":"${aws:PrincipalAccount}"}}`,
		`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}`,
		`{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}`,
		`{"StringEquals":{"aws:PrincipalType":["User","Anonymous"]}}`,
		`{"StringLike":{"aws:userid":"AROA*:test"}}`,
		`{"Null":{"aws:username":"true"}}`,
		`{"Null":{"aws:PrincipalArn":"true"}}`,
		`{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`,
		`{"NotIpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`,
		`{"Bool":{"aws:SecureTransport":"false"}}`,
		`{"StringEquals":{"aws:RequestedRegion":"eu-central-1"}}`,
		`{"StringEquals":{"aws:SourceAccount":"`+here+`"}}`,
		`{"StringEquals":{"aws:SourceVpc":"vpc-1"}}`,
		`{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}`,
		`{"Bool":{"aws:PrincipalIsAWSService":"false"}}`,
		`{"Bool":{"aws:ViaAWSService":"false"}}`,
		`{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}`,
		`{"NumericGreaterThan":{"aws:EpochTime":"1"}}`,
		`{"StringLike":{"aws:UserAgent":"nothing*"}}`,
		`{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`,
	)
}

func (m maker) statement() string {
	effect, condition := "Allow", ""
	if m.often(1) {
		effect = "Deny"
	}
	if m.often(3) {
		condition = `,"Condition":` + m.condition()
	}
	action := m.one(`"*"`, `"lambda:*"`, `"lambda:Invoke*"`, `["lambda:InvokeFunctionUrl","lambda:InvokeFunction"]`,
		`"lambda:InvokeFunctionUrl"`, `"lambda:InvokeFunction"`, `"s3:*"`)
	resource := m.one(`"*"`, `"`+web+`"`, `"`+web+`*"`, `"`+web+`2"`)
	return `{"Effect":"` + effect + `","Action":` + action + `,"Resource":` + resource + condition + `}`
}

func (m maker) statements(n int) string {
	var list []string
	for range n {
		list = append(list, m.statement())
	}
	return strings.Join(list, ",")
}

func document(statements string) string {
	return `{"Version":"2012-10-17","Statement":[` + statements + `]}`
}

// wide is a limit: often none at all.
func (m maker) wide() string {
	if m.often(5) {
		return `{"Effect":"Allow","Action":"*","Resource":"*"}`
	}
	return m.statements(1 + m.IntN(2))
}

func parsed(t *testing.T, text string, kind policy.Kind) iam.Policy {
	t.Helper()
	document, err := iam.ParsePolicy(text, kind)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// generated is a world at random, and one caller in it.
type generated struct {
	*server
	key       sigv4.Credentials
	as        string // the caller, for --as
	named     string // the caller, as a policy names it
	far       bool   // it is of the other account
	organized bool   // there are service control policies, of which a saved answer says nothing
	session   []setup.PolicyText
}

func generate(t *testing.T, m maker) *generated {
	g := &generated{server: start(t)}
	account := here
	if m.often(3) {
		account, g.far = there, true
	}
	g.callerIn(t, m, account)
	if m.often(6) {
		for i := range 1 + m.IntN(3) {
			g.permit(fmt.Sprint("s", i), m, account)
		}
	}
	if m.often(1) {
		if _, err := g.api.UpdateURL(t.Context(), g.arn, awsapi.URLSettings{AuthType: lambda.AuthNone}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{here, there} {
		if m.often(3) {
			g.organized = true
			g.organize(t, id, document(m.organization()))
		}
	}
	return g
}

// organize puts an account below a service control policy.
func (g *generated) organize(t *testing.T, id, text string) {
	t.Helper()
	level := []policy.Named{{Name: "scp", Document: parsed(t, text, policy.Identity).Document()}}
	g.Update(func(tx *state.Tx) error {
		now, _ := tx.View().Accounts.Get(id)
		changed := *now
		changed.SCPs = [][]policy.Named{level}
		tx.SetAccount(&changed)
		return nil
	})
}

// organization is the statements of a service control policy that leaves everything but calls as it is.
func (m maker) organization() string {
	list := []string{`{"Effect":"Allow","NotAction":"lambda:Invoke*","Resource":"*"}`}
	if m.often(6) {
		list[0] = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	}
	for range m.IntN(3) {
		effect, condition := m.one("Allow", "Allow", "Deny"), ""
		if m.often(6) {
			condition = `,"Condition":` + m.condition()
		}
		action := m.one("lambda:Invoke*", "lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
		list = append(list, `{"Effect":"`+effect+`","Action":"`+action+`","Resource":"*"`+condition+`}`)
	}
	return strings.Join(list, ",")
}

// permit adds a statement to the function's policy.
func (g *generated) permit(id string, m maker, account string) {
	caller := lambda.PermissionPrincipal{AWS: g.named}
	principal := []lambda.PermissionPrincipal{caller, caller, {Anyone: true}, {AWS: "arn:aws:iam::" + account + ":root"}, {Service: "s3.amazonaws.com"}}[m.IntN(5)]
	g.allow(id, m.one(lambda.ActionInvokeURL, lambda.ActionInvoke, "lambda:*", "*"), principal, func(p *lambda.Permission) {
		switch {
		case m.often(3) && p.Action == lambda.ActionInvokeURL:
			p.FunctionURLAuthType = lambda.AuthType(m.one("AWS_IAM", "AWS_IAM", "NONE"))
		case m.often(3) && p.Action == lambda.ActionInvoke:
			p.InvokedViaURL = new(m.often(8))
		case m.often(1):
			p.SourceAccount = here
		case m.often(1):
			p.PrincipalOrgID = "o-1234567890"
		}
	})
}

// callerIn adds somebody who calls: a user, a role, or the root user.
func (g *generated) callerIn(t *testing.T, m maker, account string) {
	own := m.statements(1 + m.IntN(2))
	if m.often(2) {
		own = ""
	}
	tags := map[string]string{}
	if m.often(5) {
		tags["team"] = "a"
	}
	boundary := ""
	if m.often(3) {
		managed := &iam.ManagedPolicy{Account: account, Name: "limit", Path: "/", ID: "ANPAAAAAAAAAAAAAAAAA2"}
		managed.AddVersion(parsed(t, document(m.wide()), policy.Identity), true, g.Now())
		g.Update(func(tx *state.Tx) error { return tx.Put(managed) })
		boundary = managed.ARN()
	}
	switch kind := m.IntN(10); {
	case kind < 1:
		g.AddRole(account, "/", "some", "") // service control policies are looked at with it
		g.key, g.as = g.Root(account), "arn:aws:iam::"+account+":root"
		g.named = g.as
	case kind < 4:
		g.key, g.as = g.AddUser(account, "caller", own), "arn:aws:iam::"+account+":user/caller"
		g.named = g.as
		g.Update(func(tx *state.Tx) error {
			now, _ := tx.View().User(account, "caller")
			user := now.Clone()
			user.Boundary, user.Tags = boundary, tags
			return tx.Put(user)
		})
	default:
		role := g.AddRole(account, "/", "caller", own).Clone()
		role.Boundary, role.Tags = boundary, tags
		g.Update(func(tx *state.Tx) error { return tx.Put(role) })
		g.as, g.named = "arn:aws:sts::"+account+":assumed-role/caller/test", role.ARN()
		admin := g.AddUser(account, "admin", `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`)
		name, arn := "test", role.ARN()
		input := &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: &name}
		if m.often(4) {
			text := document(m.wide())
			input.Policy, g.session = &text, []setup.PolicyText{{Name: "session.json", Text: text}}
		}
		assumed, err := sts.NewFromConfig(g.Config(admin)).AssumeRole(t.Context(), input)
		if err != nil {
			t.Fatal(err)
		}
		g.key = sigv4.Credentials{AccessKeyID: *assumed.Credentials.AccessKeyId, Secret: sigv4.NewSecret(*assumed.Credentials.SecretAccessKey), SessionToken: *assumed.Credentials.SessionToken}
	}
}

// audited asks the audit whether the caller, if it is a user or role, may call, and compares that with the call.
func (g *generated) audited(t *testing.T, called bool) {
	t.Helper()
	if len(g.session) > 0 || strings.HasSuffix(g.as, ":root") {
		return
	}
	all := &check.Callers{}
	for _, account := range []string{here, there} {
		answer, err := g.Client(g.Root(account)).Details(t.Context())
		if err == nil {
			keep := func(list []awsapi.Entity) []awsapi.Entity {
				return slices.DeleteFunc(list, func(e awsapi.Entity) bool { return e.Name() != "caller" })
			}
			answer.Users, answer.Roles = keep(answer.Users), keep(answer.Roles)
			_ = all.Add(answer) // an account without the caller adds nobody
		}
	}
	text, err := g.api.Policy(t.Context(), g.arn)
	if err != nil && awsapi.KindOf(err) != awsapi.NotFound {
		t.Fatal(err)
	}
	url, err := g.api.URL(t.Context(), g.arn)
	if err != nil {
		t.Fatal(err)
	}
	audit := check.AuditOf(t.Context(), []check.Entry{{Function: g.arn, AuthType: url.AuthType, Address: url.Address, Policy: text, Tags: map[string]string{}}}, all)
	switch function := audit.Functions[0]; {
	case strings.HasPrefix(function.Summary, "both actions are granted to"):
		if !called && !g.organized {
			t.Errorf("the audit lets the caller in: %+v", function)
		}
	case url.AuthType == lambda.AuthIAM && called && function.Status == check.Problem && !strings.Contains(function.Summary, "one of the two actions") && !strings.Contains(function.Summary, "no use"):
		t.Errorf("the audit says that nobody may call: %+v", function)
	}
}

// TestSessionsAndAudits asks the check and the running server the same question. Where the check is not sure, it names a
// key that only the call itself has.
func TestSessionsAndAudits(t *testing.T) {
	const worlds = 60
	count := map[check.Verdict]int{}
	for seed := range uint64(worlds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := generate(t, maker{rand.New(rand.NewPCG(seed, 12))})
			var far *awsapi.Client
			if g.far {
				far = g.Client(g.Root(there))
			}
			question := check.Question{Target: "web", As: g.as, SessionPolicies: g.session}
			about := g.ask(g.api, far, question)
			count[about.Verdict]++
			self := g.ask(g.api, g.Client(g.key), check.Question{Target: web, SessionPolicies: g.session})
			called := step(t, g.ask(g.api, g.Client(g.key), check.Question{Target: web, Call: true}), "call")
			if self.Verdict != check.Undecided && (self.Verdict == check.Allowed) != (called.Status == check.OK) {
				t.Errorf("the caller is told %s, and the call: %s %s\n%s", self.Verdict, called.Status, called.Summary, text(self))
			}
			g.audited(t, called.Status == check.OK)
			switch about.Verdict {
			case check.Undecided:
				if !strings.Contains(text(about), "is not known from here") {
					t.Errorf("not sure for no reason:\n%s", text(about))
				}
			default:
				if (about.Verdict == check.Allowed) != (called.Status == check.OK) {
					t.Errorf("foretold is %s, and the call: %s %s\n%s", about.Verdict, called.Status, called.Summary, text(about))
				}
			}
		})
	}
	t.Log(count)
	if count[check.Allowed] < worlds/10 || count[check.Refused] < worlds/10 || count[check.Undecided] > worlds/4 {
		t.Errorf("of %d worlds the verdicts are %v", worlds, count)
	}
}

// A statement may name one session of a role. Which session calls, somebody has to say.
func TestStatementsForOneSession(t *testing.T) {
	s := start(t)
	role := s.AddRole(here, "/", "caller", "")
	session := "arn:aws:sts::" + here + ":assumed-role/caller/nightly"
	both := `"Action":["lambda:InvokeFunctionUrl","lambda:InvokeFunction"],"Resource":"*"}`
	for _, test := range []struct {
		name, statements      string
		ofRole, of, ofAnother check.Verdict
	}{
		{"allowed", `{"Effect":"Allow","Principal":{"AWS":"` + session + `"},` + both, check.Undecided, check.Allowed, check.Refused},
		{"denied", `{"Effect":"Allow","Principal":{"AWS":"` + role.ARN() + `"},` + both + `,{"Effect":"Deny","Principal":{"AWS":"` + session + `"},` + both,
			check.Undecided, check.Refused, check.Allowed},
		{"spared", `{"Effect":"Allow","Principal":{"AWS":"` + role.ARN() + `"},` + both +
			`,{"Effect":"Deny","NotPrincipal":{"AWS":["` + here + `","` + role.ARN() + `","` + session + `"]},` + both,
			check.Undecided, check.Allowed, check.Refused},
		{"of no matter", `{"Effect":"Allow","Principal":{"AWS":["` + role.ARN() + `","` + session + `"]},` + both, check.Allowed, check.Allowed, check.Allowed},
	} {
		document := `{"Version":"2012-10-17","Statement":[` + test.statements + `]}`
		if err := s.api.PutResourcePolicy(t.Context(), s.arn, document, ""); err != nil {
			t.Fatal(err)
		}
		for as, want := range map[string]check.Verdict{
			"role/caller": test.ofRole, session: test.of, strings.Replace(session, "nightly", "daily", 1): test.ofAnother,
		} {
			report := s.ask(s.api, nil, check.Question{Target: s.arn.Name, As: as})
			if report.Verdict != want {
				t.Errorf("%s, as %s: %s, want %s\n%s", test.name, as, report.Verdict, want, text(report))
			}
			if want == check.Undecided && !strings.Contains(text(report), "--as "+session+" asks about it") {
				t.Errorf("%s, as %s: nothing says how to ask\n%s", test.name, as, text(report))
			}
		}
	}
}
