//go:build unix

package runtime_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/runtime"
)

// interpreted makes a function out of a directory below testdata.
func (b *bench) interpreted(name, dir, handler string, changes ...func(*runtime.Function)) *runtime.Function {
	b.Helper()
	code, err := filepath.Abs(filepath.Join("testdata", dir))
	if err != nil {
		b.Fatal(err)
	}
	fn := b.function(handler, changes...)
	fn.CodeDir, fn.Runtime = code, name
	fn.Name = strings.ReplaceAll(name, ".", "-") + "-" + strings.NewReplacer("/", "-", ".", "-").Replace(handler)
	fn.Key = fn.Name
	return fn
}

// needs skips a test whose interpreter is missing, unless everything has to be there.
func needs(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		skip(t, program+" is not on PATH")
	}
}

// skip skips a test for what is missing here, unless everything has to be there.
func skip(t testing.TB, missing string) {
	t.Helper()
	if os.Getenv("FURL_STRICT") != "" {
		t.Fatalf("%s, and FURL_STRICT is set", missing)
	}
	t.Skip("SKIPPED: " + missing)
}

// functionError is the payload of a failed invocation.
type functionError struct {
	ErrorMessage string   `json:"errorMessage"`
	ErrorType    string   `json:"errorType"`
	RequestID    string   `json:"requestId"`
	StackTrace   []string `json:"stackTrace"`
	Trace        []string `json:"trace"`
}

func parseError(t *testing.T, body string) functionError {
	t.Helper()
	var e functionError
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("error payload %q: %v", body, err)
	}
	return e
}

type object = map[string]any

func TestTraceID(t *testing.T) {
	for _, row := range []struct{ program, runtime, dir, handler string }{
		{"python3", "python3.11", "python", "app.handler"},
		{"node", "nodejs20.x", "node", "index.handler"},
	} {
		t.Run(row.runtime, func(t *testing.T) {
			needs(t, row.program)
			b := newBench(t)
			fn := b.interpreted(row.runtime, row.dir, row.handler)
			for _, want := range []string{"Root=1-65a1-0123;Sampled=0", ""} {
				result, err := b.pool.Invoke(t.Context(), fn, runtime.Invocation{RequestID: "id", Payload: []byte(`{"do":"trace"}`), TraceID: want})
				if err != nil {
					t.Fatal(err)
				}
				body, err := result.ReadAll(0)
				if err != nil {
					t.Fatal(err)
				}
				if want == "" {
					want = "null"
				} else {
					want = `"` + want + `"`
				}
				if string(body) != want {
					t.Errorf("trace id = %s, want %s", body, want)
				}
			}
		})
	}
}
