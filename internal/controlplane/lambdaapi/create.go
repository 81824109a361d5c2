//go:build unix

package lambdaapi

import (
	"context"
	"errors"
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

type createFunctionInput struct {
	settings
	functionInput
	Architectures []string
	Code          codeInput
	PackageType   string
	Publish       bool
	Tags          map[string]*string
}

const architectureX86 = "x86_64"

// facts are the condition keys for tags and layers that come with the request.
func (in *createFunctionInput) facts(target) []auth.Fact {
	return append(requestTags(in.Tags), layerFacts(in.Layers)...)
}

func (in *createFunctionInput) supported(r *request) error {
	switch {
	case in.PackageType == "Image":
		return unsupported("PackageType Image", "it runs .zip packages, not container images.")
	case in.Runtime == nil || in.Handler == nil:
		return invalidParameter("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	}
	if err := in.Code.supported("Code."); err != nil {
		return err
	}
	if err := checkTags(nil, in.Tags); err != nil {
		return err
	}
	return in.settings.supported(r)
}

func (s *service) createFunction(r *request, in *createFunctionInput) (any, error) {
	if err := in.supported(r); err != nil {
		return nil, err
	}
	if err := s.checkRuntime(r.Context(), in.Runtime); err != nil {
		return nil, err
	}
	if err := r.passRole(*in.Role); err != nil {
		return nil, err
	}
	if err := r.tagNew(in.Tags); err != nil {
		return nil, err
	}
	layers, err := in.layers(r)
	if err != nil {
		return nil, err
	}
	if r.target.function != nil {
		return nil, alreadyExists(r.target.arn)
	}
	function, err := newFunction(r, in)
	if err != nil {
		return nil, err
	}
	function.Layers = layers
	// The role is looked at before the package is unpacked, and again when the function is saved.
	if err := setRole(r.State.Now(), function, *in.Role); err != nil {
		return nil, err
	}
	if err := s.putCode(r, &function.Configuration, in.Code); err != nil {
		return nil, err
	}
	shown := resolve.Latest(function)
	err = r.State.Update(r.Context(), func(tx *state.Tx) error {
		if _, exists := tx.View().Function(function.ARN); exists {
			return alreadyExists(function.ARN)
		}
		if err := setRole(tx.View(), function, *in.Role); err != nil {
			return err
		}
		if in.Publish {
			version, _, err := publish(tx, function, nil)
			if err != nil {
				return err
			}
			// The answer names the version, and not in the ARN (recorded in LocalStack's snapshot of
			// test_publish_version_on_create).
			shown.Version = resolve.Published(function, version).Version
		}
		return tx.Put(function)
	})
	if err != nil {
		return nil, err
	}
	return s.changing.begin(r, shown, true), nil
}

func newFunction(r *request, in *createFunctionInput) (*lambda.Function, error) {
	function := &lambda.Function{
		ARN:  r.target.arn,
		Tags: tagValues(in.Tags),
		Configuration: lambda.Configuration{
			Timeout:      lambda.DefaultTimeout,
			MemoryMB:     lambda.DefaultMemoryMB,
			EphemeralMB:  lambda.DefaultEphemeralMB,
			Architecture: architectureX86,
			TracingMode:  passThrough,
			LogFormat:    formatText,
			LogGroup:     logGroup(r.target.arn.Name),
		},
	}
	if len(in.Architectures) > 0 {
		function.Architecture = in.Architectures[0]
	}
	if err := in.settings.apply(function); err != nil {
		return nil, err
	}
	changed(function, r.Call)
	return function, nil
}

// changed marks a function as changed in code or configuration: a new revision, modified now.
func changed(function *lambda.Function, call *controlplane.Call) {
	function.RevisionID = trace.NewRequestID() // a revision id is a UUID too
	function.LastModified = call.Now.UTC().Truncate(time.Millisecond)
}

// keep keeps a package, and says what is wrong with it as AWS does.
func (s *service) keep(ctx context.Context, zip []byte) (code.Package, error) {
	kept, err := s.config.Code.Put(ctx, zip)
	switch {
	case errors.Is(err, code.ErrNotZip):
		err = invalidParameter("Could not unzip uploaded file. Please check your file, then try to upload again.")
	case errors.Is(err, code.ErrEmpty): // as in dumrauf/serverless_static_website_with_basic_auth#17, and many others
		err = invalidParameter("Uploaded file must be a non-empty zip")
	case errors.Is(err, code.ErrZippedTooLarge):
		err = wire.Errorf("RequestEntityTooLargeException", "Zipped size must be smaller than 52428800 bytes")
	case errors.Is(err, code.ErrUnzippedTooLarge):
		err = invalidParameter("Unzipped size must be smaller than 262144000 bytes")
	case errors.Is(err, code.ErrUnsafeEntry), errors.Is(err, code.ErrTooManyEntries):
		err = invalidParameter("%v", err)
	}
	return kept, err
}

// checkPackage refuses code and layers that lack what the runtime needs of them here.
func (s *service) checkPackage(ctx context.Context, function *lambda.Configuration) error {
	packages, ok := s.config.Runtimes.(Packages)
	if !ok {
		return nil
	}
	err := packages.Packaged(ctx, function)
	if err == nil || machine.Lacking(err) != nil { // it may run here all the same
		return err
	}
	return invalidParameter("%v", err)
}

func alreadyExists(arn lambda.ARN) *wire.Error {
	return conflict("Function already exist: %s", arn.Name)
}
