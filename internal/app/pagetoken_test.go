//go:build unix

package app_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/roster"
)

// serve makes a server on the data directory, which ends at once, and returns its page token and its log.
func serve(t *testing.T, data string) (token, log string, err error) {
	t.Helper()
	var text bytes.Buffer
	config := configFor(data)
	config.Log = slog.New(slog.NewTextHandler(&text, nil))
	server, err := app.New(t.Context(), config)
	if err != nil {
		return "", text.String(), err
	}
	token = server.PageToken()
	return token, text.String(), server.Close()
}

// tokenFile is the content of the page token's file, and its mode.
func tokenFile(t *testing.T, data string) (string, fs.FileMode) {
	t.Helper()
	path := filepath.Join(data, "page-token")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), info.Mode()
}

func TestThePageTokenIsKept(t *testing.T) {
	data := t.TempDir()
	first, log, err := serve(t, data)
	if err != nil {
		t.Fatal(err)
	}
	text, mode := tokenFile(t, data)
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(first) || text != first+"\n" || mode != 0o600 {
		t.Errorf("the file has mode %v and %q, the token is %q", mode, text, first)
	}
	second, again, err := serve(t, data)
	if err != nil || second != first {
		t.Errorf("the next start has the token %q, %v; want %q", second, err, first)
	}
	if read, _, err := roster.ReadPageToken(data); err != nil || read.Reveal() != first {
		t.Errorf("commands read %q, %v", read.Reveal(), err)
	}
	if other, _, err := serve(t, t.TempDir()); err != nil || other == first {
		t.Errorf("another server has the token %q, %v", other, err)
	}
	if strings.Contains(log+again, first) || strings.Contains(log+again, "page token") {
		t.Errorf("the logs are %s%s", log, again)
	}
}

// What somebody else may know, or may have put there, is no page token. The place is taken over, and what a link leads
// to stays as it is.
func TestThePageTokenIsReplaced(t *testing.T) {
	const planted = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
	write := func(t *testing.T, path, text string, mode fs.FileMode) {
		t.Helper()
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name string
		make func(t *testing.T, path, elsewhere string)
		says string // in a line of the log, "" for none
	}{
		{"readable by a group", func(t *testing.T, path, _ string) { write(t, path, planted, 0o640) }, "others could read"},
		{"writable by others", func(t *testing.T, path, _ string) { write(t, path, planted, 0o602) }, "others could read"},
		{"a link to a token", func(t *testing.T, path, elsewhere string) {
			write(t, elsewhere, planted, 0o600)
			if err := os.Symlink(elsewhere, path); err != nil {
				t.Fatal(err)
			}
		}, "page token is replaced"},
		{"a link to nothing", func(t *testing.T, path, elsewhere string) {
			if err := os.Symlink(elsewhere, path); err != nil {
				t.Fatal(err)
			}
		}, "page token is replaced"},
		{"a second name of a file", func(t *testing.T, path, elsewhere string) {
			write(t, elsewhere, planted, 0o600)
			if err := os.Link(elsewhere, path); err != nil {
				t.Fatal(err)
			}
		}, "others could read"},
		{"a FIFO", func(t *testing.T, path, _ string) {
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is damaged"},
		{"empty", func(t *testing.T, path, _ string) { write(t, path, "", 0o600) }, "is damaged"},
		{"too short", func(t *testing.T, path, _ string) { write(t, path, planted[1:], 0o600) }, "is damaged"},
		{"too long", func(t *testing.T, path, _ string) { write(t, path, planted+planted, 0o600) }, "is damaged"},
		{"of other characters", func(t *testing.T, path, _ string) {
			write(t, path, strings.ToUpper(planted), 0o600)
		}, "is damaged"},
		{"another user's", func(t *testing.T, path, _ string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file away")
			}
			write(t, path, planted, 0o600)
			if err := os.Chown(path, 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}, "others could read"},
		{"of a server that was killed", func(t *testing.T, path, _ string) {
			write(t, path, planted, 0o600)
			write(t, filepath.Join(filepath.Dir(path), "server.json"), `{"endpoint":"http://127.0.0.1:1"}`, 0o600)
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			data, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "elsewhere")
			test.make(t, filepath.Join(data, "page-token"), elsewhere)
			before, _ := os.ReadFile(elsewhere)
			token, log, err := serve(t, data)
			if err != nil {
				t.Fatal(err)
			}
			text, mode := tokenFile(t, data)
			if text != token+"\n" || mode != 0o600 || text == planted || len(text) != len(planted) {
				t.Errorf("the file has mode %v and %q, the token is %q", mode, text, token)
			}
			if after, _ := os.ReadFile(elsewhere); !bytes.Equal(before, after) {
				t.Errorf("elsewhere there is %q", after)
			}
			if warned := strings.Contains(log, "WARN"); warned != (test.says != "") || !strings.Contains(log, test.says) {
				t.Errorf("the log says %s, want %q", log, test.says)
			}
			if strings.Contains(log, token) {
				t.Errorf("the token is in the log: %s", log)
			}
		})
	}
}

// A command takes nothing for a token that is none: it would send it to a server.
func TestReadPageTokenRefuses(t *testing.T) {
	data := t.TempDir()
	path, secret := filepath.Join(data, "page-token"), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(strings.Repeat("a", 64)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := roster.ReadPageToken(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	if err := os.Symlink(secret, path); err != nil {
		t.Fatal(err)
	}
	if token, _, err := roster.ReadPageToken(data); err == nil || token.Reveal() != "" {
		t.Errorf("a link: %q, %v", token.Reveal(), err)
	}
	whole := strings.Repeat("a", 64)
	for _, text := range []string{"", "hunter2\n", whole[1:], whole[1:] + "\r", whole + "a", whole + "\nb"} {
		if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		token, _, err := roster.ReadPageToken(data)
		if err == nil || token.Reveal() != "" || !strings.Contains(err.Error(), "start the server again") {
			t.Errorf("%q: %q, %v", text, token.Reveal(), err)
		}
	}
}

func TestThePageTokenIsNotOverADirectory(t *testing.T) {
	data := t.TempDir()
	if err := os.MkdirAll(filepath.Join(data, "page-token", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := serve(t, data); err == nil || !strings.Contains(err.Error(), "page-token") {
		t.Errorf("the server starts: %v", err)
	}
}

// A server that keeps nothing has no file that a function could find in the directory for temporary files.
func TestThePageTokenOfAServerInMemory(t *testing.T) {
	server, err := app.New(t.Context(), configFor(app.InMemory))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, _, err := roster.ReadPageToken(server.Dir()); !errors.Is(err, fs.ErrNotExist) || len(server.PageToken()) != 64 {
		t.Errorf("%q, %v", server.PageToken(), err)
	}
}
