package sandbox

import (
	"os"
	"path/filepath"
	"regexp"
	"sync"
)

// Opening says how a function gets to see more.
const Opening = "functions see the system's programs, their own code and a private /tmp, and write only there; " +
	"furl serve --sandbox-read DIR or --sandbox-write DIR opens another directory"

// The words of C libraries, Go, Rust, Node.js, Python, Java and .NET for what a sandbox denies and for what it hides.
var denials = sync.OnceValues(func() (denied, missing *regexp.Regexp) {
	return regexp.MustCompile(`(?i)permission denied|operation not permitted|read-only file system|PermissionError|` +
			`PermissionDenied|\bE(ACCES|PERM|ROFS)\b|nio\.file\.AccessDeniedException|UnauthorizedAccessException`),
		regexp.MustCompile(`(?i)no such file or directory|ENOENT|FileNotFoundError|NoSuchFileException|FileNotFoundException`)
})

// absolutePath finds paths in the text of an error.
var absolutePath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("/[^\\s'\"`:;,()<>]+") })

// maxErrorText and maxErrorPaths bound the look at what a function chose to write.
const (
	maxErrorText  = 64 << 10
	maxErrorPaths = 16
)

// MayExplain reports whether the sandbox may be why a function failed with the error: it was denied something, or
// misses a file that exists outside.
func (s *Sandbox) MayExplain(text []byte) bool {
	if !s.confines() {
		return false
	}
	text = text[:min(len(text), maxErrorText)]
	denied, missing := denials()
	if denied.Match(text) {
		return true
	}
	if !missing.Match(text) {
		return false
	}
	for _, path := range absolutePath().FindAll(text, maxErrorPaths) {
		if s.hides(filepath.Clean(string(path))) {
			return true
		}
	}
	return false
}

// hides reports whether there is something at a path that functions do not see.
func (s *Sandbox) hides(path string) bool {
	if _, err := os.Lstat(path); err != nil {
		return false
	}
	return !s.shows(path)
}
