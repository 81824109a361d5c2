//go:build unix

package interop_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTemplates has cfn-lint check the templates for CloudFormation and SAM that `furl grant --print` writes, which
// package snippet holds to these files; and one with a mistake, to see that it looks.
func TestTemplates(t *testing.T) {
	need(t, "python")
	files, err := filepath.Glob("../internal/snippet/testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no templates, %v", err)
	}
	lint := func(files ...string) result {
		return run(t, baseEnv(t.TempDir()), nil, installed(t, "python", "bin", "cfn-lint"), append([]string{"--"}, files...)...)
	}
	if done := lint(files...); done.code != 0 {
		t.Errorf("exit %d: %s%s", done.code, done.stdout, done.stderr)
	}

	template, err := os.ReadFile("../internal/snippet/testdata/role.sam.yaml")
	if err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "wrong.yaml")
	text := strings.Replace(string(template), "FunctionUrlAuthType: AWS_IAM", "FunctionUrlAuthType: IAM", 1)
	if err := os.WriteFile(wrong, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if done := lint(wrong); done.code == 0 || !strings.Contains(done.stdout, "'IAM' is not one of") {
		t.Errorf("a wrong template: exit %d: %s%s", done.code, done.stdout, done.stderr)
	}
}
