//go:build unix

package interop_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestBoto3 drives the whole control plane with boto3: its waiters, paginators and classes of errors.
func TestBoto3(t *testing.T) {
	need(t, "python")
	s := startServer(t)
	done := run(t, s.env(), nil, python(t), "python/controlplane.py")
	if done.code != 0 {
		t.Fatalf("exit %d: %s", done.code, done.stderr)
	}
	t.Log(strings.TrimSpace(done.stderr))
	type check struct{ Name, Error string }
	checks := 0
	for decoder := json.NewDecoder(strings.NewReader(done.stdout)); decoder.More(); checks++ {
		var c check
		if err := decoder.Decode(&c); err != nil {
			t.Fatal(err)
		}
		t.Run(c.Name, func(t *testing.T) {
			if c.Error != "" {
				t.Error(c.Error)
			}
		})
	}
	const atLeast = 20
	if checks < atLeast {
		t.Errorf("%d checks were made, not %d", checks, atLeast)
	}
}
