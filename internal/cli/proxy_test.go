package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/cli"
	"github.com/furl-dev/furl/internal/urltest"
)

// output is a buffer for two goroutines.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// startProxy runs furl proxy with --print-env until the test ends, and returns the variables printed and what it says
// on the standard error.
func startProxy(t *testing.T, args ...string) (map[string]string, *output) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	said := &output{}
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, context.Background(), append([]string{"proxy", "--print-env"}, args...), os.Getenv, cli.Streams{Out: write, Err: said})
		write.Close()
	}()
	t.Cleanup(func() {
		cancel()
		go io.Copy(io.Discard, read)
		select {
		case code := <-ended:
			if code != 0 {
				t.Errorf("the proxy ended with exit status %d: %s", code, said)
			}
		case <-time.After(10 * time.Second):
			t.Error("the proxy does not end")
		}
	})
	variables := map[string]string{}
	for lines := bufio.NewScanner(read); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") { // the last one
			variables["#"] = line
			return variables, said
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !ok {
			t.Fatalf("printed %q", line)
		}
		variables[name] = strings.Trim(value, "'")
	}
	t.Fatalf("the proxy ended: %s", said)
	return nil, nil
}

func TestProxy(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	t.Setenv("FURL_PROXY_TOKEN", "")
	variables, said := startProxy(t, server.URL, "--listen", "127.0.0.1:0", "--token", "--route", "/path="+server.Path, "--forward-authorization")
	base := variables["FURL_PROXY_URL"]
	if variables["OPENAI_BASE_URL"] != base+"/v1" || variables["OPENAI_API_KEY"] != variables["FURL_PROXY_TOKEN"] || !strings.Contains(variables["#"], base) {
		t.Errorf("variables %v", variables)
	}
	for target, token := range map[string]string{"/a//b?c=%2f": variables["FURL_PROXY_TOKEN"], "/path/x": variables["FURL_PROXY_TOKEN"], "/": "wrong"} {
		r, err := http.NewRequest(http.MethodPost, base+target, strings.NewReader("body\n"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if want := map[bool]int{true: 200, false: 401}[token != "wrong"]; resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", target, resp.Status, want)
		}
	}
	lines := strings.Join(server.Lines(), "\n")
	for _, want := range []string{"POST /a//b?c=%2f", "POST /_furl/url/" + urltest.ID + "/x"} {
		if !strings.Contains(lines, want) {
			t.Errorf("received %s, want %s", lines, want)
		}
	}
	if text := said.String(); !strings.Contains(text, "furl: listening on "+base) || !strings.Contains(text, "furl: the token is "+variables["FURL_PROXY_TOKEN"]) {
		t.Errorf("said %s", text)
	}
	if strings.Contains(said.String(), urltest.Secret) || strings.Contains(said.String(), urltest.Token) {
		t.Error("said a secret")
	}
}

func TestProxyTokenOfTheEnvironment(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	t.Setenv("FURL_PROXY_TOKEN", "mine")
	variables, said := startProxy(t, server.URL, "--listen", "0.0.0.0:0", "--token")
	if variables["FURL_PROXY_TOKEN"] != "mine" || strings.Contains(said.String(), "mine") || !strings.HasPrefix(variables["FURL_PROXY_URL"], "http://127.0.0.1:") {
		t.Errorf("variables %v, said %s", variables, said)
	}
}

func TestProxyUsage(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "name a function URL"},
		{[]string{server.URL, "--listen", "8080"}, 2, "is not HOST:PORT"},
		{[]string{server.URL, "--listen", "0.0.0.0:0"}, 2, "say --token, or --open"},
		{[]string{server.URL, "--listen", ":0"}, 2, "say --token, or --open"},
		{[]string{server.URL, "--open"}, 2, "say --listen too"},
		{[]string{server.URL, "--route", "nonsense"}, 2, "is not PATH=URL"},
		{[]string{server.URL, "--route", "/=" + server.URL}, 2, "two routes for /"},
		{[]string{server.URL + "/?x"}, 2, "query would be lost"},
		{[]string{server.URL, "--allow-origin", "x"}, 2, `--allow-origin: "x" is not an origin`},
		{[]string{server.URL, "--allow-host", "a b"}, 2, `--allow-host: "a b" is not a host name`},
		{[]string{server.URL, "--max-body", "0"}, 2, "--max-body: it must be positive"},
		{[]string{server.URL, "--admin", "0.0.0.0:0"}, 2, "say --admin-open"},
		{[]string{server.URL, "--admin", "nowhere"}, 2, "neither HOST:PORT nor off"},
		{[]string{server.URL, "--tls-cert", "x"}, 2, "say both --tls-cert and --tls-key"},
		{[]string{server.URL, "--tls-cert", "/absent", "--tls-key", "/absent"}, 2, "/absent"},
		{[]string{server.URL, "--client-ca", "x"}, 2, "--client-ca: clients show certificates over TLS only: say --tls-cert"},
		{[]string{server.URL, "--rate", "-1"}, 2, "--rate: it is a number"},
		{[]string{server.URL, "--burst", "3"}, 2, "say --rate too"},
		{[]string{server.URL, "--timeout", "30ns"}, 2, "--timeout: 30ns is no such time"},
		{[]string{server.URL, "--retries", "100"}, 2, "--retries: it must be from 0 to 10"},
		{[]string{server.URL, "--token-file", "x"}, 2, "say --token too"},
		{[]string{server.URL, "--token", "--token-file", "/absent/token"}, 2, "/absent/token"},
		{[]string{"--config", "/absent/proxy.toml"}, 2, "/absent/proxy.toml"},
		{[]string{"--config", ""}, 2, "--config is empty"},
		{[]string{"--check"}, 2, "name a function URL"},
		{[]string{server.URL, "--check", "--profile", "nobody"}, 6, `no profile "nobody"`},
		{[]string{server.URL, "--log-level", "loud"}, 2, "log-level"},
		{[]string{server.URL, "--listen", strings.TrimPrefix(server.Path, "http://")[:strings.Index(strings.TrimPrefix(server.Path, "http://"), "/")]}, 1, "choose another address"},
		{[]string{"a b"}, 2, "neither a URL"},
	} {
		if code, _, stderr := run(t, nil, append([]string{"proxy"}, test.args...)...); code != test.code || !strings.Contains(stderr, test.says) {
			t.Errorf("%q: exit status %d, %s; want %d and %q", test.args, code, stderr, test.code, test.says)
		}
	}
	t.Setenv("FURL_PROXY_TOKEN", "a\nb")
	if code, _, stderr := run(t, nil, "proxy", server.URL, "--token"); code != 2 || !strings.Contains(stderr, "FURL_PROXY_TOKEN") {
		t.Errorf("exit status %d, %s", code, stderr)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	if code, _, stderr := run(t, nil, "proxy", server.URL); code != 6 || !strings.Contains(stderr, "furl: hint: aws configure") {
		t.Errorf("exit status %d, %s", code, stderr)
	}
}

