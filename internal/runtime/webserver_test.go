//go:build unix

package runtime_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/runtime/peer"
)

// webMain is a web application. Variables say how it starts: WEB_DELAY how long before it listens, WEB_LISTEN on which
// port if not on that in PORT, WEB_HOST on which address, WEB_BAD for how long it answers 503.
func webMain() {
	delay, _ := time.ParseDuration(os.Getenv("WEB_DELAY"))
	time.Sleep(delay)
	port := os.Getenv("PORT")
	if own := os.Getenv("WEB_LISTEN"); own != "" {
		port = own
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(os.Getenv("WEB_HOST"), port))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	bad, _ := time.ParseDuration(os.Getenv("WEB_BAD"))
	well := time.Now().Add(bad)
	connections := map[string]bool{}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if time.Now().Before(well) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		connections[r.RemoteAddr] = true
		serveWeb(w, r, len(connections))
	})
	must(http.Serve(listener, handler))
}

// seen is what the application says about a request.
type seen struct {
	Method, Target, Host string
	Header               map[string][]string
	Length               int
	Hash                 string
	PID, Connections     int
	Port                 string
}

func serveWeb(w http.ResponseWriter, r *http.Request, connections int) {
	pause, _ := time.ParseDuration(r.URL.Query().Get("pause"))
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	switch r.URL.Path {
	case "/stream":
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range n {
			fmt.Fprintf(w, "data: %d\n\n", i)
			http.NewResponseController(w).Flush() //nolint:errcheck // the test sees it
			time.Sleep(pause)
		}
	case "/bytes":
		w.Header().Set("Content-Type", r.URL.Query().Get("type"))
		w.Write(bytes.Repeat([]byte{0xfe, 'x'}, n/2)) //nolint:errcheck // the test sees it
	case "/text":
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, strings.Repeat("a", n)) //nolint:errcheck // the test sees it
	case "/crash":
		os.Exit(7)
	case "/crash-midway":
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, "beginning")        //nolint:errcheck // the test sees it
		http.NewResponseController(w).Flush() //nolint:errcheck // the test sees it
		time.Sleep(pause)
		os.Exit(7)
	case "/hang-up":
		panic(http.ErrAbortHandler)
	case "/cut":
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, "beginning") //nolint:errcheck // the test sees it
		panic(http.ErrAbortHandler)
	case "/raw": // writes what the body says
		conn, buffered, err := http.NewResponseController(w).Hijack()
		must(err)
		answer, err := io.ReadAll(io.LimitReader(buffered, r.ContentLength))
		must(err)
		conn.Write(answer) //nolint:errcheck // the test sees it
		conn.Close()
	case "/endless": // writes what the query says, for ever
		conn, _, err := http.NewResponseController(w).Hijack()
		must(err)
		io.WriteString(conn, r.URL.Query().Get("first")) //nolint:errcheck // the test sees it
		for err == nil {
			_, err = io.WriteString(conn, r.URL.Query().Get("again"))
		}
	case "/early": // answers before it has read the body
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	case "/status":
		w.WriteHeader(n)
		io.WriteString(w, "status") //nolint:errcheck // the test sees it
	case "/headers":
		w.Header()["Set-Cookie"] = []string{"a=1; Path=/", "b=2"}
		w.Header()["X-Twice"] = []string{"one", "two"}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
	case "/sleep":
		time.Sleep(pause)
	case "/next": // asks for an event
		answer, err := http.Get("http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/next")
		must(err)
		answer.Body.Close()
		w.WriteHeader(answer.StatusCode)
	default:
		time.Sleep(pause)
		if r.URL.Query().Has("close") {
			w.Header().Set("Connection", "close")
		}
		body, err := io.ReadAll(r.Body)
		must(err)
		hash := sha256.Sum256(body)
		w.Header().Set("Content-Type", "application/json")
		must(json.NewEncoder(w).Encode(seen{
			r.Method, r.RequestURI, r.Host, r.Header, len(body), hex.EncodeToString(hash[:]), os.Getpid(), connections, os.Getenv("PORT"),
		}))
	}
}

// web makes a function whose bootstrap is a web application.
func (b *bench) web(changes ...func(*runtime.Function)) *runtime.Function {
	return b.function("web", append([]func(*runtime.Function){asWeb}, changes...)...)
}

func asWeb(fn *runtime.Function) { fn.WebApp = true }

