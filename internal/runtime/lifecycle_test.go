//go:build unix

package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
)

func limit(n int) func(*runtime.Function) {
	return func(fn *runtime.Function) { fn.Concurrency = n }
}

// await waits until the pool has n environments, all of them idle.
func (b *bench) await(n int) {
	b.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		all, idle := b.pool.Environments()
		if all == n && idle == n {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("the pool has %d environments, %d of them idle, want %d", all, idle, n)
		}
	}
}

// together runs n invocations at the same time and answers their bodies.
func (b *bench) together(n int, fn *runtime.Function, event any) []string {
	b.Helper()
	bodies := make([]string, n)
	var all sync.WaitGroup
	for i := range bodies {
		all.Go(func() {
			result, _, err := b.start(fn, event)
			if err != nil {
				b.Error(err)
				return
			}
			body, err := result.ReadAll(0)
			if err != nil {
				b.Error(err)
			}
			bodies[i] = string(body)
		})
	}
	all.Wait()
	return bodies
}

func TestConcurrencyLimit(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", limit(2))
	bodies := make(chan string, 2)
	for range 2 {
		go func() {
			result, _, err := b.start(fn, order{Do: "pid", Ms: 500})
			if err != nil {
				bodies <- err.Error()
				return
			}
			body, _ := result.ReadAll(0)
			bodies <- string(body)
		}()
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if all, _ := b.pool.Environments(); all == 2 || time.Now().After(deadline) {
			break
		}
	}
	begin := time.Now()
	_, _, err := b.start(fn, order{Do: "echo"})
	if !errors.Is(err, runtime.ErrBusy) || errors.Is(err, runtime.ErrFull) {
		t.Errorf("third invocation: %v, want ErrBusy", err)
	}
	if waited := time.Since(begin); waited > 100*time.Millisecond {
		t.Errorf("refused after %v", waited)
	}
	if one, two := <-bodies, <-bodies; one == two || one == "" || two == "" {
		t.Errorf("two invocations at a time ran in processes %q and %q", one, two)
	}
	for _, none := range []int{0} {
		if _, _, err := b.start(b.function("main", limit(none)), order{Do: "echo"}); !errors.Is(err, runtime.ErrBusy) {
			t.Errorf("concurrency %d: %v, want ErrBusy", none, err)
		}
	}
}

// A client that sends its next request as soon as it has an answer must not be throttled or start another process.
func TestOneEnvironmentServesOneClient(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", limit(1))
	for range 200 {
		if _, result, _ := b.invoke(fn, order{Do: "echo"}); result.FunctionError != nil {
			t.Fatal(result.FunctionError)
		}
	}
	if all, _ := b.pool.Environments(); all != 1 {
		t.Errorf("%d environments", all)
	}
}

func TestMostRecentlyUsedFirst(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", limit(-1))
	b.together(3, fn, order{Do: "pid", Ms: 100})
	b.await(3)
	last, _, _ := b.invoke(fn, order{Do: "pid"})
	for range 10 {
		b.await(3)
		if next, _, _ := b.invoke(fn, order{Do: "pid"}); next != last {
			t.Errorf("process %s, want the one used last, %s", next, last)
		}
	}
}

func TestIdleEnvironmentsAreReaped(t *testing.T) {
	b := newBench(t, func(c *runtime.Config) { c.IdleTimeout = 50 * time.Millisecond })
	pid := 0
	body, _, _ := b.invoke(b.function("main"), order{Do: "pid"})
	if err := json.Unmarshal([]byte(body), &pid); err != nil {
		t.Fatal(err)
	}
	b.await(0)
	awaitGone(t, pid)
}

