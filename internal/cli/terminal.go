package cli

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/furl-dev/furl/internal/tint"
)

// screen is a terminal as commands write to it. Requests, functions, AWS and servers choose much of what furl prints,
// and a terminal obeys some characters: they move the cursor, rename the window, or answer as if the person had typed.
// A screen shows such characters as escapes, so that every command is safe unless it asks for [raw].
type screen struct {
	colored  bool // shows the styles of package tint
	mu       sync.Mutex
	terminal io.Writer
	held     []byte // the end of what was written, while its meaning depends on what follows
	shown    []byte // of one write
}

// shown is the stream as commands get it: a screen if it is a terminal. Files and pipes get all bytes as they are, and
// no colors.
func shown(stream io.Writer, getenv func(string) string) io.Writer {
	if file, ok := stream.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return &screen{terminal: file, colored: wantsColor(getenv) && obeysEscapes(file)}
	}
	return stream
}

// wantsColor reports whether a terminal shows colors: unless NO_COLOR is not empty (no-color.org), CLICOLOR is 0
// (bixense.com/clicolors), or the terminal calls itself dumb. What forces colors elsewhere, such as CLICOLOR_FORCE, has
// no effect: what is no terminal never gets them.
func wantsColor(getenv func(string) string) bool {
	return getenv("NO_COLOR") == "" && getenv("CLICOLOR") != "0" && getenv("TERM") != "dumb"
}

// raw is the stream itself, without escapes: for the bodies of call, and for logs --raw. A test holds the list of its
// callers.
func raw(stream io.Writer) io.Writer {
	if s, ok := stream.(*screen); ok {
		return rawScreen{s}
	}
	return stream
}

// unshown is the stream that a program of the person's own writes to by itself: the terminal, where there is one.
func unshown(stream io.Writer) io.Writer {
	if s, ok := stream.(*screen); ok {
		return s.terminal
	}
	return stream
}

// isTerminal reports whether the stream is a terminal.
func isTerminal(stream any) bool {
	switch stream := stream.(type) {
	case *screen:
		return true
	case *os.File:
		return term.IsTerminal(int(stream.Fd()))
	}
	return false
}

// Write shows text. Half a character at its end waits for the other half.
func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := text
	if len(s.held) > 0 {
		all = append(s.held, text...)
	}
	var rest []byte
	s.shown, rest = appendShown(s.shown[:0], all, false)
	s.held = append([]byte(nil), rest...)
	if _, err := s.terminal.Write(s.shown); err != nil {
		return 0, err
	}
	return len(text), nil
}

// sgr are the styles as a terminal takes them, in the colors that it is set to.
var sgr = [...]string{
	tint.Good: "92", tint.Bad: "91", tint.Doubt: "93", tint.Note: "36", tint.Strong: "1", tint.Faint: "2",
	tint.Name: "36", tint.Quoted: "32", tint.Literal: "35",
	tint.Named: "36", "35", "32", "34", "33", "96", "95", "94",
}

// Paint writes text in styles. The text is shown as Write shows it, whatever its style: only what begins and ends a
// style goes to the terminal as it is, and it is furl's own.
func (s *screen) Paint(text []byte, spans []tint.Span) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.release(); err != nil {
		return err
	}
	s.shown = s.shown[:0]
	at := 0
	for _, span := range spans {
		s.shown, _ = appendShown(s.shown, text[at:span.From], true)
		part := text[span.From:span.To]
		if s.colored {
			s.shown = append(append(append(s.shown, "\x1b["...), sgr[span.Style]...), 'm')
		}
		s.shown, _ = appendShown(s.shown, part, true)
		if s.colored {
			s.shown = append(s.shown, "\x1b[0m"...)
		}
		at = span.To
	}
	s.shown, _ = appendShown(s.shown, text[at:], true)
	_, err := s.terminal.Write(s.shown)
	return err
}

// release shows what waits for more. The caller holds mu.
func (s *screen) release() error {
	if len(s.held) == 0 {
		return nil
	}
	s.shown, _ = appendShown(s.shown[:0], s.held, true)
	s.held = nil
	_, err := s.terminal.Write(s.shown)
	return err
}

