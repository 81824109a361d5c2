//go:build unix

package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
)

// ownConfig gives the test a user's configuration of its own, without an authority.
func ownConfig(t *testing.T) (dir string) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	dir, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "furl")
}

// serveTLS runs a server with TLS on the data directory, and returns its endpoint, HOST:PORT of it, and the file that
// clients trust.
func serveTLS(t *testing.T, dir string, change func(*app.Config)) (endpoint, address, file string) {
	t.Helper()
	config := app.Default()
	config.Data, config.Listen, config.TLS = dir, "127.0.0.1:0", true
	if change != nil {
		change(&config)
	}
	server, err := app.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, context.Background()) }()
	t.Cleanup(func() { cancel(); <-ended })
	parsed, err := url.Parse(server.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	return server.Endpoint(), parsed.Host, server.CertificateFile()
}

// ask asks for the health of the server at the address under a name, and returns the certificate.
func ask(t *testing.T, address, name, file string) (*x509.Certificate, error) {
	t.Helper()
	trusted := x509.NewCertPool()
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil || !trusted.AppendCertsFromPEM(text) {
			t.Fatalf("%s: %v", file, err)
		}
	}
	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: trusted},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+name+"/_furl/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body.Close()
	if response.Proto != "HTTP/2.0" {
		t.Errorf("%s: answered in %s", name, response.Proto)
	}
	return response.TLS.PeerCertificates[0], nil
}

// The authority of the user is good for this machine alone, and for all servers of the user.
func TestUserAuthority(t *testing.T) {
	config := ownConfig(t)
	endpoint, address, file := serveTLS(t, t.TempDir(), nil)
	if file != filepath.Join(config, "tls-certificate.pem") || endpoint != "https://"+address {
		t.Errorf("%s trusts %s", endpoint, file)
	}
	for _, name := range []string{
		"127.0.0.1", "localhost", "LOCALHOST", "x.lambda-url.eu-central-1.localhost", "x.lambda-url.us-east-1.localhost", "[::1]",
	} {
		if certificate, err := ask(t, address, name, file); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if life := certificate.NotAfter.Sub(certificate.NotBefore); life > 48*time.Hour {
			t.Errorf("%s: a certificate for %s", name, life)
		}
	}
	for _, name := range []string{"x.lambda-url.eu-central-1.on.aws", "localhost.example", "notlocalhost", "192.0.2.1"} {
		if _, err := ask(t, address, name, file); err == nil {
			t.Errorf("%s: the server has a certificate for it", name)
		}
	}
	if _, err := ask(t, address, "localhost", ""); err == nil {
		t.Error("a client that trusts nobody trusts the server")
	}
	response, err := http.Get("http://" + address + "/_furl/health")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("over http: %s", response.Status)
	}
	for name, mode := range map[string]os.FileMode{"": 0o700, "tls-certificate.pem": 0o600, "tls-key.pem": 0o600} {
		if info, err := os.Stat(filepath.Join(config, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	_, other, again := serveTLS(t, t.TempDir(), func(c *app.Config) { c.Data = app.InMemory })
	if _, err := ask(t, other, "localhost", file); err != nil || again != file {
		t.Errorf("another server of the user: %v, %s", err, again)
	}
}

// A certificate that somebody makes with the key of the authority is good for this machine only.
func TestAuthorityIsConstrained(t *testing.T) {
	config := ownConfig(t)
	file, err := app.UserAuthority()
	if err != nil {
		t.Fatal(err)
	}
	stolen, err := tls.LoadX509KeyPair(file, filepath.Join(config, "tls-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forge := func(change func(*x509.Certificate)) error {
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), NotBefore: time.Now().Add(-time.Hour),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, DNSNames: []string{"localhost"},
		}
		change(leaf)
		der, err := x509.CreateCertificate(rand.Reader, leaf, stolen.Leaf, key.Public(), stolen.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(stolen.Leaf)
		_, err = certificate.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: leaf.ExtKeyUsage})
		return err
	}
	if err := forge(func(*x509.Certificate) {}); err != nil {
		t.Errorf("localhost: %v", err)
	}
	for name, change := range map[string]func(*x509.Certificate){
		"another name":       func(c *x509.Certificate) { c.DNSNames = []string{"sts.amazonaws.com"} },
		"a name like it":     func(c *x509.Certificate) { c.DNSNames = []string{"notlocalhost"} },
		"one more name":      func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "example.com") },
		"an address":         func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)} },
		"another purpose":    func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} },
		"an address of IPv6": func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("2001:db8::1")} },
	} {
		if err := forge(change); err == nil {
			t.Errorf("%s: the certificate is good", name)
		}
	}
}

// Names that another machine may have are for an authority of the data directory, which only this server uses.
func TestAuthorityOfOtherNames(t *testing.T) {
	config := ownConfig(t)
	dir := t.TempDir()
	_, address, file := serveTLS(t, dir, func(c *app.Config) { c.Suffix = "furl.test" })
	if file != filepath.Join(dir, "tls-certificate.pem") {
		t.Errorf("clients trust %s", file)
	}
	for _, name := range []string{"127.0.0.1", "localhost", "x.lambda-url.us-east-1.furl.test", "x.lambda-url.us-east-1.localhost"} {
		if _, err := ask(t, address, name, file); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"furl.test.example", "notfurl.test", "10.0.0.1"} {
		if _, err := ask(t, address, name, file); err == nil {
			t.Errorf("%s: the server has a certificate for it", name)
		}
	}
	if _, err := os.Stat(config); err == nil {
		t.Errorf("the server has made %s", config)
	}
}

