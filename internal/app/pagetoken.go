//go:build unix

package app

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/sigv4"
)

// pageToken is the token of the data directory, made anew where there is none, or where somebody else may know it. That
// is also so after a server that did not end by itself: until this one runs, furl's commands may have sent the token to
// any program that took the port.
func pageToken(dir string, killed bool, log *slog.Logger) (sigv4.Secret, error) {
	path := filepath.Join(dir, roster.PageTokenFile)
	token, info, err := roster.ReadPageToken(dir)
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
	var random [roster.PageTokenLength / 2]byte
	rand.Read(random[:]) // never fails
	return sigv4.NewSecret(hex.EncodeToString(random[:]))
}

// isOnlyOurs reports whether the file is the server's own user's, under one name.
func isOnlyOurs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && stat.Nlink == 1
}
