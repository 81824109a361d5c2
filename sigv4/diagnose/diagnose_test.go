package diagnose_test

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
	"github.com/furl-dev/furl/sigv4/diagnose"
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
		want   diagnose.Fault
	}{
		// path
		{"path signed as in the URL", faulty{target: "/a%20b/c", signPath: same}, diagnose.PathEncodedOnce},
		{"path encoded once from decoded", faulty{target: "/a%20b/(c)", signPath: func(p string) string {
			p, _ = url.PathUnescape(p)
			return rightPath(p)
		}}, diagnose.PathEncodedOnce},
		{"path as in the URL with dots", faulty{target: "/a//./b%20c", signPath: same}, diagnose.PathEncodedOnce},
		{"path normalized but not encoded again", faulty{target: "/x//a%20b",
			signPath: func(string) string { return "/x/a%20b" }}, diagnose.PathEncodedOnce},
		{"path decoded", faulty{target: "/a%20b", signPath: func(p string) string { p, _ = url.PathUnescape(p); return p }},
			diagnose.PathNotEncoded},
		{"path encoded thrice", faulty{target: "/a%20b", signPath: func(p string) string { return rightPath(rightPath(p)) }},
			diagnose.PathOverencoded},
		{"escapes upper-cased by the signer", faulty{target: "/%c3%a9",
			signPath: func(p string) string { return rightPath(strings.ToUpper(p)) }}, diagnose.PathEscapeCase},
		{"escapes lower-cased by the signer", faulty{target: "/%C3%A9",
			signPath: func(p string) string { return rightPath(strings.ToLower(p)) }}, diagnose.PathEscapeCase},
		{"cut at a semicolon", faulty{target: "/a;b/c;d;e", signPath: func(string) string { return "/a%3Bb/c" }},
			diagnose.PathParameters},
		{"slash added on the way", faulty{target: "/a", way: func(r *http.Request) { r.RequestURI = "/a/" }},
			diagnose.PathSlash},
		{"slash taken on the way", faulty{target: "/a/", way: func(r *http.Request) { r.RequestURI = "/a" }},
			diagnose.PathSlash},
		{"empty path signed empty", faulty{target: "/?a=1", signPath: none}, diagnose.PathSlash},
		{"prefix added on the way", faulty{target: "/orders?a=1",
			way: func(r *http.Request) { r.RequestURI = "/prod" + r.RequestURI }}, diagnose.PathPrefix},
		{"two segments added on the way", faulty{target: "/",
			way: func(r *http.Request) { r.RequestURI = "/_furl/url/abc/" }}, diagnose.PathPrefix},

		// query
		{"unsorted", faulty{target: "/?b=1&a=2", signQuery: query(joinPairs)}, diagnose.QueryUnsorted},
		{"sorted before encoding", faulty{target: "/?%C3%A9=1&z=2&%7E=3", signQuery: func(raw string) string {
			v, _ := url.ParseQuery(raw)
			return strings.ReplaceAll(v.Encode(), "+", "%20")
		}}, diagnose.QueryEarlySort},
		{"sorted as text", faulty{target: "/?a=2&a-b=1", signQuery: query(func(p [][2]string) string {
			texts := strings.Split(joinPairs(p), "&")
			slices.Sort(texts)
			return strings.Join(texts, "&")
		})}, diagnose.QueryTextSort},
		{"url.Values.Encode", faulty{target: "/?b=1&a=2&a=1", signQuery: func(raw string) string {
			v, _ := url.ParseQuery(raw)
			return v.Encode()
		}}, diagnose.QueryValueOrder},
		{"raw, sorted (botocore)", faulty{target: "/?t=12:30&a=1", signQuery: func(raw string) string {
			p := strings.Split(raw, "&")
			slices.Sort(p)
			return strings.Join(p, "&")
		}}, diagnose.QueryRaw},
		{"raw, unsorted", faulty{target: "/?t=12:30&a=1", signQuery: same}, diagnose.QueryRaw},
		{"plus as plus", faulty{target: "/?q=a+b",
			signQuery: func(raw string) string { return rightQuery(strings.ReplaceAll(raw, "+", "%2B")) }}, diagnose.QueryPlus},
		{"space as plus", faulty{target: "/?q=a%20b&t=%2F",
			signQuery: func(raw string) string {
				return strings.ReplaceAll(rightQuery(raw), "%20",
					"+")
			}}, diagnose.QuerySpacePlus},
		{"plus signed as a space", faulty{target: "/?q=a+b", way: func(r *http.Request) { r.RequestURI = "/?q=a%2Bb" }},
			diagnose.QueryPlus},
		{"plus sign sent as a space", faulty{target: "/?q=a%2Bb", way: func(r *http.Request) { r.RequestURI = "/?q=a%20b" }},
			diagnose.QueryPlus},
		{"encoded again on the way", faulty{target: "/?q=a%20b", way: func(r *http.Request) { r.RequestURI = "/?q=a%2520b" }},
			diagnose.QueryReencoded},
		{"decoded on the way", faulty{target: "/?q=%2525", way: func(r *http.Request) { r.RequestURI = "/?q=%25" }},
			diagnose.QueryDecoded},
		{"bare key", faulty{target: "/?a&b=1", signQuery: func(string) string { return "a&b=1" }}, diagnose.QueryBareKey},
		{"bare keys left out", faulty{target: "/?b&a=1&c", signQuery: func(string) string { return "a=1" }},
			diagnose.QueryBareKey},
		{"as in the URL", faulty{target: "/?b&a=1&&c", signQuery: same}, diagnose.QueryRaw},
		{"encoded by the HTTP library", faulty{target: "/?b=%5B1%5D&a=x%20y",
			signQuery: func(string) string { return "a=x y&b=[1]" }}, diagnose.QueryReencoded},
		{"empty pair signed", faulty{target: "/?a=1&&b=2", signQuery: func(string) string { return "=&a=1&b=2" }},
			diagnose.QueryEmptyPair},
		{"query left out", faulty{target: "/?a=1", signQuery: none}, diagnose.QueryUnsigned},
		{"parameter added on the way", faulty{target: "/?a=1",
			way: func(r *http.Request) { r.RequestURI += "&utm_source=mail" }}, diagnose.QueryParameter},
		{"lower-case escapes", faulty{target: "/?a=%2F", signQuery: func(string) string { return "a=%2f" }},
			diagnose.QueryEscapeCase},
		{"encodeURIComponent", faulty{target: "/?a=%28x%29&b=%20'", signQuery: func(string) string { return "a=(x)&b=%20'" }},
			diagnose.QueryReserved},
		{"quote(safe='/')", faulty{target: "/?a=x%2Fy&b=%28", signQuery: func(string) string { return "a=x/y&b=%28" }},
			diagnose.QueryReserved},
		{"asterisk", faulty{target: "/?a=%2A&b=%28", signQuery: func(string) string { return "a=*&b=%28" }},
			diagnose.QueryReserved},
		{"all reserved", faulty{target: "/?a=%3A%2F&b=%20", signQuery: func(string) string { return "a=:/&b=%20" }},
			diagnose.QueryReserved},
		{"tilde encoded", faulty{target: "/?a=~", signQuery: func(string) string { return "a=%7E" }}, diagnose.QueryTilde},
		{"old presigning in the URL", faulty{target: "/?a=1&X-Amz-Signature=00",
			signQuery: func(string) string { return "a=1" }}, diagnose.QuerySignature},

		// headers
		{"host without port", faulty{signHeaders: setLine("host", "127.0.0.1")}, diagnose.HostPort},
		{"host with default port", faulty{host: "example.org", signHeaders: setLine("host", "example.org:443")},
			diagnose.HostPort},
		{"localhost for 127.0.0.1", faulty{signHeaders: setLine("host", "localhost:9000")}, diagnose.HostName},
		{"host rewritten by a proxy", faulty{unsigned: header("X-Forwarded-Host", "public.example"),
			signHeaders: setLine("host", "public.example")}, diagnose.HostName},
		{"another name of the server", faulty{signHeaders: setLine("host", "abc.lambda-url.eu-central-1.on.aws")},
			diagnose.HostName},
		{"host case", faulty{host: "Example.ORG", signHeaders: setLine("host", "example.org")}, diagnose.HostCase},
		{"spaces not collapsed", faulty{header: header("My-Header", "a  b"), signHeaders: setLine("my-header", "a  b")},
			diagnose.HeaderSpace},
		{"value not trimmed", faulty{header: header("My-Header", "a"), signHeaders: setLine("my-header", " a")},
			diagnose.HeaderSpace},
		{"charset added", faulty{header: header("Content-Type", "text/plain; charset=utf-8"),
			signHeaders: setLine("content-type", "text/plain")}, diagnose.ContentType},
		{"charset removed", faulty{header: header("Content-Type", "text/plain"),
			signHeaders: setLine("content-type", "text/plain; charset=UTF-8")}, diagnose.ContentType},
		{"content type replaced", faulty{header: header("Content-Type", "text/html"),
			signHeaders: setLine("content-type", "application/json")}, diagnose.ContentType},
		{"accept-encoding replaced", faulty{header: header("Accept-Encoding", "br"),
			signHeaders: setLine("accept-encoding", "identity")}, diagnose.HeaderChanged},
		{"content-type dropped", faulty{header: header("Content-Type", "application/json"),
			way: func(r *http.Request) { r.Header.Del("Content-Type") }}, diagnose.HeaderAbsent},
		{"joined with space", faulty{header: http.Header{"My-Header": {"b", "a"}}, signHeaders: setLine("my-header", "b, a")},
			diagnose.HeaderJoin},
		{"first only", faulty{header: http.Header{"My-Header": {"b", "a"}}, signHeaders: setLine("my-header", "b")},
			diagnose.HeaderJoin},
		{"last only", faulty{header: http.Header{"My-Header": {"b", "a"}}, signHeaders: setLine("my-header", "a")},
			diagnose.HeaderJoin},
		{"values sorted", faulty{header: http.Header{"My-Header": {"b", "a"}}, signHeaders: setLine("my-header", "a,b")},
			diagnose.HeaderJoin},
		{"cookies without space", faulty{header: header("Cookie", "a=b; c=d"), signHeaders: setLine("cookie", "a=b;c=d")},
			diagnose.HeaderJoin},
		{"cookies of two lines", faulty{header: header("Cookie", "a=b; c=d"), signHeaders: setLine("cookie", "a=b,c=d")},
			diagnose.HeaderJoin},
		{"cookie ended", faulty{header: header("Cookie", "a=b"), signHeaders: setLine("cookie", "a=b;")},
			diagnose.HeaderJoin},
		{"token signed twice", faulty{credentials: bob, signHeaders: setLine("x-amz-security-token",
			bob.SessionToken+","+bob.SessionToken)}, diagnose.TokenTwice},
		{"token sent twice", faulty{credentials: bob, way: func(r *http.Request) {
			r.Header.Add("X-Amz-Security-Token",
				bob.SessionToken)
		}}, diagnose.TokenTwice},
		{"token sent and signed twice", faulty{credentials: bob,
			signHeaders: setLine("x-amz-security-token", bob.SessionToken+","+bob.SessionToken),
			way:         func(r *http.Request) { r.Header.Add("X-Amz-Security-Token", bob.SessionToken) }}, diagnose.TokenTwice},
		{"listed, not signed", faulty{header: header("My-Header", "a"), signHeaders: dropLine("my-header"), listNames: same},
			diagnose.SignedHeadersLong},
		{"in the list, without its line", faulty{header: header("My-Header", "a"), signHeaders: dropLine("my-header"),
			listNames: same,
			signNames: func(string) string { return "host;my-header;x-amz-date" }}, diagnose.SignedHeadersLong},
		{"token listed, not signed", faulty{credentials: bob, signHeaders: dropLine("x-amz-security-token"), listNames: same},
			diagnose.TokenUnsigned},
		{"signed, not listed", faulty{header: header("My-Header", "a"), listNames: replace("my-header;", "")},
			diagnose.SignedHeadersShort},
		{"headers unsorted", faulty{header: header("My-Header", "a"),
			signHeaders: func(l [][2]string) [][2]string { slices.Reverse(l); return l },
			listNames:   func(string) string { return "x-amz-date;my-header;host" }}, diagnose.SignedHeadersOrder},
		{"list unsorted", faulty{signNames: func(string) string { return "x-amz-date;host" },
			listNames: func(string) string { return "x-amz-date;host" }}, diagnose.SignedHeadersOrder},
		{"capitals listed", faulty{listNames: replace("x-amz-date", "X-Amz-Date")}, diagnose.SignedHeadersCase},
		{"capitals in the list signed", faulty{listNames: replace("x-amz-date", "X-Amz-Date"),
			signNames: replace("x-amz-date", "X-Amz-Date")}, diagnose.SignedHeadersCase},
		{"capitals signed", faulty{signHeaders: func(l [][2]string) [][2]string { l[1][0] = "X-Amz-Date"; return l },
			listNames: func(string) string { return "host;X-Amz-Date" }}, diagnose.SignedHeadersCase},
		{"no empty line", faulty{signBlank: "none"}, diagnose.CanonicalNewline},

		// method
		{"redirected", faulty{way: func(r *http.Request) { r.Method = "GET" }}, diagnose.Method},
		{"HEAD signed as GET", faulty{method: "HEAD", signMethod: func(string) string { return "GET" }}, diagnose.Method},
		{"method in lower case", faulty{signMethod: strings.ToLower}, diagnose.MethodCase},

		// payload
		{"body not signed", faulty{body: "hello", signPayload: payload(none)}, diagnose.PayloadEmpty},
		{"empty object signed, nothing sent", faulty{signPayload: payload(func(string) string { return "{}" })},
			diagnose.PayloadDropped},
		{"null signed, nothing sent", faulty{signPayload: payload(func(string) string { return "null" })},
			diagnose.PayloadDropped},
		{"without the newline", faulty{body: "hello\n", signPayload: payload(strings.TrimSpace)}, diagnose.PayloadNewline},
		{"with a newline", faulty{body: "hello", signPayload: payload(func(s string) string { return s + "\n" })},
			diagnose.PayloadNewline},
		{"without CRLF", faulty{body: "hello\r\n", signPayload: payload(strings.TrimSpace)}, diagnose.PayloadNewline},
		{"with CRLF", faulty{body: "hello", signPayload: payload(func(s string) string { return s + "\r\n" })},
			diagnose.PayloadNewline},
		{"LF signed, CRLF sent", faulty{body: "a\r\nb\r\n",
			signPayload: payload(func(s string) string {
				return strings.ReplaceAll(s, "\r\n",
					"\n")
			})}, diagnose.PayloadLineEnds},
		{"CRLF signed, LF sent", faulty{body: "a\nb\n",
			signPayload: payload(func(s string) string {
				return strings.ReplaceAll(s, "\n",
					"\r\n")
			})}, diagnose.PayloadLineEnds},
		{"line ends taken out", faulty{body: "a\nb\n",
			signPayload: payload(func(s string) string { return strings.ReplaceAll(s, "\n", "") })}, diagnose.PayloadLineEnds},
		{"form: plus signed", faulty{body: "a=b%20c", signPayload: payload(func(string) string { return "a=b+c" })},
			diagnose.PayloadForm},
		{"form: %20 signed", faulty{body: "a=b+c", signPayload: payload(func(string) string { return "a=b%20c" })},
			diagnose.PayloadForm},
		{"form encoded before signing", faulty{body: "a=b c&d=(e)",
			signPayload: payload(func(string) string { return "a=b+c&d=%28e%29" })}, diagnose.PayloadForm},
		{"value encoded before signing", faulty{body: "b=c d", signPayload: payload(url.QueryEscape)}, diagnose.PayloadForm},
		{"signed before percent-encoding", faulty{body: "a=%28b%29+c",
			signPayload: payload(func(string) string { return "a=(b)+c" })}, diagnose.PayloadForm},
		{"signed before form-encoding", faulty{body: "a=%28b%29+c",
			signPayload: payload(func(string) string { return "a=(b) c" })}, diagnose.PayloadForm},
		{"JSON with per cent", faulty{body: `{"a": "100%"}`,
			signPayload: payload(func(string) string { return `{"a":"100%"}` })}, diagnose.PayloadJSON},
		{"JSON signed as a form", faulty{body: `{"user": "my user", "page": 5}`,
			signPayload: payload(func(string) string { return "user=my+user&page=5" })}, diagnose.PayloadForm},
		{"JSON signed as a form by botocore", faulty{body: `{"user": "my user", "page": 5}`,
			signPayload: payload(func(string) string { return "user=my%20user&page=5" })}, diagnose.PayloadForm},
		{"form signed as JSON by JavaScript", faulty{body: "user=my+user&to=%3Cb%3E",
			signPayload: payload(func(string) string { return `{"user":"my user","to":"<b>"}` })}, diagnose.PayloadForm},
		{"form signed as JSON by Python", faulty{body: "user=my+user&to=%22b",
			signPayload: payload(func(string) string { return `{"user": "my user", "to": "\"b"}` })}, diagnose.PayloadForm},
		{"JSON compact signed", faulty{body: `{"a": [1, "x: \", y"]}`,
			signPayload: payload(func(string) string { return `{"a":[1,"x: \", y"]}` })}, diagnose.PayloadJSON},
		{"JSON spaced signed", faulty{body: `{"a":[1,"x: \", y"]}`,
			signPayload: payload(func(string) string { return `{"a": [1, "x: \", y"]}` })}, diagnose.PayloadJSON},
		{"UNSIGNED-PAYLOAD", faulty{body: "hello", signPayload: func(string, string) string { return "UNSIGNED-PAYLOAD" }},
			diagnose.PayloadUnsigned},
		{"UNSIGNED-PAYLOAD declared", faulty{body: "hello", header: header("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"),
			signPayload: func(string, string) string { return "UNSIGNED-PAYLOAD" }}, diagnose.PayloadUnsigned},
		{"chunked", faulty{body: "hello", header: header("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
			signPayload: func(string, string) string { return "STREAMING-UNSIGNED-PAYLOAD-TRAILER" }}, diagnose.PayloadUnsigned},
		{"stale hash", faulty{body: "hello", header: header("X-Amz-Content-Sha256", hashOf("hullo")),
			signPayload: payload(func(string) string { return "hullo" })}, diagnose.PayloadStale},
		{"stale hash beside the right one", faulty{body: "hello", header: header("X-Amz-Content-Sha256", hashOf("hullo"))},
			diagnose.PayloadStale},
		{"hash in capitals", faulty{body: "hello", signPayload: func(h, _ string) string { return strings.ToUpper(h) }},
			diagnose.PayloadHashCase},

		// scope and time
		{"key of another service", faulty{keyScope: replace("lambda", "execute-api")}, diagnose.Service},
		{"all but the credential for another service", faulty{keyScope: replace("lambda", "s3"),
			signScope: replace("lambda", "s3")}, diagnose.Service},
		{"key of another region", faulty{keyScope: replace(region, "us-east-1")}, diagnose.Region},
		{"all but the credential for another region", faulty{keyScope: replace(region, "eu-west-1"),
			signScope: replace(region, "eu-west-1")}, diagnose.Region},
		{"key of a service by its host", faulty{keyScope: replace("lambda", "lambda.amazonaws.com")}, diagnose.Service},
		{"key for API Gateway", faulty{keyScope: replace("lambda", "apigateway")}, diagnose.Service},
		{"key for function URLs", faulty{keyScope: replace("lambda", "lambda-url")}, diagnose.Service},
		{"string to sign for another service", faulty{signScope: replace("lambda", "execute-api")}, diagnose.Service},
		{"string to sign for another region", faulty{signScope: replace(region, "us-east-1")}, diagnose.Region},
		{"string to sign of another day", faulty{signScope: replace("20261123", "20261122")}, diagnose.Day},
		{"key of a region further off", faulty{keyScope: replace(region, "eu-north-1")}, diagnose.Region},
		{"all but the credential for a region further off",
			faulty{target: "/", keyScope: replace(region, "sa-east-1"),
				signScope: replace(region, "sa-east-1")}, diagnose.Region},
		{"key of the day before", faulty{keyScope: replace("20261123", "20261122")}, diagnose.Day},
		{"key of the day after", faulty{keyScope: replace("20261123", "20261124")}, diagnose.Day},
		{"local time signed", faulty{signDate: func(t time.Time) string { return t.Add(time.Hour).Format("20060102T150405Z") }},
			diagnose.LocalTime},
		{"Indian time signed", faulty{signDate: func(t time.Time) string { return t.Add(330 * time.Minute).Format("20060102T150405Z") }},
			diagnose.LocalTime},
		{"extended format", faulty{signDate: func(t time.Time) string { return t.Format(time.RFC3339) }},
			diagnose.DateFormat},
		{"HTTP date", faulty{signDate: func(t time.Time) string { return t.Format(http.TimeFormat) }}, diagnose.DateFormat},

		// key and signature
		{"newline after the secret", faulty{secret: func(s string) string { return s + "\n" }}, diagnose.SecretSpace},
		{"space before the secret", faulty{secret: func(s string) string { return " " + s }}, diagnose.SecretSpace},
		{"secret in quotes", faulty{secret: strconv.Quote}, diagnose.SecretSpace},
		{"tab after the secret", faulty{secret: func(s string) string { return s + "\t" }}, diagnose.SecretSpace},
		{"two newlines after the secret", faulty{secret: func(s string) string { return s + "\n\n" }}, diagnose.SecretSpace},
		{"spaces around the secret", faulty{secret: func(s string) string { return " " + s + " " }}, diagnose.SecretSpace},
		{"secret encoded by Python's quote", faulty{secret: func(s string) string {
			return strings.ReplaceAll(s, "+",
				"%2B")
		}}, diagnose.SecretEncoded},
		{"secret encoded in small letters", faulty{secret: func(s string) string {
			return strings.NewReplacer("+", "%2b", "/",
				"%2f").Replace(s)
		}}, diagnose.SecretEncoded},
		{"slash of the secret encoded", faulty{secret: func(s string) string { return strings.ReplaceAll(s, "/", "%2F") }},
			diagnose.SecretEncoded},
		{"secret URL-encoded", faulty{secret: url.QueryEscape}, diagnose.SecretEncoded},
		{"secret form-decoded", faulty{secret: func(s string) string { s, _ = url.QueryUnescape(s); return s }},
			diagnose.SecretEncoded},
		{"secret of another key", faulty{secret: func(string) string { return bob.Secret.Reveal() }}, diagnose.SecretOther},
		{"no secret", faulty{secret: none}, diagnose.SecretMissing},
		{"undefined for secret", faulty{secret: func(string) string { return "undefined" }}, diagnose.SecretMissing},
		{"None for secret", faulty{secret: func(string) string { return "None" }}, diagnose.SecretMissing},
		{"key id for secret", faulty{secret: func(string) string { return alice.AccessKeyID }}, diagnose.SecretIsID},
		{"without AWS4", faulty{prefix: same}, diagnose.KeyPrefix},
		{"hexadecimal key chain", faulty{chain: func(k []byte) []byte { return []byte(hex.EncodeToString(k)) }},
			diagnose.KeyHex},
		{"capitals", faulty{writeMAC: func(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }},
			diagnose.SignatureCase},
		{"base64", faulty{writeMAC: base64.StdEncoding.EncodeToString}, diagnose.SignatureBase64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := diagnosed(t, tt.client.request(), sigv4.InvalidSignature)
			if d.Fault != tt.want || d.And != "" || !d.Proven {
				t.Errorf("got %+v, want %s", d, tt.want)
			}
		})
	}
}

