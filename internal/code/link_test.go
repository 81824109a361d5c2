//go:build unix

package code_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/code"
)

// link is an entry for a symbolic link, as `zip --symlinks` makes it.
func link(name, target string) item {
	return item{name: name, content: target, mode: fs.ModeSymlink | 0o777}
}

// wantInside checks that the system follows a link to somewhere in dir, to /opt or nowhere.
func wantInside(t testing.TB, dir, name string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	end, err := filepath.EvalSymlinks(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return
	}
	for _, allowed := range []string{dir, "/opt"} {
		if end == allowed || strings.HasPrefix(end, allowed+"/") {
			return
		}
	}
	t.Errorf("link %s leads to %s, %v", name, end, err)
}

func TestLinksAreKept(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "code"))
	data := archive(t,
		link("node_modules/pad", ".pnpm/pad@1.3.0/node_modules/pad"),
		item{name: "node_modules/.pnpm/pad@1.3.0/node_modules/pad/index.js", content: "pad"},
		link("node_modules/.pnpm/pad@1.3.0/node_modules/self", "../../../.."),
		link("lib/libx.so", "libx.so.1"),
		link("lib/libx.so.1", "./libx.so.1.2"),
		item{name: "lib/libx.so.1.2", content: "so", mode: 0o755},
		link("through", "node_modules/pad/../pad/index.js"), // which is .pnpm/…/node_modules/pad
		link("lib/slash", "..//lib/"),
		link("top", "."),
		link("missing", "node_modules/not/there"),
		link("below-a-file", "lib/libx.so/x"),
		link("layer", "/opt/nodejs/node_modules"),
		link("layers", "//opt/"),
		link("in-layer", "layer/x"),
		link("bootstrap", "lib/libx.so"),
		item{name: "empty/", mode: fs.ModeDir | 0o700},
	)
	dir := put(t, s, data)
	if diff := cmp.Diff(map[string]string{
		"node_modules":                                           "dr-xr-xr-x",
		"node_modules/pad":                                       "-> .pnpm/pad@1.3.0/node_modules/pad",
		"node_modules/.pnpm":                                     "dr-xr-xr-x",
		"node_modules/.pnpm/pad@1.3.0":                           "dr-xr-xr-x",
		"node_modules/.pnpm/pad@1.3.0/node_modules":              "dr-xr-xr-x",
		"node_modules/.pnpm/pad@1.3.0/node_modules/self":         "-> ../../../..",
		"node_modules/.pnpm/pad@1.3.0/node_modules/pad":          "dr-xr-xr-x",
		"node_modules/.pnpm/pad@1.3.0/node_modules/pad/index.js": "-r--r--r-- pad",
		"lib":             "dr-xr-xr-x",
		"lib/libx.so":     "-> libx.so.1",
		"lib/libx.so.1":   "-> ./libx.so.1.2",
		"lib/libx.so.1.2": "-r-xr-xr-x so",
		"lib/slash":       "-> ..//lib/",
		"through":         "-> node_modules/pad/../pad/index.js",
		"top":             "-> .",
		"missing":         "-> node_modules/not/there",
		"below-a-file":    "-> lib/libx.so/x",
		"layer":           "-> /opt/nodejs/node_modules",
		"layers":          "-> //opt/",
		"in-layer":        "-> layer/x",
		"bootstrap":       "-> lib/libx.so",
		"empty":           "dr-xr-xr-x",
	}, list(t, dir)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	for _, path := range []string{"through", "top/top/through", "node_modules/pad/index.js"} {
		if text, err := os.ReadFile(filepath.Join(dir, path)); string(text) != "pad" {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	file, _, err := s.Zip(filepath.Base(filepath.Dir(dir)))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if original, err := io.ReadAll(file); err != nil || !bytes.Equal(original, data) {
		t.Errorf("the archive is another one: %d bytes for %d, %v", len(original), len(data), err)
	}
}

func TestLinksAreRefused(t *testing.T) {
	const notIn, linkAndDirectory = "not in the package", "both a symbolic link and a directory"
	chain := []item{{name: "link0"}}
	for i := range 40 {
		chain = append(chain, link(fmt.Sprint("link", i+1), fmt.Sprint("link", i)))
	}
	doubling := []item{{name: "d/file"}, link("l0", "d")} // each goes through the one before twice
	for i := range 20 {
		doubling = append(doubling, link(fmt.Sprint("l", i+1), fmt.Sprintf("l%d/../l%d", i, i)))
	}
	for _, test := range []struct {
		name  string
		items []item
		text  string
	}{
		{"absolute", []item{link("a", "/etc/passwd")}, `to "/etc/passwd", which is not in the package`},
		{"the root directory", []item{link("a", "/")}, notIn},
		{"almost the layers", []item{link("a", "/optional")}, notIn},
		{"above the layers", []item{link("a", "/opt/../etc")}, notIn},
		{"above a layer", []item{link("a", "/opt/x/../y")}, notIn},
		{"dot before the layers", []item{link("a", "/./../opt")}, notIn},
		{"AWS's code directory", []item{link("a/b", "/var/task/lib/x")}, `make it relative, to "../lib/x"`},
		{"AWS's code directory itself", []item{link("a", "/var/task/")}, `make it relative, to "."`},
		{"parent", []item{link("a", "..")}, notIn},
		{"parent of a directory", []item{link("a/b/c", "../../../x")}, notIn},
		{"out and in again", []item{{name: "x"}, link("a", "../tree/x")}, notIn},
		{"in, then out", []item{{name: "d/x"}, link("a", "d/../../tree/x")}, notIn},
		{"out through a link", []item{{name: "d/e/x"}, link("up", "d"), link("d/e/a", "../../up/../../x")}, notIn},
		{"out through a link up", []item{{name: "d/e/x"}, link("d/e/top", "../.."), link("a", "d/e/top/../x")}, notIn},
		{"out through a later link", []item{link("a", "d/e/z/../x"), {name: "d/e/x"}, link("d/e/z", "../..")}, notIn},
		{"out through a layer", []item{link("l", "/opt/x"), link("a", "l/../../etc/passwd")}, notIn},
		{"above what is not there", []item{link("a", "missing/../x")}, notIn},
		{"above a file", []item{{name: "x"}, link("a", "x/../x")}, notIn},
		{"case", []item{{name: "d/e/x"}, link("d/e/top", "../.."), link("a", "d/e/TOP/../x")}, notIn},
		{"itself", []item{link("a", "a")}, "leads to itself"},
		{"itself in a directory", []item{link("d/a", "../d/a/x")}, "leads to itself"},
		{"loop", []item{link("a", "b"), link("b", "./a")}, "leads to itself"},
		{"loop of three", []item{link("a", "b/x"), link("b", "c/x"), link("c", "a/x")}, "leads to itself"},
		{"chain", chain, "more than 32"},
		{"doubling", doubling, "more than 32"},
		{"empty", []item{link("a", "")}, "to nothing"},
		{"zero byte", []item{link("a", "b\x00/../../etc")}, "zero byte"},
		{"backslash", []item{link("a", `..\b`)}, "backslash"},
		{"long", []item{link("a", strings.Repeat("n/", 513))}, "the limit is 1024"},
		{"name that leads out", []item{link("../a", "b")}, "leads out"},
		{"name that is a directory's", []item{{name: "a/", mode: fs.ModeSymlink}}, linkAndDirectory},
		{"no name", []item{link("", "b")}, "without a name"},
		{"the package", []item{link(".", "b")}, "without a name"},
		{"file below a link", []item{{name: "d/"}, link("a", "d"), {name: "a/file"}}, linkAndDirectory},
		{"file before its link", []item{{name: "a/file"}, {name: "d/x"}, link("a", "d")}, linkAndDirectory},
		{"file far below a link", []item{link("a", "/opt"), {name: "a/b/c/file"}}, linkAndDirectory},
		{"directory below a link", []item{link("a", "/opt"), {name: "a/b/"}}, linkAndDirectory},
		{"directory in place of a link", []item{link("a", "/opt"), {name: "a/"}}, linkAndDirectory},
		{"link below a link", []item{link("a", "/opt"), link("a/b", "c")}, linkAndDirectory},
		{"file at a link", []item{{name: "d"}, link("a", "d"), {name: "a"}}, "both a file and a symbolic link"},
		{"link in place of a file", []item{{name: "a"}, link("./a", "b")}, "both a symbolic link and a file"},
		{"twice", []item{link("a", "b"), link("a", "c")}, "twice"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			s := open(t, filepath.Join(root, "code"))
			_, err := s.Put(t.Context(), archive(t, test.items...))
			if !errors.Is(err, code.ErrUnsafeEntry) {
				t.Fatalf("error %v, want %v", err, code.ErrUnsafeEntry)
			}
			if !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q does not say %q in one line", err, test.text)
			}
			wantOnly(t, root, "code")
			wantOnly(t, filepath.Join(root, "code"))
		})
	}
}

