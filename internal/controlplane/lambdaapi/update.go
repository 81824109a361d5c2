package lambdaapi

import (
	"context"
	"errors"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
)

type updateFunctionCodeInput struct {
	functionInput
	Architectures []string
	DryRun        bool
	ImageUri      *string
	RevisionId    *string
	ZipFile       []byte
}

func (s *service) updateFunctionCode(r *request, in *updateFunctionCodeInput) (any, error) {
	existing, err := r.target.existing()
	if err != nil {
		return nil, err
	}
	if in.ImageUri != nil {
		// The text is recorded in LocalStack's snapshot of test_lambda_zip_file_to_image.
		return nil, invalidParameter("Please don't provide ImageUri when updating a function with packageType Zip.")
	}
	if len(in.ZipFile) == 0 {
		return nil, noCode()
	}
	// Kept before the change, so that unpacking does not hold up the others.
	code := lambda.Configuration{Runtime: existing.Runtime, Layers: existing.Layers}
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
	functionInput
	RevisionId *string
}

// facts are the condition keys for layers that come with the request.
func (in *updateFunctionConfigurationInput) facts(target) []auth.Fact { return layerFacts(in.Layers) }

func (s *service) updateFunctionConfiguration(r *request, in *updateFunctionConfigurationInput) (any, error) {
	existing, err := r.target.existing()
	if err != nil {
		return nil, err
	}
	if err := in.settings.supported(r); err != nil {
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
	layers, err := in.layers(r)
	if err != nil {
		return nil, err
	}
	if in.Layers != nil {
		if err := s.checkLayers(r.Context(), in, existing, layers); err != nil {
			return nil, err
		}
	}
	return s.change(r, in.RevisionId, false, func(world *state.Snapshot, function *lambda.Function) error {
		if in.Layers != nil {
			function.Layers = layers
		}
		if in.Role != nil {
			if err := setRole(world, function, *in.Role); err != nil {
				return err
			}
		}
		return in.settings.apply(function)
	})
}

// checkLayers refuses layers that do not go with the function's code.
func (s *service) checkLayers(
	ctx context.Context, in *updateFunctionConfigurationInput, existing *lambda.Function, layers []lambda.LayerRef,
) error {
	if err := s.checkSize(existing.CodeHex, layers); err != nil {
		return err
	}
	changed := lambda.Configuration{Runtime: existing.Runtime, CodeHex: existing.CodeHex, Layers: layers}
	set(&changed.Runtime, in.Runtime)
	return s.checkPackage(ctx, &changed)
}

// errDryRun ends a change that is to leave everything as it is.
var errDryRun = errors.New("dry run")

// change makes a change of code or configuration, if the function still has the revision that the request names, and
// has the function's environments retired. A dry run changes nothing and answers as if it had.
func (s *service) change(
	r *request, revision *string, dryRun bool, edit func(*state.Snapshot, *lambda.Function) error,
) (any, error) {
	var function *lambda.Function
	var updating configuration
	err := r.change(revision, "GetFunction/GetAlias", func(world *state.Snapshot, now *lambda.Function) error {
		function = now
		if !dryRun {
			if err := s.changing.conflict(r); err != nil {
				return err
			}
		}
		if err := edit(world, function); err != nil {
			return err
		}
		if dryRun {
			return errDryRun
		}
		changed(function, r.Call)
		updating = s.changing.begin(r, function, false) // in the transaction, so that of two updates one is refused
		return nil
	})
	if errors.Is(err, errDryRun) {
		return configurationOf(function, ""), nil
	}
	if err != nil {
		if updating.RevisionId != "" {
			s.changing.undo(function)
		}
		return nil, err
	}
	latest := function.ARN
	latest.Qualifier = lambda.Latest
	s.config.Invoker.Retire(latest)
	return updating, nil
}
