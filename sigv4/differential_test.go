package sigv4_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsv4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	smithycreds "github.com/aws/smithy-go/aws-http-auth/credentials"
	smithyv4 "github.com/aws/smithy-go/aws-http-auth/sigv4"
	smithyopts "github.com/aws/smithy-go/aws-http-auth/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// generator makes legal requests of every kind from a seed.
type generator struct{ *rand.Rand }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

// piece is a path segment or query text, percent-encoded where it must be, and now and then where it need not be.
func (g generator) piece(alphabet string) string {
	var b strings.Builder
	for range g.IntN(7) {
		switch g.IntN(8) {
		case 0:
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(0x100|g.IntN(256)), 16)[1:]))
		case 1:
			b.WriteString("%" + strconv.FormatUint(uint64(0x100|g.IntN(256)), 16)[1:])
		case 2:
			b.WriteString(pick(g, "%20", "%2F", "%2f", "%25", "%C3%A9", "%7E", "~", "%41"))
		default:
			b.WriteByte(alphabet[g.IntN(len(alphabet))])
		}
	}
	return b.String()
}

const (
	pathBytes  = "abcXYZ019-._~!$&'()*+,;=:@"
	queryBytes = "abcXYZ019-._~!$'()*,:@/?"
)

func (g generator) path(odd bool) string {
	var b strings.Builder
	for range g.IntN(5) {
		b.WriteByte('/')
		seg := g.piece(pathBytes)
		if odd && g.IntN(4) == 0 {
			seg = pick(g, "", ".", "x/..", "..x")
		} else if seg == "" || seg == "." || seg == ".." {
			seg = "s"
		}
		b.WriteString(seg)
	}
	if g.IntN(3) == 0 || b.Len() == 0 {
		b.WriteByte('/')
	}
	return b.String()
}

func (g generator) query() string {
	if g.IntN(3) == 0 {
		return pick(g, "", "", "?")
	}
	var parts []string
	for range 1 + g.IntN(5) {
		key := pick(g, g.piece(queryBytes), "a", "a", "b", "Param", "Param-3", "%E1%88%B4")
		switch g.IntN(5) {
		case 0:
			parts = append(parts, key)
		case 1:
			parts = append(parts, key+"=")
		case 2:
			parts = append(parts, key+"="+g.piece(queryBytes)+"+"+g.piece(queryBytes))
		default:
			parts = append(parts, key+"="+g.piece(queryBytes))
		}
	}
	return "?" + strings.Join(parts, "&")
}

func (g generator) header(spaces bool) http.Header {
	h := http.Header{}
	for range g.IntN(4) {
		name := pick(g, "My-Header", "Content-Type", "X-Amz-Target", "X-Amz-Meta-A", "Accept", "X-Custom_1")
		value := pick(g, "a", "text/plain; charset=utf-8", "", "b,c", "\"quoted\"", "\xc3\xa9")
		if spaces {
			value = pick(g, value, " a  b ", "\"x   y\"", "a   ")
		}
		h.Add(name, value)
	}
	return h
}

// request is a request and its body; odd paths have empty and dot segments.
func (g generator) request(t *testing.T, odd, spaces bool) (*http.Request, []byte) {
	t.Helper()
	var body []byte
	method := pick(g, "GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
	if g.IntN(2) == 0 && method != "GET" && method != "HEAD" {
		body = bytes.Repeat([]byte{byte(g.IntN(256))}, g.IntN(2000))
	}
	target := pick(g, origin, "https://127.0.0.1:9000", "http://EXAMPLE.org") + g.path(odd) + g.query()
	r, err := http.NewRequest(method, target, bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%q: %v", target, err)
	}
	r.Header = g.header(spaces)
	return r, body
}

// overTheWire is the request as a server reads it from the bytes a client writes.
func overTheWire(t testing.TB, r *http.Request, body []byte) *http.Request {
	t.Helper()
	var wire bytes.Buffer
	out := r.Clone(r.Context())
	out.Body = readCloser{bytes.NewReader(body)}
	out.ContentLength = int64(len(body))
	if len(body) == 0 {
		out.Body = http.NoBody
	}
	if err := out.Write(&wire); err != nil {
		t.Fatalf("write %s %s: %v", r.Method, r.URL, err)
	}
	in, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatalf("read %q: %v", wire.String(), err)
	}
	return in
}

const differentialRuns = 3000

// TestAgainstSDKSigner: the signer of the AWS SDK for Go and this one make the same signature, and both verify.
func TestAgainstSDKSigner(t *testing.T) {
	t.Parallel()
	g := generator{rand.New(rand.NewPCG(1, 2))}
	v, s, peer := newVerifier(), newSigner(), awsv4.NewSigner()
	for range differentialRuns {
		odd := g.IntN(4) == 0
		r, body := g.request(t, odd, true)
		if len(body) > 0 { // which the SDK always signs
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		}
		who := pick(g, alice, bob)
		sdk := aws.Credentials{AccessKeyID: who.AccessKeyID, SecretAccessKey: who.Secret.Reveal(),
			SessionToken: who.SessionToken}
		sum := sha256.Sum256(body)
		hash := hex.EncodeToString(sum[:])

		theirs := r.Clone(t.Context())
		if err := peer.SignHTTP(t.Context(), sdk, theirs, hash, service, region, clock); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(overTheWire(t, theirs, body)); err != nil {
			t.Fatalf("%s %s signed by the SDK: %v\n%s", r.Method, r.URL, err, err.(*sigv4.Error).CanonicalRequest)
		}

		before := r.URL.String()
		signed, err := s.Sign(r, who, sigv4.PayloadBytes(body))
		if err != nil {
			t.Fatalf("%s %s: %v", r.Method, r.URL, err)
		}
		if r.URL.String() != before {
			t.Errorf("Sign changed %s to %s", before, r.URL)
		}
		if _, err := v.Verify(overTheWire(t, r, body)); err != nil {
			t.Fatalf("%s %s: %v (-signed +verified):\n%s", r.Method, r.URL, err,
				cmp.Diff(signed.CanonicalRequest, err.(*sigv4.Error).CanonicalRequest))
		}
		if want := theirs.Header.Get("Authorization"); !odd && r.Header.Get("Authorization") != want {
			t.Fatalf("%s %s:\n%s, the SDK has\n%s", r.Method, r.URL, r.Header.Get("Authorization"), want)
		}
	}
}

