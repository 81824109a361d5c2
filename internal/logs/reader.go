//go:build unix

package logs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"time"
)

// errStopped ends reading without an error: the caller or the store wants no more.
var errStopped = errors.New("stopped")

// reader reads the files of one log in order.
type reader struct {
	dir   string
	toEnd bool // stop where the log ended when start was called
	now   func() time.Time
	yield func(Line) bool

	last     int   // the newest file when start was called, 0 if there was none
	lastSize int64 // and its size

	number  int // of the file being read, 0 before the first
	file    *os.File
	lines   *bufio.Reader
	partial []byte // the beginning of a line whose end is not there yet
}

// start goes to where the last n lines begin.
func (r *reader) start(n int) error {
	found, err := numbers(r.dir)
	if err != nil {
		return err
	}
	for _, number := range slices.Backward(found) {
		file, size, err := openFile(r.dir, number, os.O_RDONLY)
		if errors.Is(err, fs.ErrNotExist) {
			continue // has just given way to a newer one
		}
		if err != nil {
			return err
		}
		if r.last == 0 {
			r.last, r.lastSize = number, size
		}
		var offset int64
		if offset, n, err = findLast(file, size, n); err != nil {
			return errors.Join(err, file.Close())
		}
		r.enter(file, number, offset)
		if n == 0 {
			break
		}
	}
	return nil
}

func openFile(dir string, number, flags int) (file *os.File, size int64, err error) {
	if file, err = os.OpenFile(fileName(dir, number), flags, 0o600); err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

// enter goes on at an offset of a file.
func (r *reader) enter(file *os.File, number int, offset int64) {
	r.close()
	most := int64(math.MaxInt64)
	if r.toEnd && number == r.last {
		most = r.lastSize
	}
	r.file, r.number, r.partial = file, number, nil
	r.lines = bufio.NewReader(io.NewSectionReader(file, offset, most-offset))
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close()
	}
}

// findLast finds where the last n lines before end begin, and how many of the n are missing.
func findLast(file *os.File, end int64, n int) (offset int64, missing int, err error) {
	if n <= 0 {
		return end, 0, nil
	}
	// It looks for the line feed before the first of the lines; the one at the end of the file belongs to the last.
	var block [32 << 10]byte
	for limit := end - 1; limit > 0; {
		size := min(limit, int64(len(block)))
		if _, err := file.ReadAt(block[:size], limit-size); err != nil {
			return 0, 0, err
		}
		for i := size; ; n-- {
			if i = int64(bytes.LastIndexByte(block[:i], '\n')); i < 0 {
				break
			}
			if n == 1 {
				return limit - size + i + 1, 0, nil
			}
		}
		limit -= size
	}
	if end > 0 {
		n--
	}
	return 0, n, nil
}

// readOn yields what there is from here to the end of the newest file.
func (r *reader) readOn(ctx context.Context) error {
	for {
		// A file is finished when there is a newer one. The reader has to know that before it reads the end.
		next, err := r.next()
		if err != nil {
			return err
		}
		if r.file != nil {
			if err := r.readFile(ctx); err != nil {
				return err
			}
		}
		if next == 0 {
			return nil
		}
		file, _, err := openFile(r.dir, next, os.O_RDONLY)
		if errors.Is(err, fs.ErrNotExist) {
			continue // has just given way to a newer one
		}
		if err != nil {
			return err
		}
		missed := r.number != 0 && next != r.number+1
		r.enter(file, next, 0)
		const gap = "furl: lines are missing here: they came faster than they were read"
		if missed && !r.yield(Line{Time: r.now().UTC(), Stream: Platform, Text: gap}) {
			return errStopped
		}
	}
}

// next is the number of the oldest file after this one, 0 if there is none to be read.
func (r *reader) next() (int, error) {
	if r.toEnd && r.number >= r.last {
		return 0, nil
	}
	found, err := numbers(r.dir)
	if err != nil {
		return 0, err
	}
	for _, number := range found {
		if number > r.number {
			return number, nil
		}
	}
	return 0, nil
}

// readFile yields the lines from here to the end of the file.
func (r *reader) readFile(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		raw, err := r.lines.ReadBytes('\n')
		if len(r.partial) > 0 {
			raw = append(r.partial, raw...)
			r.partial = nil
		}
		if errors.Is(err, io.EOF) {
			r.partial = raw
			return nil
		}
		if err != nil {
			return err
		}
		if line, ok := parseLine(raw); ok && !r.yield(line) {
			return errStopped
		}
	}
}