// call invokes a function as a function URL does, and answers the HTTP response.
func (b *bench) call(fn *runtime.Function, method, target string, body []byte, header ...string) (*event.Response, *runtime.Result) {
	b.Helper()
	payload := httpEvent(method, target, body, header...)
	received, err := event.Read(payload)
	if err != nil {
		b.Fatal(err)
	}
	return b.take(fn, runtime.Invocation{Payload: payload, Read: func() *event.Received { return received }})
}

// take is call with an event.
func (b *bench) take(fn *runtime.Function, in runtime.Invocation) (*event.Response, *runtime.Result) {
	b.Helper()
	in.RequestID, in.TraceID = "web-1", "Root=1-6922f5a0-000000000000000000000000"
	result, err := b.pool.Invoke(b.Context(), fn, in)
	if err != nil {
		b.Fatal(err)
	}
	payload, err := result.ReadAll(0)
	if err != nil {
		b.Fatal(err)
	}
	switch {
	case result.FunctionError != nil:
		return nil, result
	case result.Head != nil:
		return &event.Response{Head: *result.Head, Body: payload}, result
	}
	response, err := event.ParseResponse(payload)
	if err != nil {
		b.Fatalf("%v: %.500s", err, payload)
	}
	return response, result
}

// see is call for the path that says what the application has seen.
func (b *bench) see(fn *runtime.Function, method, target string, body []byte, header ...string) seen {
	b.Helper()
	response, result := b.call(fn, method, target, body, header...)
	if response == nil {
		b.Fatalf("%s\n%s", result.FunctionError.Payload, b.log)
	}
	var s seen
	if err := json.Unmarshal(response.Body, &s); err != nil {
		b.Fatalf("%v: %.500s", err, response.Body)
	}
	return s
}

