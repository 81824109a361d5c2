//go:build unix

package interop_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestGoFunction calls a function built with aws-lambda-go through its URL.
func TestGoFunction(t *testing.T) {
	s := startServer(t)
	url := s.createFunction(t, "go-function", types.RuntimeProvidedal2023, "bootstrap", echoZip(t), types.InvokeModeBuffered)

	const body = `{"title":"café"}`
	response, text := s.call(t, http.MethodPost, url+"a%20path/x?a=1&b=2", body)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s: %s", response.Status, text)
	}
	hash := sha256.Sum256([]byte(body))
	got := decode[echo](t, text)
	got.Headers = nil
	want := echo{Method: "POST", RawPath: "/a%20path/x", RawQuery: "a=1&b=2", Body: hex.EncodeToString(hash[:]), Caller: "arn:aws:iam::" + account + ":root"}
	if !got.equal(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestLayersWithTheCLI publishes a layer, gives it to a function and calls that, as the Developer Guide types it.
func TestLayersWithTheCLI(t *testing.T) {
	need(t, "python")
	needProgram(t, "node")
	s := startServer(t)
	zipOf := func(name, text string) string {
		file := t.TempDir() + "/file"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return writeZip(t, nil, map[string]string{name: file})
	}
	layer := zipOf("nodejs/node_modules/greeting/index.js", "module.exports = 'from the layer'")
	code := zipOf("index.js", "exports.handler = async () => require('greeting')")
	cli := func(arguments string) string {
		t.Helper()
		done := run(t, s.env(), nil, installed(t, "python", "bin", "aws"), strings.Fields(arguments)...)
		if done.code != 0 {
			t.Fatalf("aws %s: exit %d, %s", arguments, done.code, done.stderr)
		}
		return strings.TrimSpace(done.stdout)
	}
	arn := cli("lambda publish-layer-version --layer-name greeting --zip-file fileb://" + layer +
		" --compatible-runtimes nodejs20.x nodejs22.x --query LayerVersionArn --output text")
	role := cli("iam create-role --role-name layered --query Role.Arn --output text --assume-role-policy-document " +
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	cli("lambda create-function --function-name layered --runtime " + string(nodeRuntime(t)) + " --handler index.handler --role " + role +
		" --zip-file fileb://" + code + " --layers " + arn)
	out := t.TempDir() + "/answer.json"
	cli("lambda invoke --function-name layered " + out)
	if answer, err := os.ReadFile(out); err != nil || string(answer) != `"from the layer"` {
		t.Errorf("the function answers %s, %v", answer, err)
	}
	if listed := cli("lambda list-layers --query Layers[].LayerName --output text"); listed != "greeting" {
		t.Errorf("layers: %s", listed)
	}
}

// TestNodeFunction calls a function in JavaScript through a buffered URL and a streaming one.
func TestNodeFunction(t *testing.T) {
	needProgram(t, "node")
	s := startServer(t)
	zip := writeZip(t, []string{"testdata/function/node"}, nil)
	runtime := nodeRuntime(t)

	t.Run("buffered", func(t *testing.T) {
		url := s.createFunction(t, "node-buffered", runtime, "index.handler", zip, types.InvokeModeBuffered)
		response, text := s.call(t, http.MethodPost, url+"orders?q=a%20b&q=c", `{"id":1}`)
		type answer struct {
			Method, Path string
			Query        map[string]string
			Body, Caller string
		}
		got := decode[answer](t, text)
		if response.StatusCode != http.StatusOK || got.Method != "POST" || got.Path != "/orders" || got.Query["q"] != "a b,c" ||
			got.Body != `{"id":1}` || got.Caller != "arn:aws:iam::"+account+":root" {
			t.Errorf("%s: %s", response.Status, text)
		}
		if cookies := response.Header.Values("Set-Cookie"); strings.Join(cookies, " | ") != "session=one; HttpOnly | theme=dark" {
			t.Errorf("cookies %q", cookies)
		}
	})
	t.Run("streamed", func(t *testing.T) {
		url := s.createFunction(t, "node-streamed", runtime, "index.stream", zip, types.InvokeModeResponseStream)
		s.call(t, http.MethodGet, url+"?count=1&pause=0", "") // starts the environment
		const count, pause = 4, 250 * time.Millisecond
		response := s.open(t, http.MethodGet, url+"?count=4&pause=250", "")
		defer response.Body.Close()
		if response.StatusCode != http.StatusCreated || response.Header.Get("X-Streamed") != "yes" || response.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s %v", response.Status, response.Header)
		}
		// The first number has to come while the others are not yet written.
		first := make([]byte, 2)
		start := time.Now()
		if _, err := io.ReadFull(response.Body, first); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if all := string(first) + string(rest); all != "1\n2\n3\n4\n" {
			t.Errorf("streamed %q", all)
		}
		if lag := time.Since(start); lag < (count-1)*pause/2 {
			t.Errorf("the rest came %s after the first number: that is not a stream", lag)
		}
	})
}

// nodeRuntime is Lambda's name for the Node.js on PATH, or for a near one if Lambda never had it.
func nodeRuntime(t *testing.T) types.Runtime {
	t.Helper()
	major, _, _ := strings.Cut(strings.TrimPrefix(run(t, baseEnv(t.TempDir()), nil, "node", "--version").stdout, "v"), ".")
	switch major {
	case "18", "20", "22", "24":
		return types.Runtime("nodejs" + major + ".x")
	default:
		return types.RuntimeNodejs22x
	}
}

// echo is what testdata/function/echo answers.
type echo struct {
	Method   string            `json:"method"`
	RawPath  string            `json:"rawPath"`
	RawQuery string            `json:"rawQuery"`
	Body     string            `json:"body"`
	Headers  map[string]string `json:"headers"`
	Caller   string            `json:"caller"`
}

func (e echo) equal(other echo) bool {
	return e.Method == other.Method && e.RawPath == other.RawPath && e.RawQuery == other.RawQuery && e.Body == other.Body && e.Caller == other.Caller
}

func echoZip(t *testing.T) string {
	t.Helper()
	return writeZip(t, nil, map[string]string{"bootstrap": must(t, buildEcho)})
}

// createFunction creates a function with an execution role of its own and a URL with IAM auth, and returns the URL.
func (s *server) createFunction(
	t *testing.T, name string, runtime types.Runtime, handler, zip string, mode types.InvokeMode,
	changes ...func(*lambda.CreateFunctionInput),
) string {
	t.Helper()
	code, err := os.ReadFile(zip)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	config := s.config()
	role, err := iam.NewFromConfig(config).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(lambdaMayAssume)})
	if err != nil {
		t.Fatal(err)
	}
	client := lambda.NewFromConfig(config)
	input := &lambda.CreateFunctionInput{
		FunctionName: aws.String(name), Runtime: runtime, Handler: aws.String(handler), Role: role.Role.Arn,
		Code: &types.FunctionCode{ZipFile: code}, Timeout: aws.Int32(30),
	}
	for _, change := range changes {
		change(input)
	}
	if _, err := client.CreateFunction(ctx, input); err != nil {
		t.Fatal(err)
	}
	active := lambda.NewFunctionActiveV2Waiter(client, func(o *lambda.FunctionActiveV2WaiterOptions) { o.MinDelay = 50 * time.Millisecond })
	if err := active.Wait(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(name)}, time.Minute); err != nil {
		t.Fatal(err)
	}
	url, err := client.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
		FunctionName: aws.String(name), AuthType: types.FunctionUrlAuthTypeAwsIam, InvokeMode: mode,
	})
	if err != nil {
		t.Fatal(err)
	}
	return *url.FunctionUrl
}

