package report_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/report"
)

// hostile are texts as strangers choose them, and what of each must not come through as it is.
var hostile = []string{
	"::error file=x::pwned", "\n::error::pwned", "\r::error::pwned", "\r\n::set-output name=a::b", "%0A::error::pwned", "100%",
	"a,line=9,title=b:c", "</testcase><failure/>", `" onload="x`, "]]>", "&amp;<!-- -->", "a\x00b\x08\x0b\x0c\x1fz",
	"\x1b]0;pwned\x07\x1b[2J", "\u009b2J\u0085", "\u202egnp\u2066\u2028\u2029", "\ufffe\uffff\ufdd0", "\xff\xfe\x80", "half \xe2\x82",
	"\xed\xa0\x80", "𝒳 ü 日本", "##[error]pwned", "line\n\nline\ttab",
}

// of is a report of which everything is the text.
func of(text string) report.Report {
	var results []report.Result
	for _, outcome := range []report.Outcome{report.Passed, report.Noted, report.Warned, report.Failed, report.Unknown} {
		results = append(results, report.Result{
			Suite: text, Name: text, Rule: "rule", Outcome: outcome, Message: text, Details: []string{text}, Fix: []string{text},
			File: text, Line: 3, Column: 5,
		})
	}
	return report.Report{
		Command: "furl check", Version: text, Rules: []report.Rule{{ID: "rule", Summary: text, Help: text}}, Results: results,
		Notes: []string{text}, Summary: "1 finding",
	}
}

func written(t *testing.T, r report.Report, format report.Format) string {
	t.Helper()
	var text strings.Builder
	if err := r.Write(&text, format); err != nil {
		t.Fatal(err)
	}
	if !utf8.ValidString(text.String()) {
		t.Errorf("%s is not UTF-8: %q", format, text.String())
	}
	return text.String()
}

// A workflow command is a line that begins with two colons (actions/runner, ActionCommand.cs), so strangers' text may not
// begin one, nor end one's properties: GitHub sees as many commands as there are results, and nothing that steers its
// log's reader.
func TestStrangersDoNotCommandGitHub(t *testing.T) {
	for _, text := range hostile {
		got := written(t, of(text), report.GitHub)
		var names []string
		for line := range strings.Lines(got) {
			line = strings.TrimSuffix(line, "\n")
			if strings.ContainsAny(line, "\r\x00\x1b\u009b\u0085\u2028\u202e") {
				t.Errorf("%q: a raw control character in %q", text, line)
			}
			rest, ok := strings.CutPrefix(line, "::")
			if !ok {
				if strings.Contains(line, "##[") {
					t.Errorf("%q: a command of the older form in %q", text, line)
				}
				continue
			}
			head, _, _ := strings.Cut(rest, "::")
			name, properties, _ := strings.Cut(head, " ")
			names = append(names, name)
			keys := []string{}
			for property := range strings.SplitSeq(properties, ",") {
				key, _, _ := strings.Cut(property, "=")
				keys = append(keys, key)
			}
			if diff := cmp.Diff([]string{"file", "line", "col", "title"}, keys); diff != "" {
				t.Errorf("%q: %s", text, diff)
			}
		}
		if diff := cmp.Diff([]string{"notice", "warning", "error", "warning"}, names); diff != "" {
			t.Errorf("%q: %s: %s", text, diff, got)
		}
	}
}

