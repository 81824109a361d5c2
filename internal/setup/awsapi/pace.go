package awsapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Paced is the same client for hundreds of calls at once. It makes them as fast as it can until the service says that
// they are too many. From then on it spaces them so that most are taken, and tries those that are not again, for as long
// as the service takes any.
func (c *Client) Paced() *Client {
	config := c.config
	config.Retryer = func() aws.Retryer { return newPace() }
	return New(config)
}

// Bounds of a pace. The Lambda API takes 15 calls of a kind in a second (Lambda Developer Guide, "Lambda quotas").
const (
	firstGap = time.Second / 15
	maxGap   = time.Second / 2
	// patience is how long the service may take no call before those that it refused fail.
	patience = 30 * time.Second
	// window is how long calls that were on their way when the pace changed may still be refused for it.
	window         = time.Second
	paceAttempts   = 10 // of a call that is refused as one too many
	paceMaxBackoff = 4 * time.Second
)

// pace is a retryer that all calls of one service share.
type pace struct {
	aws.RetryerV2 // says what is tried again, and when
	attempts      int

	mu   sync.Mutex
	gap  time.Duration // between two calls; 0 until one was too many
	next time.Time     // when the next one may go
	cut  time.Time     // when the gap last grew
	good time.Time     // when the service last took a call
}

func newPace() *pace {
	standard := retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = paceMaxBackoff })
	return &pace{RetryerV2: standard, attempts: standard.MaxAttempts()}
}

// MaxAttempts is that of calls that were too many. RetryDelay ends others earlier.
func (p *pace) MaxAttempts() int { return paceAttempts }

// GetAttemptToken waits until a call may go.
func (p *pace) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	now := time.Now()
	p.mu.Lock()
	if p.good.IsZero() {
		p.good = now
	}
	wait := time.Duration(0)
	if p.gap > 0 {
		if p.next.Before(now) {
			p.next = now
		}
		wait = p.next.Sub(now)
		p.next = p.next.Add(p.gap)
	}
	p.mu.Unlock()
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return p.answered, nil
}

// answered sets the pace by how a call came out: it halves it when a call was too many, and quickens it by a fiftieth
// with each that was not.
func (p *pace) answered(err error) error {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !isTooMany(err):
		if err == nil {
			p.good = now
		}
		p.gap -= p.gap / 50
	case now.Sub(p.cut) >= window:
		p.cut, p.gap = now, min(max(2*p.gap, firstGap), maxGap)
	}
	return nil
}

// IsErrorRetryable implements [aws.RetryerV2].
func (p *pace) IsErrorRetryable(err error) bool {
	if !isTooMany(err) {
		return p.RetryerV2.IsErrorRetryable(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.good) < patience
}

// GetRetryToken implements [aws.RetryerV2]. The SDK's own quota of retries would be used up after a hundred calls.
func (p *pace) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	if isTooMany(err) {
		return func(error) error { return nil }, nil
	}
	return p.RetryerV2.GetRetryToken(ctx, err)
}

// RetryDelay implements [aws.RetryerV2].
func (p *pace) RetryDelay(attempt int, err error) (time.Duration, error) {
	if attempt >= p.attempts && !isTooMany(err) {
		return 0, err
	}
	return p.RetryerV2.RetryDelay(attempt, err)
}

// isTooMany reports whether the service refused a call because there were too many.
func isTooMany(err error) bool {
	answered, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && answered.HTTPStatusCode() == http.StatusTooManyRequests || retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err).Bool()
}
