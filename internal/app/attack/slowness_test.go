//go:build unix

package attack_test

import (
	"io"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
)

// A client that does not go on is not waited for, wherever it stops.
func TestSlowness(t *testing.T) {
	t.Parallel()
	const limit = time.Second // of headers, and of each MiB of a body
	w := newWorld(t, bodiesWithin(limit), func(c *app.Config) { c.HeaderTimeout = limit })
	const post = "POST / HTTP/1.1\r\nHost: x\r\n"
	signed := w.alice.signs(w.url(w.iamURL, "POST", "/", ""))
	var all sync.WaitGroup
	defer all.Wait()
	for _, test := range []struct {
		name string
		text string
		drip string // sent now and then
	}{
		{"nothing", "", ""},
		{"half a request line", "GET / HT", ""},
		{"half the headers", "GET / HTTP/1.1\r\nHost: x\r\n", ""},
		{"a header now and then", "GET / HTTP/1.1\r\nHost: x\r\n", "X-A: b\r\n"},
		{"half the body of an unsigned request", post + "Content-Length: 100\r\n\r\nx", ""},
		{"half the body of a signed request", signed.with("Content-Length: 100").wire() + "x", ""},
		{"half a chunk", signed.with("Transfer-Encoding: chunked").wire() + "5\r\nhel", ""},
		{"a body in drops", signed.with("Content-Length: 100000").wire(), "x"},
		{"a body in drops, of an unsigned request", post + "Content-Length: 1000\r\n\r\n", "x"},
		{"a form in drops, of an unsigned request",
			post + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n", "x"},
		{"chunks in drops", signed.with("Transfer-Encoding: chunked").wire(), "1\r\nx\r\n"},
		{"chunk extensions in drops", signed.with("Transfer-Encoding: chunked").wire() + "1;", "x"},
		{"trailers in drops", signed.with("Transfer-Encoding: chunked", "Trailer: X-A").wire() + "0\r\n", "X-A: b\r\n"},
		{"a body that is asked for", signed.with("Content-Length: 100", "Expect: 100-continue").wire(), ""},
		{"a body that is not asked for", post + "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n", ""},
		{"a body for a page", "GET /_furl/health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n", ""},
	} {
		c := dial(t, w.address)
		c.write(test.text)
		all.Go(func() {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				io.Copy(io.Discard, c.reader) //nolint:errcheck // the end is what counts
			}()
			for start := time.Now(); ; {
				select {
				case <-ended:
					return
				case <-time.After(100 * time.Millisecond):
					c.write(test.drip)
				}
				if time.Since(start) > limit+8*time.Second {
					t.Errorf("%s: the server still waits", test.name)
					return
				}
			}
		})
	}
}
