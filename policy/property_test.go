package policy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

// world makes random policies and requests from few words, so that they often meet.
type world struct{ *rand.Rand }

func (w world) pick(words ...string) string { return words[w.IntN(len(words))] }

// some returns a JSON string, or a list of one to three.
func (w world) some(words ...string) string {
	quoted := func() string { b, _ := json.Marshal(w.pick(words...)); return string(b) }
	if w.IntN(2) == 0 {
		return quoted()
	}
	list := []string{quoted()}
	for w.IntN(2) == 0 && len(list) < 3 {
		list = append(list, quoted())
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func (w world) principal(kind policy.Kind, effect string) string {
	if kind == policy.Identity {
		return ""
	}
	element := `"Principal"`
	if effect == "Deny" && kind == policy.Resource && w.IntN(4) == 0 {
		element = `"NotPrincipal"`
	}
	if w.IntN(5) == 0 {
		return element + `:"*",`
	}
	aws := w.some("*", account, stranger, root.ARN, alice.ARN, eve.ARN, robot.ARN, robot.RoleARN, guest.ARN, alice.UniqueID, robot.UniqueID)
	if w.IntN(3) > 0 {
		return element + `:{"AWS":` + aws + `},`
	}
	return element + `: {"Service": ` + w.some("cloudfront.amazonaws.com", "s3.amazonaws.com") + `, "AWS":` + aws + `},`
}

func (w world) condition() string {
	value := w.pick("NONE", "AWS_IAM", "true", "false", "203.0.113.9", "203.0.113.0/24", "alice", "al*", "${aws:username}", "${aws:userid, 'x'}", "10", "arn:aws:s3:::*", "2026-11-01T00:00:00Z")
	operator := w.pick("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "ArnLike", "ArnNotEquals")
	switch w.IntN(6) {
	case 0:
		operator, value = w.pick("IpAddress", "NotIpAddress"), w.pick("203.0.113.0/24", "10.0.0.1", "2001:db8::/32")
	case 1:
		operator, value = w.pick("Bool", "Null"), w.pick("true", "false")
		return `"` + operator + `":{"` + w.key() + `":"` + value + `"}`
	case 2:
		operator, value = w.pick("NumericLessThan", "NumericNotEquals", "NumericGreaterThanEquals"), w.pick("9", "10", "1e3")
	}
	return `"` + w.pick("", "", "ForAllValues:", "ForAnyValue:") + operator + w.pick("", "", "IfExists") + `":{"` + w.key() + `":["` + value + `"]}`
}

func (w world) key() string {
	return w.pick("aws:username", "aws:SourceIp", "AWS:sourceip", "lambda:FunctionUrlAuthType", "lambda:InvokedViaFunctionUrl", "aws:SourceArn", "s3:max-keys", "aws:PrincipalTag/team")
}

// statement makes a statement of the effect.
func (w world) statement(kind policy.Kind, effect string) string {
	s := `{"Effect":"` + effect + `",` + w.principal(kind, effect)
	if kind == policy.Trust {
		s += `"Action":` + w.some("sts:AssumeRole", "sts:*", "sts:TagSession")
	} else {
		s += w.pick(`"Action":`, `"Action":`, `"Action":`, `"NotAction":`) + w.some("*", "lambda:*", "lambda:InvokeFunctionUrl", "lambda:invoke*", "lambda:InvokeFunction", "s3:Get?bject", "sts:AssumeRole") + ","
		s += w.pick(`"Resource":`, `"Resource":`, `"Resource":`, `"NotResource":`) + w.some("*", function, function+":*", "arn:aws:lambda:*:*:function:b*", "arn:aws:s3:::b/${aws:username}/*", robot.RoleARN)
	}
	if w.IntN(3) == 0 {
		s += `,"Condition":{` + w.condition() + `}`
	}
	return s + "}"
}

func (w world) effect() string { return w.pick("Allow", "Allow", "Allow", "Deny") }

// text makes a document.
func (w world) text(kind policy.Kind) string {
	statements := []string{w.statement(kind, w.effect())}
	for w.IntN(3) > 0 && len(statements) < 12 {
		statements = append(statements, w.statement(kind, w.effect()))
	}
	return `{"Version":"` + w.pick("2012-10-17", "2012-10-17", "2008-10-17") + `","Statement":[` + strings.Join(statements, ",") + `]}`
}

// texts are the sources of Sets.
type texts struct {
	identity, session  []string
	resource, boundary string
	scps               [][]string
	trust              bool
}

func (w world) texts() (x texts) {
	many := func() (list []string) {
		for w.IntN(3) > 0 {
			list = append(list, w.text(policy.Identity))
		}
		return list
	}
	x.identity = many()
	if w.IntN(2) == 0 {
		x.trust = w.IntN(4) == 0
		x.resource = w.text(x.resourceKind())
	}
	if w.IntN(3) == 0 {
		x.boundary = w.text(policy.Identity)
	}
	if w.IntN(3) == 0 {
		x.session = many()
	}
	for w.IntN(4) == 0 {
		x.scps = append(x.scps, many())
	}
	return x
}

func (x texts) resourceKind() policy.Kind {
	if x.trust {
		return policy.Trust
	}
	return policy.Resource
}

func (x texts) clone() texts {
	x.identity, x.session = slices.Clone(x.identity), slices.Clone(x.session)
	x.scps = slices.Clone(x.scps)
	for i := range x.scps {
		x.scps[i] = slices.Clone(x.scps[i])
	}
	return x
}

func (x texts) sets(t *testing.T) *policy.Sets {
	named := func(kind policy.Kind, text string) policy.Named {
		return policy.Named{Name: text, Document: mustParse(t, kind, text)}
	}
	list := func(texts []string) (list []policy.Named) {
		if texts != nil {
			list = []policy.Named{}
		}
		for _, text := range texts {
			list = append(list, named(policy.Identity, text))
		}
		return list
	}
	sets := &policy.Sets{Identity: list(x.identity), Session: list(x.session)}
	if x.resource != "" {
		n := named(x.resourceKind(), x.resource)
		sets.Resource = &n
	}
	if x.boundary != "" {
		n := named(policy.Identity, x.boundary)
		sets.Boundary = &n
	}
	for _, level := range x.scps {
		sets.SCPs = append(sets.SCPs, list(level))
	}
	return sets
}

// each calls f with every document, by reference.
func (x *texts) each(f func(kind policy.Kind, text *string)) {
	for i := range x.identity {
		f(policy.Identity, &x.identity[i])
	}
	for i := range x.session {
		f(policy.Identity, &x.session[i])
	}
	if x.resource != "" {
		f(x.resourceKind(), &x.resource)
	}
	if x.boundary != "" {
		f(policy.Identity, &x.boundary)
	}
	for i := range x.scps {
		for j := range x.scps[i] {
			f(policy.Identity, &x.scps[i][j])
		}
	}
}

func (w world) request() policy.Request {
	callers := []*policy.Principal{&alice, &eve, &robot, &guest, &root, &foreign, &cloudfront, &nobody}
	ctx := policy.Values{}
	for range w.IntN(5) {
		ctx[w.key()] = strings.Fields(w.pick("alice", "203.0.113.9", "AWS_IAM", "NONE", "true", "10", "alice bob", "arn:aws:s3:::b", ""))
	}
	return policy.Request{
		Principal: callers[w.IntN(len(callers))], ResourceAccount: account, Context: ctx,
		Action:   w.pick("lambda:InvokeFunctionUrl", "lambda:InvokeFunction", "s3:GetObject", "sts:AssumeRole"),
		Resource: w.pick(function, function+":live", robot.RoleARN, "arn:aws:s3:::b/alice/x"),
	}
}

func statements(t *testing.T, text string) []json.RawMessage {
	t.Helper()
	var d struct{ Statement []json.RawMessage }
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d.Statement
}

func withStatements(text string, list []json.RawMessage) string {
	head, _, _ := strings.Cut(text, `"Statement"`)
	written := make([]string, len(list))
	for i := range list {
		written[i] = string(list[i])
	}
	return head + `"Statement":[` + strings.Join(written, ",") + `]}`
}

// TestProperties checks what must hold for all policies and requests.
func TestProperties(t *testing.T) {
	w := world{rand.New(rand.NewPCG(1, 2))}
	const rounds = 1000
	seen := map[policy.Reason]int{}
	for range rounds {
		x, in := w.texts(), w.request()
		sets := x.sets(t)
		before := policy.Evaluate(in, sets)
		seen[before.Reason]++
		describe := func() string { return fmt.Sprintf("%+v\ncaller %+v\n%+v", in, in.Principal, x) }

		// a decision agrees with the statements that it says matched
		denies := slices.ContainsFunc(before.Matched, func(r policy.Ref) bool { return r.Effect == policy.ExplicitlyDenied })
		if denies != (before.Effect == policy.ExplicitlyDenied) {
			t.Fatalf("a Deny matched: %v; decision %v\n%s", denies, before.Effect, describe())
		}
		// the order of statements and policies is irrelevant
		y := x.clone()
		y.each(func(_ policy.Kind, text *string) {
			list := statements(t, *text)
			w.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			*text = withStatements(*text, list)
		})
		slices.Reverse(y.identity)
		slices.Reverse(y.session)
		if after := policy.Evaluate(in, y.sets(t)); after.Reason != before.Reason || len(after.Matched) != len(before.Matched) {
			t.Fatalf("reordered: %v, before %v\n%s", after.Reason, before.Reason, describe())
		}
		// another Deny never allows more, another Allow never denies
		for _, effect := range []string{"Deny", "Allow"} {
			y := x.clone()
			y.each(func(kind policy.Kind, text *string) {
				if w.IntN(3) == 0 {
					*text = withStatements(*text, append(statements(t, *text), json.RawMessage(w.statement(kind, effect))))
				}
			})
			after := policy.Evaluate(in, y.sets(t)).Effect == policy.Allowed
			if was := before.Effect == policy.Allowed; effect == "Deny" && after && !was || effect == "Allow" && !after && was {
				t.Fatalf("with another %s: allowed %v, before %v\n%s\n%+v", effect, after, was, describe(), y)
			}
		}
		// printing and parsing again changes nothing
		x.each(func(kind policy.Kind, text *string) {
			d := mustParse(t, kind, *text)
			again := mustParse(t, kind, d.String())
			if !policy.SameMeaning(d, again) || again.String() != d.String() {
				t.Fatalf("%s\nprints as\n%s", d.Source(), d)
			}
		})
		// what is suggested allows; only what no policy allows has suggestions and misses
		for _, prefer := range []policy.PolicyType{policy.IdentityBased, policy.ResourceBased} {
			list := policy.Suggest(in, sets, prefer)
			if (list != nil) != (before.Effect == policy.ImplicitlyDenied) && !(x.trust && in.Action != "sts:AssumeRole") {
				t.Fatalf("%v, but suggested %v\n%s", before.Effect, list, describe())
			}
			if list == nil {
				continue
			}
			if after := policy.Evaluate(in, apply(t, *sets, list)); after.Effect != policy.Allowed && !hasOldVersion(sets) {
				t.Fatalf("with the suggested statements: %v, before %v\n%v\n%s", after.Reason, before.Reason, list, describe())
			}
		}
		if misses := policy.NearestMisses(in, sets); misses != nil && before.Effect != policy.ImplicitlyDenied {
			t.Fatalf("%v, but misses %v\n%s", before.Effect, misses, describe())
		}
	}
	for r := policy.ReasonAllowed; r <= policy.ReasonDeniedBySCP; r++ {
		if seen[r] < 5 {
			t.Errorf("only %d of %d decisions were for %q: the policies made are too poor", seen[r], rounds, r)
		}
	}
}

// hasOldVersion reports whether a statement suggested for the resource-based policy would land in a document that
// knows no variables.
func hasOldVersion(sets *policy.Sets) bool {
	return sets.Resource != nil && sets.Resource.Document.Version() == "2008-10-17"
}

// FuzzJSON: the reader accepts exactly what encoding/json accepts, but for what it refuses on purpose.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-2.5e+3,true,false,null,"\u00e9\n"]}`, `[]`, ` { } `, `[1,]`, `{"a":1,}`, `"\ud800"`, `1 2`, `01`, `"\x"`, "\"\t\"", `nul`, `-`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		ok, tooDeep := policy.ValidJSON(string(text))
		if want := json.Valid(text); ok != want && !tooDeep && bytes.Equal(bytes.ToValidUTF8(text, nil), text) {
			t.Errorf("%q: accepted %v, encoding/json says %v", text, ok, want)
		}
	})
}

