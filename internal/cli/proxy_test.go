package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

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
		{[]string{server.URL, "--allow-origin", "x"}, 2, "is not an origin"},
		{[]string{server.URL, "--max-body", "0"}, 2, "positive"},
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
