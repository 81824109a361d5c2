//go:build unix

package app

import "github.com/furl-dev/furl/internal/roster"

// PageToken is the server's page token.
func (s *Server) PageToken() string { return s.pageToken.Reveal() }

// UsesCode reports whether the server keeps the package with the hash.
func (s *Server) UsesCode(hash string) bool { return s.usedCode()(hash) }

// DataDirContents are the names that the server knows in its data directory.
func DataDirContents() (names []string) {
	for _, part := range contents {
		names = append(names, part.name)
	}
	return append(names, roster.PageTokenFile) // which is made anew where others may have read it
}

// SystemSteps are the changes of a system with the trust stores: each a directory, and the command that makes it known.
func SystemSteps(stores [][]string, file, name string, text []byte) ([]Step, error) {
	var all []systemStore
	for _, store := range stores {
		all = append(all, systemStore{store[0], store[1:]})
	}
	return systemSteps(all, file, name, text)
}
