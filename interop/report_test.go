//go:build unix

package interop_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What furl writes as SARIF is valid by the schema that OASIS publishes: with findings in files and without, with what
// could not be read, and with text of strangers.
func TestSARIFSchema(t *testing.T) {
	needProgram(t, "node")
	need(t, "report")
	furl := must(t, buildFurl)
	schema, err := filepath.Abs("report/validate.js")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(text string) string {
		t.Helper()
		command := exec.CommandContext(t.Context(), "node", schema)
		command.Env = append(os.Environ(), "NODE_PATH="+installed(t, "report", "node_modules"))
		command.Stdin = strings.NewReader(text)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	if out := validate(`{"version":"2.1.0","runs":[{}]}`); !strings.Contains(out, "'tool'") {
		t.Fatalf("the schema has no objection to a run without a tool: %s", out)
	}
	const arn = "arn:aws:lambda:eu-central-1:123456789012:function:"
	policyOf := func(name, statement string) string {
		return `{"Version":"2012-10-17","Statement":[{"Sid":"s","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/a"},` +
			`"Resource":"` + arn + name + `",` + statement + `}]}`
	}
	files := map[string]string{
		"saved/half.json":  policyOf("half", `"Action":"lambda:InvokeFunctionUrl"`),
		"saved/ok.json":    policyOf("ok", `"Action":"lambda:*"`),
		"saved/url.json":   `{"FunctionUrl":"https://x/\u001b]0;\u202e%0A","FunctionArn":"` + arn + `web","AuthType":"AWS_IAM"}`,
		"saved/broken.txt": "An error occurred (AccessDeniedException) when calling the GetPolicy operation: \x1b[2J \xff ::error::",
		"fine/ok.json":     policyOf("ok", `"Action":"lambda:*"`),
		"odd name%#.json":  policyOf("half", `"Action":"lambda:InvokeFunctionUrl"`),
		"template.yaml": "Resources:\n  Web:\n    Type: AWS::Lambda::Function\n    Properties: {FunctionName: web, Runtime: python3.13, " +
			"Handler: a.b, Role: 'arn:aws:iam::123456789012:role/a', Code: {ZipFile: x}}\n  Url:\n    Type: AWS::Lambda::Url\n" +
			"    Properties: {TargetFunctionArn: !Ref Web, AuthType: NONE}\n",
	}
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range []string{
		"check --offline saved", "check --offline fine", "check --offline template.yaml", "check --offline template.yaml --quiet",
		"policy lint odd name%#.json", "policy lint fine/ok.json", "policy lint template.yaml fine/ok.json", "policy lint none.json",
		"policy lint template.yaml saved/broken.txt",
	} {
		arguments := strings.Fields(command)
		if strings.Contains(command, "odd name") {
			arguments = []string{"policy", "lint", "odd name%#.json"}
		}
		run := exec.CommandContext(t.Context(), furl, append(arguments, "--format", "sarif")...)
		run.Dir = dir
		out, _ := run.Output() // whose status is about what was found
		if wrong := validate(string(out)); wrong != "" {
			t.Errorf("%s: %s\n%s", command, wrong, out)
		}
	}
}
