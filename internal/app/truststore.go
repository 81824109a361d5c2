//go:build unix

package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Step is one change of a trust store: a command, with the words that a shell takes.
type Step struct {
	Args []string
	// Root says that only root may make the change.
	Root bool
}

// systemStore is where a distribution keeps the authorities that an administrator adds, and what makes them known.
type systemStore struct {
	dir    string
	update []string
}

// systemStores are those of Fedora and RHEL, Debian and Alpine, openSUSE, and Arch (update-ca-trust(8),
// update-ca-certificates(8), trust(1)).
var systemStores = []systemStore{
	{"/etc/pki/ca-trust/source/anchors", []string{"update-ca-trust", "extract"}},
	{"/usr/local/share/ca-certificates", []string{"update-ca-certificates"}},
	{"/etc/pki/trust/anchors", []string{"update-ca-certificates"}},
	{"/etc/ca-certificates/trust-source/anchors", []string{"trust", "extract-compat"}},
}

// ErrNoTrustStore says that a system has no trust store that furl knows.
var ErrNoTrustStore = errors.New("this system has no trust store that furl knows")

// TrustSteps are the changes that have the system, and the browsers of the user that have certutil, trust an authority.
// There are none where all do so already. missing are the browsers' databases that cannot be changed without certutil.
func TrustSteps(file, home string) (steps []Step, missing []string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, nil, fmt.Errorf("%s has no certificate in PEM form", file)
	}
	const enough = 4
	sum := sha256.Sum256(block.Bytes)
	name := "furl-" + hex.EncodeToString(sum[:enough])
	system, err := systemSteps(systemStores, file, name, text)
	for _, database := range browserDatabases(home) {
		if _, found := exec.LookPath("certutil"); found != nil {
			missing = append(missing, database)
			continue
		}
		if exec.Command("certutil", "-L", "-d", "sql:"+database, "-n", name).Run() != nil {
			steps = append(steps, Step{Args: []string{"certutil", "-A", "-d", "sql:" + database, "-t", "C,,", "-n", name, "-i", file}})
		}
	}
	if err != nil && len(steps) > 0 {
		err = nil // the browsers' are enough
	}
	return append(system, steps...), missing, err
}

// systemSteps are the changes of the system's trust store.
func systemSteps(stores []systemStore, file, name string, text []byte) ([]Step, error) {
	if runtime.GOOS == "darwin" {
		const keychain = "/Library/Keychains/System.keychain"
		if exec.Command("security", "verify-cert", "-c", file).Run() == nil {
			return nil, nil
		}
		return []Step{{[]string{"security", "add-trusted-cert", "-d", "-r", "trustRoot", "-k", keychain, file}, true}}, nil
	}
	for _, store := range stores {
		if _, err := exec.LookPath(store.update[0]); err != nil {
			continue
		}
		if _, err := os.Stat(store.dir); err != nil {
			continue
		}
		target := filepath.Join(store.dir, name+".crt")
		if there, err := os.ReadFile(target); err == nil && bytes.Equal(there, text) {
			return nil, nil
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return []Step{{[]string{"install", "-m", "0644", file, target}, true}, {store.update, true}}, nil
	}
	return nil, ErrNoTrustStore
}

// browserDatabases are the databases of the user's browsers that do not use the system's trust store (NSS).
func browserDatabases(home string) []string {
	var found []string
	for _, pattern := range []string{
		".pki/nssdb/cert9.db", ".mozilla/firefox/*/cert9.db", "snap/firefox/common/.mozilla/firefox/*/cert9.db",
		"Library/Application Support/Firefox/Profiles/*/cert9.db",
	} {
		files, _ := filepath.Glob(filepath.Join(home, filepath.FromSlash(pattern))) // the patterns are well formed
		for _, file := range files {
			found = append(found, filepath.Dir(file))
		}
	}
	return found
}
