//go:build unix

package console

import (
	"cmp"
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

// issued are tokens, and when they end.
type issued map[digest]time.Time

// issue makes a token.
func (i issued) issue(now time.Time, life time.Duration) string {
	maps.DeleteFunc(i, func(_ digest, end time.Time) bool { return !now.Before(end) })
	if len(i) >= maxSessions {
		first := slices.MinFunc(slices.Collect(maps.Keys(i)), func(a, b digest) int {
			return cmp.Or(i[a].Compare(i[b]), slices.Compare(a[:], b[:]))
		})
		delete(i, first)
	}
	var random [32]byte
	rand.Read(random[:]) // never fails
	token := hex.EncodeToString(random[:])
	i[digestOf(token)] = now.Add(life)
	return token
}

// has reports whether the token is one of them and has not ended.
func (i issued) has(token string, now time.Time) bool {
	end, ok := i[digestOf(token)]
	return ok && now.Before(end)
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

func (c *Console) makeTicket(*http.Request) (any, error) {
	s := &c.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tickets == nil {
		s.tickets = issued{}
	}
	return ticket{s.tickets.issue(c.Now(), ticketLife)}, nil
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
	good := s.tickets.has(given.Ticket, now)
	delete(s.tickets, digestOf(given.Ticket))
	if !good {
		c.Refused(metric.WrongToken)
		return nil, &Fault{http.StatusUnauthorized,
			"the ticket is not good any more: it is good once, and for a minute. Type furl console to get another"}
	}
	if s.sessions == nil {
		s.sessions = issued{}
	}
	return session{s.sessions.issue(now, sessionLife), now.Add(sessionLife).UTC()}, nil
}

// Admits reports whether the token is that of a session, which lasts longer by it.
func (c *Console) Admits(token string) bool {
	s, now := &c.sessions, c.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sessions.has(token, now) {
		return false
	}
	s.sessions[digestOf(token)] = now.Add(sessionLife)
	return true
}
