package proxy_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/proxy"
)

// BenchmarkProxy is a small GET over 16 connections through the signing proxy, and through a bare
// httputil.ReverseProxy with the same transport.
func BenchmarkProxy(b *testing.B) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "answer")
	}))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	if err != nil {
		b.Fatal(err)
	}
	base := furl.NewBase()
	defer base.CloseIdleConnections()

	bare := httptest.NewServer(&httputil.ReverseProxy{Transport: base, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
	}})
	defer bare.Close()
	b.Run("bare", func(b *testing.B) { get(b, bare.URL) })

	signing, err := proxy.New(proxy.Config{
		Upstream: backend.URL,
		Transport: &furl.Transport{
			Base: base, MaxRetries: -1, Domains: map[string]string{target.Host: "eu-central-1"},
			Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
			})),
		},
		Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
	})
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- signing.Serve(ctx, ctx, listener) }()
	b.Run("signing", func(b *testing.B) { get(b, "http://"+listener.Addr().String()) })
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}

func get(b *testing.B, url string) {
	const connections = 16
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	b.ReportAllocs()
	b.SetParallelism(connections / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := client.Get(url + "/orders?id=7")
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}
