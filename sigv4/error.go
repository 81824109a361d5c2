package sigv4

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
)

// ErrUnknownKey is what a Verifier's Lookup returns for an access key id that does not exist or is not active.
var ErrUnknownKey = errors.New("sigv4: unknown access key id")

// Kind is why a request was refused. The set is closed; the zero Kind is never used.
type Kind uint8

const (
	// MissingAuthentication: neither an Authorization header nor X-Amz-Algorithm in the query.
	MissingAuthentication Kind = iota + 1
	// MalformedRequest: a target that cannot be canonicalised. AWS front ends answer 400 before they look further.
	MalformedRequest
	// IncompleteSignature: the authentication parameters cannot be read, or some are missing.
	IncompleteSignature
	// InvalidSignature: the signature does not match, or the request contradicts itself.
	InvalidSignature
	// SignatureExpired: the date is too far back, or a presigned URL has run out.
	SignatureExpired
	// SignatureNotYetCurrent: the date is too far ahead.
	SignatureNotYetCurrent
	// InvalidScope: another region, service, terminator or day in the credential.
	InvalidScope
	// UnknownKey: no such access key id.
	UnknownKey
	// InvalidToken: session token missing, not the one issued for the key, or given with a long-term key.
	InvalidToken
	// ExpiredToken: the key's session is over.
	ExpiredToken
	// BodyTooLarge: the body has more than MaxBody bytes.
	BodyTooLarge
	// BodyRead: the body could not be read to its end.
	BodyRead
	// Internal: the verifier could not decide, since Lookup failed or the Verifier is not set up. Not the client's
	// fault, and refused all the same.
	Internal
)

var kindNames = [...]string{
	MissingAuthentication: "missing authentication", MalformedRequest: "malformed request",
	IncompleteSignature: "incomplete signature", InvalidSignature: "invalid signature",
	SignatureExpired: "signature expired", SignatureNotYetCurrent: "signature not yet current",
	InvalidScope: "invalid scope", UnknownKey: "unknown key", InvalidToken: "invalid token",
	ExpiredToken: "expired token", BodyTooLarge: "body too large", BodyRead: "body not readable",
	Internal: "internal error",
}

// String returns the kind in words, "invalid signature".
func (k Kind) String() string { return word("Kind", k, kindNames[:]...) }

// word returns the word for a value of an enumeration, or the number of one that has no word.
func word[T ~uint8](enumeration string, value T, words ...string) string {
	if int(value) < len(words) && words[value] != "" {
		return words[value]
	}
	return enumeration + "(" + strconv.Itoa(int(value)) + ")"
}

// Error returns what String does. It makes each kind an error, so that errors.Is(err, sigv4.UnknownKey) reports whether
// that is why a request was refused.
func (k Kind) Error() string { return k.String() }

// Form is how a request is authenticated.
type Form uint8

const (
	// Header is the Authorization header.
	Header Form = iota + 1
	// Query is the presigned form.
	Query
)

// String returns "header" or "query".
func (f Form) String() string { return word("Form", f, "", "header", "query") }

// Error is a refusal. Only Message is for the client, and it is AWS's text for the case; the rest is for those who
// run the server, and CanonicalRequest may hold a session token in clear.
type Error struct {
	Kind    Kind
	Message string // may be empty, where AWS answers without a text
	Detail  string // what exactly is wrong, where Message does not say; may be empty

	Form        Form   // zero if the request is authenticated in neither or both ways
	AccessKeyID string // as claimed; empty if it was not read

	// The server's texts, empty if the request was refused before they were made.
	CanonicalRequest string
	StringToSign     string
	// Body is what was received, nil if the body was not read.
	Body []byte
	// Err is the cause of a BodyRead or Internal error.
	Err error
}

// Error returns kind and detail. It never holds the canonical request.
func (e *Error) Error() string {
	text := cmp.Or(e.Detail, e.Message)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if text == "" {
		return "sigv4: " + e.Kind.String()
	}
	return "sigv4: " + e.Kind.String() + ": " + text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the refusal's Kind.
func (e *Error) Is(target error) bool { return target == e.Kind }

// Status is the HTTP status that the Lambda API and most of AWS's JSON services answer such a refusal with. Services
// with the Query protocol, such as IAM and STS, answer an IncompleteSignature with 400.
func (e *Error) Status() int { return e.answer().status }

// ErrorType is the value of the header x-amzn-ErrorType in that answer, such as "InvalidSignatureException".
func (e *Error) ErrorType() string { return e.answer().errorType }

// answer is how AWS answers a kind. It is assumed for bodies, about which AWS documents nothing.
type answer struct {
	status    int
	errorType string
}

var answers = map[Kind]answer{
	MissingAuthentication:  {http.StatusForbidden, "MissingAuthenticationTokenException"},
	MalformedRequest:       {http.StatusBadRequest, "BadRequestException"},
	IncompleteSignature:    {http.StatusForbidden, "IncompleteSignatureException"},
	InvalidSignature:       {http.StatusForbidden, "InvalidSignatureException"},
	SignatureExpired:       {http.StatusForbidden, "InvalidSignatureException"},
	SignatureNotYetCurrent: {http.StatusForbidden, "InvalidSignatureException"},
	InvalidScope:           {http.StatusForbidden, "InvalidSignatureException"},
	UnknownKey:             {http.StatusForbidden, "UnrecognizedClientException"},
	InvalidToken:           {http.StatusForbidden, "UnrecognizedClientException"},
	ExpiredToken:           {http.StatusForbidden, "ExpiredTokenException"},
	BodyTooLarge:           {http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException"},
	BodyRead:               {http.StatusBadRequest, "BadRequestException"},
}

func (e *Error) answer() answer {
	if a, ok := answers[e.Kind]; ok {
		return a
	}
	return answer{http.StatusInternalServerError, "ServiceException"}
}

// AWS's texts, from the chart "AWS Auth Error Ordering" of dacut/scratchstack-aws-signature, measured on STS. A
// function URL was seen to answer the first (aws4-axios#1553).
const (
	msgInvalidToken  = "The security token included in the request is invalid."
	msgTamperedToken = "The security token included in the request is invalid"
	msgExpiredToken  = "The security token included in the request is expired"
)
