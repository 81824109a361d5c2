package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/proxy"
	"github.com/furl-dev/furl/internal/urltest"
	"github.com/furl-dev/furl/sigv4"
)

// running is a proxy that serves until the test ends.
type running struct {
	proxy     *proxy.Proxy
	transport http.RoundTripper
	address   string
	stop      context.CancelFunc
	ended     chan error
	mu        sync.Mutex
	log       bytes.Buffer
}

func (p *running) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

// lines are the log lines so far, at least n of them: a line is written after its response.
func (p *running) lines(t *testing.T, n int) []map[string]any {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		p.mu.Lock()
		text := p.log.String()
		p.mu.Unlock()
		if strings.Count(text, "\n") < n && time.Now().Before(deadline) {
			continue
		}
		var lines []map[string]any
		for decoder := json.NewDecoder(strings.NewReader(text)); decoder.More(); {
			var line map[string]any
			if err := decoder.Decode(&line); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line)
		}
		if len(lines) < n {
			t.Fatalf("%d log lines, want %d:\n%s", len(lines), n, text)
		}
		return lines
	}
}

// start runs a proxy for the function URL, which may be nil if the configuration says it all.
func start(t testing.TB, server *urltest.Server, c proxy.Config) *running {
	t.Helper()
	p := &running{ended: make(chan error, 1)}
	if c.Transport == nil {
		transport := furl.NewTransport(server.Config())
		transport.MaxRetries = -1
		base := furl.NewBase()
		base.DisableCompression = true
		transport.Base = base
		t.Cleanup(base.CloseIdleConnections)
		c.Transport = transport
	}
	if c.Upstream == "" && len(c.Routes) == 0 {
		c.Upstream = server.URL
	}
	c.Log = slog.New(slog.NewJSONHandler(p, nil))
	handler, err := proxy.New(c)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.proxy, p.transport = handler, c.Transport
	p.address = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	go func() { p.ended <- handler.Serve(ctx, context.Background(), listener) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-p.ended:
			if err != nil {
				t.Errorf("the proxy ended with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the proxy does not end")
		}
		p.ended <- nil
	})
	return p
}

// raw sends bytes to the proxy and reads one response.
func (p *running) raw(t testing.TB, message string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, message); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(message, " ")
	for in := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusContinue {
			return resp
		}
	}
}

func body(t testing.TB, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTargetsGoOnAsTyped(t *testing.T) {
	server := urltest.Start(t, nil)
	direct := start(t, server, proxy.Config{})
	routed := start(t, server, proxy.Config{Routes: []proxy.Route{{Path: "/api", Upstream: server.Path + "/"}}})
	var want []string
	for _, target := range urltest.Targets() {
		resp := direct.raw(t, "POST "+target+" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nbody\n")
		if got := body(t, resp); got != "body\n" {
			t.Errorf("%s: %s: %s %s", target, resp.Status, got, resp.Header.Get("Furl-Explain"))
		}
		want = append(want, "POST "+target)
		resp = routed.raw(t, "GET /api"+target+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if got := body(t, resp); resp.StatusCode != http.StatusOK {
			t.Errorf("/api%s: %s: %s %s", target, resp.Status, got, resp.Header.Get("Furl-Explain"))
		}
		want = append(want, "GET /_furl/url/"+urltest.ID+target)
	}
	if diff := cmp.Diff(want, server.Lines()); diff != "" {
		t.Errorf("(-typed +received)\n%s", diff)
	}
}

func TestHTTP2WithoutTLS(t *testing.T) {
	server := urltest.Start(t, nil)
	p := start(t, server, proxy.Config{})
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	for _, target := range []string{"/a//b?x=%2f&y=a+b", "/%c3%bc?q|"} {
		resp, err := (&http.Client{Transport: transport}).Post("http://"+p.address+target, "text/plain",
			strings.NewReader("two\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := body(t, resp); got != "two\n" || resp.ProtoMajor != 2 {
			t.Errorf("%s over %s", got, resp.Proto)
		}
		if lines := server.Lines(); lines[len(lines)-1] != "POST "+target {
			t.Errorf("received %s", lines[len(lines)-1])
		}
	}
}

func TestResponsesStream(t *testing.T) {
	next := make(chan struct{})
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/known" {
			w.Header().Set("Content-Length", "8")
		} else {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		for _, event := range []string{"one\n", "two\n"} {
			io.WriteString(w, event)
			w.(http.Flusher).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	}))
	p := start(t, server, proxy.Config{})
	for _, path := range []string{"/events", "/known"} {
		resp := p.raw(t, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
		lines := bufio.NewReader(resp.Body)
		for _, want := range []string{"one\n", "two\n"} {
			if got, err := lines.ReadString('\n'); got != want || err != nil {
				t.Fatalf("%s: read %q, %v while the function still runs", path, got, err)
			}
			next <- struct{}{}
		}
	}
}

func TestHopByHopHeadersStayOnTheirHop(t *testing.T) {
	var got http.Header
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		w.Header().Set("Connection", "X-Response-Hop")
		w.Header().Set("X-Response-Hop", "1")
		w.Header().Set("Keep-Alive", "timeout=5")
		w.Header().Set("X-Kept", "1")
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "4")
	}))
	p := start(t, server, proxy.Config{})
	resp := p.raw(t, "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: X-Hop, Upgrade\r\nX-Hop: 1\r\nKeep-Alive: 1\r\nUpgrade: h2c\r\n"+
		"Proxy-Authorization: Basic x\r\nTE: gzip\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\nX-Kept: 1\r\nX-Kept: 2\r\nExpect: 100-continue\r\n"+
		"Authorization: Bearer mine\r\nX-Forwarded-Authorization: forged\r\nX-Amz-Date: x\r\nX-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\nFurl-Canonical-Request: R0VU\r\nCookie: a=1\r\nUser-Agent: agent\r\n\r\n4\r\nbody\r\n0\r\nX-T: 1\r\n\r\n")
	for _, name := range []string{"X-Hop", "Keep-Alive", "Upgrade", "Proxy-Authorization", "Te", "Trailer", "X-T",
		"Expect", "X-Amz-Content-Sha256", "Furl-Canonical-Request", "Transfer-Encoding"} {
		if value := got.Get(name); value != "" {
			t.Errorf("%s: %s went on", name, value)
		}
	}
	if !strings.HasPrefix(got.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		t.Errorf("Authorization is %q", got.Get("Authorization"))
	}
	for name, want := range map[string][]string{"X-Kept": {"1", "2"}, "Cookie": {"a=1"}, "User-Agent": {"agent"},
		"Content-Length": {"4"}} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	text := body(t, resp)
	if text != "body" || resp.Trailer.Get("X-Sum") != "4" || resp.Header.Get("X-Kept") != "1" {
		t.Errorf("received %q, headers %v, trailers %v", text, resp.Header, resp.Trailer)
	}
	for _, name := range []string{"X-Response-Hop", "Keep-Alive", "Connection"} {
		if value := resp.Header.Get(name); value != "" {
			t.Errorf("%s: %s came back", name, value)
		}
	}
}

