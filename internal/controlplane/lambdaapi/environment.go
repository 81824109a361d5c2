package lambdaapi

import (
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
)

// environment are a function's environment variables.
type environment struct {
	Variables map[string]*string
}

const notConfigured = "Lambda was unable to configure your environment variables because the environment variables you have provided "

func (e *environment) supported() error {
	var used []string
	for _, name := range slices.Sorted(maps.Keys(e.Variables)) {
		switch value := e.Variables[name]; {
		case lambda.ReservedVariable(name):
			used = append(used, name)
		case value == nil:
			return validation("Value at 'environment.variables' failed to satisfy constraint: Map values must satisfy constraint: [Member must not be null]")
		case strings.ContainsRune(*value, 0):
			return invalidParameter("The value of the environment variable %s has a NUL character, which no process can be given.", name)
		}
	}
	if used != nil {
		return invalidParameter(notConfigured+"contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s",
			strings.Join(used, ", "))
	}
	if text := marshal(e.values()); len(text) > lambda.MaxEnvironment {
		return invalidParameter(notConfigured+"exceeded the 4KB limit. String measured: %s", text)
	}
	return nil
}

func (e *environment) values() map[string]string {
	values := make(map[string]string, len(e.Variables))
	for name, value := range e.Variables {
		if value != nil {
			values[name] = *value
		}
	}
	return values
}
