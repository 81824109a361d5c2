//go:build unix

package webapp_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
	"github.com/furl-dev/furl/internal/runtime/webapp"
)

// translate is the request for an event, as the application's server reads it.
func translate(t *testing.T, variables map[string]string, payload string) (*http.Request, string) {
	t.Helper()
	settings, _ := webapp.ParseSettings(variables)
	in := &runtimeapi.Invocation{
		ID: "id-1", Payload: []byte(payload), TraceID: "Root=1-a", FunctionARN: "arn:x", Deadline: time.UnixMilli(1764500000000),
	}
	fn := webapp.Function{Name: "page", MemoryMB: 128, Version: "$LATEST"}
	r, err := settings.NewRequest(in, nil, fn)
	if err != nil {
		t.Fatal(err)
	}
	received, err := event.Read(in.Payload)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := settings.NewRequest(in, received, fn); err != nil || string(same.Head) != string(r.Head) || !bytes.Equal(same.Body, r.Body) {
		t.Errorf("of an event that was read: %v\n%s%s\nwant\n%s%s", err, same.Head, same.Body, r.Head, r.Body)
	}
	read, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(r.Head), bytes.NewReader(r.Body))))
	if err != nil {
		t.Fatalf("%v\n%s", err, r.Head)
	}
	body, err := io.ReadAll(read.Body)
	if err != nil {
		t.Fatal(err)
	}
	return read, string(body)
}

// v2 is an event with a method and what else is given.
func v2(method, members string) string {
	return `{"version":"2.0",` + members + `"requestContext":{"domainName":"d.on.aws","http":{"method":"` + method + `"}}}`
}

func TestRequestTarget(t *testing.T) {
	for _, row := range []struct{ variables, path, query, want string }{
		{"", "/", "", "/"},
		{"", "", "", "/"},
		{"", "/a%20b/ü", "x=1&y=%2F", "/a%20b/%C3%BC?x=1&y=%2F"},
		{"", "/a//b/", "", "/a//b/"},
		// As the URL library of the adapter has it (URL Standard, "path state").
		{"", "/a/../b", "", "/b"},
		{"", "/../..", "", "/"},
		{"", "/a/%2e%2E/b/.", "", "/b/"},
		{"", "/a/b/..", "", "/a/"},
		{"", "/a...b/.c", "", "/a...b/.c"},
		{"", `/a\\b`, "", "/a/b"},
		{"", "/a b<>{}?#`", "q='", "/a%20b%3C%3E%7B%7D%3F%23%60?q=%27"},
		{"", "/a", "b?c#d", "/a?b?c"},
		{"", "/a", "a=[]|^{}", "/a?a=[]|^{}"},
		{"/v1", "/v1/orders", "", "/orders"},
		{"/v1", "/v1", "a=1", "/?a=1"},
		{"/v1", "/v1/v1/x", "", "/v1/x"},
		{"/v1", "/v10/x", "", "/v10/x"},
		{"/v1/", "/v1/x", "", "/x"},
	} {
		variables := map[string]string{"AWS_LWA_REMOVE_BASE_PATH": row.variables}
		r, _ := translate(t, variables, v2("GET", `"rawPath":"`+row.path+`","rawQueryString":"`+row.query+`",`))
		if r.RequestURI != row.want {
			t.Errorf("%q?%q without %q: %q, want %q", row.path, row.query, row.variables, r.RequestURI, row.want)
		}
	}
}

