//go:build unix

package runtimeapi_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
)

// fake answers with what a test gives it and keeps what it was told.
type fake struct {
	next    func(context.Context, *runtimeapi.Client) (*runtimeapi.Invocation, error)
	respond func(id string, r *runtimeapi.Response) error
	err     error // of Fail and FailInit

	id      string
	failure *runtimeapi.Failure
	init    bool
}

func (f *fake) Next(ctx context.Context, client *runtimeapi.Client) (*runtimeapi.Invocation, error) {
	return f.next(ctx, client)
}

func (f *fake) Respond(id string, r *runtimeapi.Response) error { return f.respond(id, r) }

func (f *fake) Fail(id string, failure *runtimeapi.Failure) error {
	f.id, f.failure = id, failure
	return f.err
}

func (f *fake) FailInit(failure *runtimeapi.Failure) error {
	f.init, f.failure = true, failure
	return f.err
}

func listen(t *testing.T, f *fake) string { return serve(t, f, open{}) }

func serve(t *testing.T, f *fake, gate runtimeapi.Gate) string {
	t.Helper()
	server, err := runtimeapi.Listen(f, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server.Serve(gate)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return "http://" + server.Addr()
}

// open is a gate that lets everybody in.
type open struct{}

func (open) Knows(net.Conn) bool                   { return true }
func (open) Admit(context.Context, net.Conn) error { return nil }
func (open) Refused(net.Conn, error)               {}

// answer is what a client sees.
type answer struct {
	Status int
	Type   string
	Body   string
}

func do(t *testing.T, method, url, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header.Get("Content-Type"), string(text)}
}

const api = "/2018-06-01/runtime/"

func TestNext(t *testing.T) {
	in := &runtimeapi.Invocation{
		ID: "id-1", Deadline: time.UnixMilli(1_700_000_000_123), FunctionARN: "arn:f", Payload: []byte(`{"a":"ü"}`),
		TraceID: "Root=1-2-3", ClientContext: `{"custom":{"ü":1}}`, CognitoIdentity: `{"cognitoIdentityId":"x"}`,
	}
	url := listen(t, &fake{next: func(context.Context, *runtimeapi.Client) (*runtimeapi.Invocation, error) { return in, nil }})
	get := func() (http.Header, string) {
		resp, err := http.Get(url + api + "invocation/next")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("status %d, %v", resp.StatusCode, err)
		}
		resp.Header.Del("Date")
		return resp.Header, string(body)
	}
	header, body := get()
	want := http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {"10"},
		"Lambda-Runtime-Aws-Request-Id": {"id-1"}, "Lambda-Runtime-Deadline-Ms": {"1700000000123"},
		"Lambda-Runtime-Invoked-Function-Arn": {"arn:f"}, "Lambda-Runtime-Trace-Id": {"Root=1-2-3"},
		"Lambda-Runtime-Client-Context": {`{"custom":{"ü":1}}`}, "Lambda-Runtime-Cognito-Identity": {`{"cognitoIdentityId":"x"}`},
	}
	if diff := cmp.Diff(want, header); diff != "" || body != `{"a":"ü"}` {
		t.Errorf("body %s, headers %s", body, diff)
	}
	in = &runtimeapi.Invocation{ID: "id-2", Deadline: time.UnixMilli(1), FunctionARN: "arn:f"}
	header, body = get()
	want = http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {"0"}, "Lambda-Runtime-Aws-Request-Id": {"id-2"},
		"Lambda-Runtime-Deadline-Ms": {"1"}, "Lambda-Runtime-Invoked-Function-Arn": {"arn:f"},
	}
	if diff := cmp.Diff(want, header); diff != "" || body != "" {
		t.Errorf("empty headers must be left out: body %q, headers %s", body, diff)
	}
}

