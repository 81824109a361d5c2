package wire

import (
	"regexp"
	"strings"
	"sync"
)

// pattern is a regular expression of a model, which a whole value must match. It is printed as the model has it and
// compiled when it is first asked.
type pattern struct {
	text    string
	matches func(string) bool
}

func newPattern(text string) *pattern {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + translate(text) + `)$`) })
	return &pattern{text, func(value string) bool { return compiled().MatchString(value) }}
}

var (
	unicodeEscape = regexp.MustCompile(`\\u([0-9A-F]{4})`)
	lookaround    = regexp.MustCompile(`\(\?<?!(\([^()]*\)|[^()])*\)`)
)

// translate makes a regular expression of Go from one of Java, the language of the models. \uFFFF has four digits there,
// also where the author of the model hoped for five. Go cannot look around: an overlay line says what such a group
// excludes, for the shapes where that matters.
func translate(java string) string {
	// A surrogate is half of a character beyond the Basic Multilingual Plane: no character that Go has is in between.
	text := strings.ReplaceAll(java, `\uD7FF`, `\x{D7FF}`)
	text = unicodeEscape.ReplaceAllString(text, `\x{$1}`)
	return lookaround.ReplaceAllString(text, "")
}
