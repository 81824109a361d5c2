//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/urltest"
)

// service is furl proxy with a configuration file, as a service manager starts it.
type service struct {
	command *exec.Cmd
	file    string
	address string // of the proxy, with its scheme
	admin   string
	told    *net.UnixConn // the service manager's end
	mu      sync.Mutex
	log     bytes.Buffer
	ended   chan error
}

// startService starts a proxy with the configuration; its addresses come first.
func startService(t *testing.T, config string, env ...string) *service {
	t.Helper()
	dir, err := os.MkdirTemp("", "furl-") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &service{file: filepath.Join(dir, "proxy.toml"), ended: make(chan error, 1)}
	s.configure(t, config)
	socket := filepath.Join(dir, "notify")
	if s.told, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.told.Close() })
	s.command = exec.Command("furl", "proxy", "--config", s.file)
	s.command.Env = append(os.Environ(), "NOTIFY_SOCKET="+socket, "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_ACCESS_KEY_ID="+urltest.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+urltest.Secret,
		"AWS_SESSION_TOKEN="+urltest.Token, "AWS_REGION="+urltest.Region)
	s.command.Env = append(s.command.Env, env...)
	said, err := s.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.command.Process.Kill()
		<-s.ended
		if t.Failed() {
			t.Logf("the proxy said:\n%s", s.said())
		}
	})
	found := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(said)
		for n := 0; lines.Scan(); {
			line := lines.Text()
			s.mu.Lock()
			fmt.Fprintln(&s.log, line)
			s.mu.Unlock()
			if address, ok := strings.CutPrefix(line, "furl: listening on "); ok {
				s.address, n = address, n+1
			} else if address, ok := strings.CutPrefix(line, "furl: health and metrics on "); ok {
				s.admin, n = address, n+1
			}
			if n == 2 {
				close(found)
				n++
			}
		}
		s.ended <- s.command.Wait()
		close(s.ended)
	}()
	select {
	case <-found:
	case <-time.After(30 * time.Second):
		t.Fatalf("the proxy does not listen: %s", s.said())
	}
	return s
}

func (s *service) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// says waits until the proxy says something more than it had said before.
func (s *service) says(t *testing.T, before int, want string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if strings.Contains(s.said()[before:], want) {
			return
		}
	}
	t.Errorf("the proxy does not say %s", want)
}

// configure writes the file as programs do that replace one.
func (s *service) configure(t *testing.T, config string) {
	t.Helper()
	text := "listen = '127.0.0.1:0'\nadmin = '127.0.0.1:0'\ndrain-timeout = '1m'\n" + config
	if err := errors.Join(os.WriteFile(s.file+".new", []byte(text), 0o600), os.Rename(s.file+".new", s.file)); err != nil {
		t.Fatal(err)
	}
}

func (s *service) signal(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := s.command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// states are what the service manager is told next.
func (s *service) states(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for range want {
		message := make([]byte, 100)
		s.told.SetReadDeadline(time.Now().Add(30 * time.Second))
		n, err := s.told.Read(message)
		if err != nil {
			t.Fatalf("told %q, then %v; want %q", got, err, want)
		}
		got = append(got, string(message[:n]))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +told)\n%s", diff)
	}
}

// fetch returns the status and the body of an answer.
func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(text))
}

// line is the log line with a message.
func (s *service) line(t *testing.T, message string) map[string]any {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		for text := range strings.Lines(s.said()) {
			var line map[string]any
			if json.Unmarshal([]byte(text), &line) == nil && line["msg"] == message {
				return line
			}
		}
	}
	t.Fatalf("no line %q in\n%s", message, s.said())
	return nil
}

func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, name) })
}