func TestNextEndsWithTheConnection(t *testing.T) {
	ended := make(chan error, 1)
	url := listen(t, &fake{next: func(ctx context.Context, _ *runtimeapi.Client) (*runtimeapi.Invocation, error) {
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %sinvocation/next HTTP/1.1\r\nHost: %s\r\n\r\n", api, conn.RemoteAddr())
	time.Sleep(20 * time.Millisecond)
	conn.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("next does not notice that its client is gone")
	}
}

func TestAnswers(t *testing.T) {
	const json = "application/json"
	refusals := []struct {
		err  error
		want answer
	}{
		{nil, answer{202, json, `{"status":"OK"}`}},
		{runtimeapi.ErrRequestID, answer{400, json, `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`}},
		{fmt.Errorf("x is %w (idle)", runtimeapi.ErrState), answer{403, json, `{"errorMessage":"x is not allowed in the current state (idle)","errorType":"InvalidStateTransition"}`}},
		{runtimeapi.ErrTooLarge, answer{413, json, `{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}`}},
		{runtimeapi.ErrTruncated, answer{400, json, `{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}`}},
		{errors.New("secret detail"), answer{500, json, `{"errorMessage":"Internal Server Error","errorType":"InternalServerError"}`}},
	}
	f := &fake{}
	f.respond = func(string, *runtimeapi.Response) error { return f.err }
	f.next = func(context.Context, *runtimeapi.Client) (*runtimeapi.Invocation, error) {
		return &runtimeapi.Invocation{ID: "x"}, f.err
	}
	url := listen(t, f)
	for _, row := range refusals {
		f.err = row.err
		for _, path := range []string{"invocation/id/response", "invocation/id/error", "init/error"} {
			if diff := cmp.Diff(row.want, do(t, http.MethodPost, url+api+path, "{}")); diff != "" {
				t.Errorf("%s, %v: %s", path, row.err, diff)
			}
		}
		if row.err != nil {
			if diff := cmp.Diff(row.want, do(t, http.MethodGet, url+api+"invocation/next", "")); diff != "" {
				t.Errorf("next, %v: %s", row.err, diff)
			}
		}
	}
}

func TestRoutes(t *testing.T) {
	url := listen(t, &fake{})
	notFound := func(request string) answer {
		return answer{404, "application/json", `{"errorMessage":"furl's Runtime API has no ` + request + `","errorType":"NotFound"}`}
	}
	for _, row := range []struct {
		method, path string
		want         answer
	}{
		{"GET", "/ping", answer{200, "text/plain; charset=utf-8", "pong"}},
		{"GET", "/2018-06-01/ping", answer{200, "text/plain; charset=utf-8", "pong"}},
		{"POST", "/2020-01-01/extension/register", notFound("POST /2020-01-01/extension/register")},
		{"PUT", "/2022-07-01/telemetry", notFound("PUT /2022-07-01/telemetry")},
		{"GET", api + "restore/next", notFound("GET " + api + "restore/next")},
		{"POST", api + "invocation/id", notFound("POST " + api + "invocation/id")},
		{"POST", api + "invocation//response", notFound("POST " + api + "invocation//response")},
		{"POST", api + "invocation/id/response/more", notFound("POST " + api + "invocation/id/response/more")},
		{"GET", "/", notFound("GET /")},
		{"POST", api + "invocation/next", answer{405, "application/json",
			`{"errorMessage":"` + api + `invocation/next takes GET, not POST","errorType":"MethodNotAllowed"}`}},
		{"GET", api + "init/error", answer{405, "application/json",
			`{"errorMessage":"` + api + `init/error takes POST, not GET","errorType":"MethodNotAllowed"}`}},
		{"PUT", api + "invocation/id/response", answer{405, "application/json",
			`{"errorMessage":"` + api + `invocation/id/response takes POST, not PUT","errorType":"MethodNotAllowed"}`}},
	} {
		if diff := cmp.Diff(row.want, do(t, row.method, url+row.path, "")); diff != "" {
			t.Errorf("%s %s: %s", row.method, row.path, diff)
		}
	}
}

func TestFailures(t *testing.T) {
	f := &fake{}
	url := listen(t, f)
	for _, row := range []struct {
		header string
		want   string
	}{
		{"Runtime.ImportModuleError", "Runtime.ImportModuleError"},
		{"Function.Custom", "Function.Custom"},
		{"ValueError", "Runtime.Unknown"},
		{"Function.lower", "Runtime.Unknown"},
		{"Function.With1Digit", "Runtime.Unknown"},
		{"Function.X", "Runtime.Unknown"}, // one letter is too short
		{"Sandbox.Timedout", "Runtime.Unknown"},
		{"", "Runtime.Unknown"},
	} {
		do(t, http.MethodPost, url+api+"invocation/the-id/error", `{"m":1}`,
			"Lambda-Runtime-Function-Error-Type", row.header, "Lambda-Runtime-Function-XRay-Error-Cause", `{"c":1}`)
		want := &runtimeapi.Failure{Type: row.want, RawType: row.header, Body: []byte(`{"m":1}`)}
		if diff := cmp.Diff(want, f.failure); diff != "" || f.id != "the-id" || f.init {
			t.Errorf("%q: %s", row.header, diff)
		}
	}
	do(t, http.MethodPost, url+api+"init/error", `{}`)
	if !f.init {
		t.Error("init/error was not taken as that")
	}
	if got := do(t, http.MethodPost, url+api+"invocation/id/error", strings.Repeat("x", runtimeapi.MaxPayload+1)); got.Status != 413 || f.failure.Body != nil {
		t.Errorf("a body over the limit: %+v, body of %d bytes", got, len(f.failure.Body))
	}
}

func TestResponses(t *testing.T) {
	type seen struct {
		ContentType string
		Streaming   bool
		Length      int64
		Body        string
		Trailer     *runtimeapi.Failure
	}
	var got seen
	f := &fake{respond: func(_ string, r *runtimeapi.Response) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		got = seen{r.ContentType, r.Streaming, r.Length, string(body), r.Trailer()}
		return nil
	}}
	url := listen(t, f)
	const chunked = "Transfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n"
	encoded := base64.StdEncoding.EncodeToString([]byte(`{"errorType":"E"}`))
	for _, row := range []struct {
		name, request, status string
		want                  seen
	}{
		{
			"buffered", "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "202",
			seen{"application/json", false, 2, "{}", nil},
		},
		{
			"streamed", chunked + "Lambda-Runtime-Function-Response-Mode: streaming\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "202",
			seen{"", true, -1, "abc", nil},
		},
		{
			"streamed without saying so", chunked + "Content-Type: text/html\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "202",
			seen{"text/html", true, -1, "abc", nil},
		},
		{
			"chunked all the same", chunked + "Content-Type: application/json\r\n\r\n3\r\n123\r\n0\r\n\r\n", "202",
			seen{"application/json", false, -1, "123", nil},
		},
		{
			"failed in the middle", chunked + "\r\n3\r\nabc\r\n0\r\nLambda-Runtime-Function-Error-Type: Function.Torn\r\n" +
				"Lambda-Runtime-Function-Error-Body: " + encoded + "\r\n\r\n", "202",
			seen{"", true, -1, "abc", &runtimeapi.Failure{Type: "Function.Torn", RawType: "Function.Torn", Body: []byte(`{"errorType":"E"}`)}},
		},
		{
			"failed with a broken error body", chunked + "\r\n0\r\nLambda-Runtime-Function-Error-Type: Torn\r\n" +
				"Lambda-Runtime-Function-Error-Body: ***\r\n\r\n", "202",
			seen{"", true, -1, "", &runtimeapi.Failure{Type: "Runtime.Unknown", RawType: "Torn"}},
		},
		{
			"unknown mode", "Lambda-Runtime-Function-Response-Mode: Streaming\r\nContent-Length: 2\r\n\r\n{}", "400", seen{},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			got = seen{}
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST %sinvocation/id/response HTTP/1.1\r\nHost: %s\r\n%s", api, conn.RemoteAddr(), row.request)
			status, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || !strings.HasPrefix(status, "HTTP/1.1 "+row.status) {
				t.Errorf("status line %q, %v", status, err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if f.failure == nil || f.failure.Type != "Runtime.InvalidResponseModeHeader" {
		t.Errorf("an unknown mode fails the invocation as %+v", f.failure)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	url := listen(t, &fake{})
	var conns []net.Conn
	for range 70 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		defer conn.Close()
	}
	last := conns[len(conns)-1]
	last.SetDeadline(time.Now().Add(5 * time.Second)) //nolint:errcheck // a test
	fmt.Fprintf(last, "GET /ping HTTP/1.1\r\nHost: %s\r\n\r\n", last.RemoteAddr())
	if answer, err := io.ReadAll(last); len(answer) > 0 || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("connection 70 was answered: %q, %v", answer, err)
	}
	for _, conn := range conns {
		conn.Close()
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if resp, err := http.Get(url + "/ping"); err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("closed connections are still counted")
		}
	}
}

func TestCloseCutsWhatIsOpen(t *testing.T) {
	read := make(chan error, 1)
	f := &fake{respond: func(_ string, r *runtimeapi.Response) error {
		_, err := io.ReadAll(r.Body)
		read <- err
		return err
	}}
	server, err := runtimeapi.Listen(f, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server.Serve(open{})
	conn, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %sinvocation/id/response HTTP/1.1\r\nHost: %s\r\nContent-Length: 10\r\n\r\nhalf", api, conn.RemoteAddr())
	time.Sleep(20 * time.Millisecond)
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-read; err == nil {
		t.Error("half a body was taken for a whole one")
	}
	if _, err := net.Dial("tcp", server.Addr()); err == nil {
		t.Error("it still listens")
	}
}

// A browser on this machine can reach the port, and web pages can have it send requests.
func TestWebPagesAreRefused(t *testing.T) {
	f := &fake{next: func(context.Context, *runtimeapi.Client) (*runtimeapi.Invocation, error) {
		return &runtimeapi.Invocation{ID: "id", Payload: []byte("secret")}, nil
	}}
	url := listen(t, f)
	for _, header := range []string{"Origin", "Sec-Fetch-Site"} {
		for _, call := range []struct{ method, path string }{{"GET", "invocation/next"}, {"POST", "init/error"}, {"POST", "invocation/id/error"}} {
			if got := do(t, call.method, url+api+call.path, "{}", header, "cross-site"); got.Status != 403 || strings.Contains(got.Body, "secret") {
				t.Errorf("%s %s with %s: %+v", call.method, call.path, header, got)
			}
		}
	}
	if f.failure != nil {
		t.Errorf("a page reported %+v", f.failure)
	}
}

// Proxies between a runtime and its API send a Host of their own, and Node.js's fetch one of the headers of browsers.
func TestClientsThatAreNoBrowsers(t *testing.T) {
	url := listen(t, &fake{})
	for _, header := range [][2]string{
		{"Host", "sidecar.internal:9001"}, {"Host", "localhost"}, {"Host", "evil.example"}, {"Sec-Fetch-Mode", "cors"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), "GET", url+"/ping", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(header[0], header[1])
		if header[0] == "Host" {
			request.Host = header[1]
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 200 {
			t.Errorf("%s: %s was answered %d", header[0], header[1], response.StatusCode)
		}
	}
}

// Clients such as that of Rust's lambda_runtime leave Nagle's algorithm on: what they write after the head of a response
// stays with them until the head is acknowledged, for which Linux takes 40 ms if nobody hurries it.
func TestFirstByteDoesNotWaitForAnAcknowledgement(t *testing.T) {
	arrived := make(chan error)
	url := listen(t, &fake{
		next: func(context.Context, *runtimeapi.Client) (*runtimeapi.Invocation, error) {
			return &runtimeapi.Invocation{ID: "id"}, nil
		},
		respond: func(_ string, r *runtimeapi.Response) error {
			_, err := io.ReadFull(r.Body, make([]byte, 1))
			arrived <- err
			return err
		},
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetNoDelay(false); err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second)) //nolint:errcheck // a test
	answers := bufio.NewReader(conn)
	send := func(text string) {
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	receive := func(want int) {
		response, err := http.ReadResponse(answers, nil)
		if err != nil || response.StatusCode != want {
			t.Fatalf("answer %v, %v", response, err)
		}
		io.Copy(io.Discard, response.Body) //nolint:errcheck // for the connection's sake
	}
	fastest := time.Hour
	for round := range 60 {
		send("GET " + api + "invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
		receive(http.StatusOK)
		send("POST " + api + "invocation/id/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
		begin := time.Now()
		send("1\r\nx\r\n")
		if err := <-arrived; err != nil {
			t.Fatal(err)
		}
		if round >= 40 { // Linux acknowledges what comes first on a connection at once
			fastest = min(fastest, time.Since(begin))
		}
		send("0\r\n\r\n")
		receive(http.StatusAccepted)
	}
	if fastest > 35*time.Millisecond {
		t.Errorf("even the fastest of 20 responses arrived after %v", fastest)
	}
}
