package proxy_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/proxy"
	"github.com/furl-dev/furl/internal/urltest"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	serial      int64
}

func newAuthority(t *testing.T, name string) *authority {
	a := &authority{}
	a.certificate, a.key = a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

// sign signs a certificate, or has the first one sign itself.
func (a *authority) sign(t *testing.T, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.serial++
	template.SerialNumber = big.NewInt(a.serial)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

// issue is a certificate for a name.
func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	certificate, key := a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name, Organization: []string{"Example"}}, DNSNames: []string{name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	})
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key, Leaf: certificate}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// write writes a certificate and, if it has one, its key as files of the name.
func write(t *testing.T, dir, name string, certificate *x509.Certificate, key any) (cert, keyFile string) {
	t.Helper()
	files := map[string]*pem.Block{"pem": {Type: "CERTIFICATE", Bytes: certificate.Raw}}
	if key != nil {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		files["key"] = &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	}
	for extension, block := range files {
		if err := os.WriteFile(filepath.Join(dir, name+"."+extension), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
}

// secured is a configuration with TLS, and one for clients that trust it.
func secured(t *testing.T, dir string) (proxy.Config, *tls.Config) {
	t.Helper()
	servers := newAuthority(t, "servers")
	pair := servers.issue(t, "localhost")
	cert, key := write(t, dir, "server", pair.Leaf, pair.PrivateKey)
	return proxy.Config{TLSCert: cert, TLSKey: key}, &tls.Config{RootCAs: servers.pool(), ServerName: "localhost"}
}

// overTLS sends a request with a certificate; nil for none.
func overTLS(t *testing.T, p *running, config *tls.Config, own *tls.Certificate, header http.Header) (*http.Response, error) {
	t.Helper()
	config = config.Clone()
	if own != nil { // also if the server does not ask for one of its authority
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+p.address+"/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Host = "localhost"; header != nil {
		r.Header = header
	}
	return transport.RoundTrip(r)
}

func TestTLS(t *testing.T) {
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://"+r.Host+"/login")
		io.WriteString(w, r.Header.Get("X-Forwarded-Proto"))
	}))
	dir := t.TempDir()
	c, trusting := secured(t, dir)
	p := start(t, server, c)
	resp, err := overTLS(t, p, trusting, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text := body(t, resp); text != "https" || resp.ProtoMajor != 2 || resp.Header.Get("Location") != "https://localhost/login" {
		t.Errorf("%s, %s, Location %s", resp.Proto, text, resp.Header.Get("Location"))
	}
	plain := p.raw(t, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if text := body(t, plain); plain.StatusCode != http.StatusBadRequest || !strings.Contains(text, "https://") { // and it is the end
		t.Errorf("without TLS: %s %s", plain.Status, text)
	}
	if lines := server.Lines(); len(lines) != 1 {
		t.Errorf("went on: %q", lines)
	}
	t.Run("renewed", func(t *testing.T) {
		others := newAuthority(t, "others")
		pair := others.issue(t, "localhost")
		cert, key := write(t, dir, "server", pair.Leaf, pair.PrivateKey)
		later := time.Now().Add(time.Minute)
		for _, file := range []string{cert, key} {
			if err := os.Chtimes(file, later, later); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := overTLS(t, p, &tls.Config{RootCAs: others.pool(), ServerName: "localhost"}, nil, nil); err != nil {
			t.Errorf("with the new certificate: %v", err)
		}
		if err := os.WriteFile(cert, []byte("half a certificate"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := overTLS(t, p, &tls.Config{RootCAs: others.pool(), ServerName: "localhost"}, nil, nil); err != nil {
			t.Errorf("while the file is written: %v", err)
		}
	})
}

func TestClientCertificates(t *testing.T) {
	var seen http.Header
	server := urltest.Start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() }))
	dir := t.TempDir()
	clients, strangers := newAuthority(t, "clients"), newAuthority(t, "strangers")
	known, unknown := clients.issue(t, "batch.example"), strangers.issue(t, "batch.example")
	expired := clients.issue(t, "old.example")
	template := *expired.Leaf
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: template.SerialNumber, Subject: template.Subject, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
	}, clients.certificate, expired.PrivateKey.(*ecdsa.PrivateKey).Public(), clients.key)
	if err != nil {
		t.Fatal(err)
	}
	expired.Certificate, expired.Leaf = [][]byte{der}, nil
	forged := http.Header{}
	for _, name := range []string{
		"Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert-Info", "X-Ssl-Client-S-Dn",
		"Ssl-Client-Verify", "X-Client-Cert-Subject", "X-Amzn-Mtls-Clientcert-Subject", "x_ssl_client_cert", "X-Client-Verify",
	} {
		forged[name] = []string{"CN=forged"}
	}
	for _, auth := range []proxy.ClientAuth{"", proxy.ClientsRequired, proxy.ClientsOptional} {
		for _, test := range []struct {
			name    string
			own     *tls.Certificate
			passes  bool
			subject any
		}{
			{"of the authority", &known, true, "CN=batch.example,O=Example"},
			{"of another", &unknown, false, nil},
			{"expired", &expired, false, nil},
			{"none", nil, auth == proxy.ClientsOptional, nil},
		} {
			t.Run(string(auth)+"/"+test.name, func(t *testing.T) {
				c, trusting := secured(t, t.TempDir())
				c.ClientCA, _ = write(t, dir, "clients", clients.certificate, nil)
				c.ClientAuth = auth
				p := start(t, server, c)
				before := len(server.Lines())
				seen = nil
				resp, err := overTLS(t, p, trusting, test.own, forged.Clone())
				if passed := err == nil && resp.StatusCode == http.StatusOK; passed != test.passes {
					t.Fatalf("passed %v, want %v: %v", passed, test.passes, err)
				}
				if !test.passes {
					if lines := server.Lines(); len(lines) != before {
						t.Errorf("went on: %q", lines[before:])
					}
					return
				}
				body(t, resp)
				if line := p.lines(t, 1)[0]; line["subject"] != test.subject {
					t.Errorf("logged subject %v, want %v", line["subject"], test.subject)
				}
				for name, values := range seen {
					if strings.Contains(strings.Join(values, ""), "forged") {
						t.Errorf("%s went on", name)
					}
				}
			})
		}
	}
}

