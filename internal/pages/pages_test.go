//go:build unix

package pages_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/console"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/logs"
	"github.com/furl-dev/furl/internal/pages"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

type packages map[string]string

type nopSeeker struct{ *bytes.Reader }

func (nopSeeker) Close() error { return nil }

func (p packages) Zip(hex string) (io.ReadSeekCloser, int64, error) {
	text, ok := p[hex]
	if !ok {
		return nil, 0, errors.New("no such package")
	}
	return nopSeeker{bytes.NewReader([]byte(text))}, int64(len(text)), nil
}

type noStore struct{}

func (noStore) Load(context.Context, func(store.Record) error) (store.Revision, error) { return 0, nil }

func (noStore) Commit(context.Context, store.Revision, []store.Change) (store.Revision, error) {
	return 0, nil
}

// functions are the keys of functions by their names; "later" is a function of another account.
type functions map[string]string

func (f functions) FindLog(name, _, _, _ string) (pages.FunctionLog, error) {
	name, version, qualified := strings.Cut(name, ":")
	log := pages.FunctionLog{Key: f[name], Name: name}
	switch {
	case log.Key == "":
		return log, fmt.Errorf("no function %q", name)
	case qualified:
		log.Versions = []string{version}
	}
	return log, nil
}

func (f functions) Logs(region, account, only string) []pages.FunctionLog {
	var all []pages.FunctionLog
	for name, key := range f {
		if region == "" && account == "" {
			all = append(all, pages.FunctionLog{Key: key, Name: name})
		}
	}
	return all
}

// newPages are the pages of a server with one refused request, one function and its log.
func newPages(t *testing.T) *pages.Pages {
	t.Helper()
	store, err := logs.Open(logs.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	at := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	store.Append("key", logs.Line{Time: at, Stream: logs.Platform, Text: "START"})
	store.Append("key", logs.Line{Time: at, Stream: logs.Stdout, Text: "hello <world>"})
	traces := &trace.Recorder{}
	refused := trace.New("the-id", at, "GET", "/", "h", "127.0.0.1")
	refused.End(at, 403, "AccessDeniedException")
	traces.Record(refused)
	// Later requests that --last passes over, and one that it does not take for a request to a function URL.
	for id, set := range map[string]func(*trace.Trace){
		"the-call":      func(t *trace.Trace) { t.API = true },
		"the-probe":     func(t *trace.Trace) { t.Probe = true },
		"the-api-probe": func(t *trace.Trace) { t.API, t.Probe = true, true },
	} {
		later := trace.New(id, at, "GET", "/", "h", "127.0.0.1")
		set(later)
		later.End(at, 200, "")
		traces.Record(later)
	}
	exchanges := &trace.Exchanges{}
	exchanges.Record(&trace.Exchange{RequestID: "the-id", Event: trace.Body{Bytes: []byte(`{"version":"2.0"}`), Size: 17}})
	exchanges.Record(&trace.Exchange{RequestID: "the-probe", Event: trace.Body{Bytes: []byte(`{"vers`), Size: 17, Cut: true}})
	exchanges.Record(&trace.Exchange{RequestID: "without-a-trace", Event: trace.Body{Bytes: []byte(`{}`), Size: 2}})
	world, err := state.Load(t.Context(), noStore{})
	if err != nil {
		t.Fatal(err)
	}
	return &pages.Pages{
		Gate: &auth.Gate{State: world}, State: world, Now: time.Now,
		Traces: traces, Exchanges: exchanges, Logs: store, Code: pages.NewCodeLinks(packages{"abc": "zip"}, func() time.Time { return at }),
		Token:     sigv4.NewSecret(token),
		Functions: functions{"web": "key", "other": "other-key"},
		Metrics: func(w io.Writer) error {
			_, err := io.WriteString(w, "furl_connections 1\n")
			return err
		},
	}
}

// token is the page token of newPages.
const token = "the token"

// bearer replaces the page token that a request comes with.
func bearer(header ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header["Authorization"] = header }
}

func request(t *testing.T, target string, change func(*http.Request)) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "http://127.0.0.1:9000"+target, nil)
	r.RemoteAddr = "127.0.0.1:5555"
	furlproto.SetToken(r, token)
	if change != nil {
		change(r)
	}
	return r
}

func get(p http.Handler, r *http.Request) (int, string, http.Header) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header()
}

