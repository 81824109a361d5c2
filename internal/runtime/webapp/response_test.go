package webapp_test

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
