package proxy_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/proxy"
	"github.com/furl-dev/furl/internal/urltest"
)

// An application that names itself, as its Host header says or by path, is found at the proxy afterwards.
func TestAddressesOfTheFunctionBecomeTheProxys(t *testing.T) {
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, prefix := w.Header(), ""
		if i := strings.Index(r.URL.Path, "/app"); i > 0 {
			prefix = r.URL.Path[:i]
		}
		h.Set("Location", "http://"+r.Host+prefix+"/login?next=/app")
		h.Set("Content-Location", prefix+"/app.html")
		h.Set("Refresh", "1; url="+prefix+"/again")
		h.Add("Set-Cookie", "a=1; Path="+prefix+"/; HttpOnly")
		h.Add("Set-Cookie", "b=1; Domain="+strings.Split(r.Host, ":")[0])
		w.WriteHeader(http.StatusFound)
	}))
	host := proxy.Config{}
	path := proxy.Config{Upstream: server.Path}
	below := proxy.Config{Routes: []proxy.Route{{Path: "/orders", Upstream: server.URL}}}
	both := proxy.Config{Routes: []proxy.Route{{Path: "/orders", Upstream: server.Path}}}
	for name, test := range map[string]struct {
		config proxy.Config
		base   string
	}{"host": {host, ""}, "path": {path, ""}, "route": {below, "/orders"}, "route to a path": {both, "/orders"}} {
		p := start(t, server, test.config)
		resp := p.raw(t, "GET "+test.base+"/app HTTP/1.1\r\nHost: localhost:8080\r\n\r\n")
		got := http.Header{}
		for _, name := range []string{"Location", "Content-Location", "Refresh", "Set-Cookie"} {
			got[name] = resp.Header[name]
		}
		want := http.Header{
			"Location":         {"http://localhost:8080" + test.base + "/login?next=/app"},
			"Content-Location": {test.base + "/app.html"},
			"Refresh":          {"1; url=" + test.base + "/again"},
			"Set-Cookie":       {"a=1; Path=" + test.base + "/; HttpOnly", "b=1"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// The checks of two kinds of frameworks, of those that go by the Host header and of those that go by X-Forwarded-Host,
// both pass for a page of the proxy's own, and fail for others.
func TestChecksOfOriginPass(t *testing.T) {
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := strings.TrimPrefix(r.Header.Get("Origin"), "http://")
		forwarded := r.Header.Get("X-Forwarded-Host")
		json.NewEncoder(w).Encode(map[string]any{
			"byHost": origin == r.Host, "byForwarded": origin == forwarded || forwarded == "" && origin == r.Host,
			"referer": strings.HasPrefix(r.Header.Get("Referer"), "http://"+r.Host+"/form"),
			"host":    forwarded, "proto": r.Header.Get("X-Forwarded-Proto"),
		})
	}))
	p := start(t, server, proxy.Config{
		AllowOrigins: []string{"http://localhost:3000"}, Routes: []proxy.Route{{Path: "/orders", Upstream: server.URL}},
	})
	for name, test := range map[string]struct {
		headers string
		want    map[string]any
	}{
		"own page": {
			"Origin: http://localhost:8080\r\nReferer: http://localhost:8080/orders/form?x\r\n",
			map[string]any{"byHost": true, "byForwarded": true, "referer": true, "host": "", "proto": "http"},
		},
		"allowed page": {
			"Origin: http://localhost:3000\r\nReferer: http://localhost:3000/form\r\n",
			map[string]any{"byHost": false, "byForwarded": false, "referer": false, "host": "localhost:8080", "proto": "http"},
		},
		"program": {
			"X-Forwarded-Host: forged\r\nX-Forwarded-Proto: https\r\n",
			map[string]any{"byHost": false, "byForwarded": false, "referer": false, "host": "localhost:8080", "proto": "http"},
		},
	} {
		resp := p.raw(t, "POST /orders/form HTTP/1.1\r\nHost: localhost:8080\r\n"+test.headers+"Content-Length: 0\r\n\r\n")
		var got map[string]any
		if err := json.Unmarshal([]byte(body(t, resp)), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}
