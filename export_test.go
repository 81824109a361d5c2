package furl

import (
	"net/http"
	"testing"
	"time"
)

// SendUnsigned sends an unsigned GET with the target as it is written.
func (t *Transport) SendUnsigned(tb testing.TB, raw string) (*http.Response, error) {
	r, err := http.NewRequest(http.MethodGet, raw, nil)
	if err != nil {
		tb.Fatal(err)
	}
	exact := exactTarget(r.URL)
	r.URL = exact.url
	if exact.line != "" {
		return t.roundTripLine(r, exact.line)
	}
	return t.base().RoundTrip(r)
}

// Backoff is backoff.
func Backoff(retry int, header http.Header, now time.Time) (time.Duration, bool) {
	return backoff(retry, header, now)
}
