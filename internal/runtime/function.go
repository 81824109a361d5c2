//go:build unix

package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/furl-dev/furl/internal/event"
)

// Function is everything that an execution environment has to know about one version of a function. It is immutable,
// since the Pool keeps the pointer for as long as an environment lives.
type Function struct {
	// Key names configuration and code together, for example account/region/name/version/revision. Environments
	// are shared by Functions of equal Key. A Function with the same AccountID, Region, Name and Version but
	// another Key retires the environments of the earlier one.
	Key string

	ARN       string // unqualified or qualified, for log lines
	AccountID string
	Region    string
	Name      string
	Version   string // "$LATEST" or a number
	Runtime   string // Lambda's identifier: "python3.13", "nodejs22.x", "provided.al2023", ...
	Handler   string

	// CodeDir is the absolute path of the unpacked package. It is the process's working directory and its
	// LAMBDA_TASK_ROOT, and is never written by this package.
	CodeDir string

	// Root is the directory in which the code is in place: the function can read all of it, since links lead from CodeDir
	// to elsewhere in a project. It is empty for an unpacked package. Root and CodeDir are real paths, and neither
	// is ever written by this package.
	Root string

	// Opt is an absolute directory with the merged content of the layers, which the function sees as /opt; empty
	// without layers. It is never written by this package.
	Opt string

	// Environment holds the user's variables. Names that Lambda reserves are ignored (lambda.ReservedVariable).
	Environment map[string]string

	MemoryMB int           // shown to the function and in REPORT, and enforced by Config.LimitMemory
	Timeout  time.Duration // of one invocation

	// Concurrency is the function's reserved concurrency: how many environments all of its versions may have at one
	// time. Zero refuses every invocation. Below zero, the function shares Invocation.Unreserved with the others of its
	// account and region that have none.
	Concurrency int

	LogFormat string // "JSON" says that a line may be an object; extensions that read the log get it as such

	LogGroup string // default "/aws/lambda/" + Name

	// WebApp says that the process is a web application, which listens on the port in its variable PORT. The server
	// sends it the invocations as HTTP requests. Its command is the Handler, a file in the package, or, on a runtime
	// that AWS does not manage, the package's bootstrap.
	WebApp bool

	// Debug has the function run under a debugger; nil for none.
	Debug *Debug

	// Upstream is the address of a web server, http://HOST:PORT, that runs already and is the function. Its environments
	// have no process: each is a connection, so that the server gets as many requests at one time as there are
	// invocations. WebApp, CodeDir and Credentials mean nothing then.
	Upstream string

	// Credentials answers a fresh session of the execution role. It is called once whenever an environment
	// starts; an error fails that start. Nil starts environments without credentials.
	Credentials func(ctx context.Context) (Credentials, error)
}

// identity names the function across its versions and revisions: what Concurrency counts.
func (f *Function) identity() identity {
	return identity{f.AccountID, f.Region, f.Name}
}

type identity struct{ account, region, name string }

// hash names the function in a path.
func (i identity) hash() string {
	sum := sha256.Sum256([]byte(i.account + "/" + i.region + "/" + i.name))
	return hex.EncodeToString(sum[:16])
}

// compiled names the function's directory of compiled modules. Python recognizes a changed source by its path, time and
// size alone, and those of different layers may all be the same.
func (f *Function) compiled() string {
	name := f.identity().hash()
	if f.Opt == "" {
		return name
	}
	sum := sha256.Sum256([]byte(f.Opt))
	return name + "-" + hex.EncodeToString(sum[:8])
}

// Credentials are the keys of one session. They print as the access key id alone.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	// Expires is when the session ends; zero for never. An environment is replaced, not reused, once less
	// than five minutes of its session are left.
	Expires time.Time
	// Release says that the environment has ended; nil if nobody wants to know.
	Release func()
}

// Format prints the access key id and hides the rest, for every verb.
func (c Credentials) Format(f fmt.State, _ rune) {
	io.WriteString(f, "{"+c.AccessKeyID+" (secret hidden)}") //nolint:errcheck // a fmt.State reports no error
}

// LogValue hides the secret and the token from structured logs.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// MarshalJSON hides the secret and the token from JSON.
func (c Credentials) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"AccessKeyID":%q}`, c.AccessKeyID), nil
}

// Invocation is one event for a function.
type Invocation struct {
	RequestID          string // a UUID in Lambda; must not be empty
	Payload            []byte // must not change, not even after Invoke has returned because its ctx ended
	TraceID            string // X-Amzn-Trace-Id; may be empty
	ClientContext      string // JSON; may be empty
	CognitoIdentity    string // JSON; may be empty
	InvokedFunctionARN string // what the caller invoked, with its qualifier

	// Read answers what Payload says without reading it; nil if only Payload says it. A caller who sets it takes a Result
	// with a Head.
	Read func() *event.Received

	// Unreserved is how many invocations the functions of the account and region that have no reserved concurrency may
	// have at one time; zero is no limit.
	Unreserved int

	// Stream says that the caller takes the response while the function writes it (RESPONSE_STREAM,
	// InvokeWithResponseStream): up to MaxStreamedResponse bytes, with a failure in the middle visible only at the
	// end of Result.Body. Otherwise Invoke returns with the whole response, at most MaxBufferedResponse bytes.
	Stream bool
}
