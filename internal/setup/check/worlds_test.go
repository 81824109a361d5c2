//go:build unix

package check_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/policyio"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/internal/setup/setuptest"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
	"github.com/furl-dev/furl/sigv4"
)

// TestWorlds makes worlds by chance and asks whether a caller may call a function URL: furl check, furl policy
// evaluate, and the server, by calling. All must agree, and so must what check and explain say of each action.
func TestWorlds(t *testing.T) {
	const worlds = 500
	s := &server{World: setuptest.New(t), t: t}
	s.api = s.Client(s.Root(here))
	execution := s.AddRole(here, "/", "execution", "")
	count, never := map[check.Verdict]int{}, 0
	for seed := range uint64(worlds) {
		w := &world{server: s, Rand: rand.New(rand.NewPCG(seed, 0)), name: fmt.Sprintf("w%d", seed)}
		w.make(execution)
		count[w.compare(seed)]++
		never += w.never
		w.setSCPs(nil)
	}
	t.Logf("verdicts: %v, statements that never match: %d", count, never)
	for _, verdict := range []check.Verdict{check.Allowed, check.Refused} {
		if count[verdict] < worlds/10 {
			t.Errorf("only %d of %d worlds are %s", count[verdict], worlds, verdict)
		}
	}
}

// compare asks all of them.
func (w *world) compare(seed uint64) check.Verdict {
	w.t.Helper()
	status, report := w.call(), w.check()
	verdict := map[bool]check.Verdict{true: check.Allowed, false: check.Refused}[status == http.StatusOK]
	if report.Verdict == check.Undecided && strings.Contains(w.as, ":role/") && strings.Contains(text(report), "is not known from here") {
		return report.Verdict // a session may have tags of its own, and when it began nobody knows
	}
	if report.Verdict != verdict && w.scps != nil && strings.HasSuffix(w.as, ":root") && strings.Contains(w.String(), "aws:PrincipalTag") {
		return verdict // the simulator knows no root users: it was asked about another principal, who has tags
	}
	if report.Verdict != verdict {
		w.t.Errorf("world %d: the server answered %d, furl check says:\n%s%s", seed, status, text(report), w)
	}
	if trace := w.Traces.Latest(1)[0].Report(); status != http.StatusOK && len(trace.Fix) == 0 {
		w.t.Errorf("world %d: furl explain has no fix: %+v\n%s", seed, trace, w)
	}
	if w.who == nil && w.authType == lambda.AuthIAM {
		return verdict // no policy is asked about what is not signed
	}
	decisions := w.evaluate()
	allowed := !slices.ContainsFunc(decisions, func(d string) bool { return d != policy.Allowed.String() })
	if allowed != (status == http.StatusOK) {
		w.t.Errorf("world %d: the server answered %d, furl policy evaluate %q\n%s", seed, status, decisions, w)
	}
	w.lint(seed, decisions)
	if w.scps != nil {
		return verdict // furl check has a step of their own for them
	}
	explained := strings.Join(w.explained(), "\n")
	for i, action := range setup.Actions {
		said := step(w.t, report, strings.TrimPrefix(action, "lambda:")).Summary
		said = strings.ReplaceAll(said, "resource-based policy of "+w.function.String(), "resource-based policy of "+web)
		if w.who != nil && !strings.Contains(explained, said) {
			w.t.Errorf("world %d: furl check says %q, furl explain:\n%s\n%s", seed, said, explained, w)
		}
		if denied := decisions[i] != policy.Allowed.String(); denied != strings.Contains(said, " denied") {
			w.t.Errorf("world %d: furl check says %q, furl policy evaluate %s\n%s", seed, said, decisions[i], w)
		}
	}
	return verdict
}

// world is a function URL and somebody who calls it.
type world struct {
	*server
	*rand.Rand
	name     string
	authType lambda.AuthType
	function lambda.ARN
	url      string

	account   string
	who       *policy.Principal // nil is anonymous
	as        string            // how to ask furl check about the caller
	key       sigv4.Credentials
	identity  []json.RawMessage
	boundary  json.RawMessage
	scps      [][]json.RawMessage
	tags      map[string]string
	tagged    map[string]string // tags of the function
	principal []string          // by which a permission may name the caller
	never     int               // statements that never match, as furl policy lint has it
}

