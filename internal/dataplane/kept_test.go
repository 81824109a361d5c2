//go:build unix

package dataplane_test

import (
	"io"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/trace"
)

// kept is what is kept of a request.
func (w *world) kept(got answer) trace.Exchange {
	w.t.Helper()
	kept, ok := w.plane.Exchanges.Find(got.header.Get("X-Amzn-Requestid"))
	if !ok {
		w.t.Fatalf("%d: nothing is kept", got.status)
	}
	return kept
}

func keeping(t *testing.T) *world {
	w := newWorld(t)
	w.plane.Exchanges = &trace.Exchanges{}
	return w
}

func value(header []trace.Field, name string) string {
	for _, field := range header {
		if field.Name == name {
			return field.Value
		}
	}
	return "(none)"
}

// A request whose body was read is kept as it was sent, also if it was refused: after a grant it is worth a replay.
func TestRefusedRequestsAreKept(t *testing.T) {
	w := keeping(t)
	alice, mallory := w.role(here, "caller", bothActions), w.user(here, "mallory", "")
	const body = `{"book": 5}`
	denied := w.do(w.sign(w.request("POST", "/book?page=5", body), mallory, body))
	mismatch := w.sign(w.request("POST", "/book?page=5", body), alice, body)
	mismatch.Header.Set("X-Amz-Date", mismatch.Header.Get("X-Amz-Date"))
	mismatch.URL.RawQuery, mismatch.RequestURI = "page=6", "/book?page=6"
	for name, got := range map[string]answer{"denied": denied, "mismatch": w.do(mismatch)} {
		kept := w.kept(got)
		if got.status != 403 || string(kept.Request.Body.Bytes) != body || kept.Request.Body.Hidden || kept.Request.Body.Cut {
			t.Errorf("%s: %d, %+v", name, got.status, kept.Request)
		}
		if len(kept.Request.Hidden) == 0 || value(kept.Request.Header, "Authorization") != "(hidden)" {
			t.Errorf("%s: %+v", name, kept.Request)
		}
		if kept.Event.Size != 0 {
			t.Errorf("%s: there is an event: %s", name, kept.Event.Bytes)
		}
		if kept.Answer.Status != 403 || string(kept.Answer.Body.Bytes) != got.body || kept.Answer.Body.Size != len(got.body) {
			t.Errorf("%s: answered %q, and kept %+v", name, got.body, kept.Answer)
		}
	}
}

// What was refused before anybody looked at the body says so: it is not all there.
func TestUnreadBodiesAreNotThere(t *testing.T) {
	w := keeping(t)
	w.role(here, "caller", bothActions)
	kept := w.kept(w.do(w.request("POST", "/", "12345")))
	if body := kept.Request.Body; !body.Cut || body.Size != 5 || len(body.Bytes) != 0 {
		t.Errorf("%+v", body)
	}
	if body := w.kept(w.do(w.request("GET", "/", ""))).Request.Body; body.Cut {
		t.Errorf("a request without a body: %+v", body)
	}
}

// The answer is kept as it goes to the client, without its secrets; the client has all of it.
func TestAnswersAreKept(t *testing.T) {
	large := strings.Repeat("a", 200<<10)
	tests := []struct {
		name, method, answer string
		mode                 lambda.InvokeMode
		status               int
		body                 string
		size                 int
		cut, hidden          bool
	}{
		{"buffered", "GET", `{"statusCode":201,"headers":{"x-a":"b"},"cookies":["session=hunter2"],"body":"hi"}`, "", 201, "hi", 2, false, false},
		{"buffered, large", "GET", `{"statusCode":200,"body":"` + large + `"}`, "", 200, large[:64<<10], len(large), true, false},
		{"streamed, large", "GET", large, lambda.ResponseStream, 200, large[:64<<10], len(large), true, false},
		{"a secret", "GET", `{"statusCode":200,"body":"{\"token\":\"hunter2\"}"}`, "", 200, `{"token":"(hidden)"}`, 19, false, true},
		{"HEAD", "HEAD", `{"statusCode":200,"body":"hi"}`, "", 200, "", 0, false, false},
		{"no content", "GET", `{"statusCode":204,"body":"hi"}`, "", 204, "", 0, false, false},
		{"failure", "GET", `no JSON`, "", 502, "Internal Server Error", 21, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := keeping(t)
			alice := w.role(here, "caller", bothActions)
			w.changed(func(f *lambda.Function) { f.URLs[""].InvokeMode = test.mode })
			w.runner.result = func(invoke.Request) (*runtime.Result, error) {
				return &runtime.Result{Body: io.NopCloser(strings.NewReader(test.answer)), ContentType: "text/plain"}, nil
			}
			got := w.do(w.signed(alice, test.method, "/", ""))
			answer := w.kept(got).Answer
			if got.status != test.status || answer.Status != test.status {
				t.Errorf("answered %d, kept %d", got.status, answer.Status)
			}
			if body := answer.Body; string(body.Bytes) != test.body || body.Size != test.size || body.Cut != test.cut || body.Hidden != test.hidden {
				t.Errorf("kept %d bytes of %d, cut %v, hidden %v", len(body.Bytes), body.Size, body.Cut, body.Hidden)
			}
			if cookie := value(answer.Header, "Set-Cookie"); cookie != "(none)" && cookie != "(hidden)" {
				t.Errorf("kept the cookie %s", cookie)
			}
			if len(got.body) != test.size && !test.hidden {
				t.Errorf("the client got %d bytes", len(got.body))
			}
		})
	}
}

