// Package tomlfile reads TOML files strictly. All that is wrong with a file is an [Error] that names its line, and a key
// that the Go type does not have is an error, too.
package tomlfile

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Error is what is wrong with a file, and where.
type Error struct {
	Path         string
	Line, Column int // 0 if there is none
	Text         string
}

func (e *Error) Error() string {
	at := e.Path
	for _, number := range []int{e.Line, e.Column} {
		if number > 0 {
			at = fmt.Sprintf("%s:%d", at, number)
		}
	}
	return at + ": " + e.Text
}

// File is a file that was read.
type File struct {
	path, text string
	meta       toml.MetaData
}

// Table is a table that is read later than the file.
type Table = toml.Primitive

// Key is a key with the keys of the tables around it.
type Key = toml.Key

// Decode reads the text of a file into a struct. Fields of type Table keep what Table reads. If a value is of another
// type than its field, Decode returns the File, too.
func Decode(path string, text []byte, into any) (*File, error) {
	f := &File{path: path, text: string(bytes.TrimPrefix(text, []byte("\ufeff")))}
	var err error
	if f.meta, err = toml.Decode(f.text, into); err != nil {
		return f, f.fault(err)
	}
	return f, nil
}

// Table reads element n of an array of tables into a struct.
func (f *File) Table(array string, n int, table Table, into any) error {
	err := f.meta.PrimitiveDecode(table, into)
	if err == nil {
		return nil
	}
	fault := f.fault(err)
	var key string
	if _, found, ok := strings.Cut(err.Error(), `(last key "`); ok { // its line is that of the last element
		key, _, _ = strings.Cut(strings.TrimPrefix(found, array+"."), `"`)
	}
	fault.Line = f.LineIn(array, n, key)
	return fault
}

// fault is an error of package toml.
func (f *File) fault(err error) *Error {
	fault := &Error{Path: f.path, Text: strings.TrimPrefix(err.Error(), "toml: ")}
	if parse, ok := errors.AsType[toml.ParseError](err); ok && parse.Message != "" {
		fault.Line, fault.Column, fault.Text = parse.Position.Line, parse.Position.Col, parse.Message
	} else if _, scanErr := fmt.Sscanf(fault.Text, "line %d", &fault.Line); scanErr == nil { // a value of another type
		_, fault.Text, _ = strings.Cut(fault.Text, ": ")
	}
	return fault
}

// Type is the type of a value in TOML, such as String; "" if there is none.
func (f *File) Type(key ...string) string { return f.meta.Type(key...) }

// Unknown is an error for each key that no field has taken, with what explain says about it.
func (f *File) Unknown(explain func(Key) string) error {
	var faults []error
	unknown := f.meta.Undecoded()
	seen := map[string]int{}
	for _, key := range unknown {
		// A table that is unknown says so once, not for each key in it.
		if slices.ContainsFunc(unknown, func(other toml.Key) bool {
			return len(other) < len(key) && slices.Equal(other, key[:len(other)])
		}) {
			continue
		}
		line := f.line(key, seen[key.String()])
		seen[key.String()]++
		faults = append(faults, &Error{Path: f.path, Line: line, Text: explain(key)})
	}
	return errors.Join(faults...)
}

// At is an error about a key of the file.
func (f *File) At(err error, key ...string) error {
	return &Error{Path: f.path, Line: f.line(key, 0), Text: err.Error()}
}

// LineOf is the line of a key in the text of a file, 0 if it does not have it.
func LineOf(text []byte, key ...string) int { return (&File{text: string(text)}).line(key, 0) }

// LineIn is the line of a key in element n of an array of tables, or that of the element.
func (f *File) LineIn(array string, n int, key string) int {
	element, at := 0, 0
	for _, l := range f.lines() {
		switch {
		case !slices.Equal(l.table, []string{array}):
		case l.name == "":
			if element++; element == n+1 {
				at = l.number
			}
		case element == n+1 && l.name == key:
			return l.number
		}
	}
	if at == 0 {
		return f.line([]string{array}, 0)
	}
	return at
}

// line is the line on which a key stands for the time n, from 0, or else the last time; 0 if it is not found.
func (f *File) line(key []string, n int) int {
	found := 0
	for _, l := range f.lines() {
		full := l.table
		if l.name != "" {
			full = slices.Concat(l.table, words(l.name))
		}
		begins := len(full) >= len(key) && slices.Equal(full[:len(key)], key)
		// An inline table has the rest of the key.
		inline := l.name != "" && len(full) < len(key) && slices.Equal(key[:len(full)], full) &&
			strings.Contains(l.value, key[len(key)-1])
		if !begins && !inline {
			continue
		}
		if found = l.number; n == 0 {
			return l.number
		}
		n--
	}
	return found
}

// line is a line that begins a table, or that has a key.
type line struct {
	number      int
	table       []string
	name, value string // name is "" if the line begins a table
}

func (f *File) lines() []line {
	var lines []line
	var table []string
	number := 0
	for text := range strings.Lines(f.text) {
		number++
		text = strings.TrimSpace(text)
		if header, ok := strings.CutPrefix(text, "["); ok {
			header, _, _ = strings.Cut(strings.TrimPrefix(header, "["), "]")
			table = words(header)
			lines = append(lines, line{number: number, table: table})
		} else if name, value, ok := strings.Cut(text, "="); ok && !strings.HasPrefix(text, "#") {
			lines = append(lines, line{number, table, strings.TrimSpace(name), value})
		}
	}
	return lines
}

// words are the parts of a key with dots.
func words(key string) []string {
	parts := strings.Split(key, ".")
	for i, part := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(part), `"'`)
	}
	return parts
}

// Keys are the keys of a struct's fields.
func Keys(of reflect.Type) []string {
	var keys []string
	for i := range of.NumField() {
		field := of.Field(i)
		switch tag := field.Tag.Get("toml"); {
		case field.Anonymous && tag == "":
			keys = append(keys, Keys(field.Type)...)
		case tag != "" && tag != "-":
			keys = append(keys, tag)
		}
	}
	slices.Sort(keys)
	return keys
}
