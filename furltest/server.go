//go:build unix

// Package furltest runs AWS Lambda function URLs with IAM authentication in the process of a Go test.
//
// A test starts a [Server] and puts an [http.Handler] behind a function URL. Requests take the way that they take in
// "furl serve": the server verifies the signature, asks the policies for both actions that a call needs, makes an event
// in payload format 2.0, and refuses a request with the status, the headers and the body with which AWS refuses it. Only
// the function is another: its handler runs in the test. Nothing else is started, and nothing outlives the test.
//
//	func TestClient(t *testing.T) {
//		srv := furltest.Start(t)
//		url := srv.NewFunctionURL(http.HandlerFunc(hello))
//		caller := srv.Role("caller")
//		srv.Grant(caller, url)
//		client := mypackage.NewClient(url.URL, caller.Config())
//		…
//	}
//
// What client code has to cope with is one call each:
//
//   - a caller without permission, 403: a [Server.Role] or [Server.User] without [Server.Grant], or [Server.Deny];
//   - credentials that have ended, 403: [Principal.EndSessions], or [Server.Advance];
//   - presigned URLs that have expired, 403: [Server.Advance];
//   - throttling, 429: [FunctionURL.Throttle];
//   - a function that fails, 502: a handler that panics, or one that takes longer than [Timeout];
//   - an answer that breaks off: a handler that panics with [http.ErrAbortHandler] behind a [Streaming] URL.
//
// AWS does not say in an answer why it refused a request, and so neither does the server. When a test fails, its output
// has the reason of each refused request, in the words of "furl explain"; [Server.Refusals] returns them.
//
// The server also has the APIs of Lambda, IAM and STS, for clients made from [Server.Config]. Functions that are created
// through them run as child processes.
package furltest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
)

// Account is the account of the server's functions, and of its users and roles unless [InAccount] names another.
const Account = roster.DefaultAccount

// Server is a furl server in memory, on a free port of the loopback interface. Its methods may be called from several
// goroutines. They end the test if they cannot do what they say, so call them from the goroutine of the test.
type Server struct {
	t       testing.TB
	app     *app.Server
	region  string
	runner  *runner
	ahead   atomic.Int64 // of the machine's clock, in nanoseconds
	counter atomic.Int64 // of names

	mu     sync.Mutex
	denied []string // actions

	roles sync.Mutex // held while the execution role is looked for and made
}

// Option is an option of [Start].
type Option struct{ apply func(*app.Config) }

// WithRegion is the region of the function URLs and of each [aws.Config]; us-east-1 without it.
func WithRegion(region string) Option {
	return Option{func(c *app.Config) { c.Region = region }}
}

// WithHostNames writes function URLs as AWS does, with their id and region in the host name:
// http://ID.lambda-url.REGION.localhost:PORT/. It is for clients that read the name. They have to connect to names below
// localhost on this machine, as the clients of package furl do, curl and browsers; net/http leaves that to the resolver
// of the system. Without the option a URL is http://127.0.0.1:PORT/_furl/url/ID/.
func WithHostNames() Option {
	return Option{func(c *app.Config) { c.URLStyle = "host" }}
}

// Start starts a server, which ends with the test. If it cannot start, the test fails.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := &Server{t: t}
	config := app.Default()
	config.Data, config.Listen, config.URLStyle = app.InMemory, "127.0.0.1:0", "path"
	config.Console = app.ConsoleOff
	config.DrainTimeout = time.Second // for handlers that do not look at their context
	config.Now = s.Now
	config.Runner = func(pool invoke.Runner) invoke.Runner {
		s.runner = newRunner(pool)
		return s.runner
	}
	for _, option := range options {
		option.apply(&config)
	}
	s.region = config.Region
	server, err := app.New(context.Background(), config)
	if err != nil {
		t.Fatalf("furltest: the server does not start: %v", err)
	}
	s.app = server
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, context.Background()) }()
	t.Cleanup(func() {
		t.Helper()
		if t.Failed() {
			s.report()
		}
		s.runner.close()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("furltest: the server ended: %v", err)
		}
	})
	return s
}

// Endpoint is the address of the server, http://127.0.0.1:PORT, at which it answers as Lambda, IAM and STS.
func (s *Server) Endpoint() string { return s.app.Endpoint() }

// Config is the configuration of an administrator of [Account], who may do everything there until [Server.Deny]. It is
// for AWS SDK clients, which reach the server with it, and for clients of function URLs.
func (s *Server) Config() aws.Config {
	s.t.Helper()
	key, err := s.app.UserKey(Account, roster.Admin)
	if err != nil {
		s.t.Fatalf("furltest: %v", err)
	}
	return s.config(static(key.AccessKeyID, key.SecretAccessKey))
}

func (s *Server) config(credentials aws.CredentialsProvider) aws.Config {
	return aws.Config{Region: s.region, BaseEndpoint: aws.String(s.Endpoint()), Credentials: credentials}
}

