package code

// SetLimits makes limits small enough to be reached in a test.
func (s *Store) SetLimits(zipped, unzipped int64, entries int) {
	s.limits = limits{zipped: zipped, unzipped: unzipped, entries: entries}
}

// Grace is how long a package is safe from Sweep.
const Grace = grace

// CheckCount refuses an archive with more entries than the limit.
var CheckCount = checkCount
