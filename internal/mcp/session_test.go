package mcp_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/furl-dev/furl/internal/mcp"
)

// forgetful is a server that forgets sessions: it knows the one that it made last.
type forgetful struct {
	fake
	mu      sync.Mutex
	made    int
	version string // of the answer to initialize; "" for that of the request
	status  int
	said    string
}

func newForgetful() *forgetful {
	f := &forgetful{status: http.StatusNotFound}
	f.answer = func(w http.ResponseWriter, r request) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		switch {
		case r.Call == "initialize":
			f.made++
			w.Header().Set("Mcp-Session-Id", fmt.Sprintf("s%d", f.made))
			version := r.Version
			if f.made > 1 && f.version != "" {
				version = f.version
			}
			answerJSON(w, initialized(version))
		case r.Header.Get("Mcp-Session-Id") != fmt.Sprintf("s%d", f.made):
			w.WriteHeader(f.status)
			w.Write([]byte(f.said))
		default:
			return false
		}
		return true
	}
	return f
}

func (f *forgetful) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made += 100
}

// The client cannot know that the server has forgotten the session, so the bridge begins another one as the client has
// (2025-11-25, "Session Management"), and sends again what the server has not handled.
func TestForgottenSession(t *testing.T) {
	for name, row := range map[string]struct {
		status int
		said   string
	}{
		"404":      {http.StatusNotFound, ""},
		"404 JSON": {http.StatusNotFound, `{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}`},
		// typescript-sdk, examples/server/src/simpleStreamableHttp.ts
		"400": {http.StatusBadRequest, `{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForgetful()
			f.status, f.said = row.status, row.said
			c := start(t, f)
			c.initialize("2025-06-18")
			c.send(call(1))
			c.wants(result("1", "{}"))
			f.forget()
			for id := range 8 {
				c.send(call(id + 10))
			}
			var got []string
			for range 8 {
				got = append(got, c.next())
			}
			slices.Sort(got)
			for i, line := range got {
				if want := result(fmt.Sprint(i+10), "{}"); line != want {
					t.Errorf("%s, want %s", line, want)
				}
			}
			c.ends()
			if n := len(f.calls("initialize")); n != 2 {
				t.Errorf("%d sessions were begun", n)
			}
			if n := len(f.calls("notifications/initialized")); n != 2 {
				t.Errorf("%d sessions were initialized", n)
			}
			for _, r := range f.calls("initialize") {
				if r.Body != initialize("2025-06-18") || r.Header["Mcp-Session-Id"] != nil {
					t.Errorf("initialize: %v", r)
				}
			}
			if gone := f.requests(http.MethodDelete); len(gone) != 1 || gone[0].Header.Get("Mcp-Session-Id") != "s102" {
				t.Errorf("DELETE: %v", gone)
			}
		})
	}
}

// A notification begins a new session too. An answer of the client does not: its request was of the old one.
func TestForgottenSessionOfOtherMessages(t *testing.T) {
	ask := `{"jsonrpc":"2.0","id":1,"method":"roots/list"}`
	f := newForgetful()
	usual := f.answer
	f.answer = func(w http.ResponseWriter, r request) bool {
		if r.Call == "tools/call" && r.ID == "1" {
			stream(w, data(ask), data(result("1", "{}")))
			return true
		}
		return usual(w, r)
	}
	c := start(t, f, func(config *mcp.Config) { config.Drain = patience })
	c.initialize("2025-06-18")
	c.send(call(1))
	c.wants(ask, result("1", "{}"))
	f.forget()
	changed := `{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}`
	c.send(changed)
	c.send(call(2))
	c.wants(result("2", "{}"))
	c.send(result("1", `{"roots":[]}`))
	c.send(call(3))
	c.wants(result("3", "{}"))
	c.ends()
	last := f.calls("notifications/roots/list_changed")
	if len(last) == 0 || last[len(last)-1].Header.Get("Mcp-Session-Id") != "s102" {
		t.Errorf("the notification: %v", last)
	}
	for _, r := range f.calls("") {
		if r.Method == http.MethodPost && r.Header.Get("Mcp-Session-Id") != "s1" {
			t.Errorf("an answer to the first session's request went to another one: %v", r)
		}
	}
	if n := len(f.calls("initialize")); n != 2 {
		t.Errorf("%d sessions were begun", n)
	}
}

func TestForgottenSessionWithAnotherVersion(t *testing.T) {
	f := newForgetful()
	f.version = "2025-03-26"
	c := start(t, f)
	c.initialize("2025-06-18")
	f.forget()
	c.send(call(1))
	c.failsWith("1", "2025-03-26 in place of 2025-06-18")
	c.ends()
}

// A server that forgets each session at once is not asked without end.
func TestServerWithoutMemory(t *testing.T) {
	f := newForgetful()
	usual := f.answer
	f.answer = func(w http.ResponseWriter, r request) bool {
		if r.Call == "tools/call" {
			w.WriteHeader(http.StatusNotFound)
			return true
		}
		return usual(w, r)
	}
	c := start(t, f)
	c.initialize("2025-06-18")
	c.send(call(1))
	c.failsWith("1", "404")
	c.ends()
	if n := len(f.calls("tools/call")); n != 2 {
		t.Errorf("the tool was called %d times", n)
	}
}

// The server's own stream has worked, and the server has forgotten the session since.
func TestServerStreamOfAForgottenSession(t *testing.T) {
	f := newForgetful()
	usual := f.answer
	f.answer = func(w http.ResponseWriter, r request) bool {
		if r.Method == http.MethodGet {
			f.mu.Lock()
			forgotten := f.made > 1
			f.mu.Unlock()
			switch id := r.Header.Get("Mcp-Session-Id"); {
			case id == "s1" && !forgotten:
				stream(w, "retry: 1\n"+data(progress))
				f.forget()
				return true
			case id == "s102":
				stream(w, "retry: 100000\n"+data(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`))
				return true
			}
		}
		return usual(w, r)
	}
	c := start(t, f)
	c.initialize("2025-06-18")
	c.wants(progress, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
	c.ends()
}

