//go:build unix

package interop_test

import (
	"bytes"
	"fmt"
	"net/http"
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
// install.sh could install: the test skips without them.
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
	installation := providerInstallation()
	if installation == nil {
		t.Skip("no AWS provider for Terraform: name its mirror in FURL_TERRAFORM_PLUGINS, or a CLI configuration in TF_CLI_CONFIG_FILE")
	}
	files := map[string][]byte{"main.tf": configuration, "cli.tfrc": installation}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, zip := range map[string]string{
		"books.zip": echoZip(t), "layer.zip": writeZip(t, nil, map[string]string{"share/main.tf": "testdata/terraform/main.tf"}),
	} {
		if err := os.Rename(zip, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	tf := &terraform{t, dir, append(s.env(), "TF_CLI_CONFIG_FILE="+filepath.Join(dir, "cli.tfrc"), "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")}
	if done := tf.run("init"); done.code != 0 && !bytes.Contains(installation, []byte("dev_overrides")) { // which need no init
		t.Skipf("terraform init: %s", done.stderr)
	}
	return tf
}

// providerInstallation is a CLI configuration that says where the provider is: the user's, or one for the mirror that
// FURL_TERRAFORM_PLUGINS names, that is below /opt, or that Terraform looks in by itself; nil if there is none.
// Without one Terraform would download the provider.
func providerInstallation() []byte {
	if text, err := os.ReadFile(os.Getenv("TF_CLI_CONFIG_FILE")); err == nil {
		return text
	}
	mirror := os.Getenv("FURL_TERRAFORM_PLUGINS")
	const provider = "/registry.terraform.io/hashicorp/aws"
	for _, dir := range []string{"/opt/*", os.Getenv("HOME") + "/.terraform.d/plugins", "/usr/share/terraform/plugins"} {
		if found, _ := filepath.Glob(dir + provider); mirror == "" && len(found) > 0 {
			mirror = strings.TrimSuffix(found[0], provider)
		}
	}
	if mirror == "" {
		return nil
	}
	return fmt.Appendf(nil, "provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
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

// TestTerraform has Terraform's AWS provider create a function with its layer, versions, an alias with its URL and
// permissions, concurrency and settings of events, find nothing to change, change it in place, find nothing to change
// again, and destroy all of it.
func TestTerraform(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--url-style", "host") // the provider reads the URL's id from its host name
	tf := newTerraform(t, s)

	// unchanged fails if what the provider reads is not what it has written. Exit status 2 is a difference.
	unchanged := func(variables ...string) {
		t.Helper()
		if done := tf.run(append([]string{"plan", "-detailed-exitcode", "-input=false"}, variables...)...); done.code != 0 {
			t.Errorf("terraform plan: exit %d\n%s%s", done.code, done.stdout, done.stderr)
		}
	}
	output := func(name string) string {
		t.Helper()
		return tf.run("output", "-raw", name).stdout
	}

	tf.must("apply", "-auto-approve")
	unchanged()
	url := output("url")
	if id := output("url_id"); !strings.HasPrefix(url, "http://"+id+".lambda-url."+region+".") {
		t.Errorf("the id of %s is %q", url, id)
	}
	if version := output("version"); version != "1" {
		t.Errorf("the alias is of version %s", version)
	}
	request := s.signed(t, http.MethodGet, url, "")
	request.Host, request.URL.Host = request.URL.Host, "127.0.0.1:"+request.URL.Port() // not every resolver knows names below localhost
	if response, err := http.DefaultClient.Do(request); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", response, err)
	} else {
		response.Body.Close()
	}

	changes := []string{"-var=timeout=9", "-var=auth_type=NONE", "-var=reserved=7", "-var=retries=0", "-var=provisioned=2"}
	out := tf.must(append([]string{"apply", "-auto-approve"}, changes...)...)
	for _, resource := range []string{
		"function.books", "alias.live", "function_url.books", "function_event_invoke_config.books", "provisioned_concurrency_config.live",
	} {
		if !strings.Contains(out, "aws_lambda_"+resource+": Modifications complete") {
			t.Errorf("aws_lambda_%s was not changed in place:\n%s", resource, out)
		}
	}
	unchanged(changes...)
	if again := output("url"); again != url {
		t.Errorf("the URL was %s and is %s", url, again)
	}
	if version := output("version"); version != "2" {
		t.Errorf("after an update the alias is of version %s", version)
	}

	tf.must(append([]string{"destroy", "-auto-approve"}, changes...)...)
	left := s.shell(t, "aws lambda list-functions --query Functions --output text; aws lambda list-layers --query Layers --output text; "+
		"aws iam list-roles --query Roles --output text; aws iam list-users --query 'Users[?UserName!=`admin`]' --output text")
	if strings.TrimSpace(left) != "" {
		t.Errorf("after destroy there is %s", left)
	}
}