// FuzzParse: the parser never fails but with faults inside the text, and what it accepts survives printing.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/faults/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		text, _, _ := strings.Cut(string(data), "\n---\n")
		_, text, _ = strings.Cut(text, "\n")
		f.Add([]byte(text), 0)
	}
	w := world{rand.New(rand.NewPCG(3, 4))}
	for i := range 30 {
		f.Add([]byte(w.text(policy.Kind(i%3))), i%3)
	}
	f.Fuzz(func(t *testing.T, text []byte, kind int) {
		k := policy.Kind(uint(kind) % 3)
		d, err := policy.Parse(text, k)
		if err != nil {
			faults := err.(policy.Faults)
			lines := strings.Count(string(text), "\n") + 1
			for _, fault := range faults {
				if fault.Line < 1 || fault.Line > lines || fault.Column < 1 || fault.Message == "" || fault.AWS == "" {
					t.Errorf("fault %+v of %q", fault, text)
				}
			}
			if len(faults) == 0 || faults.AWS() == "" {
				t.Errorf("no faults of %q", text)
			}
			return
		}
		again, err := policy.Parse(d.JSON(), k)
		if err != nil || !policy.SameMeaning(d, again) {
			t.Errorf("%q prints as %q: %v", text, d, err)
		}
		same, err := d.MapPrincipals(func(string) string { return "111122223333" })
		if err != nil || same.Len() != d.Len() {
			t.Errorf("mapping principals of %q: %v", text, err)
		}
		d.ContextKeys()
		urllint.Lint(policy.Named{Document: d})
	})
}

