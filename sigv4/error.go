package sigv4

import (
	"errors"
	"strconv"
)

// ErrUnknownKey is what a Verifier's Lookup returns for an access key id that does not exist or is not active.
var ErrUnknownKey = errors.New("sigv4: unknown access key id")

// Kind is why a request was refused. The set is closed; the zero Kind is never used.
type Kind uint8

const (
	// MissingAuthentication: neither an Authorization header nor X-Amz-Algorithm in the query.
	MissingAuthentication Kind = iota + 1
	// MalformedRequest: a target that can not be canonicalised. AWS front ends answer 400 before they look further.
	MalformedRequest
	// IncompleteSignature: the authentication parameters can not be read, or some are missing.
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
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// Diagnosable reports whether [Diagnose] may have more to say about such a refusal than the [Error] does.
func (k Kind) Diagnosable() bool {
	switch k {
	case InvalidSignature, SignatureExpired, SignatureNotYetCurrent, InvalidScope, InvalidToken, ExpiredToken:
		return true
	}
	return false
}

// Form is how a request is authenticated.
type Form uint8

const (
	// Header is the Authorization header.
	Header Form = iota + 1
	// Query is the presigned form.
	Query
)

// String returns "header" or "query".
func (f Form) String() string {
	switch f {
	case Header:
		return "header"
	case Query:
		return "query"
	}
	return "Form(" + strconv.Itoa(int(f)) + ")"
}

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
	text := e.Detail
	if text == "" {
		text = e.Message
	}
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

// AWS's texts. The first ones are what a function URL was seen to answer (aws4-axios#1553, html-share#4); the rest is
// from the chart "AWS Auth Error Ordering" of dacut/scratchstack-aws-signature, measured on STS.
const (
	msgMismatch = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	msgInvalidToken  = "The security token included in the request is invalid."
	msgTamperedToken = "The security token included in the request is invalid"
	msgExpiredToken  = "The security token included in the request is expired"
	msgMissing       = "Missing Authentication Token"
	msgHostUnsigned  = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
)
