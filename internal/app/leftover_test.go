//go:build unix

package app_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/usertest"
)

func mustPlant(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestLeftoversStopNoStart: what a killed server, its functions and its uploads have left is gone soon after the next
// start, which does not wait for it.
func TestLeftoversStopNoStart(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	data := t.TempDir()
	left := []string{
		"environments/environment/0123456789abcdef0123456789abcdef",
		"environments/trash-environment-ABCDEFGH",
		"environments/cache/function/nowhere",
		"code/part-1234567",
		"code/trash-0123-ABCDEFGH",
	}
	for _, dir := range left {
		dir = filepath.Join(data, dir)
		inner := filepath.Join(dir, "mod", "closed")
		mustPlant(t, os.MkdirAll(inner, 0o700))
		mustPlant(t, os.WriteFile(filepath.Join(inner, "file"), nil, 0))
		mustPlant(t, os.Chmod(inner, 0))
		mustPlant(t, os.Chmod(filepath.Dir(inner), 0o555))
		mustPlant(t, os.Chmod(dir, 0o555))
	}
	var log bytes.Buffer
	config := configFor(data)
	config.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	_, stop := run(t, config)
	for _, dir := range append(left, "environments/trash-*", "environments/cache/function/trash-*", "code/trash-*") {
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			there, err := filepath.Glob(filepath.Join(data, dir))
			if err != nil {
				t.Fatal(err)
			}
			if len(there) == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("still there: %q", there)
				break
			}
		}
	}
	stop()
	if log.String() != "" {
		t.Errorf("log:\n%s", log.String())
	}
}

// TestTemporaryDirectoryGoes: a server that keeps nothing leaves nothing, though packages are read-only.
func TestTemporaryDirectoryGoes(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	server, stop := run(t, configFor(app.InMemory))
	dir := server.Dir()
	deploy(t, server)
	if packages, err := filepath.Glob(filepath.Join(dir, "code", "*", "tree")); err != nil || len(packages) == 0 {
		t.Fatalf("no packages in %s: %v", dir, err)
	}
	inner := filepath.Join(dir, "environments", "environment", "left", "closed")
	mustPlant(t, os.MkdirAll(inner, 0o700))
	mustPlant(t, os.WriteFile(filepath.Join(inner, "file"), nil, 0))
	mustPlant(t, os.Chmod(inner, 0))
	stop()
	for _, pattern := range []string{dir, filepath.Join(filepath.Dir(dir), "trash-*")} {
		if left, err := filepath.Glob(pattern); err != nil || len(left) != 0 {
			t.Errorf("left: %q, %v", left, err)
		}
	}
}
