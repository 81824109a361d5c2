package app

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/furl-dev/furl/internal/iam"
)

// Key is a long-term access key.
type Key struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// rootFile is root-credentials.json: the generated root keys by account. It is readable by its owner alone.
type rootFile struct {
	Accounts map[string]Key `json:"accounts"`
}

const rootFileName = "root-credentials.json"

// ReadRootKeys reads the root keys that a server keeps in its data directory.
func ReadRootKeys(dir string) (map[string]Key, error) {
	path := filepath.Join(dir, rootFileName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]Key{}, nil
	}
	if err != nil {
		return nil, err
	}
	var file rootFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w); remove it to have new root keys made", path, err)
	}
	for account, key := range file.Accounts {
		if key.AccessKeyID == "" || key.SecretAccessKey == "" {
			return nil, fmt.Errorf("%s has no complete key for account %s; remove it to have new root keys made", path, account)
		}
	}
	if file.Accounts == nil {
		file.Accounts = map[string]Key{}
	}
	return file.Accounts, nil
}

// rootKeys reads the root keys of the data directory and makes those that are missing. A key given in the environment
// stands for the first account and is not written down.
func (c Config) rootKeys(dir string, now time.Time) (map[string]Key, error) {
	keys, err := ReadRootKeys(dir)
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
		keys[account] = Key{AccessKeyID: key.ID, SecretAccessKey: key.Secret}
		made = true
	}
	if made {
		if err := writeJSON(filepath.Join(dir, rootFileName), rootFile{Accounts: keys}, writePrivate); err != nil {
			return nil, err
		}
	}
	if c.RootAccessKeyID != "" {
		keys[c.Accounts[0]] = Key{AccessKeyID: c.RootAccessKeyID, SecretAccessKey: c.RootSecretAccessKey}
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