// lint asks furl policy lint about the policies: without the statements that never match, as it says, nothing changes.
func (w *world) lint(seed uint64, decisions []string) {
	resource := w.resourcePolicy()
	without := func(text string, kind policy.Kind) json.RawMessage {
		document := w.parse(text, kind)
		never := map[int]bool{}
		for _, finding := range urllint.Lint(policy.Named{Document: document}) {
			never[finding.Statement] = never[finding.Statement] || finding.Rule == urllint.RuleNeverMatches
		}
		var kept []string
		for i, statement := range document.Statements() {
			if never[i] {
				w.never++
			} else {
				kept = append(kept, string(statement.JSON))
			}
		}
		if len(kept) == 0 {
			return nil
		}
		return json.RawMessage(`{"Version":"2012-10-17","Statement":[` + strings.Join(kept, ",") + "]}")
	}
	less := *w
	less.identity = nil
	for _, document := range w.identity {
		if kept := without(string(document), policy.Identity); kept != nil {
			less.identity = append(less.identity, kept)
		}
	}
	if resource != "" {
		resource = string(without(resource, policy.Resource))
	}
	if got := less.evaluateWith(resource); !slices.Equal(got, decisions) {
		w.t.Errorf("world %d: without what furl policy lint says never matches the decisions are %q, with it %q\n%s", seed, got, decisions, w)
	}
}

// String shows what a failure needs.
func (w *world) String() string {
	show := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	return fmt.Sprintf("%s calls %s (%s)\nidentity %s\nboundary %s\nscps %s\nresource %s\ntags %v, function's %v", w.as, w.function,
		w.authType, show(w.identity), w.boundary, show(w.scps), w.resourcePolicy(), w.tags, w.tagged)
}

func (w *world) oneIn(n int) bool { return w.IntN(n) == 0 }

func pick[T any](w *world, from ...T) T { return from[w.IntN(len(from))] }

// make makes the world.
func (w *world) make(execution *iam.Role) {
	w.function = w.AddFunction(here, w.name, execution)
	w.tags, w.tagged = map[string]string{"team": pick(w, "red", "blue")}, map[string]string{"stage": pick(w, "test", "live")}
	w.ChangeFunction(w.function, func(f *lambda.Function) { f.Tags = w.tagged })
	w.authType = lambda.AuthIAM
	if w.oneIn(8) {
		w.authType = lambda.AuthNone
	}
	url, err := w.api.CreateURL(w.t.Context(), w.function, awsapi.URLSettings{AuthType: w.authType})
	if err != nil {
		w.t.Fatal(err)
	}
	w.url = url.Address
	w.account = pick(w, here, here, here, there)
	if w.oneIn(4) {
		w.scps = [][]json.RawMessage{{json.RawMessage(full)}, append(w.documents(2), json.RawMessage(administer))}
	}
	w.setSCPs(w.scps)
	w.makeCaller()
	if w.oneIn(3) {
		w.putPolicy()
	}
	for i := range w.IntN(4) {
		w.permit(fmt.Sprintf("s%d", i))
	}
}

