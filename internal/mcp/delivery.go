package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"time"
)

// delivery is what the client has written on one line, on its way to the server, and the answers on their way back.
type delivery struct {
	bridge   *Bridge
	body     []byte
	messages []message // more than one is a batch
	calls    []*call   // the requests among them
	cancel   context.CancelCauseFunc

	gate  <-chan struct{} // closed when it may be sent; nil for at once
	after <-chan struct{} // closed when what has to come before it was sent; nil for nothing
	// session is that of an answer to a request of the server, and, after initialize, the one that it made.
	session  *session
	sent     sync.Once
	replayed bool // the client has not sent it, and does not get the answers
	silence  *time.Timer
	cursor   string // of the next page of a list
	fault    error  // what was wrong with the latest of the messages that were not passed on
}

// begin takes note of a request. It answers one that cannot be sent, and returns false.
func (d *delivery) begin(m message) bool {
	b := d.bridge
	c := &call{id: m.id, method: m.method, version: m.version(), sent: make(chan struct{})}
	b.mu.Lock()
	twice, full := b.pending[m.id] != nil, len(b.pending) >= maxPending
	if !twice && !full {
		b.pending[m.id] = c
		if c.version != "" {
			b.latest = c.version
		}
	}
	b.mu.Unlock()
	switch {
	case twice:
		b.refuse(m.id, codeInvalid, "a request with this id has no answer yet")
	case full:
		b.refuse(m.id, codeInternal, fmt.Sprintf("%d requests have no answer yet: wait for some", maxPending))
	default:
		d.calls = append(d.calls, c)
		return true
	}
	for _, c := range d.calls { // the others of the batch
		b.finished(c)
		b.refuse(c.id, codeInvalid, "another request of its batch was refused")
	}
	return false
}

// finished takes a request out of those without an answer. It returns false if the client is to get none: it has one,
// or has cancelled the request.
func (b *Bridge) finished(c *call) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.answered {
		return false
	}
	c.answered = true
	if b.pending[c.id] == c {
		delete(b.pending, c.id)
	}
	return !c.cancelled
}

