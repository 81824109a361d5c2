package lambdaapi

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

type createFunctionInput struct {
	settings
	Architectures []*string
	Code          *struct {
		codeLocation
		ZipFile []byte
	}
	FunctionName *string
	PackageType  *string
	Publish      *bool
	Tags         map[string]*string

	// Members that furl can not give their meaning.
	CodeSigningConfigArn json.RawMessage
	PublishTo            json.RawMessage
	TenancyConfig        json.RawMessage
}

// codeLocation is where else than in the request code could be.
type codeLocation struct {
	ImageUri        json.RawMessage
	S3Bucket        json.RawMessage
	S3Key           json.RawMessage
	SourceKMSKeyArn json.RawMessage
}

func (in *createFunctionInput) take(parameters) {}

func (in *createFunctionInput) functionName() (string, *string) { return *in.FunctionName, nil }

func (in *createFunctionInput) check() violations {
	return slices.Concat(
		checkFunctionName(in.FunctionName, functionName, maxFunctionName),
		required("role", in.Role),
		required("code", in.Code),
		check("packageType", in.PackageType, oneOf("Image", "Zip")),
		checkArchitectures(in.Architectures),
		in.settings.check(),
	)
}

// The longest names of functions, ARNs included, for operations that take no version in the name and those that do.
const (
	maxFunctionName   = 140
	maxNamespacedName = 170
)

// checkFunctionName holds a function's name against its pattern. A name that is not part of an ARN has its own,
// shorter limit.
func checkFunctionName(name *string, form rule[string], longest int) violations {
	if name != nil && !slices.Contains([]byte(*name), ':') {
		longest = lambda.MaxNameLength
	}
	return slices.Concat(required("functionName", name), check("functionName", name, form, maxLength(longest), minLength(1)))
}

func checkArchitectures(list []*string) violations {
	return checkList("architectures", list, each(oneOf(architectureX86, "arm64")), atLeastItems(1), atMostItems(1))
}

const architectureX86 = "x86_64"

// facts are the condition keys for tags that come with the request.
func (in *createFunctionInput) facts(target) []auth.Fact { return requestTags(in.Tags) }

func (in *createFunctionInput) supported() error {
	switch {
	case in.PackageType != nil && *in.PackageType != "Zip":
		return unsupported("PackageType Image", "it runs .zip packages, not container images.")
	case in.Publish != nil && *in.Publish:
		return unsupported("Publish", "functions have no versions but $LATEST.")
	case in.Runtime == nil || in.Handler == nil:
		return invalidParameter("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	case !meansNothing(in.CodeSigningConfigArn):
		return unsupported("CodeSigningConfigArn", "it does not check code signatures.")
	case !meansNothing(in.PublishTo):
		return unsupported("PublishTo", "functions have no versions but $LATEST.")
	case !meansNothing(in.TenancyConfig):
		return unsupported("TenancyConfig", "it has no tenant isolation.")
	}
	if err := in.Code.supported(in.Code.ZipFile); err != nil {
		return err
	}
	if err := checkTags(nil, in.Tags); err != nil {
		return err
	}
	return in.settings.supported()
}

// supported refuses code that is not in the request itself.
func (c *codeLocation) supported(zip []byte) error {
	switch {
	case !meansNothing(c.ImageUri):
		return unsupported("ImageUri", "it runs .zip packages, not container images.")
	case !meansNothing(c.S3Bucket) || !meansNothing(c.S3Key):
		return unsupported("S3Bucket and S3Key", "send the package as ZipFile.")
	case !meansNothing(c.SourceKMSKeyArn):
		return unsupported("SourceKMSKeyArn", "packages are not encrypted here.")
	case len(zip) == 0:
		return invalidParameter("Please provide a source for function code.")
	}
	return nil
}

func (a *API) createFunction(r *request, in *createFunctionInput) (any, error) {
	if r.target.arn.Qualifier != "" {
		return nil, invalidParameter("A function is created without a version or alias: leave :%s out of FunctionName.", r.target.arn.Qualifier)
	}
	if err := in.supported(); err != nil {
		return nil, err
	}
	if err := a.checkRuntime(r.Context(), in.Runtime); err != nil {
		return nil, err
	}
	if err := r.passRole(*in.Role); err != nil {
		return nil, err
	}
	if r.target.function != nil {
		return nil, alreadyExists(r.target.arn)
	}
	function, err := newFunction(r, in)
	if err != nil {
		return nil, err
	}
	// The role is looked at before the package is unpacked, and again when the function is saved.
	if err := setRole(r.State.Now(), function, *in.Role); err != nil {
		return nil, err
	}
	if err := a.putCode(r, function, in.Code.ZipFile); err != nil {
		return nil, err
	}
	err = r.State.Update(r.Context(), func(tx *state.Tx) error {
		if _, exists := tx.View().Function(function.ARN); exists {
			return alreadyExists(function.ARN)
		}
		if err := setRole(tx.View(), function, *in.Role); err != nil {
			return err
		}
		return tx.PutFunction(function)
	})
	if err != nil {
		return nil, err
	}
	return configurationOf(function, "").creating(), nil
}

func newFunction(r *request, in *createFunctionInput) (*lambda.Function, error) {
	function := &lambda.Function{
		ARN:          r.target.arn,
		Timeout:      lambda.DefaultTimeout,
		MemoryMB:     lambda.DefaultMemoryMB,
		EphemeralMB:  lambda.DefaultEphemeralMB,
		Architecture: architectureX86,
		TracingMode:  passThrough,
		LogFormat:    formatText,
		LogGroup:     logGroup(r.target.arn.Name),
		Tags:         tagValues(in.Tags),
	}
	if len(in.Architectures) > 0 {
		function.Architecture = *in.Architectures[0]
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

// putCode keeps a package and makes it the function's code.
func (a *API) putCode(r *request, function *lambda.Function, zip []byte) error {
	kept, err := a.config.Code.Put(r.Context(), zip)
	switch {
	case errors.Is(err, code.ErrNotZip):
		return invalidParameter("Could not unzip uploaded file. Please check your file, then try to upload again.")
	case errors.Is(err, code.ErrEmpty): // as in dumrauf/serverless_static_website_with_basic_auth#17, and many others
		return invalidParameter("Uploaded file must be a non-empty zip")
	case errors.Is(err, code.ErrZippedTooLarge):
		return &fault{status: 413, name: "RequestEntityTooLargeException", message: "Zipped size must be smaller than 52428800 bytes", member: lowerCase}
	case errors.Is(err, code.ErrUnzippedTooLarge):
		return invalidParameter("Unzipped size must be smaller than 262144000 bytes")
	case errors.Is(err, code.ErrUnsafeEntry), errors.Is(err, code.ErrTooManyEntries):
		return invalidParameter("%v", err)
	case err != nil:
		return err
	}
	function.CodeSHA256, function.CodeHex, function.CodeSize = kept.SHA256, kept.Hex, kept.Size
	return nil
}

func alreadyExists(arn lambda.ARN) *fault { return conflict("Function already exist: %s", arn.Name) }
