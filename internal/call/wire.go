package call

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl"
)

// HeaderField is one header as it was on the wire, with its spelling there.
type HeaderField struct{ Name, Value string }

// Record is one request and what came back, as they were on the wire. It has the secrets in clear: see hidden.
type Record struct {
	Start    time.Time
	Method   string
	URL      string // absolute; as typed, or where a redirect led
	Proto    string // of the response, such as HTTP/1.1; "" without one
	Status   int    // 0 without a response
	Reason   string // the rest of the status line
	Sent     []HeaderField
	Received []HeaderField // in the order and spelling received for HTTP/1.1, sorted otherwise

	SentSize, ReceivedSize int64
	// SentBody and ReceivedBody are the beginnings of the bodies, at most Caller.RecordBodies bytes of each.
	SentBody, ReceivedBody []byte

	// Attempts are the requests before this one that the transport repeated by itself.
	Attempts []Attempt

	steps  steps
	offset time.Duration // from the start of the call, from which steps count, to Start
	took   time.Duration // since Start
	Err    error         // that ended the exchange; nil if all of the response arrived
}

// Attempt is a request that was repeated, and the head of its response, which is empty if it is not known.
type Attempt struct {
	Sent []HeaderField
	Head []byte
}

// wire is what passes over the connection of one exchange at a time: the heads as they are, which net/http keeps
// neither in order nor in their spelling. The transport's goroutines write it.
type wire struct {
	mu   sync.Mutex
	conn *wireConn // nil if the connection is none of those that Network makes
	sent []HeaderField

	attempts []Attempt // before the last one of this request
}

// begin starts the record of the next request.
func (w *wire) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent, w.attempts = nil, nil
}

// repeated are the attempts before the last one.
func (w *wire) repeated() []Attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.attempts
}

// trace returns a context whose requests are recorded: the last attempt of each.
func (w *wire) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.sent != nil {
				attempt := Attempt{Sent: w.sent}
				if w.conn != nil {
					attempt.Head = w.conn.received()
				}
				w.attempts = append(w.attempts, attempt)
			}
			w.sent = nil
			conn := info.Conn
			if outer, ok := conn.(interface{ NetConn() net.Conn }); ok { // of a target that net/http cannot write
				conn = outer.NetConn()
			}
			if w.conn, _ = conn.(*wireConn); w.conn != nil {
				w.conn.begin()
			}
		},
		WroteHeaderField: func(name string, values []string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, value := range values {
				w.sent = append(w.sent, HeaderField{name, value})
			}
		},
	})
}

// sentFields are the headers of the request, in the order in which they were sent.
func (w *wire) sentFields() []HeaderField {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

// head is the head of the response as it was received, with those of informational responses before it if all is set.
// It is made from the response where it was not recorded.
func (w *wire) head(resp *http.Response, all bool) []byte {
	w.mu.Lock()
	conn := w.conn
	w.mu.Unlock()
	if conn == nil || resp.ProtoMajor != 1 {
		return madeHead(resp)
	}
	received := conn.received()
	last := 0
	for next := 0; next < len(received); {
		last = next
		length := headLength(received[next:])
		if length == 0 {
			return madeHead(resp) // longer than what is recorded
		}
		next += length
	}
	if !bytes.Contains(firstLine(received[last:]), fmt.Appendf(nil, " %03d", resp.StatusCode)) {
		return madeHead(resp)
	}
	if !all {
		received = received[last:]
	}
	return received
}

// fieldsOf are the headers of a head.
func fieldsOf(head []byte) []HeaderField {
	var fields []HeaderField
	_, rest, _ := bytes.Cut(head, []byte("\n"))
	for line := range bytes.Lines(rest) {
		text := strings.TrimRight(string(line), "\r\n")
		name, value, ok := strings.Cut(text, ":")
		switch {
		case text != "" && (text[0] == ' ' || text[0] == '\t') && len(fields) > 0: // a folded line
			fields[len(fields)-1].Value += " " + strings.TrimSpace(text)
		case ok:
			fields = append(fields, HeaderField{strings.TrimSpace(name), strings.TrimSpace(value)})
		}
	}
	return fields
}

func firstLine(head []byte) []byte {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return line
}

// madeHead writes a head from what net/http keeps, as curl prints it: in lower case for HTTP/2.
func madeHead(resp *http.Response) []byte {
	var head bytes.Buffer
	if resp.ProtoMajor == 1 {
		fmt.Fprintf(&head, "%s %s\r\n", resp.Proto, resp.Status)
	} else {
		fmt.Fprintf(&head, "HTTP/%d %d \r\n", resp.ProtoMajor, resp.StatusCode)
	}
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		shown := name
		if resp.ProtoMajor != 1 {
			shown = strings.ToLower(name)
		}
		for _, value := range resp.Header[name] {
			fmt.Fprintf(&head, "%s: %s\r\n", shown, value)
		}
	}
	head.WriteString("\r\n")
	return head.Bytes()
}

