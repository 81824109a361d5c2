//go:build unix

package code_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/usertest"
)

// project makes directories and links in a new directory, whose real path it returns.
func project(t *testing.T, dirs []string, links map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestCodeDir(t *testing.T) {
	root := project(t, []string{"app/src", "app/.furl/code", "application", "o'ther"}, map[string]string{
		"app/out": "../application", "app/in": "src", "app/loop": "loop", "app/gone": "nowhere", "alias": "app", "app/etc": "/etc",
	})
	app := filepath.Join(root, "app")
	if err := os.WriteFile(filepath.Join(app, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	places, err := code.NewPlaces([]string{filepath.Join(root, "alias"), filepath.Join(app, "src")}, nil, []string{filepath.Join(app, ".furl")})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		app: app, app + "/": app, app + "/src": app + "/src", app + "/src/../src/": app + "/src", app + "/in": app + "/src",
		root + "/alias": app, root + "/alias/in": app + "/src",
	} {
		if got, err := places.CodeDir(path); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %s", path, got, err, want)
		}
	}
	flag := func(dir string) string {
		return "only below those that it was started with: start it with furl serve --code-dir " + dir
	}
	for path, want := range map[string]string{
		"":                        `"" is not the absolute path of a directory`,
		"src":                     `"src" is not the absolute path`,
		"./src":                   "is not the absolute path",
		"../src":                  "is not the absolute path",
		"~/app":                   "is not the absolute path",
		"/":                       flag("/"),
		"/etc":                    flag("/etc"),
		root:                      flag(root),
		root + "/application":     flag(root + "/application"), // which only begins like a root
		root + "/o'ther":          flag("'" + root + `/o'\''ther'`),
		app + "/../application":   flag(root + "/application"),
		app + "/../../../../etc":  flag(filepath.Clean(app + "/../../../../etc")),
		app + "/out":              app + "/out leads out of the server's code directories: ",
		app + "/etc":              flag("/etc"),
		app + "/in/../../nowhere": flag(root + "/nowhere"),
		app + "/nowhere":          "directory " + app + "/nowhere: no such file or directory",
		root + "/alias/nowhere":   "directory " + root + "/alias/nowhere: no such file or directory",
		root + "/nowhere":         flag(root + "/nowhere"), // not a word on whether it exists
		app + "/gone":             "no such file or directory",
		app + "/loop":             "too many links",
		app + "/file":             app + "/file is not a directory",
		app + "/file/x":           "not a directory",
		app + "/.furl":            "is in a directory of the server itself",
		app + "/.furl/code":       "is in a directory of the server itself",
		app + "/\x00":             "invalid argument",
	} {
		if got, err := places.CodeDir(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want an error with %s", path, got, err, want)
		}
	}
	for dir, want := range map[string]string{app: app, app + "/src": app + "/src", app + "/src/x": app + "/src", root: ""} {
		if got := places.RootOf(dir); got != want {
			t.Errorf("root of %s: %q, want %q", dir, got, want)
		}
	}
}

func TestCodeDirThatCannotBeRead(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	root := project(t, []string{"closed"}, nil)
	if err := os.Chmod(filepath.Join(root, "closed"), 0o311); err != nil {
		t.Fatal(err)
	}
	places, err := code.NewPlaces([]string{root}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := places.CodeDir(root + "/closed"); err == nil || !strings.HasSuffix(err.Error(), "/closed: permission denied") {
		t.Errorf("%q, %v", got, err)
	}
}

func TestRoot(t *testing.T) {
	root := project(t, []string{"home/app", "homework"}, map[string]string{"all": "/", "me": "home"})
	t.Setenv("HOME", root+"/me")
	for _, dir := range []string{root + "/home/app", root + "/homework"} {
		if got, err := code.Root(dir); got != dir || err != nil {
			t.Errorf("%s: %q, %v", dir, got, err)
		}
	}
	for dir, want := range map[string]string{
		"/": "belongs to the system", "/etc": "belongs to the system", "/tmp/": "belongs to the system",
		root + "/all": "belongs to the system", root: "has your credentials", root + "/home": "has your credentials",
		root + "/me/": "has your credentials", root + "/nowhere": "nowhere: no such file or directory",
	} {
		if got, err := code.Root(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v; want an error with %s", dir, got, err, want)
		}
	}
	t.Chdir(root + "/home")
	if got, err := code.Root("app"); got != root+"/home/app" || err != nil {
		t.Errorf("a relative directory: %q, %v", got, err)
	}
}

func TestUpstream(t *testing.T) {
	places, err := code.NewPlaces(nil, []string{"http://LocalHost:08000/", "http://[::1]"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"http://localhost:8000": "http://localhost:8000", "HTTP://localhost:8000/": "http://localhost:8000",
		"http://[::1]:80": "http://[::1]:80", "http://[::1]/": "http://[::1]:80",
	} {
		if got, err := places.Upstream(text); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"http://127.0.0.1:8000": "start it with furl serve --http-upstream http://127.0.0.1:8000",
		"http://localhost":      "start it with furl serve --http-upstream http://localhost:80",
		"http://localhost:8001": "--http-upstream http://localhost:8001",
	} {
		if got, err := places.Upstream(text); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %q, %v; want an error with %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "localhost:8000", "https://localhost:8000", "http://", "http://:8000", "http://user@localhost:8000", "unix:/run/app",
		"http://localhost:8000/path", "http://localhost:8000?a=b", "http://localhost:8000?", "http://localhost:8000#x",
		"http://localhost:0", "http://localhost:65536", "http://local host:1", "file:///etc", "http://localhost:8000/../",
	} {
		if got, err := code.ParseUpstream(text); err == nil {
			t.Errorf("%q is taken as %q", text, got)
		}
	}
}

// The packages of a workspace are those that links in node_modules lead to, of the directory and of those above it.
func TestLinked(t *testing.T) {
	root := project(t, []string{
		"a*[b/node_modules/@work", "shared/src", "hoisted", "node_modules/.pnpm/left/node_modules/left", "out", "a*[b/own",
	}, map[string]string{
		"a*[b/node_modules/left": "../../node_modules/.pnpm/left/node_modules/left", "a*[b/node_modules/@work/shared": "../../../shared",
		"node_modules/hoisted": "../hoisted", "a*[b/node_modules/own": "../own", "a*[b/node_modules/gone": "../../gone",
		"a*[b/node_modules/up": "../..", "a*[b/node_modules/etc": "/etc",
	})
	places, err := code.NewPlaces([]string{root}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{root + "/hoisted", root + "/shared"}
	if diff := cmp.Diff(want, places.Linked(root+"/a*[b")); diff != "" {
		t.Error(diff)
	}
	if got := places.Linked("/etc"); got != nil {
		t.Errorf("linked to a directory of another's: %q", got)
	}
}
