package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/proxy"
	"github.com/furl-dev/furl/internal/urltest"
)

// administered runs a proxy with its pages, whose address it returns.
func administered(t *testing.T, server *urltest.Server, c proxy.Config) (p *running, admin string) {
	t.Helper()
	p = start(t, server, c)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.proxy.ServeAdmin(ctx, inner) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p, inner.Addr().String()
}

// page reads a page under a Host header.
func page(t *testing.T, method, address, path, host string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body(t, resp)
}

func TestPages(t *testing.T) {
	_, admin := administered(t, urltest.Start(t, nil), proxy.Config{AllowHosts: []string{"proxy.internal"}})
	for _, test := range []struct {
		method, path, host string
		status             int
		says               string
	}{
		{"GET", "/healthz", "localhost", 200, "ok"},
		{"HEAD", "/healthz", "localhost", 200, ""},
		{"GET", "/readyz", "127.0.0.1:1", 200, "ready"},
		{"GET", "/metrics", "proxy.internal", 200, "furl_connections 1"},
		{"GET", "/", "localhost", 404, "/healthz, /readyz and /metrics"},
		{"GET", "/metrics/", "localhost", 404, "no such page"},
		{"POST", "/metrics", "localhost", 405, "GET"},
		{"GET", "/metrics", "evil.example", 403, "Host header"},
		{"GET", "/healthz", "localhost.evil.example", 403, "Host header"},
	} {
		if status, text := page(t, test.method, admin, test.path, test.host); status != test.status || !strings.Contains(text, test.says) {
			t.Errorf("%s %s for %s: %d %s; want %d and %q", test.method, test.path, test.host, status, text, test.status, test.says)
		}
	}
}

// The proxy itself has no pages: a function may have pages of these names.
func TestPagesAreNotTheFunctions(t *testing.T) {
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "function") }))
	p, _ := administered(t, server, proxy.Config{})
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if text := body(t, p.raw(t, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")); text != "function" {
			t.Errorf("%s: %s", path, text)
		}
	}
}

// The proxy is not ready without credentials, and becomes ready with them. The page does not say why.
func TestReadyNeedsCredentials(t *testing.T) {
	server := urltest.Start(t, nil)
	var fail atomic.Bool
	fail.Store(true)
	transport := furl.NewTransport(server.Config())
	transport.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		if fail.Load() {
			return aws.Credentials{}, errors.New("profile top-secret has no keys")
		}
		return server.Credentials().Retrieve(ctx)
	})
	p, admin := administered(t, server, proxy.Config{Transport: transport, Upstream: server.URL})
	if status, text := page(t, "GET", admin, "/readyz", "localhost"); status != 503 || text != "no credentials\n" {
		t.Errorf("%d %s", status, text)
	}
	if line := p.lines(t, 1)[0]; line["msg"] != "not ready" || !strings.Contains(fmt.Sprint(line["error"]), "top-secret") {
		t.Errorf("logged %v", line)
	}
	fail.Store(false)
	if status, text := page(t, "GET", admin, "/readyz", "localhost"); status != 200 {
		t.Errorf("%d %s", status, text)
	}
}

// A proxy that drains lives and is not ready; a stream that has begun goes on, and new connections are refused.
func TestDrain(t *testing.T) {
	begun, next := make(chan struct{}), make(chan struct{})
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "one\n")
		w.(http.Flusher).Flush()
		close(begun)
		<-next
		io.WriteString(w, "two\n")
	}))
	p, admin := administered(t, server, proxy.Config{DrainTimeout: time.Minute})
	resp := p.raw(t, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-begun
	p.stop()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		status, text := page(t, "GET", admin, "/readyz", "localhost")
		if status == 503 && text == "draining\n" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d %s while it drains", status, text)
		}
	}
	if status, _ := page(t, "GET", admin, "/healthz", "localhost"); status != 200 {
		t.Errorf("health is %d while it drains", status)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", p.address)
		if err != nil {
			break
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("new connections are accepted while it drains")
		}
	}
	close(next)
	if text := body(t, resp); text != "one\ntwo\n" {
		t.Errorf("the stream was %q", text)
	}
	if err := <-p.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	p.ended <- nil
	if line := p.lines(t, 2)[0]; line["msg"] != "draining" || line["timeout"] != "1m0s" {
		t.Errorf("logged %v", line)
	}
}

