package wire_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/controlplane/wire"
)

// Whatever the path, the router takes it apart without failing, and the labels it finds make the path again.
func FuzzRoute(f *testing.F) {
	api := wire.New(wire.Config{Service: "lambda"})
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
	for _, body := range []string{
		`{"Text":"a","Number":1,"Truth":true,"Blob":"aGk=","List":["a"],"Map":{"a":"b"},"Inner":{"Needed":"x"}}`,
		`{"Map":{"A":null},"List":[null],"Inner":{"Names":[""]}}`, `{"Text":{},"Number":1e400,"Blob":"="}`, `null`, `{"Inner":true,"Map":{"":""},"List":"`,
	} {
		f.Add(body)
	}
	api := wire.NewWithModel(wire.Config{Service: "test", Invalid: "ValidationException", Refused: "InvalidException"}, jsonModel, "")
	f.Fuzz(func(t *testing.T, body string) {
		in, absent, err := wire.DecodeJSON[jsonInput](api, "Take", body)
		if err == nil {
			err = absent
		}
		if err == nil {
			var object map[string]any
			if json.Unmarshal([]byte(body), &object) != nil {
				t.Errorf("taken: %q", body)
			}
			if in.Number != nil && (*in.Number < 1 || *in.Number > 9) || in.Text != nil && utf8.RuneCountInString(*in.Text) > 3 {
				t.Errorf("taken: %q", body)
			}
			return
		}
		if text := err.Error(); !strings.Contains(text, "Exception: ") || !utf8.ValidString(text) {
			t.Errorf("refused with %q", text)
		}
	})
}
