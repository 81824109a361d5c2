package auth

import (
	"time"

	"github.com/furl-dev/furl/internal/trace"
)

// Kept is how many verifiers the gate keeps.
func (g *Gate) Kept() int { return int(g.kept.Load()) }

// Allowed is how many of n refusals are diagnosed at each of these moments.
func Allowed(n int, moments ...time.Time) (allowed []int) {
	var l limiter
	for _, now := range moments {
		count := 0
		for range n {
			if l.allow(now) {
				count++
			}
		}
		allowed = append(allowed, count)
	}
	return allowed
}

// Differ is two texts as they are shown, and what differs in them.
func Differ(server, client string) (string, string, []trace.Differ) {
	server, client = visible(server), visible(client)
	return server, client, differ(server, client)
}