// TestTooManyTargets: links compress well, so many of them are a bomb.
func TestTooManyTargets(t *testing.T) {
	var items []item
	for i := range 5000 {
		items = append(items, link(fmt.Sprint(i), strings.Repeat("x/", 500)))
	}
	s := open(t, filepath.Join(t.TempDir(), "code"))
	if _, err := s.Put(t.Context(), archive(t, items...)); !errors.Is(err, code.ErrTooManyEntries) {
		t.Errorf("error %v, want %v", err, code.ErrTooManyEntries)
	}
}

// TestDeclaredTarget: a target that is longer than the directory says is not read on.
func TestDeclaredTarget(t *testing.T) {
	data := stored(t, "a", strings.Repeat("b", 2000))
	directory := bytes.LastIndex(data, []byte("PK\x01\x02"))
	copy(data[directory+4:], []byte{20, 3})              // made by Unix
	copy(data[directory+24:], []byte{10, 0, 0, 0})       // uncompressed size
	copy(data[directory+38:], []byte{0, 0, 0xff, 0o240}) // a symbolic link
	s := open(t, filepath.Join(t.TempDir(), "code"))
	if p, err := s.Put(t.Context(), data); !errors.Is(err, code.ErrNotZip) {
		t.Errorf("package %v, error %v, want %v", p, err, code.ErrNotZip)
	}
}

