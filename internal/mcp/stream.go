package mcp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	firstPause = time.Second
	lastPause  = time.Minute
	// maxFailures is how often a stream may fail, one time after the other, until the bridge gives it up. Each time
	// starts the function.
	maxFailures = 5
)

// longer is the pause after one that was too short.
func longer(pause time.Duration) time.Duration { return min(2*pause, max(pause, lastPause)) }

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// listen passes on what the server sends of its own accord, on a stream of the session's. It opens the stream again
// when it ends: a function may answer for 15 minutes.
func (b *Bridge) listen(s *session) {
	wanted := b.config.Stream == StreamAlways || b.config.Stream == StreamAuto && s.id != ""
	if !wanted || s.version >= stateless {
		return
	}
	ctx := s.stream
	d := &delivery{bridge: b, messages: []message{{}}, cancel: func(error) {}}
	lastID, pause, failures := "", firstPause, 0
	for {
		header := http.Header{}
		s.headers(header)
		if lastID != "" {
			header.Set(headerLastID, lastID)
		}
		resp, err := b.send(ctx, http.MethodGet, nil, header)
		begin, count := time.Now(), 0
		switch {
		case ctx.Err() != nil:
			if err == nil {
				resp.Body.Close()
			}
			return
		case err == nil && isStream(resp):
			s.heard.Store(true)
			var retry time.Duration
			if lastID, retry, count, err = d.hear(ctx, s, resp.Body, lastID); retry > 0 {
				pause = retry
			}
		case err == nil && resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests:
			if rejected := rejection(resp); resp.StatusCode == http.StatusNotFound && s.id != "" && s.heard.Load() {
				if _, err := b.renew(b.work, s); err != nil {
					b.config.Log.Warn("the server sends nothing of its own accord any more", "error", err)
				}
			} else if resp.StatusCode != http.StatusMethodNotAllowed {
				b.config.Log.Info("the server sends nothing of its own accord", "error", rejected)
			}
			return
		case err == nil:
			err = rejection(resp)
		}
		if failures++; count > 0 || time.Since(begin) > lastPause {
			failures = 0
		}
		if failures > maxFailures && ctx.Err() == nil {
			b.config.Log.Info("the server sends nothing of its own accord any more", "error", err)
			return
		}
		b.config.Log.Debug("the server's own stream has ended", "error", err, "attempt", failures)
		if sleep(ctx, pause<<failures) != nil {
			return
		}
	}
}

// hear passes on the messages of a stream of the server's own, until it ends.
func (d *delivery) hear(
	ctx context.Context, s *session, body io.ReadCloser, lastID string,
) (last string, retry time.Duration, count int, err error) {
	defer body.Close()
	e := newEvents(body, d.bridge.config.MaxMessage)
	for ; ; count++ {
		found, err := e.next()
		if err != nil {
			if e.lastID != "" {
				lastID = e.lastID
			}
			if errors.Is(err, io.EOF) {
				err = io.EOF
			}
			return lastID, e.retry, count, err
		}
		d.event(ctx, s, found)
	}
}