// SIGHUP reads the file again. One that cannot be used changes nothing, and the log says where it is wrong.
func TestServiceReloads(t *testing.T) {
	a, b := urltest.Start(t, named("a")), urltest.Start(t, named("b"))
	route := func(to *urltest.Server) string { return "[[routes]]\npath = '/x'\nupstream = '" + to.URL + "'\n" }
	s := startService(t, route(a))
	s.states(t, "READY=1")
	if status, text := fetch(t, s.address+"/x"); status != 200 || text != "a" {
		t.Errorf("at first %d %s", status, text)
	}
	s.configure(t, route(b))
	s.signal(t, syscall.SIGHUP)
	s.states(t, "RELOADING=1", "READY=1")
	if status, text := fetch(t, s.address+"/x"); status != 200 || text != "b" {
		t.Errorf("after a reload %d %s", status, text)
	}
	for config, want := range map[string]string{
		route(a) + "rat = 1\n":                                 s.file + ":7: there is no setting rat; did you mean rate?",
		route(a) + route(a):                                    s.file + ":7: two routes for /x",
		route(a) + "profile = 'nobody'\n":                      s.file + `:4: the AWS configuration has no profile "nobody"`,
		route(a) + "env-prefix = 'NONE_'\n":                    s.file + ":4: env-prefix: $NONE_AWS_ACCESS_KEY_ID",
		"[[routes]]\nupstream = 'a b'\npath='/x'\n":            s.file + ":4: ",
		"tls-cert = 'absent'\ntls-key = 'absent'\n" + route(a): s.file + ":4: tls-cert: stat ",
		"upstream = 'a b'\n" + route(a):                        s.file + ":4: \"a b\" is neither",
		"max-body = \n" + route(a):                             s.file + ":4",
		"max-concurrent = 0\n" + route(a):                      s.file + ":4: max-concurrent: it must be positive",
	} {
		before := len(s.said())
		s.configure(t, config)
		s.signal(t, syscall.SIGHUP)
		s.states(t, "RELOADING=1", "READY=1")
		s.says(t, before, `"level":"ERROR"`)
		s.says(t, before, strings.ReplaceAll(want, `"`, `\"`))
		if status, text := fetch(t, s.address+"/x"); status != 200 || text != "b" {
			t.Errorf("%q: %d %s", config, status, text)
		}
	}
	if status, text := fetch(t, s.admin+"/readyz"); status != 200 {
		t.Errorf("ready: %d %s", status, text)
	}
	before := len(s.said())
	moved := "admin = '127.0.0.1:0'\nlisten = '127.0.0.1:1'\n" + route(a)
	if err := os.WriteFile(s.file, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	s.signal(t, syscall.SIGHUP)
	s.states(t, "RELOADING=1", "READY=1")
	s.says(t, before, `"`+s.file+":2: listen: it stays")
	s.signal(t, syscall.SIGTERM)
	s.states(t, "STOPPING=1")
	if err := <-s.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

// Credentials that a file names are read again: here a profile whose key was changed.
func TestServiceReloadsCredentials(t *testing.T) {
	a := urltest.Start(t, named("a"))
	keys := filepath.Join(t.TempDir(), "credentials")
	write := func(secret string) {
		text := fmt.Sprintf("[orders]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n", urltest.AccessKeyID, secret, urltest.Token)
		if err := os.WriteFile(keys, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("wrong")
	s := startService(t, "[[routes]]\nprofile = 'orders'\nupstream = '"+a.URL+"'\n", "AWS_SHARED_CREDENTIALS_FILE="+keys)
	s.states(t, "READY=1")
	if status, text := fetch(t, s.address); status != 403 {
		t.Errorf("with a wrong secret: %d %s", status, text)
	}
	write(urltest.Secret)
	s.signal(t, syscall.SIGHUP)
	s.states(t, "RELOADING=1", "READY=1")
	if status, text := fetch(t, s.address); status != 200 {
		t.Errorf("after a reload: %d %s", status, text)
	}
}

// The first signal lets a stream finish, while the proxy is alive, not ready, and takes no more. The second ends it.
func TestServiceDrains(t *testing.T) {
	for _, twice := range []bool{false, true} {
		t.Run(fmt.Sprintf("twice=%v", twice), func(t *testing.T) {
			begun, next := make(chan struct{}), make(chan struct{})
			a := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "one ")
				w.(http.Flusher).Flush()
				close(begun)
				select {
				case <-next:
				case <-r.Context().Done():
				}
				io.WriteString(w, "two")
			}))
			s := startService(t, "upstream = '"+a.URL+"'\n")
			s.states(t, "READY=1")
			stream, err := http.Get(s.address)
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Body.Close()
			<-begun
			s.signal(t, syscall.SIGTERM)
			s.states(t, "STOPPING=1")
			s.line(t, "draining")
			if status, text := fetch(t, s.admin+"/readyz"); status != 503 || text != "draining" {
				t.Errorf("ready: %d %s", status, text)
			}
			if status, _ := fetch(t, s.admin+"/healthz"); status != 200 {
				t.Errorf("health: %d", status)
			}
			if twice {
				s.signal(t, syscall.SIGTERM)
				if text, err := io.ReadAll(stream.Body); err == nil {
					t.Errorf("after the second signal the stream ended with %q", text)
				}
			} else {
				close(next)
				if text, err := io.ReadAll(stream.Body); string(text) != "one two" || err != nil {
					t.Errorf("the stream was %q, %v", text, err)
				}
			}
			if err := <-s.ended; err != nil {
				t.Errorf("ended with %v", err)
			}
		})
	}
}
