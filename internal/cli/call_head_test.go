package cli_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// rawServer answers each request with the bytes of an answer, one connection after the other, and closes.
func rawServer(t *testing.T, config *tls.Config, answer string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = listener.Addr().String()
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				io.WriteString(conn, answer)
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return address
}

// serverTLS is a certificate that nobody trusts.
func serverTLS(t *testing.T) *tls.Config {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	return &tls.Config{Certificates: server.TLS.Certificates}
}

func TestCallPrintsHeadsAsReceived(t *testing.T) {
	environment(t)
	long := strings.Repeat("x", 80<<10)
	for name, test := range map[string]struct{ head, body, sent string }{
		"order, spelling, repetition": {"HTTP/1.1 200 Fine\r\nx-b: 2\r\nX-A:1\r\nCONNECTION: close\r\nx-B:   3  \r\n\r\n", "body", ""},
		"chunked":                     {"HTTP/1.1 200 OK\r\ntransfer-Encoding: chunked\r\nA: 1\r\n\r\n", "body", "4\r\nbody\r\n0\r\n\r\n"},
		"informational":               {"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nz: 1\r\na: 2\r\ncontent-length: 4\r\n\r\n", "body", ""},
		"bare line ends":              {"HTTP/1.1 200 OK\nz: 1\na: 2\ncontent-length: 4\n\n", "body", ""},
		"a long header":               {"HTTP/1.1 200 OK\r\nz: " + long + "\r\na: 2\r\ncontent-length: 4\r\n\r\n", "body", ""},
		"no reason":                   {"HTTP/1.1 200\r\nz: 1\r\na: 2\r\ncontent-length: 4\r\n\r\n", "body", ""},
		"a body like a head":          {"HTTP/1.1 200 OK\r\nz: 1\r\na: 2\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", ""},
	} {
		if test.sent == "" {
			test.sent = test.body
		}
		for _, scheme := range []string{"http", "https"} {
			var config *tls.Config
			if scheme == "https" {
				config = serverTLS(t)
			}
			url := scheme + "://" + rawServer(t, config, test.head+test.sent) + "/"
			code, stdout, stderr := run(t, nil, "call", "-k", "-i", url, "--region", "eu-central-1")
			if code != 0 || stdout != test.head+test.body {
				t.Errorf("%s, %s: exit status %d, printed %.300q, want %.300q; %s", name, scheme, code, stdout, test.head+test.body, stderr)
			}
			_, _, stderr = run(t, nil, "call", "-k", "-v", url, "--region", "eu-central-1")
			line := "< " + strings.ReplaceAll(strings.ReplaceAll(strings.TrimRight(test.head, "\r\n"), "\r", ""), "\n", "\n< ") + "\n"
			if !strings.Contains(stderr, line) {
				t.Errorf("%s, %s: -v does not print %.300q:\n%.900s", name, scheme, line, stderr)
			}
		}
	}
}
