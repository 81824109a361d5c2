//go:build unix

package main_test

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// stranger starts what is not the user's own server, until the script ends: at STRANGER one on this machine, at SECURE
// one with a certificate of the CA in ca.pem, and at PROXY, which is PROXY_HOST, a proxy that wants a password. They
// answer whatever they are asked.
func stranger(ts *testscript.TestScript, _ bool, _ []string) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "answered\n") })
	plain, secure := httptest.NewServer(answer), httptest.NewTLSServer(answer)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	for _, server := range []*httptest.Server{plain, secure, proxy} {
		ts.Defer(server.Close)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), text, 0o600))
	at, err := url.Parse(proxy.URL)
	ts.Check(err)
	ts.Setenv("STRANGER", plain.URL)
	ts.Setenv("SECURE", secure.URL)
	ts.Setenv("PROXY", proxy.URL)
	ts.Setenv("PROXY_HOST", at.Host)
}
