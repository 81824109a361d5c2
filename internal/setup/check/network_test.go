//go:build unix

package check_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/check"
)

// offline is a network where every name is known and every certificate good, without sending anything.
type offline struct {
	lookUp    error
	handshake error
	proxy     string
}

func (o offline) LookupHost(context.Context, string) ([]string, error) {
	return []string{"2600::1", "192.0.2.7"}, o.lookUp
}

func (o offline) Handshake(_ context.Context, address, name string) (tls.ConnectionState, error) {
	certificate := &x509.Certificate{Issuer: pkix.Name{CommonName: "Some CA"}, NotAfter: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)}
	return tls.ConnectionState{Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{certificate}}, o.handshake
}

func (o offline) Proxy(*url.URL) (*url.URL, error) {
	if o.proxy == "" {
		return nil, nil
	}
	return url.Parse(o.proxy)
}

func TestTheWayToTheURL(t *testing.T) {
	const address = "https://abcdefghijklmnopqrstuvwxy20fghij.lambda-url.eu-central-1.on.aws/"
	missing := &net.DNSError{Err: "no such host", IsNotFound: true}
	tests := []struct {
		name, address string
		network       offline
		dns, tls      check.Status // "" if there is no such step
		says          string
	}{
		{"well", address, offline{}, check.OK, check.OK, "TLS 1.3, certificate of Some CA good until 2027-01-02"},
		{"addresses", address, offline{}, check.OK, check.OK, "192.0.2.7, 2600::1"},
		{"no such name", address, offline{lookUp: missing}, check.Problem, "", "no such host"},
		{"no resolver", address, offline{lookUp: &net.DNSError{Err: "timeout", IsTimeout: true}}, check.Unknown, "", "could not be asked"},
		{"proxy", address, offline{proxy: "http://proxy.example:3128"}, check.Unknown, "", "proxy.example:3128"},
		{"unknown authority", address, offline{handshake: x509.UnknownAuthorityError{}}, check.OK, check.Problem, "a proxy that reads along"},
		{"expired", address, offline{handshake: x509.CertificateInvalidError{Reason: x509.Expired}}, check.OK, check.Problem, "look at the clock"},
		{"another name", address, offline{handshake: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}}, check.OK, check.Problem, "a certificate for another name"},
		{"refused", address, offline{handshake: errors.New("connection refused")}, check.OK, check.Problem, "connection refused"},
		{"local name", "http://x.lambda-url.r.localhost:9000/", offline{lookUp: missing}, check.OK, check.OK, "is this machine"},
		{"local address", "http://127.0.0.1:9000/_furl/url/x/", offline{}, check.OK, check.OK, "stays on this machine"},
		{"in clear", "http://192.0.2.7/_furl/url/x/", offline{}, check.OK, check.Problem, "anyone who listens"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			side := fakeSide()
			side.url.Address = test.address
			report := side.ask(t, check.Question{Target: web}, func(c *check.Checker) { c.Network = test.network })
			for name, want := range map[string]check.Status{"dns": test.dns, "tls": test.tls} {
				if got := status(report, name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if !strings.Contains(text(report), test.says) {
				t.Errorf("it does not say %q: %s", test.says, text(report))
			}
		})
	}
}

// status is the status of a step, "" if there is no such step.
func status(report check.Report, name string) check.Status {
	for _, step := range report.Steps {
		if step.Name == name {
			return step.Status
		}
	}
	return ""
}

// The machine's own network, against a server with a certificate that nobody trusts.
func TestTheMachinesNetwork(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that fail
	server.StartTLS()
	defer server.Close()
	t.Setenv("NO_PROXY", "*")
	side := fakeSide()
	side.url.Address = server.URL + "/"
	report := side.ask(t, check.Question{Target: web}, nil)
	if status(report, "dns") != check.OK || status(report, "tls") != check.Problem || !strings.Contains(text(report), "does not trust") {
		t.Error(text(report))
	}
	side.url.Address = "http://localhost:1/"
	side.url.AuthType = lambda.AuthNone
	side.policies[""] = lambda.PolicyText([]lambda.Permission{{StatementID: "all", Action: "lambda:*", Principal: lambda.PermissionPrincipal{Anyone: true}}}, side.url.Function, func(p string) string { return p })
	report = side.ask(t, check.Question{Target: web, Call: true}, nil)
	if report.Verdict != check.Undecided || !strings.Contains(text(report), "no answer") {
		t.Error(text(report))
	}
}
