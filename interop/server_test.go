//go:build unix

package interop_test

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/furl-dev/furl/internal/trash"
)

// server is a running `furl serve`.
type server struct {
	t       *testing.T
	flags   []string // of furl serve
	data    string
	home    string // of the clients, empty
	log     string // file
	process *exec.Cmd
	ended   chan struct{}
	vars    map[string]string // of furl env
	patient bool              // calls that are throttled are made again
}

// startServer starts a server on a free port. It is stopped when the test ends.
func startServer(t *testing.T, flags ...string) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{t: t, flags: flags, data: filepath.Join(dir, "data"), home: filepath.Join(dir, "home"), log: filepath.Join(dir, "log")}
	if err := os.Mkdir(s.home, 0o700); err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(func() {
		s.stop(syscall.SIGTERM)
		if t.Failed() {
			s.showLog()
		}
		bin := trash.Bin{Dir: dir} // t.TempDir cannot remove packages, which are read-only
		if err := bin.Remove(context.Background(), filepath.Base(s.data)); err != nil {
			t.Error(err)
		}
	})
	return s
}

// start starts the server process on its data directory and waits until it accepts calls.
func (s *server) start() {
	s.t.Helper()
	program := must(s.t, buildFurl)
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	flags := []string{"serve", "--data", s.data, "--listen", "127.0.0.1:0", "--region", region, "--account", account, "--oidc-private-addresses"}
	s.process = exec.Command(program, append(flags, s.flags...)...)
	s.process.Env = baseEnv(s.home)
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ended = make(chan struct{})
	go func(process *exec.Cmd, ended chan struct{}) {
		process.Wait() //nolint:errcheck // how it ends does not matter, only that it has
		close(ended)
	}(s.process, s.ended)

	const patience = 20 * time.Second
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if s.healthy() {
			return
		}
		select {
		case <-s.ended:
			s.showLog()
			s.t.Fatal("the server ended when it should have started")
		default:
		}
		if time.Now().After(deadline) {
			s.showLog()
			s.t.Fatalf("the server is not healthy after %s", patience)
		}
	}
}

// healthy reports whether furl env knows the server, and the server is well.
func (s *server) healthy() bool {
	// The file is what `furl env` reads; a server that was killed leaves the one of its own time behind.
	running, err := os.ReadFile(filepath.Join(s.data, "server.json"))
	if err != nil {
		return false
	}
	if info := decode[struct{ PID int }](s.t, string(running)); info.PID != s.process.Process.Pid {
		return false
	}
	var ok bool
	if s.vars, ok = s.variables(account); !ok {
		return false
	}
	response, err := http.Get(strings.Replace(s.endpoint(), "https://", "http://", 1) + "/_furl/health") // it answers both
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// variables are what furl env prints for an account, with the root keys or those that the flags name.
func (s *server) variables(account string, flags ...string) (map[string]string, bool) {
	if flags == nil {
		flags = []string{"--root"}
	}
	command := append([]string{"env", "--data", s.data, "--account", account, "--json"}, flags...)
	env := run(s.t, baseEnv(s.home), nil, must(s.t, buildFurl), command...)
	if env.code != 0 {
		return nil, false
	}
	return decode[map[string]string](s.t, env.stdout), true
}

// in is the same server for clients with the root keys of another of its accounts.
func (s *server) in(t *testing.T, account string) *server {
	t.Helper()
	other := *s
	var ok bool
	if other.vars, ok = s.variables(account); !ok {
		t.Fatalf("furl env does not know account %s", account)
	}
	return &other
}

// as is the same server for clients with the credentials that the AWS CLI has printed: an access key, or those of a
// session.
func (s *server) as(t *testing.T, printed string) *server {
	t.Helper()
	type keys struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	answer := decode[struct{ AccessKey, Credentials keys }](t, printed)
	k := cmp.Or(answer.Credentials, answer.AccessKey)
	other := *s
	other.vars = maps.Clone(s.vars)
	other.vars["AWS_ACCESS_KEY_ID"], other.vars["AWS_SECRET_ACCESS_KEY"] = k.AccessKeyID, k.SecretAccessKey
	other.vars["AWS_SESSION_TOKEN"] = k.SessionToken
	return &other
}

// asNobody is the same server for clients without credentials.
func (s *server) asNobody() *server {
	other := *s
	other.vars = maps.Clone(s.vars)
	maps.DeleteFunc(other.vars, func(name, _ string) bool {
		return name == "AWS_ACCESS_KEY_ID" || name == "AWS_SECRET_ACCESS_KEY" || name == "AWS_SESSION_TOKEN"
	})
	return &other
}

// stop sends the signal, and SIGKILL if that does not end the server.
func (s *server) stop(signal os.Signal) {
	s.process.Process.Signal(signal) //nolint:errcheck // it may have ended
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		s.process.Process.Kill() //nolint:errcheck // as above
		<-s.ended
		s.t.Errorf("the server did not end on %s", signal)
	}
}

// showLog shows the end of the server's log.
func (s *server) showLog() {
	text, err := os.ReadFile(s.log)
	if err != nil {
		s.t.Log(err)
		return
	}
	const enough = 8 << 10
	s.t.Logf("the end of the server's log:\n%s", text[max(0, len(text)-enough):])
}

func (s *server) endpoint() string { return s.vars["AWS_ENDPOINT_URL"] }

// env is the environment of a client: what `furl env` prints, and nothing else that concerns AWS.
func (s *server) env() []string {
	env := baseEnv(s.home)
	for name, value := range s.vars {
		env = append(env, name+"="+value)
	}
	return env
}

// config is the same for the AWS SDK for Go.
func (s *server) config() aws.Config {
	return aws.Config{
		Region:       s.vars["AWS_REGION"],
		BaseEndpoint: aws.String(s.endpoint()),
		Credentials:  credentials.NewStaticCredentialsProvider(s.vars["AWS_ACCESS_KEY_ID"], s.vars["AWS_SECRET_ACCESS_KEY"], s.vars["AWS_SESSION_TOKEN"]),
	}
}

// explain is what `furl explain` prints about a request.
func (s *server) explain(t *testing.T, requestID string) string {
	t.Helper()
	explained := run(t, s.env(), nil, must(t, buildFurl), "explain", requestID, "--data", s.data)
	if explained.code != 0 {
		t.Fatalf("furl explain %s: exit %d: %s", requestID, explained.code, explained.stderr)
	}
	return explained.stdout
}

// shell runs a command line as it would be typed. It must succeed; its output is returned without the last newline.
func (s *server) shell(t *testing.T, command string, env ...string) string {
	t.Helper()
	done := s.tryShell(t, command, env...)
	if done.code != 0 {
		t.Fatalf("%s\nexit %d: %s", command, done.code, done.stderr)
	}
	return strings.TrimRight(done.stdout, "\n")
}

// tryShell is shell for a command that may fail. `aws` is the AWS CLI that install.sh has installed.
func (s *server) tryShell(t *testing.T, command string, env ...string) result {
	t.Helper()
	all := append(s.env(), "PATH="+installed(t, "python", "bin")+":"+os.Getenv("PATH"))
	return run(t, append(all, env...), nil, "sh", "-c", command)
}
