package sigv4

import (
	"bytes"
	"slices"
)

// The query parameters of the presigned form. All their characters are unreserved, so a parameter is one of them
// exactly if its canonical key is the same text.
const (
	paramAlgorithm     = "X-Amz-Algorithm"
	paramCredential    = "X-Amz-Credential"
	paramDate          = "X-Amz-Date"
	paramExpires       = "X-Amz-Expires"
	paramSignedHeaders = "X-Amz-SignedHeaders"
	paramSecurityToken = "X-Amz-Security-Token"
	paramSignature     = "X-Amz-Signature"
	paramContentSHA256 = "X-Amz-Content-Sha256"
)

// authParam reports whether a canonical key is one of the presigned form's.
func authParam(key []byte) bool {
	switch string(key) {
	case paramAlgorithm, paramCredential, paramDate, paramExpires, paramSignedHeaders, paramSecurityToken, paramSignature:
		return true
	}
	return false
}

const maxQueryPairs = 4096

// pair is one query parameter in canonical encoding: two windows of query.text.
type pair struct{ start, eq, end int }

// query is a decoded and strictly re-encoded query string. It is reused, so parsing does not allocate.
type query struct {
	text  []byte // key=value key=value …, canonical encoding, wire order, no separators
	pairs []pair
	plus  bool // a raw '+' was read as a space
}

func (q *query) key(p pair) []byte   { return q.text[p.start:p.eq] }
func (q *query) value(p pair) []byte { return q.text[p.eq:p.end] }

// parse splits a raw query at '&' and at the first '='. It returns AWS's text for what makes the query malformed,
// or "". Empty pairs (a=1&&b=2) are dropped, as AWS SDKs and url.ParseQuery do. A raw '+' is read as a space: STS
// and S3 were seen to do so, the SDK for Go signs so, and it is what a function sees in queryStringParameters, so
// that the signature vouches for what is delivered. Nobody documents it for Lambda: assumed.
func (q *query) parse(raw string) string {
	q.text, q.pairs, q.plus = q.text[:0], q.pairs[:0], false
	text, start, eq := q.text, 0, -1 // of the present pair in text; eq is where its value begins, -1 in the key
	from := 0                        // raw[from:i] is the same in both encodings
	for i := 0; i <= len(raw); i++ {
		c := byte('&')
		if i < len(raw) {
			if c = raw[i]; classes[c]&isUnreserved != 0 {
				continue
			}
		}
		text = append(text, raw[from:i]...)
		from = i + 1
		switch {
		case c == '&':
			if eq < 0 && len(text) == start {
				continue // nothing, not even a '='
			}
			if len(q.pairs) == maxQueryPairs {
				return "Too many query parameters"
			}
			if eq < 0 {
				eq = len(text)
			}
			q.pairs = append(q.pairs, pair{start, eq, len(text)})
			start, eq = len(text), -1
		case c == '=' && eq < 0:
			eq = len(text)
		case c == '%':
			if msg := checkEscape(raw[i:]); msg != "" {
				return msg
			}
			hi, _ := unhex(raw[i+1])
			lo, _ := unhex(raw[i+2])
			text = appendEscapedByte(text, hi<<4|lo)
			i += 2
			from = i + 1
		case c == '+':
			q.plus = true
			text = append(text, "%20"...)
		default:
			text = appendEscapedByte(text, c)
		}
	}
	q.text = text
	return ""
}

// addDecoded adds a parameter whose key is in canonical encoding already and whose value is not encoded.
func (q *query) addDecoded(key, value string) {
	var p pair
	p.start = len(q.text)
	q.text = append(q.text, key...)
	p.eq = len(q.text)
	q.text = appendEscaped(q.text, value)
	p.end = len(q.text)
	q.pairs = append(q.pairs, p)
}

// get returns the decoded value of the first parameter of that name and how many there are.
func (q *query) get(name string) (value string, n int) {
	for _, p := range q.pairs {
		if string(q.key(p)) == name {
			if n++; n == 1 {
				value = unescape(string(q.value(p)))
			}
		}
	}
	return value, n
}

// drop removes every parameter of that name.
func (q *query) drop(name string) {
	q.pairs = slices.DeleteFunc(q.pairs, func(p pair) bool { return string(q.key(p)) == name })
}

// sort orders by key, then value. The keys are compared as a whole: comparing "k=v" texts would put "a-b=" before
// "a=", since '-' sorts before '='.
func (q *query) sort() {
	slices.SortFunc(q.pairs, func(a, b pair) int {
		if c := bytes.Compare(q.key(a), q.key(b)); c != 0 {
			return c
		}
		return bytes.Compare(q.value(a), q.value(b))
	})
}

// append appends the canonical query in the present order of the pairs.
func (q *query) append(dst []byte) []byte {
	for i, p := range q.pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, q.key(p)...)
		dst = append(dst, '=')
		dst = append(dst, q.value(p)...)
	}
	return dst
}
