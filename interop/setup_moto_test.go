//go:build unix

package interop_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// moto is a running server of the moto library: an AWS API that was not written with furl in mind. It checks neither
// signatures nor permissions, and has nothing behind its function URLs.
type moto struct {
	t        *testing.T
	home     string
	endpoint string
}

func startMoto(t *testing.T) *moto {
	t.Helper()
	need(t, "python")
	listener, err := net.Listen("tcp", "127.0.0.1:0") // a port that was free a moment ago
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m := &moto{t: t, home: filepath.Join(dir, "home"), endpoint: "http://" + address}
	if err := os.Mkdir(m.home, 0o700); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	process := exec.Command(python(t), "-m", "moto.server", "--host", "127.0.0.1", "--port", port)
	process.Env = baseEnv(m.home)
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		process.Process.Kill() //nolint:errcheck // it may have ended
		process.Wait()         //nolint:errcheck // as it was killed
	})
	const patience = time.Minute
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if response, err := http.Get(m.endpoint + "/moto-api/"); err == nil {
			response.Body.Close()
			return m
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("moto's server does not answer after %s: %s", patience, text)
		}
	}
}

// config is the AWS SDK's configuration for the server.
func (m *moto) config() aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: &m.endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAMOTO", "secret", ""),
	}
}

// furl runs furl against the server and returns what it printed. The exit status must be the one expected.
func (m *moto) furl(code int, command string) result {
	m.t.Helper()
	env := append(baseEnv(m.home), "AWS_ENDPOINT_URL="+m.endpoint, "AWS_REGION="+region, "AWS_ACCESS_KEY_ID=AKIAMOTO", "AWS_SECRET_ACCESS_KEY=secret")
	done := run(m.t, env, nil, must(m.t, buildFurl), strings.Fields(command)...)
	if done.code != code {
		m.t.Fatalf("furl %s: exit %d, want %d\n%s%s", command, done.code, code, done.stdout, done.stderr)
	}
	return done
}

// addFunction adds a function with a role of its own.
func (m *moto) addFunction(name string) {
	m.t.Helper()
	role, err := iam.NewFromConfig(m.config()).CreateRole(m.t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String(name + "-role"), Path: aws.String("/service-role/"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	code, err := os.ReadFile(writeZip(m.t, nil, map[string]string{"handler.py": filepath.Join("testdata", "function", "caller", "handler.py")}))
	if err != nil {
		m.t.Fatal(err)
	}
	_, err = lambda.NewFromConfig(m.config()).CreateFunction(m.t.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Role: role.Role.Arn, Runtime: types.RuntimePython312, Handler: aws.String("handler.handler"),
		Code: &types.FunctionCode{ZipFile: code},
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// statuses are the outcomes of the steps of furl check.
func (m *moto) statuses(code int, command string) map[string]string {
	m.t.Helper()
	type report struct {
		Steps []struct{ Step, Status string }
	}
	statuses := map[string]string{}
	for _, step := range decode[report](m.t, m.furl(code, command).stdout).Steps {
		statuses[step.Step] = step.Status
	}
	return statuses
}

func TestSetUpAgainstMoto(t *testing.T) {
	m := startMoto(t)
	m.addFunction("web")
	m.addFunction("reader")
	api := lambda.NewFromConfig(m.config())

	// A URL, made and asked for again, changed, and seen by another client.
	address := m.furl(0, "url create web").stdout
	if again := m.furl(0, "url create web").stdout; again != address {
		t.Errorf("created again it is %s, was %s", again, address)
	}
	m.furl(1, "url create web --auth NONE")
	m.furl(0, "url update web --cors-allow-origins https://a.example --cors-allow-methods GET")
	config, err := api.GetFunctionUrlConfig(t.Context(), &lambda.GetFunctionUrlConfigInput{FunctionName: aws.String("web")})
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(address) != aws.ToString(config.FunctionUrl)+"/" || config.AuthType != types.FunctionUrlAuthTypeAwsIam || !slices.Equal(config.Cors.AllowOrigins, []string{"https://a.example"}) {
		t.Errorf("%s is %+v", address, config)
	}
	// moto takes a new invoke mode and keeps the old one.
	if refused := m.furl(1, "url update web --invoke-mode RESPONSE_STREAM"); !strings.Contains(refused.stderr, "did not make it: invoke mode") {
		t.Errorf("a change that was not made: %s", refused.stderr)
	}
	if list := m.furl(0, "url list").stdout; !strings.Contains(list, strings.TrimSpace(address)) || strings.Count(list, "\n") != 1 {
		t.Errorf("the URLs are %s", list)
	}

	// A grant, planned, made and made again.
	const who = "web --to function:reader"
	if denied := m.statuses(1, "check web --json --as function:reader"); denied["InvokeFunctionUrl"] != "problem" {
		t.Errorf("before the grant: %v", denied)
	}
	if diff := m.furl(0, "grant "+who+" --dry-run").stdout; !strings.Contains(diff, `+        "AWS": "arn:aws:iam::`+account+`:role/service-role/reader-role"`) {
		t.Errorf("the diff is %s", diff)
	}
	m.furl(0, "grant "+who)
	if again := m.furl(0, "grant "+who).stdout; strings.Contains(again, "added") || strings.Count(again, "unchanged") != 2 {
		t.Errorf("granted again: %s", again)
	}
	policy, err := api.GetPolicy(t.Context(), &lambda.GetPolicyInput{FunctionName: aws.String("web")})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"lambda:InvokeFunctionUrl", `"lambda:InvokeFunction"`, "AWS_IAM", "InvokedViaFunctionUrl", "role/service-role/reader-role"} {
		if !strings.Contains(*policy.Policy, want) {
			t.Errorf("the policy does not say %s: %s", want, *policy.Policy)
		}
	}
	m.furl(0, "check --all")

	// The caller's own policy, as IAM has it.
	m.furl(0, "grant "+who+" --via identity")
	inline, err := iam.NewFromConfig(m.config()).ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: aws.String("reader-role")})
	if err != nil || len(inline.PolicyNames) != 1 || !strings.HasPrefix(inline.PolicyNames[0], "furl-call-web-") {
		t.Errorf("the role's policies are %+v, %v", inline, err)
	}
	if again := m.furl(0, "grant "+who+" --via identity").stdout; strings.Contains(again, "added") {
		t.Errorf("granted again: %s", again)
	}

	// What can be looked at is right. The host of moto's URL exists nowhere, so that nobody could call it.
	allowed := m.statuses(1, "check web --json --as function:reader")
	for step, want := range map[string]string{"url": "ok", "clock": "ok", "policies": "ok", "InvokeFunctionUrl": "ok", "InvokeFunction": "ok", "november-2026": "ok"} {
		if allowed[step] != want {
			t.Errorf("%s is %q, want %q", step, allowed[step], want)
		}
	}

	// The end of it all, twice.
	if revoked := m.furl(0, "revoke web --from function:reader").stdout; strings.Count(revoked, "removed") != 3 {
		t.Errorf("revoked: %s", revoked)
	}
	if again := m.furl(0, "revoke web --from function:reader").stdout; strings.Contains(again, "removed") {
		t.Errorf("revoked again: %s", again)
	}
	m.furl(0, "url delete web")
	m.furl(0, "url delete web")
	m.furl(1, "url get web")
}
