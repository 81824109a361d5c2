package sigv4_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

var exampleCredentials = sigv4.Credentials{
	AccessKeyID: "AKIDEXAMPLE",
	Secret:      sigv4.NewSecret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
}

// exampleTime makes the signatures below the same every time; leave Now out in a program.
func exampleTime() time.Time { return time.Date(2026, 11, 23, 15, 4, 5, 0, time.UTC) }

// A function URL with AWS_IAM authentication, called with GET.
func ExampleSigner_Sign() {
	signer := &sigv4.Signer{Region: "eu-central-1", Service: "lambda", Now: exampleTime}

	req, err := http.NewRequest("GET", "https://abc.lambda-url.eu-central-1.on.aws/orders?limit=10", nil)
	if err != nil {
		panic(err)
	}
	if _, err := signer.Sign(req, exampleCredentials, sigv4.EmptyPayload()); err != nil {
		panic(err)
	}
	fmt.Println(req.Header.Get("X-Amz-Date"))
	fmt.Println(req.Header.Get("Authorization"))
	// Output:
	// 20261123T150405Z
	// AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-central-1/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature=3619d0c4d984e808e83af35fd52c8413c75af56818db05d024990683f62a3780
}

// The same with POST: the signature covers the body, so the signer has to see it too.
func ExampleSigner_Sign_post() {
	signer := &sigv4.Signer{Region: "eu-central-1", Service: "lambda", Now: exampleTime, KeepTexts: true}

	body := []byte(`{"id": 7}`)
	req, err := http.NewRequest("POST", "https://abc.lambda-url.eu-central-1.on.aws/orders", bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	signed, err := signer.Sign(req, exampleCredentials, sigv4.PayloadBytes(body))
	if err != nil {
		panic(err)
	}
	fmt.Println(signed.CanonicalRequest)
	// Output:
	// POST
	// /orders
	//
	// content-type:application/json
	// host:abc.lambda-url.eu-central-1.on.aws
	// x-amz-date:20261123T150405Z
	//
	// content-type;host;x-amz-date
	// ad559f4e2220ee7317330787fe05a065f5a22e4a1ca866b4f480553939f553e2
}

// A link that works for five minutes, for everyone who has it.
func ExampleSigner_Presign() {
	signer := &sigv4.Signer{Region: "eu-central-1", Service: "lambda", Now: exampleTime}

	req, err := http.NewRequest("GET", "https://abc.lambda-url.eu-central-1.on.aws/report?month=11", nil)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Presign(req, exampleCredentials, 5*time.Minute, sigv4.EmptyPayload())
	if err != nil {
		panic(err)
	}
	fmt.Println(signed.URL)
	// Output:
	// https://abc.lambda-url.eu-central-1.on.aws/report?month=11&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261123%2Feu-central-1%2Flambda%2Faws4_request&X-Amz-Date=20261123T150405Z&X-Amz-SignedHeaders=host&X-Amz-Expires=300&X-Amz-Signature=7ade83f214b49f979b3374d71c4de79275b9db7b97c98f947363d42ee03f3d92
}

// Middleware that lets in requests that are signed with a known key, and answers others as AWS does.
func ExampleVerifier() {
	verifier := &sigv4.Verifier{
		Region: "eu-central-1", Service: "orders",
		Lookup: func(_ context.Context, id string) (sigv4.Key, error) {
			if id != exampleCredentials.AccessKeyID {
				return sigv4.Key{}, sigv4.ErrUnknownKey
			}
			return sigv4.Key{Credentials: exampleCredentials}, nil
		},
	}
	signedOnly := func(next http.HandlerFunc) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			caller, err := verifier.Verify(r) // r.Body can be read again afterwards
			var refusal *sigv4.Error
			switch {
			case errors.As(err, &refusal):
				fmt.Println("refused:", refusal.Kind) // err has details that are only for the operator
				w.Header().Set("X-Amzn-Errortype", refusal.ErrorType())
				http.Error(w, refusal.Message, refusal.Status())
			default:
				fmt.Println("let in:", caller.AccessKeyID)
				next(w, r)
			}
		})
	}
	server := httptest.NewServer(signedOnly(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	defer server.Close()

	signer := &sigv4.Signer{Region: "eu-central-1", Service: "orders"}
	send := func(body, signed string) {
		req, err := http.NewRequest("POST", server.URL+"/orders", strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		if _, err := signer.Sign(req, exampleCredentials, sigv4.PayloadBytes([]byte(signed))); err != nil {
			panic(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			panic(err)
		}
		defer func() { _ = resp.Body.Close() }()
		answer, _ := io.ReadAll(resp.Body)
		fmt.Printf("%d %.41s\n", resp.StatusCode, answer)
	}
	send(`{"id": 7}`, `{"id": 7}`)
	send(`{"id": 8}`, `{"id": 7}`)
	// Output:
	// let in: AKIDEXAMPLE
	// 200 {"id": 7}
	// refused: invalid signature
	// 403 The request signature we calculated does
}

// Each kind of refusal is an error of its own.
func ExampleKind() {
	verifier := &sigv4.Verifier{
		Region: "eu-central-1", Service: "lambda",
		Lookup: func(context.Context, string) (sigv4.Key, error) { return sigv4.Key{}, sigv4.ErrUnknownKey },
	}
	_, err := verifier.Verify(httptest.NewRequest("GET", "/", nil))
	fmt.Println(errors.Is(err, sigv4.MissingAuthentication), errors.Is(err, sigv4.UnknownKey))
	// Output:
	// true false
}
