package mcp_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`

// modern is a request of 2026-07-28, which says its version itself. params are more members of its parameters.
func modern(id, method, params string) string {
	return `{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `","params":{` + params + meta + `}}`
}

// headers are those headers of a request that repeat members of its message.
func headers(r request) map[string]string {
	found := map[string]string{}
	for name, values := range r.Header {
		if strings.HasPrefix(name, "Mcp-") {
			found[name] = strings.Join(values, "|")
		}
	}
	return found
}

func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("the headers are %v, want %v", got, want)
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("the header %s is %q, want %q", name, got[name], value)
		}
	}
}

// Since 2026-07-28 there is no initialization, no session and no stream of the server's own, and members of the request
// are headers too ("Request Metadata").
func TestRequestsWithoutASession(t *testing.T) {
	f := &fake{session: "s"}
	f.answer = func(w http.ResponseWriter, r request) bool {
		if r.Call == "server/discover" {
			w.Header().Set("Mcp-Session-Id", "ignored")
		}
		return false
	}
	c := start(t, f)
	for _, row := range []struct {
		method, params string
		name           string // the header Mcp-Name
	}{
		{"server/discover", "", ""},
		{"tools/list", "", ""},
		{"tools/call", `"name":"get_weather","uri":"x",`, "get_weather"},
		{"prompts/get", `"name":"p q",`, "p q"},
		{"resources/read", `"uri":"file:///a","name":"x",`, "file:///a"},
		// "Value Encoding"
		{"tools/call", `"name":"Hello, 世界",`, "=?base64?SGVsbG8sIOS4lueVjA==?="},
		{"tools/call", `"name":" padded ",`, "=?base64?IHBhZGRlZCA=?="},
		{"tools/call", `"name":"line1\nline2",`, "=?base64?bGluZTEKbGluZTI=?="},
		{"tools/call", `"name":"=?base64?literal?=",`, "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="},
	} {
		c.send(modern("1", row.method, row.params))
		c.wants(result("1", "{}"))
		f.mu.Lock()
		last := f.got[len(f.got)-1]
		f.mu.Unlock()
		want := map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": row.method}
		if row.name != "" {
			want["Mcp-Name"] = row.name
		}
		same(t, headers(last), want)
	}
	c.ends()
	if n := len(f.requests(http.MethodGet)) + len(f.requests(http.MethodDelete)); n != 0 {
		t.Errorf("there were %d GET and DELETE", n)
	}
}

const tools = `{"tools":[` +
	`{"name":"query","inputSchema":{"type":"object","properties":{` +
	`"region":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"Count"},` +
	`"dry":{"type":"boolean","x-mcp-header":"Dry-Run"},` +
	`"at":{"type":"object","properties":{"zone":{"type":"string","x-mcp-header":"Zone"}}},"text":{"type":"string"}}}},` +
	`{"name":"plain","inputSchema":{"type":"object"}}],"resultType":"complete"}`

// Arguments that the server wants as headers ("Custom Headers from Tool Parameters").
func TestArgumentsAsHeaders(t *testing.T) {
	f := &fake{}
	f.answer = func(w http.ResponseWriter, r request) bool {
		if r.Call == "tools/list" {
			answerJSON(w, result(r.ID, tools))
		}
		return r.Call == "tools/list"
	}
	c := start(t, f)
	c.send(modern("1", "tools/list", ""))
	c.wants(result("1", tools))
	for arguments, want := range map[string]map[string]string{
		`{"region":"us-west1","n":42,"dry":false,"at":{"zone":"ü"},"text":"x"}`: {
			"Mcp-Param-Region": "us-west1", "Mcp-Param-Count": "42", "Mcp-Param-Dry-Run": "false",
			"Mcp-Param-Zone": "=?base64?w7w=?=",
		},
		`{"region":null,"n":1.5,"at":7}`: {},
		`{"region":"","n":-9007199254740991}`: {
			"Mcp-Param-Region": "=?base64??=", "Mcp-Param-Count": "-9007199254740991",
		},
		`{"n":1e3}`:              {"Mcp-Param-Count": "1000"},
		`{"n":9007199254740993}`: {},
		`{"region":{"a":1}}`:     {},
		`[]`:                     {},
	} {
		c.send(modern("2", "tools/call", `"name":"query","arguments":`+arguments+`,`))
		c.wants(result("2", "{}"))
		want["Mcp-Protocol-Version"], want["Mcp-Method"], want["Mcp-Name"] = "2026-07-28", "tools/call", "query"
		calls := f.calls("tools/call")
		same(t, headers(calls[len(calls)-1]), want)
	}
	c.ends()
}

