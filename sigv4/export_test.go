package sigv4

// CachedKeys is how many derived keys a verifier holds.
func CachedKeys(v *Verifier) int {
	v.memory.mu.RLock()
	defer v.memory.mu.RUnlock()
	return len(v.memory.keys)
}
