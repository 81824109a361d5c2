package sigv4

import (
	"crypto/sha256"
	"net/http"
	"strings"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
)

// canonical is the six parts of a canonical request. Signer, verifier and diagnosis all go through it.
type canonical struct {
	method  string
	path    []byte
	query   []byte
	headers []byte // one line per header, each ended by a newline
	names   []byte // SignedHeaders
	payload []byte // lower-case hexadecimal SHA-256
}

func (c *canonical) append(dst []byte) []byte {
	dst = append(dst, c.method...)
	dst = append(dst, '\n')
	dst = append(dst, c.path...)
	dst = append(dst, '\n')
	dst = append(dst, c.query...)
	dst = append(dst, '\n')
	dst = append(dst, c.headers...)
	dst = append(dst, '\n')
	dst = append(dst, c.names...)
	dst = append(dst, '\n')
	return append(dst, c.payload...)
}

// appendStringToSign appends the string to sign for a canonical request, which dst may hold. date is in ISO 8601
// basic format, tail that of the scope.
func appendStringToSign(dst []byte, date, tail string, canonicalRequest []byte) []byte {
	dst = append(dst, algorithm...)
	dst = append(dst, '\n')
	dst = append(dst, date...)
	dst = append(dst, '\n')
	dst = append(dst, tail...)
	dst = append(dst, '\n')
	sum := sha256.Sum256(canonicalRequest)
	return appendHex(dst, &sum)
}

// fill sets method, query and payload; headers and names are the caller's, the path is sign's.
func (s *scratch) fill(method string, payload [sha256.Size]byte) {
	s.q.sort()
	s.method = method
	s.query = s.q.append(s.query[:0])
	if payload != s.hashed || len(s.payload) == 0 {
		s.hashed, s.payload = payload, appendHex(s.payload[:0], &payload)
	}
}

// sign writes canonical request and string to sign to s.text, and the hexadecimal signature to s.mac.
func (s *scratch) sign(path string, form pathForm, date string) {
	s.path = appendPath(s.path[:0], path, form)
	s.text = s.append(s.text[:0])
	s.split = len(s.text)
	s.text = appendStringToSign(s.text, date, s.key.tail, s.text)
	s.hmac.Reset()
	s.hmac.Write(s.text[s.split:])
	s.hmac.Sum(s.sum[:0])
	appendHex(s.mac[:0], &s.sum)
}

// splitTarget splits a request target at the first '?', and takes scheme and authority off an absolute one.
func splitTarget(target string) (path, rawQuery string) {
	path, rawQuery, _ = cut(target, '?')
	if path == "" || path[0] == '/' {
		return path, rawQuery
	}
	if _, rest, ok := strings.Cut(path, "://"); ok {
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			return rest[i:], rawQuery
		}
		return "", rawQuery
	}
	return path, rawQuery
}

// target returns the request target as received, or as a client's transport would send it.
func target(r *http.Request) string {
	if r.RequestURI != "" || r.URL == nil {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}
