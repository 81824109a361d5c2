package sigv4

import (
	"net/http"
	"slices"
	"strings"
)

// role is how a signer treats a header.
type role uint8

const (
	roleSigned   role = iota // as any other
	roleUnsigned             // never signed, or replaced by Sign
	roleStale                // another spelling of one that Sign replaces
	roleHash                 // x-amz-content-sha256
	roleLength               // content-length
	roleIllegal              // no header has this name
	roleOwn                  // not of the request: set by Sign
)

func roleOf(key, name string) role {
	switch {
	case key == keyAuthorization, key == keyAmzDate, key == keyToken:
		return roleUnsigned
	case name == nameAuthorization, name == nameAmzDate, name == nameToken:
		return roleStale
	case name == nameContentSHA256:
		return roleHash
	case name == nameContentLength:
		return roleLength
	case name == nameHost, neverSigned(name): // Go sends Request.Host, not Header["Host"]
		return roleUnsigned
	case !validName(name):
		return roleIllegal
	}
	return roleSigned
}

// headerName is the name of a header as it stands in the map and as it is signed.
type headerName struct {
	key   string // the index in own if the role is roleOwn
	lower string
	role  role
	own   own
}

// own are the headers a signing adds to those of the request, by name.
type own uint8

const (
	ownHost own = iota
	ownHash
	ownDate
	ownToken
	ownCount
)

var ownNames = [ownCount]string{ownHost: nameHost, ownHash: nameContentSHA256, ownDate: nameAmzDate, ownToken: nameToken}

// headerSet is the names of a request's headers and of those a signer adds, sorted by lower-case name.
type headerSet []headerName

// maxKnown bounds the memory of name.
const maxKnown = 128

// name reads the spelling of a header's name in a map, with a memory: clients send the same headers again and again.
func (s *scratch) name(key string) headerName {
	n, ok := s.known[key]
	if !ok {
		n.key, n.lower = strings.Clone(key), strings.ToLower(key)
		n.role = roleOf(n.key, n.lower)
		if len(s.known) < maxKnown {
			if s.known == nil {
				s.known = make(map[string]headerName)
			}
			s.known[n.key] = n
		}
	}
	return n
}

// survey leaves the names of the headers in h, and of those a signer adds, in s.set.
func (s *scratch) survey(h http.Header) {
	s.set = s.set[:0]
	for i, name := range ownNames {
		s.set = append(s.set, headerName{lower: name, role: roleOwn, own: own(i)})
	}
	for key := range h {
		s.set = append(s.set, s.name(key))
	}
	slices.SortFunc(s.set, func(a, b headerName) int { return strings.Compare(a.lower, b.lower) })
}
