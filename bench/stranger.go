package main

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

var (
	//go:embed function/stranger.py
	pythonStrangers []byte
	//go:embed function/stranger.mjs
	nodeStrangers []byte
	//go:embed function/stranger.sh
	shellStrangers []byte

	pythonStranger = kind{"Python", "python3.13", "", "stranger.py", "python3", text(pythonStrangers)}
	nodeStranger   = kind{"Node", "nodejs22.x", "", "stranger.mjs", "node", text(nodeStrangers)}
	shellStranger  = kind{"shell", "provided.al2023", "", "bootstrap", "curl", text(shellStrangers)}
)

// behaviour is what a function of the soak test does when it is called.
type behaviour struct {
	name    string        // of the handler, behind "stranger."
	callers int           // at one time
	pace    time.Duration // between two calls of one caller
	timeout int           // seconds
	streams bool
	// failure is the message of the error that Invoke tells, with {id} for the request's id and {body} for what was
	// sent. A function without one answers.
	failure string
}

const (
	soon     = 100 * time.Millisecond
	exited   = "RequestId: {id} Error: Runtime exited with error: "
	timedOut = "RequestId: {id} Error: Task timed out after 1.00 seconds"
)

var (
	echoes   = behaviour{name: "echo", callers: 3, pace: 20 * time.Millisecond, timeout: 30}
	fails    = behaviour{name: "fail", callers: 1, pace: soon, timeout: 30, failure: "{body}"}
	exits    = behaviour{name: "exit", callers: 1, pace: soon, timeout: 30, failure: exited + "exit status 3"}
	crashes  = behaviour{name: "crash", callers: 1, pace: soon, timeout: 30, failure: exited + "signal: killed"}
	refuses  = behaviour{name: "refuse", callers: 1, pace: soon, timeout: 30, failure: exited + "exit status 7"}
	hangs    = behaviour{name: "hang", callers: 2, pace: soon, timeout: 1, failure: timedOut}
	floods   = behaviour{name: "flood", callers: 1, pace: time.Second, timeout: 30}
	streams  = behaviour{name: "stream", callers: 2, pace: soon, timeout: 30, streams: true}
	tears    = behaviour{name: "torn", callers: 1, pace: soon, timeout: 30, streams: true}
	detaches = behaviour{name: "detach", callers: 1, pace: 500 * time.Millisecond, timeout: 30}
)

// stranger is a function of the soak test.
type stranger struct {
	name string
	kind kind
	does behaviour
	path string // of its URL
	turn string // its variable TURN
}

// newStrangers are the functions of the soak test. What cannot run on this machine is written in Go instead.
func newStrangers() []*stranger {
	all := []*stranger{
		{kind: goFunction, does: echoes}, {kind: pythonStranger, does: echoes},
		{kind: nodeStranger, does: echoes}, {kind: shellStranger, does: echoes},
		{kind: goFunction, does: fails}, {kind: pythonStranger, does: fails}, {kind: nodeStranger, does: fails},
		{kind: goFunction, does: exits}, {kind: nodeStranger, does: exits},
		{kind: shellStranger, does: crashes}, {kind: shellStranger, does: refuses},
		{kind: goFunction, does: hangs}, {kind: pythonStranger, does: hangs},
		{kind: goFunction, does: floods}, {kind: pythonStranger, does: floods},
		{kind: goFunction, does: streams}, {kind: nodeStranger, does: streams}, {kind: goFunction, does: tears},
		{kind: shellStranger, does: detaches}, {kind: pythonStranger, does: detaches},
	}
	for _, s := range all {
		s.name = strings.ToLower(s.kind.name) + "-" + s.does.name
		if !s.kind.available() {
			s.kind = goFunction
		}
	}
	return all
}

// isShell reports whether the function answers with the event itself.
func (s *stranger) isShell() bool { return s.kind.name == shellStranger.name }

// principal is who calls.
type principal struct {
	arn         string
	credentials sigv4.Credentials
}

// message is what a caller sends, and no other does.
type message struct {
	id, query string
	body      []byte
	binary    bool
}

func newMessage(size int, binary bool) message {
	var random [8]byte
	rand.Read(random[:]) //nolint:errcheck // never fails
	m := message{id: hex.EncodeToString(random[:]), binary: binary}
	m.query = "id=" + m.id
	m.body = make([]byte, size)
	if binary {
		rand.Read(m.body) //nolint:errcheck // the same
	} else {
		copy(m.body, strings.Repeat(m.id+" ", size/len(m.id)+1))
	}
	return m
}

// anyMessage is mostly small, and seldom large.
func anyMessage() message {
	sizes := []int{0, 1, 100, 100, 10_000, 10_000, 100_000, 2_000_000}
	return newMessage(sizes[mathrand.N(len(sizes))], mathrand.N(2) == 0)
}

// message is one that the function can be called with: an error has room for a short text.
func (s *stranger) message() message {
	if s.does.failure != "" {
		return newMessage(30, false)
	}
	return anyMessage()
}

func (m message) contentType() string {
	if m.binary {
		return "application/octet-stream"
	}
	return "text/plain"
}

