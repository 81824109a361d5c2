package listener_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/furl-dev/furl/internal/listener"
)

// server is a guarded server that echoes bodies.
type server struct {
	address string
	bounded *listener.Listener
}

func start(t *testing.T, handler http.Handler) *server {
	t.Helper()
	return startOn(t, handler, func(tcp net.Listener) net.Listener { return tcp }, patience)
}

// startOn is start for a server between which and the network there is another listener.
func startOn(
	t *testing.T, handler http.Handler, over func(net.Listener) net.Listener, headerTimeout time.Duration,
) *server {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{address: tcp.Addr().String()}
	if handler == nil {
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Connection"] = []string{"keep-alive"} // as the data plane does
			io.Copy(w, r.Body)                                //nolint:errcheck // a test reads it, or not
		})
	}
	web := &http.Server{
		ReadHeaderTimeout: headerTimeout, Handler: handler, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	listener.Guard(web)
	s.bounded = listener.New(over(tcp), listener.Config{Log: slog.New(slog.DiscardHandler)})
	go web.Serve(s.bounded) //nolint:errcheck // ends with the test
	t.Cleanup(func() { web.Close() })
	return s
}

// client is a connection to a server.
type client struct {
	net.Conn
	in *bufio.Reader
}

func (s *server) dial(t *testing.T) *client {
	t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{c, bufio.NewReader(c)}
}

// read reads an answer and its body.
func (c *client) read() (*http.Response, string, error) {
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

func head(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// post is the head of a request with these lines.
func post(lines ...string) string {
	return head(append([]string{"POST / HTTP/1.1", "Host: x"}, lines...)...)
}

const (
	length   = "Content-Length: 5"
	coding   = "Transfer-Encoding: chunked"
	keep     = "Connection: keep-alive"
	hello    = "5\r\nhello\r\n0\r\n\r\n"
	smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
)

// resembling is a body that looks like a head.
const resembling = "\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"

// before are requests that may come before one on its connection, in one piece with it.
var before = map[string]struct {
	text   string
	bodies []string // of the answers
}{
	"nothing":     {"", nil},
	"a GET":       {head("GET / HTTP/1.1", "Host: x"), []string{""}},
	"a length":    {post(length) + "hello", []string{"hello"}},
	"length 0":    {post("Content-Length: 0"), []string{""}},
	"chunks":      {post(coding) + hello, []string{"hello"}},
	"blank lines": {post(length) + "hello\r\n\r\n", []string{"hello"}},
	"many": {
		strings.Repeat(post(coding)+hello+head("GET / HTTP/1.1", "Host: x"), 50),
		slices.Repeat([]string{"hello", ""}, 50),
	},
	"a body that looks like a head": {
		post(fmt.Sprintf("Content-Length: %d", len(resembling))) + resembling, []string{resembling},
	},
}

// A request with a length and a coding is answered, and then the connection is closed, whatever the head looks like.
func TestLengthAndCodingCloseTheConnection(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	long := "X-A: " + strings.Repeat("a", 4096-60)
	for name, message := range map[string]string{
		"in this order":        post(length, coding) + hello,
		"in the other order":   post(coding, length) + hello,
		"in odd case":          post("tRANSFER-eNCODING: CHUNKED", "cONTENT-lENGTH: 5") + hello,
		"without a blank":      post("Transfer-Encoding:chunked", "Content-Length:5") + hello,
		"a length of 0":        post(coding, "Content-Length: 0") + hello,
		"two equal lengths":    post(length, coding, length) + hello,
		"a folded length":      post(coding, "Content-Length:", "  5") + hello,
		"a folded coding":      post(length, "Transfer-Encoding:", "\tchunked") + hello,
		"behind a folded line": post("X-A: a", " ", length, "X-B:", " b", coding) + hello,
		"bare line feeds":      strings.ReplaceAll(post(length, coding), "\r", "") + hello,
		"a long line before":   post(long, length, long, coding) + hello,
		"in a GET":             head("GET / HTTP/1.1", "Host: x", length, coding) + hello,
		"an absolute target":   head("POST http://x/ HTTP/1.1", "Host: x", length, coding) + hello,
		"keep-alive":           post(keep, length, coding) + hello,
		"with a trailer":       post(length, coding) + "5\r\nhello\r\n0\r\nX-A: b\r\n\r\n",
		"with an extension":    post(length, coding) + "5;a=b\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.0":             head("POST / HTTP/1.0", keep, length, coding) + "hello",
		"HTTP/1.0, no length":  head("POST / HTTP/1.0", keep, coding),
		"HTTP/1.0, no chunks":  head("POST / HTTP/1.0", keep, length, "Transfer-Encoding: x") + "hello",
	} {
		for kind, first := range before {
			for _, whole := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/after %s/%v", name, kind, whole), func(t *testing.T) {
					t.Parallel()
					c := s.dial(t)
					text := first.text + message + smuggled
					go func() {
						pieces := io.Reader(strings.NewReader(text))
						if !whole {
							pieces = iotest.OneByteReader(pieces)
						}
						to := struct{ io.Writer }{c}
						io.Copy(to, struct{ io.Reader }{pieces}) //nolint:errcheck // the server may close
					}()
					for i, want := range append(slices.Clone(first.bodies), "") {
						response, body, err := c.read()
						if err != nil || response.StatusCode != http.StatusOK {
							t.Fatalf("answer %d: %v, %v", i, response, err)
						}
						if last := i == len(first.bodies); response.Close != last || !last && body != want {
							t.Fatalf("answer %d: %v, %q", i, response, body)
						}
					}
					if response, _, err := c.read(); !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Errorf("after the last answer: %v, %v", response, err)
					}
				})
			}
		}
	}
}

