//go:build unix

package app_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/app"
)

// commands puts programs of those names before those of the system; they do nothing and fail.
func commands(t *testing.T, names ...string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

func TestSystemTrustStore(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("macOS has one trust store")
	}
	ownConfig(t)
	file, err := app.UserAuthority()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	red, debian := filepath.Join(t.TempDir(), "red hat"), t.TempDir()
	stores := [][]string{{red, "update-ca-trust", "extract"}, {debian, "update-ca-certificates"}}
	steps := func() []string {
		t.Helper()
		found, err := app.SystemSteps(stores, file, "furl-1", text)
		if err != nil {
			return []string{err.Error()}
		}
		lines := []string{}
		for _, step := range found {
			if !step.Root {
				t.Errorf("%v is said to need no rights", step.Args)
			}
			lines = append(lines, strings.Join(step.Args, " "))
		}
		return lines
	}
	commands(t, "update-ca-trust", "update-ca-certificates") // as Debian has both, but not the directory
	want := []string{"install -m 0644 " + file + " " + debian + "/furl-1.crt", "update-ca-certificates"}
	if diff := cmp.Diff(want, steps()); diff != "" {
		t.Errorf("Debian (-want +got):\n%s", diff)
	}
	if err := os.Mkdir(red, 0o700); err != nil {
		t.Fatal(err)
	}
	want = []string{"install -m 0644 " + file + " " + red + "/furl-1.crt", "update-ca-trust extract"}
	if diff := cmp.Diff(want, steps()); diff != "" {
		t.Errorf("Red Hat (-want +got):\n%s", diff)
	}
	if err := os.WriteFile(filepath.Join(red, "furl-1.crt"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{}, steps()); diff != "" {
		t.Errorf("trusted already (-want +got):\n%s", diff)
	}
	commands(t)
	if diff := cmp.Diff([]string{app.ErrNoTrustStore.Error()}, steps()); diff != "" {
		t.Errorf("neither (-want +got):\n%s", diff)
	}
}

func TestBrowsersTrustStores(t *testing.T) {
	config := ownConfig(t)
	home := filepath.Dir(filepath.Dir(config))
	file, err := app.UserAuthority()
	if err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(home, ".mozilla", "firefox", "x.default")
	if err := os.MkdirAll(database, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(database, "cert9.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	commands(t, "certutil")
	steps, missing, err := app.TrustSteps(file, home)
	if err != nil || len(missing) > 0 || len(steps) != 1 {
		t.Fatalf("%v, %v, %v", steps, missing, err)
	}
	line := strings.Join(steps[0].Args, " ")
	if steps[0].Root || !strings.HasPrefix(line, "certutil -A -d sql:"+database+" -t C,, -n furl-") || !strings.HasSuffix(line, " -i "+file) {
		t.Errorf("%q", line)
	}
	commands(t)
	if _, missing, _ = app.TrustSteps(file, home); cmp.Diff([]string{database}, missing) != "" {
		t.Errorf("without certutil: %v", missing)
	}
}
