//go:build unix

package attack_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
)

// As many silent connections as may be open keep others waiting until the server closes the first of them, not longer.
func TestNumberOfConnections(t *testing.T) {
	t.Parallel()
	const most, limit = 8, time.Second
	w := newWorld(t, func(c *app.Config) {
		c.Connections.MaxConnections, c.HeaderTimeout = most, limit
	})
	open := w.connections(t)
	eventually(t, "the connections of before are closed", func() bool { return open() <= 1 })
	begun := time.Now()
	for range 3 * most {
		dial(t, w.address)
	}
	eventually(t, "all connections are taken", func() bool { return open() == most-1 })
	w.ran(t, w.alice.call(t, w.iamURL))
	if waited := time.Since(begun); waited < limit/2 {
		t.Errorf("there were %d silent connections, %d may be open, and another was served after %s", 3*most, most, waited)
	}
	if !strings.Contains(w.log.String(), "new connections wait") {
		t.Error("the log does not say that connections wait")
	}
}

// A client that asks for large answers and reads none of them is cut off.
func TestClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *app.Config) { c.Connections.WriteTimeout = 500 * time.Millisecond })
	open := w.connections(t)
	echo := w.url(w.openURL, "POST", "/", strings.Repeat("x", 5*megabyte)).with("Content-Type: text/plain").wire()
	eventually(t, "the connections of before are closed", func() bool { return open() <= 1 })
	c := dial(t, w.address)
	go func() {
		for range 10 { // more than the operating system keeps for a reader
			c.write(echo)
		}
	}()
	eventually(t, "the client is served", func() bool { return open() == 2 })
	eventually(t, "the client is cut off", func() bool { return open() <= 1 })
	for id := range w.executed(t) { // the function ran for it
		w.mu.Lock()
		w.meant[id] = true
		w.mu.Unlock()
	}
}

// connections keeps a connection to the page of metrics. It returns how many connections the server counts besides
// that one: those that are open, and one more while the server waits for the next.
func (w *world) connections(t *testing.T) func() int {
	t.Helper()
	c := dial(t, w.address)
	return func() int {
		t.Helper()
		c.SetDeadline(time.Now().Add(patience)) //nolint:errcheck // a connection that is closed fails at once
		c.write(w.asOwner("/_furl/metrics").wire())
		a, err := c.read("GET")
		_, gauge, found := strings.Cut(a.body, "\nfurl_connections ")
		if err != nil || !found {
			t.Fatalf("%v, %v", a, err)
		}
		open, err := strconv.Atoi(gauge[:strings.IndexByte(gauge, '\n')])
		if err != nil {
			t.Fatal(err)
		}
		return open - 1
	}
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   string
	close  bool  // the server will close the connection
	broken error // what ended the body early
}

func (a answer) id() string { return a.header.Get("X-Amzn-Requestid") }

func (a answer) String() string { return fmt.Sprintf("%d %v\n%s", a.status, a.header, a.body) }

// connection is one connection to the server.
type connection struct {
	net.Conn
	reader *bufio.Reader
}

func dial(t testing.TB, address string) *connection {
	t.Helper()
	c, err := dialed(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func dialed(address string) (*connection, error) {
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReader(c)}, c.SetDeadline(time.Now().Add(patience))
}

// write sends text. The server may have refused and closed before it has read all of it, which is not for the
// sender to complain about.
func (c *connection) write(text string) {
	io.WriteString(c, text) //nolint:errcheck // as said above
}

// read reads one answer. An error means that the server closed the connection without one.
func (c *connection) read(method string) (answer, error) {
	response, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body), response.Close, err}, err
}

// exchange sends bytes on a connection of their own and reads one answer.
func exchange(t testing.TB, address, method, text string) answer {
	t.Helper()
	c := dial(t, address)
	defer c.Close()
	go c.write(text) // a server that answers early must not wait for a reader
	a, err := c.read(method)
	if err != nil {
		t.Fatalf("no answer to %.300q: %v", text, err)
	}
	return a
}

// patience is how long a test waits for the server before it counts as stuck; every socket has a deadline. It is long,
// because several tests with the race detector may share a small machine.
const patience = time.Minute
