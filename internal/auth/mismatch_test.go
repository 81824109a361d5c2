package auth_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/trace"
)

// parts are the texts that differ, the server's and the client's with a bar between.
func parts(t *testing.T, m *trace.Mismatch) (list []string) {
	t.Helper()
	last := trace.Differ{}
	for _, run := range m.Differ {
		if run.Server[0] < last.Server[1] || run.Client[0] < last.Client[1] || run.Server[0] > run.Server[1] || run.Client[0] > run.Client[1] {
			t.Fatalf("the runs are not in order: %v", m.Differ)
		}
		list = append(list, m.Server[run.Server[0]:run.Server[1]]+"|"+m.Client[run.Client[0]:run.Client[1]])
		last = run
	}
	return list
}

// Only the bytes that differ are marked, whatever stands before and behind them, and also if lines are missing.
func TestMismatchesMarkWhatDiffers(t *testing.T) {
	replaced := func(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }
	tests := []struct {
		name, target string
		change       func(string) string
		want         []string
	}{
		{"nothing", "/book?page=5", same, nil},
		{"one byte", "/book?page=5", replaced("page=5", "page=6"), []string{"5|6"}},
		{"a header that is missing", "/book", replaced("host:here\n", ""), []string{"host:here\n|"}},
		{"a header more", "/book", replaced("host:here\n", "host:here\nx-more:1\n"), []string{"|x-more:1\n"}},
		{"two places", "/book?page=5", replaced("page=5", "page=6", "host:here", "host:there"), []string{"5|6", "|t"}},
		{"two parameters of three", "/?a=1&b=2&c=3", replaced("a=1", "a=9", "c=3", "c=8"), []string{"1|9", "3|8"}},
		{"escapes", "/a%2Fb", replaced("%252F", "%2F"), []string{"52|"}},
		{"a path", "/book/5", replaced("/book/5", "/stage/book/5"), []string{"|stage/"}},
		{"a character", "/", replaced("GET", "GÄT"), []string{"E|Ä"}},
		{"bytes that are not UTF-8", "/", replaced("GET", "G\xffT"), []string{`E|\xff`}},
		{"all", "/", func(string) string { return "x" }, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			mismatch := refused(t, newGate(t), telling(t, alice, test.target, test.change)).Mismatch()
			if mismatch == nil {
				t.Fatal("no mismatch")
			}
			if got := parts(t, mismatch); test.name != "all" && !slices.Equal(got, test.want) || test.name == "all" && len(got) == 0 {
				t.Errorf("%q\nserver %s\nclient %s", got, mismatch.Server, mismatch.Client)
			}
		})
	}
}

// What is kept of the two texts is bounded and shows no session token.
func TestMismatchesAreBounded(t *testing.T) {
	long := strings.Repeat("long", 12_000)
	mismatch := refused(t, newGate(t), telling(t, alice, "/?a="+long, func(text string) string {
		return "x-amz-security-token:hunter2\n" + text
	})).Mismatch()
	if len(mismatch.Server) > 16<<10+4 || len(mismatch.Client) > 16<<10+4 || mismatch.Server == "" || mismatch.Client == "" {
		t.Errorf("%d and %d bytes", len(mismatch.Server), len(mismatch.Client))
	}
	if strings.Contains(mismatch.Server+mismatch.Client, "hunter2") {
		t.Error("shows the session token")
	}
}

// Other refusals are no mismatch, nor is a good signature.
func TestOnlyMismatchesAreSome(t *testing.T) {
	if m := (&auth.SignatureFinding{}).Mismatch(); m != nil {
		t.Errorf("%+v", m)
	}
}

// Whatever a client says it has signed, the runs are within the texts, apart from each other and of whole characters, and
// without them the texts are the same.
func FuzzMismatch(f *testing.F) {
	f.Add("GET\n/\n\nhost:here\n\nhost\nabc", "GET\n/\n\nhost:there\n\nhost\nabc")
	f.Add("\xff", "\xfe\n\n")
	f.Add("a&b&c", "c&b&a")
	f.Fuzz(func(t *testing.T, server, client string) {
		server, client, runs := auth.Differ(server, client)
		rest := func(text string, side func(trace.Differ) [2]int) string {
			var kept strings.Builder
			at := 0
			for _, run := range runs {
				span := side(run)
				if span[0] < at || span[1] < span[0] || span[1] > len(text) {
					t.Fatalf("%v of %q", runs, text)
				}
				kept.WriteString(text[at:span[0]])
				if !utf8.ValidString(text[span[0]:span[1]]) {
					t.Errorf("half a character: %q", text[span[0]:span[1]])
				}
				at = span[1]
			}
			return kept.String() + text[at:]
		}
		ours := rest(server, func(d trace.Differ) [2]int { return d.Server })
		if theirs := rest(client, func(d trace.Differ) [2]int { return d.Client }); ours != theirs {
			t.Errorf("%q and %q are left of %q and %q", ours, theirs, server, client)
		}
		encoded, err := json.Marshal(server)
		var back string
		if err != nil || json.Unmarshal(encoded, &back) != nil || back != server {
			t.Errorf("JSON changes %q", server)
		}
	})
}