func TestPages(t *testing.T) {
	anybody := func(r *http.Request) { r.RemoteAddr = "192.0.2.1:5"; bearer()(r) }
	asJSON := func(r *http.Request) { r.Header.Set("Accept", "application/json") }
	tests := []struct {
		name   string
		target string
		change func(*http.Request)
		status int
		want   string
	}{
		{"health", "/_furl/health", nil, 200, "ok"},
		{"index", "/_furl/", nil, 200, "/_furl/requests"},
		{"one request", "/_furl/requests/the-id", nil, 200, "answered 403 AccessDeniedException"},
		{"one request, JSON", "/_furl/requests/the-id", asJSON, 200, `"status": 403`},
		{"last request", "/_furl/requests/last", nil, 200, "the-id"},
		{"last call of an API", "/_furl/requests/last-api", nil, 200, "the-call"},
		{"a probe", "/_furl/requests/the-probe", asJSON, 200, `"probe": true`},
		{"a call", "/_furl/requests/the-call", asJSON, 200, `"api": true`},
		{"event", "/_furl/requests/last?event=1", nil, 200, `{"version":"2.0"}` + "\n"},
		{"event, JSON", "/_furl/requests/the-id?event=1", asJSON, 200, `"cut": false,`},
		{"event that was cut", "/_furl/requests/the-probe?event=1", nil, 200, `{"vers` + "\n"},
		{"event that was cut, JSON", "/_furl/requests/the-probe?event=1", asJSON, 200, `"event": "{\"vers"`},
		{"no event", "/_furl/requests/the-call?event=1", nil, 404, "the last 200 requests to function URLs"},
		{"event without a trace", "/_furl/requests/without-a-trace?event=1", nil, 404, "no trace of a request"},
		{"fix of what was not refused", "/_furl/requests/the-probe?fix=json", nil, 404, "nothing to fix"},
		{"fix in no form", "/_furl/requests/the-id?fix=pulumi", nil, 400, `"pulumi" is none of cli, json, sam, cloudformation, terraform and cdk`},
		{"no such request", "/_furl/requests/nothing", nil, 404, "the server keeps the last 1000"},
		{"latest requests", "/_furl/requests?limit=5", nil, 200, "the-id  403  GET /"},
		{"latest requests, JSON", "/_furl/requests", asJSON, 200, `"requestId": "the-id"`},
		{"log", "/_furl/logs?function=web", nil, 200, "2026-11-23T15:00:00.000Z  platform  START\n2026-11-23T15:00:00.000Z  function  hello <world>\n"},
		{"end of a log, JSON", "/_furl/logs?function=web&lines=1", asJSON, 200, `"stream":"stdout","text":"hello`},
		{"log of nobody", "/_furl/logs?function=nobody", nil, 404, `no function "nobody"`},
		{"metrics", "/_furl/metrics", nil, 200, "furl_connections 1"},
		{"no such page", "/_furl/nothing", nil, 404, "no such page"},
		{"no such page, before those that are", "/_furl/requestsx", nil, 404, "no such page"},
		{"traversal", "/_furl/../../etc/passwd", nil, 404, "no such page"},
		{"write", "/_furl/requests", func(r *http.Request) { r.Method = "POST" }, 405, "GET"},
		{"another machine", "/_furl/requests", func(r *http.Request) { r.RemoteAddr = "192.0.2.1:5" }, 403, "only on loopback"},
		{"anybody may ask for health", "/_furl/health", anybody, 200, "ok"},
		{"rebound name", "/_furl/requests", func(r *http.Request) { r.Host = "evil.example:9000" }, 403, "host name"},
		{"loopback name", "/_furl/requests/last", func(r *http.Request) { r.Host = "localhost:9000" }, 200, "the-id"},
		{"loopback v6", "/_furl/requests/last", func(r *http.Request) { r.Host, r.RemoteAddr = "[::1]:9000", "[::1]:5" }, 200, "the-id"},
		{"another site", "/_furl/requests", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, "other web sites"},
		{"typed into the browser", "/_furl/requests/last", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") }, 200, "the-id"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, body, header := get(newPages(t), request(t, test.target, test.change))
			if status != test.status || !strings.Contains(body, test.want) {
				t.Errorf("answered %d %q, want %d with %q", status, body, test.status, test.want)
			}
			if header.Get("Content-Security-Policy") == "" || header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers are %v", header)
			}
		})
	}
}

func TestOpenPages(t *testing.T) {
	p := newPages(t)
	p.Open = true
	elsewhere := func(r *http.Request) { r.RemoteAddr, r.Host = "192.0.2.1:5", "furl.example" }
	if status, body, _ := get(p, request(t, "/_furl/requests/last", elsewhere)); status != 200 {
		t.Errorf("answered %d %s", status, body)
	}
	withoutToken := func(r *http.Request) { elsewhere(r); bearer()(r) }
	if status, body, _ := get(p, request(t, "/_furl/requests/last", withoutToken)); status != 403 {
		t.Errorf("without page token answered %d %s", status, body)
	}
}

