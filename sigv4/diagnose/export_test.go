package diagnose

import (
	"bufio"
	"bytes"
	"context"
	"iter"
)

// Forgery is the signature of a client with just these faults, and what it signed.
type Forgery struct {
	Fault, And                  Fault
	Explanation, Fix            string
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
			if !yield(Forgery{d.Fault, d.And, d.Explanation, d.Fix, signature, d.CanonicalRequest}) {
				return
			}
		}
	}
}

// Restyled are all texts that a JSON text is read as when it was written anew: in each style, and in each order.
func Restyled(text []byte) (list [][]byte) {
	for _, s := range spacings {
		list = append(list, styled(text, s))
		for i := range escapings {
			s.escapes = &escapings[i]
			list = append(list, styled(text, s))
		}
	}
	var objects []*value
	root, _ := parse(styled(text, spacings[0]), maxDepth, &objects)
	for text := range reordered(root, objects) {
		list = append(list, text)
	}
	return list
}

// Recoded is a text in each other charset and back, where that is possible.
func Recoded(text []byte) (list [][]byte) {
	from, _ := charsetOf(text)
	for to := range utf16BEMark + 1 {
		var there, back bytes.Buffer
		w := bufio.NewWriter(&there)
		if !recode(w, text, from, to) {
			continue
		}
		w.Flush()
		w = bufio.NewWriter(&back)
		recode(w, there.Bytes(), to, from)
		w.Flush()
		list = append(list, back.Bytes())
	}
	return list
}
