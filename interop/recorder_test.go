//go:build unix

package interop_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// received is a request as it stood on the wire.
type received struct {
	Method  string      `json:"method"`
	Target  string      `json:"target"`
	Headers [][2]string `json:"headers"`
	Body    []byte      `json:"body"`
}

func (r received) header(name string) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

// recorder passes connections on to a server and keeps the requests. It reads them itself: net/http would show a
// target as it understands it.
type recorder struct {
	t        *testing.T
	upstream string
	listener net.Listener
	running  sync.WaitGroup

	mu       sync.Mutex
	requests []received
	open     []net.Conn
}

// startRecorder listens in front of the server at the address, until the test ends.
func startRecorder(t *testing.T, upstream string) *recorder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{t: t, upstream: upstream, listener: listener}
	r.running.Go(r.accept)
	t.Cleanup(func() {
		listener.Close()
		r.mu.Lock()
		for _, conn := range r.open {
			conn.Close()
		}
		r.mu.Unlock()
		r.running.Wait()
	})
	return r
}

// all is what has been received so far.
func (r *recorder) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

func (r *recorder) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return // the test has ended
		}
		server, err := net.Dial("tcp", r.upstream)
		if err != nil {
			r.t.Error(err)
			client.Close()
			continue
		}
		r.mu.Lock()
		r.open = append(r.open, client, server)
		r.mu.Unlock()
		r.running.Go(func() { r.pass(client, server) })
		r.running.Go(func() {
			io.Copy(client, server) //nolint:errcheck // whose end a client notices
			client.Close()
		})
	}
}

// pass passes requests on, one after another, until the client has no more.
func (r *recorder) pass(client io.Reader, server net.Conn) {
	defer server.Close()
	var wire bytes.Buffer
	in := bufio.NewReader(io.TeeReader(client, &wire))
	for {
		request, err := readRequest(in)
		switch {
		case errors.Is(err, io.EOF), errors.As(err, new(*net.OpError)):
			return // the client has gone
		case err != nil:
			r.t.Error(err)
			return
		}
		r.mu.Lock()
		r.requests = append(r.requests, request)
		r.mu.Unlock()
		if in.Buffered() > 0 {
			r.t.Errorf("%s %s: more follows before there is an answer", request.Method, request.Target)
		}
		if _, err := wire.WriteTo(server); err != nil {
			return
		}
	}
}

// readRequest reads a request (RFC 9112) without understanding more of it than where it ends.
func readRequest(in *bufio.Reader) (received, error) {
	r := received{Body: []byte{}}
	line, err := readLine(in)
	if err != nil {
		return r, err
	}
	words := strings.Split(line, " ")
	if len(words) != 3 || words[2] != "HTTP/1.1" {
		return r, fmt.Errorf("the request line is %q", line)
	}
	r.Method, r.Target = words[0], words[1]
	for {
		if line, err = readLine(in); err != nil {
			return r, err
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			return r, fmt.Errorf("%s: header %q", r.Target, line)
		}
		r.Headers = append(r.Headers, [2]string{name, value})
	}
	if r.header("Transfer-Encoding") != "" {
		return r, fmt.Errorf("%s: the body has no length", r.Target)
	}
	if length := r.header("Content-Length"); length != "" {
		size, err := strconv.Atoi(length)
		if err != nil {
			return r, err
		}
		r.Body = make([]byte, size)
		if _, err := io.ReadFull(in, r.Body); err != nil {
			return r, err
		}
	}
	return r, nil
}

func readLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return "", err
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok {
		return "", fmt.Errorf("line %q does not end with CRLF", line)
	}
	return text, nil
}