// configFile writes a configuration file and returns its path.
func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "proxy.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// --check prints what would be served, without secrets, and asks nobody: neither for the URL of a function nor for
// credentials.
func TestProxyCheck(t *testing.T) {
	environment(t)
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("ORDERS_AWS_ACCESS_KEY_ID", "AKIAORDERS")
	t.Setenv("ORDERS_AWS_SECRET_ACCESS_KEY", "hidden")
	t.Setenv("FURL_PROXY_TOKEN", "hidden")
	path := configFile(t, `
listen = "127.0.0.1:0"
token = true
max-body = 1000
[[routes]]
path = "/orders"
upstream = "my-orders"
env-prefix = "ORDERS_"
[[routes]]
host = "api.example"
upstream = "https://users.example"
region = "eu-west-1"
sign-host = "abcdefghijklmnopqrstuvwxyz0abcde.lambda-url.eu-west-1.on.aws"
retries = 2
`)
	code, stdout, stderr := run(t, nil, "proxy", "--config", path, "--check", "--timeout", "5s")
	if code != 0 || strings.Contains(stdout+stderr, "hidden") {
		t.Fatalf("exit status %d, %s%s", code, stdout, stderr)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	limits := func(retries float64) map[string]any {
		all := map[string]any{"maxBody": 1000.0, "timeout": "5s", "retryBudget": 0.2, "breakerTimeout": "10s"}
		if retries > 0 {
			all["retries"] = retries
		}
		return all
	}
	want := map[string]any{
		"listen": "127.0.0.1:0", "admin": "127.0.0.1:8081", "token": true, "maxConcurrent": 1024.0, "drainTimeout": "10s",
		"routes": []any{
			map[string]any{
				"route": "/orders", "upstream": "my-orders", "credentials": "$ORDERS_AWS_ACCESS_KEY_ID", "limits": limits(0),
			},
			map[string]any{
				"route": "api.example/", "upstream": "https://users.example", "credentials": "default", "region": "eu-west-1",
				"signHost": "abcdefghijklmnopqrstuvwxyz0abcde.lambda-url.eu-west-1.on.aws", "limits": limits(2),
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Routes of a file use the credentials that they name, and flags outrank the file.
func TestProxyConfig(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	for _, name := range []string{"ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"} {
		t.Setenv("GOOD_AWS_"+name, os.Getenv("AWS_"+name))
	}
	t.Setenv("BAD_AWS_ACCESS_KEY_ID", urltest.AccessKeyID)
	t.Setenv("BAD_AWS_SECRET_ACCESS_KEY", "wrong")
	path := configFile(t, "listen = '127.0.0.1:1'\nadmin = 'off'\nmax-body = 1\n"+
		"[[routes]]\npath = '/good'\nenv-prefix = 'GOOD_'\nupstream = '"+server.URL+"'\n"+
		"[[routes]]\npath = '/bad'\nenv-prefix = 'BAD_'\nupstream = '"+server.URL+"'\n")
	variables, said := startProxy(t, "--config", path, "--listen", "127.0.0.1:0", "--max-body", "4", "--route", "/flag="+server.URL)
	for target, want := range map[string]int{"/good/x": 200, "/bad/x": 403, "/flag/x": 200, "/x": 404} {
		resp, err := http.Post(variables["FURL_PROXY_URL"]+target, "text/plain", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d; said %s", target, resp.Status, want, said)
		}
	}
}

func TestProxyTokenOfAFile(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("of-the-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	variables, said := startProxy(t, server.URL, "--listen", "127.0.0.1:0", "--token", "--token-file", token)
	if variables["FURL_PROXY_TOKEN"] != "of-the-file" || strings.Contains(said.String(), "of-the-file") {
		t.Errorf("variables %v, said %s", variables, said)
	}
}
