//go:build unix

package logs

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// Stream is where a line comes from.
type Stream byte

// The streams. Platform is what the server itself says about the function, such as START and REPORT. A line must not
// get that stream by mistake, so the zero value is the function's.
const (
	Stdout Stream = iota
	Stderr
	Platform
)

var streamNames = [...]string{Stdout: "stdout", Stderr: "stderr", Platform: "platform"}

// String is the stream's name: platform, stdout or stderr.
func (s Stream) String() string {
	if int(s) < len(streamNames) {
		return streamNames[s]
	}
	return "Stream(" + strconv.Itoa(int(s)) + ")"
}

// Line is one line of a log.
type Line struct {
	Time    time.Time // kept in milliseconds, in UTC
	Stream  Stream
	Version string // of the function: a number, "" for $LATEST
	// RequestID is that of the invocation, "" while an environment starts and between invocations. It has no white space.
	RequestID string
	Text      string // any bytes, not necessarily UTF-8
}

// MaxLine is the most bytes of a line's text. CloudWatch Logs long had that limit for one event.
const MaxLine = 256 << 10

// TimeFormat is the form of a line's time, in UTC. It has a fixed width for the years 0 to 9999.
const TimeFormat = "2006-01-02T15:04:05.000Z"

// maxLineOnDisk is the most bytes a line takes in a file.
const maxLineOnDisk = len(TimeFormat) + len(" platform/9223372036854775807/ \n") + maxRequestID + MaxLine +
	len("… (9223372036854775807 bytes cut)")

// maxRequestID is the longest id that is kept. Those of the server are UUIDs.
const maxRequestID = 64

// appendLine appends a line, whose text has no line breaks, in the form it has on disk: time, stream and text with a
// space between and a line feed at the end. The version stands behind the stream and a slash, and the request id behind
// the version and another.
func appendLine(dst []byte, line Line) []byte {
	dst = line.Time.UTC().AppendFormat(dst, TimeFormat)
	dst = append(dst, ' ')
	dst = append(dst, line.Stream.known().String()...)
	id := line.RequestID
	if len(id) > maxRequestID || strings.ContainsAny(id, " \n") {
		id = ""
	}
	if line.Version != "" || id != "" {
		dst = append(append(dst, '/'), line.Version...)
	}
	if id != "" {
		dst = append(append(dst, '/'), id...)
	}
	dst = append(dst, ' ')
	if cut := len(line.Text) - MaxLine; cut > 0 {
		dst = append(dst, line.Text[:MaxLine]...)
		dst = append(dst, "… ("...)
		dst = strconv.AppendInt(dst, int64(cut), 10)
		dst = append(dst, " bytes cut)"...)
	} else {
		dst = append(dst, line.Text...)
	}
	return append(dst, '\n')
}

// known is s, or Stdout for what is no stream.
func (s Stream) known() Stream {
	if int(s) < len(streamNames) {
		return s
	}
	return Stdout
}

// parseLine undoes appendLine for one line. It is false for a text that is no line, such as half a line after the
// server was killed.
func parseLine(raw []byte) (Line, bool) {
	raw = bytes.TrimSuffix(raw, []byte("\n"))
	stamp, rest, ok := bytes.Cut(raw, []byte(" "))
	if !ok {
		return Line{}, false
	}
	at, err := time.Parse(TimeFormat, string(stamp))
	if err != nil {
		return Line{}, false
	}
	name, text, ok := bytes.Cut(rest, []byte(" "))
	if !ok {
		return Line{}, false
	}
	name, version, _ := bytes.Cut(name, []byte("/"))
	version, id, _ := bytes.Cut(version, []byte("/"))
	for stream, known := range streamNames {
		if string(name) == known {
			return Line{
				Time: at, Stream: Stream(stream), Version: string(version), RequestID: string(id), Text: string(text),
			}, true
		}
	}
	return Line{}, false
}
