package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/furl-dev/furl/sigv4"
)

// measureVerify compares with the hashes that a verification can not do without, and a server that verifies with one
// that does not.
func measureVerify(ctx context.Context, b *bench, e effort) ([]row, error) {
	const large = 6 << 20
	small := verification(kilobyte())
	p := e.alternateWork(small.verifyInMemory, small.bareHashes)
	allocs := allocations(small.verifyInMemory)
	rows := []row{{
		"verify the same, body in memory", fmt.Sprintf("%s, %.2f×, %.0f allocs", took(p.ours), p.ratio, allocs), "≤ 1.6×, ≤ 4 allocs",
		p.ratio <= 1.6 && allocs <= 4, fmt.Sprintf("SHA-256 of body and canonical request, one HMAC: %s", took(p.theirs)),
	}}
	p, allocs = e.alternateWork(small.verify, small.bareHashes), allocations(small.verify)
	rows = append(rows, row{
		name:     "verify the same, body from a reader",
		measured: fmt.Sprintf("%s, %.2f×, %.0f allocs", took(p.ours), p.ratio, allocs),
		against:  fmt.Sprintf("the same hashes, without reading: %s", took(p.theirs)),
	})
	whole := verification(bytes.Repeat([]byte("x"), large))
	p = e.alternateWork(whole.verifyInMemory, func() { sha256.Sum256(whole.body) })
	rows = append(rows, row{
		"verify a body of 6 MB, in memory", fmt.Sprintf("%s, %+.1f %%", took(p.ours), 100*(p.ratio-1)), "≤ +5 %", p.ratio <= 1.05,
		fmt.Sprintf("SHA-256 of the body: %s", took(p.theirs)),
	})
	p = e.alternateWork(whole.verify, whole.readAndHash)
	rows = append(rows, row{
		name: "verify a body of 6 MB, from a reader", measured: fmt.Sprintf("%s, %+.1f %%", took(p.ours), 100*(p.ratio-1)),
		against: fmt.Sprintf("read into memory and SHA-256: %s", took(p.theirs)),
	})
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

// with is the same signed request with another body.
func (v *verified) with(body []byte) *verified {
	return &verified{body: body, signed: v.signed}
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

// readAndHash takes in the body as a verifier has to, since whoever comes after it wants the body too.
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
	addresses := make([]string, 3)
	for i, handler := range []http.HandlerFunc{
		nothing,
		func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			must(err)
			floor.with(body).bareHashes()
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
		var err error
		if addresses[i], err = b.listen(handler); err != nil {
			return nil, err
		}
	}
	rate := func(address string) func() (float64, error) {
		return func() (float64, error) { return signedRate(ctx, address, e) }
	}
	none, err := e.alternate(rate(addresses[2]), rate(addresses[0]))
	if err != nil {
		return nil, err
	}
	bare, err := e.alternate(rate(addresses[2]), rate(addresses[1]))
	name := fmt.Sprintf("verifying server, %d connections", connections)
	return []row{{
		name, fmt.Sprintf("%s of processor time, %s", perSecond(none.ours), percent(none.ratio)), "≥ 85 %", atLeast(none.ratio, 0.85, 2),
		fmt.Sprintf("the same server without verification: %s; both with their clients", perSecond(none.theirs)),
	}, {
		name: name, measured: fmt.Sprintf("%s of processor time, %s", perSecond(bare.ours), percent(bare.ratio)),
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

// listen serves a handler on loopback until the run ends.
func (b *bench) listen(handler http.Handler) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler}
	go server.Serve(listener) //nolint:errcheck // it ends when it is closed
	b.atEnd(func() { server.Close() })
	return listener.Addr().String(), nil
}
