package sigv4

import (
	"context"
	"iter"
	"time"
)

// Holes for the external tests.

// CanonicalPath is the canonical form of a path as on the wire, in the documented form or as sent.
func CanonicalPath(path string, asSent bool) string {
	form := pathNormal
	if asSent {
		form = pathAsSent
	}
	return string(appendPath(nil, path, form))
}

// CanonicalQuery is the canonical form of a raw query, or the complaint about it.
func CanonicalQuery(raw string) (canonical, complaint string) {
	var q query
	if msg := q.parse(raw); msg != "" {
		return "", msg
	}
	q.sort()
	return string(q.append(nil)), ""
}

// CollapsedValue is the canonical form of a header value.
func CollapsedValue(v string) string { return string(appendCollapsed(nil, v)) }

// CachedKeys is how many derived keys a verifier holds.
func CachedKeys(v *Verifier) int {
	v.keys.mu.RLock()
	defer v.keys.mu.RUnlock()
	return len(v.keys.keys)
}

// ConstantTimeEqual is how signatures, tokens and secrets are compared.
func ConstantTimeEqual(a, b string) bool { return constantTimeEqual(a, b) }

// HasSpace reports whether a header value may have white space.
func HasSpace(v string) bool { return hasSpace(v) }

// DiagnoseBy is Diagnose with the clock that MaxTime is measured by.
func DiagnoseBy(ctx context.Context, now func() time.Time, ev Evidence) Diagnosis {
	return diagnoseBy(ctx, now, ev)
}

// Forgery is the signature of a client with just these faults, and what it signed.
type Forgery struct {
	Fault, And                  Fault
	Explanation                 string
	Signature, CanonicalRequest string
}

// Forgeries are those of all that Diagnose may try for a request, in its order.
func Forgeries(ctx context.Context, ev Evidence) iter.Seq[Forgery] {
	return func(yield func(Forgery) bool) {
		x, _ := newExam(newBudget(ctx, time.Now, time.Hour), ev)
		for hs := range x.candidates() {
			a := x.base
			for _, h := range hs {
				h.apply(&a)
			}
			signature := x.sign(&a)
			d := x.found(hs)
			if !yield(Forgery{d.Fault, d.And, d.Explanation, signature, d.CanonicalRequest}) {
				return
			}
		}
	}
}
