package awsapi_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/furl-dev/furl/internal/setup/awsapi"
)

var errTooMany = &smithy.GenericAPIError{Code: "TooManyRequestsException", Message: "Rate exceeded"}

// bucket is a limit as services have it: so many calls at once, and so many more in each second.
type bucket struct {
	mu   sync.Mutex
	rate float64
	left float64
	last time.Time
}

func (b *bucket) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.left = min(b.rate, b.left+now.Sub(b.last).Seconds()*b.rate)
	b.last = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// call makes one call as the SDK makes it: attempt by attempt, as the pace says.
func call(t *testing.T, p awsapi.Pace, serve func() error) error {
	for attempt := 1; ; attempt++ {
		done, err := p.GetAttemptToken(t.Context())
		if err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
		err = serve()
		done(err)
		if err == nil || !p.IsErrorRetryable(err) || attempt >= p.MaxAttempts() {
			return err
		}
		if _, err := p.GetRetryToken(t.Context(), err); err != nil {
			return err
		}
		delay, stop := p.RetryDelay(attempt, err)
		if stop != nil {
			return stop
		}
		time.Sleep(delay)
	}
}

// many makes calls with 16 workers, and counts those that failed.
func many(t *testing.T, p awsapi.Pace, calls int, serve func(int) error) (failed int) {
	var next, bad atomic.Int64
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for i := next.Add(1); i <= int64(calls); i = next.Add(1) {
				if call(t, p, func() error { return serve(int(i)) }) != nil {
					bad.Add(1)
				}
			}
		})
	}
	workers.Wait()
	return int(bad.Load())
}

// A service that takes 15 calls of a kind in a second, as Lambda does (Lambda Developer Guide, "Lambda quotas"), gets 800
// calls of two kinds: all are made, and not much later than it lets them be made at all (27 s).
func TestPaceOfAFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kinds := [2]bucket{{rate: 15, last: time.Now()}, {rate: 15, last: time.Now()}}
		began := time.Now()
		failed := many(t, awsapi.NewPace(), 800, func(i int) error {
			if !kinds[i%2].take() {
				return errTooMany
			}
			return nil
		})
		if failed > 0 {
			t.Errorf("%d calls failed", failed)
		}
		if took := time.Since(began); took > 80*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// Without a limit a pace holds nothing back.
func TestPaceWithoutLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		many(t, awsapi.NewPace(), 800, func(int) error { return nil })
		if took, want := time.Since(began), 800/16*50*time.Millisecond; took != want {
			t.Errorf("it took %s, want %s", took, want)
		}
	})
}

// A service that takes no call at all does not hold up a fleet for each of its functions.
func TestPaceGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if failed := many(t, awsapi.NewPace(), 64, func(int) error { return errTooMany }); failed != 64 {
			t.Errorf("%d calls failed", failed)
		}
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

// Other failures are tried as often as the SDK tries them, three times, and one that is final once.
func TestPaceOfOtherFailures(t *testing.T) {
	for _, test := range []struct {
		err  error
		want int
	}{
		{&smithy.GenericAPIError{Code: "AccessDeniedException"}, 1},
		{&smithy.GenericAPIError{Code: "RequestTimeout"}, 3},
		{errTooMany, 10},
	} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			p := awsapi.NewPace()
			err := call(t, p, func() error { calls++; return test.err })
			if !errors.Is(err, test.err) || calls != test.want {
				t.Errorf("%v: %d calls, want %d; %v", test.err, calls, test.want, err)
			}
		})
	}
}