func TestRequestHeader(t *testing.T) {
	own := http.Header{"X-Amzn-Trace-Id": {"Root=1-a"}, "Content-Length": {"0"}}
	for _, row := range []struct {
		name, members string
		variables     map[string]string
		want          http.Header
	}{
		{"values as they are", `"headers":{"x-a":"one,two","X-B":""},`, nil, http.Header{"X-A": {"one,two"}, "X-B": {""}}},
		{"cookies", `"headers":{"cookie":"old=1"},"cookies":["a=1","b=2"],`, nil, http.Header{"Cookie": {"a=1; b=2"}}},
		{"no cookies in the list", `"headers":{"cookie":"old=1"},"cookies":[],`, nil, http.Header{"Cookie": {""}}},
		{"twice the same", `"headers":{"A":"1","b":"2","a":"3"},`, nil, http.Header{"A": {"3"}, "B": {"2"}}},
		{"the cookie header alone", `"headers":{"cookie":"a=1"},`, nil, http.Header{"Cookie": {"a=1"}}},
		{"trace of the invocation", `"headers":{"x-amzn-trace-id":"Root=other"},`, nil, nil},
		{"of the connection", `"headers":{"connection":"upgrade","upgrade":"websocket","te":"trailers","keep-alive":"1","transfer-encoding":"chunked"},`, nil, nil},
		{"claimed", `"headers":{"x-amz-tenant-id":"t","x-amzn-request-context":"c","X-Amzn-Lambda-Context":"l"},`, nil, nil},
		{"authorization source", `"headers":{"x-auth":"mine","authorization":"other"},`, map[string]string{"AWS_LWA_AUTHORIZATION_SOURCE": "X-Auth"}, http.Header{"Authorization": {"mine"}}},
		{"no authorization source", `"headers":{"authorization":"other"},`, map[string]string{"AWS_LWA_AUTHORIZATION_SOURCE": "X-Auth"}, http.Header{"Authorization": {"other"}}},
	} {
		r, _ := translate(t, row.variables, v2("GET", row.members))
		want := own.Clone()
		for name, values := range row.want {
			want[name] = values
		}
		context := r.Header["X-Amzn-Request-Context"]
		if len(context) != 1 || context[0] != `{"domainName":"d.on.aws","http":{"method":"GET"}}` {
			t.Errorf("%s: x-amzn-request-context %q", row.name, context)
		}
		const lambda = `{"request_id":"id-1","deadline":1764500000000,"invoked_function_arn":"arn:x","xray_trace_id":"Root=1-a",` +
			`"client_context":null,"identity":null,"tenant_id":null,` +
			`"env_config":{"function_name":"page","memory":128,"version":"$LATEST","log_stream":"","log_group":""}}`
		if values := r.Header["X-Amzn-Lambda-Context"]; len(values) != 1 || values[0] != lambda {
			t.Errorf("%s: x-amzn-lambda-context %q", row.name, values)
		}
		delete(r.Header, "X-Amzn-Request-Context")
		delete(r.Header, "X-Amzn-Lambda-Context")
		if diff := cmp.Diff(want, r.Header); diff != "" {
			t.Errorf("%s: %s", row.name, diff)
		}
		if r.Host != "127.0.0.1:8080" {
			t.Errorf("%s: host %q", row.name, r.Host)
		}
	}
}

