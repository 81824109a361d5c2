package diagnose

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
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
	scope     canonical.Scope // in the string to sign
	keyScope  canonical.Scope // of the signing key
	style     keyStyle
	secret    string
	write     func(mac []byte) string // how the signature is written
}

// exam is one diagnosis at work.
type exam struct {
	*budget
	ev      Evidence
	claim   *canonical.Claim
	base    attempt  // what the server computed
	query   string   // as sent
	listed  []string // SignedHeaders in the order sent
	absent  []string // headers of SignedHeaders that are not in the request
	body    []byte
	known   bool     // the body was read
	hashed  bool     // its hash is known: it was read, or the request says
	long    bool     // the signed headers are too large for anything: base is not set
	skipped []string // parts of the request that are too large

	parts canonical.Request // of the attempt tried last
	text  []byte            // its canonical request
	sum   [sha256.Size]byte // the hash of that
	last  []byte            // the canonical request of the attempt before
	keys  map[keyInput][]byte
	seen  map[string]bool // hashes of payloads that were tried
	outer *reading        // what was undone before the body was read that the hypothesis is about; mostly nil
}

type keyInput struct {
	scope  canonical.Scope
	style  keyStyle
	secret string
}

// newExam reads the request once more. It reports false for one that could not even be read.
func newExam(b *budget, ev Evidence) (*exam, bool) {
	r := ev.Request
	c := new(canonical.Claim)
	if c.Read(r) != nil || !c.Whole {
		return nil, false
	}
	x := &exam{budget: b, ev: ev, claim: c, listed: slices.Clone(c.Names), keys: make(map[keyInput][]byte),
		seen: make(map[string]bool)}
	_, x.query = canonical.SplitTarget(canonical.Target(r))
	x.body, x.known = ev.Refusal.Body, ev.Refusal.Body != nil || r.ContentLength == 0
	if x.long = !x.measure(); x.long {
		x.skip("header")
		return x, true
	}
	c.Gather(r, &x.parts)
	x.base = attempt{
		method: r.Method, path: string(canonical.AppendPath(nil, c.Path, canonical.Normal)),
		query: string(c.Query.AppendSorted(nil)), payload: x.payload(),
		date: c.DateText, scope: c.Scope, keyScope: c.Scope,
		secret: ev.Key.Secret.Reveal(), write: hex.EncodeToString,
	}
	for _, name := range c.Names {
		switch values := x.received(name); {
		case len(values) > 0:
			x.base.headers = append(x.base.headers, line{name, string(canonical.AppendValues(nil, values))})
		case canonical.ValidName(name):
			x.absent = append(x.absent, name)
		}
	}
	return x, true
}

// received are the values of the header of that lower-case name.
func (x *exam) received(name string) []string {
	return canonical.Values(x.ev.Request, name, new([1]string))
}

// measure reports whether method and signed headers are small enough to be hashed again and again. A header counts as
// often as it is listed, in whatever letters.
func (x *exam) measure() bool {
	size := len(x.ev.Request.Method)
	for _, name := range x.listed {
		size += len(name)
		for _, value := range x.received(strings.ToLower(name)) {
			if size += len(value) + 1; size > maxLines {
				return false
			}
		}
	}
	return size <= maxLines
}

// payload is the hash of the body. The verifier has computed it if it got as far as that. Of a body that was not read,
// x-amz-content-sha256 may tell it.
func (x *exam) payload() string {
	text := x.ev.Refusal.CanonicalRequest
	if last := text[max(0, len(text)-2*sha256.Size):]; isHash(last) {
		x.hashed = true
		return last
	}
	if declared := x.claim.Declared; !x.known && len(declared) == 1 && isHash(declared[0]) {
		x.hashed = true
		return declared[0]
	}
	x.hashed = x.known
	x.bytes += len(x.body)
	return hashText(x.body)
}

// isHash reports whether a text may be a SHA-256 in lower-case hexadecimal.
func isHash(text string) bool {
	return len(text) == 2*sha256.Size && strings.Trim(text, "0123456789abcdef") == ""
}

