package cli_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/furl-dev/furl/internal/urltest"
	"github.com/furl-dev/furl/sigv4"
)

// echo is a server that says what it got, for the comparison of two programs: over HTTP, over TLS, as a proxy of both and
// as a SOCKS5 proxy. Its answers have nothing that changes from run to run.
type echo struct {
	plain, secure, proxy, socks string // addresses
	port, securePort            string // of plain and secure
	ca                          string // file of the certificate of secure

	mu  sync.Mutex
	log []string
}

func newEcho(t *testing.T) *echo {
	e := &echo{ca: filepath.Join(t.TempDir(), "ca.pem")}
	model := httptest.NewTLSServer(http.NotFoundHandler())
	certificate := model.TLS.Certificates
	block := &pem.Block{Type: "CERTIFICATE", Bytes: model.Certificate().Raw}
	model.Close()
	if err := os.WriteFile(e.ca, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	e.plain = e.serve(t, nil, e.answerAll)
	e.secure = e.serve(t, &tls.Config{Certificates: certificate}, e.answerAll)
	e.proxy = e.serve(t, nil, e.pass)
	e.socks = e.serve(t, nil, e.passSOCKS)
	_, e.port, _ = net.SplitHostPort(e.plain)
	_, e.securePort, _ = net.SplitHostPort(e.secure)
	return e
}

func (e *echo) serve(t *testing.T, config *tls.Config, handle func(net.Conn)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(t.Context(), func() { conn.Close() })
			conns.Go(func() {
				defer stop()
				defer conn.Close()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		conns.Wait()
	})
	return address
}

func (e *echo) record(text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.log = append(e.log, text)
}

// take returns what arrived since the last time.
func (e *echo) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer func() { e.log = nil }()
	return e.log
}

func (e *echo) answerAll(conn net.Conn) {
	r := bufio.NewReader(conn)
	for e.answer(conn, r) == nil {
	}
}

// answer reads one request and answers.
func (e *echo) answer(conn net.Conn, from *bufio.Reader) error {
	request, err := http.ReadRequest(from)
	if err != nil {
		return err
	}
	if request.Header.Get("Expect") != "" {
		io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return err
	}
	e.record(describe(request, body))
	_, err = conn.Write(e.response(request))
	return err
}

var (
	formBoundary = regexp.MustCompile(`boundary=("?)([^"\r\n]+)`)
	amzHeaders   = regexp.MustCompile(`(?m)^(X-Amz-|Content-Length: ).*\n`)
)

// describe writes a request without what two clients may choose by themselves. Of a signature it says whether it is good.
func describe(r *http.Request, body []byte) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s\nHost: %s\n", r.Method, r.RequestURI, r.Host)
	if strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-") {
		verifier := sigv4.Verifier{Region: urltest.Region, Service: "lambda", Lookup: func(_ context.Context, id string) (sigv4.Key, error) {
			return sigv4.Key{Credentials: sigv4.Credentials{
				AccessKeyID: id, Secret: sigv4.NewSecret(urltest.Secret), SessionToken: r.Header.Get("X-Amz-Security-Token"),
			}}, nil
		}}
		copied := r.Clone(r.Context())
		copied.Body = io.NopCloser(bytes.NewReader(body))
		verified, err := verifier.Verify(copied)
		fmt.Fprintf(&text, "Signed by %s: %v\n", verified.AccessKeyID, err)
		for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Content-Sha256"} {
			r.Header.Del(name)
		}
	}
	if agent := r.UserAgent(); strings.HasPrefix(agent, "curl/") || strings.HasPrefix(agent, "furl/") {
		r.Header.Set("User-Agent", "(its own)")
	}
	r.Header.Del("Expect")
	r.Header.Del("Proxy-Connection") // of curl, which is no header of HTTP/1.1
	if r.Header.Get("Accept-Encoding") != "" {
		r.Header.Set("Accept-Encoding", "(its own)")
	}
	var names []string
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&text, "%s: %s\n", name, strings.Join(r.Header[name], " | "))
	}
	fmt.Fprintf(&text, "\n%s", body)
	record := text.String()
	if m := formBoundary.FindStringSubmatch(r.Header.Get("Content-Type")); m != nil {
		record = amzHeaders.ReplaceAllString(strings.ReplaceAll(record, m[2], "BOUNDARY"), "")
	}
	return record
}

