package logs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/trash"
)

// A log is a directory with numbered files in it. Lines are appended to the one with the highest number until it is
// full; then the next is begun, and of the older ones only the last stays. That numbers only grow tells a reader
// whether it has missed a file.

// fileSuffix ends the name of every file.
const fileSuffix = ".log"

// dirName is the name of a function's directory: as much of the function's name as any file system takes, to be
// recognised by, and a hash to tell apart what that makes equal.
func dirName(function string) string {
	const most = 100
	safe := strings.Map(func(r rune) rune {
		if r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, function)
	sum := sha256.Sum256([]byte(function))
	return safe[:min(most, len(safe))] + "-" + hex.EncodeToString(sum[:8])
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

// output is the file lines are appended to.
type output struct {
	dir    string
	max    int64
	file   *os.File
	number int
	size   int64
	used   uint64 // when it was last written to, as a count of writes
}

// openOutput opens the newest file of the log in dir, or begins the first.
func openOutput(dir string, max int64) (*output, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	found, err := numbers(dir)
	if err != nil {
		return nil, err
	}
	o := &output{dir: dir, max: max, number: 1}
	if len(found) > 0 {
		o.number = found[len(found)-1]
	}
	return o, o.open()
}

func (o *output) open() error {
	file, err := os.OpenFile(fileName(o.dir, o.number), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	o.file, o.size = file, info.Size()
	return o.endLine()
}

// endLine ends the last line, which a killed server may have left unfinished.
func (o *output) endLine() error {
	if o.size == 0 {
		return nil
	}
	var last [1]byte
	if _, err := o.file.ReadAt(last[:], o.size-1); err != nil {
		return errors.Join(err, o.file.Close())
	}
	if last[0] == '\n' {
		return nil
	}
	o.size++
	if _, err := o.file.WriteString("\n"); err != nil {
		return errors.Join(err, o.file.Close())
	}
	return nil
}

// write appends whole lines, beginning a new file wherever one would become too large. After an error some of the
// lines may have been written and the output can not be used any more.
func (o *output) write(lines []byte) error {
	for len(lines) > 0 {
		part := firstLines(lines, o.max)
		if o.size > 0 && o.size+int64(len(part)) > o.max {
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

// removeOld removes the files before this one. Whatever has the name of one instead goes, too; what cannot be removed
// is out of the way, and tried again the next time.
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
			bin.Empty(context.Background(), name) //nolint:errcheck // as said
		}
	}
	return nil
}

func (o *output) close() error {
	if err := o.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close log: %w", err)
	}
	return nil
}
