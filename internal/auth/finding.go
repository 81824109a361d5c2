package auth

import (
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// SignatureFinding is what the verification of a signature found.
type SignatureFinding struct {
	form        sigv4.Form
	accessKeyID trace.Text // as claimed

	// Of a good signature.
	caller        trace.Text // ARN
	signedHeaders trace.Text
	warnings      trace.Texts

	account trace.Text // of the key, whether or not the signature is good; empty if there is no such key

	// Of a refusal.
	kind            sigv4.Kind // 0 if the signature was good
	service, region trace.Text // that the signature had to be made for
	message, detail trace.Text
	stringToSign    trace.Text
	canonical       trace.Text    // the server's canonical request, with what each line is; empty if there was none
	crowded         bool          // not diagnosed, since too many others were in the same second
	diagnosed       chan struct{} // closed when the diagnosis is done; nil if nothing is to be diagnosed
	outcome         outcome       // written before diagnosed is closed
}

// How much a trace keeps of what the client wrote, in bytes: of a canonical request, of a message that quotes it, of one
// line, of what the line is called, of a name such as that of a region, and of an ARN, for which IAM has a limit.
const (
	maxCanonical = 6 << 10
	maxLabelled  = 8 << 10
	maxQuoted    = 512
	maxLine      = 1 << 10
	maxLabel     = 128
	maxName      = 256
	maxARN       = 640
)

func (f *SignatureFinding) accepted(caller *Caller, verified sigv4.Verified) {
	f.form, f.accessKeyID = verified.Form, trace.Keep(verified.AccessKeyID, maxLabel)
	f.caller = trace.Keep(caller.ARN(), maxARN)
	f.signedHeaders = trace.Join(verified.SignedHeaders, ";", maxLine)
	if len(verified.Warnings) == 0 {
		return
	}
	warnings := make([]string, len(verified.Warnings))
	for i, warning := range verified.Warnings {
		warnings[i] = "warning: " + warning.String()
	}
	f.warnings = trace.KeepAll(maxName, warnings...)
}

func (f *SignatureFinding) refused(refusal *sigv4.Error, scope Scope) {
	f.service, f.region = trace.Keep(scope.Service, maxName), trace.Keep(scope.Region, maxName)
	f.kind, f.form, f.accessKeyID = refusal.Kind, refusal.Form, trace.Keep(refusal.AccessKeyID, maxLabel)
	f.message, f.detail = trace.Keep(refusal.Message, maxQuoted), trace.Keep(refusal.Detail, maxQuoted)
	f.stringToSign = trace.Keep(refusal.StringToSign, maxQuoted)
	if refusal.CanonicalRequest != "" {
		f.canonical = trace.Keep(labelled(diagnose.Lines(refusal.CanonicalRequest)), maxLabelled)
	}
}

// labelled writes a canonical request with what each line is. If that is too long, it leaves out lines before the last
// two, which are the list of signed headers and the payload hash.
func labelled(lines []diagnose.Line) string {
	const last, roomForLast = 2, maxLine + 2*maxLabel
	var text strings.Builder
	for i, line := range lines {
		written := labelledLine(line)
		if left := len(lines) - last - i; left > 0 && text.Len()+len(written) > maxCanonical-roomForLast {
			text.WriteString(labelledLine(diagnose.Line{Label: "…", Text: fmt.Sprintf("%d more lines", left)}))
			for _, line := range lines[len(lines)-last:] {
				text.WriteString(labelledLine(line))
			}
			break
		}
		text.WriteString(written)
	}
	return strings.TrimRight(text.String(), "\n")
}

func labelledLine(line diagnose.Line) string {
	return fmt.Sprintf("  %-28s %s\n", trace.Cut(line.Label, maxLabel), trace.Cut(line.Text, maxLine))
}

// Account is the account of the access key that the request names, if there is such a key.
func (f *SignatureFinding) Account() string { return f.account.String() }

// Caller is the ARN of the caller; empty if the signature is not good.
func (f *SignatureFinding) Caller() trace.Text { return f.caller }

// Verdict says whether the signature was good.
func (f *SignatureFinding) Verdict() trace.Verdict {
	switch {
	case f.kind == sigv4.Internal:
		return trace.Failed
	case f.kind != 0:
		return trace.Refused
	case !f.warnings.Empty():
		return trace.Warning
	default:
		return trace.OK
	}
}

// Summary names the caller, or what is wrong with the signature.
func (f *SignatureFinding) Summary() string {
	if f.kind == 0 {
		return fmt.Sprintf("%s, access key %s, %s form", f.caller, f.accessKeyID, f.form)
	}
	text := f.kind.String()
	known, _ := f.known()
	switch {
	case f.kind == sigv4.UnknownKey:
		return fmt.Sprintf("access key %q does not exist, is inactive, or belonged to a user or role that was deleted",
			trace.Cut(f.accessKeyID.String(), 64))
	case known.sameText:
		return text + ": the client signed the same canonical request, and every other fault was tried, " +
			"so its secret access key is another"
	case !known.fault.Empty():
		return text + ": " + known.explanation.String()
	case f.kind == sigv4.MissingAuthentication:
		return "the request is not signed"
	}
	if !f.detail.Empty() {
		return text + ": " + f.detail.String()
	}
	return text + ": " + f.message.String()
}

// Details are the warnings of a good signature, and for one that does not match the texts that the server made.
func (f *SignatureFinding) Details() []string {
	if f.kind == 0 {
		return append([]string{"signed headers: " + f.signedHeaders.String()}, f.warnings.Strings()...)
	}
	var details []string
	if !f.message.Empty() && f.kind != sigv4.MissingAuthentication {
		details = append(details, "the client was told: "+f.message.String())
	}
	known, done := f.known()
	switch {
	case f.crowded:
		details = append(details, fmt.Sprintf("not diagnosed: at most %d refusals are in a second; send the request again by itself", MaxDiagnoses))
	case !done:
		details = append(details, "the diagnosis is not done yet: ask again")
	case known.sameText:
		details = append(details, "the client told what it signed, and it is the server's canonical request to the byte")
	case !known.fault.Empty():
		details = append(details, fmt.Sprintf("fault %s (%s)", known.fault, known.certainty))
	}
	if !f.canonical.Empty() {
		details = append(details,
			"the server's canonical request:\n"+f.canonical.String(),
			"the server's string to sign:\n"+indent(f.stringToSign.String()))
	}
	if !known.difference.Empty() {
		details = append(details, known.difference.String())
	}
	return details
}

// Fix is how to sign for this endpoint.
func (f *SignatureFinding) Fix() []string {
	if f.kind == 0 {
		return nil
	}
	if known, _ := f.known(); known.sameText {
		return []string{"sign with the secret access key that was issued with access key " + f.accessKeyID.String()}
	} else if !known.fix.Empty() {
		return []string{known.fix.String()}
	}
	sign := "sign"
	if f.form == sigv4.Query {
		sign = "presign"
	}
	switch f.kind {
	case sigv4.MissingAuthentication, sigv4.IncompleteSignature, sigv4.InvalidScope:
		return []string{fmt.Sprintf("%s the request with SigV4 for service %q and region %q", sign, f.service, f.region)}
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

func indent(text string) string {
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}
