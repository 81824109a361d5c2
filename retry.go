package furl

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	// DefaultMaxRetries is the default of Transport.MaxRetries.
	DefaultMaxRetries = 2

	firstBackoff  = 100 * time.Millisecond
	maxBackoff    = 5 * time.Second
	maxRetryAfter = 30 * time.Second // a server that asks for more gets no retry
)

// transient reports whether the same request may succeed a little later: the function is throttled or its environment
// failed, a front end has no capacity, or a timeout.
func transient(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// idempotent reports whether a request may be sent twice (RFC 9110, section 9.2.2). As in net/http, an idempotency key
// makes any request idempotent.
func idempotent(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return r.Header.Get("Idempotency-Key") != "" || r.Header.Get("X-Idempotency-Key") != ""
}

// backoff is the time to wait before a retry, counted from 0: what the server asks for, or else a random time up to a
// bound that doubles. ok is false if the server asks for too long a wait.
func backoff(retry int, header http.Header, now time.Time) (wait time.Duration, ok bool) {
	after := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(after, 10, 16); err == nil {
		wait = time.Duration(seconds) * time.Second
		return wait, wait <= maxRetryAfter
	}
	if at, err := http.ParseTime(after); err == nil {
		wait = max(at.Sub(now), 0)
		return wait, wait <= maxRetryAfter
	}
	bound := maxBackoff
	if retry < 6 {
		bound = min(firstBackoff<<retry, maxBackoff)
	}
	return bound/2 + rand.N(bound/2), true
}

// sleep waits. It returns the cause if ctx ends first.
func sleep(ctx context.Context, wait time.Duration) error {
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// drain reads the rest of a short response, so that its connection serves the next request.
func drain(resp *http.Response) {
	const short = 64 << 10
	io.CopyN(io.Discard, resp.Body, short)
	resp.Body.Close()
}

// attempts decides whether to send a request again.
type attempts struct {
	transport *Transport
	endpoint  *endpoint
	request   *http.Request
	retries   int  // after a transient failure
	corrected bool // a refusal has set the clock
	renewed   bool // the credentials were fetched again
}

// another returns why to send the request again, "" for not to, and how long to wait first.
func (a *attempts) another(resp *http.Response) (wait time.Duration, reason string) {
	switch {
	case transient(resp.StatusCode):
		if a.retries >= cmp.Or(a.transport.MaxRetries, DefaultMaxRetries) || !idempotent(a.request) {
			return 0, ""
		}
		a.retries++
		wait, ok := backoff(a.retries-1, resp.Header, a.transport.now())
		if !ok {
			return 0, ""
		}
		return wait, fmt.Sprintf("the answer was %d, which may pass; it is repeated in %s", resp.StatusCode,
			wait.Round(time.Millisecond))
	case resp.StatusCode == http.StatusForbidden && !anonymous(a.transport.Credentials):
		return 0, a.cured(resp)
	}
	return 0, ""
}

// cured removes the cause of a refusal if it can, each cause once, and says what it did. A refused request has not
// reached the function, so it may be repeated even if its method is not idempotent.
func (a *attempts) cured(resp *http.Response) string {
	refusal, ok := RefusalOf(resp)
	if !ok || refusal.Layer != Authentication {
		return ""
	}
	if now, ok := refusal.skewed(resp.Header); ok && !a.corrected {
		a.corrected = true
		offset := now.Sub(a.transport.now()).Round(time.Second)
		a.endpoint.offset.Store(int64(offset))
		direction := "ahead of"
		if offset < 0 {
			direction = "behind"
		}
		return fmt.Sprintf("the server's clock is %s %s this machine's: signed again with the server's time", offset.Abs(),
			direction)
	}
	if a.renewed || !refusal.aboutKeys() {
		return ""
	}
	a.renewed = true
	if !a.transport.renew(a.request.Context(), refusal) {
		return ""
	}
	return "the credentials were refused (" + refusal.ErrorType + "): signed again with those of now"
}
