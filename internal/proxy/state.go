package proxy

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// routeState is what a route remembers of its requests. It stays when the configuration is read again.
type routeState struct {
	running  atomic.Int64
	bucket   bucket
	breaker  breaker
	budget   budget
	outcomes tally
	retries  atomic.Uint64
	waited   atomic.Int64 // for responses to begin, in nanoseconds
}

// bucket bounds the rate of requests. It has a token for each request that may come at once.
type bucket struct {
	mu     sync.Mutex
	tokens float64
	filled time.Time // zero before the first request
}

// take takes a token, or says how long it takes until there is one.
func (b *bucket) take(now time.Time, limits Limits) (wait time.Duration, ok bool) {
	if limits.Rate <= 0 {
		return 0, true
	}
	size := float64(limits.Burst)
	if limits.Burst == 0 {
		size = max(1, math.Ceil(limits.Rate))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.filled.IsZero() {
		b.tokens = size
	} else {
		b.tokens = min(size, b.tokens+limits.Rate*max(0, now.Sub(b.filled).Seconds()))
	}
	b.filled = now
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / limits.Rate * float64(time.Second)), false
	}
	b.tokens--
	return 0, true
}

// budget bounds how many requests are retries. Each request adds a share of a retry, up to a bound.
type budget struct {
	mu    sync.Mutex
	spent float64 // less what requests have added; below 0 there is room for more
	begun bool
}

const (
	// firstRetries are those that a route may make before it has had many requests.
	firstRetries = 10
	// savedRetries bounds how many retries may come at once after a long time without any.
	savedRetries = 100
)

// add counts a request.
func (b *budget) add(share float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begin()
	b.spent = max(b.spent-share, -savedRetries)
}

// take counts a retry, if there may be one.
func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begin()
	if b.spent > -1 {
		return false
	}
	b.spent++
	return true
}

func (b *budget) begin() {
	if !b.begun {
		b.begun, b.spent = true, -firstRetries
	}
}

// breaker is a circuit breaker: after some failures in a row it is open, and nothing is sent. After a while it is half
// open: one request is sent as a trial, which closes or opens it.
type breaker struct {
	mu       sync.Mutex
	failures int // in a row
	open     bool
	until    time.Time // when a trial may be made
	trial    bool      // one is being made
}

// passage is a request that a breaker let pass.
type passage int

const (
	passUsual passage = iota + 1
	passTrial
)

// result is what a request says about a route.
type result int

const (
	resultUnknown result = iota // such as when the client has left
	resultGood
	resultBad
)

// pass lets a request pass, or says how long to wait.
func (b *breaker) pass(now time.Time, limits Limits) (through passage, wait time.Duration) {
	if limits.BreakerFailures == 0 {
		return passUsual, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.open:
		return passUsual, 0
	case now.Before(b.until):
		return 0, b.until.Sub(now)
	case b.trial:
		return 0, time.Second
	}
	b.trial = true
	return passTrial, 0
}

// done notes the result of a request that passed, and reports whether the breaker opened.
func (b *breaker) done(now time.Time, limits Limits, through passage, result result) (opened bool) {
	if limits.BreakerFailures == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if through == passTrial {
		b.trial = false
		if result == resultGood {
			b.open, b.failures = false, 0
		} else if result == resultBad {
			b.until = now.Add(limits.BreakerTimeout)
		}
		return false
	}
	switch {
	case b.open: // a request from before
	case result == resultGood:
		b.failures = 0
	case result == resultBad:
		if b.failures++; b.failures >= limits.BreakerFailures {
			b.open, b.until = true, now.Add(limits.BreakerTimeout)
			return true
		}
	}
	return false
}

// isOpen reports whether the breaker is open, or half open.
func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}