func TestForwardAuthorization(t *testing.T) {
	var got http.Header
	server := urltest.Start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Clone() }))
	p := start(t, server, proxy.Config{ForwardAuthorization: true, Token: sigv4.NewSecret("secret")})
	for _, test := range []struct {
		headers string
		want    []string
	}{
		{"Authorization: Basic abc\r\nX-Furl-Token: secret\r\n", []string{"Basic abc"}},
		{"X-Forwarded-Authorization: forged\r\nX-Furl-Token: secret\r\n", nil},
		{"Authorization: Bearer secret\r\nX-Forwarded-Authorization: forged\r\n", nil},
	} {
		got = nil
		resp := p.raw(t, "GET / HTTP/1.1\r\nHost: localhost\r\n"+test.headers+"\r\n")
		if text := body(t, resp); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", resp.Status, text)
		}
		if diff := cmp.Diff(test.want, got["X-Forwarded-Authorization"]); diff != "" {
			t.Errorf("%q: %s", test.headers, diff)
		}
		if got.Get("X-Furl-Token") != "" {
			t.Error("the token went on")
		}
	}
}

func TestUnsupported(t *testing.T) {
	server := urltest.Start(t, nil)
	p := start(t, server, proxy.Config{})
	for _, test := range []struct {
		message string
		status  int
		says    string
	}{
		{"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n", 501, "no WebSockets"},
		{"CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 501, "reverse proxy"},
		{"GET http://example.com/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 501, "HTTP proxy"},
		{"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 501, "HTTP proxy"},
		{"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 501, "is not a path"},
		{"GET /a#b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "%23"},
		{"GET /.. HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "climbs above the root"},
		{"GET /?X-Amz-Signature=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "presigned"},
		{"GET /?a=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "%zz"},
	} {
		resp := p.raw(t, test.message)
		if text := body(t, resp); resp.StatusCode != test.status || !strings.Contains(text, test.says) ||
			resp.Header.Get("Furl-Proxy-Error") == "" {
			t.Errorf("%q: %s %s; want %d and %q", test.message, resp.Status, text, test.status, test.says)
		}
	}
	if lines := server.Lines(); len(lines) != 0 {
		t.Errorf("went on: %q", lines)
	}
}

func TestErrors(t *testing.T) {
	server := urltest.Start(t, nil)
	transport := furl.NewTransport(server.Config())
	transport.MaxSpool = 10
	limited := start(t, server, proxy.Config{Transport: transport, Upstream: server.URL})
	for _, message := range []string{
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\n01234567890",
		"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
	} {
		if resp := limited.raw(t, message); resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%q: %s", message, resp.Status)
		}
	}
	nobody := &furl.Transport{Region: urltest.Region}
	if resp := start(t, server, proxy.Config{Transport: nobody, Upstream: server.URL}).raw(t,
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); resp.StatusCode != http.StatusBadGateway ||
		resp.Header.Get("Furl-Proxy-Error") != "credentials" {
		t.Errorf("without credentials: %s, %s", resp.Status, resp.Header.Get("Furl-Proxy-Error"))
	}
	down := furl.NewTransport(server.Config())
	down.Domains = map[string]string{"127.0.0.1:1": urltest.Region}
	if resp := start(t, server, proxy.Config{Transport: down, Upstream: "http://127.0.0.1:1"}).raw(t,
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); resp.StatusCode != http.StatusBadGateway ||
		resp.Header.Get("Furl-Proxy-Error") != "upstream" {
		t.Errorf("upstream down: %s, %s", resp.Status, resp.Header.Get("Furl-Proxy-Error"))
	}
	if runtime.GOOS == "windows" {
		t.Skip("the error of the system is another one there: machine has its test")
	}
	short := furl.NewTransport(server.Config())
	short.Domains = map[string]string{"127.0.0.1:1": urltest.Region}
	short.Base = roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.EMFILE)}
	})
	without := start(t, server, proxy.Config{Transport: short, Upstream: "http://127.0.0.1:1"})
	resp := without.raw(t, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if kind := resp.Header.Get("Furl-Proxy-Error"); resp.StatusCode != http.StatusServiceUnavailable || kind != "machine" {
		t.Errorf("no file descriptor for upstream: %s, %s", resp.Status, kind)
	}
}

// roundTrip is an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRoutes(t *testing.T) {
	var servers []*urltest.Server
	for i := range 4 {
		servers = append(servers, urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%d %s", i, r.RequestURI)
		})))
	}
	p := start(t, servers[0], proxy.Config{Upstream: servers[0].URL, Routes: []proxy.Route{
		{Path: "/a", Upstream: servers[1].URL}, {Path: "/a/b", Upstream: servers[2].URL + "/base/"},
		{Host: "three.example", Upstream: servers[3].URL},
		{Host: "three.example", Path: "/a", Upstream: servers[2].URL},
	}})
	for _, test := range []struct{ host, target, want string }{
		{"localhost", "/", "0 /"}, {"localhost", "/x/a", "0 /x/a"}, {"localhost", "/ab", "0 /ab"},
		{"localhost", "/%61", "0 /%61"},
		{"localhost", "/a", "1 /"}, {"localhost", "/a?q", "1 /?q"}, {"localhost", "/a//x", "1 //x"},
		{"localhost", "/a/", "1 /"},
		{"localhost", "/a/b/c", "2 /base/c"}, {"localhost", "/a/b?q", "2 /base/?q"},
		{"three.example", "/x", "3 /x"}, {"Three.Example:80", "/", "3 /"}, {"three.example", "/a/x", "2 /x"},
	} {
		resp := p.raw(t, "GET "+test.target+" HTTP/1.1\r\nHost: "+test.host+"\r\n\r\n")
		if got := body(t, resp); got != test.want {
			t.Errorf("%s%s: %s %q, want %q", test.host, test.target, resp.Status, got, test.want)
		}
	}
	only := start(t, servers[0], proxy.Config{Routes: []proxy.Route{{Path: "/a", Upstream: servers[1].URL}}})
	if resp := only.raw(t, "GET /b HTTP/1.1\r\nHost: localhost\r\n\r\n"); resp.StatusCode != http.StatusNotFound ||
		!strings.Contains(body(t, resp), "--route") {
		t.Errorf("no route: %s", resp.Status)
	}
}

