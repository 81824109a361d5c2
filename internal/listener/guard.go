package listener

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// maxStreams is how many requests may be under way on one connection of HTTP/2. net/http lets a client that resets
	// its requests begin no more than that, keeps four times as many waiting, and ends the connection beyond (rapid
	// reset, CVE-2023-44487).
	maxStreams = 100
	// maxUnread is how many bytes a connection of HTTP/2, or one request on it, may send before somebody reads them: the
	// least that net/http takes. All connections together may hold as much memory as they do with HTTP/1.
	maxUnread = 64 << 10
)

// Protocols are what a guarded server speaks over TLS, as a tls.Config takes it.
func Protocols() []string { return []string{"h2", "http/1.1"} }

type connectionKey struct{}

// Guard has the server speak HTTP/1 and, with the clients that begin with it, HTTP/2, over TLS and without, within the
// bounds of a Listener. The server closes each connection after the answer to a request of doubtful length, and notes in
// a request what its client agreed on with WithTLS. Call it once, when the server has its handler.
func Guard(server *http.Server) {
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true) // net/http does not see that a connection has TLS
	server.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerConnection: maxUnread, MaxReceiveBufferPerStream: maxUnread,
	}
	inner := server.ConnContext
	server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if inner != nil {
			ctx = inner(ctx, c)
		}
		return context.WithValue(ctx, connectionKey{}, c)
	}
	hook := server.ConnState
	server.ConnState = func(c net.Conn, state http.ConnState) {
		observe(c, state)
		if hook != nil {
			hook(c, state)
		}
	}
	handler := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connectionKey{}).(*connection)
		if ok && r.TLS == nil {
			if either, ok := c.Conn.(*either); ok {
				r.TLS = either.state()
			}
		}
		switch {
		case ok && r.ProtoMajor == 2:
			paced := &pacedAnswer{ResponseWriter: w, controller: http.NewResponseController(w), timeout: c.timeout}
			handler.ServeHTTP(paced, r)
			paced.allow() // for what net/http still has
		case ok && c.begin(r):
			w = &lastAnswer{w}
			handler.ServeHTTP(w, r)
			w.Header().Set("Connection", "close") // if nothing has been written yet
		default:
			handler.ServeHTTP(w, r)
		}
	})
}

// pacedAnswer is an answer in HTTP/2, which bounds how long the client may take to read a piece of it. The connection
// does not notice a client that reads it but leaves one answer alone.
type pacedAnswer struct {
	http.ResponseWriter
	controller *http.ResponseController
	timeout    time.Duration
	begun      bool
}

// begin takes away the headers that belong to an HTTP/1 connection: a client of HTTP/2 treats an answer with one as
// malformed (RFC 9113, section 8.2.2). net/http takes away the others.
func (w *pacedAnswer) begin() {
	if w.begun {
		return
	}
	w.begun = true
	for _, name := range []string{"Keep-Alive", "Proxy-Connection", "Upgrade"} {
		for written := range w.Header() {
			if strings.EqualFold(written, name) {
				delete(w.Header(), written)
			}
		}
	}
}

// WriteHeader begins the answer.
func (w *pacedAnswer) WriteHeader(status int) {
	w.begin()
	w.ResponseWriter.WriteHeader(status)
}

// allow gives the client time for the next piece.
func (w *pacedAnswer) allow() {
	w.controller.SetWriteDeadline(time.Now().Add(w.timeout)) //nolint:errcheck // HTTP/2 always has it
}

// rest lets a pause of the handler take any time.
func (w *pacedAnswer) rest() {
	w.controller.SetWriteDeadline(time.Time{}) //nolint:errcheck // HTTP/2 always has it
}

// Write writes p in pieces, each with the whole timeout.
func (w *pacedAnswer) Write(p []byte) (n int, err error) {
	w.begin()
	defer w.rest()
	for {
		w.allow()
		written, err := w.ResponseWriter.Write(p[n:min(n+writePiece, len(p))])
		n += written
		if err != nil || n == len(p) {
			return n, err
		}
	}
}

// FlushError writes what net/http has kept back.
func (w *pacedAnswer) FlushError() error {
	w.begin()
	defer w.rest()
	w.allow()
	return w.controller.Flush()
}

// Unwrap is for [http.ResponseController].
func (w *pacedAnswer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// lastAnswer is an answer after which net/http closes the connection, whatever the handler says.
type lastAnswer struct{ http.ResponseWriter }

// WriteHeader begins the answer.
func (w *lastAnswer) WriteHeader(status int) {
	w.Header().Set("Connection", "close")
	w.ResponseWriter.WriteHeader(status)
}

// Write begins the answer if WriteHeader has not.
func (w *lastAnswer) Write(p []byte) (int, error) {
	w.Header().Set("Connection", "close")
	return w.ResponseWriter.Write(p)
}

// FlushError begins the answer, too.
func (w *lastAnswer) FlushError() error {
	w.Header().Set("Connection", "close")
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for [http.ResponseController].
func (w *lastAnswer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