// All else keeps its connection.
func TestRequestsThatAreNotInDoubtKeepTheConnection(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ambiguous := post(length, coding) + hello
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(ambiguous), ambiguous)
	for name, message := range map[string]struct{ text, body string }{
		"no body":                        {head("GET / HTTP/1.1", "Host: x"), ""},
		"a length":                       {post(length) + "hello", "hello"},
		"two equal lengths":              {post(length, length) + "hello", "hello"},
		"chunks":                         {post(coding) + hello, "hello"},
		"no chunks":                      {post(coding) + "000\r\n\r\n", ""},
		"chunks of any size":             {post(coding) + "1\r\nh\r\n000A\r\n0123456789\r\n0\r\n\r\n", "h0123456789"},
		"a body that looks like a head":  {post(fmt.Sprint("Content-Length: ", len(ambiguous))) + ambiguous, ambiguous},
		"a chunk that looks like a head": {post(coding) + chunk, ambiguous},
		"a folded value":                 {post(coding, "X-A: b", " Content-Length: 5", "\tX: y") + hello, "hello"},
		"names that begin alike":         {post(coding, "Content-Length-X: 5", "Content-Lengt: 5") + hello, "hello"},
		"names that end alike":           {post(coding, "X-Content-Length: 5", "Content_Length: 5") + hello, "hello"},
		"a target":                       {head("POST /Content-Length:5 HTTP/1.1", "Host: x", coding) + hello, "hello"},
		"HTTP/1.0":                       {head("POST / HTTP/1.0", keep, length) + "hello", "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t)
			const times = 20
			for _, pipelined := range []bool{false, true} {
				if pipelined {
					go io.WriteString(c, strings.Repeat(message.text, times)) //nolint:errcheck // answers are counted
				}
				for i := range times {
					if !pipelined {
						if _, err := io.WriteString(c, message.text); err != nil {
							t.Fatal(err)
						}
					}
					response, body, err := c.read()
					if err != nil || response.StatusCode != http.StatusOK || response.Close || body != message.body {
						t.Fatalf("answer %d: %v, %q, %v", i, response, body, err)
					}
				}
			}
		})
	}
}

// Requests of all kinds, one behind the other.
func TestRequestsOfAllKindsKeepTheConnection(t *testing.T) {
	t.Parallel()
	c := start(t, nil).dial(t)
	var text strings.Builder
	var bodies []string
	for _, one := range before {
		for _, other := range before { // in another order each time
			text.WriteString(one.text + other.text)
			bodies = slices.Concat(bodies, one.bodies, other.bodies)
		}
	}
	go io.WriteString(c, text.String()) //nolint:errcheck // answers are counted
	for i, want := range bodies {
		response, body, err := c.read()
		if err != nil || response.StatusCode != http.StatusOK || response.Close || body != want {
			t.Fatalf("answer %d: %v, %q, %v; want %q", i, response, body, err, want)
		}
	}
}

// Chunks of an odd form are not understood here: what follows them is answered, and nothing after that.
func TestChunksOfAnOddForm(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, chunks := range []string{
		"5;a=b\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\nX-A: b\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n",
	} {
		c := s.dial(t)
		text := post(coding) + chunks + post(length, coding) + hello + smuggled
		go io.WriteString(c, text) //nolint:errcheck // answers are counted
		for i, closed := range []bool{false, true} {
			if response, body, err := c.read(); err != nil || body != "hello" || response.Close != closed {
				t.Errorf("%q, answer %d: %v, %q, %v", chunks, i, response, body, err)
			}
		}
		if response, body, err := c.read(); err == nil {
			t.Errorf("%q: the third is answered with %s %q", chunks, response.Status, body)
		}
	}
}

// A handler that flushes, or writes nothing, does not keep the connection either; what it can do with its writer it
// still can.
func TestLastAnswers(t *testing.T) {
	t.Parallel()
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Connection"] = []string{"keep-alive"}
		control := http.NewResponseController(w)
		if err := control.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Error(err)
		}
		switch r.URL.Path {
		case "/nothing":
		case "/status":
			w.WriteHeader(http.StatusNoContent)
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusOK)
		default:
			if err := control.Flush(); err != nil {
				t.Error(err)
			}
			io.WriteString(w, "x") //nolint:errcheck // a test reads it
		}
	}))
	for _, path := range []string{"/nothing", "/status", "/early", "/flush"} {
		c := s.dial(t)
		text := head("POST "+path+" HTTP/1.1", "Host: x", length, coding) + hello
		go io.WriteString(c, text+smuggled) //nolint:errcheck // the answer is what counts
		response, _, err := c.read()
		if err == nil && response.StatusCode == http.StatusEarlyHints {
			response, _, err = c.read()
		}
		if err != nil || !response.Close {
			t.Errorf("%s: %v, %v", path, response, err)
		}
		if response, _, err := c.read(); err == nil {
			t.Errorf("%s: answered twice, %v", path, response)
		}
	}
}

