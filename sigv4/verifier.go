package sigv4

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// Defaults of a Verifier's zero fields.
const (
	DefaultMaxSkew = 5 * time.Minute // what Lambda allows; STS and IAM allow 15
	DefaultMaxBody = 6 << 20         // the largest payload Lambda takes in one synchronous invocation
)

// Key is what a Lookup knows of an access key. SessionToken is set exactly if the key is temporary.
type Key struct {
	Credentials
	Expires time.Time // when the session ends; zero: never
}

// Verifier verifies requests signed for one region and service. Everything it cannot vouch for is refused. It must
// not be copied after first use; it may be used by several goroutines at once.
type Verifier struct {
	// Region and Service are the only scope accepted. Both are required: if one is empty, all is refused.
	Region, Service string
	// Lookup returns the key with that id, as it is at this moment. It returns ErrUnknownKey for one that does not
	// exist or is not active; any other error refuses the request with Kind Internal. It is not called for ids that
	// cannot be one (empty, longer than 128 bytes, not printable ASCII). It runs on the request's goroutine, once,
	// and is not retried. Its answer must not be slower for unknown keys.
	Lookup func(ctx context.Context, accessKeyID string) (Key, error)
	// MaxSkew is how far the date may be off in both directions; 0 means DefaultMaxSkew.
	MaxSkew time.Duration
	// PresignLife is the longest that presigned requests are good for, even if X-Amz-Expires says longer; 0 means as
	// long as that says.
	PresignLife time.Duration
	// IgnoreExpires makes presigned requests good for all of PresignLife even if X-Amz-Expires says shorter, unless it
	// says 0 seconds. STS was seen to do so (aws/aws-sdk-go#2167, kubernetes-sigs/aws-iam-authenticator#160).
	IgnoreExpires bool
	// MaxBody is the longest body accepted, in bytes; 0 means DefaultMaxBody. At most MaxBody+1 bytes are read.
	MaxBody int64
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	memory memory
}

// Verified is a request whose signature is right.
type Verified struct {
	AccessKeyID string
	Form        Form
	// SignedHeaders is sorted, in lower case. Everything else in the request's headers is unsigned.
	SignedHeaders []string
	Time          time.Time // when it was signed
	// Expires is when these bytes will no longer be accepted: the end of the window, of the presigned URL's life or
	// of the session, whichever comes first.
	Expires time.Time
	// Body is the body as received. r.Body reads the same bytes again.
	Body []byte
	// Warnings say why AWS might see it differently. Mostly empty.
	Warnings []Warning
}

// Signed reports whether the header of that lower-case name was signed. What was not must never decide what a
// caller may do: anyone on the way could have added it.
func (v *Verified) Signed(name string) bool {
	_, ok := slices.BinarySearch(v.SignedHeaders, name)
	return ok
}

// Verify checks that the request, as received, was signed by a known key within the time allowed. The error, if any,
// is an [*Error].
//
// r must be as net/http's server made it: RequestURI, Host, Header, TransferEncoding and ContentLength are read, URL
// is not. (A request without RequestURI, as a client makes it, is taken as its transport would send it.) The body is
// read last, at most once and at most to MaxBody+1 bytes, and a request that is refused before that is refused
// without reading it. Once read, r.Body is replaced by a reader of the same bytes.
//
// Unknown keys and wrong signatures take the same steps, and the comparison is in constant time.
func (v *Verifier) Verify(r *http.Request) (Verified, error) {
	w := v.memory.get()
	out, err := v.verify(w, r)
	v.memory.put(w) // not deferred: should Lookup panic, w is left to the collector
	if err != nil {
		return Verified{}, err // not the result of verify itself: a nil *Error is no nil error
	}
	return out, nil
}

func (v *Verifier) verify(w *work, r *http.Request) (out Verified, err *Error) {
	if v.Region == "" || v.Service == "" || v.Lookup == nil || v.MaxSkew < 0 || v.PresignLife < 0 || v.MaxBody < 0 {
		return out, &Error{Kind: Internal, Detail: "Verifier needs Region, Service and Lookup, and no negative limit"}
	}
	if v.IgnoreExpires && v.PresignLife == 0 {
		return out, &Error{Kind: Internal, Detail: "Verifier needs a PresignLife to ignore X-Amz-Expires"}
	}
	c := &w.claim
	form := func() Form {
		switch {
		case c.InHeader:
			return Header
		case c.InQuery:
			return Query
		}
		return 0
	}
	var until time.Time
	if problem := c.Read(r); problem != nil {
		err = &Error{Kind: problemKinds[problem.Kind], Message: problem.Message, Detail: problem.Detail}
	} else if until, err = v.checkWindow(c); err == nil {
		if err = v.checkScope(c); err == nil {
			out, err = v.authenticate(w, r, until)
		}
	}
	if err != nil {
		err.Form, err.AccessKeyID = form(), c.Scope.AccessKeyID
		return Verified{}, err
	}
	out.Form = form()
	return out, nil
}

