//go:build unix

package lambdaapi

import (
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
)

// functionInput is the input of operations that only name a function.
type functionInput struct {
	FunctionName string
	Qualifier    *string
}

func (in *functionInput) functionName() (string, *string) { return in.FunctionName, in.Qualifier }

func (s *service) getFunction(r *request, _ *functionInput) (any, error) {
	function, err := r.target.existing()
	if err != nil {
		return nil, err
	}
	found := r.target.found
	return struct {
		Configuration configuration
		Code          shownCode
		Tags          map[string]string `json:",omitempty"`
		Concurrency   *shownConcurrency `json:",omitempty"`
	}{
		Configuration: s.changing.show(r, found),
		Code:          s.codeOf(found.Version.Configuration),
		Tags:          function.Tags,
		Concurrency:   reservedOf(function),
	}, nil
}

// reservedOf is the Concurrency that GetFunction shows, nil for none.
func reservedOf(function *lambda.Function) *shownConcurrency {
	if function.Reserved == nil {
		return nil
	}
	return &shownConcurrency{function.Reserved}
}

func (s *service) getFunctionConfiguration(r *request, _ *functionInput) (any, error) {
	if _, err := r.target.existing(); err != nil {
		return nil, err
	}
	return s.changing.show(r, r.target.found), nil
}

func (s *service) deleteFunction(r *request, _ *functionInput) (any, error) {
	arn := r.target.arn
	switch {
	case arn.Qualifier == lambda.Latest:
		return nil, invalidParameter("$LATEST version cannot be deleted without deleting the function.")
	case arn.IsAlias():
		return nil, invalidParameter("Deletion of aliases is not currently supported.")
	case r.target.function == nil:
		return nil, functionNotFound(arn.Unqualified())
	case arn.Qualifier != "":
		return nil, s.deleteVersion(r)
	}
	if err := controlplane.Delete(r.Call, r.current, nil); err != nil {
		return nil, err
	}
	s.config.Invoker.Retire(arn)
	return nil, nil
}

// pageSize is the most items that AWS puts on a page, whatever is asked for.
const pageSize = 50

// cut takes the page out of a list that the request asks for.
func cut[T any](p wire.Page, list string, items []T, key func(T) string) ([]T, string, error) {
	if p.MaxItems != nil {
		most := min(*p.MaxItems, pageSize)
		p.MaxItems = &most
	}
	return wire.Cut(p, list, pageSize, items, key)
}

type listFunctionsInput struct {
	wire.Page
	FunctionVersion string
	MasterRegion    string
}

func (s *service) listFunctions(r *request, in *listFunctionsInput) (any, error) {
	var found []resolve.Target
	for _, function := range r.State.Now().Functions.All() {
		// A master region asks for the replicas of Lambda@Edge functions, of which there are none.
		if function.ARN.Account == r.Caller.Account && function.ARN.Region == r.Region && in.MasterRegion == "" {
			if in.FunctionVersion == "" {
				found = append(found, resolve.Latest(function))
			} else { // ALL
				found = append(found, resolve.Versions(r.State.Now(), function)...)
			}
		}
	}
	found, next, err := cut(in.Page, "functions", found, func(t resolve.Target) string {
		return t.Function.ARN.Name + ":" + versionOrder(t) // no name has a colon
	})
	if err != nil {
		return nil, err
	}
	return struct {
		NextMarker string `json:",omitempty"`
		Functions  []configuration
	}{next, s.list(r, found)}, nil
}

// noInput is the input of an operation that takes nothing.
type noInput struct{}

// Limits of code storage that GetAccountSettings tells: AWS's, of which furl holds those of one package.
const (
	totalCodeSize    = 80_530_636_800
	codeSizeUnzipped = 262_144_000
	codeSizeZipped   = 52_428_800
)

func (s *service) getAccountSettings(r *request, _ *noInput) (any, error) {
	type limit struct {
		TotalCodeSize                  int64
		CodeSizeUnzipped               int64
		CodeSizeZipped                 int64
		ConcurrentExecutions           int
		UnreservedConcurrentExecutions int
	}
	type usage struct {
		TotalCodeSize int64
		FunctionCount int64
	}
	world := r.State.Now()
	var used usage
	reserved := 0
	for _, function := range world.Functions.All() {
		if function.ARN.Account == r.Caller.Account && function.ARN.Region == r.Region {
			used.FunctionCount++
			if function.Reserved != nil {
				reserved += *function.Reserved
			}
			for _, version := range resolve.Versions(world, function) {
				used.TotalCodeSize += version.Version.CodeSize
			}
		}
	}
	for _, layer := range r.State.Now().Layers.All() {
		if layer.ARN.Account == r.Caller.Account && layer.ARN.Region == r.Region {
			for _, version := range layer.Versions {
				used.TotalCodeSize += version.CodeSize
			}
		}
	}
	return struct {
		AccountLimit limit
		AccountUsage usage
	}{limit{totalCodeSize, codeSizeUnzipped, codeSizeZipped, s.config.Concurrency, s.config.Concurrency - reserved}, used}, nil
}
