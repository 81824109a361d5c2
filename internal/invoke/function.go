package invoke

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
)

// functions remembers what each function looked like to its environments, so that a warm invocation resolves
// nothing. There is one entry per function, which the function's next version replaces.
type functions struct {
	byKey sync.Map // ARN.Key() → resolved
}

type resolved struct {
	from *lambda.Function
	to   *runtime.Function
}

func (f *functions) get(function *lambda.Function, resolve func(*lambda.Function) (*runtime.Function, error)) (*runtime.Function, error) {
	key := function.ARN.Key()
	known, ok := f.byKey.Load(key)
	if ok && known.(resolved).from == function {
		return known.(resolved).to, nil
	}
	to, err := resolve(function)
	if err != nil {
		return nil, err
	}
	// A change that environments do not see, as of a tag or the policy, keeps them.
	if ok && known.(resolved).to.Key == to.Key {
		to = known.(resolved).to
	}
	f.byKey.Store(key, resolved{from: function, to: to})
	return to, nil
}

// Retire ends the environments of a function that was changed or deleted, named by ARN.Key: idle ones at once, busy
// ones after their invocation.
func (s *Service) Retire(functionKey string) {
	if known, ok := s.functions.byKey.LoadAndDelete(functionKey); ok {
		s.Runner.Retire(known.(resolved).to.Key)
	}
	s.retireSession(functionKey)
}

// fingerprint identifies everything about a function that its environments depend on.
func fingerprint(function *lambda.Function) string {
	seen := struct {
		ARN                            string
		Runtime, Handler, Role, RoleID string
		Timeout, MemoryMB, EphemeralMB int
		Architecture, LogFormat, Code  string
		Environment                    map[string]string
	}{
		function.ARN.String(), function.Runtime, function.Handler, function.Role, function.RoleID,
		int(function.Timeout), function.MemoryMB, function.EphemeralMB,
		function.Architecture, function.LogFormat, function.CodeHex, function.Environment,
	}
	text, err := json.Marshal(seen)
	if err != nil {
		panic(err) // strings and integers always marshal
	}
	sum := sha256.Sum256(text)
	return function.ARN.Key() + "/" + lambda.Latest + "/" + hex.EncodeToString(sum[:])
}
