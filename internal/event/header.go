package event

import (
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/furlproto"
)

// field is one header of the event: a name and its values, nearly always one.
type field struct {
	name, value string
	more        []string
}

// hopByHop are the headers that concern one connection only and are not passed on (RFC 9110, 7.6.1).
var hopByHop = [...]string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade",
}

// appendHeaders appends the value of "headers": names in lower case, in order, repeated headers joined by a comma.
func appendHeaders(dst []byte, r *Request) []byte {
	var space [40]field
	dst = append(dst, '{')
	for i, f := range sortedFields(space[:0], r) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendLowerString(dst, f.name)
		dst = append(dst, ':')
		dst = appendJoined(dst, f.value, f.more)
	}
	return append(dst, '}')
}

// sortedFields appends the headers that the function sees, in order.
func sortedFields(fields []field, r *Request) []field {
	fields = headerFields(fields, r)
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return fields
}

// headerFields collects the headers that the function sees: those of the client, and those that the front end adds.
func headerFields(fields []field, r *Request) []field {
	named := r.Header["Connection"]
	for name, values := range r.Header {
		if len(values) == 0 || isReplaced(name, r.Caller != nil) || slices.Contains(hopByHop[:], name) ||
			isNamed(named, name) && !isSigned(r.Signed, name) {
			continue
		}
		fields = append(fields, field{name, values[0], values[1:]})
	}

	proto := "http"
	if r.HTTPS {
		proto = "https"
	}
	fields = append(fields,
		field{name: "Host", value: r.Host},
		field{name: "X-Amzn-Trace-Id", value: traceHeader(r)},
		field{name: "X-Forwarded-For", value: forwardedFor(r)},
		field{name: "X-Forwarded-Port", value: r.Port},
		field{name: "X-Forwarded-Proto", value: proto})
	if _, sent := r.Header["Content-Length"]; sent || len(r.Body) > 0 {
		fields = append(fields, field{name: "Content-Length", value: strconv.Itoa(max(r.Size, len(r.Body)))})
	}
	if r.HTTPS && r.TLSVersion != "" {
		fields = append(fields, field{name: "X-Amzn-Tls-Version", value: r.TLSVersion})
	}
	if r.HTTPS && r.TLSCipher != "" {
		fields = append(fields, field{name: "X-Amzn-Tls-Cipher-Suite", value: r.TLSCipher})
	}
	return fields
}

// isReplaced reports whether the function does not see the client's header as it is: the front end has its own, or, for
// the signature that it has verified, none.
func isReplaced(name string, verified bool) bool {
	switch name {
	case "Host", "Content-Length", "X-Amzn-Trace-Id", "X-Amzn-Tls-Version", "X-Amzn-Tls-Cipher-Suite",
		"X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", furlproto.CanonicalRequest:
		return true
	default:
		return verified && name == "Authorization"
	}
}

// isNamed reports whether a Connection header says that this header concerns only the connection.
func isNamed(connection []string, name string) bool {
	for _, value := range connection {
		for option := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(option), name) {
				return true
			}
		}
	}
	return false
}

// isSigned reports whether the caller signed the header. Clients do not sign the Connection header: one that is added
// on the way must not take away a header that they did sign.
func isSigned(signed []string, name string) bool {
	_, found := slices.BinarySearch(signed, strings.ToLower(name))
	return found
}

// forwardedFor is the peer's address, unless the client sent the header itself: then it is the leftmost address of
// what the client sent, and the peer is not added. So a client can put any address there; functions can trust
// requestContext.http.sourceIp. (Measured: Speedrun, "Obtaining caller ip address with Lambda FURLs", March 2026.)
func forwardedFor(r *Request) string {
	first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ",")
	if first = strings.TrimSpace(first); first != "" {
		return first
	}
	return r.SourceIP
}

// traceHeader names this request's segment as the root of a trace, or as a part of the trace the client sent.
func traceHeader(r *Request) string {
	if received := r.Header.Get("X-Amzn-Trace-Id"); received != "" {
		return "Self=" + r.TraceID + ";" + received
	}
	return "Root=" + r.TraceID
}
