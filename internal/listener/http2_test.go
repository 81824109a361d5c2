package listener_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/furl-dev/furl/internal/listener"
)

// Types, flags and codes of HTTP/2 frames (RFC 9113, sections 6 and 7).
const (
	frameData, frameHeaders, frameReset, frameSettings, frameGoAway, frameWindow = 0, 1, 3, 4, 7, 8

	endStream, endHeaders, ack = 1, 4, 1

	maxStreams, initialWindow = 3, 4 // settings
	cancel, enhanceYourCalm   = 8, 11
)

// frame is one frame of HTTP/2.
type frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

func (f frame) bytes() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(f.payload))<<8|uint32(f.kind))
	return append(binary.BigEndian.AppendUint32(append(b, f.flags), f.stream), f.payload...)
}

func readFrame(from io.Reader) (frame, error) {
	var head [9]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{kind: head[3], flags: head[4], stream: binary.BigEndian.Uint32(head[5:])}
	f.payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	_, err := io.ReadFull(from, f.payload)
	return f, err
}

// get is a request: literals without Huffman codes and without indexing (RFC 7541, section 6.2.2).
func get(stream uint32, path string) []byte {
	var block []byte
	for _, field := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "localhost"}, {":path", path}} {
		block = append(append(block, 0, byte(len(field[0]))), field[0]...)
		block = append(append(block, byte(len(field[1]))), field[1]...)
	}
	return frame{frameHeaders, endStream | endHeaders, stream, block}.bytes()
}

func reset(stream uint32) []byte {
	return frame{frameReset, 0, stream, []byte{0, 0, 0, cancel}}.bytes()
}

// begin2 is what a client of HTTP/2 begins with.
func begin2() []byte {
	return append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame{kind: frameSettings}.bytes()...)
}

// Go's client speaks HTTP/2 over TLS and, if it is told to, without.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	s, config := secured(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{"Keep-Alive": "timeout=5", "upgrade": "x", "Proxy-Connection": "x"} {
			w.Header()[name] = []string{value}
		}
		w.Header().Set("Seen", r.Proto+", TLS "+map[bool]string{true: "on", false: "off"}[r.TLS != nil])
		io.Copy(w, r.Body) //nolint:errcheck // the test reads it
	}), patience)
	for scheme, want := range map[string]string{"https": "HTTP/2.0, TLS on", "http": "HTTP/2.0, TLS off"} {
		transport := &http.Transport{TLSClientConfig: config, Protocols: new(http.Protocols)}
		transport.Protocols.SetHTTP2(scheme == "https")
		transport.Protocols.SetUnencryptedHTTP2(scheme == "http")
		defer transport.CloseIdleConnections()
		client := http.Client{Transport: transport, Timeout: patience}
		sent := strings.Repeat("x", 3<<20)
		response, err := client.Post(scheme+"://"+s.address, "text/plain", strings.NewReader(sent))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(got) != sent || response.Header.Get("Seen") != want {
			t.Errorf("%s: %d bytes, %v, %q", scheme, len(got), err, response.Header.Get("Seen"))
		}
		for _, name := range []string{"Keep-Alive", "Upgrade", "Proxy-Connection"} {
			if value := response.Header.Get(name); value != "" {
				t.Errorf("%s: the answer has %s: %s", scheme, name, value)
			}
		}
	}
}

// A client that speaks TLS chooses HTTP/2 or HTTP/1.1 as it likes.
func TestProtocolIsNegotiated(t *testing.T) {
	t.Parallel()
	s, config := secured(t, nil, patience)
	for offered, want := range map[string]string{"": "", "http/1.1": "http/1.1", "h2": "h2", "h2,http/1.1": "h2"} {
		config := config.Clone()
		config.NextProtos = strings.FieldsFunc(offered, func(c rune) bool { return c == ',' })
		connection, err := tls.Dial("tcp", s.address, config)
		if err != nil {
			t.Fatal(err)
		}
		if got := connection.ConnectionState().NegotiatedProtocol; got != want {
			t.Errorf("of %q the server chose %q", offered, got)
		}
		connection.Close()
	}
}

// A client that resets its requests at once has no more of them under way than one that does not, and is told to calm
// down (rapid reset, CVE-2023-44487).
func TestRapidReset(t *testing.T) {
	t.Parallel()
	var running, most atomic.Int32
	release := make(chan struct{})
	defer close(release)
	s := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		now := running.Add(1)
		defer running.Add(-1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		<-release // a handler that does not notice
	}))
	c := s.dial(t)
	go func() {
		attack := begin2()
		for stream := uint32(1); stream < 20_000; stream += 2 {
			attack = append(append(attack, get(stream, "/")...), reset(stream)...)
		}
		c.Write(attack) //nolint:errcheck // the server ends it
	}()
	for {
		f, err := readFrame(c.in)
		if err != nil {
			t.Fatalf("the connection ended without a reason: %v", err)
		}
		if f.kind == frameGoAway {
			if code := binary.BigEndian.Uint32(f.payload[4:]); code != enhanceYourCalm {
				t.Errorf("the reason is %d", code)
			}
			break
		}
	}
	if most.Load() > 100 {
		t.Errorf("%d requests ran at once", most.Load())
	}
}

