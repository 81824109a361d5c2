package cli_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/urltest"
)

// shell runs a command line in sh.
func shell(t *testing.T, script string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the printed lines are for a POSIX shell")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("FURL_STRICT") != "" {
			t.Fatal("curl is not installed")
		}
		t.Skip("curl is not installed")
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", "set -e\n"+script).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, script)
	}
	return string(out)
}

func TestSignAsCurlCanBePasted(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	var script strings.Builder
	var want []string
	for _, target := range urltest.Targets() {
		code, stdout, stderr := run(t, nil, "sign", server.URL+target, "--as", "curl")
		if code != 0 || stderr != "" {
			t.Fatalf("%s: exit status %d: %s", target, code, stderr)
		}
		script.WriteString(strings.Replace(stdout, "curl ", "curl -sS -q --fail ", 1))
		want = append(want, "GET "+target)
	}
	shell(t, script.String())
	if diff := cmp.Diff(want, server.Lines()); diff != "" {
		t.Errorf("(-typed +received)\n%s", diff)
	}
}

func TestSignAsCurlWithABody(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	name := filepath.Join(t.TempDir(), "it's a file")
	if err := os.WriteFile(name, []byte("\x00of\r\nbytes"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args  []string
		stdin string
		want  string
	}{
		{[]string{"-d", `it's "$HOME" \ `}, "", `it's "$HOME" \ `},
		{[]string{"-d", ""}, "", ""},
		{[]string{"--json", "{}"}, "", "{}"},
		{[]string{"--data-binary", "@" + name}, "", "\x00of\r\nbytes"},
		{[]string{"--data-binary", "@-", "-H", "Content-Type:"}, "a%\x00'\\\xff\n", "a%\x00'\\\xff\n"},
		{[]string{"--data-binary", "@-", "-X", "PUT"}, "@text\n", "@text\n"},
		{[]string{"-T", name, "-H", "X-Empty;", "-H", "Accept:", "-H", "X-Quote: it's"}, "", "\x00of\r\nbytes"},
		{[]string{"-F", "a=b"}, "", ""},
		{[]string{"-H", "Host: another.example"}, "", ""},
	} {
		args := append([]string{"sign", server.URL + "/x", "--as", "curl"}, test.args...)
		code, stdout, stderr := run(t, strings.NewReader(test.stdin), args...)
		if code != 0 || stderr != "" {
			t.Fatalf("%q: exit status %d: %s", test.args, code, stderr)
		}
		got := shell(t, strings.Replace(stdout, "curl ", "curl -sS -q --fail ", 1))
		if test.args[0] == "-F" {
			test.want, got = "name=\"a\"\r\n\r\nb", got[strings.Index(got, "name="):strings.LastIndex(got, "\r\n--")]
		}
		if got != test.want {
			t.Errorf("%q: received %q, want %q", test.args, got, test.want)
		}
	}
	long := strings.Repeat("x", 40<<10)
	if code, _, stderr := run(t, strings.NewReader(long), "sign", server.URL, "-d", "@-"); code != 1 || !strings.Contains(stderr, "--data-binary @FILE") {
		t.Errorf("long body: exit status %d, %s", code, stderr)
	}
}

func TestSignAsHTTP(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	for _, args := range [][]string{{"/a|b?x"}, {"//ü", "-d", "body"}, {"/", "-I"}, {"/", "-d", ""}} {
		code, message, stderr := run(t, nil, append([]string{"sign", server.URL + args[0], "--as", "http"}, args[1:]...)...)
		if code != 0 {
			t.Fatalf("exit status %d: %s", code, stderr)
		}
		conn, err := net.Dial("tcp", "127.0.0.1:"+server.URL[strings.LastIndexByte(server.URL, ':')+1:])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, message); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%q: status %d, %s\n%s", args, resp.StatusCode, resp.Header.Get("Furl-Explain"), message)
		}
	}
}

func TestSignAsHeaders(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	code, headers, stderr := run(t, nil, "sign", server.URL+"/x", "--as", "headers", "-H", "X-Own: 1")
	if code != 0 {
		t.Fatalf("exit status %d: %s", code, stderr)
	}
	name := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(name, []byte(headers), 0o600); err != nil {
		t.Fatal(err)
	}
	shell(t, "curl -q -sS --fail -H @"+name+" "+server.URL+"/x")
}

func TestSignAsJSON(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	code, text, stderr := run(t, strings.NewReader("body"), "sign", server.URL+"/a%20b?x", "--as", "json", "-d", "@-", "-H", "X: 1", "-H", "X: 2")
	if code != 0 {
		t.Fatalf("exit status %d: %s", code, stderr)
	}
	var signed struct {
		Method, URL, BodySHA256 string
		Headers                 map[string]string
		BodyBytes               int64
		Expires                 string
	}
	if err := json.Unmarshal([]byte(text), &signed); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(signed.Method, signed.URL, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range signed.Headers {
		r.Header.Set(name, value)
	}
	r.URL.Host = strings.Replace(r.URL.Host, r.URL.Hostname(), "127.0.0.1", 1)
	r.Host = signed.Headers["Host"]
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	const sum = "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"
	if resp.StatusCode != http.StatusOK || signed.BodySHA256 != sum || signed.BodyBytes != 4 || !strings.HasSuffix(signed.Expires, "Z") {
		t.Errorf("status %d of %s", resp.StatusCode, text)
	}
}

func TestSignAsURL(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	code, link, stderr := run(t, nil, "sign", server.URL+"/x?a=b", "--as", "url", "--expires", "90")
	if code != 0 || stderr != "" || !strings.Contains(link, "X-Amz-Expires=90&") {
		t.Fatalf("exit status %d: %s %s", code, link, stderr)
	}
	shell(t, "curl -q -sS --fail '"+strings.TrimSpace(link)+"'")

	code, link, stderr = run(t, nil, "sign", server.URL, "--as", "url", "-H", "X-Own: 1", "-d", "body")
	for _, want := range []string{"for POST", "body of 4 bytes only", "needs the header X-Own: 1"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%s does not say %q", stderr, want)
		}
	}
	if code != 0 {
		t.Errorf("exit status %d", code)
	}
	got := shell(t, "curl -q -sS --fail -d body -H 'X-Own: 1' '"+strings.TrimSpace(link)+"'")
	if got != "body" {
		t.Errorf("received %q", got)
	}
}

func TestSignUsage(t *testing.T) {
	environment(t)
	const url = "https://id.lambda-url.eu-central-1.on.aws/"
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{url, "--as", "xml"}, `--as "xml" is none of curl`},
		{[]string{url, "--expires", "5m"}, "goes with --as url"},
		{[]string{url, "--as", "url", "--expires", "8d"}, "invalid argument"},
		{[]string{url, "--as", "url", "--expires", "169h"}, "1s to 168h"},
		{[]string{url, "--as", "url", "--expires", "0"}, "1s to 168h"},
		{[]string{url, "--as", "url", "--expires", "-5"}, "1s to 168h"},
		{[]string{url, "--as", "url", "--expires", "99999999999999999"}, "1s to 168h"},
		{[]string{url, "--as", "url", "--expires", "1500ms"}, "1s to 168h"},
		{[]string{}, "furl sign takes URL|FUNCTION[/PATH], and there is no argument"},
	} {
		code, stdout, stderr := run(t, nil, append([]string{"sign"}, test.args...)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%q: exit status %d, %s; want %q", test.args, code, stderr, test.want)
		}
	}
}
