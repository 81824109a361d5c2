package sigv4

import (
	"sync"
	"time"
)

// MaxDiagnoses is how many diagnoses a Limiter lets pass in a second if not told otherwise.
const MaxDiagnoses = 20

// Limiter bounds how often something is done in a second. The zero Limiter lets MaxDiagnoses pass.
type Limiter struct {
	PerSecond int              // 0 means MaxDiagnoses
	Now       func() time.Time // nil means time.Now

	mu    sync.Mutex
	since time.Time
	n     int
}

// Allow reports whether one more may be done now.
func (l *Limiter) Allow() bool {
	now, limit := time.Now, MaxDiagnoses
	if l.Now != nil {
		now = l.Now
	}
	if l.PerSecond > 0 {
		limit = l.PerSecond
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t := now()
	if age := t.Sub(l.since); age < 0 || age >= time.Second {
		l.since, l.n = t, 0
	}
	l.n++
	return l.n <= limit
}
