package lambdaapi

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/machine"
)

// settings are the members that CreateFunction and UpdateFunctionConfiguration share. One that is nil is left as it
// is, or at its default.
type settings struct {
	Description      *string
	Environment      *environment
	EphemeralStorage *struct{ Size int }
	Handler          *string
	LoggingConfig    *loggingConfig
	MemorySize       *int
	Role             *string
	Runtime          *string
	SnapStart        *struct{ ApplyOn string }
	Timeout          *int
	TracingConfig    *struct{ Mode *string }
}

type loggingConfig struct {
	ApplicationLogLevel *string
	LogFormat           *string
	LogGroup            *string
	SystemLogLevel      *string
}

const (
	modeOff     = "None"
	passThrough = "PassThrough"
	formatText  = "Text"
	formatJSON  = "JSON"
	levelInfo   = "INFO"
)

// supported refuses what the model lets pass but Lambda, or furl, does not.
func (s *settings) supported() error {
	if s.SnapStart != nil && s.SnapStart.ApplyOn != "" && s.SnapStart.ApplyOn != modeOff {
		return unsupported("SnapStart", "it only has an effect on published versions, which furl does not have.")
	}
	if s.MemorySize != nil && *s.MemorySize > lambda.MaxMemoryMB {
		return invalidParameter("'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to %d", lambda.MaxMemoryMB)
	}
	if s.Environment != nil {
		return s.Environment.supported()
	}
	return nil
}

// apply sets what is given on a function. The role is not among it: see role.go.
func (s *settings) apply(f *lambda.Function) error {
	set(&f.Description, s.Description)
	set(&f.Handler, s.Handler)
	set(&f.MemoryMB, s.MemorySize)
	set(&f.Runtime, s.Runtime)
	if s.Timeout != nil {
		f.Timeout = time.Duration(*s.Timeout) * time.Second
	}
	if s.EphemeralStorage != nil {
		f.EphemeralMB = s.EphemeralStorage.Size
	}
	if s.TracingConfig != nil {
		set(&f.TracingMode, s.TracingConfig.Mode)
	}
	if s.Environment != nil {
		f.Environment = s.Environment.Variables
	}
	if l := s.LoggingConfig; l != nil {
		set(&f.LogFormat, l.LogFormat)
		set(&f.LogGroup, l.LogGroup)
		set(&f.ApplicationLogLevel, l.ApplicationLogLevel)
		set(&f.SystemLogLevel, l.SystemLogLevel)
		switch {
		case f.LogFormat == formatJSON:
			setDefault(&f.ApplicationLogLevel, levelInfo)
			setDefault(&f.SystemLogLevel, levelInfo)
		case l.ApplicationLogLevel != nil || l.SystemLogLevel != nil:
			return invalidParameter("Log levels need LoggingConfig.LogFormat %s; it is %s.", formatJSON, f.LogFormat)
		default:
			f.ApplicationLogLevel, f.SystemLogLevel = "", ""
		}
	}
	return nil
}

func set[V any](field *V, value *V) {
	if value != nil {
		*field = *value
	}
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// logGroup is the name of a function's log group unless it has another.
func logGroup(name string) string { return "/aws/lambda/" + name }

// runtimes that functions can be made for, in the order in which messages list them, and those that AWS Lambda once
// had and no longer takes (Lambda Developer Guide, "Lambda runtimes").
var (
	currentRuntimes = []string{
		"nodejs24.x", "nodejs22.x", "nodejs20.x", "nodejs18.x",
		"python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python3.9",
		"java25", "java21", "java17", "java11", "java8.al2", "dotnet10", "dotnet8",
		"ruby4.0", "ruby3.4", "ruby3.3", "ruby3.2", "provided.al2023", "provided.al2",
	}
	retiredRuntimes = []string{
		"nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x", "nodejs16.x",
		"python2.7", "python3.6", "python3.7", "python3.8", "java8",
		"dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "dotnet6", "go1.x", "ruby2.5", "ruby2.7", "provided",
	}
)

// checkRuntime refuses a runtime that AWS Lambda does not have, no longer takes, or that cannot run here.
func (s *service) checkRuntime(ctx context.Context, runtime *string) error {
	switch {
	case runtime == nil:
		return nil
	case slices.Contains(retiredRuntimes, *runtime):
		return invalidParameter("The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.", *runtime)
	case !slices.Contains(currentRuntimes, *runtime):
		return invalidParameter("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s] or be a valid ARN",
			*runtime, strings.Join(currentRuntimes, ", "))
	}
	switch err := s.config.Runtimes.Supported(ctx, *runtime); {
	case machine.Lacking(err) != nil:
		return err // it may run here all the same
	case err != nil:
		return invalidParameter("%v", err)
	}
	return nil
}

// environment are a function's environment variables.
type environment struct {
	Variables map[string]string
}

const notConfigured = "Lambda was unable to configure your environment variables because the environment variables you have provided "

func (e *environment) supported() error {
	var used []string
	for _, name := range slices.Sorted(maps.Keys(e.Variables)) {
		switch value := e.Variables[name]; {
		case lambda.ReservedVariable(name):
			used = append(used, name)
		case strings.ContainsRune(value, 0):
			return invalidParameter("The value of the environment variable %s has a NUL character, which no process can be given.", name)
		}
	}
	if used != nil {
		return invalidParameter(notConfigured+"contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s",
			strings.Join(used, ", "))
	}
	if text := wire.JSON(e.Variables); len(text) > lambda.MaxEnvironment {
		return invalidParameter(notConfigured+"exceeded the 4KB limit. String measured: %s", text)
	}
	return nil
}
