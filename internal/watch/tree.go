package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// tree is what is watched: real directories, and the paths that files in them have below the roots.
type tree struct {
	roots   []string
	rules   rules
	watched map[string]*directory // by real path
	found   []string              // files of directories that came
	full    bool                  // there are more directories than may be

	skip  []string // never watched
	inner []string // real paths that links may lead into
}

// directory is a real directory.
type directory struct {
	// places are the paths of the directory below the roots, with the root of each.
	places []place
	// links are the entries that matter, though the directory is not below a root: files that a link leads to, roots
	// and the directories above them. A path is what is reported of it; "" for what only changes the tree.
	links map[string][]string
}

type place struct{ root, path string }

// names are what an entry of a directory is called.
type names struct {
	paths     []string
	structure bool // directories or links may have come or gone
}

func (t *tree) names(dir, name string) names {
	var out names
	known := t.watched[dir]
	if known == nil {
		return out
	}
	info, err := os.Lstat(filepath.Join(dir, name))
	gone := err != nil
	special := gone || !info.Mode().IsRegular()
	isDir := gone
	if special && !gone {
		target, err := os.Stat(filepath.Join(dir, name))
		isDir = err == nil && target.IsDir()
	}
	for _, place := range known.places {
		path := filepath.Join(place.path, name)
		if t.hidden(path) || t.rules.ignores(place.root, path, isDir) || t.rules.ignores(place.root, path, false) {
			continue
		}
		out.structure = out.structure || special
		if !isDir || gone {
			out.paths = append(out.paths, path)
		}
	}
	for _, path := range known.links[name] {
		out.structure = true
		if path != "" {
			out.paths = append(out.paths, path)
		}
	}
	return out
}

// hidden reports whether a path is one that is never watched.
func (t *tree) hidden(path string) bool {
	return slices.ContainsFunc(t.skip, func(dir string) bool { return within(dir, path) })
}

// below are the watched directories at a path and below it.
func (t *tree) below(dir string) []string {
	var all []string
	for watched := range t.watched {
		if within(dir, watched) {
			all = append(all, watched)
		}
	}
	return all
}

// scan finds the directories to watch. add is told each before its entries are read, so that none is missed, and
// reports whether its files are news.
func (t *tree) scan(config Config, add func(dir string) (news bool)) {
	t.inner, t.skip = []string{real(config.Base)}, nil
	for _, root := range t.roots {
		t.inner = append(t.inner, real(root))
	}
	for _, dir := range config.Skip {
		t.skip = append(t.skip, dir, real(dir))
	}
	t.rules = rules{base: config.Base, usual: ParseIgnore(usual), files: map[string]Ignore{}}
	t.watched, t.full, t.found = map[string]*directory{}, false, nil
	if add == nil {
		add = func(string) bool { return false }
	}
	s := scanner{tree: t, add: add, news: map[string]bool{}}
	for _, root := range t.roots {
		s.root(root)
	}
}

// scanner walks.
type scanner struct {
	*tree
	add  func(string) bool
	news map[string]bool // whether the files of a directory are news
}

// directory is the record of a real directory, which is watched from now on; nil if there are too many.
func (s *scanner) directory(path string) *directory {
	known := s.watched[path]
	if known == nil {
		if len(s.watched) >= MaxDirectories {
			s.full = true
			return nil
		}
		known = &directory{}
		s.watched[path] = known
		s.news[path] = s.add(path)
	}
	return known
}

// link has changes of one entry of a directory noted, as those of another path.
func (s *scanner) link(dir, name, path string) {
	if known := s.directory(dir); known != nil && !slices.Contains(known.links[name], path) {
		if known.links == nil {
			known.links = map[string][]string{}
		}
		known.links[name] = append(known.links[name], path)
	}
}