// headLength is the length of the head at the beginning of text, 0 if it has no end there.
func headLength(text []byte) int {
	at := 0
	for {
		end := bytes.IndexByte(text[at:], '\n')
		if end < 0 {
			return 0
		}
		line := bytes.TrimSuffix(text[at:at+end], []byte("\r"))
		if at += end + 1; len(line) == 0 {
			return at
		}
	}
}

// wireConn keeps the head of each response that it reads.
type wireConn struct {
	net.Conn
	mu        sync.Mutex
	recording bool
	heads     []byte // whole heads first, then what has been read of the next one
	whole     int    // length of the whole heads
}

// maxRecordedHead bounds what is kept; Lambda's heads are shorter than 1 MB.
const maxRecordedHead = 1 << 20

// begin starts the record of the next response.
func (c *wireConn) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recording, c.heads, c.whole = true, nil, 0
}

// received are the heads that have been read since begin, and the beginning of a longer one.
func (c *wireConn) received() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.heads)
}

func (c *wireConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.record(p[:n])
	}
	return n, err
}

func (c *wireConn) record(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.recording {
		return
	}
	c.heads = append(c.heads, p[:min(len(p), maxRecordedHead-len(c.heads))]...)
	for c.recording {
		length := headLength(c.heads[c.whole:])
		if length == 0 {
			c.recording = len(c.heads) < maxRecordedHead
			return
		}
		_, status, _ := bytes.Cut(firstLine(c.heads[c.whole:]), []byte(" "))
		c.whole += length
		if !bytes.HasPrefix(status, []byte("1")) || bytes.HasPrefix(status, []byte("101")) { // what follows is the body
			c.recording, c.heads = false, c.heads[:c.whole:c.whole]
		}
	}
}

// ReadFrom keeps the way on which the system sends files.
func (c *wireConn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// recorded returns a DialFunc whose connections are recorded.
func recorded(dial furl.DialFunc) furl.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &wireConn{Conn: conn}, nil
	}
}

// secured returns a DialFunc that speaks TLS over the connections of dial, and whose connections are recorded unless
// they speak HTTP/2. net/http reports the handshake of its own connections only.
func secured(dial furl.DialFunc, config *tls.Config, timeout time.Duration) furl.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		own := config.Clone()
		if own.ServerName == "" {
			if own.ServerName, _, err = net.SplitHostPort(address); err != nil {
				conn.Close()
				return nil, err
			}
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		trace := httptrace.ContextClientTrace(ctx)
		if trace != nil && trace.TLSHandshakeStart != nil {
			trace.TLSHandshakeStart()
		}
		secure := tls.Client(conn, own)
		err = secure.HandshakeContext(ctx)
		state := secure.ConnectionState()
		http2 := err == nil && state.NegotiatedProtocol == "h2"
		if trace != nil && trace.TLSHandshakeDone != nil && !http2 { // net/http reports those of HTTP/2 itself
			trace.TLSHandshakeDone(state, err)
		}
		switch {
		case err != nil:
			conn.Close()
			return nil, err
		case http2:
			return secure, nil
		}
		return &wireConn{Conn: secure}, nil
	}
}

// recorder collects the Record of one request.
type recorder struct {
	record         Record
	sent, received kept
	response       *http.Response // nil without one
	head           []byte
}

func (x *exchange) newRecorder(r *http.Request) *recorder {
	x.wire.begin()
	rec := &recorder{record: Record{Start: time.Now(), Method: r.Method, URL: r.URL.String(), offset: time.Since(x.timing.start)}}
	if r.Response == nil {
		rec.record.URL = x.url.String()
	}
	rec.sent.limit, rec.received.limit = x.caller.RecordBodies, x.caller.RecordBodies
	return rec
}

func (rec *recorder) done(x *exchange, err error) {
	if x.caller.Record == nil {
		return
	}
	r := &rec.record
	r.Err, r.Sent, r.steps = err, x.wire.sentFields(), x.timing.read()
	r.Attempts, r.took = x.wire.repeated(), time.Since(r.Start)
	if rec.response != nil {
		r.Proto, r.Status = rec.response.Proto, rec.response.StatusCode
		_, r.Reason, _ = strings.Cut(rec.response.Status, " ")
		r.Received = fieldsOf(rec.head)
	}
	r.SentBody, r.SentSize = rec.sent.read()
	r.ReceivedBody, r.ReceivedSize = rec.received.read()
	x.caller.Record(*r)
}

// kept is the beginning of a body, which the transport may still be sending when the response is there.
type kept struct {
	mu    sync.Mutex
	text  []byte
	size  int64
	limit int
}

func (k *kept) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.size += int64(len(p))
	k.text = append(k.text, p[:min(len(p), k.limit-len(k.text))]...)
	return len(p), nil
}

func (k *kept) read() ([]byte, int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.text), k.size
}
