package oidc_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/oidc"
	"github.com/furl-dev/furl/internal/oidc/oidctest"
)

func TestIsPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "1.0.0.1": true, "100.63.255.255": true, "100.128.0.0": true, "172.15.0.1": true, "172.32.0.1": true,
		"2606:4700::1111": true, "2a00:1450:4001::1": true, "::ffff:8.8.8.8": true, "64:ff9b::808:808": true, "2002:808:808::1": true,

		"127.0.0.1": false, "127.255.255.254": false, "::1": false, // this machine
		"0.0.0.0": false, "0.1.2.3": false, "::": false, // this machine, too, on Linux
		"10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "fc00::1": false, "fd12::1": false,
		"169.254.169.254": false, "169.254.170.2": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false,
		"fd00:ec2::254": false,
		"100.64.0.1":    false, "100.127.255.255": false, // carrier-grade NAT, and metadata services
		"192.0.0.192": false, "192.0.2.1": false, "198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false,
		"224.0.0.1": false, "239.1.2.3": false, "ff02::1": false, "ff0e::1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:0.0.0.0": false, "::127.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b:1::1": false, "2002:7f00:1::1": false, "2002:a00:1::1": false,
		"2001::1": false, "2001:db8::1": false,
	} {
		if got := oidc.IsPublic(address); got != want {
			t.Errorf("%s: public %t, want %t", address, got, want)
		}
	}
}

// secureIssuer is an issuer with https on this machine, which counts the connections made to it.
func secureIssuer(t *testing.T) (issuer *oidctest.Issuer, trust *tls.Config, connections *atomic.Int32) {
	t.Helper()
	issuer, connections = oidctest.Start(t), &atomic.Int32{}
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{issuer.Key("RS256", nil)}})
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": "https://" + r.Host, "jwks_uri": "https://" + strings.ToUpper(r.Host) + "/keys"})
	})
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	issuer.URL = server.URL
	return issuer, &tls.Config{RootCAs: pool}, connections
}

// claimsOf are claims of a token that is valid at now.
func claimsOf(issuer string) oidctest.Claims {
	return oidctest.Claims{"iss": issuer, "sub": "s", "aud": "my-app", "exp": now.Add(time.Hour).Unix()}
}

// An issuer is asked where a public address is dialled, and elsewhere only if that is wanted.
func TestPrivateAddresses(t *testing.T) {
	issuer, trust, connections := secureIssuer(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(issuer.URL, "https://"), ":")
	for _, host := range []string{"127.0.0.1", "example.com", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::1]"} {
		v := &oidc.Verifier{}
		v.Trust(trust)
		v.Resolve(resolverOf(t, "127.0.0.1"))
		url := "https://" + host + ":" + port
		err := verify(t, v, url, issuer.Sign("RS256", claimsOf(url)))
		if kind(err) != oidc.NotPublic || !strings.Contains(err.Error(), "is not a public address") {
			t.Errorf("%s: %v", host, err)
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	for _, host := range []string{"127.0.0.1", "example.com"} { // those that the certificate is for
		v := &oidc.Verifier{PrivateAddresses: true}
		v.Trust(trust)
		v.Resolve(resolverOf(t, "127.0.0.1"))
		url := "https://" + host + ":" + port
		if err := verify(t, v, url, issuer.Sign("RS256", claimsOf(url))); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// A name with several addresses does not get the connection to the one that is private.
func TestPrivateAddressAmongOthers(t *testing.T) {
	issuer, trust, connections := secureIssuer(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(issuer.URL, "https://"), ":")
	v := &oidc.Verifier{}
	v.Trust(trust)
	v.Resolve(resolverOf(t, "::ffff:127.0.0.1", "0.0.0.0", "127.0.0.1", "169.254.169.254", "::1"))
	url := "https://example.com:" + port
	if err := verify(t, v, url, issuer.Sign("RS256", claimsOf(url))); kind(err) != oidc.NotPublic {
		t.Error(err)
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// Without https an issuer is on this machine, and not only by its name.
func TestPlainIssuers(t *testing.T) {
	issuer := oidctest.Start(t)
	token := issuer.Sign("RS256", claimsOf(issuer.URL))
	err := verify(t, &oidc.Verifier{}, issuer.URL, token)
	if kind(err) != oidc.NotPublic || !strings.Contains(err.Error(), issuer.URL+" is not https") {
		t.Error(err)
	}
	if n := issuer.Fetched.Load(); n != 0 {
		t.Errorf("keys were fetched %d times", n)
	}
	v := &oidc.Verifier{PrivateAddresses: true}
	if err := verify(t, v, issuer.URL, token); err != nil {
		t.Error(err)
	}
	for _, address := range []string{"10.0.0.1", "169.254.169.254", "8.8.8.8", "::ffff:10.0.0.1"} {
		if err := v.Admit(address, "http"); err == nil {
			t.Errorf("http to %s is dialled", address)
		}
		if err := v.Admit(address, "https"); err != nil {
			t.Error(err)
		}
	}
}

func TestValidIssuer(t *testing.T) {
	for url, want := range map[string][2]bool{ // without and with private addresses
		"https://id.example.com":          {true, true},
		"https://id.example.com/path":     {true, true},
		"https://10.0.0.1":                {true, true},
		"http://id.example.com":           {false, false},
		"http://127.0.0.1:8080":           {false, true},
		"http://localhost":                {false, true},
		"http://[::1]:80":                 {false, true},
		"http://localhost.example.com":    {false, false},
		"http://10.0.0.1":                 {false, false},
		"https://user@id.example.com":     {false, false},
		"https://id.example.com?a=b":      {false, false},
		"https://id.example.com#fragment": {false, false},
		"ftp://id.example.com":            {false, false},
		"https://":                        {false, false},
		"id.example.com":                  {false, false},
		"https://%zz":                     {false, false},
	} {
		if got := [2]bool{oidc.ValidIssuer(url, false), oidc.ValidIssuer(url, true)}; got != want {
			t.Errorf("%s: %v, want %v", url, got, want)
		}
	}
}

// resolverOf is a resolver for which every name has the addresses.
func resolverOf(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go serveNames(server, addresses)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// serveNames answers questions for addresses (RFC 1035, 4).
func serveNames(server net.PacketConn, addresses []string) {
	packet := make([]byte, 1500)
	for {
		n, from, err := server.ReadFrom(packet)
		if err != nil {
			return // closed
		}
		const header, typeA, typeAAAA = 12, 1, 28
		name := bytes.IndexByte(packet[header:n], 0) + 1
		question := packet[header : header+name+4]
		asked := binary.BigEndian.Uint16(question[name:])
		var records []byte
		count := uint16(0)
		for _, address := range addresses {
			ip := net.ParseIP(address).To16()
			if !strings.Contains(address, ":") {
				ip = ip.To4()
			}
			if asked != map[int]uint16{4: typeA, 16: typeAAAA}[len(ip)] {
				continue
			}
			count++
			records = append(records, 0xc0, header) // the name of the question
			records = append(records, question[name:]...)
			records = append(records, 0, 0, 0, 0, 0, byte(len(ip))) // for no time
			records = append(records, ip...)
		}
		answer := append([]byte{}, packet[:2]...)
		answer = binary.BigEndian.AppendUint16(answer, 0x8180) // an answer, without error
		answer = binary.BigEndian.AppendUint16(answer, 1)
		answer = binary.BigEndian.AppendUint16(answer, count)
		answer = append(append(append(answer, 0, 0, 0, 0), question...), records...)
		_, _ = server.WriteTo(answer, from)
	}
}