// ask sends a request, signed if there are credentials. Headers are name and value in turn.
func (s *server) ask(
	ctx context.Context, as sigv4.Credentials, method, target string, body []byte, headers ...string,
) (answer, error) {
	r, err := s.newRequest(ctx, as, method, target, body, headers...)
	if err != nil {
		return answer{}, err
	}
	return s.send(r)
}

func (s *server) newRequest(
	ctx context.Context, as sigv4.Credentials, method, target string, body []byte, headers ...string,
) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if as.AccessKeyID == "" {
		return r, nil
	}
	return r, sign(r, as, "lambda", body)
}

// wrong says how an answer differs from what it should be.
func (a answer) wrong(format string, arguments ...any) error {
	beginning := a.body[:min(len(a.body), 200)]
	text := fmt.Sprintf("%d %s %q (%d bytes)", a.status, a.header.Get("X-Amzn-Errortype"), beginning, len(a.body))
	if a.broken != nil {
		text += ", broken off: " + a.broken.Error()
	}
	return fmt.Errorf("request %s: %s; the answer is %s", a.id(), fmt.Sprintf(format, arguments...), text)
}

// refusal is an answer in place of the function's.
type refusal struct {
	status          int
	errorType, body string
}

// The refusals of function URLs (docs/compatibility.md).
var (
	functionFailed = refusal{http.StatusBadGateway, "", "Internal Server Error"}
	notAuthorized  = refusal{http.StatusForbidden, "AccessDeniedException", `{"Message":"Forbidden. For troubleshooting ` +
		`Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`}
	unsigned   = refusal{http.StatusForbidden, "AccessDeniedException", `{"Message":"Forbidden"}`}
	unknownURL = refusal{http.StatusForbidden, "AccessDeniedException", `{"Message":null}`}
	unknownKey = refusal{http.StatusForbidden, "UnrecognizedClientException",
		`{"message":"The security token included in the request is invalid."}`}
)

// is reports how the answer differs from a refusal.
func (a answer) is(want refusal) error {
	if a.broken != nil || (refusal{a.status, a.header.Get("X-Amzn-Errortype"), string(a.body)}) != want {
		return a.wrong("want %d %s %s", want.status, want.errorType, want.body)
	}
	return nil
}

// call calls the function by its URL.
func (s *server) call(ctx context.Context, f *stranger, c principal) error {
	if f.does.streams {
		return s.callStream(ctx, f, c)
	}
	sent := f.message()
	target := f.path + "?" + sent.query
	a, err := s.ask(ctx, c.credentials, http.MethodPost, target, sent.body, "Content-Type", sent.contentType())
	switch {
	case err != nil:
		return fmt.Errorf("no answer to the message %s: %w", sent.id, err)
	case f.does.failure != "":
		return a.is(functionFailed)
	case a.status != http.StatusOK || a.broken != nil:
		return a.wrong("want the answer of the function")
	}
	got := echoed{a.header.Get("X-Query"), a.header.Get("X-Caller"), a.header.Get("X-Turn"), string(a.body)}
	if f.isShell() {
		if got, err = readEvent(a.body); err != nil {
			return a.wrong("%v", err)
		}
	}
	return f.compare(a, got, sent, c)
}

// echoed is what an answer says of the message that it answers.
type echoed struct{ query, caller, turn, body string }

func (e echoed) String() string {
	return fmt.Sprintf("%s of %s in turn %s (%d bytes)", e.query, e.caller, e.turn, len(e.body))
}

func (f *stranger) compare(a answer, got echoed, sent message, c principal) error {
	want := echoed{sent.query, c.arn, f.turn, string(sent.body)}
	if f.isShell() {
		want.turn = ""
	}
	if got != want {
		return a.wrong("want the answer to %s with its body, not to %s", want, got)
	}
	return nil
}

// urlEvent is what a function is called with, as much as the functions here look at.
type urlEvent struct {
	Query   string `json:"rawQueryString"`
	Body    string `json:"body"`
	Encoded bool   `json:"isBase64Encoded"`
	Context struct {
		Authorizer struct {
			IAM struct {
				UserARN string `json:"userArn"`
			} `json:"iam"`
		} `json:"authorizer"`
	} `json:"requestContext"`
}

func readEvent(text []byte) (echoed, error) {
	var e urlEvent
	if err := json.Unmarshal(text, &e); err != nil {
		return echoed{}, err
	}
	body, err := decoded(e.Body, e.Encoded)
	return echoed{query: e.Query, caller: e.Context.Authorizer.IAM.UserARN, body: body}, err
}

func decoded(body string, encoded bool) (string, error) {
	if !encoded {
		return body, nil
	}
	decoded, err := base64.StdEncoding.DecodeString(body)
	return string(decoded), err
}