// TestDiagnoseWithoutProof: what can be said although the client's signature cannot be computed.
func TestDiagnoseWithoutProof(t *testing.T) {
	tests := []struct {
		name   string
		client faulty
		want   diagnose.Fault
	}{
		{"content-length dropped", faulty{body: "hello", header: header("Content-Length", "5"), way: func(r *http.Request) {
			r.Header.Del("Content-Length")
			r.ContentLength = -1
		}}, diagnose.HeaderAbsent}, // the body was not read
		{"header dropped, value unknown", faulty{header: header("My-Header", "a"),
			way: func(r *http.Request) { r.Header.Del("My-Header") }}, diagnose.HeaderAbsent},
		{"capitals listed only", faulty{listNames: func(string) string { return "Host;X-Amz-Date;host" }},
			diagnose.Contradiction},
		{"anything else", faulty{secret: func(string) string { return "quite another secret" }}, diagnose.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := diagnosed(t, tt.client.request(), sigv4.InvalidSignature)
			if d.Fault != tt.want || d.Proven || d.CanonicalRequest != "" {
				t.Errorf("got %+v, want %s", d, tt.want)
			}
		})
	}
}

// diagnosed has the request refused with that kind and diagnosed, and checks what holds for every diagnosis.
func diagnosed(t *testing.T, r *http.Request, kind sigv4.Kind) diagnose.Diagnosis {
	t.Helper()
	v := newVerifier()
	_, err := v.Verify(r)
	e := wantKind(t, err, kind)
	key, _ := lookup(context.Background(), e.AccessKeyID)
	ev := diagnose.Evidence{
		Request: r, Refusal: e, Key: key, Region: region, Service: service, Now: clock,
		Others: []sigv4.Key{{Credentials: bob}, {Credentials: alice}},
		Hosts:  []string{"abc.lambda-url.eu-central-1.localhost:9000", "abc.lambda-url.eu-central-1.on.aws"},
	}
	d := diagnose.Diagnose(t.Context(), ev)
	if d.Tested > diagnose.MaxHypotheses {
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

// TestDiagnoseCookiesOverHTTP2: HTTP/2 sends cookies one by one, and the server joins them in its own way.
func TestDiagnoseCookiesOverHTTP2(t *testing.T) {
	var fault diagnose.Fault
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := newVerifier().Verify(r); err == nil || r.ProtoMajor != 2 {
			t.Errorf("%s: %v", r.Proto, err)
			return
		}
		fault = diagnosed(t, r, sigv4.InvalidSignature).Fault
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
		if fault != diagnose.HeaderJoin {
			t.Errorf("%q: got %q", cookies, fault)
		}
	}
}

// TestDiagnosable: of the other kinds Diagnose has nothing to say.
func TestDiagnosable(t *testing.T) {
	r := newRequest(t, "GET", origin+"/", "")
	signer := newSigner()
	signer.Region = "mars-1"
	if _, err := signer.Sign(r, bob, sigv4.EmptyPayload()); err != nil {
		t.Fatal(err)
	}
	for kind := sigv4.MissingAuthentication; kind <= sigv4.Internal; kind++ {
		d := diagnose.Diagnose(t.Context(), diagnose.Evidence{
			Request: r, Refusal: &sigv4.Error{Kind: kind, AccessKeyID: bob.AccessKeyID}, Key: sigv4.Key{Credentials: bob},
			Region: "eu-central-1", Service: "lambda", Now: clock,
		})
		if (d.Fault != "") != diagnose.Diagnosable(kind) {
			t.Errorf("%s is diagnosable: %v; the diagnosis is %+v", kind, diagnose.Diagnosable(kind), d)
		}
	}
}

// BenchmarkDiagnose is the worst case: a usual request whose fault none of the hypotheses explains.
func BenchmarkDiagnose(b *testing.B) {
	r := faulty{body: "{\"a\": [1, 2]}\n", header: header("Content-Type", "application/json", "Accept", "*/*"),
		credentials: bob,
		secret:      func(string) string { return "another" }}.request()
	_, err := newVerifier().Verify(r)
	ev := diagnose.Evidence{Request: r, Refusal: err.(*sigv4.Error), Key: sigv4.Key{Credentials: bob}, Region: region,
		Service: service}
	tested := 0
	for b.Loop() {
		tested = diagnose.Diagnose(b.Context(), ev).Tested
	}
	b.ReportMetric(float64(tested), "hypotheses")
}