func httpEvent(method, target string, body []byte, header ...string) []byte {
	r := event.Request{
		Method: method, Target: target, Proto: "HTTP/1.1", Host: "abc.lambda-url.eu-west-1.on.aws", Body: body,
		Header: http.Header{"User-Agent": {"test"}}, SourceIP: "127.0.0.1", Port: "443", URLID: "abc",
		DomainName: "abc.lambda-url.eu-west-1.on.aws", RequestID: "web-1", TraceID: "1-6922f5a0-000000000000000000000000",
		Time: time.UnixMilli(1764500000000),
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return event.Append(nil, &r)
}

func TestWebAppGetsTheRequest(t *testing.T) {
	b := newBench(t, confined)
	fn := b.web()
	body := []byte(`{"a":1}`)
	s := b.see(fn, "PUT", "/orders/a%20b?x=1&y=%2F", body, "Content-Type", "application/json", "Cookie", "a=1; b=2", "X-Custom", "v")
	if s.Method != "PUT" || s.Target != "/orders/a%20b?x=1&y=%2F" || s.Host != "abc.lambda-url.eu-west-1.on.aws" ||
		s.Length != len(body) || s.Header["X-Custom"][0] != "v" || s.Header["Cookie"][0] != "a=1; b=2" {
		t.Errorf("%+v", s)
	}
	var context struct {
		HTTP      struct{ Method, Path string }
		RequestID string `json:"requestId"`
	}
	if err := json.Unmarshal([]byte(s.Header["X-Amzn-Request-Context"][0]), &context); err != nil {
		t.Error(err)
	}
	if context.HTTP.Method != "PUT" || context.HTTP.Path != "/orders/a b" || context.RequestID != "web-1" {
		t.Errorf("x-amzn-request-context: %+v", context)
	}
	var own struct {
		RequestID string `json:"request_id"`
		Deadline  int64
		ARN       string `json:"invoked_function_arn"`
		Config    struct {
			Name   string `json:"function_name"`
			Memory int
		} `json:"env_config"`
	}
	if err := json.Unmarshal([]byte(s.Header["X-Amzn-Lambda-Context"][0]), &own); err != nil {
		t.Error(err)
	}
	if left := time.Until(time.UnixMilli(own.Deadline)); own.RequestID != "web-1" || own.ARN != fn.ARN || own.Config.Name != fn.Name ||
		own.Config.Memory != 128 || left < 0 || left > fn.Timeout {
		t.Errorf("x-amzn-lambda-context: %+v, %s left", own, left)
	}
}

// The application is not asked for events, and gets none.
func TestWebAppAsksForEvents(t *testing.T) {
	b := newBench(t, confined)
	fn := b.web()
	for range 2 {
		if response, result := b.call(fn, "GET", "/next", nil); response == nil || response.Status != http.StatusForbidden {
			t.Errorf("%+v, %+v", response, result.FunctionError)
		}
	}
	if s := b.see(fn, "GET", "/", nil); s.Method != "GET" {
		t.Errorf("after that: %+v", s)
	}
}

func TestWebAppLogsAsAnyFunction(t *testing.T) {
	b := newBench(t, confined)
	_, result := b.call(b.web(), "GET", "/", nil)
	tail := string(result.LogTail())
	for _, line := range []string{"START RequestId: web-1 Version: $LATEST\n", "END RequestId: web-1\n", "Init Duration: "} {
		if !strings.Contains(tail, line) {
			t.Errorf("the log has no %q:\n%s", line, tail)
		}
	}
	if !result.ColdStart {
		t.Error("the first invocation was no cold start")
	}
}

func TestWebAppKeepsItsConnection(t *testing.T) {
	b := newBench(t, confined)
	fn := b.web()
	first := b.see(fn, "GET", "/", nil)
	for range 5 {
		b.see(fn, "POST", "/", []byte("x"))
	}
	if last := b.see(fn, "GET", "/", nil); last.Connections != first.Connections || last.PID != first.PID {
		t.Errorf("%d connections to the application after %d", last.Connections, first.Connections)
	}
	b.see(fn, "GET", "/?close", nil)
	if last := b.see(fn, "POST", "/", nil); last.Connections != first.Connections+1 {
		t.Errorf("%d connections after the application closed one, want %d", last.Connections, first.Connections+1)
	}
}

func TestWebAppBodies(t *testing.T) {
	b := newBench(t, confined)
	fn := b.web()
	for _, size := range []int{0, 1, 16 << 10, 1 << 20, 4 << 20} {
		body := bytes.Repeat([]byte{0, 0xff, 'x', '\n'}, size/4+1)[:size]
		hash := sha256.Sum256(body)
		if s := b.see(fn, "POST", "/", body); s.Length != size || s.Hash != hex.EncodeToString(hash[:]) {
			t.Errorf("of %d bytes the application got %d, %s", size, s.Length, s.Hash)
		}
	}
	for _, size := range []int{2, 4 << 20} {
		response, _ := b.call(fn, "GET", fmt.Sprintf("/bytes?n=%d&type=image/png", size), nil)
		if !bytes.Equal(response.Body, bytes.Repeat([]byte{0xfe, 'x'}, size/2)) {
			t.Errorf("%d binary bytes arrived as %d", size, len(response.Body))
		}
	}
	response, _ := b.call(fn, "GET", fmt.Sprintf("/text?n=%d", 6<<20-300), nil)
	if len(response.Body) != 6<<20-300 {
		t.Errorf("%d bytes of text", len(response.Body))
	}
	// Recorded: test_lambda_too_large_response in LocalStack's snapshots.
	_, result := b.call(fn, "GET", fmt.Sprintf("/text?n=%d", 6<<20), nil)
	if result.FunctionError == nil || result.FunctionError.Reason != runtime.ReasonTooLarge {
		t.Errorf("a body of 6 MiB besides its envelope: %+v", result.FunctionError)
	}
	if s := b.see(fn, "GET", "/", nil); s.Method != "GET" {
		t.Errorf("after that: %+v", s)
	}
	// The application answers without reading the body.
	if response, _ := b.call(fn, "POST", "/early", make([]byte, 4<<20)); response.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("early answer: %d", response.Status)
	}
	if s := b.see(fn, "GET", "/", nil); s.Method != "GET" {
		t.Errorf("after that: %+v", s)
	}
}

