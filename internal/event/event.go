// Package event translates between HTTP and the JSON that a function behind a function URL gets and answers:
// payload format 2.0 on the way in, the response envelope or the streaming prelude on the way out.
//
// Everything here is a pure function of its arguments. The package does not read from a connection, verify a
// signature, look anything up or log: its caller has read and verified the request. It refuses what would make an
// invalid HTTP answer (header values with line breaks, statuses that do not exist) and anything over its limits.
//
// The AWS Lambda Developer Guide describes the format in "Invoking Lambda function URLs"; where real function URLs are
// known to differ from that page, the code follows what they do and says so.
package event

import (
	"cmp"
	"encoding/base64"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// MaxEvent is the largest event of a synchronous invocation, in bytes. It counts the whole event: the envelope,
	// and a binary body after base64 has made it a third longer (AWS Lambda Developer Guide, "Lambda quotas").
	MaxEvent = 6 << 20

	// MaxResponse is the largest answer that is not streamed, in bytes: 6 MiB and a little room for the envelope. The
	// Runtime API names the number in its 413 answer.
	MaxResponse = 6<<20 + 100
)

// Request is everything that an event consists of. It has been read and, where Caller is set, verified.
type Request struct {
	Method string
	// Target is the request target the function sees: path and query exactly as received, percent-encoding
	// untouched, without any prefix by which a server routes.
	Target string
	Proto  string // for example HTTP/1.1
	Host   string // the Host header
	// Header holds the other headers as net/http gives them: canonical names, values in order of arrival.
	Header http.Header
	Signed []string // lower-case names of the headers that the caller signed, sorted: the function sees them all
	Body   []byte   // empty when the request has no body; the event then has no "body" either
	Size   int      // of a body that Body is the beginning of, else 0

	SourceIP   string // the peer of the TCP connection
	Port       string // the port the client connected to
	HTTPS      bool
	TLSVersion string // for example TLSv1.3; seen by the function if HTTPS is set and this is not empty
	TLSCipher  string // for example TLS_AES_128_GCM_SHA256; likewise
	URLID      string // first label of the function URL's host name
	DomainName string // the function URL's host name
	RequestID  string // the invocation's id, a UUID
	TraceID    string // id of the trace segment of this request, in the form 1-xxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx
	Time       time.Time
	Caller     *Caller // who signed the request; nil for a URL whose AuthType is NONE
}

// Caller is a verified identity, as the function sees it in requestContext.authorizer.iam.
type Caller struct {
	AccessKey      string // AKIA… or ASIA…
	AccountID      string // twelve digits
	CallerID       string // AIDA…, or AROA…:session for a role
	UserARN        string // the user's ARN, or the session's for a role
	UserID         string // the same as CallerID
	PrincipalOrgID string // o-…; empty outside an organization, which the function sees as null
}

// Append appends the event for r to dst, as JSON, and returns the extended slice.
// The result may be longer than [MaxEvent]; the caller has to refuse it.
//
// Bytes that are not UTF-8 cannot stand in JSON and become U+FFFD, except in a body, which then goes as base64.
func Append(dst []byte, r *Request) []byte {
	dst, _, _ = appendEvent(dst, r)
	return dst
}

// appendEvent is Append. It answers as well where in dst the requestContext begins and ends.
func appendEvent(dst []byte, r *Request) (appended []byte, from, to int) {
	path, query := r.pathAndQuery()
	dst = slices.Grow(dst, r.sizeHint())
	dst = AppendMember(dst, `{"version":"2.0","routeKey":"$default","rawPath":`, path)
	dst = AppendMember(dst, `,"rawQueryString":`, query)
	dst = appendCookies(dst, r.Header["Cookie"])
	dst = append(dst, `,"headers":`...)
	dst = appendHeaders(dst, r)
	dst = appendQueryParameters(dst, query)
	dst = append(dst, `,"requestContext":`...)
	from = len(dst)
	dst = appendContext(dst, r, path)
	to = len(dst)
	dst = appendBody(dst, r)
	return append(dst, '}'), from, to
}

func (r *Request) pathAndQuery() (path, query string) {
	path, query, _ = strings.Cut(r.Target, "?")
	return cmp.Or(path, "/"), query
}

