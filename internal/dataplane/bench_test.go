//go:build unix

package dataplane_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
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
	b.Run("function", func(b *testing.B) { serve(b, "") })
	// The URL of an alias with weights, of a function that has a thousand versions and ten aliases with a policy each.
	b.Run("alias", func(b *testing.B) { serve(b, "live") })
}

func serve(b *testing.B, qualifier string) {
	w := newWorld(b)
	w.plane.Exchanges = &trace.Exchanges{}
	w.plane.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	w.plane.Traffic = &invoke.Traffic{}
	credentials := w.role(here, "caller", "")
	id := w.principalID("arn:aws:iam::" + here + ":role/caller")
	to := both(lambda.PermissionPrincipal{AWS: id})
	w.function(lambda.AuthIAM, to...)
	if qualifier != "" {
		w.many(qualifier, to)
	}
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

// many gives the function a thousand versions and ten aliases, and its URL to the alias of the name.
func (w *world) many(alias string, permissions []lambda.Permission) {
	w.t.Helper()
	name := lambda.ARN{Region: region, Account: here, Name: "web"}
	qualified := func(qualifier string) lambda.ARN {
		name.Qualifier = qualifier
		return name
	}
	all := map[string][]lambda.Permission{alias: permissions}
	w.update(func(tx *state.Tx) error {
		for i := range 1000 {
			if err := tx.Put(&lambda.Version{ARN: qualified(strconv.Itoa(i + 1))}); err != nil {
				return err
			}
		}
		for i := range 10 {
			other := alias
			if i > 0 {
				other = "other-" + strconv.Itoa(i)
			}
			all[other] = permissions
			made := &lambda.Alias{ARN: qualified(other), Target: strconv.Itoa(i + 1), Weights: map[string]float64{"999": 0.5}}
			if err := tx.Put(made); err != nil {
				return err
			}
		}
		return nil
	})
	w.changed(func(f *lambda.Function) {
		f.URLs[alias] = f.URLs[""]
		delete(f.URLs, "")
		allow(f, all)
	})
}
