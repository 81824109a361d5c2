// Package tint is text that knows which of its parts mean well and which do not. A report marks the words that it writes
// itself, and a terminal shows the marks as colors. The marks stand beside the text, not in it: text from outside cannot
// hold one, and any other writer gets the text alone.
package tint

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Style is what a part of a text means. No style says anything that the text does not say.
type Style uint8

// The styles.
const (
	Plain   Style = iota
	Good          // ok, allowed, added
	Bad           // a problem, refused, failed, removed
	Doubt         // depends, could not look, changed
	Note          // a place, a suggestion
	Strong        // a heading
	Faint         // what is rarely read
	Name          // of a member of JSON
	Quoted        // a string of JSON
	Literal       // true, false and null
	Named         // the first of Names styles, which tell names apart
)

// Names is how many styles there are for names: Named, Named+1 and so on.
const Names = 8

// Span is a part of a text, from its first byte to the one after its last, in a style that is not Plain.
type Span struct {
	From, To int
	Style    Style
}

// Painter is a writer that shows styles. It writes text, whose spans are in order and do not overlap, at once.
type Painter interface {
	Paint(text []byte, spans []Span) error
}

// Text is text with styles. The zero value is empty. As an [io.Writer] it takes plain text.
type Text struct {
	bytes []byte
	spans []Span
}

// Write adds plain text.
func (t *Text) Write(text []byte) (int, error) {
	t.bytes = append(t.bytes, text...)
	return len(text), nil
}

// Add adds text in a style.
func (t *Text) Add(style Style, text string) {
	from := len(t.bytes)
	t.bytes = append(t.bytes, text...)
	if style != Plain && text != "" {
		t.spans = append(t.spans, Span{from, len(t.bytes), style})
	}
}

// Addf adds plain text, in the format of package fmt.
func (t *Text) Addf(format string, arguments ...any) {
	t.bytes = fmt.Appendf(t.bytes, format, arguments...)
}

// Pad adds text in a style, and spaces to fill a column of this width. The spaces have no style.
func (t *Text) Pad(style Style, text string, width int) {
	t.Add(style, text)
	t.Add(Plain, strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text))))
}

// Reset empties the text.
func (t *Text) Reset() { t.bytes, t.spans = t.bytes[:0], t.spans[:0] }

// String is the text alone.
func (t *Text) String() string { return string(t.bytes) }

// WriteTo writes the text, with its styles if the writer is a [Painter].
func (t *Text) WriteTo(w io.Writer) (int64, error) {
	painter, ok := w.(Painter)
	if !ok {
		n, err := w.Write(t.bytes)
		return int64(n), err
	}
	if err := painter.Paint(t.bytes, t.spans); err != nil {
		return 0, err
	}
	return int64(len(t.bytes)), nil
}

// Diff is a diff with a style for each line that adds or removes something. A sign stands at the beginning of a line, or
// behind indent.
func Diff(diff, indent string) *Text {
	text := &Text{}
	for line := range strings.Lines(diff) {
		line, end := strings.CutSuffix(line, "\n")
		text.Add(styleOf(line, indent), line)
		if end {
			text.Add(Plain, "\n")
		}
	}
	return text
}

func styleOf(line, indent string) Style {
	if strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "+++ ") {
		return Strong
	}
	line = strings.TrimPrefix(line, indent)
	sign, _ := utf8.DecodeRuneInString(line)
	switch sign {
	case '+':
		return Good
	case '-':
		return Bad
	case '~', '±':
		return Doubt
	case '@':
		return Note
	}
	return Plain
}
