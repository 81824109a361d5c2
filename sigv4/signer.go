package sigv4

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// MaxPresign is the longest life of a presigned URL ("Create a signed AWS API request", X-Amz-Expires).
const MaxPresign = 7 * 24 * time.Hour

// Signer signs requests for one region and service. It must not be copied after first use; it may be used by
// several goroutines at once.
type Signer struct {
	// Region and Service are the scope of the signatures, "eu-central-1" and "lambda". Both are required.
	Region, Service string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// ClockOffset is added to Now: how far the server's clock is ahead of this one.
	ClockOffset time.Duration
	// ContentSHA256 adds and signs the header x-amz-content-sha256. Lambda does not need it. Presign never adds it.
	ContentSHA256 bool
	// TokenAfterSigning leaves the session token out of what is signed and adds it afterwards, as AWS IoT wants it.
	// Other services refuse a presigned URL made so.
	TokenAfterSigning bool
	// KeepTexts has Signed hold the canonical request and the string to sign. They are a copy of every byte that
	// was signed, session token included, which only those who show or check them need.
	KeepTexts bool
	// Unsigned reports headers to leave out, besides those that are never signed: connection, expect, keep-alive,
	// proxy-*, sec-*, te, trailer, transfer-encoding, upgrade, user-agent and x-amzn-trace-id. nil leaves out no
	// others. The name is in lower case.
	Unsigned func(name string) bool

	memory memory
}

// Signed is what was signed, for those who want to look.
type Signed struct {
	CanonicalRequest string // empty without Signer.KeepTexts; holds the session token in clear
	StringToSign     string // empty without Signer.KeepTexts
	Signature        string // 64 lower-case hexadecimal digits
	SignedHeaders    string // host;x-amz-date…
	PayloadHash      [sha256.Size]byte
	Time             time.Time   // UTC, whole seconds
	URL              string      // set by Presign: the URL to call
	Header           http.Header // set by Presign: what must be sent with it; nil if nothing
}

// Sign adds the headers Authorization and X-Amz-Date, for temporary credentials X-Amz-Security-Token, and if so
// configured X-Amz-Content-Sha256 to the request, in place of those of an earlier signing. It changes nothing else
// and does not read r.Body: p says what the body is. On error the request is as it was.
//
// All headers present are signed but those that never are. Sign refuses a request no server could verify: a target
// with malformed escapes or above the root, presign parameters in the query, a Content-Length or
// x-amz-content-sha256 that is not the payload's.
func (s *Signer) Sign(r *http.Request, c Credentials, p Payload) (Signed, error) {
	w := s.memory.get()
	defer s.memory.put(w)
	job, err := s.prepare(w, r, &c, &p)
	if err != nil {
		return Signed{}, err
	}
	token, hash := c.SessionToken, ""
	if s.TokenAfterSigning {
		token = ""
	}
	if s.ContentSHA256 {
		hash = hex.EncodeToString(job.hash[:])
	}
	w.own = [...]string{job.host, job.date, token, hash}
	if err := job.collect(w, s, r); err != nil {
		return Signed{}, err
	}
	job.finish(w)

	// The Authorization header is written behind the signed texts, so that one string holds whatever is kept.
	begin, kept := len(w.text), len(w.text)
	if s.KeepTexts {
		kept = 0
	}
	w.text = append(append(w.text, canonical.Algorithm+" Credential="...), w.credential...)
	w.text = append(w.text, ", SignedHeaders="...)
	from := len(w.text)
	w.text = append(w.text, w.Names...)
	to := len(w.text)
	w.text = append(append(w.text, ", Signature="...), w.mac[:]...)
	text := string(w.text[kept:])

	for _, key := range job.stale {
		delete(r.Header, key)
	}
	if r.Header == nil {
		r.Header = make(http.Header, 4)
	}
	values := []string{job.date, text[begin-kept:], c.SessionToken, hash} // one array for all
	for i, key := range [...]string{
		canonical.KeyDate, canonical.KeyAuthorization, canonical.KeyToken, canonical.KeyContentSHA256,
	} {
		switch {
		case values[i] != "":
			r.Header[key] = values[i : i+1 : i+1]
		case key == canonical.KeyToken:
			delete(r.Header, key)
		}
	}
	signed := Signed{
		SignedHeaders: text[from-kept : to-kept], Signature: text[len(text)-len(w.mac):],
		PayloadHash: job.hash, Time: job.time,
	}
	if s.KeepTexts {
		signed.CanonicalRequest, signed.StringToSign = text[:w.split], text[w.split:begin]
	}
	return signed, nil
}

