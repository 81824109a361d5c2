package call

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/furl-dev/furl"
)

// lazyFile is a file that comes into being when there is something to write: a call that fails leaves an earlier file
// as it is.
type lazyFile struct {
	name string
	file *os.File
}

func (f *lazyFile) open() (err error) {
	if f.file == nil {
		f.file, err = os.Create(f.name)
	}
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

// RemoteName is the file name that -O takes from a URL: its last path segment.
func RemoteName(u furl.URL) (string, error) {
	path, _, _ := strings.Cut(strings.TrimPrefix(u.Target, u.Base), "?")
	name := path[strings.LastIndexByte(path, '/')+1:]
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, `\:`) {
		return "", fmt.Errorf("the URL has no file name at its end: name one with --output")
	}
	return name, nil
}

// counted counts what is read. It is read by the transport's goroutines.
type counted struct {
	io.ReadCloser
	total *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.total.Add(int64(n))
	return n, err
}
