package mcp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"
)

// event is a server-sent event, as the HTML standard defines it (section 9.2.6).
type event struct {
	name  string // "" for that of a message
	data  []byte // nil for none
	large bool   // data was longer than the limit, and is not there
	scan  idScan // of the data of a large event
}

// events reads a stream of server-sent events.
type events struct {
	in    *bufio.Reader
	limit int // longest data of an event, in bytes

	lastID string        // of the latest event that was whole
	retry  time.Duration // what the server asked for last; 0 for nothing
	begun  bool
	lf     bool // the latest line ended with CR: a LF that follows is part of that end
}

func newEvents(body io.Reader, limit int) *events {
	return &events{in: bufio.NewReaderSize(body, 32<<10), limit: limit}
}

// next returns the next event that has data. At the end of the stream the error is io.EOF, after an event that lacks
// only its last line end: some servers close the stream there.
func (e *events) next() (event, error) {
	var found event
	id, hasID := "", false
	for {
		line, whole, err := e.line(&found)
		switch {
		case err != nil && (!errors.Is(err, io.EOF) || found.data == nil && !found.large && len(line) == 0):
			return event{}, err
		case whole && len(line) == 0:
			if hasID {
				e.lastID = id
			}
			if found.data != nil || found.large {
				found.data = bytes.TrimSuffix(found.data, []byte("\n"))
				return found, nil
			}
			found, hasID = event{}, false
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			found.name = string(value)
		case "data":
			found.add(value, e.limit)
		case "id":
			if !bytes.ContainsRune(value, 0) {
				id, hasID = string(value), true
			}
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				e.retry = time.Duration(ms) * time.Millisecond
			}
		}
		if err != nil {
			found.data = bytes.TrimSuffix(found.data, []byte("\n"))
			if found.data == nil && !found.large {
				return event{}, err
			}
			return found, nil
		}
	}
}

// add appends a line of data.
func (v *event) add(value []byte, limit int) {
	if !v.large && len(v.data)+len(value) > limit {
		v.scan.Write(v.data) // never fails
		v.large, v.data = true, nil
	}
	if v.large {
		v.scan.Write(value)
		return
	}
	v.data = append(append(v.data, value...), '\n')
}

// maxField bounds the lines that are not data, in bytes.
const maxField = 64 << 10

// line reads a line, which ends with LF, CR or CRLF. whole is whether its end is there. Of a line that is too long it
// gives the data to found as they come, and returns a line without meaning.
func (e *events) line(found *event) (line []byte, whole bool, err error) {
	for {
		chunk, more, err := e.chunk()
		line = append(line, chunk...)
		if !more || err != nil {
			if !e.begun {
				line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
				e.begun = true
			}
			return line, err == nil, err
		}
		isData := bytes.HasPrefix(line, []byte("data:"))
		if isData && len(line) > e.limit+maxField || !isData && len(line) > maxField {
			if isData {
				found.add(bytes.TrimPrefix(line[len("data:"):], []byte(" ")), 0)
			}
			return e.rest(found, isData)
		}
	}
}

// rest reads the rest of a line that is too long.
func (e *events) rest(found *event, isData bool) ([]byte, bool, error) {
	for {
		chunk, more, err := e.chunk()
		if isData {
			found.scan.Write(chunk)
		}
		if !more || err != nil {
			return []byte(":"), err == nil, err // a comment
		}
	}
}

// chunk reads up to the end of a line, or as much as there is of it. more is whether the end has not come.
func (e *events) chunk() (chunk []byte, more bool, err error) {
	for {
		if _, err := e.in.Peek(1); err != nil {
			return nil, false, err
		}
		have, _ := e.in.Peek(e.in.Buffered()) // cannot fail
		if e.lf && have[0] == '\n' {
			e.lf = false
			e.in.Discard(1) // it is buffered, as below
			continue
		}
		e.lf = false
		end := bytes.IndexAny(have, "\r\n")
		if end < 0 {
			chunk = bytes.Clone(have)
			e.in.Discard(len(have))
			return chunk, true, nil
		}
		e.lf = have[end] == '\r'
		chunk = bytes.Clone(have[:end])
		e.in.Discard(end + 1)
		return chunk, false, nil
	}
}
