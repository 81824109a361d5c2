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
	form   pathForm
	query  string // raw
	hash   [sha256.Size]byte
	time   time.Time
	date   string   // time in ISO 8601 basic format
	stale  []string // other spellings of the headers that are to be set
}

// prepare checks all but the headers, and leaves the query in w.
func (s *Signer) prepare(job *signing, w *scratch, r *http.Request, c *Credentials, p *Payload) error {
	if r.URL == nil {
		return errors.New("sigv4: request has no URL")
	}
	if job.method = r.Method; job.method == "" {
		job.method = http.MethodGet // as net/http sends it
	}
	if !validToken(job.method) {
		return fmt.Errorf("sigv4: %q is not an HTTP method", r.Method)
	}
	var err error
	if job.host, err = sentHost(r); err != nil {
		return err
	}
	if err := job.target(w, r); err != nil {
		return err
	}
	var length int64
	if job.hash, length, err = p.sum(); err != nil {
		return err
	}
	if length >= 0 && r.ContentLength > 0 && length != r.ContentLength {
		return fmt.Errorf("sigv4: payload has %d bytes, but the request will send %d", length, r.ContentLength)
	}
	if second := s.now().Unix(); second != w.second || w.date == "" {
		w.second, w.date = second, string(appendBasic(w.text[:0], time.Unix(second, 0).UTC()))
	}
	job.time, job.date = time.Unix(w.second, 0).UTC(), w.date
	scope, secret := Scope{c.AccessKeyID, job.date[:8], s.Region, s.Service}, c.Secret.Reveal()
	if !w.key.is(scope, secret) {
		if err := checkScope(scope, secret); err != nil {
			return err
		}
		w.use(&s.keys, scope, secret)
	}
	return nil
}

func (s *Signer) now() time.Time {
	if s.Now != nil {
		return s.Now().Add(s.ClockOffset)
	}
	return time.Now().Add(s.ClockOffset)
}

// checkScope refuses what no signing key can be made of.
func checkScope(scope Scope, secret string) error {
	if scope.Region == "" || scope.Service == "" {
		return errors.New("sigv4: Signer needs Region and Service")
	}
	if scope.AccessKeyID == "" || secret == "" {
		return errors.New("sigv4: credentials need an access key id and a secret")
	}
	for _, part := range [...]string{scope.Region, scope.Service, scope.AccessKeyID} {
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
func (job *signing) target(w *scratch, r *http.Request) error {
	job.path, job.query = r.URL.Path, r.URL.RawQuery
	if job.form = pathAsSent; r.URL.Opaque != "" || r.URL.RawPath != "" || !unreservedPath(job.path) {
		job.form = pathNormal
		if job.path = r.URL.EscapedPath(); r.URL.Opaque != "" {
			job.path, job.query = splitTarget(r.URL.RequestURI())
		}
		if err := job.checkPath(); err != nil {
			return err
		}
	}
	if illegalTarget(job.query) {
		return errIllegalTarget
	}
	if job.method == http.MethodConnect {
		return fmt.Errorf("sigv4: a %s request for %.80q has no path to sign", job.method, job.path)
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

var errIllegalTarget = errors.New("sigv4: request target has a space or control character: write it percent-encoded")

// checkPath checks a path that is no plain one.
func (job *signing) checkPath() error {
	if illegalTarget(job.path) {
		return errIllegalTarget
	}
	if job.path == "*" {
		return fmt.Errorf("sigv4: a %s request for %.80q has no path to sign", job.method, job.path)
	}
	if msg := checkEscapes(job.path); msg != "" {
		return fmt.Errorf("sigv4: request path: %s", msg)
	}
	if climbsAboveRoot(job.path) {
		return errors.New("sigv4: request path climbs above the root")
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

// collect writes the headers to sign: those of the request that are not left out, and own, which are canonical values,
// empty where there is none. Most requests of a client have the headers of the one before, whose names w remembers.
func (job *signing) collect(w *scratch, r *http.Request, s *Signer, own *[ownCount]string) error {
	if done, err := job.write(w, r, s, own); done || err != nil {
		return err
	}
	w.survey(r.Header)
	_, err := job.write(w, r, s, own)
	return err
}

// write is collect for the names in w. It reports false if the request has other headers.
func (job *signing) write(w *scratch, r *http.Request, s *Signer, own *[ownCount]string) (bool, error) {
	if len(w.set) != len(r.Header)+len(own) {
		return false, nil
	}
	headers, names, last := w.headers[:0], w.names[:0], ""
	job.stale = job.stale[:0]
	for i := range w.set {
		name := &w.set[i]
		if name.role == roleOwn {
			value := own[name.own]
			if value == "" {
				continue
			}
			headers = append(append(append(append(headers, name.lower...), ':'), value...), '\n')
		} else {
			values, ok := r.Header[name.key]
			if !ok {
				return false, nil
			}
			signed, err := job.signs(name, values, r, s)
			if err != nil {
				return false, err
			}
			if !signed {
				continue
			}
			headers = appendLine(headers, name.lower, values)
		}
		switch last {
		case "":
		case name.lower:
			return false, fmt.Errorf("sigv4: header %s is there in two spellings", last)
		default:
			names = append(names, ';')
		}
		names, last = append(names, name.lower...), name.lower
	}
	w.headers, w.names = headers, names
	return true, nil
}

// signs reports whether a header of the request is to be signed.
func (job *signing) signs(name *headerName, values []string, r *http.Request, s *Signer) (bool, error) {
	switch {
	case name.role == roleUnsigned:
		return false, nil
	case name.role == roleStale, name.role == roleHash && s.ContentSHA256:
		job.stale = append(job.stale, name.key)
		return false, nil
	case name.role == roleHash && (len(values) != 1 || values[0] != hex.EncodeToString(job.hash[:])):
		return false, fmt.Errorf("sigv4: header %s: %.80q is not the SHA-256 of the payload", name.key, values)
	case len(values) == 0, s.Unsigned != nil && s.Unsigned(name.lower):
		return false, nil
	case name.role == roleLength:
		if len(values) != 1 || values[0] != strconv.FormatInt(r.ContentLength, 10) {
			return false, fmt.Errorf("sigv4: header %s: %.80q, but the request will send %d", name.key, values, r.ContentLength)
		}
		return r.ContentLength > 0, nil // net/http sends a length of 0 with some methods only
	case name.role == roleIllegal:
		return false, fmt.Errorf("sigv4: %q is not a header name", name.key)
	}
	return true, nil
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
func (job *signing) companions(w *scratch, r *http.Request) http.Header {
	h := make(http.Header)
	if job.host != r.URL.Host {
		h["Host"] = []string{job.host}
	}
	signed := strings.Split(string(w.names), ";")
	for _, name := range w.set {
		if name.role != roleOwn && slices.Contains(signed, name.lower) {
			h[http.CanonicalHeaderKey(name.lower)] = slices.Clone(r.Header[name.key])
		}
	}
	if len(h) == 0 {
		return nil
	}
	return h
}
