// Package lambda is the domain of AWS Lambda functions as furl knows them: functions, their URL configurations,
// the permissions of their resource-based policies, their names and their limits. It does no I/O and decides
// nothing about callers; values are immutable once published, a change makes a new value.
package lambda

import (
	"cmp"
	"encoding/base32"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/policy"
)

// ARN names a function.
type ARN = arn.Function

// Latest is the qualifier of the version that can be changed.
const Latest = arn.Latest

// TracingActive is the mode of a function that traces requests without being asked to.
const TracingActive = "Active"

// Configuration is what a version of a function is made of: its code and its settings. Publishing freezes it.
type Configuration struct {
	Runtime      string
	Handler      string
	Role         string // ARN of the execution role
	RoleID       string // unique id of that role when it was set; "" if the server does not know the role
	Description  string
	Timeout      time.Duration
	MemoryMB     int
	EphemeralMB  int
	Architecture string
	Environment  map[string]string // nil if none was given; an empty one was
	Layers       []LayerRef        // lowest first
	TracingMode  string            // PassThrough or TracingActive; nothing is traced here

	LogFormat           string // Text or JSON
	LogGroup            string
	ApplicationLogLevel string // of LogFormat JSON
	SystemLogLevel      string

	CodeSHA256 string // base64, as the API shows it
	CodeHex    string // the same in hex: the name of the code's content
	CodeSize   int64  // bytes, zipped

	// A function without a kept package has one of these instead, and then CodeHex is empty and CodeSize zero.
	CodeDir  string // the directory whose files it runs in place: a real, absolute path
	Upstream string // the address of the web server that it is, such as http://127.0.0.1:8000

	RevisionID   string // a UUID, new with every change of code, configuration or tags
	LastModified time.Time
}

// LayerRef is a version of a layer that a function uses. It has all that the function needs of it, since a version that
// was deleted stays usable for the functions that have it (Lambda Developer Guide, "Working with layers").
type LayerRef struct {
	ARN      string // of the layer's version
	CodeHex  string // SHA-256 of its package, in hex: the name of its content; "" if it has none here
	CodeSize int64  // bytes, zipped
}

// webAdapters are the accounts that have the layer of the AWS Lambda Web Adapter in two regions, and webAdapter is the one
// that has it elsewhere (README of awslabs/aws-lambda-web-adapter).
var webAdapters = map[string]string{"cn-north-1": "041581134020", "cn-northwest-1": "069767869989"}

const webAdapter = "753240598075"

// IsWebAdapter reports whether the layer is the public one of the AWS Lambda Web Adapter. Its content is not needed.
func (l LayerRef) IsWebAdapter() bool {
	name, err := arn.Parse(l.ARN)
	architecture, ofAdapter := strings.CutPrefix(name.Resource, "layer:LambdaAdapterLayer")
	architecture, number, _ := strings.Cut(architecture, ":")
	return err == nil && ofAdapter && name.Service == "lambda" && (architecture == "X86" || architecture == "Arm64") &&
		number != "" && strings.Trim(number, "0123456789") == "" && number[0] != '0' &&
		name.Account == cmp.Or(webAdapters[name.Region], webAdapter)
}

