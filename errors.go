package furl

import "errors"

// Errors of this package wrap one of these, so that errors.Is recognizes them. Errors of the network are those of
// net/http, and a request that its context ended has the cause of that.
var (
	// ErrURL says that a text is not a URL that can be sent byte for byte.
	ErrURL = errors.New("furl: bad URL")
	// ErrNotFunctionURL says that the host of a request is not known to be a function URL.
	ErrNotFunctionURL = errors.New("furl: not known to be a function URL")
	// ErrRegion says that it is not known which region to sign for.
	ErrRegion = errors.New("furl: no region to sign for")
	// ErrCredentials says that there are no credentials to sign a request with.
	ErrCredentials = errors.New("furl: no credentials to sign with")
	// ErrRequest says that no verifier would accept a request, such as one whose path climbs above the root, or that it
	// cannot be sent unchanged.
	ErrRequest = errors.New("furl: bad request")
	// ErrBody says that the body of a request cannot be read.
	ErrBody = errors.New("furl: cannot read the body")
	// ErrBodyTooLarge says that a body can be read only once and is too long for the spool.
	ErrBodyTooLarge = errors.New("furl: request body is too large to be spooled")
	// ErrRefused says that Lambda refused a request instead of calling the function: the error is a [Refusal].
	ErrRefused = errors.New("furl: refused")
)