// invoke calls the function by the Invoke API.
func (s *server) invoke(ctx context.Context, f *stranger, c principal) error {
	sent := f.message()
	e := urlEvent{Query: sent.query, Body: string(sent.body)}
	if sent.binary {
		e.Body, e.Encoded = base64.StdEncoding.EncodeToString(sent.body), true
	}
	e.Context.Authorizer.IAM.UserARN = c.arn
	payload, err := json.Marshal(e)
	if err != nil {
		return err
	}
	target := "/2015-03-31/functions/" + f.name + "/invocations"
	a, err := s.ask(ctx, c.credentials, http.MethodPost, target, payload, "X-Amz-Log-Type", "Tail")
	if err != nil {
		return fmt.Errorf("no answer to the message %s: %w", sent.id, err)
	}
	if a.status != http.StatusOK || a.broken != nil {
		return a.wrong("want the result of the function")
	}
	log, err := base64.StdEncoding.DecodeString(a.header.Get("X-Amz-Log-Result"))
	if report := "REPORT RequestId: " + a.id(); err != nil || !strings.Contains(string(log), report) {
		return a.wrong("want a log with %s, not %q", report, log)
	}
	if f.does.failure != "" {
		return f.failed(a, sent)
	}
	got, err := f.readResult(a.body)
	if failed := a.header.Get("X-Amz-Function-Error"); err != nil || failed != "" {
		return a.wrong("want the result of the function (%v, function error %q)", err, failed)
	}
	return f.compare(a, got, sent, c)
}

// failed reports how the answer of Invoke differs from the function's failure.
func (f *stranger) failed(a answer, sent message) error {
	want := strings.NewReplacer("{id}", a.id(), "{body}", string(sent.body)).Replace(f.does.failure)
	var got struct {
		Message string `json:"errorMessage"`
	}
	err := json.Unmarshal(a.body, &got)
	if err != nil || got.Message != want || a.header.Get("X-Amz-Function-Error") != "Unhandled" {
		return a.wrong("want the function error %q", want)
	}
	return nil
}

// readResult reads what the function returned.
func (f *stranger) readResult(payload []byte) (echoed, error) {
	if f.isShell() {
		return readEvent(payload)
	}
	var result struct {
		Status  int               `json:"statusCode"`
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
		Encoded bool              `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(payload, &result); err != nil {
		return echoed{}, err
	}
	if result.Status != http.StatusOK {
		return echoed{}, fmt.Errorf("status %d", result.Status)
	}
	body, err := decoded(result.Body, result.Encoded)
	return echoed{result.Headers["x-query"], result.Headers["x-caller"], result.Headers["x-turn"], body}, err
}

// callStream calls a function that streams.
func (s *server) callStream(ctx context.Context, f *stranger, c principal) error {
	size := mathrand.N(3 << 20)
	target, want := f.streamOf(size)
	a, err := s.ask(ctx, c.credentials, http.MethodGet, target, nil)
	if err != nil {
		return fmt.Errorf("no answer to %s: %w", target, err)
	}
	_, query, _ := strings.Cut(target, "?")
	if got := a.header.Get("X-Query"); a.status != http.StatusOK || got != query || !bytes.Equal(a.body, want) {
		return a.wrong("want the stream of %s with its %d bytes, not of %s", query, size, got)
	}
	if f.does.name == tears.name && !errors.Is(a.broken, io.ErrUnexpectedEOF) {
		return a.wrong("want the answer to break off")
	}
	if f.does.name != tears.name && a.broken != nil {
		return a.wrong("want the answer to end")
	}
	return nil
}

// streamOf is the target that asks for a stream of so many bytes, and these.
func (f *stranger) streamOf(size int) (target string, stream []byte) {
	id := newMessage(0, false).id
	return fmt.Sprintf("%s?id=%s&size=%d", f.path, id, size), numbered(id, size)
}

// numbered is as many bytes of lines that begin with a text and are numbered.
func numbered(text string, size int) (all []byte) {
	for i := 0; len(all) < size; i++ {
		all = fmt.Appendf(all, "%s %08d\n", text, i)
	}
	return all[:size]
}

// cutOff calls the function and hangs up: in the middle of the request, right after it, or in the middle of the answer.
func (s *server) cutOff(ctx context.Context, f *stranger, c principal) error {
	sent := newMessage(500_000, true)
	method, target := http.MethodPost, f.path+"?"+sent.query
	switch {
	case f.does.streams:
		target, _ = f.streamOf(3 << 20)
		method, sent.body = http.MethodGet, nil
	case f.does.failure != "":
		sent = newMessage(30, false)
	}
	r, err := s.newRequest(ctx, c.credentials, method, target, sent.body, "Content-Type", sent.contentType())
	if err != nil {
		return err
	}
	request, err := wire(r, sent.body)
	if err != nil {
		return err
	}
	conn, err := dial(s.address)
	if err != nil {
		return err
	}
	defer conn.close()
	if err := conn.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	where := mathrand.N(3)
	if where == 0 {
		request = request[:len(request)-len(request)/3]
	}
	if _, err := conn.conn.Write(request); err != nil || where < 2 {
		return err
	}
	begin := make([]byte, 4096)
	n, err := conn.reader.Read(begin)
	if n == 0 {
		return fmt.Errorf("%s %s, of which the beginning was to be read: %w", method, target, err)
	}
	if want := "HTTP/1.1 "; !strings.HasPrefix(string(begin[:n]), want) {
		return fmt.Errorf("%s %s begins with %q, want %s", method, target, begin[:n], want)
	}
	return nil
}
