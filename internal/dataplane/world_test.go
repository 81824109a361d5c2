//go:build unix

package dataplane_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/dataplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

const (
	here   = "111111111111" // account of the function
	there  = "222222222222" // another account
	region = "eu-central-1"
	urlID  = "abcdefghijklmnopqrstuvwxy20fghij"
)

// world is a data plane over a state of two accounts, with a function that a test may do anything to.
type world struct {
	t      testing.TB
	state  *state.State
	plane  *dataplane.Plane
	server *httptest.Server
	traces *trace.Recorder
	runner *runner
	log    *bytes.Buffer

	handled chan struct{} // one for each request whose handler has returned
}

// runner is an Invoker that answers what a test tells it to.
type runner struct {
	requests []invoke.Request
	result   func(invoke.Request) (*runtime.Result, error)
}

func (r *runner) Invoke(_ context.Context, request invoke.Request) (*runtime.Result, error) {
	r.requests = append(r.requests, request)
	return r.result(request)
}

// payload is a result with the bytes as the function's answer.
func payload(text string) func(invoke.Request) (*runtime.Result, error) {
	return func(invoke.Request) (*runtime.Result, error) {
		return &runtime.Result{Body: io.NopCloser(strings.NewReader(text)), ContentType: "application/json"}, nil
	}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db, err := store.Open(t.Context(), store.Memory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	current, err := state.Load(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, state: current, traces: &trace.Recorder{}, runner: &runner{result: payload(`"ok"`)}, log: &bytes.Buffer{}, handled: make(chan struct{}, 100)}
	w.plane = &dataplane.Plane{
		State: current, Gate: &auth.Gate{State: current}, Invoker: w.runner, Traces: w.traces,
		Log: slog.New(slog.NewTextHandler(w.log, nil)), Now: time.Now,
		Suffixes: []string{"localhost", "on.aws"},
		Explain:  func(id string) string { return "http://here/_furl/requests/" + id },
	}
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer func() { w.handled <- struct{}{} }()
		w.plane.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.server.Close)
	w.update(func(tx *state.Tx) error {
		for _, account := range []string{here, there} {
			tx.SetAccount(&iam.Account{ID: account, RootKey: iam.AccessKey{ID: "AKIAROOT" + account, Secret: "root secret of " + account}})
		}
		return nil
	})
	w.function(lambda.AuthIAM)
	return w
}

func (w *world) update(change func(*state.Tx) error) {
	w.t.Helper()
	if err := w.state.Update(w.t.Context(), change); err != nil {
		w.t.Fatal(err)
	}
}

// function makes the function anew, with one URL and the permissions.
func (w *world) function(authType lambda.AuthType, permissions ...lambda.Permission) {
	w.t.Helper()
	w.changed(func(f *lambda.Function) {
		f.URLs[""].AuthType = authType
		f.SetPolicy("", lambda.PolicyText(permissions, f.ARN, lambda.Stored), "")
	})
}

// changed makes the function anew and applies the change.
func (w *world) changed(change func(*lambda.Function)) {
	w.t.Helper()
	function := &lambda.Function{
		ARN:  lambda.ARN{Region: region, Account: here, Name: "web"},
		URLs: map[string]*lambda.URLConfig{"": {ID: urlID, AuthType: lambda.AuthIAM, InvokeMode: lambda.Buffered}},
	}
	change(function)
	w.update(func(tx *state.Tx) error { return tx.Put(function) })
}

