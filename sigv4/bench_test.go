package sigv4_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsv4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	smithycreds "github.com/aws/smithy-go/aws-http-auth/credentials"
	smithyv4 "github.com/aws/smithy-go/aws-http-auth/sigv4"

	"github.com/furl-dev/furl/sigv4"
)

// The request of the benchmarks: a POST of 1 KiB with a session token of the length STS makes.
var benchCredentials = sigv4.Credentials{
	AccessKeyID: "ASIABENCH0000000EXAM", Secret: sigv4.NewSecret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
	SessionToken: string(bytes.Repeat([]byte("IQoJb3JpZ2luX2Vj"), 22)),
}

func benchRequest(b *testing.B, body []byte) *http.Request {
	b.Helper()
	r := newRequest(b, "POST", origin+"/orders/7?limit=10", string(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "bench")
	return r
}

// BenchmarkSign is measured against the two signers AWS publishes for Go, and against bare-hashes, the floor of all
// three. All include the hash of the body, which AWS's signers leave to their caller. All keep the derived key and sign
// the same request again and again; furl also refuses what no server could verify.
func BenchmarkSign(b *testing.B) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 64)
	ctx := context.Background()
	signed, err := newSigner().Sign(benchRequest(b, body), benchCredentials, sigv4.PayloadBytes(body))
	if err != nil {
		b.Fatal(err)
	}
	key, canonical, toSign := make([]byte, sha256.Size), []byte(signed.CanonicalRequest), []byte(signed.StringToSign)
	b.Run("bare-hashes", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bareHashes(key, body, canonical, toSign)
		}
	})
	// The same with the HMAC's states kept: no allocation, and nothing but what depends on the request.
	b.Run("bare-compressions", func(b *testing.B) {
		m := hmac.New(sha256.New, key)
		var sum [sha256.Size]byte
		b.ReportAllocs()
		for b.Loop() {
			sha256.Sum256(body)
			sha256.Sum256(canonical)
			m.Reset()
			m.Write(toSign)
			m.Sum(sum[:0])
		}
	})
	b.Run("furl", func(b *testing.B) {
		s, r := newSigner(), benchRequest(b, body)
		s.KeepTexts = false
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Sign(r, benchCredentials, sigv4.PayloadBytes(body)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("aws-sdk-go-v2", func(b *testing.B) {
		s, r := awsv4.NewSigner(), benchRequest(b, body)
		creds := aws.Credentials{AccessKeyID: benchCredentials.AccessKeyID, SecretAccessKey: benchCredentials.Secret.Reveal(),
			SessionToken: benchCredentials.SessionToken}
		b.ReportAllocs()
		for b.Loop() {
			sum := sha256.Sum256(body)
			if err := s.SignHTTP(ctx, creds, r, hex.EncodeToString(sum[:]), service, region, clock); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("aws-http-auth", func(b *testing.B) {
		s, r := smithyv4.New(), benchRequest(b, body)
		creds := smithycreds.Credentials{AccessKeyID: benchCredentials.AccessKeyID,
			SecretAccessKey: benchCredentials.Secret.Reveal(), SessionToken: benchCredentials.SessionToken}
		b.ReportAllocs()
		for b.Loop() {
			sum := sha256.Sum256(body)
			if err := s.SignRequest(&smithyv4.SignRequestInput{Request: r, PayloadHash: sum[:], Credentials: creds,
				Service: service, Region: region, Time: clock}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// bareHashes is the floor of signing and verifying: SHA-256 of body and canonical request, one HMAC.
func bareHashes(key, body, canonical, toSign []byte) {
	sha256.Sum256(body)
	sha256.Sum256(canonical)
	m := hmac.New(sha256.New, key)
	m.Write(toSign)
	m.Sum(nil)
}

// rereader is a body that starts anew for each verification without an allocation.
type rereader struct{ bytes.Reader }

func (*rereader) Close() error { return nil }

func BenchmarkVerify(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"0B", 0}, {"1KiB", 1 << 10}, {"6MB", 6 << 20}} {
		body := bytes.Repeat([]byte("x"), size.bytes)
		r := benchRequest(b, body)
		signed, err := newSigner().Sign(r, benchCredentials, sigv4.PayloadBytes(body))
		if err != nil {
			b.Fatal(err)
		}
		r.RequestURI = r.URL.RequestURI()
		b.Run(size.name+"/furl", func(b *testing.B) {
			v := &sigv4.Verifier{
				Region: region, Service: service, Now: now,
				Lookup: func(context.Context, string) (sigv4.Key, error) { return sigv4.Key{Credentials: benchCredentials}, nil },
			}
			var in rereader
			b.ReportAllocs()
			for b.Loop() {
				if r.Body = http.NoBody; size.bytes > 0 {
					in.Reset(body)
					r.Body = &in
				}
				if _, err := v.Verify(r); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(size.name+"/bare-hashes", func(b *testing.B) {
			key := make([]byte, 32)
			canonical, toSign := []byte(signed.CanonicalRequest), []byte(signed.StringToSign)
			b.ReportAllocs()
			for b.Loop() {
				bareHashes(key, body, canonical, toSign)
			}
		})
		// What a handler that only reads the body pays.
		b.Run(size.name+"/read-and-hash", func(b *testing.B) {
			var in rereader
			b.ReportAllocs()
			for b.Loop() {
				in.Reset(body)
				buf := make([]byte, size.bytes)
				if _, err := io.ReadFull(&in, buf); err != nil {
					b.Fatal(err)
				}
				sha256.Sum256(buf)
			}
		})
	}
}

// BenchmarkRefuse: an unknown key and a wrong signature must cost the same.
func BenchmarkRefuse(b *testing.B) {
	body := strings.Repeat("x", 1024)
	for _, tt := range []struct {
		name string
		who  sigv4.Credentials
	}{{"wrong-signature", sigv4.Credentials{AccessKeyID: alice.AccessKeyID, Secret: dave.Secret}}, {"unknown-key", dave}} {
		b.Run(tt.name, func(b *testing.B) {
			v := newVerifier()
			r := read(b, raw{method: "POST", target: "/orders?limit=10", body: body, who: tt.who}.header())
			var in rereader
			b.ReportAllocs()
			for b.Loop() {
				in.Reset([]byte(body))
				r.Body = &in
				if _, err := v.Verify(r); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
