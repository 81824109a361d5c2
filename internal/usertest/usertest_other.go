//go:build !unix

package usertest

import "testing"

// Unprivileged skips the test: file modes stop nobody on this system.
func Unprivileged(t *testing.T) bool { return UnprivilegedWith(t, nil) }

// UnprivilegedWith is Unprivileged.
func UnprivilegedWith(t *testing.T, _ func(dir string)) bool {
	t.Helper()
	t.Skip("file modes stop nobody on this system")
	return false
}

// Dir is empty: no test has a directory that was prepared.
func Dir() string { return "" }
