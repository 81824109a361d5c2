package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/furl-dev/furl/internal/furlproto"
)

// Running is what a running server tells other commands on this machine, in server.json.
type Running struct {
	Endpoint string `json:"endpoint"`
	Region   string `json:"region"`
	PID      int    `json:"pid"`
	Account  string `json:"account"` // the first one
	// RootAccessKeyID is the root key of Account if the server got it from its configuration. Such a key is not in the
	// data directory, where an older one of the account may be.
	RootAccessKeyID string `json:"rootAccessKeyId,omitempty"`
	// CertificateFile is the file of the authority that clients of the server trust over https, if it has one.
	CertificateFile string `json:"certificateFile,omitempty"`
	// Secret is new at each start. With it a server proves that it wrote the file, which outlives one that is killed.
	Secret string `json:"secret,omitempty"`

	Dir string `json:"-"` // the data directory, absolute
}

const runningFileName = "server.json"

// ErrNotRunning means that no server uses the data directory.
var ErrNotRunning = errors.New("no server is running")

// FindRunning finds the server that uses the data directory. Another one at its address is not taken for it: that one
// would be sent what only the first may have.
func FindRunning(ctx context.Context, dir string) (Running, error) {
	running, err := readRunning(dir)
	if err != nil {
		return Running{}, err
	}
	if err := running.prove(ctx); err != nil {
		return Running{}, fmt.Errorf("%w on the data directory %s: process %d, which used it last, %w", ErrNotRunning, dir,
			running.PID, err)
	}
	return running, nil
}

func readRunning(dir string) (Running, error) {
	path := filepath.Join(dir, runningFileName)
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Running{}, fmt.Errorf("%w on the data directory %s", ErrNotRunning, dir)
	case err != nil:
		return Running{}, err
	}
	var running Running
	if err := json.Unmarshal(text, &running); err != nil {
		return Running{}, fmt.Errorf("%s is damaged: %w", path, err)
	}
	running.Dir, err = filepath.Abs(dir)
	return running, err
}

// prove asks the server at the address to prove that it knows the secret. A file that no server wrote, with neither
// secret nor process, is what somebody says of a server elsewhere.
func (r Running) prove(ctx context.Context) error {
	if r.Secret == "" && r.PID == 0 {
		return nil
	}
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, plain(r.Endpoint)+furlproto.Health, nil)
	if err != nil {
		return err
	}
	nonce := rand.Text()
	request.Header.Set(furlproto.Challenge, nonce)
	client := http.Transport{DisableKeepAlives: true} // without a proxy: the server is on this machine
	response, err := client.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("does not answer at %s", r.Endpoint)
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.Header.Get(furlproto.Proof) != furlproto.Prove(r.Secret, nonce) {
		return fmt.Errorf("is not what answers at %s now", r.Endpoint)
	}
	return nil
}

// Servers finds the servers of this user that run on this machine, by their data directories.
func Servers(ctx context.Context) []Running {
	roster := rosterDir()
	if !private(roster) {
		return nil
	}
	entries, err := os.ReadDir(roster)
	if err != nil {
		return nil
	}
	var found []Running
	for _, entry := range entries {
		link := filepath.Join(roster, entry.Name())
		dir, err := os.Readlink(link)
		if err != nil {
			continue
		}
		running, err := FindRunning(ctx, dir)
		if err == nil {
			found = append(found, running)
		} else if ctx.Err() == nil && errors.Is(err, ErrNotRunning) {
			os.Remove(link) // of a server that was killed
		}
	}
	return found
}

// rosterDir has a symbolic link to the data directory of each running server of the user.
func rosterDir() string { return filepath.Join(os.TempDir(), ".furl-"+strconv.Itoa(os.Geteuid())) }

// private reports whether a directory is the user's own and no other's, so that what is in it can be trusted.
func private(dir string) bool {
	info, err := os.Lstat(dir)
	return err == nil && info.IsDir() && ours(info) && info.Mode()&othersAny == 0
}

// rosterLink is the place of a data directory in the roster.
func rosterLink(dir string) string {
	const enough = 8
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(rosterDir(), hex.EncodeToString(sum[:enough]))
}

// enroll adds a data directory to the roster, so that commands in other directories can name the server. A server that
// cannot be added works all the same.
func enroll(dir string) error {
	roster := rosterDir()
	if err := os.Mkdir(roster, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if !private(roster) {
		return fmt.Errorf("%s is not this user's alone", roster)
	}
	link := rosterLink(dir)
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(dir, link)
}

// leave removes a data directory from the roster, and the roster with the last one.
func leave(dir string) {
	os.Remove(rosterLink(dir))
	os.Remove(rosterDir())
}