// call sends a request signed by the AWS SDK for Go and reads the whole response.
func (s *server) call(t *testing.T, method, url, body string) (*http.Response, string) {
	t.Helper()
	response := s.open(t, method, url, body)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// open sends a request signed by the AWS SDK for Go. The caller closes the response's body.
func (s *server) open(t *testing.T, method, url, body string) *http.Response {
	t.Helper()
	return s.openWith(t, http.DefaultClient, method, url, body)
}

func (s *server) openWith(t *testing.T, client *http.Client, method, url, body string) *http.Response {
	t.Helper()
	for {
		response, err := client.Do(s.signed(t, method, url, body))
		if err != nil {
			t.Fatal(err)
		}
		if !s.patient || response.StatusCode != http.StatusTooManyRequests {
			return response
		}
		response.Body.Close()
		time.Sleep(10 * time.Millisecond)
	}
}

// alone lets a function have one environment at a time, since the applications of others would want the same port.
func (s *server) alone(t *testing.T, function string) {
	t.Helper()
	_, err := lambda.NewFromConfig(s.config()).PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{
		FunctionName: &function, ReservedConcurrentExecutions: aws.Int32(1),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// signed is a request signed by the AWS SDK for Go.
func (s *server) signed(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if json.Valid([]byte(body)) {
		request.Header.Set("Content-Type", "application/json")
	}
	config := s.config()
	keys, err := config.Credentials.Retrieve(ctx)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, keys, request, hex.EncodeToString(hash[:]), "lambda", region, time.Now()); err != nil {
		t.Fatal(err)
	}
	return request
}
