//go:build unix

package app

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/listener"
)

// certifier is where the certificates of a server come from.
type certifier interface {
	certificateFor(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// holds reports whether clients can get a certificate for a host.
	holds(host string) bool
}

var (
	_ certifier = (*authority)(nil)
	_ certifier = (*givenPair)(nil)
)

// openTLS finds the certificates of the server: those that it was given, those of the user's authority, or, for names
// that the user's authority has no right to, those of an authority in the data directory.
func (s *Server) openTLS() (*tls.Config, error) {
	if s.config.TLSCert != "" {
		given := &givenPair{cert: s.config.TLSCert, key: s.config.TLSKey, log: s.config.Log}
		s.certifier = given
		return tlsConfig(given), given.load()
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
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: listener.Protocols(), GetCertificate: from.certificateFor}
}

// CertificateFile is the file of the authority that clients trust in order to call the server over https; "" if it does
// not answer https, or with the certificates that it was given.
func (s *Server) CertificateFile() string { return s.trust }

// givenPair is a certificate that the server was given, with its key.
type givenPair struct {
	cert, key string // files
	log       *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	written [2]time.Time // the files, when they were read
	fault   string       // that was logged last
}

// load reads the files if they have changed.
func (g *givenPair) load() error {
	var written [2]time.Time
	for i, file := range []string{g.cert, g.key} {
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("tls-cert, tls-key: %w", err)
		}
		written[i] = info.ModTime()
	}
	if written == g.written {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(g.cert, g.key)
	if err != nil {
		return fmt.Errorf("tls-cert %s, tls-key %s: %w", g.cert, g.key, err)
	}
	g.pair, g.written = &pair, written
	return nil
}

// certificateFor is the certificate in the files now: programs that renew one write it there. While the files do not
// belong together, the one before is good.
func (g *givenPair) certificateFor(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.load(); err != nil && err.Error() != g.fault {
		g.fault = err.Error()
		g.log.Warn("the certificate for https is not renewed", "error", err)
	}
	return g.pair, nil
}

func (g *givenPair) holds(host string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pair.Leaf.VerifyHostname(host) == nil
}
