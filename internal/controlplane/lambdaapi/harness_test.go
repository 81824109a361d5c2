//go:build unix

package lambdaapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

const (
	region  = "eu-west-1"
	account = planetest.Account
	other   = planetest.Other

	role   = "arn:aws:iam::" + account + ":role/service-role/exec"
	prefix = "arn:aws:lambda:" + region + ":" + account + ":function:"
)

// server is the Lambda API behind the real control plane, with everything else faked.
type server struct {
	t     testing.TB
	plane *planetest.Server
	world *state.State
	fakes
}

// fakes stand for what the API only knows as interfaces.
type fakes struct {
	code    *fakeCode
	invoker *fakeInvoker
}

// start starts a server in which an account has a root user, a role that trusts Lambda and one that does not.
func start(t testing.TB) *server { return startWith(t, func(*lambdaapi.Config) {}) }

// startWith is start with another configuration of the API.
func startWith(t testing.TB, change func(*lambdaapi.Config)) *server {
	t.Helper()
	s := &server{t: t, fakes: fakes{&fakeCode{}, &fakeInvoker{}}}
	s.plane = planetest.New(t, s.api(change))
	s.plane.Advance(123 * time.Millisecond)
	s.world = s.plane.State
	s.addRole("exec", "/service-role/", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`)
	s.addRole("not-for-lambda", "/", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`)
	return s
}

func (s *server) api(change func(*lambdaapi.Config)) controlplane.API {
	s.t.Helper()
	config := lambdaapi.Config{Code: s.code, Links: links{}, Runtimes: runtimes{}, Invoker: s.invoker}
	change(&config)
	api, err := lambdaapi.New(config)
	if err != nil {
		s.t.Fatal(err)
	}
	return api
}

func (s *server) update(change func(*state.Tx) error) {
	s.t.Helper()
	if err := s.world.Update(context.Background(), change); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) addRole(name, path, trust string) *iam.Role {
	s.t.Helper()
	parsed, err := iam.ParsePolicy(trust, policy.Trust)
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := iam.NewID(strings.NewReader(name+strings.Repeat("-", 64)), iam.PrefixRole)
	if err != nil {
		s.t.Fatal(err)
	}
	role := &iam.Role{Account: account, Name: name, Path: path, ID: id, Trust: parsed}
	s.update(func(tx *state.Tx) error { return tx.Put(role) })
	return role
}

// addUser adds a user with one inline policy, given as its statements, and returns the user's key.
func (s *server) addUser(accountID, name, statements string) sigv4.Credentials {
	s.t.Helper()
	key := iam.AccessKey{ID: "AKIA" + strings.ToUpper(name) + accountID, Secret: "secret of " + name}
	user := &iam.User{Account: accountID, Name: name, Path: "/", ID: "AIDA" + strings.ToUpper(name) + accountID, Keys: []iam.AccessKey{key}}
	if statements != "" {
		parsed, err := iam.ParsePolicy(`{"Version":"2012-10-17","Statement":[`+statements+`]}`, policy.Identity)
		if err != nil {
			s.t.Fatal(err)
		}
		user.Inline = map[string]iam.Policy{"test": parsed}
	}
	s.update(func(tx *state.Tx) error { return tx.Put(user) })
	return sigv4.Credentials{AccessKeyID: key.ID, Secret: sigv4.NewSecret(key.Secret)}
}

// answer is a response, read.
type answer struct {
	status int
	name   string // x-amzn-ErrorType
	body   string
	header http.Header
}

// request is a request to the API. The zero credentials are those of the account's root user.
type request struct {
	method, path, body string
	header             map[string]string
	as                 sigv4.Credentials
	region             string
}

