package furl_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/urltest"
)

func TestParseURL(t *testing.T) {
	const id = "tqmbkpswubye2ubwg2lc2s7ele0ffbzz"
	for _, test := range []struct {
		raw  string
		want furl.URL
	}{
		{"https://" + id + ".lambda-url.eu-central-1.on.aws/", furl.URL{
			Scheme: "https", Host: id + ".lambda-url.eu-central-1.on.aws", Target: "/", ID: id, Region: "eu-central-1",
		}},
		{"https://" + id + ".lambda-url.us-gov-west-1.on.aws", furl.URL{
			Scheme: "https", Host: id + ".lambda-url.us-gov-west-1.on.aws", Target: "/", ID: id, Region: "us-gov-west-1",
		}},
		{"https://" + strings.ToUpper(id) + ".Lambda-URL.EU-CENTRAL-1.on.aws:443/A//b/../c?x=%2f#frag", furl.URL{
			Scheme: "https", Host: strings.ToUpper(id) + ".Lambda-URL.EU-CENTRAL-1.on.aws:443", Target: "/A//b/../c?x=%2f",
			ID: id, Region: "eu-central-1",
		}},
		{"https://" + id + ".cell-1-lambda-url.us-east-1.on.aws?q", furl.URL{
			Scheme: "https", Host: id + ".cell-1-lambda-url.us-east-1.on.aws", Target: "/?q", ID: id, Region: "us-east-1",
		}},
		{"http://" + id + ".lambda-url.eu-west-1.localhost:9000/x", furl.URL{
			Scheme: "http", Host: id + ".lambda-url.eu-west-1.localhost:9000", Target: "/x", ID: id, Region: "eu-west-1",
		}},
		{"http://127.0.0.1:9000/_furl/url/" + id + "/x?y", furl.URL{
			Scheme: "http", Host: "127.0.0.1:9000", Target: "/_furl/url/" + id + "/x?y", ID: id, Base: "/_furl/url/" + id,
		}},
		{"http://127.0.0.1:9000/_furl/url/" + id + "?y", furl.URL{
			Scheme: "http", Host: "127.0.0.1:9000", Target: "/_furl/url/" + id + "?y", ID: id, Base: "/_furl/url/" + id,
		}},
		{"http://127.0.0.1:9000/_furl/url/", furl.URL{Scheme: "http", Host: "127.0.0.1:9000", Target: "/_furl/url/"}},
		{"https://api.example.com/a|b", furl.URL{Scheme: "https", Host: "api.example.com", Target: "/a|b"}},
		{"https://lambda-url.eu-central-1.on.aws/",
			furl.URL{Scheme: "https", Host: "lambda-url.eu-central-1.on.aws", Target: "/"}},
		{"https://a.lambda-url.b/", furl.URL{Scheme: "https", Host: "a.lambda-url.b", Target: "/"}},
	} {
		got, err := furl.ParseURL(test.raw)
		if err != nil {
			t.Errorf("%s: %v", test.raw, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.raw, diff)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		"":                        "https://",
		"ftp://a.example/":        "https://",
		"example.com/a":           "https://",
		"https:///a":              "no host",
		"https:a":                 "no host",
		"https://u:p@example.com": "user name",
		"https://example.com/a b": "space",
		"https://example.com/\n":  "control",
		"https://example.com/%zz": "%zz",
	} {
		_, err := furl.ParseURL(raw)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v does not say %q", raw, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: error %v shows a password", raw, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, target := range urltest.Targets() {
		f.Add("https://tqmbkpswubye2ubwg2lc2s7ele0ffbzz.lambda-url.eu-central-1.on.aws" + target)
		f.Add("http://localhost:9000/_furl/url/tqmbkpswubye2ubwg2lc2s7ele0ffbzz" + target)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := furl.ParseURL(raw)
		if err != nil {
			return
		}
		if !strings.HasPrefix(u.Target, "/") || !strings.HasPrefix(u.Target, u.Base) || strings.Contains(u.Target, "#") {
			t.Errorf("%q: target %q, base %q", raw, u.Target, u.Base)
		}
		again, err := furl.ParseURL(u.String())
		if err != nil {
			t.Fatalf("%q: printed %q, which is refused: %v", raw, u, err)
		}
		if diff := cmp.Diff(u, again); diff != "" {
			t.Errorf("%q: parsed again: %s", raw, diff)
		}
	})
}