// putPolicy gives the function a whole policy, with what AddPermission cannot write: statements that deny, lists, all but
// some, and conditions with every key. AddPermission adds to it afterwards.
func (w *world) putPolicy() {
	var statements []map[string]any
	for range 1 + w.IntN(3) {
		s := w.statement()
		for _, element := range []string{"Action", "NotAction"} {
			if s[element] == "s3:*" {
				s[element] = "lambda:*"
			}
		}
		arn := w.function.String()
		for _, element := range []string{"Resource", "NotResource"} {
			if s[element] != nil {
				s[element] = pick[any](w, "*", arn, arn, []string{arn, arn + ":*"}, arn+":*", arn[:len(arn)-1]+"*", "arn:aws:lambda:*:*:function:*")
			}
		}
		root := "arn:aws:iam::" + w.account + ":root"
		named := append([]string{"arn:aws:iam::" + there + ":root", "*", here}, w.principal...)
		s["Principal"] = pick[any](w, "*", map[string]any{"AWS": pick(w, named...)}, map[string]any{"AWS": pick(w, named...)},
			map[string]any{"AWS": []string{pick(w, named...), pick(w, named...)}, "Service": "s3.amazonaws.com"},
			map[string]any{"Service": []string{"s3.amazonaws.com", "cloudfront.amazonaws.com"}})
		if s["Effect"] == "Deny" && w.oneIn(2) {
			delete(s, "Principal")
			spared := append([]string{root}, w.principal...)
			if w.who != nil && strings.Contains(w.as, ":role/") {
				spared = append(spared, w.who.ARN)
			}
			s["NotPrincipal"] = map[string]any{"AWS": pick[any](w, spared, root, append(spared, "*"))}
		}
		if w.oneIn(2) {
			s["Sid"] = fmt.Sprintf("put%d", len(statements))
		}
		statements = append(statements, s)
	}
	text, err := json.Marshal(map[string]any{"Version": pick(w, "2012-10-17", "2012-10-17", "2008-10-17"), "Statement": statements})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.api.PutResourcePolicy(w.t.Context(), w.function, string(text), ""); err != nil {
		w.t.Fatalf("%v\n%s\n%s", err, text, w)
	}
}

// Policies that allow everything, and what administrators do.
const (
	full       = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	administer = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":"lambda:Invoke*","Resource":"*"}}`
)

// setSCPs sets those above the caller's account.
func (w *world) setSCPs(levels [][]json.RawMessage) {
	w.Update(func(tx *state.Tx) error {
		root := w.Root(w.account)
		changed := iam.Account{ID: w.account, RootKey: iam.AccessKey{ID: root.AccessKeyID, Secret: root.Secret.Reveal()}}
		for i, level := range levels {
			var named []policy.Named
			for j, document := range level {
				named = append(named, policy.Named{Name: fmt.Sprintf("scp %d.%d", i, j), Document: w.parse(string(document), policy.Identity)})
			}
			changed.SCPs = append(changed.SCPs, named)
		}
		tx.SetAccount(&changed)
		return nil
	})
}

func (w *world) parse(text string, kind policy.Kind) *policy.Document {
	w.t.Helper()
	document, err := policy.Parse([]byte(text), kind)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, text)
	}
	return document
}

// makeCaller makes who calls.
func (w *world) makeCaller() {
	switch kind := pick(w, "user", "user", "role", "role", "root", "anonymous"); kind {
	case "root":
		w.key, w.as = w.Root(w.account), "arn:aws:iam::"+w.account+":root"
		w.principal = []string{w.as}
		w.tags = nil
	case "anonymous":
		w.as, w.tags = "*", nil
		return
	case "user":
		w.key = w.AddUser(w.account, w.name, "")
		w.as = "arn:aws:iam::" + w.account + ":user/" + w.name
		w.principal = []string{w.as, "arn:aws:iam::" + w.account + ":root"}
	case "role":
		role := w.AddRole(w.account, "/path/", w.name, "")
		w.as = role.ARN()
		w.principal = []string{w.as, "arn:aws:iam::" + w.account + ":root"}
	}
	if w.as != w.principal[0] || len(w.principal) == 2 {
		w.equip()
	}
	if strings.Contains(w.as, ":role/") {
		admin := w.AddUser(w.account, "assumes-"+w.name, `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`)
		session, err := w.Client(admin).AssumeRole(w.t.Context(), w.as, "furl-check") // as furl check names a session
		if err != nil {
			w.t.Fatalf("%v\n%s", err, w)
		}
		w.key = sigv4.Credentials{
			AccessKeyID: session.AccessKeyID, Secret: sigv4.NewSecret(session.SecretAccessKey), SessionToken: session.SessionToken,
		}
	}
	identity, err := w.Client(w.key).Identity(w.t.Context())
	if err != nil {
		w.t.Fatalf("%v\n%s", err, w)
	}
	principal, err := policy.ParsePrincipal(identity.ARN)
	if err != nil {
		w.t.Fatal(err)
	}
	w.who = &principal
}

