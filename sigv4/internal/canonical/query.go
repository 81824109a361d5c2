package canonical

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
)

// The query parameters of the presigned form. All their characters are unreserved, so a parameter is one of them
// exactly if its canonical key is the same text.
const (
	ParamAlgorithm     = "X-Amz-Algorithm"
	ParamCredential    = "X-Amz-Credential"
	ParamDate          = "X-Amz-Date"
	ParamExpires       = "X-Amz-Expires"
	ParamSignedHeaders = "X-Amz-SignedHeaders"
	ParamToken         = "X-Amz-Security-Token"
	ParamSignature     = "X-Amz-Signature"
	paramContentSHA256 = "X-Amz-Content-Sha256"
)

// AuthParam reports whether a canonical key is one of the presigned form's.
func AuthParam(key []byte) bool {
	switch string(key) {
	case ParamAlgorithm, ParamCredential, ParamDate, ParamExpires, ParamSignedHeaders, ParamToken, ParamSignature:
		return true
	}
	return false
}

const maxPairs = 4096

// pair is one parameter in canonical encoding: two windows of Query.text.
type pair struct{ start, equals, end int }

// Query is a query string, decoded and strictly encoded again. Used again, it does not allocate.
type Query struct {
	Plus bool // a raw '+' was read as a space

	text  []byte // key=value key=value …, in the order sent, without separators
	pairs []pair
}

func (q *Query) key(p pair) []byte   { return q.text[p.start:p.equals] }
func (q *Query) value(p pair) []byte { return q.text[p.equals:p.end] }

// Size is how many bytes of text the query holds on to.
func (q *Query) Size() int { return cap(q.text) }

// Parse splits a raw query at '&' and at the first '='. It returns AWS's text for what makes the query malformed, or
// "". It drops empty pairs (a=1&&b=2), as AWS SDKs and url.ParseQuery do. It reads a raw '+' as a space: STS and S3
// were seen to do so, the SDK for Go signs so, and it is what a function sees in queryStringParameters, so that the
// signature vouches for what is delivered. Nobody documents it for Lambda: assumed.
func (q *Query) Parse(raw string) string {
	q.text, q.pairs, q.Plus = q.text[:0], q.pairs[:0], strings.Contains(raw, "+")
	if complaint := CheckEscapes(raw); complaint != "" {
		return complaint
	}
	plain := !q.Plus && strings.IndexByte(raw, '%') < 0
	for raw != "" {
		var part string
		if part, raw, _ = strings.Cut(raw, "&"); part == "" {
			continue
		}
		if len(q.pairs) == maxPairs {
			return "Too many query parameters"
		}
		key, value, _ := strings.Cut(part, "=")
		if !plain {
			key, value = decoded(key), decoded(value)
		}
		q.Add(key, value)
	}
	return ""
}

// decoded is a checked part of a query.
func decoded(raw string) string {
	text, _ := url.QueryUnescape(raw)
	return text
}

// Add adds a parameter that is not encoded.
func (q *Query) Add(key, value string) {
	p := pair{start: len(q.text)}
	q.text = AppendEscaped(q.text, key)
	p.equals = len(q.text)
	q.text = AppendEscaped(q.text, value)
	p.end = len(q.text)
	q.pairs = append(q.pairs, p)
}

// Get returns the decoded value of the first parameter of that name and how many there are.
func (q *Query) Get(name string) (value string, n int) {
	for _, p := range q.pairs {
		if string(q.key(p)) == name {
			if n++; n == 1 {
				value = Unescape(string(q.value(p)))
			}
		}
	}
	return value, n
}

// Find returns the first canonical key for which match reports true, "" if there is none.
func (q *Query) Find(match func(key []byte) bool) string {
	for _, p := range q.pairs {
		if key := q.key(p); match(key) {
			return string(key)
		}
	}
	return ""
}

// drop removes every parameter of that name.
func (q *Query) drop(name string) {
	q.pairs = slices.DeleteFunc(q.pairs, func(p pair) bool { return string(q.key(p)) == name })
}

// AppendSorted appends the canonical query: sorted by key, then value. The keys are compared as a whole: comparing
// "k=v" texts would put "a-b=" before "a=", since '-' sorts before '='.
func (q *Query) AppendSorted(dst []byte) []byte {
	slices.SortFunc(q.pairs, func(a, b pair) int {
		if c := bytes.Compare(q.key(a), q.key(b)); c != 0 {
			return c
		}
		return bytes.Compare(q.value(a), q.value(b))
	})
	for i, p := range q.pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(append(append(dst, q.key(p)...), '='), q.value(p)...)
	}
	return dst
}
