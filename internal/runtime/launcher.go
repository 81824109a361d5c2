package runtime

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// launcher knows how each kind of runtime is started on this machine.
type launcher struct {
	runtimeDir   string // where the embedded runtimes are
	cacheDir     string // where each Python function has a directory for compiled modules
	interpreters interpreters
}

// command is how a function is started.
type command struct {
	path        string
	args        []string // without argv[0]
	fromPackage bool     // path is of the function's package: that it does not start is the function's fault
	extra       []string // variables of this kind of runtime, NAME=value
	binDir      string   // goes in front of PATH, if not empty
	read        []string // what the runtime reads, besides the system and the package
	write       []string // directories that it writes
	remarks     []string // lines for the function's log
}

// ErrUnsupported is in the chain of the errors of Pool.Supported and Pool.Check.
var ErrUnsupported = errors.New("can not run on this machine")

// unsupported says what would help.
func unsupported(runtime, help string) error {
	return fmt.Errorf("runtime %s %w: %s", runtime, ErrUnsupported, help)
}

// language is one family of runtimes.
type language struct {
	name *regexp.Regexp // of the runtime; its group is the version
	// command says how to start fn, or what to install. A fn without CodeDir asks about the machine only.
	command func(ctx context.Context, l *launcher, fn *Function, version string) (*command, error)
}

var languages = sync.OnceValue(func() []language {
	return []language{
		{regexp.MustCompile(`^provided(\.al2|\.al2023)?$`), provided},
		{regexp.MustCompile(`^python(3\.\d+)$`), python},
		{regexp.MustCompile(`^nodejs(\d+)\.x$`), node},
		{regexp.MustCompile(`^java(\d+)(\.al2)?$`), java},
		{regexp.MustCompile(`^ruby(\d+\.\d+)$`), ruby},
	}
})

// command says how to start a function.
func (l *launcher) command(ctx context.Context, fn *Function) (*command, error) {
	for _, language := range languages() {
		if m := language.name.FindStringSubmatch(fn.Runtime); m != nil {
			return language.command(ctx, l, fn, m[1])
		}
	}
	return nil, unsupported(fn.Runtime, "furl runs provided.al2, provided.al2023, python3.9 and later, nodejs18.x and later, "+
		"and java and ruby with AWS's runtime client in the package")
}

// provided is for packages that bring their runtime: an executable "bootstrap".
func provided(_ context.Context, _ *launcher, fn *Function, _ string) (*command, error) {
	return &command{path: filepath.Join(fn.CodeDir, "bootstrap"), fromPackage: true}, nil
}

// wrapped puts the user's wrapper script, if there is one, before a command (AWS Lambda Developer Guide, "Modifying
// the runtime environment", Wrapper scripts). Runtimes that the package brings have none.
func (c *command) wrapped(fn *Function) *command {
	script := fn.Environment["AWS_LAMBDA_EXEC_WRAPPER"]
	if script == "" {
		return c
	}
	if rest, ok := strings.CutPrefix(script, "/var/task/"); ok {
		script = filepath.Join(fn.CodeDir, filepath.FromSlash(rest))
	}
	c.args = append([]string{c.path}, c.args...)
	c.path, c.fromPackage = script, true
	return c
}
