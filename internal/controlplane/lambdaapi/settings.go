package lambdaapi

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/machine"
)

// settings are the members that CreateFunction and UpdateFunctionConfiguration share. One that is nil is left as it
// is, or at its default.
type settings struct {
	Description      *string
	Environment      *environment
	EphemeralStorage *struct{ Size *int }
	Handler          *string
	LoggingConfig    *loggingConfig
	MemorySize       *int
	Role             *string
	Runtime          *string
	SnapStart        *struct{ ApplyOn *string }
	Timeout          *int
	TracingConfig    *struct{ Mode *string }

	// Members that furl can not give their meaning. They are refused unless they mean nothing.
	CapacityProviderConfig json.RawMessage
	DeadLetterConfig       json.RawMessage
	DurableConfig          json.RawMessage
	FileSystemConfigs      json.RawMessage
	ImageConfig            json.RawMessage
	KMSKeyArn              json.RawMessage
	Layers                 json.RawMessage
	VpcConfig              json.RawMessage
}

type loggingConfig struct {
	ApplicationLogLevel *string
	LogFormat           *string
	LogGroup            *string
	SystemLogLevel      *string
}

const (
	maxModelMemory = 32768 // what the model takes; a function that is not on a managed instance has no more than MaxMemoryMB
	modeOff        = "None"
	passThrough    = "PassThrough"
	formatText     = "Text"
	formatJSON     = "JSON"
	levelInfo      = "INFO"
)

func (s *settings) check() violations {
	v := slices.Concat(
		check("description", s.Description, maxLength(lambda.MaxDescription)),
		check("handler", s.Handler, maxLength(lambda.MaxHandler), handlerName),
		check("memorySize", s.MemorySize, atLeast(lambda.MinMemoryMB), atMost(maxModelMemory)),
		check("role", s.Role, roleARN),
		check("timeout", s.Timeout, atLeast(1), atMost(int(lambda.MaxTimeout/time.Second))),
	)
	if s.Environment != nil {
		v = append(v, checkKeys("environment.variables", s.Environment.Variables, variableName)...)
	}
	if s.EphemeralStorage != nil {
		v = slices.Concat(v, required("ephemeralStorage.size", s.EphemeralStorage.Size),
			check("ephemeralStorage.size", s.EphemeralStorage.Size, atLeast(lambda.DefaultEphemeralMB), atMost(lambda.MaxEphemeralMB)))
	}
	if s.SnapStart != nil {
		v = append(v, check("snapStart.applyOn", s.SnapStart.ApplyOn, oneOf("PublishedVersions", modeOff))...)
	}
	if s.TracingConfig != nil {
		v = append(v, check("tracingConfig.mode", s.TracingConfig.Mode, oneOf("Active", passThrough))...)
	}
	if l := s.LoggingConfig; l != nil {
		v = slices.Concat(v,
			check("loggingConfig.applicationLogLevel", l.ApplicationLogLevel, oneOf("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")),
			check("loggingConfig.logFormat", l.LogFormat, oneOf(formatJSON, formatText)),
			check("loggingConfig.logGroup", l.LogGroup, minLength(1), maxLength(512), logGroupName),
			check("loggingConfig.systemLogLevel", l.SystemLogLevel, oneOf("DEBUG", "INFO", "WARN")),
		)
	}
	return v
}

// supported refuses what furl does not have, and what the model lets pass but Lambda does not.
func (s *settings) supported() error {
	for _, absent := range []struct {
		member  string
		value   json.RawMessage
		instead string
	}{
		{"CapacityProviderConfig", s.CapacityProviderConfig, "functions run as processes of this machine."},
		{"DeadLetterConfig", s.DeadLetterConfig, "there is no queue or topic to send to."},
		{"DurableConfig", s.DurableConfig, "it has no durable functions."},
		{"FileSystemConfigs", s.FileSystemConfigs, "functions see this machine's file system."},
		{"ImageConfig", s.ImageConfig, "it runs .zip packages, not container images."},
		{"KMSKeyArn", s.KMSKeyArn, "environment variables are not encrypted here."},
		{"Layers", s.Layers, "put what the layer holds into the package."},
		{"VpcConfig", s.VpcConfig, "functions use this machine's network."},
	} {
		if !meansNothing(absent.value) {
			return unsupported(absent.member, absent.instead)
		}
	}
	if s.SnapStart != nil && s.SnapStart.ApplyOn != nil && *s.SnapStart.ApplyOn != modeOff {
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

// meansNothing reports whether a member is absent, null, empty, false, or made of nothing but such: clients send
// these for what the user did not ask for.
func meansNothing(value json.RawMessage) bool {
	var parsed any
	if len(bytes.TrimSpace(value)) == 0 || json.Unmarshal(value, &parsed) != nil {
		return len(value) == 0
	}
	return isEmpty(parsed)
}

func isEmpty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return value == ""
	case bool:
		return !value
	case []any:
		return !slices.ContainsFunc(value, func(item any) bool { return !isEmpty(item) })
	case map[string]any:
		for _, item := range value {
			if !isEmpty(item) {
				return false
			}
		}
		return true
	default:
		return false
	}
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
		set(&f.EphemeralMB, s.EphemeralStorage.Size)
	}
	if s.TracingConfig != nil {
		set(&f.TracingMode, s.TracingConfig.Mode)
	}
	if s.Environment != nil {
		f.Environment = s.Environment.values()
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

// checkRuntime refuses a runtime that AWS Lambda does not have, no longer takes, or that can not run here.
func (a *API) checkRuntime(ctx context.Context, runtime *string) error {
	switch {
	case runtime == nil:
		return nil
	case slices.Contains(retiredRuntimes, *runtime):
		return invalidParameter("The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.", *runtime)
	case !slices.Contains(currentRuntimes, *runtime):
		return invalidParameter("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s] or be a valid ARN",
			cut(*runtime), strings.Join(currentRuntimes, ", "))
	}
	switch err := a.config.Runtimes.Supported(ctx, *runtime); {
	case machine.Lacking(err) != nil:
		return err // it may run here all the same
	case err != nil:
		return invalidParameter("%v", err)
	}
	return nil
}
