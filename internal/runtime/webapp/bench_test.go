//go:build unix

package webapp_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
	"github.com/furl-dev/furl/internal/runtime/webapp"
)

// BenchmarkTranslate is what both directions cost for a small page.
func BenchmarkTranslate(b *testing.B) {
	payload, read := event.Make(&event.Request{
		Method: "GET", Target: "/book?page=5", Proto: "HTTP/1.1", Host: "abc.lambda-url.eu-west-1.on.aws",
		Header: http.Header{
			"Accept": {"*/*"}, "User-Agent": {"test"}, "X-Amz-Date": {"20261130T000000Z"}, "X-Amz-Security-Token": {"token"},
			"Accept-Encoding": {"gzip"},
		},
		SourceIP: "127.0.0.1", Port: "443", URLID: "abc", DomainName: "abc.lambda-url.eu-west-1.on.aws", RequestID: "id",
		TraceID: "1-6922f5a0-000000000000000000000000", Time: time.UnixMilli(1764500000000), Caller: &event.Caller{
			AccessKey: "ASIAAAAAAAAAAAAAAAAA", AccountID: "123456789012", CallerID: "AROAAAAAAAAAAAAAAAAAA:bench",
			UserARN: "arn:aws:sts::123456789012:assumed-role/caller/bench", UserID: "AROAAAAAAAAAAAAAAAAAA:bench",
		},
	})
	settings, _ := webapp.ParseSettings(nil)
	in := &runtimeapi.Invocation{ID: "id", Payload: payload, TraceID: "Root=1-6922f5a0-000000000000000000000000"}
	answer := &http.Response{StatusCode: 200, Header: http.Header{
		"Content-Type": {"application/json"}, "Date": {"Mon, 30 Nov 2026 00:00:00 GMT"}, "Content-Length": {"42"},
	}}
	body := []byte(`{"page":"5","title":"A page of a book"}`)
	b.Run("request", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := settings.NewRequest(in, read(), webapp.Function{Name: "page", MemoryMB: 128}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("response", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if webapp.Response(answer, body) == nil {
				b.Fatal("no response")
			}
		}
	})
}