// script is a connection from which the bytes come in pieces.
type script struct {
	net.Conn
	text  []byte
	piece int
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.piece)], s.text)
	s.text = s.text[n:]
	return n, nil
}

func (s *script) Accept() (net.Conn, error) { return s, nil }
func (s *script) Close() error              { return nil }
func (s *script) Addr() net.Addr            { return nil }

// words are what the bytes from 0x80 on stand for, so that a fuzzer makes more than one request of them.
var words = []string{
	"POST / HTTP/1.1\r\n", "GET / HTTP/1.1\r\n", "POST / HTTP/1.0\r\n", "PRI * HTTP/2.0\r\n", "Host: x\r\n",
	"\r\n", "\n", "\r",
	"Content-Length: 5\r\n", "content-length:5\n", "Content-Length: 0\r\n", "Content-Length:", "CONTENT-LENGTH",
	"Transfer-Encoding: chunked\r\n", "transfer-encoding:chunked\n", "Transfer-Encoding:", "Transfer-Encoding: x\r\n",
	"hello", "5\r\n", "5\r\nhello\r\n", "0\r\n", "0\r\n\r\n", "0000000000000000\r\n", "fffffffffffffff\r\n", ";a=b\r\n",
	" ", "\t", "X-A: b\r\n", "Expect: 100-continue\r\n", "Connection: keep-alive\r\n", strings.Repeat("a", 4000),
}

// spell replaces bytes by the words that they stand for.
func spell(short []byte) []byte {
	var text []byte
	for _, c := range short {
		if c < 0x80 {
			text = append(text, c)
		} else {
			text = append(text, words[int(c-0x80)%len(words)]...)
		}
	}
	return text
}

// Whatever bytes come in whatever pieces: no request that net/http reads with both headers in its head goes unnoticed,
// and only one on a connection that is not followed any more is taken for one without being it.
func FuzzFraming(f *testing.F) {
	ambiguous := post(length, coding) + hello
	for _, first := range before {
		f.Add([]byte(first.text+ambiguous+first.text+ambiguous), 4096)
		f.Add([]byte(first.text+head("POST / HTTP/1.0", coding)+ambiguous), 7)
	}
	f.Add([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+ambiguous), 10)
	f.Add([]byte(post(coding)+"5;a\r\nhello\r\n0\r\nA: b\r\n\r\n"+ambiguous), 1)
	f.Add([]byte("\x80\x84\x88\x8d\x85\x93\x95\x80\x84\x8d\x85\x93\x95\x81\x84\x85"), 4096)
	f.Add([]byte("\x82\x8d\x88\x9d\x85\x91\x81\x84\x8b\x99\x92\x8e\x86\x93\x94\x9b\x85"), 3)
	f.Fuzz(func(t *testing.T, short []byte, piece int) {
		if piece < 1 {
			t.Skip()
		}
		text := spell(short)
		source := &script{text: text, piece: piece}
		c, err := listener.New(source, listener.Config{MaxConnections: 1}).Accept()
		if err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(c)
		plain := bytes.NewReader(text)
		reference := bufio.NewReader(plain)
		position := func() int { return len(text) - plain.Len() - reference.Buffered() }
		for {
			begin := position()
			want, err := http.ReadRequest(reference)
			if err != nil || want.ProtoMajor != 1 { // the server goes no further
				return
			}
			hasLength, hasCoding := fieldsOf(text[begin:position()])
			doubtful := hasCoding && (hasLength || want.ProtoMinor == 0)

			got, err := http.ReadRequest(in)
			if err != nil {
				t.Fatalf("net/http reads %q, and cannot through the connection: %v", text[begin:position()], err)
			}
			if last := listener.Begin(c, got); last != doubtful && !(last && listener.Lost(c)) {
				t.Fatalf("%q is the last: %v, want %v", text[begin:position()], last, doubtful)
			}
			wanted, wantErr := io.ReadAll(want.Body)
			body, err := io.ReadAll(got.Body)
			if !bytes.Equal(body, wanted) || (err == nil) != (wantErr == nil) {
				t.Fatalf("the body is %q, %v; want %q, %v", body, err, wanted, wantErr)
			}
			if err != nil {
				return
			}
		}
	})
}

// fieldsOf are the headers about length in the bytes of a head, as net/http reads them.
func fieldsOf(text []byte) (hasLength, hasCoding bool) {
	in := textproto.NewReader(bufio.NewReader(bytes.NewReader(text)))
	in.ReadLine() //nolint:errcheck // the head has been read before
	header, _ := in.ReadMIMEHeader()
	_, hasLength = header["Content-Length"]
	_, hasCoding = header["Transfer-Encoding"]
	return hasLength, hasCoding
}
