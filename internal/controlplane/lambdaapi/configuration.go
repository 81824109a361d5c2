package lambdaapi

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
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
	RuntimeVersionConfig *shownRuntimeVersion `json:",omitempty"`
	LoggingConfig        shownLogging
}

type (
	shownEnvironment    struct{ Variables map[string]string }
	shownTracing        struct{ Mode string }
	shownStorage        struct{ Size int }
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

// configurationOf shows a function at rest. The ARN has the qualifier that was asked for.
func configurationOf(f *lambda.Function, qualifier string) configuration {
	arn := f.ARN
	arn.Qualifier = qualifier
	shown := configuration{
		FunctionName:         f.ARN.Name,
		FunctionArn:          arn.String(),
		Runtime:              f.Runtime,
		Role:                 f.Role,
		Handler:              f.Handler,
		CodeSize:             f.CodeSize,
		Description:          f.Description,
		Timeout:              int(f.Timeout / time.Second),
		MemorySize:           f.MemoryMB,
		LastModified:         f.LastModified.UTC().Format(lastModified),
		CodeSha256:           f.CodeSHA256,
		Version:              lambda.Latest,
		TracingConfig:        shownTracing{f.TracingMode},
		RevisionId:           f.RevisionID,
		State:                "Active",
		LastUpdateStatus:     "Successful",
		PackageType:          "Zip",
		Architectures:        []string{f.Architecture},
		EphemeralStorage:     shownStorage{f.EphemeralMB},
		SnapStart:            shownSnapStart{modeOff, "Off"},
		RuntimeVersionConfig: &shownRuntimeVersion{runtimeVersion(f.ARN.Region, f.Runtime)},
		LoggingConfig:        shownLogging{f.ApplicationLogLevel, f.LogFormat, f.LogGroup, f.SystemLogLevel},
	}
	if len(f.Environment) > 0 {
		shown.Environment = &shownEnvironment{f.Environment}
	}
	return shown
}

// runtimeVersion is the ARN of the runtime's build: at AWS a hash that changes with it, here one of the name.
func runtimeVersion(region, runtime string) string {
	sum := sha256.Sum256([]byte(runtime))
	return "arn:" + arn.PartitionOf(region) + ":lambda:" + region + "::runtime:" + hex.EncodeToString(sum[:])
}

// creating shows a function in the answer to CreateFunction. At AWS the function becomes active a moment later and
// gets another revision then, so the revision id of this answer is never good for a guarded change; nor is it here.
func (c configuration) creating() configuration {
	c.State, c.StateReason, c.StateReasonCode = "Pending", "The function is being created.", "Creating"
	c.LastUpdateStatus = ""
	c.RevisionId = trace.NewRequestID()
	return c
}

// updating shows a function in the answer to a change of code or configuration; see creating for the revision.
func (c configuration) updating() configuration {
	c.LastUpdateStatus, c.LastUpdateReason, c.LastUpdateReasonCode = "InProgress", "The function is being created.", "Creating"
	c.RevisionId = trace.NewRequestID()
	return c
}

// listed shows a function in a list, which leaves out what belongs to its state.
func (c configuration) listed() configuration {
	c.State, c.LastUpdateStatus, c.RuntimeVersionConfig = "", "", nil
	return c
}
