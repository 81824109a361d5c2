//go:build unix

package invoke

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/metric"
)

// These bound asynchronous invocations. AWS tries a failed one again after a minute and once more after two, and a
// throttled one after a second and then ever later, up to five minutes (Lambda Developer Guide, "How Lambda handles
// errors and retries with asynchronous invocation"). The queue is in memory: a killed server loses it, and a shutdown
// waits for what is running, not for retries.
const (
	queueLength       = 10_000
	queueBytes        = 64 << 20 // of payloads
	queueWorkers      = 16
	firstThrottleWait = time.Second
	lastThrottleWait  = 5 * time.Minute
)

// ErrQueueFull means that too many asynchronous invocations wait.
var ErrQueueFull = errors.New("too many asynchronous invocations are waiting")

type queue struct {
	mu      sync.Mutex
	waiting int
	bytes   int
	jobs    chan job
	made    sync.Once
}

type job struct {
	request   Request
	taken     time.Time
	attempt   int
	throttled time.Duration // how long it waited the last time
}

func (q *queue) collectors() []metric.Collector {
	read := func(number *int) func() float64 {
		return func() float64 {
			q.mu.Lock()
			defer q.mu.Unlock()
			return float64(*number)
		}
	}
	return []metric.Collector{
		metric.Gauge("furl_queue_invocations", "Asynchronous invocations that wait or run.", read(&q.waiting)),
		metric.Gauge("furl_queue_bytes", "Bytes of their payloads.", read(&q.bytes)),
	}
}

func (q *queue) channel() chan job {
	q.made.Do(func() { q.jobs = make(chan job, queueLength) })
	return q.jobs
}

// add takes a job, if there is room.
func (q *queue) add(request Request, now time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting >= queueLength || q.bytes+len(request.Payload) > queueBytes {
		return ErrQueueFull
	}
	q.waiting++
	q.bytes += len(request.Payload)
	q.channel() <- job{request: request, taken: now} // has room: waiting counts the jobs in it
	return nil
}

func (q *queue) done(request Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting--
	q.bytes -= len(request.Payload)
}

// run works off jobs until the context ends, and returns when those that are running have ended.
func (q *queue) run(ctx context.Context, attempt func(context.Context, *job) time.Duration) {
	var workers sync.WaitGroup
	for range queueWorkers {
		workers.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case next := <-q.channel():
					q.work(ctx, next, attempt)
				}
			}
		})
	}
	workers.Wait()
}

// work makes an attempt at a job. It puts the job back into the queue after the time that attempt answers, if any.
func (q *queue) work(ctx context.Context, next job, attempt func(context.Context, *job) time.Duration) {
	wait := attempt(ctx, &next)
	if wait == 0 {
		q.done(next.request)
		return
	}
	time.AfterFunc(wait, func() {
		if ctx.Err() != nil {
			q.done(next.request)
			return
		}
		q.channel() <- next // has room: waiting counts the job
	})
}

// throttle is how long a job waits that was throttled.
func (j *job) throttle() time.Duration {
	j.throttled = min(max(firstThrottleWait, 2*j.throttled), lastThrottleWait)
	return j.throttled
}

// retryWaits are how long to wait after the first failed attempt and after the second. There are no more than three
// attempts.
var retryWaits = [lambda.DefaultRetries]time.Duration{time.Minute, 2 * time.Minute}
