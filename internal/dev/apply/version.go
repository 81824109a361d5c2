//go:build unix

package apply

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/template"
)

// version is a published one, as it is declared or present. Function is a name.
type version struct {
	template.Version
	id     string // logical
	number string // of one that is present
	arn    string
	code   string // hash of its code
	set    string // hash of the configuration of the function that a version has as its own
}

const provisionedProperty = "ProvisionedConcurrentExecutions"

func (v *version) key() key { return key{"version", v.Function + " " + v.id} }

func (v *version) parts() []part { return nil }

// properties has no description: it cannot be changed, and does not make another version as other code does. Another
// configuration does, unlike at CloudFormation, which looks at the logical id only: what a developer sets, as with an
// environment file, must reach the function URL of an alias.
func (v *version) properties() (all properties) {
	all.add("Code", v.code)
	all.add("Configuration", v.set)
	all.number(provisionedProperty, v.Provisioned)
	return all
}

// present is the version that the stack has published for the logical id. What is declared has the code of the
// function, so that a version of older code differs.
func (v *version) present(w *world) thing {
	f := w.functions[v.Function]
	if f == nil {
		return nil
	}
	found := f.versions[f.versionTags(w.stack)[v.id]]
	if found == nil {
		return nil
	}
	named := *found
	named.id, named.Provisioned = v.id, f.provisioned[found.number]
	return &named
}

func (v *version) attributes() map[string]string {
	return map[string]string{"Ref": v.arn, "Version": v.number, "FunctionArn": v.arn}
}

