//go:build unix

package runtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
)

// The floor: the least that a Runtime API can be. Two handlers of one net/http server, next and response, that hand
// an event to the same function process (aws-lambda-go) and its answer back. No pool, timeout, log, limit or check.
type floor struct {
	events  chan []byte
	answers chan []byte
}

func newFloor(b *testing.B, fn *runtime.Function) *floor {
	b.Helper()
	f := &floor{events: make(chan []byte), answers: make(chan []byte)}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var id atomic.Int64
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			event := <-f.events
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", strconv.FormatInt(id.Add(1), 10))
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
			w.Write(event) //nolint:errcheck // the benchmark would hang
			return
		}
		answer, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		f.answers <- answer
		w.WriteHeader(http.StatusAccepted)
	})}
	go server.Serve(listener) //nolint:errcheck // closed at the end
	cmd := exec.Command(filepath.Join(fn.CodeDir, "bootstrap"))
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(), "_HANDLER=main"}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it is waited for
		cmd.Wait()         //nolint:errcheck // it was killed
		server.Close()     //nolint:errcheck // nobody is left
	})
	return f
}

func (f *floor) invoke(event []byte) []byte {
	f.events <- event
	return <-f.answers
}

// BenchmarkWarm compares a warm invocation through the pool with the bare round trip, call by call in turns, so that
// both see the same machine. It reports the medians in microseconds and their difference.
func BenchmarkWarm(b *testing.B) {
	bb := newBench(b, func(c *runtime.Config) { c.Log = nil })
	fn := bb.function("main", limit(-1))
	bare := newFloor(b, fn)
	event := []byte(`{"do":"echo","text":"hello"}`)
	ctx := context.Background()
	pooled := func(i int) {
		result, err := bb.pool.Invoke(ctx, fn, runtime.Invocation{RequestID: strconv.Itoa(i), Payload: event})
		if err != nil {
			b.Fatal(err)
		}
		if body, err := result.ReadAll(0); err != nil || len(body) != len(event) {
			b.Fatalf("%s, %v", body, err)
		}
	}
	for i := range 200 {
		pooled(i)
		bare.invoke(event)
	}
	var with, without []time.Duration
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		begin := time.Now()
		pooled(i)
		middle := time.Now()
		with = append(with, middle.Sub(begin))
		bare.invoke(event)
		without = append(without, time.Since(middle))
	}
	b.ReportMetric(median(with), "µs/pool")
	b.ReportMetric(median(without), "µs/bare")
	b.ReportMetric(median(with)-median(without), "µs/added")
}

func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2]) / float64(time.Microsecond)
}

// BenchmarkInvoke is the throughput of the pool alone, with one and with eight callers, and how Python and Node fare.
func BenchmarkInvoke(b *testing.B) {
	for _, row := range []struct{ program, runtime, dir, handler string }{
		{"", "", "", "main"},
		{"python3", "python3.11", "python", "app.handler"},
		{"node", "nodejs20.x", "node", "index.handler"},
	} {
		for _, callers := range []int{1, 8} {
			name := row.runtime
			if name == "" {
				name = "go"
			}
			b.Run(fmt.Sprintf("%s/callers=%d", name, callers), func(b *testing.B) {
				bb := newBench(b, func(c *runtime.Config) { c.Log = nil })
				fn := bb.function(row.handler)
				if row.program != "" {
					if _, err := exec.LookPath(row.program); err != nil {
						b.Skip(err)
					}
					fn = bb.interpreted(row.runtime, row.dir, row.handler)
				}
				fn.Concurrency = callers
				event, err := json.Marshal(order{Do: "echo"})
				if err != nil {
					b.Fatal(err)
				}
				bb.together(callers, fn, order{Do: "echo"})
				b.ReportAllocs()
				b.SetParallelism(callers)
				var left atomic.Int64
				b.ResetTimer()
				left.Store(int64(b.N))
				done := make(chan error, callers)
				for range callers {
					go func() {
						for i := left.Add(-1); i >= 0; i = left.Add(-1) {
							result, err := bb.pool.Invoke(b.Context(), fn, runtime.Invocation{RequestID: "bench", Payload: event})
							if err != nil {
								done <- err
								return
							}
							if _, err := result.ReadAll(0); err != nil {
								done <- err
								return
							}
						}
						done <- nil
					}()
				}
				for range callers {
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
