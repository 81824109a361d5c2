//go:build unix

package attack_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// language is what a function of the soak test is written in.
type language struct {
	name, runtime string
	file          string // in the package
	needs         string // program on PATH, "" for none
	source        string // file of testdata, "" for this program
}

var (
	goRogue     = language{"Go", "provided.al2023", "bootstrap", "", ""}
	pythonRogue = language{"Python", "python3.13", "rogue.py", "python3", "rogue.py"}
	nodeRogue   = language{"Node", "nodejs22.x", "rogue.mjs", "node", "rogue.mjs"}
	shellRogue  = language{"shell", "provided.al2023", "bootstrap", "curl", "rogue.sh"}
)

// available reports whether the machine can run the function.
func (l language) available() bool {
	if l.needs == "" {
		return true
	}
	_, err := exec.LookPath(l.needs)
	return err == nil
}

// pack makes the deployment package.
func (l language) pack(t testing.TB, program string) []byte {
	t.Helper()
	code := []byte("#!/bin/sh\nexec '" + program + "'\n")
	if l.source != "" {
		var err error
		if code, err = os.ReadFile(filepath.Join("testdata", l.source)); err != nil {
			t.Fatal(err)
		}
	}
	return pack(t, packed{l.file, string(code), 0o755})
}

// behavior is what a function of the soak test does when it is called.
type behavior struct {
	name    string        // of the handler, behind "rogue."
	callers int           // at one time
	pace    time.Duration // between two calls of one caller
	timeout int           // seconds
	streams bool
	// failure is the message of the error of Invoke, with {id} for the request's id and {body} for what was
	// sent. A function without one answers.
	failure string
}

const (
	soon     = 100 * time.Millisecond
	exited   = "RequestId: {id} Error: Runtime exited with error: "
	timedOut = "RequestId: {id} Error: Task timed out after 1.00 seconds"
)

var (
	echoes   = behavior{name: "echo", callers: 3, pace: 20 * time.Millisecond, timeout: 30}
	fails    = behavior{name: "fail", callers: 1, pace: soon, timeout: 30, failure: "{body}"}
	exits    = behavior{name: "exit", callers: 1, pace: soon, timeout: 30, failure: exited + "exit status 3"}
	crashes  = behavior{name: "crash", callers: 1, pace: soon, timeout: 30, failure: exited + "signal: killed"}
	refuses  = behavior{name: "refuse", callers: 1, pace: soon, timeout: 30, failure: exited + "exit status 7"}
	hangs    = behavior{name: "hang", callers: 2, pace: soon, timeout: 1, failure: timedOut}
	floods   = behavior{name: "flood", callers: 1, pace: time.Second, timeout: 30}
	streams  = behavior{name: "stream", callers: 2, pace: soon, timeout: 30, streams: true}
	tears    = behavior{name: "torn", callers: 1, pace: soon, timeout: 30, streams: true}
	detaches = behavior{name: "detach", callers: 1, pace: 500 * time.Millisecond, timeout: 30}
)

// rogue is a function of the soak test.
type rogue struct {
	name string
	in   language
	does behavior
	url  string // id of its URL
	turn string // its variable TURN
}

// newRogues are the functions of the soak test. What cannot run on this machine is written in Go instead.
func newRogues() []*rogue {
	all := []*rogue{
		{in: goRogue, does: echoes}, {in: pythonRogue, does: echoes},
		{in: nodeRogue, does: echoes}, {in: shellRogue, does: echoes},
		{in: goRogue, does: fails}, {in: pythonRogue, does: fails}, {in: nodeRogue, does: fails},
		{in: goRogue, does: exits}, {in: nodeRogue, does: exits},
		{in: shellRogue, does: crashes}, {in: shellRogue, does: refuses},
		{in: goRogue, does: hangs}, {in: pythonRogue, does: hangs},
		{in: goRogue, does: floods}, {in: pythonRogue, does: floods},
		{in: goRogue, does: streams}, {in: nodeRogue, does: streams}, {in: goRogue, does: tears},
		{in: shellRogue, does: detaches}, {in: pythonRogue, does: detaches},
	}
	for _, f := range all {
		f.name = strings.ToLower(f.in.name) + "-" + f.does.name
		if !f.in.available() {
			f.in = goRogue
		}
	}
	return all
}

// isShell reports whether the function answers with the event itself.
func (f *rogue) isShell() bool { return f.in == shellRogue }

// caller is a person who calls functions, and the ARN that they see.
type caller struct {
	person
	arn string
}

// message is what a caller sends, and no other does.
type message struct {
	id, query, body string
	binary          bool
}

func newMessage(size int, binary bool) message {
	id := hex.EncodeToString(random(8))
	m := message{id: id, query: "id=" + id, body: strings.Repeat(id+" ", size/len(id)+1)[:size], binary: binary}
	if binary {
		m.body = string(random(size))
	}
	return m
}

