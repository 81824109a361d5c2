package call

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// drawProgress shows on a terminal how far something is that takes longer than a second, in a line of at most 79 columns.
// stop ends that and clears the line.
func drawProgress(w io.Writer, lineAfter func(took time.Duration) string) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		start := time.Now()
		drawn := 0
		tick := time.Tick(time.Second)
		for {
			select {
			case now := <-tick:
				line := lineAfter(now.Sub(start))
				fmt.Fprintf(w, "\r%-*s", drawn, line)
				drawn = len(line)
			case <-done:
				if drawn > 0 {
					fmt.Fprintf(w, "\r%s\r", strings.Repeat(" ", drawn))
				}
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// progressLine is at most 79 columns long.
func progressLine(sent, received, expected int64, took time.Duration) string {
	var parts []string
	if sent > 0 {
		parts = append(parts, "sent "+byteSize(sent))
	}
	switch {
	case received > 0 && expected > 0:
		parts = append(parts, fmt.Sprintf("received %s of %s (%d%%)",
			byteSize(received), byteSize(expected), 100*received/expected))
	case received > 0:
		parts = append(parts, "received "+byteSize(received))
	default:
		parts = append(parts, "waiting for the response")
	}
	if moved := sent + received; moved > 0 {
		parts = append(parts, byteSize(int64(float64(moved)/took.Seconds()))+"/s")
	}
	return fmt.Sprintf("furl: %s, %ds", strings.Join(parts, ", "), int(took.Seconds()))
}

// byteSize formats a number of bytes for people.
func byteSize(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit {
		value /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[prefix])
}
