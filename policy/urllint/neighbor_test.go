package urllint_test

import (
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
		for _, finding := range lint(document) {
			got = append(got, string(finding.Rule))
			apply(t, finding) // which has to be a policy
		}
		if diff := cmp.Diff(strings.Fields(want), append([]string{}, got...)); diff != "" {
			t.Errorf("line %d: %s (-want +got):\n%s", n+1, line, diff)
		}
	}
}
