//go:build unix

package webapp_test

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/runtime/webapp"
)

func answerOf(status int, header ...string) *http.Response {
	answer := &http.Response{StatusCode: status, Header: http.Header{}}
	for i := 0; i+1 < len(header); i += 2 {
		answer.Header.Add(header[i], header[i+1])
	}
	return answer
}

// The envelopes are those of the adapter's library (crate lambda_http, tests of response.rs), apart from the order of
// members within headers.
func TestEnvelope(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer *http.Response
		body   string
		want   string
	}{
		{"encoded", answerOf(200, "Content-Encoding", "gzip"), "000000", `{"statusCode":200,"headers":{"content-encoding":"gzip"},"multiValueHeaders":{},"body":"MDAwMDAw","isBase64Encoded":true,"cookies":[]}`},
		{"JSON", answerOf(200, "Content-Type", "application/json"), "000000", `{"statusCode":200,"headers":{"content-type":"application/json"},"multiValueHeaders":{},"body":"000000","isBase64Encoded":false,"cookies":[]}`},
		{"cookies and twice a header", answerOf(302, "Set-Cookie", "a=1", "Set-Cookie", "b=2", "X", "1", "X", "2"), "", `{"statusCode":302,"headers":{"x":"1"},"multiValueHeaders":{},"isBase64Encoded":false,"cookies":["a=1","b=2"]}`},
		{"without a type", answerOf(200), "a\"\n", `{"statusCode":200,"headers":{},"multiValueHeaders":{},"body":"a\"\n","isBase64Encoded":false,"cookies":[]}`},
		{"text", answerOf(200, "Content-Type", "text/html; charset=UTF-8"), "é\xff", `{"statusCode":200,"headers":{"content-type":"text/html; charset=UTF-8"},"multiValueHeaders":{},"body":"é�","isBase64Encoded":false,"cookies":[]}`},
		{"byte order mark", answerOf(200, "Content-Type", "text/csv"), "\ufeffa", `{"statusCode":200,"headers":{"content-type":"text/csv"},"multiValueHeaders":{},"body":"a","isBase64Encoded":false,"cookies":[]}`},
		{"suffix", answerOf(200, "Content-Type", "image/svg+xml; charset=utf-8"), "<svg/>", `{"statusCode":200,"headers":{"content-type":"image/svg+xml; charset=utf-8"},"multiValueHeaders":{},"body":"<svg/>","isBase64Encoded":false,"cookies":[]}`},
		{"form", answerOf(200, "Content-Type", "application/x-www-form-urlencoded"), "a=b", `{"statusCode":200,"headers":{"content-type":"application/x-www-form-urlencoded"},"multiValueHeaders":{},"body":"YT1i","isBase64Encoded":true,"cookies":[]}`},
		{"another character set", answerOf(200, "Content-Type", "text/plain; charset=iso-8859-1"), "\xe9", `{"statusCode":200,"headers":{"content-type":"text/plain; charset=iso-8859-1"},"multiValueHeaders":{},"body":"6Q==","isBase64Encoded":true,"cookies":[]}`},
	} {
		if diff := cmp.Diff(row.want, string(webapp.Envelope(row.answer, []byte(row.body)))); diff != "" {
			t.Errorf("%s: %s", row.name, diff)
		}
	}
}

// What goes into an envelope comes out as the answer of the function URL.
func TestEnvelopeIsRead(t *testing.T) {
	for _, contentType := range []string{"text/plain", "image/png", "application/json"} {
		body := strings.Repeat("line\t\u2028\"\\é\x00\x1f", 100)
		response, err := event.ParseResponse(webapp.Envelope(answerOf(201, "Content-Type", contentType, "Set-Cookie", "a=b"), []byte(body)))
		if err != nil || response.Status != 201 || string(response.Body) != body || response.Header.Get("Content-Type") != contentType ||
			len(response.Cookies) != 1 {
			t.Errorf("%s: %+v, %v", contentType, response, err)
		}
	}
}

// FuzzResponse: the answer without an envelope is the one that a function URL reads in the envelope.
func FuzzResponse(f *testing.F) {
	f.Add(200, "text/plain", "X-Custom", "value", "a=b", []byte("text"))
	f.Add(404, "image/png", "Content-Encoding", "gzip", "", []byte("\xff\x00"))
	f.Add(600, "", "X Y", "\x01", "\xff", []byte(nil))
	f.Add(199, "text/csv; charset=latin1", "set-cookie", "\u00e9", "c", []byte("\ufeff"))
	f.Add(302, "text/csv", "", "\xe9", "c\n", []byte("\ufeff\ufeff\xff"))
	f.Fuzz(func(t *testing.T, status int, contentType, name, value, cookie string, body []byte) {
		answer := answerOf(status, name, value, name, "second")
		if contentType != "" {
			answer.Header.Set("Content-Type", contentType)
		}
		if cookie != "" {
			answer.Header.Add("Set-Cookie", cookie)
		}
		got := webapp.Response(answer, body)
		if got == nil {
			t.Skip()
		}
		want, err := event.ParseResponse(webapp.Envelope(answer, body))
		if err != nil {
			t.Fatalf("refused, but got %+v: %v", got, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("response (-want +got):\n%.2000s", diff)
		}
	})
}

// An answer that needs nothing replaced has a response.
func TestResponse(t *testing.T) {
	large := strings.Repeat("\x00", 1<<20)
	for _, row := range []struct {
		name   string
		answer *http.Response
		body   string
		want   bool
	}{
		{"text", answerOf(200, "Content-Type", "text/plain", "Set-Cookie", "a=b"), "é", true},
		{"without anything", answerOf(204), "", true},
		{"binary", answerOf(599, "Content-Type", "image/png"), "\xff", true},
		{"large", answerOf(200, "Content-Type", "image/png"), large + large + large + large, true},
		{"maybe too large", answerOf(200, "Content-Type", "text/plain"), large, false},
		{"header maybe too large", answerOf(200, "X-A", strings.Repeat("\t", 1<<20)), "", false},
		{"text not UTF-8", answerOf(200, "Content-Type", "text/plain"), "\xff", false},
		{"header not UTF-8", answerOf(200, "X-A", "\xff"), "", false},
		{"cookie not UTF-8", answerOf(200, "Set-Cookie", "\xff"), "", false},
		{"header with a control character", answerOf(200, "X-A", "\x01"), "", false},
		{"no name of a header", answerOf(200, "X A", "a"), "", false},
		{"no status of a function", answerOf(600), "", false},
		{"interim status", answerOf(199), "", false},
	} {
		if got := webapp.Response(row.answer, []byte(row.body)); (got != nil) != row.want {
			t.Errorf("%s: %+v", row.name, got)
		}
	}
}

// The arrays are as recorded from version 1.0.0-rc1 of the adapter.
func TestPrelude(t *testing.T) {
	prelude := webapp.Prelude(answerOf(404, "Content-Type", "text/event-stream", "Set-Cookie", "a=1", "Link", "<a>", "Link", "<b>",
		"X-Text", "caf\u00e9"))
	const want = `{"headers":{"content-type":"text/event-stream","link":["<a>","<b>"],"x-text":[]},"statusCode":404,"cookies":["a=1"]}` +
		"\x00\x00\x00\x00\x00\x00\x00\x00"
	if diff := cmp.Diff(want, string(prelude)); diff != "" {
		t.Error(diff)
	}
	head, err := event.ParsePrelude(bufio.NewReader(bytes.NewReader(prelude)))
	if err != nil || head.Status != 404 || head.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%+v, %v", head, err)
	}
}