func TestParseRoute(t *testing.T) {
	for text, want := range map[string]proxy.Route{
		"/a=https://x": {Path: "/a", Upstream: "https://x"}, "/a/b/=fn": {Path: "/a/b", Upstream: "fn"},
		"/=fn":                      {Upstream: "fn"},
		"API.example=https://x?a=b": {Host: "api.example", Upstream: "https://x?a=b"},
		"h/p=u":                     {Host: "h", Path: "/p", Upstream: "u"},
	} {
		if got, err := proxy.ParseRoute(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "=x", "/a=", "h:80=x", "/a?b=x", "/a b=x"} {
		if got, err := proxy.ParseRoute(text); err == nil {
			t.Errorf("%q: taken for %+v", text, got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	transport := &furl.Transport{}
	for want, c := range map[string]proxy.Config{
		"no transport":        {Upstream: "https://x"},
		"neither an upstream": {Transport: transport},
		"no host":             {Transport: transport, Upstream: "https:///"},
		"query would be lost": {Transport: transport, Upstream: "https://x/?a"},
		"two routes for /a": {Transport: transport,
			Routes: []proxy.Route{{Path: "/a", Upstream: "https://x"}, {Path: "/a", Upstream: "https://y"}}},
		"not a host name": {Transport: transport, Upstream: "https://x", AllowHosts: []string{"x:80"}},
		"not an origin":   {Transport: transport, Upstream: "https://x", AllowOrigins: []string{"example.com"}},
	} {
		if _, err := proxy.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestLog(t *testing.T) {
	server := urltest.Start(t, nil)
	p := start(t, server, proxy.Config{})
	body(t, p.raw(t, "POST /a?secret=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"))
	p.lines(t, 1)
	body(t, p.raw(t, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"))
	p.lines(t, 2)
	server.Refuse = func(*http.Request) (string, string) { return "AccessDeniedException", `{"Message":"Forbidden. x"}` }
	if got := body(t, p.raw(t, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")); got != `{"Message":"Forbidden. x"}` {
		t.Errorf("body %q", got)
	}
	lines := p.lines(t, 3)
	for i, want := range []map[string]any{
		{"msg": "request", "level": "INFO", "method": "POST", "path": "/a", "status": 200.0, "bytes": 4.0},
		{"msg": "request", "level": "WARN", "method": "GET", "path": "/", "status": 403.0, "refused_by": "proxy",
			"step": "host"},
		{"msg": "request", "level": "WARN", "status": 403.0, "refused_by": "authorization", "reason": "Forbidden. x",
			"request_id": "00000000-0000-4000-8000-000000000000"},
	} {
		for key, value := range want {
			if lines[i][key] != value {
				t.Errorf("line %d: %s is %v, want %v", i, key, lines[i][key], value)
			}
		}
		if took, err := time.ParseDuration(lines[i]["took"].(string)); err != nil || took < 0 {
			t.Errorf("line %d: took %v", i, lines[i]["took"])
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.Contains(p.log.String(), "secret") || strings.Contains(p.log.String(), urltest.Token) {
		t.Errorf("the log has what it must not have:\n%s", p.log.String())
	}
}

func TestClientThatLeaves(t *testing.T) {
	begun, gone := make(chan struct{}), make(chan struct{})
	server := urltest.Start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(gone)
	}))
	p := start(t, server, proxy.Config{})
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-begun
	conn.Close()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Fatal("the function still runs for a client that is gone")
	}
	if line := p.lines(t, 1)[0]; line["step"] != "client" {
		t.Errorf("logged %v", line)
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	server := urltest.Start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(begun)
		<-end
	}))
	p := start(t, server, proxy.Config{MaxConcurrent: 1})
	first := make(chan int, 1)
	go func() {
		resp, err := http.Get("http://" + p.address)
		if err != nil {
			first <- 0
			return
		}
		resp.Body.Close()
		first <- resp.StatusCode
	}()
	<-begun
	if resp := p.raw(t, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); resp.StatusCode != http.StatusServiceUnavailable ||
		resp.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %s", resp.Status)
	}
	close(end)
	if status := <-first; status != http.StatusOK {
		t.Errorf("the first: %d", status)
	}
}

func TestStopLetsRequestsFinish(t *testing.T) {
	for name, test := range map[string]struct {
		drain time.Duration
		want  bool
	}{"in time": {10 * time.Second, true}, "too late": {20 * time.Millisecond, false}} {
		t.Run(name, func(t *testing.T) {
			begun, end := make(chan struct{}), make(chan struct{})
			server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(begun)
				select {
				case <-end:
				case <-r.Context().Done():
				}
			}))
			p := start(t, server, proxy.Config{DrainTimeout: test.drain})
			result := make(chan error, 1)
			go func() {
				resp, err := http.Get("http://" + p.address)
				if err == nil {
					resp.Body.Close()
				}
				result <- err
			}()
			<-begun
			p.stop()
			if test.want {
				time.Sleep(20 * time.Millisecond)
				close(end)
			}
			if err := <-result; (err == nil) != test.want {
				t.Errorf("the request ended with %v", err)
			}
		})
	}
}

func TestServeSaysWhyItCannot(t *testing.T) {
	handler, err := proxy.New(proxy.Config{Transport: &furl.Transport{Credentials: aws.AnonymousCredentials{}},
		Upstream: "https://x"})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := handler.Serve(t.Context(), t.Context(), listener); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v", err)
	}
}
