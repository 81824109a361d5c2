package sigv4_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// BenchmarkServer is a server with and without verification in front of a handler that reads the body and answers
// nothing, over 16 connections. Clients write prepared bytes, so that they cost little.
func BenchmarkServer(b *testing.B) {
	const connections = 16
	v := newVerifier()
	request := raw{method: "POST", target: "/orders/7?limit=10", body: strings.Repeat("x", 1024),
		lines: []string{"Content-Type: application/json", "Accept: */*",
			"User-Agent: bench"}, sign: []string{"content-type"}, who: bob}.header()
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
	}{
		{"verified", func(w http.ResponseWriter, r *http.Request) {
			if _, err := v.Verify(r); err != nil {
				w.WriteHeader(http.StatusForbidden)
			}
		}},
		{"unverified", func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				w.WriteHeader(http.StatusBadRequest)
			}
		}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			srv := httptest.NewServer(tt.handler)
			defer srv.Close()
			var wg sync.WaitGroup
			turns := make(chan struct{}, connections)
			for range connections {
				conn, err := net.Dial("tcp", srv.Listener.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				wg.Go(func() {
					defer func() { _ = conn.Close() }()
					br := bufio.NewReader(conn)
					for range turns {
						if _, err := io.WriteString(conn, request); err != nil {
							b.Error(err)
							return
						}
						resp, err := http.ReadResponse(br, nil)
						if err != nil || resp.StatusCode != http.StatusOK {
							b.Errorf("%v %v", resp, err)
							return
						}
					}
				})
			}
			for b.Loop() {
				turns <- struct{}{}
			}
			close(turns)
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