func TestWebAppAnswers(t *testing.T) {
	b := newBench(t, confined)
	fn := b.web()
	if response, _ := b.call(fn, "GET", "/?close", nil); response.Header.Get("Connection") != "close" {
		t.Errorf("the header Connection is lost: %+v", response.Head)
	}
	response, _ := b.call(fn, "GET", "/headers", nil)
	if response.Status != http.StatusFound || response.Header.Get("Location") != "/elsewhere" ||
		strings.Join(response.Cookies, " | ") != "a=1; Path=/ | b=2" || strings.Join(response.Header["X-Twice"], " | ") != "one" {
		t.Errorf("%+v", response.Head)
	}
	if response, _ := b.call(fn, "HEAD", "/text?n=100", nil); response.Status != 200 || len(response.Body) != 0 ||
		response.Header.Get("Content-Length") != "100" {
		t.Errorf("HEAD: %+v", response)
	}
	for _, row := range []struct{ name, raw, body string }{
		{"an interim answer", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "ok"},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold", "old"},
		{"chunks", "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "abc"},
		{"UTF-8 in a header", "HTTP/1.1 200 OK\r\nX-A: \u00e9\r\nConnection: close\r\n\r\na", "a"},
		{"no body", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", ""},
	} {
		if response, result := b.call(fn, "POST", "/raw", []byte(row.raw)); response == nil || string(response.Body) != row.body {
			t.Errorf("%s: %+v %+v", row.name, response, result.FunctionError)
		}
	}
	const sendFailed = `"&alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>","errorMessage":"client error (SendRequest)"`
	for _, row := range []struct{ name, raw, message, reason string }{
		{"no HTTP", "SSH-2.0-x\r\n\r\n", sendFailed, "the application did not answer in HTTP"},
		{"no answer", "", sendFailed, "the application closed the connection before its answer was complete"},
		{
			"half an answer", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok", `"&alloc::boxed::Box<dyn core::any::Any + core::marker::Send>",` +
				`"errorMessage":"Lambda panicked: unable to read bytes from body"`, "the application closed the connection before its answer was complete",
		},
		{"another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", sendFailed, "switches to another protocol"},
		{"header not UTF-8", "HTTP/1.1 200 OK\r\nX-A: \xe9\r\nConnection: close\r\n\r\n", `"Extension.Crash"`, "a header that is not UTF-8: X-A"},
	} {
		_, result := b.call(fn, "POST", "/raw", []byte(row.raw))
		if result.FunctionError == nil || !strings.Contains(string(result.FunctionError.Payload), row.message) {
			t.Errorf("%s: %+v", row.name, result.FunctionError)
		}
		if !strings.Contains(b.log.String(), row.reason) {
			t.Errorf("%s: log:\n%s\nwant %q in it", row.name, b.log, row.reason)
		}
	}
	if s := b.see(fn, "GET", "/", nil); s.Method != "GET" {
		t.Errorf("after that: %+v", s)
	}
}

// Who has read the event and takes an answer that is not in JSON gets the same as anybody else.
func TestWebAppAnswersWithoutJSON(t *testing.T) {
	b := newBench(t, confined)
	fn := b.web()
	for _, row := range []struct {
		target, body string
		json         bool // whatever the caller takes
	}{
		{target: "/headers"},
		{target: "/text?n=100"},
		{target: "/text?n=0"},
		{target: "/bytes?n=100&type=image/png"},
		{target: "/bytes?n=4000000&type=image/png"},
		{target: "/status?n=404"},
		{target: "/status?n=204"},
		{target: "/raw", body: "HTTP/1.1 200 OK\r\nX-A: \u00e9\r\nConnection: close\r\n\r\n\ufeffa"},
		// What is not UTF-8 is replaced, some statuses and headers are refused, and the limit counts the envelope.
		{target: "/bytes?n=100&type=text/plain", json: true},
		{target: "/text?n=6000000", json: true},
	} {
		payload := httpEvent("POST", row.target, []byte(row.body), "Content-Type", "text/plain")
		received, err := event.Read(payload)
		if err != nil {
			t.Fatal(err)
		}
		want, inJSON := b.take(fn, runtime.Invocation{Payload: payload})
		got, result := b.take(fn, runtime.Invocation{Payload: payload, Read: func() *event.Received { return received }})
		if inJSON.Head != nil || (result.Head == nil) != row.json {
			t.Errorf("%s: heads %v and %v", row.target, inJSON.Head, result.Head)
		}
		want.Header.Del("Date")
		got.Header.Del("Date")
		if !bytes.Equal(want.Body, got.Body) { // cmp takes minutes for some megabytes
			t.Errorf("%s: the bodies have %d and %d bytes, %.100q and %.100q", row.target, len(want.Body), len(got.Body), want.Body, got.Body)
		}
		want.Body, got.Body = nil, nil
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%.2000s", row.target, diff)
		}
	}
	for target, body := range map[string]string{
		"/status?n=600": "", "/raw": "HTTP/1.1 200 OK\r\nX-A: \x01\r\nConnection: close\r\n\r\na",
	} {
		payload := httpEvent("POST", target, []byte(body))
		received, err := event.Read(payload)
		if err != nil {
			t.Fatal(err)
		}
		result, err := b.pool.Invoke(t.Context(), fn, runtime.Invocation{RequestID: "web-1", Payload: payload, Read: func() *event.Received { return received }})
		if err != nil || result.Head != nil {
			t.Errorf("%s: %+v, %v", target, result, err)
		}
	}
}

func TestWebAppStreams(t *testing.T) {
	b := newBench(t, confined)
	fn := b.web()
	result, err := b.pool.Invoke(t.Context(), fn, runtime.Invocation{
		RequestID: "web-2", Payload: httpEvent("GET", "/stream?n=3&pause=400ms", nil), Stream: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.ContentType != event.IntegrationContentType || result.ResponseMode != runtime.ModeStreaming {
		t.Fatalf("%+v", result)
	}
	buffer := make([]byte, 4096)
	got, begin := "", time.Now()
	for !strings.Contains(got, "data: 0") {
		n, err := result.Body.Read(buffer)
		if err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		got += string(buffer[:n])
	}
	if strings.Contains(got, "data: 2") || time.Since(begin) > 700*time.Millisecond {
		t.Errorf("the first read after %s: %q", time.Since(begin), got)
	}
	rest, err := io.ReadAll(result.Body)
	if all := got + string(rest); err != nil || !strings.HasSuffix(all, "\x00data: 0\n\ndata: 1\n\ndata: 2\n\n") {
		t.Errorf("%q, %v", all, err)
	}
	if s := b.see(fn, "GET", "/", nil); s.Connections != 2 {
		t.Errorf("%d connections after a probe and a stream", s.Connections)
	}
	if !strings.Contains(b.log.String(), "set the variable AWS_LWA_INVOKE_MODE to response_stream") {
		t.Errorf("no remark about the mode:\n%s", b.log)
	}
}

// The function's variable wins over what the caller takes, as at AWS, where the two have to fit.
func TestWebAppBuffersIfItSaysSo(t *testing.T) {
	b := newBench(t, confined)
	fn := b.web(withEnv("AWS_LWA_INVOKE_MODE", "buffered"))
	result := b.stream(fn, string(httpEvent("GET", "/stream?n=2", nil)))
	body, err := io.ReadAll(result.Body)
	if result.ContentType != "application/json" || result.ResponseMode != runtime.ModeBuffered || err != nil ||
		!strings.HasPrefix(string(body), `{"statusCode":200,"headers":{"content-type":"text/event-stream"`) {
		t.Errorf("%s %s %s, %v", result.ContentType, result.ResponseMode, body, err)
	}
}

func TestWebAppCompresses(t *testing.T) {
	b := newBench(t, confined)
	fn := b.web(withEnv("AWS_LWA_ENABLE_COMPRESSION", "true"))
	for _, row := range []struct {
		target, accepted string
		want             bool
	}{
		{"/text?n=1000", "br;q=1, gzip;q=0.5", true},
		{"/text?n=1000", "gzip;q=0", false},
		{"/text?n=1000", "", false},
		{"/text?n=1000", "*", false},
		{"/text?n=1000", "gzip;q=0.1, identity;q=0.9", false},
		{"/text?n=1000", "gzip;q=high", false},
		{"/text?n=1000", "identity, X-Gzip", true},
		{"/text?n=31", "gzip", false},
		{"/bytes?n=1000&type=image/png", "gzip", false},
		{"/bytes?n=1000&type=application/wasm", "gzip", true},
		{"/stream?n=10", "gzip", false},
	} {
		plain, _ := b.call(fn, "GET", row.target, nil)
		response, _ := b.call(fn, "GET", row.target, nil, "Accept-Encoding", row.accepted)
		body := response.Body
		if row.want {
			reader, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Errorf("%s for %q: %v", row.target, row.accepted, err)
				continue
			}
			body, _ = io.ReadAll(reader)
		}
		if encoded := response.Header.Get("Content-Encoding") == "gzip"; encoded != row.want || !bytes.Equal(body, plain.Body) {
			t.Errorf("%s for %q: %+v", row.target, row.accepted, response.Head)
		}
	}
}

// A short answer is compressed if nobody knows how long it is when its head is there, as by the adapter.
func TestWebAppCompressesChunks(t *testing.T) {
	b := newBench(t, confined)
	const raw = "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
	response, _ := b.call(b.web(withEnv("AWS_LWA_ENABLE_COMPRESSION", "true")), "POST", "/raw", []byte(raw), "Accept-Encoding", "gzip")
	if response.Header.Get("Content-Encoding") != "gzip" || response.Header.Get("Vary") != "accept-encoding" {
		t.Errorf("%+v", response.Head)
	}
}

// An event that is no HTTP request is posted to the application, whose answer is that of the function.
func TestWebAppGetsOtherEvents(t *testing.T) {
	b := newBench(t, confined)
	body, result, _ := b.invoke(b.web(), map[string]any{"Records": []int{1, 2}})
	if result.FunctionError != nil {
		t.Fatal(body)
	}
	var s seen
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if s.Method != "POST" || s.Target != "/events" || s.Length != len(`{"Records":[1,2]}`) {
		t.Errorf("%+v", s)
	}
}

// A caller that leaves does not end the function, as at AWS.
func TestWebAppStreamWithoutReader(t *testing.T) {
	b := newBench(t, confined)
	fn := b.web(withEnv("AWS_LWA_INVOKE_MODE", "response_stream"))
	result := b.stream(fn, string(httpEvent("GET", "/stream?n=5&pause=20ms", nil)))
	result.Body.Close()
	result.Report()
	b.await(1)
}

func TestWebAppFailures(t *testing.T) {
	exit := func(status string) string {
		return `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: web-1 Error: Runtime exited with error: ` + status + `"}`
	}
	// The server must not keep what has no end, so it reads as much as the adapter does.
	const tooLongHead = "the headers of the application's answer are longer than 417792 bytes"
	for _, row := range []struct {
		name, target string
		changes      []func(*runtime.Function)
		reason       runtime.Reason
		payload      string
		log          string
	}{
		{name: "crash", target: "/crash", reason: runtime.ReasonExit, payload: exit("exit status 7")},
		{name: "crash in the answer", target: "/crash-midway", reason: runtime.ReasonExit, payload: exit("exit status 7")},
		{
			name: "timeout", target: "/sleep?pause=1m", changes: []func(*runtime.Function){within(300 * time.Millisecond)}, reason: runtime.ReasonTimeout,
			payload: `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: web-1 Error: Task timed out after 0.30 seconds"}`,
		},
		{
			name: "connection closed", target: "/hang-up", reason: runtime.ReasonError, payload: webError("client error (SendRequest)"),
			log: "the application closed the connection before its answer was complete",
		},
		{
			name: "answer cut off", target: "/cut", reason: runtime.ReasonError, payload: webError("client error (SendRequest)"),
			log: "the application closed the connection before its answer was complete",
		},
		{name: "endless status line", target: "/endless?first=HTTP/1.1+200+&again=OK", reason: runtime.ReasonError, payload: webError("client error (SendRequest)"), log: tooLongHead},
		{name: "endless headers", target: "/endless?first=HTTP/1.1+200+OK%0D%0A&again=x:+y%0D%0A", reason: runtime.ReasonError, payload: webError("client error (SendRequest)"), log: tooLongHead},
		{name: "endless interim answers", target: "/endless?again=HTTP/1.1+100+Continue%0D%0A%0D%0A", reason: runtime.ReasonError, payload: webError("client error (SendRequest)"), log: tooLongHead},
		{
			name: "a status that is an error", target: "/status?n=503", changes: []func(*runtime.Function){withEnv("AWS_LWA_ERROR_STATUS_CODES", "500,502-504")},
			reason: runtime.ReasonError, payload: webError(`{\"statusCode\":503,\"body\":\"status\"}`),
		},
		{name: "exits at once", changes: []func(*runtime.Function){func(fn *runtime.Function) { fn.Handler = "init-exit" }}, reason: runtime.ReasonInit, payload: exit("exit status 3")},
		{
			name: "never listens", target: "/", changes: []func(*runtime.Function){withEnv("WEB_DELAY", "1m"), within(3 * time.Second)},
			reason: runtime.ReasonInitTimeout, log: "furl: the application is not ready after 2s: dial tcp4 127.0.0.1:",
		},
		{
			name: "listens elsewhere", target: "/", changes: []func(*runtime.Function){withEnv("WEB_LISTEN", "0"), within(3 * time.Second)},
			reason: runtime.ReasonInitTimeout, log: "it has to listen on the port in the variable PORT, but it listens on ",
		},
		{
			name: "never well", target: "/", changes: []func(*runtime.Function){withEnv("WEB_BAD", "1m"), within(3 * time.Second)},
			reason: runtime.ReasonInitTimeout, log: "GET / answers 503 Service Unavailable",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, confined, func(c *runtime.Config) { c.InitTimeout = 500 * time.Millisecond })
			_, result := b.call(b.web(row.changes...), "GET", row.target, nil)
			failed := result.FunctionError
			if failed == nil {
				t.Fatal("no error")
			}
			if failed.Reason != row.reason || row.payload != "" && string(failed.Payload) != row.payload {
				t.Errorf("%s %s, want %s %s", failed.Reason, failed.Payload, row.reason, row.payload)
			}
			if !strings.Contains(b.log.String(), row.log) {
				t.Errorf("log:\n%s\nwant %q in it", b.log, row.log)
			}
		})
	}
}

