package sigv4

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
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
	*budget
	ev      Evidence
	claim   claim
	base    attempt  // what the server computed
	query   string   // as sent
	path    string   // as sent
	listed  []string // SignedHeaders in the order sent
	absent  string   // a header of SignedHeaders that is not in the request
	body    []byte
	known   bool     // the body was read
	long    bool     // the signed headers are too large for anything: base is not set
	skipped []string // parts of the request that are too large

	parts canonical // of the attempt tried last
	text  []byte    // its canonical request
	keys  map[keyInput][]byte
}

type keyInput struct {
	scope  Scope
	style  keyStyle
	secret string
}

// newExam reads the request once more. It reports false for one that could not even be read.
func newExam(b *budget, ev Evidence) (*exam, bool) {
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
	x := &exam{budget: b, ev: ev, path: path, listed: slices.Clone(c.signed), keys: make(map[keyInput][]byte)}
	_, x.query = splitTarget(target(r))
	x.body, x.known = ev.Refusal.Body, ev.Refusal.Body != nil || r.ContentLength == 0
	x.claim = *c
	if x.long = !x.measure(&w); x.long {
		x.skip("header")
		return x, true
	}
	w.gather(r)
	x.claim = *c
	w.fill(r.Method, x.payload())
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

// measure reports whether method and signed headers are small enough to be hashed again and again. A header counts as
// often as it is listed, in whatever letters.
func (x *exam) measure(w *scratch) bool {
	size := len(x.ev.Request.Method)
	for _, name := range x.listed {
		size += len(name)
		for _, value := range w.lookup(x.ev.Request, strings.ToLower(name)) {
			if size += len(value) + 1; size > maxLines {
				return false
			}
		}
	}
	return size <= maxLines
}

// payload is the hash of the body. The verifier has computed it if it got as far as that.
func (x *exam) payload() (sum [sha256.Size]byte) {
	text := x.ev.Refusal.CanonicalRequest
	if n, err := hex.Decode(sum[:], []byte(text[max(0, len(text)-2*sha256.Size):])); err == nil && n == len(sum) {
		return sum
	}
	return sha256.Sum256(x.body)
}

// skip notes a part of the request that is too large.
func (x *exam) skip(part string) {
	if !slices.Contains(x.skipped, part) {
		x.skipped = append(x.skipped, part)
	}
}

// reproduces reports whether the attempt has the signature that was sent. It leaves its canonical request in x.text.
func (x *exam) reproduces(a *attempt) bool {
	return constantTimeEqual(x.sign(a), x.claim.signature)
}

// sign is the signature of the attempt. Its canonical request is left in x.text.
func (x *exam) sign(a *attempt) string {
	p := &x.parts
	p.method = a.method
	p.path, p.query, p.payload = append(p.path[:0], a.path...), append(p.query[:0], a.query...), append(p.payload[:0], a.payload...)
	p.headers, p.names = p.headers[:0], p.names[:0]
	for i, h := range a.headers {
		p.headers = append(append(append(append(p.headers, h.name...), ':'), h.value...), '\n')
		if i > 0 {
			p.names = append(p.names, ';')
		}
		p.names = append(p.names, h.name...)
	}
	if a.names != "" {
		p.names = append(p.names[:0], a.names...)
	}
	if a.noNewline {
		p.headers = bytes.TrimSuffix(p.headers, []byte("\n"))
	}
	x.text = p.append(x.text[:0])
	mac := hmac.New(sha256.New, x.key(a))
	mac.Write(appendStringToSign(nil, a.date, string(a.scope.appendTail(nil)), x.text))
	return a.write(mac.Sum(nil))
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