// Presign returns a URL that carries its own signature and is valid from now for ttl: whole seconds, at least one,
// at most seven days, and never longer than the session of temporary credentials. The request is not changed. The
// URL is the target as typed with the authentication parameters appended.
//
// Headers present are signed as in [Signer.Sign], and the user of the URL must send them unchanged; most presigned
// requests have none. The payload is bound too: Lambda accepts no unsigned payload, so a URL for POST is good for
// one body.
func (s *Signer) Presign(r *http.Request, c Credentials, ttl time.Duration, p Payload) (Signed, error) {
	w := s.memory.get()
	defer s.memory.put(w)
	job, err := s.prepare(w, r, &c, &p)
	if err != nil {
		return Signed{}, err
	}
	w.own = [len(ownNames)]string{job.host}
	if err := job.collect(w, s, r); err != nil {
		return Signed{}, err
	}
	text, err := base(r, ttl)
	if err != nil {
		return Signed{}, err
	}
	separator := "?"
	if _, query, found := bytes.Cut(text, []byte("?")); found {
		separator = "&"
		if len(query) == 0 || bytes.HasSuffix(query, []byte("&")) {
			separator = ""
		}
	}
	add := func(name, value string, signed bool) {
		text = append(append(append(text, separator...), name...), '=')
		text = canonical.AppendEscaped(text, value)
		separator = "&"
		if signed {
			w.query.Add(name, value)
		}
	}
	names := string(w.Names)
	add(canonical.ParamAlgorithm, canonical.Algorithm, true)
	add(canonical.ParamCredential, string(w.credential), true)
	add(canonical.ParamDate, job.date, true)
	add(canonical.ParamSignedHeaders, names, true)
	add(canonical.ParamExpires, strconv.FormatInt(int64(ttl/time.Second), 10), true)
	if c.SessionToken != "" {
		add(canonical.ParamToken, c.SessionToken, !s.TokenAfterSigning)
	}
	job.finish(w)
	signature := string(w.mac[:])
	add(canonical.ParamSignature, signature, false)
	signed := Signed{
		SignedHeaders: names, Signature: signature, PayloadHash: job.hash, Time: job.time,
		URL: string(text), Header: job.companions(w, r),
	}
	if s.KeepTexts {
		signed.CanonicalRequest, signed.StringToSign = string(w.text[:w.split]), string(w.text[w.split:])
	}
	return signed, nil
}

// signing is one request on its way through a Signer.
type signing struct {
	method, host, path string
	hash               [sha256.Size]byte
	time               time.Time
	date               string // time in ISO 8601 basic format
	scope              canonical.Scope
	key                *signingKey
	stale              []string // other spellings of the headers that Sign sets
}