// What the client sends before it has the answer to initialize waits: it needs the session's headers.
func TestMessagesBeforeTheSession(t *testing.T) {
	f := &fake{session: "s"}
	goOn := make(chan struct{})
	f.answer = func(w http.ResponseWriter, r request) bool {
		if r.Call == "initialize" {
			<-goOn
		}
		return false
	}
	c := start(t, f)
	c.send(initialize("2025-06-18"), ready, call(1), call(2))
	close(goOn)
	c.wants(initialized("2025-06-18"))
	if got := []string{c.next(), c.next()}; !slices.Contains(got, result("1", "{}")) || !slices.Contains(got, result("2", "{}")) {
		t.Errorf("%q", got)
	}
	c.ends()
	for i, r := range f.requests(http.MethodPost) {
		if i > 0 && r.Header.Get("Mcp-Session-Id") != "s" {
			t.Errorf("%v", r)
		}
		if i == 1 && r.Call != "notifications/initialized" {
			t.Errorf("%s came before the notification that the client is ready", r.Call)
		}
	}
}

// A refused initialize begins no session, and the client may try again.
func TestRefusedInitialize(t *testing.T) {
	f := &fake{session: "s"}
	refusal := `{"jsonrpc":"2.0","id":0,"error":{"code":-32602,"message":"Unsupported protocol version"}}`
	f.answer = func(w http.ResponseWriter, r request) bool {
		if r.Call == "initialize" && r.Version == "1999-01-01" {
			answerJSON(w, refusal)
			return true
		}
		return false
	}
	c := start(t, f)
	c.send(initialize("1999-01-01"))
	c.wants(refusal)
	c.initialize("2025-06-18")
	c.send(call(1))
	c.wants(result("1", "{}"))
	c.ends()
	if n := len(f.requests(http.MethodDelete)); n != 1 {
		t.Errorf("there were %d DELETE", n)
	}
}