// What names no function URL is not kept: anybody could fill the store with it.
func TestUnroutedRequestsAreNotKept(t *testing.T) {
	w := keeping(t)
	request := w.request("GET", "/", "")
	request.Host = "nothing.lambda-url.eu-central-1.localhost"
	if _, ok := w.plane.Exchanges.Find(w.do(request).header.Get("X-Amzn-Requestid")); ok {
		t.Error("is kept")
	}
}

// What a client says that it has signed may have its session token in it: it is for the trace alone.
func TestToldTextsAreNotKept(t *testing.T) {
	w := keeping(t)
	request := w.signed(w.role(here, "caller", bothActions), "GET", "/", "")
	request.Header.Set(furlproto.CanonicalRequest, "aHVudGVyMg==")
	kept := w.kept(w.do(request))
	if got := value(kept.Request.Header, furlproto.CanonicalRequest); got != "(none)" || kept.Answer.Status != 200 {
		t.Errorf("%d, and %s is kept", kept.Answer.Status, got)
	}
}

// A streamed byte reaches the client before the function writes the next one, and all of them are kept.
func TestStreamsAreKeptAsTheyGo(t *testing.T) {
	w := keeping(t)
	alice := w.role(here, "caller", bothActions)
	w.changed(func(f *lambda.Function) { f.URLs[""].InvokeMode = lambda.ResponseStream })
	answer, function := io.Pipe()
	w.runner.result = func(invoke.Request) (*runtime.Result, error) {
		return &runtime.Result{Body: answer, ContentType: "text/plain", ResponseMode: runtime.ModeStreaming}, nil
	}
	go io.WriteString(function, "a")
	response, err := w.server.Client().Transport.RoundTrip(w.signed(alice, "GET", "/", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for _, piece := range []string{"a", "b", "c"} {
		got := make([]byte, 1)
		if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != piece {
			t.Fatalf("%v: %q in place of %q", err, got, piece)
		}
		if next := string(piece[0] + 1); next <= "c" {
			go io.WriteString(function, next)
		}
	}
	function.Close()
	if rest, err := io.ReadAll(response.Body); err != nil || len(rest) != 0 {
		t.Errorf("%v: %q", err, rest)
	}
	<-w.handled
	kept, ok := w.plane.Exchanges.Find(response.Header.Get("X-Amzn-Requestid"))
	if !ok || string(kept.Answer.Body.Bytes) != "abc" || kept.Answer.Body.Size != 3 || kept.Answer.Status != 200 {
		t.Errorf("kept is %+v", kept.Answer)
	}
}

// The event that is made again is the one that the function got, in host style and in path style.
func TestEventsAreMadeAgain(t *testing.T) {
	w := keeping(t)
	w.function(lambda.AuthNone, both(lambda.PermissionPrincipal{Anyone: true})...)
	for _, target := range []string{"/a%2Fb//c?x=1&x=2", "/_furl/url/" + urlID + "/a%2Fb?x=1"} {
		request := w.request("PUT", target, "\xff\x00text")
		if strings.HasPrefix(target, "/_furl/") {
			request.Host = "localhost"
		}
		request.Header.Set("X-Plain", "value")
		kept := w.kept(w.do(request))
		if got := string(w.runner.requests[len(w.runner.requests)-1].Payload); string(kept.Event.Bytes) != got || kept.Event.Hidden || kept.Event.Cut {
			t.Errorf("%s: the function got\n%s\nand kept is\n%s", target, got, kept.Event.Bytes)
		}
	}
}