// problemKinds are the kinds of refusal for a claim that cannot be read.
var problemKinds = [...]Kind{
	canonical.Unsigned: MissingAuthentication, canonical.Malformed: MalformedRequest,
	canonical.Incomplete: IncompleteSignature, canonical.Contradictory: InvalidSignature,
}

func (v *Verifier) now() time.Time {
	if v.Now != nil {
		return v.Now().UTC()
	}
	return time.Now().UTC()
}

// checkWindow checks the date against the clock. It returns until when the signature is good.
func (v *Verifier) checkWindow(c *canonical.Claim) (until time.Time, err *Error) {
	skew := cmp.Or(v.MaxSkew, DefaultMaxSkew)
	life := skew
	if c.HasExpires {
		seconds, err := parseExpires(c.Expires)
		if err != nil {
			return until, err
		}
		life = time.Duration(seconds) * time.Second
		if v.PresignLife > 0 && (life > v.PresignLife || v.IgnoreExpires && life > 0) { // no life is none with any service
			life = v.PresignLife
		}
	}
	now := time.Unix(v.now().Unix(), 0).UTC() // dates have whole seconds
	until = c.Date.Add(life)
	if now.After(until) || life == 0 {
		return until, &Error{Kind: SignatureExpired, Message: "Signature expired: " + c.DateText + " is now earlier than " +
			now.Add(-life).Format(canonical.ISOBasic) + " (" + now.Format(canonical.ISOBasic) + " - " + span(life) + ")"}
	}
	if c.Date.After(now.Add(skew)) {
		return until, &Error{Kind: SignatureNotYetCurrent, Message: "Signature not yet current: " + c.DateText +
			" is still later than " + now.Add(skew).Format(canonical.ISOBasic) + " (" + now.Format(canonical.ISOBasic) + " + " +
			span(skew) + ")"}
	}
	return until, nil
}

// span writes a duration as AWS does in its messages, "5 min.". Other than whole minutes is not known from AWS.
func span(d time.Duration) string {
	if d%time.Minute == 0 {
		return strconv.FormatInt(int64(d/time.Minute), 10) + " min."
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + " sec."
}

// parseExpires reads X-Amz-Expires: decimal digits only, at most seven days. Its errors have S3's texts for the client,
// since no other service is known to have any.
func parseExpires(s string) (seconds int, err *Error) {
	const most = int(MaxPresign / time.Second)
	refuse := func(msg string) (int, *Error) {
		return 0, &Error{Kind: IncompleteSignature, Message: msg, Detail: "X-Amz-Expires is to be a whole number, at most " +
			strconv.Itoa(most) + " seconds, which is a week"}
	}
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return refuse("X-Amz-Expires should be a number")
	}
	if seconds, tooMany := strconv.Atoi(s); tooMany == nil && seconds <= most {
		return seconds, nil
	}
	return refuse("X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less " +
		"than 604800 seconds")
}

// checkScope compares the credential scope with the verifier's. AWS strings all complaints together.
func (v *Verifier) checkScope(c *canonical.Claim) *Error {
	if !c.Whole {
		return &Error{Kind: IncompleteSignature, Message: "Credential must have exactly 5 slash-delimited elements, " +
			"e.g. keyid/date/region/service/term, got '" + c.Credential + "'"}
	}
	msg := ""
	if c.Scope.Region != v.Region {
		msg += "Credential should be scoped to a valid region. "
	}
	if c.Scope.Service != v.Service {
		msg += "Credential should be scoped to correct service: '" + v.Service + "'. "
	}
	if c.Terminator != canonical.Terminator {
		msg += "Credential should be scoped with a valid terminator: '" + canonical.Terminator + "'. "
	}
	if day := c.DateText[:8]; c.Scope.Date != day {
		msg += "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
			c.Scope.Date + "' != '" + day + "', from '" + c.DateText + "'."
	}
	if msg != "" {
		return &Error{Kind: InvalidScope, Message: msg}
	}
	return nil
}

// dummySecret stands in for the secret of an unknown key. It need not be secret: what is computed with it is thrown
// away.
const dummySecret = "no key has this secret"

