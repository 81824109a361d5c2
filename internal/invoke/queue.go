package invoke

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/runtime"
)

// Asynchronous invocations. AWS tries a failed one again after a minute and once more after two (Lambda Developer
// Guide, "How Lambda handles errors and retries with asynchronous invocation"). The queue lives in memory: what is
// in it when the server is killed is gone, and a shutdown waits for what is running, not for retries.
const (
	queueLength   = 10_000
	queueBytes    = 64 << 20 // of payloads
	queueWorkers  = 16
	firstRetry    = time.Minute
	secondRetry   = 2 * time.Minute
	throttleRetry = time.Second
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
	request Request
	attempt int
}

// Collectors are the metrics of the queue.
func (s *Service) Collectors() []metric.Collector {
	read := func(number *int) func() float64 {
		return func() float64 {
			s.queue.mu.Lock()
			defer s.queue.mu.Unlock()
			return float64(*number)
		}
	}
	return []metric.Collector{
		metric.Gauge("furl_queue_invocations", "Asynchronous invocations that wait or run.", read(&s.queue.waiting)),
		metric.Gauge("furl_queue_bytes", "Bytes of their payloads.", read(&s.queue.bytes)),
	}
}

func (q *queue) channel() chan job {
	q.made.Do(func() { q.jobs = make(chan job, queueLength) })
	return q.jobs
}

// Enqueue takes an asynchronous invocation. Run must be running for it to come to anything.
func (s *Service) Enqueue(request Request) error {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting >= queueLength || q.bytes+len(request.Payload) > queueBytes {
		return ErrQueueFull
	}
	q.waiting++
	q.bytes += len(request.Payload)
	q.channel() <- job{request: request} // has room: waiting counts what is in it
	return nil
}

func (q *queue) done(request Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting--
	q.bytes -= len(request.Payload)
}

// Run works off asynchronous invocations until the context ends, and returns when those that are running have ended.
func (s *Service) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range queueWorkers {
		workers.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case next := <-s.queue.channel():
					s.work(ctx, next)
				}
			}
		})
	}
	workers.Wait()
	return nil
}

// work runs one asynchronous invocation, and has it tried again later if it failed.
func (s *Service) work(ctx context.Context, job job) {
	wait := s.attempt(ctx, &job)
	if wait == 0 {
		s.queue.done(job.request)
		return
	}
	time.AfterFunc(wait, func() {
		if ctx.Err() != nil {
			s.queue.done(job.request)
			return
		}
		s.queue.channel() <- job // has room: the job is still counted
	})
}

// attempt runs the job once and says after what time to try again, zero for never. Throttling does not count as an
// attempt.
func (s *Service) attempt(ctx context.Context, job *job) (wait time.Duration) {
	log := s.Log.With("function", job.request.Function.ARN.String(), "request_id", job.request.RequestID)
	current, ok := s.State.Now().Function(job.request.Function.ARN)
	if !ok {
		log.Warn("asynchronous invocation dropped: the function was deleted")
		return 0
	}
	job.request.Function = current
	result, err := s.Invoke(context.WithoutCancel(ctx), job.request)
	if errors.Is(err, runtime.ErrBusy) {
		return throttleRetry
	}
	var failed error
	var exhausted *runtime.Exhausted
	switch {
	case errors.As(err, &exhausted): // it ran, and ended for lack of something
		failed = err
	case err != nil:
		log.Warn("asynchronous invocation dropped", "error", err)
		return 0
	default:
		if _, err := result.ReadAll(0); err == nil && result.FunctionError == nil {
			return 0
		}
		failed = result.FunctionError
	}
	job.attempt++
	wait = retryAfter(job.attempt)
	log.Warn("asynchronous invocation failed", "error", failed, "attempt", job.attempt, "retry_after", wait.String())
	return wait
}

// retryAfter is how long to wait after that many failed attempts, zero when it is time to give up.
func retryAfter(attempts int) time.Duration {
	switch attempts {
	case 1:
		return firstRetry
	case 2:
		return secondRetry
	default:
		return 0
	}
}
