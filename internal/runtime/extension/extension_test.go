//go:build unix

package extension_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/runtime/extension"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
)

// environment is one with nothing but extensions.
type environment struct {
	testing.TB
	set       *extension.Set
	telemetry *extension.Telemetry
	address   string
	asked     chan bool
	failed    chan string

	mu   sync.Mutex
	lost []string // telemetry
}

type noRuntime struct{ runtimeapi.Handler }

type open struct{}

func (open) Knows(net.Conn) bool                   { return true }
func (open) Admit(context.Context, net.Conn) error { return nil }
func (open) Refused(net.Conn, error)               {}

// changed is what a test has otherwise.
func newEnvironment(t testing.TB, external []string, changes ...func(*extension.TelemetryConfig)) *environment {
	t.Helper()
	e := &environment{TB: t, asked: make(chan bool, 100), failed: make(chan string, 100)}
	config := extension.TelemetryConfig{
		Dial: func(ctx context.Context, port int) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp4", "127.0.0.1:"+strconv.Itoa(port))
		},
		Failed: func(name string, _ int, err error) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.lost = append(e.lost, name+": "+err.Error())
		},
		Now: func() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 123e6, time.UTC) },
	}
	for _, change := range changes {
		change(&config)
	}
	e.telemetry = extension.NewTelemetry(config)
	t.Cleanup(e.telemetry.Close)
	e.set = extension.New(extension.Config{
		Function: "books", Version: "7", Handler: "app.handler", AccountID: "123456789012", External: external,
		Asked: func() { e.asked <- true }, Failed: func(kind string) { e.failed <- kind }, Telemetry: e.telemetry,
	})
	server, err := runtimeapi.Listen(noRuntime{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server.Extensions = e.set
	server.Serve(open{})
	t.Cleanup(func() { server.Close() })
	e.address = "http://" + server.Addr()
	return e
}

// do makes a request and answers status and body; header is names and values.
func (e *environment) do(method, path, body string, header ...string) (string, http.Header) {
	e.Helper()
	req, err := http.NewRequestWithContext(e.Context(), method, e.address+path, strings.NewReader(body))
	if err != nil {
		e.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error(), nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error(), nil
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, text), resp.Header
}

const (
	register  = "/2020-01-01/extension/register"
	next      = "/2020-01-01/extension/event/next"
	initError = "/2020-01-01/extension/init/error"
	exitError = "/2020-01-01/extension/exit/error"
	telemetry = "/2022-07-01/telemetry"
	logs      = "/2020-08-15/logs"

	name      = "Lambda-Extension-Name"
	id        = "Lambda-Extension-Identifier"
	errorType = "Lambda-Extension-Function-Error-Type"
	stranger  = "01234567-89ab-4def-8123-456789abcdef"
)

// enter registers an extension and answers its identifier.
func (e *environment) enter(who string, events ...string) string {
	e.Helper()
	body, err := json.Marshal(map[string]any{"events": append([]string{}, events...)})
	if err != nil {
		e.Fatal(err)
	}
	answer, header := e.do("POST", register, string(body), name, who)
	if !strings.HasPrefix(answer, "200 ") {
		e.Fatal(answer)
	}
	return header.Get(id)
}

// ask asks for the next event in the background.
func (e *environment) ask(identifier string) <-chan string {
	answer := make(chan string, 1)
	go func() {
		text, header := e.do("GET", next, "", id, identifier)
		answer <- text + " " + header.Get("Lambda-Extension-Event-Identifier")
	}()
	return answer
}

func forbidden(kind, message string) string {
	return fmt.Sprintf(`403 {"errorMessage":"%s","errorType":"%s"}`, message, kind)
}

// Every answer of lambda-facts 5.1 (aws-lambda-runtime-interface-emulator, packages rapi/handler and rapi/middleware).
func TestRefusals(t *testing.T) {
	const illegal = "State transition from %s to %s failed for extension %s. Error: State transition is not allowed"
	for _, row := range []struct {
		name   string
		before func(e *environment) (identifier string)
		method string
		path   string
		body   string
		header []string // {id} is the identifier
		want   string
	}{
		{"no name", nil, "POST", register, `{}`, nil, forbidden("Extension.InvalidExtensionName", "Empty extension name")},
		{"a long name", nil, "POST", register, `{}`, []string{name, strings.Repeat("n", 256)},
			forbidden("Extension.InvalidExtensionName", "Extension name is longer than 255 bytes")},
		{"no body", nil, "POST", register, ``, []string{name, "in"}, forbidden("InvalidRequestFormat", "unexpected end of JSON input")},
		{"no JSON", nil, "POST", register, `x`, []string{name, "in"},
			forbidden("InvalidRequestFormat", `invalid character 'x' looking for beginning of value`)},
		{"a huge body", nil, "POST", register, strings.Repeat(" ", 1<<20+1), []string{name, "in"},
			forbidden("InvalidRequestFormat", "the body is longer than 1048576 bytes")},
		{"configuration keys", nil, "POST", register, `{"events":[],"configurationKeys":["a"]}`, []string{name, "in"},
			forbidden("InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead")},
		{"SHUTDOWN within", nil, "POST", register, `{"events":["INVOKE","SHUTDOWN"]}`, []string{name, "in"},
			forbidden("Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")},
		{"an unknown event", nil, "POST", register, `{"events":["TEATIME"]}`, []string{name, "in"},
			forbidden("Extension.InvalidEventType", "TEATIME: ErrorInvalidEventType")},
		{"an unknown event of an external one", nil, "POST", register, `{"events":["invoke"]}`, []string{name, "out"},
			forbidden("Extension.InvalidEventType", "invoke: ErrorInvalidEventType")},
		{"too late", func(e *environment) string { e.set.CloseRegistration(); return "" }, "POST", register, `{"events":[]}`,
			[]string{name, "in"}, forbidden("Extension.RegistrationClosed", "Extension registration closed already")},
		{"twice within", func(e *environment) string { return e.enter("in") }, "POST", register, `{"events":[]}`, []string{name, "in"},
			forbidden("Extension.InvalidExtensionState", "Extension with this name already registered")},
		{"twice", func(e *environment) string { return e.enter("out") }, "POST", register, `{"events":[]}`, []string{name, "out"},
			forbidden("Extension.InvalidExtensionState", fmt.Sprintf(illegal, "Registered", "Registered", "out"))},
		{"the eleventh", func(e *environment) string {
			for i := range 9 {
				e.enter(fmt.Sprint("in", i))
			}
			return ""
		}, "POST", register, `{"events":[]}`, []string{name, "in"}, forbidden("Extension.TooManyExtensions", "Extension limit (10) reached")},
		{"next without an identifier", nil, "GET", next, "", nil,
			forbidden("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")},
		{"next with nonsense", nil, "GET", next, "", []string{id, "me"},
			forbidden("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")},
		{"next of a stranger", nil, "GET", next, "", []string{id, strings.ToUpper(stranger)},
			forbidden("Extension.UnknownExtensionIdentifier", "Unknown extension "+stranger)},
		{"next twice at once", func(e *environment) string {
			me := e.enter("in")
			e.ask(me)
			<-e.asked
			return me
		}, "GET", next, "", []string{id, "{id}"}, forbidden("Extension.InvalidExtensionState", fmt.Sprintf(illegal, "Ready", "Ready", "{id}"))},
		{"next after an error", func(e *environment) string {
			me := e.enter("in")
			e.do("POST", initError, "", id, me, errorType, "Extension.Mine")
			return me
		}, "GET", next, "", []string{id, "{id}"}, forbidden("Extension.InvalidExtensionState", fmt.Sprintf(illegal, "InitError", "Ready", "{id}"))},
		{"init/error without a type", func(e *environment) string { return e.enter("in") }, "POST", initError, "", []string{id, "{id}"},
			forbidden("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")},
		{"exit/error without a type", func(e *environment) string { return e.enter("in") }, "POST", exitError, "", []string{id, "{id}"},
			forbidden("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")},
		{"init/error without an identifier", nil, "POST", initError, "", []string{errorType, "X"},
			forbidden("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")},
		{"init/error of a stranger", nil, "POST", initError, "", []string{id, stranger, errorType, "X"},
			forbidden("Extension.UnknownExtensionIdentifier", "Unknown extension "+stranger)},
		{"init/error too late", func(e *environment) string {
			me := e.enter("in")
			e.ask(me)
			<-e.asked
			return me
		}, "POST", initError, "", []string{id, "{id}", errorType, "X"},
			forbidden("Extension.InvalidExtensionState", fmt.Sprintf(illegal, "Ready", "InitError", "{id}"))},
		{"exit/error after init/error", func(e *environment) string {
			me := e.enter("in")
			e.do("POST", initError, "", id, me, errorType, "Extension.Mine")
			return me
		}, "POST", exitError, "", []string{id, "{id}", errorType, "X"},
			forbidden("Extension.InvalidExtensionState", fmt.Sprintf(illegal, "InitError", "Exited", "{id}"))},
		{"init/error again", func(e *environment) string {
			me := e.enter("in")
			e.do("POST", initError, "", id, me, errorType, "Extension.Mine")
			return me
		}, "POST", initError, "", []string{id, "{id}", errorType, "X"}, `202 {"status":"OK"}`},
		{"exit/error", func(e *environment) string { return e.enter("in") }, "POST", exitError, `{"errorMessage":"m"}`,
			[]string{id, "{id}", errorType, "X"}, `202 {"status":"OK"}`},
		{"telemetry without an identifier", nil, "PUT", telemetry, "{}", nil,
			forbidden("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")},
		{"telemetry of a stranger", nil, "PUT", telemetry, "{}", []string{id, stranger},
			forbidden("Extension.UnknownExtensionIdentifier", "Unknown extension "+stranger)},
		{"another method", nil, "GET", register, "", nil,
			`405 {"errorMessage":"/2020-01-01/extension/register takes POST, not GET","errorType":"MethodNotAllowed"}`},
		{"another path", nil, "POST", "/2020-01-01/extension/stop", "", nil,
			`404 {"errorMessage":"furl's Runtime API has no POST /2020-01-01/extension/stop","errorType":"NotFound"}`},
		{"a web page", nil, "POST", register, "{}", []string{name, "in", "Origin", "http://example.com"},
			forbidden("Forbidden", "the Runtime API is not for web pages")},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := newEnvironment(t, []string{"out"})
			identifier := ""
			if row.before != nil {
				identifier = row.before(e)
			}
			header := strings.Split(strings.ReplaceAll(strings.Join(row.header, "\n"), "{id}", identifier), "\n")
			got, _ := e.do(row.method, row.path, row.body, header...)
			if diff := cmp.Diff(strings.ReplaceAll(row.want, "{id}", identifier), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRegister(t *testing.T) {
	e := newEnvironment(t, []string{"out"})
	for _, row := range []struct{ who, feature, body, want string }{
		{"in", "", `{"events":["INVOKE","INVOKE"]}`, `200 {"functionName":"books","functionVersion":"7","handler":"app.handler"}`},
		{"in too", "other, accountId", `{"events":[]}`,
			`200 {"functionName":"books","functionVersion":"7","handler":"app.handler","accountId":"123456789012"}`},
		{"quiet", "accountid", `{}`, `200 {"functionName":"books","functionVersion":"7","handler":"app.handler"}`},
		{"empty list", "", `{"events":null,"configurationKeys":[]}`, `200 {"functionName":"books","functionVersion":"7","handler":"app.handler"}`},
		{"out", "accountId", `{"events":["SHUTDOWN","INVOKE"]}`,
			`200 {"functionName":"books","functionVersion":"7","handler":"app.handler","accountId":"123456789012"}`},
	} {
		select {
		case <-e.set.Registered():
			t.Fatal("the external extension counts as registered")
		default:
		}
		got, header := e.do("POST", register, row.body, name, row.who, "Lambda-Extension-Accept-Feature", row.feature)
		if got != row.want {
			t.Errorf("%s: %s, want %s", row.who, got, row.want)
		}
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(header.Get(id)) {
			t.Errorf("%s: identifier %q", row.who, header.Get(id))
		}
	}
	<-e.set.Registered()
	want := []extension.Info{
		{Name: "out", State: "Registered", Events: []string{"SHUTDOWN", "INVOKE"}, External: true},
		{Name: "in", State: "Registered", Events: []string{"INVOKE"}},
		{Name: "in too", State: "Registered", Events: []string{}},
		{Name: "quiet", State: "Registered", Events: []string{}},
		{Name: "empty list", State: "Registered", Events: []string{}},
	}
	if diff := cmp.Diff(want, e.set.Infos()); diff != "" {
		t.Error(diff)
	}
}

func TestEvents(t *testing.T) {
	e := newEnvironment(t, []string{"out"})
	out, in, idle := e.enter("out", "INVOKE", "SHUTDOWN"), e.enter("in", "INVOKE"), e.enter("idle")
	first, second, never := e.ask(out), e.ask(in), e.ask(idle)
	for range 3 {
		<-e.asked
	}
	if !e.set.AllReady() {
		t.Fatal("not all are ready")
	}
	deadline := time.UnixMilli(1_796_000_000_123)
	e.set.Invoke(extension.Invocation{RequestID: "r", FunctionARN: "arn:f", TraceID: "Root=1", Deadline: deadline})
	if e.set.AllReady() {
		t.Error("all count as ready while they have an event")
	}
	const uuid = `[0-9a-f]{8}-[0-9a-f-]{27}$`
	want := `^200 \{"eventType":"INVOKE","deadlineMs":1796000000123,"requestId":"r","invokedFunctionArn":"arn:f",` +
		`"tracing":\{"type":"X-Amzn-Trace-Id","value":"Root=1"\}\} ` + uuid
	for _, got := range []string{<-first, <-second} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	first, second = e.ask(out), e.ask(in)
	<-e.asked
	<-e.asked
	e.set.Invoke(extension.Invocation{RequestID: "r", FunctionARN: "arn:f", Deadline: deadline})
	if got, want := <-first, `"invokedFunctionArn":"arn:f"} `; !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	<-second
	// An extension that still works gets SHUTDOWN when it asks.
	e.set.Shutdown(deadline, "spindown")
	if got, want := <-e.ask(out), `200 {"eventType":"SHUTDOWN","deadlineMs":1796000000123,"shutdownReason":"spindown"} `; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	select {
	case got := <-never:
		t.Errorf("an extension without events got %s", got)
	default:
	}
}

// An event is not lost with the connection that waited for it.
func TestLostConnection(t *testing.T) {
	e := newEnvironment(t, nil)
	me := e.enter("in", "INVOKE")
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", e.address+next, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(id, me)
	gone := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		gone <- err
	}()
	<-e.asked
	cancel()
	<-gone
	e.set.Invoke(extension.Invocation{RequestID: "r"})
	if got := <-e.ask(me); !strings.Contains(got, `"requestId":"r"`) {
		t.Error(got)
	}
}

// An identifier in any written form of a UUID.
func TestIdentifiers(t *testing.T) {
	e := newEnvironment(t, nil)
	me := e.enter("in")
	for _, form := range []string{me, strings.ToUpper(me), "{" + me + "}", "urn:uuid:" + me, strings.ReplaceAll(me, "-", "")} {
		if got, _ := e.do("POST", exitError, "", id, form, errorType, "X"); got != `202 {"status":"OK"}` {
			t.Errorf("%s: %s", form, got)
		}
	}
	for _, form := range []string{me[1:], me + "0", strings.ReplaceAll(me, "-", "_"), "{}", strings.Repeat("a", 1000), me[:35] + "g"} {
		if got, _ := e.do("POST", exitError, "", id, form, errorType, "X"); !strings.Contains(got, "InvalidExtensionIdentifier") {
			t.Errorf("%s: %s", form, got)
		}
	}
	if got := <-e.failed; got != extension.ExitError || len(e.failed) != 0 {
		t.Errorf("%s, and %d more failures", got, len(e.failed))
	}
}

// listener is an extension's, for telemetry.
type listener struct {
	*httptest.Server
	batches chan []json.RawMessage
	status  chan int // of the next answers; 200 without
}

func newListener(t testing.TB) *listener {
	l := &listener{batches: make(chan []json.RawMessage, 1000), status: make(chan int, 100)}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case status := <-l.status:
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			w.WriteHeader(status)
			return
		default:
		}
		var batch []json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
			t.Error(err)
		}
		if got := r.Method + r.URL.RequestURI() + r.Header.Get("Content-Type"); got != "POST/in?a=bapplication/json" {
			t.Error(got)
		}
		l.batches <- batch
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) port() string {
	_, port, _ := strings.Cut(strings.TrimPrefix(l.URL, "http://"), ":")
	return port
}

// subscription is the body of a subscription; the changes are members of it, as JSON.
func (l *listener) subscription(types ...string) string {
	list, _ := json.Marshal(types) //nolint:errcheck // strings marshal
	return `{"schemaVersion":"2022-12-13","types":` + string(list) + `,"buffering":{"timeoutMs":25},` +
		`"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:` + l.port() + `/in?a=b"}}`
}

// collect takes records until there are n.
func (l *listener) collect(t *testing.T, n int) []string {
	t.Helper()
	var all []string
	for len(all) < n {
		select {
		case batch := <-l.batches:
			for _, record := range batch {
				all = append(all, string(record))
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%d records, want %d: %s", len(all), n, all)
		}
	}
	return all
}

func TestSubscriptions(t *testing.T) {
	e := newEnvironment(t, nil)
	me := e.enter("in")
	const to = `"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080"}`
	invalid := func(message string) string {
		return fmt.Sprintf(`400 {"errorMessage":%q,"errorType":"ValidationError"}`, message)
	}
	for _, row := range []struct{ path, body, want string }{
		{telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],` + to + `}`, `200 "OK"`},
		{telemetry, `{"schemaVersion":"2025-01-29","types":["platform","function","extension"],` + to +
			`,"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":30000}}`, `200 "OK"`},
		{telemetry, `{"schemaVersion":"2022-07-01","types":["function"],"destination":{"protocol":"TCP","port":8080}}`, `200 "OK"`},
		{telemetry, `{"schemaVersion":"2022-07-01","types":["function"],"destination":{"protocol":"HTTP","URI":"http://SANDBOX:8080/a"}}`, `200 "OK"`},
		{telemetry, `{"types":["platform"],` + to + `}`, invalid(`schemaVersion "" is not supported`)},
		{telemetry, `{"schemaVersion":"2020-08-15","types":["platform"],` + to + `}`, invalid(`schemaVersion "2020-08-15" is not supported`)},
		{telemetry, `{"schemaVersion":"2022-07-01","types":[],` + to + `}`, invalid("types must name at least one of platform, function and extension")},
		{telemetry, `{"schemaVersion":"2022-07-01",` + to + `}`, invalid("types must name at least one of platform, function and extension")},
		{telemetry, `{"schemaVersion":"2022-07-01","types":["logs"],` + to + `}`, invalid(`types: "logs" is none of platform, function and extension`)},
		{telemetry, `{"schemaVersion":"2022-07-01","types":["platform"]}`, invalid(`destination: protocol "" is neither HTTP nor TCP`)},
		{telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],"destination":{"protocol":"UDP","port":1}}`,
			invalid(`destination: protocol "UDP" is neither HTTP nor TCP`)},
		{telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],"destination":{"protocol":"TCP"}}`, invalid("destination: port is missing")},
		{telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],"destination":{"protocol":"TCP","port":0}}`,
			invalid("destination: port 0 must be from 1 to 65535, and not 9001")},
		{telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:9001"}}`,
			invalid("destination: port 9001 must be from 1 to 65535, and not 9001")},
		{telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain"}}`,
			invalid(`destination: URI "http://sandbox.localdomain" has no port`)},
		{telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],` + to + `,"buffering":{"maxItems":999}}`,
			invalid("buffering.maxItems must be from 1000 to 10000, not 999")},
		{telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],` + to + `,"buffering":{"maxBytes":1048577}}`,
			invalid("buffering.maxBytes must be from 262144 to 1048576, not 1048577")},
		{telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],` + to + `,"buffering":{"timeoutMs":24}}`,
			invalid("buffering.timeoutMs must be from 25 to 30000, not 24")},
		{telemetry, `[]`, invalid("json: cannot unmarshal array into Go value of type extension.subscription")},
		{logs, `{"types":["platform"],` + to + `}`, `200 "OK"`},
		{logs, `{"schemaVersion":"2021-03-18","types":["platform"],` + to + `}`, `200 "OK"`},
		{logs, `{"types":["platform"],"destination":{"protocol":"HTTP","URI":"http://sandbox:8080","method":"PUT","encoding":"JSON"}}`, `200 "OK"`},
		{logs, `{"types":["platform"],"destination":{"protocol":"HTTP","URI":"http://sandbox:8080","method":"DELETE"}}`,
			`400 {"errorMessage":"destination: method \"DELETE\" is neither POST nor PUT","errorType":"Logs.ValidationError"}`},
		{logs, `{"schemaVersion":"2022-07-01","types":["platform"],` + to + `}`,
			`400 {"errorMessage":"schemaVersion \"2022-07-01\" is not supported","errorType":"Logs.ValidationError"}`},
	} {
		if got, _ := e.do("PUT", row.path, row.body, id, me); got != row.want {
			t.Errorf("%s %s:\n%s, want\n%s", row.path, row.body, got, row.want)
		}
	}
	for _, uri := range []string{
		"http://127.0.0.1:8080", "http://localhost:8080", "https://sandbox.localdomain:8080", "http://sandbox.localdomain.example.com:8080",
		"http://sandbox.localdomain@example.com:8080", "http://u:p@sandbox.localdomain:8080", "sandbox.localdomain:8080", "http://169.254.169.254:80",
		"", "http://[::1]:8080",
	} {
		body := `{"schemaVersion":"2022-07-01","types":["platform"],"destination":{"protocol":"HTTP","URI":"` + uri + `"}}`
		if got, _ := e.do("PUT", telemetry, body, id, me); !strings.HasPrefix(got, `400 {"errorMessage":"destination: `) {
			t.Errorf("%q: %s", uri, got)
		}
	}
	e.telemetry.CloseSubscription()
	for path, want := range map[string]string{
		telemetry: forbidden("Telemetry.SubscriptionClosed", "Telemetry API subscription is closed"),
		logs:      forbidden("Logs.SubscriptionClosed", "Logs API subscription is closed"),
	} {
		body := `{"schemaVersion":"` + map[string]string{telemetry: "2022-07-01", logs: "2020-08-15"}[path] + `","types":["platform"],` + to + `}`
		if got, _ := e.do("PUT", path, body, id, me); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Where the system cannot tell whose a listener is, the answer is that of AWS's emulator.
func TestTelemetryIsNotSupported(t *testing.T) {
	e := newEnvironment(t, nil, func(c *extension.TelemetryConfig) { c.Dial = nil })
	me := e.enter("in")
	for path, want := range map[string]string{
		telemetry: `202 {"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}`,
		logs:      `202 {"errorMessage":"Logs API is not supported","errorType":"Logs.NotSupported"}`,
	} {
		if got, _ := e.do("PUT", path, `{}`, id, me); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestDelivery(t *testing.T) {
	e := newEnvironment(t, nil)
	me, l := e.enter("in"), newListener(t)
	early := time.Date(2026, 11, 30, 11, 59, 59, 0, time.FixedZone("", 3600))
	e.telemetry.Line(early, false, []byte("<early>"))
	if got, _ := e.do("PUT", telemetry, l.subscription("platform", "function"), id, me); got != `200 "OK"` {
		t.Fatal(got)
	}
	e.telemetry.CloseSubscription()
	e.telemetry.Line(early, true, []byte("of an extension"))
	e.telemetry.Send(extension.Start{RequestID: "r", Version: "7", Tracing: extension.NewTracing("Root=1")})
	e.telemetry.Send(extension.End{RequestID: "r"}) // for the Logs API alone
	got := l.collect(t, 3)
	want := []string{
		`{"time":"2026-11-30T10:59:59.000Z","type":"function","record":"<early>"}`,
		`{"time":"2026-11-30T12:00:00.123Z","type":"platform.telemetrySubscription","record":{"name":"in","state":"Subscribed","types":["platform","function"]}}`,
		`{"time":"2026-11-30T12:00:00.123Z","type":"platform.start","record":{"requestId":"r","version":"7","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What each version of the two APIs delivers of one invocation.
func TestAudiences(t *testing.T) {
	for _, row := range []struct{ path, version, want string }{
		{telemetry, "2022-07-01", "telemetrySubscription initStart start runtimeDone report"},
		{logs, "2020-08-15", "logsSubscription start end report"},
		{logs, "2021-03-18", "logsSubscription start runtimeDone end report"},
	} {
		e := newEnvironment(t, nil)
		me, l := e.enter("in"), newListener(t)
		body := strings.Replace(l.subscription("platform"), "2022-12-13", row.version, 1)
		if got, _ := e.do("PUT", row.path, body, id, me); got != `200 "OK"` {
			t.Fatal(got)
		}
		for _, event := range []extension.Event{
			extension.InitStart{}, extension.Start{}, extension.RuntimeDone{}, extension.End{}, extension.Report{},
		} {
			e.telemetry.Send(event)
		}
		want := strings.Fields(row.want)
		var names []string
		for _, record := range l.collect(t, len(want)) {
			_, after, _ := strings.Cut(record, `"type":"platform.`)
			name, _, _ := strings.Cut(after, `"`)
			names = append(names, name)
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%s %s: %s", row.path, row.version, diff)
		}
	}
}

// A listener that fails for a while gets its records late; redirects lead nowhere.
func TestDeliveryIsTriedAgain(t *testing.T) {
	e := newEnvironment(t, nil)
	me, l := e.enter("in"), newListener(t)
	l.status <- 500
	l.status <- 307
	if got, _ := e.do("PUT", telemetry, l.subscription("function"), id, me); got != `200 "OK"` {
		t.Fatal(got)
	}
	e.telemetry.Line(time.Now(), false, []byte("patience"))
	if got := l.collect(t, 1); !strings.Contains(got[0], "patience") {
		t.Error(got)
	}
}

// What cannot be delivered is dropped, and the next batch says so.
func TestLogsDropped(t *testing.T) {
	e := newEnvironment(t, nil)
	me, l := e.enter("in"), newListener(t)
	for range 4 { // as often as a batch is tried
		l.status <- 503
	}
	if got, _ := e.do("PUT", telemetry, l.subscription("platform", "function"), id, me); got != `200 "OK"` {
		t.Fatal(got)
	}
	e.telemetry.Line(time.Now(), false, []byte("lost"))
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		e.mu.Lock()
		lost := len(e.lost)
		e.mu.Unlock()
		if lost > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was lost")
		}
	}
	e.telemetry.Line(time.Now(), false, []byte("found"))
	got := l.collect(t, 2)
	const want = `"type":"platform.logsDropped","record":\{"droppedBytes":[1-9]\d+,"droppedRecords":[12],"reason":"could not deliver: the extension answers 503"\}`
	if !regexp.MustCompile(want).MatchString(got[0]) || !strings.Contains(got[1], "found") {
		t.Errorf("%s, want %s", got, want)
	}
	if diff := cmp.Diff([]string{"in: the extension answers 503"}, e.lost); diff != "" {
		t.Error(diff)
	}
}

