//go:build unix

package logs

// Journals is how many functions the store holds anything in memory for.
func (s *Store) Journals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.journals)
}

// Bounds of what waits in memory and of open files.
const (
	MaxPending = maxPending
	MaxQueued  = maxQueued
	MaxOpen    = maxOpen
)

var DirName = dirName

// Queued is how many bytes wait to be written.
func (s *Store) Queued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queued
}
