package urllint_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/policy"
)

// TestNeighbors looks at what is like the examples of the table: testdata/neighbors.txt has conditions of a grant to a
// user, to everyone and of a Deny, resources, actions and statements, each with the rules of the findings to expect.
func TestNeighbors(t *testing.T) {
	const (
		grant  = `"Action":"lambda:InvokeFunctionUrl","Resource":"` + function + `","Condition":{@}}`
		invoke = `{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"` + function +
			`","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`
		rest = `{"Effect":"Allow","NotAction":"lambda:InvokeFunctionUrl","Resource":"*"}`
	)
	forms := map[string]struct {
		kind policy.Kind
		form string
	}{
		"mine": {policy.Identity, `{"Effect":"Allow",` + grant + `,` + invoke},
		"everyone": {policy.Resource, `{"Effect":"Allow","Principal":"*",` + grant + `,` + strings.Replace(invoke,
			`"Allow",`, `"Allow","Principal":"*",`, 1)},
		"deny":      {policy.Identity, `{"Effect":"Deny",` + grant},
		"arn":       {policy.Identity, `{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"@"},` + rest},
		"action":    {policy.Identity, `{"Effect":"Allow","Action":"@","Resource":"` + function + `"},` + invoke},
		"statement": {policy.Resource, `@`},
	}
	text, err := os.ReadFile("testdata/neighbors.txt")
	if err != nil {
		t.Fatal(err)
	}
	form := forms[""]
	for n, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if name, ok := strings.CutPrefix(line, "# "); ok {
			if form, ok = forms[name]; !ok {
				t.Fatalf("line %d: no such form: %s", n+1, name)
			}
			continue
		}
		part, want, _ := strings.Cut(line, " =>")
		document := mustParse(t, form.kind, `{"Version":"2012-10-17","Statement":[`+strings.Replace(form.form, "@", part,
			1)+`]}`)
		var got []string
		findings := lint(document)
		for _, finding := range findings {
			got = append(got, string(finding.Rule))
			if cured := apply(t, finding); cured != nil && count(lint(cured), finding) >= count(findings, finding) {
				t.Errorf("line %d: the fix of %s does not cure it: %s", n+1, finding.Rule, cured)
			}
		}
		if diff := cmp.Diff(strings.Fields(want), append([]string{}, got...)); diff != "" {
			t.Errorf("line %d: %s (-want +got):\n%s", n+1, line, diff)
		}
	}
}

// TestNoFalseAlarm lints policies as people and AWS's own documents write them, which do what they are for.
func TestNoFalseAlarm(t *testing.T) {
	text, err := os.ReadFile("testdata/clean.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var clean struct {
			Name   string
			Policy json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &clean); err != nil {
			t.Fatal(err)
		}
		for _, finding := range lint(mustParse(t, policy.GuessKind(clean.Policy), string(clean.Policy))) {
			t.Errorf("%s: %s: %s", clean.Name, finding.Rule, finding.Message)
		}
	}
}