func random(size int) []byte {
	bytes := make([]byte, size)
	rand.Read(bytes) //nolint:errcheck // never fails
	return bytes
}

// anyMessage is mostly small, and seldom large.
func anyMessage() message {
	sizes := []int{0, 1, 100, 100, 10_000, 10_000, 100_000, 2_000_000}
	return newMessage(sizes[mathrand.N(len(sizes))], mathrand.N(2) == 0)
}

// message is one that the function can be called with: an error has room for a short text.
func (f *rogue) message() message {
	if f.does.failure != "" {
		return newMessage(30, false)
	}
	return anyMessage()
}

func (m message) contentType() string {
	if m.binary {
		return "Content-Type: application/octet-stream"
	}
	return "Content-Type: text/plain"
}

// wrong says how an answer differs from what it should be.
func (a answer) wrong(format string, arguments ...any) string {
	beginning := a.body[:min(len(a.body), 200)]
	text := fmt.Sprintf("%d %s %q (%d bytes)", a.status, a.header.Get("X-Amzn-Errortype"), beginning, len(a.body))
	if a.broken != nil {
		text += ", broken off: " + a.broken.Error()
	}
	return fmt.Sprintf("request %s: %s; the answer is %s", a.id(), fmt.Sprintf(format, arguments...), text)
}

// wording is an answer in place of the function's, to the byte.
type wording struct {
	status          int
	errorType, body string
}

// The refusals of function URLs (docs/compatibility.md).
var (
	functionFailed = wording{http.StatusBadGateway, "", "Internal Server Error"}
	notAuthorized  = wording{http.StatusForbidden, "AccessDeniedException", bodyForbidden}
	isUnsigned     = wording{http.StatusForbidden, "AccessDeniedException", `{"Message":"Forbidden"}`}
	unknownURL     = wording{http.StatusForbidden, "AccessDeniedException", `{"Message":null}`}
	unknownKey     = wording{http.StatusForbidden, "UnrecognizedClientException",
		`{"message":"The security token included in the request is invalid."}`}
)

// is expects the answer to be just that.
func (a answer) is(t testing.TB, want wording) {
	t.Helper()
	if a.broken != nil || (wording{a.status, a.header.Get("X-Amzn-Errortype"), a.body}) != want {
		t.Fatal(a.wrong("want %d %s %s", want.status, want.errorType, want.body))
	}
}

// try sends a request and takes the answer as far as it comes.
func (c caller) try(t testing.TB, r request) answer {
	t.Helper()
	connection := dial(t, c.w.address)
	defer connection.Close()
	go connection.write(c.signs(r).wire())
	a, err := connection.read(r.method)
	if a.status == 0 {
		t.Fatalf("no answer to %s %s: %v", r.method, r.target, err)
	}
	return a
}

// call has somebody call the function by its URL.
func (f *rogue) call(t testing.TB, by caller) {
	t.Helper()
	if f.does.streams {
		f.callStream(t, by)
		return
	}
	sent := f.message()
	a := by.try(t, by.w.url(f.url, "POST", "/?"+sent.query, sent.body).with(sent.contentType()))
	if f.does.failure != "" {
		a.is(t, functionFailed)
		return
	}
	if a.status != http.StatusOK || a.broken != nil {
		t.Fatal(a.wrong("want the answer of the function"))
	}
	got := echoed{a.header.Get("X-Query"), a.header.Get("X-Caller"), a.header.Get("X-Turn"), a.body}
	if f.isShell() {
		var err error
		if got, err = readEvent(a.body); err != nil {
			t.Fatal(a.wrong("%v", err))
		}
	}
	f.compare(t, a, got, sent, by)
}

// echoed is what an answer says of the message that it answers.
type echoed struct{ query, caller, turn, body string }

func (e echoed) String() string {
	return fmt.Sprintf("%s of %s in turn %s (%d bytes)", e.query, e.caller, e.turn, len(e.body))
}

func (f *rogue) compare(t testing.TB, a answer, got echoed, sent message, by caller) {
	t.Helper()
	want := echoed{sent.query, by.arn, f.turn, sent.body}
	if f.isShell() {
		want.turn = ""
	}
	if got != want {
		t.Fatal(a.wrong("want the answer to %s with its body, not to %s", want, got))
	}
}

func readEvent(text string) (echoed, error) {
	var e event
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return echoed{}, err
	}
	body, err := decoded(e.Body, e.Encoded)
	got := echoed{query: e.RawQueryString, body: body}
	if e.RequestContext.Authorizer != nil {
		got.caller = e.RequestContext.Authorizer.IAM.UserARN
	}
	return got, err
}

