package sigv4

import "bytes"

// pathForm says which reading of a path is canonicalised. Clients disagree, so a verifier may try several.
type pathForm uint8

const (
	// pathNormal removes dot segments as RFC 3986, 5.2.4 does and collapses slashes. It is the form AWS documents
	// ("Create a signed AWS API request": normalise, then encode twice, for every service but S3).
	pathNormal pathForm = iota
	// pathAsSent keeps every segment: the AWS SDK for Go and curl sign so.
	pathAsSent
	// pathBare differs from pathNormal in a last segment of dots only, after which it leaves no slash:
	// botocore signs /a/b/.. as /a where RFC 3986 and the SDK for Rust have /a/.
	pathBare
)

// plainPath reports whether all forms of the path agree.
func plainPath(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for i := 0; i < len(path); i++ {
		if path[i] != '/' || i+1 == len(path) {
			continue
		}
		switch path[i+1] {
		case '/':
			return false
		case '.':
			seg, _, _ := cut(path[i+1:], '/')
			if seg == "." || seg == ".." {
				return false
			}
		}
	}
	return true
}

// unreservedPath reports whether a path is its own canonical form: that of most requests.
func unreservedPath(path string) bool {
	for i := 0; i < len(path); i++ {
		if classes[path[i]]&(isUnreserved|isSlash) == 0 {
			return false
		}
	}
	return plainPath(path)
}

// appendPath appends the canonical form of a path as it stands on the wire (still percent-encoded, without query).
// Every byte is encoded once more, so %20 becomes %2520; only '/' and unreserved bytes stay.
func appendPath(dst []byte, path string, form pathForm) []byte {
	if path == "" {
		return append(dst, '/')
	}
	if form == pathAsSent || plainPath(path) {
		return appendEncoded(dst, path, isUnreserved|isSlash)
	}
	return normalise(dst, path, form == pathNormal, appendEscaped)
}

// normalise appends the path without empty and dot segments, each other segment through enc, which must not write a
// slash. dotSlash says whether dots at the end leave a slash.
func normalise(dst []byte, path string, dotSlash bool, enc func([]byte, string) []byte) []byte {
	base := len(dst)
	last := ""
	for more := true; more; {
		switch last, path, more = cut(path, '/'); last {
		case "", ".":
		case "..":
			// The last slash written is where the segment before begins.
			dst = dst[:base+max(0, bytes.LastIndexByte(dst[base:], '/'))]
		default:
			dst = append(dst, '/')
			dst = enc(dst, last)
		}
	}
	dots := last == "." || last == ".."
	if len(dst) == base || last == "" || dots && dotSlash {
		dst = append(dst, '/')
	}
	return dst
}

// climbsAboveRoot reports whether some prefix of the path has more ".." than segments: AWS front ends answer 400.
func climbsAboveRoot(path string) bool {
	depth := 0
	for more := true; more; {
		var seg string
		switch seg, path, more = cut(path, '/'); seg {
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
