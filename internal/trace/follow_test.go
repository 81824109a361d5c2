package trace_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/furl-dev/furl/internal/trace"
)

// TestFollow yields what is recorded after it was called, each once and in order.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recorder := &trace.Recorder{}
		record := func(id string) {
			recorder.Record(trace.New(id, time.Now(), "GET", "/", "host", "127.0.0.1"))
		}
		record("before")
		ctx, cancel := context.WithCancel(t.Context())
		following := recorder.Follow(ctx, 0)
		var got, want []string
		done := make(chan struct{})
		go func() {
			defer close(done)
			for found := range following {
				got = append(got, found.RequestID)
			}
		}()
		for i := range 3 * trace.Kept {
			id := fmt.Sprint(i)
			record(id)
			want = append(want, id)
			if i%100 == 0 {
				time.Sleep(time.Second)
			}
		}
		time.Sleep(time.Second)
		cancel()
		<-done
		if !slices.Equal(got, want) {
			t.Errorf("got %d traces, want %d", len(got), len(want))
		}
	})
}

// TestFollowThatIsSlow misses the oldest traces, and gets none twice.
func TestFollowThatIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recorder := &trace.Recorder{}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		seen := map[string]bool{}
		first := true
		for found := range recorderWith(recorder, 10).Follow(ctx, 0) {
			if seen[found.RequestID] {
				t.Fatalf("%s came twice", found.RequestID)
			}
			seen[found.RequestID] = true
			if first {
				first = false
				recorderWith(recorder, 2*trace.Kept)
			}
			if len(seen) == trace.Kept {
				break
			}
		}
	})
}

var recorded int

// recorderWith records so many traces, in a while.
func recorderWith(r *trace.Recorder, n int) *trace.Recorder {
	go func() {
		time.Sleep(time.Millisecond)
		for range n {
			recorded++
			r.Record(trace.New(fmt.Sprint(recorded), time.Now(), "GET", "/", "host", "127.0.0.1"))
		}
	}()
	return r
}

// TestFollowIdle yields nil after each idle time, also if there are traces.
func TestFollowIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Second)
		defer cancel()
		recorder := &trace.Recorder{}
		var writer sync.WaitGroup
		defer writer.Wait()
		writer.Go(func() {
			for ctx.Err() == nil {
				recorder.Record(trace.New("id", time.Now(), "GET", "/", "h", "127.0.0.1"))
				time.Sleep(time.Second)
			}
		})
		traces, idle := 0, 0
		for found := range recorder.Follow(ctx, 15*time.Second) {
			if found == nil {
				idle++
			} else {
				traces++
			}
		}
		if idle != 4 || traces < 55 {
			t.Errorf("%d times nothing, %d traces", idle, traces)
		}
	})
}