// equip gives the caller policies, in every way that policies reach a user or a role, and tags.
func (w *world) equip() {
	w.identity = w.documents(3)
	grants := iam.Grants{Inline: map[string]iam.Policy{}}
	var inherited []string
	for i, document := range w.identity {
		name := fmt.Sprintf("p%d", i)
		switch {
		case w.oneIn(3):
			grants.Attached = append(grants.Attached, w.managed(w.name+name, document))
		case strings.Contains(w.as, ":user/") && w.oneIn(3):
			group := &iam.Group{Account: w.account, Name: w.name + name, Path: "/", ID: "AGPA" + strings.ToUpper(w.name+name)}
			group.Grants = iam.Grants{Inline: map[string]iam.Policy{name: w.inline(document)}}
			inherited = append(inherited, group.Name)
			w.Update(func(tx *state.Tx) error { return tx.Put(group) })
		default:
			grants.Inline[name] = w.inline(document)
		}
	}
	boundary := ""
	if w.oneIn(5) {
		w.boundary = w.documents(1)[0]
		boundary = w.managed(w.name+"boundary", w.boundary)
	}
	w.Update(func(tx *state.Tx) error {
		if strings.Contains(w.as, ":user/") {
			user, _ := tx.View().User(w.account, w.name)
			changed := user.Clone()
			changed.Grants, changed.Groups, changed.Boundary, changed.Tags = grants, inherited, boundary, w.tags
			return tx.Put(changed)
		}
		role, _ := tx.View().Role(w.account, w.name)
		changed := role.Clone()
		changed.Grants, changed.Boundary, changed.Tags = grants, boundary, w.tags
		return tx.Put(changed)
	})
}

func (w *world) inline(document json.RawMessage) iam.Policy {
	w.t.Helper()
	parsed, err := iam.ParsePolicy(string(document), policy.Identity)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, document)
	}
	return parsed
}

func (w *world) managed(name string, document json.RawMessage) string {
	managed := &iam.ManagedPolicy{Account: w.account, Name: name, Path: "/", ID: "ANPA" + strings.ToUpper(name)}
	managed.AddVersion(w.inline(document), true, w.Now())
	w.Update(func(tx *state.Tx) error { return tx.Put(managed) })
	return managed.ARN()
}

// documents are one to most identity-based policies. Most say something about the call.
func (w *world) documents(most int) []json.RawMessage {
	var documents []json.RawMessage
	for range 1 + w.IntN(most) {
		var statements []map[string]any
		for range 1 + w.IntN(2) {
			statements = append(statements, w.statement())
		}
		text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
		if err != nil {
			w.t.Fatal(err)
		}
		documents = append(documents, text)
	}
	return documents
}

func (w *world) statement() map[string]any {
	arn := w.function.String()
	s := map[string]any{"Effect": "Allow"}
	both := []string{lambda.ActionInvokeURL, lambda.ActionInvoke}
	s[pick(w, "Action", "Action", "Action", "Action", "Action", "NotAction")] = pick[any](w, "*", "lambda:*", "lambda:Invoke*", both, both,
		lambda.ActionInvokeURL, lambda.ActionInvoke, "lambda:invokefunctionurl", "LAMBDA:InvokeFunction?rl", "lambda:InvokeAsync", "s3:*")
	s[pick(w, "Resource", "Resource", "Resource", "Resource", "Resource", "NotResource")] = pick[any](w, "*", arn, arn, arn, []string{arn, arn + ":*"},
		arn+":*", arn[:len(arn)-1]+"*", "arn:aws:lambda:*:*:function:*", "arn:aws:lambda:*:"+here+":function:other", "arn:*:lambda:*:*:*:w*")
	if w.oneIn(6) { // but an administrator may still administrate
		s["Effect"], s["Action"] = "Deny", pick[any](w, "lambda:Invoke*", both, lambda.ActionInvokeURL, lambda.ActionInvoke)
		delete(s, "NotAction")
	}
	if w.oneIn(3) {
		s["Condition"] = w.condition()
	}
	return s
}

