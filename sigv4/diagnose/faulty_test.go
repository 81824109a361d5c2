package diagnose_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

// faulty is a client that signs by itself, so that every step can go wrong. Its zero steps are right.
type faulty struct {
	method, target, host, body string
	header                     http.Header // sent and signed, besides host and x-amz-date
	unsigned                   http.Header // sent only
	credentials                sigv4.Credentials
	at                         time.Time
	expires                    string // X-Amz-Expires

	// What is signed instead of what is sent; nil means the right thing.
	signMethod  func(string) string
	signPath    func(path string) string // of the path as sent
	signQuery   func(raw string) string
	signHeaders func([][2]string) [][2]string // sorted, canonical
	signNames   func(names string) string
	signBlank   string // the end of the headers; "" means "\n"
	signPayload func(hash, body string) string
	signDate    func(time.Time) string
	signScope   func(scope string) string // in the string to sign
	keyScope    func(scope string) string
	secret      func(string) string
	chain       func(k []byte) []byte
	prefix      func(string) string // of the secret
	writeMAC    func([]byte) string
	credScope   func(scope string) string
	listNames   func(names string) string

	// What happens on the way.
	way func(r *http.Request)
}

const (
	region  = "eu-central-1"
	service = "lambda"
	host    = "abc.lambda-url.eu-central-1.on.aws"
	origin  = "https://" + host
)

// clock is the moment of all tests in this file.
var clock = time.Date(2026, 11, 23, 15, 4, 5, 0, time.UTC)

func now() time.Time { return clock }

var (
	alice = sigv4.Credentials{AccessKeyID: "AKIAALICE0000000EXAM", Secret: sigv4.NewSecret("alice/secret+key")}
	bob   = sigv4.Credentials{AccessKeyID: "ASIABOB000000000EXAM", Secret: sigv4.NewSecret("bob/secret+key"),
		SessionToken: "IQoJb3JpZ2lu/bob+token=="}
	carol = sigv4.Credentials{AccessKeyID: "ASIACAROL0000000EXAM", Secret: sigv4.NewSecret("carol/secret+key"),
		SessionToken: "IQoJb3JpZ2lu/carol+token=="}
	dave = sigv4.Credentials{AccessKeyID: "AKIADAVE00000000EXAM", Secret: sigv4.NewSecret("dave's is not known")}
)

// lookup knows alice for ever, bob for another hour, and carol until a minute ago.
func lookup(_ context.Context, id string) (sigv4.Key, error) {
	switch id {
	case alice.AccessKeyID:
		return sigv4.Key{Credentials: alice}, nil
	case bob.AccessKeyID:
		return sigv4.Key{Credentials: bob, Expires: clock.Add(time.Hour)}, nil
	case carol.AccessKeyID:
		return sigv4.Key{Credentials: carol, Expires: clock.Add(-time.Minute)}, nil
	}
	return sigv4.Key{}, sigv4.ErrUnknownKey
}

func newVerifier() *sigv4.Verifier {
	return &sigv4.Verifier{Region: region, Service: service, Lookup: lookup, Now: now}
}

func newSigner() *sigv4.Signer {
	return &sigv4.Signer{Region: region, Service: service, Now: now, KeepTexts: true}
}

