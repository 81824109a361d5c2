package lambdaapi

import (
	"slices"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
)

// functionInput is the input of operations that only name a function.
type functionInput struct {
	FunctionName *string `json:"-"`
	Qualifier    *string `json:"-"`
}

func (in *functionInput) take(p parameters) {
	in.FunctionName, in.Qualifier = p.fromPath("FunctionName"), p.fromQuery("Qualifier")
}

func (in *functionInput) functionName() (string, *string) { return *in.FunctionName, in.Qualifier }

func (in *functionInput) check() violations {
	return slices.Concat(
		checkFunctionName(in.FunctionName, namespacedName, maxNamespacedName),
		check("qualifier", in.Qualifier, minLength(1), maxLength(128), versionOrAlias),
	)
}

func (a *API) getFunction(r *request, _ *functionInput) (any, error) {
	function, err := r.target.existing()
	if err != nil {
		return nil, err
	}
	return struct {
		Configuration configuration
		Code          struct{ RepositoryType, Location string }
		Tags          map[string]string `json:",omitempty"`
	}{
		Configuration: configurationOf(function, r.target.arn.Qualifier),
		Code:          struct{ RepositoryType, Location string }{"S3", a.config.Links.CodeURL(function)},
		Tags:          function.Tags,
	}, nil
}

func (a *API) getFunctionConfiguration(r *request, _ *functionInput) (any, error) {
	function, err := r.target.existing()
	if err != nil {
		return nil, err
	}
	return configurationOf(function, r.target.arn.Qualifier), nil
}

func (a *API) deleteFunction(r *request, _ *functionInput) (any, error) {
	arn := r.target.arn
	switch {
	case arn.Qualifier == lambda.Latest:
		return nil, invalidParameter("$LATEST version cannot be deleted without deleting the function.")
	case urlQualifier.holds(arn.Qualifier):
		return nil, invalidParameter("Deletion of aliases is not currently supported.")
	case r.target.function == nil:
		return nil, functionNotFound(arn.Unqualified())
	case arn.Qualifier != "":
		return nil, nil // a version that does not exist is as good as deleted
	}
	err := r.State.Update(r.Context(), func(tx *state.Tx) error {
		function, err := current(tx.View().Function, arn)
		if err == nil {
			tx.DeleteFunction(function)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	a.config.Invoker.Retire(arn.Key())
	return nil, nil
}

type listFunctionsInput struct {
	page
	FunctionVersion *string `json:"-"`
	MasterRegion    *string `json:"-"`
}

func (in *listFunctionsInput) take(p parameters) {
	in.page.take(p)
	in.FunctionVersion, in.MasterRegion = p.fromQuery("FunctionVersion"), p.fromQuery("MasterRegion")
}

func (in *listFunctionsInput) check() violations {
	return slices.Concat(
		in.page.check(10_000),
		check("functionVersion", in.FunctionVersion, oneOf("ALL")),
		check("masterRegion", in.MasterRegion, masterRegion),
	)
}

func (a *API) listFunctions(r *request, in *listFunctionsInput) (any, error) {
	var found []*lambda.Function
	for _, function := range r.State.Now().Functions.All() {
		// A master region asks for the replicas of Lambda@Edge functions, of which there are none.
		if function.ARN.Account == r.Caller.Account && function.ARN.Region == r.Region && in.MasterRegion == nil {
			found = append(found, function)
		}
	}
	found, next, err := paginate(in.page, "functions", found, func(f *lambda.Function) string { return f.ARN.Name })
	if err != nil {
		return nil, err
	}
	qualifier := ""
	if in.FunctionVersion != nil {
		qualifier = lambda.Latest
	}
	shown := make([]configuration, len(found))
	for i, function := range found {
		shown[i] = configurationOf(function, qualifier).listed()
	}
	return struct {
		NextMarker string `json:",omitempty"`
		Functions  []configuration
	}{next, shown}, nil
}
