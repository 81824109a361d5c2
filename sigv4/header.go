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

// appendLine appends a canonical header line.
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

// collapse returns the canonical form of a session token. It is long, and the same for many requests.
func (s *scratch) collapse(token string) string {
	if token != s.token {
		s.token, s.plain = token, string(appendCollapsed(nil, token))
	}
	return s.plain
}

// hasSpace reports whether v may have white space: eight bytes at a time, since session tokens are
// long and have none.
func hasSpace(v string) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	// Has the high bit of each byte below '!', and of no other unless such a byte is there.
	small := func(x uint64) uint64 { return (x - ones*'!') &^ x & high }
	for ; len(v) >= 32; v = v[32:] {
		if small(word(v))|small(word(v[8:]))|small(word(v[16:]))|small(word(v[24:])) != 0 {
			return true
		}
	}
	for ; len(v) >= 8; v = v[8:] {
		if small(word(v)) != 0 {
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
	s.canon = appendKey(s.canon[:0], name)
	values := r.Header[string(s.canon)] // does not allocate
	if values == nil && name == nameContentLength && r.ContentLength > 0 {
		return s.one(&s.length, strconv.FormatInt(r.ContentLength, 10))
	}
	return values
}

// appendKey appends a lower-case header name as it stands in a header map.
func appendKey(dst []byte, name string) []byte {
	upper := true
	for _, c := range []byte(name) {
		if upper && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper = c == '-'
		dst = append(dst, c)
	}
	return dst
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
