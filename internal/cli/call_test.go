package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/cli"
	"github.com/furl-dev/furl/internal/urltest"
)

// environment gives the test the key of the function URL, and nothing of the machine's own configuration.
func environment(t *testing.T) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", urltest.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", urltest.Secret)
	t.Setenv("AWS_SESSION_TOKEN", urltest.Token)
	t.Setenv("AWS_REGION", urltest.Region)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{"AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "HTTPS_PROXY", "https_proxy"} {
		t.Setenv(name, "")
	}
}

// run runs a command line and returns exit code and outputs.
func run(t *testing.T, stdin io.Reader, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = cli.Run(t.Context(), context.Background(), args, os.Getenv, cli.Streams{In: stdin, Out: &out, Err: &err})
	return code, out.String(), err.String()
}

// received are the requests that a server got, without what differs by design: the signature, the user agent, and the
// multipart boundary.
type received struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string
}

func (s *received) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.requests
	s.requests = nil
	return taken
}

var boundary = regexp.MustCompile(`boundary=("?)([^"\r\n]+)`)

func newReceived(t *testing.T) *received {
	s := &received{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var text strings.Builder
		fmt.Fprintf(&text, "%s %s\n", r.Method, r.RequestURI)
		names := []string{}
		for name := range r.Header {
			switch name {
			case "Authorization", "X-Amz-Date", "X-Amz-Security-Token", "User-Agent", "Expect":
			default:
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(&text, "%s: %s\n", name, strings.Join(r.Header[name], "|"))
		}
		fmt.Fprintf(&text, "Host: %s\n\n%s", r.Host, body)
		record := text.String()
		if m := boundary.FindStringSubmatch(r.Header.Get("Content-Type")); m != nil {
			record = strings.ReplaceAll(record, m[2], "BOUNDARY")
			record = regexp.MustCompile(`Content-Length: \d+`).ReplaceAllString(record, "Content-Length: N")
		}
		s.mu.Lock()
		s.requests = append(s.requests, record)
		s.mu.Unlock()
		switch r.URL.Path {
		case "/302", "/307", "/303":
			w.Header().Set("Location", "/end?from="+r.URL.Path[1:])
			var code int
			fmt.Sscan(r.URL.Path[1:], &code)
			w.WriteHeader(code)
		}
		io.WriteString(w, "answer\n")
	}))
	t.Cleanup(s.Close)
	return s
}

// TestCallSendsWhatCurlSends gives the same flags to curl and compares what arrives.
func TestCallSendsWhatCurlSends(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("FURL_STRICT") != "" {
			t.Fatal("curl is not installed")
		}
		t.Skip("curl is not installed")
	}
	environment(t)
	server := newReceived(t)
	dir := t.TempDir()
	t.Chdir(dir)
	for name, content := range map[string]string{
		"lines.txt": "a=1\r\n&b=ü \x00\n", "bytes.bin": "\x00\xff\r\n", "page.html": "<p>", "headers.txt": "X-One: 1\r\nX-Two: 2\n\n",
		"empty": "", "with space.txt": "x",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"/"}, {""}, {"/a?x=1"}, {"-X", "DELETE", "/x"}, {"-XPATCH", "-d", "x", "/x"}, {"-I", "/x"},
		{"-H", "X-One: 1", "-H", "X-One:2", "-H", "x-two:  a  b ", "-H", "X-Empty;", "-H", "Accept:", "/"},
		{"-H", "@headers.txt", "/"}, {"-H", "Content-Type: text/plain", "-d", "x", "/"}, {"-H", "Content-Type:", "-d", "x", "/"},
		{"-H", "Host: other.example:80", "/"}, {"-A", "agent", "/"},
		{"-d", "a=1", "-d", "b=2", "/"}, {"-d", "", "/"}, {"-d", "@lines.txt", "/"}, {"--data-binary", "@lines.txt", "/"},
		{"--data-binary", "@bytes.bin", "--data-binary", "x", "/"}, {"--data-raw", "@lines.txt", "/"}, {"-d", "@empty", "/"},
		{"--data-urlencode", "a b&c", "--data-urlencode", "=a=b", "--data-urlencode", "n=ü/~", "--data-urlencode", "@bytes.bin", "--data-urlencode", "f@lines.txt", "/"},
		{"--json", `{"a":`, "--json", `1}`, "/"}, {"--json", "@page.html", "-H", "Accept: text/html", "/"},
		{"-G", "-d", "a=1", "--data-urlencode", "b=x y", "/p"}, {"-G", "-d", "a=1", "/p?q"}, {"-G", "-d", "a=1", "/p?"}, {"-G", "-I", "-d", "a", "/p"},
		{"-F", "a=1", "-F", "b=<lines.txt", "-F", "c=@page.html", "-F", "d=@bytes.bin;type=image/x;filename=\"n;\\\"ame\"", "--form-string", "e=@x;type=y", "/"},
		{"-F", "a=x;type=text/csv", "-F", "file=@with space.txt", "/"},
		{"-F", "a=x", "-H", "Content-Type: multipart/form-data", "/"}, {"-F", "a=x", "-H", "content-type: multipart/related; type=a", "/"},
		{"-F", "a=x", "-H", "Content-Type: text/plain", "-H", "Content-Type: multipart/mixed", "/"},
		{"-F", `a="red; green \"blue\"";type=text/x`, "-F", `b="x;y"`, "/"},
		{"-T", "bytes.bin", "/up/"}, {"-T", "bytes.bin", "/up/name"}, {"-T", "with space.txt", "/"}, {"-T", "bytes.bin", ""}, {"-T", "page.html", "-X", "POST", "/"},
		{"--compressed", "/"}, {"-g", "--path-as-is", "/a/./b//c?x[1]={y}"},
		{"-L", "-d", "x", "/302"}, {"-L", "-d", "x", "/303"}, {"-L", "-d", "x", "/307"}, {"-L", "-T", "page.html", "/302x"}, {"/302"}, {"-L", "-I", "/303"},
		{"-L", "-X", "DELETE", "/303"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			last := len(args) - 1
			full := append(slices.Clone(args[:last]), server.URL+args[last])
			answer, err := exec.CommandContext(t.Context(), "curl", append([]string{"-sS", "-q"}, full...)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			want := server.take()
			code, stdout, stderr := run(t, nil, append([]string{"call"}, full...)...)
			if code != 0 || stderr != "" {
				t.Fatalf("exit status %d: %s", code, stderr)
			}
			got := server.take()
			for i := range want { // two differences are intended
				want[i] = regexp.MustCompile(`Accept-Encoding: .*`).ReplaceAllString(want[i], "Accept-Encoding: gzip, deflate")
				if slices.Contains(args, "-G") {
					want[i] = strings.ReplaceAll(want[i], "+", "%20")
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-curl +furl call)\n%s", diff)
			}
			if !slices.Contains(args, "-I") && stdout != string(answer) {
				t.Errorf("printed %q, curl %q", stdout, answer)
			}
		})
	}
}
