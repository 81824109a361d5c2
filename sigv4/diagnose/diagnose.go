// Package diagnose finds out why a signature does not match, and compares the canonical request that a client signed
// with that of the server. It says more than a client may know: the result is for those who run the server.
package diagnose

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

// Bounds of one diagnosis.
const (
	MaxHypotheses = 300
	MaxTime       = 5 * time.Millisecond
	MaxOtherKeys  = 32
)

// Evidence is what the server knows about a request it has refused.
type Evidence struct {
	Request *http.Request // as received; its body is not read
	Refusal *sigv4.Error  // of Verify
	Key     sigv4.Key     // the key the request names, as Lookup returned it
	Region  string        // of the verifier
	Service string        // of the verifier
	// Others are further keys the caller may have mixed up with Key, such as those of the same account, the likeliest
	// first. Of more than MaxOtherKeys the rest is left out.
	Others []sigv4.Key
	// Hosts are names, with or without port, under which clients may know this server.
	Hosts []string
	// Now is when the request was refused; zero means time.Now.
	Now time.Time
	// MaxTime bounds the work; 0 means the constant MaxTime.
	MaxTime time.Duration
}

// Diagnosis is why a request was refused. Explanation and Fix are a sentence each and hold no secret, but they say
// more than the client that sent the request may know.
type Diagnosis struct {
	Fault       Fault // empty if there was nothing to diagnose: the key is unknown, or Refusal speaks for itself
	And         Fault // the other of two faults, mostly empty
	Explanation string
	Fix         string
	// Proven: with the fault, the client's signature comes out exactly. Otherwise it is a conclusion from what the
	// request says.
	Proven bool
	// CanonicalRequest is what the client signed, if Proven. It may hold a session token.
	CanonicalRequest string
	Tested           int  // hypotheses tried
	Exhausted        bool // not all were tried: time or hypotheses ran out, or a part of the request is too large
}

// exams are what is asked about a request that was refused for each kind of reason.
var exams = map[sigv4.Kind]func(*exam) Diagnosis{
	sigv4.InvalidSignature: (*exam).mismatch, sigv4.InvalidScope: (*exam).scope,
	sigv4.SignatureExpired: (*exam).clock, sigv4.SignatureNotYetCurrent: (*exam).clock,
	sigv4.InvalidToken: (*exam).token, sigv4.ExpiredToken: (*exam).token,
}

// Diagnosable reports whether [Diagnose] may have more to say about such a refusal than the [sigv4.Error] does.
func Diagnosable(kind sigv4.Kind) bool { return exams[kind] != nil }

// Diagnose finds out what a client must have signed for its signature to come out as it did. It computes the
// signature under one fault after the other, then under pairs of the commonest, and stops at the first that reproduces
// what was sent: at most MaxHypotheses, within ev.MaxTime and until ctx is done. It leaves out parts of the request
// that are too large for that, and does not diagnose unknown keys. The caller bounds how often it is called, and keeps
// the result from the network client.
func Diagnose(ctx context.Context, ev Evidence) Diagnosis { return diagnoseBy(ctx, time.Now, ev) }

// diagnoseBy is Diagnose with the clock that MaxTime is measured by.
func diagnoseBy(ctx context.Context, now func() time.Time, ev Evidence) Diagnosis {
	switch {
	case ev.Refusal == nil || ev.Request == nil || ev.Refusal.Kind == sigv4.UnknownKey:
		return Diagnosis{}
	case ev.Refusal.AccessKeyID == "": // refused before a key was named
		return contradiction(ev.Refusal)
	case ev.Key.Secret.Reveal() == "":
		return Diagnosis{}
	}
	if ev.Now.IsZero() {
		ev.Now = time.Now()
	}
	x, ok := newExam(newBudget(ctx, now, cmp.Or(ev.MaxTime, MaxTime)), ev)
	if !ok || !Diagnosable(ev.Refusal.Kind) {
		return Diagnosis{} // it is not the request that was refused, or there is no more to say about it
	}
	return exams[ev.Refusal.Kind](x)
}

// dimension is the part of a request a hypothesis changes. Two of one dimension are never paired.
type dimension uint8

const (
	inMethod dimension = iota
	inPath
	inQuery
	inHost
	inHeaders
	inPayload
	inScope
	inTime
	inSecret
	inSignature
)

// hypothesis is one way to go wrong.
type hypothesis struct {
	fault       Fault
	in          dimension
	common      bool // worth pairing
	explanation string
	fix         string
	apply       func(*attempt)
}

// tries is how the families of hypotheses hand them out. Once the search is over it does nothing.
type tries = func(...hypothesis)

