package furl

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// lineKey is the context key under which a dialled connection finds the target of its one request.
type lineKey struct{}

// exactLine makes a transport that puts a given target into the request line, for the few that no url.URL expresses.
// Its connections serve one request each, so that it is certain which request a connection belongs to.
func exactLine(base *http.Transport) *http.Transport {
	exact := base.Clone()
	exact.DisableKeepAlives = true
	exact.MaxConnsPerHost = 0 // or a connection could be handed to a request that did not dial it
	exact.Proxy = nil
	dial := base.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	exact.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return newLineConn(ctx, conn)
	}
	exact.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		config := &tls.Config{}
		if base.TLSClientConfig != nil {
			config = base.TLSClientConfig.Clone()
		}
		config.NextProtos = nil // the request line is HTTP/1.1's
		if config.ServerName == "" {
			if config.ServerName, _, err = net.SplitHostPort(address); err != nil {
				return nil, errors.Join(err, conn.Close())
			}
		}
		if base.TLSHandshakeTimeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, base.TLSHandshakeTimeout)
			defer cancel()
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return newLineConn(ctx, secure)
	}
	return exact
}

// roundTripLine sends r with another target than its URL's.
func (t *Transport) roundTripLine(r *http.Request, line string) (*http.Response, error) {
	base, ok := t.base().(*http.Transport)
	if !ok {
		return nil, fmt.Errorf("%w: the target %q can not be sent unchanged by a %T", ErrRequest, line, t.base())
	}
	if base.Proxy != nil {
		if proxy, err := base.Proxy(r); err != nil || proxy != nil {
			return nil, errors.Join(fmt.Errorf("%w: the target %q can not be sent unchanged through a proxy", ErrRequest, line), err)
		}
	}
	t.exactOnce.Do(func() { t.exact = exactLine(base) })
	r = r.WithContext(context.WithValue(r.Context(), lineKey{}, line))
	plain := *r.URL
	plain.Opaque, plain.Path, plain.RawPath, plain.RawQuery, plain.ForceQuery = placeholder, "", "", "", false
	r.URL = &plain
	return t.exact.RoundTrip(r)
}

// placeholder is the target that net/http writes and a lineConn replaces.
const placeholder = "/"

// lineConn replaces the target of the first request line that is written to it.
type lineConn struct {
	net.Conn
	line string // "" once it is written
}

func newLineConn(ctx context.Context, conn net.Conn) (net.Conn, error) {
	line, ok := ctx.Value(lineKey{}).(string)
	if !ok {
		return nil, errors.Join(errors.New("furl: connection without a request target"), conn.Close())
	}
	return &lineConn{conn, line}, nil
}

// Write is called with the whole request line at once: net/http writes through a buffer of 4 KiB, and method and
// placeholder are shorter.
func (c *lineConn) Write(p []byte) (int, error) {
	if c.line == "" {
		return c.Conn.Write(p)
	}
	method, rest, ok := bytes.Cut(p, []byte(" "+placeholder+" HTTP/1.1\r\n"))
	if !ok || bytes.ContainsAny(method, " \r\n") {
		return 0, errors.New("furl: the first bytes of the connection are not the request line")
	}
	out := append([]byte(nil), method...)
	out = append(out, ' ')
	out = append(out, c.line...)
	out = append(out, " HTTP/1.1\r\n"...)
	out = append(out, rest...)
	c.line = ""
	if _, err := c.Conn.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
