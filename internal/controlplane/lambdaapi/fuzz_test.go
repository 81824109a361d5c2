package lambdaapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
)

// Whatever the path, the router takes it apart without failing, and the labels it finds make the path again.
func FuzzRoute(f *testing.F) {
	s := start(f)
	api := s.api()
	for _, path := range []string{
		"/2015-03-31/functions/books", "/2015-03-31/functions/", "/2015-03-31/functions/a%2Fb/policy/s%3A1",
		"/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Abooks", "//", "/%", "/2015-03-31/functions/%00",
	} {
		f.Add("GET", path)
		f.Add("DELETE", path)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		target, err := url.ParseRequestURI(path)
		if err != nil || target.Host != "" || target.Scheme != "" {
			return
		}
		_, labels, ok := api.Route(&http.Request{Method: method, URL: target})
		if !ok {
			return
		}
		for _, value := range labels {
			if value == "" || !strings.Contains(target.Path, value) {
				t.Errorf("label %q is not in %q", value, target.Path)
			}
		}
	})
}

// Whatever the body, it is taken or refused with an error of the API, never a panic, and what is no JSON object is
// refused.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(createBody("books", "")))
	f.Add([]byte(createBody("books", `,"Environment":{"Variables":{"A":null}},"Architectures":[null],"VpcConfig":{"SubnetIds":[""]}`)))
	f.Add([]byte(`{"FunctionName":{},"Timeout":1e400,"Code":{"ZipFile":"="}}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"Cors":true,"Tags":{"":""},"Layers":"`))
	f.Fuzz(func(t *testing.T, body []byte) {
		err := lambdaapi.DecodeCreateFunction(body)
		if err == nil {
			var object map[string]any
			if json.Unmarshal(body, &object) != nil || len(object) < 3 {
				t.Errorf("taken: %q", body)
			}
			return
		}
		if text := err.Error(); !strings.Contains(text, "Exception: ") || !utf8.ValidString(text) {
			t.Errorf("refused with %q", text)
		}
	})
}

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
		inner.t = t // the fuzzer's own can not be used in here
		got := inner.do(request{method: "GET", path: "/2015-03-31/functions/" + url.PathEscape(name) + "/configuration"})
		if got.status != 200 && got.status != 400 && got.status != 403 && got.status != 404 {
			t.Errorf("%q: %d %s", name, got.status, got.body)
		}
		if got.status == 200 && !strings.HasSuffix(strings.TrimSuffix(name, ":$LATEST"), "books") {
			t.Errorf("%q is taken for books", name)
		}
	})
}