// A function that writes faster than an extension reads costs the server no more memory than two batches.
func TestQueueIsBounded(t *testing.T) {
	e := newEnvironment(t, nil)
	me, l := e.enter("in"), newListener(t)
	body := strings.Replace(l.subscription("platform", "function"), `"timeoutMs":25`, `"timeoutMs":30000`, 1)
	block := make(chan bool)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-block
		r.Host = ""
		l.Config.Handler.ServeHTTP(httptest.NewRecorder(), r)
	}))
	t.Cleanup(slow.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(slow.URL, "http://"), ":")
	if got, _ := e.do("PUT", telemetry, strings.Replace(body, l.port(), port, 1), id, me); got != `200 "OK"` {
		t.Fatal(got)
	}
	e.telemetry.CloseSubscription()
	line := []byte(strings.Repeat("x", 1000))
	for range 2000 { // 2 MB, for batches of 256 KiB
		e.telemetry.Line(time.Now(), false, line)
	}
	close(block)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	e.telemetry.Flush(ctx)
	e.telemetry.Line(time.Now(), false, []byte("after"))
	e.telemetry.Flush(ctx)
	var lines, dropped int
	for batch := range drained(l.batches) {
		for _, record := range batch {
			var r struct {
				Type   string
				Record json.RawMessage
			}
			if err := json.Unmarshal(record, &r); err != nil {
				t.Fatal(err)
			}
			switch r.Type {
			case "function":
				lines++
			case "platform.logsDropped":
				var lost struct{ DroppedRecords int }
				if err := json.Unmarshal(r.Record, &lost); err != nil {
					t.Fatal(err)
				}
				dropped += lost.DroppedRecords
			}
		}
	}
	if dropped == 0 || lines+dropped != 2001 || lines > 1000 {
		t.Errorf("%d lines and %d dropped ones of 2001", lines, dropped)
	}
}

