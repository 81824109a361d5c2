//go:build unix

package attack_test

import (
	"strings"
	"testing"
)

// furl's own pages are for the person at the machine, and not for the web pages that this person's browser shows.
func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.unsigned.get(t, w.iamURL, "/secret-path")
	pages := []string{"/_furl/", "/_furl", "/_furl/requests", "/_furl/requests/last", "/_furl/logs?function=target",
		"/%5ffurl/requests", "/_furl%2Frequests", "/_furl/requests?limit=99999999999999999999"}
	refused := func(name string, r request) {
		t.Helper()
		a := w.send(t, r)
		if a.status != 403 || strings.Contains(a.body, "secret-path") || strings.Contains(a.body, "the latest requests") {
			t.Errorf("%s, %s: %v", name, r.target, a)
		}
		if a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("X-Content-Type-Options") != "nosniff" ||
			a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s, %s: headers %v", name, r.target, a.header)
		}
	}
	for _, page := range pages {
		r := w.asOwner(page)
		if a := w.send(t, r); a.status != 200 {
			t.Errorf("%s: %v", page, a)
		}
		for _, host := range []string{
			"evil.example", "evil.example:" + w.port(), "localhost.evil.example", "127.0.0.1.evil.example",
			"127.0.0.1.nip.io:" + w.port(), "localhost.:" + w.port(),
			"0.0.0.0:" + w.port(), "[::]:" + w.port(), "2130706433:" + w.port(), "0x7f.1:" + w.port(), "017700000001",
			"10.0.0.1", "169.254.169.254", "furl", "",
		} {
			rebound := r
			rebound.host = host
			if host == "" {
				rebound.proto = "HTTP/1.0"
			}
			refused("host "+host, rebound)
			refused("host "+host+" and another as X-Forwarded-Host",
				rebound.with("X-Forwarded-Host: localhost", "Forwarded: host=localhost"))
		}
		for _, line := range []string{
			"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Sec-Fetch-Site: CROSS-SITE",
			"Sec-Fetch-Site: garbage",
		} {
			refused(line, r.with(line))
			refused(line+" of an open origin", r.with(line, "Origin: http://localhost:"+w.port()))
		}
		absolute := r
		absolute.target = "http://evil.example" + page
		refused("an absolute target", absolute)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "PROPFIND"} {
		r := w.asOwner("/_furl/requests").with("X-HTTP-Method-Override: GET")
		r.method = method
		a := w.send(t, r)
		if a.status != 405 || strings.Contains(a.body, "secret-path") {
			t.Errorf("%s: %v", method, a)
		}
	}
	for path, status := range map[string]int{
		"/_furl/../_furl/requests": 404, "/_furl/./requests": 404, "/_furl/requests/../requests": 404,
		"/_furl/REQUESTS": 404, "/_furl/requests%00": 404, "/_furl/..%2f..%2fetc/passwd": 404,
		"/_furl/code/../../etc/passwd": 403, // a link that is not valid
		"/_furl/requests/..":           404, "/_furl/requests/" + strings.Repeat("a", 5000): 404,
		"/_furl/metrics/x": 404, "/_furl/.git/config": 404,
	} {
		if a := w.send(t, w.asOwner(path)); a.status != status {
			t.Errorf("%s: %v, want %d", path, a, status)
		}
	}
}
