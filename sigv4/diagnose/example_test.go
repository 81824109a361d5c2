package diagnose_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// A proxy that changed the Host header after the request had been signed.
func ExampleDiagnose() {
	credentials := sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE",
		Secret: sigv4.NewSecret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")}
	verifier := &sigv4.Verifier{
		Region: "eu-central-1", Service: "lambda",
		Lookup: func(context.Context, string) (sigv4.Key, error) { return sigv4.Key{Credentials: credentials}, nil },
	}
	signer := &sigv4.Signer{Region: "eu-central-1", Service: "lambda"}
	req := httptest.NewRequest("GET", "http://abc.lambda-url.eu-central-1.localhost:9000/orders", nil)
	if _, err := signer.Sign(req, credentials, sigv4.EmptyPayload()); err != nil {
		panic(err)
	}
	req.Host = "127.0.0.1:9000"
	req.Header.Set("X-Forwarded-Host", "abc.lambda-url.eu-central-1.localhost:9000")

	_, err := verifier.Verify(req)
	var refusal *sigv4.Error
	if !errors.As(err, &refusal) || !diagnose.Diagnosable(refusal.Kind) {
		panic(err)
	}
	why := diagnose.Diagnose(context.Background(), diagnose.Evidence{
		Request: req, Refusal: refusal, Region: "eu-central-1", Service: "lambda",
		Key: sigv4.Key{Credentials: credentials},
	})
	fmt.Println(why.Fault)
	fmt.Println(why.Explanation)
	fmt.Println(why.Fix)
	// Output:
	// host-name
	// The request was signed for the host "abc.lambda-url.eu-central-1.localhost:9000" but arrived for "127.0.0.1:9000".
	// Sign the Host header that is sent; a proxy in between must pass it on unchanged.
}

// The first byte in which a client's canonical request differs from the server's.
func ExampleCompare() {
	server := "GET\n/a%2520b\n\nhost:example.org\n\nhost\ne3b0"
	client := "GET\n/a%20b\n\nhost:example.org\n\nhost\ne3b0"
	difference, differs := diagnose.Compare(server, client)
	fmt.Println(differs, difference.Label, difference.Column)
	fmt.Println(difference.Server)
	fmt.Println(difference.Client)
	// Output:
	// true path 5
	// /a%2520b
	// /a%20b
}
