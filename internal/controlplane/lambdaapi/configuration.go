//go:build unix

package lambdaapi

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/trace"
)

// configuration is a function as the API shows it.
type configuration struct {
	FunctionName         string
	FunctionArn          string
	Runtime              string
	Role                 string
	Handler              string
	CodeSize             int64
	Description          string
	Timeout              int
	MemorySize           int
	LastModified         string
	CodeSha256           string
	Version              string
	Environment          *shownEnvironment `json:",omitempty"`
	TracingConfig        shownTracing
	RevisionId           string
	State                string `json:",omitempty"`
	StateReason          string `json:",omitempty"`
	StateReasonCode      string `json:",omitempty"`
	LastUpdateStatus     string `json:",omitempty"`
	LastUpdateReason     string `json:"LastUpdateStatusReason,omitempty"`
	LastUpdateReasonCode string `json:"LastUpdateStatusReasonCode,omitempty"`
	PackageType          string
	Architectures        []string
	EphemeralStorage     shownStorage
	SnapStart            shownSnapStart
	Layers               []shownLayer         `json:",omitempty"`
	RuntimeVersionConfig *shownRuntimeVersion `json:",omitempty"`
	LoggingConfig        shownLogging
}

type (
	shownEnvironment struct{ Variables map[string]string }
	shownTracing     struct{ Mode string }
	shownStorage     struct{ Size int }
	shownLayer       struct {
		Arn      string
		CodeSize int64
	}
	shownSnapStart      struct{ ApplyOn, OptimizationStatus string }
	shownRuntimeVersion struct{ RuntimeVersionArn string }
	shownLogging        struct {
		ApplicationLogLevel string `json:",omitempty"`
		LogFormat           string
		LogGroup            string
		SystemLogLevel      string `json:",omitempty"`
	}
)

// lastModified is the form of LastModified, which is not quite ISO 8601.
const lastModified = "2006-01-02T15:04:05.000-0700"

// configurationOf shows a version of a function at rest. The ARN has the qualifier that was asked for.
func configurationOf(t resolve.Target) configuration {
	f, region := t.Version, t.Function.ARN.Region
	shown := configuration{
		FunctionName:         t.Function.ARN.Name,
		FunctionArn:          t.ARN().String(),
		Runtime:              f.Runtime,
		Role:                 f.Role,
		Handler:              f.Handler,
		CodeSize:             f.CodeSize,
		Description:          f.Description,
		Timeout:              int(f.Timeout / time.Second),
		MemorySize:           f.MemoryMB,
		LastModified:         f.LastModified.UTC().Format(lastModified),
		CodeSha256:           f.CodeSHA256,
		Version:              f.Number,
		TracingConfig:        shownTracing{f.TracingMode},
		RevisionId:           f.RevisionID,
		State:                "Active",
		LastUpdateStatus:     "Successful",
		PackageType:          "Zip",
		Architectures:        []string{f.Architecture},
		EphemeralStorage:     shownStorage{f.EphemeralMB},
		SnapStart:            shownSnapStart{modeOff, "Off"},
		RuntimeVersionConfig: &shownRuntimeVersion{runtimeVersion(region, f.Runtime)},
		LoggingConfig:        shownLogging{f.ApplicationLogLevel, f.LogFormat, f.LogGroup, f.SystemLogLevel},
	}
	for _, layer := range f.Layers {
		shown.Layers = append(shown.Layers, shownLayer{layer.ARN, layer.CodeSize})
	}
	if f.Environment != nil { // an empty one was given, and is repeated
		shown.Environment = &shownEnvironment{f.Environment}
	}
	return shown
}

// runtimeVersion is the ARN of the runtime's build: at AWS a hash that changes with it, here one of the name.
func runtimeVersion(region, runtime string) string {
	sum := sha256.Sum256([]byte(runtime))
	return "arn:" + arn.PartitionOf(region) + ":lambda:" + region + "::runtime:" + hex.EncodeToString(sum[:])
}

// passage is what AWS does after it has answered a change: it makes the function ready. The function gets another
// revision then, so the one that the answer shows is never good for a guarded change.
type passage struct {
	creating bool // else it is updated
	revision string
	version  string // the number of the version that the change has published, "" for none
	end      time.Time
}

// during shows a version in the course of a passage. One that was published with the change is Pending, whatever the
// change was, and has its revision for good (recorded in LocalStack's snapshot of test_publish_with_update).
func (c configuration) during(p passage) configuration {
	const reason, code = "The function is being created.", "Creating" // of updates too (recorded answers)
	published := c.Version == p.version
	switch {
	case c.Version != lambda.Latest && !published:
		return c
	case p.creating || published:
		c.State, c.StateReason, c.StateReasonCode, c.LastUpdateStatus = "Pending", reason, code, ""
	default:
		c.LastUpdateStatus, c.LastUpdateReason, c.LastUpdateReasonCode = "InProgress", reason, code
	}
	if !published {
		c.RevisionId = p.revision
	}
	return c
}

// passageTime is how long a function is Pending after it was created, and how long an update is InProgress. AWS takes
// a few seconds for a small package (assumed).
const passageTime = 2 * time.Second

// passages are those that are not over. Without faithful there are none: a change has its effect at once, and only its
// answer looks as at AWS.
type passages struct {
	faithful bool

	mu    sync.Mutex
	byKey map[string]passage
}

// begin is the answer to a change, which shows the target: $LATEST, or the version that the change has published.
func (p *passages) begin(r *request, shown resolve.Target, creating bool) configuration {
	begun := passage{creating: creating, revision: trace.NewRequestID(), end: r.Now.Add(passageTime)}
	if shown.Version.Number != lambda.Latest {
		begun.version = shown.Version.Number
	}
	if p.faithful {
		p.mu.Lock()
		defer p.mu.Unlock()
		maps.DeleteFunc(p.byKey, func(_ string, old passage) bool { return !r.Now.Before(old.end) })
		p.byKey[shown.Function.Key()] = begun
	}
	return configurationOf(shown).during(begun)
}

// undo ends the passage of a change that was not made after all.
func (p *passages) undo(function *lambda.Function) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byKey, function.Key())
}

// now is the passage that the function is in, if any.
func (p *passages) now(r *request, function lambda.ARN) (passage, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.byKey[function.Key()]
	return found, ok && r.Now.Before(found.end)
}

// conflict refuses what AWS refuses while it makes a function ready, in its words (LocalStack's snapshot of
// test_lambda_concurrent_code_updates; for an invocation in the state Pending, remotion-dev/remotion#1186).
func (p *passages) conflict(r *request) error {
	const refused = "The operation cannot be performed at this time. "
	switch found, ok := p.now(r, r.target.arn); {
	case !ok:
		return nil
	case found.creating:
		return conflict(refused + "The function is currently in the following state: Pending")
	default:
		return conflict(refused+"An update is in progress for resource: %s", r.target.arn.Unqualified())
	}
}

// show is a version of a function as it is now. The ARN has the qualifier that was asked for.
func (p *passages) show(r *request, target resolve.Target) configuration {
	shown := configurationOf(target)
	if found, ok := p.now(r, target.Function.ARN); ok {
		return shown.during(found)
	}
	return shown
}

// listed shows a function in a list, which leaves out what belongs to its state.
func (c configuration) listed() configuration {
	c.State, c.StateReason, c.StateReasonCode = "", "", ""
	c.LastUpdateStatus, c.LastUpdateReason, c.LastUpdateReasonCode = "", "", ""
	c.RuntimeVersionConfig = nil
	return c
}
