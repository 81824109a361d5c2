package mcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/mcp"
)

// client is an MCP client at the bridge's standard streams.
type client struct {
	t     *testing.T
	in    *io.PipeWriter
	lines chan string
	ended chan error
	log   *logged
}

// logged is a log for several goroutines.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const patience = 20 * time.Second

// start runs a bridge to a server until the test ends.
func start(t *testing.T, server http.Handler, options ...func(*mcp.Config)) *client {
	t.Helper()
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	base := &http.Transport{DisableCompression: true}
	t.Cleanup(base.CloseIdleConnections)
	return startAt(t, mcp.Server{URL: listening.URL + "/mcp", Transport: base}, options...)
}

func startAt(t *testing.T, server mcp.Server, options ...func(*mcp.Config)) *client {
	t.Helper()
	c := &client{t: t, lines: make(chan string, 10_000), ended: make(chan error, 1), log: &logged{}}
	config := mcp.Config{
		Open: func(context.Context) (mcp.Server, error) { return server, nil },
		Log:  slog.New(slog.NewTextHandler(c.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, option := range options {
		option(&config)
	}
	bridge, err := mcp.New(config)
	if err != nil {
		t.Fatal(err)
	}
	in, toBridge := io.Pipe()
	fromBridge, out := io.Pipe()
	c.in = toBridge
	go func() {
		c.ended <- bridge.Run(t.Context(), context.Background(), in, out)
		out.Close()
	}()
	go func() {
		for reader := bufio.NewReader(fromBridge); ; {
			line, err := reader.ReadString('\n')
			if err != nil {
				close(c.lines)
				return
			}
			c.lines <- strings.TrimSuffix(line, "\n")
		}
	}()
	t.Cleanup(func() {
		toBridge.Close()
		for range c.lines { // until it has ended
		}
		if t.Failed() {
			t.Logf("the bridge's log:\n%s", c.log)
		}
	})
	return c
}

// send writes lines to the bridge.
func (c *client) send(lines ...string) {
	c.t.Helper()
	for _, line := range lines {
		if _, err := io.WriteString(c.in, line+"\n"); err != nil {
			c.t.Fatal(err)
		}
	}
}

// next is the next line of the bridge.
func (c *client) next() string {
	c.t.Helper()
	select {
	case line, ok := <-c.lines:
		if !ok {
			c.t.Fatalf("the bridge has ended")
		}
		return line
	case <-time.After(patience):
		c.t.Fatalf("the bridge says nothing")
		return ""
	}
}

// wants reads lines in that order.
func (c *client) wants(lines ...string) {
	c.t.Helper()
	for _, want := range lines {
		if diff := cmp.Diff(want, c.next()); diff != "" {
			c.t.Errorf("the next line: %s", diff)
		}
	}
}

// fails reads the error that answers a request, and returns its message.
func (c *client) fails(id string, code int) string {
	c.t.Helper()
	line := c.next()
	var answer struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(line), &answer); err != nil || answer.Version != "2.0" {
		c.t.Fatalf("%q: %v", line, err)
	}
	if string(answer.ID) != id || answer.Error.Code != code {
		c.t.Errorf("the answer is %s, want one to %s with the code %d", line, id, code)
	}
	return answer.Error.Message
}

// failsWith reads the error that answers a request, with a part of its message.
func (c *client) failsWith(id, part string) {
	c.t.Helper()
	if message := c.fails(id, -32603); !strings.Contains(message, part) {
		c.t.Errorf("the message %q has no %q", message, part)
	}
}

// close closes the input and returns what the bridge writes then, until it has ended.
func (c *client) close() (rest []string) {
	c.t.Helper()
	c.in.Close()
	deadline := time.After(patience)
	for {
		select {
		case line, ok := <-c.lines:
			if ok {
				rest = append(rest, line)
				continue
			}
			if err := <-c.ended; err != nil {
				c.t.Errorf("the bridge ended with: %v", err)
			}
			return rest
		case <-deadline:
			c.t.Fatal("the bridge does not end")
		}
	}
}

// ends closes the input of a bridge that writes nothing more.
func (c *client) ends() {
	c.t.Helper()
	if rest := c.close(); len(rest) > 0 {
		c.t.Errorf("the bridge wrote more: %q", rest)
	}
}

// initialize begins a session of a version.
func (c *client) initialize(version string) {
	c.t.Helper()
	c.send(initialize(version))
	c.wants(initialized(version))
	c.send(ready)
}

func initialize(version string) string {
	return `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + version + `"}}`
}

func initialized(version string) string {
	return `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"` + version + `"}}`
}

const ready = `{"jsonrpc":"2.0","method":"notifications/initialized"}`

// request is what the server got.
type request struct {
	Method  string // of HTTP
	Path    string
	Header  http.Header
	Body    string
	ID      string // of JSON-RPC
	Call    string // the method of JSON-RPC
	Version string // of initialize
}

// fake is an MCP server that answers what no function of a test does.
type fake struct {
	session string // the session's id; "" for none
	// answer answers a request, a notification or an answer of the client after initialization. It returns false if
	// fake shall.
	answer func(w http.ResponseWriter, r request) bool

	mu  sync.Mutex
	got []request
}

func (f *fake) requests(method string) (found []request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.got {
		if r.Method == method {
			found = append(found, r)
		}
	}
	return found
}

// await waits for a request with a method of HTTP.
func (f *fake) await(t *testing.T, method string) {
	t.Helper()
	for end := time.Now().Add(patience); len(f.requests(method)) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("there was no %s", method)
		}
	}
}