func hashText(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// skip notes a part of the request that is too large. What the body was does not matter if x-amz-content-sha256, which
// was signed, says that it is the one that came.
func (x *exam) skip(part string) {
	i, signed := find(x.base.headers, canonical.ContentSHA256)
	vouched := part == bodyPart && signed && x.base.headers[i].value == x.base.payload
	if !vouched && !slices.Contains(x.skipped, part) {
		x.skipped = append(x.skipped, part)
	}
}

// reproduces reports whether the attempt has the signature that was sent. It leaves its canonical request in x.text.
func (x *exam) reproduces(a *attempt) bool {
	return canonical.Equal(x.sign(a), x.claim.Signature)
}

// sign is the signature of the attempt. Its canonical request is left in x.text.
func (x *exam) sign(a *attempt) string {
	p := &x.parts
	p.Method = a.method
	p.Path, p.Query = append(p.Path[:0], a.path...), append(p.Query[:0], a.query...)
	p.Payload = append(p.Payload[:0], a.payload...)
	p.Headers, p.Names = p.Headers[:0], p.Names[:0]
	for i, h := range a.headers {
		p.Headers = append(append(append(append(p.Headers, h.name...), ':'), h.value...), '\n')
		if i > 0 {
			p.Names = append(p.Names, ';')
		}
		p.Names = append(p.Names, h.name...)
	}
	if a.names != "" {
		p.Names = append(p.Names[:0], a.names...)
	}
	if a.noNewline {
		p.Headers = bytes.TrimSuffix(p.Headers, []byte("\n"))
	}
	// Most hypotheses about keys leave the text as it was.
	if x.text, x.last = p.Append(x.last[:0]), x.text; !bytes.Equal(x.text, x.last) {
		x.bytes += len(x.text)
		x.sum = sha256.Sum256(x.text)
	}
	mac := hmac.New(sha256.New, x.key(a))
	mac.Write(canonical.AppendDigestToSign(nil, a.date, a.scope, x.sum))
	return a.write(mac.Sum(nil))
}

// key derives the attempt's signing key; most attempts share one.
func (x *exam) key(a *attempt) []byte {
	in := keyInput{a.keyScope, a.style, a.secret}
	key, ok := x.keys[in]
	if !ok {
		switch a.style {
		case keyUnprefixed:
			key = a.keyScope.Key(a.secret, nil)
		case keyHexed:
			key = a.keyScope.Key("AWS4"+a.secret, func(mac []byte) []byte { return hex.AppendEncode(nil, mac) })
		default:
			key = a.keyScope.Key("AWS4"+a.secret, nil)
		}
		x.keys[in] = key
	}
	return key
}

// What a diagnosis may take in: the sender of the request chooses its sizes, and needs no more than the id of a key.
const (
	maxVaried  = 64 << 10 // bytes of a body that is written in ways that take memory
	maxText    = 8 << 10  // bytes of a path or a query that is written anew
	maxParts   = 256      // parameters, fields of a form or of JSON, headers to choose from, values of one header
	maxLines   = 64 << 10 // bytes of the signed headers, and the method
	maxQuoted  = 200      // bytes of what the client wrote in one explanation
	maxNameLen = 300      // bytes of a host with its port: DNS allows 253
)

// maxRead is how much of MaxHashed may go into bodies, so that a large one leaves the rest to everything else.
const maxRead = MaxHashed * 3 / 4

// bodyPart is the part of a request that most can happen to.
const bodyPart = "body"

// budget is what a diagnosis has done, which is bounded. It is counted, not timed, so that the same request has the
// same diagnosis on every machine and under any load.
type budget struct {
	stopped func() error // of the context
	tested  int          // hypotheses
	bytes   int          // that were hashed
	read    int          // those of them that are of bodies
	over    bool         // nothing more is tried
}

// left reports whether one more step may be taken. Once it has said no, it never says yes again.
func (b *budget) left() bool {
	const text = 1 << 20 // more than a canonical request has
	b.over = b.over || b.stopped() != nil || b.tested >= MaxHypotheses || b.bytes > MaxHashed-text
	return !b.over
}

// short cuts what the client wrote for an explanation.
func short(s string) string {
	if len(s) > maxQuoted {
		return s[:maxQuoted] + "…"
	}
	return s
}

// quote is short in quotes.
func quote(s string) string { return strconv.Quote(short(s)) }
