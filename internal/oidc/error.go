package oidc

import "fmt"

// Kind is why a token was refused. The set is closed.
type Kind int

// The kinds of refusals.
const (
	Malformed     Kind = iota + 1 // not a JSON Web Token with the claims that an ID token has
	WrongIssuer                   // from somebody else
	WrongAudience                 // for somebody else
	Expired                       // no longer valid
	NotYet                        // not yet valid
	NoKeys                        // the issuer's keys could not be had
	BadSignature                  // not signed by the issuer
	NotPublic                     // the issuer is at an address that is not to be asked
)

// Error is a refusal. Its text may be shown to whoever sent the token.
type Error struct {
	Kind    Kind
	Message string
}

func (e *Error) Error() string { return e.Message }

func refuse(kind Kind, format string, arguments ...any) *Error {
	return &Error{kind, fmt.Sprintf(format, arguments...)}
}
