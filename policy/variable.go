package policy

import (
	"errors"
	"strings"
)

// template is text of a policy that may hold policy variables, such as "arn:aws:s3:::home/${aws:username}/*".
// IAM User Guide, "IAM policy elements: Variables and tags".
type template struct {
	pattern        // the whole text, if there are no variables; with wildcards only in a template that is for matching
	parts   []part // else its parts
}

// part is literal text, or a variable when key is set.
type part struct {
	text       string
	key        string // spelled as AWS spells it
	hasDefault bool
	fallback   string // for a key that is absent
}

var (
	errNoBrace    = errors.New("a policy variable without its closing brace; add } or write ${$} for a dollar sign")
	errEmptyVar   = errors.New("an empty policy variable; name a condition key or write ${$} for a dollar sign")
	errSpaceVar   = errors.New("a space in a policy variable; a default follows a comma and stands in single quotes")
	errBadDefault = errors.New("a policy variable whose default does not stand in single quotes, " +
		"as in ${aws:username, 'nobody'}")
)

// parseTemplate splits text at its variables, if the version of the document has any. Wildcards of literal parts go
// through encode, which may be nil; characters written as ${*}, ${?} and ${$} do not.
func parseTemplate(text string, variables bool, encode func(string) string) (template, error) {
	if encode == nil {
		encode = func(s string) string { return s }
	}
	if !variables || !strings.Contains(text, "${") {
		return template{pattern: newPattern(encode(text))}, nil
	}
	var t template
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			t.parts = append(t.parts, part{text: literal.String()})
			literal.Reset()
		}
	}
	for {
		before, rest, found := strings.Cut(text, "${")
		literal.WriteString(encode(before))
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return template{}, errNoBrace
		}
		text = after
		if name == "*" || name == "?" || name == "$" {
			literal.WriteString(name)
			continue
		}
		p, err := parseVariable(name)
		if err != nil {
			return template{}, err
		}
		flush()
		t.parts = append(t.parts, p)
	}
	if len(t.parts) == 0 {
		return template{pattern: newPattern(literal.String())}, nil
	}
	flush()
	return t, nil
}

// parseVariable reads the inside of ${…}.
func parseVariable(inside string) (part, error) {
	key, fallback, hasDefault := strings.Cut(inside, ",")
	key = strings.TrimSpace(key)
	if key == "" {
		return part{}, errEmptyVar
	}
	if strings.ContainsAny(key, " \t\r\n") {
		return part{}, errSpaceVar
	}
	if hasDefault {
		fallback = strings.TrimSpace(fallback)
		if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' {
			return part{}, errBadDefault
		}
		fallback = fallback[1 : len(fallback)-1]
	}
	return part{key: spelling(key), hasDefault: hasDefault, fallback: fallback}, nil
}

// matches reports whether s matches the template as a pattern.
func (t *template) matches(s string, ctx Context) bool {
	if t.parts == nil {
		return t.match(s, false)
	}
	text, ok := t.expand(ctx)
	return ok && globMatch(text, s, false)
}

// expand returns the text with its variables replaced. It reports false when a variable has no value: the text then
// equals nothing. A key that is absent or empty has none ("the value is effectively null") unless there is a default; a
// key that may have several values has none either, since only single-valued keys may be variables, and neither has one
// whose value is not UTF-8, which could pass for a wildcard.
func (t *template) expand(ctx Context) (string, bool) {
	if t.parts == nil {
		return t.text, true
	}
	var b strings.Builder
	for i := range t.parts {
		p := &t.parts[i]
		if p.key == "" {
			b.WriteString(p.text)
			continue
		}
		values := lookup(ctx, p.key)
		null := len(values) == 0 || len(values) == 1 && values[0] == ""
		switch {
		case null && p.hasDefault:
			b.WriteString(p.fallback)
		case null || len(values) > 1 || multivalued[p.key] || hasWildcards(values[0]):
			return "", false
		default:
			b.WriteString(values[0])
		}
	}
	return b.String(), true
}

// confine makes an encoded pattern match ARNs as AWS does. In the first five parts wildcards stay within their part,
// except that a * that ends its part "can expand to match beyond the colon boundaries"; in the last part they match
// colons too. Parts that are missing at the end count as *.
// IAM User Guide, "IAM JSON policy elements: Resource".
func (t *template) confine() {
	colons := 0
	if t.parts == nil {
		text := confine(t.text, &colons, true)
		t.pattern = newPattern(text + strings.Repeat(":\xff", max(0, 5-colons)))
		return
	}
	last := len(t.parts) - 1
	for i := range t.parts {
		if p := &t.parts[i]; p.key == "" {
			p.text = confine(p.text, &colons, i == last)
		}
	}
	if missing := 5 - colons; missing > 0 {
		t.parts = append(t.parts, part{text: strings.Repeat(":\xff", missing)})
	}
}

func confine(s string, colons *int, last bool) string {
	b := []byte(s)
	for i, c := range b {
		ends := i+1 < len(b) && b[i+1] == ':' || i+1 == len(b) && last
		switch {
		case c == ':':
			*colons++
		case *colons >= 5:
			continue
		case c == anyRun && !ends:
			b[i] = anyRunInARN
		case c == anyOne:
			b[i] = anyOneInARN
		}
	}
	if string(b) == s {
		return s // which shares its memory with the document
	}
	return string(b)
}
