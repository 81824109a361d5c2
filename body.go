package furl

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
)

// body is the body of a request that can be sent more than once. It is hashed once.
type body struct {
	sum  [sha256.Size]byte
	size int64
	// open returns the body from its start. The caller closes it.
	open func() (io.ReadCloser, error)
	// release frees the body after all readers are closed. nil if there is nothing to free.
	release func()
}

// close frees the body; neither close nor open must be called again.
func (b *body) close() {
	if b.release != nil {
		b.release()
	}
}

// hasher is the memory for hashing a body, which the next body uses again.
type hasher struct {
	hash   hash.Hash
	buffer []byte
	sum    [sha256.Size]byte
}

func (t *Transport) getHasher() *hasher {
	if h, ok := t.hashers.Get().(*hasher); ok {
		return h
	}
	return &hasher{hash: sha256.New(), buffer: make([]byte, 32<<10)}
}

func (t *Transport) hashOf(r io.Reader) (sum [sha256.Size]byte, size int64, err error) {
	h := t.getHasher()
	defer t.hashers.Put(h)
	h.hash.Reset()
	size, err = io.CopyBuffer(h.hash, r, h.buffer)
	h.hash.Sum(h.sum[:0])
	return h.sum, size, err
}

// bodyOf hashes the request's body and makes it ready to be sent. It reads the body twice if it can and spools it
// otherwise. It takes over r.Body and closes it on error.
func (t *Transport) bodyOf(r *http.Request) (*body, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return emptyBody, nil
	}
	read := t.spooled
	if r.GetBody != nil {
		read = t.copied
	} else if seekable(r.Body) {
		read = t.rewound
	}
	b, err := read(r)
	if err != nil {
		r.Body.Close()
		return nil, err
	}
	if r.ContentLength > 0 && r.ContentLength != b.size {
		b.discard()
		b.close()
		return nil, fmt.Errorf("%w: the body has %d bytes, but ContentLength is %d", ErrRequest, b.size, r.ContentLength)
	}
	return b, nil
}

// discard closes the body instead of sending it.
func (b *body) discard() {
	if reader, err := b.open(); err == nil {
		reader.Close()
	}
}

var emptyBody = &body{
	sum:  sha256.Sum256(nil),
	open: func() (io.ReadCloser, error) { return http.NoBody, nil },
}

// copied is a body that GetBody copies.
func (t *Transport) copied(r *http.Request) (*body, error) {
	reader, err := r.GetBody()
	if err != nil {
		return nil, fmt.Errorf("%w again: %w", ErrBody, err)
	}
	sum, size, err := t.hashOf(reader)
	reader.Close()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBody, err)
	}
	first := r.Body
	return &body{sum: sum, size: size, open: func() (io.ReadCloser, error) {
		if reader := first; reader != nil {
			first = nil
			return reader, nil
		}
		return r.GetBody()
	}}, nil
}

// seekable reports whether a body can seek. An *os.File that is a pipe has the method but cannot.
func seekable(body io.Reader) bool {
	seeker, ok := body.(io.ReadSeeker)
	if !ok {
		return false
	}
	_, err := seeker.Seek(0, io.SeekCurrent)
	return err == nil
}

// rewound is a body that can seek back, such as a file.
func (t *Transport) rewound(r *http.Request) (*body, error) {
	seeker := r.Body.(io.ReadSeeker)
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBody, err)
	}
	sum, size, err := t.hashOf(seeker)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBody, err)
	}
	s := &rewinder{ctx: r.Context(), seeker: seeker, start: start, closer: r.Body, free: make(chan struct{}, 1)}
	s.free <- struct{}{}
	return &body{sum: sum, size: size, open: s.open, release: s.release}, nil
}

// rewinder lends its reader to one transport at a time.
type rewinder struct {
	ctx    context.Context // of the request: ends the wait for an earlier reader
	seeker io.ReadSeeker
	start  int64
	closer io.Closer
	free   chan struct{} // holds an element while the reader is not lent
}

func (s *rewinder) open() (io.ReadCloser, error) {
	select {
	case <-s.free:
	case <-s.ctx.Done():
		return nil, context.Cause(s.ctx)
	}
	if _, err := s.seeker.Seek(s.start, io.SeekStart); err != nil {
		s.free <- struct{}{}
		return nil, fmt.Errorf("%w again: %w", ErrBody, err)
	}
	return &lent{rewinder: s}, nil
}

// release closes the reader as soon as it is not lent.
func (s *rewinder) release() {
	select {
	case <-s.free:
		s.closer.Close()
	default:
		go func() { // ends when the transport closes the reader, as it always does
			<-s.free
			s.closer.Close()
		}()
	}
}

// lent is the reader that a rewinder lends.
type lent struct {
	rewinder *rewinder
	mu       sync.Mutex // a transport that gives up may call Close during Read
	closed   bool
}

func (l *lent) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, fs.ErrClosed
	}
	return l.rewinder.seeker.Read(p)
}

func (l *lent) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		l.rewinder.free <- struct{}{}
	}
	return nil
}

const (
	// spoolInMemory is the longest body, in bytes, that stays in memory. Longer bodies go to a temporary file.
	spoolInMemory = 1 << 20
	// spoolsInMemory is how many bodies of that size one Transport keeps in memory. All further bodies go to files.
	spoolsInMemory = 16
	// DefaultMaxSpool is the default of Transport.MaxSpool.
	DefaultMaxSpool = 1 << 30
)

// Rewindable gives a request a body that can be sent again: it sets GetBody and ContentLength, which [http.Client]
// needs to follow a redirect that repeats the request. It reads a body without GetBody to its end, at most limit bytes
// (0 means DefaultMaxSpool): up to 1 MiB into memory, more into a temporary file. The caller calls release when the
// request is over.
func Rewindable(r *http.Request, limit int64) (release func(), err error) {
	if r.Body == nil || r.Body == http.NoBody || r.GetBody != nil {
		return func() {}, nil
	}
	s, err := newSpool(r, spoolInMemory, limit)
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

// spool is a copy of a body that can be read only once, in memory or in a temporary file.
type spool struct {
	memory []byte
	file   *os.File // nil if the body is in memory
	named  bool     // the file still has a name
	size   int64
	sum    [sha256.Size]byte
	uses   atomic.Int32 // open readers of the file, and one for the owner
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
	source := &sourceReader{r: io.LimitReader(r.Body, limit+1), hash: sha256.New()}
	if err := s.fill(source, min(r.ContentLength, memory), memory); err != nil {
		s.done()
		if source.err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBody, source.err)
		}
		return nil, fmt.Errorf("%w: spool it: %w", ErrBody, err)
	}
	if s.size > limit {
		s.done()
		return nil, tooLarge
	}
	source.hash.Sum(s.sum[:0])
	return s, nil
}

// fill reads the source into memory, or into a file if it is longer than that. expected is the size if it is known.
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
	// If the system allows, remove the name at once: then the file is gone even if the program is killed.
	s.named = os.Remove(s.file.Name()) != nil
	if _, err = start.WriteTo(s.file); err != nil {
		return err
	}
	n, err := io.Copy(s.file, source)
	s.size += n
	return err
}

// sourceReader hashes what it reads and remembers its error, since io.Copy does not say whether the reader or the
// writer failed.
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
		// With this type net/http knows that reading does not block, and sends headers and body together.
		return io.NopCloser(bytes.NewReader(s.memory)), nil
	}
	s.uses.Add(1)
	return spoolReader{io.NewSectionReader(s.file, 0, s.size), sync.OnceFunc(s.done)}, nil
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
	done func()
}

func (r spoolReader) Close() error {
	r.done()
	return nil
}
