package check

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/explain"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
)

// simulated is an answer of IAM's simulator.
type simulated struct {
	answer awsapi.Simulation
	err    error
}

// simulation asks IAM's simulator about one of the two actions, once. What it says of service control policies is about
// the account; of the rest it knows for users and roles only.
func (r *run) simulation(ctx context.Context, action string) (awsapi.Simulation, error) {
	for asked, done := range r.simulations {
		if asked == action || awsapi.KindOf(done.err) == awsapi.Denied { // as the other action then is
			return done.answer, done.err
		}
	}
	var done simulated
	side := r.side(r.subject.account)
	principal, err := r.simulatable(ctx, side)
	if err == nil {
		known := r.factsOf(action)
		keys := known.known
		for key, values := range known.given {
			for other := range keys {
				if strings.EqualFold(other, key) {
					delete(keys, other)
				}
			}
			keys[key] = values
		}
		done.answer, err = side.Principals.Simulate(ctx, principal, action, r.function.String(), keys)
		if awsapi.KindOf(err) == awsapi.Invalid && r.subject.owner.Name != "" { // there is no list of the keys that it takes
			keys = setup.ActionKeys(action, r.authType)
			done.answer, err = side.Principals.Simulate(ctx, principal, action, r.function.String(), keys)
		}
	}
	done.err = err
	if r.simulations == nil {
		r.simulations = map[string]simulated{}
	}
	r.simulations[action] = done
	return done.answer, done.err
}

// principalFinder finds some role or user of the account.
type principalFinder interface {
	AnyPrincipal(ctx context.Context) (string, error)
}

// simulatable is the caller, if the simulator takes it: a user or role. For others it is one of their account, which
// gets the keys of the caller in the simulation: the service control policies are the same.
func (r *run) simulatable(ctx context.Context, side *Side) (string, error) {
	switch finder, ok := side.Principals.(principalFinder); {
	case r.subject.owner.Name != "":
		return r.subject.label, nil
	case !ok:
		return "", errors.New("the simulator cannot be asked about " + r.subject.label)
	default:
		principal, err := finder.AnyPrincipal(ctx)
		if err == nil && principal == "" {
			err = errors.New("account " + r.subject.account + " has no role or user to simulate with")
		}
		return principal, err
	}
}

// lookAtSCPs asks the simulator about the service control policies, which nobody can read from within an account. In an
// organization it tells; an answer that says nothing of them is of an account outside of any (IAM API Reference,
// EvaluationResult, OrganizationsDecisionDetail). A local server answers as AWS does.
func (r *run) lookAtSCPs(ctx context.Context) {
	account := r.subject.account
	if r.authType != lambda.AuthIAM || account == "" { // services and anonymous callers are under none
		return
	}
	if r.side(account) == nil {
		r.add(Step{Name: stepSCP, Status: Unknown, Decides: true,
			Summary: "the service control policies of account " + account + ": there are no credentials for it"})
		return
	}
	step := Step{Name: stepSCP, Status: OK, Decides: true}
	step.Summary = "the account's service control policies do not stand in the way, says IAM's simulator"
	for _, action := range setup.Actions {
		answer, err := r.simulation(ctx, action)
		if err != nil {
			// An endpoint without a simulator is not AWS.
			decides := awsapi.KindOf(err) != awsapi.Unsupported
			what := "service control policies, if account " + account + " is in an organization"
			r.add(lookingFailed(stepSCP, what, err, decides))
			return
		}
		switch {
		case !answer.InOrg && r.isLocal():
			step.Summary = "the server has no service control policies for account " + account
		case !answer.InOrg: // which does not stand in the way of a verdict
			step.Status, step.Decides = Unknown, false
			step.Summary = "IAM's simulator says nothing of service control policies, as for an account outside of an organization"
		case answer.LimitedBySCP:
			step.Status = Problem
			step.Summary = "the service control policies of account " + account + " do not allow " + action
			step.Details = nil
			step.Fix = []string{explain.AllowInOrganization(action, account)}
			if answer.Denied {
				step.Fix = []string{"let the organization's administrators narrow the service control policy of account " +
					account + " that denies " + action}
			}
			r.add(step)
			return
		default:
			if keys := r.openKeys(action, answer); len(keys) > 0 {
				step.Status = Unknown
				step.Details = append(step.Details, "the service control policies may decide otherwise: "+give(keys))
			}
		}
	}
	r.add(step)
}

// openKeys are the keys that no policy asks for that was read, but one that the simulator knows, and whose values are
// not known here.
func (r *run) openKeys(action string, answer awsapi.Simulation) []string {
	known := r.factsOf(action)
	documents := slices.Clone(r.sets.identity)
	if r.sets.boundary != nil {
		documents = append(documents, *r.sets.boundary)
	}
	return slices.DeleteFunc(slices.Clone(answer.Missing), func(key string) bool {
		return !known.isUnknown(key) || slices.ContainsFunc(documents, func(named policy.Named) bool {
			return slices.ContainsFunc(named.Document.ContextKeys(), func(other string) bool {
				return strings.EqualFold(other, key)
			})
		})
	})
}
