package sigv4

import (
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
)

// MaxPresign is the longest life of a presigned URL ("Create a signed AWS API request", X-Amz-Expires).
const MaxPresign = 7 * 24 * time.Hour

// signing is one request on its way through a Signer, checked.
type signing struct {
	method string
	host   string
	path   string
	query  string // raw
	hash   [sha256.Size]byte
	time   time.Time
	date   string // time in ISO 8601 basic format
	scope  Scope
	stale  []string // other spellings of the headers that are to be set
}

// prepare checks everything and leaves the query and the headers to sign, with host, in w.
func (s *Signer) prepare(w *scratch, r *http.Request, c Credentials, p Payload) (signing, error) {
	var job signing
	if err := s.check(c); err != nil {
		return job, err
	}
	if r.URL == nil {
		return job, errors.New("sigv4: request has no URL")
	}
	if job.method = r.Method; job.method == "" {
		job.method = http.MethodGet // as net/http sends it
	}
	if !validToken(job.method) {
		return job, fmt.Errorf("sigv4: %q is not an HTTP method", r.Method)
	}
	var err error
	if job.host, err = sentHost(r); err != nil {
		return job, err
	}
	if err := job.target(w, r); err != nil {
		return job, err
	}
	var length int64
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
	if second := now().Add(s.ClockOffset).Unix(); second != w.second || w.date == "" {
		w.second, w.date = second, string(appendBasic(w.text[:0], time.Unix(second, 0).UTC()))
	}
	job.time, job.date = time.Unix(w.second, 0).UTC(), w.date
	job.scope = Scope{c.AccessKeyID, job.date[:8], s.Region, s.Service}
	w.host[0] = job.host
	w.fields = append(w.fields[:0], field{nameHost, w.host[:]})
	return job, job.collect(w, r, s)
}

func (s *Signer) check(c Credentials) error {
	if s.Region == "" || s.Service == "" {
		return errors.New("sigv4: Signer needs Region and Service")
	}
	if c.AccessKeyID == "" || c.Secret.Reveal() == "" {
		return errors.New("sigv4: credentials need an access key id and a secret")
	}
	for _, part := range [...]string{s.Region, s.Service, c.AccessKeyID} {
		for i := 0; i < len(part); i++ {
			if b := part[i]; b <= ' ' || b >= 0x7f || b == '/' || b == ',' {
				return fmt.Errorf("sigv4: %q can not stand in a credential scope", part)
			}
		}
	}
	return nil
}

// sentHost returns the Host header as net/http will send it.
func sentHost(r *http.Request) (string, error) {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	if host == "" {
		return "", errors.New("sigv4: request has no host")
	}
	for i := 0; i < len(host); i++ {
		// net/http sends other scripts in Punycode, which the standard library does not export.
		if c := host[i]; c <= ' ' || c >= 0x7f {
			return "", fmt.Errorf("sigv4: host %q: write it in ASCII (xn--…)", host)
		}
	}
	// net/http drops the zone of an IPv6 address (RFC 6874).
	if end := strings.LastIndexByte(host, ']'); end > 0 && host[0] == '[' {
		if zone := strings.LastIndexByte(host[:end], '%'); zone > 0 {
			host = host[:zone] + host[end:]
		}
	}
	return host, nil
}

// target reads path and query as they will be sent.
func (job *signing) target(w *scratch, r *http.Request) error {
	if job.path, job.query = r.URL.EscapedPath(), r.URL.RawQuery; r.URL.Opaque != "" {
		job.path, job.query = splitTarget(r.URL.RequestURI())
	}
	if illegalTarget(job.path) || illegalTarget(job.query) {
		return errors.New("sigv4: request target has a space or control character: write it percent-encoded")
	}
	if job.path == "*" || job.method == http.MethodConnect {
		return fmt.Errorf("sigv4: a %s request for %.80q has no path to sign", job.method, job.path)
	}
	if msg := checkEscapes(job.path); msg != "" {
		return fmt.Errorf("sigv4: request path: %s", msg)
	}
	if !plainPath(job.path) && climbsAboveRoot(job.path) {
		return errors.New("sigv4: request path climbs above the root")
	}
	if msg := w.q.parse(job.query); msg != "" {
		return fmt.Errorf("sigv4: query: %s", msg) // not the query itself: there may be secrets in it
	}
	for _, p := range w.q.pairs {
		if key := w.q.key(p); authParam(key) {
			return fmt.Errorf("sigv4: the query has %s: the URL is presigned already; take it without its X-Amz- parameters", key)
		}
	}
	return nil
}

// illegalTarget reports whether a space or control character is in a part of a request target.
func illegalTarget(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// collect adds the headers to sign to w.fields.
func (job *signing) collect(w *scratch, r *http.Request, s *Signer) error {
	for key, values := range r.Header {
		switch key {
		case keyAuthorization, keyAmzDate, keyToken:
			continue // Sign replaces them
		}
		name := w.name(key)
		switch {
		case name.role == roleOurs, name.role == roleHash && s.ContentSHA256:
			job.stale = append(job.stale, key)
			continue
		case name.role == roleHash:
			if len(values) != 1 || values[0] != hex.EncodeToString(job.hash[:]) {
				return fmt.Errorf("sigv4: header %s: %.80q is not the SHA-256 of the payload", key, values)
			}
		case name.role == roleUnsigned, len(values) == 0, s.Unsigned != nil && s.Unsigned(name.lower):
			continue
		case name.role == roleLength:
			if len(values) != 1 || values[0] != strconv.FormatInt(r.ContentLength, 10) {
				return fmt.Errorf("sigv4: header %s: %.80q, but the request will send %d", key, values, r.ContentLength)
			}
			if r.ContentLength <= 0 {
				continue // net/http sends a length of 0 with some methods only
			}
		case name.role == roleIllegal:
			return fmt.Errorf("sigv4: %q is not a header name", key)
		}
		w.fields = addField(w.fields, field{name.lower, values})
	}
	for i := 1; i < len(w.fields); i++ {
		if w.fields[i].name == w.fields[i-1].name {
			return fmt.Errorf("sigv4: header %s is there in two spellings", w.fields[i].name)
		}
	}
	return nil
}

// base returns scheme, host and target of a URL to be presigned.
func (job *signing) base(r *http.Request, ttl time.Duration) ([]byte, error) {
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
func companions(r *http.Request, fields []field) http.Header {
	var h http.Header
	for _, f := range fields {
		if f.name == nameHost && f.values[0] == r.URL.Host {
			continue
		}
		if h == nil {
			h = make(http.Header)
		}
		h[http.CanonicalHeaderKey(f.name)] = slices.Clone(f.values)
	}
	return h
}
