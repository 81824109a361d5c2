package furl

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"sync/atomic"
)

const (
	// spoolInMemory is how much of one body is kept in memory before it goes to a temporary file.
	spoolInMemory = 1 << 20
	// spoolsInMemory is how many bodies of that size one Transport keeps in memory; more go to files at once.
	spoolsInMemory = 16
	// DefaultMaxSpool is the longest body that is spooled, in bytes, if not told otherwise.
	DefaultMaxSpool = 1 << 30
)

// ErrBodyTooLarge is returned for a body that can be read only once and has more bytes than may be spooled.
var ErrBodyTooLarge = errors.New("furl: request body is too large to be spooled")

// Rewindable gives a request a body that can be sent again: it sets GetBody and ContentLength, without which
// [http.Client] follows no redirect that repeats the request. A body without GetBody is read to its end, at most max
// bytes (0 means DefaultMaxSpool): up to 1 MiB into memory, more into a temporary file. The caller calls release when
// the request is over.
func Rewindable(r *http.Request, max int64) (release func(), err error) {
	if r.Body == nil || r.Body == http.NoBody || r.GetBody != nil {
		return func() {}, nil
	}
	s, err := newSpool(r, spoolInMemory, max)
	if err != nil {
		return nil, err
	}
	r.GetBody = s.open
	if r.Body, err = r.GetBody(); err != nil {
		s.done()
		return nil, err
	}
	r.ContentLength = s.size
	if s.size == 0 {
		r.Body.Close()
		r.Body, r.GetBody = http.NoBody, nil
	}
	return s.done, nil
}

// spooled is a body that can be read only once.
func (t *Transport) spooled(r *http.Request) (*body, error) {
	memory := int64(spoolInMemory)
	if t.spools.Add(1) > spoolsInMemory {
		memory = 0
	}
	s, err := newSpool(r, memory, t.MaxSpool)
	if err != nil {
		t.spools.Add(-1)
		return nil, err
	}
	return &body{sum: s.sum, size: s.size, open: s.open, release: func() {
		s.done()
		t.spools.Add(-1)
	}}, nil
}

// spool is a copy of what can be read only once: in memory, or in a temporary file if that is not enough.
type spool struct {
	memory []byte
	file   *os.File // nil if it is all in memory
	named  bool     // the file still has a name
	size   int64
	sum    [sha256.Size]byte
	uses   atomic.Int32 // readers of the file open, and one for the owner
}

// newSpool reads the request's body to its end and closes it.
func newSpool(r *http.Request, memory, limit int64) (*spool, error) {
	defer r.Body.Close()
	if limit <= 0 {
		limit = DefaultMaxSpool
	}
	tooLarge := fmt.Errorf("%w: more than %d bytes", ErrBodyTooLarge, limit)
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	if r.ContentLength > memory {
		memory = 0
	}
	s := &spool{}
	s.uses.Store(1)
	hash := sha256.New()
	source := &sourceReader{r: io.LimitReader(r.Body, limit+1), hash: hash}
	if err := s.fill(source, min(r.ContentLength, memory), memory); err != nil {
		s.done()
		if source.err != nil {
			return nil, fmt.Errorf("furl: read the body: %w", source.err)
		}
		return nil, fmt.Errorf("furl: spool the body: %w", err)
	}
	if s.size > limit {
		s.done()
		return nil, tooLarge
	}
	hash.Sum(s.sum[:0])
	return s, nil
}

// fill reads into memory, and what does not fit there into a file. expected is the size if it is known.
func (s *spool) fill(source io.Reader, expected, memory int64) (err error) {
	var start bytes.Buffer
	if expected > 0 {
		start.Grow(int(expected) + bytes.MinRead)
	}
	if s.size, err = start.ReadFrom(io.LimitReader(source, memory+1)); err != nil {
		return err
	}
	if s.size <= memory {
		s.memory = start.Bytes()
		return nil
	}
	if s.file, err = os.CreateTemp("", "furl-body-*"); err != nil {
		return err
	}
	// Where the system allows, the file loses its name at once, and is gone even if the program is killed.
	s.named = os.Remove(s.file.Name()) != nil
	if _, err = start.WriteTo(s.file); err != nil {
		return err
	}
	n, err := io.Copy(s.file, source)
	s.size += n
	return err
}

// sourceReader hashes what it reads and remembers its error, which io.Copy does not tell from that of the writer.
type sourceReader struct {
	r    io.Reader
	hash hash.Hash
	err  error
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.hash.Write(p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

func (s *spool) open() (io.ReadCloser, error) {
	if s.file == nil {
		// net/http sends headers and body together if it knows that reading will not block, as with this type.
		return io.NopCloser(bytes.NewReader(s.memory)), nil
	}
	s.uses.Add(1)
	return &spoolReader{Reader: io.NewSectionReader(s.file, 0, s.size), spool: s}, nil
}

// done ends one use.
func (s *spool) done() {
	if s.uses.Add(-1) > 0 || s.file == nil {
		return
	}
	s.file.Close()
	if s.named {
		os.Remove(s.file.Name())
	}
}

// spoolReader reads the file of a spool from its start.
type spoolReader struct {
	io.Reader
	spool  *spool
	closed atomic.Bool
}

func (r *spoolReader) Close() error {
	if r.closed.CompareAndSwap(false, true) {
		r.spool.done()
	}
	return nil
}
