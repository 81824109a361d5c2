package sigv4

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"
)

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

	keys keyring
	pool scratchPool
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
	w := s.pool.get()
	defer s.pool.put(w)
	var job signing
	if err := s.prepare(&job, w, r, &c, &p); err != nil {
		return Signed{}, err
	}

	own := [ownCount]string{ownHost: job.host, ownDate: job.date}
	if !s.TokenAfterSigning {
		own[ownToken] = w.collapse(c.SessionToken)
	}
	if s.ContentSHA256 {
		own[ownHash] = hex.EncodeToString(job.hash[:])
	}
	if err := job.collect(w, r, s, &own); err != nil {
		return Signed{}, err
	}
	job.finish(w)

	// The Authorization header is written behind the signed texts, so that one string holds whatever is kept.
	begin, kept := len(w.text), len(w.text)
	if s.KeepTexts {
		kept = 0
	}
	w.text = append(w.text, algorithm+" Credential="...)
	w.text = append(w.text, c.AccessKeyID...)
	w.text = append(w.text, '/')
	w.text = append(w.text, w.key.tail...)
	w.text = append(w.text, ", SignedHeaders="...)
	from := len(w.text)
	w.text = append(w.text, w.names...)
	to := len(w.text)
	w.text = append(w.text, ", Signature="...)
	w.text = append(w.text, w.mac[:]...)
	text := string(w.text[kept:])

	// One array backs the values of the headers.
	values := []string{job.date, text[begin-kept:], c.SessionToken}
	for _, key := range job.stale {
		delete(r.Header, key)
	}
	if r.Header == nil {
		r.Header = make(http.Header, 4)
	}
	r.Header[keyAmzDate], r.Header[keyAuthorization] = values[0:1:1], values[1:2:2]
	if c.SessionToken != "" {
		r.Header[keyToken] = values[2:3:3]
	} else {
		delete(r.Header, keyToken)
	}
	if s.ContentSHA256 {
		r.Header[keyContentSHA256] = []string{own[ownHash]}
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

// finish computes the signature from the headers and the query that are in w.
func (job *signing) finish(w *scratch) {
	w.fill(job.method, job.hash)
	w.sign(job.path, job.form, job.date)
}

// Presign returns a URL that carries its own signature and is valid from now for ttl: whole seconds, at least one,
// at most seven days, and never longer than the session of temporary credentials. The request is not changed. The
// URL is the target as typed with the authentication parameters appended.
//
// Headers present are signed as in [Signer.Sign], and whoever uses the URL must send them unchanged; most presigned
// requests have none. The payload is bound too: Lambda accepts no unsigned payload, so a URL for POST is good for
// one body.
func (s *Signer) Presign(r *http.Request, c Credentials, ttl time.Duration, p Payload) (Signed, error) {
	w := s.pool.get()
	defer s.pool.put(w)
	var job signing
	if err := s.prepare(&job, w, r, &c, &p); err != nil {
		return Signed{}, err
	}
	if err := job.collect(w, r, s, &[ownCount]string{ownHost: job.host}); err != nil {
		return Signed{}, err
	}
	base, err := job.base(r, ttl)
	if err != nil {
		return Signed{}, err
	}
	separator := "?"
	if i := bytes.IndexByte(base, '?'); i >= 0 {
		separator = "&"
		if i == len(base)-1 || bytes.HasSuffix(base, []byte("&")) {
			separator = ""
		}
	}

	text := base
	add := func(name, value string, signed bool) {
		text = append(text, separator...)
		separator = "&"
		text = append(text, name...)
		text = append(text, '=')
		text = appendEscaped(text, value)
		if signed {
			w.q.addDecoded(name, value)
		}
	}
	names := string(w.names)
	add(paramAlgorithm, algorithm, true)
	add(paramCredential, c.AccessKeyID+"/"+w.key.tail, true)
	add(paramDate, job.date, true)
	add(paramSignedHeaders, names, true)
	add(paramExpires, strconv.FormatInt(int64(ttl/time.Second), 10), true)
	if c.SessionToken != "" {
		add(paramSecurityToken, c.SessionToken, !s.TokenAfterSigning)
	}
	job.finish(w)
	signature := string(w.mac[:])
	add(paramSignature, signature, false)
	signed := Signed{
		SignedHeaders: names, Signature: signature, PayloadHash: job.hash, Time: job.time,
		URL: string(text), Header: job.companions(w, r),
	}
	if s.KeepTexts {
		signed.CanonicalRequest, signed.StringToSign = string(w.text[:w.split]), string(w.text[w.split:])
	}
	return signed, nil
}
