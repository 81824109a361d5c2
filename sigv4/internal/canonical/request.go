// Package canonical has what a signer, a verifier and a diagnosis of a signature share: how paths, queries and headers
// are written in a canonical request, what a request says about its own signature, and the texts and keys made of both.
package canonical

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// The fixed words of a signature.
const (
	Algorithm  = "AWS4-HMAC-SHA256"
	Terminator = "aws4_request"
	// ISOBasic is the only format of X-Amz-Date and of the string to sign.
	ISOBasic = "20060102T150405Z"
)

// Request is the six parts of a canonical request.
type Request struct {
	Method  string
	Path    []byte
	Query   []byte
	Headers []byte // a line for each header, with its newline
	Names   []byte // SignedHeaders
	Payload []byte // lower-case hexadecimal SHA-256
}

// Append appends the canonical request.
func (r *Request) Append(dst []byte) []byte {
	dst = append(append(dst, r.Method...), '\n')
	dst = append(append(dst, r.Path...), '\n')
	dst = append(append(dst, r.Query...), '\n')
	dst = append(append(dst, r.Headers...), '\n')
	dst = append(append(dst, r.Names...), '\n')
	return append(dst, r.Payload...)
}

// AppendStringToSign appends the string to sign for a canonical request, which dst may hold. date is in the format
// ISOBasic.
func AppendStringToSign(dst []byte, date string, scope Scope, request []byte) []byte {
	return AppendDigestToSign(dst, date, scope, sha256.Sum256(request))
}

// AppendDigestToSign is AppendStringToSign for a canonical request of that SHA-256.
func AppendDigestToSign(dst []byte, date string, scope Scope, sum [sha256.Size]byte) []byte {
	dst = append(append(dst, Algorithm+"\n"...), date...)
	dst = append(scope.AppendTail(append(dst, '\n')), '\n')
	return hex.AppendEncode(dst, sum[:])
}

// Scope is a credential without its terminator.
type Scope struct{ AccessKeyID, Date, Region, Service string }

// AppendTail appends date/region/service/aws4_request.
func (s Scope) AppendTail(dst []byte) []byte {
	for _, part := range [...]string{s.Date, s.Region, s.Service} {
		dst = append(append(dst, part...), '/')
	}
	return append(dst, Terminator...)
}

// ParseCredential splits a credential. It reports false if that has not exactly five parts.
func ParseCredential(credential string) (s Scope, terminator string, ok bool) {
	more := true
	for _, part := range [...]*string{&s.AccessKeyID, &s.Date, &s.Region, &s.Service, &terminator} {
		if !more {
			return Scope{}, "", false
		}
		*part, credential, more = strings.Cut(credential, "/")
	}
	return s, terminator, !more
}

// Key derives the signing key of a scope from "AWS4" and the secret. link is applied to each HMAC of the chain; nil
// leaves them as they are.
func (s Scope) Key(prefixedSecret string, link func(mac []byte) []byte) []byte {
	key := []byte(prefixedSecret)
	for _, part := range [...]string{s.Date, s.Region, s.Service, Terminator} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		if key = mac.Sum(nil); link != nil {
			key = link(key)
		}
	}
	return key
}

// Equal compares secrets in time that depends on their lengths only.
func Equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