// webError is the error of the adapter, whose runtime names the type of its errors so.
func webError(message string) string {
	return `{"errorType":"&alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>","errorMessage":"` + message + `"}`
}

func TestWebAppIsStartedSlowly(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*runtime.Function){
		"listens late": withEnv("WEB_DELAY", "700ms"),
		"is well late": withEnv("WEB_BAD", "700ms"),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, confined)
			if s := b.see(b.web(change), "GET", "/", nil); s.Method != "GET" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// An application with AWS_LWA_ASYNC_INIT goes on to start in its first invocation, which is no failed initialization.
func TestWebAppIsStartedAsynchronously(t *testing.T) {
	t.Parallel()
	b := newBench(t, confined) // Lambda's ten seconds, so that a busy machine is in time within what is left of them
	fn := b.web(withEnv("WEB_DELAY", "10500ms"), withEnv("AWS_LWA_ASYNC_INIT", "true"))
	if s := b.see(fn, "GET", "/", nil); s.Method != "GET" {
		t.Errorf("%+v", s)
	}
	if strings.Contains(b.log.String(), "INIT_REPORT") {
		t.Errorf("the initialization failed:\n%s", b.log)
	}
}

// Another process of this machine that has taken the port gets no event.
func TestWebAppOfAnotherProcess(t *testing.T) {
	t.Parallel()
	if !peer.Supported {
		t.Skip("this system does not tell who listens")
	}
	var asked atomic.Int32
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer stranger.Close()
	b := newBench(t, confined, func(c *runtime.Config) { c.InitTimeout = 8 * time.Second })
	_, port, _ := net.SplitHostPort(stranger.Listener.Addr().String())
	fn := b.web(withEnv("WEB_DELAY", "1m"), within(time.Second), withEnv("AWS_LWA_READINESS_CHECK_PORT", port))
	_, result := b.call(fn, "GET", "/", nil)
	if result.FunctionError == nil || result.FunctionError.Reason != runtime.ReasonInitTimeout {
		t.Errorf("%+v", result.FunctionError)
	}
	if asked.Load() > 0 {
		t.Error("the other process was asked")
	}
	if want := "port " + port + " is not the application's: "; !strings.Contains(b.log.String(), want) {
		t.Errorf("log:\n%s\nwant %q in it", b.log, want)
	}
}

