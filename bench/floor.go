//go:build unix

package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl/internal/event"
)

// floor is the least that a Lambda service can be: a Runtime API of two handlers, which hand an event to the same
// function that furl runs, and its answer back. It has no pool, timeout, log, limit or check.
type floor struct {
	event   []byte
	events  chan []byte
	answers chan []byte
	served  atomic.Int64
}

// newFloor starts the function with a Runtime API in this process.
func (b *bench) newFloor(ctx context.Context) (*floor, error) {
	program, err := b.function(ctx)
	if err != nil {
		return nil, err
	}
	event, err := newEvent(ctx)
	if err != nil {
		return nil, err
	}
	f := &floor{event: event, events: make(chan []byte), answers: make(chan []byte)}
	address, err := b.listen(f)
	if err != nil {
		return nil, err
	}
	function := exec.Command(program)
	function.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + address, "_HANDLER=bootstrap", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
	}
	function.Stderr = os.Stderr
	if err := function.Start(); err != nil {
		return nil, err
	}
	b.atEnd(func() {
		function.Process.Kill() //nolint:errcheck // it has served its purpose
		function.Wait()         //nolint:errcheck // it was killed
	})
	return f, nil
}

// newEvent is the event that furl makes of a signed request for the page.
func newEvent(ctx context.Context) ([]byte, error) {
	const host, caller = "127.0.0.1:9000", "AROAAAAAAAAAAAAAAAAAA:bench"
	r, err := signed(ctx, session, "lambda", http.MethodGet, "http://"+host+"/"+book, "", nil)
	if err != nil {
		return nil, err
	}
	return event.Append(nil, &event.Request{
		Method: r.Method, Target: "/" + book, Proto: "HTTP/1.1", Host: host, Header: r.Header, SourceIP: "127.0.0.1",
		Port: "9000", URLID: urlID(0), DomainName: host, RequestID: "8c2e6b6e-3f0b-4f6e-9c56-6d1f3f6f2a10",
		TraceID: "1-6922f5a0-000000000000000000000000", Time: time.Now(), Caller: &event.Caller{
			AccessKey: session.AccessKeyID, AccountID: account, CallerID: caller, UserID: caller,
			UserARN: "arn:aws:sts::" + account + ":assumed-role/caller/bench",
		},
	}), nil
}

// ServeHTTP answers GET …/next and POST …/response.
func (f *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		var event []byte
		select {
		case event = <-f.events:
		case <-r.Context().Done():
			return
		}
		header := w.Header()
		header.Set("Lambda-Runtime-Aws-Request-Id", strconv.FormatInt(f.served.Add(1), 10))
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", functionARN)
		header.Set("Lambda-Runtime-Trace-Id", "Root=1-6922f5a0-000000000000000000000000;Sampled=0")
		header.Set("Content-Length", strconv.Itoa(len(event)))
		w.Write(event) //nolint:errcheck // the caller notices a function that is gone
		return
	}
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.answers <- answer
	w.WriteHeader(http.StatusAccepted)
}

// invoke is one round trip.
func (f *floor) invoke() []byte {
	f.events <- f.event
	return <-f.answers
}

// latency is the median time of one round trip, in nanoseconds.
func (f *floor) latency(during time.Duration) (float64, error) {
	return latency(during, func() error { f.invoke(); return nil })
}

// floors are as many functions as there are callers, each with a bare Runtime API.
type floors struct {
	all  []*floor
	free chan *floor
}

func (b *bench) newFloors(ctx context.Context, n int) (*floors, error) {
	f := &floors{free: make(chan *floor, n)}
	for range n {
		bare, err := b.newFloor(ctx)
		if err != nil {
			return nil, err
		}
		f.all = append(f.all, bare)
		f.free <- bare
	}
	return f, nil
}

// throughput is how many round trips the functions make in a second, all at one time.
func (f *floors) throughput(during time.Duration) float64 {
	var answered atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	end := begin.Add(during)
	for _, bare := range f.all {
		all.Go(func() {
			for time.Now().Before(end) {
				bare.invoke()
				answered.Add(1)
			}
		})
	}
	all.Wait()
	return float64(answered.Load()) / time.Since(begin).Seconds()
}

// ServeHTTP runs a function that is free, with the same event whatever the request. The answer is the function's as it
// is.
func (f *floors) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	bare := <-f.free
	answer := bare.invoke()
	f.free <- bare
	w.Write(answer) //nolint:errcheck // a client that is gone is nobody's loss
}
