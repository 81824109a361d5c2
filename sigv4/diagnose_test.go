package sigv4_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

func query(edit func([][2]string) string) func(string) string {
	return func(raw string) string { return edit(rightPairs(raw)) }
}

func setLine(name, value string) func([][2]string) [][2]string {
	return func(lines [][2]string) [][2]string {
		for i := range lines {
			if lines[i][0] == name {
				lines[i][1] = value
			}
		}
		return lines
	}
}

func dropLine(name string) func([][2]string) [][2]string {
	return func(lines [][2]string) [][2]string {
		return slices.DeleteFunc(lines, func(l [2]string) bool { return l[0] == name })
	}
}

func replace(old, new string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, new, 1) }
}

func payload(f func(body string) string) func(string, string) string {
	return func(_, body string) string { return hashOf(f(body)) }
}

func header(kv ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(kv); i += 2 {
		h.Add(kv[i], kv[i+1])
	}
	return h
}

// TestDiagnose: each fault, told from a request that truly has it.
func TestDiagnose(t *testing.T) {
	none := func(string) string { return "" }
	tests := []struct {
		name   string
		client faulty
		want   sigv4.Fault
	}{
		// path
		{"path signed as in the URL", faulty{target: "/a%20b/c", signPath: same}, sigv4.FaultPathEncodedOnce},
		{"path encoded once from decoded", faulty{target: "/a%20b/(c)", signPath: func(p string) string {
			p, _ = url.PathUnescape(p)
			return rightPath(p)
		}}, sigv4.FaultPathEncodedOnce},
		{"path as in the URL with dots", faulty{target: "/a//./b%20c", signPath: same}, sigv4.FaultPathEncodedOnce},
		{"path normalised but not encoded again", faulty{target: "/x//a%20b", signPath: func(string) string { return "/x/a%20b" }}, sigv4.FaultPathEncodedOnce},
		{"path decoded", faulty{target: "/a%20b", signPath: func(p string) string { p, _ = url.PathUnescape(p); return p }}, sigv4.FaultPathNotEncoded},
		{"path encoded thrice", faulty{target: "/a%20b", signPath: func(p string) string { return rightPath(rightPath(p)) }}, sigv4.FaultPathOverencoded},
		{"escapes upper-cased by the signer", faulty{target: "/%c3%a9", signPath: func(p string) string { return rightPath(strings.ToUpper(p)) }}, sigv4.FaultPathEscapeCase},
		{"escapes lower-cased by the signer", faulty{target: "/%C3%A9", signPath: func(p string) string { return rightPath(strings.ToLower(p)) }}, sigv4.FaultPathEscapeCase},
		{"cut at a semicolon", faulty{target: "/a;b/c;d;e", signPath: func(string) string { return "/a%3Bb/c" }}, sigv4.FaultPathParameters},
		{"slash added on the way", faulty{target: "/a", way: func(r *http.Request) { r.RequestURI = "/a/" }}, sigv4.FaultPathSlash},
		{"slash taken on the way", faulty{target: "/a/", way: func(r *http.Request) { r.RequestURI = "/a" }}, sigv4.FaultPathSlash},
		{"empty path signed empty", faulty{target: "/?a=1", signPath: none}, sigv4.FaultPathSlash},
		{"prefix added on the way", faulty{target: "/orders?a=1", way: func(r *http.Request) { r.RequestURI = "/prod" + r.RequestURI }}, sigv4.FaultPathPrefix},
		{"two segments added on the way", faulty{target: "/", way: func(r *http.Request) { r.RequestURI = "/_furl/url/abc/" }}, sigv4.FaultPathPrefix},

		// query
		{"unsorted", faulty{target: "/?b=1&a=2", signQuery: query(joinPairs)}, sigv4.FaultQueryUnsorted},
		{"sorted before encoding", faulty{target: "/?%C3%A9=1&z=2&%7E=3", signQuery: func(raw string) string {
			v, _ := url.ParseQuery(raw)
			return strings.ReplaceAll(v.Encode(), "+", "%20")
		}}, sigv4.FaultQueryEarlySort},
		{"sorted as text", faulty{target: "/?a=2&a-b=1", signQuery: query(func(p [][2]string) string {
			texts := strings.Split(joinPairs(p), "&")
			slices.Sort(texts)
			return strings.Join(texts, "&")
		})}, sigv4.FaultQueryTextSort},
		{"url.Values.Encode", faulty{target: "/?b=1&a=2&a=1", signQuery: func(raw string) string {
			v, _ := url.ParseQuery(raw)
			return v.Encode()
		}}, sigv4.FaultQueryValueOrder},
		{"raw, sorted (botocore)", faulty{target: "/?t=12:30&a=1", signQuery: func(raw string) string {
			p := strings.Split(raw, "&")
			slices.Sort(p)
			return strings.Join(p, "&")
		}}, sigv4.FaultQueryRaw},
		{"raw, unsorted", faulty{target: "/?t=12:30&a=1", signQuery: same}, sigv4.FaultQueryRaw},
		{"plus as plus", faulty{target: "/?q=a+b", signQuery: func(raw string) string { return rightQuery(strings.ReplaceAll(raw, "+", "%2B")) }}, sigv4.FaultQueryPlus},
		{"space as plus", faulty{target: "/?q=a%20b&t=%2F", signQuery: func(raw string) string { return strings.ReplaceAll(rightQuery(raw), "%20", "+") }}, sigv4.FaultQuerySpacePlus},
		{"plus signed as a space", faulty{target: "/?q=a+b", way: func(r *http.Request) { r.RequestURI = "/?q=a%2Bb" }}, sigv4.FaultQueryPlus},
		{"plus sign sent as a space", faulty{target: "/?q=a%2Bb", way: func(r *http.Request) { r.RequestURI = "/?q=a%20b" }}, sigv4.FaultQueryPlus},
		{"encoded again on the way", faulty{target: "/?q=a%20b", way: func(r *http.Request) { r.RequestURI = "/?q=a%2520b" }}, sigv4.FaultQueryReencoded},
		{"decoded on the way", faulty{target: "/?q=%2525", way: func(r *http.Request) { r.RequestURI = "/?q=%25" }}, sigv4.FaultQueryDecoded},
		{"bare key", faulty{target: "/?a&b=1", signQuery: func(string) string { return "a&b=1" }}, sigv4.FaultQueryBareKey},
		{"bare keys left out", faulty{target: "/?b&a=1&c", signQuery: func(string) string { return "a=1" }}, sigv4.FaultQueryBareKey},
		{"as in the URL", faulty{target: "/?b&a=1&&c", signQuery: same}, sigv4.FaultQueryRaw},
		{"encoded by the HTTP library", faulty{target: "/?b=%5B1%5D&a=x%20y", signQuery: func(string) string { return "a=x y&b=[1]" }}, sigv4.FaultQueryReencoded},
		{"empty pair signed", faulty{target: "/?a=1&&b=2", signQuery: func(string) string { return "=&a=1&b=2" }}, sigv4.FaultQueryEmptyPair},
		{"query left out", faulty{target: "/?a=1", signQuery: none}, sigv4.FaultQueryUnsigned},
		{"parameter added on the way", faulty{target: "/?a=1", way: func(r *http.Request) { r.RequestURI += "&utm_source=mail" }}, sigv4.FaultQueryParameter},
		{"lower-case escapes", faulty{target: "/?a=%2F", signQuery: func(string) string { return "a=%2f" }}, sigv4.FaultQueryEscapeCase},
		{"encodeURIComponent", faulty{target: "/?a=%28x%29&b=%20'", signQuery: func(string) string { return "a=(x)&b=%20'" }}, sigv4.FaultQueryReserved},
		{"quote(safe='/')", faulty{target: "/?a=x%2Fy&b=%28", signQuery: func(string) string { return "a=x/y&b=%28" }}, sigv4.FaultQueryReserved},
		{"asterisk", faulty{target: "/?a=%2A&b=%28", signQuery: func(string) string { return "a=*&b=%28" }}, sigv4.FaultQueryReserved},
		{"all reserved", faulty{target: "/?a=%3A%2F&b=%20", signQuery: func(string) string { return "a=:/&b=%20" }}, sigv4.FaultQueryReserved},
		{"tilde encoded", faulty{target: "/?a=~", signQuery: func(string) string { return "a=%7E" }}, sigv4.FaultQueryTilde},
		{"old presigning in the URL", faulty{target: "/?a=1&X-Amz-Signature=00", signQuery: func(string) string { return "a=1" }}, sigv4.FaultQuerySignature},

		// headers
		{"host without port", faulty{signHeaders: setLine("host", "127.0.0.1")}, sigv4.FaultHostPort},
		{"host with default port", faulty{host: "example.org", signHeaders: setLine("host", "example.org:443")}, sigv4.FaultHostPort},
		{"localhost for 127.0.0.1", faulty{signHeaders: setLine("host", "localhost:9000")}, sigv4.FaultHostName},
		{"host rewritten by a proxy", faulty{unsigned: header("X-Forwarded-Host", "public.example"), signHeaders: setLine("host", "public.example")}, sigv4.FaultHostName},
		{"another name of the server", faulty{signHeaders: setLine("host", "abc.lambda-url.eu-central-1.on.aws")}, sigv4.FaultHostName},
		{"host case", faulty{host: "Example.ORG", signHeaders: setLine("host", "example.org")}, sigv4.FaultHostCase},
		{"spaces not collapsed", faulty{header: header("My-Header", "a  b"), signHeaders: setLine("my-header", "a  b")}, sigv4.FaultHeaderSpace},
		{"value not trimmed", faulty{header: header("My-Header", "a"), signHeaders: setLine("my-header", " a")}, sigv4.FaultHeaderSpace},
		{"charset added", faulty{header: header("Content-Type", "text/plain; charset=utf-8"), signHeaders: setLine("content-type", "text/plain")}, sigv4.FaultContentType},
		{"charset removed", faulty{header: header("Content-Type", "text/plain"), signHeaders: setLine("content-type", "text/plain; charset=UTF-8")}, sigv4.FaultContentType},
		{"content type replaced", faulty{header: header("Content-Type", "text/html"), signHeaders: setLine("content-type", "application/json")}, sigv4.FaultContentType},
		{"accept-encoding replaced", faulty{header: header("Accept-Encoding", "br"), signHeaders: setLine("accept-encoding", "identity")}, sigv4.FaultHeaderChanged},
		{"content-type dropped", faulty{header: header("Content-Type", "application/json"), way: func(r *http.Request) { r.Header.Del("Content-Type") }}, sigv4.FaultHeaderAbsent},
		{"joined with space", faulty{header: http.Header{"My-Header": {"b", "a"}}, signHeaders: setLine("my-header", "b, a")}, sigv4.FaultHeaderJoin},
		{"first only", faulty{header: http.Header{"My-Header": {"b", "a"}}, signHeaders: setLine("my-header", "b")}, sigv4.FaultHeaderJoin},
		{"last only", faulty{header: http.Header{"My-Header": {"b", "a"}}, signHeaders: setLine("my-header", "a")}, sigv4.FaultHeaderJoin},
		{"values sorted", faulty{header: http.Header{"My-Header": {"b", "a"}}, signHeaders: setLine("my-header", "a,b")}, sigv4.FaultHeaderJoin},
		{"cookies without space", faulty{header: header("Cookie", "a=b; c=d"), signHeaders: setLine("cookie", "a=b;c=d")}, sigv4.FaultHeaderJoin},
		{"cookies of two lines", faulty{header: header("Cookie", "a=b; c=d"), signHeaders: setLine("cookie", "a=b,c=d")}, sigv4.FaultHeaderJoin},
		{"cookie ended", faulty{header: header("Cookie", "a=b"), signHeaders: setLine("cookie", "a=b;")}, sigv4.FaultHeaderJoin},
		{"token signed twice", faulty{credentials: bob, signHeaders: setLine("x-amz-security-token", bob.SessionToken+","+bob.SessionToken)}, sigv4.FaultTokenTwice},
		{"token sent twice", faulty{credentials: bob, way: func(r *http.Request) { r.Header.Add("X-Amz-Security-Token", bob.SessionToken) }}, sigv4.FaultTokenTwice},
		{"token sent and signed twice", faulty{credentials: bob, signHeaders: setLine("x-amz-security-token", bob.SessionToken+","+bob.SessionToken),
			way: func(r *http.Request) { r.Header.Add("X-Amz-Security-Token", bob.SessionToken) }}, sigv4.FaultTokenTwice},
		{"listed, not signed", faulty{header: header("My-Header", "a"), signHeaders: dropLine("my-header"), listNames: same}, sigv4.FaultSignedHeadersLong},
		{"in the list, without its line", faulty{header: header("My-Header", "a"), signHeaders: dropLine("my-header"), listNames: same,
			signNames: func(string) string { return "host;my-header;x-amz-date" }}, sigv4.FaultSignedHeadersLong},
		{"token listed, not signed", faulty{credentials: bob, signHeaders: dropLine("x-amz-security-token"), listNames: same}, sigv4.FaultTokenUnsigned},
		{"signed, not listed", faulty{header: header("My-Header", "a"), listNames: replace("my-header;", "")}, sigv4.FaultSignedHeadersShort},
		{"headers unsorted", faulty{header: header("My-Header", "a"), signHeaders: func(l [][2]string) [][2]string { slices.Reverse(l); return l },
			listNames: func(string) string { return "x-amz-date;my-header;host" }}, sigv4.FaultSignedHeadersOrder},
		{"list unsorted", faulty{signNames: func(string) string { return "x-amz-date;host" }, listNames: func(string) string { return "x-amz-date;host" }}, sigv4.FaultSignedHeadersOrder},
		{"capitals listed", faulty{listNames: replace("x-amz-date", "X-Amz-Date")}, sigv4.FaultSignedHeadersCase},
		{"capitals in the list signed", faulty{listNames: replace("x-amz-date", "X-Amz-Date"), signNames: replace("x-amz-date", "X-Amz-Date")}, sigv4.FaultSignedHeadersCase},
		{"capitals signed", faulty{signHeaders: func(l [][2]string) [][2]string { l[1][0] = "X-Amz-Date"; return l },
			listNames: func(string) string { return "host;X-Amz-Date" }}, sigv4.FaultSignedHeadersCase},
		{"no empty line", faulty{signBlank: "none"}, sigv4.FaultCanonicalNewline},

		// method
		{"redirected", faulty{way: func(r *http.Request) { r.Method = "GET" }}, sigv4.FaultMethod},
		{"HEAD signed as GET", faulty{method: "HEAD", signMethod: func(string) string { return "GET" }}, sigv4.FaultMethod},
		{"method in lower case", faulty{signMethod: strings.ToLower}, sigv4.FaultMethodCase},

		// payload
		{"body not signed", faulty{body: "hello", signPayload: payload(none)}, sigv4.FaultPayloadEmpty},
		{"without the newline", faulty{body: "hello\n", signPayload: payload(strings.TrimSpace)}, sigv4.FaultPayloadNewline},
		{"with a newline", faulty{body: "hello", signPayload: payload(func(s string) string { return s + "\n" })}, sigv4.FaultPayloadNewline},
		{"without CRLF", faulty{body: "hello\r\n", signPayload: payload(strings.TrimSpace)}, sigv4.FaultPayloadNewline},
		{"with CRLF", faulty{body: "hello", signPayload: payload(func(s string) string { return s + "\r\n" })}, sigv4.FaultPayloadNewline},
		{"LF signed, CRLF sent", faulty{body: "a\r\nb\r\n", signPayload: payload(func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") })}, sigv4.FaultPayloadLineEnds},
		{"CRLF signed, LF sent", faulty{body: "a\nb\n", signPayload: payload(func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") })}, sigv4.FaultPayloadLineEnds},
		{"line ends taken out", faulty{body: "a\nb\n", signPayload: payload(func(s string) string { return strings.ReplaceAll(s, "\n", "") })}, sigv4.FaultPayloadLineEnds},
		{"form: plus signed", faulty{body: "a=b%20c", signPayload: payload(func(string) string { return "a=b+c" })}, sigv4.FaultPayloadForm},
		{"form: %20 signed", faulty{body: "a=b+c", signPayload: payload(func(string) string { return "a=b%20c" })}, sigv4.FaultPayloadForm},
		{"form encoded before signing", faulty{body: "a=b c&d=(e)", signPayload: payload(func(string) string { return "a=b+c&d=%28e%29" })}, sigv4.FaultPayloadForm},
		{"value encoded before signing", faulty{body: "b=c d", signPayload: payload(url.QueryEscape)}, sigv4.FaultPayloadForm},
		{"signed before percent-encoding", faulty{body: "a=%28b%29+c", signPayload: payload(func(string) string { return "a=(b)+c" })}, sigv4.FaultPayloadForm},
		{"signed before form-encoding", faulty{body: "a=%28b%29+c", signPayload: payload(func(string) string { return "a=(b) c" })}, sigv4.FaultPayloadForm},
		{"JSON with per cent", faulty{body: `{"a": "100%"}`, signPayload: payload(func(string) string { return `{"a":"100%"}` })}, sigv4.FaultPayloadJSON},
		{"JSON signed as a form", faulty{body: `{"user": "my user", "page": 5}`, signPayload: payload(func(string) string { return "user=my+user&page=5" })}, sigv4.FaultPayloadForm},
		{"JSON signed as a form by botocore", faulty{body: `{"user": "my user", "page": 5}`, signPayload: payload(func(string) string { return "user=my%20user&page=5" })}, sigv4.FaultPayloadForm},
		{"form signed as JSON by JavaScript", faulty{body: "user=my+user&to=%3Cb%3E", signPayload: payload(func(string) string { return `{"user":"my user","to":"<b>"}` })}, sigv4.FaultPayloadForm},
		{"form signed as JSON by Python", faulty{body: "user=my+user&to=%22b", signPayload: payload(func(string) string { return `{"user": "my user", "to": "\"b"}` })}, sigv4.FaultPayloadForm},
		{"JSON compact signed", faulty{body: `{"a": [1, "x: \", y"]}`, signPayload: payload(func(string) string { return `{"a":[1,"x: \", y"]}` })}, sigv4.FaultPayloadJSON},
		{"JSON spaced signed", faulty{body: `{"a":[1,"x: \", y"]}`, signPayload: payload(func(string) string { return `{"a": [1, "x: \", y"]}` })}, sigv4.FaultPayloadJSON},
		{"UNSIGNED-PAYLOAD", faulty{body: "hello", signPayload: func(string, string) string { return "UNSIGNED-PAYLOAD" }}, sigv4.FaultPayloadUnsigned},
		{"UNSIGNED-PAYLOAD declared", faulty{body: "hello", header: header("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), signPayload: func(string, string) string { return "UNSIGNED-PAYLOAD" }}, sigv4.FaultPayloadUnsigned},
		{"chunked", faulty{body: "hello", header: header("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), signPayload: func(string, string) string { return "STREAMING-UNSIGNED-PAYLOAD-TRAILER" }}, sigv4.FaultPayloadUnsigned},
		{"stale hash", faulty{body: "hello", header: header("X-Amz-Content-Sha256", hashOf("hullo")), signPayload: payload(func(string) string { return "hullo" })}, sigv4.FaultPayloadStale},
		{"stale hash beside the right one", faulty{body: "hello", header: header("X-Amz-Content-Sha256", hashOf("hullo"))}, sigv4.FaultPayloadStale},
		{"hash in capitals", faulty{body: "hello", signPayload: func(h, _ string) string { return strings.ToUpper(h) }}, sigv4.FaultPayloadHashCase},

		// scope and time
		{"key of another service", faulty{keyScope: replace("lambda", "execute-api")}, sigv4.FaultService},
		{"all but the credential for another service", faulty{keyScope: replace("lambda", "s3"), signScope: replace("lambda", "s3")}, sigv4.FaultService},
		{"key of another region", faulty{keyScope: replace(region, "us-east-1")}, sigv4.FaultRegion},
		{"all but the credential for another region", faulty{keyScope: replace(region, "eu-west-1"), signScope: replace(region, "eu-west-1")}, sigv4.FaultRegion},
		{"key of a service by its host", faulty{keyScope: replace("lambda", "lambda.amazonaws.com")}, sigv4.FaultService},
		{"key for API Gateway", faulty{keyScope: replace("lambda", "apigateway")}, sigv4.FaultService},
		{"key for function URLs", faulty{keyScope: replace("lambda", "lambda-url")}, sigv4.FaultService},
		{"string to sign for another service", faulty{signScope: replace("lambda", "execute-api")}, sigv4.FaultService},
		{"string to sign for another region", faulty{signScope: replace(region, "us-east-1")}, sigv4.FaultRegion},
		{"string to sign of another day", faulty{signScope: replace("20261123", "20261122")}, sigv4.FaultDay},
		{"key of a region further off", faulty{keyScope: replace(region, "eu-north-1")}, sigv4.FaultRegion},
		{"all but the credential for a region further off", faulty{target: "/", keyScope: replace(region, "sa-east-1"), signScope: replace(region, "sa-east-1")}, sigv4.FaultRegion},
		{"key of the day before", faulty{keyScope: replace("20261123", "20261122")}, sigv4.FaultDay},
		{"key of the day after", faulty{keyScope: replace("20261123", "20261124")}, sigv4.FaultDay},
		{"local time signed", faulty{signDate: func(t time.Time) string { return t.Add(time.Hour).Format("20060102T150405Z") }}, sigv4.FaultLocalTime},
		{"Indian time signed", faulty{signDate: func(t time.Time) string { return t.Add(330 * time.Minute).Format("20060102T150405Z") }}, sigv4.FaultLocalTime},
		{"extended format", faulty{signDate: func(t time.Time) string { return t.Format(time.RFC3339) }}, sigv4.FaultDateFormat},
		{"HTTP date", faulty{signDate: func(t time.Time) string { return t.Format(http.TimeFormat) }}, sigv4.FaultDateFormat},

		// key and signature
		{"newline after the secret", faulty{secret: func(s string) string { return s + "\n" }}, sigv4.FaultSecretSpace},
		{"space before the secret", faulty{secret: func(s string) string { return " " + s }}, sigv4.FaultSecretSpace},
		{"secret in quotes", faulty{secret: strconv.Quote}, sigv4.FaultSecretSpace},
		{"tab after the secret", faulty{secret: func(s string) string { return s + "\t" }}, sigv4.FaultSecretSpace},
		{"two newlines after the secret", faulty{secret: func(s string) string { return s + "\n\n" }}, sigv4.FaultSecretSpace},
		{"spaces around the secret", faulty{secret: func(s string) string { return " " + s + " " }}, sigv4.FaultSecretSpace},
		{"secret encoded by Python's quote", faulty{secret: func(s string) string { return strings.ReplaceAll(s, "+", "%2B") }}, sigv4.FaultSecretEncoded},
		{"secret encoded in small letters", faulty{secret: func(s string) string { return strings.NewReplacer("+", "%2b", "/", "%2f").Replace(s) }}, sigv4.FaultSecretEncoded},
		{"slash of the secret encoded", faulty{secret: func(s string) string { return strings.ReplaceAll(s, "/", "%2F") }}, sigv4.FaultSecretEncoded},
		{"secret URL-encoded", faulty{secret: url.QueryEscape}, sigv4.FaultSecretEncoded},
		{"secret form-decoded", faulty{secret: func(s string) string { s, _ = url.QueryUnescape(s); return s }}, sigv4.FaultSecretEncoded},
		{"secret of another key", faulty{secret: func(string) string { return bob.Secret.Reveal() }}, sigv4.FaultSecretOther},
		{"key id for secret", faulty{secret: func(string) string { return alice.AccessKeyID }}, sigv4.FaultSecretIsID},
		{"without AWS4", faulty{prefix: same}, sigv4.FaultKeyPrefix},
		{"hexadecimal key chain", faulty{chain: func(k []byte) []byte { return []byte(hex.EncodeToString(k)) }}, sigv4.FaultKeyHex},
		{"capitals", faulty{writeMAC: func(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }}, sigv4.FaultSignatureCase},
		{"base64", faulty{writeMAC: base64.StdEncoding.EncodeToString}, sigv4.FaultSignatureBase64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := diagnose(t, tt.client.request(), sigv4.InvalidSignature)
			if d.Fault != tt.want || d.And != "" || !d.Proven {
				t.Errorf("got %+v, want %s", d, tt.want)
			}
		})
	}
}

// TestDiagnoseWithoutProof: what can be said although the client's signature can not be computed.
func TestDiagnoseWithoutProof(t *testing.T) {
	tests := []struct {
		name   string
		client faulty
		want   sigv4.Fault
	}{
		{"content-length dropped", faulty{body: "hello", header: header("Content-Length", "5"), way: func(r *http.Request) {
			r.Header.Del("Content-Length")
			r.ContentLength = -1
		}}, sigv4.FaultHeaderAbsent}, // the body was not read
		{"header dropped, value unknown", faulty{header: header("My-Header", "a"), way: func(r *http.Request) { r.Header.Del("My-Header") }}, sigv4.FaultHeaderAbsent},
		{"capitals listed only", faulty{listNames: func(string) string { return "Host;X-Amz-Date;host" }}, sigv4.FaultContradiction},
		{"anything else", faulty{secret: func(string) string { return "quite another secret" }}, sigv4.FaultUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := diagnose(t, tt.client.request(), sigv4.InvalidSignature)
			if d.Fault != tt.want || d.Proven || d.CanonicalRequest != "" {
				t.Errorf("got %+v, want %s", d, tt.want)
			}
		})
	}
}

// diagnose has the request refused with that kind and diagnosed, and checks what holds for every diagnosis.
func diagnose(t *testing.T, r *http.Request, kind sigv4.Kind) sigv4.Diagnosis {
	t.Helper()
	v := newVerifier()
	_, err := v.Verify(r)
	e := wantKind(t, err, kind)
	key, _ := lookup(context.Background(), e.AccessKeyID)
	ev := sigv4.Evidence{
		Request: r, Refusal: e, Key: key, Region: region, Service: service, Now: clock, MaxTime: time.Minute,
		Others: []sigv4.Key{{Credentials: bob}, {Credentials: alice}},
		Hosts:  []string{"abc.lambda-url.eu-central-1.localhost:9000", "abc.lambda-url.eu-central-1.on.aws"},
	}
	d := sigv4.Diagnose(t.Context(), ev)
	if d.Tested > sigv4.MaxHypotheses {
		t.Errorf("%d hypotheses", d.Tested)
	}
	if d.Fault != "" && (d.Explanation == "" || d.Fix == "") {
		t.Errorf("%s is not explained: %+v", d.Fault, d)
	}
	for _, secret := range []string{alice.Secret.Reveal(), bob.Secret.Reveal(), bob.SessionToken} {
		if strings.Contains(d.Explanation+d.Fix, secret) {
			t.Errorf("the diagnosis has a secret in it: %+v", d)
		}
	}
	return d
}

// TestDiagnoseCookiesOverHTTP2: HTTP/2 sends cookies one by one, and the server puts them together again in its own way.
func TestDiagnoseCookiesOverHTTP2(t *testing.T) {
	var fault sigv4.Fault
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := newVerifier().Verify(r); err == nil || r.ProtoMajor != 2 {
			t.Errorf("%s: %v", r.Proto, err)
			return
		}
		fault = diagnose(t, r, sigv4.InvalidSignature).Fault
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	for _, cookies := range [][]string{{"a=b;c=d"}, {"a=b;"}, {"a=b", "c=d"}} {
		fault = ""
		r := newRequest(t, "GET", srv.URL, "")
		r.Header["Cookie"] = cookies
		if _, err := newSigner().Sign(r, alice, sigv4.EmptyPayload()); err != nil {
			t.Fatal(err)
		}
		resp, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if fault != sigv4.FaultHeaderJoin {
			t.Errorf("%q: got %q", cookies, fault)
		}
	}
}
