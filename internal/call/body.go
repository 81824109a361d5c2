package call

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

// Body is the body of a request: sources that are read one after the other.
type Body struct {
	sources     []source
	contentType string // the default for this body; "" for none
	boundary    string // of its parts, if it has some
	accept      string
}

// source is a part of a body. open may be called several times unless once is set.
type source struct {
	open func() (io.ReadCloser, error)
	once bool   // it is a stream
	file string // name of the file, if the part is a whole file
	from string // name of the file that the part is made from, if any
	size int64  // -1 if it is not known without reading it
}

// Empty reports whether there is no body. A body of zero bytes is not empty.
func (b Body) Empty() bool { return len(b.sources) == 0 }

// file returns the name of the file that is the whole body; "" if there is none.
func (b Body) file() string {
	if len(b.sources) == 1 {
		return b.sources[0].file
	}
	return ""
}

func (b Body) open() (io.ReadCloser, error) { return &sequence{rest: b.sources}, nil }

// attach gives the request its body.
func (b Body) attach(r *http.Request) error {
	if b.Empty() {
		return nil
	}
	r.ContentLength = 0
	once := false
	for _, s := range b.sources {
		once = once || s.once
		if s.from != "" { // report a missing file now, not in the middle of the request
			if err := checkFile(s.from); err != nil {
				return err
			}
		}
		if s.size < 0 || r.ContentLength < 0 {
			r.ContentLength = -1
		} else {
			r.ContentLength += s.size
		}
	}
	if r.ContentLength == 0 {
		r.Body = http.NoBody
		return nil
	}
	if !once {
		r.GetBody = b.open
	}
	var err error
	r.Body, err = b.open()
	return err
}

func checkFile(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a directory", name)
	}
	return nil
}

// text is a source in memory.
func text(s string) source {
	return source{size: int64(len(s)), open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(s)), nil
	}}
}

// file is a source in a file, or the standard input if the name is "-".
func file(name string, stdin io.Reader) source {
	if name == "-" {
		return source{once: true, size: -1, open: func() (io.ReadCloser, error) {
			if stdin == nil {
				return nil, errors.New("there is no standard input to read")
			}
			return io.NopCloser(stdin), nil
		}}
	}
	s := source{file: name, from: name, size: -1, open: func() (io.ReadCloser, error) { return os.Open(name) }}
	if info, err := os.Stat(name); err == nil {
		if info.Mode().IsRegular() {
			s.size = info.Size()
		} else {
			s.once = true // a pipe
		}
	}
	return s
}

// converted returns a source that converts what it reads.
func (s source) converted(convert encoder) source {
	open := s.open
	s.file, s.size = "", -1
	s.open = func() (io.ReadCloser, error) {
		r, err := open()
		if err != nil {
			return nil, err
		}
		return &converter{source: r, convert: convert}, nil
	}
	return s
}

// converter converts what it reads from the source.
type converter struct {
	source  io.ReadCloser
	convert encoder
	in      [4 << 10]byte
	out     []byte
	pending []byte // the part of out that has not been read yet
}

func (c *converter) Read(p []byte) (int, error) {
	for len(c.pending) == 0 {
		n, err := c.source.Read(c.in[:])
		c.out = c.convert(c.out[:0], c.in[:n])
		c.pending = c.out
		if err != nil && len(c.pending) == 0 {
			return 0, err
		}
	}
	n := copy(p, c.pending)
	c.pending = c.pending[n:]
	return n, nil
}

func (c *converter) Close() error { return c.source.Close() }

// sequence reads sources one after the other and keeps only one of them open.
type sequence struct {
	rest []source

	mu      sync.Mutex // of what follows: a client of HTTP/2 closes a body while it reads it
	current io.ReadCloser
	closed  bool
}

func (s *sequence) Read(p []byte) (int, error) {
	for {
		current, err := s.part()
		if err != nil {
			return 0, err
		}
		n, err := current.Read(p)
		if errors.Is(err, io.EOF) {
			err = s.end(current)
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// part is the part that is read now, io.EOF after the last one.
func (s *sequence) part() (io.Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		return s.current, nil
	}
	if s.closed || len(s.rest) == 0 {
		return nil, io.EOF
	}
	next := s.rest[0]
	s.rest = s.rest[1:]
	opened, err := next.open()
	if err != nil {
		return nil, err
	}
	s.current = opened
	return opened, nil
}

// end closes a part that was read to its end, unless Close has.
func (s *sequence) end(part io.Reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != part {
		return nil
	}
	err := s.current.Close()
	s.current = nil
	return err
}

func (s *sequence) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.current == nil {
		return nil
	}
	err := s.current.Close()
	s.current = nil
	return err
}
