//go:build unix

package code

import (
	"archive/zip"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"
)

// link is a symbolic link of an archive.
type link struct {
	name   string // clean, relative, with slashes
	target string // as it is in the archive
	zip    *zip.File

	followed state
	end      place
	hops     int // links on the way, including this one
}

type state int

const (
	notYet state = iota
	underWay
	done
)

// place is where a path leads.
type place struct {
	path string // clean, of what is in the package
	kind kind   // zero for what is not in the package
}

const (
	maxTarget  = 1024    // bytes of a link's target
	maxTargets = 4 << 20 // of all together
	maxHops    = 32      // that every system follows in one path
)

// layers is where Lambda has the layers of a function. Their content is unknown here.
const layers = "opt"

// taskRoot is where Lambda has the code directory.
const taskRoot = "/var/task"

// checkLinks reads the targets of links and refuses those that lead out of the package, except to the layers. It
// follows them through the archive as the system does, through other links.
func checkLinks(links []*link, places map[string]kind) error {
	byName := make(map[string]*link, len(links))
	total := 0
	for _, l := range links {
		if err := l.read(); err != nil {
			return err
		}
		if total += len(l.target); total > maxTargets {
			return fmt.Errorf("%w: symbolic links with more than %d bytes together", ErrTooManyEntries, maxTargets)
		}
		byName[l.name] = l
	}
	for _, l := range links {
		if err := l.follow(byName, places, 1); err != nil {
			return err
		}
	}
	return nil
}

// read reads the target, which is the content of the entry.
func (l *link) read() error {
	if l.zip.UncompressedSize64 > maxTarget {
		return l.refused(fmt.Sprintf("with a target of %d bytes, the limit is %d", l.zip.UncompressedSize64, maxTarget))
	}
	in, err := l.zip.Open()
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotZip, l.name, err)
	}
	defer in.Close()
	target, err := io.ReadAll(io.LimitReader(in, maxTarget+1))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotZip, l.name, err)
	}
	switch l.target = string(target); {
	case l.target == "":
		return l.refused("to nothing")
	case strings.ContainsAny(l.target, "\\\x00"):
		return l.refused("with a backslash or a zero byte in its target")
	}
	return nil
}

// follow finds out where the link leads.
func (l *link) follow(links map[string]*link, places map[string]kind, depth int) error {
	switch {
	case l.followed == done:
		return nil
	case l.followed == underWay:
		return l.refused("that leads to itself")
	case depth > maxHops:
		return l.refused(fmt.Sprintf("that leads through more than %d others", maxHops))
	case strings.HasPrefix(l.target, "/"):
		return l.absolute()
	}
	l.followed, l.hops = underWay, 1
	at := place{parent(l.name), aDirectory}
	for element := range strings.SplitSeq(l.target, "/") {
		switch element {
		case "", ".":
			continue
		case "..":
			// Only the parent of a directory of the package is known: anything else may be in the layers, or have a
			// name that this file system takes for another one.
			if at.kind != aDirectory || at.path == "." {
				return l.leadsOut()
			}
			at.path = parent(at.path)
			continue
		}
		if at.kind != aDirectory {
			at = place{} // below a file there is nothing; below the layers it is the same as in them
			continue
		}
		at.path = path.Join(at.path, element)
		if at.kind = places[at.path]; at.kind == aLink {
			next := links[at.path]
			if err := next.follow(links, places, depth+1); err != nil {
				return err
			}
			l.hops += next.hops
			at = next.end
		}
	}
	if l.hops > maxHops {
		return l.refused(fmt.Sprintf("that leads through more than %d others", maxHops))
	}
	l.followed, l.end = done, at
	return nil
}

// absolute accepts a link to the layers.
func (l *link) absolute() error {
	first := true
	for element := range strings.SplitSeq(l.target, "/") {
		switch {
		case element == "", element == ".":
		case element == "..", first && element != layers:
			return l.leadsOut()
		default:
			first = false
		}
	}
	if first { // it is the root directory
		return l.leadsOut()
	}
	l.followed, l.hops = done, 1
	return nil
}

func (l *link) leadsOut() error {
	clean := path.Clean(l.target)
	if rest, ok := strings.CutPrefix(clean, taskRoot); ok && (rest == "" || rest[0] == '/') {
		if relative, err := filepath.Rel(path.Dir(l.name), path.Join(".", rest)); err == nil {
			return l.refused("into " + taskRoot + ", where only AWS has the package; make it relative, to " +
				quoted(relative))
		}
	}
	return l.refused("to " + quoted(l.target) +
		", which is not in the package; zip without --symlinks to include what it points to")
}

func (l *link) refused(why string) error { return unsafeEntry(l.name, "is a symbolic link "+why) }
