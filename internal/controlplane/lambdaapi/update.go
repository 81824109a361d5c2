//go:build unix

package lambdaapi

import (
	"context"
	"errors"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
)

type updateFunctionCodeInput struct {
	functionInput
	Architectures []string
	DryRun        bool
	ImageUri      *string
	Publish       bool
	RevisionId    *string
	codeInput
}

func (s *service) updateFunctionCode(r *request, in *updateFunctionCodeInput) (any, error) {
	existing, err := r.target.whole()
	if err != nil {
		return nil, err
	}
	if in.ImageUri != nil {
		// The text is recorded in LocalStack's snapshot of test_lambda_zip_file_to_image.
		return nil, invalidParameter("Please don't provide ImageUri when updating a function with packageType Zip.")
	}
	if err := in.codeInput.supported(""); err != nil {
		return nil, err
	}
	// Kept before the change, so that unpacking does not hold up the others.
	code := lambda.Configuration{Runtime: existing.Runtime, Layers: existing.Layers}
	if err := s.putCode(r, &code, in.codeInput); err != nil {
		return nil, err
	}
	options := changeOptions{revision: in.RevisionId, dryRun: in.DryRun, publish: in.Publish, reload: code.CodeDir}
	return s.change(r, options, func(_ *state.Snapshot, function *lambda.Function) error {
		setCode(&function.Configuration, &code)
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
	existing, err := r.target.whole()
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
	return s.change(r, changeOptions{revision: in.RevisionId}, func(world *state.Snapshot, function *lambda.Function) error {
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
	changed := lambda.Configuration{Runtime: existing.Runtime, Layers: layers}
	setCode(&changed, &existing.Configuration)
	set(&changed.Runtime, in.Runtime)
	return s.checkPackage(ctx, &changed)
}

// errDryRun ends a change that is to leave everything as it is.
var errDryRun = errors.New("dry run")

// changeOptions say how a change of code or configuration is to be made.
type changeOptions struct {
	revision *string // that the function still must have, if it is not nil
	dryRun   bool    // change nothing, and answer as if it had been done
	publish  bool
	reload   string // the directory that is its code from now on, "" for none
}

// change makes a change of code or configuration, and has the environments of $LATEST retired.
func (s *service) change(r *request, options changeOptions, edit func(*state.Snapshot, *lambda.Function) error) (any, error) {
	var shown resolve.Target
	var updating configuration
	err := r.change(options.revision, "GetFunction/GetAlias", func(tx *state.Tx, function *lambda.Function) error {
		shown = resolve.Latest(function)
		if !options.dryRun {
			if err := s.changing.conflict(r); err != nil {
				return err
			}
		}
		if err := edit(tx.View(), function); err != nil {
			return err
		}
		if options.dryRun {
			return errDryRun
		}
		changed(function, r.Call)
		begun := shown
		if options.publish {
			version, isNew, err := publish(tx, function, nil)
			if err != nil {
				return err
			}
			shown = resolve.Published(function, version)
			if isNew {
				begun = shown
			}
		}
		updating = s.changing.begin(r, begun, false) // in the transaction, so that of two updates one is refused
		return nil
	})
	if errors.Is(err, errDryRun) {
		return configurationOf(shown), nil
	}
	if err != nil {
		if updating.RevisionId != "" {
			s.changing.undo(shown.Function)
		}
		return nil, err
	}
	if options.reload != "" {
		s.config.Invoker.Reload(options.reload)
	} else {
		latest := r.target.arn
		latest.Qualifier = lambda.Latest
		s.config.Invoker.Retire(latest)
	}
	if updating.Version != shown.Version.Number { // the version was there before
		return configurationOf(shown), nil
	}
	return updating, nil
}
