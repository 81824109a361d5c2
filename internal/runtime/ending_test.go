//go:build unix

package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
)

func TestCallerThatLeavesDoesNotStopTheFunction(t *testing.T) {
	b := newBench(t)
	fn := b.function("main")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err := b.pool.Invoke(ctx, fn, runtime.Invocation{RequestID: "left", Payload: []byte(`{"do":"echo","ms":400}`)})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v", err)
	}
	b.await(1)
	if log := b.log.String(); !strings.Contains(log, "END RequestId: left") || strings.Contains(log, "Status:") {
		t.Errorf("log:\n%s", log)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fn := b.function("main", limit(-1))
	idle := b.together(2, fn, order{Do: "pid", Ms: 50})
	b.await(2)
	running := make(chan string)
	go func() {
		body, _, _ := b.invoke(fn, order{Do: "echo", Ms: 300})
		running <- body
	}()
	time.Sleep(100 * time.Millisecond)
	drained := make(chan error)
	go func() { drained <- b.pool.Drain(t.Context()) }()
	time.Sleep(50 * time.Millisecond)
	if _, _, err := b.start(fn, order{Do: "echo"}); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("invocation while draining: %v, want ErrClosed", err)
	}
	select {
	case err := <-drained:
		t.Fatalf("drained before the running invocation was over: %v", err)
	case body := <-running:
		if body != `{"do":"echo","ms":300}` {
			t.Errorf("running invocation: %s", body)
		}
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	for _, pid := range idle {
		n := 0
		if err := json.Unmarshal([]byte(pid), &n); err != nil {
			t.Fatal(err)
		}
		awaitGone(t, n)
	}
}

func TestDrainDeadlineKills(t *testing.T) {
	b := newBench(t)
	fn := b.function("main")
	running := make(chan *runtime.Result)
	go func() {
		_, result, _ := b.invoke(fn, order{Do: "echo", Ms: 60_000})
		running <- result
	}()
	time.Sleep(100 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.pool.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Drain = %v", err)
	}
	if result := <-running; result.FunctionError == nil || result.FunctionError.Reason != runtime.ReasonShutdown {
		t.Errorf("FunctionError = %+v", result.FunctionError)
	}
}

func TestCloseDuringStarts(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", limit(-1))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				result, _, err := b.start(fn, order{Do: "echo"})
				if err != nil {
					if !errors.Is(err, runtime.ErrClosed) {
						t.Error(err)
					}
					return
				}
				if result.FunctionError != nil {
					return
				}
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	if err := b.pool.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
}

// The process groups of a pool must be those of its environments, and gone with it.
func TestProcessGroups(t *testing.T) {
	b := newBench(t)
	var pids []int
	for _, body := range b.together(3, b.function("main", limit(-1)), order{Do: "pid", Ms: 50}) {
		pid := 0
		if err := json.Unmarshal([]byte(body), &pid); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
		if group, err := syscall.Getpgid(pid); err != nil || group != pid {
			t.Errorf("process %d is in group %d (%v)", pid, group, err)
		}
	}
	if slices.Sort(pids); len(slices.Compact(pids)) != 3 {
		t.Errorf("three invocations at a time ran in %v", pids)
	}
	if err := b.pool.Close(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		awaitGone(t, pid)
	}
}
