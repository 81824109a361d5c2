package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/cli"
	"github.com/furl-dev/furl/internal/usertest"
)

// Each option of curl is a flag of furl call, or furl call says what to type instead, under the long name and under the
// short one. The list is that of curl --help all, of curl 7.88 and what versions up to 8.16 have added.
func TestCurlOptions(t *testing.T) {
	environment(t)
	text, err := os.ReadFile("testdata/curl-options.txt")
	if err != nil {
		t.Fatal(err)
	}
	var command *cobra.Command
	for _, child := range cli.Root().Commands() {
		if child.Name() == "call" {
			command = child
		}
	}
	table := map[string]call.CurlOption{}
	for _, o := range call.CurlOptions() {
		if _, twice := table[o.Long]; twice || o.Note == "" && o.Likeness != call.Same || o.Note != "" && o.Likeness == call.Same {
			t.Errorf("--%s is in the table twice, or without a note", o.Long)
		}
		table[o.Long] = o
	}
	options := strings.Fields(string(text))
	if len(options) < 260 {
		t.Fatalf("there are only %d options", len(options))
	}
	for _, option := range options {
		long, short, _ := strings.Cut(option, "|")
		o, ok := table[long]
		if !ok || o.Short != short {
			t.Errorf("the table does not have %s", option)
		}
		flag := command.Flags().Lookup(long)
		if flag != nil || long == "help" {
			if o.Likeness == call.Absent || flag != nil && (flag.Shorthand != short || o.Usage != "" && flag.Usage != o.Usage) {
				t.Errorf("furl call has --%s, and the table says of it %v", long, o)
			}
			continue
		}
		if o.Likeness != call.Absent {
			t.Errorf("furl call does not have --%s, and the table says that it does", long)
		}
		for name, typed := range map[string]string{long: "--" + long, short: "-" + short} {
			if name == "" {
				continue
			}
			if short != "" && name == short && command.Flags().ShorthandLookup(short) != nil {
				t.Errorf("-%s means something else to furl call than to curl", short)
				continue
			}
			code, stdout, stderr := run(t, nil, "call", "https://example.com", typed)
			if code != 2 || stdout != "" || !strings.Contains(stderr, "furl: error: furl call does not have curl's "+typed) ||
				!strings.Contains(stderr, "furl: hint: ") || strings.HasPrefix(stderr, "furl: hint: furl call --help") {
				t.Errorf("%s: exit status %d: %s", typed, code, stderr)
			}
		}
		delete(table, long)
	}
	for long, o := range table {
		if o.Likeness == call.Absent {
			t.Errorf("the table has --%s, which the list does not have", long)
		}
	}
}

// The words that are taken for commands lead to commands that there are.
func TestSynonymsLeadToCommands(t *testing.T) {
	for word, path := range cli.Synonyms {
		found, rest, err := cli.Root().Find(strings.Fields(path))
		if err != nil || len(rest) > 0 || found.CommandPath() != "furl "+path {
			t.Errorf("%s: %s: %v", word, path, err)
		}
		if found, rest, err := cli.Root().Find([]string{word}); err == nil && len(rest) == 0 && found.Name() == word {
			t.Errorf("%s is a command itself", word)
		}
	}
}

func TestHintsAreFilledLineByLine(t *testing.T) {
	for _, test := range []struct {
		hint      string
		arguments []any
		want      string
	}{
		{"a %s\nb", []any{"x"}, "a x\nb"},
		{"a %s\nb %s", []any{"", "y"}, "b y"},
		{"a %s\nb %s", []any{[]string{"x", "y"}, "z"}, "a x\na y\nb z"},
		{"a %s %s\nb", []any{"p", []string{"x", "y"}}, "a p x\na p y\nb"},
		{"a %s\nb", []any{[]string(nil)}, "b"},
		{"a %s", []any{"100%"}, "a 100%"},
	} {
		if got := cli.Fill(test.hint, test.arguments); got != test.want {
			t.Errorf("%q with %v: %q, want %q", test.hint, test.arguments, got, test.want)
		}
	}
}

// The data directory of another user cannot be read, and the message says what to do.
func TestDataDirectoryOfAnotherUser(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	environment(t)
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "server.json"), []byte("{}"), 0); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"env"}, {"explain", "--last"}, {"logs", "web"}} {
		code, _, stderr := run(t, nil, append(slices.Clone(args), "--data", data)...)
		if code != 1 || !strings.Contains(stderr, "permission denied") ||
			!strings.Contains(stderr, "furl: hint: run the command as the user who started the server") {
			t.Errorf("%q: exit status %d: %s", args, code, stderr)
		}
	}
}
