package sigv4_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/sigv4"
)

// answer is what the test server found out about a request.
type answer struct {
	Kind     string // "" if it was accepted
	Message  string
	Key      string
	Body     string // as the handler reads it after Verify
	Read     int64  // bytes taken from the connection by Verify
	Warnings []sigv4.Warning
}

const accepted = ""

type countingBody struct {
	io.ReadCloser
	n *int64
}

func (b countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	*b.n += int64(n)
	return n, err
}

// serve runs a real server whose handler does nothing but verify.
func serve(t *testing.T, v *sigv4.Verifier) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var a answer
		if r.Body != http.NoBody {
			r = r.WithContext(r.Context()) // the server looks at its own request's Body to handle Expect
			r.Body = countingBody{r.Body, &a.Read}
		}
		got, err := v.Verify(r)
		if err != nil {
			e := err.(*sigv4.Error)
			a.Kind, a.Message, a.Key = e.Kind.String(), e.Message, e.AccessKeyID
		} else {
			body, err := io.ReadAll(r.Body)
			if err != nil || !bytes.Equal(body, got.Body) {
				t.Errorf("r.Body reads %q, %v after Verify saw %q", body, err, got.Body)
			}
			a.Body, a.Key, a.Warnings = string(body), got.AccessKeyID, got.Warnings
		}
		_ = json.NewEncoder(w).Encode(a)
	}))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// raw is a request as bytes, signed by hand with code independent of the package.
type raw struct {
	method string
	target string
	host   string
	lines  []string // further header lines, sent as they are
	body   string

	sign     []string          // names of headers to sign besides host and x-amz-date
	values   map[string]string // what is signed for a header, where that is not its line
	payload  string            // what is signed as the payload hash; "" means that of body
	path     string            // the canonical path; "" means the right one
	query    string            // the canonical query; "" means the right one
	who      sigv4.Credentials
	at       time.Time
	scope    string // of the credential and the signature; "" means the right one
	noToken  bool
	expires  string // X-Amz-Expires
	algo     string
	chunked  bool
	trailers string
	proto    string
}

func (q raw) fill() raw {
	if q.method == "" {
		q.method = "GET"
	}
	if q.target == "" {
		q.target = "/"
	}
	if q.host == "" {
		q.host = host
	}
	if q.who.AccessKeyID == "" {
		q.who = alice
	}
	if q.at.IsZero() {
		q.at = clock
	}
	if q.payload == "" {
		q.payload = hashOf(q.body)
	}
	if q.scope == "" {
		q.scope = scopeOf(q.at)
	}
	if q.algo == "" {
		q.algo = "AWS4-HMAC-SHA256"
	}
	if q.proto == "" {
		q.proto = "HTTP/1.1"
	}
	return q
}

func (q raw) date() string { return q.at.Format("20060102T150405Z") }

// signature signs target with these canonical header lines.
func (q raw) signature(target string, lines map[string]string) (sig, names string) {
	path, rawQuery, _ := strings.Cut(target, "?")
	if _, rest, ok := strings.Cut(path, "://"); ok {
		path = "/" + strings.SplitN(rest, "/", 2)[1]
	}
	var list []string
	for name := range lines {
		list = append(list, name)
	}
	slices.Sort(list)
	names = strings.Join(list, ";")
	headers := ""
	for _, name := range list {
		headers += name + ":" + lines[name] + "\n"
	}
	canonicalPath, canonicalQuery := q.path, q.query
	if canonicalPath == "" {
		canonicalPath = rightPath(path)
	}
	if canonicalQuery == "" {
		canonicalQuery = rightQuery(rawQuery)
	}
	canonical := q.method + "\n" + canonicalPath + "\n" + canonicalQuery + "\n" + headers + "\n" + names + "\n" + q.payload
	toSign := "AWS4-HMAC-SHA256\n" + q.date() + "\n" + q.scope + "\n" + hashOf(canonical)
	k := []byte("AWS4" + q.who.Secret.Reveal())
	for _, part := range strings.Split(q.scope, "/") {
		k = mac(k, part)
	}
	return hex.EncodeToString(mac(k, toSign)), names
}

// signedLines are the values of the headers to sign.
func (q raw) signedLines() map[string]string {
	lines := map[string]string{"host": q.host}
	for _, name := range q.sign {
		var values []string
		for _, l := range q.lines {
			if k, v, _ := strings.Cut(l, ":"); strings.EqualFold(k, name) {
				values = append(values, strings.Join(strings.Fields(v), " "))
			}
		}
		lines[name] = strings.Join(values, ",")
	}
	for name, v := range q.values {
		lines[name] = v
	}
	return lines
}

// header is the bytes of the request with an Authorization header; edit may change that header's value.
func (q raw) header(edit ...func(string) string) string {
	q = q.fill()
	lines := q.signedLines()
	lines["x-amz-date"] = q.date()
	extra := "X-Amz-Date: " + q.date() + "\r\n"
	if q.who.SessionToken != "" && !q.noToken {
		lines["x-amz-security-token"] = q.who.SessionToken
		extra += "X-Amz-Security-Token: " + q.who.SessionToken + "\r\n"
	}
	sig, names := q.signature(q.target, lines)
	auth := q.algo + " Credential=" + q.who.AccessKeyID + "/" + q.scope + ", SignedHeaders=" + names + ", Signature=" + sig
	for _, f := range edit {
		auth = f(auth)
	}
	return q.bytes(q.target, extra+"Authorization: "+auth+"\r\n")
}

