package furl_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
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

// A file as the body, read twice and never held in memory, and an answer passed on while it arrives. A body that can be
// read only once, such as a pipe, is spooled first: Lambda accepts no unsigned payload.
func ExampleTransport_streamingUpload() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: furl.NewTransport(cfg)}
	file, err := os.Open("photo.jpg")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	resp, err := client.Post("https://XYZ.lambda-url.eu-central-1.on.aws/photos", "image/jpeg", file)
	if errors.Is(err, furl.ErrBodyTooLarge) {
		log.Fatal("raise Transport.MaxSpool: ", err)
	} else if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	io.Copy(os.Stdout, resp.Body)
}

// Up to five more attempts, all within ten seconds. A POST is repeated because its key tells the function that it is the
// same order.
func ExampleTransport_retries() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	transport := furl.NewTransport(cfg)
	transport.MaxRetries = 5
	transport.OnRepeat = func(reason string) { log.Print(reason) }
	client := &http.Client{Transport: transport}

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	order := strings.NewReader(`{"book": 5}`)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://XYZ.lambda-url.eu-central-1.on.aws/orders", order)
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("Idempotency-Key", "order-7")
	resp, err := client.Do(r)
	if errors.Is(err, context.DeadlineExceeded) {
		log.Fatal("no answer within ten seconds")
	} else if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
}

// What was signed and repeated, as log records.
func ExampleTransport_logger() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	transport := furl.NewTransport(cfg)
	transport.Logger = slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	http.DefaultClient.Transport = transport
}

// traced is what instrumentations such as OpenTelemetry's otelhttp.NewTransport are: a RoundTripper around another one
// that adds headers.
type traced struct {
	next   http.RoundTripper
	header string
	spans  *[]string
}

func (t traced) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(t.header, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	resp, err := t.next.RoundTrip(r)
	*t.spans = append(*t.spans, t.header)
	return resp, err
}

// An instrumentation outside of a Transport sees one request, whatever is repeated, and its header is signed. One inside
// sees each attempt, and its header is sent unsigned. It must not change headers that are signed.
func ExampleTransport_tracing() {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, signed, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
		signed, _, _ = strings.Cut(signed, ",")
		fmt.Println(signed, len(r.Header.Get("Traceparent")), len(r.Header.Get("X-Attempt")))
	}))
	defer server.Close()
	var spans []string
	transport := furl.NewTransport(aws.Config{
		Region: "eu-central-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "example"}, nil
		}),
	})
	transport.Base = traced{furl.NewBase(), "X-Attempt", &spans}                // inside
	client := &http.Client{Transport: traced{transport, "Traceparent", &spans}} // outside
	resp, err := client.Get(server.URL + "/_furl/url/XYZ/book")
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	fmt.Println(spans)
	// Output:
	// host;traceparent;x-amz-date 55 55
	// [X-Attempt Traceparent]
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

// A link for a custom domain, that deletes a book.
func ExamplePresign_options() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	link, err := furl.Presign(ctx, cfg, "https://api.example.com/books/5", time.Hour, func(o *furl.PresignOptions) {
		o.Method = http.MethodDelete
		o.Transport.SignHosts = map[string]string{"api.example.com": "XYZ.lambda-url.eu-central-1.on.aws"}
	})
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
