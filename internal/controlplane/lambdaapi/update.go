package lambdaapi

import (
	"encoding/json"
	"slices"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
)

type updateFunctionCodeInput struct {
	codeLocation
	Architectures []*string
	DryRun        *bool
	FunctionName  *string `json:"-"`
	Publish       *bool
	PublishTo     json.RawMessage
	RevisionID    *string `json:"RevisionId"`
	ZipFile       []byte
}

func (in *updateFunctionCodeInput) take(p parameters) { in.FunctionName = p.fromPath("FunctionName") }

func (in *updateFunctionCodeInput) functionName() (string, *string) { return *in.FunctionName, nil }

func (in *updateFunctionCodeInput) check() violations {
	return slices.Concat(
		checkFunctionName(in.FunctionName, functionName, maxFunctionName),
		checkArchitectures(in.Architectures),
	)
}

func (in *updateFunctionCodeInput) supported() error {
	switch {
	case in.Publish != nil && *in.Publish:
		return unsupported("Publish", "functions have no versions but $LATEST.")
	case !meansNothing(in.PublishTo):
		return unsupported("PublishTo", "functions have no versions but $LATEST.")
	}
	return in.codeLocation.supported(in.ZipFile)
}

func (a *API) updateFunctionCode(r *request, in *updateFunctionCodeInput) (any, error) {
	if _, err := r.target.existing(); err != nil {
		return nil, err
	}
	if err := in.supported(); err != nil {
		return nil, err
	}
	// Kept before the change, so that unpacking does not hold up the others.
	var code lambda.Function
	if err := a.putCode(r, &code, in.ZipFile); err != nil {
		return nil, err
	}
	return a.change(r, in.RevisionID, in.DryRun != nil && *in.DryRun, func(_ *state.Snapshot, function *lambda.Function) error {
		function.CodeSHA256, function.CodeHex, function.CodeSize = code.CodeSHA256, code.CodeHex, code.CodeSize
		if len(in.Architectures) > 0 {
			function.Architecture = *in.Architectures[0]
		}
		return nil
	})
}

type updateFunctionConfigurationInput struct {
	settings
	FunctionName *string `json:"-"`
	RevisionID   *string `json:"RevisionId"`
}

func (in *updateFunctionConfigurationInput) take(p parameters) {
	in.FunctionName = p.fromPath("FunctionName")
}

func (in *updateFunctionConfigurationInput) functionName() (string, *string) {
	return *in.FunctionName, nil
}

func (in *updateFunctionConfigurationInput) check() violations {
	return slices.Concat(checkFunctionName(in.FunctionName, functionName, maxFunctionName), in.settings.check())
}

func (a *API) updateFunctionConfiguration(r *request, in *updateFunctionConfigurationInput) (any, error) {
	if _, err := r.target.existing(); err != nil {
		return nil, err
	}
	if err := in.settings.supported(); err != nil {
		return nil, err
	}
	if err := a.checkRuntime(r.Context(), in.Runtime); err != nil {
		return nil, err
	}
	if in.Role != nil {
		if err := r.passRole(*in.Role); err != nil {
			return nil, err
		}
	}
	return a.change(r, in.RevisionID, false, func(world *state.Snapshot, function *lambda.Function) error {
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
func (a *API) change(r *request, revision *string, dryRun bool, edit func(*state.Snapshot, *lambda.Function) error) (any, error) {
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
		return tx.PutFunction(function)
	}
	if err := r.State.Update(r.Context(), update); err != nil {
		return nil, err
	}
	if dryRun {
		return configurationOf(function, ""), nil
	}
	a.config.Invoker.Retire(function.ARN.Key())
	return configurationOf(function, "").updating(), nil
}
