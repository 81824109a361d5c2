package mcp_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/mcp"
)

const progress = `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}`

// streaming is a server whose tools answer with a stream of these texts.
func streaming(texts ...string) *fake {
	return &fake{answer: func(w http.ResponseWriter, r request) bool {
		if r.Call != "tools/call" {
			return false
		}
		stream(w, texts...)
		return true
	}}
}

// The forms of a stream of events (HTML standard, section 9.2.6).
func TestFormsOfEvents(t *testing.T) {
	answer := result("1", `{"a":"b c"}`)
	head, tail := answer[:20], answer[20:]
	for name, texts := range map[string][]string{
		"LF":                 {data(answer)},
		"CRLF":               {strings.ReplaceAll(data(answer), "\n", "\r\n")},
		"CR":                 {strings.ReplaceAll(data(answer), "\n", "\r")},
		"CR and LF apart":    {"data: " + answer + "\r", "\n\r", "\n"},
		"byte order mark":    {"\xef\xbb\xbfdata: " + answer + "\n\n"},
		"no space":           {"data:" + answer + "\n\n"},
		"comments":           {": ping\n\n", ":\n", "data: " + answer + "\n:\n\n"},
		"unknown fields":     {"data: " + answer + "\nx: y\nz\n\n"},
		"half a line":        {"da", "ta: " + head, tail, "\n", "\n"},
		"byte for byte":      strings.Split(data(answer), ""),
		"two lines of data":  {"data: {\"jsonrpc\":\"2.0\",\ndata: \"id\":1,\"result\":{\"a\":\"b c\"}}\n\n"},
		"white space":        {"data: { \"jsonrpc\": \"2.0\",\ndata:   \"id\" : 1 , \"result\": {\"a\": \"b c\"} }\n\n"},
		"no end":             {"data: " + answer},
		"one end":            {"data: " + answer + "\n"},
		"another event":      {"event: ping\ndata: {}\n\n", data(answer)},
		"empty data":         {"id: 1\ndata:\n\n", "id: 2\ndata\n\n", data(answer)},
		"id and retry":       {"id: 7\nretry: 5\nevent: message\ndata: " + answer + "\n\n"},
		"bad retry":          {"retry: soon\ndata: " + answer + "\n\n"},
		"not JSON before":    {"data: {oops\n\n", "data: 12\n\n", "data: \"text\"\n\n", data(answer)},
		"half JSON at end":   {data(answer), "data: {\"jsonrpc\""},
		"a long field":       {"x: " + strings.Repeat("y", 300_000) + "\n", data(answer)},
		"a batch":            {"data: [" + answer + "]\n\n"},
		"answered twice":     {data(answer), data(answer)},
		"unknown id before":  {data(result("99", "{}")), data(answer)},
		"large event before": {"data: \"" + strings.Repeat("y", 70_000) + "\"\n\n", data(answer)},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, streaming(texts...), func(config *mcp.Config) { config.MaxMessage = 50_000 })
			c.initialize("2025-06-18")
			c.send(call(1))
			c.wants(answer)
			c.ends()
		})
	}
}

func TestNotificationsBeforeAnAnswer(t *testing.T) {
	c := start(t, streaming(data(progress), data(progress), data(result("1", "{}"))))
	c.initialize("2025-11-25")
	c.send(call(1))
	c.wants(progress, progress, result("1", "{}"))
	c.ends()
}

// A notification arrives while the server still works.
func TestEventsAreNotHeldBack(t *testing.T) {
	goOn := make(chan struct{})
	f := &fake{answer: func(w http.ResponseWriter, r request) bool {
		if r.Call != "tools/call" {
			return false
		}
		stream(w, data(progress))
		<-goOn
		stream(w, data(result("1", "{}")))
		return true
	}}
	c := start(t, f)
	c.initialize("2025-06-18")
	c.send(call(1))
	c.wants(progress)
	close(goOn)
	c.wants(result("1", "{}"))
	c.ends()
}

// Streams that end without an answer.
func TestStreamsWithoutAnAnswer(t *testing.T) {
	for name, row := range map[string]struct {
		texts []string
		want  string
	}{
		"nothing":        {nil, "ended its answer before"},
		"a comment":      {[]string{": hello\n\n"}, "ended its answer before"},
		"half an event":  {[]string{"data: {\"jsonrpc\":\"2.0\",\"id\":1"}, "not JSON"},
		"not JSON":       {[]string{"data: <html>\n\n"}, "not JSON"},
		"not JSON-RPC":   {[]string{"data: {\"id\":1}\n\n"}, "not a JSON-RPC message"},
		"another id":     {[]string{data(result("2", "{}"))}, "with the id 2"},
		"too large":      {[]string{"data: " + result("7", `"`+strings.Repeat("y", 70_000)+`"`) + "\n\n"}, "longer than 50000 bytes"},
		"too many lines": {[]string{strings.Repeat("data: 123456789\n", 7000) + "\n"}, "longer than 50000 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, streaming(row.texts...), func(config *mcp.Config) { config.MaxMessage = 50_000 })
			c.initialize("2025-06-18")
			c.send(call(1))
			c.failsWith("1", row.want)
			c.ends()
		})
	}
}

