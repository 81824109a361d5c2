//go:build unix

package logs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/furl-dev/furl/internal/trash"
)

// maxOpen is how many files stay open for writing.
const maxOpen = 32

// A log is a directory with numbered files in it. Lines go to the one with the highest number until it is full; then
// the next one begins, and only the last of the older ones stays. Numbers only grow, so a reader knows whether it has
// missed a file.

// fileSuffix ends the name of every file.
const fileSuffix = ".log"

// dirName is the name of a function's directory: the function's name for people, and a hash since several functions can
// have the same file name.
func dirName(function string) string {
	sum := sha256.Sum256([]byte(function))
	return trash.FileName(function, 100) + "-" + hex.EncodeToString(sum[:8])
}

func fileName(dir string, number int) string {
	return filepath.Join(dir, strconv.Itoa(number)+fileSuffix)
}

// numbers are the numbers of the files in dir, in order; none if there is no such directory.
func numbers(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var found []int
	for _, e := range entries {
		digits, ok := strings.CutSuffix(e.Name(), fileSuffix)
		number, err := strconv.Atoi(digits)
		if ok && err == nil && number > 0 && strconv.Itoa(number) == digits {
			found = append(found, number)
		}
	}
	slices.Sort(found)
	return found, nil
}

// output is the file that lines go to.
type output struct {
	dir    string
	most   int64 // bytes
	file   *os.File
	number int
	size   int64
	used   uint64 // when it was last written to, as a count of writes
}

// openOutput opens the newest file of the log in dir, or begins the first.
func openOutput(dir string, most int64) (*output, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	found, err := numbers(dir)
	if err != nil {
		return nil, err
	}
	o := &output{dir: dir, most: most, number: 1}
	if len(found) > 0 {
		o.number = found[len(found)-1]
	}
	return o, o.open()
}

func (o *output) open() error {
	file, size, err := openFile(o.dir, o.number, os.O_RDWR|os.O_CREATE|os.O_APPEND)
	if err != nil {
		return err
	}
	o.file, o.size = file, size
	if err := o.endLine(); err != nil {
		return errors.Join(err, file.Close())
	}
	return nil
}

// endLine ends the last line, which a killed server may have left unfinished.
func (o *output) endLine() error {
	if o.size == 0 {
		return nil
	}
	var last [1]byte
	if _, err := o.file.ReadAt(last[:], o.size-1); err != nil || last[0] == '\n' {
		return err
	}
	o.size++
	_, err := o.file.WriteString("\n")
	return err
}

// write appends whole lines, and begins a new file wherever one would become too large. After an error some of the
// lines may have been written, and the output is unusable.
func (o *output) write(lines []byte) error {
	for len(lines) > 0 {
		part := firstLines(lines, o.most)
		if o.size > 0 && o.size+int64(len(part)) > o.most {
			if err := o.rotate(); err != nil {
				return err
			}
		}
		n, err := o.file.Write(part)
		o.size += int64(n)
		if err != nil {
			return err
		}
		lines = lines[len(part):]
	}
	return nil
}

// firstLines is as many of the lines as have room in most bytes, and at least one.
func firstLines(lines []byte, most int64) []byte {
	if int64(len(lines)) <= most {
		return lines
	}
	if end := bytes.LastIndexByte(lines[:most], '\n'); end >= 0 {
		return lines[:end+1]
	}
	if end := bytes.IndexByte(lines, '\n'); end >= 0 {
		return lines[:end+1]
	}
	return lines
}

// rotate begins the next file and removes all but the one before it.
func (o *output) rotate() error {
	if err := o.file.Close(); err != nil {
		return err
	}
	if err := o.removeOld(); err != nil {
		return err
	}
	o.number++
	return o.open()
}

// removeOld removes the files before this one, even if their names are those of something else. What it cannot remove
// is out of the way, and it tries again the next time.
func (o *output) removeOld() error {
	found, err := numbers(o.dir)
	if err != nil {
		return err
	}
	bin := trash.Bin{Dir: o.dir}
	aside, err := bin.Left()
	if err != nil {
		return err
	}
	for _, number := range found {
		if number < o.number {
			name, err := bin.Aside(filepath.Base(fileName(o.dir, number)))
			if err != nil {
				return err
			}
			aside = append(aside, name)
		}
	}
	for _, name := range aside {
		if name != "" {
			bin.Empty(context.Background(), name) //nolint:errcheck // see above
		}
	}
	return nil
}

// writer keeps open the files that it wrote to last.
type writer struct {
	most    int64              // bytes of one file
	outputs map[string]*output // by directory
	writes  uint64
}

// write appends whole lines to the log in dir.
func (w *writer) write(dir string, lines []byte) error {
	o, ok := w.outputs[dir]
	if !ok {
		if len(w.outputs) >= maxOpen {
			w.closeOldest()
		}
		var err error
		o, err = openOutput(dir, w.most)
		for len(w.outputs) > 0 && (errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)) {
			w.closeOldest()
			o, err = openOutput(dir, w.most)
		}
		if err != nil {
			return err
		}
		w.outputs[dir] = o
	}
	w.writes++
	o.used = w.writes
	if err := o.write(lines); err != nil {
		delete(w.outputs, dir)
		o.file.Close()
		return err
	}
	return nil
}

// closeOldest closes the file that was not written to for longest, to make room for another.
func (w *writer) closeOldest() {
	var oldest *output
	for _, o := range w.outputs {
		if oldest == nil || o.used < oldest.used {
			oldest = o
		}
	}
	delete(w.outputs, oldest.dir)
	oldest.file.Close()
}

func (w *writer) close() {
	for _, o := range w.outputs {
		o.file.Close()
	}
}
