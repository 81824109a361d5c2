package sandbox

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/runtime/sandbox/helper"
)

// view is the part of the file system that a function sees: what stands at each path. A path that is not in it, nor
// below one that is, does not exist in a mount namespace, and is denied by Landlock.
type view map[string]node

type node struct {
	kind   helper.Kind
	source string // "" is the path itself
}

// systemDirectories can be read by every user. On most systems some of them are links to others.
var systemDirectories = []string{
	"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr", "/etc", "/opt", "/nix/store", "/gnu/store",
	"/sys/devices/system", "/sys/fs/cgroup",
}

// devices are those that affect no other process.
var devices = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}

// system is what every function sees.
func system() view {
	v := view{"/proc": {kind: helper.Proc}}
	v.openAll(helper.Bind, systemDirectories...)
	for _, device := range devices {
		v[device] = node{kind: helper.Device}
	}
	// Configuration may stand elsewhere and be linked to: /etc/resolv.conf does in many systems.
	for _, dir := range []string{"/etc", "/etc/ssl", "/etc/pki/tls", "/etc/alternatives"} {
		entries, _ := os.ReadDir(dir) //nolint:errcheck // what it cannot list has no links
		for _, entry := range entries {
			if entry.Type()&fs.ModeSymlink != 0 {
				v.openLinked(filepath.Join(dir, entry.Name()))
			}
		}
	}
	if os.Geteuid() == 0 {
		v.coverSecrets("/etc")
	}
	return v
}

// openLinked shows what a link leads to. If that is a file that others replace by renaming, as resolvconf and
// systemd-resolved do, a mount of the file alone would grow stale: so openLinked shows the file's directory where that
// is deep enough to hold nothing else.
func (v view) openLinked(link string) {
	resolved, err := filepath.EvalSymlinks(link)
	if err != nil || v.shows(resolved) ||
		contains("/proc", resolved) || contains("/sys", resolved) || contains("/dev", resolved) {
		return
	}
	if info, err := os.Stat(resolved); err != nil || !info.IsDir() && !info.Mode().IsRegular() {
		return
	} else if dir := filepath.Dir(resolved); !info.IsDir() && strings.Count(dir, "/") >= 3 {
		v.open(dir, helper.Bind)
	}
	v.open(link, helper.Bind)
}

// coverSecrets takes out of dir what only its owner may read: mode bits keep nothing from a server that runs as root,
// nor from its functions.
func (v view) coverSecrets(dir string) {
	filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error { //nolint:errcheck // never fails
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return nil
		}
		info, err := entry.Info()
		if err != nil || info.Mode().Perm()&0o004 != 0 {
			return nil
		}
		v[path] = node{kind: helper.Cover}
		if entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}

// openAll shows the files and directories; "" is none.
func (v view) openAll(kind helper.Kind, paths ...string) {
	for _, path := range paths {
		if path != "" {
			v.open(path, kind)
		}
	}
}

// maxLinks is how many symbolic links the kernel follows in one path (path_resolution(7)).
const maxLinks = 40

// open shows a file or directory, and the links that lead to it. It does nothing if there is none.
func (v view) open(path string, kind helper.Kind) {
	rest := strings.Split(strings.Trim(filepath.Clean(path), "/"), "/")
	at := "/"
	for links := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		target, err := os.Readlink(next)
		if err != nil {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return
		}
		v[next] = node{helper.Link, target}
		if filepath.IsAbs(target) {
			at = "/"
		}
		// The kernel resolves a link from the real directory that it stands in, component by component.
		rest = append(strings.Split(strings.Trim(target, "/"), "/"), rest...)
	}
	if _, err := os.Lstat(at); err != nil {
		return
	}
	if old, ok := v[at]; ok && old.kind == helper.Writable {
		return
	}
	v[at] = node{kind: kind}
}

// shows reports whether a path, without links, is in the view.
func (v view) shows(path string) bool {
	_, n, ok := v.above(path)
	return ok && (n.kind == helper.Bind || n.kind == helper.Writable) && n.source == ""
}

// above finds the nearest node at path or above it.
func (v view) above(path string) (string, node, bool) {
	for {
		if n, ok := v[path]; ok {
			return path, n, true
		}
		if path == "/" {
			return "", node{}, false
		}
		path = filepath.Dir(path)
	}
}

