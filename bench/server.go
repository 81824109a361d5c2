//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/sigv4"
)

// server is a running `furl serve`.
type server struct {
	pid     string
	stop    func() // ends it, and with it all functions
	log     bytes.Buffer
	address string        // host:port
	data    string        // its data directory
	ready   time.Duration // from the start of the process to the first 200 of its health page
	root    sigv4.Credentials
}

const (
	account = "123456789012"
	region  = "eu-central-1"
)

// rootKey is the root key of the servers that are measured. They listen on loopback, for a minute.
var rootKey = struct{ id, secret string }{"AKIABENCHBENCHBENCH0", "bench/bench/bench/bench/bench/bench+benc"}

// serve starts the server on the data directory and waits until it is ready.
func (b *bench) serve(ctx context.Context, data string, flags ...string) (*server, error) {
	program, err := b.furl(ctx)
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	root := sigv4.Credentials{AccessKeyID: rootKey.id, Secret: sigv4.NewSecret(rootKey.secret)}
	s := &server{address: address, data: data, root: root}
	args := []string{"serve", "--data", data, "--listen", address, "--region", region}
	command := exec.Command(program, append(args, flags...)...)
	command.Env = append(os.Environ(),
		"FURL_ROOT_ACCESS_KEY_ID="+rootKey.id, "FURL_ROOT_SECRET_ACCESS_KEY="+rootKey.secret)
	command.Stderr = &s.log
	begin := time.Now()
	if s.stop, err = start(command); err != nil {
		return nil, err
	}
	s.pid = strconv.Itoa(command.Process.Pid)
	if err := plainGet(address, furlproto.Health).wait(ctx, (*client).call); err != nil {
		s.stop()
		return nil, fmt.Errorf("furl serve: %w\n%s", err, s.log.String())
	}
	s.ready = time.Since(begin)
	return s, nil
}

// wait connects until that works and the connection is ready.
func (t target) wait(ctx context.Context, ready func(*client) error) error {
	for end := time.Now().Add(patience); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(500 * time.Microsecond) {
		c, err := t.dial()
		if err != nil {
			continue
		}
		err = errors.Join(c.conn.SetDeadline(end), ready(c))
		c.close()
		if err == nil {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("not ready within %s", patience), ctx.Err())
}

// start starts a server. What it returns ends the server the way an operator does; one that does not end is killed.
func start(command *exec.Cmd) (stop func(), err error) {
	return func() {
		command.Process.Signal(syscall.SIGTERM)                              //nolint:errcheck // it may have ended by itself
		timer := time.AfterFunc(patience, func() { command.Process.Kill() }) //nolint:errcheck // the same
		defer timer.Stop()
		command.Wait() //nolint:errcheck // its end is all that counts
	}, command.Start()
}

// memory is the server's resident memory now and at its peak, in bytes.
func (s *server) memory() (now, peak int64, err error) {
	status, err := os.ReadFile(filepath.Join("/proc", s.pid, "status"))
	if err != nil { // not Linux: ps knows the present size only
		out, err := exec.Command("ps", "-o", "rss=", "-p", s.pid).Output()
		if err != nil {
			return 0, 0, fmt.Errorf("memory of the server: %w", err)
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
		return kilobytes << 10, kilobytes << 10, err
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			now = kilobytes << 10
		case "VmHWM":
			peak = kilobytes << 10
		}
	}
	return now, peak, nil
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
