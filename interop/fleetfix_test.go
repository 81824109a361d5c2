//go:build unix

package interop_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestFixesOfFleets has functions whose names are alike with one of the two actions granted, and what mends all of them
// read, or typed, by the programs that it is written for: cfn-lint, which knows the SAM transform, Node.js and sh.
func TestFixesOfFleets(t *testing.T) {
	needProgram(t, "sh")
	needProgram(t, "bash")
	needProgram(t, "node")
	need(t, "python")
	s := startServer(t)
	furl := must(t, buildFurl)
	names := []string{"a-b", "a_b", "aB"}
	for _, name := range names {
		s.createFunction(t, name, types.RuntimeProvidedal2023, "bootstrap", echoZip(t), types.InvokeModeBuffered)
	}
	s.newUser(t, "alice")
	for _, name := range names {
		s.shell(t, "aws lambda add-permission --function-name "+name+" --statement-id half --action lambda:InvokeFunctionUrl "+
			"--principal arn:aws:iam::"+account+":user/alice --function-url-auth-type AWS_IAM")
	}
	// written is the file for all of them, and the fragments of each, one behind the other below a heading.
	written := func(t *testing.T, form, name, heading string) (files []string) {
		t.Helper()
		fixed := s.tryShell(t, furl+" check --all --fix "+form)
		if fixed.code != 4 || fixed.stdout == "" {
			t.Fatalf("exit %d: %s%s", fixed.code, fixed.stdout, fixed.stderr)
		}
		appended := heading
		for _, function := range names {
			appended += s.shell(t, furl+" grant "+function+" --to user/alice --print "+form) + "\n"
		}
		dir := t.TempDir()
		for prefix, text := range map[string]string{"fixed": fixed.stdout, "appended": appended} {
			path := filepath.Join(dir, prefix+name)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			files = append(files, path)
		}
		return files
	}
	for form, heading := range map[string]string{
		"cloudformation": "Resources:\n", "sam": "Transform: AWS::Serverless-2016-10-31\nResources:\n",
	} {
		t.Run(form, func(t *testing.T) {
			files := written(t, form, ".yaml", heading)
			lint := run(t, baseEnv(t.TempDir()), nil, installed(t, "python", "bin", "cfn-lint"), append([]string{"--"}, files...)...)
			if lint.code != 0 {
				t.Errorf("exit %d: %s%s", lint.code, lint.stdout, lint.stderr)
			}
		})
	}
	t.Run("terraform", func(t *testing.T) { // of identities: permissions take a provider that is newer than many have
		tf := newTerraform(t, s)
		appended := ""
		for _, function := range names {
			appended += s.shell(t, furl+" grant "+function+" --to user/alice --via identity --print terraform") + "\n"
		}
		if err := os.WriteFile(filepath.Join(tf.dir, "grants.tf"), []byte(appended), 0o600); err != nil {
			t.Fatal(err)
		}
		if done := tf.run("validate"); done.code != 0 || strings.Count(appended, "\"aws_iam_user_policy\"") != len(names) {
			t.Errorf("exit %d: %s%s\n%s", done.code, done.stdout, done.stderr, appended)
		}
	})
	t.Run("cdk", func(t *testing.T) {
		for _, file := range written(t, "cdk", ".mjs", "") {
			if checked := run(t, baseEnv(t.TempDir()), nil, "node", "--check", file); checked.code != 0 {
				t.Error(checked.stderr)
			}
		}
	})
	t.Run("cli", func(t *testing.T) { // last, since it mends them
		files := written(t, "cli", ".sh", "")
		for _, file := range files {
			if checked := run(t, baseEnv(t.TempDir()), nil, "bash", "-n", file); checked.code != 0 {
				t.Error(checked.stderr)
			}
		}
		for _, file := range files {
			if strings.HasPrefix(filepath.Base(file), "fixed") {
				s.shell(t, "sh -e "+file)
			}
		}
		if done := s.tryShell(t, furl+" check --all --json"); strings.Contains(done.stdout, `"status": "problem"`) {
			t.Error(done.stdout)
		}
	})
}
