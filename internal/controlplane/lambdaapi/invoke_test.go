//go:build unix

package lambdaapi_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const invokePath = "/2015-03-31/functions/books/invocations"

func TestInvoke(t *testing.T) {
	s := start(t)
	s.create("books")
	s.invoker.result = result{Payload: []byte(`{"ok":true}`), LogTail: []byte("START\nEND\n")}
	got := s.do(request{method: "POST", path: invokePath + "?Qualifier=$LATEST", body: `{"page":5}`, header: map[string]string{
		"X-Amz-Invocation-Type": "RequestResponse", "X-Amz-Log-Type": "Tail",
		"X-Amz-Client-Context": base64.StdEncoding.EncodeToString([]byte(`{"client":{}}`)),
		"X-Amzn-Trace-Id":      "Root=1-6a512cea-2f1b0c9d8e7f6a5b4c3d2e1f;Sampled=1",
	}})
	if got.status != 200 || got.body != `{"ok":true}` {
		t.Errorf("got %d %s", got.status, got.body)
	}
	id := strings.ReplaceAll(got.header.Get("x-amzn-RequestId"), "-", "")
	traceID := "Root=1-6a512cea-2f1b0c9d8e7f6a5b4c3d2e1f;Parent=" + id[:16] + ";Sampled=1;Lineage=1:24b924b4:0"
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Amz-Executed-Version": "$LATEST", "X-Amz-Function-Error": "",
		"X-Amz-Log-Result": base64.StdEncoding.EncodeToString([]byte("START\nEND\n")), "X-Amzn-Remapped-Content-Length": "0",
		"X-Amzn-Trace-Id": traceID,
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
		}
	}
	want := []invoke.Request{{
		Target: s.target("books", "$LATEST"), Payload: []byte(`{"page":5}`), ClientContext: `{"client":{}}`,
		RequestID: got.header.Get("x-amzn-RequestId"), TraceID: traceID,
	}}
	if diff := cmp.Diff(want, s.invoker.calls, cmpopts.EquateComparable(), sameFunction); diff != "" {
		t.Error(diff)
	}
}

// Recorded in radkawar/stackd, invocation_tails.json: three bytes that are left of a character become three U+FFFD.
func TestLogTailIsText(t *testing.T) {
	s := start(t)
	s.create("books")
	s.invoker.result = result{Payload: []byte("{}"), LogTail: []byte("\U0001F600\U0001F600é\n"[1:])}
	got := s.do(request{method: "POST", path: invokePath, header: map[string]string{"X-Amz-Log-Type": "Tail"}})
	want := base64.StdEncoding.EncodeToString([]byte("\uFFFD\uFFFD\uFFFD\U0001F600é\n"))
	if tail := got.header.Get("X-Amz-Log-Result"); tail != want {
		t.Errorf("the log is %q, want %q", tail, want)
	}
}

// sameFunction compares functions by identity: they have unexported fields.
var sameFunction = cmp.Comparer(func(a, b invoke.Request) bool {
	same := a.Target.Function == b.Target.Function && a.Target.Qualifier == b.Target.Qualifier
	a.Target, b.Target = resolve.Target{}, resolve.Target{}
	return same && cmp.Equal(fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b))
})

func TestInvokeOfAFunctionThatFails(t *testing.T) {
	s := start(t)
	s.create("books")
	payload := `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: x Error: Task timed out after 3.00 seconds"}`
	s.invoker.result = result{Payload: []byte(payload), FunctionError: "Unhandled"}
	got := s.do(request{method: "POST", path: invokePath})
	if got.status != 200 || got.body != payload || got.header.Get("X-Amz-Function-Error") != "Unhandled" {
		t.Errorf("got %d %v %s", got.status, got.header, got.body)
	}
	if _, ok := got.header["X-Amz-Log-Result"]; ok {
		t.Error("the log was not asked for")
	}
	if call := s.invoker.calls[0]; string(call.Payload) != "{}" || s.invoker.tails != 0 || !strings.HasPrefix(call.TraceID, "Root=1-6b045b3a-") {
		t.Errorf("payload %q, the log read %d times, trace %q; a request without a body invokes with {}, in a trace of its own", call.Payload, s.invoker.tails, call.TraceID)
	}
}

