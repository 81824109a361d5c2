package check

import (
	"context"
	"fmt"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/policy"
)

// anything is the policy of a caller whose own account lets it do all.
const anything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

// lookAtOtherQualifiers looks for a grant in the wrong place. The function itself and each of its aliases have
// policies of their own, and a URL asks only the one that it belongs to.
func (r *run) lookAtOtherQualifiers(ctx context.Context) {
	others := []lambda.ARN{r.function.Unqualified()}
	if r.function.Qualifier == "" {
		urls, err := r.Owner.Functions.URLs(ctx, r.function)
		if err != nil {
			r.add(lookingFailed(stepQualifier, "whether an alias has a URL", err, false))
			return
		}
		others = nil
		for _, url := range urls {
			if url.Function.Qualifier != "" {
				others = append(others, url.Function)
			}
		}
	}
	for _, other := range others {
		actions := r.grantedFor(ctx, other)
		if len(actions) == 0 {
			continue
		}
		r.add(Step{
			Name: stepQualifier, Status: Problem,
			Summary: fmt.Sprintf("the grant is in another place: the policy of %s allows %v, and the URL of %s does not ask it", other, actions, r.function),
		})
	}
}

// grantedFor are the actions that the policy of another qualifier would allow there.
func (r *run) grantedFor(ctx context.Context, other lambda.ARN) []string {
	text, err := r.Owner.Functions.Policy(ctx, other)
	if err != nil {
		return nil
	}
	named, err := r.parse("resource-based policy of "+other.String(), text, policy.Resource)
	if err != nil {
		return nil
	}
	var actions []string
	for _, action := range [...]string{lambda.ActionInvokeURL, lambda.ActionInvoke} {
		request, sets := r.request(action, r.factsOf(action))
		request.Resource, sets.Resource = other.String(), &named
		sets.Identity, sets.Boundary = nil, nil
		if request.Principal != nil && r.subject.account != other.Account && r.subject.account != "" {
			if own, err := r.parse("anything", anything, policy.Identity); err == nil {
				sets.Identity = []policy.Named{own}
			}
		}
		if policy.Evaluate(request, sets).Effect == policy.Allowed {
			actions = append(actions, action)
		}
	}
	return actions
}
