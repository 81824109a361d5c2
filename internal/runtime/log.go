//go:build unix

package runtime

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/furl-dev/furl/internal/runtime/extension"
)

// MaxLogLine is the longest log line in bytes. A longer one arrives in pieces.
const MaxLogLine = 256 * 1024

// LogKind is who wrote a line.
type LogKind uint8

// Who writes log lines.
const (
	LogFunction LogKind = iota // standard output and standard error of the function and its extensions, as written
	LogPlatform                // START, END, REPORT, INIT_REPORT, "Task timed out", and furl's own remarks
)

// LogLine is one line of a function's log.
type LogLine struct {
	Time      time.Time
	Function  *Function
	RequestID string // empty while the environment starts and between invocations
	Kind      LogKind
	Partial   bool   // the line was longer than MaxLogLine and goes on in the next LogLine
	Text      []byte // without the newline; valid only during the call
}

// LogSink takes the log lines of all functions.
type LogSink interface {
	// WriteLog keeps one line. Many goroutines call it, for each environment in order. It must copy Text if it
	// keeps it. While it blocks, that one function blocks as soon as its pipe is full, so a sink that cannot keep
	// up should drop lines and count them.
	WriteLog(LogLine)
}

// output reads what a function prints and passes it on as lines, in one order with the platform's own lines.
//
// Both standard output and standard error are one pipe, so the kernel keeps their order; that of the extensions is
// another one. Pipes are read without blocking, under a lock, instead of by a scanner in a goroutine of its own: so the
// end of an invocation can first take everything out of the pipes that was printed, and these lines stand before END.
type output struct {
	mu        sync.Mutex
	sink      LogSink
	telemetry *extension.Telemetry // nil for none
	now       func() time.Time
	line      LogLine // the template of all lines: function, current request
	call      *call   // whose tail the lines go to; nil between invocations
	pipes     []*pipe
	limit     int // of a line
	closed    bool
	// refused is positive if the system refused the function a thread or a process in the current call or in the one
	// before, since the next call may begin while a runtime is still on its way out.
	refused int
	scratch []byte // platform lines are built here
}

// pipe is what one or more programs print. The lock of the output guards it.
type pipe struct {
	*output
	aside   bool // the programs are extensions
	read    *os.File
	fd      int
	frames  frames
	buffer  []byte // of one read, made with the first output
	pending []byte // the beginning of a line whose end has not come
}

const (
	readSize = 32 * 1024
	// drainLimit is more than a pipe holds by default (64 KiB). A function that goes on writing while it is
	// drained must not keep its environment from ending the invocation.
	drainLimit = 256 * 1024
)

func newOutput(e *environment) *output {
	return &output{
		sink:  e.pool.config.Log,
		limit: MaxLogLine,
		now:   e.pool.config.Now,
		call:  e.call, // what a starting function prints is the beginning of the first invocation's log
		line:  LogLine{Function: e.fn},
	}
}

// open makes a pipe, starts to read it, and answers its other end. A framed pipe has frames.
func (o *output) open(aside, framed bool) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("pipe for the function's output: %w", err)
	}
	p := &pipe{output: o, aside: aside, read: r, frames: frames{expected: framed}}
	raw, err := r.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { p.fd = int(fd) })
	}
	if err != nil {
		return nil, errors.Join(err, r.Close(), w.Close())
	}
	o.mu.Lock()
	o.pipes = append(o.pipes, p)
	o.mu.Unlock()
	go func() {
		for more := true; more; {
			if err := raw.Read(func(uintptr) bool {
				var empty bool
				more, empty = p.take()
				return !empty // if it is empty, wait until the pipe is readable
			}); err != nil {
				return // closed
			}
		}
	}()
	return w, nil
}

// take reads once. More is false at the end of the output, empty true if there is none at the moment.
func (p *pipe) take() (more, empty bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, more, empty = p.readOnce()
	return more, empty
}

// readOnce is take with mu held.
func (p *pipe) readOnce() (n int, more, empty bool) {
	if p.closed {
		return 0, false, false
	}
	if p.buffer == nil {
		p.buffer = make([]byte, readSize)
	}
	for {
		n, err := syscall.Read(p.fd, p.buffer)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return 0, true, true
		case err != nil || n == 0:
			return 0, false, false
		}
		p.events(p.buffer[:n])
		return n, true, false
	}
}

