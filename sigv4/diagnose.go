package sigv4

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"slices"
	"time"
)

// Bounds of one diagnosis.
const (
	MaxHypotheses    = 300
	MaxDiagnosisTime = 5 * time.Millisecond
	MaxOtherKeys     = 32
)

// Evidence is what the server knows about a request it has refused.
type Evidence struct {
	Request *http.Request // as received; its body is not read
	Refusal *Error        // of Verify
	Key     Key           // the key the request names, as Lookup returned it
	Region  string        // of the verifier
	Service string        // of the verifier
	// Others are further keys the caller may have mixed up with Key, such as those of the same account, the likeliest
	// first. Of more than MaxOtherKeys the rest is left out.
	Others []Key
	// Hosts are names, with or without port, under which clients may know this server.
	Hosts []string
	// Now is when the request was refused; zero means time.Now.
	Now time.Time
	// MaxTime bounds the work; 0 means MaxDiagnosisTime.
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
	Exhausted        bool // time or hypotheses ran out before all were tried
}

// Diagnose finds out what a client must have signed for its signature to come out as it did. It computes the
// signature under one fault after the other, then under pairs of the commonest, and stops at the first that
// reproduces what was sent: at most MaxHypotheses, within ev.MaxTime and until ctx is done. Unknown keys are not
// diagnosed. The caller bounds how often it is called ([Limiter]) and keeps the result from the network client.
func Diagnose(ctx context.Context, ev Evidence) Diagnosis {
	switch {
	case ev.Refusal == nil || ev.Request == nil || ev.Refusal.Kind == UnknownKey:
		return Diagnosis{}
	case ev.Refusal.AccessKeyID == "": // refused before a key was named
		return contradiction(ev.Refusal)
	case ev.Key.Secret.Reveal() == "":
		return Diagnosis{}
	}
	if ev.Now.IsZero() {
		ev.Now = time.Now()
	}
	if ev.MaxTime == 0 {
		ev.MaxTime = MaxDiagnosisTime
	}
	x, ok := newExam(ev)
	if !ok {
		return Diagnosis{} // it is not the request that was refused
	}
	switch ev.Refusal.Kind {
	case InvalidSignature:
		return x.mismatch(ctx)
	case InvalidScope:
		return x.scope()
	case SignatureExpired, SignatureNotYetCurrent:
		return x.clock()
	case InvalidToken, ExpiredToken:
		return x.token()
	}
	return Diagnosis{}
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

// mismatch tries the hypotheses.
func (x *exam) mismatch(ctx context.Context) Diagnosis {
	start := time.Now()
	var d Diagnosis
	var common []hypothesis
	// try reports whether to go on.
	try := func(hs ...hypothesis) bool {
		if d.Tested >= MaxHypotheses || ctx.Err() != nil || time.Since(start) > x.ev.MaxTime {
			d.Exhausted = true
			return false
		}
		a := x.base
		for _, h := range hs {
			h.apply(&a)
		}
		d.Tested++
		if !x.reproduces(&a) {
			return true
		}
		d.Fault, d.Explanation, d.Fix = hs[0].fault, hs[0].explanation, hs[0].fix
		for _, h := range hs[1:] {
			d.And = h.fault
			d.Explanation += " Also: " + h.explanation
			d.Fix += " Also: " + h.fix
		}
		d.Proven, d.CanonicalRequest = true, string(x.text)
		return false
	}
	for h := range x.hypotheses() {
		if h.common {
			common = append(common, h)
		}
		if h.fault == FaultPathNotNormal {
			continue // alone it is no fault: the verifier accepts it
		}
		if !try(h) {
			return x.conclude(d)
		}
	}
	// A client that does not normalise paths is no rarity, so that fault's pairs go first.
	slices.SortStableFunc(common, func(a, b hypothesis) int {
		return cmp.Compare(rank(a.fault), rank(b.fault))
	})
	for i, h := range common {
		for _, g := range common[i+1:] {
			if h.in != g.in && !try(h, g) {
				return x.conclude(d)
			}
		}
	}
	return x.conclude(d)
}

func rank(f Fault) int {
	if f == FaultPathNotNormal {
		return 0
	}
	return 1
}

// conclude fills in what can be said without proof.
func (x *exam) conclude(d Diagnosis) Diagnosis {
	switch {
	case d.Proven:
		return d
	case x.absent != "":
		d.Fault = FaultHeaderAbsent
		d.Explanation = "The header " + x.absent + " is in SignedHeaders, but it did not arrive."
		d.Fix = "Sign only headers that reach the server unchanged, or find what drops " + x.absent + " on the way."
	case x.ev.Refusal.Detail != "":
		c := contradiction(x.ev.Refusal)
		d.Fault, d.Explanation, d.Fix = c.Fault, c.Explanation, c.Fix
	default:
		d.Fault = FaultUnknown
		d.Explanation = "The signature does not match, and none of the usual faults explains it."
		if d.Exhausted {
			d.Explanation = "The signature does not match; time ran out before all of the usual faults had been tried."
		}
		d.Fix = "Compare the canonical request the client signed with the server's line by line; if they are equal, the secret access key is another."
	}
	return d
}

// contradiction passes on what the verifier saw at once, if anything.
func contradiction(e *Error) Diagnosis {
	if e.Detail == "" {
		return Diagnosis{}
	}
	return Diagnosis{
		Fault:       FaultContradiction,
		Explanation: "The request contradicts itself: " + e.Detail + ".",
		Fix:         "Send one consistent set of authentication parameters.",
	}
}

// hypotheses are all single faults, the commonest first.
func (x *exam) hypotheses() iter.Seq[hypothesis] {
	return func(yield func(hypothesis) bool) {
		for _, family := range []func(func(hypothesis) bool) bool{
			x.signatures, x.secrets, x.payloads, x.paths, x.hosts, x.queries, x.headers, x.methods, x.scopes, x.times,
		} {
			if !family(yield) {
				return
			}
		}
	}
}