// Whatever is not the page token to the byte, in the one header for it, opens no page and says what to type.
func TestPageToken(t *testing.T) {
	p, none := newPages(t), newPages(t)
	none.Token = sigv4.Secret{}
	for name, header := range map[string][]string{
		"none":                {},
		"an empty header":     {""},
		"an empty token":      {"Bearer "},
		"no token":            {"Bearer"},
		"the token alone":     {token},
		"another":             {"Bearer other token"},
		"a part of it":        {"Bearer the"},
		"more than it":        {"Bearer the token "},
		"a space before it":   {"Bearer  the token"},
		"in upper case":       {"Bearer THE TOKEN"},
		"a list":              {"Bearer the token, Bearer the token"},
		"in another scheme":   {"Basic dGhlIHRva2Vu"},
		"of a zero hash":      {"Bearer " + strings.Repeat("\x00", 32)},
		"two headers":         {"Bearer the token", "Bearer the token"},
		"a second of another": {"Bearer x", "Bearer the token"},
	} {
		for _, page := range []string{"", "requests/last", "logs?function=web", "metrics", "nothing"} {
			page = "/_furl/" + page
			status, body, _ := get(p, request(t, page, bearer(header...)))
			if status != 403 || !strings.Contains(body, "furl explain REQUEST-ID --data DIR") {
				t.Errorf("%s: %s answered %d %q", name, page, status, body)
			}
		}
		if status, body, _ := get(none, request(t, "/_furl/requests", bearer(header...))); status != 403 {
			t.Errorf("%s, without a page token to compare with: answered %d %q", name, status, body)
		}
	}
	if status, body, _ := get(p, request(t, "/_furl/requests", bearer("bearer the token"))); status != 200 {
		t.Errorf("the scheme in lower case: answered %d %q", status, body)
	}
	if printed := fmt.Sprintf("%v %+v %#v", p.Token, p.Token, p.Token); strings.Contains(printed, token) {
		t.Errorf("a Token prints as %s", printed)
	}
}

func TestHealthWhileDraining(t *testing.T) {
	p := newPages(t)
	p.Draining = func() bool { return true }
	if status, _, _ := get(p, request(t, "/_furl/health", nil)); status != 503 {
		t.Errorf("answered %d", status)
	}
}

func TestNoRequestYet(t *testing.T) {
	p := newPages(t)
	p.Traces = &trace.Recorder{}
	if status, body, _ := get(p, request(t, "/_furl/requests/last", nil)); status != 404 || !strings.Contains(body, "no request to a function URL yet") {
		t.Errorf("answered %d %s", status, body)
	}
}

// What is shown of an event that is cut is marked, in the header that the command prints.
func TestCutEventIsMarked(t *testing.T) {
	p := newPages(t)
	for id, want := range map[string]string{"the-id": "", "the-probe": "the event has 17 bytes, of which 6 are kept"} {
		_, _, header := get(p, request(t, "/_furl/requests/"+id+"?event=1", nil))
		if got := header.Get("Furl-Note"); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

func TestNoCallYet(t *testing.T) {
	p := newPages(t)
	p.Traces = &trace.Recorder{}
	if status, body, _ := get(p, request(t, "/_furl/requests/last-api", nil)); status != 404 || !strings.Contains(body, "no call of an API") {
		t.Errorf("answered %d %s", status, body)
	}
}

func TestFollowedLogsComeLineByLine(t *testing.T) {
	p := newPages(t)
	server := httptest.NewServer(p)
	defer server.Close()
	page := server.URL + "/_furl/logs?function=web&follow=1&lines=1"
	follow, err := http.NewRequestWithContext(t.Context(), "GET", page, nil)
	if err != nil {
		t.Fatal(err)
	}
	furlproto.SetToken(follow, token)
	response, err := http.DefaultClient.Do(follow)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for _, want := range []string{"hello <world>", "later"} {
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), want) {
			t.Fatalf("line is %q, %v; want %q", lines.Text(), lines.Err(), want)
		}
		p.Logs.Append("key", logs.Line{Time: time.Now(), Text: "later"})
	}
}

