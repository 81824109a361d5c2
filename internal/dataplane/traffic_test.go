//go:build unix

package dataplane_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
)

// A refusal is an error of the function that was called, and a failure and an answer of 5xx are (Url5xxCount); an answer
// of 4xx that the function chose is none.
func TestCallsAreCounted(t *testing.T) {
	status := func(status string) func(invoke.Request) (*runtime.Result, error) {
		return payload(`{"statusCode":` + status + `,"body":"x"}`)
	}
	for name, test := range map[string]struct {
		result        func(invoke.Request) (*runtime.Result, error)
		change        func(*http.Request)
		calls, errors int
	}{
		"answered":       {status("200"), nil, 1, 0},
		"its own 404":    {status("404"), nil, 1, 0},
		"its own 500":    {status("500"), nil, 1, 1},
		"throttled":      {func(invoke.Request) (*runtime.Result, error) { return nil, runtime.ErrBusy }, nil, 1, 1},
		"failed":         {func(invoke.Request) (*runtime.Result, error) { return failed(), nil }, nil, 1, 1},
		"unsigned":       {status("200"), func(r *http.Request) { r.Header.Del("Authorization") }, 1, 1},
		"a probe":        {status("200"), func(r *http.Request) { r.Header.Set("User-Agent", furlproto.Probe) }, 0, 0},
		"of nothing":     {status("200"), func(r *http.Request) { r.Host = "x" + r.Host[1:] }, 0, 0},
		"path not slash": {status("200"), func(r *http.Request) { r.URL.Opaque, r.Method = "*", "OPTIONS" }, 0, 0},
		"a preflight": {status("200"), func(r *http.Request) {
			r.Method = "OPTIONS"
			r.Header.Set("Origin", "https://example.com")
			r.Header.Set("Access-Control-Request-Method", "PUT")
		}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.plane.Traffic, w.runner.result = &invoke.Traffic{}, test.result
			alice := w.user(here, "alice", bothActions)
			w.changed(func(f *lambda.Function) { f.URLs[""].CORS = &lambda.CORS{AllowOrigins: []string{"*"}} })
			request := w.signed(alice, "GET", "/", "")
			if test.change != nil {
				test.change(request)
			}
			w.do(request)
			name := lambda.ARN{Region: region, Account: here, Name: "web"}
			calls, errors := w.plane.Traffic.Totals(name, time.Now())
			if calls != test.calls || errors != test.errors {
				t.Errorf("%d calls and %d errors, want %d and %d: %s", calls, errors, test.calls, test.errors, w.log)
			}
		})
	}
}

func failed() *runtime.Result {
	return &runtime.Result{
		Body:          io.NopCloser(strings.NewReader("{}")),
		FunctionError: &runtime.FunctionError{Type: "Oops", Reason: runtime.ReasonError, Payload: []byte("{}")},
	}
}