// The request that a message is for which is too large gets the error, also on the stream of another one.
func TestLargeAnswerOnAStream(t *testing.T) {
	large := "data: " + `{"result":"` + strings.Repeat("y", 70_000) + `","jsonrpc":"2.0","id":"a"}` + "\n\n"
	c := start(t, streaming(large), func(config *mcp.Config) { config.MaxMessage = 50_000 })
	c.initialize("2025-06-18")
	c.send(call(`"a"`))
	c.failsWith(`"a"`, "--max-message")
	c.ends()
}

// breaking closes the connection in the middle of a response.
func breaking(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		conn.Close()
	}
}

// A stream that breaks off goes on where it was (2025-11-25, "Resumability and Redelivery").
func TestResumedStream(t *testing.T) {
	for name, row := range map[string]struct {
		first []string
		cut   bool
	}{
		"closed":       {[]string{"id: e1\nretry: 1\ndata:\n\n"}, false},
		"broken":       {[]string{"id: e1\nretry: 1\ndata: " + progress + "\n\n"}, true},
		"half event":   {[]string{"id: e1\nretry: 1\ndata:\n\n", "id: e2\ndata: {\"jsonrpc\""}, true},
		"broken frame": {[]string{"retry: 1\nid: e1\ndata:\n\n", "id"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{session: "s"}
			f.answer = func(w http.ResponseWriter, r request) bool {
				switch {
				case r.Call == "tools/call":
					stream(w, row.first...)
					if row.cut {
						breaking(w)
					}
				case r.Method == http.MethodGet && r.Header.Get("Last-Event-Id") == "e1":
					stream(w, "id: e3\nretry: 1\ndata:\n\n")
				case r.Method == http.MethodGet && r.Header.Get("Last-Event-Id") == "e3":
					stream(w, data(result("1", "{}")))
				default:
					return false
				}
				return true
			}
			c := start(t, f)
			c.initialize("2025-11-25")
			c.send(call(1))
			if name == "broken" {
				c.wants(progress)
			}
			c.wants(result("1", "{}"))
			c.ends()
			for _, r := range f.requests(http.MethodGet) {
				if r.Header.Get("Mcp-Session-Id") != "s" || r.Header.Get("Mcp-Protocol-Version") != "2025-11-25" ||
					r.Header.Get("Accept") != "text/event-stream" {
					t.Errorf("GET has the headers %v", r.Header)
				}
			}
		})
	}
}

// A stream without the ids of events, and a server that does not resume.
func TestStreamsThatCannotResume(t *testing.T) {
	for name, text := range map[string]string{"no id": ": x\n\n", "refused": "id: e1\nretry: 1\ndata:\n\n"} {
		t.Run(name, func(t *testing.T) {
			f := &fake{}
			f.answer = func(w http.ResponseWriter, r request) bool {
				if r.Call == "tools/call" {
					stream(w, text)
					breaking(w)
				}
				return r.Call == "tools/call"
			}
			c := start(t, f)
			c.initialize("2025-11-25")
			c.send(call(1))
			c.failsWith("1", "before it had answered")
			c.ends()
			if n := len(f.calls("tools/call")); n != 1 {
				t.Errorf("the tool was called %d times", n)
			}
		})
	}
}

// The server's own stream carries requests and notifications, and is opened again where it ended.
func TestServerStream(t *testing.T) {
	ask := `{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{}}`
	answered := make(chan request, 1)
	f := &fake{session: "s"}
	f.answer = func(w http.ResponseWriter, r request) bool {
		switch {
		case r.Method == http.MethodGet && r.Header.Get("Last-Event-Id") == "":
			stream(w, "retry: 1\nid: g1\n"+data(ask))
		case r.Method == http.MethodGet && r.Header.Get("Last-Event-Id") == "g1":
			stream(w, "id: g2\n"+data(progress))
		case r.Method == http.MethodGet:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case r.ID == `"q"`:
			w.WriteHeader(http.StatusAccepted)
			answered <- r
		default:
			return false
		}
		return true
	}
	c := start(t, f)
	c.initialize("2025-06-18")
	c.wants(ask)
	c.send(result(`"q"`, `{"role":"user"}`))
	c.wants(progress)
	if r := <-answered; r.Body != result(`"q"`, `{"role":"user"}`) || r.Header.Get("Mcp-Session-Id") != "s" {
		t.Errorf("the server got %v", r)
	}
	c.ends()
}

