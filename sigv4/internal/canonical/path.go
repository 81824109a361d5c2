package canonical

import (
	"bytes"
	"strings"
)

// PathForm says which reading of a path is canonicalized. Clients disagree, so a verifier may try several.
type PathForm uint8

const (
	// Normal removes dot segments as RFC 3986, 5.2.4 does and collapses slashes. It is the form AWS documents
	// ("Create a signed AWS API request": normalize, then encode twice, for every service but S3).
	Normal PathForm = iota
	// AsSent keeps every segment: the AWS SDK for Go and curl sign so.
	AsSent
	// Bare differs from Normal only in a last segment of dots, after which it leaves no slash: botocore signs
	// /a/b/.. as /a where RFC 3986 and the SDK for Rust have /a/.
	Bare
)

// PlainPath reports whether all forms of the path agree. It may say no of a path with a segment such as .well-known.
func PlainPath(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.Contains(path, "//") && !strings.Contains(path, "/.")
}

// AboveRoot reports whether some prefix of the path has more ".." than segments: AWS front ends answer 400.
func AboveRoot(path string) bool {
	if !strings.Contains(path, "..") {
		return false
	}
	depth := 0
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return true
			}
		default:
			depth++
		}
	}
	return false
}

// AppendPath appends the canonical form of a path as it stands on the wire (still percent-encoded, without query).
// Every byte is encoded once more, so %20 becomes %2520; only '/' and unreserved bytes stay.
func AppendPath(dst []byte, path string, form PathForm) []byte {
	if path == "" {
		return append(dst, '/')
	}
	if form == AsSent || PlainPath(path) {
		return appendEncoded(dst, path, unreserved|slash)
	}
	return AppendNormal(dst, path, form == Normal, AppendEscaped)
}

// AppendNormal appends the path without empty and dot segments, each other segment through encode, which must not
// write a slash. dotSlash says whether dots at the end leave a slash.
func AppendNormal(dst []byte, path string, dotSlash bool, encode func([]byte, string) []byte) []byte {
	base, last := len(dst), ""
	for last = range strings.SplitSeq(path, "/") {
		switch last {
		case "", ".":
		case "..":
			// The last slash written is where the segment before begins.
			dst = dst[:base+max(0, bytes.LastIndexByte(dst[base:], '/'))]
		default:
			dst = encode(append(dst, '/'), last)
		}
	}
	dots := last == "." || last == ".."
	if len(dst) == base || last == "" || dots && dotSlash {
		dst = append(dst, '/')
	}
	return dst
}

// SplitTarget splits a request target at the first '?', and takes scheme and authority off an absolute one.
func SplitTarget(target string) (path, query string) {
	path, query, _ = strings.Cut(target, "?")
	if path == "" || path[0] == '/' {
		return path, query
	}
	_, rest, absolute := strings.Cut(path, "://")
	if !absolute {
		return path, query
	}
	_, path, found := strings.Cut(rest, "/")
	if found {
		path = "/" + path
	}
	return path, query
}
