//go:build !unix

package furltest

import (
	"context"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/internal/roster"
)

// Account is the account of the server's functions.
const Account = roster.DefaultAccount

// Start ends the test as failed: the server needs Linux or macOS. A test program that uses this package compiles here all
// the same, so that its other tests run.
func Start(t testing.TB, _ ...Option) *Server {
	t.Helper()
	t.Fatalf("furltest: the server needs Linux, macOS or WSL, and this is %s: "+
		"begin the file of this test with //go:build unix, or skip the test here", runtime.GOOS)
	return nil
}

// The rest is what compiles. Nobody has a Server, so nothing of it is called with one.
type (
	// Server does not exist on this system.
	Server struct{}
	// FunctionURL is the URL of a function.
	FunctionURL struct{ URL, ARN string }
	// Principal is a user or a role that calls.
	Principal struct{ ARN string }
	// Caller is who signed a request.
	Caller struct{ AccessKey, AccountID, CallerID, UserARN, UserID string }
	// Option is an option of [Start].
	Option struct{}
	// URLOption is an option of [Server.NewFunctionURL].
	URLOption struct{}
	// PrincipalOption is an option of [Server.User] and [Server.Role].
	PrincipalOption struct{}
	// Refusal is a request that the server refused, or whose function failed.
	Refusal struct {
		RequestID      string
		Time           time.Time
		Method, Target string
		Status         int
		ErrorType      string
		Reason         string
		Fix            []string
	}
)

// WithRegion has no effect.
func WithRegion(string) Option { return Option{} }

// WithHostNames has no effect.
func WithHostNames() Option { return Option{} }

// Named has no effect.
func Named(string) URLOption { return URLOption{} }

// Streaming has no effect.
func Streaming() URLOption { return URLOption{} }

// Timeout has no effect.
func Timeout(time.Duration) URLOption { return URLOption{} }

// WithPolicy has no effect.
func WithPolicy(string) PrincipalOption { return PrincipalOption{} }

// InAccount has no effect.
func InAccount(string) PrincipalOption { return PrincipalOption{} }

// CallerOf finds no caller.
func CallerOf(context.Context) (caller Caller, ok bool) { return Caller{}, false }

// EventOf finds no event.
func EventOf(context.Context) []byte { return nil }

// Endpoint is empty.
func (*Server) Endpoint() string { return "" }

// Config is empty.
func (*Server) Config() aws.Config { return aws.Config{} }

// Now is the time of the machine's clock.
func (*Server) Now() time.Time { return time.Now() }

// Advance does nothing.
func (*Server) Advance(time.Duration) {}

// Deny does nothing.
func (*Server) Deny(...string) {}

// Allow does nothing.
func (*Server) Allow(...string) {}

// Refusals are none.
func (*Server) Refusals() []Refusal { return nil }

// NewFunctionURL makes none.
func (*Server) NewFunctionURL(http.Handler, ...URLOption) *FunctionURL { return nil }

// Grant does nothing.
func (*Server) Grant(*Principal, ...*FunctionURL) {}

// User makes none.
func (*Server) User(string, ...PrincipalOption) *Principal { return nil }

// Role makes none.
func (*Server) Role(string, ...PrincipalOption) *Principal { return nil }

// Throttle does nothing.
func (*FunctionURL) Throttle(int) {}

// Config is empty.
func (*Principal) Config() aws.Config { return aws.Config{} }

// EndSessions does nothing.
func (*Principal) EndSessions() {}

// String is empty.
func (Refusal) String() string { return "" }
