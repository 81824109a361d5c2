package sigv4

import (
	"context"
	"strconv"
	"time"
)

// What one step of a diagnosis may take in. The clock is looked at before each step, so that the time above the limit
// is that of one step: whoever sends the request chooses its sizes, and needs no more than the id of a key.
const (
	maxVaried  = 64 << 10 // bytes of a body that is hashed again with one thing changed
	maxText    = 8 << 10  // bytes of a path or a query that is written anew
	maxParts   = 256      // parameters, fields of a form or of JSON, headers to choose from, values of one header
	maxLines   = 64 << 10 // bytes of the signed headers, and the method
	maxQuoted  = 200      // bytes of what the client wrote in one explanation
	maxNameLen = 300      // bytes of a host with its port: DNS allows 253
)

// budget is what is left of the hypotheses and the time of one diagnosis.
type budget struct {
	now     func() time.Time
	until   time.Time
	stopped func() error // of the context
	tested  int
	spent   bool
	late    bool // it is the time that is spent
}

func newBudget(ctx context.Context, now func() time.Time, most time.Duration) *budget {
	return &budget{now: now, until: now().Add(most), stopped: ctx.Err}
}

// left reports whether one more step may be taken. Once it has said no, it never says yes again.
func (b *budget) left() bool {
	if !b.spent {
		b.late = b.stopped() != nil || b.now().After(b.until)
		b.spent = b.late || b.tested >= MaxHypotheses
	}
	return !b.spent
}

// short cuts what the client wrote for an explanation.
func short(s string) string {
	if len(s) > maxQuoted {
		return s[:maxQuoted] + "…"
	}
	return s
}

// quote is short in quotes.
func quote(s string) string { return strconv.Quote(short(s)) }
