package runtime

import (
	"errors"
	"fmt"
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

	mu     sync.Mutex
	err    error // what Read answers from now on
	failed *FunctionError
}

var errBodyClosed = errors.New("read of a closed response body")

// Read yields what the function has written so far. It is for one goroutine; Close may be called by another.
func (s *streamBody) Read(p []byte) (int, error) {
	if err := s.ended(); err != nil {
		return 0, err
	}
	n, err := s.response.Body.Read(p)
	if s.n += int64(n); s.n > s.limit {
		n -= int(s.n - s.limit)
		return n, s.end(tooLarge(s.limit), fmt.Errorf("response of more than %d bytes", s.limit))
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		s.env.settle(s.call)
		return n, s.end(trailerError(s.response.Trailer()), io.EOF)
	default:
		s.env.breakOff(s.call)
		return n, s.end(s.call.cutOff(), io.ErrUnexpectedEOF)
	}
}

func (s *streamBody) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// end notes how the body ended, unless that is known already, and answers the error that Read gives from now on.
func (s *streamBody) end(failed *FunctionError, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.failed, s.err = failed, err
		s.call.outcomes.Add(outcomeOf(nil, failed))
		close(s.over)
	}
	return s.err
}

// Close gives up the rest of the response; the function runs on.
func (s *streamBody) Close() error {
	s.end(nil, errBodyClosed) //nolint:errcheck // it answers its own argument
	return nil
}

// StreamError is what Result.StreamError answers.
func (s *streamBody) StreamError() *FunctionError {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// refusal is how Respond has to answer the function; nil for a body that is complete or that the reader gave up.
func (s *streamBody) refusal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failed != nil && s.failed.Reason == ReasonTooLarge:
		return runtimeapi.ErrTooLarge
	case errors.Is(s.err, io.ErrUnexpectedEOF):
		return runtimeapi.ErrTruncated
	}
	return nil
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
	timer := time.NewTimer(verdictWait)
	defer timer.Stop()
	select {
	case <-c.done:
		if c.verdict != nil {
			return c.verdict
		}
	case <-timer.C:
	}
	return failure(ReasonBadResponse, "Runtime.TruncatedResponse",
		"The function ended its response before it was complete.")
}
