//go:build unix

package code_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/furl-dev/furl/internal/code"
)

// crowd is an archive of nothing but n entries without a name. Its end record claims another number.
func crowd(n int, claimed uint16) []byte {
	header := make([]byte, 46)
	copy(header, "PK\x01\x02")
	return crowdOf(header, n, claimed)
}

func crowdOf(header []byte, n int, claimed uint16) []byte {
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], claimed)
	binary.LittleEndian.PutUint16(end[10:], claimed)
	binary.LittleEndian.PutUint32(end[12:], uint32(n*len(header)))
	return append(bytes.Repeat(header, n), end...)
}

// crowd64 says truly how many entries there are, in the end record of a large archive.
func crowd64(n int) []byte {
	data := crowd(n, 0xffff)
	end := len(data) - 22
	end64 := make([]byte, 56, 76)
	copy(end64, "PK\x06\x06")
	binary.LittleEndian.PutUint64(end64[4:], 44)
	binary.LittleEndian.PutUint64(end64[24:], uint64(n))
	binary.LittleEndian.PutUint64(end64[32:], uint64(n))
	binary.LittleEndian.PutUint64(end64[40:], uint64(end))
	locator := make([]byte, 20)
	copy(locator, "PK\x06\x07")
	binary.LittleEndian.PutUint64(locator[8:], uint64(end))
	binary.LittleEndian.PutUint32(locator[16:], 1)
	return slices.Insert(data, end, append(end64, locator...)...)
}

// TestMillionEntries: an archive with a million entries is refused for less memory than they would take, whatever it
// says about itself.
func TestMillionEntries(t *testing.T) {
	const million = 1_048_576 + 3 // which is 3 in an end record
	spoiled := crowd(million, 3)
	binary.LittleEndian.PutUint32(spoiled[len(spoiled)-10:], 1) // a directory of one byte, so its offset decides
	wrong := crowd(million, 3)
	binary.LittleEndian.PutUint32(wrong[len(wrong)-6:], 46) // an offset that is too far by one entry
	long := make([]byte, 46+50_000)
	copy(long, "PK\x01\x02")
	binary.LittleEndian.PutUint16(long[28:], 50_000)
	s := open(t, filepath.Join(t.TempDir(), "code"))
	for _, row := range []struct {
		name string
		data []byte
	}{
		{"true", crowd64(million)},
		{"claims three", crowd(million, 3)},
		{"claims none", crowd(million, 0)},
		{"something before it", append([]byte("#!/bin/sh\n"), crowd(million, 3)...)},
		{"a comment behind it", append(crowd(million, 3), "comment that is not counted"...)},
		{"wrong size", spoiled},
		{"wrong offset", wrong},
		{"one more than there may be", crowd(65_536, 0)},
		{"long names", crowdOf(long, 900, 900)},
	} {
		if len(row.data) > code.MaxZipped {
			t.Fatalf("%s: %d bytes", row.name, len(row.data))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := s.Put(t.Context(), row.data)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, code.ErrTooManyEntries) {
			t.Errorf("%s: %v, want %v", row.name, err, code.ErrTooManyEntries)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: refused with %d bytes of memory", row.name, grown)
		}
	}
	if _, err := s.Put(t.Context(), crowd(65_535, 65_535)); errors.Is(err, code.ErrTooManyEntries) {
		t.Errorf("as many as there may be: %v", err)
	}
}

// TestArchivesWithin: what is in an archive that is in an archive does not count.
func TestArchivesWithin(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "code"))
	s.SetLimits(1<<20, 1<<20, 5)
	put(t, s, stored(t, "lib.jar", string(crowd(1000, 1000))))
}

// FuzzCheckCount: no archive has more entries for the zip package than were counted.
func FuzzCheckCount(f *testing.F) {
	f.Add(archive(f, item{name: "a"}, item{name: "b"}))
	f.Add(crowd(7, 7))
	f.Add(crowd(7, 3))
	f.Add(crowd64(7))
	f.Add(append([]byte("before"), crowd64(7)...))
	f.Add(append(crowd(3, 3), crowd(7, 7)...))
	f.Add(append(crowd64(3), crowd(7, 3)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		reader, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil || len(reader.File) == 0 {
			return
		}
		if err := code.CheckCount(data, len(reader.File)-1); !errors.Is(err, code.ErrTooManyEntries) {
			t.Errorf("%d entries were not counted: %v", len(reader.File), err)
		}
	})
}