// IsWebApp reports whether the Web Adapter serves the function: it has the adapter's layer, and the layer's bootstrap or
// its own starts a web application. On a managed runtime that takes a variable; without it the layer has no effect.
func (c *Configuration) IsWebApp() bool {
	return slices.ContainsFunc(c.Layers, LayerRef.IsWebAdapter) &&
		(strings.HasPrefix(c.Runtime, "provided") || c.Environment["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/bootstrap")
}

// Function is one function with everything that belongs to it but its versions and aliases, which are values of their
// own: its URLs and policies, and the code and configuration of $LATEST.
type Function struct {
	ARN ARN // unqualified
	Configuration
	Tags map[string]string

	LastVersion int // number of the version that was published last, be it deleted since; 0 if none was

	Reserved    *int                    // concurrency that only this function uses, and its limit; nil for none
	Provisioned map[string]Provisioned  // by version or alias
	EventInvoke map[string]*EventInvoke // by qualifier, "" for $LATEST
	AllowsLoops bool                    // AWS would not end recursive loops

	URLs     map[string]*URLConfig // by qualifier, "" for the function itself
	Policies map[string]Policy     // by qualifier, "" for the function itself

	compiled *compiledPolicies // of Policies
}

// Version is a published version of a function. Nothing of it changes but its revision.
type Version struct {
	ARN ARN // with the number as its qualifier
	Configuration
	SourceDescription string // Description of $LATEST when it was published: the version may have another
}

// IsOf reports whether publishing the configuration would make this version again: code and settings are the same.
func (v *Version) IsOf(latest Configuration) bool {
	source := v.Configuration
	source.Description = v.SourceDescription
	return source.content() == latest.content()
}

// content is all of a configuration but when and as what revision it was made.
func (c Configuration) content() string {
	c.RevisionID, c.LastModified = "", time.Time{}
	c.Layers = append([]LayerRef{}, c.Layers...) // an empty list is none
	return string(marshal(c))
}

// Key identifies the version among all versions of the server.
func (v *Version) Key() string { return QualifiedKey(v.ARN) }

// Alias is a name for a version, or for two: then Weights has the share of the invocations that the other one gets.
type Alias struct {
	ARN         ARN    // with the alias's name as its qualifier
	Target      string // the version that it points at: a number, or $LATEST
	Weights     map[string]float64
	Description string
	RevisionID  string
}

// Key identifies the alias among all aliases of the server.
func (a *Alias) Key() string { return QualifiedKey(a.ARN) }

// Uses reports whether the alias sends invocations to the version.
func (a *Alias) Uses(number string) bool {
	_, weighted := a.Weights[number]
	return weighted || a.Target == number
}

// Clone is a copy that may be changed without changing a.
func (a *Alias) Clone() *Alias {
	clone := *a
	clone.Weights = maps.Clone(a.Weights)
	return &clone
}

// QualifiedKey identifies a version or an alias among those of all functions of the server.
func QualifiedKey(arn ARN) string { return string(arn.AppendQualifiedKey(nil)) }

// Defaults and bounds of a function's configuration, from the Lambda quotas page and API model.
const (
	DefaultTimeout     = 3 * time.Second
	MaxTimeout         = 1800 * time.Second
	DefaultMemoryMB    = 128
	MinMemoryMB        = 128
	MaxMemoryMB        = 10240
	DefaultEphemeralMB = 512
	MaxEphemeralMB     = 10240
	MaxEnvironment     = 4096 // bytes of all names and values
	MaxDescription     = 256
	MaxHandler         = 128
	MaxTags            = 50
	MaxPolicySize      = 20480 // bytes of a resource-based policy
)

// DebugPort is where the debuggers of a runtime's language listen if nobody says otherwise, so that editors look there: that of
// Node.js, debugpy, or dlv. It is 0 for a language that furl does not debug.
func DebugPort(runtime string) int {
	switch {
	case strings.HasPrefix(runtime, "nodejs"):
		return 9229
	case strings.HasPrefix(runtime, "python"):
		return 5678
	case strings.HasPrefix(runtime, "provided"):
		return 2345
	}
	return 0
}

// ReservedVariable reports whether Lambda keeps an environment variable for itself, so that a function's configuration
// cannot set it (Lambda Developer Guide, "Defined runtime environment variables").
func ReservedVariable(name string) bool {
	switch name {
	case "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
		"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
		"AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_RUNTIME_API",
		"LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_HANDLER", "_X_AMZN_TRACE_ID":
		return true
	}
	return false
}

// Key identifies the function among all functions of the server.
func (f *Function) Key() string { return f.ARN.Key() }

// Clone is a copy that may be changed without changing f: maps and lists are copied, what they hold is not.
func (f *Function) Clone() *Function {
	clone := *f
	clone.Configuration = f.Configuration.Clone()
	clone.Tags = maps.Clone(f.Tags)
	clone.Provisioned = maps.Clone(f.Provisioned)
	clone.EventInvoke = maps.Clone(f.EventInvoke)
	clone.URLs = maps.Clone(f.URLs)
	clone.Policies = maps.Clone(f.Policies)
	return &clone
}

// Clone is a copy that may be changed without changing c.
func (c Configuration) Clone() Configuration {
	c.Environment = maps.Clone(c.Environment)
	c.Layers = slices.Clone(c.Layers)
	return c
}

// compiledPolicies are made when one of them is asked for first.
type compiledPolicies struct {
	once        sync.Once
	byQualifier map[string]func() *policy.Document
}

// Forget removes what belongs to a version or an alias that is deleted. The URL of an alias stays: its address is known
// for as long as the function is there, and answers differently from one that never was.
func (f *Function) Forget(qualifier string) {
	delete(f.Policies, qualifier)
	delete(f.Provisioned, qualifier)
	delete(f.EventInvoke, qualifier)
}

// Prepare makes what Policy needs. It is called once, before the function is published. A policy is compiled when it is
// first asked for, so that a server with thousands of functions starts at once.
func (f *Function) Prepare() {
	f.compiled = nil
	if len(f.Policies) > 0 {
		f.compiled = &compiledPolicies{}
	}
}

// Policy is the resource-based policy of the qualifier, nil if it has none. Each qualifier has its own.
func (f *Function) Policy(qualifier string) *policy.Document {
	if f.compiled == nil {
		return nil
	}
	f.compiled.once.Do(func() {
		f.compiled.byQualifier = make(map[string]func() *policy.Document, len(f.Policies))
		for qualifier, kept := range f.Policies {
			f.compiled.byQualifier[qualifier] = sync.OnceValue(kept.compiled)
		}
	})
	if compiled, ok := f.compiled.byQualifier[qualifier]; ok {
		return compiled()
	}
	return nil
}

// AuthType says who may call a function URL.
type AuthType string

// The auth types of a function URL.
const (
	AuthIAM  AuthType = "AWS_IAM" // signed requests of principals that are allowed to
	AuthNone AuthType = "NONE"    // anyone, if the resource-based policy lets anyone in
)

// InvokeMode says how a function URL answers.
type InvokeMode string

// The invoke modes of a function URL.
const (
	Buffered       InvokeMode = "BUFFERED"
	ResponseStream InvokeMode = "RESPONSE_STREAM"
)

// URLConfig is the configuration of one function URL.
type URLConfig struct {
	ID         string // first label of the host name
	AuthType   AuthType
	InvokeMode InvokeMode // "" if none was set
	CORS       *CORS
	Created    time.Time
	Modified   time.Time
}

// Mode is the invoke mode that is in effect.
func (c *URLConfig) Mode() InvokeMode { return cmp.Or(c.InvokeMode, Buffered) }

// CORS is a function URL's cross-origin configuration, as given and as the API shows it.
type CORS struct {
	AllowCredentials *bool    `json:",omitempty"`
	AllowHeaders     []string `json:",omitempty"`
	AllowMethods     []string `json:",omitempty"`
	AllowOrigins     []string `json:",omitempty"`
	ExposeHeaders    []string `json:",omitempty"`
	MaxAge           *int     `json:",omitempty"` // seconds
}

// IsEmpty reports whether the configuration has no member. An empty list is one.
func (c *CORS) IsEmpty() bool {
	return c.AllowCredentials == nil && c.AllowHeaders == nil && c.AllowMethods == nil && c.AllowOrigins == nil &&
		c.ExposeHeaders == nil && c.MaxAge == nil
}

// IsForNoOrigin reports whether the configuration has members but no origin, which Lambda refuses. It takes an empty list
// of origins if nothing else is switched on (radkawar/stackd, urls_control.json, recorded in September 2026).
func (c *CORS) IsForNoOrigin() bool {
	switch {
	case c.IsEmpty() || len(c.AllowOrigins) > 0:
		return false
	case c.AllowOrigins == nil:
		return true
	}
	return len(c.AllowHeaders) > 0 || len(c.AllowMethods) > 0 || len(c.ExposeHeaders) > 0 ||
		c.AllowCredentials != nil && *c.AllowCredentials || c.MaxAge != nil && *c.MaxAge > 0
}

// NewURLID makes the id of a function URL from random bytes. Ids seen in public are 26 characters of
// lower-case base32, which is 128 bits, then the digit 0 and five letters.
func NewURLID(random io.Reader) (string, error) {
	var b [21]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("random function URL id: %w", err)
	}
	id := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:16])) + "0"
	for _, letter := range b[16:] {
		id += string(rune('a' + letter%26))
	}
	return id, nil
}

