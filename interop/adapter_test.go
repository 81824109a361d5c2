//go:build unix

package interop_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

// adapterBootstrap is the bootstrap of the adapter's public layer (awslabs/aws-lambda-web-adapter, layer/bootstrap).
const adapterBootstrap = "#!/bin/bash\nexec -- \"${LAMBDA_TASK_ROOT}/${_HANDLER}\"\n"

// adapterLayer packs the adapter as its public layer has it. It skips the test if the adapter is not installed, also
// under FURL_STRICT: it takes minutes to build, so CI does not.
func adapterLayer(t *testing.T) []byte {
	t.Helper()
	needProgram(t, "bash")
	out, err := exec.CommandContext(t.Context(), "./install.sh", "--check", "adapter").CombinedOutput()
	if err != nil {
		t.Skipf("no Lambda Web Adapter: run interop/install.sh adapter (%s)", strings.TrimSpace(string(out)))
	}
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(bootstrap, []byte(adapterBootstrap), 0o755); err != nil {
		t.Fatal(err)
	}
	programs, err := filepath.Glob(".env/adapter/*/bin/lambda-adapter")
	if err != nil || len(programs) != 1 {
		t.Fatal(programs, err)
	}
	code, err := os.ReadFile(writeZip(t, nil, map[string]string{"bootstrap": bootstrap, "extensions/lambda-adapter": programs[0]}))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// publishAdapter publishes the adapter, and returns the layer's ARN.
func (s *server) publishAdapter(t *testing.T, content []byte) string {
	t.Helper()
	layer, err := lambda.NewFromConfig(s.config()).PublishLayerVersion(t.Context(), &lambda.PublishLayerVersionInput{
		LayerName: aws.String("LambdaAdapterLayerX86"), Content: &types.LayerVersionContentInput{ZipFile: content},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *layer.LayerVersionArn
}

// adapted is a function that serves testdata/adapter through the adapter, with a URL.
func (s *server) adapted(t *testing.T, name string, runtime types.Runtime, layer string, mode types.InvokeMode, env map[string]string) string {
	t.Helper()
	return s.createFunction(t, name, runtime, "run.sh", writeZip(t, []string{"testdata/adapter"}, nil), mode, func(in *lambda.CreateFunctionInput) {
		in.Layers, in.Environment = []string{layer}, &types.Environment{Variables: env}
	})
}

// The Lambda Web Adapter of crates.io runs as it is, as an extension in a layer: it takes the events in place of the
// runtime, which is the web application itself.
func TestWebAdapter(t *testing.T) {
	needProgram(t, "python3")
	content := adapterLayer(t)
	s := startServer(t)
	layer := s.publishAdapter(t, content)
	for name, row := range map[string]struct {
		runtime types.Runtime
		env     map[string]string
	}{
		"managed":  {types.RuntimePython313, map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap", "PORT": "18081"}},
		"provided": {types.RuntimeProvidedal2023, map[string]string{"AWS_LWA_PORT": "18082", "PORT": "18082"}},
	} {
		t.Run(name, func(t *testing.T) {
			url := s.adapted(t, name, row.runtime, layer, types.InvokeModeBuffered, row.env)
			var first float64
			for i, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
				body := ""
				if method == http.MethodPost {
					body = "grüße"
				}
				response, text := s.call(t, method, url+"a/b%20c?x=1&y=%2F", body)
				var got map[string]any
				if err := json.Unmarshal([]byte(text), &got); err != nil {
					t.Fatal(response.Status, text)
				}
				if i == 0 {
					first, _ = got["pid"].(float64)
				}
				if got["pid"] != first || first == 0 {
					t.Errorf("process %v, and %v at first", got["pid"], first)
				}
				context, _ := got["context"].(map[string]any)
				if context["method"] != method {
					t.Errorf("request context %v", context)
				}
				delete(got, "pid")
				delete(got, "context")
				want := map[string]any{
					"method": method, "path": "/a/b%20c?x=1&y=%2F", "body": body, "agent": nil, "function": name,
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				if response.StatusCode != http.StatusCreated || response.Header.Get("Set-Cookie") != "session=one" {
					t.Errorf("%s %v", response.Status, response.Header)
				}
			}
		})
	}
	t.Run("streamed", func(t *testing.T) {
		url := s.adapted(t, "streamed", types.RuntimeProvidedal2023, layer, types.InvokeModeResponseStream,
			map[string]string{"PORT": "18083", "AWS_LWA_INVOKE_MODE": "response_stream"})
		response := s.open(t, http.MethodGet, url+"stream", "")
		defer response.Body.Close()
		piece := make([]byte, 2)
		if _, err := io.ReadFull(response.Body, piece); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		rest, err := io.ReadAll(response.Body)
		if all := string(piece) + string(rest); err != nil || all != "0\n1\n2\n" {
			t.Errorf("%q, %v", all, err)
		}
		if lag := time.Since(begin); lag < 500*time.Millisecond {
			t.Errorf("the rest came %s after the first number: that is not a stream", lag)
		}
	})
	log := run(t, s.env(), nil, must(t, buildFurl), "logs", "managed").stdout
	for _, want := range []string{"EXTENSION\tName: lambda-adapter\tState: Ready\tEvents: []", `app: "GET /a/b%20c?x=1&y=%2F HTTP/1.1" 201 -`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q:\n%s", want, log)
		}
	}
	if n := strings.Count(log, "REPORT RequestId: "); n != 3 {
		t.Errorf("%s", fmt.Sprint(n, " reports:\n", log))
	}
}
