package roster_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/roster"
)

// What a command reads of a data directory is the same on all systems: also on one without servers, for a directory of
// WSL.
func TestDataDirectory(t *testing.T) {
	dir := t.TempDir()
	if _, err := roster.FindRunning(t.Context(), dir); !errors.Is(err, roster.ErrNotRunning) {
		t.Errorf("a directory that no server used: %v", err)
	}
	if keys, err := roster.ReadRootKeys(dir); err != nil || len(keys) != 0 {
		t.Errorf("root keys of nobody: %v, %v", keys, err)
	}
	if _, _, err := roster.ReadPageToken(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no page token: %v", err)
	}
	token := strings.Repeat("0f", roster.PageTokenLength/2)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(roster.PageTokenFile, token+"\n")
	write(roster.RootKeysFile, `{"accounts": {"123456789012": {"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": "secret"}}}`)
	write(roster.File, `{"endpoint": "http://127.0.0.1:1", "region": "eu-west-1", "account": "123456789012"}`) // of a server elsewhere
	if read, info, err := roster.ReadPageToken(dir); err != nil || read.Reveal() != token || info.Size() != int64(len(token)+1) {
		t.Errorf("page token: %v, %v", info, err)
	}
	if keys, err := roster.ReadRootKeys(dir); err != nil || keys[roster.DefaultAccount].AccessKeyID != "AKIDEXAMPLE" {
		t.Errorf("root keys: %v, %v", keys, err)
	}
	running, err := roster.FindRunning(t.Context(), dir)
	if err != nil || running.Region != "eu-west-1" || running.Dir != dir {
		t.Errorf("%+v, %v", running, err)
	}
	if key, err := running.UserKey(t.Context(), roster.DefaultAccount, roster.Admin); !errors.Is(err, roster.ErrNoUserKey) {
		t.Errorf("a server without a secret gave %v, %v", key, err)
	}
}

// A page token is sent to a server, so nothing else is taken for one: no directory, no link, no other text.
func TestWhatIsNoPageToken(t *testing.T) {
	token := strings.Repeat("0f", roster.PageTokenLength/2)
	for name, make := range map[string]func(path string) error{
		"a directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"a text":      func(path string) error { return os.WriteFile(path, []byte("hello\n"), 0o600) },
		"CRLF":        func(path string) error { return os.WriteFile(path, []byte(token+"\r\n"), 0o600) },
		"a link": func(path string) error {
			secret := path + ".secret"
			return errors.Join(os.WriteFile(secret, []byte(token+"\n"), 0o600), os.Symlink(secret, path))
		},
	} {
		dir := t.TempDir()
		if err := make(filepath.Join(dir, roster.PageTokenFile)); err != nil {
			t.Logf("%s: %v", name, err) // Windows lets not everybody make links
			continue
		}
		if read, _, err := roster.ReadPageToken(dir); err == nil {
			t.Errorf("%s: %q is a page token", name, read.Reveal())
		}
	}
}
