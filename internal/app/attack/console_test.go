//go:build unix

package attack_test

import (
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/app"
)

// browse is a browser's request for a page to show.
func (w *world) browse(host, target string) request {
	r := w.url("", "GET", target, "").with("Accept: text/html,application/xhtml+xml,*/*;q=0.8")
	r.host = host
	return r
}

// Under the name of the console there are only furl's own pages, so that no page of a function has its origin. It
// could read what the console keeps in the browser, or register a service worker that answers in its place.
func TestConsoleOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, host := range []string{
		"console.localhost:" + w.port(), "console.localhost", "CONSOLE.Localhost:" + w.port(),
		"console.localhost.:" + w.port(), "console.localhost:1", "[console.localhost]:1",
	} {
		for _, target := range []string{
			"/_furl/url/" + w.openURL + "/", "/_furl/url/" + w.openURL, "/_furl/url/" + w.openURL + "/sw.js",
			"/_furl/url/" + w.openURL + "?x", "/_furl/url/" + w.iamURL + "/",
			"/_furl/url/", "/", "/x", "/favicon.ico", "//_furl/", "/./_furl/",
			"http://console.localhost/_furl/url/" + w.openURL + "/",
			"/2015-03-31/functions", "/2015-03-31/functions/target/invocations", "/?Action=GetCallerIdentity&Version=2011-06-15",
		} {
			for _, r := range []request{
				w.browse(host, target),
				w.browse(host, target).with("Service-Worker: script", "Sec-Fetch-Dest: serviceworker"),
				w.alice.signs(w.browse(host, target)), w.asOwner(target),
			} {
				r.host = host
				for _, method := range []string{"GET", "POST", "OPTIONS"} {
					r.method = method
					a := w.send(t, r)
					if a.status != 404 || !strings.Contains(a.body, "Function URLs and the APIs are at http://"+w.address) {
						t.Errorf("%s %s under %s: %v", method, target, host, a)
					}
					if a.header.Get("X-Content-Type-Options") != "nosniff" ||
						a.header.Get("Access-Control-Allow-Origin") != "" ||
						a.header.Get("Content-Type") != "text/plain; charset=utf-8" {
						t.Errorf("%s %s under %s: headers %v", method, target, host, a.header)
					}
				}
			}
		}
		for _, target := range []string{"/_furl/", "/_furl/assets/console.js"} {
			a := w.send(t, w.browse(host, target))
			policy := a.header.Get("Content-Security-Policy")
			if a.status != 200 || !strings.Contains(policy, "default-src 'none'; script-src 'self'") ||
				!strings.Contains(policy, "frame-ancestors 'none'") ||
				a.header.Get("Cross-Origin-Opener-Policy") != "same-origin" ||
				a.header.Get("Cross-Origin-Resource-Policy") != "same-origin" ||
				a.header.Get("X-Content-Type-Options") != "nosniff" ||
				a.header.Get("Referrer-Policy") != "no-referrer" || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s under %s: %v %v", target, host, a, a.header)
			}
		}
	}
}

// Function URLs have the names of this machine, so a browser is sent from there to the console's own.
func TestConsoleRedirect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for host, want := range map[string]string{
		"localhost": "", "localhost:" + w.port(): ":" + w.port(), "127.0.0.1:" + w.port(): ":" + w.port(),
		"[::1]": "", "[::1]:1": ":1", "127.3.4.5:8080": ":8080",
	} {
		want = "http://console.localhost" + want + "/_furl/"
		for _, target := range []string{"/_furl/", "/_furl", "/_furl/?x=//evil.example", "/%5ffurl/"} {
			a := w.send(t, w.browse(host, target))
			if a.status != 302 || a.header.Get("Location") != want || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s under %s: %v %v", target, host, a, a.header)
			}
		}
		if a := w.send(t, w.browse(host, "/_furl/assets/console.js")); a.status == 200 {
			t.Errorf("%s has a script of the console", host)
		}
		program := w.asOwner("/_furl/")
		if program.host = host; w.send(t, program).status != 200 {
			t.Errorf("%s: a program gets no index", host)
		}
	}
	a := w.send(t, w.browse("console.localhost:1", "/_furl"))
	if a.status != 302 || a.header.Get("Location") != "/_furl/" {
		t.Errorf("without the slash: %v", a)
	}
	for _, host := range []string{
		"evil.example", "console.localhost.evil.example", "xconsole.localhost", "x.console.localhost", "console.localhost..",
		"evil.example:console.localhost", "localhost:80@evil.example", "10.0.0.1", "console",
	} {
		a := w.send(t, w.browse(host, "/_furl/"))
		if a.status != 403 && a.status != 400 || a.header.Get("Location") != "" {
			t.Errorf("%s: %v %v", host, a, a.header)
		}
	}
}