// An authority that another file replaces on a reload counts for the next connection, also of a client that could resume
// its session.
func TestReloadOfTheClientsAuthority(t *testing.T) {
	server := urltest.Start(t, nil)
	before, after := newAuthority(t, "before"), newAuthority(t, "after")
	old, young := before.issue(t, "a"), after.issue(t, "a")
	dir := t.TempDir()
	c, trusting := secured(t, dir)
	c.ClientCA, _ = write(t, dir, "before", before.certificate, nil)
	p := start(t, server, c)
	trusting.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	if _, err := overTLS(t, p, trusting, &old, nil); err != nil {
		t.Fatal(err)
	}
	c.ClientCA, _ = write(t, dir, "after", after.certificate, nil)
	c.Transport, c.Upstream = p.transport, server.URL
	if err := p.proxy.Reload(c); err != nil {
		t.Fatal(err)
	}
	if _, err := overTLS(t, p, trusting, &old, nil); err == nil {
		t.Error("a certificate of the authority before still counts")
	}
	if _, err := overTLS(t, p, trusting, &young, nil); err != nil {
		t.Errorf("a certificate of the new authority: %v", err)
	}
	for what, change := range map[string]func(*proxy.Config){
		"no TLS":       func(c *proxy.Config) { c.TLSCert, c.TLSKey, c.ClientCA = "", "", "" },
		"no file":      func(c *proxy.Config) { c.ClientCA = filepath.Join(dir, "absent") },
		"an empty one": func(c *proxy.Config) { c.ClientCA = os.DevNull },
		"a key for it": func(c *proxy.Config) { c.TLSCert = c.TLSKey },
	} {
		bad := c
		change(&bad)
		if err := p.proxy.Reload(bad); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
	if _, err := overTLS(t, p, trusting, &young, nil); err != nil {
		t.Errorf("after configurations that cannot be: %v", err)
	}
}
