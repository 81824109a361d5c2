package archtest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestHeavyPackagesAreNotLinked: every command of furl pays for the initialization of every package that is linked
// into the program, whether it uses it or not. These packages took much of the start, or of the size, when they were.
func TestHeavyPackagesAreNotLinked(t *testing.T) {
	heavy := []struct{ path, why string }{
		{"net/rpc", "it looks up methods by name, so that the linker keeps every method of every type"},
		{"html/template", "it looks up methods by name, too; the pages are written by internal/pages"},
		{"expvar", "it starts a page of its own, which nobody asks for"},
		{"runtime/metrics", "it describes each of its metrics at the start; runtime.ReadMemStats has the figures"},
		{"google.golang.org/protobuf", "it registers its types at the start"},
		{"github.com/prometheus", "it compiles expressions and makes its collectors at the start; internal/metric has the text"},
		{"modernc.org", "the C library that it brings initializes itself at the start; go-sqlite3 has nothing to initialize"},
		{"github.com/aws/aws-lambda-go", "it brings net/rpc; internal/demo speaks the Runtime API by itself"},
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/furl")
	list.Dir = root(t)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := strings.Fields(string(out))
	if len(linked) < 100 {
		t.Fatalf("cmd/furl has only %d packages: %q", len(linked), linked)
	}
	for _, path := range linked {
		if strings.HasPrefix(path, "github.com/aws/aws-sdk-go-v2/service/") && strings.HasSuffix(path, "/schemas") {
			t.Errorf("cmd/furl links %s, which makes the schema of every shape of the service at the start (0.7 ms for Lambda): "+
				"stay at the latest version without it, which docs/dependencies.md names", path)
		}
		for _, h := range heavy {
			if path == h.path || strings.HasPrefix(path, h.path+"/") {
				t.Errorf("cmd/furl links %s: %s (go list -deps -f '{{.ImportPath}}: {{.Imports}}' ./cmd/furl shows who imports it)", path, h.why)
			}
		}
	}
}
