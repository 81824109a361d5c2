package mcp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/mcp"
	"github.com/furl-dev/furl/internal/urltest"
)

// answering is a server whose tools answer with that status, type and body.
func answering(status int, contentType, body string) *fake {
	return &fake{session: "s", answer: func(w http.ResponseWriter, r request) bool {
		if r.Call != "tools/call" {
			return false
		}
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
		return true
	}}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, row := range map[string]struct {
		status            int
		contentType, body string
		want              string
	}{
		"no body":          {200, "application/json", "", "status 200, and no body"},
		"half":             {200, "application/json", `{"jsonrpc":"2.0","id":1,"re`, "not JSON"},
		"no message":       {200, "application/json", `{"ok":true}`, "not a JSON-RPC message"},
		"a text":           {200, "application/json", `"hello"`, "not a JSON-RPC message"},
		"another id":       {200, "application/json", result("2", "{}"), "with the id 2"},
		"both":             {200, "application/json", `{"jsonrpc":"2.0","id":1,"result":1,"error":{}}`, "not a JSON-RPC message"},
		"a page":           {200, "text/html", "<p>Log in\r\n\x1b[31m</p>", "<p>Log in [31m</p>"},
		"no type":          {200, "", result("1", "{}"), "neither JSON nor"},
		"a type like JSON": {200, "application/jsonl", result("1", "{}"), "neither JSON nor"},
		"accepted":         {202, "", "", "status 202, and no body"},
		"no content":       {204, "", "", "status 204, and no body"},
		"too large":        {200, "application/json", result("1", `"`+strings.Repeat("x", 70_000)+`"`), "longer than 50000 bytes"},
		"a choice":         {300, "text/plain", "which?", "300 Multiple Choices: which?"},
		"moved":            {301, "text/plain", "", "301"},
		"bad request":      {400, "text/plain", "no thanks", "400 Bad Request: no thanks"},
		"unauthorized":     {401, "application/json", `{"error":"invalid_token"}`, `401 Unauthorized: {"error":"invalid_token"}`},
		"forbidden":        {403, "text/plain", "Origin", "403 Forbidden: Origin"},
		"wrong method":     {405, "", "", "405 Method Not Allowed"},
		"too long":         {413, "", "", "413"},
		"broken":           {500, "text/plain", strings.Repeat("y", 1000), "500 Internal Server Error: yyy"},
		"function failed":  {502, "", "Internal Server Error", "502 Bad Gateway"},
		"no room":          {503, "", "", "503"},
		"timed out":        {504, "", "", "504"},
	} {
		t.Run(name, func(t *testing.T) {
			f := answering(row.status, row.contentType, row.body)
			c := start(t, f, func(config *mcp.Config) { config.MaxMessage = 50_000 })
			c.initialize("2025-06-18")
			c.send(call(1))
			c.failsWith("1", row.want)
			c.send(`{"jsonrpc":"2.0","id":2,"method":"ping"}`) // nothing else is the worse for it
			c.wants(result("2", "{}"))
			c.ends()
			if n := len(f.calls("tools/call")); n != 1 {
				t.Errorf("the tool was called %d times", n)
			}
		})
	}
}

// The errors of JSON-RPC that servers answer with a status of failure are answers. Some have no id, or another one.
func TestErrorsWithAStatus(t *testing.T) {
	for _, id := range []string{"1", "null", `"server-error"`} {
		f := answering(400, "application/json", `{"jsonrpc": "2.0", "id": `+id+`, "error": {"code": -32022, "message": "no"}}`)
		c := start(t, f)
		c.initialize("2025-06-18")
		c.send(call(1))
		if message := c.fails("1", -32022); message != "no" {
			t.Errorf("id %s: %s", id, message)
		}
		c.ends()
	}
}

