//go:build unix

package attack_test

import (
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/app"
)

// A web page whose own name leads to this machine sends its name as Host. It reaches no function that asks for no
// signature: in path style such a function URL answers under the names of this machine only.
func TestRebinding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/_furl/url/" + w.openURL + "/x"
	for _, host := range []string{
		"127.0.0.1", w.address, "127.8.9.10:" + w.port(), "[::1]", "[::1]:" + w.port(),
		"localhost", "LOCALHOST:1", "localhost.:80", "page.localhost:" + w.port(),
	} {
		r := w.url(w.openURL, "GET", path, "")
		r.host = host
		if seen := w.ran(t, w.send(t, r)); seen.RawPath != "/x" {
			t.Errorf("%s: the function saw %+v", host, seen)
		}
	}
	refused := func(name string, r request) {
		t.Helper()
		a := w.send(t, r)
		code := a.header.Get("X-Amzn-Errortype")
		if a.status != 403 || a.body != `{"Message":"Forbidden"}` || code != "AccessDeniedException" {
			t.Errorf("%s: %v", name, a)
		}
		if a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: headers %v", name, a.header)
		}
	}
	for _, host := range []string{
		"evil.example", "evil.example:" + w.port(), "evillocalhost", "furl", "", "-o.example", "$(id).example",
		"localhost.evil.example", "127.0.0.1.evil.example:" + w.port(), "127.0.0.1.nip.io",
		"2130706433:" + w.port(), "0x7f.1", "127.1", "0.0.0.0:" + w.port(), "[::]",
		"10.0.0.1", "169.254.169.254", "[fe80::1]:" + w.port(),
		"xlambda-url." + region + ".localhost.evil.example", w.openURL + ".lambda-url." + region + ".evil.example",
		"lambda-url." + region + ".on.aws",
	} {
		r := w.url(w.openURL, "GET", path, "")
		if r.host = host; host == "" {
			r.proto = "HTTP/1.0"
		}
		refused(host, r)
		forwarded := r.with("X-Forwarded-Host: localhost", "Forwarded: host=localhost", "Origin: http://localhost")
		refused(host+" and another as X-Forwarded-Host", forwarded)
		r.method = "OPTIONS"
		refused(host+" in a preflight", r.with("Origin: http://"+host, "Access-Control-Request-Method: POST"))
		r.method = "POST"
		refused(host+" with a signature", w.alice.signs(r))
		r = w.url(w.openURL, "GET", "http://"+host+path, "")
		if r.host = "localhost"; host != "" && !strings.ContainsAny(host, "$") {
			refused(host+" in the target", r)
		}
	}

	// What has a signature, which covers the host, or the host of its own that nobody guesses, answers as before.
	r := w.url(w.iamURL, "GET", "/_furl/url/"+w.iamURL+"/x", "")
	r.host = "evil.example"
	refused("without a signature", r)
	if seen := w.ran(t, w.alice.send(t, r)); seen.RawPath != "/x" {
		t.Errorf("the function saw %+v", seen)
	}
	w.ran(t, w.unsigned.call(t, w.openURL))

	// The person at the machine learns why, and what to type; no name of a stranger is a part of a command.
	r = w.url(w.openURL, "GET", path, "")
	r.host = "evil.example:80"
	page := w.page(t, "/_furl/requests/"+w.send(t, r).id())
	for _, want := range []string{`the Host header names "evil.example"`, "furl serve --allow-host evil.example "} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %s: %s", want, page)
		}
	}
	for _, host := range []string{"$(id)", "-o", "a;id", strings.Repeat("a", 2000)} {
		r.host = host
		page := w.page(t, "/_furl/requests/"+w.send(t, r).id())
		if !strings.Contains(page, "furl serve --allow-host NAME ") {
			t.Errorf("%s: the page says %s", host, page)
		}
	}
}

// What the server is told, it answers under.
func TestRebindingUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	answers := func(w *world, host string) bool {
		r := w.url(w.openURL, "GET", "/_furl/url/"+w.openURL+"/", "")
		r.host = host
		a := w.send(t, r)
		if a.status == 200 {
			w.ran(t, a)
		}
		return a.status == 200
	}
	for _, test := range []struct {
		name      string
		configure func(*app.Config)
		under     []string
		not       []string
	}{
		{
			"--allow-host", func(c *app.Config) { c.AllowHosts = []string{"Furl.Example", "10.0.0.7"} },
			[]string{"furl.example:9000", "FURL.example.", "10.0.0.7:9000", "localhost"},
			[]string{"evil.example", "x.furl.example", "10.0.0.8"},
		},
		{
			"--listen with all addresses", func(c *app.Config) { c.Listen = "0.0.0.0:0" },
			[]string{"192.168.1.7:9000", "[2001:db8::1]", "0.0.0.0", "localhost"}, []string{"evil.example", "furl"},
		},
		{
			"--listen with a port only", func(c *app.Config) { c.Listen = ":0" },
			[]string{"192.168.1.7:9000", "localhost"}, []string{"evil.example"},
		},
		{
			"--listen with a name", func(c *app.Config) { c.Listen = "localhost:0" },
			[]string{"localhost"}, []string{"192.168.1.7", "furl"},
		},
		{
			"--open-pages and --suffix", func(c *app.Config) { c.OpenPages, c.Suffix = true, "furl.test" },
			[]string{"localhost"}, []string{"evil.example", "furl.test", "x.furl.test", "192.168.1.7"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, test.configure)
			for _, host := range test.under {
				if !answers(w, host) {
					t.Errorf("does not answer under %q", host)
				}
			}
			for _, host := range test.not {
				if answers(w, host) {
					t.Errorf("answers under %q", host)
				}
			}
		})
	}
}