// Whatever a function prints, no line of its log reads as one of the platform's.
func TestFunctionCannotWritePlatformLines(t *testing.T) {
	p := newPages(t)
	const forged = "2026-11-23T15:00:00.000Z  platform  REPORT RequestId: 1"
	at := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	printed := []string{
		"REPORT RequestId: 1", forged, "\n" + forged, "\r\n" + forged, "\r" + forged, "\x00" + forged, "\x1b[2K\r" + forged,
		forged + "\n" + forged + "\n", "\u2028" + forged, strings.Repeat("x", logs.MaxLine) + forged, "",
	}
	for _, text := range printed {
		p.Logs.Append("key", logs.Line{Time: at, Text: text})
	}
	_, body, _ := get(p, request(t, "/_furl/logs?function=web", nil))
	platform, function := 0, 0
	for line := range strings.Lines(body) {
		switch rest, _ := strings.CutPrefix(line, "2026-11-23T15:00:00.000Z  "); {
		case strings.HasPrefix(rest, "platform  "):
			platform++
		case strings.HasPrefix(rest, "function  "):
			function++
		default:
			t.Errorf("line %.100q", line)
		}
	}
	if platform != 1 || function != 1+len(printed)+3 { // those of newPages, and three line feeds
		t.Errorf("%d lines of the platform and %d of the function in\n%.4000s", platform, function, body)
	}
	asJSON := func(r *http.Request) { r.Header.Set("Accept", "application/json") }
	_, body, _ = get(p, request(t, "/_furl/logs?function=web", asJSON))
	if n := strings.Count(body, `"stream":"platform"`); n != 1 {
		t.Errorf("%d lines of the platform in\n%.4000s", n, body)
	}
}

func TestCodeLinks(t *testing.T) {
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	p := newPages(t)
	p.Code = pages.NewCodeLinks(packages{"abc": "zip"}, func() time.Time { return now })
	link, gone := p.Code.Path("abc"), p.Code.Path("def")
	other := pages.NewCodeLinks(packages{}, func() time.Time { return now }).Path("abc")
	elsewhere := func(r *http.Request) { r.RemoteAddr = "192.0.2.1:5"; bearer()(r) } // the link is all it takes
	for _, test := range []struct {
		name, link string
		status     int
		want       string
	}{
		{"good", link, 200, "zip"},
		{"of code that was replaced", gone, 404, "GetFunction gives a new link"},
		{"of another server", other, 403, "not a link"},
		{"for other code", strings.Replace(link, "abc", "def", 1), 403, "not a link"},
		{"with a later end", strings.Replace(link, "expires=", "expires=9", 1), 403, "not a link"},
		{"without a signature", "/_furl/code/abc", 403, "not a link"},
	} {
		status, body, _ := get(p, request(t, test.link, elsewhere))
		if status != test.status || !strings.Contains(body, test.want) {
			t.Errorf("a link %s answered %d %q", test.name, status, body)
		}
	}
	now = now.Add(11 * time.Minute)
	if status, body, _ := get(p, request(t, link, elsewhere)); status != 403 || !strings.Contains(body, "expired") {
		t.Errorf("an old link answered %d %q", status, body)
	}
}

