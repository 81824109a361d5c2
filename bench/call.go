//go:build unix

package main

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

var (
	//go:embed function/app.py
	pythonFunction []byte
	//go:embed function/index.mjs
	nodeFunction []byte
)

// callee is a function behind a URL on a running server, with a caller that may call it.
type callee struct {
	server *server
	caller sigv4.Credentials
	path   string // of its URL
}

// kind is a way to write the function.
type kind struct {
	name, runtime, handler string
	file                   string // in the package
	needs                  string // program on PATH, "" for none
	code                   func(context.Context, *bench) ([]byte, error)
	streams                bool // its URL passes answers on while they are written
	layers                 []string
}

var (
	goFunction = kind{name: "Go", runtime: "provided.al2023", handler: "bootstrap", file: "bootstrap", code: program}
	webApp     = kind{
		name: "Go web application", runtime: "provided.al2023", handler: "web", file: "bootstrap", code: program,
		layers: []string{"arn:aws:lambda:" + region + ":753240598075:layer:LambdaAdapterLayerX86:26"},
	}
	interpreted = []kind{
		{name: "Python", runtime: "python3.13", handler: "app.handler", file: "app.py", needs: "python3", code: text(pythonFunction)},
		{name: "Node", runtime: "nodejs22.x", handler: "index.handler", file: "index.mjs", needs: "node", code: text(nodeFunction)},
	}
)

// program is the code of a function in Go.
func program(ctx context.Context, b *bench) ([]byte, error) {
	program, err := b.function(ctx)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(program)
}

func text(content []byte) func(context.Context, *bench) ([]byte, error) {
	return func(context.Context, *bench) ([]byte, error) { return content, nil }
}

// available reports whether the machine can run the function.
func (k kind) available() bool {
	if k.needs == "" {
		return true
	}
	_, err := exec.LookPath(k.needs)
	return err == nil
}

// deploy starts a server of its own and puts the function onto it.
func (b *bench) deploy(ctx context.Context, k kind, flags ...string) (*callee, error) {
	data, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return nil, err
	}
	s, err := b.serve(ctx, filepath.Join(data, "furl"), append(flags, "--url-style", "path")...)
	if err != nil {
		return nil, err
	}
	b.atEnd(s.stop)
	const role = "caller"
	caller, err := s.createCaller(ctx, role)
	if err != nil {
		return nil, err
	}
	code, err := k.code(ctx, b)
	if err != nil {
		return nil, err
	}
	zipped, err := deploymentPackage(k.file, code)
	if err != nil {
		return nil, err
	}
	path, err := s.createFunction(ctx, "page", role, k, zipped)
	return &callee{s, caller, path}, err
}

// book is what all callers ask for.
const book = "book?page=5"

// get is a signed GET of the function's URL. It is good for five minutes, as often as it is sent.
func (c *callee) get(ctx context.Context) (target, error) {
	r, err := c.signed(ctx, book)
	if err != nil {
		return target{}, err
	}
	return newTarget(r, nil)
}

// signed is a signed GET of a path below the function's URL.
func (c *callee) signed(ctx context.Context, path string) (*http.Request, error) {
	return signed(ctx, c.caller, "lambda", http.MethodGet, "http://"+c.server.address+c.path+path, "", nil)
}

// dial is a connection for such calls.
func (c *callee) dial(ctx context.Context) (*client, error) {
	get, err := c.get(ctx)
	if err != nil {
		return nil, err
	}
	return get.dial()
}

// measureCall is what the whole data plane adds to the bare Runtime API, for a single caller of a warm function.
func measureCall(ctx context.Context, b *bench, e effort) ([]row, error) {
	callee, err := b.deploy(ctx, goFunction)
	if err != nil {
		return nil, err
	}
	bare, err := b.newFloor(ctx)
	if err != nil {
		return nil, err
	}
	caller, err := callee.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer caller.close()
	if _, err := caller.latency(e.round); err != nil { // starts the function
		return nil, fmt.Errorf("%w\n%s", err, callee.server.log.String())
	}
	if _, err := bare.latency(e.round); err != nil {
		return nil, err
	}
	p, err := e.alternate(
		func() (float64, error) { return caller.latency(2 * e.round) },
		func() (float64, error) { return bare.latency(2 * e.round) },
	)
	if err != nil {
		return nil, err
	}
	added := p.ours - p.theirs
	return []row{
		{"signed GET into a warm Go function, added", took(added), "≤ 300 µs", added <= float64(300*time.Microsecond),
			fmt.Sprintf("%s, less %s for a bare Runtime API round trip", took(p.ours), took(p.theirs))},
	}, nil
}
