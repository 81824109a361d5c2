//go:build unix

// Package setuptest runs Lambda, IAM, STS and function URLs for tests of what sets functions up from outside: the real
// planes, with their signatures and policies, over a store in memory, and the AWS SDK as the client.
//
//	world := setuptest.New(t)
//	world.AddRole(planetest.Account, "caller", "")
//	client := world.Client(world.Root(planetest.Account))
//
// Functions are there without code: one that is called answers "called".
package setuptest

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/controlplane/iamapi"
	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/controlplane/stsapi"
	"github.com/furl-dev/furl/internal/dataplane"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

// Region is where all functions are.
const Region = "eu-central-1"

// World is a running server.
type World struct {
	*planetest.Server
	Traces *trace.Recorder // of calls of function URLs

	t    testing.TB
	data *httptest.Server
}

// New starts a server with the accounts of planetest, which ends with the test.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{Traces: &trace.Recorder{}, t: t}
	api := must(lambdaapi.New(lambdaapi.Config{Code: absent{}, Links: w, Runtimes: absent{}, Invoker: noInvoke{}}))(t)
	w.Server = planetest.New(t, api, iamapi.New(iamapi.Config{Random: rand.Reader}), stsapi.New(stsapi.Config{Random: rand.Reader}))
	w.SetTrueTime()
	w.data = httptest.NewServer(&dataplane.Plane{
		State: w.State, Gate: &auth.Gate{State: w.State, Now: w.Now}, Invoker: answers{}, Traces: w.Traces,
		Log: slog.New(slog.DiscardHandler), Now: w.Now, Suffixes: []string{"localhost"},
		Explain: func(id string) string { return "http://furl.test" + furlproto.Requests + "/" + id },
	})
	t.Cleanup(w.data.Close)
	return w
}

// FunctionURL is the address of a function URL, in path style.
func (w *World) FunctionURL(id, _ string) string { return w.data.URL + furlproto.URLs + id + "/" }

// CodeURL is the address of nothing: there is no code.
func (w *World) CodeURL(string) string { return "" }

// Client is the API as the owner of the key sees it.
func (w *World) Client(key sigv4.Credentials) *awsapi.Client { return awsapi.New(w.Config(key)) }

// Config is the configuration of such a client.
func (w *World) Config(key sigv4.Credentials) aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: aws.String(w.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.Secret.Reveal(), SessionToken: key.SessionToken}, nil
		}),
		// An answer that comes before the SDK is done with its request may break off ("use of closed network connection").
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.Retryables = []retry.IsErrorRetryable{retry.RetryableConnectionError{}}
			})
		},
	}
}

// Update changes the world.
func (w *World) Update(change func(tx *state.Tx) error) {
	w.t.Helper()
	if err := w.State.Update(context.Background(), change); err != nil {
		w.t.Fatal(err)
	}
}

// AddRole adds a role that Lambda and its own account may assume, with an inline policy named "own" of the statements.
func (w *World) AddRole(account, path, name, statements string) *iam.Role {
	w.t.Helper()
	trust := must(iam.ParsePolicy(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":`+
		`"lambda.amazonaws.com","AWS":"`+account+`"},"Action":"sts:AssumeRole"}}`, policy.Trust))(w.t)
	role := &iam.Role{
		Account: account, Path: path, Name: name, ID: must(iam.NewID(rand.Reader, iam.PrefixRole))(w.t),
		Created: w.Now(), Trust: trust, MaxSession: time.Hour, Grants: w.grants(statements),
	}
	w.Update(func(tx *state.Tx) error { return tx.Put(role) })
	return role
}

// AddUser adds a user, with an inline policy named "own" of the statements, and returns the user's key.
func (w *World) AddUser(account, name, statements string) sigv4.Credentials {
	w.t.Helper()
	key := must(iam.NewAccessKey(rand.Reader, w.Now()))(w.t)
	user := &iam.User{
		Account: account, Path: "/", Name: name, ID: must(iam.NewID(rand.Reader, iam.PrefixUser))(w.t),
		Created: w.Now(), Keys: []iam.AccessKey{key}, Grants: w.grants(statements),
	}
	w.Update(func(tx *state.Tx) error { return tx.Put(user) })
	return sigv4.Credentials{AccessKeyID: key.ID, Secret: sigv4.NewSecret(key.Secret)}
}

// must is the value, or the end of the test.
func must[T any](value T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func (w *World) grants(statements string) iam.Grants {
	w.t.Helper()
	if statements == "" {
		return iam.Grants{}
	}
	own := must(iam.ParsePolicy(`{"Version":"2012-10-17","Statement":[`+statements+`]}`, policy.Identity))(w.t)
	return iam.Grants{Inline: map[string]iam.Policy{"own": own}}
}

// AddFunction adds a function with the execution role.
func (w *World) AddFunction(account, name string, role *iam.Role) lambda.ARN {
	w.t.Helper()
	arn := lambda.ARN{Region: Region, Account: account, Name: name}
	w.Update(func(tx *state.Tx) error {
		return tx.Put(&lambda.Function{
			ARN: arn,
			Configuration: lambda.Configuration{
				Runtime: "provided.al2023", Handler: "bootstrap", Role: role.ARN(), RoleID: role.ID,
				Timeout: time.Second, MemoryMB: 128, EphemeralMB: 512, Architecture: "x86_64", LastModified: w.Now(),
			},
		})
	})
	return arn
}

// ChangeFunction changes a function in ways that the API may not have.
func (w *World) ChangeFunction(arn lambda.ARN, change func(*lambda.Function)) {
	w.t.Helper()
	w.Update(func(tx *state.Tx) error {
		now, ok := tx.View().Function(arn)
		if !ok {
			w.t.Fatalf("there is no function %s", arn)
		}
		changed := now.Clone()
		change(changed)
		return tx.Put(changed)
	})
}

// absent stands for what is behind the planes: no code, no runtimes.
type absent struct{}

func (absent) Put(context.Context, []byte) (code.Package, error) {
	return code.Package{}, code.ErrNotZip
}
func (absent) Unzipped(string) (int64, error)          { return 0, nil }
func (absent) Supported(context.Context, string) error { return nil }

// noInvoke is the Invoke API without functions to invoke.
type noInvoke struct{}

func (noInvoke) Invoke(context.Context, invoke.Request) (*runtime.Result, error) {
	return nil, io.ErrUnexpectedEOF
}

func (noInvoke) Enqueue(invoke.Request) error       { return io.ErrUnexpectedEOF }
func (noInvoke) Provision(lambda.ARN)               {}
func (noInvoke) Provisioned(lambda.ARN) (int, bool) { return 0, false }
func (noInvoke) Reload(string)                      {}
func (noInvoke) Retire(lambda.ARN)                  {}

// answers is what is behind every function URL.
type answers struct{}

func (answers) Invoke(context.Context, invoke.Request) (*runtime.Result, error) {
	return &runtime.Result{Body: io.NopCloser(strings.NewReader(`"called"`)), ContentType: "application/json"}, nil
}
