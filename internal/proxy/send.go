package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl"
)

// errTimeout is the error for a response that has not begun in time, errPaused for one that paused for too long.
var (
	errTimeout = fmt.Errorf("the function has not answered in time: %w", context.DeadlineExceeded)
	errPaused  = fmt.Errorf("the response paused for too long: %w", context.DeadlineExceeded)
)

const (
	// maxRetries is the largest number of retries of one request.
	maxRetries = 10
	// replayed is the longest body, in bytes, that is kept for retries, and replays how many are kept at one time. A
	// request with another body is sent once.
	replayed = 1 << 20
	replays  = 16

	firstBackoff  = 50 * time.Millisecond
	maxBackoff    = 2 * time.Second
	maxRetryAfter = 10 * time.Second // a function URL that asks for more gets no retry
)

// RoundTrip sends a request of ReverseProxy on its route, again if it failed and may be repeated.
func (p *Proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r.Context())
	route := x.route
	if route.Retries == 0 || !idempotent(r) {
		return route.send(r)
	}
	route.state.budget.add(route.RetryBudget)
	replayable, release, err := p.replayable(r)
	if err != nil {
		return nil, err
	}
	defer release()
	for retry := 0; ; retry++ {
		resp, err := route.send(r)
		wait, again := backoff(retry, resp, err)
		if !again || !replayable || retry == route.Retries || r.Context().Err() != nil || !route.state.budget.take() {
			return resp, err
		}
		if resp != nil {
			drain(resp)
		}
		x.retries++
		route.state.retries.Add(1)
		select {
		case <-time.After(wait):
		case <-r.Context().Done():
			return nil, context.Cause(r.Context())
		}
		if r.GetBody != nil {
			if r.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// idempotent reports whether a request may be sent twice (RFC 9110, section 9.2.2). As in net/http, an idempotency key
// makes any request idempotent.
func idempotent(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return r.Header.Get("Idempotency-Key") != "" || r.Header.Get("X-Idempotency-Key") != ""
}

// replayable keeps the body of a request in memory, so that it can be sent again, if it is short and there is room.
func (p *Proxy) replayable(r *http.Request) (ok bool, release func(), err error) {
	nothing := func() {}
	if r.Body == nil || r.Body == http.NoBody {
		return true, nothing, nil
	}
	if r.ContentLength < 0 || r.ContentLength > replayed {
		return false, nothing, nil
	}
	if p.replays.Add(1) > replays {
		p.replays.Add(-1)
		return false, nothing, nil
	}
	release = func() { p.replays.Add(-1) }
	kept := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, kept); err != nil {
		release()
		return false, nil, fmt.Errorf("%w: %w", furl.ErrBody, err)
	}
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(kept)), nil }
	r.Body, err = r.GetBody()
	return true, release, err
}

// backoff is the time to wait before a retry, counted from 0: what the function URL asks for, or else a random time up
// to a bound that doubles. again is false if the response is no failure, or one that a retry does not cure.
func backoff(retry int, resp *http.Response, err error) (wait time.Duration, again bool) {
	if resultOf(resp, err) != resultBad && (resp == nil || resp.StatusCode != http.StatusTooManyRequests) {
		return 0, false
	}
	if resp != nil {
		if after := resp.Header.Get("Retry-After"); after != "" {
			seconds, err := strconv.ParseUint(after, 10, 16)
			wait = time.Duration(seconds) * time.Second
			return wait, err == nil && wait <= maxRetryAfter
		}
	}
	bound := min(firstBackoff<<min(retry, maxRetries), maxBackoff)
	return bound/2 + rand.N(bound/2), true
}

// resultOf is what a response says about a function URL: that of a function that failed or has no environment, or of a
// front end (502, 503, 504), is as bad as none. A function that is throttled (429) works.
func resultOf(resp *http.Response, err error) result {
	switch {
	case errors.Is(err, furl.ErrRequest), errors.Is(err, furl.ErrBody), errors.Is(err, furl.ErrBodyTooLarge),
		errors.Is(err, furl.ErrCredentials), errors.Is(err, context.Canceled):
		return resultUnknown // nothing was sent, or nobody waits
	case err != nil:
		return resultBad
	}
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return resultBad
	}
	return resultGood
}

// drain reads the rest of a short response, so that its connection serves the next request.
func drain(resp *http.Response) {
	const short = 64 << 10
	io.CopyN(io.Discard, resp.Body, short) //nolint:errcheck // then it does not
	resp.Body.Close()
}

// send sends a request once, within the times of the route.
func (r *route) send(out *http.Request) (*http.Response, error) {
	if r.Timeout == 0 && r.IdleTimeout == 0 {
		return r.Transport.RoundTrip(out)
	}
	ctx, cancel := context.WithCancelCause(out.Context())
	out = out.WithContext(ctx)
	w := &watched{cancel: cancel, pause: r.IdleTimeout}
	if r.Timeout > 0 {
		// The time of the function does not begin before the request has arrived: its body is spooled first.
		begin := func() { w.begun.Store(time.AfterFunc(r.Timeout, func() { cancel(errTimeout) })) }
		if out.Body == nil || out.Body == http.NoBody || out.GetBody != nil {
			begin()
		} else {
			out.Body = &arrival{ReadCloser: out.Body, arrived: begin}
		}
	}
	resp, err := r.Transport.RoundTrip(out)
	if timer := w.begun.Load(); timer != nil && !timer.Stop() && err == nil {
		err = errors.Join(errTimeout, resp.Body.Close()) // too late, if only by a little
	}
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errTimeout) {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	w.ReadCloser = resp.Body
	resp.Body = w
	return resp, nil
}

// arrival is a body whose end has a meaning.
type arrival struct {
	io.ReadCloser
	arrived func() // nil after it was called
}

// Close is called when the body is spooled.
func (a *arrival) Close() error {
	if a.arrived != nil {
		a.arrived()
		a.arrived = nil
	}
	return a.ReadCloser.Close()
}

// watched is the body of a response that must not pause for too long.
type watched struct {
	io.ReadCloser
	begun  atomic.Pointer[time.Timer] // until the response begins
	cancel context.CancelCauseFunc
	pause  time.Duration // 0 for any
	paused bool
}

func (w *watched) Read(p []byte) (int, error) {
	if w.pause == 0 {
		return w.ReadCloser.Read(p)
	}
	timer := time.AfterFunc(w.pause, func() { w.cancel(errPaused) })
	n, err := w.ReadCloser.Read(p)
	if !timer.Stop() {
		w.paused = true
	}
	if w.paused && n == 0 && err != nil {
		err = errPaused
	}
	return n, err
}

// Close frees what watches.
func (w *watched) Close() error {
	defer w.cancel(nil)
	return w.ReadCloser.Close()
}
