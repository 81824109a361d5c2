//go:build unix

package extension

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// subscriber delivers records to one listener. What it cannot deliver in time it drops, and says so to the listener.
type subscriber struct {
	*subscription
	telemetry *Telemetry
	name      string // of the extension
	api       *api
	ctx       context.Context
	end       context.CancelFunc
	more      chan struct{}      // holds one: the queue is no longer empty
	full      chan struct{}      // holds one: there is a whole batch
	flushes   chan chan struct{} // requests to deliver what there is
	http      *http.Client
	conn      net.Conn // of TCP, nil while there is none

	mu    sync.Mutex
	queue [][]byte
	bytes int
	lost  logsDropped
}

// These bound a delivery: a listener that does not answer must not hold what comes after for ever.
const (
	attempts     = 4
	firstPause   = 100 * time.Millisecond // between attempts, then twice as long each time
	attemptLimit = 2 * time.Second
	queueFactor  = 2 // whole batches that are kept
)

func newSubscriber(t *Telemetry, name string, api *api, wanted *subscription) *subscriber {
	s := &subscriber{
		subscription: wanted, telemetry: t, name: name, api: api,
		more: make(chan struct{}, 1), full: make(chan struct{}, 1), flushes: make(chan chan struct{}),
	}
	s.ctx, s.end = context.WithCancel(t.ctx)
	s.http = &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return t.config.Dial(ctx, wanted.port)
			},
			MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, DisableCompression: true,
		},
		// A redirect would lead out of the environment.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

// wants reports whether the subscription is for a record.
func (s *subscriber) wants(r record) bool {
	return r.audience&s.audience != 0 && slices.Contains(s.Types, r.category)
}

// add queues a record, or drops it if the queue is full.
func (s *subscriber) add(r record) {
	if !s.wants(r) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) >= queueFactor*s.maxItems || s.bytes+len(r.text) > queueFactor*s.maxBytes {
		s.drop(len(r.text), 1, "the extension takes records more slowly than they come")
		return
	}
	s.queue = append(s.queue, r.text)
	s.bytes += len(r.text)
	signal(s.more)
	if len(s.queue) >= s.maxItems || s.bytes >= s.maxBytes {
		signal(s.full)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// drop counts records that are lost. Called with mu held.
func (s *subscriber) drop(bytes, records int, reason string) {
	s.lost.Bytes += bytes
	s.lost.Records += records
	s.lost.Reason = reason
}

// run delivers until the environment ends.
func (s *subscriber) run() {
	defer s.close()
	for {
		var flushed chan struct{}
		select {
		case <-s.more:
		case flushed = <-s.flushes:
		case <-s.ctx.Done():
			return
		}
		if flushed == nil {
			select {
			case <-time.After(s.timeout):
			case <-s.full:
			case flushed = <-s.flushes:
			case <-s.ctx.Done():
				return
			}
		}
		for batch, own := s.take(); own > 0 && s.ctx.Err() == nil; batch, own = s.take() {
			if err := s.deliver(batch); err != nil && s.ctx.Err() == nil {
				s.giveUp(batch, own, err)
			}
		}
		if flushed != nil {
			close(flushed)
		}
	}
}

// take answers a batch, and how many records of it are from the queue: before them may be one about what was lost.
func (s *subscriber) take() (batch [][]byte, own int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := 0
	for own < len(s.queue) && own < s.maxItems && (own == 0 || size+len(s.queue[own]) <= s.maxBytes) {
		size += len(s.queue[own])
		own++
	}
	if own == 0 {
		return nil, 0
	}
	name, to := s.lost.about()
	if s.lost.Records > 0 && s.wants(record{category: "platform", audience: to}) {
		batch = append(batch, encode(s.telemetry.config.Now(), name, s.lost))
		s.lost = logsDropped{}
	}
	batch = append(batch, s.queue[:own]...)
	s.queue = slices.Delete(s.queue, 0, own)
	s.bytes -= size
	return batch, own
}

// giveUp counts a batch as lost, and what it said about earlier ones, too.
func (s *subscriber) giveUp(batch [][]byte, own int, err error) {
	size := 0
	for _, text := range batch {
		size += len(text)
	}
	s.mu.Lock()
	s.drop(size, own, "could not deliver: "+err.Error())
	s.mu.Unlock()
	s.telemetry.config.Failed(s.name, s.port, err)
}

// deliver tries to send a batch, several times if need be.
func (s *subscriber) deliver(batch [][]byte) error {
	for left, pause := attempts, firstPause; ; pause *= 2 {
		ctx, cancel := context.WithTimeout(s.ctx, attemptLimit)
		err := s.send(ctx, batch)
		cancel()
		if left--; err == nil || left == 0 || s.ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
}

func (s *subscriber) send(ctx context.Context, batch [][]byte) error {
	if s.target == nil {
		return s.sendLines(ctx, batch)
	}
	body := slices.Concat([]byte{'['}, bytes.Join(batch, []byte{','}), []byte{']'})
	request, err := http.NewRequestWithContext(ctx, s.Destination.Method, s.target.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := s.http.Do(request)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return failed.Err // without the address, which the extension has chosen
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	io.CopyN(io.Discard, response.Body, maxBody) //nolint:errcheck // so that the connection can be used again
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("the extension answers %d", response.StatusCode)
	}
	return nil
}

// sendLines sends a batch over TCP: one record on each line.
func (s *subscriber) sendLines(ctx context.Context, batch [][]byte) (err error) {
	if s.conn == nil {
		if s.conn, err = s.telemetry.config.Dial(ctx, s.port); err != nil {
			s.conn = nil
			return err
		}
	}
	deadline, _ := ctx.Deadline()
	if err = s.conn.SetWriteDeadline(deadline); err == nil {
		_, err = s.conn.Write(append(bytes.Join(batch, []byte{'\n'}), '\n'))
	}
	if err != nil {
		s.conn.Close()
		s.conn = nil
	}
	return err
}

// flush delivers what there is, unless ctx ends before.
func (s *subscriber) flush(ctx context.Context) {
	done := make(chan struct{})
	select {
	case s.flushes <- done:
	case <-s.ctx.Done():
		return
	case <-ctx.Done():
		return
	}
	select {
	case <-done:
	case <-s.ctx.Done():
	case <-ctx.Done():
	}
}

func (s *subscriber) close() {
	s.end()
	s.http.CloseIdleConnections()
	if s.conn != nil {
		s.conn.Close()
	}
}