// presigned is the bytes of the request in the query form; edit may change the target.
func (q raw) presigned(edit ...func(string) string) string {
	q = q.fill()
	lines := q.signedLines()
	var list []string
	for name := range lines {
		list = append(list, name)
	}
	slices.Sort(list)
	target := q.target
	sep := "?"
	if strings.Contains(target, "?") {
		sep = "&"
	}
	target += sep + "X-Amz-Algorithm=" + q.algo + "&X-Amz-Credential=" + rightEscape(q.who.AccessKeyID+"/"+q.scope) +
		"&X-Amz-Date=" + q.date() + "&X-Amz-SignedHeaders=" + rightEscape(strings.Join(list, ";"))
	if q.expires != "none" {
		if q.expires == "" {
			q.expires = "600"
		}
		target += "&X-Amz-Expires=" + q.expires
	}
	if q.who.SessionToken != "" && !q.noToken {
		target += "&X-Amz-Security-Token=" + rightEscape(q.who.SessionToken)
	}
	sig, _ := q.signature(target, lines)
	target += "&X-Amz-Signature=" + sig
	for _, f := range edit {
		target = f(target)
	}
	return q.bytes(target, "")
}

func (q raw) bytes(target, extra string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\nHost: %s\r\n%s", q.method, target, q.proto, q.host, extra)
	for _, l := range q.lines {
		b.WriteString(l + "\r\n")
	}
	switch {
	case q.chunked:
		fmt.Fprintf(&b, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n%s\r\n", len(q.body), q.body, q.trailers)
	case q.body != "":
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(q.body), q.body)
	default:
		b.WriteString("\r\n")
	}
	return b.String()
}

// send writes the bytes of requests to one connection and reads an answer to each. A status other than 200 is given
// as the kind.
func send(t *testing.T, addr string, requests ...string) []answer {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	br := bufio.NewReader(conn)
	var answers []answer
	for _, text := range requests {
		if _, err := io.WriteString(conn, text); err != nil {
			t.Logf("write: %v", err) // the server may have hung up on what it read so far
		}
		method, _, _ := strings.Cut(text, " ")
		resp, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("read answer to %.200q: %v", text, err)
		}
		var a answer
		if resp.StatusCode != http.StatusOK {
			a.Kind = resp.Status
		} else if method == "HEAD" {
			t.Fatal("a HEAD request has no answer to read")
		} else if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		answers = append(answers, a)
	}
	return answers
}

func one(t *testing.T, addr, request string) answer {
	t.Helper()
	return send(t, addr, request)[0]
}

// attack is a request over a socket and what must come of it.
type attack struct {
	name string
	text string
	kind string // accepted, a Kind, or an HTTP status
}

func runAttacks(t *testing.T, attacks []attack) {
	t.Helper()
	addr := serve(t, newVerifier())
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			if got := one(t, addr, a.text); got.Kind != a.kind {
				t.Errorf("got %+v, want %q", got, a.kind)
			}
		})
	}
}

