//go:build unix

package code_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/trash"
	"github.com/furl-dev/furl/internal/usertest"
)

// item is one entry of an archive made for a test.
type item struct {
	name, content string
	mode          fs.FileMode // 0644 if zero
}

// archive makes a zip of the items as they are, however wrong they are.
func archive(t testing.TB, items ...item) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for _, i := range items {
		header := &zip.FileHeader{Name: i.name, Method: zip.Deflate}
		if i.mode == 0 {
			i.mode = 0o644
		}
		header.SetMode(i.mode)
		file, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(file, i.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func open(t testing.TB, dir string) *code.Store {
	t.Helper()
	s, err := code.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // t.TempDir cannot remove directories that are read-only
		if err := (trash.Bin{Dir: filepath.Dir(dir)}).Remove(context.Background(), filepath.Base(dir)); err != nil {
			t.Error(err)
		}
	})
	return s
}

// put keeps an archive and returns the directory it is unpacked in.
func put(t testing.TB, s *code.Store, archive []byte) string {
	t.Helper()
	p, err := s.Put(t.Context(), archive)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := s.Dir(p.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// list is what is below dir: path, mode, content or target.
func list(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || d.IsDir() {
			found[name] = info.Mode().String()
			return err
		}
		if info.Mode().Type() == fs.ModeSymlink {
			target, err := os.Readlink(path)
			found[name] = "-> " + target
			return err
		}
		content, err := os.ReadFile(path)
		found[name] = info.Mode().String() + " " + string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestPut(t *testing.T) {
	data := archive(t,
		item{name: "bootstrap", content: "#!/bin/sh\n", mode: 0o755},
		item{name: "lib/"},
		item{name: "lib/a/b.txt", content: "b", mode: 0o600},
		item{name: "./lib//c.txt", content: "c"},
		item{name: "empty/", mode: fs.ModeDir | 0o700},
		item{name: "./"},
		item{name: "secret", content: "s", mode: 0o001},
		item{name: "ünï cödé", content: "u"},
	)
	sum := sha256.Sum256(data)
	want := code.Package{SHA256: base64.StdEncoding.EncodeToString(sum[:]), Hex: hex.EncodeToString(sum[:]), Size: int64(len(data))}

	root := filepath.Join(t.TempDir(), "new", "code")
	s := open(t, root)
	for range 2 { // the second finds it there
		got, err := s.Put(t.Context(), data)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("package %v, want %v", got, want)
		}
	}
	for _, s := range []*code.Store{s, open(t, root)} {
		dir, err := s.Dir(want.Hex)
		if err != nil {
			t.Fatal(err)
		}
		if !filepath.IsAbs(dir) {
			t.Errorf("directory %s is not absolute", dir)
		}
		if diff := cmp.Diff(map[string]string{
			"bootstrap":   "-r-xr-xr-x #!/bin/sh\n",
			"lib":         "dr-xr-xr-x",
			"lib/a":       "dr-xr-xr-x",
			"lib/a/b.txt": "-r--r--r-- b",
			"lib/c.txt":   "-r--r--r-- c",
			"empty":       "dr-xr-xr-x",
			"secret":      "-r-xr-xr-x s",
			"ünï cödé":    "-r--r--r-- u",
		}, list(t, dir)); diff != "" {
			t.Errorf("tree (-want +got):\n%s", diff)
		}
		file, size, err := s.Zip(want.Hex)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if stored, err := io.ReadAll(file); err != nil || !bytes.Equal(stored, data) || size != int64(len(data)) {
			t.Errorf("stored archive has %d bytes, said %d, want %d: %v", len(stored), size, len(data), err)
		}
	}
	wantOnly(t, root, want.Hex)
}

// wantOnly checks that nothing but these packages lies in the store.
func wantOnly(t testing.TB, root string, hexes ...string) {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(hexes)
	if !slices.Equal(names, hexes) {
		t.Errorf("store has %q, want %q", names, hexes)
	}
}

func TestPutRefuses(t *testing.T) {
	good := archive(t, item{name: "a", content: strings.Repeat("a", 100)})
	for _, test := range []struct {
		name string
		data []byte
		want error
		text string
	}{
		{"empty", nil, code.ErrNotZip, "not a valid zip"},
		{"no files", archive(t), code.ErrEmpty, "no files"},
		{"directories only", archive(t, item{name: "a/", mode: fs.ModeDir | 0o755}), code.ErrEmpty, "no files"},
		{"text", []byte("hello"), code.ErrNotZip, "not a valid zip"},
		{"cut short", good[:len(good)-10], code.ErrNotZip, ""},
		{"damaged", damage(good), code.ErrNotZip, "a"},
		{"checksum", bytes.ReplaceAll(stored(t, "a", "hello world"), []byte("world"), []byte("wOrld")), code.ErrNotZip, "checksum"},
		{"zipped too large", archive(t, item{name: "a", content: noise(3000)}), code.ErrZippedTooLarge, "the limit is 2500"},
		{"unzipped too large", archive(t, item{name: "a", content: strings.Repeat("a", 5001)}), code.ErrUnzippedTooLarge, "5000"},
		{"together too large", archive(t, item{name: "a", content: strings.Repeat("a", 2501)}, item{name: "b", content: strings.Repeat("a", 2500)}), code.ErrUnzippedTooLarge, "5000"},
		{"declared smaller than it is", understate(t), code.ErrNotZip, ""},
		{"too many", archive(t, numbered(6)...), code.ErrTooManyEntries, "more than 5"},
		{"too many implied", archive(t, item{name: "1/2/3/4/5/6"}), code.ErrTooManyEntries, "more than 5"},
		{"overlapping", overlapping(t), code.ErrNotZip, "more compressed bytes"},
		{"parent", archive(t, item{name: "../evil"}), code.ErrUnsafeEntry, "leads out"},
		{"parent within", archive(t, item{name: "a/../../evil"}), code.ErrUnsafeEntry, "leads out"},
		{"parent that returns", archive(t, item{name: "a/../b"}), code.ErrUnsafeEntry, "leads out"},
		{"parent directory", archive(t, item{name: "../evil/"}), code.ErrUnsafeEntry, "leads out"},
		{"absolute", archive(t, item{name: "/etc/evil"}), code.ErrUnsafeEntry, "absolute"},
		{"backslash", archive(t, item{name: `..\evil`}), code.ErrUnsafeEntry, "backslash"},
		{"zero byte", archive(t, item{name: "a\x00b"}), code.ErrUnsafeEntry, "zero byte"},
		{"no name", archive(t, item{name: ""}), code.ErrUnsafeEntry, "without a name"},
		{"dot", archive(t, item{name: "."}), code.ErrUnsafeEntry, "without a name"},
		{"long element", archive(t, item{name: strings.Repeat("n", 256)}), code.ErrUnsafeEntry, "255"},
		{"long name", archive(t, item{name: strings.Repeat("n/", 513)}), code.ErrUnsafeEntry, "1024"},
		{"deep name", archive(t, item{name: strings.Repeat("n/", 64) + "n"}), code.ErrUnsafeEntry, "64 directories"},
		{"device", archive(t, item{name: "null", mode: fs.ModeDevice | fs.ModeCharDevice | 0o666}), code.ErrUnsafeEntry, "neither"},
		{"pipe", archive(t, item{name: "pipe", mode: fs.ModeNamedPipe | 0o666}), code.ErrUnsafeEntry, "neither"},
		{"twice", archive(t, item{name: "a"}, item{name: "./a"}), code.ErrUnsafeEntry, "twice"},
		{"file, then directory", archive(t, item{name: "a"}, item{name: "a/"}), code.ErrUnsafeEntry, "both"},
		{"file, then directory implied", archive(t, item{name: "a"}, item{name: "a/b/c"}), code.ErrUnsafeEntry, "both"},
		{"directory, then file", archive(t, item{name: "a/b"}, item{name: "a"}), code.ErrUnsafeEntry, "both"},
		{"encrypted", encrypted(good), code.ErrUnsafeEntry, "encrypted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			s := open(t, filepath.Join(root, "code"))
			s.SetLimits(2500, 5000, 5)
			p, err := s.Put(t.Context(), test.data)
			if !errors.Is(err, test.want) {
				t.Fatalf("package %v, error %v, want %v", p, err, test.want)
			}
			if !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q does not say %q in one line", err, test.text)
			}
			wantOnly(t, root, "code")
			wantOnly(t, filepath.Join(root, "code"))
		})
	}
}