func TestFullPoolEvictsIdleEnvironments(t *testing.T) {
	b := newBench(t, func(c *runtime.Config) { c.MaxEnvironments = 2 })
	one, two, three := b.function("main", named("one"), limit(-1)), b.function("main", named("two"), limit(-1)), b.function("main", named("three"), limit(-1))
	b.invoke(one, order{Do: "echo"})
	b.await(1)
	b.invoke(two, order{Do: "echo"})
	b.await(2)
	b.invoke(three, order{Do: "echo"})
	b.await(2)
	if _, result, _ := b.invoke(two, order{Do: "echo"}); result.ColdStart {
		t.Error("the environment that was used last had to go")
	}
	b.await(2)
	done := make(chan []string)
	go func() { done <- b.together(2, two, order{Do: "pid", Ms: 300}) }()
	time.Sleep(150 * time.Millisecond)
	if _, _, err := b.start(one, order{Do: "echo"}); !errors.Is(err, runtime.ErrFull) || !errors.Is(err, runtime.ErrBusy) {
		t.Errorf("in a pool full of busy environments: %v, want ErrFull", err)
	}
	<-done
}

func named(name string) func(*runtime.Function) {
	return func(fn *runtime.Function) { fn.Name, fn.Key = name, name }
}

func TestNewKeyRetiresOldEnvironments(t *testing.T) {
	b := newBench(t)
	old := b.function("main", limit(-1))
	before, _, _ := b.invoke(old, order{Do: "pid"})
	b.await(1)
	slow := make(chan string)
	go func() {
		body, _, _ := b.invoke(old, order{Do: "pid", Ms: 300})
		slow <- body
	}()
	time.Sleep(100 * time.Millisecond)
	changed := *old
	changed.Key += "-2"
	after, result, _ := b.invoke(&changed, order{Do: "pid"})
	if !result.ColdStart || after == before {
		t.Errorf("new code ran in process %s, the old one's was %s", after, before)
	}
	if body := <-slow; body != before {
		t.Errorf("the running invocation was disturbed: %s", body)
	}
	b.await(1)
	other := changed
	other.Version, other.Key = "7", "main-7"
	b.invoke(&other, order{Do: "pid"})
	b.await(2) // another version retires nothing
	b.pool.Retire(changed.Key)
	b.await(1)
}

func TestExpiringCredentialsReplaceTheEnvironment(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	expires := time.Now().Add(4 * time.Minute) // less than the margin
	fn := b.function("main", func(fn *runtime.Function) {
		fn.Credentials = func(context.Context) (runtime.Credentials, error) {
			return runtime.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "s", SessionToken: "t", Expires: expires}, nil
		}
	})
	b.invoke(fn, order{Do: "pid"})
	b.await(0)
	expires = time.Now().Add(5*time.Minute + 500*time.Millisecond)
	b.invoke(fn, order{Do: "pid"})
	b.await(1)
	time.Sleep(600 * time.Millisecond) // less than the margin is left now
	if _, result, _ := b.invoke(fn, order{Do: "pid"}); !result.ColdStart {
		t.Error("an environment with old credentials was used again")
	}
}

func TestCredentialsThatFail(t *testing.T) {
	b := newBench(t)
	cause := errors.New("no such role")
	fn := b.function("main", func(fn *runtime.Function) {
		fn.Credentials = func(context.Context) (runtime.Credentials, error) { return runtime.Credentials{}, cause }
	})
	if _, _, err := b.start(fn, order{Do: "pid"}); !errors.Is(err, cause) {
		t.Errorf("err = %v, want %v", err, cause)
	}
	b.await(0)
}

func TestManyClients(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", limit(4))
	var all sync.WaitGroup
	for client := range 4 {
		all.Go(func() {
			for i := range 100 {
				want := fmt.Sprintf(`{"do":"echo","text":"%d/%d"}`, client, i)
				result, _, err := b.start(fn, order{Do: "echo", Text: fmt.Sprintf("%d/%d", client, i)})
				if err != nil {
					t.Error(err)
					return
				}
				if body, err := result.ReadAll(0); err != nil || string(body) != want {
					t.Errorf("%s (%v), want %s", body, err, want)
				}
			}
		})
	}
	all.Wait()
}
