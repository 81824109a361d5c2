//go:build unix

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
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/furl-dev/furl/internal/roster"
)

// authorityKeyName is the file with the key of the authority in roster.AuthorityFile: with it, anybody can be any of its
// names.
const authorityKeyName = "tls-key.pem"

const (
	// authorityLife is long, since people put the certificate where all their programs trust it.
	authorityLife    = 10 * 365 * 24 * time.Hour
	authorityReserve = 90 * 24 * time.Hour // one with less left is made anew
	certificateLife  = 24 * time.Hour      // each handshake makes a new one
	clockError       = time.Hour           // of a client
)

// authority signs the certificates of a server, for the names that its own certificate permits.
type authority struct {
	dir         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	leaf        *ecdsa.PrivateKey // of all certificates
	now         func() time.Time
}

// scope are the names and addresses that an authority may sign for, besides names below them.
type scope struct {
	names     []string
	addresses []*net.IPNet // nil are all
}

// localScope is the scope of a user's authority: what no other machine can have. Programs may trust such an authority
// without fear for other names.
func localScope() scope {
	s := scope{names: []string{"localhost"}}
	for _, network := range []string{"127.0.0.0/8", "::1/128"} {
		_, loopback, _ := net.ParseCIDR(network) // constants
		s.addresses = append(s.addresses, loopback)
	}
	return s
}

// scopeOf is the scope of a server's authority: localScope, the suffix of function URLs and the host that the server
// listens on.
func scopeOf(suffix, host string) (s scope, local bool) {
	s, local = localScope(), true
	for _, name := range []string{suffix, host} {
		ip := net.ParseIP(name)
		switch {
		case name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") || ip != nil && ip.IsLoopback():
			continue
		case ip == nil:
			s.names = append(s.names, strings.ToLower(name))
		case ip.IsUnspecified():
			s.addresses = nil // any address of this machine
		default:
			if four := ip.To4(); four != nil {
				ip = four
			}
			s.addresses = append(s.addresses, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
		}
		local = false
	}
	return s, local
}

// UserAuthority is the file that clients trust in order to call the user's servers on this machine over https. The
// authority is made if there is none.
func UserAuthority() (file string, err error) {
	a, err := openUserAuthority(time.Now)
	if err != nil {
		return "", err
	}
	return a.file(), nil
}

// openUserAuthority opens the authority of the user, of which several servers may be users.
func openUserAuthority(now func() time.Time) (*authority, error) {
	dir, err := userAuthorityDir()
	if err != nil {
		return nil, err
	}
	unlock, err := lock(dir)
	if err != nil {
		return nil, fmt.Errorf("authority for https: %w", err)
	}
	defer unlock()
	return openAuthority(dir, localScope(), now)
}

// userAuthorityDir is the directory of the user's authority, which only the user can write to.
func userAuthorityDir() (string, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no directory for the authority: %w", err)
	}
	dir := filepath.Join(config, "furl")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("no directory for the authority: %w; set XDG_CONFIG_HOME", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("no directory for the authority: %w", err)
	}
	if !roster.Ours(info) {
		return "", fmt.Errorf("%s, where the key of the authority is, belongs to another user: set HOME or XDG_CONFIG_HOME", dir)
	}
	if info.Mode()&othersWrite != 0 {
		return "", fmt.Errorf("others can write to %s, where the key of the authority is: chmod go-w it, or set XDG_CONFIG_HOME", dir)
	}
	return dir, nil
}

// openAuthority reads the authority of a directory, or makes one that has the scope. It makes one anew if the directory's
// has another scope, has little time left, or has a key that others may have read.
func openAuthority(dir string, want scope, now func() time.Time) (*authority, error) {
	a := &authority{dir: dir, now: now}
	var err error
	if a.leaf, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if a.read() == nil && a.has(want) && a.certificate.NotAfter.Sub(now()) > authorityReserve && now().After(a.certificate.NotBefore) {
		return a, nil
	}
	if err := a.make(want); err != nil {
		return nil, fmt.Errorf("authority for https: %w", err)
	}
	return a, nil
}

// lock waits until no other process has the directory locked.
func lock(dir string) (unlock func(), err error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(&fs.PathError{Op: "lock", Path: dir, Err: err}, file.Close())
	}
	return func() { file.Close() }, nil
}

// file has the certificate that clients trust.
func (a *authority) file() string { return filepath.Join(a.dir, roster.AuthorityFile) }

// has reports whether the authority has exactly the scope.
func (a *authority) has(want scope) bool {
	same := func(x, y *net.IPNet) bool { return x.String() == y.String() }
	return slices.Equal(a.certificate.PermittedDNSDomains, want.names) &&
		slices.EqualFunc(a.certificate.PermittedIPRanges, want.addresses, same)
}

func (a *authority) read() error {
	keyFile := filepath.Join(a.dir, authorityKeyName)
	info, err := os.Lstat(keyFile)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode()&othersAny != 0 || !roster.Ours(info) {
		return errors.New("others may have the key")
	}
	pair, err := tls.LoadX509KeyPair(a.file(), keyFile)
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("not a key of furl")
	}
	a.certificate, a.key = pair.Leaf, key
	return nil
}

func (a *authority) make(want scope) error {
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "furl local CA " + rand.Text()[:8]},
		NotAfter:              a.now().Add(authorityLife),
		IsCA:                  true,
		BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: want.names, PermittedIPRanges: want.addresses,
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
	for _, file := range []struct {
		name, kind string
		der        []byte
	}{{authorityKeyName, "PRIVATE KEY", key}, {roster.AuthorityFile, "CERTIFICATE", der}} {
		text := pem.EncodeToMemory(&pem.Block{Type: file.kind, Bytes: file.der})
		if err := writePrivate(filepath.Join(a.dir, file.name), text[:len(text)-1]); err != nil {
			return err
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

// Certificate makes the certificate for a client that asks for the name at the address, and for loopback. Names that
// the authority has no right to are left out: such a client trusts nothing that it could get.
func (a *authority) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	template := &x509.Certificate{
		NotAfter:    a.now().Add(certificateLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if name := strings.ToLower(strings.TrimSuffix(hello.ServerName, ".")); name != "localhost" && a.Holds(name) {
		template.DNSNames = append(template.DNSNames, name)
	}
	if tcp, ok := hello.Conn.LocalAddr().(*net.TCPAddr); ok && a.Holds(tcp.IP.String()) {
		template.IPAddresses = append(template.IPAddresses, tcp.IP)
	}
	der, err := a.sign(template, a.certificate, a.leaf.Public())
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.leaf}, nil
}

// Holds reports whether the authority may sign for a host.
func (a *authority) Holds(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		ranges := a.certificate.PermittedIPRanges
		return len(ranges) == 0 || slices.ContainsFunc(ranges, func(n *net.IPNet) bool { return n.Contains(ip) })
	}
	return slices.ContainsFunc(a.certificate.PermittedDNSDomains, func(domain string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain)
	})
}
