//go:build unix

package apply

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/template"
)

// function is one as it is declared, or as it is present with what belongs to it.
type function struct {
	template.Function
	code  source
	given map[string]string // variables of the session, which are not shown

	// Of one that is present.
	arn         string
	owner       owner
	urls        map[string]*functionURL // by qualifier
	aliases     map[string]*alias
	versions    map[string]*version                     // by number
	statements  map[string]map[string]lambda.Permission // by qualifier and statement id: those of AddPermission
	policies    map[string]string                       // by qualifier
	events      map[string]*eventInvoke                 // by qualifier
	provisioned map[string]int                          // by qualifier
}

func (f *function) key() key { return key{kindFunction, f.Name} }

// parts are none: the function has tags of its own.
func (f *function) parts() []part { return nil }

func (f *function) present(w *world) thing {
	if found := w.functions[f.Name]; found != nil {
		return found
	}
	return nil
}

// attributes tell that furl has no SnapStart.
func (f *function) attributes() map[string]string {
	return map[string]string{"SnapStartResponse.ApplyOn": "None", "SnapStartResponse.OptimizationStatus": "Off"}
}

const environmentPrefix = "Environment."

func (f *function) properties() (all properties) {
	all.add("Code", f.code.String())
	all.add("Runtime", f.Runtime)
	all.add("Handler", f.Handler)
	all.add("Role", f.Role)
	all.add("Description", f.Description)
	all.add("PackageType", f.PackageType)
	all.number("Timeout", f.Timeout)
	all.number("MemorySize", f.MemoryMB)
	all.number("EphemeralStorage", f.EphemeralMB)
	all.list("Architectures", f.Architectures)
	for _, name := range slices.Sorted(maps.Keys(f.Environment)) {
		_, given := f.given[name]
		isHidden := given && !isEndpoint(name) || looksSecret(name)
		all = append(all, property{environmentPrefix + name, f.Environment[name], isHidden})
	}
	all.list("Layers", f.Layers)
	tagProperties(&all, f.Tags)
	if f.Reserved != nil {
		all.add("ReservedConcurrentExecutions", fmt.Sprint(*f.Reserved))
	}
	all.add("TracingConfig", f.TracingMode)
	all.add("LogFormat", f.Logging.Format)
	all.add("ApplicationLogLevel", f.Logging.ApplicationLevel)
	all.add("SystemLogLevel", f.Logging.SystemLevel)
	all.add("LogGroup", f.Logging.Group)
	return all
}

// setting is a hash of what a version keeps of the configuration, besides the code and its own description.
func (f *function) setting() string {
	var kept strings.Builder
	for _, p := range f.properties() {
		switch {
		case isUnknown(p.name), isUnknown(p.text):
			return template.Unknown
		case p.name == "Code", p.name == "Description", p.name == "ReservedConcurrentExecutions", strings.HasPrefix(p.name, "Tags."):
		default:
			fmt.Fprintf(&kept, "%q=%q\n", p.name, p.text)
		}
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(kept.String())))[:16]
}

func tagProperties(all *properties, tags map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		*all = append(*all, property{name: "Tags." + name, text: tags[name]})
	}
}

// complete gives a declared function the defaults of Lambda (API reference of CreateFunction), so that it can be
// compared with one that is present, and the variables of the session, of which later ones are stronger.
func (f *function) complete(given ...map[string]string) {
	f.PackageType = cmp.Or(f.PackageType, string(types.PackageTypeZip))
	f.Timeout = cmp.Or(f.Timeout, int(lambda.DefaultTimeout/time.Second))
	f.MemoryMB = cmp.Or(f.MemoryMB, lambda.DefaultMemoryMB)
	f.EphemeralMB = cmp.Or(f.EphemeralMB, lambda.DefaultEphemeralMB)
	if len(f.Architectures) == 0 {
		f.Architectures = []string{string(types.ArchitectureX8664)}
	}
	f.TracingMode = cmp.Or(f.TracingMode, string(types.TracingModePassThrough))
	logging := template.Logging{}
	if f.Logging != nil {
		logging = *f.Logging
	}
	logging.Format = cmp.Or(logging.Format, string(types.LogFormatText))
	logging.Group = cmp.Or(logging.Group, "/aws/lambda/"+f.Name)
	if logging.Format == string(types.LogFormatJson) {
		logging.ApplicationLevel = cmp.Or(logging.ApplicationLevel, string(types.ApplicationLogLevelInfo))
		logging.SystemLevel = cmp.Or(logging.SystemLevel, string(types.SystemLogLevelInfo))
	}
	f.Logging = &logging
	if strings.HasPrefix(f.Runtime, "provided") {
		f.Handler = cmp.Or(f.Handler, "bootstrap")
	}
	f.given = map[string]string{}
	for _, variables := range given {
		maps.Copy(f.given, variables)
	}
	if len(f.given) > 0 {
		all := maps.Clone(f.given)
		for name, value := range f.Environment {
			if _, stronger := all[name]; !stronger {
				all[name] = value
			}
		}
		f.Environment = all
	}
}

