package call

import (
	"cmp"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// lazyFile creates its file when there is something to write, so that a call that fails does not change an existing
// file.
type lazyFile struct {
	name   string
	dirs   bool // make the directories that are missing
	isNew  bool // leave alone a file that exists
	append bool
	file   *os.File
}

func (f *lazyFile) open() (err error) {
	if f.file != nil {
		return nil
	}
	if f.dirs {
		const mode = 0o750 // as in curl
		if err := os.MkdirAll(filepath.Dir(f.name), mode); err != nil {
			return err
		}
	}
	how := os.O_TRUNC
	switch {
	case f.isNew:
		how = os.O_EXCL
	case f.append:
		how = os.O_APPEND
	}
	const mode = 0o666
	f.file, err = os.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|how, mode)
	return err
}

func (f *lazyFile) Write(p []byte) (int, error) {
	if err := f.open(); err != nil {
		return 0, err
	}
	return f.file.Write(p)
}

func (f *lazyFile) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// openOutputs says where heads and bodies go. close ends that.
func (x *exchange) openOutputs() (closeAll func() error) {
	c := x.caller
	x.head, x.body, x.name = c.Stdout, c.RawStdout, c.Output
	var dump *lazyFile
	if c.Output != "" && c.Output != "-" {
		x.file = &lazyFile{name: c.inDir(c.Output), dirs: c.CreateDirs}
		x.head, x.body = x.file, x.file
	}
	switch c.DumpHeader {
	case "":
	case "-":
		x.dump = c.Stdout
	default:
		dump = &lazyFile{name: c.DumpHeader, dirs: c.CreateDirs, append: c.DumpAppend}
		x.dump = dump
	}
	return func() (err error) {
		if x.file != nil {
			err = x.file.Close()
		}
		if dump != nil {
			err = errors.Join(err, dump.Close())
		}
		return err
	}
}

// writeHead writes the head of a response to where the flags want it.
func (x *exchange) writeHead(resp *http.Response) error {
	if x.dump != nil {
		if _, err := x.dump.Write(x.wire.head(resp, true)); err != nil {
			return err
		}
	}
	if !x.caller.Include {
		return nil
	}
	_, err := x.head.Write(x.wire.head(resp, true))
	return err
}

// inDir is a file in the directory of --output-dir.
func (c *Caller) inDir(name string) string {
	if c.OutputDir == "" {
		return name
	}
	return filepath.Join(c.OutputDir, name)
}

// written is the name of the file with the body, "" for the standard output.
func (x *exchange) written() string {
	if x.file == nil {
		return x.name
	}
	return cmp.Or(x.file.name, x.name)
}

// namedByHeader is the name of the file that the header Content-Disposition names, "" if it names none. It is in no
// other directory, whatever the server says.
func namedByHeader(header http.Header) string {
	for rest := header.Get("Content-Disposition"); rest != ""; {
		name, ok := cutPrefixFold(strings.TrimSpace(rest), "filename=")
		if !ok {
			_, rest, _ = strings.Cut(rest, ";")
			continue
		}
		if name = strings.TrimSpace(name); name != "" && (name[0] == '"' || name[0] == '\'') {
			name, _, _ = strings.Cut(name[1:], name[:1]) // a semicolon within quotes is of the name
		} else {
			name, _, _ = strings.Cut(name, ";")
			name = strings.TrimSpace(name)
		}
		name = name[strings.LastIndexAny(name, `/\`)+1:]
		if name == "." || name == ".." || strings.ContainsFunc(name, isControl) || strings.Contains(name, ":") ||
			name != "" && !filepath.IsLocal(name) { // such as NUL on Windows
			return ""
		}
		return name
	}
	return ""
}

// replaceFile writes a file that only its owner may read, all of it or nothing: a reader never finds half of it. A file
// that was there keeps its mode, a link leads where it led, and what is no file, such as /dev/null, is written to.
func replaceFile(name string, text []byte) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(name); err == nil {
		if !info.Mode().IsRegular() { // such as /dev/stderr
			return os.WriteFile(name, text, mode)
		}
		mode = info.Mode().Perm()
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), ".furl-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(text)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		os.Remove(temporary.Name()) //nolint:errcheck // the error is told
	}
	return err
}