// calls are the requests with a method of JSON-RPC.
func (f *fake) calls(method string) (found []request) {
	for _, r := range f.requests(http.MethodPost) {
		if r.Call == method {
			found = append(found, r)
		}
	}
	return found
}

func (f *fake) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	body, _ := io.ReadAll(in.Body)
	r := request{Method: in.Method, Path: in.URL.RequestURI(), Header: in.Header.Clone(), Body: string(body)}
	var m struct {
		ID     json.RawMessage
		Method string
		Params struct{ ProtocolVersion string }
	}
	json.Unmarshal(body, &m) // a batch is none
	r.ID, r.Call, r.Version = string(m.ID), m.Method, m.Params.ProtocolVersion
	f.mu.Lock()
	f.got = append(f.got, r)
	f.mu.Unlock()
	if f.answer != nil && f.answer(w, r) {
		return
	}
	switch {
	case r.Method == http.MethodGet:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.Method == http.MethodDelete:
	case r.Call == "initialize":
		if f.session != "" {
			w.Header().Set("Mcp-Session-Id", f.session)
		}
		answerJSON(w, initialized(r.Version))
	case r.ID == "" || r.Call == "":
		w.WriteHeader(http.StatusAccepted)
	default:
		answerJSON(w, result(r.ID, `{}`))
	}
}

func result(id, value string) string {
	return `{"jsonrpc":"2.0","id":` + id + `,"result":` + value + `}`
}

func answerJSON(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, text)
}

// stream sends events, and begins the stream of them.
func stream(w http.ResponseWriter, events ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.(http.Flusher).Flush()
	for _, text := range events {
		io.WriteString(w, text)
		w.(http.Flusher).Flush()
	}
}

func data(text string) string { return "event: message\ndata: " + text + "\n\n" }

func call(id any) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%v,"method":"tools/call","params":{"name":"t"}}`, id)
}

func TestRequestsOfASession(t *testing.T) {
	for _, version := range []string{"2025-03-26", "2025-06-18", "2025-11-25"} {
		t.Run(version, func(t *testing.T) {
			f := &fake{session: "s1"}
			c := start(t, f)
			c.initialize(version)
			c.send(call(1))
			c.wants(result("1", "{}"))
			f.await(t, http.MethodGet)
			c.ends()
			for _, r := range f.requests(http.MethodPost) {
				wantVersion, wantSession := version, "s1"
				if r.Call == "initialize" {
					wantVersion, wantSession = "", ""
				}
				if r.Header.Get("Mcp-Protocol-Version") != wantVersion || r.Header.Get("Mcp-Session-Id") != wantSession {
					t.Errorf("%s has the headers %v", r.Call, r.Header)
				}
				if r.Header.Get("Accept") != "application/json, text/event-stream" ||
					r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Mcp-Method") != "" {
					t.Errorf("%s has the headers %v", r.Call, r.Header)
				}
			}
			get, del := f.requests(http.MethodGet), f.requests(http.MethodDelete)
			if len(get) != 1 || get[0].Header.Get("Accept") != "text/event-stream" || get[0].Header.Get("Mcp-Session-Id") != "s1" {
				t.Errorf("GET: %v", get)
			}
			if len(del) != 1 || del[0].Header.Get("Mcp-Session-Id") != "s1" || del[0].Header.Get("Mcp-Protocol-Version") != version {
				t.Errorf("DELETE: %v", del)
			}
		})
	}
}

// A server without sessions gets no session, and no DELETE.
func TestServerWithoutSessions(t *testing.T) {
	f := &fake{}
	c := start(t, f)
	c.initialize("2025-06-18")
	c.send(call(1))
	c.wants(result("1", "{}"))
	c.ends()
	for _, r := range f.got {
		if r.Header["Mcp-Session-Id"] != nil || r.Method == http.MethodDelete {
			t.Errorf("%s %s %v", r.Method, r.Call, r.Header)
		}
	}
}