// An application that listens on the port of the function's variables, whatever PORT says, is found there.
func TestWebAppWithAPortOfItsOwn(t *testing.T) {
	t.Parallel()
	if goruntime.GOOS != "linux" {
		t.Skip("only Linux tells on which ports a process listens")
	}
	for _, host := range []string{"127.0.0.1", ""} {
		b := newBench(t, confined)
		port := freePort(t)
		fn := b.web(withEnv("WEB_HOST", host), withEnv("WEB_LISTEN", port), withEnv("AWS_LWA_PORT", port))
		if s := b.see(fn, "GET", "/", nil); s.Port == port || s.Port == "" {
			t.Errorf("PORT was %q", s.Port)
		}
		if want := "the application listens on port " + port; strings.Count(b.log.String(), want) != 1 {
			t.Errorf("log:\n%s\nwant %q in it once", b.log, want)
		}
	}
}

// Only one environment of such an application can run. The invocations of a page that comes in parts wait for it, also
// those whose environments have lost the race for the port.
func TestWebAppWithAPortOfItsOwnIsShared(t *testing.T) {
	t.Parallel()
	if goruntime.GOOS != "linux" {
		t.Skip("only Linux tells on which ports a process listens")
	}
	b := newBench(t, confined)
	port := freePort(t)
	fn := b.web(limit(-1), withEnv("WEB_LISTEN", port), withEnv("PORT", port))
	for range 2 { // cold, and warm
		pids := map[int]bool{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				s := b.see(fn, "GET", "/?pause=50ms", nil)
				mu.Lock()
				defer mu.Unlock()
				pids[s.PID] = true
			})
		}
		all.Wait()
		if len(pids) != 1 {
			t.Errorf("answers of processes %v\n%s", pids, b.log)
		}
	}
	b.await(1)
}

