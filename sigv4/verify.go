package sigv4

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"
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

// Verifier verifies requests signed for one region and service. Everything it can not vouch for is refused. It must
// not be copied after first use; it may be used by several goroutines at once.
type Verifier struct {
	// Region and Service are the only scope accepted. Both are required: if one is empty, all is refused.
	Region, Service string
	// Lookup returns the key with that id, as it is at this moment. It returns ErrUnknownKey for one that does not
	// exist or is not active; any other error refuses the request with Kind Internal. It is not called for ids that
	// can not be one (empty, longer than 128 bytes, not printable ASCII). It runs on the request's goroutine, once,
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

	keys keyring
	pool scratchPool
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
	w := v.pool.get()
	var out Verified
	err := v.verify(&out, w, r)
	w.claim = claim{}
	v.pool.put(w) // not deferred: should Lookup panic, w is left to the collector
	if err != nil {
		return Verified{}, err // not the result of verify itself: a nil *Error is no nil error
	}
	return out, nil
}

func (v *Verifier) verify(out *Verified, w *scratch, r *http.Request) *Error {
	if v.Region == "" || v.Service == "" || v.Lookup == nil || v.MaxSkew < 0 || v.PresignLife < 0 || v.MaxBody < 0 {
		return &Error{Kind: Internal, Detail: "Verifier needs Region, Service and Lookup, and no negative limit"}
	}
	if v.IgnoreExpires && v.PresignLife == 0 {
		return &Error{Kind: Internal, Detail: "Verifier needs a PresignLife to ignore X-Amz-Expires"}
	}
	path, err := readTarget(&w.q, r)
	if err != nil {
		return err
	}
	c := &w.claim
	if err = c.read(r, &w.q); err == nil {
		err = v.checkClaim(c, w.lists)
	}
	if err == nil {
		err = v.authenticate(out, w, r, path)
	}
	if err != nil {
		err.Form, err.AccessKeyID = c.form, c.scope.AccessKeyID
	}
	return err
}

// maxTarget bounds path and query together: more than any URL AWS takes, session token included.
const maxTarget = 64 << 10

// readTarget returns the path and leaves the query in q.
func readTarget(q *query, r *http.Request) (path string, err *Error) {
	malformed := func(msg string) *Error { return &Error{Kind: MalformedRequest, Message: msg} }
	uri := target(r)
	if len(uri) > maxTarget {
		return "", malformed("Request target too long")
	}
	path, rawQuery := splitTarget(uri)
	if path != "" && path[0] != '/' || !validToken(r.Method) || r.Method == http.MethodConnect {
		return "", malformed("Request target is not a path")
	}
	if !unreservedPath(path) {
		if msg := checkEscapes(path); msg != "" {
			return "", malformed(msg)
		}
		if climbsAboveRoot(path) {
			return "", malformed("Path is above the root")
		}
	}
	if msg := q.parse(rawQuery); msg != "" {
		return "", malformed(msg)
	}
	return path, nil
}

// checkClaim checks all that can be checked without the key, in AWS's order. lists are for readSignedHeaders.
func (v *Verifier) checkClaim(c *claim, lists map[string]*signedList) *Error {
	var five bool
	c.scope, c.terminator, five = parseCredential(c.credential) // now, so that any refusal names the key
	if err := c.readSignedHeaders(lists); err != nil {
		return err
	}
	if err := c.readDate(); err != nil {
		return err
	}
	if err := v.checkWindow(c); err != nil {
		return err
	}
	if !five {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" +
			c.credential + "'")
	}
	return v.checkScope(c)
}

func (v *Verifier) now() time.Time {
	if v.Now != nil {
		return v.Now().UTC()
	}
	return time.Now().UTC()
}

// checkWindow checks the date against the clock and sets c.until.
func (v *Verifier) checkWindow(c *claim) *Error {
	skew := v.MaxSkew
	if skew == 0 {
		skew = DefaultMaxSkew
	}
	life := skew
	if c.hasExpires {
		seconds, err := parseExpires(c.expires)
		if err != nil {
			return err
		}
		life = time.Duration(seconds) * time.Second
		if v.PresignLife > 0 && (life > v.PresignLife || v.IgnoreExpires && life > 0) { // no life is none with any service
			life = v.PresignLife
		}
	}
	now := time.Unix(v.now().Unix(), 0).UTC() // dates have whole seconds
	c.until = c.date.Add(life)
	if now.After(c.until) || life == 0 {
		return &Error{Kind: SignatureExpired, Message: "Signature expired: " + c.dateText + " is now earlier than " +
			now.Add(-life).Format(isoBasic) + " (" + now.Format(isoBasic) + " - " + span(life) + ")"}
	}
	if c.date.After(now.Add(skew)) {
		return &Error{Kind: SignatureNotYetCurrent, Message: "Signature not yet current: " + c.dateText +
			" is still later than " + now.Add(skew).Format(isoBasic) + " (" + now.Format(isoBasic) + " + " + span(skew) + ")"}
	}
	return nil
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
	if s == "" {
		return refuse("X-Amz-Expires should be a number")
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return refuse("X-Amz-Expires should be a number")
		}
		// Stops growing above the limit, so that no number of digits overflows.
		seconds = min(seconds*10+int(c-'0'), most+1)
	}
	if seconds > most {
		return refuse("X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds")
	}
	return seconds, nil
}

// checkScope compares the credential scope with the verifier's. AWS strings all complaints together.
func (v *Verifier) checkScope(c *claim) *Error {
	msg := ""
	if c.scope.Region != v.Region {
		msg += "Credential should be scoped to a valid region. "
	}
	if c.scope.Service != v.Service {
		msg += "Credential should be scoped to correct service: '" + v.Service + "'. "
	}
	if c.terminator != terminator {
		msg += "Credential should be scoped with a valid terminator: '" + terminator + "'. "
	}
	if day := c.dateText[:8]; c.scope.Date != day {
		msg += "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
			c.scope.Date + "' != '" + day + "', from '" + c.dateText + "'."
	}
	if msg != "" {
		return &Error{Kind: InvalidScope, Message: msg}
	}
	return nil
}
