package furl

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	// DefaultMaxRetries is how often a request is repeated that met an overloaded or failing function, if not told
	// otherwise.
	DefaultMaxRetries = 2

	firstBackoff  = 100 * time.Millisecond
	maxBackoff    = 5 * time.Second
	maxRetryAfter = 30 * time.Second // a server that asks for more gets no retry
)

// transient reports whether the same request may well succeed a little later: throttled, a failed environment, a
// front end out of capacity, a timeout.
func transient(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// idempotent reports whether a request may be sent twice (RFC 9110, section 9.2.2). A request with an idempotency key
// is one its sender has made so, as net/http sees it.
func idempotent(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return r.Header.Get("Idempotency-Key") != "" || r.Header.Get("X-Idempotency-Key") != ""
}

// backoff is how long to wait before a retry, the first being number 0: a random time up to a bound that doubles, or
// what the server asks for. ok is false if that is too long.
func backoff(retry int, header http.Header, now time.Time) (wait time.Duration, ok bool) {
	if after := header.Get("Retry-After"); after != "" {
		if seconds, err := strconv.ParseUint(after, 10, 16); err == nil {
			wait = time.Duration(seconds) * time.Second
			return wait, wait <= maxRetryAfter
		}
		if at, err := http.ParseTime(after); err == nil {
			wait = max(at.Sub(now), 0)
			return wait, wait <= maxRetryAfter
		}
	}
	bound := maxBackoff
	if retry < 6 {
		bound = min(firstBackoff<<retry, maxBackoff)
	}
	return bound/2 + rand.N(bound/2), true
}

// sleep waits, or returns the reason why there is no sense in waiting any longer.
func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// drain reads the rest of a short response, so that its connection can be used again.
func drain(resp *http.Response) {
	const short = 64 << 10
	io.CopyN(io.Discard, resp.Body, short)
	resp.Body.Close()
}
