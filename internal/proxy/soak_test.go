package proxy_test

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/proxy"
	"github.com/furl-dev/furl/internal/urltest"
)

var soak = flag.Duration("soak", 2*time.Second, "how long TestSoak loads a proxy")

// A proxy under load, with clients that hang up, functions that fail, uploads that are too large and a configuration
// that is read again, gives everything back: it holds no more after the second half of the time than after the first.
func TestSoak(t *testing.T) {
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fail":
			w.WriteHeader(http.StatusBadGateway)
		case "/torn":
			io.WriteString(w, "begin")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/stream":
			for range 20 {
				io.WriteString(w, strings.Repeat("x", 10_000))
				w.(http.Flusher).Flush()
			}
		default:
			io.Copy(w, r.Body)
		}
	}))
	limits := proxy.Limits{MaxBody: 1 << 20, Retries: 1, RetryBudget: 0.5, BreakerFailures: 1000, BreakerTimeout: time.Second, Timeout: time.Minute, IdleTimeout: time.Minute}
	c := proxy.Config{Routes: []proxy.Route{{Path: "/a", Upstream: server.URL, Limits: limits}, {Upstream: server.URL}}}
	p := start(t, server, c)
	c.Transport = p.transport
	var wrong atomic.Pointer[string]
	answer := func(method, path, body string, hangUp bool) {
		conn, err := net.Dial("tcp", p.address)
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", method, path, len(body))
		if hangUp {
			io.WriteString(conn, body[:len(body)/2])
			return
		}
		io.WriteString(conn, body)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK && strings.HasSuffix(path, "/echo") && string(text) != body {
			said := fmt.Sprintf("%s answered %d bytes of %d", path, len(text), len(body))
			wrong.Store(&said)
		}
	}
	half := func() (heap uint64, goroutines int) {
		var all sync.WaitGroup
		end := time.Now().Add(*soak / 2)
		for range 8 {
			all.Go(func() {
				for time.Now().Before(end) {
					prefix := []string{"", "/a"}[rand.N(2)]
					path := prefix + []string{"/echo", "/fail", "/torn", "/stream", "/x?q=1"}[rand.N(5)]
					method := []string{"GET", "POST", "PUT", "BREW"}[rand.N(4)]
					answer(method, path, strings.Repeat("b", []int{0, 10, 100_000, 2_000_000}[rand.N(4)]), rand.N(5) == 0)
				}
			})
		}
		for time.Now().Before(end) {
			if err := p.proxy.Reload(c); err != nil {
				t.Error(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		all.Wait()
		p.transport.(interface{ CloseIdleConnections() }).CloseIdleConnections()
		p.mu.Lock()
		p.log.Reset()
		p.mu.Unlock()
		// The least of some seconds: what is on its way ends meanwhile, such as connections that linger.
		heap, goroutines = 1<<62, 1<<30
		for range min(60, 8+int(*soak/time.Second)) {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heap, goroutines = min(heap, m.HeapAlloc), min(goroutines, runtime.NumGoroutine())
			time.Sleep(100 * time.Millisecond)
		}
		return heap, goroutines
	}
	heap, goroutines := half()
	heapAfter, goroutinesAfter := half()
	t.Logf("heap %d KB, then %d KB; goroutines %d, then %d", heap>>10, heapAfter>>10, goroutines, goroutinesAfter)
	const slack = 2 << 20
	if heapAfter > heap+heap/10+slack {
		t.Errorf("the heap has grown from %d to %d bytes", heap, heapAfter)
	}
	if goroutinesAfter > goroutines+4 {
		t.Errorf("the goroutines have grown from %d to %d", goroutines, goroutinesAfter)
	}
	if said := wrong.Load(); said != nil {
		t.Error(*said)
	}
}
