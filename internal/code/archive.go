package code

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// content is what an archive that may be unpacked consists of.
type content struct {
	directories []string // clean names, every directory after the one it is in
	files       []file
}

// file is one file of an archive.
type file struct {
	name string // clean, relative, with slashes
	zip  *zip.File
}

// directoryHeader is how each entry of an archive's directory begins.
var directoryHeader = []byte("PK\x01\x02")

// examine checks everything about an archive that can be known without unpacking it.
func examine(archive []byte, limit limits) (*content, error) {
	if int64(len(archive)) > limit.zipped {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrZippedTooLarge, len(archive), limit.zipped)
	}
	// The zip package reads the whole directory into memory, at several times its size. Archives within archives can
	// make this count too high, so it only stops what is far beyond.
	if n := bytes.Count(archive, directoryHeader); n > 4*limit.entries {
		return nil, tooMany(limit.entries)
	}
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotZip, err)
	}
	if len(reader.File) > limit.entries {
		return nil, tooMany(limit.entries)
	}
	if err := checkSize(reader.File, limit.unzipped); err != nil {
		return nil, err
	}
	arranged, err := arrange(reader.File, limit.entries)
	if err == nil && len(arranged.files) == 0 {
		return nil, ErrEmpty
	}
	return arranged, err
}

func tooMany(limit int) error {
	return fmt.Errorf("%w: more than %d files and directories", ErrUnzippedTooLarge, limit)
}

// checkSize adds up the sizes the archive declares. Unpacking holds the files to them.
func checkSize(files []*zip.File, limit int64) error {
	total := uint64(0)
	for _, file := range files {
		if file.UncompressedSize64 > uint64(limit) || total+file.UncompressedSize64 > uint64(limit) {
			return fmt.Errorf("%w: more than %d bytes", ErrUnzippedTooLarge, limit)
		}
		total += file.UncompressedSize64
	}
	return nil
}

// arrange sorts the entries into directories, named or only implied, and files. It refuses two files in one place
// and a file where a directory has to be: which of the two a function would see depends on who unpacks.
func arrange(entries []*zip.File, limit int) (*content, error) {
	var c content
	const (
		isFile = iota + 1
		isDirectory
	)
	places := make(map[string]int, len(entries))
	for _, e := range entries {
		name, err := checkEntry(e)
		if err != nil {
			return nil, err
		}
		if e.Mode().IsDir() {
			name += "/" // so that it is its own parent below
		} else if places[name] == isFile {
			return nil, unsafeEntry(name, "is in the archive twice")
		} else if places[name] == isDirectory {
			return nil, unsafeEntry(name, "is both a file and a directory")
		} else {
			places[name] = isFile
			c.files = append(c.files, file{name, e})
		}
		first := len(c.directories)
		for dir := parent(name); dir != "." && places[dir] != isDirectory; dir = parent(dir) {
			if places[dir] == isFile {
				return nil, unsafeEntry(dir, "is both a file and a directory")
			}
			places[dir] = isDirectory
			c.directories = append(c.directories, dir)
		}
		slices.Reverse(c.directories[first:])
		if len(places) > limit {
			return nil, tooMany(limit)
		}
	}
	return &c, nil
}

// parent is the directory a clean name is in, "." at the top.
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
	case mode&fs.ModeSymlink != 0:
		return "", unsafeEntry(entry.Name, "is a symbolic link; zip without --symlinks to include what it points to")
	case !mode.IsRegular() && !mode.IsDir():
		return "", unsafeEntry(entry.Name, "is neither a file nor a directory")
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

// Names longer or deeper than these can not be made on all the file systems in use, or only slowly.
const (
	maxName    = 1024 // bytes of a name
	maxElement = 255  // bytes between two slashes
	maxDepth   = 64   // elements
)

// checkName refuses names that lead elsewhere or that a file system may not take.
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
			return unsafeEntry(name, fmt.Sprintf("has a part of %d bytes in its name, the limit is %d", len(element), maxElement))
		}
	}
	return nil
}

// unsafeEntry says what is wrong with the entry of that name.
func unsafeEntry(name, what string) error {
	const most = 80
	if len(name) > most {
		name = name[:most] + "…"
	}
	return fmt.Errorf("%w: %q %s", ErrUnsafeEntry, name, what)
}
