package sigv4_test

import (
	"strings"
	"testing"
)

// TestPublishedCanonicalForm has the corners of path, query and headers where verifiers and clients differ.
func TestPublishedCanonicalForm(t *testing.T) {
	t.Parallel()
	get := func(target string) raw { return raw{target: target} }
	with := func(q raw, f func(*raw)) raw { f(&q); return q }
	runAttacks(t, []attack{
		{"double encoding", get("/_search/%3Fa=b%20c").header(), accepted},
		{"double encoding, by the text of aws-sdk-js#853",
			with(get("/_search/%3Fa=b%20c"), func(q *raw) { q.path = "/_search/%253Fa%3Db%2520c" }).header(), accepted},
		{"parentheses", with(get("/(x)"), func(q *raw) { q.path = "/%28x%29" }).header(), accepted},
		{"encoded once", with(get("/a%20b"), func(q *raw) { q.path = "/a%20b" }).header(), mismatch},
		{"encoded slash is not a slash", strings.Replace(get("/a%2Fb").header(), "/a%2Fb", "/a/b", 1), mismatch},
		{"%2e%2e is no dot segment", with(get("/a/%2e%2e/b"), func(q *raw) { q.path = "/b" }).header(), mismatch},
		{"%2e%2e as it is", with(get("/a/%2e%2e/b"), func(q *raw) { q.path = "/a/%252e%252e/b" }).header(), accepted},
		{"lower-case escapes stay", with(get("/%c3%a9"), func(q *raw) { q.path = "/%25c3%25a9" }).header(), accepted},
		{"slashes collapse", with(get("/a//b"), func(q *raw) { q.path = "/a/b" }).header(), accepted},
		{"slashes as sent", with(get("/a//b"), func(q *raw) { q.path = "/a//b" }).header(), accepted},
		{"dots as sent", with(get("/a/../b"), func(q *raw) { q.path = "/a/../b" }).header(), accepted},
		{"dots removed", with(get("/a/../b"), func(q *raw) { q.path = "/b" }).header(), accepted},
		{"dots half removed", with(get("/a/./../b"), func(q *raw) { q.path = "/a/../b" }).header(), mismatch},
		{"dots at the end, RFC 3986", with(get("/a/b/.."), func(q *raw) { q.path = "/a/" }).header(), accepted},
		{"dots at the end, botocore", with(get("/a/b/.."), func(q *raw) { q.path = "/a" }).header(), accepted},
		{"above the root", with(get("/../a"), func(q *raw) { q.path = "/a" }).header(), malformed},
		{"above the root later", with(get("/a/../../b"), func(q *raw) { q.path = "/b" }).header(), malformed},
		{"bad escape in the path", with(get("/a%zz"), func(q *raw) { q.path = "/a%25zz" }).header(), "400 Bad Request"},
		{"zero byte in the path", with(get("/%00"), func(q *raw) { q.path = "/%2500" }).header(), accepted},

		{"semicolon does not separate", with(get("/?a=1;b=2"), func(q *raw) { q.query = "a=1%3Bb%3D2" }).header(), accepted},
		{"semicolon parameters not dropped", with(get("/?a=1;b=2&d=4"), func(q *raw) { q.query = "d=4" }).header(), mismatch},
		{"bad escape in the query", with(get("/?c=%zz&d=4"), func(q *raw) { q.query = "d=4" }).header(), malformed},
		{"cut escape in the query", with(get("/?c=%4"), func(q *raw) { q.query = "c=%254" }).header(), malformed},
		{"bare key", with(get("/?k"), func(q *raw) { q.query = "k=" }).header(), accepted},
		{"bare key signed bare", with(get("/?k"), func(q *raw) { q.query = "k" }).header(), mismatch},
		{"pairs sorted, not texts", with(get("/?Param-3=1&Param=2"), func(q *raw) { q.query = "Param=2&Param-3=1" }).header(),
			accepted},
		{"values sorted", with(get("/?a=2&a=1"), func(q *raw) { q.query = "a=1&a=2" }).header(), accepted},
		{"values unsorted", with(get("/?a=2&a=1"), func(q *raw) { q.query = "a=2&a=1" }).header(), mismatch},
		{"plus is a space", with(get("/?q=a+b"), func(q *raw) { q.query = "q=a%20b" }).header(), accepted},
		{"plus is no plus", with(get("/?q=a+b"), func(q *raw) { q.query = "q=a%2Bb" }).header(), mismatch},
		{"%2B is a plus", with(get("/?q=a%2bb"), func(q *raw) { q.query = "q=a%2Bb" }).header(), accepted},
		{"reserved characters are encoded", with(get("/?t=12:30"), func(q *raw) { q.query = "t=12%3A30" }).header(),
			accepted},
		{"reserved characters raw", with(get("/?t=12:30"), func(q *raw) { q.query = "t=12:30" }).header(), mismatch},
		{"empty pairs do not count", with(get("/?a=1&&b=2&"), func(q *raw) { q.query = "a=1&b=2" }).header(), accepted},
		{"empty key", with(get("/?=v"), func(q *raw) { q.query = "=v" }).header(), accepted},
		{"UTF-8 in the query", with(get("/?\xe1\x88\xb4=bar"), func(q *raw) { q.query = "%E1%88%B4=bar" }).header(),
			accepted},
		{"second question mark", with(get("/?a=b?c"), func(q *raw) { q.query = "a=b%3Fc" }).header(), accepted},
		{"parameter moved to the body", with(raw{method: "POST", body: "a=1"}, func(q *raw) {
			q.lines = []string{"Content-Type: application/x-www-form-urlencoded"}
			q.query, q.payload = "a=1", hashOf("")
		}).header(), mismatch},

		{"signed header repeated", with(get("/"), func(q *raw) {
			q.lines, q.sign = []string{"My-Header: b", "My-Header: a"}, []string{"my-header"}
		}).header(), accepted},
		{"signed header repeated, values sorted", with(get("/"), func(q *raw) {
			q.lines, q.values = []string{"My-Header: b", "My-Header: a"}, map[string]string{"my-header": "a,b"}
		}).header(), mismatch},
		{"signed header repeated by an attacker", strings.Replace(with(get("/"), func(q *raw) {
			q.lines, q.sign = []string{"My-Header: a"}, []string{"my-header"}
		}).header(), "My-Header: a", "My-Header: a\r\nMy-Header: a", 1), mismatch},
		{"white space collapses", with(get("/"), func(q *raw) {
			q.lines, q.values = []string{"My-Header: \t a \t b   \"c  d\" "}, map[string]string{"my-header": "a b \"c d\""}
		}).header(), accepted},
		{"folded line", with(get("/"), func(q *raw) {
			q.lines, q.values = []string{"My-Header: a\r\n  b"}, map[string]string{"my-header": "a b"}
		}).header(), accepted},
		{"folded line joined by comma", with(get("/"), func(q *raw) {
			q.lines, q.values = []string{"My-Header: a\r\n  b"}, map[string]string{"my-header": "a,b"}
		}).header(), mismatch},
		{"Latin-1 and UTF-8 values", with(get("/"), func(q *raw) {
			q.lines, q.sign = []string{"My-Header: \xe9 \xc3\xa9"}, []string{"my-header"}
		}).header(), accepted},
		{"empty value", with(get("/"), func(q *raw) {
			q.lines, q.sign = []string{"My-Header:"},
				[]string{"my-header"}
		}).header(), accepted},
		{"X_Amz_Date is another header", with(get("/"),
			func(q *raw) { q.lines = []string{"X_Amz_Date: 20200101T000000Z"} }).header(), accepted},

		{"port is part of the host", raw{host: host + ":9000"}.header(), accepted},
		{"port dropped", with(raw{host: host + ":9000"},
			func(q *raw) { q.values = map[string]string{"host": host} }).header(), mismatch},
		{"default port kept as sent", with(raw{host: host + ":443"},
			func(q *raw) { q.values = map[string]string{"host": host} }).header(), mismatch},
		{"capitals in the host", with(raw{host: "Example.ORG"},
			func(q *raw) { q.values = map[string]string{"host": "example.org"} }).header(), mismatch},
		{"absolute target: its host counts", strings.Replace(raw{target: "http://" + host + "/a?b=c"}.header(), "Host: "+host,
			"Host: evil.example", 1), accepted},
		{"absolute target of another host", strings.Replace(raw{}.header(), "GET /", "GET http://evil.example/", 1),
			mismatch},

		{"chunked body", raw{method: "POST", body: "hello", chunked: true}.header(), accepted},
		{"compressed body is hashed as sent", raw{method: "POST", body: "\x1f\x8b",
			lines: []string{"Content-Encoding: gzip"}}.header(), accepted},
		{"trailers are no headers", raw{method: "POST", body: "hello", chunked: true, who: bob, noToken: true,
			lines: []string{"Trailer: X-Amz-Security-Token"}, trailers: "X-Amz-Security-Token: " + bob.SessionToken +
				"\r\n"}.header(), "invalid token"},
		{"trailer signed", raw{method: "POST", body: "hello", chunked: true, lines: []string{"Trailer: X-A"},
			sign: []string{"trailer"}, trailers: "X-A: b\r\n"}.header(), mismatch},
		{"both lengths", strings.Replace(raw{method: "POST", body: "hello"}.header(), "Content-Length: 5\r\n\r\nhello",
			"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 1), accepted},
		{"both lengths, content-length signed", strings.Replace(raw{method: "POST", body: "hello",
			values: map[string]string{"content-length": "3"}}.header(), "Content-Length: 5\r\n\r\nhello",
			"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 1), mismatch},
		{"method in lower case", raw{method: "get"}.header(), accepted},
		{"method in lower case, signed in capitals", strings.Replace(raw{}.header(), "GET", "get", 1), mismatch},
		{"asterisk with GET", raw{target: "*", path: "*"}.header(), malformed},
	})
}
