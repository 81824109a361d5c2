//go:build unix

package console_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/console"
	"github.com/furl-dev/furl/internal/logs"
	"github.com/furl-dev/furl/internal/trace"
)

const (
	web   = "arn:aws:lambda:eu-central-1:111111111111:function:web"
	alice = "arn:aws:iam::111111111111:user/alice"
)

// finding is a step with a verdict.
type finding struct {
	verdict trace.Verdict
	summary string
}

func (f finding) Verdict() trace.Verdict { return f.verdict }
func (f finding) Summary() string        { return f.summary }
func (finding) Details() []string        { return nil }
func (finding) Fix() []string            { return nil }

// denied is a decision with a fix in all forms.
type denied struct{ finding }

func (denied) FixAs(form string) (texts, sentences []string) {
	if form == "cdk" {
		return nil, []string{"by hand"}
	}
	return []string{"in " + form}, nil
}

func (denied) Decision() *trace.Decision { return &trace.Decision{Action: "lambda:InvokeFunction"} }
func (denied) Mismatch() *trace.Mismatch {
	return &trace.Mismatch{Differ: []trace.Differ{{Server: [2]int{0, 1}}}}
}

// recorded is a trace of a request, which the test may change before it is recorded.
func recorded(id string, status int, change func(*trace.Trace)) *trace.Trace {
	at := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	found := trace.New(id, at, "GET", "/book?page="+id, "id.lambda-url.eu-central-1.localhost", "127.0.0.1")
	found.Function, found.Caller = trace.Keep(web+":live", 640), trace.Keep(alice, 640)
	verdict := trace.OK
	if status >= 400 {
		verdict = trace.Refused
	}
	found.Add("invoke", at, finding{verdict, "because of " + id})
	if change != nil {
		change(found)
	}
	found.End(at.Add(time.Millisecond), status, "")
	return found
}

func newConsole(t testing.TB, traces ...*trace.Trace) *console.Console {
	c := &console.Console{State: emptyState(t), Now: time.Now, Traces: &trace.Recorder{}, Exchanges: &trace.Exchanges{}}
	for _, one := range traces {
		c.Traces.Record(one)
	}
	c.Open()
	return c
}

// get is the answer of the console, which has to be JSON.
func get(t *testing.T, c http.Handler, target string, into any) int {
	t.Helper()
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", target, nil))
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%s: %v: %s", target, err, w.Body)
	}
	return w.Code
}

type list struct {
	Requests []struct {
		ID, Reason, Verdict, Function, Caller, Operation string
		Status                                           int
	}
	Before  string
	Kept    int
	Message string
}

func (l list) ids() (ids []string) {
	for _, one := range l.Requests {
		ids = append(ids, one.ID)
	}
	return ids
}

