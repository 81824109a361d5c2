//go:build unix

package runtime_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
)

func TestEnvironmentVariables(t *testing.T) {
	t.Setenv("FURL_TEST_SECRET", "of the server")
	b := newBench(t, func(c *runtime.Config) {
		c.ExtraEnv = map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:9000", "SHADOWED": "by the user"}
	})
	fn := b.function("main", func(fn *runtime.Function) {
		fn.Environment = map[string]string{"TABLE": "books", "TZ": "Europe/Berlin", "SHADOWED": "", "AWS_REGION": "mars-1", "_HANDLER": "evil",
			"AWS_EXECUTION_ENV": "x", "AWS_LAMBDA_MAX_CONCURRENCY": "9", "AWS_ACCESS_KEY": "x"}
		fn.Credentials = func(context.Context) (runtime.Credentials, error) {
			return runtime.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret", SessionToken: "token"}, nil
		}
	})
	body, _, _ := b.invoke(fn, order{Do: "environment"})
	var list []string
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, assignment := range list {
		name, value, _ := strings.Cut(assignment, "=")
		got[name] = value
	}
	home := got["HOME"]
	want := map[string]string{
		"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
		"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
		"AWS_LAMBDA_FUNCTION_NAME": "fn-main", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/fn-main",
		"AWS_LAMBDA_LOG_STREAM_NAME": got["AWS_LAMBDA_LOG_STREAM_NAME"], "AWS_LAMBDA_RUNTIME_API": got["AWS_LAMBDA_RUNTIME_API"],
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR", "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
		"_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1", "_AWS_XRAY_DAEMON_PORT": "2000",
		"HOME": home, "TMPDIR": home, "LANG": "en_US.UTF-8", "TZ": "Europe/Berlin",
		"LAMBDA_RUNTIME_DIR": got["LAMBDA_RUNTIME_DIR"], "LAMBDA_TASK_ROOT": fn.CodeDir,
		"LD_LIBRARY_PATH": fn.CodeDir + ":" + fn.CodeDir + "/lib:/opt/lib", "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"SHADOWED": "", "TABLE": "books", "_HANDLER": "main",
	}
	delete(got, "_X_AMZN_TRACE_ID") // set by the runtime, with every event
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(got["AWS_LAMBDA_RUNTIME_API"], "127.0.0.1:") {
		t.Errorf("AWS_LAMBDA_RUNTIME_API = %q", got["AWS_LAMBDA_RUNTIME_API"])
	}
	if cwd, _, _ := b.invoke(fn, order{Do: "cwd"}); cwd != `"`+fn.CodeDir+`"` {
		t.Errorf("working directory = %s, want %s", cwd, fn.CodeDir)
	}
}

// What a function is given and what its configuration may not set come from one list.
func TestReservedVariablesAreThoseThatAConfigurationCannotChange(t *testing.T) {
	b := newBench(t)
	environment := func(fn *runtime.Function) map[string]string {
		t.Helper()
		body, _, _ := b.invoke(fn, order{Do: "environment"})
		var list []string
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		got := map[string]string{}
		for _, assignment := range list {
			name, value, _ := strings.Cut(assignment, "=")
			got[name] = value
		}
		return got
	}
	given := environment(b.function("main"))
	delete(given, "GORACE") // the function is this test
	for _, name := range []string{"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_EXECUTION_ENV", "AWS_LAMBDA_MAX_CONCURRENCY"} {
		given[name] = "" // given to others
	}
	own := map[string]string{}
	for name := range given {
		own[name] = "of the user"
	}
	got := environment(b.function("main", func(fn *runtime.Function) { fn.Key, fn.Environment = "changed", own }))
	for name := range given {
		if changed := got[name] == "of the user"; changed == lambda.ReservedVariable(name) {
			t.Errorf("%s is reserved: %t, and can be changed: %t", name, lambda.ReservedVariable(name), changed)
		}
	}
}

func TestDeadline(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", within(3*time.Second))
	for range 2 {
		body, _, _ := b.invoke(fn, order{Do: "deadline"})
		left := 0
		if err := json.Unmarshal([]byte(body), &left); err != nil || left < 2500 || left > 3000 {
			t.Errorf("%s ms left, want almost 3000", body)
		}
	}
}
