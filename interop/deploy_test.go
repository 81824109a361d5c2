//go:build unix

package interop_test

import (
	"cmp"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// project is a directory with the files of a project that a tool deploys.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// asAdmin is the server for clients that have what `furl env` prints: tools assume roles, and root may not.
func (s *server) asAdmin(t *testing.T) *server {
	t.Helper()
	admin := *s
	var ok bool
	if admin.vars, ok = s.variables(account, "--user", "admin"); !ok {
		t.Fatal("furl env does not know the user admin")
	}
	return &admin
}

// TestCargoLambda deploys a function with `cargo lambda deploy`, once to create it and once to update it, and calls the
// URL that it prints. The binary is one in Go, so that nothing is compiled with Rust: cargo only reads the manifest.
func TestCargoLambda(t *testing.T) {
	t.Parallel() // it waits most of the time, as the next test does
	need(t, "python")
	needProgram(t, "cargo")
	s := startServer(t).asAdmin(t)
	dir := project(t, map[string]string{
		"Cargo.toml": "[package]\nname = \"books\"\nversion = \"0.1.0\"\nedition = \"2021\"\n", "src/main.rs": "fn main() {}\n",
	})
	home := os.Getenv("HOME") // rustup finds its toolchain there
	toolchain := []string{
		"RUSTUP_HOME=" + cmp.Or(os.Getenv("RUSTUP_HOME"), filepath.Join(home, ".rustup")),
		"CARGO_HOME=" + cmp.Or(os.Getenv("CARGO_HOME"), filepath.Join(home, ".cargo")),
	}
	type deployed struct {
		FunctionARN string `json:"function_arn"`
		FunctionURL string `json:"function_url"`
		Version     string `json:"version"`
		Alias       string `json:"alias"`
	}
	deploy := func(flags string) deployed {
		t.Helper()
		out := s.shell(t, "cd "+dir+" && cargo-lambda lambda deploy --output-format json --endpoint-url "+s.endpoint()+
			" --binary-path "+must(t, buildEcho)+" "+flags+" books", toolchain...)
		_, answer, _ := strings.Cut(out, "{") // after its progress
		return decode[deployed](t, "{"+answer)
	}

	first := deploy("--enable-function-url --alias live")
	if first.FunctionARN != "arn:aws:lambda:"+region+":"+account+":function:books" || first.Version != "1" || first.Alias != "live" {
		t.Errorf("first %+v", first)
	}
	// The URL is for everyone: cargo-lambda makes it with the auth type NONE and permits that.
	response, err := http.Get(first.FunctionURL + "a/b?c=d")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", first.FunctionURL, response.Status)
	}

	second := deploy("--enable-function-url --alias live --timeout 9 --tag team=blue")
	if second.Version != "2" || second.FunctionURL != first.FunctionURL {
		t.Errorf("second %+v", second)
	}
	got, err := lambda.NewFromConfig(s.config()).GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{
		FunctionName: aws.String("books"), Qualifier: aws.String("live"),
	})
	if err != nil || aws.ToString(got.Version) != "2" || aws.ToInt32(got.Timeout) != 9 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestChalice deploys an application without an API with `chalice deploy`, invokes it, deploys a change, and deletes it.
func TestChalice(t *testing.T) {
	t.Parallel()
	need(t, "python")
	s := startServer(t).asAdmin(t)
	app := func(greeting string) string {
		return "from chalice import Chalice\n\napp = Chalice(app_name='greeter')\n\n\n@app.lambda_function()\n" +
			"def hello(event, context):\n    return {'" + greeting + "': event['name']}\n"
	}
	dir := project(t, map[string]string{
		"app.py": app("hello"), "requirements.txt": "", ".chalice/config.json": `{"version":"2.0","app_name":"greeter","stages":{"dev":{}}}`,
	})
	chalice := func(command string) string {
		t.Helper()
		return s.shell(t, "cd "+dir+" && chalice "+command)
	}
	const arn = "arn:aws:lambda:" + region + ":" + account + ":function:greeter-dev-hello"
	if out := chalice("deploy"); !strings.Contains(out, "Lambda ARN: "+arn) {
		t.Error(out)
	}
	invoke := func() string { return chalice(`invoke --name hello <<'EOF'` + "\n" + `{"name":"ann"}` + "\nEOF") }
	if out := invoke(); out != `{"hello": "ann"}` {
		t.Errorf("it answers %s", out)
	}
	if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(app("good morning")), 0o600); err != nil {
		t.Fatal(err)
	}
	chalice("deploy")
	if out := invoke(); out != `{"good morning": "ann"}` {
		t.Errorf("after an update it answers %s", out)
	}
	chalice("delete")
	if left := s.shell(t, "aws lambda list-functions --query Functions --output text; aws iam list-roles --query Roles --output text"); strings.TrimSpace(left) != "" {
		t.Errorf("after chalice delete there is %s", left)
	}
}
