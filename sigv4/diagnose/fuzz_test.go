package diagnose_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// FuzzJSON: JSON that is written anew means the same.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{
		`{"b": [1, {"d": null, "c": "\u00e9\/<&>\ud83d\ude00"}], "a": -1.50e+3}`, `[]`, `{}`, `[[],{"a":{}}]`, ` "\u2028" `, "0",
		`{"":"","\"":"\\"}`, "[1\n,\t2\r]", `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7}`,
	} {
		f.Add([]byte(text))
	}
	decode := func(text []byte) (v any, err error) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		return v, d.Decode(&v)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 4<<10 || !json.Valid(text) || !utf8.Valid(text) || twice(text) {
			return
		}
		want, err := decode(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range diagnose.Restyled(text) {
			if got, err := decode(other); err != nil || !cmp.Equal(want, got) {
				t.Fatalf("%q was written anew as %q: %v", text, other, err)
			}
		}
	})
}

// twice reports whether a name is there twice in an object, so that its order has a meaning.
func twice(text []byte) bool {
	var compact bytes.Buffer
	var v any
	_ = json.Compact(&compact, text)
	_ = json.Unmarshal(text, &v)
	again, _ := json.Marshal(v)
	return bytes.Count(again, []byte(":")) != bytes.Count(compact.Bytes(), []byte(":"))
}

// FuzzCharsets: a text that was written in another charset and back is the same.
func FuzzCharsets(f *testing.F) {
	for _, text := range []string{"", "a", "caf\u00e9 \u20ac \U0001f600", "caf\xe9 \x80", "a\x00b\x00", "\x00a", "\xff\xfea\x00",
		"\xfe\xff\x00a"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, back := range diagnose.Recoded(text) {
			if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
				continue // lone surrogates, and what is no text, are lost
			}
			if !bytes.Equal(text, back) {
				t.Fatalf("%q came back as %q", text, back)
			}
		}
	})
}

// FuzzLinks: whatever is made of a presigned link and its body, a diagnosis is bounded, and proven only if the signature
// comes out.
func FuzzLinks(f *testing.F) {
	link := faulty{method: "GET", target: "/a?b=1"}.presigned(false, false).RequestURI
	for _, target := range []string{link, link + ".", strings.ReplaceAll(link, "&", "&amp;"), strings.ReplaceAll(link, "&", `\u0026`),
		strings.ToLower(link), link[:len(link)-9], url.QueryEscape(link), strings.ReplaceAll(link, "=", "=3D"), "/x-amz-signature"} {
		f.Add(target, "")
	}
	f.Add(link, `{"a": 1}`)
	f.Fuzz(func(t *testing.T, target, body string) {
		r := faulty{method: "GET", body: body, way: func(r *http.Request) { r.RequestURI = target }}.arrive(target, http.Header{})
		_, err := newVerifier().Verify(r)
		e, ok := err.(*sigv4.Error)
		if !ok {
			return
		}
		key, _ := lookup(t.Context(), e.AccessKeyID)
		ev := diagnose.Evidence{Request: r, Refusal: e, Key: key, Region: region, Service: service, Now: clock, Lookup: lookup}
		d := diagnose.Diagnose(t.Context(), ev)
		if d.Proven != (d.CanonicalRequest != "") || d.Tested > diagnose.MaxHypotheses || d.Hashed > diagnose.MaxHashed ||
			strings.Contains(d.Explanation+d.Fix, alice.Secret.Reveal()) {
			t.Fatalf("%+v", d)
		}
		if diff := cmp.Diff(d, diagnose.Diagnose(t.Context(), ev)); diff != "" {
			t.Fatal(diff)
		}
	})
}
