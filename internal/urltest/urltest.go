// Package urltest is a function URL for tests of clients. It verifies signatures and refuses requests as Lambda does,
// and keeps the bytes it received. It runs no function and asks no policy: every caller with the key may call. Its test
// shows how to use it.
package urltest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/sigv4"
)

// The only key a Server accepts, and its region.
const (
	Region      = "eu-central-1"
	ID          = "abcdefghijklmnopqrstuvwxyz0abcde"
	AccessKeyID = "ASIAURLTEST000000000"
	Secret      = "secret+of/the+test/function+URL/00000000"
	Token       = "token+of/the+test/function+URL=="
)

// Server is a running function URL.
type Server struct {
	URL  string // host style, without a slash at the end
	Path string // the same function URL in path style
	// Now is the server's clock, read for each request.
	Now func() time.Time
	// Refuse, if it returns a body, answers a verified request with 403, that error type and that body.
	Refuse func(r *http.Request) (errorType, body string)

	verifier sigv4.Verifier
	handler  http.Handler
	mu       sync.Mutex
	raw      bytes.Buffer
}

// Start runs a function URL until the test ends. A nil handler sends the body of the request back.
func Start(t testing.TB, handler http.Handler) *Server {
	s, _ := start(t, handler, (*httptest.Server).Start, "http")
	return s
}

// StartTLS is Start with https. The certificate of httptest is for 127.0.0.1 and example.com, so use the path style.
func StartTLS(t testing.TB, handler http.Handler) (*Server, *httptest.Server) {
	return start(t, handler, (*httptest.Server).StartTLS, "https")
}

func start(
	t testing.TB, handler http.Handler, begin func(*httptest.Server), scheme string,
) (*Server, *httptest.Server) {
	if handler == nil {
		handler = http.HandlerFunc(echo)
	}
	s := &Server{handler: handler, Now: time.Now}
	s.verifier.Region, s.verifier.Service = Region, "lambda"
	s.verifier.Now = func() time.Time { return s.Now() }
	s.verifier.Lookup = func(_ context.Context, id string) (sigv4.Key, error) {
		if id != AccessKeyID {
			return sigv4.Key{}, sigv4.ErrUnknownKey
		}
		return sigv4.Key{Credentials: sigv4.Credentials{AccessKeyID: id, Secret: sigv4.NewSecret(Secret),
			SessionToken: Token}}, nil
	}
	server := httptest.NewUnstartedServer(s)
	server.Listener = recorder{server.Listener, s}
	t.Cleanup(server.Close)
	begin(server)
	address := server.Listener.Addr().String()
	s.URL = scheme + "://" + ID + ".lambda-url." + Region + ".localhost:" + strings.TrimPrefix(address, "127.0.0.1:")
	s.Path = scheme + "://" + address + furlproto.URLs + ID
	return s, server
}

// Config has the server's region and key.
func (s *Server) Config() aws.Config {
	return aws.Config{Region: Region, Credentials: s.Credentials()}
}

// Credentials are the server's key.
func (s *Server) Credentials() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: AccessKeyID, SecretAccessKey: Secret, SessionToken: Token}, nil
	})
}

// Lines returns the request lines received so far, without HTTP/1.1. A Server with TLS has none.
func (s *Server) Lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for line := range strings.Lines(s.raw.String()) {
		if text, ok := strings.CutSuffix(line, " HTTP/1.1\r\n"); ok {
			lines = append(lines, text)
		}
	}
	return lines
}

// Raw returns the bytes received so far, at most the first MiB.
func (s *Server) Raw() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.String()
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["x-amzn-RequestId"] = []string{"00000000-0000-4000-8000-000000000000"}
	if _, err := s.verifier.Verify(r); err != nil {
		s.refuse(w, err)
		return
	}
	if s.Refuse != nil {
		if errorType, body := s.Refuse(r); body != "" {
			writeRefusal(w, errorType, body)
			return
		}
	}
	s.handler.ServeHTTP(w, r)
}

// refuse answers as Lambda does, with the reason in Furl-Explain.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	var refusal *sigv4.Error
	if !errors.As(err, &refusal) {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set(furlproto.Explain, refusal.Error())
	switch refusal.Kind {
	case sigv4.MissingAuthentication:
		writeRefusal(w, "AccessDeniedException", `{"Message":"Forbidden"}`)
		return
	case sigv4.MalformedRequest:
		http.Error(w, refusal.Error(), http.StatusBadRequest)
		return
	case sigv4.BodyTooLarge:
		http.Error(w, refusal.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	message, _ := json.Marshal(map[string]string{"message": refusal.Message}) // a map of strings always has JSON
	writeRefusal(w, "InvalidSignatureException", string(message))
}

func writeRefusal(w http.ResponseWriter, errorType, body string) {
	w.Header()["x-amzn-ErrorType"] = []string{errorType}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	w.Write([]byte(body))
}

func echo(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	if _, err := body.ReadFrom(r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	w.Write(body.Bytes())
}

// recorder keeps what its connections read.
type recorder struct {
	net.Listener
	server *Server
}

func (l recorder) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &recorded{conn, l.server}, nil
}

type recorded struct {
	net.Conn
	server *Server
}

func (c *recorded) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	const enough = 1 << 20
	if c.server.raw.Len()+n <= enough {
		c.server.raw.Write(p[:n])
	}
	return n, err
}

// Targets returns request targets that are legal, or that servers accept, and that some clients change.
func Targets() []string {
	return []string{
		"/",
		"/a//b/../c?b=2&a=1&x=%2f&y=a+b&flag",
		"//", "///", "//a", "//a//b", "/a//", "//a|b?x=1", "//ü/x", "//a\"b/", "//h/?q", "//h?",
		"/.", "/./", "/a/.", "/a/./b", "/a/..", "/a/b/..", "/a/../b", "/a/b/../../c", "/...", "/a/.../b", "/.well-known/x",
		"/%2e%2e/a", "/a/%2E/b", "/a%2fb", "/a%2Fb", "/%41", "/%7e", "/~", "/%c3%bc", "/%C3%BC", "/ü", "/日本語/x?y=ü",
		"/a%20b", "/a+b", "/a%2Bb", "/a%25b", "/a%00b", "/a%ffb", "/a%3Ab%40c%5B1%5D%3F%3D",
		"/!$&'()*+,;=:@", "/a:b/c@d", "/a=b&c", "/a;b;c=1", "/[a]", "/{a}", "/a|b", "/a^b", "/a`b", "/a\"b", "/<a>", "/a\\b",
		"/?", "/??", "/?a", "/?a=", "/?=a", "/?=", "/?a&b", "/?b&a", "/?a=1&a=2", "/?a=2&a=1", "/?b=1&a=1",
		"/?a=1=2", "/?a==", "/?a=b+c", "/?a=b%20c", "/?a=b%2Bc", "/?a=b%3Dc%26d", "/?a=%28b%29%21%2A",
		"/?a=%2f", "/?a=%2F", "/?a=/b/c?d", "/?t=12:30",
		"/?a=1&&b=2", "/?&a=1", "/?a=1&", "/?a=1;b=2", "/?a[]=1&a[]=2", "/?q={\"a\":1}", "/?q=<a>", "/?q=a|b^c`d\\e",
		"/?q=ü", "/?ü=1", "/?q=%c3%bc", "/?q=%FF", "/?a-b=1&a=2", "/?A=1&a=2", "/?a=~-._", "/?a=!$'()*,;:@/?", "/?%61=1",
	}
}