// Now is the time of the server's clock. It is the machine's until [Server.Advance].
func (s *Server) Now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// Advance sets the server's clock ahead: presigned URLs expire, sessions end, conditions on the time see another one.
//
// The clocks of clients stay where they are. The server refuses what they sign from then on if they are more than five
// minutes behind, as AWS does with a client whose clock is wrong. A client that corrects its clock, such as that of
// package furl, goes on; for others, set the clock with which they sign to [Server.Now]. To end sessions alone, use
// [Principal.EndSessions].
func (s *Server) Advance(d time.Duration) { s.ahead.Add(int64(d)) }

// Deny denies everybody the actions, such as "lambda:InvokeFunctionUrl", whatever else allows them. It is a service
// control policy of all accounts.
func (s *Server) Deny(actions ...string) {
	s.t.Helper()
	s.setDenied(func(denied []string) []string { return append(denied, actions...) })
}

// Allow takes back what [Server.Deny] has denied: these actions, as they were written there, or all without any.
func (s *Server) Allow(actions ...string) {
	s.t.Helper()
	s.setDenied(func(denied []string) []string {
		return slices.DeleteFunc(denied, func(action string) bool {
			return len(actions) == 0 || slices.Contains(actions, action)
		})
	})
}

// setDenied changes which actions are denied to everybody.
func (s *Server) setDenied(change func([]string) []string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied = change(s.denied)
	levels := [][]policy.Named(nil)
	if len(s.denied) > 0 {
		scp := s.policyOf(statement("Allow", []string{"*"}, "*"), statement("Deny", s.denied, "*"))
		levels = [][]policy.Named{{{Name: "the service control policy of Server.Deny", Document: scp.Document()}}}
	}
	s.update(func(tx *state.Tx) error {
		for _, account := range tx.View().Accounts.All() {
			changed := *account
			changed.SCPs = levels
			tx.SetAccount(&changed)
		}
		return nil
	})
}

// update changes the world.
func (s *Server) update(change func(tx *state.Tx) error) {
	s.t.Helper()
	if err := s.app.State().Update(context.Background(), change); err != nil {
		s.t.Fatalf("furltest: %v", err)
	}
}

// policyOf is an identity-based policy of the statements.
func (s *Server) policyOf(statements ...string) iam.Policy {
	s.t.Helper()
	return s.parse(`{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`, policy.Identity)
}

func (s *Server) parse(document string, kind policy.Kind) iam.Policy {
	s.t.Helper()
	parsed, err := iam.ParsePolicy(document, kind)
	if err != nil {
		s.t.Fatalf("furltest: the policy %s: %v", document, err)
	}
	return parsed
}

// statement is a statement of a policy, as JSON.
func statement(effect string, actions []string, resource string) string {
	text, _ := json.Marshal(struct { // strings always marshal
		Effect   string
		Action   []string
		Resource string
	}{effect, actions, resource})
	return string(text)
}

// newID is a unique id of a kind.
func newID(prefix string) string {
	id, err := iam.NewID(rand.Reader, prefix)
	if err != nil {
		panic(err) // the system has no random bytes
	}
	return id
}

// Refusal is a request that the server refused, or whose function failed.
type Refusal struct {
	RequestID string // x-amzn-RequestId of the answer
	Time      time.Time
	Method    string
	Target    string // path and query as received
	Status    int
	ErrorType string   // x-amzn-ErrorType of the answer; empty where a function failed
	Reason    string   // in one line
	Fix       []string // commands and sentences that would change the outcome

	report trace.Report
}

// String is every step of the request and what it decided, as "furl explain" prints it.
func (r Refusal) String() string {
	var text strings.Builder
	r.report.WriteTo(&text) //nolint:errcheck // a builder takes everything
	return text.String()
}

// Refusals are the requests that did not get what they wanted, oldest first: calls of function URLs and of the APIs that
// the server refused, and calls of functions that failed. They are of the last 1,000 requests.
func (s *Server) Refusals() []Refusal {
	var refusals []Refusal
	for _, r := range s.app.Refusals() {
		refusals = append(refusals, Refusal{
			RequestID: r.RequestID, Time: r.Time, Method: r.Method, Target: r.Target, Status: r.Status,
			ErrorType: r.ErrorType, Reason: r.Reason(), Fix: r.Fix, report: r,
		})
	}
	return refusals
}

// report adds to the output of a failed test what the server knows.
func (s *Server) report() {
	s.t.Helper()
	const enough = 10
	refusals := s.Refusals()
	var text strings.Builder
	if more := len(refusals) - enough; more > 0 {
		fmt.Fprintf(&text, "%d earlier requests were refused or failed; the last %d:\n", more, enough)
		refusals = refusals[more:]
	}
	for _, refusal := range refusals {
		text.WriteString(refusal.String())
	}
	for _, panicked := range s.runner.panics() {
		text.WriteString(panicked)
	}
	if text.Len() > 0 {
		s.t.Logf("furltest: requests that were refused or failed:\n%s", text.String())
	}
}