// FuzzEvaluate: evaluation is total, agrees with itself, and denies what nothing allows.
func FuzzEvaluate(f *testing.F) {
	w := world{rand.New(rand.NewPCG(5, 6))}
	for range 40 {
		in := w.request()
		f.Add(w.text(policy.Identity), w.text(policy.Resource), in.Action, in.Resource, "aws:username", "alice", uint8(w.IntN(8)))
	}
	callers := []*policy.Principal{&alice, &eve, &robot, &guest, &root, &foreign, &cloudfront, &nobody}
	f.Fuzz(func(t *testing.T, identity, resource, action, arn, key, value string, caller uint8) {
		var sets policy.Sets
		if d, err := policy.Parse([]byte(identity), policy.Identity); err == nil {
			sets.Identity = []policy.Named{{Name: "identity", Document: d}}
		}
		if d, err := policy.Parse([]byte(resource), policy.Resource); err == nil {
			sets.Resource = &policy.Named{Name: "resource", Document: d}
		}
		p := callers[int(caller)%len(callers)]
		in := policy.Request{Principal: p, Action: action, Resource: arn, ResourceAccount: account, Context: policy.Values{key: {value}}}
		d := policy.Evaluate(in, &sets)
		allows := slices.ContainsFunc(d.Matched, func(r policy.Ref) bool { return r.Effect == policy.Allowed })
		if d.Effect == policy.Allowed && !allows && p != &root {
			t.Errorf("allowed by nothing")
		}
		for _, r := range d.Matched {
			if start, end := r.Position(); start.Line > end.Line || r.Path() == "" {
				t.Errorf("%v to %v", start, end)
			}
		}
		for _, m := range policy.NearestMisses(in, &sets) {
			if m.Path() == "" || m.Element == "" || m.Effect != policy.Allowed {
				t.Errorf("miss %+v", m)
			}
		}
		for _, prefer := range []policy.PolicyType{policy.IdentityBased, policy.ResourceBased} {
			if list := policy.Suggest(in, &sets, prefer); list != nil && d.Effect != policy.ImplicitlyDenied {
				t.Errorf("%v, but suggestions %v", d.Effect, list)
			}
		}
	})
}

// TestLintKnowsTheKeys: package urllint has a table of keys with their types, and it has all that this package spells.
func TestLintKnowsTheKeys(t *testing.T) {
	for _, key := range policy.KnownKeys() {
		if strings.HasSuffix(key, "Tag") {
			key += "/team"
		}
		d, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl",`+
			`"Resource":"*","Condition":{"StringEquals":{"`+key+`":"x"}}}}`), policy.Identity)
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range urllint.Lint(policy.Named{Document: d}) {
			if strings.HasSuffix(string(finding.Rule), "condition-key") {
				t.Errorf("%s: %s", finding.Rule, finding.Message)
			}
		}
	}
}