// TestAgainstSDKPresigner: the same for presigned URLs.
func TestAgainstSDKPresigner(t *testing.T) {
	t.Parallel()
	g := generator{rand.New(rand.NewPCG(3, 4))}
	v, s, peer := newVerifier(), newSigner(), awsv4.NewSigner()
	for range differentialRuns {
		r, body := g.request(t, false, true)
		for name := range r.Header { // which the SDK moves to the query
			if strings.HasPrefix(name, "X-Amz-") {
				r.Header.Del(name)
			}
		}
		if len(body) > 0 {
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		}
		who := pick(g, alice, bob)
		sdk := aws.Credentials{AccessKeyID: who.AccessKeyID, SecretAccessKey: who.Secret.Reveal(),
			SessionToken: who.SessionToken}
		sum := sha256.Sum256(body)

		theirs := r.Clone(t.Context())
		if theirs.URL.RawQuery != "" {
			theirs.URL.RawQuery += "&"
		}
		theirs.URL.RawQuery += "X-Amz-Expires=600"
		theirURL, _, err := peer.PresignHTTP(t.Context(), sdk, theirs, hex.EncodeToString(sum[:]), service, region, clock)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := s.Presign(r, who, 10*time.Minute, sigv4.PayloadBytes(body))
		if err != nil {
			t.Fatalf("%s %s: %v", r.Method, r.URL, err)
		}
		for _, url := range []string{theirURL, ours.URL} {
			call, err := http.NewRequest(r.Method, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			call.Header = r.Header
			if got, err := v.Verify(overTheWire(t, call, body)); err != nil || got.Form != sigv4.Query {
				t.Fatalf("%s %s: %v\n%s", r.Method, url, err, ours.CanonicalRequest)
			}
		}
		if !strings.HasSuffix(theirURL, ours.Signature) {
			t.Fatalf("%s %s: signature %s, the SDK made\n%s", r.Method, r.URL, ours.Signature, theirURL)
		}
	}
}

// TestAgainstHTTPAuth: what smithy-go's aws-http-auth signs verifies, and is what the Signer makes of the same request,
// but for two faults of its own, which Diagnose names: it sorts the query before encoding it, and does not collapse
// white space in header values.
func TestAgainstHTTPAuth(t *testing.T) {
	t.Parallel()
	g := generator{rand.New(rand.NewPCG(5, 6))}
	v, s, peer := newVerifier(), newSigner(), smithyv4.New()
	s.Unsigned = func(name string) bool { return name != "host" && !strings.HasPrefix(name, "x-amz-") } // as it does
	refused, compared := map[diagnose.Fault]int{}, 0
	for range differentialRuns {
		spaces, odd := g.IntN(4) == 0, g.IntN(4) == 0
		r, body := g.request(t, odd, spaces)
		if spaces {
			r.URL.RawQuery = "" // not both faults at once
		}
		who := pick(g, alice, bob)
		form := pick(g, smithyopts.SignatureTypeHeader, smithyopts.SignatureTypeQueryString)
		sum := sha256.Sum256(body)
		ours := r.Clone(t.Context())
		err := peer.SignRequest(&smithyv4.SignRequestInput{
			Request: r, PayloadHash: sum[:], Service: service, Region: region, Time: clock, SignatureType: form,
			Credentials: smithycreds.Credentials{AccessKeyID: who.AccessKeyID, SecretAccessKey: who.Secret.Reveal(),
				SessionToken: who.SessionToken},
		})
		if err != nil {
			t.Fatal(err)
		}
		in := overTheWire(t, r, body)
		_, err = v.Verify(in)
		if err == nil {
			if form == smithyopts.SignatureTypeHeader && !odd {
				compared++
				if _, err := s.Sign(ours, who, sigv4.PayloadBytes(body)); err != nil {
					t.Fatalf("%s %s: %v", ours.Method, ours.URL, err)
				}
				if got, want := ours.Header.Get("Authorization"), r.Header.Get("Authorization"); got != want {
					t.Fatalf("%s %s %v:\n%s, aws-http-auth has\n%s", ours.Method, ours.URL, ours.Header, got, want)
				}
			}
			continue
		}
		key, _ := lookup(t.Context(), who.AccessKeyID)
		d := diagnose.Diagnose(t.Context(), diagnose.Evidence{
			Request: in, Refusal: err.(*sigv4.Error), Key: key, Region: region, Service: service, Now: clock,
		})
		fault := d.Fault
		if fault == diagnose.PathNotNormal { // alone it would have been accepted
			fault = d.And
		}
		refused[fault]++
		switch fault {
		case diagnose.QueryEarlySort, diagnose.HeaderSpace, diagnose.QueryValueOrder, diagnose.QueryUnsorted:
		default:
			t.Fatalf("%s %s %v: %v\n%+v", in.Method, in.RequestURI, in.Header, err, d)
		}
	}
	t.Logf("%d requests, %d signatures compared, refused: %v", differentialRuns, compared, refused)
	if len(refused) < 2 || compared < differentialRuns/10 {
		t.Errorf("%d faults met and %d signatures compared: the generator makes no such requests any more", len(refused),
			compared)
	}
}
