package furl

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// NewBase returns what a [Transport] sends with by default, to be adjusted before use. It has the settings of
// [http.DefaultTransport], but
//   - speaks HTTP/1.1 only, as function URLs do;
//   - finds *.localhost on this machine whatever the resolver says (RFC 6761, section 6.3);
//   - goes through a proxy (HTTPS_PROXY) for https only: a proxy would see what is sent in clear, session token and all;
//   - keeps more idle connections to one host.
func NewBase() *http.Transport {
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Scheme != "https" {
				return nil, nil
			}
			return http.ProxyFromEnvironment(r)
		},
		DialContext:           Localhost(dialer.DialContext),
		Protocols:             protocols,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// DialFunc is the type of [http.Transport.DialContext].
type DialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// Localhost returns a DialFunc that dials localhost and names below it on the loopback addresses, first 127.0.0.1,
// then ::1, and all else with dial.
func Localhost(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil || !isLocalhost(host) {
			return dial(ctx, network, address)
		}
		conn, err4 := dial(ctx, network, net.JoinHostPort("127.0.0.1", port))
		if err4 == nil {
			return conn, nil
		}
		conn, err6 := dial(ctx, network, net.JoinHostPort("::1", port))
		if err6 == nil {
			return conn, nil
		}
		return nil, errors.Join(err4, err6)
	}
}

func isLocalhost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