// Functions whose applications listen on the same port take turns: one that is idle makes room for another.
func TestWebAppsThatShareAPort(t *testing.T) {
	t.Parallel()
	if goruntime.GOOS != "linux" {
		t.Skip("only Linux tells on which ports a process listens")
	}
	b := newBench(t, confined)
	port := freePort(t)
	one := b.web(limit(-1), named("one"), withEnv("WEB_LISTEN", port), withEnv("PORT", port))
	two := b.web(limit(-1), named("two"), withEnv("WEB_LISTEN", port), withEnv("PORT", port))
	for range 2 {
		b.see(one, "GET", "/", nil)
		b.see(two, "GET", "/", nil)
	}
	var all sync.WaitGroup
	for _, fn := range []*runtime.Function{one, two, one, two} {
		all.Go(func() { b.see(fn, "GET", "/?pause=100ms", nil) })
	}
	all.Wait()
}

// A pool that closes does not wait for those who wait for such an application.
func TestWebAppClosesWhileInvocationsWait(t *testing.T) {
	t.Parallel()
	if goruntime.GOOS != "linux" {
		t.Skip("only Linux tells on which ports a process listens")
	}
	b := newBench(t, confined)
	port := freePort(t)
	fn := b.web(limit(-1), within(10*time.Minute), withEnv("WEB_LISTEN", port), withEnv("PORT", port))
	b.see(fn, "GET", "/", nil)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			result, err := b.pool.Invoke(t.Context(), fn, runtime.Invocation{RequestID: "web-3", Payload: httpEvent("GET", "/?pause=5m", nil)})
			if err == nil && result.FunctionError == nil {
				t.Error("an answer of an application that sleeps")
			}
		})
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if all, idle := b.pool.Environments(); all == 1 && idle == 0 {
			break
		}
	}
	if err := b.pool.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func TestWebAppReadiness(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, value string }{
		{"AWS_LWA_READINESS_CHECK_PROTOCOL", "tcp"},
		{"AWS_LWA_READINESS_CHECK_HEALTHY_STATUS", "200,500-503"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, confined)
			fn := b.web(withEnv("WEB_BAD", "1m"), withEnv(row.name, row.value))
			if response, result := b.call(fn, "GET", "/", nil); response == nil || response.Status != http.StatusServiceUnavailable {
				t.Errorf("%+v %+v", response, result.FunctionError)
			}
		})
	}
}

