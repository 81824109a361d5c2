//go:build unix

package invoke

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/runtime"
)

// ErrRate is the runtime.ErrBusy of a function that is called more often than its reserved concurrency allows.
var ErrRate = fmt.Errorf("%w: it takes %d requests per second for each unit of its reserved concurrency",
	runtime.ErrBusy, lambda.RequestsPerSecond)

// ThrottleReason is the Reason that the answers of both planes give for an invocation that is throttled (enum
// ThrottleReason of the Lambda API).
func ThrottleReason(err error) string {
	switch {
	case errors.Is(err, ErrRate):
		return "ReservedFunctionInvocationRateLimitExceeded"
	case errors.Is(err, runtime.ErrReserved):
		return "ReservedFunctionConcurrentInvocationLimitExceeded"
	}
	return "ConcurrentInvocationLimitExceeded"
}

// ThrottleRemedy is what the owner of a function can do about such an invocation, "" if its settings are not the reason.
func ThrottleRemedy(err error, function *lambda.Function) string {
	switch {
	case function.Reserved == nil || !errors.Is(err, ErrRate) && !errors.Is(err, runtime.ErrReserved):
		return ""
	case *function.Reserved == 0:
		return "aws lambda delete-function-concurrency --function-name " + function.ARN.Name
	}
	return fmt.Sprintf("aws lambda put-function-concurrency --function-name %s --reserved-concurrent-executions %d",
		function.ARN.Name, 2**function.Reserved)
}

// unreserved is what the functions without reserved concurrency share; 0 is no limit.
func (s *Service) unreserved(function lambda.ARN) int {
	if s.Concurrency == 0 {
		return 0
	}
	return max(1, s.Concurrency-s.State.Now().Claimed(function.Account, function.Region))
}

// Limit is how many invocations of a function may run at one time: what it has reserved, or what its account has left for
// the functions without; 0 is no limit.
func (s *Service) Limit(function *lambda.Function) (limit int, reserved bool) {
	if function.Reserved != nil {
		return *function.Reserved, true
	}
	return s.unreserved(function.ARN), false
}

// rates bound the requests per second of the functions that have reserved concurrency (Lambda Developer Guide,
// "Understanding Lambda function scaling"). That a second's worth may come at once is assumed.
type rates struct {
	byFunction sync.Map // lambda.ARN → *atomic.Int64: nanoseconds of when all requests so far are paid for
}

// allow counts a request, or refuses it.
func (r *rates) allow(function *lambda.Function, now time.Time) error {
	if function.Reserved == nil || *function.Reserved == 0 {
		return nil // without limit, or refused anyhow
	}
	found, ok := r.byFunction.Load(function.ARN)
	if !ok {
		found, _ = r.byFunction.LoadOrStore(function.ARN, new(atomic.Int64))
	}
	paid, cost := found.(*atomic.Int64), int64(time.Second)/int64(lambda.RequestsPerSecond**function.Reserved)
	for {
		before := paid.Load()
		after := max(before, now.UnixNano()) + cost
		if after-now.UnixNano() > int64(time.Second) {
			return ErrRate
		}
		if paid.CompareAndSwap(before, after) {
			return nil
		}
	}
}

func (r *rates) forget(function lambda.ARN) { r.byFunction.Delete(function) }

// Provision makes ready what is provisioned for the function's versions and aliases, after a change of that, of an alias
// or of the function's reserved concurrency. The qualifier of the name plays no part.
func (s *Service) Provision(name lambda.ARN) {
	world := s.State.Now()
	wanted := map[*runtime.Function]int{}
	function, ok := world.Function(name)
	if ok {
		for qualifier, provisioned := range function.Provisioned {
			target, err := resolve.Of(world, function, qualifier)
			if err != nil {
				continue // deleted with its alias or version
			}
			shares, left := target.Shares(), provisioned.Concurrency
			for i, share := range shares {
				count := left // the last one gets the rest, so that rounding does not make more of them
				if i < len(shares)-1 {
					count = int(math.Round(share.Part * float64(provisioned.Concurrency)))
				}
				left -= count
				described, err := s.functions.get(function, share.Version, s.describe)
				if err != nil {
					s.Log.Warn("provisioned concurrency is not ready", "function", target.ARN().String(), "error", err)
					continue
				}
				wanted[described] += count
			}
		}
	}
	s.Runner.Provision(name.Account, name.Region, name.Name, wanted)
}

// Provisioned is how many environments are ready of those that are provisioned for the version or alias, and whether one
// has failed to initialize.
func (s *Service) Provisioned(name lambda.ARN) (ready int, failed bool) {
	target, err := resolve.Find(s.State.Now(), name)
	if err != nil {
		return 0, true
	}
	for _, share := range target.Shares() {
		described, err := s.functions.get(target.Function, share.Version, s.describe)
		if err != nil {
			return 0, true
		}
		some, bad := s.Runner.Provisioned(described.Key)
		ready, failed = ready+some, failed || bad
	}
	return ready, failed
}
