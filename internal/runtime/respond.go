package runtime

import (
	"io"

	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
)

// respondStream hands the response on while it comes in, and returns when it is over.
func (e *environment) respondStream(c *call, response *runtimeapi.Response, limit int64) error {
	body := &streamBody{env: e, call: c, response: response, limit: limit, over: make(chan struct{})}
	e.mu.Lock()
	e.stream = body
	e.mu.Unlock()
	c.answer(&Result{Body: body, ContentType: response.ContentType, ResponseMode: mode(response)}, nil)
	<-body.over
	err := body.outcome()
	// A reader that went away must not hold up the function, which Lambda runs to its end.
	if _, broken := io.Copy(io.Discard, response.Body); broken != nil {
		e.breakOff(c)
	} else {
		e.settle(c)
	}
	return err
}

// respondWhole takes in the whole response before the caller sees any of it.
func (e *environment) respondWhole(c *call, response *runtimeapi.Response, limit int64) error {
	body, err := readWhole(response, limit)
	var refusal error
	var failed *FunctionError
	switch {
	case err != nil:
		// The process may just have been killed, or have crashed. Then its end is the better answer.
		e.breakOff(c)
		failed, refusal = c.cutOff(), runtimeapi.ErrTruncated
	case int64(len(body)) > limit:
		failed, refusal = tooLarge(limit), runtimeapi.ErrTooLarge
	default:
		failed = trailerError(response.Trailer())
	}
	if err == nil {
		e.settle(c)
	}
	if failed != nil {
		c.fail(failed)
		return refusal
	}
	c.answer(&Result{Body: newWholeBody(body), ContentType: response.ContentType, ResponseMode: mode(response)}, nil)
	return nil
}

// readWhole reads at most one byte more than limit.
func readWhole(response *runtimeapi.Response, limit int64) ([]byte, error) {
	if response.Length >= 0 {
		body := make([]byte, response.Length) // checked against the limit before
		_, err := io.ReadFull(response.Body, body)
		return body, err
	}
	return io.ReadAll(io.LimitReader(response.Body, limit+1))
}

func mode(response *runtimeapi.Response) string {
	if response.Streaming {
		return ModeStreaming
	}
	return ModeBuffered
}
