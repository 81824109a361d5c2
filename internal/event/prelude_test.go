package event_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/event"
)

const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00"

func TestParsePrelude(t *testing.T) {
	octets := http.Header{"Content-Type": {"application/octet-stream"}}
	for _, test := range []struct {
		name, stream string
		want         event.Head
		body         string
	}{
		{"everything", `{"statusCode":201,"headers":{"content-type":"text/html","x-a":"b"},"cookies":["a=b","c=d"]}` + zeros + "<p>", event.Head{
			Status: 201, Header: http.Header{"Content-Type": {"text/html"}, "X-A": {"b"}}, Cookies: []string{"a=b", "c=d"},
		}, "<p>"},
		{"empty object", `{}` + zeros + "body", event.Head{Status: 200, Header: octets}, "body"},
		{"white space", " {\"statusCode\": 404}\n" + zeros, event.Head{Status: 404, Header: octets}, ""},
		{"body begins with zero", `{}` + zeros + "\x00\x00", event.Head{Status: 200, Header: octets}, "\x00\x00"},
		{"nothing written", "", event.Head{Status: 200, Header: octets}, ""},
		{"largest", `{"cookies":["` + strings.Repeat("x", event.MaxPrelude-len(`{"cookies":[""]}`)-8) + `"]}` + zeros + "body", event.Head{
			Status: 200, Header: octets, Cookies: []string{strings.Repeat("x", event.MaxPrelude-len(`{"cookies":[""]}`)-8)},
		}, "body"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(test.stream), iotest.OneByteReader(strings.NewReader(test.stream))} {
				buffered := bufio.NewReader(r)
				head, err := event.ParsePrelude(buffered)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(&test.want, head); diff != "" {
					t.Errorf("head (-want +got):\n%s", diff)
				}
				if body, err := io.ReadAll(buffered); err != nil || string(body) != test.body {
					t.Errorf("body = %q, %v, want %q", body, err, test.body)
				}
			}
		})
	}
}

func TestParsePreludeRefuses(t *testing.T) {
	broken := errors.New("connection reset")
	for _, test := range []struct {
		name   string
		stream io.Reader
		want   string
	}{
		{"no delimiter", strings.NewReader(`{"statusCode":200}`), "prelude: the stream ends after 18 bytes, before the 8 zero bytes that end a prelude"},
		{"short delimiter", strings.NewReader("{}\x00\x00\x00body"), "prelude: 3 zero bytes at byte 2, want 8"},
		{"cut delimiter", strings.NewReader("{}\x00\x00\x00"), "prelude: the stream ends after 5 bytes, before the 8 zero bytes that end a prelude"},
		{"only zeros", strings.NewReader("\x00"), "prelude: the stream ends after 1 bytes, before the 8 zero bytes that end a prelude"},
		{"delimiter only", strings.NewReader(zeros), "prelude is not JSON: it is empty"},
		{"not JSON", strings.NewReader("<p>hello" + zeros), `prelude is not JSON: invalid character '<' looking for beginning of value at byte 1 of "<p>hello"`},
		{"not an object", strings.NewReader(`"hello"` + zeros), "prelude is a string, want an object"},
		{"bad status", strings.NewReader(`{"statusCode":42}` + zeros), "prelude: statusCode 42 is not an HTTP status from 200 to 599"},
		{"no end", strings.NewReader(strings.Repeat("x", 25_000) + zeros), "prelude: no 8 zero bytes within the first 16384 bytes"},
		{"broken", io.MultiReader(strings.NewReader("{}"), iotest.ErrReader(broken)), "prelude: connection reset"},
	} {
		t.Run(test.name, func(t *testing.T) {
			head, err := event.ParsePrelude(bufio.NewReader(test.stream))
			if err == nil {
				t.Fatalf("no error, head %v", head)
			}
			if err.Error() != test.want {
				t.Errorf("error %q, want %q", err, test.want)
			}
		})
	}
}

// FuzzParsePrelude: no stream panics, and the body is what follows the first eight zero bytes.
func FuzzParsePrelude(f *testing.F) {
	f.Add(`{"statusCode":201,"headers":{"a":"b"}}` + zeros + "body")
	f.Add("{}\x00\x00" + zeros)
	f.Fuzz(func(t *testing.T, stream string) {
		r := bufio.NewReader(strings.NewReader(stream))
		head, err := event.ParsePrelude(r)
		if err != nil {
			if head != nil {
				t.Errorf("head %v with error %v", head, err)
			}
			return
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, want, _ := strings.Cut(stream, zeros); string(body) != want {
			t.Errorf("body = %q, want %q", body, want)
		}
	})
}
