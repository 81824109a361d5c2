package policy

import (
	"reflect"
	"slices"
)

// Holes for the tests of package policy_test.

// ValidJSON reports whether the reader accepts the text, and whether it did so only for being nested too deeply.
func ValidJSON(text string) (ok, tooDeep bool) {
	_, err := readJSON(text)
	return err == nil, err != nil && err.message == "not JSON: nested too deeply"
}

// GlobMatch matches a pattern of * and ?, and of wildcards that stay within a part of an ARN if arn is set.
func GlobMatch(pattern, s string, arn, fold bool) bool {
	text := encodeWildcards(pattern)
	if arn {
		colons := 0
		text = confine(text, &colons, true)
	}
	p := newPattern(text)
	return p.match(s, fold)
}

// KnownKeys returns the spellings of condition keys that Lookup is promised.
func KnownKeys() map[string]string { return knownKeys() }

// SameMeaning reports whether two documents compiled to the same, wherever their elements stood in the text.
func SameMeaning(a, b *Document) bool {
	plain := func(d *Document) Document {
		c := *d
		c.source = ""
		c.statements = slices.Clone(d.statements)
		for i := range c.statements {
			c.statements[i].start, c.statements[i].end = 0, 0
		}
		return c
	}
	return reflect.DeepEqual(plain(a), plain(b))
}
