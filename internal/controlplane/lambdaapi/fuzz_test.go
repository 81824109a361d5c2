//go:build unix

package lambdaapi_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
)

// Whatever the name, the answer is one that AWS could give: never a fault of the server's.
func FuzzFunctionName(f *testing.F) {
	s := start(f)
	s.create("books")
	for _, name := range []string{"books", "books:$LATEST", "a:b:c", prefix + "books", "arn:aws:lambda:::function:x", "a.b", "é", "a/b", strings.Repeat("n", 200), "..", "%2e"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" || len(name) > 2000 {
			return
		}
		inner := *s
		inner.t = t // the fuzzer's own cannot be used in here
		got := inner.do(request{method: "GET", path: "/2015-03-31/functions/" + url.PathEscape(name) + "/configuration"})
		if got.status != 200 && got.status != 400 && got.status != 403 && got.status != 404 {
			t.Errorf("%q: %d %s", name, got.status, got.body)
		}
		if got.status == 200 && !strings.HasSuffix(strings.TrimSuffix(name, ":$LATEST"), "books") {
			t.Errorf("%q is taken for books", name)
		}
	})
}

// Whatever is no JSON, its fault is told in text that says where it is.
func FuzzPayloadFault(f *testing.F) {
	for _, payload := range []string{"", "{", "n\x87r", "\x99\xeb,j", "name=value", "{key: 1}", "[1 2]", "[1,tru]", "{\"a\"\n}", "nul", "\xe2\x82"} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		err := json.Unmarshal(payload, new(json.RawMessage))
		if err == nil {
			return
		}
		told := lambdaapi.PayloadFault(payload, err)
		if told != "" && (!utf8.ValidString(told) || !strings.Contains(told, "\n at [Source: REDACTED (") || !strings.HasSuffix(told, "]")) {
			t.Errorf("%q: %q", payload, told)
		}
	})
}