func TestBatches(t *testing.T) {
	f := &fake{}
	f.answer = func(w http.ResponseWriter, r request) bool {
		if strings.HasPrefix(r.Body, "[") {
			answerJSON(w, `[ `+result("2", "{}")+`, `+progress+`, `+result("1", "{}")+`]`)
			return true
		}
		return false
	}
	c := start(t, f)
	c.initialize("2025-03-26")
	c.send("[" + call(1) + ", " + progress + "," + call(2) + "]")
	c.wants(result("2", "{}"), progress, result("1", "{}"))
	c.send("[]")
	c.fails("null", -32600)
	c.ends()
	if got := f.calls(""); len(got) != 1 || got[0].Body != "["+call(1)+","+progress+","+call(2)+"]" {
		t.Errorf("the server got %v", got)
	}
}

func TestBatchesOfOtherVersions(t *testing.T) {
	for _, version := range []string{"2025-06-18", "2025-11-25"} {
		c := start(t, &fake{})
		c.initialize(version)
		c.send("[" + call(1) + "," + progress + "," + call(2) + "]")
		c.fails("1", -32600)
		c.fails("2", -32600)
		c.send("[" + progress + "]")
		c.fails("null", -32600)
		c.ends()
	}
}

// A batch in which the server leaves out an answer.
func TestHalfAnsweredBatch(t *testing.T) {
	f := &fake{}
	f.answer = func(w http.ResponseWriter, r request) bool {
		if strings.HasPrefix(r.Body, "[") {
			stream(w, data("["+result("2", "{}")+"]"))
			return true
		}
		return false
	}
	c := start(t, f)
	c.initialize("2025-03-26")
	c.send("[" + call(1) + "," + call(2) + "]")
	c.wants(result("2", "{}"))
	c.failsWith("1", "before it had answered")
	c.ends()
}

// Cancellation is a notification up to 2025-11-25. It reaches the server after the request.
func TestCancellation(t *testing.T) {
	f := &fake{session: "s"}
	cancelled := make(chan struct{})
	f.answer = func(w http.ResponseWriter, r request) bool {
		switch r.Call {
		case "tools/call":
			if r.ID == "1" {
				<-cancelled
				stream(w, ": nothing\n\n")
				return true
			}
		case "notifications/cancelled":
			close(cancelled)
		}
		return false
	}
	c := start(t, f)
	c.initialize("2025-06-18")
	cancel := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"x"}}`
	c.send(call(1), cancel)
	<-cancelled
	c.send(call(2))
	c.wants(result("2", "{}"))
	c.ends()
	if got := f.calls("notifications/cancelled"); len(got) != 1 || got[0].Body != cancel ||
		got[0].Header.Get("Mcp-Session-Id") != "s" {
		t.Errorf("the server got %v", got)
	}
}

// The end of the input: what is in flight has a moment, and the session ends. The client does not wait for answers: that
// of the Python SDK 1.30.0 breaks on one (python-sdk, mcp/client/stdio).
func TestEndOfInput(t *testing.T) {
	end := make(chan struct{})
	f := &fake{session: "s"}
	f.answer = func(w http.ResponseWriter, r request) bool {
		if r.Call == "tools/call" {
			stream(w, data(progress))
			<-end
		}
		return false
	}
	c := start(t, f)
	c.initialize("2025-06-18")
	c.send(call(1))
	c.wants(progress)
	c.ends()
	close(end)
	if n := len(f.requests(http.MethodDelete)); n != 1 {
		t.Errorf("there were %d DELETE", n)
	}
}

// Answers that come in time still reach the client, and a last line needs no end.
func TestDrainAtTheEndOfInput(t *testing.T) {
	f := &fake{session: "s"}
	got, goOn := make(chan struct{}), make(chan struct{})
	f.answer = func(w http.ResponseWriter, r request) bool {
		if r.Call == "tools/call" {
			close(got)
			<-goOn
		}
		return false
	}
	c := start(t, f, func(config *mcp.Config) { config.Drain = patience })
	c.initialize("2025-06-18")
	if _, err := c.in.Write([]byte(call(1))); err != nil {
		t.Fatal(err)
	}
	c.in.Close()
	<-got
	close(goOn)
	c.wants(result("1", "{}"))
	c.ends()
}
