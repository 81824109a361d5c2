package sigv4

import (
	"net/http"
	"strconv"
	"strings"
)

// Canonical map keys of the headers this package reads and writes.
const (
	keyAuthorization = "Authorization"
	keyDate          = "Date"
	keyAmzDate       = "X-Amz-Date"
	keyToken         = "X-Amz-Security-Token"
	keyContentSHA256 = "X-Amz-Content-Sha256"
)

// The same names as they stand in SignedHeaders.
const (
	nameHost          = "host"
	nameAuthority     = ":authority"
	nameAuthorization = "authorization"
	nameAmzDate       = "x-amz-date"
	nameToken         = "x-amz-security-token"
	nameContentSHA256 = "x-amz-content-sha256"
	nameContentLength = "content-length"
	nameTransfer      = "transfer-encoding"
)

// field is a header to be signed: its lower-case name and its values in wire order.
type field struct {
	name   string
	values []string
}

// addField inserts f into fields, which stay sorted by name.
func addField(fields []field, f field) []field {
	fields = append(fields, f)
	i := len(fields) - 1
	for ; i > 0 && fields[i-1].name > f.name; i-- {
		fields[i] = fields[i-1]
	}
	fields[i] = f
	return fields
}

// appendFields appends the canonical header lines.
func appendFields(dst []byte, fields []field) []byte {
	for _, f := range fields {
		dst = appendLine(dst, f.name, f.values)
	}
	return dst
}

func appendLine(dst []byte, name string, values []string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ':')
	dst = appendValues(dst, values)
	return append(dst, '\n')
}

func appendValues(dst []byte, values []string) []byte {
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCollapsed(dst, v)
	}
	return dst
}

// appendNames appends the SignedHeaders list.
func appendNames(dst []byte, fields []field) []byte {
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, f.name...)
	}
	return dst
}

// appendCollapsed appends v without outer white space and with each inner run of it as one space, inside quotes
// too. AWS's text speaks of spaces only; its SDKs treat tabs and folded lines alike, and so does this.
func appendCollapsed(dst []byte, v string) []byte {
	if !hasSpace(v) {
		return append(dst, v...)
	}
	pending := false
	start := len(dst)
	for i := 0; i < len(v); i++ {
		c := v[i]
		if classes[c]&isSpace != 0 {
			pending = len(dst) > start
			continue
		}
		if pending {
			dst = append(dst, ' ')
			pending = false
		}
		dst = append(dst, c)
	}
	return dst
}

// hasSpace reports whether v may have white space: eight bytes at a time, since session tokens are long and have none.
func hasSpace(v string) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; len(v) >= 8; v = v[8:] {
		// Sets the high bit of each byte below '!', and of no other unless such a byte is there.
		if x := word(v); (x-ones*'!')&^x&high != 0 {
			return true
		}
	}
	for i := 0; i < len(v); i++ {
		if v[i] <= ' ' {
			return true
		}
	}
	return false
}

// lookup returns the values of the header with this lower-case name, in wire order, of a request as a server
// received it. net/http keeps some headers outside the map; one that it keeps nowhere counts as absent.
func (s *scratch) lookup(r *http.Request, name string) []string {
	switch name {
	case nameAmzDate:
		return r.Header[keyAmzDate]
	case nameToken:
		return r.Header[keyToken]
	case nameHost:
		return s.one(&s.host, r.Host)
	case nameAuthority:
		if r.ProtoMajor >= 2 {
			return s.one(&s.host, r.Host)
		}
		return nil
	case nameTransfer:
		return r.TransferEncoding
	}
	s.canon = append(s.canon[:0], name...)
	upper := true
	for i, c := range s.canon {
		if upper && 'a' <= c && c <= 'z' {
			s.canon[i] = c - 'a' + 'A'
		}
		upper = c == '-'
	}
	values := r.Header[string(s.canon)] // does not allocate
	if values == nil && name == nameContentLength && r.ContentLength > 0 {
		return s.one(&s.length, strconv.FormatInt(r.ContentLength, 10))
	}
	return values
}

func (s *scratch) one(cell *[1]string, v string) []string {
	if v == "" {
		return nil
	}
	cell[0] = v
	return cell[:]
}

// validName reports whether a SignedHeaders element is a lower-case header name.
func validName(name string) bool {
	if name == nameAuthority {
		return true
	}
	for i := 0; i < len(name); i++ {
		if classes[name[i]]&(isToken|isUpper) != isToken {
			return false
		}
	}
	return name != ""
}

// neverSigned reports whether a signer leaves the header out: the way to the server may add, change or remove it.
// The list is that of botocore 1.43 (connection … x-amzn-trace-id) with the sec- headers of the AWS Common Runtime.
func neverSigned(name string) bool {
	switch name {
	case nameAuthorization, "connection", "expect", "keep-alive", "te", "trailer", nameTransfer, "upgrade",
		"user-agent", "x-amzn-trace-id":
		return true
	}
	return strings.HasPrefix(name, "proxy-") || strings.HasPrefix(name, "sec-")
}

// role is how a signer treats a header.
type role uint8

const (
	roleSigned   role = iota // as any other
	roleUnsigned             // never signed
	roleOurs                 // set by Sign itself: authorization, date, token
	roleHash                 // x-amz-content-sha256
	roleLength               // content-length
	roleIllegal              // no header has this name
)

func roleOf(name string) role {
	switch {
	case name == nameAuthorization, name == nameAmzDate, name == nameToken:
		return roleOurs
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

// headerName is the name of a header as it is signed.
type headerName struct {
	lower string
	role  role
}

// maxKnown bounds the memory of name.
const maxKnown = 128

// name reads the spelling of a header's name in a map, with a memory: a client sends the same few headers again and
// again.
func (s *scratch) name(key string) headerName {
	n, ok := s.known[key]
	if !ok {
		n.lower = strings.ToLower(key)
		n.role = roleOf(n.lower)
		if len(s.known) < maxKnown {
			if s.known == nil {
				s.known = make(map[string]headerName)
			}
			s.known[strings.Clone(key)] = n
		}
	}
	return n
}