// The headers have the order of the event, with those that the adapter sets in the places of copies (as recorded from
// version 1.0.0-rc1).
func TestRequestHeaderOrder(t *testing.T) {
	for _, row := range []struct{ source, headers, want string }{
		{"", `"b":"1","a":"2"`, "b a x-amzn-trace-id x-amzn-request-context x-amzn-lambda-context host content-length"},
		{"", `"Host":"h","x-amzn-trace-id":"t","content-length":"9","x-amzn-lambda-context":"l"`,
			"host x-amzn-trace-id content-length x-amzn-lambda-context x-amzn-request-context"},
		{"x-auth", `"a":"1","X-Auth":"2","host":"h"`,
			"a x-amzn-lambda-context host x-amzn-trace-id x-amzn-request-context authorization content-length"},
		{"x-auth", `"authorization":"1","x-auth":"2","host":"h"`,
			"authorization x-amzn-lambda-context host x-amzn-trace-id x-amzn-request-context content-length"},
	} {
		settings, _ := webapp.ParseSettings(map[string]string{"AWS_LWA_AUTHORIZATION_SOURCE": row.source})
		r, err := settings.NewRequest(
			&runtimeapi.Invocation{TraceID: "Root=1-a", Payload: []byte(v2("GET", `"headers":{`+row.headers+`},`))}, nil, webapp.Function{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, line := range strings.Split(strings.TrimSpace(string(r.Head)), "\r\n")[1:] {
			name, _, _ := strings.Cut(line, ":")
			names = append(names, name)
		}
		if got := strings.Join(names, " "); got != row.want {
			t.Errorf("%s: %s, want %s", row.headers, got, row.want)
		}
	}
}

func TestRequestBody(t *testing.T) {
	for _, row := range []struct{ name, method, members, body, length string }{
		{"text", "POST", `"body":"caf\u00e9 \ud83d\ude00\n",`, "café 😀\n", "11"},
		{"base64", "PUT", `"body":"AP9h","isBase64Encoded":true,`, "\x00\xffa", "3"},
		{"no body of a POST", "POST", ``, "", "0"},
		{"no body of a GET", "GET", ``, "", "0"},
		{"null", "GET", `"body":null,`, "", "0"},
		{"length of the client", "DELETE", `"headers":{"content-length":"0"},`, "", "0"},
		{"wrong length", "POST", `"headers":{"content-length":"99"},"body":"ab",`, "ab", "2"},
	} {
		settings, _ := webapp.ParseSettings(nil)
		r, err := settings.NewRequest(&runtimeapi.Invocation{Payload: []byte(v2(row.method, row.members))}, nil, webapp.Function{})
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		_, length, _ := strings.Cut(string(r.Head), "content-length: ")
		length, _, _ = strings.Cut(length, "\r\n")
		if string(r.Body) != row.body || length != row.length {
			t.Errorf("%s: %q of length %q", row.name, r.Body, length)
		}
	}
}

// Events that are no HTTP requests in payload format 2.0 go to the application as they are.
func TestPassThrough(t *testing.T) {
	for name, payload := range map[string]string{
		"queue":         `{"Records":[{"messageId":"1","body":"x"}]}`,
		"no object":     `"text"`,
		"number":        `1`,
		"null":          `null`,
		"empty":         `{}`,
		"REST API":      `{"httpMethod":"GET","path":"/","headers":{},"requestContext":{"stage":"prod"}}`,
		"no method":     `{"version":"2.0","requestContext":{"http":{}}}`,
		"headers array": v2("GET", `"headers":["a"],`),
		"header number": v2("GET", `"headers":{"a":1},`),
		"bad method":    v2("GE T", ``),
		// A header that HTTP does not allow, which is not sent as one either.
		"line break in a value": v2("GET", `"headers":{"a":"b\r\nc: d"},`),
		"line break in a name":  v2("GET", `"headers":{"a\r\nb":"c"},`),
		"space in a name":       v2("GET", `"headers":{"a b":"c"},`),
		"no name":               v2("GET", `"headers":{"":"c"},`),
		"zero in a value":       v2("GET", `"headers":{"a":"b\u0000"},`),
	} {
		r, body := translate(t, map[string]string{"AWS_LWA_PASS_THROUGH_PATH": "/my/events"}, payload)
		if r.Method != "POST" || r.RequestURI != "/my/events" || body != payload || r.Header.Get("Content-Type") != "application/json" ||
			r.Header.Get("X-Amzn-Request-Context") != "null" {
			t.Errorf("%s: %s %s %v %s", name, r.Method, r.RequestURI, r.Header, body)
		}
	}
}

// The adapter's library panics at these.
func TestRefusedEvents(t *testing.T) {
	for name, payload := range map[string]string{
		"no base64":        v2("POST", `"body":"!","isBase64Encoded":true,`),
		"space in a query": v2("GET", `"rawQueryString":"a b",`),
		"quote in a query": v2("GET", `"rawQueryString":"a=\"",`),
		"angle in a query": v2("GET", `"rawQueryString":"<",`),
	} {
		settings, _ := webapp.ParseSettings(nil)
		if r, err := settings.NewRequest(&runtimeapi.Invocation{Payload: []byte(payload)}, nil, webapp.Function{}); err == nil {
			t.Errorf("%s: %q", name, r.Head)
		}
	}
}

// Whatever an event says, the application reads one request with the body of the event.
func FuzzRequest(f *testing.F) {
	f.Add(v2("GET", `"headers":{"a":"b"},"cookies":["c=d"],"rawPath":"/x","rawQueryString":"y",`))
	f.Add(v2("POST", `"body":"AA==","isBase64Encoded":true,`))
	f.Add("{\n\t\"requestContext\": {\n\"http\":{\"method\":\"PUT\"}}}")
	f.Add(`{"Records":[]}`)
	f.Fuzz(func(t *testing.T, payload string) {
		if !json.Valid([]byte(payload)) {
			return
		}
		settings, _ := webapp.ParseSettings(nil)
		r, err := settings.NewRequest(&runtimeapi.Invocation{Payload: []byte(payload)}, nil, webapp.Function{})
		if err != nil {
			return
		}
		reader := bufio.NewReader(io.MultiReader(bytes.NewReader(r.Head), bytes.NewReader(r.Body)))
		read, err := http.ReadRequest(reader)
		if err != nil {
			if strings.Contains(err.Error(), "malformed Host header") || strings.Contains(err.Error(), "invalid URI") {
				return // what the client has sent, with nothing added
			}
			t.Fatalf("%v\n%q", err, r.Head)
		}
		body, err := io.ReadAll(read.Body)
		if err != nil || !bytes.Equal(body, r.Body) || reader.Buffered() > 0 {
			t.Fatalf("%q: body %q, %v, and more", r.Head, body, err)
		}
	})
}