// condition is one that a call of a URL may meet or not.
func (w *world) condition() map[string]any {
	condition := func(operator, key string, values ...any) map[string]any {
		if len(values) == 1 && w.oneIn(2) {
			return map[string]any{operator: map[string]any{key: values[0]}}
		}
		return map[string]any{operator: map[string]any{key: values}}
	}
	text := pick(w, "StringEquals", "StringEquals", "StringNotEquals", "StringEqualsIfExists", "StringLike", "StringNotLike",
		"StringEqualsIgnoreCase", "ForAnyValue:StringEquals", "ForAllValues:StringEquals", "ForAllValues:StringNotEquals", "StringNotEqualsIfExists")
	soon, past := time.Now().Add(time.Hour).UTC().Format(time.RFC3339), time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	return pick(w,
		condition(text, "lambda:FunctionUrlAuthType", pick(w, "AWS_IAM", "NONE")),
		condition(pick(w, "Bool", "BoolIfExists", "StringEquals"), "lambda:InvokedViaFunctionUrl", pick(w, "true", "true", "false")),
		condition(text, "aws:PrincipalTag/team", pick(w, "red", "blue", "*")),
		condition(text, "aws:ResourceTag/stage", pick(w, "test", "live")),
		condition(text, "aws:ResourceTag/absent", "live"),
		condition(text, "aws:PrincipalAccount", pick(w, here, there)),
		condition(text, "aws:ResourceAccount", here, there),
		condition(text, "aws:RequestedRegion", pick(w, setuptest.Region, "us-east-1")),
		condition(text, "aws:PrincipalType", pick(w, "User", "AssumedRole", "Account")),
		condition(text, "AWS:SourceVpc", "vpc-1"),
		condition(text, "aws:username", w.name, "${aws:username}"),
		condition(text, "aws:PrincipalTag/team", "${aws:ResourceTag/stage}", "${aws:PrincipalTag/team}"),
		condition(pick(w, "ArnLike", "ArnEquals", "ArnNotLike", "ArnLikeIfExists"), "aws:PrincipalArn", pick(w, w.as, "arn:aws:iam::*:role/*")),
		condition(pick(w, "ArnLike", "ArnNotEquals"), "lambda:FunctionArn", pick(w, w.function.String(), "arn:aws:lambda:*:*:function:other")),
		condition("Bool", "aws:SecureTransport", pick(w, "true", "false")),
		condition("Bool", "aws:ViaAWSService", pick(w, "true", "false")),
		condition("Null", pick(w, "aws:PrincipalTag/team", "aws:SourceArn", "aws:TokenIssueTime", "aws:ResourceTag/stage"), pick(w, "true", "false")),
		condition(pick(w, "IpAddress", "NotIpAddress"), "aws:SourceIp", pick(w, "127.0.0.0/8", "198.51.100.0/24")),
		condition(pick(w, "DateLessThan", "DateGreaterThan"), "aws:CurrentTime", pick(w, soon, past)),
		condition("NumericGreaterThan", "aws:EpochTime", pick(w, 1, 9999999999)),
	)
}

// permit adds a statement to the function's policy, as AddPermission can write it.
func (w *world) permit(id string) {
	permission := lambda.Permission{StatementID: id, Action: pick(w, lambda.ActionInvokeURL, lambda.ActionInvoke, lambda.ActionInvoke)}
	named := append([]string{"arn:aws:iam::" + there + ":root", "*"}, w.principal...)
	switch who := pick(w, named...); who {
	case "*":
		permission.Principal.Anyone = true
	default:
		permission.Principal.AWS = who
	}
	if w.oneIn(3) && permission.Action == lambda.ActionInvokeURL {
		permission.FunctionURLAuthType = pick(w, lambda.AuthIAM, lambda.AuthNone)
	}
	if w.oneIn(3) && permission.Action == lambda.ActionInvoke {
		yes := true
		permission.InvokedViaURL = &yes
	}
	if w.oneIn(6) {
		permission.PrincipalOrgID = "o-1234567890"
	}
	if w.oneIn(8) {
		permission.SourceAccount = here
	}
	if err := w.api.AddPermission(w.t.Context(), w.function, permission); err != nil {
		w.t.Fatalf("%v\n%s", err, w)
	}
	if w.oneIn(2) && permission.Action == lambda.ActionInvokeURL {
		permission.Action, permission.StatementID, permission.FunctionURLAuthType = lambda.ActionInvoke, id+"i", ""
		if err := w.api.AddPermission(w.t.Context(), w.function, permission); err != nil {
			w.t.Fatal(err)
		}
	}
}

