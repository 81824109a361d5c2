package lambdaapi

import (
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
)

// environment are a function's environment variables.
type environment struct {
	Variables map[string]string
}

// reserved are the variables that Lambda sets itself (Lambda Developer Guide, "Defined runtime environment variables").
var reserved = []string{
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
	"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_HANDLER", "_X_AMZN_TRACE_ID",
}

const notConfigured = "Lambda was unable to configure your environment variables because the environment variables you have provided "

func (e *environment) supported() error {
	var used []string
	for _, name := range slices.Sorted(maps.Keys(e.Variables)) {
		switch value := e.Variables[name]; {
		case slices.Contains(reserved, name):
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
