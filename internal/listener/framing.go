package listener

import (
	"bytes"
	"net/http"
)

// framing follows the requests on an HTTP/1 connection from one to the next. It sees what net/http hides from a
// handler: whether the head of a request had both a Content-Length and a Transfer-Encoding. Another server on the way
// may have used the one that this server ignores, so that a part of the body here is a request there, or the other way
// round (request smuggling). According to RFC 9112, section 6.1, the server closes such a connection after the answer,
// and one with a Transfer-Encoding in HTTP/1.0, too.
//
// It parses as little as it can: the ends of lines and the names of two headers. It learns the length of a body from
// net/http, so that both always agree, and a body that looks like a head is still a body. It understands only the
// plainest form of chunks. With any other it stops following, and the server closes the connection after the next
// answer.
type framing struct {
	part part

	// Of the head that is being read.
	line   [len(nameCoding)]byte // the beginning of the line
	length int                   // how much of that there is
	first  bool                  // it is the request line
	seen   fields

	head fields // of the latest head that has been read
	lost bool   // what follows is not understood

	left    int64  // bytes of the body, or of the chunk
	digits  int    // of the chunk's size
	literal string // has to come now
	then    part   // what comes after the literal
}

// fields are the headers of a request that say how long its body is.
type fields struct{ length, coding bool }

const (
	nameLength = "content-length:"
	nameCoding = "transfer-encoding:"
	preface    = "PRI * HTTP/2.0" // of HTTP/2 without TLS
)

// part is the part of a request that comes next.
type part int

const (
	partStart   part = iota // a request line, or empty lines before one
	partHead                // the rest of the head
	partBody                // what follows the head, which net/http knows
	partLength              // the rest of a body that has a length
	partSize                // the size of a chunk
	partChunk               // the rest of a chunk
	partLiteral             // the rest of a line that has only one form
	partUnknown             // anything
)

// input is what the client still has to send of what it began.
type input int32

const (
	inputDone input = iota // nothing
	inputBody              // a body, if its length is not 0
	inputMore              // something
)

// input is what the client still has to send if so many bytes have come that framing has not taken.
func (f *framing) input(ahead int) input {
	switch {
	case f.part == partLength && f.left == int64(ahead), ahead == 0 && f.part == partStart:
		return inputDone
	case ahead == 0 && f.part == partBody:
		if f.head == (fields{}) {
			return inputDone
		}
		return inputBody
	default:
		return inputMore
	}
}

// most is how many of n bytes may be read at once.
func (f *framing) most(n int) int {
	if f.part == partLength {
		return int(min(int64(n), f.left))
	}
	return n
}

// take follows the first bytes of p and returns their number: no more than to the end of the head, or of the body.
func (f *framing) take(p []byte) (n int) {
	if f.part == partBody { // there is none, since begin has not said so
		f.part = partStart
	}
	for n < len(p) {
		switch f.part {
		case partStart:
			if p[n] == '\r' || p[n] == '\n' {
				n++
				continue
			}
			f.part, f.first, f.length, f.seen = partHead, true, 0, fields{}
		case partHead:
			if n += f.takeLine(p[n:]); f.part == partBody {
				return n
			}
		case partLength, partChunk:
			taken := min(int64(len(p)-n), f.left)
			n, f.left = n+int(taken), f.left-taken
			switch {
			case f.left > 0:
			case f.part == partChunk:
				f.expect("\r\n", partSize)
			default:
				f.part = partStart
				return n
			}
		case partSize:
			f.takeSize(p[n])
			n++
		case partLiteral:
			if p[n] != f.literal[0] {
				f.lose()
				continue
			}
			n++
			if f.literal = f.literal[1:]; f.literal != "" {
				continue
			}
			if f.part = f.then; f.part == partStart {
				return n
			}
		default:
			return len(p)
		}
	}
	return n
}

// takeLine takes a line of the head, or a piece of one. The name of a header and its colon are at the beginning of a
// line, since net/http refuses all else. A line with a blank at its beginning belongs to the one before.
func (f *framing) takeLine(p []byte) int {
	end := bytes.IndexByte(p, '\n')
	if end < 0 {
		f.length += copy(f.line[f.length:], p)
		return len(p)
	}
	f.length += copy(f.line[f.length:], p[:end])
	line := f.line[:f.length]
	f.length = 0
	switch {
	case len(line) == 0 || string(line) == "\r":
		f.part, f.head = partBody, f.seen
	case f.first && string(line[:min(len(line), len(preface))]) == preface:
		f.lose()
	case f.first:
		f.first = false
	case begins(line, nameLength):
		f.seen.length = true
	case begins(line, nameCoding):
		f.seen.coding = true
	}
	return end + 1
}

func begins(line []byte, name string) bool {
	return len(line) >= len(name) && line[0]|0x20 == name[0] && bytes.EqualFold(line[:len(name)], []byte(name))
}

// takeSize takes a byte of the line before a chunk.
func (f *framing) takeSize(c byte) {
	const most = 15 // digits that fit
	digit := -1
	switch {
	case '0' <= c && c <= '9':
		digit = int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		digit = int(c|0x20-'a') + 10
	}
	switch {
	case digit >= 0 && f.digits < most:
		f.left, f.digits = f.left<<4|int64(digit), f.digits+1
	case c != '\r' || f.digits == 0:
		f.lose() // an extension, or no chunk at all
	case f.left > 0:
		f.expect("\n", partChunk)
	default:
		f.expect("\n\r\n", partStart) // no trailers
	}
}

// expect has the literal come next, and then the part.
func (f *framing) expect(literal string, then part) {
	f.part, f.literal, f.then = partLiteral, literal, then
	if then == partSize {
		f.left, f.digits = 0, 0
	}
}

func (f *framing) lose() { f.part, f.lost = partUnknown, true }

// begin is called with the request whose head has been read, before its body is read. It reports whether the server
// must close the connection after the answer. After a request without a body, net/http may be reading the next byte at
// this moment, which changes nothing that begin uses.
func (f *framing) begin(r *http.Request) (last bool) {
	switch {
	case r.ProtoMajor != 1: // HTTP/2 has its own framing
		return false
	case f.lost:
		return true
	case r.ContentLength > 0:
		f.part, f.left = partLength, r.ContentLength
	case r.ContentLength < 0:
		f.part, f.left, f.digits = partSize, 0, 0
	}
	return f.head.coding && (f.head.length || !r.ProtoAtLeast(1, 1))
}