// drained are the batches that came already.
func drained(batches chan []json.RawMessage) func(func([]json.RawMessage) bool) {
	return func(yield func([]json.RawMessage) bool) {
		for {
			select {
			case batch := <-batches:
				if !yield(batch) {
					return
				}
			default:
				return
			}
		}
	}
}

func TestDeliveryOverTCP(t *testing.T) {
	e := newEnvironment(t, nil)
	me := e.enter("in")
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close() })
	received := make(chan string, 1)
	go func() {
		conn, err := tcp.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		text := make([]byte, 4096)
		n := 0
		for strings.Count(string(text[:n]), "\n") < 2 {
			more, err := conn.Read(text[n:])
			if err != nil {
				break
			}
			n += more
		}
		received <- string(text[:n])
	}()
	body := fmt.Sprintf(`{"schemaVersion":"2022-07-01","types":["function"],"buffering":{"timeoutMs":25},"destination":{"protocol":"TCP","port":%d}}`,
		tcp.Addr().(*net.TCPAddr).Port)
	if got, _ := e.do("PUT", telemetry, body, id, me); got != `200 "OK"` {
		t.Fatal(got)
	}
	at := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	e.telemetry.Line(at, false, []byte("one"))
	e.telemetry.Line(at, false, []byte("two"))
	want := "{\"time\":\"2026-11-30T00:00:00.000Z\",\"type\":\"function\",\"record\":\"one\"}\n" +
		"{\"time\":\"2026-11-30T00:00:00.000Z\",\"type\":\"function\",\"record\":\"two\"}\n"
	if diff := cmp.Diff(want, <-received); diff != "" {
		t.Error(diff)
	}
}
