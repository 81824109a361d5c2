//go:build unix

package lambdaapi_test

import (
	"encoding/json"
	"strings"
)

// fault is an error answer that a test expects.
type fault struct {
	status int
	name   string
	body   string
}

func (s *server) expect(r request, want fault) {
	s.t.Helper()
	got := s.do(r)
	if got.status != want.status || got.name != want.name || got.body != want.body {
		s.t.Errorf("%s %s %.200s:\n got %d %s %s\nwant %d %s %s", r.method, r.path, r.body, got.status, got.name, got.body, want.status, want.name, want.body)
	}
	if got.status >= 500 && s.plane.Log.String() == "" {
		s.t.Errorf("%s %s: %d without a line in the log", r.method, r.path, got.status)
	}
}

func invalid(message string) fault {
	return fault{400, "InvalidParameterValueException", `{"Type":"User","message":` + quote(message) + `}`}
}

func violates(message string) fault {
	return fault{400, "ValidationException", `{"message":` + quote(message) + `}`}
}

func missing(message string) fault {
	return fault{404, "ResourceNotFoundException", `{"Type":"User","Message":` + quote(message) + `}`}
}

func conflicts(message string) fault {
	return fault{409, "ResourceConflictException", `{"Type":"User","message":` + quote(message) + `}`}
}

func denied(message string) fault {
	return fault{403, "AccessDeniedException", `{"Message":` + quote(message) + `}`}
}

func unreadable(message string) fault {
	return fault{400, "SerializationException", `{"Message":` + quote(message) + `}`}
}

func quote(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