// call calls the URL.
func (w *world) call() (status int) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.who != nil {
		signer := sigv4.Signer{Region: setuptest.Region, Service: "lambda"}
		if _, err := signer.Sign(r, w.key, sigv4.EmptyPayload()); err != nil {
			w.t.Fatal(err)
		}
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// check asks furl check, with the credentials of the administrators of both accounts.
func (w *world) check() check.Report {
	var caller *awsapi.Client
	if w.account != here {
		caller = w.Client(w.Root(w.account))
	}
	return w.ask(w.api, caller, check.Question{Target: w.name, As: w.as})
}

// evaluate asks furl policy evaluate about both actions.
func (w *world) evaluate() (decisions []string) { return w.evaluateWith(w.resourcePolicy()) }

func (w *world) evaluateWith(resource string) (decisions []string) {
	var evaluator policyio.Evaluator
	for _, action := range setup.Actions {
		question := map[string]any{
			"id": w.name, "principal": "Anonymous", "action": action, "resource": w.function.String(), "context": w.context(action),
		}
		if w.who != nil && w.authType == lambda.AuthIAM {
			question["principal"], question["identityPolicies"], question["SCPs"] = w.who.ARN, w.identity, w.scps
			if w.boundary != nil {
				question["permissionBoundary"] = w.boundary
			}
			if strings.HasSuffix(w.as, ":root") {
				question["identityPolicies"] = []json.RawMessage{json.RawMessage(full)}
			}
		}
		if resource != "" {
			question["resourcePolicy"] = json.RawMessage(resource)
		}
		line, err := json.Marshal(question)
		if err != nil {
			w.t.Fatal(err)
		}
		answer := evaluator.Evaluate(line)
		if answer.Error != "" {
			w.t.Fatalf("%s\n%s", answer.Error, line)
		}
		decisions = append(decisions, answer.Decision)
	}
	return decisions
}

// resourcePolicy is the function's policy as GetPolicy shows it, "" if there is none.
func (w *world) resourcePolicy() string {
	found, err := w.api.Policy(w.t.Context(), w.function)
	if err != nil && awsapi.KindOf(err) != awsapi.NotFound {
		w.t.Fatal(err)
	}
	return found
}

// context is what a call from this machine has, written down without the code that the server and the check share.
func (w *world) context(action string) map[string]any {
	now := time.Now().UTC()
	keys := map[string]any{
		"aws:SourceIp": "127.0.0.1", "aws:SecureTransport": false, "aws:ViaAWSService": false, "aws:RequestedRegion": setuptest.Region,
		"aws:ResourceAccount": here, "aws:CurrentTime": now.Format(time.RFC3339), "aws:EpochTime": now.Unix(),
		"aws:ResourceTag/stage": w.tagged["stage"],
	}
	if action == lambda.ActionInvokeURL {
		keys["lambda:FunctionUrlAuthType"], keys["lambda:FunctionArn"] = w.authType, w.function.String()
	} else {
		keys["lambda:InvokedViaFunctionUrl"] = true
	}
	if w.who == nil || w.authType == lambda.AuthNone {
		return keys
	}
	maps.Copy(keys, map[string]any{"aws:PrincipalAccount": w.account, "aws:PrincipalArn": w.as})
	for name, value := range w.tags {
		keys["aws:PrincipalTag/"+name] = value
	}
	switch {
	case strings.Contains(w.as, ":user/"):
		user, _ := w.State.Now().User(w.account, w.name)
		keys["aws:PrincipalType"], keys["aws:username"], keys["aws:userid"] = "User", w.name, user.ID
	case strings.Contains(w.as, ":role/"):
		role, _ := w.State.Now().Role(w.account, w.name)
		keys["aws:PrincipalType"], keys["aws:userid"] = "AssumedRole", role.ID+":furl-check"
		keys["aws:TokenIssueTime"] = now.Format(time.RFC3339)
	default:
		keys["aws:PrincipalType"], keys["aws:userid"] = "Account", w.account
	}
	return keys
}