// The escapes are those of @actions/core (actions/toolkit, packages/core/src/command.ts).
func TestGitHubCommand(t *testing.T) {
	got := written(t, report.Report{Command: "furl check", Summary: "1 thing", Results: []report.Result{{
		Suite: "dev/eu-west-1", Name: "web", Rule: "missing-action", Outcome: report.Failed, Message: "50 % of it",
		Details: []string{"a\r\nb"}, Fix: []string{"furl grant web --to 'a,b:c'"}, File: "a,b:c/100%.yaml", Line: 3, Column: 5,
	}}}, report.GitHub)
	want := "::error file=a%2Cb%3Ac/100%25.yaml,line=3,col=5,title=furl check missing-action::" +
		"dev/eu-west-1: web: 50 %25 of it%0Aa%0Ab%0Afix: furl grant web --to 'a,b:c'\n1 thing\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// XML 1.0 has no way to write most control characters (production [2] Char): they are shown as escapes.
func TestStrangersDoNotBreakJUnit(t *testing.T) {
	for _, text := range hostile {
		got := written(t, of(text), report.JUnit)
		counts := map[string]int{}
		decoder := xml.NewDecoder(strings.NewReader(got))
		for {
			token, err := decoder.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%q: %v: %s", text, err, got)
			}
			if start, ok := token.(xml.StartElement); ok {
				counts[start.Name.Local]++
			}
		}
		want := map[string]int{
			"testsuites": 1, "testsuite": 1, "testcase": 5, "skipped": 1, "failure": 2, "error": 1, "system-out": 1,
		}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
		for _, r := range got {
			if r < ' ' && r != '\t' && r != '\n' || r == 0x7f || r&0xfffe == 0xfffe || r == 0xfffd && !strings.Contains(text, "\ufffd") {
				t.Errorf("%q: %q is no text of XML 1.0 that says what it was: %q", text, r, got)
				break
			}
		}
	}
	got := written(t, of("a\x1b\xffb"), report.JUnit)
	if !strings.Contains(got, `message="a\u001b\xffb"`) {
		t.Errorf("the escapes are not shown: %s", got)
	}
}

func TestStrangersDoNotBreakSARIF(t *testing.T) {
	for _, text := range hostile {
		var log struct {
			Runs []struct {
				Results []struct {
					Message   struct{ Text string }
					Locations []struct {
						PhysicalLocation struct{ ArtifactLocation struct{ URI string } }
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(written(t, of(text), report.SARIF)), &log); err != nil || len(log.Runs[0].Results) != 4 {
			t.Fatalf("%q: %v", text, err)
		}
		for _, result := range log.Runs[0].Results {
			if utf8.ValidString(text) && !strings.Contains(result.Message.Text, text) {
				t.Errorf("%q is not in %q", text, result.Message.Text)
			}
			if uri, err := url.Parse(result.Locations[0].PhysicalLocation.ArtifactLocation.URI); err != nil || uri.Scheme != "" || uri.Host != "" {
				t.Errorf("%q has the URI %v, %v", text, uri, err)
			}
		}
	}
}

// A file is a relative URI, as readers look for it below the checkout, or a whole one.
func TestFilesInSARIF(t *testing.T) {
	for file, want := range map[string]string{
		"template.yaml": "template.yaml", "./a/template.yaml": "a/template.yaml", "a/../b c%.yaml": "b%20c%25.yaml",
		"a:b.yaml": "./a:b.yaml", "/srv/a b.yaml": "file:///srv/a%20b.yaml", filepath.Join("x", "y.yaml"): "x/y.yaml", "ü#?.yaml": "%C3%BC%23%3F.yaml",
	} {
		r := report.Report{Results: []report.Result{{Name: "n", Outcome: report.Failed, Message: "m", File: file, Line: 1}}}
		if got := written(t, r, report.SARIF); !strings.Contains(got, `"uri": "`+want+`"`) {
			t.Errorf("%s is not %s: %s", file, want, got)
		}
	}
}

// An empty report is still a whole document of its form.
func TestEmptyReport(t *testing.T) {
	for format, want := range map[report.Format]string{
		report.SARIF: `"results": [],`, report.JUnit: `<testsuites name="furl check" tests="0" failures="0" errors="0" skipped="0">`,
		report.GitHub: "nothing\n",
	} {
		got := written(t, report.Report{Command: "furl check", Summary: "nothing", Complete: true}, format)
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s", format, got)
		}
	}
	if err := (report.Report{}).Write(os.Stderr, report.Text); err == nil {
		t.Error("a report was written as text")
	}
}

// Readers of JUnit XML tell cases apart by their names.
func TestCasesOfOneName(t *testing.T) {
	r := report.Report{Results: []report.Result{{Suite: "s", Name: "n"}, {Suite: "s", Name: "n"}, {Suite: "other", Name: "n"}}}
	got := written(t, r, report.JUnit)
	if strings.Count(got, `name="n"`) != 2 || strings.Count(got, `name="n (2)"`) != 1 {
		t.Error(got)
	}
}
