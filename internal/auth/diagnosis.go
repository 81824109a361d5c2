package auth

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// Attempt is a request's attempt to authenticate itself: what was found, and for a signature that does not match
// everything that is needed to find out why, which the finding does not keep.
type Attempt struct {
	Finding *SignatureFinding

	evidence *diagnose.Evidence // what to diagnose; nil if nothing is. It holds secrets and the body
	others   func() []sigv4.Key // set with evidence
}

// KnownAs tells under which other host names clients may know what the request was sent to, for a signature that was
// made for one of them.
func (a *Attempt) KnownAs(hosts ...string) {
	if a.evidence != nil {
		a.evidence.Hosts = hosts
	}
}

// Diagnose finds out why the signature does not match. The plane
// calls it once, after the client has its answer: the client must not learn from the time it takes
// whether the server knows the key. Readers of the finding wait for it.
func (a *Attempt) Diagnose(ctx context.Context) {
	if a.evidence == nil {
		return
	}
	defer close(a.Finding.diagnosed)
	a.evidence.Others = a.others()
	a.Finding.outcome = conclude(a.evidence, diagnose.Diagnose(ctx, *a.evidence))
	a.evidence, a.others = nil, nil
}

// outcome is what was found out about a signature that does not match, as a trace keeps it.
type outcome struct {
	fault            trace.Text // empty if there is nothing to say
	explanation, fix trace.Text
	certainty        trace.Text
	server, client   trace.Text // the canonical requests, without session tokens; empty if they are not known
	line             int        // of the first difference, 0 if it is not known
	difference       trace.Text // the first one between what was signed and the server's text, empty if it is not known
	// sameText: the client told that it signed the very text that the server made, and no fault explains why it fails.
	sameText bool
}

// conclude puts a diagnosis into words, and compares what the client signed with the server's text. It works on the
// whole texts, of which it keeps little.
func conclude(evidence *diagnose.Evidence, diagnosis diagnose.Diagnosis) outcome {
	fault, certainty := string(diagnosis.Fault), "a conclusion from what the request says"
	if diagnosis.And != "" {
		fault += " and " + string(diagnosis.And)
	}
	client := diagnosis.CanonicalRequest
	if diagnosis.Proven {
		certainty = "proven: signed that way, the client's signature comes out exactly"
	} else {
		client = told(evidence.Request)
	}
	found := outcome{
		fault: trace.Keep(fault, maxName), certainty: trace.Keep(certainty, maxName),
		explanation: trace.Keep(diagnosis.Explanation, maxQuoted), fix: trace.Keep(diagnosis.Fix, maxQuoted),
	}
	server := evidence.Refusal.CanonicalRequest
	found.server, found.client = trace.Keep(open(server), trace.MaxText), trace.Keep(open(client), trace.MaxText)
	if server == "" || client == "" {
		return found
	}
	difference, differs := diagnose.Compare(server, client)
	if differs {
		found.line = difference.Line
		found.difference = trace.Keep(first(difference), 3*maxLine)
	}
	found.sameText = !differs && diagnosis.Fault == diagnose.Unknown
	return found
}

// told is the canonical request that the client says it has signed, "" if it does not say.
func told(r *http.Request) string {
	value := r.Header.Get(furlproto.CanonicalRequest)
	if len(value) > furlproto.MaxCanonicalRequest {
		return ""
	}
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return ""
	}
	return string(text)
}

// first puts a difference into words. Of long lines it shows where they part.
func first(d diagnose.Difference) string {
	server, client := d.Server, d.Client
	same := 0
	for same < len(server) && same < len(client) && server[same] == client[same] {
		same++
	}
	if same > maxLine/2 {
		from := same - maxLine/8
		server, client = "…"+server[from:], "…"+client[from:]
	}
	return fmt.Sprintf("the first difference is in line %d (%s), byte %d:\n  server %s\n  client %s",
		d.Line, trace.Cut(d.Label, maxLabel), d.Column, trace.Cut(server, maxLine), trace.Cut(client, maxLine))
}

// known is what Diagnose found out; nothing if there was nothing to diagnose. done is false if it is still at work.
func (f *SignatureFinding) known() (found outcome, done bool) {
	if f.diagnosed == nil {
		return outcome{}, true
	}
	select {
	case <-f.diagnosed:
		return f.outcome, true
	case <-time.After(diagnosisWait):
		return outcome{}, false
	}
}

// diagnosisWait is how long a reader waits for a diagnosis: far longer than one takes on a machine that is busy.
const diagnosisWait = 5 * time.Second
