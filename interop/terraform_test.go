package interop_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// terraform is a Terraform configuration in a directory of its own, and the server that it is for.
type terraform struct {
	t   *testing.T
	dir string
	env []string
}

// newTerraform prepares the configuration of testdata/terraform. Terraform and its AWS provider are no package that
// install.sh could install: the test skips without them. The provider is found where Terraform looks for it, in a
// mirror below /opt, or in the mirror that FURL_TERRAFORM_PLUGINS names.
func newTerraform(t *testing.T, s *server) *terraform {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("no terraform on PATH")
	}
	dir := t.TempDir()
	configuration, err := os.ReadFile("testdata/terraform/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"main.tf": configuration, "cli.tfrc": nil}
	if mirror := providerMirror(); mirror != "" {
		files["cli.tfrc"] = fmt.Appendf(nil, "provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(echoZip(t), filepath.Join(dir, "books.zip")); err != nil {
		t.Fatal(err)
	}
	tf := &terraform{t, dir, append(s.env(), "TF_CLI_CONFIG_FILE="+filepath.Join(dir, "cli.tfrc"), "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")}
	if done := tf.run("init"); done.code != 0 {
		t.Skipf("terraform init: %s", done.stderr)
	}
	return tf
}

func providerMirror() string {
	if mirror := os.Getenv("FURL_TERRAFORM_PLUGINS"); mirror != "" {
		return mirror
	}
	const provider = "/registry.terraform.io/hashicorp/aws"
	if found, _ := filepath.Glob("/opt/*" + provider); len(found) > 0 {
		return strings.TrimSuffix(found[0], provider)
	}
	return ""
}

func (tf *terraform) run(arguments ...string) result {
	tf.t.Helper()
	return run(tf.t, tf.env, nil, "terraform", append([]string{"-chdir=" + tf.dir}, append(arguments, "-no-color")...)...)
}

func (tf *terraform) must(arguments ...string) string {
	tf.t.Helper()
	done := tf.run(append(arguments, "-input=false")...)
	if done.code != 0 {
		tf.t.Fatalf("terraform %s: exit %d\n%s\n%s", strings.Join(arguments, " "), done.code, done.stdout, done.stderr)
	}
	return done.stdout
}

// TestTerraform has Terraform's AWS provider create a function with its URL, find nothing to change, change it in
// place, find nothing to change again, and destroy all of it.
func TestTerraform(t *testing.T) {
	s := startServer(t)
	tf := newTerraform(t, s)

	tf.must("apply", "-auto-approve")
	tf.must("plan", "-detailed-exitcode") // exit status 2 is a difference
	if out := tf.run("output", "-raw", "url"); !strings.HasPrefix(out.stdout, "http") {
		t.Errorf("the URL is %q %s", out.stdout, out.stderr)
	}

	changes := []string{"-var", "timeout=9", "-var", "auth_type=NONE"}
	if out := tf.must(append([]string{"apply", "-auto-approve"}, changes...)...); !strings.Contains(out, "aws_lambda_function.books: Modifications complete") {
		t.Errorf("the function was not changed in place:\n%s", out)
	}
	tf.must(append([]string{"plan", "-detailed-exitcode"}, changes...)...)

	tf.must(append([]string{"destroy", "-auto-approve"}, changes...)...)
	if left := s.shell(t, "aws lambda list-functions --query Functions --output text; aws iam list-roles --query Roles --output text"); strings.TrimSpace(left) != "" {
		t.Errorf("after destroy there is %s", left)
	}
}
