package app

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/furl-dev/furl/sigv4"
)

// The page token is the line of its file: 256 random bits in hexadecimal. A user who can read the file can read the
// pages.
const (
	pageTokenFileName = "page-token"
	pageTokenLength   = 64
)

// ReadPageToken reads the page token that a server keeps in its data directory. It follows no link and takes nothing
// else for a token: what it reads is sent to a server. The error is fs.ErrNotExist if there is none.
func ReadPageToken(dir string) (sigv4.Secret, error) {
	token, _, err := readPageToken(filepath.Join(dir, pageTokenFileName))
	return token, err
}

func readPageToken(path string) (sigv4.Secret, fs.FileInfo, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) // a FIFO does not hold it up
	if err != nil {
		return sigv4.Secret{}, nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return sigv4.Secret{}, nil, err
	}
	damaged := fmt.Errorf("%s is damaged; remove it and start the server again to have a new one made", path)
	if !info.Mode().IsRegular() {
		return sigv4.Secret{}, nil, damaged
	}
	text, err := io.ReadAll(io.LimitReader(file, pageTokenLength+2))
	if err != nil {
		return sigv4.Secret{}, nil, err
	}
	token := strings.TrimSuffix(string(text), "\n")
	if len(token) != pageTokenLength || strings.Trim(token, "0123456789abcdef") != "" {
		return sigv4.Secret{}, nil, damaged
	}
	return sigv4.NewSecret(token), info, nil
}

// pageToken is the token of the data directory, made anew where there is none, or where somebody else may know it. That
// is also so after a server that did not end by itself: until this one runs, furl's commands may have sent the token to
// any program that took the port.
func pageToken(dir string, killed bool, log *slog.Logger) (sigv4.Secret, error) {
	path := filepath.Join(dir, pageTokenFileName)
	token, info, err := readPageToken(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		log.Warn("the page token is replaced", "error", err)
	case info.Mode().Perm()&0o077 != 0 || !isOnlyOurs(info):
		log.Warn("the page token is replaced: others could read the file", "file", path, "mode", info.Mode().String())
	case !killed:
		return token, nil
	default:
		token = newPageToken()
		return token, overwrite(path, []byte(token.Reveal()))
	}
	token = newPageToken()
	return token, writePrivate(path, []byte(token.Reveal()))
}

// newPageToken is a token that nobody knows.
func newPageToken() sigv4.Secret {
	var random [pageTokenLength / 2]byte
	rand.Read(random[:]) // never fails
	return sigv4.NewSecret(hex.EncodeToString(random[:]))
}

// isOnlyOurs reports whether the file is the server's own user's, under one name.
func isOnlyOurs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && stat.Nlink == 1
}
