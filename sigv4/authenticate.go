package sigv4

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// dummySecret stands in for the secret of an unknown key. It need not be secret: what is computed with it is thrown
// away.
const dummySecret = "no key has this secret"

// authenticate looks up the key of the claim in w and checks token, body and signature.
func (v *Verifier) authenticate(out *Verified, w *scratch, r *http.Request, path string) *Error {
	c := &w.claim
	key, known, err := v.lookup(r, c.scope.AccessKeyID)
	if err != nil {
		return err
	}
	if known {
		if err := v.checkSession(c, key); err != nil {
			return err
		}
	}
	refuse := func(detail string) *Error {
		if !known {
			return &Error{Kind: UnknownKey, Message: msgInvalidToken}
		}
		return &Error{Kind: InvalidSignature, Message: msgMismatch, Detail: detail}
	}
	if c.fault == "" {
		w.gather(r)
	}
	if c.fault != "" {
		return refuse(c.fault)
	}
	body, err := v.readBody(r, &c.kept.body)
	if err != nil {
		return err
	}
	w.fill(r.Method, sumOf(body))

	// Unknown keys share a ring entry, so that they cost what known ones do.
	owner, secret := c.scope, key.Secret.Reveal()
	if !known {
		owner.AccessKeyID, secret = "", dummySecret
	}
	w.use(&v.keys, owner, secret)
	form, match := w.match(path)
	if known && match && w.declares() {
		*out = Verified{
			AccessKeyID: c.scope.AccessKeyID, Form: c.form, SignedHeaders: c.signed, Time: c.date, Expires: c.until,
			Body: body, Warnings: w.warnings(r, path, form),
		}
		if !key.Expires.IsZero() && key.Expires.Before(out.Expires) {
			out.Expires = key.Expires
		}
		w.learn()
		return nil
	}
	detail := ""
	if match {
		detail = "x-amz-content-sha256 is not the SHA-256 of the body"
	}
	err = refuse(detail)
	text := string(w.text)
	err.CanonicalRequest, err.StringToSign, err.Body = text[:w.split], text[w.split:], body
	return err
}

// lookup asks for the key. A key without secret is as good as none: with it, anyone could sign.
func (v *Verifier) lookup(r *http.Request, id string) (Key, bool, *Error) {
	if !plausibleID(id) {
		return Key{}, false, nil
	}
	key, err := v.Lookup(r.Context(), id)
	switch {
	case errors.Is(err, ErrUnknownKey):
		return Key{}, false, nil
	case err != nil:
		return Key{}, false, &Error{Kind: Internal, Detail: "look up access key", Err: err}
	}
	return key, key.Secret.Reveal() != "", nil
}

// maxAccessKeyID is IAM's limit (API reference, AccessKey).
const maxAccessKeyID = 128

func plausibleID(id string) bool {
	for i := 0; i < len(id); i++ {
		if id[i] <= ' ' || id[i] >= 0x7f {
			return false
		}
	}
	return id != "" && len(id) <= maxAccessKeyID
}

// checkSession holds the token against the key: a temporary key needs the very token issued with it, a long-term
// key must come without. That the token is signed proves nothing, since its sender chose it.
func (v *Verifier) checkSession(c *claim, key Key) *Error {
	switch {
	case key.SessionToken == "" && c.hasToken:
		return &Error{Kind: InvalidToken, Message: msgInvalidToken, Detail: "session token given with a long-term key"}
	case key.SessionToken != "" && c.token == "":
		return &Error{Kind: InvalidToken, Message: msgInvalidToken, Detail: "temporary key without its session token"}
	case !constantTimeEqual(c.token, key.SessionToken):
		return &Error{Kind: InvalidToken, Message: msgTamperedToken, Detail: "session token is not the one issued with this key"}
	case !key.Expires.IsZero() && !v.now().Before(key.Expires):
		return &Error{Kind: ExpiredToken, Message: msgExpiredToken}
	}
	return nil
}

// gather writes the headers of the claim, and takes the signature out of the query it signs. Each header is written
// once, or a list that names a long one again and again would cost many times its request.
func (w *scratch) gather(r *http.Request) {
	c := &w.claim
	w.headers, w.names = w.headers[:0], append(w.names[:0], c.signedHeaders...)
	if c.list == nil && !slices.IsSorted(c.signed) { // AWS sorts too
		slices.Sort(c.signed)
		w.names = append(w.names[:0], strings.Join(c.signed, ";")...)
	}
	for i, name := range c.signed {
		if i > 0 && name == c.signed[i-1] {
			c.blame("SignedHeaders has " + strconv.Quote(name) + " twice")
			continue
		}
		var values []string
		if c.list != nil && c.list.keys[i] != "" {
			values = r.Header[c.list.keys[i]]
		} else {
			values = w.lookup(r, name)
		}
		if len(values) == 0 {
			c.blame("header " + strconv.Quote(name) + " is in SignedHeaders but not in the request")
		}
		w.headers = appendLine(w.headers, name, values)
	}
	if c.declared = r.Header[keyContentSHA256]; len(c.declared) > 1 {
		c.blame("more than one x-amz-content-sha256 header")
	}
	for _, value := range c.declared {
		c.blameHash(value)
	}
	if c.form == Query {
		if value, n := w.q.get(paramContentSHA256); n > 0 {
			c.blameHash(value)
			c.declared = append(slices.Clip(c.declared), value)
		}
		// Only here: in the header form a parameter of that name is a parameter like any other.
		w.q.drop(paramSignature)
	}
}

// blameHash refuses what can not be the hash of a body. "Lambda doesn't support unsigned payloads" (CloudFront
// Developer Guide, Restrict access to an AWS Lambda function URL origin).
func (c *claim) blameHash(value string) {
	ok := len(value) == 2*sha256.Size
	for i := 0; ok && i < len(value); i++ {
		ok = '0' <= value[i] && value[i] <= '9' || 'a' <= value[i] && value[i] <= 'f'
	}
	if !ok {
		if len(value) > 80 {
			value = value[:80]
		}
		c.blame("x-amz-content-sha256 is " + strconv.Quote(value) + ": only the lower-case hexadecimal SHA-256 of the body is accepted")
	}
}

// declares reports whether x-amz-content-sha256, where given, is the hash of the body.
func (w *scratch) declares() bool {
	for _, value := range w.claim.declared {
		if value != string(w.payload) {
			return false
		}
	}
	return true
}

// match compares the signature with the one of each form of the path a client may have signed. If none fits, w.text
// holds the texts for the normal form.
func (w *scratch) match(path string) (pathForm, bool) {
	if plainPath(path) { // all forms are one
		return pathNormal, w.matches(path, pathAsSent)
	}
	for _, form := range [...]pathForm{pathNormal, pathAsSent, pathBare} {
		if w.matches(path, form) {
			return form, true
		}
	}
	w.sign(path, pathNormal, w.claim.dateText)
	return pathNormal, false
}

func (w *scratch) matches(path string, form pathForm) bool {
	w.sign(path, form, w.claim.dateText)
	copy(w.given[:], w.claim.signature)
	return constantTimeEqual(w.given[:], w.mac[:]) && len(w.claim.signature) == len(w.mac)
}

// trailingDots reports whether the path ends in a segment of dots, about which even AWS's own SDKs disagree.
func trailingDots(path string) bool {
	return strings.HasSuffix(path, "/.") || strings.HasSuffix(path, "/..")
}