// TestCaseFolding: two names that differ only in case are two files, or an error where the file system takes them
// for one, but never one file.
func TestCaseFolding(t *testing.T) {
	s := open(t, t.TempDir())
	p, err := s.Put(t.Context(), archive(t, item{name: "Readme", content: "1"}, item{name: "README", content: "2"}))
	if errors.Is(err, code.ErrUnsafeEntry) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	dir, err := s.Dir(p.Hex)
	if err != nil {
		t.Fatal(err)
	}
	if got := list(t, dir); len(got) != 2 {
		t.Errorf("tree %v", got)
	}
}

// numbered are empty files.
func numbered(n int) (items []item) {
	for i := range n {
		items = append(items, item{name: fmt.Sprint(i)})
	}
	return items
}

// noise is text that does not compress.
func noise(n int) string {
	var text strings.Builder
	for i := 0; text.Len() < n; i++ {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		text.Write(sum[:])
	}
	return text.String()
}

// stored makes a zip with one file that is not compressed.
func stored(t *testing.T, name, content string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	file, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(file, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// damage breaks the compressed bytes of the first file.
func damage(data []byte) []byte {
	data = bytes.Clone(data)
	for i := range 4 {
		data[31+i] ^= 0xff
	}
	return data
}

// understate makes a bomb: the directory declares ten bytes of what is a thousand.
func understate(t *testing.T) []byte {
	data := stored(t, "a", strings.Repeat("a", 1000))
	directory := bytes.LastIndex(data, []byte("PK\x01\x02"))
	copy(data[directory+24:], []byte{10, 0, 0, 0}) // uncompressed size
	return data
}

// overlapping makes a zip of two entries with the same bytes, far more than there are in it.
func overlapping(t *testing.T) []byte {
	data := stored(t, "a", strings.Repeat("a", 1000))
	directory := bytes.LastIndex(data, []byte("PK\x01\x02"))
	end := bytes.LastIndex(data, []byte("PK\x05\x06"))
	data = slices.Concat(data[:end], bytes.Replace(data[directory:end], []byte("a"), []byte("b"), 1), data[end:])
	end = bytes.LastIndex(data, []byte("PK\x05\x06"))
	binary.LittleEndian.PutUint16(data[end+8:], 2)
	binary.LittleEndian.PutUint16(data[end+10:], 2)
	binary.LittleEndian.PutUint32(data[end+12:], uint32(end-directory))
	return data
}

// encrypted sets the flag in the directory of a zip with one file.
func encrypted(data []byte) []byte {
	data = bytes.Clone(data)
	data[bytes.LastIndex(data, []byte("PK\x01\x02"))+8] |= 1
	return data
}

func TestNotFound(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "tree"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(root, "code"))
	for _, name := range []string{"", ".", "..", "../tree", strings.Repeat("0", 64), strings.Repeat("A", 64), strings.Repeat("../", 21) + "x"} {
		if dir, err := s.Dir(name); !errors.Is(err, code.ErrNotFound) {
			t.Errorf("Dir(%q) = %q, %v", name, dir, err)
		}
		if file, _, err := s.Zip(name); !errors.Is(err, code.ErrNotFound) {
			t.Errorf("Zip(%q) = %v, %v", name, file, err)
		}
	}
}

func TestConcurrentPuts(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	data := archive(t, item{name: "a", content: "a"}, item{name: "b/c", content: "c"})
	var group sync.WaitGroup
	packages := make([]code.Package, 8)
	for i := range packages {
		group.Go(func() {
			var err error
			if packages[i], err = s.Put(t.Context(), data); err != nil {
				t.Error(err)
				return
			}
			if dir, err := s.Dir(packages[i].Hex); err != nil || len(list(t, dir)) != 3 {
				t.Errorf("after Put: %v, %v", dir, err)
			}
		})
	}
	group.Wait()
	wantOnly(t, root, packages[0].Hex)
}

func TestCanceledPut(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Put(ctx, archive(t, item{name: "a", content: "a"}, item{name: "b/c"})); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	wantOnly(t, root)
}

// TestInterruptedPut: what a killed Put left is not a package, and goes, whatever state it is in.
func TestInterruptedPut(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	root := t.TempDir()
	tree := filepath.Join(root, "part-123", "tree")
	if err := os.MkdirAll(filepath.Join(tree, "lib"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(tree, "lib"), tree, filepath.Dir(tree)} {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(t, root).Sweep(t.Context(), nil); err != nil {
		t.Error(err)
	}
	wantOnly(t, root)
}

// TestReadOnly: nothing can be written to a package, and it can be removed all the same.
func TestReadOnly(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	root := t.TempDir()
	s := open(t, root)
	dir := put(t, s, archive(t, item{name: "lib/file", mode: 0o777}))
	for _, name := range []string{"new", "lib/new", "lib/file", "../new", "../package.zip"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("write %s: %v, want %v", name, err, fs.ErrPermission)
		}
	}
	for _, name := range []string{"lib/file", "lib", "../package.zip"} {
		if err := os.Remove(filepath.Join(dir, name)); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("remove %s: %v, want %v", name, err, fs.ErrPermission)
		}
	}
	s.Now = func() time.Time { return time.Now().Add(code.Grace) }
	if err := s.Sweep(t.Context(), func(string) bool { return false }); err != nil {
		t.Error(err)
	}
	wantOnly(t, root)
}

// TestSweepSetsAside: a package that cannot be removed is no package any more, is reported once, and tried again at the
// next start.
func TestSweepSetsAside(t *testing.T) {
	const hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	if !usertest.UnprivilegedWith(t, func(dir string) { // root has made a directory in it
		foreign := filepath.Join(dir, "code", hash, "tree", "foreign")
		for _, err := range []error{
			os.MkdirAll(foreign, 0o755), os.WriteFile(filepath.Join(foreign, "file"), nil, 0o600),
			os.Chown(filepath.Join(dir, "code"), usertest.Nobody, usertest.Nobody),
			os.Chown(filepath.Join(dir, "code", hash), usertest.Nobody, usertest.Nobody),
			os.Chown(filepath.Join(dir, "code", hash, "tree"), usertest.Nobody, usertest.Nobody),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}) {
		return
	}
	root := filepath.Join(usertest.Dir(), "code")
	for start, want := range [][]bool{{true, false}, {true, false}} { // that a Sweep returns an error
		s, err := code.Open(root)
		if err != nil {
			t.Fatal(err)
		}
		s.Now = func() time.Time { return time.Now().Add(code.Grace) }
		for sweep, want := range want {
			err := s.Sweep(t.Context(), func(string) bool { return false })
			var stuck *trash.Stuck
			if errors.As(err, &stuck) != want || (err != nil) != want {
				t.Errorf("start %d, sweep %d: %v", start, sweep, err)
			}
		}
		if _, err := s.Dir(hash); !errors.Is(err, code.ErrNotFound) {
			t.Errorf("start %d: the package is still there: %v", start, err)
		}
		entries, err := os.ReadDir(root)
		if err != nil || len(entries) != 1 || !strings.HasPrefix(entries[0].Name(), "trash-") {
			t.Errorf("start %d: the store has %v, %v", start, entries, err)
		}
	}
}

func TestSweep(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	now := time.Now()
	s.Now = func() time.Time { return now }
	var hexes []string
	for i := range 3 {
		p, err := s.Put(t.Context(), archive(t, item{name: "dir/file", content: fmt.Sprint(i)}))
		if err != nil {
			t.Fatal(err)
		}
		hexes = append(hexes, p.Hex)
	}
	sweep := func(keep ...string) {
		t.Helper()
		if err := s.Sweep(t.Context(), func(hex string) bool { return slices.Contains(keep, hex) }); err != nil {
			t.Fatal(err)
		}
	}
	sweep() // all of them were just put
	wantOnly(t, root, slices.Clone(hexes)...)

	now = now.Add(code.Grace)
	if _, err := s.Put(t.Context(), archive(t, item{name: "dir/file", content: "1"})); err != nil { // put again
		t.Fatal(err)
	}
	sweep(hexes[0])
	wantOnly(t, root, hexes[0], hexes[1])
	if _, err := s.Dir(hexes[2]); !errors.Is(err, code.ErrNotFound) {
		t.Errorf("swept package: %v", err)
	}
}

// FuzzPut: no archive panics, leaves anything outside its directory, or is kept if it is refused.
func FuzzPut(f *testing.F) {
	f.Add(archive(f, item{name: "bootstrap", content: "x", mode: 0o755}, item{name: "lib/a", content: "y"}))
	f.Add(archive(f, item{name: "../evil", content: "x"}))
	f.Add(archive(f, link("out", "/")))
	f.Add(archive(f, item{name: "a/b/file"}, link("a/c", "b"), link("d", "a/c/../b/file"), link("e/f", "../a/missing")))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, data []byte) {
		root := t.TempDir()
		s := open(t, filepath.Join(root, "code"))
		s.SetLimits(1<<16, 1<<16, 20)
		p, err := s.Put(t.Context(), data)
		wantOnly(t, root, "code")
		if err != nil {
			wantOnly(t, filepath.Join(root, "code"))
			for _, known := range []error{
				code.ErrNotZip, code.ErrEmpty, code.ErrZippedTooLarge, code.ErrUnzippedTooLarge, code.ErrTooManyEntries,
				code.ErrUnsafeEntry,
			} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("error %v is none of the archive", err)
		}
		wantOnly(t, filepath.Join(root, "code"), p.Hex)
		dir, err := s.Dir(p.Hex)
		if err != nil {
			t.Fatal(err)
		}
		total, found := 0, list(t, dir)
		for name, file := range found {
			total += max(0, len(file)-len("-r--r--r-- "))
			switch {
			case strings.HasPrefix(file, "-> "):
				wantInside(t, dir, name)
			case strings.HasPrefix(file, "-r--r--r-- "), strings.HasPrefix(file, "-r-xr-xr-x "), file == "dr-xr-xr-x":
			default:
				t.Errorf("%s is %s", name, file)
			}
		}
		if total > 1<<16 || len(found) > 20 {
			t.Errorf("%d bytes in %d files", total, len(found))
		}
	})
}

func BenchmarkPut(b *testing.B) {
	for _, benchmark := range []struct {
		name  string
		files int
		size  int
	}{{"1x10MB", 1, 10 << 20}, {"2000x4kB", 2000, 4 << 10}} {
		var items []item
		content := noise(1 << 16)
		for i := range benchmark.files {
			items = append(items, item{name: fmt.Sprintf("dir%d/file%d", i%50, i), content: strings.Repeat(content, 1+benchmark.size>>16)[:benchmark.size]})
		}
		data := archive(b, items...)
		b.Run(benchmark.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				s := open(b, b.TempDir())
				b.StartTimer()
				if _, err := s.Put(b.Context(), data); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(benchmark.name+"-known", func(b *testing.B) {
			s := open(b, b.TempDir())
			for b.Loop() {
				if _, err := s.Put(b.Context(), data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