// mismatch tries the candidates.
func (x *exam) mismatch() Diagnosis {
	if x.long {
		return x.conclude()
	}
	for hs := range x.candidates() {
		if !x.left() {
			break
		}
		a := x.base
		for _, h := range hs {
			h.apply(&a)
		}
		x.tested++
		if x.reproduces(&a) {
			return x.found(hs)
		}
	}
	return x.conclude()
}

// found is the diagnosis of the hypotheses that were applied to the attempt tried last.
func (x *exam) found(hs []hypothesis) Diagnosis {
	d := Diagnosis{Proven: true, CanonicalRequest: string(x.text), Tested: x.tested}
	for _, h := range hs {
		d.add(h.fault, h.explanation, h.fix)
	}
	return d
}

// add adds a fault to those that the diagnosis has.
func (d *Diagnosis) add(fault Fault, explanation, fix string) {
	if d.Fault == "" {
		d.Fault, d.Explanation, d.Fix = fault, explanation, fix
		return
	}
	d.And = fault
	d.Explanation += " Also: " + explanation
	d.Fix += " Also: " + fix
}

// conclude is what can be said without proof.
func (x *exam) conclude() Diagnosis {
	d := Diagnosis{Fault: Unknown, Tested: x.tested, Exhausted: x.over || len(x.skipped) > 0,
		Fix: "Compare the canonical request the client signed with the server's line by line; if they are equal, the " +
			"secret access key is another."}
	switch {
	case x.absent != "":
		d.Fault = HeaderAbsent
		d.Explanation = "The header " + short(x.absent) + " is in SignedHeaders, but it did not arrive."
		d.Fix = "Sign only headers that reach the server unchanged, or find what drops " + short(x.absent) + " on the way."
	case x.ev.Refusal.Detail != "":
		c := contradiction(x.ev.Refusal)
		d.Fault, d.Explanation, d.Fix = c.Fault, c.Explanation, c.Fix
	case x.late:
		d.Explanation = "The signature does not match; time ran out before all of the usual faults had been tried."
	case len(x.skipped) > 0:
		d.Explanation = "The signature does not match, and none of the faults that were tried explains it; the " +
			strings.Join(x.skipped, " and the ") + " of the request, being too large, was not looked into."
	default: // of very many, only pairs and rare ones have not been tried
		d.Explanation = "The signature does not match, and none of the usual faults explains it."
	}
	return d
}

// contradiction passes on what the verifier saw at once, if anything.
func contradiction(e *sigv4.Error) Diagnosis {
	if e.Detail == "" {
		return Diagnosis{}
	}
	return Diagnosis{
		Fault:       Contradiction,
		Explanation: "The request contradicts itself: " + e.Detail + ".",
		Fix:         "Send one consistent set of authentication parameters.",
	}
}

// candidates are the single faults, then pairs of the commonest, then single faults that are rare.
func (x *exam) candidates() iter.Seq[[]hypothesis] {
	return func(yield func([]hypothesis) bool) {
		var common []hypothesis
		try := func(hs ...hypothesis) {
			for _, h := range hs {
				switch {
				case x.over:
					return
				case h.fault == PathNotNormal:
					// Alone it is no fault: the verifier accepts it. A client that does not normalize paths is no rarity,
					// so that fault's pairs go first.
					common = slices.Insert(common, 0, h)
					continue
				case h.common:
					common = append(common, h)
				}
				x.over = !yield([]hypothesis{h})
			}
		}
		for _, family := range []func(tries){
			x.signatures, x.secrets, x.payloads, x.paths, x.hosts, x.queries,
			x.cases, x.lists, x.contentTypes, x.tokens, x.spaces, x.cookies, x.rewritten, x.newlines,
			x.methods, x.scopes, x.times,
		} {
			if family(try); x.over {
				return
			}
		}
		for i, h := range common {
			for _, g := range common[i+1:] {
				if h.in != g.in && !yield([]hypothesis{h, g}) {
					return
				}
			}
		}
		x.rareScopes(try)
	}
}

// guess is a hypothesis about one text of a request, which is made when its turn comes.
type guess struct {
	fault       Fault
	common      bool
	text        func() string
	explanation string
	fix         string
}

// guesses tries each guess whose text has not been seen before it. set puts the text into an attempt.
func (x *exam) guesses(try tries, in dimension, seen map[string]bool, set func(string) func(*attempt), list []guess) {
	for _, g := range list {
		if !x.left() {
			return
		}
		text := g.text()
		if !seen[text] {
			seen[text] = true
			try(hypothesis{g.fault, in, g.common, g.explanation, g.fix, set(text)})
		}
	}
}