// sizeHint is about the length of the event, so that appending seldom moves it.
func (r *Request) sizeHint() int {
	size := 1536 + 3*len(r.Target) + len(r.Body)
	if !isText(r.Header.Get("Content-Type")) {
		size += len(r.Body) / 3
	}
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + 8
		}
	}
	return size
}

// appendCookies appends the "cookies" member, which is absent without cookies. Unlike API Gateway, a function URL
// leaves the cookie header in "headers" as well.
func appendCookies(dst []byte, headers []string) []byte {
	const first, next = `,"cookies":[`, ","
	before := first
	for cookie := range cookies(headers) {
		dst = AppendMember(dst, before, cookie)
		before = next
	}
	if before == first {
		return dst
	}
	return append(dst, ']')
}

// cookies are those of the headers of that name.
func cookies(headers []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, header := range headers {
			for cookie := range strings.SplitSeq(header, ";") {
				if cookie = strings.TrimSpace(cookie); cookie != "" && !yield(cookie) {
					return
				}
			}
		}
	}
}

// appendContext appends the value of "requestContext".
func appendContext(dst []byte, r *Request, path string) []byte {
	account := "anonymous"
	if r.Caller != nil {
		// The Developer Guide calls this the owner of the function; captured events hold the account of the caller.
		account = r.Caller.AccountID
	}
	dst = AppendMember(dst, `{"accountId":`, account)
	dst = AppendMember(dst, `,"apiId":`, r.URLID)
	if r.Caller != nil {
		dst = append(dst, `,"authorizer":{"iam":`...)
		dst = appendCaller(dst, r.Caller)
		dst = append(dst, '}')
	}
	dst = AppendMember(dst, `,"domainName":`, r.DomainName)
	dst = AppendMember(dst, `,"domainPrefix":`, r.URLID)
	dst = AppendMember(dst, `,"http":{"method":`, r.Method)
	dst = AppendMember(dst, `,"path":`, decode(path, false))
	dst = AppendMember(dst, `,"protocol":`, r.Proto)
	dst = AppendMember(dst, `,"sourceIp":`, r.SourceIP)
	dst = AppendMember(dst, `,"userAgent":`, r.Header.Get("User-Agent"))
	dst = AppendMember(dst, `},"requestId":`, r.RequestID)
	dst = append(dst, `,"routeKey":"$default","stage":"$default","time":"`...)
	dst = r.Time.UTC().AppendFormat(dst, "02/Jan/2006:15:04:05 +0000")
	dst = append(dst, `","timeEpoch":`...)
	dst = strconv.AppendInt(dst, r.Time.UnixMilli(), 10)
	return append(dst, '}')
}

func appendCaller(dst []byte, c *Caller) []byte {
	dst = AppendMember(dst, `{"accessKey":`, c.AccessKey)
	dst = AppendMember(dst, `,"accountId":`, c.AccountID)
	dst = AppendMember(dst, `,"callerId":`, c.CallerID)
	dst = append(dst, `,"cognitoIdentity":null,"principalOrgId":`...)
	if c.PrincipalOrgID == "" {
		dst = append(dst, "null"...)
	} else {
		dst = AppendString(dst, c.PrincipalOrgID)
	}
	dst = AppendMember(dst, `,"userArn":`, c.UserARN)
	dst = AppendMember(dst, `,"userId":`, c.UserID)
	return append(dst, '}')
}

// appendBody appends "body", which is absent without one, and "isBase64Encoded".
func appendBody(dst []byte, r *Request) []byte {
	if len(r.Body) == 0 {
		return append(dst, `,"isBase64Encoded":false`...)
	}
	dst = append(dst, `,"body":`...)
	if isText(r.Header.Get("Content-Type")) && utf8.Valid(r.Body) {
		dst = AppendString(dst, r.Body)
		return append(dst, `,"isBase64Encoded":false`...)
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, r.Body)
	return append(dst, `","isBase64Encoded":true`...)
}

// isText says whether a body of this content type goes into the event as it is rather than as base64. The list is
// short: forms, multipart bodies, +json types and bodies without a content type are all base64.
func isText(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.TrimSpace(media)
	if len(media) >= len("text/") && strings.EqualFold(media[:len("text/")], "text/") {
		return true
	}
	return strings.EqualFold(media, "application/json") ||
		strings.EqualFold(media, "application/xml") ||
		strings.EqualFold(media, "application/javascript")
}
