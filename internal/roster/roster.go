// Package roster is what a server tells the other commands of its user on this machine, in its data directory and in the
// list of the servers that run, and how a command finds such a server and has it prove that it wrote what was read. The
// package has no part of the server: it is also there on Windows, which runs none, for the data directory of a server in
// WSL.
package roster

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/furlproto"
)

// What a server has that is told nothing.
const (
	DefaultData    = ".furl"
	DefaultListen  = "127.0.0.1:9000"
	DefaultAccount = "123456789012"
	DefaultRegion  = "us-east-1"
)

// Admin is the name of the user that each account begins with. It may do anything, as the root user may, and assume
// roles, as the root user may not.
const Admin = "admin"

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

// File is the file in the data directory in which a server tells it.
const File = "server.json"

// ErrNotRunning means that no server uses the data directory.
var ErrNotRunning = errors.New("no server is running")

// FindRunning finds the server that uses the data directory. Another one at its address is not taken for it: that one
// would be sent what only the first may have.
func FindRunning(ctx context.Context, dir string) (Running, error) {
	running, err := Read(dir)
	if err != nil {
		return Running{}, err
	}
	if err := running.prove(ctx); err != nil {
		return Running{}, fmt.Errorf("%w on the data directory %s: process %d, which used it last, %w", ErrNotRunning, dir,
			running.PID, err)
	}
	return running, nil
}

// Read reads what the server says that used the data directory last.
func Read(dir string) (Running, error) {
	path := filepath.Join(dir, File)
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

// prove asks the server to prove that it knows the secret. A file that no server wrote, with neither secret nor process,
// is what somebody says of a server elsewhere.
func (r Running) prove(ctx context.Context) error {
	if r.Secret == "" && r.PID == 0 {
		return nil
	}
	if err := r.proveAt(ctx, r.Endpoint); errors.Is(err, errImpostor) {
		return fmt.Errorf("is not what answers at %s now", r.Endpoint)
	} else if err != nil {
		return fmt.Errorf("does not answer at %s", r.Endpoint)
	}
	return nil
}

// errImpostor says that something else answers than the server.
var errImpostor = errors.New("not the server")

func (r Running) proveAt(ctx context.Context, endpoint string) error {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, Plain(endpoint)+furlproto.Health, nil)
	if err != nil {
		return err
	}
	nonce := rand.Text()
	request.Header.Set(furlproto.Challenge, nonce)
	client := http.Transport{DisableKeepAlives: true} // without a proxy: the server is on this machine
	response, err := client.RoundTrip(request)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.Header.Get(furlproto.Proof) != furlproto.Prove(r.Secret, nonce) {
		return errImpostor
	}
	return nil
}

// Console is the address of the server's console for browsers, and whether those on this machine find the server there.
// They look for that name at 127.0.0.1 and ::1. It is an error if another program listens at one of them: it would get what
// is meant for the server.
func (r Running) Console(ctx context.Context) (address string, reached bool, err error) {
	endpoint, err := url.Parse(r.Endpoint)
	if err != nil {
		return "", false, err
	}
	port := endpoint.Port()
	for _, host := range []string{"127.0.0.1", "::1"} {
		at := net.JoinHostPort(host, port)
		err := r.proveAt(ctx, "http://"+at)
		dial, isDial := errors.AsType[*net.OpError](err)
		switch {
		case err == nil:
			reached = true
		case isDial && dial.Op == "dial" && !dial.Timeout(): // nothing listens there
		default:
			return "", false, fmt.Errorf("another program than the server listens at %s, where browsers may look for %s", at,
				furlproto.ConsoleHost)
		}
	}
	return "http://" + net.JoinHostPort(furlproto.ConsoleHost, port) + furlproto.Prefix, reached, nil
}

// ErrNoUserKey says that there is no such user, or none with a usable access key.
var ErrNoUserKey = errors.New("no usable access key")

// UserKey asks the server, which has proved that it is the one of the data directory, for an access key of a user.
func (r Running) UserKey(ctx context.Context, account, user string) (Key, error) {
	if r.Secret == "" {
		return Key{}, fmt.Errorf("%w: the server at %s has no keys to give", ErrNoUserKey, r.Endpoint)
	}
	address := Plain(r.Endpoint) + furlproto.Keys + "?" + url.Values{"account": {account}, "user": {user}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Key{}, err
	}
	request.Header.Set(furlproto.Secret, r.Secret)
	transport := http.Transport{DisableKeepAlives: true} // without a proxy: the server is on this machine
	response, err := transport.RoundTrip(request)
	if err != nil {
		return Key{}, err
	}
	defer response.Body.Close()
	var answer struct {
		Key
		Message string `json:"message"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return Key{}, fmt.Errorf("%s answered %s", address, response.Status)
	}
	if response.StatusCode != http.StatusOK {
		return Key{}, fmt.Errorf("%w: %s", ErrNoUserKey, answer.Message)
	}
	return answer.Key, nil
}

// Plain is an address of a server over http, which every server answers on the same port.
func Plain(address string) string {
	if rest, ok := strings.CutPrefix(address, "https://"); ok {
		return "http://" + rest
	}
	return address
}