func TestInvokeEventAndDryRun(t *testing.T) {
	s := start(t)
	s.create("books")
	got := s.do(request{method: "POST", path: invokePath, body: `[1]`, header: map[string]string{"X-Amz-Invocation-Type": "Event"}})
	if got.status != 202 || got.body != "" || len(s.invoker.async) != 1 || string(s.invoker.async[0].Payload) != "[1]" {
		t.Errorf("Event: %d %q, %d taken", got.status, got.body, len(s.invoker.async))
	}
	got = s.do(request{method: "POST", path: invokePath, header: map[string]string{"X-Amz-Invocation-Type": "DryRun"}})
	if got.status != 204 || got.body != "" || len(s.invoker.calls) != 0 || len(s.invoker.async) != 1 {
		t.Errorf("DryRun: %d %q, %d invoked", got.status, got.body, len(s.invoker.calls))
	}
	largest := `"` + strings.Repeat("x", 1<<20-2) + `"`
	if got := s.do(request{method: "POST", path: invokePath, body: largest, header: map[string]string{"X-Amz-Invocation-Type": "Event"}}); got.status != 202 {
		t.Errorf("an event of exactly 1 MB: %d %s", got.status, got.body)
	}
	s.expect(request{method: "POST", path: invokePath, body: " " + largest, header: map[string]string{"X-Amz-Invocation-Type": "Event"}},
		fault{413, "RequestEntityTooLargeException", `{"message":"1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"}`})
}

// TestEventsCarryNoMore: an asynchronous invocation has no client context, and its answer nothing of a result. A dry
// run has neither, and runs nothing.
func TestEventsCarryNoMore(t *testing.T) {
	s := start(t)
	s.create("books")
	s.invoker.result = result{Payload: []byte(`{}`), LogTail: []byte("log")}
	client := base64.StdEncoding.EncodeToString([]byte(`{"client":{"app_title":"x"},"custom":{"a":"b"}}`))
	const root = "Root=1-6a512cea-2f1b0c9d8e7f6a5b4c3d2e1f"
	for how, status := range map[string]int{"Event": 202, "DryRun": 204} {
		got := s.do(request{method: "POST", path: invokePath + "?Qualifier=$LATEST", body: `{"a":1}`, header: map[string]string{
			"X-Amz-Invocation-Type": how, "X-Amz-Log-Type": "Tail", "X-Amz-Client-Context": client, "X-Amzn-Trace-Id": root + ";Sampled=1",
		}})
		if got.status != status || got.body != "" {
			t.Errorf("%s: %d %s", how, got.status, got.body)
		}
		for _, name := range []string{"X-Amz-Log-Result", "X-Amz-Executed-Version", "X-Amz-Function-Error", "Content-Type"} {
			if value, ok := got.header[name]; ok {
				t.Errorf("%s is answered with %s %q", how, name, value)
			}
		}
		// What is wrong with it is wrong all the same (assumed).
		if got := s.do(request{method: "POST", path: invokePath, header: map[string]string{
			"X-Amz-Invocation-Type": how, "X-Amz-Client-Context": "%%%"}}); got.status != 400 {
			t.Errorf("%s with a damaged client context: %d", how, got.status)
		}
	}
	if len(s.invoker.calls) != 0 || s.invoker.tails != 0 || len(s.invoker.async) != 1 {
		t.Fatalf("%d calls, %d tails, %d events", len(s.invoker.calls), s.invoker.tails, len(s.invoker.async))
	}
	want := invoke.Request{Target: s.target("books", "$LATEST"), Payload: []byte(`{"a":1}`)}
	event := s.invoker.async[0]
	if !strings.HasPrefix(event.TraceID, root+";") {
		t.Errorf("the event has the trace %q", event.TraceID)
	}
	event.RequestID, event.TraceID = "", ""
	if !cmp.Equal(want, event, sameFunction) {
		t.Errorf("the event is %+v", event)
	}
	// The caller of an answered invocation is told, and the function has its context.
	s.must(request{method: "POST", path: invokePath, header: map[string]string{"X-Amz-Client-Context": client}})
	if s.invoker.calls[0].ClientContext == "" {
		t.Error("a synchronous invocation lost its client context")
	}
}

