package attack_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
)

const megabyte = 1 << 20

// live is the memory that is in use, in bytes, once the garbage is gone.
func live() int64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools let go
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// eventually waits for what the server does in its own time.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

// The memory of the whole process is measured: these tests do not run in parallel to others.

// Many large bodies of clients that nobody knows.
func TestMemoryOfBodies(t *testing.T) { // MinIO CVE-2018-1000538
	const room, clients = 16, 12
	w := newWorld(t, bodiesWithin(4*time.Second), func(c *app.Config) { c.BodyRoom = room })
	body := bytes.Repeat([]byte("x"), 6*megabyte-1)
	unknown := signing{key: key{"AKIAIOSFODNN7EXAMPLE", "secret", ""}, service: "lambda", region: region}
	wrong := w.alice.wrong().signing("lambda")
	for _, test := range []struct {
		name string
		r    request
		size int
		most int64 // MB
	}{
		{"unknown keys to a function URL", w.url(w.iamURL, "POST", "/", "").signed(unknown).with("Content-Length: 6291456"), len(body), 2 * room},
		{"wrong signatures to a function URL", w.url(w.iamURL, "POST", "/", "").signed(wrong).with("Content-Length: 6291456"), len(body), 2 * room},
		{"an open function URL", w.url(w.openURL, "POST", "/", "").with("Content-Length: 6291456"), len(body), 2 * room},
		{"chunks without end", w.url(w.openURL, "POST", "/", "600000\r\n").with("Transfer-Encoding: chunked"), len(body), 2 * room},
		{"claims of packages", w.api("POST", "/2015-03-31/functions", "").signed(unknown).with("Content-Length: 70000000"), megabyte, 100}, // one of them finds room
	} {
		t.Run(test.name, func(t *testing.T) {
			before := live()
			test.r.framed = true
			connections := make([]*connection, clients)
			for i := range connections {
				connections[i] = dial(t, w.address)
				go func(c *connection) {
					c.write(test.r.wire())
					c.Write(body[:test.size]) //nolint:errcheck // the server may have closed already
				}(connections[i])
			}
			time.Sleep(300 * time.Millisecond)
			if used := live() - before; used > test.most*megabyte {
				t.Errorf("%d clients have the server hold %d MB", clients, used/megabyte)
			}
			// Who sends nothing in this time is a small one, and is served.
			w.ran(t, w.alice.post(t, w.iamURL, "/", "hello"))
			for _, c := range connections {
				c.Close()
			}
			eventually(t, "the memory is free again", func() bool { return live()-before < 20*megabyte })
		})
	}
	// The room is free again, too.
	large := strings.Repeat("x", 3*megabyte)
	w.ran(t, w.alice.post(t, w.iamURL, "/", large))
}

// Requests that each have something new to remember.
func TestMemoryOfRefusals(t *testing.T) {
	w := newWorld(t)
	c := dial(t, w.address)
	for _, test := range []struct {
		name  string
		count int
		make  func(i int) request
	}{
		{"regions", 300, func(i int) request {
			s := w.alice.signing("lambda")
			s.region = fmt.Sprintf("eu-%d-%s", i, strings.Repeat("x", 9000))
			return w.api("GET", "/2015-03-31/functions", "").signed(s)
		}},
		{"regions of a header too long", 40, func(i int) request {
			return w.api("GET", "/", "").with(fmt.Sprintf("Authorization: AWS4-HMAC-SHA256 Credential=A/20260101/%d%s/lambda/aws4_request", i, strings.Repeat("x", 300_000)))
		}},
		{"keys", 300, func(i int) request {
			s := signing{key: key{fmt.Sprintf("AKIA%016d%s", i, strings.Repeat("X", 9000)), "secret", ""}, service: "lambda", region: region}
			return w.url(w.iamURL, "GET", "/", "").signed(s)
		}},
		{"targets of function URLs that are none", 40, func(i int) request {
			return w.url(strings.Repeat("a", 32), "GET", fmt.Sprintf("/%d/%s", i, strings.Repeat("x", 300_000)), "")
		}},
		{"absolute targets", 40, func(i int) request {
			r := w.api("GET", "", "")
			r.target = fmt.Sprintf("http://%s/%d/%s", w.address, i, strings.Repeat("x", 300_000))
			return r
		}},
		{"canonical requests", 40, func(i int) request {
			s := w.alice.wrong().signing("lambda")
			return w.url(w.iamURL, "GET", fmt.Sprintf("/?%d=%s", i, strings.Repeat("=", 60_000)), "").signed(s)
		}},
		{"headers", 40, func(i int) request {
			return w.mallory.signs(w.url(w.iamURL, "GET", "/", "").with(fmt.Sprintf("X-%d: %s", i, strings.Repeat("x", 300_000)), "User-Agent: "+strings.Repeat("y", 90_000)))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := live()
			for i := range test.count {
				r := test.make(i)
				go c.write(r.wire())
				a, err := c.read(r.method)
				if err != nil || a.status != 403 && a.status != 400 {
					t.Fatalf("%v, %v", a, err)
				}
				if a.close {
					c = dial(t, w.address)
				}
				if i%50 == 0 {
					c.SetDeadline(time.Now().Add(patience)) //nolint:errcheck // a connection that is closed fails at once
				}
			}
			if used := live() - before; used > 8*megabyte {
				t.Errorf("%d requests left %d MB behind", test.count, used/megabyte)
			}
		})
	}
}

// Many clients that begin a request and do not go on.
func TestMemoryOfHalves(t *testing.T) {
	w := newWorld(t)
	routines := runtime.NumGoroutine()
	const clients = 200
	for name, text := range map[string]string{
		"nothing":        "",
		"half a line":    "GET / HT",
		"half a header":  "GET / HTTP/1.1\r\nHost: " + w.address + "\r\nX-A: " + strings.Repeat("a", 4000),
		"headers only":   "POST / HTTP/1.1\r\nHost: " + w.address + "\r\nContent-Length: 100\r\n\r\n",
		"half a body":    w.alice.signs(w.url(w.iamURL, "POST", "/", "")).with("Content-Length: 100").wire() + "hello",
		"half a chunk":   w.alice.signs(w.url(w.iamURL, "POST", "/", "")).with("Transfer-Encoding: chunked").wire() + "ff\r\nhello",
		"asks to go on":  w.alice.signs(w.url(w.iamURL, "POST", "/", "")).with("Content-Length: 100", "Expect: 100-continue").wire(),
		"a whole answer": "GET /_furl/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			before := live()
			connections := make([]net.Conn, clients)
			for i := range connections {
				c, err := net.DialTimeout("tcp", w.address, patience)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				connections[i] = c
				io.WriteString(c, text) //nolint:errcheck // the server may have closed already
			}
			time.Sleep(100 * time.Millisecond)
			if used := live() - before; used > 40*megabyte {
				t.Errorf("%d clients have the server hold %d MB", clients, used/megabyte)
			}
			if a := w.unsigned.ask(t, "GET", "/_furl/health", ""); a.status != 200 {
				t.Errorf("others are not served: %v", a)
			}
		})
	}
	eventually(t, "the connections' goroutines end", func() bool { return runtime.NumGoroutine() < routines+40 })
}

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
		{"a form in drops, of an unsigned request", post + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n", "x"},
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
