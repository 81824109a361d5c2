package app_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
)

// serveTLS runs a server with TLS on the data directory, and returns its address and the file that clients trust.
func serveTLS(t *testing.T, dir string, change func(*app.Config)) (address, file string) {
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
	return strings.TrimPrefix(server.Endpoint(), "http://"), server.CertificateFile()
}

// ask asks for the health of the server at the address under a name.
func ask(t *testing.T, address, name, file string) error {
	t.Helper()
	trusted := x509.NewCertPool()
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil || !trusted.AppendCertsFromPEM(text) {
			t.Fatalf("%s: %v", file, err)
		}
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: trusted},
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
		return err
	}
	response.Body.Close()
	if response.Proto != "HTTP/1.1" { // as a function URL
		t.Errorf("%s: answered in %s", name, response.Proto)
	}
	return nil
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	address, file := serveTLS(t, dir, func(c *app.Config) { c.Suffix = "furl.test" })
	for _, name := range []string{"127.0.0.1", "localhost", "LOCALHOST", "x.lambda-url.eu-central-1.localhost", "x.lambda-url.us-east-1.furl.test"} {
		if err := ask(t, address, name, file); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"x.lambda-url.eu-central-1.on.aws", "localhost.example", "notfurl.test", "192.0.2.1"} {
		if err := ask(t, address, name, file); err == nil {
			t.Errorf("%s: the server has a certificate for it", name)
		}
	}
	if err := ask(t, address, "localhost", ""); err == nil {
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
	for _, name := range []string{"tls-certificate.pem", "tls-key.pem"} {
		if info, err := os.Stat(dir + "/" + name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// A client goes on trusting the server from one start to the next, and not beyond what it was told.
func TestAuthorityIsKept(t *testing.T) {
	dir := t.TempDir()
	start := func(change func(*app.Config)) (text string) {
		t.Run("a start", func(t *testing.T) {
			_, file := serveTLS(t, dir, change)
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
	if later := start(func(c *app.Config) { c.Now = func() time.Time { return time.Now().AddDate(1, 11, 20) } }); later == first {
		t.Error("the certificate is kept until it expires")
	}
	if other := start(func(c *app.Config) { c.Suffix = "furl.test" }); other == first {
		t.Error("the certificate is the same for another suffix")
	}
	if err := os.WriteFile(dir+"/tls-key.pem", []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if address, file := serveTLS(t, dir, nil); ask(t, address, "localhost", file) != nil {
		t.Error("a damaged key is not replaced")
	}
}
