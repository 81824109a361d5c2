package mcp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
)

// session is what initialization agreed on. Servers of 2025-03-26 to 2025-11-25 may give it an id, which ends when they
// forget it.
type session struct {
	id      string // "" if the server keeps none
	version string
	heard   atomic.Bool // the server has had a stream of its own
	stream  context.Context
	close   context.CancelFunc // ends the stream
}

func newSession(ctx context.Context, id, version string) *session {
	s := &session{version: version}
	if !strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) {
		s.id = id
	}
	s.stream, s.close = context.WithCancel(ctx)
	return s
}

// headers are the headers of the session's requests.
func (s *session) headers(header http.Header) {
	if s == nil {
		return
	}
	header.Set(headerVersion, s.version)
	if s.id != "" {
		header.Set(headerSession, s.id)
	}
}

// end tells the server that the session has ended. A server need not care, so what it answers does not count.
func (s *session) end(ctx context.Context, b *Bridge) {
	s.close()
	if s.id == "" {
		return
	}
	header := http.Header{}
	s.headers(header)
	resp, err := b.send(ctx, http.MethodDelete, nil, header)
	if err != nil {
		b.config.Log.Debug("the server was not told that the session has ended", "error", err)
		return
	}
	resp.Body.Close()
}

// lost reports whether an answer says that the server has forgotten the session: 404, or what the servers in the
// examples of the TypeScript SDK answer in its place: 400 and an error that names no valid session (typescript-sdk,
// examples/server/src/simpleStreamableHttp.ts). Such a request was not handled.
func (s *session) lost(resp *http.Response, body []byte) bool {
	if s == nil || s.id == "" {
		return false
	}
	return resp.StatusCode == http.StatusNotFound ||
		resp.StatusCode == http.StatusBadRequest &&
			strings.Contains(strings.ToLower(string(body)), "no valid session id")
}

var errLost = errors.New("the server has forgotten the session")

// renew starts a session in place of one that the server has forgotten, with the client's own initialization: the
// client cannot know of it. It returns the session that counts now.
func (b *Bridge) renew(ctx context.Context, lost *session) (*session, error) {
	b.renewing.Lock()
	defer b.renewing.Unlock()
	b.mu.Lock()
	now, first, second := b.session, b.first, b.second
	b.mu.Unlock()
	if now != lost {
		return now, nil // another request has
	}
	b.config.Log.Info("the server has forgotten the session: starting another one")
	lost.close()
	m, err := parse(first)
	if err != nil {
		return nil, errLost // a client that has not initialized
	}
	d := b.replay(m)
	if err := d.finish(ctx); err != nil {
		return nil, fmt.Errorf("%w, and begins no other one: %w", errLost, err)
	}
	s := d.session
	switch {
	case s == nil || s.version == "":
		return nil, fmt.Errorf("%w, and refuses to initialize another one", errLost)
	case s.version != lost.version:
		return nil, fmt.Errorf("%w, and speaks another version now, %s in place of %s: "+
			"start this server again in the client", errLost, s.version, lost.version)
	}
	b.mu.Lock()
	b.session = s
	b.mu.Unlock()
	if second != nil {
		note := b.replay(message{raw: second, method: methodInitialized})
		note.session = s
		if err := note.finish(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", errLost, err)
		}
		b.begin(func() { b.listen(s) })
	}
	return s, nil
}

// initialized takes over what the server has answered to initialize.
func (b *Bridge) initialized(ctx context.Context, s *session) {
	b.mu.Lock()
	old := b.session
	b.session = s
	b.mu.Unlock()
	if old != nil { // a client that initializes twice
		old.close()
		b.begin(func() {
			ctx, cancel := context.WithTimeout(ctx, farewell)
			defer cancel()
			old.end(ctx, b)
		})
	}
}