// drain takes what is in the pipes now. Called with mu held.
func (o *output) drain() {
	for _, p := range o.pipes {
		for total := 0; total < drainLimit; {
			n, more, empty := p.readOnce()
			if !more || empty {
				break
			}
			total += n
		}
	}
}

// frames is where a runtime says which bytes are one event of its log, amid what it prints otherwise: each event has a
// header of its type, its length and a time before it. AWS's clients write so to the descriptor that
// _LAMBDA_TELEMETRY_LOG_FD names; that for Java does not end the lines of events that it prints otherwise.
type frames struct {
	expected bool
	left     int    // of the event that has begun
	header   []byte // the beginning of one
}

// frameType begins a header: 0xa55a00 and a byte for the level, then the length in four bytes and the time in eight.
var frameType = []byte{0xa5, 0x5a, 0}

const frameHeader = 16

// events passes on the lines in chunk, each event of the log as lines of its own, and keeps the rest.
func (p *pipe) events(chunk []byte) {
	f := &p.frames
	if len(f.header) > 0 {
		chunk, f.header = append(f.header, chunk...), nil
	}
	for len(chunk) > 0 {
		if f.left > 0 {
			n := min(f.left, len(chunk))
			p.split(chunk[:n])
			chunk, f.left = chunk[n:], f.left-n
			if f.left == 0 && len(p.pending) > 0 {
				p.flush(false)
			}
			continue
		}
		at := -1
		if f.expected {
			at = bytes.Index(chunk, frameType)
			for n := len(frameType) - 1; at < 0 && n > 0; n-- {
				if bytes.HasSuffix(chunk, frameType[:n]) { // cut off within it
					at = len(chunk) - n
				}
			}
		}
		if at < 0 {
			p.split(chunk)
			return
		}
		p.split(chunk[:at])
		if chunk = chunk[at:]; len(chunk) < frameHeader {
			f.header = bytes.Clone(chunk)
			return
		}
		if len(p.pending) > 0 {
			p.flush(false)
		}
		f.left = int(binary.BigEndian.Uint32(chunk[4:8]))
		chunk = chunk[frameHeader:]
	}
}

// split passes on the lines in chunk and keeps the rest.
func (p *pipe) split(chunk []byte) {
	for len(chunk) > 0 {
		end := bytes.IndexByte(chunk, '\n')
		text, rest := chunk, chunk[len(chunk):]
		if end >= 0 {
			text, rest = chunk[:end], chunk[end+1:]
		}
		if room := p.limit - len(p.pending); len(text) > room {
			p.pending = append(p.pending, text[:room]...)
			p.flush(true)
			chunk = chunk[room:]
			continue
		}
		chunk = rest
		switch {
		case end < 0:
			p.pending = append(p.pending, text...)
		case len(p.pending) > 0:
			p.pending = append(p.pending, text...)
			p.flush(false)
		default:
			p.print(text, false)
		}
	}
}

// refusals are what runtimes print when the system refuses them a thread or a process, before they end.
var refusals = [...][]byte{
	[]byte("failed to create new OS thread"),  // Go
	[]byte("esource temporarily unavailable"), // strerror(EAGAIN) of C, and of Go in lower case: shells, Ruby, Rust
	[]byte("EAGAIN"),                         // Node.js, Java
	[]byte("uv_thread_create"),               // Node.js, in a failed assertion
	[]byte("can't start new thread"),         // Python
	[]byte("unable to create native thread"), // Java
	[]byte("annot fork"),                     // shells
}

func tellsRefusal(text []byte) bool {
	return slices.ContainsFunc(refusals[:], func(words []byte) bool { return bytes.Contains(text, words) })
}

// flush passes on the pending piece of a line.
func (p *pipe) flush(partial bool) {
	p.print(p.pending, partial)
	if cap(p.pending) > readSize {
		p.pending = nil // a long line was the exception
	}
	p.pending = p.pending[:0]
}