func TestMetrics(t *testing.T) {
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fail" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	p, admin := administered(t, server, proxy.Config{
		Routes: []proxy.Route{{Path: "/orders", Upstream: server.URL}, {Host: "api.example", Upstream: server.URL}},
	})
	for _, request := range []string{
		"GET /orders HTTP/1.1\r\nHost: localhost\r\n", "GET /orders/fail HTTP/1.1\r\nHost: localhost\r\n",
		"GET / HTTP/1.1\r\nHost: api.example\r\n", "GET /elsewhere HTTP/1.1\r\nHost: localhost\r\n", "GET / HTTP/1.1\r\nHost: evil.example\r\n",
	} {
		body(t, p.raw(t, request+"\r\n"))
	}
	p.lines(t, 5)
	_, text := page(t, "GET", admin, "/metrics", "localhost")
	for _, want := range []string{
		`furl_proxy_requests_total{outcome="answered",route="/orders"} 1`,
		`furl_proxy_requests_total{outcome="failed",route="/orders"} 1`,
		`furl_proxy_requests_total{outcome="answered",route="api.example/"} 1`,
		`furl_proxy_requests_total{outcome="route",route="none"} 1`,
		`furl_proxy_requests_total{outcome="host",route="none"} 1`,
		`furl_proxy_requests_total{outcome="breaker",route="/orders"} 0`,
		`furl_proxy_requests{route="/orders"} 0`,
		`furl_proxy_retries_total{route="/orders"} 0`,
		`furl_proxy_breaker_open{route="/orders"} 0`,
		`furl_proxy_reloads_total{outcome="applied"} 0`,
		"go_goroutines ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, outside := range []string{"evil", "elsewhere"} {
		if strings.Contains(text, outside) {
			t.Errorf("the page has %q, which a client chose", outside)
		}
	}
	var names []string
	for _, found := range regexp.MustCompile(`(?m)^# TYPE (furl_proxy_\S+)`).FindAllStringSubmatch(text, -1) {
		names = append(names, found[1])
	}
	document, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, found := range regexp.MustCompile("`(furl_proxy_[a-z_]+)`").FindAllStringSubmatch(string(document), -1) {
		documented = append(documented, found[1])
	}
	slices.Sort(documented)
	if diff := cmp.Diff(names, slices.Compact(documented)); diff != "" {
		t.Errorf("(-page +docs/metrics.md)\n%s", diff)
	}
}

// A request that has begun finishes on its old route; the next one takes the new one. What a route has counted stays.
func TestReload(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	old := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(begun)
			<-end
		}
		io.WriteString(w, "old")
	}))
	next := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "new") }))
	c := proxy.Config{Routes: []proxy.Route{{Path: "/a", Upstream: old.URL}}}
	p, admin := administered(t, old, c)
	slow := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + p.address + "/a/slow")
		if err != nil {
			slow <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		slow <- string(text)
	}()
	<-begun
	get := func(path string) string { return body(t, p.raw(t, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")) }
	if got := get("/a/x"); got != "old" {
		t.Errorf("before: %s", got)
	}
	c.Transport = p.transport
	c.Routes = []proxy.Route{{Path: "/a", Upstream: next.URL}, {Path: "/b", Upstream: old.URL}}
	if err := p.proxy.Reload(c); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/a/x": "new", "/b/x": "old"} {
		if got := get(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	close(end)
	if got := <-slow; got != "old" {
		t.Errorf("the request from before: %s", got)
	}
	bad := c
	bad.Routes = []proxy.Route{{Path: "/c", Upstream: next.URL}, {Path: "/c", Upstream: old.URL}}
	if err := p.proxy.Reload(bad); err == nil || !strings.Contains(err.Error(), "two routes for /c") {
		t.Errorf("a bad configuration: %v", err)
	}
	bad = c
	bad.Listen = "127.0.0.1:2"
	if err := p.proxy.Reload(bad); err == nil || !strings.Contains(err.Error(), "restart the proxy") {
		t.Errorf("another address: %v", err)
	}
	if got := get("/a/x"); got != "new" {
		t.Errorf("after a bad configuration: %s", got)
	}
	p.lines(t, 5)
	_, text := page(t, "GET", admin, "/metrics", "localhost")
	for _, want := range []string{
		`furl_proxy_requests_total{outcome="answered",route="/a"} 4`, `furl_proxy_requests_total{outcome="answered",route="/b"} 1`,
		`furl_proxy_reloads_total{outcome="applied"} 1`, `furl_proxy_reloads_total{outcome="refused"} 2`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}