func TestInvokeRefuses(t *testing.T) {
	s := start(t)
	s.create("books")
	const notJSON = "Could not parse request body into json: Could not parse payload into json: "
	source := func(line, column int) string {
		return fmt.Sprintf("\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %d, column: %d]", line, column)
	}
	content := func(message string) fault {
		return fault{400, "InvalidRequestContentException", `{"Type":"User","message":` + quote(message) + `}`}
	}
	for _, test := range []struct {
		path, body, header string
		want               fault
	}{
		{"none", `{}`, "", missing("Function not found: " + prefix + "none:$LATEST")},
		{"none:live", `{}`, "", missing("Function not found: " + prefix + "none:live")},
		{"books:live", `{}`, "", missing("Function not found: " + prefix + "books:live")},
		{"books:3", `{}`, "", missing("Function not found: " + prefix + "books:3")},
		{"books", `{`, "", content(notJSON + "unexpected end of JSON input")},
		// Recorded: test_lambda_invoke_payload_encoding_error in LocalStack's snapshots, 2025-11-24.
		{"books", "n\x87r\x9e\xe9\xb5\xd7I\xee\x9bmt", "", content(notJSON + "Invalid UTF-8 start byte 0x87" + source(1, 3))},
		{"books", "\x99\xeb,j\x07\xa1zYh", "", content(notJSON + "Unexpected character ((CTRL-CHAR, code 153)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')" + source(1, 1))},
		// As Jackson has them.
		{"books", `name=value`, "", content(notJSON + "Unrecognized token 'name': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')" + source(1, 6))},
		{"books", `hello`, "", content(notJSON + "Unrecognized token 'hello': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')" + source(1, 6))},
		{"books", "{\n {'a': 1}}", "", content(notJSON + "Unexpected character ('{' (code 123)): was expecting double-quote to start field name" + source(2, 2))},
		{"books", `{key: 1}`, "", content(notJSON + "Unexpected character ('k' (code 107)): was expecting double-quote to start field name" + source(1, 2))},
		{"books", `{"a" 1}`, "", content(notJSON + "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value" + source(1, 6))},
		{"books", `{"a":}`, "", content(notJSON + "Unexpected character ('}' (code 125)): expected a value" + source(1, 6))},
		{"books", `{"a":1 "b":2}`, "", content(notJSON + "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries" + source(1, 8))},
		{"books", `[1 2]`, "", content(notJSON + "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries" + source(1, 4))},
		{"books", `[1,tru]`, "", content(notJSON + "Unrecognized token 'tru': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')" + source(1, 8))},
		{"books", "=" + strings.Repeat("x", 600), "", content(notJSON + "Unexpected character ('=' (code 61)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')" + source(1, 1))},
		{"books", `{} {}`, "", content(notJSON + "invalid character '{' after top-level value")},
		{"books", `{}`, "X-Amz-Client-Context=%%%", content("Client context must be a valid Base64-encoded JSON object.")},
		{"books", `{}`, "X-Amz-Client-Context=" + base64.StdEncoding.EncodeToString([]byte(`[1]`)), content("Client context must be a valid Base64-encoded JSON object.")},
		{"books", `{}`, "X-Amz-Client-Context=" + base64.StdEncoding.EncodeToString([]byte(`null`)), content("Client context must be a valid Base64-encoded JSON object.")},
		{"books", `{}`, "X-Amz-Client-Context=" + base64.StdEncoding.EncodeToString([]byte(`{"a":"`+strings.Repeat("x", 2700)+`"}`)), content("Client context must be no more than 3583 bytes when base64-encoded.")},
		{"books", `{}`, "X-Amz-Invocation-Type=Sync", violates("1 validation error detected: Value 'Sync' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]")},
		{"books", `{}`, "X-Amz-Log-Type=All", violates("1 validation error detected: Value 'All' at 'logType' failed to satisfy constraint: Member must satisfy enum value set: [None, Tail]")},
		{"books", `{}`, "X-Amz-Tenant-Id=blue", invalid("The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.")},
		{"books", `{}`, "X-Amz-Durable-Execution-Name=x", invalid("furl does not support DurableExecutionName: it has no durable functions.")},
	} {
		header := map[string]string{}
		if name, value, ok := strings.Cut(test.header, "="); ok {
			header[name] = value
		}
		s.expect(request{method: "POST", path: "/2015-03-31/functions/" + test.path + "/invocations", body: test.body, header: header}, test.want)
	}
	if len(s.invoker.calls) != 0 {
		t.Errorf("%d refused requests ran the function", len(s.invoker.calls))
	}
}

func TestInvocationsThatDoNotTakePlace(t *testing.T) {
	s := start(t)
	s.create("books")
	for _, test := range []struct {
		err  error
		want fault
	}{
		{runtime.ErrBusy, fault{429, "TooManyRequestsException",
			`{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`}},
		{fmt.Errorf("run: %w", runtime.ErrClosed), fault{503, "ServiceException", `{"Type":"Service","Message":"The server is shutting down."}`}},
		{invoke.ErrRole, denied("The role defined for the function cannot be assumed by Lambda.")},
	} {
		s.invoker.err = test.err
		for _, how := range []string{"RequestResponse", "Event"} {
			r := request{method: "POST", path: invokePath, header: map[string]string{"X-Amz-Invocation-Type": how}}
			got := s.do(r)
			if got.status != test.want.status || got.name != test.want.name || got.body != test.want.body {
				t.Errorf("%v: got %d %s %s", test.err, got.status, got.name, got.body)
			}
		}
	}
	s.invoker.err = errors.New("the code is gone")
	if got := s.do(request{method: "POST", path: invokePath}); got.status != 500 || got.name != "ServiceException" || strings.Contains(got.body, "code is gone") {
		t.Errorf("got %d %s %s", got.status, got.name, got.body)
	}
	if !strings.Contains(s.plane.Log.String(), "the code is gone") {
		t.Errorf("the log says %q", s.plane.Log.String())
	}
}
