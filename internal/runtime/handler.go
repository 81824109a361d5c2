//go:build unix

package runtime

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// handler is an environment as its process sees it, through the Runtime API.
type handler struct {
	*environment
	asking *asking // the request for an event that waits; guarded by the environment's lock
}

var _ runtimeapi.Starved = (*handler)(nil)

// asking is a request for the next event that waits.
type asking struct {
	client *runtimeapi.Client
	cancel context.CancelFunc
	over   chan struct{} // closed when it no longer waits
}

// lostConnectionGrace is how long a request for an event waits while another one waits, so that a broken connection of
// the other one shows: on a busy machine the kernel may report it a little late.
const lostConnectionGrace = 250 * time.Millisecond

// Next implements runtimeapi.Handler: the process is ready for an event.
func (h *handler) Next(ctx context.Context, client *runtimeapi.Client) (*runtimeapi.Invocation, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	own := &asking{client, cancel, make(chan struct{})}
	if err := h.ask(ctx, own); err != nil {
		return nil, err
	}
	defer h.endAsking(own)
	if err := h.ready(); err != nil {
		return nil, err
	}
	select {
	case c := <-h.deliver:
		if ctx.Err() != nil || client.Gone() {
			h.deliver <- c // for the connection that replaces this one; there is room for one
			return nil, context.Canceled
		}
		return h.hand(c), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hand is the invocation as the process gets it.
func (h *handler) hand(c *call) *runtimeapi.Invocation {
	h.mu.Lock()
	c.handed = true
	h.mu.Unlock()
	handed := &runtimeapi.Invocation{
		ID:              c.in.RequestID,
		Deadline:        c.deadline,
		FunctionARN:     c.in.InvokedFunctionARN,
		TraceID:         c.in.TraceID,
		ClientContext:   c.in.ClientContext,
		CognitoIdentity: c.in.CognitoIdentity,
		Payload:         c.in.Payload,
	}
	c.in.Payload, c.in.Read = nil, nil // up to 6 MiB that only the function needs while it runs
	return handed
}

// ask makes own the request that waits. It refuses while another one waits, unless that one's connection is broken.
func (h *handler) ask(ctx context.Context, own *asking) error {
	for {
		h.mu.Lock()
		other := h.asking
		if other == nil {
			h.asking = own
			h.mu.Unlock()
			return nil
		}
		h.mu.Unlock()
		if !other.client.Gone() {
			select {
			case <-other.over:
			case <-time.After(lostConnectionGrace):
			case <-ctx.Done():
			}
		}
		select {
		case <-other.over:
			continue
		default:
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !other.client.Gone() {
			h.pool.refusals.warn("a second request for the next event was refused while one waits",
				slog.String("function", h.fn.ARN), slog.String("client", own.client.Addr().String()),
				slog.String("waiting", other.client.Addr().String()))
			return fmt.Errorf("next is %w (another connection is waiting for the next event)", runtimeapi.ErrState)
		}
		other.cancel()
		<-other.over
	}
}

func (h *handler) endAsking(own *asking) {
	h.mu.Lock()
	h.asking = nil
	h.mu.Unlock()
	close(own.over)
}

// take checks that the function may answer invocation id now, and moves on.
func (h *handler) take(request, id string, to stage) (*call, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.call
	if c == nil || c.in.RequestID != id || h.life.in(starting, registering) {
		return nil, runtimeapi.ErrRequestID
	}
	if !h.life.advance(busy, to) {
		return nil, stateError(request, h.life.stage())
	}
	c.complete = to == settling
	if h.telemetry.IsActive() {
		now := time.Now()
		c.course = &course{responded: now, completed: now}
	}
	return c, nil
}

// Respond implements runtimeapi.Handler.
func (h *handler) Respond(id string, response *runtimeapi.Response) error {
	c, err := h.take("response", id, responding)
	if err != nil {
		return err
	}
	limit := int64(MaxBufferedResponse)
	if c.in.Stream && (response.Streaming || response.Length < 0) {
		limit = MaxStreamedResponse
	}
	switch {
	case response.Length > limit:
		h.settle(c, 0)
		c.fail(tooLarge(limit))
		return runtimeapi.ErrTooLarge
	case c.in.Stream, response.Streaming:
		return h.respondStream(c, response, limit)
	default:
		return h.respondWhole(c, response, limit)
	}
}

// respondStream hands the response on while it comes in, or at its end to a caller that takes it as a whole, and returns
// when it is over.
func (h *handler) respondStream(c *call, response *runtimeapi.Response, limit int64) error {
	body := &streamBody{env: h.environment, call: c, response: response, limit: limit, over: make(chan struct{})}
	if rate := h.pool.config.StreamBandwidth; rate > 0 && c.in.Stream {
		body.pace = newBandwidth(rate, time.Now())
	}
	h.mu.Lock()
	h.stream = body
	h.mu.Unlock()
	result := &Result{Body: body, ContentType: response.ContentType, ResponseMode: mode(response)}
	if c.in.Stream {
		c.answer(result, nil)
	} else {
		c.answerWhole(result, body)
	}
	<-body.over
	// A reader that went away must not hold up the function, which Lambda runs to its end.
	if _, broken := io.Copy(io.Discard, response.Body); broken != nil {
		h.breakOff(c)
	} else {
		h.settle(c, body.n)
	}
	return body.refusal
}

// respondWhole takes in the whole response before the caller sees any of it.
func (h *handler) respondWhole(c *call, response *runtimeapi.Response, limit int64) error {
	body, err := readWhole(response, limit)
	var refusal error
	var failed *FunctionError
	switch {
	case err != nil:
		// The process may just have been killed, or have crashed. Then its end is the better answer.
		h.breakOff(c)
		failed, refusal = c.cutOff(), runtimeapi.ErrTruncated
	case int64(len(body)) > limit:
		failed, refusal = tooLarge(limit), runtimeapi.ErrTooLarge
	default:
		failed = trailerError(response.Trailer())
	}
	if err == nil {
		h.settle(c, int64(len(body)))
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

// Fail implements runtimeapi.Handler.
func (h *handler) Fail(id string, f *runtimeapi.Failure) error {
	c, err := h.take("error", id, settling)
	if err != nil {
		return err
	}
	reason := ReasonError
	if f.Type == runtimeapi.InvalidMode {
		reason = ReasonBadResponse
	}
	if h.pool.sandbox.MayExplain(f.Body) {
		h.log.platform(sandboxRemark)
	}
	c.fail(reported(f, reason))
	return nil
}

// sandboxRemark stands in the log of an invocation that failed as the sandbox makes things fail.
const sandboxRemark = "furl: the sandbox may be why this failed: " + sandbox.Opening

// exitGrace is how long a process may take to exit after it has reported that it cannot start.
const exitGrace = time.Second

// FailInit implements runtimeapi.Handler. The caller gets its answer, with the whole log, when the process has exited.
func (h *handler) FailInit(f *runtimeapi.Failure) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := h.life.stage(); at != starting {
		return stateError("init/error", at)
	}
	if h.initFailure == nil {
		h.initFailure = f
		h.timer.Reset(exitGrace)
	}
	return nil
}