// finish shows what still waits when the program ends.
func finish(stream io.Writer) {
	if s, ok := stream.(*screen); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.release() //nolint:errcheck // the terminal is gone: no one would read the error
	}
}

// rawScreen writes to the screen's terminal as it is.
type rawScreen struct{ *screen }

func (r rawScreen) Write(text []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.release(); err != nil {
		return 0, err
	}
	return r.terminal.Write(text)
}

// appendShown appends text as a screen shows it: a character that steers a terminal as \u and its four digits,
// a byte that is not UTF-8 as \x and two digits. In JSON a \u escape means the same character, so JSON stays JSON. A
// backslash stays, and CRLF becomes LF. Unless text is at its end, rest is what depends on the text that follows.
func appendShown(dst, text []byte, end bool) (shown, rest []byte) {
	for i := 0; i < len(text); {
		switch b := text[i]; {
		case b == '\r' && i+1 == len(text) && !end, b >= utf8.RuneSelf && !end && !utf8.FullRune(text[i:]):
			return dst, text[i:]
		case b == '\r' && i+1 < len(text) && text[i+1] == '\n':
			i++
		default:
			r, size := utf8.DecodeRune(text[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				dst = fmt.Appendf(dst, `\x%02x`, b)
			case steers(r):
				dst = fmt.Appendf(dst, `\u%04x`, r)
			default:
				dst = append(dst, text[i:i+size]...)
			}
			i += size
		}
	}
	return dst, nil
}

// steers reports whether a terminal may do more with a character than show it.
func steers(r rune) bool {
	switch {
	case r == '\t', r == '\n':
		return false
	case r < ' ', 0x7f <= r && r <= 0x9f: // C0, DEL, C1
		return true
	case r == 0x2028, r == 0x2029: // some terminals end a line here, so that a stranger's text could look like furl's
		return true
	}
	// Embeddings, overrides and isolates reorder everything that follows, furl's own words too. The marks U+200E, U+200F
	// and U+061C reach no further than their neighbors, and Arabic and Hebrew need them: they stay.
	return 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
}

// endOfLine knows whether what a command wrote has ended its line, where the standard output and the standard error are
// the same terminal or file: a message begins on a line of its own.
type endOfLine struct {
	mu   sync.Mutex
	open bool
	at   io.Writer // the standard error; nil if it is elsewhere than the standard output
}

// newEndOfLine compares the streams.
func newEndOfLine(streams Streams) *endOfLine {
	if !sameStream(unshown(streams.Out), unshown(streams.Err)) {
		return &endOfLine{}
	}
	return &endOfLine{at: streams.Err}
}

func sameStream(a, b io.Writer) bool {
	first, isFile := a.(*os.File)
	second, isToo := b.(*os.File)
	if !isFile || !isToo {
		return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() && a == b
	}
	if isTerminal(first) && isTerminal(second) {
		return true
	}
	one, err := first.Stat()
	if err != nil {
		return false
	}
	other, err := second.Stat()
	return err == nil && os.SameFile(one, other)
}

// end ends a line that is open.
func (e *endOfLine) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open && e.at != nil {
		io.WriteString(e.at, "\n")
	}
	e.open = false
}

// body is a stream for the answer, whose last line may be open.
func (e *endOfLine) body(w io.Writer) io.Writer { return bodyStream{e, w} }

type bodyStream struct {
	*endOfLine
	w io.Writer
}

func (b bodyStream) Write(p []byte) (int, error) {
	n, err := b.w.Write(p)
	b.wrote(p[:n])
	return n, err
}

// Paint writes text in styles, if the stream is a screen.
func (b bodyStream) Paint(text []byte, spans []tint.Span) error {
	painter, ok := b.w.(tint.Painter)
	if !ok {
		_, err := b.Write(text)
		return err
	}
	b.wrote(text)
	return painter.Paint(text, spans)
}

func (e *endOfLine) wrote(p []byte) {
	if len(p) > 0 {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.open = p[len(p)-1] != '\n'
	}
}

// message is a stream for messages, which begin on a line of their own.
func (e *endOfLine) message(w io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		e.end()
		return w.Write(p)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