// user makes a user with an inline policy ("" for none) and returns its credentials.
func (w *world) user(account, name, document string) sigv4.Credentials {
	w.t.Helper()
	id, err := iam.NewID(rand.Reader, iam.PrefixUser)
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := iam.NewAccessKey(rand.Reader, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	user := &iam.User{Account: account, Name: name, Path: "/", ID: id, Keys: []iam.AccessKey{key}, Grants: iam.Grants{Inline: w.inline(document)}}
	w.update(func(tx *state.Tx) error { return tx.Put(user) })
	return sigv4.Credentials{AccessKeyID: key.ID, Secret: sigv4.NewSecret(key.Secret)}
}

// role makes a role with an inline policy ("" for none) and returns the credentials of a session of it.
func (w *world) role(account, name, document string) sigv4.Credentials {
	w.t.Helper()
	id, err := iam.NewID(rand.Reader, iam.PrefixRole)
	if err != nil {
		w.t.Fatal(err)
	}
	session, err := iam.NewSession(rand.Reader, iam.Session{Account: account, Role: name, RoleID: id, SessionName: "session"}, time.Now(), time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	role := &iam.Role{Account: account, Name: name, Path: "/", ID: id, Grants: iam.Grants{Inline: w.inline(document)}}
	w.update(func(tx *state.Tx) error {
		tx.PutTransientSession(session)
		return tx.Put(role)
	})
	return sigv4.Credentials{AccessKeyID: session.AccessKeyID, Secret: sigv4.NewSecret(session.Secret), SessionToken: session.Token}
}

func (w *world) inline(document string) map[string]iam.Policy {
	w.t.Helper()
	if document == "" {
		return nil
	}
	parsed, err := iam.ParsePolicy(document, policy.Identity)
	if err != nil {
		w.t.Fatal(err)
	}
	return map[string]iam.Policy{"inline": parsed}
}

func (w *world) principalID(arn string) string {
	w.t.Helper()
	id, ok := w.state.Now().PrincipalID(arn)
	if !ok {
		w.t.Fatalf("no principal %s", arn)
	}
	return id
}

// request makes a request to the function's URL, host style.
func (w *world) request(method, target, body string) *http.Request {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+target, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body == "" {
		request.Body, request.ContentLength = http.NoBody, 0
	}
	request.Host = urlID + ".lambda-url." + region + ".localhost"
	return request
}

func (w *world) sign(request *http.Request, credentials sigv4.Credentials, body string) *http.Request {
	w.t.Helper()
	signer := sigv4.Signer{Region: region, Service: "lambda"}
	if _, err := signer.Sign(request, credentials, sigv4.PayloadBytes([]byte(body))); err != nil {
		w.t.Fatal(err)
	}
	return request
}

// signed makes a signed request to the function's URL.
func (w *world) signed(credentials sigv4.Credentials, method, target, body string) *http.Request {
	w.t.Helper()
	return w.sign(w.request(method, target, body), credentials, body)
}

// answer is an HTTP answer, read.
type answer struct {
	status    int
	errorType string
	body      string
	header    http.Header
}

func (w *world) do(request *http.Request) answer {
	w.t.Helper()
	response, err := w.server.Client().Transport.RoundTrip(request) // follows no redirect
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	<-w.handled // a refusal is explained and logged after the client has its answer
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header.Get("X-Amzn-Errortype"), string(body), response.Header}
}

// report is the trace of the last request.
func (w *world) report() trace.Report {
	w.t.Helper()
	latest := w.traces.Latest(1)
	if len(latest) == 0 {
		w.t.Fatal("no trace")
	}
	return latest[0].Report()
}

// event is what the function got last.
func (w *world) event() map[string]any {
	w.t.Helper()
	var event map[string]any
	if err := json.Unmarshal(w.runner.requests[len(w.runner.requests)-1].Payload, &event); err != nil {
		w.t.Fatal(err)
	}
	return event
}

func allowURL(principal lambda.PermissionPrincipal) lambda.Permission {
	return lambda.Permission{StatementID: "url", Action: lambda.ActionInvokeURL, Principal: principal}
}

func allowInvoke(principal lambda.PermissionPrincipal) lambda.Permission {
	viaURL := true
	return lambda.Permission{StatementID: "invoke", Action: lambda.ActionInvoke, Principal: principal, InvokedViaURL: &viaURL}
}

// both allow the two actions that a call needs.
func both(principal lambda.PermissionPrincipal) []lambda.Permission {
	return []lambda.Permission{allowURL(principal), allowInvoke(principal)}
}

const bothActions = `{"Version":"2012-10-17","Statement":[{"Sid":"both","Effect":"Allow","Action":["lambda:InvokeFunctionUrl","lambda:InvokeFunction"],"Resource":"*"}]}`
