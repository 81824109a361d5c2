//go:build unix

package lambdaapi

import (
	"bytes"
	"context"
	"encoding/json"
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
	Layers           []string
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
func (s *settings) supported(r *request) error {
	if s.SnapStart != nil && s.SnapStart.ApplyOn != "" && s.SnapStart.ApplyOn != modeOff {
		// The text is recorded in LocalStack's snapshot of test_snapstart_exceptions.
		if s.Runtime != nil && !slices.Contains(snapStart, *s.Runtime) {
			return invalidParameter("%s is not supported for SnapStart enabled functions.", *s.Runtime)
		}
		return unsupported("SnapStart", "environments start without snapshots.")
	}
	if s.MemorySize != nil && *s.MemorySize > lambda.MaxMemoryMB {
		return invalidParameter("'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to %d", lambda.MaxMemoryMB)
	}
	if s.Environment != nil {
		return s.Environment.supported(r)
	}
	return nil
}

// snapStart are the runtimes for which Lambda offers SnapStart (Lambda Developer Guide, "Improving startup performance
// with Lambda SnapStart"). That the runtimes of the newest model are among them is assumed.
var snapStart = []string{
	"java25", "java21", "java17.al2023", "java17", "java11.al2023", "java11",
	"python3.15", "python3.14", "python3.13", "python3.12", "dotnet10", "dotnet8",
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
		if f.Environment == nil {
			f.Environment = map[string]string{}
		}
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
			return invalidParameter("LogLevel is not supported when LogFormat is set to %q. "+
				"Remove LogLevel from your request or change the LogFormat to %q and try again.", formatText, formatJSON)
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
// had and no longer takes. nodejs16.x, python3.8 and dotnet6 were recorded to be taken on 2026-01-12 (LocalStack's
// snapshot of test_create_lambda_exceptions), although the Developer Guide calls them deprecated. nodejs26.x, python3.15
// and those of Java on Amazon Linux 2023 are in the service's model; that they can be created is assumed.
var (
	currentRuntimes = []string{
		"nodejs26.x", "nodejs24.x", "nodejs22.x", "nodejs20.x", "nodejs18.x", "nodejs16.x",
		"python3.15", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python3.9", "python3.8",
		"java25", "java21", "java17.al2023", "java17", "java11.al2023", "java11", "java8.al2023", "java8.al2",
		"dotnet10", "dotnet8", "dotnet6",
		"ruby4.0", "ruby3.4", "ruby3.3", "ruby3.2", "provided.al2023", "provided.al2",
	}
	retiredRuntimes = []string{
		"nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x",
		"python2.7", "python3.6", "python3.7", "java8",
		"dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "go1.x", "ruby2.5", "ruby2.7", "provided",
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

func (e *environment) supported(r *request) error {
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
	if len(wire.JSON(e.Variables)) > lambda.MaxEnvironment {
		return invalidParameter(notConfigured+"exceeded the 4KB limit. String measured: %s", measured(r.Body))
	}
	return nil
}

// measured is the environment of a request's body with its variables in the order in which they stand there, as AWS
// was recorded to repeat them (LocalStack's snapshot of test_large_environment_fails_multiple_keys). The body has been
// decoded before: it is sound.
func measured(body []byte) []byte {
	var given struct {
		Environment struct{ Variables json.RawMessage }
	}
	json.Unmarshal(body, &given)
	tokens := json.NewDecoder(bytes.NewReader(given.Environment.Variables))
	text := []byte{'{'}
	for before, _ := tokens.Token(); before != nil && tokens.More(); {
		name, _ := tokens.Token()
		value, _ := tokens.Token()
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(append(append(text, wire.JSON(name)...), ':'), wire.JSON(value)...)
	}
	return append(text, '}')
}
