package code

import "errors"

// What is wrong with an archive, to be tested for with errors.Is. The error itself says more.
var (
	ErrNotZip           = errors.New("not a zip archive")
	ErrEmpty            = errors.New("zip archive has no files in it")
	ErrZippedTooLarge   = errors.New("zip archive is too large")
	ErrUnzippedTooLarge = errors.New("unzipped content is too large")
	ErrTooManyEntries   = errors.New("zip archive has too many entries")
	ErrUnsafeEntry      = errors.New("zip archive has an unsafe entry")
)

// ErrNotFound is returned for a package that is not in the store.
var ErrNotFound = errors.New("no such code package")
