// Package diagnose finds out why a signature does not match, and compares the canonical request that a client signed
// with that of the server. It says more than a client may know: the result is for those who run the server.
package diagnose

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// Bounds of one diagnosis.
const (
	MaxHypotheses = 6000
	MaxHashed     = 16 << 20 // bytes, of bodies and canonical requests
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
	// Now is when the request was refused. Without it nothing is said about clocks.
	Now time.Time
	// Lookup is the verifier's, for presigned links so damaged that no key could be read from them. nil knows none.
	Lookup func(ctx context.Context, accessKeyID string) (sigv4.Key, error)
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
	Hashed           int  // bytes hashed
	Exhausted        bool // not all were tried: hypotheses or bytes ran out, or a part of the request is too large
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
// what was sent. It tries at most MaxHypotheses and hashes at most MaxHashed bytes, unless ctx is done before; no clock
// has a part in it. It leaves out parts of the request that are too large for that, and does not diagnose
// unknown keys. The caller bounds how often it is called, and keeps the result from the network client.
func Diagnose(ctx context.Context, ev Evidence) Diagnosis {
	if ev.Refusal == nil || ev.Request == nil || ev.Refusal.Kind == sigv4.UnknownKey {
		return Diagnosis{}
	}
	b := &budget{stopped: ctx.Err}
	var d Diagnosis
	if ev.Refusal.Kind == sigv4.InvalidToken {
		d = diagnose(b, ev)
	}
	if !d.Proven || d.Fault == TokenForeign { // which says little of a link that has more after its token
		if damaged := linkDiagnosis(ctx, b, ev); damaged.Proven || d.Fault == "" {
			d = damaged
		}
	}
	if d.Fault == "" {
		d = diagnose(b, ev)
	}
	if d.Fault != "" {
		d.Tested, d.Hashed = b.tested, b.bytes
	}
	return d
}

func diagnose(b *budget, ev Evidence) Diagnosis {
	switch {
	case ev.Refusal.AccessKeyID == "": // refused before a key was named
		return contradiction(ev.Refusal)
	case ev.Key.Secret.Reveal() == "":
		return Diagnosis{}
	}
	x, ok := newExam(b, ev)
	if !ok || !Diagnosable(ev.Refusal.Kind) {
		return Diagnosis{} // it is not the request that was refused, or there is no more to say about it
	}
	return exams[ev.Refusal.Kind](x)
}

// dimension is the parts of a request that a hypothesis changes, as a set. Two that share a part are never paired.
type dimension uint64

const (
	inMethod dimension = 1 << iota
	inPath
	inQuery
	inHost
	inNames // SignedHeaders
	inPayload
	inScope
	inTime
	inSecret
	inSignature
	inHeader // the first of the signed headers; each other has a bit above
)

// Several parts.
const (
	inTarget  = inPath | inQuery
	inHeaders = inHost | inNames | ^(inHeader - 1)
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
	if !x.long {
		if d := x.search(x.candidates()); d.Proven {
			return d
		}
	}
	return x.conclude()
}

// search tries hypotheses until one reproduces what was sent.
func (x *exam) search(candidates iter.Seq[[]hypothesis]) (d Diagnosis) {
	for hs := range candidates {
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
	return d
}

// singles are the hypotheses of some families, one by one.
func (x *exam) singles(families ...func(tries)) iter.Seq[[]hypothesis] {
	return func(yield func([]hypothesis) bool) {
		for _, family := range families {
			family(func(hs ...hypothesis) {
				for _, h := range hs {
					x.over = x.over || !yield([]hypothesis{h})
				}
			})
		}
	}
}

// found is the diagnosis of the hypotheses that were applied to the attempt tried last.
func (x *exam) found(hs []hypothesis) Diagnosis {
	d := Diagnosis{Proven: true, CanonicalRequest: string(x.text)}
	if x.outer != nil {
		d.add(x.outer.fault, x.outer.explanation, x.outer.fix)
	}
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

// What is advised where nothing is proven.
const (
	showText = "Repeat the request with furl call -v, which tells a server on this machine what it signs, or print the " +
		"canonical request that the client signs and compare it with the server's line by line."
	signLess = "Sign host and x-amz-* headers only: anything on the way may change the others. If that is refused, too: "
)

// conclude is what can be said without proof.
func (x *exam) conclude() Diagnosis {
	d := Diagnosis{Fault: Unknown, Exhausted: x.over || len(x.skipped) > 0, Fix: showText}
	const none = "The signature does not match, and none of the usual faults explains it"
	fragile := x.fragile()
	switch {
	case len(x.absent) > 0:
		d.Fault = HeaderAbsent
		names := short(strings.Join(x.absent, ", "))
		d.Explanation = "SignedHeaders names what did not arrive: " + names + "."
		if slices.Contains(x.absent, "content-encoding") {
			d.Explanation += " What takes off Content-Encoding has most likely decompressed the body, too."
		}
		d.Fix = "Sign only headers that reach the server unchanged, or find what drops " + names + " on the way."
	case x.ev.Refusal.Detail != "":
		c := contradiction(x.ev.Refusal)
		d.Fault, d.Explanation, d.Fix = c.Fault, c.Explanation, c.Fix
	case x.spoiled().fault != "":
		h := x.spoiled()
		d.Fault, d.Explanation, d.Fix = h.fault, h.explanation, h.fix
	case x.claim.InQuery && !isHash(x.claim.Signature):
		d.Fault = LinkCut
		d.Explanation = "The signature of the presigned link is not one: it has " +
			strconv.Itoa(len(x.claim.Signature)) + " characters and not 64 hexadecimal digits."
		d.Fix = fixCut
	case len(fragile) > 0:
		d.Explanation = none + ". Something on the way may have changed a signed header: " +
			short(strings.Join(fragile, ", ")) + "."
		d.Fix = signLess + showText
	case len(x.skipped) > 0:
		d.Explanation = none + " among those that were tried; the " + strings.Join(x.skipped, " and the ") +
			" of the request, being too large, was not looked into in every way."
	case x.over: // of very many, only pairs and rare ones have not been tried
		d.Explanation = none + " among those that were tried; there are more than one diagnosis tries of such a request."
	default:
		d.Explanation = none + ", though all of them were tried: most likely the secret access key is another."
		d.Fix = "Check the secret access key that the client has for " + quote(x.claim.Scope.AccessKeyID) +
			". If it is right: " + showText
	}
	return d
}

// fragile are the signed headers that something on the way may change, as all may that are not AWS's own. CloudFront
// writes x-amz-cf-id, and load balancers write x-amzn-trace-id.
func (x *exam) fragile() (names []string) {
	for _, l := range x.base.headers {
		own := strings.HasPrefix(l.name, "x-amz-") && l.name != "x-amz-cf-id"
		if l.name != canonical.Host && l.name != canonical.Authority && !own {
			names = append(names, l.name)
		}
	}
	return names
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

// candidates are the single faults, then pairs of the commonest, then what is rare.
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
			x.signatures, x.secrets, x.scopes, x.times, // which cost little, whatever the size of the request
			x.payloads, x.paths, x.hosts, x.queries, x.targets, x.stripped,
			x.cases, x.lists, x.contentTypes, x.tokens, x.spaces, x.cookies, x.appended, x.rewritten, x.newlines,
			x.methods,
		} {
			if family(try); x.over {
				return
			}
		}
		for i, h := range common {
			for _, g := range common[i+1:] {
				if h.in&g.in == 0 && !yield([]hypothesis{h, g}) {
					return
				}
			}
		}
		x.singles(x.rareTimes, x.members, x.fields, x.layers, x.fronts)(yield)
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