const (
	mismatch   = "invalid signature"
	incomplete = "incomplete signature"
	malformed  = "malformed request"
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
	chunk := "5;chunk-signature=" + strings.Repeat("0", 64) + "\r\nhello\r\n0;chunk-signature=" + strings.Repeat("0", 64) + "\r\n\r\n"
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
		{"trailer payload, bogus signature", with(post, declare(streaming)).header(sigEdit(func(string) string { return strings.Repeat("0", 64) })), mismatch},
		{"trailer payload, query form", with(post, declare(streaming)).presigned(), mismatch},
		{"trailer payload declared in the query", with(post, func(q *raw) { q.target += "&X-Amz-Content-Sha256=" + streaming; q.payload = streaming }).presigned(), mismatch},
		{"unsigned payload, header form", with(post, declare("UNSIGNED-PAYLOAD")).header(), mismatch},
		{"unsigned payload, empty body", with(raw{}, declare("UNSIGNED-PAYLOAD")).header(), mismatch},
		{"unsigned payload, not declared", with(post, func(q *raw) { q.payload = "UNSIGNED-PAYLOAD" }).header(), mismatch},
		{"unsigned payload, query form", with(post, func(q *raw) { q.payload = "UNSIGNED-PAYLOAD" }).presigned(), mismatch},
		{"unsigned payload, declared in the query", with(post, func(q *raw) { q.target += "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"; q.payload = "UNSIGNED-PAYLOAD" }).presigned(), mismatch},
		// CVE-2026-40344: an authentication type nobody handles.
		{"signed chunks with an elliptic curve", with(post, declare("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")).header(), mismatch},
		// CVE-2021-21390, SeaweedFS#2180, chimera#1056: chunk signatures not looked at after a good seed.
		{"bad chunks after a good seed", with(post, func(q *raw) {
			declare("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")(q)
			q.body = chunk
			q.lines = append(q.lines, "Content-Encoding: aws-chunked", "X-Amz-Decoded-Content-Length: 5")
		}).header(), mismatch},
		// extenddb#351, aws-proxy#70, chimera#491: the declared hash is believed.
		{"body swapped under its declared hash", with(post, func(q *raw) { declare(hashOf("other"))(q) }).header(), mismatch},
		{"wrong hash declared, unsigned", with(post, func(q *raw) { q.lines = []string{"X-Amz-Content-Sha256: " + hashOf("other")} }).header(), mismatch},
		{"two hashes declared", with(post, func(q *raw) {
			q.lines = []string{"X-Amz-Content-Sha256: " + hashOf("hello"), "X-Amz-Content-Sha256: " + hashOf("other")}
		}).header(), mismatch},
		{"declared hash in capitals", with(post, func(q *raw) { q.lines = []string{"X-Amz-Content-Sha256: " + strings.ToUpper(hashOf("hello"))} }).header(), mismatch},
		{"declared hash too long", with(post, func(q *raw) { q.lines = []string{"X-Amz-Content-Sha256: " + strings.Repeat("0", 1000)} }).header(), mismatch},
		{"wrong hash declared in the query", with(post, func(q *raw) { q.target += "&X-Amz-Content-Sha256=" + hashOf("other") }).presigned(), mismatch},
		{"right hash declared in the query", with(post, func(q *raw) { q.target += "&X-Amz-Content-Sha256=" + hashOf("hello") }).presigned(), accepted},
		{"hash in the query of the header form", with(post, func(q *raw) { q.target += "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD" }).header(), accepted},
		{"declared hash empty", with(post, func(q *raw) { q.lines = []string{"X-Amz-Content-Sha256:"} }).header(), mismatch},
		{"right hash declared, unsigned", with(post, func(q *raw) { q.lines = []string{"X-Amz-Content-Sha256: " + hashOf("hello")} }).header(), accepted},
		// s3-orchestrator#65, predastore#19: host not signed, so good for every host.
		{"host not signed", post.header(swap("SignedHeaders=host;", "SignedHeaders=")), incomplete},
		{"nothing signed", post.header(swap("SignedHeaders=host;x-amz-date", "SignedHeaders=")), incomplete},
		{"replayed on another host", strings.Replace(post.header(), "Host: "+host, "Host: other.example", 1), mismatch},
		{"presigned URL replayed on another host", strings.Replace(post.presigned(), "Host: "+host, "Host: other.example", 1), mismatch},
		// vinyldns#1525: headers declared but absent are skipped.
		{"declared but absent", post.header(swap("host;", "host;x-amz-absent;")), mismatch},
		{"declared, signed as empty, absent", with(post, func(q *raw) { q.sign = []string{"x-amz-absent"} }).header(), mismatch},
		// vinyldns#1525, chimera#492, s3s#616: freshness.
		{"six minutes old", with(post, func(q *raw) { q.at = clock.Add(-6 * time.Minute) }).header(), "signature expired"},
		{"six minutes ahead", with(post, func(q *raw) { q.at = clock.Add(6 * time.Minute) }).header(), "signature not yet current"},
		{"presigned URL past its time", with(post, func(q *raw) { q.at = clock.Add(-11 * time.Minute) }).presigned(), "signature expired"},
		{"presigned URL from the future", with(post, func(q *raw) { q.at = clock.Add(6 * time.Minute) }).presigned(), "signature not yet current"},
		// chimera#1187, minio#9421: scope not checked.
		{"another day", with(post, func(q *raw) { q.scope = "20261122/" + region + "/lambda/aws4_request" }).header(), "invalid scope"},
		{"another region", with(post, func(q *raw) { q.scope = "20261123/us-east-1/lambda/aws4_request" }).header(), "invalid scope"},
		{"another service", with(post, func(q *raw) { q.scope = "20261123/" + region + "/s3/aws4_request" }).header(), "invalid scope"},
		{"another terminator", with(post, func(q *raw) { q.scope = "20261123/" + region + "/lambda/aws5_request" }).header(), "invalid scope"},
		{"four parts", with(post, func(q *raw) { q.scope = "20261123/" + region + "/lambda" }).header(), incomplete},
		{"six parts", with(post, func(q *raw) { q.scope = "20261123/" + region + "/lambda/aws4_request/x" }).header(), incomplete},
		// minio#5334, versitygw#2350, chimera#497, s3s#659 and mutations: the comparison.
		{"signature in capitals", post.header(up), mismatch},
		{"signature cut short", post.header(sigEdit(func(s string) string { return s[:63] })), mismatch},
		{"signature empty", post.header(sigEdit(func(string) string { return "" })), mismatch},
		{"signature of one byte", post.header(sigEdit(func(s string) string { return s[:1] })), mismatch},
		{"signature with more behind", post.header(sigEdit(func(s string) string { return s + "0" })), mismatch},
		{"signature of 64 zero bytes", post.header(sigEdit(func(string) string { return strings.Repeat("0", 64) })), mismatch},
		// floci#2680: unknown keys with a secret that can be guessed.
		{"key id as secret of an unknown key", with(post, func(q *raw) { q.who = ghost("AKIAGHOST0000000EXAM") }).header(), "unknown key"},
		{"empty secret of an unknown key", with(post, func(q *raw) { q.who = ghost("") }).header(), "unknown key"},
		{"the verifier's own dummy secret", with(post, func(q *raw) { q.who = ghost("no key has this secret") }).header(), "unknown key"},
		{"a known key's secret for an unknown key", with(post, func(q *raw) { q.who = ghost(alice.Secret.Reveal()) }).header(), "unknown key"},
		{"no key id", with(post, func(q *raw) { q.who = sigv4.Credentials{AccessKeyID: " ", Secret: alice.Secret} }).header(swap("Credential= /", "Credential=/")), "unknown key"},
		// yulin#183: X-Amz-Signature is always left out of the query.
		{"X-Amz-Signature added in header form", strings.Replace(post.header(), "?a=1", "?a=1&X-Amz-Signature=x", 1), mismatch},
		// CVE-2022-2385: parameters repeated or in other capitals.
		{"X-Amz-Date twice", post.presigned(func(s string) string { return s + "&X-Amz-Date=20261123T150405Z" }), mismatch},
		{"X-Amz-Credential twice, first other", post.presigned(swap("?a=1&", "?X-Amz-Credential=x&a=1&")), incomplete},
		{"X-Amz-Signature twice", post.presigned(func(s string) string { return s + "&X-Amz-Signature=0" }), mismatch},
		{"X-Amz-Signature in lower case besides", post.presigned(func(s string) string { return s + "&x-amz-signature=0" }), mismatch},
		{"X-Amz-SignedHeaders twice", post.presigned(func(s string) string { return s + "&X-Amz-SignedHeaders=host" }), mismatch},
		{"X-Amz-Expires twice", post.presigned(func(s string) string { return s + "&X-Amz-Expires=604800" }), mismatch},
		{"X-Amz-Algorithm twice", post.presigned(func(s string) string { return s + "&X-Amz-Algorithm=AWS4-HMAC-SHA256" }), mismatch},
		{"parameters in lower case only", "GET /?x-amz-algorithm=AWS4-HMAC-SHA256&x-amz-signature=0 HTTP/1.1\r\nHost: " + host + "\r\n\r\n", "missing authentication"},
		// CVE-2020-16250: what a presigned call is replayed with.
		{"parameter added to a presigned URL", post.presigned(func(s string) string { return s + "&admin=1" }), mismatch},
		{"action changed in a presigned URL", post.presigned(swap("a=1", "a=2")), mismatch},
		{"method of a presigned URL changed", strings.Replace(post.presigned(), "POST", "PUT", 1), mismatch},
		// ceph#55458: OPTIONS.
		{"OPTIONS without signature", "OPTIONS / HTTP/1.1\r\nHost: " + host + "\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n", "missing authentication"},
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
			q.lines = []string{"X-Forwarded-Host: evil.example", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: http", "Forwarded: host=evil"}
		}).header(), accepted},
		// rustfs#7796: algorithm.
		{"algorithm in lower case", with(post, func(q *raw) { q.algo = "aws4-hmac-sha256" }).header(), incomplete},
		{"algorithm with SHA-1", with(post, func(q *raw) { q.algo = "AWS4-HMAC-SHA1" }).header(), incomplete},
		{"algorithm with more behind", with(post, func(q *raw) { q.algo = "AWS4-HMAC-SHA256-PAYLOAD" }).header(), incomplete},
		{"algorithm of SigV4A", with(post, func(q *raw) { q.algo = "AWS4-ECDSA-P256-SHA256" }).presigned(), incomplete},
		{"no algorithm in the query", post.presigned(swap("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=")), incomplete},
		{"bearer token", "GET / HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer abc\r\n\r\n", incomplete},
		{"basic authentication", "GET / HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Basic YWxpY2U6eA==\r\n\r\n", incomplete},
		{"signature version 2", "GET /?AWSAccessKeyId=" + alice.AccessKeyID + "&Signature=x&SignatureVersion=2 HTTP/1.1\r\nHost: " + host + "\r\n\r\n", "missing authentication"},
		// SeaweedFS#8878, MinIO CVE-2020-11012: key id and nothing more.
		{"mock signature", post.header(sigEdit(func(string) string { return "mock" })), mismatch},
		{"key id alone", "GET / HTTP/1.1\r\nHost: " + host + "\r\nX-Amz-Date: 20261123T150405Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=" + alice.AccessKeyID + "/" + scopeOf(clock) + "\r\n\r\n", incomplete},
		// rustfs#3374: signed headers the server itself uses or rewrites.
		{"content-length signed", with(post, func(q *raw) { q.values = map[string]string{"content-length": "5"} }).header(), accepted},
		{"content-length signed otherwise", with(post, func(q *raw) { q.values = map[string]string{"content-length": "6"} }).header(), mismatch},
		{"content-length signed, body chunked", with(post, func(q *raw) { q.chunked, q.values = true, map[string]string{"content-length": "5"} }).header(), mismatch},
		{"transfer-encoding signed", with(post, func(q *raw) { q.chunked, q.values = true, map[string]string{"transfer-encoding": "chunked"} }).header(), accepted},
		{"transfer-encoding signed otherwise", with(post, func(q *raw) { q.chunked, q.values = true, map[string]string{"transfer-encoding": "gzip"} }).header(), mismatch},
		{"hop-by-hop headers signed", with(post, func(q *raw) {
			q.lines = []string{"Connection: keep-alive", "User-Agent: x", "TE: trailers"}
			q.sign = []string{"connection", "user-agent", "te"}
		}).header(), accepted},
		{"user agent signed, changed", strings.Replace(with(post, func(q *raw) { q.lines, q.sign = []string{"User-Agent: a"}, []string{"user-agent"} }).header(), "Agent: a", "Agent: b", 1), mismatch},
		{"user agent unsigned, changed", strings.Replace(with(post, func(q *raw) { q.lines = []string{"User-Agent: a"} }).header(), "Agent: a", "Agent: b", 1), accepted},
		// s3s#622: body of a presigned request.
		{"body of a presigned URL swapped", strings.Replace(post.presigned(), "hello", "hullo", 1), mismatch},
		{"body added to a presigned URL", with(raw{method: "POST"}, func(q *raw) { q.payload, q.body = hashOf(""), "x" }).presigned(), mismatch},
	}
	runAttacks(t, attacks)
}