// The list has what the filters want, newest first.
func TestRequestsAreFiltered(t *testing.T) {
	c := newConsole(t,
		recorded("a", 200, nil),
		recorded("b", 403, func(t *trace.Trace) { t.Caller = trace.Text{} }),
		recorded("c", 200, func(t *trace.Trace) { t.API, t.Operation = true, trace.Keep("lambda:CreateFunction", 99) }),
		recorded("d", 200, func(t *trace.Trace) { t.Probe = true }),
		recorded("e", 502, func(t *trace.Trace) { t.Function = trace.Keep(web+"site", 640) }),
		recorded("f", 404, func(t *trace.Trace) { t.Function = trace.Text{} }),
	)
	for query, want := range map[string][]string{
		"":                               {"f", "e", "b", "a"},
		"api=1":                          {"f", "e", "c", "b", "a"},
		"probes=1":                       {"f", "e", "d", "b", "a"},
		"api=1&probes=1&text=CREATEfunc": {"c"},
		"api=0&probes=0":                 {"f", "e", "b", "a"},
		"status=403":                     {"b"},
		"status=4xx":                     {"f", "b"},
		"status=4XX":                     {"f", "b"},
		"status=5xx":                     {"e"},
		"status=201":                     nil,
		"function=web":                   {"b", "a"},
		"function=web:live":              {"b", "a"},
		"function=web:other":             nil,
		"function=we":                    nil,
		"function=function":              nil,
		"function=arn:aws:lambda":        nil,
		"function=" + web:                {"b", "a"},
		"function=" + web + ":live":      {"b", "a"},
		"caller=ALICE":                   {"f", "e", "a"},
		"caller=user/alice&status=200":   {"a"},
		"text=because+of+b":              {"b"},
		"text=page%3De":                  {"e"},
		"text=alice&function=web":        {"a"},
		"text=nowhere":                   nil,
		"text=refused":                   {"f", "e", "b"},
		"before=e":                       {"b", "a"},
		"before=gone":                    nil,
		"limit=1&before=f":               {"e"},
	} {
		var got list
		if status := get(t, c, "/requests?"+query, &got); status != 200 || got.Requests == nil || got.Kept != 1000 {
			t.Errorf("%s: %d, %+v", query, status, got)
		}
		if diff := cmp.Diff(want, got.ids()); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	for _, query := range []string{
		"status=40", "status=4x4", "status=9xx", "status=OK", "status=-1x", "limit=0", "limit=1001", "limit=x", "limit=-1",
		"api=yes", "probes=true", "text=" + strings.Repeat("x", 2000), "before=" + strings.Repeat("x", 2000),
	} {
		var got list
		if status := get(t, c, "/requests?"+query, &got); status != 400 || !strings.HasPrefix(got.Message, query[:strings.IndexByte(query, '=')]+": ") {
			t.Errorf("%s: %d %s", query, status, got.Message)
		}
	}
}

// Page after page shows each request once, also if others come in between.
func TestPagesOfRequests(t *testing.T) {
	c := newConsole(t)
	for i := range 25 {
		c.Traces.Record(recorded(strconv.Itoa(i), 200, nil))
	}
	var ids []string
	before := ""
	for pages := 0; pages == 0 || before != ""; pages++ {
		var got list
		get(t, c, "/requests?limit=10&before="+before, &got)
		ids, before = append(ids, got.ids()...), got.Before
		c.Traces.Record(recorded("later"+strconv.Itoa(pages), 200, nil))
	}
	for i, id := range ids {
		if id != strconv.Itoa(24-i) {
			t.Fatalf("the order is %v", ids)
		}
	}
	if len(ids) != 25 {
		t.Errorf("there are %d requests", len(ids))
	}
}

// Bytes that are not UTF-8, quotes and line breaks leave the JSON whole.
func TestHostileRequestsAreJSON(t *testing.T) {
	hostile := "\xff\x00\u2028</script>\n\ndata: x\"\\"
	c := newConsole(t)
	found := trace.New("a", time.Now(), "G\xff", "/"+hostile, hostile, hostile)
	found.Function, found.Caller = trace.Keep(web, 640), trace.Keep(hostile, 640)
	found.Add("invoke", time.Now(), denied{finding{trace.Refused, hostile}})
	found.End(time.Now(), 403, hostile)
	c.Traces.Record(found)
	binary := trace.Body{Bytes: []byte("\xff\x00a"), Size: 3}
	exchange := &trace.Exchange{RequestID: "a", Event: binary}
	header := http.Header{"X": {hostile}}
	exchange.Request.KeepHead("/"+hostile, "/"+hostile, header, header)
	exchange.Request.Body, exchange.Answer.Body = binary, binary
	c.Exchanges.Record(exchange)
	c.Log = func(context.Context, string, string, int) (iter.Seq2[logs.Entry, error], error) {
		return func(yield func(logs.Entry, error) bool) {
			yield(logs.Entry{Line: logs.Line{RequestID: "a", Text: hostile}}, nil)
		}, nil
	}
	var got list
	get(t, c, "/requests", &got)
	var detail struct {
		Event, Request, Answer struct {
			Headers [][2]string
			Body    struct {
				Text   string
				Base64 bool
			}
			Text   string
			Base64 bool
		}
		Logs []struct{ Text string }
	}
	if status := get(t, c, "/requests/a", &detail); status != 200 || len(detail.Logs) != 1 {
		t.Fatalf("%d %+v", status, detail)
	}
	for _, text := range []string{detail.Event.Text, detail.Request.Body.Text, detail.Answer.Body.Text} {
		if back, err := base64.StdEncoding.DecodeString(text); err != nil || string(back) != "\xff\x00a" {
			t.Errorf("%v: %q", err, text)
		}
	}
	if want := strings.ReplaceAll(hostile, "\xff", "\ufffd"); detail.Request.Headers[0][1] != want || detail.Logs[0].Text != want {
		t.Errorf("%q, %q", detail.Request.Headers, detail.Logs)
	}
}

// A request's detail has its steps with their structures, the fix in all forms, what was sent and answered, and its lines.
func TestRequestDetail(t *testing.T) {
	c := newConsole(t, recorded("a", 403, func(f *trace.Trace) { f.Add("authorize", f.Started, denied{finding{trace.Refused, "no"}}) }))
	c.Exchanges.Record(&trace.Exchange{
		RequestID: "a", Request: trace.Message{Method: "GET", Target: "/", Body: trace.KeepBody([]byte("hi"), 9, true, true)},
		Answer: trace.Message{Status: 403},
	})
	var asked []string
	c.Log = func(_ context.Context, function, id string, lines int) (iter.Seq2[logs.Entry, error], error) {
		asked = append(asked, fmt.Sprint(function, id, lines))
		return func(yield func(logs.Entry, error) bool) {
			for i := range lines {
				entry := logs.Entry{Line: logs.Line{RequestID: "other", Text: "x"}}
				if id == "a" { // a request that wrote much
					entry = logs.Entry{Line: logs.Line{RequestID: "a", Text: strconv.Itoa(i)}}
				}
				if !yield(entry, nil) {
					return
				}
			}
		}, nil
	}
	var got struct {
		ID    string
		Steps []struct {
			Step     string
			Mismatch *trace.Mismatch
			Decision *trace.Decision
			Details  []string
		}
		Fixes []struct {
			Form             string
			Texts, Sentences []string
		}
		Event   *struct{}
		Request struct {
			Method string
			Body   struct {
				Text        string
				Bytes       int
				Cut, Hidden bool
			}
		}
		Answer struct{ Status int }
		Logs   []struct{ Text string }
		Replay struct{ Callers []string }
	}
	if status := get(t, c, "/requests/a", &got); status != 200 {
		t.Fatal(status)
	}
	if len(got.Steps) != 2 || got.Steps[1].Decision.Action != "lambda:InvokeFunction" || got.Steps[1].Mismatch.Differ[0].Server[1] != 1 ||
		got.Steps[0].Details == nil || got.Steps[0].Mismatch != nil {
		t.Errorf("the steps are %+v", got.Steps)
	}
	var forms []string
	for _, fix := range got.Fixes {
		if forms = append(forms, fix.Form); len(fix.Texts)+len(fix.Sentences) == 0 || fix.Texts == nil || fix.Sentences == nil {
			t.Errorf("%+v", fix)
		}
	}
	if diff := cmp.Diff([]string{"cli", "json", "sam", "cloudformation", "terraform", "cdk"}, forms); diff != "" {
		t.Error(diff)
	}
	if body := got.Request.Body; body.Text != "hi" || body.Bytes != 9 || !body.Cut || !body.Hidden || got.Event != nil || got.Answer.Status != 403 {
		t.Errorf("%+v", got)
	}
	if len(got.Logs) != 1000 || got.Replay.Callers == nil {
		t.Errorf("%d lines, callers %v", len(got.Logs), got.Replay.Callers)
	}
	if len(asked) != 2 || asked[0] != web+"10000" || asked[1] != web+"a1000" {
		t.Errorf("asked for %q", asked)
	}

	var fault list
	if status := get(t, c, "/requests/gone", &fault); status != 404 || !strings.Contains(fault.Message, `"gone"`) {
		t.Errorf("%d %s", status, fault.Message)
	}
}

// A function that was not reached has no lines of the request, and its log is not read.
func TestLogsOfRefusedRequests(t *testing.T) {
	found := trace.New("a", time.Now(), "GET", "/", "h", "127.0.0.1")
	found.Function = trace.Keep(web, 640)
	found.End(time.Now(), 403, "")
	c := newConsole(t, found)
	c.Log = func(context.Context, string, string, int) (iter.Seq2[logs.Entry, error], error) {
		t.Error("the log is read")
		return nil, http.ErrAbortHandler
	}
	var got struct{ Logs []any }
	if get(t, c, "/requests/a", &got); got.Logs == nil || len(got.Logs) != 0 {
		t.Errorf("%v", got.Logs)
	}
}

// follow reads the events of a stream.
func follow(ctx context.Context, t *testing.T, server *httptest.Server, query string) *bufio.Scanner {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/requests/live?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if got := answer.Header.Get("Content-Type"); answer.StatusCode == 200 && got != "text/event-stream" {
		t.Errorf("the type is %q", got)
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Scan() // a comment, or a refusal
	return lines
}

// A stream has what comes after it began and is wanted, each in an event of its own.
func TestLiveRequests(t *testing.T) {
	c := newConsole(t, recorded("before", 403, nil))
	server := httptest.NewServer(c)
	defer server.Close()
	ctx, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	lines := follow(ctx, t, server, "status=403")
	c.Traces.Record(recorded("unwanted", 200, nil))
	c.Traces.Record(recorded("wanted", 403, nil))
	var got []string
	for len(got) < 3 && lines.Scan() {
		if !strings.HasPrefix(lines.Text(), ":") && (lines.Text() != "" || len(got) > 0) {
			got = append(got, lines.Text())
		}
	}
	if len(got) != 3 || got[0] != "event: request" || !strings.HasPrefix(got[1], `data: {"id":"wanted"`) || got[2] != "" {
		t.Errorf("%q", got)
	}
}

// The head of a stream is there at once.
func TestHeadOfLiveRequests(t *testing.T) {
	w := httptest.NewRecorder()
	newConsole(t).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "HEAD", "/requests/live", nil))
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" || w.Body.Len() != 0 {
		t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
	}
}

