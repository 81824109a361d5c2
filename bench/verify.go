//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"

	"github.com/furl-dev/furl/sigv4"
)

// measureVerify compares with the hashes that a verification cannot do without, and a server that verifies with one
// that does not.
func measureVerify(ctx context.Context, b *bench, e effort) ([]row, error) {
	small, large := verification(kilobyte()), verification(bytes.Repeat([]byte("x"), 6<<20))
	memory := e.alternateWork(small.verifyInMemory, small.bareHashes)
	reader := e.alternateWork(small.verify, small.bareHashes)
	allocs := allocations(small.verifyInMemory)
	wholeMemory := e.alternateWork(large.verifyInMemory, func() { sha256.Sum256(large.body) })
	wholeReader := e.alternateWork(large.verify, large.readAndHash)
	times := func(p pair, allocs float64) string {
		return fmt.Sprintf("%s, %.2f×, %.0f allocs", took(p.ours), p.ratio, allocs)
	}
	rows := []row{{
		"verify the same, body in memory", times(memory, allocs), "≤ 1.6×, ≤ 4 allocs", memory.ratio <= 1.6 && allocs <= 4,
		fmt.Sprintf("SHA-256 of body and canonical request, one HMAC: %s", took(memory.theirs)),
	}, {
		name: "verify the same, body from a reader", measured: times(reader, allocations(small.verify)),
		against: fmt.Sprintf("the same hashes, without reading: %s", took(reader.theirs)),
	}, {
		"verify a body of 6 MB, in memory", wholeMemory.more(), "≤ +5 %", wholeMemory.ratio <= 1.05,
		fmt.Sprintf("SHA-256 of the body: %s", took(wholeMemory.theirs)),
	}, {
		name: "verify a body of 6 MB, from a reader", measured: wholeReader.more(),
		against: fmt.Sprintf("read into memory and SHA-256: %s", took(wholeReader.theirs)),
	}}
	servers, err := measureVerifyingServer(ctx, b, e)
	return append(rows, servers...), err
}

// verified is a signed request and the means to verify it.
type verified struct {
	request  *http.Request
	body     []byte
	signed   sigv4.Signed
	verifier *sigv4.Verifier
	reader   rereader
}

// rereader is a body that begins anew without an allocation.
type rereader struct{ bytes.Reader }

func (*rereader) Close() error { return nil }

func newVerifier() *sigv4.Verifier {
	return &sigv4.Verifier{Region: region, Service: "lambda", Lookup: func(context.Context, string) (sigv4.Key, error) {
		return sigv4.Key{Credentials: session}, nil
	}}
}

func verification(body []byte) *verified {
	v := &verified{request: order(body), body: body, verifier: newVerifier()}
	signer := sigv4.Signer{Region: region, Service: "lambda", KeepTexts: true}
	var err error
	v.signed, err = signer.Sign(v.request, session, sigv4.PayloadBytes(body))
	must(err)
	v.request.RequestURI = v.request.URL.RequestURI() // as a server gets it
	return v
}

func (v *verified) verify() {
	v.reader.Reset(v.body)
	v.request.Body = &v.reader
	_, err := v.verifier.Verify(v.request)
	must(err)
}

// verifyInMemory verifies a body that need not be read.
func (v *verified) verifyInMemory() {
	v.request.Body = sigv4.NewBody(v.body)
	_, err := v.verifier.Verify(v.request)
	must(err)
}

// bareHashes is the floor.
func (v *verified) bareHashes() {
	var key [sha256.Size]byte
	sha256.Sum256(v.body)
	sha256.Sum256([]byte(v.signed.CanonicalRequest))
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(v.signed.StringToSign))
	mac.Sum(nil)
}

// readAndHash takes in the body as a verifier has to, since the next reader wants the body too.
func (v *verified) readAndHash() {
	v.reader.Reset(v.body)
	body := make([]byte, len(v.body))
	_, err := io.ReadFull(&v.reader, body)
	must(err)
	sha256.Sum256(body)
}

// connections is how many connections a verifying server is loaded over.
const connections = 16

// measureVerifyingServer compares a server that does nothing but verify with one that does nothing, and with one that
// reads the body and makes the bare hashes, which no verifying server can do without. Reading and hashing is most of
// the difference to the first, so that many short rounds are needed to tell them apart.
func measureVerifyingServer(ctx context.Context, b *bench, e effort) ([]row, error) {
	e.rounds, e.load = 5*e.rounds, e.load/10
	floor, verifier := verification(kilobyte()), newVerifier()
	nothing := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "0") }
	var rates [3]func() (float64, error)
	for i, handler := range []http.HandlerFunc{
		nothing,
		func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			must(err)
			(&verified{body: body, signed: floor.signed}).bareHashes()
			nothing(w, r)
		},
		func(w http.ResponseWriter, r *http.Request) {
			if _, err := verifier.Verify(r); err != nil {
				http.Error(w, err.Error(), http.StatusForbidden)
				return
			}
			nothing(w, r)
		},
	} {
		address, err := b.listen(handler)
		if err != nil {
			return nil, err
		}
		rates[i] = func() (float64, error) { return signedRate(ctx, address, e) }
	}
	none, err := e.alternate(rates[2], rates[0])
	if err != nil {
		return nil, err
	}
	bare, err := e.alternate(rates[2], rates[1])
	const of = " of processor time"
	name := fmt.Sprintf("verifying server, %d connections", connections)
	return []row{{
		name, none.rates(of), "≥ 85 %", atLeast(none.ratio, 0.85, 2),
		fmt.Sprintf("the same server without verification: %s; both with their clients", perSecond(none.theirs)),
	}, {
		name: name, measured: bare.rates(of),
		against: fmt.Sprintf("a server that reads the body and makes the bare hashes: %s", perSecond(bare.theirs)),
	}}, err
}

// signedRate is how many signed requests a server answers in a second of processor time, that of the clients included.
func signedRate(ctx context.Context, address string, e effort) (float64, error) {
	body := kilobyte()
	r := order(body)
	r.URL.Host, r.Host = address, address
	signer := sigv4.Signer{Region: region, Service: "lambda"}
	if _, err := signer.Sign(r, session, sigv4.PayloadBytes(body)); err != nil {
		return 0, err
	}
	t, err := newTarget(r, body)
	if err != nil {
		return 0, err
	}
	begin := processorTime()
	answered, err := t.load(ctx, connections, e.load)
	return float64(answered) / (processorTime() - begin).Seconds(), err
}