// A request that the function has no room for was not handled, so it is sent again.
func TestThrottledRequest(t *testing.T) {
	var left atomic.Int32
	left.Store(2)
	f := &fake{answer: func(w http.ResponseWriter, r request) bool {
		if r.Call != "tools/call" || left.Add(-1) < 0 {
			return false
		}
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}}
	c := start(t, f)
	c.initialize("2025-06-18")
	c.send(call(1))
	c.wants(result("1", "{}"))
	c.ends()
}

func TestThrottledForLong(t *testing.T) {
	f := &fake{answer: func(w http.ResponseWriter, r request) bool {
		if r.Call != "tools/call" {
			return false
		}
		w.Header().Set("Retry-After", map[string]string{"1": "0", "2": "3600"}[r.ID])
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}}
	c := start(t, f)
	c.initialize("2025-06-18")
	c.send(call(1))
	c.failsWith("1", "429")
	if n := len(f.calls("tools/call")); n != 5 {
		t.Errorf("the tool was called %d times", n)
	}
	c.send(call(2))
	c.failsWith("2", "429")
	if n := len(f.calls("tools/call")); n != 6 {
		t.Errorf("the tool was called %d times", n)
	}
	c.ends()
}

// Frameworks answer a redirect for a slash too few: Starlette for an application that is mounted, with the host that
// the request names and the scheme that the application sees.
func TestRedirectOnTheServer(t *testing.T) {
	for _, status := range []int{http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		f := &fake{session: "s"}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/mcp" {
				w.Header().Set("Location", "https://"+r.Host+"/mcp/?"+r.URL.RawQuery)
				w.WriteHeader(status)
				return
			}
			f.ServeHTTP(w, r)
		}))
		defer server.Close()
		c := startAt(t, mcp.Server{URL: server.URL + "/mcp?a=b", Transport: &http.Transport{}})
		c.initialize("2025-06-18")
		c.send(call(1))
		c.wants(result("1", "{}"))
		c.ends()
		for _, r := range f.requests(http.MethodPost) {
			if r.Path != "/mcp/?a=b" {
				t.Errorf("%s went to %s", r.Call, r.Path)
			}
		}
	}
}

// Nothing goes to another host: neither the message, nor the credentials, nor the headers of the user.
func TestRedirectToAnotherHost(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other host got %s %s %v", r.Method, r.URL, r.Header)
	}))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{other.URL + "/mcp", strings.TrimPrefix(other.URL, "http:"), "http://u:p@" + other.Listener.Addr().String()} {
			f := &fake{answer: func(w http.ResponseWriter, _ request) bool {
				w.Header().Set("Location", location)
				w.WriteHeader(status)
				return true
			}}
			c := start(t, f, func(config *mcp.Config) { config.Header = http.Header{"X-Key": {"secret"}} })
			c.send(initialize("2025-06-18"))
			c.failsWith("0", map[bool]string{true: "another host", false: fmt.Sprint(status)}[status >= 307])
			c.ends()
		}
	}
}

func TestRedirectsWithoutEnd(t *testing.T) {
	f := &fake{answer: func(w http.ResponseWriter, _ request) bool {
		w.Header().Set("Location", "/mcp")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}}
	c := start(t, f)
	c.send(initialize("2025-06-18"))
	c.failsWith("0", "307")
	c.ends()
	if n := len(f.requests(http.MethodPost)); n != 6 {
		t.Errorf("there were %d requests", n)
	}
}

