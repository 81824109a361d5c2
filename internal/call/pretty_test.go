package call_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/tint"
)

// marked is a terminal that shows styles in angle brackets.
type marked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (m *marked) Write(text []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.Write(text)
}

func (m *marked) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.String()
}

var marks = map[tint.Style]string{tint.Name: "N", tint.Quoted: "S", tint.Literal: "L"}

func (m *marked) Paint(text []byte, spans []tint.Span) error {
	at := 0
	for _, span := range spans {
		fmt.Fprintf(m, "%s<%s>%s</>", text[at:span.From], marks[span.Style], text[span.From:span.To])
		at = span.To
	}
	m.Write(text[at:])
	return nil
}

func response(kind string, length int64) *http.Response {
	return &http.Response{Header: http.Header{"Content-Type": {kind}}, ContentLength: length}
}

// pretty is what is shown of a body that arrives in parts.
func pretty(t *testing.T, resp *http.Response, parts ...string) string {
	t.Helper()
	var shown marked
	w := call.NewPretty(resp, false, &shown)
	if w == nil {
		return strings.Join(parts, "")
	}
	for _, part := range parts {
		if n, err := io.WriteString(w, part); n != len(part) || err != nil {
			t.Fatalf("wrote %d of %q, %v", n, part, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return shown.String()
}

func TestPretty(t *testing.T) {
	const long = 1<<20 + 10
	for _, test := range []struct{ name, kind, body, want string }{
		{"object", "application/json", `{"b":1,"a":[true,null,"x"]}`,
			"{\n  <N>\"b\"</>: 1,\n  <N>\"a\"</>: [\n    <L>true</>,\n    <L>null</>,\n    <S>\"x\"</>\n  ]\n}\n"},
		{"names twice", "application/json; charset=utf-8", `{"a":1,"a":2}`, "{\n  <N>\"a\"</>: 1,\n  <N>\"a\"</>: 2\n}\n"},
		{"numbers", "application/json", `[1.0,1e400,-0,12345678901234567890123]`, "[\n  1.0,\n  1e400,\n  -0,\n  12345678901234567890123\n]\n"},
		{"strings", "application/json", `["\u001b\/\ud83d\"","é"]`, "[\n  <S>\"\\u001b\\/\\ud83d\\\"\"</>,\n  <S>\"é\"</>\n]\n"},
		{"empty ones", "application/json", `{"a":{},"b":[]}` + "\n", "{\n  <N>\"a\"</>: {},\n  <N>\"b\"</>: []\n}\n"},
		{"a number", "application/json", "7", "7\n"},
		{"a word", "application/problem+json", "false", "<L>false</>\n"},
		{"a string", "text/json", `"a\\"`, `<S>"a\\"</>` + "\n"},
		{"no JSON", "application/json", `{"a": }`, `{"a": }`},
		{"half of it", "application/json", `{"a": 1`, `{"a": 1`},
		{"text", "application/json", "Internal Server Error", "Internal Server Error"},
		{"a control character", "application/json", "[\"\x1b\"]", "[\"\x1b\"]"},
		{"another type", "text/plain", `{"a":1}`, `{"a":1}`},
		{"no type", "", `{"a":1}`, `{"a":1}`},
		{"events", "text/event-stream", `data: {"a":1}`, `data: {"a":1}`},
		{"lines", "application/x-ndjson", "{\"a\": 1}\n\n[2]\nno\n{\"b\":2}\n", "{<N>\"a\"</>:1}\n[2]\nno\n{\"b\":2}\n"},
		{"too long", "application/json", `["` + strings.Repeat("x", long) + `"]`, `["` + strings.Repeat("x", long) + `"]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			known := response(test.kind, int64(len(test.body)))
			if got := pretty(t, known, test.body); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			// A stream, whatever its parts.
			for _, size := range []int{1, 3, len(test.body)} {
				if len(test.body) > 1000 {
					size = max(size, 1000)
				}
				var parts []string
				for rest := test.body; rest != ""; {
					n := min(size, len(rest))
					parts, rest = append(parts, rest[:n]), rest[n:]
				}
				if got := pretty(t, response(test.kind, -1), parts...); got != test.want {
					t.Errorf("in parts of %d: %q, want %q", size, got, test.want)
				}
			}
		})
	}
}

// The values of a stream are shown as they come.
func TestPrettyShowsEachValueOfAStream(t *testing.T) {
	for _, test := range []struct{ body, want string }{
		{`{"a":1}{"b":2}`, "{\n  <N>\"a\"</>: 1\n}\n{\n  <N>\"b\"</>: 2\n}\n"},
		{"1 2\n", "1\n2\n"},
		{`"x"["y"]`, "<S>\"x\"</>\n[\n  <S>\"y\"</>\n]\n"},
		{`1{"a":2}x`, "1\n{\n  <N>\"a\"</>: 2\n}\nx"},
	} {
		if got := pretty(t, response("application/json", -1), test.body); got != test.want {
			t.Errorf("%q is %q, want %q", test.body, got, test.want)
		}
	}
}

// What is not complete after a second is shown as it is, with the rest of the body, and what is complete at once.
func TestPrettyDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shown marked
		w := call.NewPretty(response("application/json", -1), false, &shown)
		io.WriteString(w, `[1]`)
		if shown.String() != "[\n  1\n]\n" {
			t.Errorf("%q", shown.String())
		}
		time.Sleep(time.Minute)
		io.WriteString(w, `{"a":`)
		time.Sleep(900 * time.Millisecond)
		io.WriteString(w, `1,`)
		if strings.Contains(shown.String(), "a") {
			t.Errorf("%q", shown.String())
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if !strings.HasSuffix(shown.String(), "]\n{\"a\":1,") {
			t.Errorf("%q", shown.String())
		}
		io.WriteString(w, `"b":2}`)
		if err := w.Close(); err != nil || !strings.HasSuffix(shown.String(), "]\n{\"a\":1,\"b\":2}") {
			t.Errorf("%q, %v", shown.String(), err)
		}
	})
}

// A compressed body is no JSON unless it was decoded.
func TestPrettyOfACompressedBody(t *testing.T) {
	resp := response("application/json", -1)
	resp.Header.Set("Content-Encoding", "gzip")
	if call.NewPretty(resp, false, io.Discard) != nil || call.NewPretty(resp, true, io.Discard) == nil {
		t.Error("a compressed body is indented, or a decoded one is not")
	}
}
