//go:build unix

package runtime

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
)

// verdictWait is how long a response that was cut off waits for the end of the process. A process that only dropped its
// connection does not end, so the wait has to.
const verdictWait = time.Second

// streamBody hands a response on while it comes in. The connection's goroutine stays in Respond until the body is over,
// because net/http takes the request's body away when the handler returns. The reader reads from the connection itself:
// a slow reader slows down the function, and nothing is copied in between.
type streamBody struct {
	env      *environment
	call     *call
	response *runtimeapi.Response
	limit    int64
	n        int64         // bytes read
	over     chan struct{} // closed when the reader is done with the body
	pace     *bandwidth    // nil if there is no bound

	mu      sync.Mutex
	err     error // what Read answers from now on
	failed  *FunctionError
	refusal error // how Respond answers the function; nil for a body that is complete or that the reader gave up
}

var errBodyClosed = errors.New("read of a closed response body")

// Read yields what the function has written so far. It is for one goroutine; Close may be called by another. A response
// that is too long ends one byte after its limit, as it does at AWS (radkawar/stackd, streaming.json).
func (s *streamBody) Read(p []byte) (int, error) {
	p = p[:s.admit(len(p))]
	if err := s.ended(); err != nil {
		return 0, err
	}
	n, err := s.response.Body.Read(p)
	if s.pace != nil {
		s.pace.giveBack(len(p) - n)
	}
	if s.n += int64(n); s.n > s.limit {
		n -= int(s.n - s.limit - 1)
		return n, s.end(tooLarge(s.limit), runtimeapi.ErrTooLarge, io.EOF)
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		s.env.settle(s.call, s.n)
		return n, s.end(trailerError(s.response.Trailer()), nil, io.EOF)
	default:
		s.env.breakOff(s.call)
		return n, s.end(s.call.cutOff(), runtimeapi.ErrTruncated, io.EOF)
	}
}

// admit waits until bytes may be read, and answers how many of n. It does not wait for a body that is over.
func (s *streamBody) admit(n int) int {
	if s.pace == nil {
		return n
	}
	for {
		granted, wait := s.pace.take(n, time.Now())
		if granted > 0 || n == 0 {
			return granted
		}
		select {
		case <-time.After(wait):
		case <-s.over:
			return 0
		}
	}
}

func (s *streamBody) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// end notes how the body ended, unless that is known already, and answers the error that Read gives from now on.
func (s *streamBody) end(failed *FunctionError, refusal, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.failed, s.refusal, s.err = failed, refusal, err
		if s.call.in.Stream {
			s.call.outcomes.Add(outcomeOf(nil, failed))
		}
		close(s.over)
	}
	return s.err
}

// Close gives up the rest of the response; the function runs on.
func (s *streamBody) Close() error {
	s.end(nil, nil, errBodyClosed) //nolint:errcheck // it answers its own argument
	return nil
}

// StreamError is what Result.StreamError answers.
func (s *streamBody) StreamError() *FunctionError {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// trailerError is the error that a function appended to its response, nil if it appended none.
func trailerError(f *runtimeapi.Failure) *FunctionError {
	if f == nil {
		return nil
	}
	return reported(f, ReasonError)
}

// cutOff is why a response ended in the middle: the end of the process or, without one, of the connection.
func (c *call) cutOff() *FunctionError {
	select {
	case <-c.done:
		if c.verdict != nil {
			return c.verdict
		}
	case <-time.After(verdictWait):
	}
	return failure(ReasonBadResponse, "Runtime.TruncatedResponse",
		"The function ended its response before it was complete.")
}

// Relay hands on what a body yields, piece by piece, and has it flushed: at once after a small piece, and a little later
// after a large one, which more is likely to follow. To flush each of those would take half of the time of a fast stream.
// It returns at the first error of send and flush, and else with that of the body, nil at its end.
func Relay(body io.Reader, send func([]byte) error, flush func() error) (sending, reading error) {
	const large, soon = 8 << 10, time.Millisecond
	var mu sync.Mutex // of send and flush
	held := false     // there is something to flush
	late := time.AfterFunc(time.Hour, func() {
		mu.Lock()
		defer mu.Unlock()
		if held {
			held = false
			flush() //nolint:errcheck // the next send meets the same error
		}
	})
	pass := func(piece []byte) error {
		mu.Lock()
		defer mu.Unlock()
		if err := send(piece); err != nil {
			return err
		}
		if len(piece) < large {
			held = false
			return flush()
		}
		if !held {
			held = true
			late.Reset(soon)
		}
		return nil
	}
	defer func() {
		late.Stop()
		mu.Lock() // a flush that has begun
		held = false
		mu.Unlock()
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			sending = pass(buffer[:n])
		}
		switch {
		case sending != nil, errors.Is(err, io.EOF):
			return sending, nil
		case err != nil:
			return nil, err
		}
	}
}

// bandwidth bounds how fast a streamed response is taken from its function, as Lambda does: the first 6 MiB are free, and
// what they use up is given back in eight parts a second (aws-lambda-runtime-interface-emulator,
// internal/lambda/core/bandwidthlimiter). It is not safe for concurrent use.
type bandwidth struct {
	rate   int64 // bytes in a second
	tokens int64 // bytes that may be taken now
	filled time.Time
}

const (
	freeBytes   = 6 << 20
	refillEvery = time.Second / 8
)

func newBandwidth(rate int64, now time.Time) *bandwidth {
	return &bandwidth{rate: rate, tokens: freeBytes, filled: now}
}

// take answers how many of n bytes may be taken now. If that is none, it answers how long to wait.
func (b *bandwidth) take(n int, now time.Time) (int, time.Duration) {
	parts := now.Sub(b.filled) / refillEvery
	b.filled = b.filled.Add(parts * refillEvery)
	b.tokens = min(freeBytes, b.tokens+int64(parts)*max(1, b.rate/8))
	if b.tokens <= 0 {
		return 0, b.filled.Add(refillEvery).Sub(now)
	}
	granted := min(int64(n), b.tokens)
	b.tokens -= granted
	return int(granted), 0
}

// giveBack returns bytes that were granted and not taken.
func (b *bandwidth) giveBack(n int) { b.tokens += int64(n) }