// response is the answer to a request, with headers in an order and a spelling that no library makes.
func (e *echo) response(r *http.Request) []byte {
	status, body := "200 OK", "answer to "+r.URL.Path+"\n"
	headers := []string{"zeta: 1", "ALPHA: 2"}
	to := func(code, location string) {
		status, headers = code+" Elsewhere", append(headers, "location: "+location)
	}
	switch path := r.URL.Path; path {
	case "/300", "/301", "/302", "/303", "/305", "/307", "/308":
		to(path[1:], "/end?from="+path[1:])
	case "/loop":
		to("302", "/loop")
	case "/elsewhere":
		to("302", "http://localhost:"+e.port+"/end")
	case "/cookies", "/302cookies":
		for _, cookie := range []string{
			"a=1", "bb=2; Path=/", "c=3; HttpOnly; path=/", "s=4; Secure; path=/x", "d=5; Domain=localhost", `q="x y"`, `j={"a":1}; path=/`, "e=; Max-Age=0",
			"  sp  =  v v; path=/ ", "u=6; Domain=example.com", "far=7; expires=Fri, 01 Jan 2038 00:00:00 GMT; path=/", "past=8; expires=Fri, 01 Jan 1999 00:00:00 GMT",
			"tail=9; path=/x/", "__Host-h=1; path=/", "__Secure-s=1", "noval", "=v", "empty=; path=/",
		} {
			if strings.HasPrefix(r.Host, "localhost") && strings.Contains(cookie, "Domain=localhost") {
				continue // curl sends it to the names below localhost, too
			}
			headers = append(headers, "Set-Cookie: "+cookie)
		}
		if path == "/302cookies" {
			to("302", "/end")
		}
	case "/unset":
		headers = append(headers, "set-cookie: bb=; Max-Age=0; path=/", "set-cookie: c=new; path=/")
	case "/named":
		headers = append(headers, `content-disposition: attachment; filename="../up/named.txt"`)
	case "/semicolon":
		headers = append(headers, `content-disposition: attachment; filename="a;b.txt"`)
	case "/secret":
		to("302", "http://me:sekret0123456789@127.0.0.1:1/?password=sekret0123456789")
		headers = append(headers, "x-auth-token: sekret0123456789", "www-authenticate: Basic realm=x")
	case "/unnamed":
		headers = append(headers, `content-disposition: attachment`)
	case "/404", "/500", "/403":
		status = path[1:] + " No"
	case "/204":
		status, body = "204 No Content", ""
	case "/empty":
		body = ""
	case "/long":
		body = strings.Repeat("0123456789", 500)
	case "/gzip":
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		io.WriteString(writer, "unpacked\n")
		writer.Close()
		body, headers = packed.String(), append(headers, "content-encoding: gzip")
	case "/range":
		if r.Header.Get("Range") == "bytes=2-4" {
			status, body, headers = "206 Partial Content", body[2:5], append(headers, "content-range: bytes 2-4/100")
		}
	case "/slow":
		return nil
	}
	if status != "204 No Content" {
		headers = append(headers, fmt.Sprintf("content-LENGTH: %d", len(body)))
	}
	if r.Method == http.MethodHead {
		body = ""
	}
	headers = append(headers, "beta: 3", "alpha: 4")
	return []byte("HTTP/1.1 " + status + "\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n" + body)
}

// pass is an HTTP proxy. It sends everything to the servers here, whatever its host.
func (e *echo) pass(conn net.Conn) {
	from := bufio.NewReader(conn)
	for {
		request, err := http.ReadRequest(from)
		if err != nil {
			return
		}
		if request.Method == http.MethodConnect {
			e.record("CONNECT " + request.RequestURI + " " + request.Header.Get("Proxy-Authorization"))
			if strings.HasPrefix(request.RequestURI, "refused.") {
				io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
				return
			}
			io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
			e.join(conn, from, request.RequestURI)
			return
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		e.record("PROXY " + describe(request, body))
		if _, err := conn.Write(e.response(request)); err != nil {
			return
		}
	}
}

// join connects a client to the server whose port it named.
func (e *echo) join(conn net.Conn, from io.Reader, target string) {
	address := e.plain
	if strings.HasSuffix(target, ":"+e.securePort) {
		address = e.secure
	}
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(server, from)
		server.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(conn, server)
	conn.Close()
	<-done
}

// passSOCKS is a SOCKS5 proxy (RFC 1928 and RFC 1929).
func (e *echo) passSOCKS(conn net.Conn) {
	from := bufio.NewReader(conn)
	read := func(n int) []byte {
		text := make([]byte, n)
		io.ReadFull(from, text)
		return text
	}
	methods := read(int(read(2)[1]))
	user := ""
	if slices.Contains(methods, 2) {
		conn.Write([]byte{5, 2})
		user = string(read(int(read(2)[1])))
		user += ":" + string(read(int(read(1)[0])))
		conn.Write([]byte{1, 0})
	} else {
		conn.Write([]byte{5, 0})
	}
	head := read(4)
	host := ""
	switch head[3] {
	case 1:
		host = net.IP(read(4)).String()
	case 3:
		host = string(read(int(read(1)[0])))
	case 4:
		host = net.IP(read(16)).String()
	}
	port := read(2)
	target := fmt.Sprintf("%s:%d", host, int(port[0])<<8|int(port[1]))
	e.record(fmt.Sprintf("SOCKS %s kind %d %s", target, head[3], user))
	conn.Write([]byte{5, 0, 0, 1, 127, 0, 0, 1, 0, 0})
	e.join(conn, from, target)
}
