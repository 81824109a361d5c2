//go:build unix

package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/metric"
)

// A ticket is what a command gives a browser: it is good once, soon. A session is what the page trades it for, and lasts
// while it is used. Both are in memory alone, and of both only a few.
const (
	ticketLife  = time.Minute
	sessionLife = 12 * time.Hour // after its last use
	maxSessions = 64             // and as many tickets; the one that ends first makes room
)

// digest stands for a token, so that the time of a comparison tells nothing of it, and memory holds none.
type digest [sha256.Size]byte

func digestOf(token string) digest { return sha256.Sum256([]byte(token)) }

// issued are tokens.
type issued map[digest]*token

type token struct {
	end  time.Time
	used chan struct{} // closed when a ticket is used; it is kept until its end
}

// issue makes a token.
func (i issued) issue(now time.Time, life time.Duration) string {
	maps.DeleteFunc(i, func(_ digest, t *token) bool { return !now.Before(t.end) })
	if len(i) >= maxSessions {
		first := slices.MinFunc(slices.Collect(maps.Keys(i)), func(a, b digest) int { return i[a].end.Compare(i[b].end) })
		delete(i, first)
	}
	var random [32]byte
	rand.Read(random[:]) // never fails
	text := hex.EncodeToString(random[:])
	i[digestOf(text)] = &token{now.Add(life), make(chan struct{})}
	return text
}

// find is the token of that text, unless it has ended.
func (i issued) find(text string, now time.Time) (*token, bool) {
	found, ok := i[digestOf(text)]
	return found, ok && now.Before(found.end)
}

// sessions are the tickets and the sessions that there are.
type sessions struct {
	mu       sync.Mutex
	tickets  issued
	sessions issued
}

func (c *Console) sessionRoutes() []route {
	return []route{
		{pattern: "POST /ticket", answer: c.makeTicket},
		{pattern: "POST /ticket/use", answer: c.awaitUse},
		{pattern: "POST /session", answer: c.openSession},
	}
}

// ticket is a Ticket of the page.
type ticket struct {
	Ticket string `json:"ticket"`
}

// session is a Session of the page.
type session struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// use says whether a ticket was used.
type use struct {
	Used bool `json:"used"`
}

func (c *Console) makeTicket(*http.Request) (any, error) {
	s := &c.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	return ticket{s.tickets.issue(c.Now(), ticketLife)}, nil
}

// awaitUse answers when the ticket is used or has ended, so that a command knows when to remove its file.
func (c *Console) awaitUse(r *http.Request) (any, error) {
	given, err := readInto[ticket](r)
	if err != nil {
		return nil, err
	}
	s, now := &c.sessions, c.Now()
	s.mu.Lock()
	found, ok := s.tickets.find(given.Ticket, now)
	s.mu.Unlock()
	if !ok {
		return use{false}, nil
	}
	end := time.NewTimer(found.end.Sub(now))
	defer end.Stop()
	select {
	case <-found.used:
		return use{true}, nil
	case <-end.C:
	case <-r.Context().Done(): // of the client, or because the server ends
		return nil, &Fault{http.StatusServiceUnavailable, "the server ends"}
	}
	return use{false}, nil
}

// openSession trades a ticket for a session.
func (c *Console) openSession(r *http.Request) (any, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, 1<<10) // everybody on this machine may send one
	given, err := readInto[ticket](r)
	if err != nil {
		return nil, err
	}
	s, now := &c.sessions, c.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	found, good := s.tickets.find(given.Ticket, now)
	if good {
		select {
		case <-found.used:
			good = false
		default:
			close(found.used)
		}
	}
	if !good {
		c.Refused(metric.WrongToken)
		return nil, &Fault{http.StatusUnauthorized,
			"the ticket is not good any more: it is good once, and for a minute. Type furl console to get another"}
	}
	return session{s.sessions.issue(now, sessionLife), now.Add(sessionLife).UTC()}, nil
}

// Admits reports whether the token is that of a session, which lasts longer by it.
func (c *Console) Admits(token string) bool {
	s, now := &c.sessions, c.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.sessions.find(token, now)
	if ok {
		found.end = now.Add(sessionLife)
	}
	return ok
}
