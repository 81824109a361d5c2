package roster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/furl-dev/furl/sigv4"
)

// Key is a long-term access key.
type Key struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// RootKeys is what root-credentials.json has: the generated root keys by account. Only its owner may read it.
type RootKeys struct {
	Accounts map[string]Key `json:"accounts"`
}

// Names in the data directory, and the certificate of a user's authority, in a directory of the user as well.
const (
	RootKeysFile  = "root-credentials.json"
	PageTokenFile = "page-token"
	AuthorityFile = "tls-certificate.pem"
)

// ReadRootKeys reads the root keys that a server keeps in its data directory.
func ReadRootKeys(dir string) (map[string]Key, error) {
	path := filepath.Join(dir, RootKeysFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]Key{}, nil
	}
	if err != nil {
		return nil, err
	}
	var file RootKeys
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

// PageTokenLength is the length of a page token, the line of its file: 256 random bits in hexadecimal. A user who can
// read the file can read the pages.
const PageTokenLength = 64

// ReadPageToken reads the page token that a server keeps in its data directory. It follows no link and takes nothing
// else for a token: what it reads is sent to a server. info is about the file. The error is fs.ErrNotExist if there is
// none.
func ReadPageToken(dir string) (token sigv4.Secret, info fs.FileInfo, err error) {
	path := filepath.Join(dir, PageTokenFile)
	file, err := openUnfollowed(path)
	if err != nil {
		return sigv4.Secret{}, nil, err
	}
	defer file.Close()
	info, err = file.Stat()
	if err != nil {
		return sigv4.Secret{}, nil, err
	}
	damaged := fmt.Errorf("%s is damaged; remove it and start the server again to have a new one made", path)
	if !info.Mode().IsRegular() {
		return sigv4.Secret{}, nil, damaged
	}
	text, err := io.ReadAll(io.LimitReader(file, PageTokenLength+2))
	if err != nil {
		return sigv4.Secret{}, nil, err
	}
	line := strings.TrimSuffix(string(text), "\n")
	if len(line) != PageTokenLength || strings.Trim(line, "0123456789abcdef") != "" {
		return sigv4.Secret{}, nil, damaged
	}
	return sigv4.NewSecret(line), info, nil
}

// TrustedAuthority is the certificate of the user's authority, if there is one.
func TrustedAuthority() (file string, ok bool) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", false
	}
	file = filepath.Join(dir, "furl", AuthorityFile)
	_, err = os.Stat(file)
	return file, err == nil
}
