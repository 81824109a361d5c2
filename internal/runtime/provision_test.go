//go:build unix

package runtime_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
)

// provisioned waits until so many environments of the function are provisioned.
func (b *bench) provisioned(fn *runtime.Function, n int) {
	b.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		ready, failed := b.pool.Provisioned(fn.Key)
		if ready == n && !failed {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("%d environments are ready (failed: %t), want %d", ready, failed, n)
		}
	}
}

func (b *bench) provision(fn *runtime.Function, n int) {
	b.pool.Provision(fn.AccountID, fn.Region, fn.Name, map[*runtime.Function]int{fn: n})
}

// version is for bench.function: a version of the same function.
func version(number string) func(*runtime.Function) {
	return func(fn *runtime.Function) { fn.Version, fn.Key = number, fn.Name+"/"+number }
}

func TestProvisioned(t *testing.T) {
	b := newBench(t, func(c *runtime.Config) { c.IdleTimeout = 20 * time.Millisecond })
	fn := b.function("main", version("1"), limit(3))
	b.provision(fn, 2)
	b.provisioned(fn, 2)
	body, result, _ := b.invoke(fn, order{Do: "environment"})
	if result.ColdStart || !strings.Contains(body, "provisioned-concurrency") {
		t.Errorf("cold start %t, environment %s", result.ColdStart, body)
	}
	time.Sleep(100 * time.Millisecond)
	b.provisioned(fn, 2) // they do not end for being idle
	b.invoke(fn, order{Do: "kill"})
	b.provisioned(fn, 2) // one that has crashed is replaced
	b.provision(fn, 1)
	b.await(1)
	b.pool.Provision(fn.AccountID, fn.Region, fn.Name, nil)
	b.await(0)
}

// What is no longer provisioned ends, idle or not: it would say for ever that it is.
func TestProvisionedThatIsNoLongerWanted(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", version("1"))
	b.provision(fn, 2)
	b.provisioned(fn, 2)
	b.provision(fn, 1)
	b.await(1)
	done := make(chan error)
	go func() {
		_, _, err := b.start(fn, order{Do: "echo", Ms: 300})
		done <- err
	}()
	b.running(1)
	b.pool.Provision(fn.AccountID, fn.Region, fn.Name, nil)
	if err := <-done; err != nil {
		t.Error(err)
	}
	b.await(0)
	if body, result, _ := b.invoke(fn, order{Do: "environment"}); !result.ColdStart || !strings.Contains(body, "on-demand") {
		t.Errorf("cold start %t, environment %s", result.ColdStart, body)
	}
}

// An environment that a call started gives way to the one that is provisioned. One that is started later, since that one
// is busy, is used only for as long as it is.
func TestProvisionedIsPreferred(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", version("1"), limit(3))
	b.invoke(fn, order{Do: "echo"})
	b.provision(fn, 1)
	b.provisioned(fn, 1)
	b.await(1)
	done := make(chan error)
	for i, ms := range []int{200, 600} { // the first takes the one that is provisioned, the second ends last
		go func() {
			_, _, err := b.start(fn, order{Do: "echo", Ms: ms})
			done <- err
		}()
		b.running(i + 1)
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	b.await(2)
	if body, _, _ := b.invoke(fn, order{Do: "environment"}); !strings.Contains(body, "provisioned-concurrency") {
		t.Errorf("environment %s", body)
	}
}

// Provisioned environments count as reserved concurrency, and are not for other versions.
func TestProvisionedIsNotForOtherVersions(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", version("1"), limit(1))
	other := b.function("main", version("2"), limit(1))
	b.provision(fn, 1)
	b.provisioned(fn, 1)
	if _, _, err := b.start(other, order{Do: "echo"}); !errors.Is(err, runtime.ErrReserved) || !errors.Is(err, runtime.ErrBusy) {
		t.Errorf("another version: %v", err)
	}
	if _, result, _ := b.invoke(fn, order{Do: "echo"}); result.ColdStart || result.FunctionError != nil {
		t.Errorf("the version itself: %+v", result)
	}
	b.pool.Retire(fn.Key)
	b.await(0)
	b.invoke(other, order{Do: "echo"})
}

// Environments that are provisioned count among the most that there may be, and take the place of idle ones.
func TestProvisionedWithoutRoom(t *testing.T) {
	b := newBench(t, func(c *runtime.Config) { c.MaxEnvironments = 2 })
	b.invoke(b.function("main", titled("idle")), order{Do: "echo"})
	b.await(1)
	fn := b.function("main", version("1"))
	b.provision(fn, 3)
	b.await(2)
	if ready, failed := b.pool.Provisioned(fn.Key); ready != 2 || !failed {
		t.Errorf("%d are ready, failed %t", ready, failed)
	}
	b.provision(fn, 2)
	b.provisioned(fn, 2)
}

func TestProvisionedThatDoesNotInitialize(t *testing.T) {
	b := newBench(t)
	fn := b.function("init-exit", version("1"))
	b.provision(fn, 2)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		ready, failed := b.pool.Provisioned(fn.Key)
		if failed && ready == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d are ready, failed %t", ready, failed)
		}
	}
	b.await(0)
}

func TestUnreservedConcurrency(t *testing.T) {
	b := newBench(t)
	busy, other, reserved := b.function("main", titled("busy")), b.function("main", titled("other")), b.function("main", titled("reserved"), limit(1))
	done := make(chan error)
	go func() {
		_, _, err := b.start(busy, order{Do: "echo", Ms: 500})
		done <- err
	}()
	b.running(1)
	invoke := func(fn *runtime.Function) error {
		result, err := b.pool.Invoke(t.Context(), fn, runtime.Invocation{RequestID: "id", Payload: []byte(`{"do":"echo"}`), Unreserved: 1})
		if err == nil {
			result.Body.Close()
		}
		return err
	}
	if err := invoke(other); !errors.Is(err, runtime.ErrUnreserved) || !errors.Is(err, runtime.ErrBusy) {
		t.Errorf("a second invocation: %v", err)
	}
	if err := invoke(reserved); err != nil {
		t.Errorf("a function with reserved concurrency: %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	b.await(2)
	if err := invoke(other); err != nil {
		t.Errorf("when the first has ended: %v", err)
	}
}

// running waits until so many environments are at work.
func (b *bench) running(n int) {
	b.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if all, idle := b.pool.Environments(); all-idle == n {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("not %d environments at work", n)
		}
	}
}

// The environments of a function are counted by version and stage. Those that are ready ahead of a call are not in use.
func TestOccupancy(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", version("1"))
	b.provision(fn, 2)
	b.provisioned(fn, 2)
	want := func(text string, inUse int) {
		t.Helper()
		found := b.pool.Occupancy(fn.AccountID, fn.Region, fn.Name)
		if got := fmt.Sprint(found.Stages); got != text || found.InUse != inUse {
			t.Errorf("%s with %d in use, want %s with %d", got, found.InUse, text, inUse)
		}
	}
	want("[{1 idle 2}]", 0)
	done := make(chan error)
	go func() {
		_, _, err := b.start(fn, order{Do: "echo", Ms: 1000})
		done <- err
	}()
	b.running(1)
	want("[{1 idle 1} {1 busy 1}]", 1)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if other := b.pool.Occupancy(fn.AccountID, fn.Region, "other"); other.InUse != 0 || other.Stages != nil {
		t.Errorf("another function has %+v", other)
	}
}
