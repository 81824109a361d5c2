package runtime_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
)

// leaveFiles lowers the limit of open files of this process until so many can be opened, and restores it in the end.
func leaveFiles(t *testing.T, room int) (limit int) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	for ; room > 0; limit++ {
		if _, err := os.Lstat(fmt.Sprintf("/proc/self/fd/%d", limit)); err != nil {
			room--
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(limit), Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	})
	return limit
}

// filesLeft is less than an environment needs to start, and with those of another that has ended more than enough.
const filesLeft = 5

func TestIdleEnvironmentsMakeRoom(t *testing.T) {
	b := newBench(t)
	first, second := b.function("main", titled("first")), b.function("main", titled("second"))
	b.invoke(first, order{Do: "echo"})
	leaveFiles(t, filesLeft)
	for range 3 {
		for _, fn := range []*runtime.Function{second, first} {
			if body, result, _ := b.invoke(fn, order{Do: "echo"}); result.FunctionError != nil || !result.ColdStart {
				t.Errorf("%s: cold start %t, answer %s", fn.Name, result.ColdStart, body)
			}
		}
	}
}

func TestWithoutRoomCallersAreThrottled(t *testing.T) {
	var log bytes.Buffer
	b := newBench(t, func(c *runtime.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	busy, other := b.function("main", titled("busy")), b.function("main", titled("other"))
	b.invoke(busy, order{Do: "echo"})
	ended := make(chan error, 1)
	go func() {
		_, _, err := b.start(busy, order{Do: "echo", Ms: 2000})
		ended <- err
	}()
	for all, idle := b.pool.Environments(); all != 1 || idle != 0; all, idle = b.pool.Environments() {
		time.Sleep(time.Millisecond)
	}
	limit := fmt.Sprintf("RLIMIT_NOFILE is %d", leaveFiles(t, filesLeft))
	var exhausted *runtime.Exhausted
	for range 5 {
		_, _, err := b.start(other, order{Do: "echo"})
		if !errors.Is(err, runtime.ErrBusy) || !errors.As(err, &exhausted) || exhausted.Lack.Limit != limit {
			t.Fatalf("got %v, want that %s", err, limit)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	b.invoke(other, order{Do: "echo"}) // in the place of the other one, which is idle now
	if err := b.pool.Close(); err != nil {
		t.Error(err)
	}
	const throttled = "no environment can be started: callers are throttled"
	if n := strings.Count(log.String(), throttled); n != 1 || !strings.Contains(log.String(), limit) {
		t.Errorf("the log has %d warnings:\n%s", n, log.String())
	}
}
