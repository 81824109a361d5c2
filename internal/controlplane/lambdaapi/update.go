package lambdaapi

import (
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
)

type updateFunctionCodeInput struct {
	Architectures []string
	DryRun        bool
	FunctionName  string
	RevisionId    *string
	ZipFile       []byte
}

func (in *updateFunctionCodeInput) functionName() (string, *string) { return in.FunctionName, nil }

func (s *service) updateFunctionCode(r *request, in *updateFunctionCodeInput) (any, error) {
	if _, err := r.target.existing(); err != nil {
		return nil, err
	}
	if len(in.ZipFile) == 0 {
		return nil, noCode()
	}
	// Kept before the change, so that unpacking does not hold up the others.
	var code lambda.Function
	if err := s.putCode(r, &code, in.ZipFile); err != nil {
		return nil, err
	}
	return s.change(r, in.RevisionId, in.DryRun, func(_ *state.Snapshot, function *lambda.Function) error {
		function.CodeSHA256, function.CodeHex, function.CodeSize = code.CodeSHA256, code.CodeHex, code.CodeSize
		if len(in.Architectures) > 0 {
			function.Architecture = in.Architectures[0]
		}
		return nil
	})
}

type updateFunctionConfigurationInput struct {
	settings
	FunctionName string
	RevisionId   *string
}

func (in *updateFunctionConfigurationInput) functionName() (string, *string) {
	return in.FunctionName, nil
}

func (s *service) updateFunctionConfiguration(r *request, in *updateFunctionConfigurationInput) (any, error) {
	if _, err := r.target.existing(); err != nil {
		return nil, err
	}
	if err := in.settings.supported(); err != nil {
		return nil, err
	}
	if err := s.checkRuntime(r.Context(), in.Runtime); err != nil {
		return nil, err
	}
	if in.Role != nil {
		if err := r.passRole(*in.Role); err != nil {
			return nil, err
		}
	}
	return s.change(r, in.RevisionId, false, func(world *state.Snapshot, function *lambda.Function) error {
		if in.Role != nil {
			if err := setRole(world, function, *in.Role); err != nil {
				return err
			}
		}
		return in.settings.apply(function)
	})
}

// change makes a change of code or configuration, if the function still has the revision that the request names, and
// has the function's environments retired. A dry run changes nothing and answers as if it had.
func (s *service) change(r *request, revision *string, dryRun bool, edit func(*state.Snapshot, *lambda.Function) error) (any, error) {
	var function *lambda.Function
	update := func(tx *state.Tx) error {
		now, err := current(tx.View().Function, r.target.arn)
		if err != nil {
			return err
		}
		if revision != nil && *revision != now.RevisionID {
			return staleRevision("GetFunction/GetAlias")
		}
		function = now.Clone()
		if err := edit(tx.View(), function); err != nil {
			return err
		}
		if dryRun {
			return nil
		}
		changed(function, r.Call)
		return tx.Put(function)
	}
	if err := r.State.Update(r.Context(), update); err != nil {
		return nil, err
	}
	if dryRun {
		return configurationOf(function, ""), nil
	}
	s.config.Invoker.Retire(function.ARN.Key())
	return configurationOf(function, "").updating(), nil
}
