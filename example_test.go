package furl_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/furl-dev/furl"
)

// A GET and a POST with the credentials that the AWS SDK finds.
func ExampleNewTransport() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: furl.NewTransport(cfg), Timeout: time.Minute}

	resp, err := client.Get("https://XYZ.lambda-url.eu-central-1.on.aws/book?page=5")
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	if refusal, ok := furl.RefusalOf(resp); ok {
		log.Fatalf("refused by %s: %s", refusal.Layer, refusal.Message)
	}
	io.Copy(os.Stdout, resp.Body)

	login := strings.NewReader(`{"user": "my-user", "token": "ABC123"}`)
	resp, err = client.Post("https://XYZ.lambda-url.eu-central-1.on.aws/login", "application/json", login)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
}

// A Lambda function that calls another function's URL with the credentials of its role.
func ExampleNewTransport_lambda() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: furl.NewTransport(cfg)}
	lambda.Start(func(ctx context.Context, event json.RawMessage) (string, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("FUNCTION_URL"), nil)
		if err != nil {
			return "", err
		}
		resp, err := client.Do(request)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, 6<<20))
		return string(body), err
	})
}

// A custom domain of CloudFront in front of a function URL. CloudFront sends the function URL's own host to it, so the
// signature is for that host.
func ExampleTransport_signHosts() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	transport := furl.NewTransport(cfg)
	transport.SignHosts = map[string]string{"api.example.com": "XYZ.lambda-url.eu-central-1.on.aws"}
	client := &http.Client{Transport: transport}
	resp, err := client.Get("https://api.example.com/book?page=5")
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
}

// A refusal as an error, told from an answer of the function.
func ExampleRefusal() {
	resp := &http.Response{
		StatusCode: http.StatusForbidden, Header: http.Header{"X-Amzn-Errortype": {"InvalidSignatureException"}},
		Body: io.NopCloser(strings.NewReader(`{"message":"Signature expired"}`)),
	}
	if refusal, ok := furl.RefusalOf(resp); ok {
		err := fmt.Errorf("order 7: %w", refusal)
		fmt.Println(errors.Is(err, furl.ErrRefused), err)
	}
	// Output: true order 7: furl: refused by authentication: InvalidSignatureException: Signature expired
}

// A link that anyone can open for five minutes.
func ExamplePresign() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	link, err := furl.Presign(ctx, cfg, "https://XYZ.lambda-url.eu-central-1.on.aws/book?page=5", 5*time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link)
}

func ExampleParseURL() {
	u, err := furl.ParseURL("https://tqmbkpswubye2ubwg2lc2s7ele0ffbzz.lambda-url.eu-central-1.on.aws/a//b?x=%2f")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(u.ID, u.Region, u.Target)
	// Output: tqmbkpswubye2ubwg2lc2s7ele0ffbzz eu-central-1 /a//b?x=%2f
}