// TestModes: of an entry's mode only that it is executable counts, and who made it.
func TestModes(t *testing.T) {
	const unix, fat = 3 << 8, 0 << 8
	for _, row := range []struct {
		name    string
		creator uint16
		attrs   uint32
		want    string
	}{
		{"nothing", unix, 0, "-r--r--r-- x"},
		{"mode 0", unix, 0o100000 << 16, "-r--r--r-- x"},
		{"setuid", unix, 0o104755 << 16, "-r-xr-xr-x x"},
		{"setgid and sticky", unix, 0o103644 << 16, "-r--r--r-- x"},
		{"everything", unix, 0o107777 << 16, "-r-xr-xr-x x"},
		{"only others", unix, 0o100001 << 16, "-r-xr-xr-x x"},
		{"a link to who does not know links", fat, 0o120777 << 16, "-r--r--r-- x"},
		{"DOS's read-only", fat, 1, "-r--r--r-- x"},
		{"nobody knows", 99 << 8, 0o120777 << 16, "-r--r--r-- x"},
	} {
		var buffer bytes.Buffer
		w := zip.NewWriter(&buffer)
		file, err := w.CreateHeader(&zip.FileHeader{Name: "file", ExternalAttrs: row.attrs})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(file, "x"); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		data := buffer.Bytes() // the writer says that Unix made it, whatever the header says
		directory := bytes.LastIndex(data, []byte("PK\x01\x02"))
		data[directory+4], data[directory+5] = 20, byte(row.creator>>8)
		s := open(t, filepath.Join(t.TempDir(), "code"))
		if got := list(t, put(t, s, data))["file"]; got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}
