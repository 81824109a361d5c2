//go:build unix

package lambdaapi

import (
	"maps"
	"slices"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

// aliasInput is the input of the operations on one alias.
type aliasInput struct {
	functionInput
	Name string
}

func (in *aliasInput) aliasName() string { return in.Name }

// byAlias is the resource of the operations on one alias: its function, since IAM knows no other for them (Service
// Authorization Reference). The target's ARN is the alias's.
func byAlias[In interface {
	named
	aliasName() string
}](call *controlplane.Call, in In) (*request, error) {
	r, err := byFunction(call, in)
	if err == nil {
		err = unqualified(r.target.arn)
	}
	if err != nil {
		return nil, err
	}
	r.target.arn.Qualifier = in.aliasName()
	r.target.found, r.target.missing = resolve.Find(call.State.Now(), r.target.arn)
	return r, nil
}

// aliasSettings are what an alias is made of. One that is nil is left as it is.
type aliasSettings struct {
	Description     *string
	FunctionVersion *string
	RoutingConfig   *struct{ AdditionalVersionWeights map[string]float64 }
}

// apply sets what is given, and refuses an alias that could not be. The texts are recorded in LocalStack's snapshot of
// test_notfound_and_invalid_routingconfigs; their order is assumed.
func (in *aliasSettings) apply(world *state.Snapshot, alias *lambda.Alias) error {
	set(&alias.Description, in.Description)
	set(&alias.Target, in.FunctionVersion)
	if in.RoutingConfig != nil {
		alias.Weights = in.RoutingConfig.AdditionalVersionWeights
	}
	_, same := alias.Weights[alias.Target]
	switch {
	case len(alias.Weights) > 1:
		return invalidParameter("Number of items in AdditionalVersionWeights cannot be greater than 1")
	case len(alias.Weights) == 1 && alias.Target == lambda.Latest:
		return untyped(invalidParameter("$LATEST is not supported for an alias pointing to more than 1 version"))
	case same:
		return invalidParameter("Invalid function version %s. Function version %[1]s is already included in routing configuration.", alias.Target)
	}
	role := ""
	for _, number := range append([]string{alias.Target}, slices.Collect(maps.Keys(alias.Weights))...) {
		version := alias.ARN
		version.Qualifier = number
		found, err := resolve.Find(world, version)
		if err != nil {
			return functionNotFound(version)
		}
		if role != "" && found.Version.Role != role { // as in serverless-heaven/serverless-aws-alias#64
			return invalidParameter("Specified versions must be associated with the same execution role")
		}
		role = found.Version.Role
	}
	alias.RevisionID = trace.NewRequestID()
	return nil
}

// shownAlias is an alias as the API shows it.
type shownAlias struct {
	AliasArn        string
	Name            string
	FunctionVersion string
	Description     string
	RoutingConfig   *shownRouting `json:",omitempty"`
	RevisionId      string
}

type shownRouting struct{ AdditionalVersionWeights map[string]float64 }

func showAlias(alias *lambda.Alias) shownAlias {
	shown := shownAlias{
		AliasArn: alias.ARN.String(), Name: alias.ARN.Qualifier, FunctionVersion: alias.Target,
		Description: alias.Description, RevisionId: alias.RevisionID,
	}
	if len(alias.Weights) > 0 {
		shown.RoutingConfig = &shownRouting{alias.Weights}
	}
	return shown
}

type createAliasInput struct {
	aliasInput
	aliasSettings
}

func (s *service) createAlias(r *request, in *createAliasInput) (any, error) {
	alias := &lambda.Alias{ARN: r.target.arn}
	err := r.State.Update(r.Context(), func(tx *state.Tx) error {
		world := tx.View()
		if err := in.apply(world, alias); err != nil {
			return err
		}
		if _, exists := world.Aliases.Get(alias.Key()); exists {
			return conflict("Alias already exists: %s", alias.ARN)
		}
		// The URL of an earlier alias of the name does not come back.
		if function, _ := world.Function(alias.ARN); function.URLs[alias.ARN.Qualifier] != nil {
			changed := function.Clone()
			delete(changed.URLs, alias.ARN.Qualifier)
			if err := tx.Put(changed); err != nil {
				return err
			}
		}
		return tx.Put(alias)
	})
	if err != nil {
		return nil, err
	}
	return showAlias(alias), nil
}

func (s *service) getAlias(r *request, _ *aliasInput) (any, error) {
	if r.target.found.Alias == nil {
		return nil, aliasMissing(r.target.arn)
	}
	return showAlias(r.target.found.Alias), nil
}

func aliasMissing(arn lambda.ARN) *wire.Error { return notFound("Cannot find alias arn: %s", arn) }

type updateAliasInput struct {
	aliasInput
	aliasSettings
	RevisionId *string
}

func (s *service) updateAlias(r *request, in *updateAliasInput) (any, error) {
	find := func(world *state.Snapshot) (*lambda.Alias, error) {
		alias, ok := world.Aliases.Get(lambda.QualifiedKey(r.target.arn))
		if !ok {
			return nil, notFound("Alias not found: %s", r.target.arn)
		}
		return alias, nil
	}
	var updated *lambda.Alias
	err := controlplane.Change(r.Call, find, func(world *state.Snapshot, alias *lambda.Alias) error {
		if in.RevisionId != nil && *in.RevisionId != alias.RevisionID {
			return staleRevision("GetFunction/GetAlias")
		}
		updated = alias
		return in.apply(world, alias)
	})
	if err != nil {
		return nil, err
	}
	s.config.Invoker.Provision(r.target.arn) // what is provisioned for the alias goes along with it
	return showAlias(updated), nil
}

// deleteAlias deletes an alias with all that belongs to it. One that does not exist is as good as deleted.
func (s *service) deleteAlias(r *request, _ *aliasInput) (any, error) {
	err := r.change(nil, "", func(tx *state.Tx, function *lambda.Function) error {
		if alias, ok := tx.View().Aliases.Get(lambda.QualifiedKey(r.target.arn)); ok {
			tx.Delete(alias)
			function.Forget(r.target.arn.Qualifier)
		}
		return nil
	})
	if err == nil {
		s.config.Invoker.Provision(r.target.arn)
	}
	return nil, err
}

type listAliasesInput struct {
	functionInput
	wire.Page
	FunctionVersion *string
}

func (s *service) listAliases(r *request, in *listAliasesInput) (any, error) {
	function, err := r.target.existing()
	if err != nil {
		return nil, err
	}
	aliases := slices.Clone(r.State.Now().AliasesOf(function.ARN))
	if in.FunctionVersion != nil {
		// “Only list aliases that invoke that version” (API reference): one with weights invokes two (assumed).
		aliases = slices.DeleteFunc(aliases, func(alias *lambda.Alias) bool { return !alias.Uses(*in.FunctionVersion) })
	}
	aliases, next, err := cut(in.Page, "aliases", aliases, func(alias *lambda.Alias) string { return alias.ARN.Qualifier })
	if err != nil {
		return nil, err
	}
	shown := make([]shownAlias, len(aliases))
	for i, alias := range aliases {
		shown[i] = showAlias(alias)
	}
	return struct {
		NextMarker string `json:",omitempty"`
		Aliases    []shownAlias
	}{next, shown}, nil
}
