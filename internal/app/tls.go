//go:build unix

package app

import (
	"crypto/tls"
	"net"

	"github.com/furl-dev/furl/internal/listener"
)

// certifier is where the certificates of a server come from.
type certifier interface {
	Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Holds reports whether clients can get a certificate for a host.
	Holds(host string) bool
}

var (
	_ certifier = (*authority)(nil)
	_ certifier = (*listener.Pair)(nil)
)

// openTLS finds the certificates of the server: those that it was given, those of the user's authority, or, for names
// that the user's authority has no right to, those of an authority in the data directory.
func (s *Server) openTLS() (*tls.Config, error) {
	if s.config.TLSCert != "" {
		given := &listener.Pair{Cert: s.config.TLSCert, Key: s.config.TLSKey, Log: s.config.Log}
		s.certifier = given
		return tlsConfig(given), given.Load()
	}
	a, err := s.openAuthority()
	if err != nil {
		return nil, err
	}
	s.certifier, s.trust = a, a.file()
	return tlsConfig(a), nil
}

// openAuthority opens the authority that has a right to the names of the server.
func (s *Server) openAuthority() (*authority, error) {
	host, _, _ := net.SplitHostPort(s.config.Listen) // Validate has seen to it
	want, local := scopeOf(s.config.Suffix, host)
	if local {
		a, err := openUserAuthority(s.config.Now)
		if err == nil {
			return a, nil
		}
		s.config.Log.Info("the authority for https is in the data directory", "reason", err.Error())
	}
	return openAuthority(s.dir, want, s.config.Now)
}

func tlsConfig(from certifier) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: listener.Protocols(), GetCertificate: from.Certificate}
}

// CertificateFile is the file of the authority that clients trust in order to call the server over https; "" if it does
// not answer https, or with the certificates that it was given.
func (s *Server) CertificateFile() string { return s.trust }