// What a client should not write.
func TestLinesOfAClient(t *testing.T) {
	f := &fake{}
	c := start(t, f, func(config *mcp.Config) { config.MaxMessage = 1000 })
	c.send("\xef\xbb\xbf" + initialize("2025-06-18") + "\r")
	c.wants(initialized("2025-06-18"))
	c.send(ready, "", "  \t", "\r")
	for _, line := range []string{"hello", "{", `{"a":1}}`, `{"jsonrpc":"2.0"} x`, "\x00", `{"id":1,"method":'ping'}`} {
		c.send(line)
		c.fails("null", -32700)
	}
	for _, line := range []string{"1", `"a"`, "null", "{}", `{"jsonrpc":"2.0","id":1}`, `{"id":{},"method":"m"}`, `{"id":1,"method":7}`, `{"id":true,"method":"m"}`} {
		c.send(line)
		c.fails("null", -32600)
	}
	c.send(`{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"` + strings.Repeat(`\"`, 600) + `"}}`)
	c.fails(`"x"`, -32600)
	c.send(`{"jsonrpc":"2.0","method":"tools/call","params":{"id":7,"name":"` + strings.Repeat(`a`, 1000) + `"}, "id" : 12 }`)
	c.fails("12", -32600)
	c.send(`{"jsonrpc":"2.0","method":"m","params":"` + strings.Repeat(`a`, 200_000) + `"}`)
	c.fails("null", -32600)
	c.send(`  { "jsonrpc" : "2.0", "id": 3, "method": "tools/call", "params": {"name": "ü<>&", "Id": 4 } }  `)
	c.wants(result("3", "{}"))
	c.send("{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/call\",\"params\":{\"name\":\"\xff\"}}")
	c.wants(result("4", "{}"))
	c.ends()
	got := f.calls("tools/call")
	if len(got) != 2 || got[0].Body != `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"ü<>&","Id":4}}` ||
		got[1].Body != "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/call\",\"params\":{\"name\":\"\uFFFD\"}}" {
		t.Errorf("the server got %v", got)
	}
}

// A server may answer with JSON on many lines, and in a wrong encoding; the client gets one line, in UTF-8.
func TestLinesOfAServer(t *testing.T) {
	f := answering(200, "Application/JSON; charset=utf-8", "\n{\r\n \"jsonrpc\": \"2.0\",\n\t\"id\": 1, \"result\": {\"a\": \"\xe4 \\n\"}}\n")
	c := start(t, f)
	c.initialize("2025-06-18")
	c.send(call(1))
	c.wants("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"\uFFFD \\n\"}}")
	c.ends()
}

func TestIDsInUse(t *testing.T) {
	goOn := make(chan struct{})
	f := &fake{answer: func(_ http.ResponseWriter, r request) bool {
		if r.Call == "tools/call" {
			<-goOn
		}
		return false
	}}
	c := start(t, f)
	c.initialize("2025-06-18")
	c.send(call(1), call(1))
	c.fails("1", -32600)
	c.send(call(`"1"`))
	close(goOn)
	got := map[string]bool{c.next(): true, c.next(): true}
	if !got[result("1", "{}")] || !got[result(`"1"`, "{}")] {
		t.Errorf("%v", got)
	}
	c.send(call(1)) // it has its answer
	c.wants(result("1", "{}"))
	c.ends()
}

// JSON writes one id in several forms.
func TestFormsOfAnID(t *testing.T) {
	for sent, answered := range map[string]string{
		`"a/b"`: `"a\/b"`, `"ü"`: `"\u00fc"`, `"\u0041"`: `"A"`, "1": "1.0", "2.0": "2", "3e0": "3", "1.5": "1.5",
		"9007199254740993": "9007199254740993", `"1.0"`: `"1.0"`,
	} {
		f := &fake{answer: func(w http.ResponseWriter, r request) bool {
			if r.Call == "tools/call" {
				answerJSON(w, result(answered, "{}"))
			}
			return r.Call == "tools/call"
		}}
		c := start(t, f)
		c.initialize("2025-06-18")
		c.send(call(sent))
		c.wants(result(answered, "{}"))
		c.ends()
	}
}

