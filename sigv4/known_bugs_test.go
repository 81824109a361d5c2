package sigv4_test

import (
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

// TestKnownVerifierBugs has a request for each bug that SigV4 verifiers were published to have.
func TestKnownVerifierBugs(t *testing.T) {
	t.Parallel()
	swap := func(old, new string) func(string) string { return replace(old, new) }
	up := func(auth string) string {
		i := strings.LastIndex(auth, "=") + 1
		return auth[:i] + strings.ToUpper(auth[i:])
	}
	sigEdit := func(f func(string) string) func(string) string {
		return func(s string) string {
			i := strings.LastIndex(s, "=") + 1
			return s[:i] + f(s[i:])
		}
	}
	ghost := func(secret string) sigv4.Credentials {
		return sigv4.Credentials{AccessKeyID: "AKIAGHOST0000000EXAM", Secret: sigv4.NewSecret(secret)}
	}
	streaming := "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	chunk := "5;chunk-signature=" + strings.Repeat("0", 64) + "\r\nhello\r\n0;chunk-signature=" + strings.Repeat("0",
		64) + "\r\n\r\n"
	post := raw{method: "POST", target: "/orders?a=1", body: "hello"}
	with := func(q raw, f func(*raw)) raw { f(&q); return q }
	declare := func(v string) func(*raw) {
		return func(q *raw) {
			q.lines, q.sign, q.payload = []string{"X-Amz-Content-Sha256: " + v}, []string{"x-amz-content-sha256"}, v
		}
	}

	attacks := []attack{
		{"good header form", post.header(), accepted},
		{"good query form", post.presigned(), accepted},

		// CVE-2025-31489, CVE-2026-41145, SeaweedFS#7912: no signature needed for a trailer payload.
		{"trailer payload, header form", with(post, declare(streaming)).header(), mismatch},
		{"trailer payload, bogus signature", with(post,
			declare(streaming)).header(sigEdit(func(string) string { return strings.Repeat("0", 64) })), mismatch},
		{"trailer payload, query form", with(post, declare(streaming)).presigned(), mismatch},
		{"trailer payload declared in the query", with(post,
			func(q *raw) { q.target += "&X-Amz-Content-Sha256=" + streaming; q.payload = streaming }).presigned(), mismatch},
		{"unsigned payload, header form", with(post, declare("UNSIGNED-PAYLOAD")).header(), mismatch},
		{"unsigned payload, empty body", with(raw{}, declare("UNSIGNED-PAYLOAD")).header(), mismatch},
		{"unsigned payload, not declared", with(post, func(q *raw) { q.payload = "UNSIGNED-PAYLOAD" }).header(), mismatch},
		{"unsigned payload, query form", with(post, func(q *raw) { q.payload = "UNSIGNED-PAYLOAD" }).presigned(), mismatch},
		{"unsigned payload, declared in the query", with(post,
			func(q *raw) { q.target += "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"; q.payload = "UNSIGNED-PAYLOAD" }).presigned(),
			mismatch},
		// CVE-2026-40344: an authentication type nobody handles.
		{"signed chunks with an elliptic curve", with(post, declare("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")).header(),
			mismatch},
		// CVE-2021-21390, SeaweedFS#2180, chimera#1056: chunk signatures not looked at after a good seed.
		{"bad chunks after a good seed", with(post, func(q *raw) {
			declare("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")(q)
			q.body = chunk
			q.lines = append(q.lines, "Content-Encoding: aws-chunked", "X-Amz-Decoded-Content-Length: 5")
		}).header(), mismatch},
		// extenddb#351, aws-proxy#70, chimera#491: the declared hash is believed.
		{"body swapped under its declared hash", with(post, func(q *raw) { declare(hashOf("other"))(q) }).header(), mismatch},
		{"wrong hash declared, unsigned", with(post, func(q *raw) {
			q.lines = []string{"X-Amz-Content-Sha256: " +
				hashOf("other")}
		}).header(), mismatch},
		{"two hashes declared", with(post, func(q *raw) {
			q.lines = []string{"X-Amz-Content-Sha256: " + hashOf("hello"), "X-Amz-Content-Sha256: " + hashOf("other")}
		}).header(), mismatch},
		{"declared hash in capitals", with(post, func(q *raw) {
			q.lines = []string{"X-Amz-Content-Sha256: " +
				strings.ToUpper(hashOf("hello"))}
		}).header(), mismatch},
		{"declared hash too long", with(post, func(q *raw) {
			q.lines = []string{"X-Amz-Content-Sha256: " +
				strings.Repeat("0", 1000)}
		}).header(), mismatch},
		{"wrong hash declared in the query", with(post, func(q *raw) {
			q.target += "&X-Amz-Content-Sha256=" +
				hashOf("other")
		}).presigned(), mismatch},
		{"right hash declared in the query", with(post, func(q *raw) {
			q.target += "&X-Amz-Content-Sha256=" +
				hashOf("hello")
		}).presigned(), accepted},
		{"hash in the query of the header form", with(post,
			func(q *raw) { q.target += "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD" }).header(), accepted},
		{"declared hash empty", with(post, func(q *raw) { q.lines = []string{"X-Amz-Content-Sha256:"} }).header(), mismatch},
		{"right hash declared, unsigned", with(post, func(q *raw) {
			q.lines = []string{"X-Amz-Content-Sha256: " +
				hashOf("hello")}
		}).header(), accepted},
		// s3-orchestrator#65, predastore#19: host not signed, so good for every host.
		{"host not signed", post.header(swap("SignedHeaders=host;", "SignedHeaders=")), incomplete},
		{"nothing signed", post.header(swap("SignedHeaders=host;x-amz-date", "SignedHeaders=")), incomplete},
		{"replayed on another host", strings.Replace(post.header(), "Host: "+host, "Host: other.example", 1), mismatch},
		{"presigned URL replayed on another host", strings.Replace(post.presigned(), "Host: "+host, "Host: other.example", 1),
			mismatch},
		// vinyldns#1525: headers declared but absent are skipped.
		{"declared but absent", post.header(swap("host;", "host;x-amz-absent;")), mismatch},
		{"declared, signed as empty, absent", with(post, func(q *raw) { q.sign = []string{"x-amz-absent"} }).header(),
			mismatch},
		// vinyldns#1525, chimera#492, s3s#616: freshness.
		{"six minutes old", with(post, func(q *raw) { q.at = clock.Add(-6 * time.Minute) }).header(), "signature expired"},
		{"six minutes ahead", with(post, func(q *raw) { q.at = clock.Add(6 * time.Minute) }).header(),
			"signature not yet current"},
		{"presigned URL past its time", with(post, func(q *raw) { q.at = clock.Add(-11 * time.Minute) }).presigned(),
			"signature expired"},
		{"presigned URL from the future", with(post, func(q *raw) { q.at = clock.Add(6 * time.Minute) }).presigned(),
			"signature not yet current"},
		// chimera#1187, minio#9421: scope not checked.
		{"another day", with(post, func(q *raw) { q.scope = "20261122/" + region + "/lambda/aws4_request" }).header(),
			"invalid scope"},
		{"another region", with(post, func(q *raw) { q.scope = "20261123/us-east-1/lambda/aws4_request" }).header(),
			"invalid scope"},
		{"another service", with(post, func(q *raw) { q.scope = "20261123/" + region + "/s3/aws4_request" }).header(),
			"invalid scope"},
		{"another terminator", with(post, func(q *raw) { q.scope = "20261123/" + region + "/lambda/aws5_request" }).header(),
			"invalid scope"},
		{"four parts", with(post, func(q *raw) { q.scope = "20261123/" + region + "/lambda" }).header(), incomplete},
		{"six parts", with(post, func(q *raw) { q.scope = "20261123/" + region + "/lambda/aws4_request/x" }).header(),
			incomplete},
		// minio#5334, versitygw#2350, chimera#497, s3s#659 and mutations: the comparison.
		{"signature in capitals", post.header(up), mismatch},
		{"signature cut short", post.header(sigEdit(func(s string) string { return s[:63] })), mismatch},
		{"signature empty", post.header(sigEdit(func(string) string { return "" })), mismatch},
		{"signature of one byte", post.header(sigEdit(func(s string) string { return s[:1] })), mismatch},
		{"signature with more behind", post.header(sigEdit(func(s string) string { return s + "0" })), mismatch},
		{"signature of 64 zero bytes", post.header(sigEdit(func(string) string { return strings.Repeat("0", 64) })),
			mismatch},
		// floci#2680: unknown keys with a secret that can be guessed.
		{"key id as secret of an unknown key", with(post, func(q *raw) { q.who = ghost("AKIAGHOST0000000EXAM") }).header(),
			"unknown key"},
		{"empty secret of an unknown key", with(post, func(q *raw) { q.who = ghost("") }).header(), "unknown key"},
		{"the verifier's own dummy secret", with(post, func(q *raw) { q.who = ghost("no key has this secret") }).header(),
			"unknown key"},
		{"a known key's secret for an unknown key", with(post,
			func(q *raw) { q.who = ghost(alice.Secret.Reveal()) }).header(), "unknown key"},
		{"no key id", with(post, func(q *raw) {
			q.who = sigv4.Credentials{AccessKeyID: " ",
				Secret: alice.Secret}
		}).header(swap("Credential= /", "Credential=/")), "unknown key"},
		// yulin#183: X-Amz-Signature is always left out of the query.
		{"X-Amz-Signature added in header form", strings.Replace(post.header(), "?a=1", "?a=1&X-Amz-Signature=x", 1),
			mismatch},
		// CVE-2022-2385: parameters repeated or in other capitals.
		{"X-Amz-Date twice", post.presigned(func(s string) string { return s + "&X-Amz-Date=20261123T150405Z" }), mismatch},
		{"X-Amz-Credential twice, first other", post.presigned(swap("?a=1&", "?X-Amz-Credential=x&a=1&")), incomplete},
		{"X-Amz-Signature twice", post.presigned(func(s string) string { return s + "&X-Amz-Signature=0" }), mismatch},
		{"X-Amz-Signature in lower case besides", post.presigned(func(s string) string { return s + "&x-amz-signature=0" }),
			mismatch},
		{"X-Amz-SignedHeaders twice", post.presigned(func(s string) string { return s + "&X-Amz-SignedHeaders=host" }),
			mismatch},
		{"X-Amz-Expires twice", post.presigned(func(s string) string { return s + "&X-Amz-Expires=604800" }), mismatch},
		{"X-Amz-Algorithm twice", post.presigned(func(s string) string { return s + "&X-Amz-Algorithm=AWS4-HMAC-SHA256" }),
			mismatch},
		{"parameters in lower case only", "GET /?x-amz-algorithm=AWS4-HMAC-SHA256&x-amz-signature=0 HTTP/1.1\r\nHost: " +
			host + "\r\n\r\n", "missing authentication"},
		// CVE-2020-16250: what a presigned call is replayed with.
		{"parameter added to a presigned URL", post.presigned(func(s string) string { return s + "&admin=1" }), mismatch},
		{"action changed in a presigned URL", post.presigned(swap("a=1", "a=2")), mismatch},
		{"method of a presigned URL changed", strings.Replace(post.presigned(), "POST", "PUT", 1), mismatch},
		// ceph#55458: OPTIONS.
		{"OPTIONS without signature", "OPTIONS / HTTP/1.1\r\nHost: " + host +
			"\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n", "missing authentication"},
		{"OPTIONS with the signature of a POST", strings.Replace(post.header(), "POST", "OPTIONS", 1), mismatch},
		{"OPTIONS signed", with(post, func(q *raw) { q.method = "OPTIONS" }).header(), accepted},
		// SeaweedFS#7330: forwarding headers in the canonical request.
		{"host only in X-Forwarded-Host", with(post, func(q *raw) {
			q.lines = []string{"X-Forwarded-Host: public.example"}
			q.values = map[string]string{"host": "public.example"}
		}).header(), mismatch},
		{"path only in X-Forwarded-Prefix", with(post, func(q *raw) {
			q.lines = []string{"X-Forwarded-Prefix: /prod"}
			q.path = "/prod/orders"
		}).header(), mismatch},
		{"forwarding headers, ignored", with(post, func(q *raw) {
			q.lines = []string{"X-Forwarded-Host: evil.example", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: http",
				"Forwarded: host=evil"}
		}).header(), accepted},
		// rustfs#7796: algorithm.
		{"algorithm in lower case", with(post, func(q *raw) { q.algo = "aws4-hmac-sha256" }).header(), incomplete},
		{"algorithm with SHA-1", with(post, func(q *raw) { q.algo = "AWS4-HMAC-SHA1" }).header(), incomplete},
		{"algorithm with more behind", with(post, func(q *raw) { q.algo = "AWS4-HMAC-SHA256-PAYLOAD" }).header(), incomplete},
		{"algorithm of SigV4A", with(post, func(q *raw) { q.algo = "AWS4-ECDSA-P256-SHA256" }).presigned(), incomplete},
		{"no algorithm in the query", post.presigned(swap("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=")),
			incomplete},
		{"bearer token", "GET / HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer abc\r\n\r\n", incomplete},
		{"basic authentication", "GET / HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Basic YWxpY2U6eA==\r\n\r\n",
			incomplete},
		{"signature version 2", "GET /?AWSAccessKeyId=" + alice.AccessKeyID +
			"&Signature=x&SignatureVersion=2 HTTP/1.1\r\nHost: " + host + "\r\n\r\n", "missing authentication"},
		// SeaweedFS#8878, MinIO CVE-2020-11012: key id and nothing more.
		{"mock signature", post.header(sigEdit(func(string) string { return "mock" })), mismatch},
		{"key id alone", "GET / HTTP/1.1\r\nHost: " + host +
			"\r\nX-Amz-Date: 20261123T150405Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=" + alice.AccessKeyID + "/" +
			scopeOf(clock) + "\r\n\r\n", incomplete},
		// rustfs#3374: signed headers the server itself uses or rewrites.
		{"content-length signed", with(post, func(q *raw) { q.values = map[string]string{"content-length": "5"} }).header(),
			accepted},
		{"content-length signed otherwise", with(post,
			func(q *raw) { q.values = map[string]string{"content-length": "6"} }).header(), mismatch},
		{"content-length signed, body chunked", with(post,
			func(q *raw) { q.chunked, q.values = true, map[string]string{"content-length": "5"} }).header(), mismatch},
		{"transfer-encoding signed", with(post, func(q *raw) {
			q.chunked, q.values = true,
				map[string]string{"transfer-encoding": "chunked"}
		}).header(), accepted},
		{"transfer-encoding signed otherwise", with(post,
			func(q *raw) { q.chunked, q.values = true, map[string]string{"transfer-encoding": "gzip"} }).header(), mismatch},
		{"hop-by-hop headers signed", with(post, func(q *raw) {
			q.lines = []string{"Connection: keep-alive", "User-Agent: x", "TE: trailers"}
			q.sign = []string{"connection", "user-agent", "te"}
		}).header(), accepted},
		{"user agent signed, changed", strings.Replace(with(post,
			func(q *raw) {
				q.lines, q.sign = []string{"User-Agent: a"},
					[]string{"user-agent"}
			}).header(), "Agent: a", "Agent: b", 1), mismatch},
		{"user agent unsigned, changed", strings.Replace(with(post,
			func(q *raw) { q.lines = []string{"User-Agent: a"} }).header(), "Agent: a", "Agent: b", 1), accepted},
		// s3s#622: body of a presigned request.
		{"body of a presigned URL swapped", strings.Replace(post.presigned(), "hello", "hullo", 1), mismatch},
		{"body added to a presigned URL", with(raw{method: "POST"},
			func(q *raw) { q.payload, q.body = hashOf(""), "x" }).presigned(), mismatch},
	}
	runAttacks(t, attacks)
}
