//go:build unix

package runtime_test

import (
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
)

// An environment that is prepared takes the next call, and is like one that the call has started but for that.
func TestPrepared(t *testing.T) {
	b := newBench(t)
	fn := b.function("main")
	b.pool.Prepare(fn)
	b.await(1)
	b.pool.Prepare(fn) // there is one
	body, result, _ := b.invoke(fn, order{Do: "environment"})
	if result.ColdStart || !strings.Contains(body, "on-demand") {
		t.Errorf("cold start %t, environment %s", result.ColdStart, body)
	}
	b.await(1)
}

// A call that comes while one is being prepared takes it, and pays for the rest of its start only.
func TestCallDuringPreparation(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", limit(1))
	b.pool.Prepare(fn)
	_, result, _ := b.invoke(fn, order{Do: "echo"})
	if report, _ := result.Ended(); !result.ColdStart || report.InitDuration == 0 {
		t.Errorf("cold start %t, report %+v", result.ColdStart, report)
	}
	b.await(1)
}

// One that fails to initialize is dropped, and the next call finds out by itself. None is started over and over.
func TestPreparationThatFails(t *testing.T) {
	for _, mode := range []string{"init-error", "init-exit", "init-hangs"} {
		b := newBench(t, func(c *runtime.Config) { c.InitTimeout = 200 * time.Millisecond })
		fn := b.function(mode, limit(1), func(fn *runtime.Function) { fn.Timeout = time.Second })
		b.pool.Prepare(fn)
		b.await(0)
		if result, _, err := b.start(fn, order{Do: "echo"}); err != nil || result.FunctionError == nil {
			t.Errorf("%s: %v, %+v", mode, err, result)
		}
		b.await(0)
	}
}

// An environment that is being prepared takes no place that a call needs: neither of the function's concurrency nor of
// all environments.
func TestPreparedGivesWay(t *testing.T) {
	b := newBench(t, func(c *runtime.Config) { c.MaxEnvironments = 1 })
	slow := b.function("init-hangs", version("1"), limit(1), func(fn *runtime.Function) { fn.Timeout = time.Second })
	b.pool.Prepare(slow)
	other := b.function("main", version("2"), limit(1))
	other.Name = slow.Name
	if _, _, err := b.start(other, order{Do: "echo"}); err != nil {
		t.Errorf("another version is not called: %v", err)
	}
	b.await(1)
	b.pool.Retire(other.Key)
	b.await(0)
	b.pool.Prepare(slow)
	if _, _, err := b.start(b.function("main"), order{Do: "echo"}); err != nil {
		t.Errorf("another function is not called: %v", err)
	}
	b.pool.Prepare(slow) // makes no room for itself
	b.await(1)
}

// A reload ends what was prepared for the one before.
func TestPreparedThatIsRetired(t *testing.T) {
	b := newBench(t)
	slow := b.function("init-hangs")
	b.pool.Prepare(slow)
	b.pool.Retire(slow.Key)
	b.await(0)
}