// TestPublishedCanonicalForm has the corners of path, query and headers where verifiers and clients differ.
func TestPublishedCanonicalForm(t *testing.T) {
	t.Parallel()
	get := func(target string) raw { return raw{target: target} }
	with := func(q raw, f func(*raw)) raw { f(&q); return q }
	runAttacks(t, []attack{
		{"double encoding", get("/_search/%3Fa=b%20c").header(), accepted},
		{"double encoding, by the text of aws-sdk-js#853", with(get("/_search/%3Fa=b%20c"), func(q *raw) { q.path = "/_search/%253Fa%3Db%2520c" }).header(), accepted},
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
		{"pairs sorted, not texts", with(get("/?Param-3=1&Param=2"), func(q *raw) { q.query = "Param=2&Param-3=1" }).header(), accepted},
		{"values sorted", with(get("/?a=2&a=1"), func(q *raw) { q.query = "a=1&a=2" }).header(), accepted},
		{"values unsorted", with(get("/?a=2&a=1"), func(q *raw) { q.query = "a=2&a=1" }).header(), mismatch},
		{"plus is a space", with(get("/?q=a+b"), func(q *raw) { q.query = "q=a%20b" }).header(), accepted},
		{"plus is no plus", with(get("/?q=a+b"), func(q *raw) { q.query = "q=a%2Bb" }).header(), mismatch},
		{"%2B is a plus", with(get("/?q=a%2bb"), func(q *raw) { q.query = "q=a%2Bb" }).header(), accepted},
		{"reserved characters are encoded", with(get("/?t=12:30"), func(q *raw) { q.query = "t=12%3A30" }).header(), accepted},
		{"reserved characters raw", with(get("/?t=12:30"), func(q *raw) { q.query = "t=12:30" }).header(), mismatch},
		{"empty pairs do not count", with(get("/?a=1&&b=2&"), func(q *raw) { q.query = "a=1&b=2" }).header(), accepted},
		{"empty key", with(get("/?=v"), func(q *raw) { q.query = "=v" }).header(), accepted},
		{"UTF-8 in the query", with(get("/?\xe1\x88\xb4=bar"), func(q *raw) { q.query = "%E1%88%B4=bar" }).header(), accepted},
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
		{"empty value", with(get("/"), func(q *raw) { q.lines, q.sign = []string{"My-Header:"}, []string{"my-header"} }).header(), accepted},
		{"X_Amz_Date is another header", with(get("/"), func(q *raw) { q.lines = []string{"X_Amz_Date: 20200101T000000Z"} }).header(), accepted},

		{"port is part of the host", raw{host: host + ":9000"}.header(), accepted},
		{"port dropped", with(raw{host: host + ":9000"}, func(q *raw) { q.values = map[string]string{"host": host} }).header(), mismatch},
		{"default port kept as sent", with(raw{host: host + ":443"}, func(q *raw) { q.values = map[string]string{"host": host} }).header(), mismatch},
		{"capitals in the host", with(raw{host: "Example.ORG"}, func(q *raw) { q.values = map[string]string{"host": "example.org"} }).header(), mismatch},
		{"absolute target: its host counts", strings.Replace(raw{target: "http://" + host + "/a?b=c"}.header(), "Host: "+host, "Host: evil.example", 1), accepted},
		{"absolute target of another host", strings.Replace(raw{}.header(), "GET /", "GET http://evil.example/", 1), mismatch},

		{"chunked body", raw{method: "POST", body: "hello", chunked: true}.header(), accepted},
		{"compressed body is hashed as sent", raw{method: "POST", body: "\x1f\x8b", lines: []string{"Content-Encoding: gzip"}}.header(), accepted},
		{"trailers are no headers", raw{method: "POST", body: "hello", chunked: true, who: bob, noToken: true,
			lines: []string{"Trailer: X-Amz-Security-Token"}, trailers: "X-Amz-Security-Token: " + bob.SessionToken + "\r\n"}.header(), "invalid token"},
		{"trailer signed", raw{method: "POST", body: "hello", chunked: true, lines: []string{"Trailer: X-A"}, sign: []string{"trailer"}, trailers: "X-A: b\r\n"}.header(), mismatch},
		{"both lengths", strings.Replace(raw{method: "POST", body: "hello"}.header(), "Content-Length: 5\r\n\r\nhello",
			"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 1), accepted},
		{"both lengths, content-length signed", strings.Replace(raw{method: "POST", body: "hello", values: map[string]string{"content-length": "3"}}.header(), "Content-Length: 5\r\n\r\nhello",
			"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 1), mismatch},
		{"method in lower case", raw{method: "get"}.header(), accepted},
		{"method in lower case, signed in capitals", strings.Replace(raw{}.header(), "GET", "get", 1), mismatch},
		{"asterisk with GET", raw{target: "*", path: "*"}.header(), malformed},
	})
}

// TestAuthorizationGrammar: lists that are odd but legal, and lists that are not.
func TestAuthorizationGrammar(t *testing.T) {
	t.Parallel()
	edit := func(f func(string) string) string { return raw{}.header(f) }
	scope := scopeOf(clock)
	plain := func(extra string) string { return "GET / HTTP/1.1\r\nHost: " + host + "\r\n" + extra + "\r\n" }
	runAttacks(t, []attack{
		{"without spaces", edit(func(s string) string { return strings.ReplaceAll(s, ", ", ",") }), accepted},
		{"with many spaces", edit(func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(s, ", ", "  ,\t "), "256 ", "256   ")
		}), accepted},
		{"in another order", edit(func(s string) string {
			alg, list, _ := strings.Cut(s, " ")
			parts := strings.Split(list, ", ")
			slices.Reverse(parts)
			return alg + " " + strings.Join(parts, ", ")
		}), accepted},
		{"credential twice", edit(func(s string) string { return s + ", Credential=" + alice.AccessKeyID + "/" + scope }), mismatch},
		{"signature twice, last right", edit(func(s string) string { return strings.Replace(s, "256 ", "256 Signature=0, ", 1) }), mismatch},
		{"signed headers twice", edit(func(s string) string { return s + ", SignedHeaders=host;x-amz-date" }), mismatch},
		{"unknown part", edit(func(s string) string { return s + ", Extra=1" }), mismatch},
		{"part without value", edit(func(s string) string { return s + ", Extra" }), incomplete},
		{"comma at the end", edit(func(s string) string { return s + "," }), incomplete},
		{"names in lower case", edit(func(s string) string { return strings.Replace(s, "Signature=", "signature=", 1) }), incomplete},
		{"algorithm alone", plain("Authorization: AWS4-HMAC-SHA256\r\n"), incomplete},
		{"empty", plain("Authorization:\r\n"), incomplete},
		{"twice, first right", strings.Replace(raw{}.header(), "\r\n\r\n", "\r\nAuthorization: Bearer x\r\n\r\n", 1), mismatch},
		{"twice the same", func() string {
			s := raw{}.header()
			i := strings.Index(s, "Authorization:")
			return s[:len(s)-2] + s[i:len(s)-2] + "\r\n"
		}(), mismatch},
		{"header and query form", strings.Replace(raw{}.presigned(), "\r\n\r\n", "\r\nAuthorization: Bearer x\r\n\r\n", 1), mismatch},
		{"header form with X-Amz-Algorithm, percent-encoded", strings.Replace(raw{}.header(), "GET / ", "GET /?X%2DAmz-Algorithm=x ", 1), mismatch},
		{"signed headers unsorted, text sorted", edit(func(s string) string { return strings.Replace(s, "host;x-amz-date", "x-amz-date;host", 1) }), accepted},
		{"signed headers with capitals", edit(func(s string) string { return strings.Replace(s, "host;x-amz-date", "host;X-Amz-Date", 1) }), mismatch},
		{"signed header twice", edit(func(s string) string { return strings.Replace(s, "host;", "host;host;", 1) }), mismatch},
		{"empty name in signed headers", edit(func(s string) string { return strings.Replace(s, "host;", "host;;", 1) }), mismatch},
		{":authority over HTTP/1.1", edit(func(s string) string { return strings.Replace(s, "host;", ":authority;", 1) }), mismatch},
		{"date twice", strings.Replace(raw{}.header(), "X-Amz-Date:", "X-Amz-Date: 20261123T150405Z\r\nX-Amz-Date:", 1), mismatch},
		{"no date", strings.Replace(raw{}.header(), "X-Amz-Date:", "X-Other:", 1), incomplete},
		{"extended date", strings.Replace(raw{}.header(), "X-Amz-Date: 20261123T150405Z", "X-Amz-Date: 2026-11-23T15:04:05Z", 1), incomplete},
		{"token twice", strings.Replace(raw{who: bob}.header(), "X-Amz-Security-Token:", "X-Amz-Security-Token: x\r\nX-Amz-Security-Token:", 1), "invalid token"},
		{"token twice the same", strings.Replace(raw{who: bob}.header(), "X-Amz-Security-Token:", "X-Amz-Security-Token: "+bob.SessionToken+"\r\nX-Amz-Security-Token:", 1), mismatch},
	})
}

// TestSessionTokens: a temporary key goes with its own token and no other.
func TestSessionTokens(t *testing.T) {
	t.Parallel()
	with := func(who sigv4.Credentials, token string) sigv4.Credentials { who.SessionToken = token; return who }
	unsigned := func(who sigv4.Credentials) string {
		return raw{who: who, noToken: true, lines: []string{"X-Amz-Security-Token: " + who.SessionToken}}.header()
	}
	runAttacks(t, []attack{
		{"right", raw{who: bob}.header(), accepted},
		{"right, query form", raw{who: bob}.presigned(), accepted},
		{"missing", raw{who: with(bob, "")}.header(), "invalid token"},
		{"missing, query form", raw{who: with(bob, "")}.presigned(), "invalid token"},
		{"in a header of the query form", raw{who: bob, noToken: true, lines: []string{"X-Amz-Security-Token: " + bob.SessionToken}}.presigned(), "invalid token"},
		// floci#3487, cloudemu#855: altered, and consistently signed.
		{"altered and signed", raw{who: with(bob, bob.SessionToken+"x")}.header(), "invalid token"},
		{"altered and signed, query form", raw{who: with(bob, "x"+bob.SessionToken)}.presigned(), "invalid token"},
		{"of another key", raw{who: with(bob, carol.SessionToken)}.header(), "invalid token"},
		{"empty", raw{who: with(bob, ""), lines: []string{"X-Amz-Security-Token:"}}.header(), "invalid token"},
		{"with a long-term key", raw{who: with(alice, bob.SessionToken)}.header(), "invalid token"},
		{"with a long-term key, query form", raw{who: with(alice, bob.SessionToken)}.presigned(), "invalid token"},
		{"empty, with a long-term key", raw{lines: []string{"X-Amz-Security-Token:"}}.header(), "invalid token"},
		{"session over", raw{who: carol}.header(), "expired token"},
		{"session over before the URL", raw{who: carol}.presigned(), "expired token"},
		// soto#99: some clients do not sign it. It still has to be the right one.
		{"unsigned", unsigned(bob), accepted},
		{"unsigned and altered", unsigned(with(bob, "x")), "invalid token"},
		{"added to a presigned URL", raw{who: bob, noToken: true}.presigned(func(s string) string {
			return s + "&X-Amz-Security-Token=" + rightEscape(bob.SessionToken)
		}), mismatch},
	})
}

// TestPresignedLife: X-Amz-Expires is a plain number of seconds from 1 to seven days, counted from X-Amz-Date.
func TestPresignedLife(t *testing.T) {
	t.Parallel()
	old := func(age time.Duration, expires string) string {
		return raw{at: clock.Add(-age), expires: expires}.presigned()
	}
	attacks := []attack{
		{"last second", old(600*time.Second, "600"), accepted},
		{"one second later", old(601*time.Second, "600"), "signature expired"},
		{"longer than the window", old(time.Hour, "7200"), accepted},
		{"shorter than the window", old(2*time.Second, "1"), "signature expired"},
		{"seven days", old(6*24*time.Hour, "604800"), accepted},
		{"seven days and a second", old(0, "604801"), incomplete},
		{"none: the window", old(4*time.Minute, "none"), accepted},
		{"none, past the window", old(6*time.Minute, "none"), "signature expired"},
		{"zero", old(0, "0"), "signature expired"},
		{"zero from the future", old(-time.Minute, "0"), "signature expired"},
		{"clock a little behind", old(-5*time.Minute, "60"), accepted},
		{"clock too far behind", old(-5*time.Minute-time.Second, "60"), "signature not yet current"},
	}
	for _, bad := range []string{"", "-1", "%2B3600", "%203600", "3600%20", "1e3", "0x10", "3600.0", "4294967297", "9223372036854775808",
		"18446744073709551616", "999999999999999999999999999999", "%D9%A3%D9%A6", "3_600", "NaN"} {
		q := raw{expires: bad}
		text := q.presigned()
		if bad == "" {
			text = strings.Replace(raw{expires: "EMPTY"}.presigned(), "X-Amz-Expires=EMPTY", "X-Amz-Expires=", 1)
		}
		attacks = append(attacks, attack{fmt.Sprintf("%q", bad), text, incomplete})
	}
	runAttacks(t, attacks)
}

// TestWindow: to the second, both ways.
func TestWindow(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) string { return raw{at: clock.Add(d)}.header() }
	runAttacks(t, []attack{
		{"oldest", at(-5 * time.Minute), accepted},
		{"too old", at(-5*time.Minute - time.Second), "signature expired"},
		{"newest", at(5 * time.Minute), accepted},
		{"too new", at(5*time.Minute + time.Second), "signature not yet current"},
		{"years ago", at(-20 * 365 * 24 * time.Hour), "signature expired"},
	})
}

// TestReplayAndConnections: a signature is good for its request again, and for nothing else on the connection.
func TestReplayAndConnections(t *testing.T) {
	t.Parallel()
	addr := serve(t, newVerifier())
	good := raw{method: "POST", target: "/a", body: "hello"}.header()
	bad := strings.Replace(good, "/a", "/b", 1)
	unsigned := "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	var kinds []string
	for _, a := range send(t, addr, good, good, bad, unsigned, good) {
		kinds = append(kinds, a.Kind)
	}
	if diff := cmp.Diff([]string{accepted, accepted, mismatch, "missing authentication", accepted}, kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

// TestBodyIsReadLast: what fails before the body is needed is refused without it, and a client that waits for 100
// Continue is never asked to send it.
func TestBodyIsReadLast(t *testing.T) {
	t.Parallel()
	v := newVerifier()
	v.MaxBody = 1000
	addr := serve(t, v)
	long := strings.Repeat("x", 900)
	post := func(f func(*raw)) raw {
		q := raw{method: "POST", body: long, lines: []string{"Expect: 100-continue"}}
		f(&q)
		return q
	}
	headOf := func(text string) string { return text[:strings.Index(text, "\r\n\r\n")+4] }
	for _, tt := range []attack{
		{"needed", post(func(*raw) {}).header(), "100 Continue"},
		{"needed for an unknown key too", post(func(q *raw) { q.who = dave }).header(), "100 Continue"},
		{"expired", post(func(q *raw) { q.at = clock.Add(-time.Hour) }).header(), "signature expired"},
		{"scope", post(func(q *raw) { q.scope = "20261123/x/lambda/aws4_request" }).header(), "invalid scope"},
		{"unsigned payload", post(func(q *raw) {
			q.lines = append(q.lines, "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD")
		}).header(), mismatch},
		{"absent header", post(func(q *raw) { q.sign = []string{"x-absent"} }).header(), mismatch},
		{"token", post(func(q *raw) { q.who = bob; q.noToken = true }).header(), "invalid token"},
		{"session over", post(func(q *raw) { q.who = carol }).header(), "expired token"},
		{"too large", post(func(q *raw) { q.body = strings.Repeat("x", 1001) }).header(), "body too large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := one(t, addr, headOf(tt.text)) // the body itself is never sent
			if a.Kind != tt.kind || a.Read != 0 {
				t.Errorf("got %+v, want %q with nothing read", a, tt.kind)
			}
		})
	}

	for _, tt := range []struct {
		name string
		size int
		kind string
		read int64
	}{
		{"at the limit", 1000, accepted, 1000},
		{"above the limit", 5000, "body too large", 1001},
	} {
		t.Run("chunked, "+tt.name, func(t *testing.T) {
			a := one(t, addr, raw{method: "POST", body: strings.Repeat("x", tt.size), chunked: true}.header())
			if a.Kind != tt.kind || a.Read != tt.read {
				t.Errorf("got kind %q, %d bytes read, want %q, %d", a.Kind, a.Read, tt.kind, tt.read)
			}
		})
	}
	t.Run("cut off", func(t *testing.T) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		text := raw{method: "POST", body: long}.header()
		if _, err := io.WriteString(conn, text[:len(text)-10]); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || a.Kind != "body not readable" {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}

// TestHugeInputs: bounded work before authentication (CVE-2018-1000538).
func TestHugeInputs(t *testing.T) {
	t.Parallel()
	many := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	names := strings.Split(strings.TrimSuffix(many(600, func(i int) string { return fmt.Sprintf("h%d;", i) }), ";"), ";")
	var lines []string
	for _, n := range names {
		lines = append(lines, n+": x")
	}
	runAttacks(t, []attack{
		{"long Authorization", raw{}.header(func(s string) string { return s + ", X=" + strings.Repeat("x", 900_000) }), malformed},
		{"long query", raw{target: "/?a=" + strings.Repeat("x", 100_000)}.header(), malformed},
		{"longest query", raw{target: "/?a=" + strings.Repeat("x", 60_000)}.header(), accepted},
		{"many parameters", raw{target: "/?" + strings.Repeat("a&", 5000)}.header(), malformed},
		{"many signed headers", raw{lines: lines, sign: names}.header(), malformed},
		{"a lot of signed headers", raw{lines: lines[:500], sign: names[:500]}.header(), accepted},
		{"5000 unsigned headers", raw{lines: strings.Split(strings.TrimSuffix(many(5000, func(i int) string { return fmt.Sprintf("X-H%d: y\n", i) }), "\n"), "\n")}.header(), accepted},
		{"long key id", raw{who: sigv4.Credentials{AccessKeyID: strings.Repeat("A", 10_000), Secret: alice.Secret}}.header(), "unknown key"},
		{"headers without end", "GET / HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 1100), "431 Request Header Fields Too Large"},
	})
}

// TestWarnings: what was accepted although AWS might not.
func TestWarnings(t *testing.T) {
	t.Parallel()
	addr := serve(t, newVerifier())
	for _, tt := range []struct {
		name string
		text string
		want []sigv4.Warning
	}{
		{"none", raw{who: bob, target: "/a?b=c"}.header(), nil},
		{"none in query form", raw{who: bob}.presigned(), nil},
		{"normalised", raw{target: "/a//b"}.header(), nil},
		{"as sent", raw{target: "/a//b", path: "/a//b"}.header(), []sigv4.Warning{{Kind: sigv4.WarnPathAsSent}}},
		{"dots at the end", raw{target: "/a/b/..", path: "/a/"}.header(), []sigv4.Warning{{Kind: sigv4.WarnTrailingDots}}},
		{"dots at the end, botocore", raw{target: "/a/b/..", path: "/a"}.header(), []sigv4.Warning{{Kind: sigv4.WarnTrailingDots}}},
		{"plus", raw{target: "/?a=b+c"}.header(), []sigv4.Warning{{Kind: sigv4.WarnPlus}}},
		{"unsigned token", raw{who: bob, noToken: true, lines: []string{"X-Amz-Security-Token: " + bob.SessionToken}}.header(), []sigv4.Warning{{Kind: sigv4.WarnUnsignedToken}}},
		{"unsigned headers", raw{lines: []string{"X-Amz-Cf-Id: x", "X-Amz-Source-Arn: y", "X-Amzn-Trace-Id: z"}}.header(), []sigv4.Warning{
			{Kind: sigv4.WarnUnsignedHeader, Header: "x-amz-cf-id"}, {Kind: sigv4.WarnUnsignedHeader, Header: "x-amz-source-arn"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := one(t, addr, tt.text)
			if a.Kind != accepted {
				t.Fatalf("got %+v", a)
			}
			if diff := cmp.Diff(tt.want, a.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// read is the request as a server reads it, without one.
func read(t testing.TB, text string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return r
}