// A tool that a client has to reject is not in the list; the others are.
func TestToolsWithBadHeaders(t *testing.T) {
	bad := []string{
		`{"a":{"type":"string","x-mcp-header":""}}`, `{"a":{"type":"string","x-mcp-header":"a b"}}`,
		`{"a":{"type":"string","x-mcp-header":"a\r\nX-Evil: 1"}}`, `{"a":{"type":"string","x-mcp-header":7}}`,
		`{"a":{"type":"number","x-mcp-header":"A"}}`, `{"a":{"type":"object","x-mcp-header":"A"}}`,
		`{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}`,
		`{"a":{"type":"object","properties":{"b":{"x-mcp-header":"B"}}}}`,
	}
	var list []string
	for i, properties := range bad {
		list = append(list, fmt.Sprintf(`{"name":"bad%d","inputSchema":{"properties":%s}}`, i, properties))
	}
	good := `{"name":"good","inputSchema":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}}`
	f := &fake{}
	f.answer = func(w http.ResponseWriter, r request) bool {
		answerJSON(w, result(r.ID, `{"tools":[`+good+`,`+strings.Join(list, ",")+`],"nextCursor":"n"}`))
		return true
	}
	c := start(t, f)
	c.send(modern("1", "tools/list", ""))
	var got struct {
		ID     int
		Result struct {
			Tools      []struct{ Name string }
			NextCursor string
		}
	}
	if err := json.Unmarshal([]byte(c.next()), &got); err != nil {
		t.Fatal(err)
	}
	if got.ID != 1 || len(got.Result.Tools) != 1 || got.Result.Tools[0].Name != "good" || got.Result.NextCursor != "n" {
		t.Errorf("%+v", got)
	}
	c.ends()
	if n := strings.Count(c.log.String(), "a tool was left out"); n != len(bad) {
		t.Errorf("the log has %d tools", n)
	}
}

// A client may call a tool without a list of tools. The server then refuses the headers, and the bridge reads the list.
func TestToolsThatTheBridgeDoesNotKnow(t *testing.T) {
	f := &fake{}
	mismatch := func(id string) string {
		return `{"jsonrpc":"2.0","id":` + id + `,"error":{"code":-32020,"message":"Header mismatch"}}`
	}
	f.answer = func(w http.ResponseWriter, r request) bool {
		switch {
		case r.Call == "tools/list" && !strings.Contains(r.Body, `"cursor":"2"`):
			answerJSON(w, result(r.ID, `{"tools":[{"name":"x"}],"nextCursor":"2"}`))
		case r.Call == "tools/list":
			answerJSON(w, result(r.ID, tools))
		case r.Header.Get("Mcp-Param-Region") == "":
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, mismatch(r.ID))
		default:
			return false
		}
		return true
	}
	c := start(t, f)
	c.send(modern("1", "tools/call", `"name":"query","arguments":{"region":"r"},`))
	c.wants(result("1", "{}"))
	c.send(modern("2", "tools/call", `"name":"query","arguments":{},`))
	c.fails("2", -32020)
	c.ends()
	for _, r := range f.calls("tools/list") {
		if r.Header.Get("Mcp-Protocol-Version") != "2026-07-28" || r.Header.Get("Mcp-Method") != "tools/list" ||
			!strings.Contains(r.Body, `"io.modelcontextprotocol/clientCapabilities":{}`) {
			t.Errorf("%v", r)
		}
	}
}

// A client that speaks both kinds of versions asks first, and then initializes.
func TestServerOfAnOlderVersion(t *testing.T) {
	f := &fake{session: "s"}
	f.answer = func(w http.ResponseWriter, r request) bool {
		if r.Call == "server/discover" {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, "Bad Request: Unsupported protocol version")
		}
		return r.Call == "server/discover"
	}
	c := start(t, f)
	c.send(modern(`"d"`, "server/discover", ""))
	c.failsWith(`"d"`, "Unsupported protocol version")
	c.initialize("2025-11-25")
	c.send(call(1))
	c.wants(result("1", "{}"))
	c.ends()
	calls := f.calls("tools/call")
	same(t, headers(calls[0]), map[string]string{"Mcp-Protocol-Version": "2025-11-25", "Mcp-Session-Id": "s"})
}

// Over HTTP a client cancels by closing the stream, and on standard streams by a notification ("Cancellation").
func TestCancellationWithoutASession(t *testing.T) {
	closed := make(chan struct{})
	f := &fake{}
	listening := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), `"id":1`) {
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			f.ServeHTTP(w, r)
			return
		}
		stream(w, data(progress))
		<-r.Context().Done()
		close(closed)
	})
	c := start(t, listening)
	c.send(modern("1", "tools/call", `"name":"t",`))
	c.wants(progress)
	c.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	select {
	case <-closed:
	case <-time.After(patience):
		t.Fatal("the stream is not closed")
	}
	c.send(modern("2", "tools/call", `"name":"t",`))
	c.wants(result("2", "{}"))
	c.ends()
	if n := len(f.calls("notifications/cancelled")); n != 0 {
		t.Errorf("there were %d notifications", n)
	}
}

// A subscription that ends is lost, which the client is told as on standard streams ("Subscriptions"): it has to look at
// what has changed meanwhile.
func TestSubscription(t *testing.T) {
	acknowledged := `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{}}`
	changed := `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}}`
	f := &fake{}
	f.answer = func(w http.ResponseWriter, r request) bool {
		switch {
		case r.Call != "subscriptions/listen":
			return false
		case r.ID == "1":
			stream(w, data(acknowledged), data(changed), data(result("1", "{}")))
		case r.ID == `"b"`:
			stream(w, data(acknowledged))
			breaking(w)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
		return true
	}
	c := start(t, f)
	c.send(modern("1", "subscriptions/listen", `"notifications":{"toolsListChanged":true},`))
	c.wants(acknowledged, changed, result("1", "{}"))
	c.send(modern(`"b"`, "subscriptions/listen", ""))
	c.wants(acknowledged, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"reason":"the server has ended the stream","requestId":"b"}}`)
	c.send(modern("3", "subscriptions/listen", ""))
	c.failsWith("3", "403")
	c.ends()
}