func (v *version) put(ctx context.Context, r *run, was thing) (thing, error) {
	var got *awslambda.PublishVersionOutput
	err := whenReady(ctx, func() (err error) {
		got, err = r.a.lambda.PublishVersion(ctx, &awslambda.PublishVersionInput{
			FunctionName: &v.Function, Description: optional(v.Description),
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	made := *v
	made.number, made.code, made.set = aws.ToString(got.Version), aws.ToString(got.CodeSha256), ""
	made.arn = r.a.functionARN(v.Function, made.number).String()
	number := map[string]string{tagVersion + v.id: r.stack.Name + "/" + made.number}
	err = r.addTags(ctx, key{kindFunction, v.Function}, number)
	if err != nil {
		return nil, err
	}
	had := 0
	if have, ok := was.(*version); ok && have.number == made.number {
		had = have.Provisioned
	}
	return &made, r.a.provision(ctx, v.Function, made.number, had, v.Provisioned)
}

// provision sets the provisioned concurrency of a version or an alias.
func (a *Applier) provision(ctx context.Context, function, qualifier string, had, want int) (err error) {
	switch {
	case want == had:
	case want > 0:
		_, err = a.lambda.PutProvisionedConcurrencyConfig(ctx, &awslambda.PutProvisionedConcurrencyConfigInput{
			FunctionName: &function, Qualifier: &qualifier, ProvisionedConcurrentExecutions: aws.Int32(int32(want)),
		})
	default:
		_, err = a.lambda.DeleteProvisionedConcurrencyConfig(ctx, &awslambda.DeleteProvisionedConcurrencyConfigInput{
			FunctionName: &function, Qualifier: &qualifier,
		})
		err = unlessAbsent(err)
	}
	return err
}

// readVersions reads the function's versions.
func (f *function) readVersions(ctx context.Context, a *Applier) error {
	pages := awslambda.NewListVersionsByFunctionPaginator(a.lambda, &awslambda.ListVersionsByFunctionInput{
		FunctionName: &f.Name,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, c := range page.Versions {
			number := aws.ToString(c.Version)
			if number == lambda.Latest {
				continue
			}
			f.versions[number] = &version{
				Version: template.Version{Function: f.Name, Description: aws.ToString(c.Description)},
				number:  number, arn: a.functionARN(f.Name, number).String(), code: aws.ToString(c.CodeSha256),
				set: presentFunction(&c).setting(),
			}
		}
	}
	return nil
}

// alias is one as it is declared or present. Function is a name.
type alias struct{ template.Alias }

func (l *alias) key() key { return key{"alias", l.Function + ":" + l.Name} }

func (l *alias) parts() []part {
	holder := key{kindFunction, l.Function}
	parts := []part{{holder, partAlias, l.Name}}
	if l.Provisioned > 0 {
		parts = append(parts, part{holder, partProvisioned, l.Name})
	}
	return parts
}

func (l *alias) properties() (all properties) {
	all.add("FunctionVersion", l.Version)
	all.add("Description", l.Description)
	for _, number := range slices.Sorted(maps.Keys(l.Weights)) {
		all.add("Weights."+number, strconv.FormatFloat(l.Weights[number], 'g', -1, 64))
	}
	all.number(provisionedProperty, l.Provisioned)
	return all
}

func (l *alias) present(w *world) thing {
	f := w.functions[l.Function]
	if f == nil || f.aliases[l.Name] == nil {
		return nil
	}
	found := *f.aliases[l.Name]
	found.Provisioned = f.provisioned[l.Name]
	return &found
}

func (l *alias) attributes() map[string]string { return nil }

func (l *alias) put(ctx context.Context, r *run, was thing) (thing, error) {
	routing := &types.AliasRoutingConfiguration{AdditionalVersionWeights: l.Weights}
	if routing.AdditionalVersionWeights == nil {
		routing.AdditionalVersionWeights = map[string]float64{}
	}
	have, _ := was.(*alias)
	had := 0
	var err error
	if have == nil {
		in := &awslambda.CreateAliasInput{
			FunctionName: &l.Function, Name: &l.Name, FunctionVersion: &l.Version, Description: optional(l.Description),
		}
		if len(l.Weights) > 0 {
			in.RoutingConfig = routing
		}
		_, err = r.a.lambda.CreateAlias(ctx, in)
	} else {
		had = have.Provisioned
		_, err = r.a.lambda.UpdateAlias(ctx, &awslambda.UpdateAliasInput{
			FunctionName: &l.Function, Name: &l.Name, FunctionVersion: &l.Version, Description: &l.Description,
			RoutingConfig: routing,
		})
	}
	if err != nil {
		return nil, err
	}
	return l, r.a.provision(ctx, l.Function, l.Name, had, l.Provisioned)
}

// readAliases reads the function's aliases.
func (f *function) readAliases(ctx context.Context, a *Applier) error {
	pages := awslambda.NewListAliasesPaginator(a.lambda, &awslambda.ListAliasesInput{FunctionName: &f.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, c := range page.Aliases {
			found := &alias{template.Alias{
				Function: f.Name, Name: aws.ToString(c.Name), Version: aws.ToString(c.FunctionVersion),
				Description: aws.ToString(c.Description),
			}}
			if c.RoutingConfig != nil {
				found.Weights = c.RoutingConfig.AdditionalVersionWeights
			}
			f.aliases[found.Name] = found
		}
	}
	return nil
}

// readProvisioned reads the function's provisioned concurrency.
func (f *function) readProvisioned(ctx context.Context, a *Applier) error {
	in := &awslambda.ListProvisionedConcurrencyConfigsInput{FunctionName: &f.Name}
	pages := awslambda.NewListProvisionedConcurrencyConfigsPaginator(a.lambda, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, c := range page.ProvisionedConcurrencyConfigs {
			f.provisioned[qualifierOf(aws.ToString(c.FunctionArn))] = int(aws.ToInt32(c.RequestedProvisionedConcurrentExecutions))
		}
	}
	return nil
}

// qualifierOf is the qualifier of a function's ARN.
func qualifierOf(text string) string {
	named, err := arn.ParseFunctionARN(text)
	if err != nil {
		return ""
	}
	return named.Qualifier
}
