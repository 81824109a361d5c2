package auth

import (
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

// SignatureFinding is what the verification of a signature found.
type SignatureFinding struct {
	Scope    Scope
	Caller   *Caller // nil if the request was refused
	Verified sigv4.Verified

	account string // of the key, whether or not the signature is good; "" if there is no such key
	refusal *sigv4.Error
	lines   []sigv4.Line // the server's canonical request; nil if there was none

	evidence  *sigv4.Evidence    // what to diagnose; nil if nothing is
	others    func() []sigv4.Key // set with evidence
	outcome   outcome            // written by Diagnose, before diagnosed is closed
	diagnosed chan struct{}      // nil if nothing is to be diagnosed
	crowded   bool               // not diagnosed, since too many others were in the same second
}

// How much a trace keeps of what the client wrote, in bytes: of a canonical request, of a message that quotes it, of one
// line and of what the line is called.
const (
	maxCanonical = 16 << 10
	maxQuoted    = 1 << 10
	maxLine      = 2 << 10
	maxLabel     = 128
)

func (f *SignatureFinding) refused(refusal *sigv4.Error) {
	kept := *refusal
	if refusal.CanonicalRequest != "" {
		f.lines = keepLines(sigv4.Lines(refusal.CanonicalRequest))
	}
	kept.CanonicalRequest, kept.Body = "", nil
	for _, text := range []*string{&kept.Message, &kept.Detail, &kept.AccessKeyID, &kept.StringToSign} {
		*text = clip(*text, maxQuoted)
	}
	f.refusal = &kept
}

// keepLines is what a trace keeps of the lines of a canonical request: each cut to maxLine, and if they are still too long,
// those that fit and the last two, which are the list of signed headers and the payload hash.
func keepLines(lines []sigv4.Line) []sigv4.Line {
	const last = 2
	var kept []sigv4.Line
	room := maxCanonical
	for i, line := range lines {
		line.Label, line.Text = clip(line.Label, maxLabel), clip(line.Text, maxLine)
		room -= len(line.Label) + len(line.Text)
		if left := len(lines) - last - i; room < 0 && left > 0 {
			kept = append(kept, sigv4.Line{Label: "…", Text: fmt.Sprintf("%d more lines", left)})
			for _, line := range lines[len(lines)-last:] {
				kept = append(kept, sigv4.Line{Label: line.Label, Text: clip(line.Text, maxLine)})
			}
			return kept
		}
		kept = append(kept, line)
	}
	return kept
}

// clip is trace.Cut for what is kept: a piece of something large is copied, so that the rest is not kept with it.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return strings.Clone(text)
	}
	return trace.Cut(text, limit)
}

// Account is the account of the access key that the request names, if there is such a key.
func (f *SignatureFinding) Account() string { return f.account }

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
	if known, _ := f.known(); known.sameText {
		return text + ": the client signed the same canonical request, so its secret access key is another"
	} else if known.fault != "" {
		return text + ": " + known.explanation
	}
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
	var details []string
	if f.refusal.Message != "" && f.refusal.Kind != sigv4.MissingAuthentication {
		details = append(details, "the client was told: "+f.refusal.Message)
	}
	known, done := f.known()
	switch {
	case f.crowded:
		details = append(details, fmt.Sprintf("not diagnosed: at most %d refusals are in a second; send the request again by itself", sigv4.MaxDiagnoses))
	case !done:
		details = append(details, "the diagnosis is not done yet: ask again")
	case known.sameText:
		details = append(details, "the client told what it signed, and it is the server's canonical request to the byte")
	case known.fault != "":
		details = append(details, fmt.Sprintf("fault %s (%s)", known.fault, known.certainty))
	}
	if f.lines != nil {
		details = append(details,
			"the server's canonical request:\n"+labelled(f.lines),
			"the server's string to sign:\n"+indent(f.refusal.StringToSign))
	}
	if known.difference != "" {
		details = append(details, known.difference)
	}
	return details
}

// Fix is how to sign for this endpoint.
func (f *SignatureFinding) Fix() []string {
	if f.refusal == nil {
		return nil
	}
	if known, _ := f.known(); known.sameText {
		return []string{"sign with the secret access key that was issued with access key " + f.refusal.AccessKeyID}
	} else if known.fix != "" {
		return []string{known.fix}
	}
	sign := "sign"
	if f.refusal.Form == sigv4.Query {
		sign = "presign"
	}
	switch f.refusal.Kind {
	case sigv4.MissingAuthentication, sigv4.IncompleteSignature, sigv4.InvalidScope:
		return []string{fmt.Sprintf("%s the request with SigV4 for service %q and region %q", sign, f.Scope.Service, f.Scope.Region)}
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

// labelled writes a canonical request with what each line is.
func labelled(lines []sigv4.Line) string {
	var text strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&text, "  %-28s %s\n", line.Label, line.Text)
	}
	return strings.TrimRight(text.String(), "\n")
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}