// Logs of several functions are one, in the order of time, with a name before each line; some of their lines are shown.
func TestLogsOfSeveralFunctions(t *testing.T) {
	p := newPages(t)
	at := time.Date(2026, 11, 23, 15, 0, 1, 0, time.UTC)
	for i, line := range []logs.Line{
		{Stream: logs.Platform, RequestID: "one", Text: "START"},
		{RequestID: "one", Text: "[ERROR] oh"},
		{RequestID: "one", Text: "Traceback"},
		{RequestID: "two", Version: "7", Text: "fine"},
	} {
		line.Time = at.Add(time.Duration(i) * time.Second)
		p.Logs.Append([]string{"other-key", "key"}[i%2], line)
	}
	asJSON := func(r *http.Request) { r.Header.Set("Accept", "application/json") }
	for _, test := range []struct{ query, want string }{
		{"", "web   …0.000Z  platform  START|web   …0.000Z  function  hello <world>|other …1.000Z  platform  START|" +
			"web   …2.000Z  function  [ERROR] oh|other …3.000Z  function  Traceback|web   …4.000Z  function  fine"},
		{"?lines=2", "other …3.000Z  function  Traceback|web   …4.000Z  function  fine"},
		{"?function=web&lines=1", "…4.000Z  function  fine"},
		{"?function=web&function=web&lines=1", "web …4.000Z  function  fine"},
		{"?function=web:7&function=other&lines=9", "other …1.000Z  platform  START|other …3.000Z  function  Traceback|" +
			"web   …4.000Z  function  fine"},
		{"?function=web:8&function=web:7", "web …4.000Z  function  fine"},
		{"?function=web:8&function=web&lines=1", "web …4.000Z  function  fine"},
		{"?since=2026-11-23T15:00:03Z", "other …3.000Z  function  Traceback|web   …4.000Z  function  fine"},
		{"?since=2026-11-23T16:00:03.5%2B01:00", "web   …4.000Z  function  fine"},
		{"?request-id=one&lines=2", "web   …2.000Z  function  [ERROR] oh|other …3.000Z  function  Traceback"},
		{"?request-id=on", ""},
		{"?level=error", "web   …2.000Z  function  [ERROR] oh"},
		{"?level=WARNING&function=web&lines=5", "…2.000Z  function  [ERROR] oh"},
		{"?region=eu-central-1", ""},
	} {
		status, body, _ := get(p, request(t, "/_furl/logs"+test.query, nil))
		got := strings.ReplaceAll(strings.TrimSuffix(body, "\n"), "\n", "|")
		got = strings.ReplaceAll(strings.ReplaceAll(got, "  2026-11-23T15:00:0", " …"), "2026-11-23T15:00:0", "…")
		if status != 200 || got != test.want {
			t.Errorf("%s: %d\n%s, want\n%s", test.query, status, got, test.want)
		}
	}
	for query, want := range map[string]string{
		"?since=yesterday": `since: "yesterday" is not a time`, "?level=loud": `level: "loud" is none of TRACE, DEBUG`,
	} {
		if status, body, _ := get(p, request(t, "/_furl/logs"+query, nil)); status != 400 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	status, body, _ := get(p, request(t, "/_furl/logs?function=web&function=nobody&function=none", nil))
	if status != 404 || body != "no function \"nobody\"\nno function \"none\"\n" {
		t.Errorf("%d %s", status, body)
	}
	_, body, _ = get(p, request(t, "/_furl/logs?lines=1", asJSON))
	if want := `{"time":"2026-11-23T15:00:04Z","stream":"stdout","version":"7","text":"fine","function":"web",` +
		`"requestId":"two","level":"INFO"}` + "\n"; body != want {
		t.Errorf("JSON is %s, want %s", body, want)
	}
}

// The log of a function that is created while all logs are followed is shown, too.
func TestFollowedFunctions(t *testing.T) {
	p := newPages(t)
	all := p.Functions.(functions)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	lines, err := p.ReadLogs(ctx, pages.LogRequest{Follow: true, Lines: 1})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for entry, err := range lines {
		if err != nil {
			t.Fatal(err)
		}
		switch got = append(got, entry.Function+" "+entry.Text); len(got) {
		case 1:
			all["later"] = "later-key"
			p.Logs.Append("unknown-key", logs.Line{Time: time.Now().Add(time.Second), Text: "unseen"})
			p.Logs.Append("later-key", logs.Line{Time: time.Now().Add(time.Second), Text: "seen"})
		case 2:
			stop()
		}
	}
	if want := "web hello <world>|later seen"; strings.Join(got, "|") != want {
		t.Errorf("%q, want %s", got, want)
	}
}

// Who waits for something of the console waits for nothing more when the server ends.
func TestConsoleEnds(t *testing.T) {
	p := newPages(t)
	p.Console = &console.Console{Now: time.Now}
	p.Console.Open()
	ending := make(chan struct{})
	p.Ending = ending
	post := func(path, body string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		request.RemoteAddr, request.Host = "127.0.0.1:1", "localhost"
		furlproto.SetToken(request, token)
		recorder := httptest.NewRecorder()
		p.ServeHTTP(recorder, request)
		return recorder
	}
	ticket := post(furlproto.Ticket, "").Body.String()
	answers := make(chan *httptest.ResponseRecorder, 1)
	go func() { answers <- post(furlproto.TicketUse, ticket) }()
	close(ending)
	if answer := <-answers; answer.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

// A browser is sent to the console's own name only where it finds this server there.
func TestConsoleAtOtherLoopbackAddress(t *testing.T) {
	p := newPages(t)
	p.Console = &console.Console{Now: time.Now}
	p.Console.Open()
	for address, want := range map[string]int{"127.0.0.1": 302, "::1": 302, "172.17.0.2": 302, "127.0.0.2": 403} {
		local := &net.TCPAddr{IP: net.ParseIP(address), Port: 9000}
		request := httptest.NewRequest(http.MethodGet, "/_furl/", nil)
		request = request.WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, local))
		request.RemoteAddr, request.Host = "127.0.0.1:1", "localhost:9000"
		request.Header.Set("Accept", "text/html")
		recorder := httptest.NewRecorder()
		p.ServeHTTP(recorder, request)
		if recorder.Code != want || (want == 403) != strings.Contains(recorder.Body.String(), "--listen 127.0.0.1:PORT") {
			t.Errorf("%s: %d %s", address, recorder.Code, recorder.Body)
		}
	}
}