// What a client may send before the server reads it is told it in the first frames.
func TestUnreadBodiesAreBounded(t *testing.T) {
	t.Parallel()
	c := start(t, nil).dial(t)
	if _, err := c.Write(begin2()); err != nil {
		t.Fatal(err)
	}
	told, more := map[uint16]uint32{}, uint32(0)
	for acknowledged := false; !acknowledged; {
		f, err := readFrame(c.in)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case f.kind == frameSettings && f.flags == ack:
			acknowledged = true
		case f.kind == frameSettings:
			for setting := f.payload; len(setting) >= 6; setting = setting[6:] {
				told[binary.BigEndian.Uint16(setting)] = binary.BigEndian.Uint32(setting[2:])
			}
		case f.kind == frameWindow:
			more += binary.BigEndian.Uint32(f.payload)
		}
	}
	const window = 64 << 10
	if told[maxStreams] != 100 || told[initialWindow] != window || more > 1 { // a connection begins with 65,535
		t.Errorf("settings %v, window of the connection larger by %d", told, more)
	}
}

// The bound of the headers is the same as in HTTP/1.
func TestHeadersOfHTTP2AreBounded(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for protocol, enable := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP/2.0": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		enable(transport.Protocols)
		defer transport.CloseIdleConnections()
		for size, want := range map[int]int{1000 << 10: http.StatusOK, 1100 << 10: http.StatusRequestHeaderFieldsTooLarge} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.address, nil)
			if err != nil {
				t.Fatal(err)
			}
			for range size / 1000 {
				request.Header.Add("X", strings.Repeat("x", 960))
			}
			response, err := transport.RoundTrip(request)
			if err != nil { // Go's client does not send what the server has said to be too large
				if want == http.StatusOK || !strings.Contains(err.Error(), "header list larger than peer's advertised limit") {
					t.Errorf("%s, %d bytes: %v", protocol, size, err)
				}
				continue
			}
			response.Body.Close()
			if response.StatusCode != want || response.Proto != protocol {
				t.Errorf("%s, %d bytes: %s %s", protocol, size, response.Proto, response.Status)
			}
		}
	}
}

// answering is a server with the handler over connections in memory, for tests that bring their own time.
func answering(handler http.HandlerFunc) (*pipes, *http.Server) {
	p := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
	web := &http.Server{Handler: handler, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	listener.Guard(web)
	go web.Serve(listener.New(p, listener.Config{Log: slog.New(slog.DiscardHandler)})) //nolint:errcheck // ends with the test
	return p, web
}

// The client reads all frames but never makes room for more of the answer: the handler does not wait for it longer than
// for one of HTTP/1.
func TestStalledStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failed := make(chan time.Duration, 1)
		p, web := answering(func(w http.ResponseWriter, _ *http.Request) {
			began := time.Now()
			for {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					failed <- time.Since(began)
					return
				}
			}
		})
		defer web.Close()
		client, server := net.Pipe()
		defer client.Close()
		p.accepted <- halfPipe{server}
		go io.Copy(io.Discard, client)                 //nolint:errcheck // ends with the test
		client.Write(append(begin2(), get(1, "/")...)) //nolint:errcheck // the handler runs or not
		if after := <-failed; after < 30*time.Second || after > 31*time.Second {
			t.Errorf("the write failed after %s", after)
		}
	})
}

// A handler that has nothing to say for long is not cut off.
func TestPauseOfStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, web := answering(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "before, ")                    //nolint:errcheck // the client sees
			w.(interface{ FlushError() error }).FlushError() //nolint:errcheck // the client sees
			time.Sleep(time.Hour)
			io.WriteString(w, "after") //nolint:errcheck // the client sees
		})
		defer web.Close()
		client, server := net.Pipe()
		defer client.Close()
		p.accepted <- halfPipe{server}
		go client.Write(append(begin2(), get(1, "/")...)) //nolint:errcheck // the answer counts
		var body bytes.Buffer
		for {
			f, err := readFrame(client)
			if err != nil {
				t.Fatalf("%v after %q", err, body.String())
			}
			if f.kind == frameData {
				body.Write(f.payload)
			}
			if f.stream == 1 && f.flags&endStream != 0 {
				break
			}
		}
		if body.String() != "before, after" {
			t.Errorf("the client read %q", body.String())
		}
	})
}
