//go:build unix

package dev_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/dev"
)

func TestEnvFile(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       map[string]string
	}{
		{"plain", "A=1\nB=two\n", map[string]string{"A": "1", "B": "two"}},
		{"no end of line at the end", "A=1", map[string]string{"A": "1"}},
		{"comments and empty lines", "# one\n\n  # two\nA=1\n", map[string]string{"A": "1"}},
		{"comment after a value", "A=1 # one\nB=a#b\nC=#x\n", map[string]string{"A": "1", "B": "a#b", "C": ""}},
		{"export", "export A=1\n  export B=2\n", map[string]string{"A": "1", "B": "2"}},
		{"a variable that is called export", "export=1\n", map[string]string{"export": "1"}},
		{"spaces around", "A = 1 \n\tB=\t2\t\n", map[string]string{"A": "1", "B": "2"}},
		{"empty", "A=\nB=\"\"\nC=''\n", map[string]string{"A": "", "B": "", "C": ""}},
		{"equals signs in the value", "A=b=c==\n", map[string]string{"A": "b=c=="}},
		{"single quotes", `A='a "b" $C \n # d'` + "\n", map[string]string{"A": `a "b" $C \n # d`}},
		{"double quotes", `A="a 'b' # c"` + "\n", map[string]string{"A": "a 'b' # c"}},
		{"escapes in double quotes", `A="a\nb\t\"c\" \\ \$D \q"` + "\n", map[string]string{"A": "a\nb\t\"c\" \\ $D \\q"}},
		{"backslashes without quotes", `A=C:\new\table` + "\n", map[string]string{"A": `C:\new\table`}},
		{"nothing is replaced", "A=$HOME ${A} `id` $(id)\nB=\"$HOME\"\n", map[string]string{"A": "$HOME ${A} `id` $(id)", "B": "$HOME"}},
		{"several lines", "A=\"one\ntwo\"\nB='x\n\ny'\nC=3\n", map[string]string{"A": "one\ntwo", "B": "x\n\ny", "C": "3"}},
		{"comment after quotes", "A=\"b\" # c\n", map[string]string{"A": "b"}},
		{"the last one counts", "A=1\nA=2\n", map[string]string{"A": "2"}},
		{"Windows", "A=1\r\nB=\"2\"\r\n", map[string]string{"A": "1", "B": "2"}},
		{"JSON", `A={"a": "b#c"}` + "\n", map[string]string{"A": `{"a": "b#c"}`}},
		{"other scripts", "A=grüße\n", map[string]string{"A": "grüße"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := dev.ParseEnv(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestEnvFileFaults(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"no equals sign", "A=1\nhush-hush\n", ":2: want NAME=VALUE; the line has no ="},
		{"no name", "=hush-hush\n", ":1: the part before = is not the name of a variable"},
		{"a digit first", "1A=hush-hush\n", ":1: the part before ="},
		{"a dash", "A-B=hush-hush\n", ":1: the part before ="},
		{"quotes without an end", "A=1\nB=\"hush-hush\nC=3\n", ":2: the quotes are not closed"},
		{"text after quotes", "A=\"x\"hush-hush\n", ":1: there is text after the closing quotes"},
		{"after a value of several lines", "A=\"1\n2\n3\"\nhush-hush\n", ":4: want NAME=VALUE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), ".env")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := dev.ReadEnvFile(path)
			if err == nil || !strings.Contains(err.Error(), path+test.want) {
				t.Errorf("error %v, want %s%s", err, path, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hush-hush") {
				t.Errorf("the error has a value: %v", err)
			}
		})
	}
}

func FuzzEnvFile(f *testing.F) {
	f.Add("A=\"b\\\"\nc\" # d\nexport E='f'")
	f.Fuzz(func(t *testing.T, text string) {
		values, _ := dev.ParseEnv(text)
		for name := range values {
			if name == "" || strings.ContainsAny(name, "= \n") {
				t.Errorf("%q has a variable %q", text, name)
			}
		}
	})
}