// prepare checks all but the headers, and leaves the query in w.
func (s *Signer) prepare(w *work, r *http.Request, c *Credentials, p *Payload) (job signing, err error) {
	if r.URL == nil {
		return job, errors.New("sigv4: request has no URL")
	}
	job.method = cmp.Or(r.Method, http.MethodGet) // as net/http sends it
	if !canonical.ValidToken(job.method) {
		return job, fmt.Errorf("sigv4: %q is not an HTTP method", r.Method)
	}
	if job.host, err = sentHost(r); err != nil {
		return job, err
	}
	if err := job.target(w, r); err != nil {
		return job, err
	}
	length := int64(0)
	if job.hash, length, err = p.sum(); err != nil {
		return job, err
	}
	if length >= 0 && r.ContentLength > 0 && length != r.ContentLength {
		return job, fmt.Errorf("sigv4: payload has %d bytes, but the request will send %d", length, r.ContentLength)
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	job.time = time.Unix(now().Add(s.ClockOffset).Unix(), 0).UTC()
	if w.date == "" || w.second != job.time.Unix() {
		w.second, w.date = job.time.Unix(), job.time.Format(canonical.ISOBasic)
	}
	job.date = w.date
	job.scope = canonical.Scope{AccessKeyID: c.AccessKeyID, Date: job.date[:8], Region: s.Region, Service: s.Service}
	secret := c.Secret.Reveal()
	w.credential = job.scope.AppendTail(append(append(w.credential[:0], c.AccessKeyID...), '/'))
	if job.key = s.memory.find(w.credential, secret); job.key == nil {
		// The memory has no key for a scope that is refused here.
		if err := checkScope(job.scope, secret); err != nil {
			return job, err
		}
		job.key = s.memory.derive(w.credential, job.scope, secret)
	}
	return job, nil
}

// checkScope refuses what no signing key can be made of.
func checkScope(scope canonical.Scope, secret string) error {
	if scope.Region == "" || scope.Service == "" {
		return errors.New("sigv4: Signer needs Region and Service")
	}
	if scope.AccessKeyID == "" || secret == "" {
		return errors.New("sigv4: credentials need an access key id and a secret")
	}
	for _, part := range [...]string{scope.Region, scope.Service, scope.AccessKeyID} {
		if !printable(part) || strings.ContainsAny(part, "/,") {
			return fmt.Errorf("sigv4: %q cannot stand in a credential scope", part)
		}
	}
	return nil
}

// sentHost returns the Host header as net/http will send it.
func sentHost(r *http.Request) (string, error) {
	host := cmp.Or(r.Host, r.URL.Host)
	if host == "" {
		return "", errors.New("sigv4: request has no host")
	}
	if !printable(host) {
		// net/http sends other scripts in Punycode, which the standard library does not export.
		return "", fmt.Errorf("sigv4: host %q: write it in ASCII (xn--…)", host)
	}
	if host[0] != '[' {
		return host, nil
	}
	// net/http drops the zone of an IPv6 address (RFC 6874).
	if end := strings.LastIndexByte(host, ']'); end > 0 {
		if zone := strings.LastIndexByte(host[:end], '%'); zone > 0 {
			host = host[:zone] + host[end:]
		}
	}
	return host, nil
}

// target reads path and query as they will be sent.
func (job *signing) target(w *work, r *http.Request) error {
	path, query := r.URL.EscapedPath(), r.URL.RawQuery
	if r.URL.Opaque != "" {
		path, query = canonical.SplitTarget(r.URL.RequestURI())
	}
	if controls(path) || controls(query) {
		return errors.New("sigv4: request target has a space or control character: write it percent-encoded")
	}
	if path == "*" || job.method == http.MethodConnect {
		return fmt.Errorf("sigv4: a %s request for %.80q has no path to sign", job.method, path)
	}
	if complaint := canonical.CheckEscapes(path); complaint != "" {
		return fmt.Errorf("sigv4: request path: %s", complaint)
	}
	if canonical.AboveRoot(path) {
		return errors.New("sigv4: request path climbs above the root")
	}
	job.path = path
	if complaint := w.query.Parse(query); complaint != "" {
		return fmt.Errorf("sigv4: query: %s", complaint) // not the query itself: there may be secrets in it
	}
	if key := w.query.Find(canonical.AuthParam); key != "" {
		return fmt.Errorf("sigv4: the query has %s: the URL is presigned already; take it without its X-Amz- parameters", key)
	}
	return nil
}

// controls reports whether a text has a space or control character.
func controls(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] == 0x7f {
			return true
		}
	}
	return false
}

// role is how a signer treats a header.
type role uint8

const (
	roleSigned   role = iota // as any other
	roleUnsigned             // never signed, or replaced by Sign
	roleStale                // another spelling of one that Sign replaces
	roleHash                 // x-amz-content-sha256
	roleLength               // content-length
	roleIllegal              // no header has this name
	roleOwn                  // not of the request: set by Sign
)

func roleOf(key, name string) role {
	switch {
	case key == canonical.KeyAuthorization, key == canonical.KeyDate, key == canonical.KeyToken:
		return roleUnsigned
	case name == canonical.Authorization, name == canonical.Date, name == canonical.Token:
		return roleStale
	case name == canonical.ContentSHA256:
		return roleHash
	case name == canonical.ContentLength:
		return roleLength
	case name == canonical.Host, canonical.NeverSigned(name): // Go sends Request.Host, not Header["Host"]
		return roleUnsigned
	case !canonical.ValidName(name):
		return roleIllegal
	}
	return roleSigned
}

// headerName is the name of a header, and what is done with it.
type headerName struct {
	key   string // in a header map
	lower string // as it is signed
	role  role
	own   int // place of the value in work.own, if the role is roleOwn
}

