package setup_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/setup"
)

func TestDiff(t *testing.T) {
	tests := []struct {
		name, before, after, want string
	}{
		{"nothing", "", "", ""},
		{"the same", `{"a":1}`, `{ "a": 1 }`, ""},
		{"made", "", `{"a":1}`, "--- /dev/null\n+++ doc\n@@ -0,0 +1,3 @@\n+{\n+  \"a\": 1\n+}\n"},
		{"gone", `{"a":1}`, "", "--- doc\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-{\n-  \"a\": 1\n-}\n"},
		{
			"changed", `{"a":1,"b":2,"c":3}`, `{"a":1,"b":4,"d":5,"c":3}`,
			"--- doc\n+++ doc\n@@ -1,5 +1,6 @@\n {\n   \"a\": 1,\n-  \"b\": 2,\n+  \"b\": 4,\n+  \"d\": 5,\n   \"c\": 3\n }\n",
		},
		{"no JSON", "a\nb", "b", "--- doc\n+++ doc\n@@ -1,2 +1,1 @@\n-a\n b\n"},
	}
	for _, test := range tests {
		plan := setup.Plan{Documents: []setup.Revision{{Name: "doc", Before: test.before, After: test.after}}}
		if diff := cmp.Diff(test.want, plan.Diff()); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

// Applied to the text before, the difference makes the text after.
func FuzzDiff(f *testing.F) {
	f.Add("a\nb\nc", "b\nc\nd")
	f.Add("", "a")
	f.Add("a\na\na", "a")
	f.Add("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl", "x\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\ny")
	f.Fuzz(func(t *testing.T, before, after string) {
		if len(before) > 500 || len(after) > 500 || before == "" || after == "" || strings.ContainsAny(before+after, "{[\"0123456789tfn") {
			t.Skip("JSON would be indented")
		}
		plan := setup.Plan{Documents: []setup.Revision{{Name: "doc", Before: before, After: after}}}
		text := plan.Diff()
		if text == "" {
			if before != after {
				t.Errorf("no difference between %q and %q", before, after)
			}
			return
		}
		if got := patched(t, strings.Split(before, "\n"), text); got != after {
			t.Errorf("the difference between %q and %q makes %q:\n%s", before, after, got, text)
		}
	})
}

// patched applies a unified diff to lines.
func patched(t *testing.T, lines []string, diff string) string {
	t.Helper()
	var made []string
	at := 0 // in lines
	for _, line := range strings.Split(strings.TrimSuffix(diff, "\n"), "\n")[2:] {
		var first, count int
		if _, err := fmt.Sscanf(line, "@@ -%d,%d ", &first, &count); err == nil {
			made = append(made, lines[at:first-1]...)
			at = first - 1
			continue
		}
		if line[0] != '+' {
			if lines[at] != line[1:] {
				t.Fatalf("line %d is %q, and the difference says %q", at+1, lines[at], line[1:])
			}
			at++
		}
		if line[0] != '-' {
			made = append(made, line[1:])
		}
	}
	return strings.Join(append(made, lines[at:]...), "\n")
}