// So many may follow and no more, until one of them goes.
func TestFollowersAreBounded(t *testing.T) {
	c := newConsole(t)
	server := httptest.NewServer(c)
	defer server.Close()
	ctx, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	first, leave := context.WithCancel(ctx)
	follow(first, t, server, "")
	for range 31 {
		follow(ctx, t, server, "")
	}
	if refused := follow(ctx, t, server, "").Text(); !strings.Contains(refused, "32 readers follow") {
		t.Errorf("the 33rd got %q", refused)
	}
	leave()
	for ctx.Err() == nil && !strings.HasPrefix(follow(ctx, t, server, "").Text(), ":") {
		time.Sleep(10 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Error("nobody may follow after one has gone")
	}
	end() // before the server closes, which waits for all
}

// No query breaks the list or the JSON.
func FuzzRequests(f *testing.F) {
	f.Add("status", "4xx", "text", "a")
	f.Add("function", web, "limit", "7")
	f.Add("before", "\xff", "caller", "\x00")
	c := newConsole(f, recorded("a", 200, nil), recorded("b", 403, nil))
	f.Fuzz(func(t *testing.T, name, value, other, text string) {
		var got list
		query := url.Values{name: {value}, other: {text}}
		if status := get(t, c, "/requests?"+query.Encode(), &got); status != 200 && status != 400 || status == 400 && got.Message == "" {
			t.Errorf("%v: %d", query, status)
		}
	})
}

// A stream is never silent for long, and ends with its context, as it does when the server ends.
func TestLiveRequestsStayAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConsole(t)
		ctx, end := context.WithTimeout(t.Context(), 50*time.Second)
		defer end()
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/requests/live?text=never", nil))
		if got := strings.Count(w.Body.String(), ": still here\n\n"); got != 3 || !w.Flushed {
			t.Errorf("%d comments in %q", got, w.Body)
		}
	})
}
