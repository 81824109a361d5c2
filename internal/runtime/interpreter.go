//go:build unix

package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// interpreter is a program of this machine that runs functions.
type interpreter struct {
	Path       string // of the real program, not of a version manager's shim: those read the user's environment
	Version    string
	Prefixes   []string // the directories of its modules, those of a virtual environment and of its base included
	HasDebugpy bool     // debugpy is installed for it
	HasRIC     bool     // AWS's runtime interface client is installed for it

	exact bool // it has the version that the function names
}

// interpreters finds interpreters, and remembers those it found. It looks for a missing one again each time: the user
// may just have installed it.
type interpreters struct {
	mu      sync.Mutex
	found   map[string]*interpreter
	looking map[string]chan struct{} // has room for one who looks for a program, and the others wait for what that one finds
}

// probeTimeout bounds the start of an interpreter that only prints its version.
const probeTimeout = 10 * time.Second

// find answers the first of the programs on PATH that works and that accept lets pass, which also sets exact.
func (i *interpreters) find(ctx context.Context, programs, arguments []string, describe description,
	accept func(*interpreter) bool) (*interpreter, error) {
	key := programs[0]
	known, looking := i.remembered(key)
	if known != nil {
		return known, nil
	}
	select {
	case looking <- struct{}{}:
		defer func() { <-looking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if known, _ = i.remembered(key); known != nil {
		return known, nil
	}
	var tried []error
	for _, program := range programs {
		candidate, err := probe(ctx, program, arguments, describe)
		if machine.Lacking(err) != nil {
			return nil, err // the program may be there
		}
		if err != nil {
			tried = append(tried, err)
			continue
		}
		if !accept(candidate) {
			tried = append(tried, fmt.Errorf("%s is version %s", candidate.Path, candidate.Version))
			continue
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		i.found[key] = candidate
		return candidate, nil
	}
	return nil, errors.Join(tried...)
}

// remembered is the interpreter that was found for a program, nil if none was, and the room of those who look for it.
func (i *interpreters) remembered(key string) (known *interpreter, looking chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.found == nil {
		i.found, i.looking = map[string]*interpreter{}, map[string]chan struct{}{}
	}
	if i.looking[key] == nil {
		i.looking[key] = make(chan struct{}, 1)
	}
	return i.found[key], i.looking[key]
}

// description reads what an interpreter prints about itself. A Path that is empty is none.
type description func(stdout, stderr []byte) (interpreter, error)

// described is the description of interpreters that print JSON.
func described(stdout, _ []byte) (found interpreter, err error) {
	err = json.Unmarshal(stdout, &found)
	return found, err
}

var (
	javaHome = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^ *java\.home = (.+?)\r?$`)
	})
	javaVersion = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^ *java\.specification\.version = (?:1\.)?([0-9.]+)`)
	})
)

// describedByJava is the description of Java, which prints its properties. One that does not is taken as it is.
func describedByJava(_, stderr []byte) (found interpreter, err error) {
	found.Path = "java"
	home, version := javaHome().FindSubmatch(stderr), javaVersion().FindSubmatch(stderr)
	if home != nil && version != nil {
		found.Path, found.Version = filepath.Join(string(home[1]), "bin", "java"), string(version[1])
	}
	return found, nil
}

// describedByRuby is described for Ruby. One that says nothing is taken as it is.
func describedByRuby(stdout, stderr []byte) (interpreter, error) {
	if found, err := described(stdout, stderr); err == nil {
		return found, nil
	}
	return interpreter{Path: "ruby"}, nil
}

// probe has a program describe itself. It runs in the server's own environment, which a version manager's shim needs:
// the shim runs what it really gives, and that says where it is.
func probe(ctx context.Context, program string, arguments []string, describe description) (*interpreter, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("no %s on PATH", program)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, arguments...)
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s does not work: %w", path, err)
	}
	found, err := describe(stdout.Bytes(), stderr.Bytes())
	if err != nil || found.Path == "" {
		return nil, fmt.Errorf("%s answers strangely: %.100q", path, stdout.Bytes())
	}
	if !filepath.IsAbs(found.Path) {
		found.Path = path
	}
	return &found, nil
}

// home is the files and directories of its installation, which it reads.
func (i *interpreter) home() []string {
	return append(sandbox.InterpreterHome(i.Path), i.Prefixes...)
}

// modules is where npm installs packages for all of the user's programs, empty if there is none.
func (i *interpreter) modules() string {
	dir := filepath.Join(filepath.Dir(i.Path), "..", "lib", "node_modules")
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

// fallback is a line for the logs if the interpreter does not have the version that the function names.
func (i *interpreter) fallback(fn *Function) string {
	if i.exact {
		return ""
	}
	return fmt.Sprintf("%s is not installed here; running on %s (version %s)", fn.Runtime, i.Path, i.Version)
}

// sameVersion compares as many parts of a version as want has: "3.13.2" is the same as "3.13".
func sameVersion(got, want string) bool {
	return got == want || strings.HasPrefix(got, want+".")
}

// oneLine makes an error of several readable in the middle of another.
func oneLine(err error) string {
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// olderThan compares dotted versions by their numbers, as far as both go: "3.7" is older than "3.11.7".
func olderThan(a, b string) bool {
	left, right := strings.Split(a, "."), strings.Split(b, ".")
	for k := range min(len(left), len(right)) {
		x, errX := strconv.Atoi(left[k])
		y, errY := strconv.Atoi(right[k])
		if errX != nil || errY != nil {
			return false
		}
		if x != y {
			return x < y
		}
	}
	return false
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// glob lists what is below dir under a pattern for each level. Unlike filepath.Glob it fails if a directory cannot be
// read: there may be no file descriptor for it.
func glob(dir string, patterns ...string) ([]string, error) {
	found := []string{dir}
	for _, pattern := range patterns {
		var below []string
		for _, dir := range found {
			entries, err := os.ReadDir(dir)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
				continue
			}
			if err != nil {
				return nil, err
			}
			for _, entry := range entries {
				if matches, err := filepath.Match(pattern, entry.Name()); err != nil {
					return nil, err
				} else if matches {
					below = append(below, filepath.Join(dir, entry.Name()))
				}
			}
		}
		found = below
	}
	return found, nil
}
