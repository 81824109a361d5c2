//go:build unix

package app

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/roster"
)

// rootKeys reads the root keys of the data directory and makes those that are missing. A key given in the environment
// stands for the first account and is not written down.
func (c Config) rootKeys(dir string, now time.Time) (map[string]roster.Key, error) {
	keys, err := roster.ReadRootKeys(dir)
	if err != nil {
		return nil, err
	}
	made := false
	if c.isRootKeyShort() {
		c.Log.Warn("the root key that the environment sets can be guessed: programs on this machine and its other users "+
			"can do anything here", "fix", "leave FURL_ROOT_ACCESS_KEY_ID and FURL_ROOT_SECRET_ACCESS_KEY out, or set at least 16 characters")
	}
	for i, account := range c.Accounts {
		if _, ok := keys[account]; ok || i == 0 && c.RootAccessKeyID != "" {
			continue
		}
		key, err := iam.NewAccessKey(rand.Reader, now)
		if err != nil {
			return nil, err
		}
		keys[account] = roster.Key{AccessKeyID: key.ID, SecretAccessKey: key.Secret}
		made = true
	}
	if made {
		if err := writeJSON(filepath.Join(dir, roster.RootKeysFile), roster.RootKeys{Accounts: keys}, writePrivate); err != nil {
			return nil, err
		}
	}
	if c.RootAccessKeyID != "" {
		keys[c.Accounts[0]] = roster.Key{AccessKeyID: c.RootAccessKeyID, SecretAccessKey: c.RootSecretAccessKey}
	}
	return keys, nil
}

// writeJSON writes a value as JSON in one of the two ways that follow.
func writeJSON(path string, value any, write func(path string, text []byte) error) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return write(path, text)
}

// overwrite writes a text and a line feed over the file that is there, which takes no space, so that a server starts on
// a full disk.
func overwrite(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(append(text, '\n'), 0)
	if err == nil {
		err = file.Truncate(int64(len(text)) + 1)
	}
	return errors.Join(err, file.Close())
}

// writePrivate writes a text and a line feed to a file that only its owner may read: whole, or not at all. A link in
// its place is replaced and not followed.
func writePrivate(path string, text []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(append(text, '\n'))
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
