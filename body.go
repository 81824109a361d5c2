package furl

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"sync"
)

// body is the body of a request that may have to be sent more than once. It is hashed once.
type body struct {
	sum  [sha256.Size]byte
	size int64
	// open returns the body from its start. Whoever opens it closes it.
	open func() (io.ReadCloser, error)
	// release gives back what the body occupies once all readers are closed. nil: nothing.
	release func()
}

// close is for when no reader will be opened any more.
func (b *body) close() {
	if b.release != nil {
		b.release()
	}
}

// hasher hashes with memory that is used again.
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

// bodyOf prepares the request's body for being hashed and sent: read twice where that is possible, spooled otherwise.
// It takes over r.Body and closes it on error.
func (t *Transport) bodyOf(r *http.Request) (*body, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return emptyBody, nil
	}
	var b *body
	var err error
	if r.GetBody != nil {
		b, err = t.copied(r)
	} else if seeker, ok := r.Body.(io.ReadSeeker); ok && seekable(seeker) {
		b, err = t.rewound(r, seeker)
	} else {
		b, err = t.spooled(r)
	}
	if err != nil {
		r.Body.Close()
		return nil, err
	}
	if r.ContentLength > 0 && r.ContentLength != b.size {
		b.discard()
		b.close()
		return nil, fmt.Errorf("furl: body has %d bytes, but ContentLength is %d", b.size, r.ContentLength)
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

// copied is a body of which GetBody makes copies.
func (t *Transport) copied(r *http.Request) (*body, error) {
	reader, err := r.GetBody()
	if err != nil {
		return nil, fmt.Errorf("furl: read the body again: %w", err)
	}
	sum, size, err := t.hashOf(reader)
	reader.Close()
	if err != nil {
		return nil, fmt.Errorf("furl: read the body: %w", err)
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

// seekable reports whether it can seek, which the type of a pipe claims in vain.
func seekable(s io.Seeker) bool {
	_, err := s.Seek(0, io.SeekCurrent)
	return err == nil
}

// rewound is a body that can seek back, such as a file.
func (t *Transport) rewound(r *http.Request, seeker io.ReadSeeker) (*body, error) {
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, fmt.Errorf("furl: read the body: %w", err)
	}
	sum, size, err := t.hashOf(seeker)
	if err != nil {
		return nil, fmt.Errorf("furl: read the body: %w", err)
	}
	s := &rewinder{ctx: r.Context(), seeker: seeker, start: start, closer: r.Body, free: make(chan struct{}, 1)}
	s.free <- struct{}{}
	return &body{sum: sum, size: size, open: s.open, release: s.release}, nil
}

// rewinder lends its reader to one transport at a time.
type rewinder struct {
	ctx    context.Context // of the request, whose part this is: bounds the wait for an earlier reader
	seeker io.ReadSeeker
	start  int64
	closer io.Closer
	free   chan struct{} // holds an element while nobody reads
	ending sync.Once
}

func (s *rewinder) open() (io.ReadCloser, error) {
	select {
	case <-s.free:
	case <-s.ctx.Done():
		return nil, context.Cause(s.ctx)
	}
	if _, err := s.seeker.Seek(s.start, io.SeekStart); err != nil {
		s.free <- struct{}{}
		return nil, fmt.Errorf("furl: read the body again: %w", err)
	}
	return &lent{rewinder: s}, nil
}

// release closes the reader as soon as nobody reads.
func (s *rewinder) release() {
	s.ending.Do(func() {
		select {
		case <-s.free:
			s.closer.Close()
		default:
			go func() { // ends when the transport closes the reader, which it always does
				<-s.free
				s.closer.Close()
			}()
		}
	})
}

// lent is a rewinder's reader on loan.
type lent struct {
	rewinder *rewinder
	mu       sync.Mutex // a transport that gives up may close while it reads
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
