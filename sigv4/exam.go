package sigv4

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// line is one canonical header line.
type line struct{ name, value string }

// keyStyle is how a client builds its signing key.
type keyStyle uint8

const (
	keyRight      keyStyle = iota
	keyUnprefixed          // without "AWS4"
	keyHexed               // every link of the chain is hexadecimal text
)

// attempt is what a client may have signed. It is copied for each hypothesis, so apply functions replace slices and
// never write into them.
type attempt struct {
	method    string
	path      string
	query     string
	headers   []line
	names     string // SignedHeaders; "" means the names of headers
	noNewline bool   // the empty line after the headers is missing
	payload   string
	date      string
	scope     Scope // in the string to sign
	keyScope  Scope // of the signing key
	style     keyStyle
	secret    string
	write     func(mac []byte) string // how the signature is written
}

// exam is one diagnosis at work.
type exam struct {
	ev     Evidence
	claim  claim
	base   attempt  // what the server computed
	raw    []rawArg // the query as sent
	path   string   // the path as sent
	listed []string // SignedHeaders in the order sent
	absent string   // a header of SignedHeaders that is not in the request
	body   []byte
	known  bool // the body was read

	text []byte // canonical request of the attempt tried last
	keys map[keyInput][]byte
}

type keyInput struct {
	scope  Scope
	style  keyStyle
	secret string
}

// newExam reads the request once more. It reports false for one that could not even be read.
func newExam(ev Evidence) (*exam, bool) {
	r := ev.Request
	var w scratch
	path, err := readTarget(&w.q, r)
	if err != nil {
		return nil, false
	}
	c := &w.claim
	if err := c.read(r, &w.q); err != nil {
		return nil, false
	}
	if err := c.readSignedHeaders(nil); err != nil {
		return nil, false
	}
	if err := c.readDate(); err != nil {
		return nil, false
	}
	var ok bool
	if c.scope, c.terminator, ok = parseCredential(c.credential); !ok {
		return nil, false
	}
	x := &exam{ev: ev, path: path, listed: slices.Clone(c.signed), keys: make(map[keyInput][]byte)}
	x.body, x.known = ev.Refusal.Body, ev.Refusal.Body != nil || r.ContentLength == 0
	w.gather(r)
	x.claim = *c
	w.fill(r.Method, sha256.Sum256(x.body))
	_, rawQuery := splitTarget(target(r))
	x.raw = splitQuery(rawQuery, c.form == Query)
	var lines []line
	for _, name := range c.signed {
		switch values := w.lookup(r, name); {
		case len(values) > 0:
			lines = append(lines, line{name, string(appendValues(nil, values))})
		case validName(name):
			x.absent = name
		}
	}
	x.base = attempt{
		method: r.Method, path: string(appendPath(nil, path, pathNormal)), query: string(w.query), headers: lines,
		payload: string(w.payload), date: c.dateText, scope: c.scope, keyScope: c.scope,
		secret: ev.Key.Secret.Reveal(), write: hex.EncodeToString,
	}
	return x, true
}

// reproduces reports whether the attempt has the signature that was sent. It leaves its canonical request in x.text.
func (x *exam) reproduces(a *attempt) bool {
	parts := canonical{method: a.method, path: []byte(a.path), query: []byte(a.query), payload: []byte(a.payload)}
	for i, h := range a.headers {
		parts.headers = append(append(append(append(parts.headers, h.name...), ':'), h.value...), '\n')
		if i > 0 {
			parts.names = append(parts.names, ';')
		}
		parts.names = append(parts.names, h.name...)
	}
	if a.names != "" {
		parts.names = []byte(a.names)
	}
	if a.noNewline {
		parts.headers = bytes.TrimSuffix(parts.headers, []byte("\n"))
	}
	x.text = parts.append(x.text[:0])
	mac := hmac.New(sha256.New, x.key(a))
	mac.Write(appendStringToSign(nil, a.date, string(a.scope.appendTail(nil)), x.text))
	return constantTimeEqual(a.write(mac.Sum(nil)), x.claim.signature)
}

// key derives the attempt's signing key; most attempts share one.
func (x *exam) key(a *attempt) []byte {
	in := keyInput{a.keyScope, a.style, a.secret}
	key, ok := x.keys[in]
	if !ok {
		switch a.style {
		case keyUnprefixed:
			key = keyChain([]byte(a.secret), a.keyScope, func(k []byte) []byte { return k })
		case keyHexed:
			key = keyChain([]byte("AWS4"+a.secret), a.keyScope, func(k []byte) []byte { return []byte(hex.EncodeToString(k)) })
		default:
			key = deriveKey(a.secret, a.keyScope)
		}
		x.keys[in] = key
	}
	return key
}
