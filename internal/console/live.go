//go:build unix

package console

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// maxFollowers is how many readers may follow the requests at the same time. Each costs a connection and a look at every
	// request.
	maxFollowers = 32

	// keepAlive is how long a stream is silent at most, so that nothing between the server and its reader closes it.
	keepAlive = 15 * time.Second
)

// live sends each request that is wanted as a server-sent event, from now on until the client goes or the server ends. A
// client that is slower than requests come misses the oldest.
func (c *Console) live(w http.ResponseWriter, r *http.Request) {
	wanted, err := readFilter(r.URL.Query())
	if err != nil {
		fail(w, err)
		return
	}
	if c.followers.Add(1) > maxFollowers {
		c.followers.Add(-1)
		fail(w, &Fault{http.StatusServiceUnavailable,
			fmt.Sprintf("%d readers follow the requests already; close one of them, such as another tab of the console", maxFollowers)})
		return
	}
	defer c.followers.Add(-1)
	following := c.Traces.Follow(r.Context(), keepAlive) // from here on, so that a client misses nothing after the header
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead { // there is nothing to wait for
		return
	}
	flusher := http.NewResponseController(w)
	send := func(text string) bool {
		_, err := io.WriteString(w, text)
		return err == nil && flusher.Flush() == nil
	}
	if !send(": live\n\n") {
		return
	}
	for found := range following {
		text := ": still here\n\n"
		if found != nil {
			line, ok := wanted.line(found)
			if !ok {
				continue
			}
			encoded, err := json.Marshal(line) // has no line breaks
			if err != nil {
				continue // not reached: a line consists of texts and numbers
			}
			text = "event: request\ndata: " + string(encoded) + "\n\n"
		}
		if !send(text) {
			return // the client is gone
		}
	}
}
