package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
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
	Path     string // of the real program, not of a version manager's shim: those read the user's environment
	Version  string
	Prefixes []string // the directories of its modules, those of a virtual environment and of its base included
	HasRIC   bool     // AWS's runtime interface client is installed for it

	exact bool // it has the version that the function names
}

// interpreters finds interpreters, and remembers those it found. It looks for a missing one again each time: the user
// may just have installed it.
type interpreters struct {
	mu    sync.Mutex
	found map[string]*interpreter
}

// probeTimeout bounds the start of an interpreter that only prints its version.
const probeTimeout = 10 * time.Second

// find answers the first of the programs on PATH that works and that accept lets pass, which also sets exact.
func (i *interpreters) find(ctx context.Context, programs, arguments []string, accept func(*interpreter) bool) (
	*interpreter, error) {
	key := programs[0]
	i.mu.Lock()
	known := i.found[key]
	i.mu.Unlock()
	if known != nil {
		return known, nil
	}
	var tried []error
	for _, program := range programs {
		candidate, err := probe(ctx, program, arguments)
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
		if i.found == nil {
			i.found = map[string]*interpreter{}
		}
		i.found[key] = candidate
		return candidate, nil
	}
	return nil, errors.Join(tried...)
}

// probe has a program describe itself. It runs in the server's own environment, which a version manager's shim needs.
func probe(ctx context.Context, program string, arguments []string) (*interpreter, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("no %s on PATH", program)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, arguments...)
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s does not work: %w", path, err)
	}
	var found interpreter
	if err := json.Unmarshal(out, &found); err != nil || found.Path == "" {
		return nil, fmt.Errorf("%s answers strangely: %.100q", path, out)
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

// remark is a line for the function's log if its interpreter does not have the version that the function names.
func (i *interpreter) remark(fn *Function) []string {
	if i.exact {
		return nil
	}
	return []string{fmt.Sprintf("furl: %s is not installed here; running on %s (version %s)",
		fn.Runtime, i.Path, i.Version)}
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
