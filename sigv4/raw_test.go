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
	srv := httptest.NewServer(verifying(t, v))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// verifying answers each request with what Verify says of it.
func verifying(t *testing.T, v *sigv4.Verifier) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
	})
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

// read is the request as a server reads it, without one.
func read(t testing.TB, text string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return r
}