// Each environment has a port of its own, whatever port the function's variables name.
func TestWebAppPorts(t *testing.T) {
	b := newBench(t, confined)
	fn := b.web(limit(-1), withEnv("PORT", "3000"), withEnv("AWS_LWA_PORT", "3000"))
	ports := map[string]bool{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			s := b.see(fn, "GET", "/?pause=2s", nil)
			mu.Lock()
			defer mu.Unlock()
			ports[s.Port] = true
		})
	}
	all.Wait()
	if ports["3000"] || len(ports) != 3 {
		t.Errorf("ports %v of three environments", ports)
	}
}

// The handler is the command of a function on a managed runtime, and on one that AWS does not manage if the package has
// no bootstrap.
func TestWebAppCommand(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"python3.13", "provided.al2023"} {
		t.Run(name, func(t *testing.T) {
			if name == "python3.13" {
				needs(t, "python3")
			}
			b := newBench(t)
			fn := b.web(func(fn *runtime.Function) {
				fn.Runtime, fn.Handler, fn.CodeDir = name, "run.sh", t.TempDir()
				fn.Environment["SELF"] = self
			})
			script := filepath.Join(fn.CodeDir, "run.sh")
			_, result := b.call(fn, "GET", "/", nil)
			// Recorded: the status of a wrapper that is not there is 127.
			if failed := result.FunctionError; failed == nil || !strings.Contains(string(failed.Payload), "exit status 127") {
				t.Errorf("without the handler: %+v", failed)
			}
			if err := os.WriteFile(script, []byte("#!/bin/sh\n_HANDLER=web exec $SELF\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, result = b.call(fn, "GET", "/", nil)
			if failed := result.FunctionError; failed == nil || !strings.Contains(string(failed.Payload), "exit status 126") {
				t.Errorf("with a handler that cannot be executed: %+v", failed)
			}
			if err := os.Chmod(script, 0o700); err != nil {
				t.Fatal(err)
			}
			if s := b.see(fn, "GET", "/", nil); s.Method != "GET" {
				t.Errorf("%+v", s)
			}
		})
	}
}
