package snippet_test

import (
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/snippet"
)

// What Quote writes, a shell reads as the same word.
func FuzzQuote(f *testing.F) {
	for _, seed := range []string{"", "a", "it's", `a"b$c`, "a\nb", "*", "~", "#", "-x", "é", "a\\'b"} {
		f.Add(seed)
	}
	if runtime.GOOS == "windows" {
		f.Skip("Windows joins the arguments of a program to one line before sh reads them")
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Skip("no sh on PATH")
	}
	f.Fuzz(func(t *testing.T, word string) {
		if strings.ContainsRune(word, 0) {
			t.Skip("no argument has a zero byte")
		}
		if words := snippet.Words("a " + snippet.Quote(word) + "  b"); !slices.Equal(words, []string{"a", word, "b"}) {
			t.Errorf("%q is split into %q", word, words)
		}
		out, err := exec.Command(sh, "-c", "printf %s. "+snippet.Quote(word)).Output()
		if err != nil || string(out) != word+"." {
			t.Errorf("%q is read as %q, %v", word, out, err)
		}
	})
}
