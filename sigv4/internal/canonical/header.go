package canonical

import (
	"net/http"
	"strconv"
	"strings"
)

// Keys, in a header map, of the headers that signers and verifiers read and write.
const (
	KeyAuthorization = "Authorization"
	KeyDate          = "X-Amz-Date"
	KeyToken         = "X-Amz-Security-Token"
	KeyContentSHA256 = "X-Amz-Content-Sha256"
)

// The same names as they stand in SignedHeaders.
const (
	Host          = "host"
	Authority     = ":authority"
	Authorization = "authorization"
	Date          = "x-amz-date"
	Token         = "x-amz-security-token"
	ContentSHA256 = "x-amz-content-sha256"
	ContentLength = "content-length"
	Transfer      = "transfer-encoding"
)

// Name is the name that a key of a header map has in SignedHeaders. For those of nearly every request it does not
// allocate.
func Name(key string) string {
	switch key {
	case KeyDate:
		return Date
	case KeyToken:
		return Token
	case KeyContentSHA256:
		return ContentSHA256
	}
	return strings.ToLower(key)
}

// AppendLine appends a canonical header line.
func AppendLine(dst []byte, name string, values []string) []byte {
	return append(AppendValues(append(append(dst, name...), ':'), values), '\n')
}

// AppendValues appends the values of a header, each without outer white space and with each inner run of it as one
// space, inside quotes too. AWS's text speaks of spaces only; its SDKs treat tabs and folded lines alike, and so does
// this.
func AppendValues(dst []byte, values []string) []byte {
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		// Session tokens are long and have none, which IndexByte sees faster than a loop.
		if strings.IndexByte(v, ' ') < 0 && strings.IndexByte(v, '\t') < 0 &&
			strings.IndexByte(v, '\n') < 0 && strings.IndexByte(v, '\r') < 0 {
			dst = append(dst, v...)
			continue
		}
		separator := ""
		for field := range strings.FieldsFuncSeq(v, isSpace) {
			dst = append(append(dst, separator...), field...)
			separator = " "
		}
	}
	return dst
}

func isSpace(c rune) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// Values returns the values of the header with this lower-case name, in wire order, of a request as a server received
// it. net/http keeps some headers outside the map, and room takes their value; one that it keeps nowhere counts as
// absent.
func Values(r *http.Request, name string, room *[1]string) []string {
	return valuesAt(r, headerKey(name), name, room)
}

// headerKey returns the key of a header in a header map, empty for those that net/http keeps elsewhere.
func headerKey(name string) string {
	switch name {
	case Date:
		return KeyDate
	case Token:
		return KeyToken
	case Host, Authority, Transfer:
		return ""
	}
	return http.CanonicalHeaderKey(name)
}

// valuesAt does what Values does, of a header whose key is known.
func valuesAt(r *http.Request, key, name string, room *[1]string) []string {
	if key != "" {
		if values := r.Header[key]; values != nil {
			return values
		}
	}
	room[0] = ""
	switch {
	case name == Transfer:
		return r.TransferEncoding
	case name == Host, name == Authority && r.ProtoMajor >= 2:
		room[0] = r.Host
	case name == ContentLength && r.ContentLength > 0:
		room[0] = strconv.FormatInt(r.ContentLength, 10)
	}
	if room[0] == "" {
		return nil
	}
	return room[:]
}

// NeverSigned reports whether a signer leaves the header out: the way to the server may add, change or remove it.
// The list is that of botocore 1.43 (connection … x-amzn-trace-id) with the sec- headers of the AWS Common Runtime.
func NeverSigned(name string) bool {
	switch name {
	case Authorization, "connection", "expect", "keep-alive", "te", "trailer", Transfer, "upgrade", "user-agent",
		"x-amzn-trace-id":
		return true
	}
	return strings.HasPrefix(name, "proxy-") || strings.HasPrefix(name, "sec-")
}
