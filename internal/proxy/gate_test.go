package proxy_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/proxy"
	"github.com/furl-dev/furl/internal/urltest"
	"github.com/furl-dev/furl/sigv4"
)

func TestHosts(t *testing.T) {
	server := urltest.Start(t, nil)
	p := start(t, server, proxy.Config{AllowHosts: []string{"Proxy.internal"}, Upstream: server.URL,
		Routes: []proxy.Route{{Host: "api.example", Upstream: server.URL}}})
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:8080": 200, "app.localhost:1": 200, "127.0.0.1": 200, "127.0.0.1:80": 200,
		"[::1]:80": 200, "192.168.1.7": 200,
		"proxy.internal:80": 200, "api.example": 200, "localhost.": 200,
		"evil.example": 403, "localhost.evil.example": 403, "evillocalhost": 403, "127.0.0.1.evil.example": 403,
		"x.proxy.internal": 403, "": 403,
		"127.0.0.1:80:80": 403, "0x7f.1": 403,
	} {
		resp := p.raw(t, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		if resp.StatusCode != want {
			t.Errorf("Host %q: %s, want %d", host, resp.Status, want)
		}
		if text := body(t, resp); want == http.StatusForbidden && !strings.Contains(text, "--allow-host") {
			t.Errorf("Host %q: %s", host, text)
		}
	}
}

func TestOrigins(t *testing.T) {
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/silent" {
			w.Header().Set("Access-Control-Allow-Origin", "https://function.example")
		}
		w.Header().Set("Mcp-Session-Id", "1")
	}))
	strict := start(t, server, proxy.Config{})
	open := start(t, server, proxy.Config{AllowOrigins: []string{"http://Localhost:3000", "null"}})
	all := start(t, server, proxy.Config{AllowOrigins: []string{"*"}})
	for _, test := range []struct {
		name    string
		p       *running
		headers string
		status  int
		allowed string // Access-Control-Allow-Origin
	}{
		{"a program", strict, "", 200, "https://function.example"},
		{"the proxy's own page", strict, "Origin: http://localhost:8080\r\nSec-Fetch-Site: same-origin\r\n", 200,
			"https://function.example"},
		{"typed by a person", strict, "Sec-Fetch-Site: none\r\n", 200, "https://function.example"},
		{"another site", strict, "Origin: https://evil.example\r\n", 403, ""},
		{"another port", strict, "Origin: http://localhost:3000\r\n", 403, ""},
		{"an opaque origin", strict, "Origin: null\r\n", 403, ""},
		{"an image of another site", strict, "Sec-Fetch-Site: cross-site\r\n", 403, ""},
		{"an image of another site, old browser", strict, "Referer: https://evil.example/x\r\n", 403, ""},
		{"the proxy's own image, old browser", strict, "Referer: http://localhost:8080/x\r\n", 200,
			"https://function.example"},
		{"an image of another port", strict, "Sec-Fetch-Site: same-site\r\nReferer: http://localhost:3000/x\r\n", 403, ""},
		{"allowed", open, "Origin: http://localhost:3000\r\nSec-Fetch-Site: same-site\r\n", 200, "http://localhost:3000"},
		{"allowed, and the URL allows another", open, "Origin: http://localhost:3000\r\n", 200, "https://function.example"},
		{"allowed image", open, "Sec-Fetch-Site: same-site\r\nReferer: http://localhost:3000/x\r\n", 200,
			"https://function.example"},
		{"allowed null", open, "Origin: null\r\n", 200, "null"},
		{"not allowed", open, "Origin: http://localhost:3001\r\n", 403, ""},
		{"not allowed, another scheme", open, "Origin: https://localhost:3000\r\n", 403, ""},
		{"not allowed, prefix", open, "Origin: http://localhost:30000\r\n", 403, ""},
		{"all allowed", all, "Origin: https://any.example\r\n", 200, "https://any.example"},
	} {
		path := "/"
		if test.allowed != "https://function.example" {
			path = "/silent"
		}
		resp := test.p.raw(t, "GET "+path+" HTTP/1.1\r\nHost: localhost:8080\r\n"+test.headers+"\r\n")
		if resp.StatusCode != test.status || resp.Header.Get("Access-Control-Allow-Origin") != test.allowed {
			t.Errorf("%s: %s, allowed %q", test.name, resp.Status, resp.Header.Get("Access-Control-Allow-Origin"))
		}
		if text := body(t, resp); test.status == http.StatusForbidden && !strings.Contains(text, "--allow-origin") {
			t.Errorf("%s: %s", test.name, text)
		}
		if test.allowed != "" && !strings.HasPrefix(test.allowed, "https://function") &&
			(!strings.Contains(resp.Header.Get("Access-Control-Expose-Headers"), "Mcp-Session-Id") ||
				!strings.Contains(resp.Header.Get("Vary"), "Origin")) {
			t.Errorf("%s: headers %v", test.name, resp.Header)
		}
	}
}

