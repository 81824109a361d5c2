package trace

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxText is the most bytes that a Text has, whatever its limit, besides the mark that it is cut off.
const MaxText = 8 << 10

// MaxTexts is the most texts in a Texts.
const MaxTexts = 5

// Text is text as a trace keeps it: short, and in memory of its own. A piece of a request, an answer or an error would
// keep the whole in memory.
type Text struct{ text string }

// Keep is the beginning of a text, of at most limit bytes.
func Keep[T string | []byte](text T, limit int) Text {
	limit = min(limit, MaxText)
	if len(text) <= limit {
		return Text{strings.Clone(string(text))}
	}
	return Text{Cut(string(text[:limit+1]), limit)}
}

// Join is Keep for a list, as strings.Join makes one text of it. It reads no more of the list than it keeps.
func Join(list []string, separator string, limit int) Text {
	limit = min(limit, MaxText)
	room := limit
	for i, text := range list {
		if i > 0 {
			room -= len(separator)
		}
		if room -= len(text); room < 0 {
			shortened := append(list[:i:i], Cut(text, limit))
			return Text{Cut(strings.Join(shortened, separator), limit)}
		}
	}
	if len(list) == 1 {
		return Keep(list[0], limit) // which strings.Join does not copy
	}
	return Text{strings.Join(list, separator)}
}

// String is the text.
func (t Text) String() string { return t.text }

// Empty reports whether there is no text.
func (t Text) Empty() bool { return t.text == "" }

// Texts are the first few of a list of texts.
type Texts struct {
	texts []Text
	more  int
}

// KeepAll is the first of the texts, each cut at limit.
func KeepAll[T string | []byte](limit int, texts ...T) Texts {
	var kept Texts
	for _, text := range texts[:min(MaxTexts, len(texts))] {
		kept.texts = append(kept.texts, Keep(text, limit))
	}
	kept.more = len(texts) - len(kept.texts)
	return kept
}

// Empty reports whether there is no text.
func (t Texts) Empty() bool { return len(t.texts) == 0 }

// Strings are the texts, and if there were more, how many.
func (t Texts) Strings() []string {
	var list []string
	for _, text := range t.texts {
		list = append(list, text.text)
	}
	if t.more > 0 {
		list = append(list, fmt.Sprintf("… and %d more", t.more))
	}
	return list
}

// Cut shortens text that a client chose to what is worth showing. Characters stay whole.
func Cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for back := 0; back < utf8.UTFMax && limit > 0 && !utf8.RuneStart(text[limit]); back++ {
		limit--
	}
	return text[:limit] + "…"
}
