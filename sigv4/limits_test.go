package sigv4_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/sigv4"
)

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
		{"long Authorization", raw{}.header(func(s string) string { return s + ", X=" + strings.Repeat("x", 900_000) }),
			malformed},
		{"long query", raw{target: "/?a=" + strings.Repeat("x", 100_000)}.header(), malformed},
		{"longest query", raw{target: "/?a=" + strings.Repeat("x", 60_000)}.header(), accepted},
		{"many parameters", raw{target: "/?" + strings.Repeat("a&", 5000)}.header(), malformed},
		{"many signed headers", raw{lines: lines, sign: names}.header(), malformed},
		{"a lot of signed headers", raw{lines: lines[:500], sign: names[:500]}.header(), accepted},
		{"5000 unsigned headers", raw{lines: strings.Split(strings.TrimSuffix(many(5000,
			func(i int) string { return fmt.Sprintf("X-H%d: y\n", i) }), "\n"), "\n")}.header(), accepted},
		{"long key id", raw{who: sigv4.Credentials{AccessKeyID: strings.Repeat("A", 10_000), Secret: alice.Secret}}.header(),
			"unknown key"},
		{"headers without end", "GET / HTTP/1.1\r\nHost: " + host + "\r\n" +
			strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 1100), "431 Request Header Fields Too Large"},
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
		{"normalized", raw{target: "/a//b"}.header(), nil},
		{"as sent", raw{target: "/a//b", path: "/a//b"}.header(), []sigv4.Warning{{Kind: sigv4.WarnPathAsSent}}},
		{"dots at the end", raw{target: "/a/b/..", path: "/a/"}.header(), []sigv4.Warning{{Kind: sigv4.WarnTrailingDots}}},
		{"dots at the end, botocore", raw{target: "/a/b/..", path: "/a"}.header(),
			[]sigv4.Warning{{Kind: sigv4.WarnTrailingDots}}},
		{"plus", raw{target: "/?a=b+c"}.header(), []sigv4.Warning{{Kind: sigv4.WarnPlus}}},
		{"unsigned token", raw{who: bob, noToken: true, lines: []string{"X-Amz-Security-Token: " +
			bob.SessionToken}}.header(), []sigv4.Warning{{Kind: sigv4.WarnUnsignedToken}}},
		{"unsigned headers", raw{lines: []string{"X-Amz-Cf-Id: x", "X-Amz-Source-Arn: y", "X-Amzn-Trace-Id: z"}}.header(),
			[]sigv4.Warning{
				{Kind: sigv4.WarnUnsignedHeader, Header: "x-amz-cf-id"}, {Kind: sigv4.WarnUnsignedHeader,
					Header: "x-amz-source-arn"}}},
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