// URLIDLength is the length of a function URL's id.
const URLIDLength = 32

// Limits of an account's concurrency in a region, as AWS gives them to most accounts (Lambda Developer Guide, "Lambda
// quotas" and "Configuring reserved concurrency").
const (
	DefaultConcurrency = 1000
	// MinUnreserved is what functions cannot reserve or provision: it is left to those without.
	MinUnreserved = 100
	// RequestsPerSecond is how many requests each unit of reserved concurrency takes in a second.
	RequestsPerSecond = 10
)

// Provisioned is the provisioned concurrency of a version or an alias: how many execution environments are kept ready.
type Provisioned struct {
	Concurrency int
	Modified    time.Time
}

// TotalProvisioned is the provisioned concurrency of all versions and aliases of the function.
func (f *Function) TotalProvisioned() int {
	total := 0
	for _, provisioned := range f.Provisioned {
		total += provisioned.Concurrency
	}
	return total
}

// Claim is how much of its account's concurrency the function keeps from others.
func (f *Function) Claim() int {
	if f.Reserved != nil {
		return *f.Reserved
	}
	return f.TotalProvisioned()
}

// EventInvoke says what becomes of the asynchronous invocations of a function, a version or an alias.
type EventInvoke struct {
	MaxRetries *int           // nil for two
	MaxAge     *time.Duration // nil for six hours
	OnSuccess  *string        // ARN of the destination, "" for one without; nil if it was not set
	OnFailure  *string
	Modified   time.Time
}

// Bounds and defaults of asynchronous invocations (API reference of PutFunctionEventInvokeConfig).
const (
	DefaultRetries  = 2
	DefaultEventAge = 6 * time.Hour
)
