//go:build unix

package code

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The records of a zip archive's directory (APPNOTE.TXT 4.3.12 to 4.3.16): their first bytes, and the lengths of their
// fixed parts.
const (
	headerMagic, headerSize       = "PK\x01\x02", 46
	endMagic, endSize             = "PK\x05\x06", 22
	locator64Magic, locator64Size = "PK\x06\x07", 20
	end64Magic, end64Size         = "PK\x06\x06", 56
	maxComment                    = 1<<16 - 1
)

// maxDirectory bounds a directory in bytes, most of them in names.
const maxDirectory = 16 << 20

// checkCount refuses an archive with more entries than the limit, without memory for them. The zip package makes an
// object for each entry before it returns, and reads on while there are entries, whatever number the end record has. So
// checkCount counts the entries one by one, from each place where the zip package could begin.
func checkCount(archive []byte, limit int) error {
	starts, claimed := directoryStarts(archive)
	if claimed > uint64(limit) {
		return tooMany(limit)
	}
	for _, start := range starts {
		if start >= uint64(len(archive)) {
			continue
		}
		n, size := countHeaders(archive[start:], limit)
		if n > limit {
			return tooMany(limit)
		}
		if size > maxDirectory {
			return fmt.Errorf("%w: their names and comments have more than %d bytes", ErrTooManyEntries, maxDirectory)
		}
	}
	return nil
}

// countHeaders counts the entries from where a directory begins, to one more than the limit.
func countHeaders(directory []byte, limit int) (n, size int) {
	for n <= limit && size+headerSize <= len(directory) && bytes.HasPrefix(directory[size:], []byte(headerMagic)) {
		header := directory[size:]
		next := headerSize
		for _, at := range []int{28, 30, 32} { // lengths of the name, the extra field and the comment
			next += int(binary.LittleEndian.Uint16(header[at:]))
		}
		if next > len(header) {
			break
		}
		n++
		size += next
	}
	return n, size
}

// directoryStarts is where the directory may begin, and how many entries the end records claim. The offsets of an
// archive may not count something in front of it, so each end record names two places: the offset, and its own place
// less the size of the directory.
func directoryStarts(archive []byte) (starts []uint64, claimed uint64) {
	tail := max(0, len(archive)-endSize-maxComment)
	last := len(archive) - endSize + len(endMagic) // the end record has its whole length
	if last < tail {
		return nil, 0
	}
	end := bytes.LastIndex(archive[tail:last], []byte(endMagic))
	if end < 0 {
		return nil, 0
	}
	end += tail
	little := binary.LittleEndian
	record := archive[end:]
	size, offset := uint64(little.Uint32(record[12:])), uint64(little.Uint32(record[16:]))
	starts, claimed = []uint64{offset, uint64(end) - size}, uint64(little.Uint16(record[10:]))

	locator := end - locator64Size
	if locator < 0 || !bytes.HasPrefix(archive[locator:], []byte(locator64Magic)) {
		return starts, claimed
	}
	end64 := little.Uint64(archive[locator+8:])
	if end64 > uint64(len(archive)) {
		return starts, claimed
	}
	record = archive[end64:]
	if len(record) < end64Size || !bytes.HasPrefix(record, []byte(end64Magic)) {
		return starts, claimed
	}
	size, offset = little.Uint64(record[40:]), little.Uint64(record[48:])
	return append(starts, offset, end64-size), max(claimed, little.Uint64(record[32:]))
}