// With --open-pages the console is under other names, too, unless a function's page could have the same origin.
func TestConsoleWithOpenPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *app.Config) {
		c.OpenPages, c.AllowHosts, c.Suffix = true, []string{"functions.example"}, "furl.example"
	})
	path := "/_furl/url/" + w.iamURL + "/"
	for _, host := range []string{"furl.example", "ops.example:9000", "10.0.0.1:9000", "console.localhost"} {
		a := w.send(t, w.browse(host, "/_furl/"))
		if a.status != 200 || !strings.Contains(a.header.Get("Content-Type"), "html") {
			t.Errorf("%s: %v", host, a)
		}
		if host == "console.localhost" {
			continue
		}
		for _, line := range []string{"Accept: text/html", "Sec-Fetch-Dest: object", "Sec-Fetch-Dest: serviceworker"} {
			r := w.url(w.iamURL, "GET", path, "").with(line)
			r.host = host
			if a := w.send(t, w.alice.presigns(r)); a.status != 403 || !strings.Contains(a.body, "which has the console") {
				t.Errorf("a function's page under %s, %s: %v", host, line, a)
			}
		}
		r := w.url(w.iamURL, "GET", path, "")
		r.host = host
		w.ran(t, w.alice.send(t, r)) // a program that signs goes on
	}
	for _, host := range []string{"functions.example:9000", "FUNCTIONS.example."} {
		a := w.send(t, w.browse(host, "/_furl/"))
		if a.status != 403 || !strings.Contains(a.body, "console.localhost") {
			t.Errorf("%s: %v", host, a)
		}
		if a := w.send(t, w.browse(host, "/_furl/assets/console.js")); a.status == 200 {
			t.Errorf("%s has a script of the console", host)
		}
	}
	own := w.openURL + ".lambda-url." + region + ".furl.example:9000" // host style
	r := w.browse(own, "/")
	r.host = own
	w.ran(t, w.send(t, r))
}

// In path style, functions share an origin. A service worker of one answers for that one alone. A script at the address
// of the URL without a slash would be allowed all URLs.
func TestServiceWorkersStayApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"", "/", "/sw.js", "/a/sw.js"} {
		r := w.browse("localhost:"+w.port(), "/_furl/url/"+w.openURL+path).with("Service-Worker: script")
		a := w.send(t, r)
		if w.ran(t, a); a.header.Get("Service-Worker-Allowed") != "/_furl/url/"+w.openURL+"/" {
			t.Errorf("%s: headers %v", path, a.header)
		}
	}
	a := w.send(t, w.browse("localhost:"+w.port(), "/_furl/url/"+w.openURL+"/"))
	if w.ran(t, a); a.header.Get("Service-Worker-Allowed") != "" {
		t.Errorf("no script: headers %v", a.header)
	}
	host := w.openURL + ".lambda-url." + region + ".localhost:" + w.port() // an origin of its own
	a = w.send(t, w.browse(host, "/sw.js").with("Service-Worker: script"))
	if w.ran(t, a); a.header.Get("Service-Worker-Allowed") != "" {
		t.Errorf("in host style: headers %v", a.header)
	}
}