// run delivers, and sees to it that each request gets an answer.
func (d *delivery) run(ctx context.Context) {
	b := d.bridge
	defer d.markSent()
	err := d.wait(ctx)
	if err == nil {
		err = d.exchange(ctx)
	}
	if err == nil && d.messages[0].method == methodInitialized {
		b.mu.Lock()
		s := b.session
		b.mu.Unlock()
		if s != nil {
			b.begin(func() { b.listen(s) })
		}
	}
	if err == nil && len(d.calls) > 0 {
		err = errUnanswered
		if d.fault != nil {
			err = d.fault
		}
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if len(d.calls) == 0 {
		if err != nil {
			b.config.Log.Warn("a message did not arrive at the server", "method", d.messages[0].method, "error", err)
		}
		return
	}
	var said *failure
	for _, c := range d.calls {
		if !b.finished(c) {
			continue
		}
		// A client that has closed the input does not wait for answers, and that of the Python SDK 1 breaks on one.
		if b.left.Load() {
			b.config.Log.Info("a request had no answer when the client closed the input", "method", c.method)
			continue
		}
		if said == nil {
			f := failure{Code: codeInternal, Message: "furl: " + errStopped.Error()}
			if !errors.Is(err, errStopped) {
				f = b.explain(context.WithoutCancel(ctx), err)
			}
			said = &f
		}
		b.write(said.answer(c.id))
	}
}

var errUnanswered = errors.New("the server ended its answer before it had answered the request")

// markSent says that the requests were sent, or cannot be.
func (d *delivery) markSent() {
	d.sent.Do(func() {
		for _, c := range d.calls {
			close(c.sent)
		}
	})
}

// wait waits until the delivery may begin.
func (d *delivery) wait(ctx context.Context) error {
	for _, until := range []<-chan struct{}{d.gate, d.after} {
		if until == nil {
			continue
		}
		select {
		case <-until:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if len(d.calls) == 0 {
		return nil
	}
	select {
	case d.bridge.slots <- struct{}{}:
		context.AfterFunc(ctx, func() { <-d.bridge.slots }) // run ends it
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// exchange sends the message and passes on what answers it. It sends a message again that a server did not handle
// because it has forgotten the session, in another one.
func (d *delivery) exchange(ctx context.Context) error {
	b := d.bridge
	if b.config.Timeout > 0 {
		d.silence = time.AfterFunc(b.config.Timeout, func() {
			d.cancel(fmt.Errorf("%w for %s while the request waits for its answer", errSilent, b.config.Timeout))
		})
		defer d.silence.Stop()
	}
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { d.markSent() },
	})
	renewed, learned := false, false
	for {
		s := d.current()
		resp, err := b.send(traced, http.MethodPost, d.body, d.header(s))
		if err != nil {
			return err
		}
		if resp.StatusCode < 300 {
			return d.receive(ctx, s, resp)
		}
		rejected := rejection(resp)
		if _, refused := errors.AsType[*RefusedError](rejected); refused {
			return rejected
		}
		answered := rejected.(*StatusError)
		switch {
		case d.isAnswer() || d.replayed:
			return rejected
		case s.lost(resp, answered.body) && !renewed:
			renewed = true
			if _, err := b.renew(b.work, s); err != nil {
				return err
			}
		case answered.code() == headerMismatch && d.messages[0].method == methodCallTool && !learned:
			learned = true
			if err := d.learn(ctx); err != nil {
				return err
			}
		default:
			return d.reject(answered)
		}
	}
}

func (d *delivery) isAnswer() bool { return d.messages[0].answer }

// current is the session that the delivery belongs to; nil for none.
func (d *delivery) current() *session {
	b := d.bridge
	m := d.messages[0]
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case m.method == methodInitialize, d.modern():
		return nil
	case d.session != nil:
		return d.session
	}
	return b.session
}

// modern reports whether the delivery is of a version without sessions.
func (d *delivery) modern() bool { return len(d.calls) > 0 && d.calls[0].modern() }

// listens reports whether the delivery is a subscription, whose stream has no end of its own.
func (d *delivery) listens() bool {
	return d.modern() && d.messages[0].method == methodListen && !d.answered()
}

// header are the headers that belong to the message.
func (d *delivery) header(s *session) http.Header {
	b := d.bridge
	b.mu.Lock()
	defer b.mu.Unlock()
	header := http.Header{}
	s.headers(header)
	m := d.messages[0]
	version := ""
	switch {
	case len(d.calls) > 0:
		version = d.calls[0].version
	case s == nil && b.latest >= stateless:
		version = b.latest
	}
	if version != "" {
		header.Set(headerVersion, version)
	}
	if version >= stateless && m.method != "" {
		m.mirror(header, b.tools)
	}
	return header
}

// answered reports whether all requests have their answers.
func (d *delivery) answered() bool {
	b := d.bridge
	b.mu.Lock()
	defer b.mu.Unlock()
	return !slices.ContainsFunc(d.calls, func(c *call) bool { return !c.answered })
}

// receive passes on what a response carries.
func (d *delivery) receive(ctx context.Context, s *session, resp *http.Response) error {
	defer func() { resp.Body.Close() }()
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if d.messages[0].method == methodInitialize {
		s = newSession(d.bridge.work, resp.Header.Get(headerSession), "")
		d.session = s
	}
	switch kind {
	case "application/json":
		text, err := io.ReadAll(io.LimitReader(d.watched(resp.Body), int64(d.bridge.config.MaxMessage)+1))
		switch {
		case err != nil:
			return fmt.Errorf("read the answer: %w", err)
		case len(bytes.TrimSpace(text)) == 0:
			return d.empty(resp)
		case len(text) > d.bridge.config.MaxMessage:
			return d.large()
		}
		d.text(ctx, s, text)
		return nil
	case streamKind:
		return d.stream(ctx, s, resp)
	}
	start, _ := io.ReadAll(io.LimitReader(resp.Body, maxSaid)) // it may as well be empty
	if len(d.calls) == 0 || len(bytes.TrimSpace(start)) == 0 {
		return d.empty(resp)
	}
	return fmt.Errorf("the answer is neither JSON nor a stream of events, so no MCP server is at that address: "+
		"Content-Type %q: %s", resp.Header.Get("Content-Type"), said(start))
}

// empty is the error of an answer with no message, which only a request has to have.
func (d *delivery) empty(resp *http.Response) error {
	if len(d.calls) == 0 {
		return nil
	}
	return fmt.Errorf("%w: status %d, and no body", errUnanswered, resp.StatusCode)
}

func (d *delivery) large() error {
	return fmt.Errorf("the answer is longer than %d bytes: say --max-message", d.bridge.config.MaxMessage)
}

// watched is a body whose bytes end the silence.
func (d *delivery) watched(body io.Reader) io.Reader { return &watched{body, d} }

type watched struct {
	io.Reader
	delivery *delivery
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if d := w.delivery; n > 0 && d.silence != nil && d.silence.Stop() && !d.listens() {
		d.silence.Reset(d.bridge.config.Timeout)
	}
	return n, err
}

// stream passes on the messages of a stream of events, and resumes it where it broke off, if the server can.
func (d *delivery) stream(ctx context.Context, s *session, resp *http.Response) error {
	b := d.bridge
	retry, lastID, failures := firstPause, "", 0
	for {
		e := newEvents(d.watched(resp.Body), b.config.MaxMessage)
		var broken error
		over := false
		for {
			found, err := e.next()
			if err != nil {
				broken = err
				break
			}
			d.event(ctx, s, found)
			if !over && d.answered() {
				over = true
				time.AfterFunc(trail, func() { d.cancel(errAnswered) })
			}
		}
		resp.Body.Close()
		if d.answered() || ctx.Err() != nil {
			return nil
		}
		if d.listens() {
			d.lose()
			return nil
		}
		if e.retry > 0 {
			retry = e.retry
		}
		if e.lastID != "" && e.lastID != lastID {
			lastID, failures = e.lastID, 0
		} else {
			failures++
		}
		if lastID == "" || d.modern() || failures > maxFailures {
			return d.brokenOff(broken)
		}
		b.config.Log.Debug("the stream ended before the answer: asking for the rest", "retry_after", retry.String())
		for {
			if err := sleep(ctx, retry); err != nil {
				return err
			}
			header := http.Header{}
			s.headers(header)
			header.Set(headerLastID, lastID)
			var err error
			if resp, err = b.send(ctx, http.MethodGet, nil, header); err == nil && isStream(resp) {
				break
			}
			if err == nil && resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests {
				rejected := rejection(resp)
				return fmt.Errorf("%w, and the server does not send the rest: %w", errUnanswered, rejected)
			}
			if err == nil {
				err = rejection(resp)
			}
			if failures++; failures > maxFailures {
				return err
			}
			retry = longer(retry)
		}
	}
}

// lose tells the client that a subscription has ended, as servers on standard streams do (2026-07-28, "Subscriptions").
// Opening it again in silence would hide from the client what has changed between the two streams.
func (d *delivery) lose() {
	c := d.calls[0]
	if d.bridge.finished(c) {
		d.bridge.write(encode(map[string]any{
			"jsonrpc": "2.0", "method": methodCancelled,
			"params": map[string]any{"requestId": json.RawMessage(c.id), "reason": "the server has ended the stream"},
		}))
	}
}

// brokenOff is the error of a stream that ended before the answer.
func (d *delivery) brokenOff(err error) error {
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil // run knows what is wrong
	}
	return fmt.Errorf("%w: %w", errUnanswered, err)
}

// event passes on what an event carries.
func (d *delivery) event(ctx context.Context, s *session, found event) {
	switch {
	case found.name != "" && found.name != "message", len(found.data) == 0 && !found.large:
	case found.large:
		d.fault = d.large()
		d.bridge.config.Log.Warn("a message of the server was not passed on", "error", d.fault)
		if c := d.call(found.scan.found()); c != nil && d.bridge.finished(c) {
			d.bridge.write(d.bridge.explain(ctx, d.fault).answer(c.id))
		}
	default:
		d.text(ctx, s, found.data)
	}
}

// text passes on the messages of a JSON text.
func (d *delivery) text(ctx context.Context, s *session, text []byte) {
	b := d.bridge
	parts, _, err := split(text)
	if err != nil {
		d.fault = fmt.Errorf("the server sent what is not JSON: %w: %s", err, said(text))
		b.config.Log.Warn("a message of the server was not passed on", "error", d.fault)
		return
	}
	for _, part := range parts {
		m, err := parse(part)
		if err != nil {
			d.fault = fmt.Errorf("the server sent what is not a JSON-RPC message: %s", said(part))
			b.config.Log.Warn("a message of the server was not passed on", "error", d.fault)
			continue
		}
		d.message(ctx, s, m)
	}
}

// message passes on one message of the server.
func (d *delivery) message(ctx context.Context, s *session, m message) {
	b := d.bridge
	switch {
	case m.answer:
		d.answer(ctx, s, m)
	case m.isRequest() && d.modern():
		b.config.Log.Warn("the server sent a request, which this version of the protocol does not have",
			"method", m.method)
	case m.isRequest():
		b.mu.Lock()
		if len(b.asked) >= maxAsked {
			clear(b.asked)
		}
		b.asked[m.id] = s
		b.mu.Unlock()
		b.write(m.raw)
	default:
		if m.method == methodCancelled {
			b.mu.Lock()
			delete(b.asked, m.cancels())
			b.mu.Unlock()
		}
		b.write(m.raw)
	}
}

// call is the request with that id, of this delivery or another one; nil for none.
func (d *delivery) call(id string) *call {
	for _, c := range d.calls {
		if c.id == id {
			return c
		}
	}
	if d.replayed {
		return nil
	}
	d.bridge.mu.Lock()
	defer d.bridge.mu.Unlock()
	return d.bridge.pending[id]
}

// answer passes on the answer to a request of the client, once.
func (d *delivery) answer(ctx context.Context, s *session, m message) {
	b := d.bridge
	if m.id == "" && m.failed && len(d.calls) == 1 {
		m = m.as(d.calls[0].id)
	}
	c := d.call(m.id)
	if c == nil {
		if len(d.calls) > 0 {
			d.fault = fmt.Errorf("the server answered a request with the id %s, which there is not", said([]byte(m.id)))
		}
		b.config.Log.Warn("an answer of the server was not passed on: there is no such request", "error", d.fault)
		return
	}
	if !b.finished(c) {
		return
	}
	if c.method == methodInitialize && !m.failed && s != nil {
		s.version = m.text("protocolVersion")
		if !d.replayed {
			b.initialized(ctx, s)
		}
	}
	if c.method == methodListTools && c.modern() {
		d.cursor = m.text("nextCursor")
		var faults []error
		b.mu.Lock()
		m, faults = b.tools.learn(m)
		b.mu.Unlock()
		for _, fault := range faults {
			b.config.Log.Warn("a tool was left out of the list of tools", "error", fault)
		}
	}
	if !d.replayed {
		b.write(m.raw)
	}
}

// reject makes an answer of a status that is none of success that of the request, if it is one of JSON-RPC.
func (d *delivery) reject(answered *StatusError) error {
	var m message
	parts, _, err := split(answered.body)
	if err == nil && len(parts) == 1 {
		m, err = parse(parts[0])
	}
	if err != nil || !m.failed || len(d.calls) != 1 {
		return answered
	}
	c := d.calls[0]
	if d.bridge.finished(c) {
		d.bridge.write(m.as(c.id).raw) // some servers do not repeat the id, or make one up
	}
	return nil
}

// replay makes a delivery of a message that the client has sent before, or that it does not know: it does not get the
// answer.
func (b *Bridge) replay(m message) *delivery {
	d := &delivery{bridge: b, body: m.raw, messages: []message{m}, replayed: true}
	if m.isRequest() {
		d.calls = []*call{{id: m.id, method: m.method, sent: make(chan struct{})}}
	}
	return d
}

// finish delivers such a message.
func (d *delivery) finish(ctx context.Context) error {
	ctx, d.cancel = context.WithCancelCause(ctx)
	defer d.cancel(errAnswered)
	if err := d.exchange(ctx); err != nil {
		return err
	}
	if !d.answered() {
		return errUnanswered
	}
	return nil
}

// learn reads the list of tools, after the server has refused the headers of a call.
func (d *delivery) learn(ctx context.Context) error {
	const pages = 50
	var params struct {
		Meta json.RawMessage `json:"_meta"`
	}
	if err := json.Unmarshal(d.messages[0].params, &params); err != nil {
		return err
	}
	cursor := ""
	for range pages {
		list := map[string]any{"_meta": params.Meta}
		if cursor != "" {
			list["cursor"] = cursor
		}
		body := encode(map[string]any{"jsonrpc": "2.0", "id": "furl", "method": methodListTools, "params": list})
		m, err := parse(body)
		if err != nil {
			return err
		}
		page := d.bridge.replay(m)
		page.calls[0].version = d.calls[0].version
		if err := page.finish(ctx); err != nil {
			return err
		}
		if cursor = page.cursor; cursor == "" {
			return nil
		}
	}
	return nil
}
