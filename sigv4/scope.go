package sigv4

import (
	"net/http"
	"strings"
)

// Scope is the credential of a request, as its sender wrote it: access key id, day (YYYYMMDD), region and service.
type Scope struct {
	AccessKeyID string
	Date        string
	Region      string
	Service     string
}

// appendTail appends date/region/service/aws4_request.
func (s Scope) appendTail(dst []byte) []byte {
	dst = append(dst, s.Date...)
	dst = append(dst, '/')
	dst = append(dst, s.Region...)
	dst = append(dst, '/')
	dst = append(dst, s.Service...)
	dst = append(dst, '/')
	return append(dst, terminator...)
}

// parseCredential splits a credential into exactly five parts.
func parseCredential(credential string) (s Scope, term string, ok bool) {
	var parts [5]string
	more := true
	for i := range parts {
		if !more {
			return Scope{}, "", false
		}
		parts[i], credential, more = cut(credential, '/')
	}
	return Scope{parts[0], parts[1], parts[2], parts[3]}, parts[4], !more
}

// ParseScope reads the credential a request claims, from its Authorization header or else its query, without
// verifying anything: it is meant for routing to the right [Verifier] and must never decide what a caller may do.
// It reports false if there is none or it has not exactly five parts ending in "aws4_request".
func ParseScope(r *http.Request) (Scope, bool) {
	credential := ""
	if values := r.Header[keyAuthorization]; len(values) > 0 {
		rest, ok := strings.CutPrefix(values[0], algorithm)
		if !ok {
			return Scope{}, false
		}
		for item := range strings.SplitSeq(rest, ",") {
			if v, ok := strings.CutPrefix(trim(item), "Credential="); ok {
				credential = v
			}
		}
	} else {
		_, raw := splitTarget(target(r))
		for part := range strings.SplitSeq(raw, "&") {
			key, value, _ := strings.Cut(part, "=")
			if key == paramCredential && checkEscapes(value) == "" {
				credential = unescape(value)
				break
			}
		}
	}
	s, term, ok := parseCredential(credential)
	if !ok || term != terminator {
		return Scope{}, false
	}
	return s, true
}
