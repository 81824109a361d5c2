//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsv4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/furl-dev/furl/sigv4"
)

// session is a key with a session token as long as those of STS are.
var session = sigv4.Credentials{
	AccessKeyID: "ASIABENCHBENCHBENCH0", Secret: sigv4.NewSecret(rootKey.secret),
	SessionToken: string(bytes.Repeat([]byte("IQoJb3JpZ2luX2Vj"), 22)),
}

// awsSession is the same key for AWS's SDK.
var awsSession = aws.Credentials{
	AccessKeyID: session.AccessKeyID, SecretAccessKey: session.Secret.Reveal(), SessionToken: session.SessionToken,
}

// order is the request that is signed and verified: a POST of some bytes of JSON.
func order(body []byte) *http.Request {
	r, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:9000/orders/7?limit=10", bytes.NewReader(body))
	must(err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "bench")
	return r
}

// kilobyte is a body of 1 KiB.
func kilobyte() []byte { return bytes.Repeat([]byte("0123456789abcdef"), 64) }

// allocations is how many allocations one run of the work makes.
func allocations(work func()) float64 { return testing.AllocsPerRun(100, work) }

// measureSign compares with the signer of AWS's SDK: once by itself, which takes the hash of the body from its caller,
// and once with that hash, which is the same work on both sides.
func measureSign(ctx context.Context, _ *bench, e effort) ([]row, error) {
	body := kilobyte()
	sum := sha256.Sum256(body)
	signer, ourRequest := sigv4.Signer{Region: region, Service: "lambda"}, order(body)
	sign := func(payload sigv4.Payload) {
		_, err := signer.Sign(ourRequest, session, payload)
		must(err)
	}
	sdk, theirRequest := awsv4.NewSigner(), order(body)
	sdkSign := func(hash string) {
		must(sdk.SignHTTP(ctx, awsSession, theirRequest, hash, "lambda", region, time.Now()))
	}

	given, hash := sigv4.PayloadHash(sum), hex.EncodeToString(sum[:])
	alone, sdkAlone := func() { sign(given) }, func() { sdkSign(hash) }
	p := e.alternateWork(alone, sdkAlone)
	ours, theirs := allocations(alone), allocations(sdkAlone)
	rows := []row{{
		"sign a POST of 1 KiB, session token", fmt.Sprintf("%s, %.1f×, %.0f allocs", took(p.ours), 1/p.ratio, ours), "≥ 3×, ≤ 4 allocs",
		atLeast(1/p.ratio, 3, 1) && ours <= 4, fmt.Sprintf("aws/signer/v4, which gets the hash of the body too: %s, %.0f allocs", took(p.theirs), theirs),
	}}
	p = e.alternateWork(
		func() { sign(sigv4.PayloadBytes(body)) },
		func() { sum := sha256.Sum256(body); sdkSign(hex.EncodeToString(sum[:])) },
	)
	return append(rows, row{
		name: "the same and hash the body", measured: fmt.Sprintf("%s, %.1f×", took(p.ours), 1/p.ratio),
		against: fmt.Sprintf("aws/signer/v4 and SHA-256 of the body: %s", took(p.theirs)),
	}), nil
}