func TestPreflight(t *testing.T) {
	server := urltest.Start(t, nil)
	p := start(t, server, proxy.Config{AllowOrigins: []string{"http://localhost:3000"}, Token: sigv4.NewSecret("secret")})
	const ask = "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-a,authorization\r\nAccess-Control-Request-Private-Network: true\r\n\r\n"
	resp := p.raw(t, "OPTIONS /x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n"+ask)
	if resp.StatusCode != http.StatusNoContent {
		t.Fatal(resp.Status)
	}
	if line := p.lines(t, 1)[0]; line["status"] != 204.0 || line["aborted"] != nil {
		t.Errorf("logged %v", line)
	}
	for name, want := range map[string]string{
		"Allow-Origin": "http://localhost:3000", "Allow-Methods": "PUT", "Allow-Headers": "x-a,authorization",
		"Allow-Private-Network": "true", "Allow-Credentials": "true",
	} {
		if got := resp.Header.Get("Access-Control-" + name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if resp := p.raw(t, "OPTIONS /x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"+
		ask); resp.StatusCode != http.StatusForbidden || resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("evil: %s %v", resp.Status, resp.Header)
	}
	if lines := server.Lines(); len(lines) != 0 {
		t.Errorf("went on: %q", lines)
	}
	// The page learns that the token is missing.
	if resp := p.raw(t, "GET /x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n\r\n"); resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("no token: %s %v", resp.Status, resp.Header)
	}
}

func TestToken(t *testing.T) {
	server := urltest.Start(t, nil)
	p := start(t, server, proxy.Config{Token: sigv4.NewSecret("secret")})
	basic := func(text string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(text)) + "\r\n"
	}
	for headers, want := range map[string]int{
		"Authorization: Bearer secret\r\n": 200, "authorization: bearer  secret\r\n": 200, basic("furl:secret"): 200,
		basic(":secret"): 200, "X-Furl-Token: secret\r\n": 200,
		"X-Furl-Token: wrong\r\nAuthorization: Bearer secret\r\n": 200,
		"": 401, "Authorization: Bearer \r\n": 401, "Authorization: Bearer secre\r\n": 401,
		"Authorization: Bearer secret1\r\n": 401, "Authorization: Bearer SECRET\r\n": 401,
		"Authorization: secret\r\n": 401, basic("secret:"): 401, basic("secret"): 401, "X-Furl-Token: \r\n": 401,
		"Cookie: token=secret\r\n": 401,
	} {
		resp := p.raw(t, "GET /?token=secret HTTP/1.1\r\nHost: localhost\r\n"+headers+"\r\n")
		if resp.StatusCode != want {
			t.Errorf("%q: %s, want %d", headers, resp.Status, want)
		}
		if text := body(t, resp); want == 401 && (!strings.Contains(text, "Bearer TOKEN") ||
			resp.Header.Get("WWW-Authenticate") == "") {
			t.Errorf("%q: %s", headers, text)
		}
	}
}