// authenticate looks up the key of the claim in w and checks token, body and signature.
func (v *Verifier) authenticate(w *work, r *http.Request, until time.Time) (out Verified, refused *Error) {
	c := &w.claim
	key, known, refused := v.lookup(r, c.Scope.AccessKeyID)
	if refused != nil {
		return out, refused
	}
	if known {
		if refused := v.checkSession(c, key); refused != nil {
			return out, refused
		}
	}
	refuse := func(detail string) *Error {
		if !known {
			return &Error{Kind: UnknownKey, Message: msgInvalidToken}
		}
		return &Error{Kind: InvalidSignature, Message: canonical.Mismatch, Detail: detail}
	}
	if c.Fault == "" {
		c.Gather(r, &w.Request)
	}
	if c.Fault != "" {
		return out, refuse(c.Fault)
	}
	body, refused := v.readBody(r)
	if refused != nil {
		return out, refused
	}
	sum := sha256.Sum256(body)
	w.Method, w.Query = r.Method, c.Query.AppendSorted(w.Query[:0])
	w.Payload = hex.AppendEncode(w.Payload[:0], sum[:])

	// Unknown keys share an entry of the memory, so that they cost what known ones do.
	credential, secret := c.Credential, key.Secret.Reveal()
	if !known {
		credential, secret = c.Credential[len(c.Scope.AccessKeyID):], dummySecret
	}
	w.credential = append(w.credential[:0], credential...)
	signing := v.memory.find(w.credential, secret)
	if signing == nil {
		signing = v.memory.derive(w.credential, c.Scope, secret)
	}
	form, match := w.match(signing)
	declared := !slices.ContainsFunc(c.Declared, func(value string) bool { return value != string(w.Payload) })
	if known && match && declared {
		if !key.Expires.IsZero() && key.Expires.Before(until) {
			until = key.Expires
		}
		w.learn()
		return Verified{
			AccessKeyID: c.Scope.AccessKeyID, SignedHeaders: slices.Clone(c.Names), Time: c.Date, Expires: until,
			Body: body, Warnings: warnings(c, r, form),
		}, nil
	}
	detail := ""
	if match {
		detail = "x-amz-content-sha256 is not the SHA-256 of the body"
	}
	refused = refuse(detail)
	text := string(w.text)
	refused.CanonicalRequest, refused.StringToSign, refused.Body = text[:w.split], text[w.split:], body
	return out, refused
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
	return id != "" && len(id) <= maxAccessKeyID && printable(id)
}

// printable reports whether a text is printable ASCII without spaces. It looks at bytes: sign +10 % by characters.
func printable(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}

// checkSession holds the token against the key: a temporary key needs the very token issued with it, a long-term
// key must come without. That the token is signed proves nothing, since its sender chose it.
func (v *Verifier) checkSession(c *canonical.Claim, key Key) *Error {
	switch {
	case key.SessionToken == "" && c.HasToken:
		return &Error{Kind: InvalidToken, Message: msgInvalidToken, Detail: "session token given with a long-term key"}
	case key.SessionToken != "" && c.Token == "":
		return &Error{Kind: InvalidToken, Message: msgInvalidToken, Detail: "temporary key without its session token"}
	case !canonical.Equal(c.Token, key.SessionToken):
		return &Error{Kind: InvalidToken, Message: msgTamperedToken,
			Detail: "session token is not the one issued with this key"}
	case !key.Expires.IsZero() && !v.now().Before(key.Expires):
		return &Error{Kind: ExpiredToken, Message: msgExpiredToken}
	}
	return nil
}

// match compares the signature with the one of each form of the path a client may have signed. If none fits, w.text
// holds the texts for the normal form.
func (w *work) match(key *signingKey) (canonical.PathForm, bool) {
	matches := func(form canonical.PathForm) bool {
		w.sign(w.claim.Path, form, w.claim.DateText, w.claim.Scope, key)
		return subtle.ConstantTimeCompare([]byte(w.claim.Signature), w.mac[:]) == 1
	}
	if canonical.PlainPath(w.claim.Path) { // all forms are one
		return canonical.Normal, matches(canonical.AsSent)
	}
	for _, form := range [...]canonical.PathForm{canonical.Normal, canonical.AsSent, canonical.Bare} {
		if matches(form) {
			return form, true
		}
	}
	return canonical.Normal, matches(canonical.Normal)
}

// Scope is the credential of a request, as its sender wrote it: access key id, day (YYYYMMDD), region and service.
type Scope struct {
	AccessKeyID string
	Date        string
	Region      string
	Service     string
}

// ParseScope reads the credential a request claims, from its Authorization header or else its query, without
// verifying anything: it is meant for routing to the right [Verifier] and must never decide what a caller may do.
// It reports false if there is none or it has not exactly five parts ending in "aws4_request".
func ParseScope(r *http.Request) (Scope, bool) {
	credential := ""
	if values := r.Header[canonical.KeyAuthorization]; len(values) > 0 {
		rest, ok := strings.CutPrefix(values[0], canonical.Algorithm)
		if !ok {
			return Scope{}, false
		}
		for item := range strings.SplitSeq(rest, ",") {
			if v, ok := strings.CutPrefix(strings.Trim(item, " \t"), "Credential="); ok {
				credential = v
			}
		}
	} else {
		_, query := canonical.SplitTarget(canonical.Target(r))
		for part := range strings.SplitSeq(query, "&") {
			key, value, _ := strings.Cut(part, "=")
			if key == canonical.ParamCredential && canonical.CheckEscapes(value) == "" {
				credential = canonical.Unescape(value)
				break
			}
		}
	}
	s, terminator, ok := canonical.ParseCredential(credential)
	if !ok || terminator != canonical.Terminator {
		return Scope{}, false
	}
	return Scope(s), true
}
