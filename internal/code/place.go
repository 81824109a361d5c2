//go:build unix

package code

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/snippet"
)

// Places are what functions may run besides kept packages: directories of this machine, in place, and web servers. Only
// the person who starts the server names them, because a function can read the directory that it is in.
type Places struct {
	roots     []string // real paths, the longest first
	named     []string // the same as they were given
	upstreams []string // as ParseUpstream writes them
	hidden    []string // directories of the server, which no function sees
}

// NewPlaces finds the directories, whose links it follows once and for all, and the addresses.
func NewPlaces(roots, upstreams, hidden []string) (*Places, error) {
	p := &Places{hidden: hidden}
	for _, dir := range roots {
		real, err := Root(dir)
		if err != nil {
			return nil, err
		}
		p.roots = append(p.roots, real)
		if abs, err := filepath.Abs(dir); err == nil {
			p.named = append(p.named, abs)
		}
	}
	slices.SortStableFunc(p.roots, func(a, b string) int { return len(b) - len(a) })
	for _, text := range upstreams {
		upstream, err := ParseUpstream(text)
		if err != nil {
			return nil, err
		}
		p.upstreams = append(p.upstreams, upstream)
	}
	return p, nil
}

// systemDirectories hold more than one project, for each user.
const systemDirectories = "/ /bin /boot /dev /etc /home /lib /lib64 /proc /root /run /sbin /sys /tmp " +
	"/usr /var /Users /private /private/tmp"

// Root is the real path of a directory whose content functions may run in place. It refuses those that have more in
// them than a project: all of the machine, and the user's own directory with its credentials.
func Root(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("directory %s: %w", dir, err)
	}
	real, err := realDirectory(abs)
	if err != nil {
		return "", err
	}
	home, err := os.UserHomeDir()
	if err == nil {
		home, err = filepath.EvalSymlinks(home)
	}
	switch {
	case slices.Contains(strings.Fields(systemDirectories), real):
		return "", fmt.Errorf("directory %s belongs to the system: name the directory of a project", real)
	case err == nil && home != "/" && isWithin(real, home):
		return "", fmt.Errorf("directory %s has your credentials in it, such as those in %s: name the directory of a project",
			real, filepath.Join(home, ".aws"))
	}
	return real, nil
}

// realDirectory follows the links of a path and makes sure that it leads to a directory that can be read.
func realDirectory(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("directory %s: %w", path, cause(err))
	}
	dir, err := os.Open(real)
	if err != nil {
		return "", fmt.Errorf("directory %s: %w", path, cause(err))
	}
	defer dir.Close()
	if info, err := dir.Stat(); err != nil {
		return "", fmt.Errorf("directory %s: %w", path, cause(err))
	} else if !info.IsDir() {
		return "", fmt.Errorf("%s is not a directory", path)
	}
	if _, err := dir.Readdirnames(1); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("directory %s: %w", path, cause(err))
	}
	return real, nil
}

// cause is what is wrong with a path, without the operation and the path that it was found out with.
func cause(err error) error {
	if fault := (*os.PathError)(nil); errors.As(err, &fault) {
		return fault.Err
	}
	return err
}

// isWithin reports whether path is dir or below it. Both are absolute and clean.
func isWithin(dir, path string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}

// CodeDir is the directory that a path stands for, with all links followed. The error says what is wrong with the path.
func (p *Places) CodeDir(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("%q is not the absolute path of a directory", path)
	}
	real, err := realDirectory(path)
	inside := err == nil && p.RootOf(real) != ""
	if clean := filepath.Clean(path); !inside && !p.isNamed(clean) { // which says nothing about what is there
		return "", notWithin(clean)
	}
	if err != nil {
		return "", err
	}
	if !inside {
		return "", fmt.Errorf("%s leads out of the server's code directories: %w", path, notWithin(real))
	}
	for _, hidden := range p.hidden {
		if hidden, err := filepath.EvalSymlinks(hidden); err == nil && isWithin(hidden, real) {
			return "", fmt.Errorf("%s is in a directory of the server itself, which functions do not see", path)
		}
	}
	return real, nil
}

// isNamed reports whether a path is below a root by its text.
func (p *Places) isNamed(path string) bool {
	return p.RootOf(path) != "" || slices.ContainsFunc(p.named, func(dir string) bool { return isWithin(dir, path) })
}

func notWithin(dir string) error {
	return fmt.Errorf("the server uses directories in place only below those that it was started with: "+
		"start it with furl serve --code-dir %s", snippet.Quote(dir))
}

// Linked are the directories of the project that a directory's packages are linked to, besides itself: those of a
// workspace of npm, pnpm or Yarn. What package managers have installed is not among them.
func (p *Places) Linked(dir string) []string {
	const modules = "node_modules"
	root := p.RootOf(dir)
	found := map[string]bool{}
	look := func(pattern string) {
		names, _ := filepath.Glob(pattern) //nolint:errcheck // the pattern is good
		for _, name := range names {
			target, err := filepath.EvalSymlinks(name)
			if err != nil || isWithin(dir, target) || isWithin(target, dir) || p.RootOf(target) == "" ||
				strings.Contains(target, "/"+modules+"/") {
				continue
			}
			if info, err := os.Stat(target); err == nil && info.IsDir() {
				found[target] = true
			}
		}
	}
	for at := dir; root != "" && isWithin(root, at); at = filepath.Dir(at) { // as Node.js looks for packages
		escaped := globEscape(filepath.Join(at, modules))
		look(escaped + "/[^@.]*")
		look(escaped + "/@*/*")
		if at == "/" {
			break
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// globEscape is a pattern that matches a path alone.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// RootOf is the server's code directory that contains a directory, the nearest one; "" if none does.
func (p *Places) RootOf(dir string) string {
	for _, root := range p.roots {
		if isWithin(root, dir) {
			return root
		}
	}
	return ""
}

// Upstream is the address of a web server that functions may be, as ParseUpstream writes it.
func (p *Places) Upstream(text string) (string, error) {
	upstream, err := ParseUpstream(text)
	if err != nil {
		return "", err
	}
	if !p.HasUpstream(upstream) {
		return "", fmt.Errorf("the server passes requests on only to the web servers that it was started with: "+
			"start it with furl serve --http-upstream %s", upstream)
	}
	return upstream, nil
}

// HasUpstream reports whether functions may be the web server at an address that ParseUpstream wrote.
func (p *Places) HasUpstream(address string) bool { return slices.Contains(p.upstreams, address) }

// ParseUpstream writes the address of a web server in its one form, such as http://127.0.0.1:8000.
func ParseUpstream(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", fmt.Errorf("%q is not the address of a web server, such as http://127.0.0.1:8000", text)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return "", fmt.Errorf("%q has no port that a web server can have", text)
	}
	return "http://" + net.JoinHostPort(strings.ToLower(u.Hostname()), strconv.FormatUint(number, 10)), nil
}
