//go:build unix

package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/furl-dev/furl/internal/console"
	"github.com/furl-dev/furl/internal/metric"
)

// clocked is a console whose time a test sets, and what it counted as refused.
type clocked struct {
	*console.Console
	t       *testing.T
	now     time.Time
	refused []metric.Refusal
}

func newClocked(t *testing.T) *clocked {
	c := &clocked{Console: &console.Console{}, t: t, now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
	c.Now = func() time.Time { return c.now }
	c.Refused = func(reason metric.Refusal) { c.refused = append(c.refused, reason) }
	c.Open()
	return c
}

func (c *clocked) post(path, body string) (status int, answer map[string]string) {
	recorder := httptest.NewRecorder()
	c.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/_furl/v1/"+path, strings.NewReader(body)))
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
		c.t.Errorf("%s: %s (%v)", path, recorder.Body, err)
	}
	return recorder.Code, answer
}

func (c *clocked) ticket() string {
	_, answer := c.post("ticket", "")
	return answer["ticket"]
}

func (c *clocked) trade(ticket string) (status int, answer map[string]string) {
	return c.post("session", fmt.Sprintf(`{"ticket":%q}`, ticket))
}

// A ticket is good once, for a minute, and what it gives is another token.
func TestTicket(t *testing.T) {
	c := newClocked(t)
	ticket := c.ticket()
	if other := c.ticket(); len(ticket) != 64 || other == ticket {
		t.Errorf("tickets %q and %q", ticket, other)
	}
	if c.Admits(ticket) {
		t.Error("a ticket is a session")
	}
	status, session := c.trade(ticket)
	if status != http.StatusOK || len(session["token"]) != 64 || session["token"] == ticket || session["expires"] != "2026-12-01T00:00:00Z" {
		t.Errorf("%d %v", status, session)
	}
	if !c.Admits(session["token"]) || len(c.refused) > 0 {
		t.Errorf("no session, and %v", c.refused)
	}
	late, inTime := c.ticket(), c.ticket()
	c.now = c.now.Add(time.Minute - time.Nanosecond)
	if status, _ := c.trade(inTime); status != http.StatusOK {
		t.Errorf("within the minute: %d", status)
	}
	c.now = c.now.Add(time.Nanosecond)
	for name, wrong := range map[string]string{
		"again": ticket, "late": late, "empty": "", "a session's token": session["token"], "longer": ticket + "0", "in capitals": strings.ToUpper(late),
	} {
		before := len(c.refused)
		if status, answer := c.trade(wrong); status != http.StatusUnauthorized || !strings.Contains(answer["message"], "furl console") {
			t.Errorf("%s: %d %v", name, status, answer)
		}
		if counted := c.refused[before:]; len(counted) != 1 || counted[0] != metric.WrongToken {
			t.Errorf("%s: counted %v", name, counted)
		}
	}
	for _, body := range []string{"", "[]", `{"ticket":1}`, `{"token":"x"}`} {
		if status, answer := c.post("session", body); status != http.StatusBadRequest || answer["message"] == "" {
			t.Errorf("%.20s: %d %v", body, status, answer)
		}
	}
}

// Who made a ticket learns when it is used, and that nobody uses it any more.
func TestTicketUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClocked(t)
		c.Now = time.Now
		wait := func(ticket string) <-chan string {
			answers := make(chan string, 1)
			go func() {
				recorder := httptest.NewRecorder()
				body := strings.NewReader(fmt.Sprintf(`{"ticket":%q}`, ticket))
				c.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/_furl/v1/ticket/use", body))
				answers <- strings.TrimSpace(recorder.Body.String())
			}()
			return answers
		}
		ticket := c.ticket()
		waiting := wait(ticket)
		synctest.Wait()
		select {
		case answer := <-waiting:
			t.Errorf("before its use: %s", answer)
		default:
		}
		c.trade(ticket)
		for name, answers := range map[string]<-chan string{"while waiting": waiting, "afterwards": wait(ticket)} {
			if got := <-answers; got != `{"used":true}` {
				t.Errorf("%s: %s", name, got)
			}
		}
		began := time.Now()
		unused := c.ticket()
		if got := <-wait(unused); got != `{"used":false}` || time.Since(began) != time.Minute {
			t.Errorf("a ticket that nobody used: %s after %s", got, time.Since(began))
		}
		for _, none := range []string{unused, "", "x"} {
			if got := <-wait(none); got != `{"used":false}` {
				t.Errorf("%q: %s", none, got)
			}
		}
	})
}

// Everybody on this machine may send a ticket, so a long one is not read.
func TestLongTicket(t *testing.T) {
	status, answer := newClocked(t).trade(strings.Repeat("x", 1<<20))
	if status != http.StatusRequestEntityTooLarge || answer["message"] != "the body has more than 1024 bytes" {
		t.Errorf("%d %v", status, answer)
	}
}

// One of two browsers with the same ticket gets a session.
func TestTicketTwiceAtOnce(t *testing.T) {
	c := newClocked(t)
	var mu sync.Mutex
	c.Refused = func(metric.Refusal) {}
	for range 50 {
		ticket, given := c.ticket(), 0
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if status, _ := c.trade(ticket); status == http.StatusOK {
					mu.Lock()
					given++
					mu.Unlock()
				}
			})
		}
		if both.Wait(); given != 1 {
			t.Fatalf("%d sessions", given)
		}
	}
}

// A session lasts for twelve hours after its last use.
func TestSessionEnds(t *testing.T) {
	c := newClocked(t)
	_, session := c.trade(c.ticket())
	for range 3 {
		c.now = c.now.Add(12*time.Hour - time.Nanosecond)
		if !c.Admits(session["token"]) {
			t.Fatal("the session has ended although it is used")
		}
	}
	c.now = c.now.Add(12 * time.Hour)
	if c.Admits(session["token"]) {
		t.Error("the session has not ended")
	}
}

// There are 64 sessions and 64 tickets: one more ends the one that was used longest ago.
func TestSessionsAreBounded(t *testing.T) {
	c := newClocked(t)
	tokens := make([]string, 64)
	for i := range tokens {
		c.now = c.now.Add(time.Second)
		_, session := c.trade(c.ticket())
		tokens[i] = session["token"]
	}
	c.now = c.now.Add(time.Second)
	if !c.Admits(tokens[0]) { // its use makes the second one the oldest
		t.Error("the first session has ended before its time")
	}
	c.now = c.now.Add(time.Second)
	c.trade(c.ticket())
	for i, token := range tokens {
		if got := c.Admits(token); got != (i != 1) {
			t.Errorf("session %d: %t", i, got)
		}
	}
	first := c.ticket()
	for range 64 {
		c.now = c.now.Add(time.Millisecond)
		c.ticket()
	}
	if status, _ := c.trade(first); status != http.StatusUnauthorized {
		t.Errorf("the oldest of 65 tickets: %d", status)
	}
}