// presentFunction is one as a list shows it.
func presentFunction(c *types.FunctionConfiguration) *function {
	f := &function{
		Function: template.Function{
			Name: aws.ToString(c.FunctionName), Runtime: string(c.Runtime), Handler: aws.ToString(c.Handler),
			Role: aws.ToString(c.Role), Description: aws.ToString(c.Description), PackageType: string(c.PackageType),
			Timeout: int(aws.ToInt32(c.Timeout)), MemoryMB: int(aws.ToInt32(c.MemorySize)), Logging: &template.Logging{},
		},
		code: source{sha: aws.ToString(c.CodeSha256)}, arn: aws.ToString(c.FunctionArn),
	}
	if c.EphemeralStorage != nil {
		f.EphemeralMB = int(aws.ToInt32(c.EphemeralStorage.Size))
	}
	for _, architecture := range c.Architectures {
		f.Architectures = append(f.Architectures, string(architecture))
	}
	if c.Environment != nil {
		f.Environment = c.Environment.Variables
	}
	for _, layer := range c.Layers {
		f.Layers = append(f.Layers, aws.ToString(layer.Arn))
	}
	if c.TracingConfig != nil {
		f.TracingMode = string(c.TracingConfig.Mode)
	}
	if l := c.LoggingConfig; l != nil {
		*f.Logging = template.Logging{
			Format: string(l.LogFormat), ApplicationLevel: string(l.ApplicationLogLevel),
			SystemLevel: string(l.SystemLogLevel), Group: aws.ToString(l.LogGroup),
		}
	}
	return f
}

// readTags reads what a list does not show of a function: tags, concurrency and where its code is.
func (f *function) readTags(ctx context.Context, a *Applier) error {
	got, err := a.lambda.GetFunction(ctx, &awslambda.GetFunctionInput{FunctionName: &f.Name})
	if err != nil {
		return unlessAbsent(err) // deleted since
	}
	f.owner, f.Tags = owner{got.Tags}, userTags(got.Tags)
	if got.Concurrency != nil && got.Concurrency.ReservedConcurrentExecutions != nil {
		f.Reserved = aws.Int(int(*got.Concurrency.ReservedConcurrentExecutions))
	}
	if got.Code != nil {
		switch bucket := aws.ToString(got.Code.RepositoryType); bucket {
		case bucketInPlace, bucketUpstream:
			f.code = source{bucket: bucket, place: placeOf(aws.ToString(got.Code.Location)), sha: f.code.sha}
		}
	}
	return nil
}

// versionTags are the numbers of the versions that a stack has published, by logical id.
func (f *function) versionTags(stack string) map[string]string {
	return f.owner.numbered(tagVersion, stack)
}

// configuration are the members of a function that two operations share.
func (f *function) configuration() awslambda.UpdateFunctionConfigurationInput {
	in := awslambda.UpdateFunctionConfigurationInput{
		FunctionName: &f.Name, Runtime: types.Runtime(f.Runtime), Role: &f.Role, Description: &f.Description,
		Timeout: aws.Int32(int32(f.Timeout)), MemorySize: aws.Int32(int32(f.MemoryMB)),
		EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(int32(f.EphemeralMB))},
		TracingConfig:    &types.TracingConfig{Mode: types.TracingMode(f.TracingMode)},
		LoggingConfig: &types.LoggingConfig{
			LogFormat: types.LogFormat(f.Logging.Format), LogGroup: &f.Logging.Group,
			ApplicationLogLevel: types.ApplicationLogLevel(f.Logging.ApplicationLevel),
			SystemLogLevel:      types.SystemLogLevel(f.Logging.SystemLevel),
		},
		Layers: f.Layers,
	}
	if f.Handler != "" {
		in.Handler = &f.Handler
	}
	if in.Layers == nil {
		in.Layers = []string{}
	}
	in.Environment = &types.Environment{Variables: f.Environment}
	if in.Environment.Variables == nil {
		in.Environment.Variables = map[string]string{}
	}
	return in
}

