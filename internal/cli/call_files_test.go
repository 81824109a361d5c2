package cli_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/cli"
	"github.com/furl-dev/furl/internal/urltest"
)

// A server that names a file names one in this directory, and a new one, whatever it says.
func TestCallRemoteHeaderNameStaysHere(t *testing.T) {
	environment(t)
	for header, want := range map[string]string{
		`attachment; filename="plain.txt"`: "plain.txt", `attachment; filename=plain.txt`: "plain.txt",
		`attachment; FileName='quoted.txt'; x=y`: "quoted.txt", `attachment; filename="a/b/../c.txt"`: "c.txt",
		`attachment; filename="../../up.txt"`: "up.txt", `attachment; filename="/etc/there.txt"`: "there.txt",
		`attachment; filename="C:\dir\back.txt"`: "back.txt", `attachment; filename=".."`: "url.txt", `attachment; filename="."`: "url.txt",
		`attachment; filename="a/.."`: "url.txt", `attachment; filename="stream:ads"`: "url.txt", `attachment; filename=""`: "url.txt",
		`attachment; filename="a` + "\x01" + `b"`: "url.txt", `attachment; filename*=UTF-8''x`: "url.txt", `inline`: "url.txt",
	} {
		outer := t.TempDir()
		dir := filepath.Join(outer, "a", "b")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Chdir(dir)
		address := rawServer(t, nil, "HTTP/1.1 200 OK\r\nContent-Disposition: "+header+"\r\nConnection: close\r\n\r\nbody")
		code, _, stderr := run(t, nil, "call", "--no-sign", "-OJ", "http://"+address+"/url.txt")
		var found []string
		err := filepath.WalkDir(outer, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(header, "\x01") && code != 0 { // net/http refuses such a header
			continue
		}
		if code != 0 || len(found) != 1 || found[0] != filepath.Join(dir, want) {
			t.Errorf("%s: exit status %d: %s: found %q, want %q", header, code, stderr, found, want)
		}
	}
	// A file that is there stays as it is.
	t.Chdir(t.TempDir())
	if err := os.WriteFile("plain.txt", []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := rawServer(t, nil, "HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=plain.txt\r\nConnection: close\r\n\r\nbody")
	code, _, stderr := run(t, nil, "call", "--no-sign", "-OJ", "http://"+address+"/url.txt")
	text, err := os.ReadFile("plain.txt")
	if code != 1 || string(text) != "mine" || err != nil || !strings.Contains(stderr, "plain.txt") {
		t.Errorf("exit status %d, the file has %q, %v: %s", code, text, err, stderr)
	}
}

// A cookie jar is for its owner only; a mode and a link that are there stay; what cannot be written is told.
func TestCallCookieJarFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	environment(t)
	server := newEcho(t)
	t.Chdir(t.TempDir())
	call := func(jar string) string {
		t.Helper()
		code, _, stderr := run(t, nil, "call", "--no-sign", "-c", jar, "http://"+server.plain+"/cookies")
		if code != 0 {
			t.Errorf("%s: exit status %d: %s", jar, code, stderr)
		}
		return stderr
	}
	mode := func(name string) fs.FileMode {
		t.Helper()
		info, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	call("jar")
	if got := mode("jar"); got != 0o600 {
		t.Errorf("the mode is %v", got)
	}
	if err := os.Chmod("jar", 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("jar", "link"); err != nil {
		t.Fatal(err)
	}
	call("link")
	if got := mode("jar"); got != 0o640 || mode("link").Type() != fs.ModeSymlink {
		t.Errorf("the mode is %v, the link %v", got, mode("link"))
	}
	if stderr := call("no/such/dir/jar"); !strings.Contains(stderr, "furl: the cookies are not kept: ") {
		t.Errorf("said %q", stderr)
	}
	entries, err := os.ReadDir(".")
	if err != nil || len(entries) != 2 {
		t.Errorf("left %v, %v", entries, err)
	}
}

// Where the answer and messages go to the same place, a message begins on a line of its own. Elsewhere nothing is added.
func TestCallEndsTheLineOfTheAnswer(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	server.Refuse = func(*http.Request) (string, string) { return "AccessDeniedException", `{"Message":null}` }
	want := `{"Message":null}` + "\nfurl: error: refused: there is no such function URL\n"

	var both bytes.Buffer
	cli.Run(t.Context(), context.Background(), []string{"call", server.URL}, os.Getenv, cli.Streams{Out: &both, Err: &both})
	if !strings.HasPrefix(both.String(), want) {
		t.Errorf("printed %q", both.String())
	}
	if _, stdout, stderr := run(t, nil, "call", server.URL); stdout != `{"Message":null}` || !strings.HasPrefix(stderr, "furl: error") {
		t.Errorf("printed %q and %q", stdout, stderr)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "both"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cli.Run(t.Context(), context.Background(), []string{"call", "-v", server.URL}, os.Getenv, cli.Streams{Out: file, Err: file})
	text, err := os.ReadFile(file.Name())
	if err != nil || !strings.Contains(string(text), `{"Message":null}`+"\n* ") || strings.Contains(string(text), "\n\n") {
		t.Errorf("%v: %s", err, text)
	}
	// A line that has ended stays as it is, and so does one in a file.
	both.Reset()
	server.Refuse = func(*http.Request) (string, string) { return "AccessDeniedException", `{"Message":null}` + "\n" }
	cli.Run(t.Context(), context.Background(), []string{"call", server.URL}, os.Getenv, cli.Streams{Out: &both, Err: &both})
	if !strings.HasPrefix(both.String(), want) {
		t.Errorf("printed %q", both.String())
	}
	both.Reset()
	cli.Run(t.Context(), context.Background(), []string{"call", "-o", filepath.Join(t.TempDir(), "body"), server.URL}, os.Getenv, cli.Streams{Out: &both, Err: &both})
	if !strings.HasPrefix(both.String(), "furl: error: ") {
		t.Errorf("printed %q", both.String())
	}
}

// --http2 is for TLS, and for servers that speak it; heads are printed as curl prints them.
func TestCallHTTP2(t *testing.T) {
	environment(t)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Upper", "1")
		io.WriteString(w, r.Proto)
	})
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	plain := httptest.NewServer(handler)
	defer plain.Close()
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{server.URL, "--http2"}, "HTTP/2.0"}, {[]string{server.URL}, "HTTP/1.1"}, {[]string{server.URL, "--http2", "--http1.1"}, "HTTP/1.1"},
		{[]string{plain.URL, "--http2"}, "HTTP/1.1"}, {[]string{server.URL + "/a|b", "--http2", "-d", "x"}, "HTTP/2.0"},
	} {
		for _, sign := range []string{"--no-sign=false", "--no-sign"} {
			code, stdout, stderr := run(t, nil, append([]string{"call", "-k", sign}, test.args...)...)
			if code != 0 || stdout != test.want {
				t.Errorf("%q: exit status %d, printed %q: %s", test.args, code, stdout, stderr)
			}
		}
	}
	_, stdout, stderr := run(t, nil, "call", "-k", "-i", "-v", "--http2", server.URL)
	if !strings.HasPrefix(stdout, "HTTP/2 200 \r\n") || !strings.Contains(stdout, "\r\nx-upper: 1\r\n") || strings.Count(stderr, "* TLS 1.3") != 1 {
		t.Errorf("printed %q: %s", stdout, stderr)
	}
}