// hide takes a directory out of the view. What is shown below it stays.
func (v view) hide(dir string) {
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	if v.shows(dir) {
		v[dir] = node{helper.Temp, "size=64k,mode=755"}
	}
}

// lay shows the directory source at target. What the view already has below target stays, such as an interpreter in
// /opt: then source is laid around it, entry by entry.
func (v view) lay(target, source string) {
	crowded := false
	for path := range v {
		crowded = crowded || contains(target, path)
	}
	if !crowded {
		v[target] = node{helper.Bind, source}
		return
	}
	entries, _ := os.ReadDir(source) //nolint:errcheck // a file has no entries, and leaves the place to what is there
	for _, entry := range entries {
		path, from := filepath.Join(target, entry.Name()), filepath.Join(source, entry.Name())
		if _, taken := v[path]; taken {
			continue
		}
		if link, err := os.Readlink(from); err == nil {
			v[path] = node{helper.Link, link}
		} else {
			v.lay(path, from)
		}
	}
}

// leadsTo reports whether a path is dir or below it when its links are followed.
func leadsTo(dir, path string) bool {
	resolved, err := filepath.EvalSymlinks(path)
	return err == nil && contains(dir, resolved)
}

// private gives the view what a mount namespace has for itself: home as /tmp, and a /dev of its own.
func (v view) private(home string) {
	v["/tmp"], v["/var/tmp"] = node{helper.Writable, home}, node{helper.Writable, home}
	v["/dev/shm"] = node{helper.Temp, "size=64m,mode=1777"}
	for link, target := range map[string]string{
		"/dev/fd": "/proc/self/fd", "/dev/stdin": "fd/0", "/dev/stdout": "fd/1", "/dev/stderr": "fd/2",
	} {
		v[link] = node{helper.Link, target}
	}
}

// mounts are the view as the helper mounts it: upper directories come first, and what a mount shows anyway is left out.
func (v view) mounts() []helper.Mount {
	var all []helper.Mount
	placed := view{}
	for _, path := range v.paths() {
		n := v[path]
		if !placed.needs(path, n) {
			continue
		}
		placed[path] = n
		all = append(all, helper.Mount{Kind: n.kind, Target: path, Source: cmp.Or(n.source, path)})
	}
	return all
}

// needs reports whether a node must be mounted over what is placed already.
func (v view) needs(path string, n node) bool {
	shown := v.shows(path)
	switch n.kind {
	case helper.Link:
		return !shown
	case helper.Bind:
		return !shown || n.source != ""
	case helper.Writable:
		_, above, _ := v.above(path)
		return !shown || above.kind != helper.Writable
	case helper.Cover:
		return shown
	default:
		return true
	}
}

// paths are sorted so that upper directories come first.
func (v view) paths() []string {
	return slices.SortedFunc(maps.Keys(v), func(a, b string) int {
		return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
	})
}

// rules are the view for Landlock where there is no mount namespace. Rules only add, so a directory with something
// hidden below it has rules for its other entries instead of itself.
func (v view) rules() []helper.Rule {
	var all []helper.Rule
	for _, path := range v.paths() {
		switch n := v[path]; n.kind {
		case helper.Bind, helper.Proc:
			all = append(all, v.around(path, false)...)
		case helper.Writable, helper.Device:
			all = append(all, v.around(path, true)...)
		case helper.Link, helper.Temp, helper.Cover:
		}
	}
	return all[:min(len(all), maxRules)]
}

// maxRules bounds what a directory with very many entries makes of a Landlock domain. What has no rule is denied.
const maxRules = 4096

// around is a rule for a directory or, if it has hidden ones below it, rules for all but those, and one for listing it,
// without which interpreters do not find what is in it. With that the names of hidden files can be seen, as those of all
// others are where there is no mount namespace; what is in them cannot.
func (v view) around(dir string, write bool) []helper.Rule {
	hidden := func(n node) bool { return n.kind == helper.Temp || n.kind == helper.Cover }
	if hidden(v[dir]) {
		return nil
	}
	hides := false
	for path, n := range v {
		hides = hides || hidden(n) && contains(dir, path)
	}
	if !hides {
		return []helper.Rule{{Path: dir, Write: write}}
	}
	all := []helper.Rule{{Path: dir, List: true}}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if entry.Type()&fs.ModeSymlink == 0 { // a rule for a link would be one for what it leads to
			all = append(all, v.around(filepath.Join(dir, entry.Name()), write)...)
		}
	}
	return all
}