// print passes on a line of a program.
func (p *pipe) print(text []byte, partial bool) {
	if p.telemetry != nil && p.telemetry.IsActive() {
		p.telemetry.Line(p.now(), p.aside, text)
	}
	p.emit(LogFunction, text, partial)
}

// emit passes on one line. Called with mu held.
func (o *output) emit(kind LogKind, text []byte, partial bool) {
	if o.call != nil {
		o.call.tail.add(text)
	}
	if kind == LogFunction && tellsRefusal(text) {
		o.refused = 2
	}
	if o.sink == nil {
		return
	}
	line := o.line
	line.Time, line.Kind, line.Text, line.Partial = o.now(), kind, text, partial
	o.sink.WriteLog(line)
}

// platform writes a line of Lambda's or furl's own. It stays one line, whatever an error that it quotes contains: a
// second line could pass for another one of the platform's.
func (o *output) platform(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drain()
	o.platformLine([]byte(strings.ReplaceAll(text, "\n", `\n`)))
}

func (o *output) platformLine(text []byte) {
	o.flushAll()
	o.emit(LogPlatform, text, false)
}

// flushAll passes on the pieces of lines that are pending.
func (o *output) flushAll() {
	for _, p := range o.pipes {
		if len(p.pending) > 0 {
			p.flush(false)
		}
	}
}

// shows reports whether the end of the current invocation's log matches.
func (o *output) shows(matches func(text []byte) bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.call != nil && matches(o.call.tail.bytes())
}

// expect has what a starting function prints from now on be the beginning of the log of its first invocation.
func (o *output) expect(c *call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.call = c
}

// begin starts the log of an invocation.
func (o *output) begin(c *call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.call, o.refused = c, max(0, o.refused-1)
	o.line.RequestID = c.in.RequestID
	b := append(o.scratch[:0], "START RequestId: "...)
	b = append(b, c.in.RequestID...)
	b = append(b, " Version: "...)
	b = append(b, c.fn.Version...)
	o.platformLine(b)
	o.scratch = b
}

// end ends the log of an invocation with its END and REPORT lines.
func (o *output) end(c *call, status string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drain()
	b := append(o.scratch[:0], "END RequestId: "...)
	b = append(b, c.in.RequestID...)
	o.platformLine(b)
	b = c.report.appendLine(b[:0], c.in.RequestID, status)
	o.platformLine(b)
	o.scratch = b
	o.call = nil
	o.line.RequestID = ""
}

// endInit writes the line of an initialization that failed; one that succeeds shows in REPORT.
func (o *output) endInit(took time.Duration, status string) {
	o.platform(fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: init\tStatus: %s", milliseconds(took), status))
}

// timedOut writes that the function ran into its timeout.
func (o *output) timedOut(id string, timeout time.Duration) {
	o.platform(o.now().UTC().Format("2006-01-02T15:04:05.000Z") + " " + id + " " + timedOutText(timeout))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// close takes what is left in the pipes and closes them. It may be called twice.
func (o *output) close() {
	o.mu.Lock()
	pipes := o.pipes
	if !o.closed {
		o.drain()
		for _, p := range pipes {
			p.split(p.frames.header)
		}
		o.flushAll()
		o.closed, o.pipes = true, nil
	}
	o.mu.Unlock()
	for _, p := range pipes {
		if p.read != nil {
			p.read.Close() // outside the lock: it waits for the reading goroutine, which may want the lock
		}
	}
}

// tailSize is how much of a log X-Amz-Log-Result holds (AWS Lambda API Reference, Invoke).
const tailSize = 4096

// logTail keeps the last bytes of an invocation's log.
type logTail struct{ kept []byte }

func (t *logTail) add(text []byte) {
	if t.kept == nil {
		t.kept = make([]byte, 0, 512) // room for START, END and REPORT
	}
	if len(text) >= tailSize {
		t.kept = append(t.kept[:0], text[len(text)-tailSize+1:]...)
	} else {
		if len(t.kept)+len(text)+1 > 2*tailSize {
			t.kept = append(t.kept[:0], t.kept[len(t.kept)-tailSize:]...)
		}
		t.kept = append(t.kept, text...)
	}
	t.kept = append(t.kept, '\n')
}

func (t *logTail) bytes() []byte {
	return t.kept[max(0, len(t.kept)-tailSize):]
}
