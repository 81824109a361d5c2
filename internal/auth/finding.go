package auth

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

// SignatureFinding is what the verification of a signature found.
type SignatureFinding struct {
	Scope    Scope
	Caller   *Caller // nil if the request was refused
	Verified sigv4.Verified

	refusal   *sigv4.Error
	canonical string // the server's canonical request, secrets hidden
}

// maxCanonical is how much of a canonical request a trace keeps, in bytes.
const maxCanonical = 16 << 10

func (f *SignatureFinding) refused(refusal *sigv4.Error) {
	kept := *refusal
	f.canonical = trace.Cut(hideToken(refusal.CanonicalRequest), maxCanonical)
	kept.CanonicalRequest, kept.Body = "", nil
	f.refusal = &kept
}

// Verdict says whether the signature was good.
func (f *SignatureFinding) Verdict() trace.Verdict {
	switch {
	case f.refusal != nil && f.refusal.Kind == sigv4.Internal:
		return trace.Failed
	case f.refusal != nil:
		return trace.Refused
	case len(f.Verified.Warnings) > 0:
		return trace.Warning
	default:
		return trace.OK
	}
}

// Summary names the caller, or what is wrong with the signature.
func (f *SignatureFinding) Summary() string {
	if f.refusal == nil {
		return fmt.Sprintf("%s, access key %s, %s form", f.Caller.ARN(), f.Verified.AccessKeyID, f.Verified.Form)
	}
	switch f.refusal.Kind {
	case sigv4.MissingAuthentication:
		return "the request is not signed"
	case sigv4.UnknownKey:
		return fmt.Sprintf("access key %q does not exist, is inactive, or belonged to a user or role that was deleted", trace.Cut(f.refusal.AccessKeyID, 64))
	}
	text := f.refusal.Kind.String()
	if f.refusal.Detail != "" {
		return text + ": " + f.refusal.Detail
	}
	return text + ": " + f.refusal.Message
}

// Details are the warnings of a good signature, and for one that does not match the texts that the server made.
func (f *SignatureFinding) Details() []string {
	if f.refusal == nil {
		details := []string{"signed headers: " + strings.Join(f.Verified.SignedHeaders, ";")}
		for _, warning := range f.Verified.Warnings {
			details = append(details, fmt.Sprintf("warning: %s", warning))
		}
		return details
	}
	if f.canonical == "" {
		return nil
	}
	return []string{
		"the server's canonical request:\n" + indent(f.canonical),
		"the server's string to sign:\n" + indent(f.refusal.StringToSign),
	}
}

// Fix is how to sign for this endpoint.
func (f *SignatureFinding) Fix() []string {
	if f.refusal == nil {
		return nil
	}
	switch f.refusal.Kind {
	case sigv4.MissingAuthentication, sigv4.InvalidScope:
		return []string{fmt.Sprintf("sign the request with SigV4 for service %q and region %q", f.Scope.Service, f.Scope.Region)}
	case sigv4.SignatureExpired, sigv4.SignatureNotYetCurrent:
		return []string{"set the client's clock, and sign each request just before it is sent"}
	case sigv4.UnknownKey:
		return []string{"furl env   # the keys of the running server"}
	case sigv4.InvalidToken:
		return []string{"send the session token that was issued with the access key as X-Amz-Security-Token; long-term keys have none"}
	case sigv4.ExpiredToken:
		return []string{"get new temporary credentials: the session is over"}
	default:
		return nil
	}
}

// The session token in a canonical request: as a header and as a parameter of a presigned URL.
var tokens = regexp.MustCompile(`(?i)(\nx-amz-security-token:|X-Amz-Security-Token=)[^&\n]*`)

// hideToken replaces session tokens in a canonical request.
func hideToken(canonical string) string { return tokens.ReplaceAllString(canonical, "$1(hidden)") }

func indent(text string) string {
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}