func (s *server) do(r request) answer {
	s.t.Helper()
	made, err := http.NewRequest(r.method, s.plane.URL+r.path, strings.NewReader(r.body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range r.header {
		made.Header.Set(name, value)
	}
	if r.as.AccessKeyID == "" {
		r.as = s.plane.Root(account)
	}
	if r.region == "" {
		r.region = region
	}
	signer := &sigv4.Signer{Region: r.region, Service: "lambda", Now: s.plane.Now}
	if _, err := signer.Sign(made, r.as, sigv4.PayloadBytes([]byte(r.body))); err != nil {
		s.t.Fatal(err)
	}
	return s.send(made)
}

func (s *server) send(r *http.Request) answer {
	s.t.Helper()
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header.Get("x-amzn-ErrorType"), string(body), response.Header}
}

// must is do for requests that a test only makes to get somewhere.
func (s *server) must(r request) answer {
	s.t.Helper()
	got := s.do(r)
	if got.status >= 300 {
		s.t.Fatalf("%s %s: %d %s %s", r.method, r.path, got.status, got.name, got.body)
	}
	return got
}

// create creates a function that is like others.
func (s *server) create(name string) {
	s.t.Helper()
	s.must(request{method: "POST", path: "/2015-03-31/functions", body: createBody(name, "")})
}

// createBody is the body of a CreateFunction request with further members, each preceded by a comma.
func createBody(name, more string) string {
	return `{"FunctionName":"` + name + `","Runtime":"provided.al2023","Handler":"bootstrap","Role":"` + role +
		`","Code":{"ZipFile":"` + base64.StdEncoding.EncodeToString([]byte("zip of "+name)) + `"}` + more + `}`
}

func (s *server) function(name string) *lambda.Function {
	s.t.Helper()
	function, ok := s.world.Now().Function(lambda.ARN{Region: region, Account: account, Name: name})
	if !ok {
		s.t.Fatalf("there is no function %s", name)
	}
	return function
}

// target is what the name with the qualifier stands for.
func (s *server) target(name, qualifier string) resolve.Target {
	s.t.Helper()
	target, err := resolve.Of(s.world.Now(), s.function(name), qualifier)
	if err != nil {
		s.t.Fatal(err)
	}
	return target
}

// member is a string member of a JSON object.
func member(t testing.TB, object, name string) string {
	t.Helper()
	var parsed map[string]any
	if err := json.Unmarshal([]byte(object), &parsed); err != nil {
		t.Fatalf("%v: %s", err, object)
	}
	text, ok := parsed[name].(string)
	if !ok {
		t.Fatalf("no string member %s: %s", name, object)
	}
	return text
}

type fakeCode struct {
	err      error
	puts     int
	unzipped map[string]int64
}

func (f *fakeCode) Put(_ context.Context, zip []byte) (code.Package, error) {
	f.puts++
	if f.err != nil {
		return code.Package{}, f.err
	}
	sum := sha256.Sum256(zip)
	return code.Package{SHA256: base64.StdEncoding.EncodeToString(sum[:]), Hex: hex.EncodeToString(sum[:]), Size: int64(len(zip))}, nil
}

// Unzipped takes what is kept for as large as the test says.
func (f *fakeCode) Unzipped(hex string) (int64, error) { return f.unzipped[hex], nil }

type fakeInvoker struct {
	mu       sync.Mutex
	calls    []invoke.Request
	async    []invoke.Request
	retired  []string
	reloaded []string

	provisioned []string
	ready       int
	failed      bool
	tails       int // how often the end of the log was asked for
	result      result
	err         error
}

// result is how the function answers.
type result struct {
	Payload       []byte
	FunctionError string
	Reason        runtime.Reason // of the FunctionError
	LogTail       []byte
	Stream        io.ReadCloser // the answer of a function that streams, instead of Payload
}

func (f *fakeInvoker) Invoke(_ context.Context, in invoke.Request) (*runtime.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, in)
	if f.err != nil {
		return nil, f.err
	}
	answer := &runtime.Result{Body: io.NopCloser(bytes.NewReader(f.result.Payload)), Version: in.Target.Pick(0).Number}
	answer.Ended = func() (runtime.Report, []byte) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.tails++
		return runtime.Report{}, f.result.LogTail
	}
	if f.result.FunctionError != "" {
		answer.FunctionError = &runtime.FunctionError{Kind: f.result.FunctionError, Payload: f.result.Payload, Reason: f.result.Reason}
	}
	if answer.ContentType = "application/json"; f.result.Stream != nil {
		answer.Body, answer.ContentType, answer.ResponseMode = f.result.Stream, "application/x-books", runtime.ModeStreaming
	}
	return answer, nil
}

func (f *fakeInvoker) Enqueue(in invoke.Request) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.async = append(f.async, in)
	return f.err
}

func (f *fakeInvoker) Retire(name lambda.ARN) { f.retired = append(f.retired, name.String()) }

func (f *fakeInvoker) Provision(name lambda.ARN) {
	f.provisioned = append(f.provisioned, name.String())
}

func (f *fakeInvoker) Provisioned(lambda.ARN) (ready int, failed bool) { return f.ready, f.failed }

func (f *fakeInvoker) Reload(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reloaded = append(f.reloaded, dir)
}

type links struct{}

func (links) CodeURL(hex string) string { return "http://furl.test/code/" + hex }

type runtimes struct{}

func (runtimes) Supported(_ context.Context, runtime string) error {
	if strings.HasPrefix(runtime, "java") {
		return errors.New("java21 functions need a Java 21 runtime on PATH: install one and start furl again")
	}
	return nil
}

func (links) FunctionURL(id, region string) string {
	return "http://" + id + ".lambda-url." + region + ".localhost:9000/"
}