// newRequest is a request as a client makes it, whose body can be read.
func newRequest(t testing.TB, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantKind is the refusal, which is to be of that kind.
func wantKind(t *testing.T, err error, kind sigv4.Kind) *sigv4.Error {
	t.Helper()
	e, ok := err.(*sigv4.Error)
	if !ok {
		t.Fatalf("error %v, want %v", err, kind)
	}
	if e.Kind != kind {
		t.Fatalf("error %v, want %v", err, kind)
	}
	return e
}

// readCloser is a body.
type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// The right steps, written independently of the package under test.
func rightPath(path string) string {
	var out []string
	for _, seg := range strings.Split(path, "/") {
		switch seg {
		case "", ".":
		case "..":
			out = out[:max(0, len(out)-1)]
		default:
			out = append(out, rightEscape(seg))
		}
	}
	p := "/" + strings.Join(out, "/")
	if strings.HasSuffix(path, "/") && p != "/" {
		p += "/"
	}
	return p
}

// rightEscape builds on url.QueryEscape, which differs from the strict encoding in the space only.
func rightEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func rightPairs(raw string) (pairs [][2]string) {
	for _, p := range strings.Split(raw, "&") {
		if p == "" {
			continue
		}
		k, v, _ := strings.Cut(p, "=")
		kd, _ := url.QueryUnescape(k)
		vd, _ := url.QueryUnescape(v)
		pairs = append(pairs, [2]string{rightEscape(kd), rightEscape(vd)})
	}
	return pairs
}

func joinPairs(pairs [][2]string) string {
	var texts []string
	for _, p := range pairs {
		texts = append(texts, p[0]+"="+p[1])
	}
	return strings.Join(texts, "&")
}

func comparePairs(a, b [2]string) int {
	if c := strings.Compare(a[0], b[0]); c != 0 {
		return c
	}
	return strings.Compare(a[1], b[1])
}

func rightQuery(raw string) string {
	pairs := rightPairs(raw)
	slices.SortFunc(pairs, comparePairs)
	return joinPairs(pairs)
}

func or[T any](f, right func(T) T) func(T) T {
	if f != nil {
		return f
	}
	return right
}

func same(s string) string { return s }

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func scopeOf(t time.Time) string {
	return t.Format("20060102") + "/" + region + "/" + service + "/aws4_request"
}

func (f faulty) fill() faulty {
	if f.method == "" {
		f.method = "POST"
	}
	if f.target == "" {
		f.target = "/a/b?x=1&y=2"
	}
	if f.host == "" {
		f.host = "127.0.0.1:9000"
	}
	if f.credentials.AccessKeyID == "" {
		f.credentials = alice
	}
	if f.at.IsZero() {
		f.at = clock
	}
	if f.expires == "" {
		f.expires = "60"
	}
	return f
}

// signature signs with what is there; names is SignedHeaders.
func (f faulty) signature(rawQuery, date string, lines [][2]string) (sig, names string) {
	path, _, _ := strings.Cut(f.target, "?")
	var headers strings.Builder
	var list []string
	for _, l := range lines {
		headers.WriteString(l[0] + ":" + l[1] + "\n")
		list = append(list, l[0])
	}
	names = strings.Join(list, ";")
	text := headers.String()
	if f.signBlank == "" {
		text += "\n"
	}
	payload := hashOf(f.body)
	if f.signPayload != nil {
		payload = f.signPayload(payload, f.body)
	}
	canonical := or(f.signMethod, same)(f.method) + "\n" + or(f.signPath, rightPath)(path) + "\n" +
		or(f.signQuery, rightQuery)(rawQuery) + "\n" + text + or(f.signNames, same)(names) + "\n" + payload
	if f.signDate != nil {
		date = f.signDate(f.at)
	}
	scope := scopeOf(f.at)
	toSign := "AWS4-HMAC-SHA256\n" + date + "\n" + or(f.signScope, same)(scope) + "\n" + hashOf(canonical)
	prefix := func(s string) string { return "AWS4" + s }
	k := []byte(or(f.prefix, prefix)(or(f.secret, same)(f.credentials.Secret.Reveal())))
	for _, part := range strings.Split(or(f.keyScope, same)(scope), "/") {
		k = or(f.chain, func(k []byte) []byte { return k })(mac(k, part))
	}
	sum := mac(k, toSign)
	if f.writeMAC != nil {
		return f.writeMAC(sum), names
	}
	return hex.EncodeToString(sum), names
}

// request is the request as the server receives it.
func (f faulty) request() *http.Request {
	f = f.fill()
	date := f.at.Format("20060102T150405Z")
	h := f.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("X-Amz-Date", date)
	if f.credentials.SessionToken != "" {
		h.Set("X-Amz-Security-Token", f.credentials.SessionToken)
	}
	lines := [][2]string{{"host", f.host}}
	for name, values := range h {
		var trimmed []string
		for _, v := range values {
			trimmed = append(trimmed, strings.Join(strings.Fields(v), " "))
		}
		lines = append(lines, [2]string{strings.ToLower(name), strings.Join(trimmed, ",")})
	}
	slices.SortFunc(lines, comparePairs)
	listed := lines
	if f.signHeaders != nil {
		lines = f.signHeaders(slices.Clone(lines))
	}
	_, raw, _ := strings.Cut(f.target, "?")
	sig, names := f.signature(raw, date, lines)
	if f.listNames != nil {
		var list []string
		for _, l := range listed {
			list = append(list, l[0])
		}
		names = f.listNames(strings.Join(list, ";"))
	}
	h.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+f.credentials.AccessKeyID+"/"+or(f.credScope,
		same)(scopeOf(f.at))+
		", SignedHeaders="+names+", Signature="+sig)
	for k, v := range f.unsigned {
		h[k] = v
	}
	return f.arrive(f.target, h)
}

// presigned is the same in the query form; edit changes the raw query that is sent, before the signature is added.
func (f faulty) presigned(signToken, sendToken bool) *http.Request {
	f = f.fill()
	date := f.at.Format("20060102T150405Z")
	path, raw, _ := strings.Cut(f.target, "?")
	auth := "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" +
		rightEscape(f.credentials.AccessKeyID+"/"+scopeOf(f.at)) + "&X-Amz-Date=" + date + "&X-Amz-Expires=" + f.expires +
		"&X-Amz-SignedHeaders=host"
	token := "&X-Amz-Security-Token=" + rightEscape(f.credentials.SessionToken)
	raw = strings.TrimPrefix(raw+"&"+auth, "&")
	signed, sent := raw, raw
	if signToken {
		signed += token
	}
	if sendToken {
		sent += token
	}
	sig, _ := f.signature(signed, date, [][2]string{{"host", f.host}})
	return f.arrive(path+"?"+sent+"&X-Amz-Signature="+sig, http.Header{})
}

func (f faulty) arrive(target string, h http.Header) *http.Request {
	r := &http.Request{Method: f.method, RequestURI: target, Host: f.host, Header: h, ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(f.body)), Body: http.NoBody}
	if f.body != "" {
		r.Body = readCloser{bytes.NewReader([]byte(f.body))}
	}
	if f.way != nil {
		f.way(r)
	}
	return r
}
