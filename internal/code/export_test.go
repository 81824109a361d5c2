//go:build unix

package code

// SetLimits makes limits small enough to be reached in a test.
func (s *Store) SetLimits(zipped, unzipped int64, entries int) {
	s.limits = limits{zipped: zipped, unzipped: unzipped, entries: entries}
}

// Grace is how long a package is safe from Sweep.
const Grace = grace

// Duplicate copies a file of a layer where the file system makes no hard link to it.
var Duplicate = duplicate

// CheckCount refuses an archive with more entries than the limit.
var CheckCount = checkCount
