package watch_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/usertest"
	"github.com/furl-dev/furl/internal/watch"
)

// ignoreCases are lines of an ignore file, and paths; a path that ends with a slash is a directory. What is wanted comes
// from gitignore(5) and from git itself, which TestIgnoreAsGit asks.
var ignoreCases = []struct{ name, lines, ignored, kept string }{
	{"a name, at any depth", "foo", "foo foo/ a/foo a/b/foo", "food a/food fo"},
	{"directories only", "foo/", "foo/ a/foo/", "foo a/foo"},
	{"anchored by a slash at its start", "/foo", "foo foo/", "a/foo"},
	{"anchored by a slash in the middle", "a/foo", "a/foo", "foo b/a/foo"},
	{"star", "*.log", "a.log b/c.log .log", "a.logs"},
	{"star stops at a slash", "a/*/c", "a/b/c", "a/c a/b/d/c"},
	{"two stars at the start", "**/foo", "foo a/foo a/b/foo", "food"},
	{"two stars at the end", "foo/**", "foo/a foo/a/b", "foo foo/ a/foo/b"},
	{"two stars in the middle", "a/**/b", "a/b a/x/b a/x/y/b", "ab c/a/b"},
	{"two stars beside text", "a**b", "ab axb a/axb", "a/b"},
	{"two stars beside text in a path", "/x/a**b", "x/ab x/ayb", "x/a/b"},
	{"three stars", "***/foo", "foo a/foo", "food"},
	{"question mark", "?.py", "a.py b/c.py", ".py ab.py"},
	{"a byte and a character", "?", "a", "é"},
	{"class", "[a-c]x", "ax bx", "dx Ax"},
	{"class with the bracket first", "[]a]x", "]x ax", "bx"},
	{"class with a dash at its end", "[a-]x", "ax -x", "bx"},
	{"class that is turned around", "[!a]x", "bx", "ax x"},
	{"class that is turned around as in regular expressions", "[^a]x", "bx", "ax"},
	{"class has no slash", "a[^b]c", "axc", "a/c"},
	{"class with a name", "[[:digit:]]x", "1x", "ax :x"},
	{"class with an unknown name", "[[:nope:]]x", "", "nx :x"},
	{"class in an empty range", "[c-a]x", "cx", "ax bx"},
	{"class with an escape", `[\]]x`, "]x", `\x`},
	{"class without an end", "[a", "", "a [a"},
	{"escaped star", `\*.py`, "*.py", "a.py"},
	{"backslash at the end", `a\`, "", `a a\`},
	{"comment", "#foo", "", "#foo foo"},
	{"escaped hash", `\#foo`, "#foo", "foo"},
	{"escaped exclamation mark", `\!foo`, "!foo", "foo"},
	{"negation", "*.py\n!keep.py", "a.py b/c.py", "keep.py b/keep.py"},
	{"the last line decides", "!a\na", "a", "b"},
	{"negation below a directory that is ignored", "foo/\n!foo/bar", "foo/ foo/bar", "bar"},
	{"all but one directory", "/*\n!/foo\n/foo/*\n!/foo/bar", "x foo/x", "foo/ foo/bar"},
	{"spaces at the end", "foo  ", "foo", "bar"},
	{"kept space at the end", `foo\ `, "foo ", "foo"},
	{"kept space and more", `foo\   `, "foo ", "foo"},
	{"escaped backslash and a space", `foo\\ `, `foo\`, "foo"},
	{"spaces in the middle", "a b", "a b", "a b"[:1]},
	{"end of line of Windows", "foo\r\nbar\r\n", "foo bar", "baz"},
	{"mark of the byte order", "\ufefffoo", "foo", "bar"},
	{"only a slash", "/", "", "a a/"},
	{"two slashes at the end", "foo//", "", "foo/ foo"},
	{"only an exclamation mark", "!", "", "! a"},
	{"empty lines", "\n\nfoo\n\n", "foo", "bar"},
	{"directory with a slash in the middle", "a/b/", "a/b/ a/b/c", "a/b b/"},
	{"everything", "*", "a a/ a/b .x", ""},
	{"hidden files", ".*", ".env a/.env", "env"},
	{"dot", ".", "", "a"},
	{"no case", "Foo", "Foo", "foo"},
}

// words are the paths of a case. One with spaces stands alone.
func words(name, text string) []string {
	if strings.Contains(name, "space") && text != "" {
		return []string{text}
	}
	return strings.Fields(text)
}

func ignores(list watch.Ignore, path string) bool {
	directory := strings.HasSuffix(path, "/")
	path = strings.TrimSuffix(path, "/")
	for i, c := range path + "/" {
		if c == '/' {
			if ignored, _ := list.Match(path[:i], directory || i < len(path)); ignored {
				return true
			}
		}
	}
	return false
}

func TestIgnore(t *testing.T) {
	for _, test := range ignoreCases {
		t.Run(test.name, func(t *testing.T) {
			list := watch.ParseIgnore(test.lines)
			for _, path := range words(test.name, test.ignored) {
				if !ignores(list, path) {
					t.Errorf("%q is kept", path)
				}
			}
			for _, path := range words(test.name, test.kept) {
				if ignores(list, path) {
					t.Errorf("%q is ignored", path)
				}
			}
		})
	}
}

// byGit says of each path whether git ignores it, with a file .gitignore. A path that ends with a slash is a directory.
// Paths that cannot be next to others are left out.
func byGit(t *testing.T, lines string, paths []string) map[string]bool {
	t.Helper()
	dir := t.TempDir()
	git := func(input string, args ...string) string {
		command := exec.Command("git", args...)
		command.Dir = dir
		command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		command.Stdin = strings.NewReader(input)
		out, err := command.Output()
		if exit, ok := err.(*exec.ExitError); err != nil && (!ok || exit.ExitCode() != 1) {
			t.Fatal(err)
		}
		return string(out)
	}
	git("", "init", "-q")
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	ignored := map[string]bool{}
	asked := map[string]string{}
	var input strings.Builder
	for _, path := range paths {
		place := filepath.Join(dir, path)
		name, isDir := strings.CutSuffix(path, "/")
		if !isDir {
			place = filepath.Dir(place)
		}
		if os.MkdirAll(place, 0o755) != nil || !isDir && os.WriteFile(filepath.Join(dir, path), nil, 0o600) != nil {
			continue
		}
		asked[name], ignored[path] = path, false
		input.WriteString(name + "\x00")
	}
	for name := range strings.SplitSeq(git(input.String(), "check-ignore", "-z", "--no-index", "--stdin"), "\x00") {
		if path, ok := asked[name]; ok {
			ignored[path] = true
		}
	}
	return ignored
}

func needGit(t *testing.T) {
	usertest.Program(t, "git")
}

func TestIgnoreAsGit(t *testing.T) {
	needGit(t)
	for _, test := range ignoreCases {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			list := watch.ParseIgnore(test.lines)
			paths := append(words(test.name, test.ignored), words(test.name, test.kept)...)
			for path, want := range byGit(t, test.lines, paths) {
				if got := ignores(list, path); got != want {
					t.Errorf("%q: ignored is %t, by git %t", path, got, want)
				}
			}
		})
	}
}

// TestIgnoreAsGitAtRandom asks git about patterns that nobody thought of.
func TestIgnoreAsGitAtRandom(t *testing.T) {
	needGit(t)
	random := rand.New(rand.NewPCG(1, 2))
	text := func(alphabet []string, most int) string {
		var out bytes.Buffer
		for range 1 + random.IntN(most) {
			out.WriteString(alphabet[random.IntN(len(alphabet))])
		}
		return out.String()
	}
	const files, lines, candidates = 25, 3, 60
	for range files {
		var file bytes.Buffer
		for range lines {
			file.WriteString(text([]string{
				"a", "b", "ab", "/", "/", "*", "**", "?", "[ab]", "[!a]", "[^/]", "[a-c", "]", `\`, "!", "#", " ", "-", "[[:alpha:]]", ".", "é",
			}, 6) + "\n")
		}
		var paths []string
		for range candidates {
			path := strings.Trim(text([]string{"a", "b", "ab", "c", "/", "/", "*", "!", "#", " ", "é", "-", "]", "."}, 7), "/")
			for strings.Contains(path, "//") {
				path = strings.ReplaceAll(path, "//", "/")
			}
			if path == "" || strings.Contains("/"+path+"/", "/./") || strings.Contains("/"+path+"/", "/../") {
				continue
			}
			if random.IntN(3) == 0 {
				path += "/"
			}
			paths = append(paths, path)
		}
		list := watch.ParseIgnore(file.String())
		for path, want := range byGit(t, file.String(), paths) {
			if got := ignores(list, path); got != want {
				t.Errorf("%q\n%q: ignored is %t, by git %t", file.String(), path, got, want)
			}
		}
	}
}

func FuzzIgnore(f *testing.F) {
	for _, test := range ignoreCases {
		f.Add(test.lines, "a/b")
	}
	f.Fuzz(func(_ *testing.T, lines, path string) {
		watch.ParseIgnore(lines).Match(path, true)
	})
}
