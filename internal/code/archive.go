//go:build unix

package code

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// content is the entries of an archive that may be unpacked.
type content struct {
	directories []string // clean names, each directory after its parent
	files       []file
	links       []*link
}

// file is one file of an archive.
type file struct {
	name string // clean, relative, with slashes
	zip  *zip.File
}

// examine checks everything about an archive that can be known without unpacking it.
func examine(archive []byte, limit limits) (*content, error) {
	if int64(len(archive)) > limit.zipped {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrZippedTooLarge, len(archive), limit.zipped)
	}
	if err := checkCount(archive, limit.entries); err != nil {
		return nil, err
	}
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotZip, err)
	}
	if err := checkSize(reader.File, int64(len(archive)), limit.unzipped); err != nil {
		return nil, err
	}
	arranged, err := arrange(reader.File, limit.entries)
	if err == nil && len(arranged.files) == 0 && len(arranged.links) == 0 {
		return nil, ErrEmpty
	}
	return arranged, err
}

func tooMany(limit int) error {
	return fmt.Errorf("%w: more than %d files, directories and links", ErrTooManyEntries, limit)
}

// checkSize adds up the sizes that the archive declares. Unpacking takes no more than these. It refuses entries that
// share their compressed bytes, which could take any time to read.
func checkSize(files []*zip.File, zipped, unzipped int64) error {
	var compressed, total uint64
	for _, file := range files {
		if file.UncompressedSize64 > uint64(unzipped) || total+file.UncompressedSize64 > uint64(unzipped) {
			return fmt.Errorf("%w: more than %d bytes", ErrUnzippedTooLarge, unzipped)
		}
		if file.CompressedSize64 > uint64(zipped) || compressed+file.CompressedSize64 > uint64(zipped) {
			return fmt.Errorf("%w: its entries have more compressed bytes than there are in the archive", ErrNotZip)
		}
		total += file.UncompressedSize64
		compressed += file.CompressedSize64
	}
	return nil
}

// kind is what is in a place of an archive; zero is nothing.
type kind string

const (
	aFile      kind = "a file"
	aDirectory kind = "a directory"
	aLink      kind = "a symbolic link"
)

// arrange sorts the entries into directories, named or implied, files and links. It refuses two entries in one place
// unless both are a directory, and so everything below a file or a link: the program that unpacks would decide which
// of the two a function sees.
func arrange(entries []*zip.File, limit int) (*content, error) {
	var c content
	places := make(map[string]kind, len(entries))
	for _, e := range entries {
		name, err := checkEntry(e)
		if err != nil {
			return nil, err
		}
		what := kindOf(e)
		if what == aDirectory {
			name += "/" // so that it is its own parent below
		} else if places[name] == what {
			return nil, unsafeEntry(name, "is in the archive twice")
		} else if places[name] != "" {
			return nil, unsafeEntry(name, "is both "+string(what)+" and "+string(places[name]))
		} else {
			places[name] = what
		}
		switch what {
		case aFile:
			c.files = append(c.files, file{name, e})
		case aLink:
			c.links = append(c.links, &link{name: name, zip: e})
		}
		first := len(c.directories)
		for dir := parent(name); dir != "." && places[dir] != aDirectory; dir = parent(dir) {
			if places[dir] != "" {
				return nil, unsafeEntry(dir, "is both "+string(places[dir])+" and a directory")
			}
			places[dir] = aDirectory
			c.directories = append(c.directories, dir)
		}
		slices.Reverse(c.directories[first:])
		if len(places) > limit {
			return nil, tooMany(limit)
		}
	}
	return &c, checkLinks(c.links, places)
}

func kindOf(entry *zip.File) kind {
	switch mode := entry.Mode(); {
	case mode&fs.ModeSymlink != 0:
		return aLink
	case mode.IsDir():
		return aDirectory
	default:
		return aFile
	}
}

// parent is the directory of a clean name, "." at the top.
func parent(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return "."
}

// checkEntry returns the clean name under which an entry may be unpacked.
func checkEntry(entry *zip.File) (string, error) {
	const encrypted = 1 // bit of Flags
	mode := entry.Mode()
	switch {
	case mode&fs.ModeSymlink != 0 && mode.IsDir(): // a link by its mode, a directory by the / at its end
		return "", unsafeEntry(entry.Name, "is both a symbolic link and a directory")
	case mode.Type()&^(fs.ModeSymlink|fs.ModeDir) != 0:
		return "", unsafeEntry(entry.Name, "is neither a file nor a directory nor a link")
	case entry.Flags&encrypted != 0:
		return "", unsafeEntry(entry.Name, "is encrypted")
	}
	if err := checkName(entry.Name); err != nil {
		return "", err
	}
	name := path.Clean(entry.Name)
	if name == "." && !mode.IsDir() {
		return "", unsafeEntry(entry.Name, "is a file without a name")
	}
	return name, nil
}

// Some file systems in use do not take longer or deeper names than these, or only slowly.
const (
	maxName    = 1024 // bytes of a name
	maxElement = 255  // bytes between two slashes
	maxDepth   = 64   // elements
)

// checkName refuses names that lead elsewhere, or that a file system may refuse.
func checkName(name string) error {
	switch {
	case len(name) > maxName:
		return unsafeEntry(name, fmt.Sprintf("has a name of %d bytes, the limit is %d", len(name), maxName))
	case strings.ContainsAny(name, "\\\x00"):
		return unsafeEntry(name, "has a backslash or a zero byte in its name; zip it with / between directories")
	case strings.HasPrefix(name, "/"):
		return unsafeEntry(name, "has an absolute name")
	case strings.Count(name, "/") >= maxDepth:
		return unsafeEntry(name, fmt.Sprintf("is more than %d directories deep", maxDepth))
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == ".." {
			return unsafeEntry(name, "leads out of the package")
		}
		if len(element) > maxElement {
			return unsafeEntry(name,
				fmt.Sprintf("has a part of %d bytes in its name, the limit is %d", len(element), maxElement))
		}
	}
	return nil
}

// unsafeEntry says what is wrong with the entry of that name.
func unsafeEntry(name, what string) error {
	return fmt.Errorf("%w: %s %s", ErrUnsafeEntry, quoted(name), what)
}

// quoted is the beginning of a name or target, for a message.
func quoted(name string) string {
	const most = 80
	if len(name) > most {
		name = name[:most] + "…"
	}
	return strconv.Quote(name)
}
