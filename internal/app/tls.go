package app

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The authority of the data directory, which signs a certificate for each name that a client asks for. Clients trust the
// first file; who has the second can be any of its names.
const (
	authorityName    = "tls-certificate.pem"
	authorityKeyName = "tls-key.pem"
)

const (
	authorityLife    = 2 * 365 * 24 * time.Hour
	authorityReserve = 30 * 24 * time.Hour // one with less left is made anew
	certificateLife  = 24 * time.Hour
	clockError       = time.Hour // of a client
)

// authority signs the certificates of one server.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	leaf        *ecdsa.PrivateKey // of all certificates
	now         func() time.Time
}

// openAuthority reads the authority of the data directory, or makes one, for localhost and the names below it, the
// suffix of function URLs, and the host that the server listens on. Its certificate says that it signs for no other name.
func openAuthority(dir, suffix, host string, now func() time.Time) (*authority, error) {
	names := []string{"localhost"}
	if suffix != "" && suffix != names[0] {
		names = append(names, suffix)
	}
	var addresses []*net.IPNet
	for _, network := range []string{"127.0.0.0/8", "::1/128"} {
		_, loopback, _ := net.ParseCIDR(network) // constants
		addresses = append(addresses, loopback)
	}
	if ip := net.ParseIP(host); ip == nil && host != "" && host != names[0] {
		names = append(names, host)
	} else if ip != nil && ip.IsUnspecified() {
		addresses = nil // any address of this machine
	} else if ip != nil && !ip.IsLoopback() {
		addresses = append(addresses, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
	}
	a := &authority{now: now}
	var err error
	if a.leaf, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if a.read(dir) == nil && slices.Equal(a.certificate.PermittedDNSDomains, names) &&
		slices.EqualFunc(a.certificate.PermittedIPRanges, addresses, func(x, y *net.IPNet) bool { return x.String() == y.String() }) &&
		a.certificate.NotAfter.Sub(now()) > authorityReserve {
		return a, nil
	}
	return a, a.make(dir, names, addresses)
}

func (a *authority) read(dir string) error {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, authorityName), filepath.Join(dir, authorityKeyName))
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("not a key of this server")
	}
	a.certificate, a.key = pair.Leaf, key
	return nil
}

func (a *authority) make(dir string, names []string, addresses []*net.IPNet) error {
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "furl, for the server of one data directory"},
		NotAfter:              a.now().Add(authorityLife),
		IsCA:                  true,
		BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: names, PermittedIPRanges: addresses,
	}
	der, err := a.sign(template, template, a.key.Public())
	if err != nil {
		return err
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return err
	}
	for _, file := range []struct{ name, kind string }{{authorityKeyName, "PRIVATE KEY"}, {authorityName, "CERTIFICATE"}} {
		block := &pem.Block{Type: file.kind, Bytes: der}
		if file.name == authorityKeyName {
			block.Bytes = key
		}
		text := strings.TrimSuffix(string(pem.EncodeToMemory(block)), "\n")
		if err := writePrivate(filepath.Join(dir, file.name), []byte(text)); err != nil {
			return fmt.Errorf("certificate for --tls: %w", err)
		}
	}
	return nil
}

func (a *authority) sign(template, parent *x509.Certificate, key crypto.PublicKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber, template.NotBefore = serial, a.now().Add(-clockError)
	return x509.CreateCertificate(rand.Reader, template, parent, key, a.key)
}

// config is for the connections of the server.
func (a *authority) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"}, // as function URLs
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return a.certify(hello.ServerName, hello.Conn.LocalAddr())
		},
	}
}

// certify makes the certificate for a client that asks for the name at the address. Names that the authority has no right
// to are left out: such a client trusts nothing that it could get.
func (a *authority) certify(name string, at net.Addr) (*tls.Certificate, error) {
	template := &x509.Certificate{
		NotAfter:    a.now().Add(certificateLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	permitted := func(domain string) bool { return name == domain || strings.HasSuffix(name, "."+domain) }
	if name != "localhost" && slices.ContainsFunc(a.certificate.PermittedDNSDomains, permitted) {
		template.DNSNames = append(template.DNSNames, name)
	}
	if tcp, ok := at.(*net.TCPAddr); ok {
		template.IPAddresses = []net.IP{tcp.IP}
	}
	der, err := a.sign(template, a.certificate, a.leaf.Public())
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.leaf}, nil
}

// CertificateFile is the file of the authority that clients trust in order to call the server over https; "" if it does
// not answer https.
func (s *Server) CertificateFile() string {
	if !s.config.TLS {
		return ""
	}
	return filepath.Join(s.dir, authorityName)
}
