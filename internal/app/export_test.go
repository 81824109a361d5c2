package app

// PageToken is the server's page token.
func (s *Server) PageToken() string { return s.pageToken.Reveal() }

// DataDirContents are the names that the server knows in its data directory.
func DataDirContents() (names []string) {
	for _, part := range contents {
		names = append(names, part.name)
	}
	return append(names, pageTokenFileName) // which is made anew where others may have read it
}
