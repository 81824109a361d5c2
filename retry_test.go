package furl_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl"
)

// answers answers requests with these statuses, then 200, and counts.
type answers struct {
	statuses []int
	header   http.Header
	calls    int
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.calls++
	if body, err := io.ReadAll(r.Body); err != nil || r.Body.Close() != nil || string(body) != "body" {
		return nil, errors.New("body is not what was sent: " + string(body))
	}
	status := http.StatusOK
	if a.calls <= len(a.statuses) {
		status = a.statuses[a.calls-1]
	}
	return &http.Response{StatusCode: status, Header: a.header, Body: io.NopCloser(strings.NewReader("answer"))}, nil
}

func staticKey(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
}

func TestTransportRetries(t *testing.T) {
	many := []int{503, 503, 503, 503, 503, 503, 503, 503, 503, 503}
	for name, test := range map[string]struct {
		method     string
		statuses   []int
		header     http.Header
		maxRetries int
		status     int
		calls      int
		atLeast    time.Duration
		atMost     time.Duration
	}{
		"each status": {method: "GET", statuses: []int{429, 502, 503, 504}, maxRetries: 4, status: 200, calls: 5,
			atLeast: 750 * time.Millisecond, atMost: 1500 * time.Millisecond},
		"default": {method: "PUT", statuses: many, status: 503, calls: 3, atLeast: 150 * time.Millisecond,
			atMost: 300 * time.Millisecond},
		"none": {method: "GET", statuses: many, maxRetries: -1, status: 503, calls: 1},
		"bounded backoff": {method: "DELETE", statuses: many, maxRetries: 10, status: 200, calls: 11,
			atLeast: 13 * time.Second, atMost: 26500 * time.Millisecond},
		"POST": {method: "POST", statuses: many, status: 503, calls: 1},
		"POST with a key": {method: "POST", header: http.Header{"Idempotency-Key": {"1"}}, statuses: []int{503}, status: 200,
			calls: 2, atLeast: 50 * time.Millisecond, atMost: 100 * time.Millisecond},
		"function's error": {method: "GET", statuses: []int{500}, status: 500, calls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := &answers{statuses: test.statuses}
				transport := &furl.Transport{Credentials: aws.CredentialsProviderFunc(staticKey), Base: base,
					MaxRetries: test.maxRetries}
				r, err := http.NewRequest(test.method, "https://id.lambda-url.eu-central-1.on.aws/", strings.NewReader("body"))
				if err != nil {
					t.Fatal(err)
				}
				if test.header != nil {
					r.Header = test.header
				}
				start := time.Now()
				resp, err := transport.RoundTrip(r)
				if got := read(t, resp, err, test.status); got != "answer" {
					t.Errorf("body %q", got)
				}
				if took := time.Since(start); base.calls != test.calls || took < test.atLeast || took > test.atMost {
					t.Errorf("%d calls in %s, want %d in %s to %s", base.calls, took, test.calls, test.atLeast, test.atMost)
				}
			})
		})
	}
}

func TestTransportRetryEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("caller is gone")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, gone)
		defer cancel()
		transport := &furl.Transport{Credentials: aws.CredentialsProviderFunc(staticKey),
			Base: &answers{statuses: []int{503}}}
		r, err := http.NewRequestWithContext(ctx, http.MethodPut, "https://id.lambda-url.eu-central-1.on.aws/",
			strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := transport.RoundTrip(r); !errors.Is(err, gone) {
			t.Errorf("error %v, want the context's cause", err)
		}
	})
}

func TestBackoffObeysRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for after, want := range map[string]time.Duration{
		"0":                             0,
		"7":                             7 * time.Second,
		"30":                            30 * time.Second,
		"31":                            -1,
		"65535":                         -1,
		"Mon, 23 Nov 2026 12:00:05 GMT": 5 * time.Second,
		"Mon, 23 Nov 2026 11:00:00 GMT": 0,
		"Mon, 23 Nov 2026 13:00:00 GMT": -1,
	} {
		wait, ok := furl.Backoff(0, http.Header{"Retry-After": {after}}, now)
		if ok != (want >= 0) || ok && wait != want {
			t.Errorf("Retry-After %s: %s, %t; want %s", after, wait, ok, want)
		}
	}
	for _, after := range []string{"soon", "-1", "1e3", "99999999"} {
		wait, ok := furl.Backoff(0, http.Header{"Retry-After": {after}}, now)
		if !ok || wait < 50*time.Millisecond || wait > 100*time.Millisecond {
			t.Errorf("Retry-After %s: %s, %t; want it ignored", after, wait, ok)
		}
	}
}
