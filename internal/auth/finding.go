package auth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

// SignatureFinding is what the verification of a signature found.
type SignatureFinding struct {
	Scope    Scope
	Caller   *Caller // nil if the request was refused
	Verified sigv4.Verified

	refusal   *sigv4.Error
	canonical string // the server's canonical request
	client    string // the client's, if it told

	evidence  *sigv4.Evidence    // what to diagnose; nil if nothing is
	others    func() []sigv4.Key // set with evidence
	diagnosis sigv4.Diagnosis    // written by Diagnose, before diagnosed is closed
	diagnosed chan struct{}      // nil if nothing is to be diagnosed
}

// How much a trace keeps of what the client wrote, in bytes: of a canonical request, and of a message that quotes it;
// and how much of a line it shows.
const (
	maxCanonical = 16 << 10
	maxQuoted    = 1 << 10
	maxLine      = 2 << 10
)

// ClientCanonicalRequest is the header, in base64, by which a client may tell what it signed: `furl call -v` sends it
// to servers on this machine. It decides nothing; the trace of a refusal shows the first byte that differs.
const ClientCanonicalRequest = "Furl-Canonical-Request"

func (f *SignatureFinding) refused(refusal *sigv4.Error) {
	kept := *refusal
	f.canonical = trace.Cut(refusal.CanonicalRequest, maxCanonical)
	kept.CanonicalRequest, kept.Body = "", nil
	for _, text := range []*string{&kept.Message, &kept.Detail, &kept.AccessKeyID, &kept.StringToSign} {
		*text = strings.Clone(trace.Cut(*text, maxQuoted)) // cloned: it may be a piece of something large
	}
	f.refusal = &kept
}

// KnownAs tells under which other host names clients may know what the request was sent to, for a signature that was
// made for one of them.
func (f *SignatureFinding) KnownAs(hosts ...string) {
	if f.evidence != nil {
		f.evidence.Hosts = hosts
	}
}

// Diagnose finds out why the signature does not match, which takes some milliseconds at the most. Whoever
// authenticates calls it once, after the client has its answer: the client must not learn from the time it takes
// whether the server knows the key. Readers of the finding wait for it.
func (f *SignatureFinding) Diagnose(ctx context.Context) {
	if f.evidence == nil {
		return
	}
	defer close(f.diagnosed)
	f.evidence.Others = f.others()
	f.diagnosis = sigv4.Diagnose(ctx, *f.evidence)
	f.evidence, f.others = nil, nil // hold secrets and the body
}

// known is the diagnosis; without a fault if there is none.
func (f *SignatureFinding) known() sigv4.Diagnosis {
	if f.diagnosed == nil {
		return sigv4.Diagnosis{}
	}
	select {
	case <-f.diagnosed:
		return f.diagnosis
	case <-time.After(diagnosisWait):
		return sigv4.Diagnosis{}
	}
}

// diagnosisWait is how long a reader waits for a diagnosis that takes a few milliseconds.
const diagnosisWait = 100 * time.Millisecond

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
	if diagnosis := f.known(); diagnosis.Fault != "" {
		return text + ": " + diagnosis.Explanation
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
	diagnosis := f.known()
	if diagnosis.Fault != "" {
		certainty := "a conclusion from what the request says"
		if diagnosis.Proven {
			certainty = "proven: signed that way, the client's signature comes out exactly"
		}
		details = append(details, fmt.Sprintf("fault %s (%s)", faults(diagnosis), certainty))
	}
	if f.canonical != "" {
		details = append(details,
			"the server's canonical request:\n"+labelled(f.canonical),
			"the server's string to sign:\n"+indent(f.refusal.StringToSign))
	}
	if f.sameText() {
		details = append(details, "the client signed the same canonical request: its secret access key is another")
	}
	client := f.client
	if diagnosis.CanonicalRequest != "" {
		client = diagnosis.CanonicalRequest
	}
	if difference, differs := sigv4.Compare(f.canonical, client); differs && f.canonical != "" && client != "" {
		details = append(details, fmt.Sprintf("the first difference is in line %d (%s), byte %d:\n  server %s\n  client %s", difference.Line,
			difference.Label, difference.Column, trace.Cut(difference.Server, maxLine), trace.Cut(difference.Client, maxLine)))
	}
	return details
}

// sameText reports whether the client told that it signed the very text that the server made, and no fault explains
// that the signatures differ all the same.
func (f *SignatureFinding) sameText() bool {
	return f.refusal.Kind == sigv4.InvalidSignature && f.canonical != "" && f.client == f.canonical && !f.known().Proven
}

func faults(diagnosis sigv4.Diagnosis) string {
	if diagnosis.And != "" {
		return string(diagnosis.Fault + " and " + diagnosis.And)
	}
	return string(diagnosis.Fault)
}

// Fix is how to sign for this endpoint.
func (f *SignatureFinding) Fix() []string {
	if f.refusal == nil {
		return nil
	}
	if f.sameText() {
		return []string{"sign with the secret access key that was issued with access key " + f.refusal.AccessKeyID}
	}
	if diagnosis := f.known(); diagnosis.Fix != "" {
		return []string{diagnosis.Fix}
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

// labelled writes a canonical request with what each line is. Session tokens are hidden.
func labelled(canonical string) string {
	var text strings.Builder
	for _, line := range sigv4.Lines(canonical) {
		fmt.Fprintf(&text, "  %-28s %s\n", line.Label, trace.Cut(line.Text, maxLine))
	}
	return strings.TrimRight(text.String(), "\n")
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}
