package furl

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// target is a request target that the server will receive as the caller typed it.
type target struct {
	// url is the URL to sign and, if line is empty, to pass to net/http.
	url *url.URL
	// line is the target for the request line, if net/http writes it for no url.URL.
	line string
}

// exactTarget finds a way to send u's target as it was typed. url.Parse keeps the typed path in RawPath, but
// URL.RequestURI, which net/http sends, ignores a RawPath with a byte that it would have escaped, such as '|' or part
// of a UTF-8 sequence.
func exactTarget(u *url.URL) target {
	if u.Opaque != "" || u.RawPath == "" || u.RawPath[0] != '/' || strings.ContainsFunc(u.RawPath, unsendable) ||
		u.EscapedPath() == u.RawPath {
		return target{url: u}
	}
	if path, err := url.PathUnescape(u.RawPath); err != nil || path != u.Path {
		return target{url: u} // the caller has changed Path since
	}
	exact := *u
	exact.Opaque, exact.Path, exact.RawPath = u.RawPath, "", ""
	if !strings.HasPrefix(u.RawPath, "//") {
		return target{url: &exact}
	}
	// RequestURI takes an Opaque with two slashes for host and path. The signature is the same with one slash: the
	// canonical path has no empty segments.
	line := u.RawPath
	if u.ForceQuery || u.RawQuery != "" {
		line += "?" + u.RawQuery
	}
	exact.Opaque = "/" + strings.TrimLeft(u.RawPath, "/")
	return target{url: &exact, line: line}
}

// unsendable reports characters that cannot stand in a request line.
func unsendable(c rune) bool { return c <= ' ' || c == 0x7f }

// lineKey is the context key under which a connection finds the target of its one request.
type lineKey struct{}

// exactLine makes a transport that writes a given target into the request line, for the few targets that no url.URL
// can express. Each connection serves one request only, so that each request gets its own target.
func exactLine(base *http.Transport) *http.Transport {
	exact := base.Clone()
	exact.DisableKeepAlives = true
	exact.MaxConnsPerHost = 0 // or a connection could be handed to a request that did not dial it
	exact.Proxy = nil
	dial := base.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	dialTLS := base.DialTLSContext
	if dialTLS == nil {
		dialTLS = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return handshake(ctx, conn, address, base)
		}
	}
	exact.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return newLineConn(ctx, conn)
	}
	exact.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialTLS(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if secure, ok := conn.(*tls.Conn); ok && secure.ConnectionState().NegotiatedProtocol == "h2" {
			return nil, errors.Join(fmt.Errorf("%w: HTTP/2 cannot send this target unchanged", ErrRequest), conn.Close())
		}
		return newLineConn(ctx, conn)
	}
	return exact
}

// handshake speaks TLS over a connection of HTTP/1.1, with the settings of a transport.
func handshake(ctx context.Context, conn net.Conn, address string, base *http.Transport) (net.Conn, error) {
	config := cmp.Or(base.TLSClientConfig, new(tls.Config)).Clone()
	config.NextProtos = nil // the request line is HTTP/1.1's
	if config.ServerName == "" {
		var err error
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
	return secure, nil
}

// roundTripLine sends r with line as its target, in place of the target of its URL.
func (t *Transport) roundTripLine(r *http.Request, line string) (*http.Response, error) {
	base, ok := t.base().(*http.Transport)
	if !ok {
		return nil, fmt.Errorf("%w: a %T cannot send the target %q unchanged", ErrRequest, t.base(), line)
	}
	if base.Proxy != nil {
		if proxy, err := base.Proxy(r); err != nil || proxy != nil {
			return nil, errors.Join(fmt.Errorf("%w: a proxy cannot pass on the target %q unchanged", ErrRequest, line), err)
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

// lineConn replaces the target in the first request line that it writes.
type lineConn struct {
	net.Conn
	line string // "" after it has been written
}

// NetConn returns the connection without the change.
func (c *lineConn) NetConn() net.Conn { return c.Conn }

func newLineConn(ctx context.Context, conn net.Conn) (net.Conn, error) {
	line, ok := ctx.Value(lineKey{}).(string)
	if !ok {
		return nil, errors.Join(errors.New("furl: connection without a request target"), conn.Close())
	}
	return &lineConn{conn, line}, nil
}

// Write gets the whole request line in one call: net/http writes through a buffer of 4 KiB, and the method and the
// placeholder are shorter.
func (c *lineConn) Write(p []byte) (int, error) {
	if c.line == "" {
		return c.Conn.Write(p)
	}
	method, rest, ok := bytes.Cut(p, []byte(" "+placeholder+" HTTP/1.1\r\n"))
	if !ok || bytes.ContainsAny(method, " \r\n") {
		return 0, errors.New("furl: the first bytes of the connection are not the request line")
	}
	out := fmt.Appendf(nil, "%s %s HTTP/1.1\r\n%s", method, c.line, rest)
	c.line = ""
	if _, err := c.Conn.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