func decoded(body string, encoded bool) (string, error) {
	if !encoded {
		return body, nil
	}
	decoded, err := base64.StdEncoding.DecodeString(body)
	return string(decoded), err
}

// invoke has somebody call the function by the Invoke API.
func (f *rogue) invoke(t testing.TB, by caller) {
	t.Helper()
	sent := f.message()
	e := event{RawQueryString: sent.query, Body: sent.body, Encoded: sent.binary}
	if sent.binary {
		e.Body = base64.StdEncoding.EncodeToString([]byte(sent.body))
	}
	e.RequestContext.Authorizer = &authorizer{}
	e.RequestContext.Authorizer.IAM.UserARN = by.arn
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	path := "/2015-03-31/functions/" + f.name + "/invocations"
	a := by.try(t, by.w.api("POST", path, string(payload)).with("X-Amz-Log-Type: Tail"))
	if a.status != http.StatusOK || a.broken != nil {
		t.Fatal(a.wrong("want the result of the function"))
	}
	log, err := base64.StdEncoding.DecodeString(a.header.Get("X-Amz-Log-Result"))
	if report := "REPORT RequestId: " + a.id(); err != nil || !strings.Contains(string(log), report) {
		t.Fatal(a.wrong("want a log with %s, not %q", report, log))
	}
	if f.does.failure != "" {
		f.failed(t, a, sent)
		return
	}
	got, err := f.readResult(a.body)
	if failed := a.header.Get("X-Amz-Function-Error"); err != nil || failed != "" {
		t.Fatal(a.wrong("want the result of the function (%v, function error %q)", err, failed))
	}
	f.compare(t, a, got, sent, by)
}

// failed expects the answer of Invoke to be the function's failure.
func (f *rogue) failed(t testing.TB, a answer, sent message) {
	t.Helper()
	want := strings.NewReplacer("{id}", a.id(), "{body}", sent.body).Replace(f.does.failure)
	var got struct {
		Message string `json:"errorMessage"`
	}
	err := json.Unmarshal([]byte(a.body), &got)
	if err != nil || got.Message != want || a.header.Get("X-Amz-Function-Error") != "Unhandled" {
		t.Fatal(a.wrong("want the function error %q", want))
	}
}

// readResult reads what the function returned.
func (f *rogue) readResult(payload string) (echoed, error) {
	if f.isShell() {
		return readEvent(payload)
	}
	var result returned
	if err := json.Unmarshal([]byte(payload), &result); err != nil {
		return echoed{}, err
	}
	if result.StatusCode != http.StatusOK {
		return echoed{}, fmt.Errorf("status %d", result.StatusCode)
	}
	body, err := decoded(result.Body, result.IsBase64Encoded)
	return echoed{result.Headers["x-query"], result.Headers["x-caller"], result.Headers["x-turn"], body}, err
}

// callStream has somebody call a function that streams.
func (f *rogue) callStream(t testing.TB, by caller) {
	t.Helper()
	size := mathrand.N(3 << 20)
	query, want := newStream(size)
	a := by.try(t, by.w.url(f.url, "GET", "/?"+query, ""))
	if got := a.header.Get("X-Query"); a.status != http.StatusOK || got != query || a.body != want {
		t.Fatal(a.wrong("want the stream of %s with its %d bytes, not of %s", query, size, got))
	}
	if a.broken != nil { // even that of a function which dies in the middle of it
		t.Fatal(a.wrong("want the answer to end"))
	}
}

// newStream is the query that asks for a stream of so many bytes, and these.
func newStream(size int) (query, stream string) {
	id := newMessage(0, false).id
	return fmt.Sprintf("id=%s&size=%d", id, size), string(numbered(id, size))
}

// cutOff has somebody call the function and hang up: in the middle of the request, right after it, or in the middle of
// the answer.
func (f *rogue) cutOff(t testing.TB, by caller) {
	t.Helper()
	sent := newMessage(500_000, true)
	if f.does.failure != "" {
		sent = newMessage(30, false)
	}
	r := by.w.url(f.url, "POST", "/?"+sent.query, sent.body).with(sent.contentType())
	if f.does.streams {
		query, _ := newStream(3 << 20)
		r = by.w.url(f.url, "GET", "/?"+query, "")
	}
	text := by.signs(r).wire()
	connection := dial(t, by.w.address)
	defer connection.Close()
	where := mathrand.N(3)
	if where == 0 {
		text = text[:len(text)-len(text)/3]
	}
	if _, err := io.WriteString(connection, text); err != nil {
		t.Fatal(err)
	}
	if where < 2 {
		return
	}
	const want = "HTTP/1.1 "
	if begin, err := connection.reader.Peek(len(want)); string(begin) != want {
		t.Fatalf("%s %s begins with %q, %v, want %s", r.method, r.target, begin, err, want)
	}
}
