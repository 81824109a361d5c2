//go:build unix

package lambdaapi

import (
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

// The texts here are AWS's, recorded in LocalStack's snapshots of test_lambda_concurrency_crud,
// test_lambda_concurrency_limits and TestLambdaProvisionedConcurrency. Errors about the numbers of an account have no
// Type.

type concurrencyInput struct {
	functionInput
	ReservedConcurrentExecutions int
}

type shownConcurrency struct {
	ReservedConcurrentExecutions *int `json:",omitempty"`
}

func (s *service) putConcurrency(r *request, in *concurrencyInput) (any, error) {
	if err := unqualified(r.target.arn); err != nil {
		return nil, err
	}
	if r.target.function == nil {
		latest := r.target.arn
		latest.Qualifier = lambda.Latest
		return nil, functionNotFound(latest)
	}
	reserved := in.ReservedConcurrentExecutions
	err := r.change(nil, "", func(tx *state.Tx, function *lambda.Function) error {
		if provisioned := function.TotalProvisioned(); reserved < provisioned { // the spaces are AWS's
			return untyped(invalidParameter(" ReservedConcurrentExecutions  %d should not be lower than function's total provisioned concurrency [%d].",
				reserved, provisioned))
		}
		if left := s.unclaimed(tx.View(), function); left-reserved < s.minUnreserved() {
			return s.belowMinimum("ReservedConcurrentExecutions")
		}
		function.Reserved = &reserved
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.config.Invoker.Provision(r.target.arn)
	return shownConcurrency{&reserved}, nil
}

// unclaimed is what the other functions leave of the account's concurrency.
func (s *service) unclaimed(world *state.Snapshot, function *lambda.Function) int {
	claimed := world.Claimed(function.ARN.Account, function.ARN.Region)
	if now, ok := world.Function(function.ARN); ok {
		claimed -= now.Claim()
	}
	return s.config.Concurrency - claimed
}

// minUnreserved is what has to be left to functions without reserved concurrency.
func (s *service) minUnreserved() int { return min(lambda.MinUnreserved, s.config.Concurrency) }

func (s *service) belowMinimum(member string) error {
	return untyped(invalidParameter("Specified %s for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].",
		member, s.minUnreserved()))
}

func (s *service) getConcurrency(r *request, _ *functionInput) (any, error) {
	if err := unqualified(r.target.arn); err != nil {
		return nil, err
	}
	function, err := r.target.existing()
	if err != nil {
		return nil, err
	}
	return shownConcurrency{function.Reserved}, nil
}

func (s *service) deleteConcurrency(r *request, _ *functionInput) (any, error) {
	if err := unqualified(r.target.arn); err != nil {
		return nil, err
	}
	return nil, r.change(nil, "", func(_ *state.Tx, function *lambda.Function) error {
		function.Reserved = nil
		return nil
	})
}

type provisionedInput struct {
	functionInput
	ProvisionedConcurrentExecutions int
}

// provisioned is the provisioned concurrency of a version or an alias as the API shows it.
type provisioned struct {
	FunctionArn                              string `json:",omitempty"` // in lists
	RequestedProvisionedConcurrentExecutions int
	AvailableProvisionedConcurrentExecutions int
	AllocatedProvisionedConcurrentExecutions int
	Status                                   string
	StatusReason                             string `json:",omitempty"`
	LastModified                             string
}

const provisionedTime = "2006-01-02T15:04:05-0700"

// publishedOnly refuses $LATEST with the text, and what does not exist as AWS refuses it.
func (t target) publishedOnly(text string) error {
	switch {
	case t.arn.Qualifier == "" || t.arn.Qualifier == lambda.Latest:
		return invalidParameter("%s", text)
	case t.arn.IsAlias() && t.missing != nil: // even if there is no such function
		return notFound("Cannot find alias arn: %s", t.arn)
	}
	_, err := t.existing()
	return err
}

func (s *service) putProvisioned(r *request, in *provisionedInput) (any, error) {
	const unpublished = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
	if err := r.target.publishedOnly(unpublished); err != nil {
		return nil, err
	}
	if alias := r.target.found.Alias; alias != nil && alias.Target == lambda.Latest { // people met it at AWS for that, too
		return nil, invalidParameter(unpublished)
	}
	qualifier, requested := r.target.arn.Qualifier, in.ProvisionedConcurrentExecutions
	config := lambda.Provisioned{Concurrency: requested, Modified: r.Now.UTC().Truncate(time.Second)}
	err := r.change(nil, "", func(tx *state.Tx, function *lambda.Function) error {
		world := tx.View()
		if err := exclusive(world, function, qualifier); err != nil {
			return err
		}
		others := function.TotalProvisioned() - function.Provisioned[qualifier].Concurrency
		switch left := s.unclaimed(world, function) - others; {
		case function.Reserved != nil && others+requested > *function.Reserved:
			return invalidParameter("Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function")
		case function.Reserved != nil:
		case requested > left:
			return untyped(invalidParameter("Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [%d].", left))
		case left-requested < s.minUnreserved():
			return s.belowMinimum("ConcurrentExecutions")
		}
		if function.Provisioned == nil {
			function.Provisioned = map[string]lambda.Provisioned{}
		}
		function.Provisioned[qualifier] = config
		return touch(tx, function, qualifier)
	})
	if err != nil {
		return nil, err
	}
	s.config.Invoker.Provision(r.target.arn)
	return provisioned{
		RequestedProvisionedConcurrentExecutions: requested, Status: "IN_PROGRESS",
		LastModified: config.Modified.Format(provisionedTime),
	}, nil
}

// touch gives the versions that the qualifier stands for new revisions, as AWS does when they are provisioned (recorded in
// LocalStack's test_lambda_provisioned_concurrency_moves_with_alias).
func touch(tx *state.Tx, function *lambda.Function, qualifier string) error {
	target, err := resolve.Of(tx.View(), function, qualifier)
	if err != nil {
		return err
	}
	for _, share := range target.Shares() {
		name := function.ARN
		name.Qualifier = share.Version.Number
		version, ok := tx.View().Version(name)
		if !ok {
			continue // the alias was moved to $LATEST meanwhile
		}
		touched := *version
		touched.RevisionID = trace.NewRequestID()
		if err := tx.Put(&touched); err != nil {
			return err
		}
	}
	return nil
}

// exclusive refuses provisioned concurrency both for a version and for an alias that points at it.
func exclusive(world *state.Snapshot, function *lambda.Function, qualifier string) error {
	for other := range function.Provisioned {
		switch {
		case other == qualifier:
		case pointsAt(world, function.ARN, qualifier, other):
			return conflict("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")
		case pointsAt(world, function.ARN, other, qualifier):
			return conflict("Version is pointed by a Provisioned Concurrency alias")
		}
	}
	return nil
}

// pointsAt reports whether the alias sends invocations to the version.
func pointsAt(world *state.Snapshot, name lambda.ARN, alias, version string) bool {
	name.Qualifier = alias
	found, ok := world.Aliases.Get(lambda.QualifiedKey(name))
	if !ok {
		return false
	}
	return found.Uses(version)
}

const notPublished = "The function resource provided must be an alias or a published version."

func (s *service) getProvisioned(r *request, _ *functionInput) (any, error) {
	if err := r.target.publishedOnly(notPublished); err != nil {
		return nil, err
	}
	config, ok := r.target.function.Provisioned[r.target.arn.Qualifier]
	if !ok {
		return nil, wire.Errorf("ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config found for this function")
	}
	return s.shownProvisioned(r.target.arn, config), nil
}

// shownProvisioned says how many environments are ready. Several aliases of a version share its environments.
func (s *service) shownProvisioned(arn lambda.ARN, config lambda.Provisioned) provisioned {
	ready, failed := s.config.Invoker.Provisioned(arn)
	ready = min(ready, config.Concurrency)
	shown := provisioned{
		RequestedProvisionedConcurrentExecutions: config.Concurrency,
		AvailableProvisionedConcurrentExecutions: ready, AllocatedProvisionedConcurrentExecutions: ready,
		Status: "IN_PROGRESS", LastModified: config.Modified.Format(provisionedTime),
	}
	switch {
	case ready >= config.Concurrency:
		shown.Status = "READY"
	case failed:
		shown.Status, shown.StatusReason = "FAILED", "FUNCTION_ERROR_INIT_FAILURE"
	}
	return shown
}

func (s *service) deleteProvisioned(r *request, _ *functionInput) (any, error) {
	if err := r.target.publishedOnly(notPublished); err != nil {
		return nil, err
	}
	err := controlplane.Change(r.Call, r.current, func(_ *state.Snapshot, function *lambda.Function) error {
		delete(function.Provisioned, r.target.arn.Qualifier)
		return nil
	})
	s.config.Invoker.Provision(r.target.arn)
	return nil, err
}

type listOfFunctionInput struct {
	functionInput
	wire.Page
}

func (s *service) listProvisioned(r *request, in *listOfFunctionInput) (any, error) {
	if r.target.function == nil {
		return nil, functionNotFound(r.target.arn.Unqualified())
	}
	configs := r.target.function.Provisioned
	page, next, err := cut(in.Page, "provisioned", qualifiers(configs), func(qualifier string) string { return qualifier })
	if err != nil {
		return nil, err
	}
	shown := make([]provisioned, len(page))
	for i, qualifier := range page {
		arn := r.target.function.ARN
		arn.Qualifier = qualifier
		shown[i] = s.shownProvisioned(arn, configs[qualifier])
		shown[i].FunctionArn = arn.String()
	}
	return struct {
		ProvisionedConcurrencyConfigs []provisioned
		NextMarker                    string `json:",omitempty"`
	}{shown, next}, nil
}