// A stream that ends at once each time is given up: each time starts the function.
func TestServerStreamIsGivenUp(t *testing.T) {
	f := &fake{session: "s"}
	f.answer = func(w http.ResponseWriter, r request) bool {
		if r.Method == http.MethodGet {
			stream(w, "retry: 1\n\n")
		}
		return r.Method == http.MethodGet
	}
	c := start(t, f)
	c.initialize("2025-06-18")
	for end := time.Now().Add(patience); !strings.Contains(c.log.String(), "sends nothing of its own accord any more"); {
		if time.Sleep(time.Millisecond); time.Now().After(end) {
			t.Fatal("it is not given up")
		}
	}
	c.ends()
	if n := len(f.requests(http.MethodGet)); n != 6 {
		t.Errorf("the stream was opened %d times", n)
	}
}

// A stream keeps the function running, so there is one only for a server that can use it, or where the user wants it.
func TestWhenThereIsAServerStream(t *testing.T) {
	for _, row := range []struct {
		stream  mcp.Stream
		session string
		want    int
	}{{"", "s", 1}, {"auto", "s", 1}, {"auto", "", 0}, {"always", "", 1}, {"never", "s", 0}} {
		f := &fake{session: row.session}
		c := start(t, f, func(config *mcp.Config) { config.Stream = row.stream })
		c.initialize("2025-06-18")
		if row.want > 0 {
			f.await(t, http.MethodGet)
		}
		c.send(call(1))
		c.wants(result("1", "{}"))
		c.ends()
		if n := len(f.requests(http.MethodGet)); n != row.want {
			t.Errorf("%q with the session %q: %d GET, want %d", row.stream, row.session, n, row.want)
		}
	}
}

// Requests of the server come on the stream of a request of the client too, and have to be answered before it ends.
func TestServerRequestsInAnAnswer(t *testing.T) {
	ask := `{"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":{}}`
	answered := make(chan struct{})
	f := &fake{session: "s"}
	f.answer = func(w http.ResponseWriter, r request) bool {
		switch {
		case r.Call == "tools/call":
			stream(w, data(ask))
			<-answered
			stream(w, data(result("5", `"done"`)))
		case r.ID == "5" && r.Call == "":
			w.WriteHeader(http.StatusAccepted)
			close(answered)
		default:
			return false
		}
		return true
	}
	c := start(t, f)
	c.initialize("2025-06-18")
	c.send(call(5)) // the ids of both sides are apart
	c.wants(ask)
	c.send(result("5", `{"action":"accept"}`))
	c.wants(result("5", `"done"`))
	c.ends()
}

func TestSilentServer(t *testing.T) {
	end := make(chan struct{})
	f := &fake{answer: func(w http.ResponseWriter, r request) bool {
		if r.Call == "tools/call" {
			stream(w, data(progress))
			io.WriteString(w, "data: {")
			<-end
		}
		return r.Call == "tools/call"
	}}
	c := start(t, f, func(config *mcp.Config) { config.Timeout = 2 * time.Second })
	c.initialize("2025-06-18")
	c.send(call(1))
	c.wants(progress)
	c.failsWith("1", "sends nothing for 2s")
	close(end)
	c.ends()
}

func TestManyRequestsAtATime(t *testing.T) {
	const n = 1000
	f := &fake{answer: func(w http.ResponseWriter, r request) bool {
		if r.Call == "tools/call" {
			stream(w, data(progress), data(result(r.ID, `{"id":`+r.ID+`}`)))
		}
		return r.Call == "tools/call"
	}}
	c := start(t, f)
	c.initialize("2025-06-18")
	want := map[string]bool{}
	for i := range n {
		c.send(call(i + 1))
		want[result(fmt.Sprint(i+1), fmt.Sprintf(`{"id":%d}`, i+1))] = true
	}
	for range 2 * n {
		line := c.next()
		if line != progress && !want[line] {
			t.Fatalf("%q came, or came twice", line)
		}
		delete(want, line)
	}
	c.ends()
}

func TestLargeMessages(t *testing.T) {
	large := `"` + strings.Repeat("ü\\n", 250_000) + `"`
	f := &fake{answer: func(w http.ResponseWriter, r request) bool {
		switch r.ID {
		case "1":
			stream(w, data(result("1", large)))
		case "2":
			answerJSON(w, result("2", large))
		}
		return r.Call == "tools/call"
	}}
	c := start(t, f)
	c.initialize("2025-06-18")
	for _, id := range []string{"1", "2"} {
		request := `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":{"text":` + large + `}}`
		c.send(request)
		if got := c.next(); got != result(id, large) {
			t.Errorf("%d bytes came, and others than were sent", len(got))
		}
		if got := f.calls("tools/call"); got[len(got)-1].Body != request {
			t.Errorf("the server got other bytes than were sent")
		}
	}
	c.ends()
}
