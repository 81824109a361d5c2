//go:build unix

package runtime_test

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/runtime"
)

// metrics are the values of the pool's metrics by the value of their label.
func (b *bench) metrics() map[string]float64 {
	b.Helper()
	var page bytes.Buffer
	err := metric.Write(&page, b.pool.Collectors())
	if err != nil {
		b.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&page)
	if err != nil {
		b.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, sample := range family.GetMetric() {
			label := sample.GetLabel()[0]
			values[label.GetName()+" "+label.GetValue()] = sample.GetCounter().GetValue() + sample.GetGauge().GetValue()
		}
	}
	return values
}

// Every invocation is counted once, by how it came out in the end.
func TestOutcomes(t *testing.T) {
	b := newBench(t, func(c *runtime.Config) { c.InitTimeout = 2 * time.Second })
	want := b.metrics() // all of them, and none counted
	for name, value := range want {
		if value != 0 {
			t.Errorf("%s is %v at the start", name, value)
		}
	}
	main := b.function("main")
	b.invoke(main, order{Do: "echo"})
	b.invoke(main, order{Do: "error", Text: "no good"})
	b.invoke(b.function("main", named("timeout"), within(300*time.Millisecond)), order{Do: "echo", Ms: 60_000})
	b.invoke(b.function("main", named("exit")), order{Do: "exit"})
	b.invoke(b.function("main", named("crash")), order{Do: "kill"})
	b.invoke(b.function("main", named("large")), order{Do: "big", N: 13_000_000})
	b.invoke(b.function("raw", named("cut")), []step{{Cut: true}})
	b.invoke(b.function("init-exit"), nil)
	b.invoke(b.function("init-hangs", within(500*time.Millisecond)), nil)
	for payload, complete := range map[string]bool{
		`{"do":"stream","text":"whole answer"}`:    true,
		`{"do":"stream","text":"half a","n":-1}`:   false, // and then an error in its trailers
		`{"do":"stream-and-exit","text":"half a"}`: false,
	} {
		result := b.stream(b.function("main", named("stream"), func(fn *runtime.Function) { fn.Concurrency = -1 }), payload)
		if _, err := io.ReadAll(result.Body); err != nil || (result.StreamError() == nil) != complete {
			t.Errorf("%s: %v, %v", payload, err, result.StreamError())
		}
	}
	if _, _, err := b.start(b.function("main", limit(0)), order{Do: "echo"}); !errors.Is(err, runtime.ErrBusy) {
		t.Error(err)
	}
	unsupported := b.function("main", named("unsupported"))
	unsupported.Runtime = "cobol85"
	if _, _, err := b.start(unsupported, order{Do: "echo"}); err == nil {
		t.Error("a runtime that there is not has run")
	}
	running := make(chan error, 1)
	go func() {
		result, _, err := b.start(b.function("main", named("shutdown")), order{Do: "echo", Ms: 60_000})
		if err == nil {
			_, err = result.ReadAll(0)
		}
		running <- err
	}()
	for end := time.Now().Add(10 * time.Second); b.metrics()["stage busy"] != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no environment is busy: %v", b.metrics())
		}
	}
	if err := b.pool.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-running; err != nil {
		t.Error(err)
	}
	if _, _, err := b.start(main, order{Do: "echo"}); !errors.Is(err, runtime.ErrClosed) {
		t.Error(err)
	}
	for outcome, n := range map[string]float64{
		"answered": 2, "error": 2, "exit": 2, "timeout": 1, "crash": 1, "too-large": 1, "bad-response": 1, "init": 1,
		"init-timeout": 1,
		"throttled":    1, "not-started": 1, "shutdown": 1, "closed": 1,
	} {
		want["outcome "+outcome] = n
	}
	if got := b.metrics(); !maps.Equal(got, want) {
		t.Errorf("metrics are %v\nwant %v", got, want)
	}
}

// Each reason of a FunctionError is an outcome of its own.
func TestReasonsAreCounted(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "failure.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	counted := newBench(t).metrics()
	reasons := 0
	ast.Inspect(file, func(node ast.Node) bool {
		constant, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := constant.Type.(*ast.Ident); !ok || kind.Name != "Reason" {
			return true
		}
		if !constant.Names[0].IsExported() {
			return true // of an environment, not of a FunctionError
		}
		reasons++
		text, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value)
		if _, ok := counted["outcome "+text]; !ok || err != nil {
			t.Errorf("%s is not counted: %v", constant.Names[0], err)
		}
		return true
	})
	if reasons == 0 {
		t.Error("failure.go has no reasons")
	}
}
