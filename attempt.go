package furl

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// attempts decides whether a request is sent once more.
type attempts struct {
	transport *Transport
	endpoint  *endpoint
	request   *http.Request
	retries   int  // for want of capacity
	corrected bool // the clock has been set by a refusal
	renewed   bool // the credentials were fetched anew
}

// another reports whether to send the request again, and how long to wait before.
func (a *attempts) another(resp *http.Response) (wait time.Duration, again bool) {
	switch {
	case transient(resp.StatusCode):
		most := a.transport.MaxRetries
		if most == 0 {
			most = DefaultMaxRetries
		}
		if a.retries >= most || !idempotent(a.request) {
			return 0, false
		}
		a.retries++
		return backoff(a.retries-1, resp.Header, a.transport.now())
	case resp.StatusCode == http.StatusForbidden:
		return 0, a.cured(resp)
	}
	return 0, false
}

// cured reports whether the cause of a refusal has been removed. Each cause is removed once. A refused request has not
// reached the function, so it may be repeated whatever its method.
func (a *attempts) cured(resp *http.Response) bool {
	refusal, ok := RefusalOf(resp)
	if !ok {
		return false
	}
	if now, ok := refusal.skewed(resp.Header); ok && !a.corrected {
		a.corrected = true
		a.endpoint.offset.Store(int64(now.Sub(a.transport.now())))
		return true
	}
	if cache, ok := a.transport.Credentials.(*aws.CredentialsCache); ok && !a.renewed && refusal.expired() {
		a.renewed = true
		cache.Invalidate()
		return true
	}
	return false
}
