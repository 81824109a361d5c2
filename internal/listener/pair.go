package listener

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Pair is a certificate with its key, in files that are read again when they change: programs that renew a certificate
// write it there. While the files do not belong together, what they had before is good.
type Pair struct {
	Cert, Key string
	// ClientCA is a file of the certificates that sign those of clients; "" asks clients for none.
	ClientCA string
	Clients  tls.ClientAuthType
	Log      *slog.Logger

	mu      sync.Mutex
	current *tls.Config
	pair    *tls.Certificate
	written [3]time.Time // the files, when they were read
	fault   string       // that was logged last
}

// Load reads the files if they have changed.
func (p *Pair) Load() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.load()
}

func (p *Pair) load() error {
	var written [3]time.Time
	for i, file := range []string{p.Cert, p.Key, p.ClientCA} {
		if file == "" {
			continue
		}
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("tls-cert, tls-key: %w", err)
		}
		written[i] = info.ModTime()
	}
	if p.pair != nil && written == p.written {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		return fmt.Errorf("tls-cert %s, tls-key %s: %w", p.Cert, p.Key, err)
	}
	config := newConfig()
	config.Certificates = []tls.Certificate{pair}
	if p.ClientCA != "" {
		if config.ClientCAs, err = readAuthorities(p.ClientCA); err != nil {
			return err
		}
		config.ClientAuth = p.Clients
		// A session that is resumed keeps the certificate that its client had, whatever the file says now.
		config.SessionTicketsDisabled = true
	}
	p.current, p.pair, p.written = config, &pair, written
	return nil
}

func readAuthorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("client-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("client-ca: %w", errors.New(file+" has no certificate in PEM form"))
	}
	return pool, nil
}

// renewed is what the files have now.
func (p *Pair) renewed() (*tls.Config, *tls.Certificate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.load(); err != nil && err.Error() != p.fault {
		p.fault = err.Error()
		p.Log.Warn("the certificate for https is not renewed", "error", err)
	}
	return p.current, p.pair
}

// Certificate is the certificate in the files now, for tls.Config.GetCertificate.
func (p *Pair) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	_, pair := p.renewed()
	return pair, nil
}

// Holds reports whether the certificate is for a host.
func (p *Pair) Holds(host string) bool {
	_, pair := p.renewed()
	return pair.Leaf.VerifyHostname(host) == nil
}

// TLSConfig is a configuration whose handshakes each go by the Pair at that moment.
func TLSConfig(now func() *Pair) *tls.Config {
	config := newConfig()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		current, _ := now().renewed()
		return current, nil
	}
	return config
}

func newConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: Protocols()}
}
