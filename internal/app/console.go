//go:build unix

package app

import (
	"context"
	"crypto/tls"
	"iter"
	"net"
	"net/http"
	"time"

	"github.com/furl-dev/furl/internal/console"
	"github.com/furl-dev/furl/internal/logs"
	"github.com/furl-dev/furl/internal/pages"
)

// openConsole makes the console, unless there shall be none.
func (s *Server) openConsole() {
	if s.config.Console != ConsoleRead && s.config.Console != ConsoleEdit {
		return
	}
	s.console = &console.Console{
		Edit: s.config.Console == ConsoleEdit, Version: s.config.Version, Endpoint: s.address.endpoint, Region: s.config.Region,
		State: s.state, Now: s.config.Now, Refused: s.pages.Refused,
		Traces: s.traces, Exchanges: s.pages.Exchanges,
		Log: func(ctx context.Context, function, requestID string, lines int) (iter.Seq2[logs.Entry, error], error) {
			return s.pages.ReadLogs(ctx, pages.LogRequest{Functions: []string{function}, RequestID: requestID, Lines: lines})
		},
		Do:                s.toItself(),
		LegacyPermissions: s.config.LegacyURLPermissions, BlockPublicAccess: s.config.BlockPublicAccess,
		FunctionURL: s.address.FunctionURL, Concurrency: s.invoke, Pool: s.pool, Traffic: s.traffic,
	}
	s.console.Open()
	s.pages.Console = s.console
}

// toItself sends a request to the server's own listener, whatever host it names: it is taken like that of any client.
func (s *Server) toItself() func(*http.Request) (*http.Response, error) {
	address, dialer := s.listener.Addr(), net.Dialer{Timeout: 5 * time.Second}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, address.Network(), reachable(address.String()))
		},
		// It finds itself at the address that it has bound, and not by a certificate that a client has to trust.
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
		DisableKeepAlives:  true,
		DisableCompression: true,
	}
	return transport.RoundTrip
}

// reachable is the address of a listener as one can dial it.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}