// A request that cannot be sent does not hold up its cancellation, nor the end.
func TestCancellationOfARequestThatWasNotSent(t *testing.T) {
	listening := httptest.NewServer(&fake{})
	c := startAt(t, mcp.Server{URL: listening.URL, Transport: &http.Transport{DisableKeepAlives: true}},
		func(config *mcp.Config) { config.Drain = 2 * patience })
	c.initialize("2025-06-18")
	c.send(`{"jsonrpc":"2.0","id":7,"method":"ping"}`)
	c.wants(result("7", "{}"))
	listening.Close()
	c.send(call(1), `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	for range c.close() { // the error, unless the cancellation was first
	}
}

// A server that closes its connections, or speaks no HTTP.
func TestServerThatBreaksOff(t *testing.T) {
	f := &fake{answer: func(w http.ResponseWriter, r request) bool {
		if r.Call != "tools/call" {
			return false
		}
		switch conn, out, _ := http.NewResponseController(w).Hijack(); r.ID {
		case "1":
			conn.Close()
		case "2":
			out.WriteString("SSH-2.0-x\r\n")
			out.Flush()
			conn.Close()
		case "3":
			out.WriteString("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
			out.Flush()
			conn.Close()
		case "4":
			out.WriteString("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\ndata: {")
			out.Flush()
			conn.Close()
		}
		return true
	}}
	c := start(t, f)
	c.initialize("2025-06-18")
	for _, id := range []string{"1", "2", "3", "4"} {
		c.send(call(id))
		c.fails(id, -32603)
	}
	c.send(`{"jsonrpc":"2.0","id":5,"method":"ping"}`)
	c.wants(result("5", "{}"))
	c.ends()
}

// Headers of the user go with each request; those of the protocol are the bridge's.
func TestHeadersOfTheUser(t *testing.T) {
	f := &fake{session: "s"}
	c := start(t, f, func(config *mcp.Config) {
		config.Header = http.Header{"X-Key": {"a", "b"}, "Accept": {"text/plain"}, "Mcp-Session-Id": {"mine"}, "User-Agent": {"me"}}
	})
	c.initialize("2025-06-18")
	f.await(t, http.MethodGet)
	c.ends()
	for _, r := range f.got {
		if fmt.Sprint(r.Header["X-Key"], r.Header["User-Agent"]) != "[a b] [me]" || r.Header.Get("Mcp-Session-Id") == "mine" ||
			r.Header.Get("Accept") == "text/plain" {
			t.Errorf("%s %s has the headers %v", r.Method, r.Call, r.Header)
		}
	}
}

// A client that reads no more ends the bridge.
func TestClientThatReadsNoMore(t *testing.T) {
	server := httptest.NewServer(&fake{})
	defer server.Close()
	bridge, err := mcp.New(mcp.Config{Open: func(context.Context) (mcp.Server, error) {
		return mcp.Server{URL: server.URL, Transport: http.DefaultTransport}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	in, toBridge := io.Pipe()
	defer toBridge.Close()
	fromBridge, out := io.Pipe()
	fromBridge.Close()
	ended := make(chan error, 1)
	go func() { ended <- bridge.Run(t.Context(), context.Background(), in, out) }()
	io.WriteString(toBridge, initialize("2025-06-18")+"\n")
	select {
	case err := <-ended:
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(patience):
		t.Error("it does not end")
	}
}

// A signal ends the bridge while its input is open.
func TestSignal(t *testing.T) {
	f := &fake{session: "s"}
	server := httptest.NewServer(f)
	defer server.Close()
	bridge, err := mcp.New(mcp.Config{Open: func(context.Context) (mcp.Server, error) {
		return mcp.Server{URL: server.URL, Transport: http.DefaultTransport}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, signal := context.WithCancel(t.Context())
	in, toBridge := io.Pipe()
	defer toBridge.Close()
	fromBridge, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- bridge.Run(ctx, context.Background(), in, out) }()
	io.WriteString(toBridge, initialize("2025-06-18")+"\n")
	if _, err := io.ReadFull(fromBridge, make([]byte, len(initialized("2025-06-18"))+1)); err != nil {
		t.Fatal(err)
	}
	signal()
	select {
	case err := <-ended:
		if err != nil || len(f.requests(http.MethodDelete)) != 1 {
			t.Errorf("it ended with %v, and %v", err, f.requests(http.MethodDelete))
		}
	case <-time.After(patience):
		t.Error("it does not end")
	}
}

// What is wrong at first may be right later: the server is looked for with each request until it is found.
func TestServerThatIsFoundLater(t *testing.T) {
	server := httptest.NewServer(&fake{})
	defer server.Close()
	var asked atomic.Int32
	c := startAt(t, mcp.Server{}, func(config *mcp.Config) {
		config.Open = func(context.Context) (mcp.Server, error) {
			if asked.Add(1) == 1 {
				return mcp.Server{}, errors.New("the session has expired")
			}
			return mcp.Server{URL: server.URL, Transport: http.DefaultTransport}, nil
		}
		config.Explain = func(_ context.Context, err error) (string, string) { return err.Error(), "aws sso login" }
	})
	c.send(initialize("2025-06-18"))
	if message := c.fails("0", -32603); message != "furl: the session has expired\naws sso login" {
		t.Errorf("%q", message)
	}
	c.initialize("2025-06-18")
	c.send(call(1))
	c.wants(result("1", "{}"))
	c.ends()
	if n := asked.Load(); n != 2 {
		t.Errorf("it was looked for %d times", n)
	}
}

// Every request is signed. A refusal is the answer to the request, with what there is to know.
func TestSignedRequests(t *testing.T) {
	f := &fake{session: "s"}
	function := urltest.Start(t, f)
	transport := furl.NewTransport(function.Config())
	t.Cleanup(transport.CloseIdleConnections)
	c := startAt(t, mcp.Server{URL: function.URL + "/mcp", Transport: transport},
		func(config *mcp.Config) { config.Drain = patience }) // for the notification
	c.initialize("2025-11-25")
	f.await(t, http.MethodGet)
	c.send(call(`"ü"`))
	c.wants(result(`"ü"`, "{}"))
	function.Refuse = func(r *http.Request) (string, string) {
		if r.Method == http.MethodDelete {
			return "", ""
		}
		return "AccessDeniedException", `{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: …"}`
	}
	c.send(call(2))
	line := c.next()
	for _, want := range []string{
		`"code":-32603`, "refused by authorization: AccessDeniedException", `"refusedBy":"authorization"`, `"status":403`,
		`"errorType":"AccessDeniedException"`, `"requestId":"00000000-0000-4000-8000-000000000000"`,
	} {
		if !strings.Contains(line, want) {
			t.Errorf("%s has no %s", line, want)
		}
	}
	c.send(progress) // no answer, and the log has it
	c.ends()
	if !strings.Contains(c.log.String(), "a message did not arrive at the server") {
		t.Error("the log does not have the notification")
	}
	if n := len(f.requests(http.MethodDelete)); n != 1 {
		t.Errorf("there were %d DELETE", n)
	}
}

// Credentials that have expired meanwhile are renewed, and the request is sent once more.
func TestRenewedCredentials(t *testing.T) {
	f := &fake{session: "s"}
	function := urltest.Start(t, f)
	var asked atomic.Int32
	valid := function.Credentials()
	config := function.Config()
	config.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		asked.Add(1)
		return valid.Retrieve(ctx)
	})
	transport := furl.NewTransport(config)
	t.Cleanup(transport.CloseIdleConnections)
	c := startAt(t, mcp.Server{URL: function.URL + "/mcp", Transport: transport})
	c.initialize("2025-11-25")
	f.await(t, http.MethodGet)
	var refused atomic.Bool
	function.Refuse = func(*http.Request) (string, string) {
		if refused.Swap(true) {
			return "", ""
		}
		return "ExpiredTokenException", `{"message":"The security token included in the request is expired"}`
	}
	c.send(call(1))
	c.wants(result("1", "{}"))
	c.ends()
	if n := asked.Load(); n != 2 {
		t.Errorf("there were credentials %d times", n)
	}
	if n := len(f.calls("tools/call")); n != 1 {
		t.Errorf("the tool was called %d times", n)
	}
}
