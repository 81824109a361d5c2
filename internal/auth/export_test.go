package auth

import "time"

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