// ownNames are the headers that a signing adds.
var ownNames = [...]headerName{
	{lower: canonical.Host, role: roleOwn, own: 0}, {lower: canonical.Date, role: roleOwn, own: 1},
	{lower: canonical.Token, role: roleOwn, own: 2}, {lower: canonical.ContentSHA256, role: roleOwn, own: 3},
}

// collect writes the headers to sign to w: those of the request that are not left out, and w.own.
func (job *signing) collect(w *work, s *Signer, r *http.Request) error {
	w.name(r.Header)
	w.Headers, w.Names = w.Headers[:0], w.Names[:0]
	last := ""
	for i := range w.names {
		h := &w.names[i]
		values := w.values(h, r)
		signed, err := job.signs(h, values, s, r)
		if err != nil {
			return err
		}
		if !signed {
			continue
		}
		switch last {
		case "":
		case h.lower:
			return fmt.Errorf("sigv4: header %s is there in two spellings", last)
		default:
			w.Names = append(w.Names, ';')
		}
		w.Headers = canonical.AppendLine(w.Headers, h.lower, values)
		w.Names, last = append(w.Names, h.lower...), h.lower
	}
	return nil
}

// values returns the values of a header of the request, or of one that the signing adds.
func (w *work) values(h *headerName, r *http.Request) []string {
	if h.role != roleOwn {
		return r.Header[h.key]
	}
	if w.own[h.own] == "" {
		return nil
	}
	return w.own[h.own : h.own+1]
}

// signs reports whether a header is signed.
func (job *signing) signs(h *headerName, values []string, s *Signer, r *http.Request) (bool, error) {
	switch {
	case h.role == roleOwn:
		return len(values) > 0, nil
	case h.role == roleUnsigned:
		return false, nil
	case h.role == roleStale, h.role == roleHash && s.ContentSHA256:
		job.stale = append(job.stale, h.key)
		return false, nil
	case h.role == roleHash && (len(values) != 1 || values[0] != hex.EncodeToString(job.hash[:])):
		return false, fmt.Errorf("sigv4: header %s: %.80q is not the SHA-256 of the payload", h.key, values)
	case len(values) == 0, s.Unsigned != nil && s.Unsigned(h.lower):
		return false, nil
	case h.role == roleLength:
		if len(values) != 1 || values[0] != strconv.FormatInt(r.ContentLength, 10) {
			return false, fmt.Errorf("sigv4: header %s: %.80q, but the request will send %d", h.key, values, r.ContentLength)
		}
		return r.ContentLength > 0, nil // net/http sends a length of 0 with some methods only
	case h.role == roleIllegal:
		return false, fmt.Errorf("sigv4: %q is not a header name", h.key)
	}
	return true, nil
}

// finish computes the signature from the headers and the query that are in w.
func (job *signing) finish(w *work) {
	w.Method, w.Query = job.method, w.query.AppendSorted(w.Query[:0])
	w.Payload = hex.AppendEncode(w.Payload[:0], job.hash[:])
	w.sign(job.path, canonical.Normal, job.date, job.scope, job.key)
}

// base returns scheme, host and target of a URL to be presigned.
func base(r *http.Request, ttl time.Duration) ([]byte, error) {
	if ttl < time.Second || ttl > MaxPresign || ttl%time.Second != 0 {
		return nil, fmt.Errorf("sigv4: a presigned URL lives 1s to %s in whole seconds, not %s", MaxPresign, ttl)
	}
	if r.URL.Scheme == "" || r.URL.Host == "" {
		return nil, errors.New("sigv4: only an absolute URL can be presigned, with scheme and host")
	}
	uri := r.URL.RequestURI()
	if uri[0] != '/' {
		return []byte(uri), nil // an opaque URL, which is sent in absolute form
	}
	return append([]byte((&url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host}).String()), uri...), nil
}

// companions returns the headers, besides the host in the URL, without which a presigned request does not verify.
func (job *signing) companions(w *work, r *http.Request) http.Header {
	h := make(http.Header)
	if job.host != r.URL.Host {
		h["Host"] = []string{job.host}
	}
	signed := strings.Split(string(w.Names), ";")
	for i := range w.names {
		if name := &w.names[i]; name.role != roleOwn && slices.Contains(signed, name.lower) {
			h[http.CanonicalHeaderKey(name.lower)] = slices.Clone(w.values(name, r))
		}
	}
	if len(h) == 0 {
		return nil
	}
	return h
}
