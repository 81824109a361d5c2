package furl_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl"
)

// BenchmarkTransport measures a POST of 1 KiB over a transport that sends nothing, with and without signature: the
// difference is what signing costs.
func BenchmarkTransport(b *testing.B) {
	nothing := roundTripper(func(r *http.Request) (*http.Response, error) {
		r.Body.Close()
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
	})
	benchmarkPosts(b, "nothing/bare", nothing, "https://id.lambda-url.eu-central-1.on.aws/orders")
	benchmarkPosts(b, "nothing/signed", &furl.Transport{
		Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(staticKey)), Base: nothing,
	}, "https://id.lambda-url.eu-central-1.on.aws/orders")
}

// BenchmarkTransportLoopback is the same over http.Transport and a server on this machine that reads the body.
func BenchmarkTransportLoopback(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter,
		r *http.Request) {
		io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	base := furl.NewBase()
	defer base.CloseIdleConnections()
	benchmarkPosts(b, "bare", base, server.URL+"/orders")
	benchmarkPosts(b, "signed", &furl.Transport{
		Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(staticKey)), Base: base,
		Domains: map[string]string{server.Listener.Addr().String(): "eu-central-1"},
	}, server.URL+"/orders")
}

func benchmarkPosts(b *testing.B, name string, transport http.RoundTripper, url string) {
	body := bytes.Repeat([]byte("x"), 1<<10)
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			resp, err := transport.RoundTrip(r)
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}
