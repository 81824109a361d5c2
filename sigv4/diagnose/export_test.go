package diagnose

import (
	"context"
	"iter"
)

// Forgery is the signature of a client with just these faults, and what it signed.
type Forgery struct {
	Fault, And                  Fault
	Explanation                 string
	Signature, CanonicalRequest string
}

// Forgeries are those of all that Diagnose may try for a request, in its order.
func Forgeries(ctx context.Context, ev Evidence) iter.Seq[Forgery] {
	return func(yield func(Forgery) bool) {
		x, _ := newExam(&budget{stopped: ctx.Err}, ev)
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
