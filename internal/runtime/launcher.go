package runtime

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// launcher knows how each kind of runtime is started on this machine.
type launcher struct {
	runtimeDir string // where the embedded runtimes are
}

// ErrUnsupported is in the chain of every error of Supported and Check.
var ErrUnsupported = errors.New("runtime can not run here")

// unsupported says what would help.
func unsupported(runtime, why string) error {
	return fmt.Errorf("%s: %w: %s", runtime, ErrUnsupported, why)
}

// kind is one family of runtimes.
type kind struct {
	matches func(runtime string) bool
	// check reports why functions of this runtime can not run here; fn has a CodeDir only when the package is known.
	check   func(ctx context.Context, l *launcher, fn *Function) error
	command func(ctx context.Context, l *launcher, fn *Function) (*command, error)
}

var kinds = []kind{
	{isProvided, checkProvided, provided},
}

func (l *launcher) kind(runtime string) (kind, error) {
	for _, k := range kinds {
		if k.matches(runtime) {
			return k, nil
		}
	}
	return kind{}, unsupported(runtime, "furl runs provided.al2, provided.al2023, python3.9 and later, nodejs18.x and later, "+
		"and java and ruby with AWS's runtime client in the package")
}

func (l *launcher) check(ctx context.Context, fn *Function) error {
	k, err := l.kind(fn.Runtime)
	if err != nil {
		return err
	}
	return k.check(ctx, l, fn)
}

func (l *launcher) command(ctx context.Context, fn *Function) (*command, error) {
	k, err := l.kind(fn.Runtime)
	if err != nil {
		return nil, err
	}
	return k.command(ctx, l, fn)
}

// provided.* are packages that bring their own runtime: an executable "bootstrap".

func isProvided(runtime string) bool {
	return runtime == "provided" || runtime == "provided.al2" || runtime == "provided.al2023"
}

func checkProvided(context.Context, *launcher, *Function) error { return nil }

func provided(_ context.Context, _ *launcher, fn *Function) (*command, error) {
	return &command{path: filepath.Join(fn.CodeDir, "bootstrap")}, nil
}