func (f *function) put(ctx context.Context, r *run, was thing) (thing, error) {
	have, _ := was.(*function)
	if have == nil {
		return f, f.create(ctx, r)
	}
	api := r.a.lambda
	differ := differing(have.properties(), f.properties())
	code, architectures := differ["Code"], differ["Architectures"]
	delete(differ, "Code")
	delete(differ, "Architectures")
	tags, reserved := false, differ["ReservedConcurrentExecutions"]
	delete(differ, "ReservedConcurrentExecutions")
	for name := range differ {
		if strings.HasPrefix(name, "Tags.") {
			tags = true
			delete(differ, name)
		}
	}
	updateCode := func() error {
		if !code && !architectures {
			return nil
		}
		in := &awslambda.UpdateFunctionCodeInput{FunctionName: &f.Name}
		for _, architecture := range f.Architectures {
			in.Architectures = append(in.Architectures, types.Architecture(architecture))
		}
		in.ZipFile, in.S3Bucket, in.S3Key = f.code.members()
		return whenReady(ctx, func() error {
			_, err := api.UpdateFunctionCode(ctx, in)
			return err
		})
	}
	updateConfiguration := func() error {
		if len(differ) == 0 {
			return nil
		}
		in := f.configuration()
		return whenReady(ctx, func() error {
			_, err := api.UpdateFunctionConfiguration(ctx, &in)
			return err
		})
	}
	// The server looks for what the runtime needs in the code: a bootstrap has to be there before the runtime that
	// starts it, and as long.
	steps := []func() error{updateCode, updateConfiguration}
	if strings.HasPrefix(have.Runtime, "provided") {
		slices.Reverse(steps)
	}
	steps = append(steps, func() error {
		if !reserved {
			return nil
		}
		return f.reserve(ctx, r)
	}, func() error {
		if !tags {
			return nil
		}
		return r.retag(ctx, f.key(), have.Tags, f.Tags)
	})
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *function) create(ctx context.Context, r *run) error {
	c := f.configuration()
	in := &awslambda.CreateFunctionInput{
		FunctionName: c.FunctionName, Runtime: c.Runtime, Role: c.Role, Description: c.Description, Timeout: c.Timeout,
		MemorySize: c.MemorySize, EphemeralStorage: c.EphemeralStorage, TracingConfig: c.TracingConfig,
		LoggingConfig: c.LoggingConfig, Layers: c.Layers, Handler: c.Handler, PackageType: types.PackageType(f.PackageType),
		Tags: r.tagsFor(f.key(), f.Tags), Code: &types.FunctionCode{},
	}
	if len(f.Environment) > 0 {
		in.Environment = c.Environment
	}
	for _, architecture := range f.Architectures {
		in.Architectures = append(in.Architectures, types.Architecture(architecture))
	}
	in.Code.ZipFile, in.Code.S3Bucket, in.Code.S3Key = f.code.members()
	if _, err := r.a.lambda.CreateFunction(ctx, in); err != nil {
		return err
	}
	if f.Reserved == nil {
		return nil
	}
	return f.reserve(ctx, r)
}

// reserve sets or removes the reserved concurrency.
func (f *function) reserve(ctx context.Context, r *run) (err error) {
	if f.Reserved == nil {
		_, err = r.a.lambda.DeleteFunctionConcurrency(ctx, &awslambda.DeleteFunctionConcurrencyInput{
			FunctionName: &f.Name,
		})
		return err
	}
	_, err = r.a.lambda.PutFunctionConcurrency(ctx, &awslambda.PutFunctionConcurrencyInput{
		FunctionName: &f.Name, ReservedConcurrentExecutions: aws.Int32(int32(*f.Reserved)),
	})
	return err
}

// differing are the names of the properties that differ.
func differing(have, want properties) map[string]bool {
	before, names := map[string]string{}, map[string]bool{}
	for _, p := range have {
		before[p.name] = p.text
	}
	for _, p := range want {
		if was, ok := before[p.name]; !ok || was != p.text {
			names[p.name] = true
		}
		delete(before, p.name)
	}
	for name := range before {
		names[name] = true
	}
	return names
}

// whenReady repeats a call for as long as the server says that an earlier change of the function is under way, as a
// server with --faithful-states does for two seconds.
func whenReady(ctx context.Context, call func() error) error {
	const patience, pause = 30 * time.Second, 100 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := call()
		if code(err) != "ResourceConflictException" || !strings.Contains(err.Error(), "cannot be performed at this time") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}