// Without a directory of the user, a server keeps its authority in the data directory.
func TestAuthorityWithoutHome(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("XDG_CONFIG_HOME", "")
	dir := t.TempDir()
	_, address, file := serveTLS(t, dir, nil)
	if _, err := ask(t, address, "localhost", file); err != nil || filepath.Dir(file) != dir {
		t.Errorf("%s: %v", file, err)
	}
}

// A client goes on trusting the servers from one start to the next, and not beyond what it was told.
func TestAuthorityIsKept(t *testing.T) {
	config := ownConfig(t)
	key := filepath.Join(config, "tls-key.pem")
	start := func(change func(*app.Config)) (text string) {
		t.Run("a start", func(t *testing.T) {
			_, address, file := serveTLS(t, t.TempDir(), change)
			if change == nil {
				if _, err := ask(t, address, "localhost", file); err != nil {
					t.Error(err)
				}
			}
			read, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text = string(read)
		})
		return text
	}
	first := start(nil)
	if again := start(nil); again != first {
		t.Error("the second start has another certificate")
	}
	if later := start(func(c *app.Config) { c.Now = func() time.Time { return time.Now().AddDate(9, 11, 0) } }); later == first {
		t.Error("the certificate is kept until it expires")
	}
	first = start(nil)
	if err := os.WriteFile(key, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	next := start(nil)
	if next == first {
		t.Error("a damaged key is not replaced")
	}
	if err := os.Chmod(key, 0o640); err != nil {
		t.Fatal(err)
	}
	if start(nil) == next {
		t.Error("a key that others may have read is not replaced")
	}
}

// Servers that start at the same time make one authority.
func TestAuthorityIsMadeOnce(t *testing.T) {
	config := ownConfig(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := app.UserAuthority(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if _, err := tls.LoadX509KeyPair(filepath.Join(config, "tls-certificate.pem"), filepath.Join(config, "tls-key.pem")); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(config, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := app.UserAuthority(); err == nil || !strings.Contains(err.Error(), "others can write to "+config) {
		t.Errorf("a directory that others can write to: %v", err)
	}
	if os.Geteuid() != 0 {
		return // only root can give a directory to somebody
	}
	if err := errors.Join(os.Chmod(config, 0o700), os.Chown(config, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	if _, err := app.UserAuthority(); err == nil || !strings.Contains(err.Error(), config+", where the key of the authority is, belongs to another user") {
		t.Errorf("the directory of another user: %v", err)
	}
}

// givenPair writes a certificate that signs itself for the names, and its key.
func givenPair(t *testing.T, dir string, names ...string) (cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(time.Hour), DNSNames: names,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// A server that was given a certificate shows that one, and the next one when a program renews it. It says https only in
// addresses that the certificate is for.
func TestGivenCertificate(t *testing.T) {
	config := ownConfig(t)
	files := t.TempDir()
	cert, key := givenPair(t, files, "furl.example")
	endpoint, address, file := serveTLS(t, t.TempDir(), func(c *app.Config) { c.TLS, c.TLSCert, c.TLSKey = false, cert, key })
	if file != "" || endpoint != "http://"+address {
		t.Errorf("%s trusts %q", endpoint, file)
	}
	first, err := ask(t, address, "furl.example", cert)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cert, []byte("half of the next one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}); err != nil {
		t.Errorf("while it is being renewed: %v", err)
	}
	givenPair(t, files, "furl.example")
	second, err := ask(t, address, "furl.example", cert)
	if err != nil || second.Equal(first) {
		t.Errorf("the renewed certificate is not used: %v", err)
	}
	if _, err := os.Stat(config); err == nil {
		t.Error("the server has made an authority")
	}
	cert, key = givenPair(t, t.TempDir(), "localhost", "*.lambda-url.us-east-1.localhost")
	endpoint, _, _ = serveTLS(t, t.TempDir(), func(c *app.Config) {
		c.TLSCert, c.TLSKey, c.Listen = cert, key, "localhost:0"
	})
	if !strings.HasPrefix(endpoint, "http://127.0.0.1:") { // the certificate is for the name only
		t.Errorf("endpoint %s", endpoint)
	}
}

func TestGivenCertificateIsChecked(t *testing.T) {
	cert, key := givenPair(t, t.TempDir(), "furl.example")
	_, other := givenPair(t, t.TempDir(), "furl.example")
	for want, change := range map[string]func(*app.Config){
		"tls-cert, tls-key: name both files or neither":                                            func(c *app.Config) { c.TLSCert = cert },
		"tls-cert " + cert + ", tls-key " + other + ": tls: private key does not match public key": func(c *app.Config) { c.TLSCert, c.TLSKey = cert, other },
		"no such file or directory":                                                                func(c *app.Config) { c.TLSCert, c.TLSKey = cert, key+"x" },
		`forwarded-proto: "HTTPS" is neither https nor http`:                                       func(c *app.Config) { c.ForwardedProto = "HTTPS" },
	} {
		config := app.Default()
		change(&config)
		if err := config.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