// root walks one root. The directories above it are watched for its name alone: it may go, and come back, and so may
// they, such as when a tool builds everything anew.
func (s *scanner) root(root string) {
	info, err := os.Stat(root)
	isDir := err == nil && info.IsDir()
	if s.hidden(root) || s.rules.ignoresAbove(root, isDir) {
		return
	}
	report := root
	for path := root; ; path = filepath.Dir(path) {
		above := filepath.Dir(path)
		if above == path {
			break
		}
		if resolved, err := filepath.EvalSymlinks(above); err == nil {
			s.link(resolved, filepath.Base(path), report)
			if !within(s.rules.base, above) || above == s.rules.base {
				break
			}
		}
		report = ""
	}
	switch {
	case isDir:
		if resolved, err := filepath.EvalSymlinks(root); err == nil {
			s.walk(root, resolved)
		}
	case err == nil:
		s.target(root)
	}
}

// target has changes of the file noted that a link leads to, over all links on the way: a file that is replaced through
// a link in the middle is another one, too.
func (s *scanner) target(path string) {
	const most = 40 // as many as Linux follows
	link := path
	for range most {
		info, err := os.Lstat(link)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return
		}
		text, err := os.Readlink(link)
		if err != nil {
			return
		}
		if !filepath.IsAbs(text) {
			text = filepath.Join(filepath.Dir(link), text)
		}
		dir, err := filepath.EvalSymlinks(filepath.Dir(text))
		if err != nil || !s.inside(dir) {
			return
		}
		link = filepath.Join(dir, filepath.Base(text))
		s.link(dir, filepath.Base(text), path)
	}
}

// inside reports whether a real path is in the project: below its base, or below a root.
func (s *scanner) inside(path string) bool {
	return slices.ContainsFunc(s.inner, func(dir string) bool { return within(dir, path) })
}

// walk watches a directory and those below it. Each real directory has one place below a root, the nearest to it,
// however many links lead to it: links in a circle end.
func (s *scanner) walk(root, resolved string) {
	type step struct{ path, resolved string }
	done := map[string]bool{}
	for queue := []step{{root, resolved}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		known := s.directory(at.resolved)
		if known == nil || done[at.resolved] {
			continue
		}
		done[at.resolved] = true
		known.places = append(known.places, place{root, at.path})
		entries, err := os.ReadDir(at.resolved)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			path, to := filepath.Join(at.path, entry.Name()), filepath.Join(at.resolved, entry.Name())
			isLink, isDir := entry.Type()&fs.ModeSymlink != 0, entry.IsDir()
			if isLink {
				info, err := os.Stat(to)
				isDir = err == nil && info.IsDir()
			}
			if s.hidden(path) || s.hidden(to) || s.rules.ignores(root, path, isDir) {
				continue
			}
			if isDir && isLink {
				target, err := filepath.EvalSymlinks(to)
				if err == nil && s.inside(target) && !s.hidden(target) {
					queue = append(queue, step{path, target})
				}
				continue
			}
			if isDir {
				queue = append(queue, step{path, to})
				continue
			}
			if isLink {
				s.target(path)
			}
			if s.news[at.resolved] && entry.Name() != IgnoreFile {
				s.found = append(s.found, path)
			}
		}
	}
}

// look is what each file under watch is now.
func (t *tree) look() map[string]fs.FileInfo {
	seen := map[string]fs.FileInfo{}
	see := func(file, path string) {
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			seen[path] = info
		}
	}
	for dir, known := range t.watched {
		for name, paths := range known.links {
			for _, path := range paths {
				if path != "" {
					see(filepath.Join(dir, name), path)
				}
			}
		}
		if len(known.places) == 0 {
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if entry.IsDir() || entry.Name() == IgnoreFile {
				continue
			}
			for _, place := range known.places {
				path := filepath.Join(place.path, entry.Name())
				if !t.hidden(path) && !t.rules.ignores(place.root, path, false) {
					see(filepath.Join(dir, entry.Name()), path)
				}
			}
		}
	}
	return seen
}

// same reports whether a file was not touched between two looks.
func same(a, b fs.FileInfo) bool {
	return a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode() && os.SameFile(a, b)
}

// real is a path without symbolic links, or the path itself if that cannot be found out.
func real(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return path
}
