package auth

// Kept is how many verifiers the gate keeps.
func (g *Gate) Kept() int { return int(g.kept.Load()) }
