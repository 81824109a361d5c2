package dataplane_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
)

// sink is a ResponseWriter that costs nothing.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// BenchmarkServe is a signed and authorized GET through the whole plane, with a function that answers at once and
// without net/http around it.
func BenchmarkServe(b *testing.B) {
	w := newWorld(b)
	w.plane.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	credentials := w.role(here, "caller", "")
	id := w.principalID("arn:aws:iam::" + here + ":role/caller")
	w.function(lambda.AuthIAM, both(lambda.PermissionPrincipal{AWS: id})...)
	const answer = `{"statusCode":200,"headers":{"content-type":"application/json"},"body":"{\"page\":\"5\"}"}`
	w.runner.result = func(invoke.Request) (*runtime.Result, error) {
		w.runner.requests = w.runner.requests[:0]
		return &runtime.Result{Body: io.NopCloser(strings.NewReader(answer)), ContentType: "application/json"}, nil
	}
	signed := w.signed(credentials, http.MethodGet, "/book?page=5", "")
	request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/book?page=5", nil)
	request.Host, request.Header = signed.Host, signed.Header
	request.Header.Set("User-Agent", "bench")
	out := &sink{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(out.header)
		w.plane.ServeHTTP(out, request)
		if out.status != http.StatusOK {
			b.Fatalf("status %d: %s", out.status, w.log)
		}
	}
}
