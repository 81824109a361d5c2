//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/furl-dev/furl/internal/trash"
)

// bench is what the sections share: a temporary directory, and the programs that are measured, built when they are
// first asked for.
type bench struct {
	dir     string
	endings []func() // in the order in which they were added; run backwards
}

func newBench() (*bench, error) {
	dir, err := os.MkdirTemp("", "furl-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir}
	b.atEnd(func() { // the servers' packages are read-only
		bin := trash.Bin{Dir: filepath.Dir(dir)}
		bin.Remove(context.Background(), filepath.Base(dir)) //nolint:errcheck // it is in the temporary directory
	})
	return b, nil
}

func (b *bench) atEnd(end func()) { b.endings = append(b.endings, end) }

// nested begins a part of the run; what it returns ends what was started in that part.
func (b *bench) nested() (end func()) {
	before := len(b.endings)
	return func() { b.endTo(before) }
}

func (b *bench) close() { b.endTo(0) }

func (b *bench) endTo(before int) {
	for len(b.endings) > before {
		last := b.endings[len(b.endings)-1]
		b.endings = b.endings[:len(b.endings)-1]
		last()
	}
}

// build builds a command of this module the way `make build` does, once.
func (b *bench) build(ctx context.Context, command string) (path string, err error) {
	path = filepath.Join(b.dir, filepath.Base(command))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "github.com/furl-dev/furl/"+command)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", command, err, out)
	}
	return path, nil
}

func (b *bench) furl(ctx context.Context) (string, error)     { return b.build(ctx, "cmd/furl") }
func (b *bench) function(ctx context.Context) (string, error) { return b.build(ctx, "bench/function") }
func (b *bench) nothing(ctx context.Context) (string, error)  { return b.build(ctx, "bench/nothing") }

// helper starts the function program as an HTTP server or proxy and returns its address.
func (b *bench) helper(ctx context.Context, args ...string) (address string, err error) {
	program, err := b.function(ctx)
	if err != nil {
		return "", err
	}
	command := exec.Command(program, args...)
	command.Stderr = os.Stderr
	stdin, err1 := command.StdinPipe()
	stdout, err2 := command.StdoutPipe()
	if err := errors.Join(err1, err2, command.Start()); err != nil {
		return "", err
	}
	b.atEnd(func() {
		stdin.Close()
		command.Wait() //nolint:errcheck // it has served its purpose
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) || line == "" {
		return "", fmt.Errorf("start %s %s: no address, %w", program, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(line), nil
}

// listen serves a handler on loopback until the part of the run ends.
func (b *bench) listen(handler http.Handler) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler}
	go server.Serve(listener) //nolint:errcheck // it ends when it is closed
	b.atEnd(func() { server.Close() })
	return listener.Addr().String(), nil
}
