package check

import (
	"context"
	"errors"
	"fmt"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
)

// resourceSide is the resource-based policy of the function or alias.
type resourceSide struct {
	named *policy.Named // nil if there is none
	fault error         // why it is not known
}

// policySets are the policies of the caller.
type policySets struct {
	identity []policy.Named
	boundary *policy.Named
	session  []policy.Named // nil if the session was made without any, as far as anybody said
	faults   []error        // what of them could not be looked at
	// bySimulator says that IAM's simulator answered in the place of what could not be read.
	bySimulator bool
	statements  map[*policy.Document][]setup.Statement
}

// lookAtPolicies reads all policies and adds the steps of authorization.
func (r *run) lookAtPolicies(ctx context.Context) {
	if r.function.Name == "" {
		r.add(Step{Name: stepPolicies, Status: Unknown, Decides: true, Summary: "without knowing the function there is none to look at"})
		return
	}
	r.sets.statements = map[*policy.Document][]setup.Statement{}
	r.readResource(ctx)
	if r.authType == lambda.AuthIAM {
		r.readIdentity(ctx)
		r.readSession()
	}
	r.readTags(ctx)
	r.tellPolicies()
	if r.authType == lambda.AuthNone || r.subject.exists() {
		r.decideBoth(ctx)
	}
	r.lookAtNovember()
	r.lookAtCORS()
	r.lookAtCloudFront()
}

// readResource reads the function's policy.
func (r *run) readResource(ctx context.Context) {
	named, err := r.policyOf(ctx, r.function)
	switch {
	case err == nil:
		r.resource.named = &named
	case awsapi.KindOf(err) != awsapi.NotFound:
		r.resource.fault = err
	}
}

// policyOf reads the policy of a function or alias.
func (r *run) policyOf(ctx context.Context, function lambda.ARN) (policy.Named, error) {
	text, err := r.Owner.Functions.Policy(ctx, function)
	if err != nil {
		return policy.Named{}, err
	}
	return r.parse("resource-based policy of "+function.String(), text, policy.Resource)
}

// parse compiles a policy and remembers its statements.
func (r *run) parse(name, text string, kind policy.Kind) (policy.Named, error) {
	document, statements, err := setup.Parse(name, text, kind)
	if err != nil {
		return policy.Named{}, err
	}
	r.sets.statements[document] = statements
	return policy.Named{Name: name, Document: document}, nil
}

// readIdentity reads the caller's policies, with those of its groups, and its permissions boundary.
func (r *run) readIdentity(ctx context.Context) {
	s := &r.subject
	switch {
	case s.kind == policy.FederatedUser:
		r.fault(errors.New("the policies that a federated user's session was made with can be read by nobody"))
		return
	case s.owner.Name == "": // root users, services and anonymous callers have none
		return
	case awsapi.KindOf(s.fault) == awsapi.NotFound: // the step about the credentials says so
		return
	}
	r.fault(s.fault)
	side := r.side(s.account)
	if side == nil {
		return
	}
	owners := []iam.Owner{s.owner}
	if s.owner.Kind == iam.OfUser {
		groups, err := side.Principals.GroupsOf(ctx, s.owner.Name)
		r.fault(err)
		for _, group := range groups {
			owners = append(owners, iam.Owner{Kind: iam.OfGroup, Name: group})
		}
	}
	for _, owner := range owners {
		texts, faults := setup.ReadPolicies(ctx, side.Policies, owner)
		r.fault(faults...)
		for _, text := range texts {
			named, err := r.parse(text.Name, text.Text, policy.Identity)
			if err != nil {
				r.fault(err)
				continue
			}
			r.sets.identity = append(r.sets.identity, named)
		}
	}
	if s.boundary == "" {
		return
	}
	text, err := side.Policies.Managed(ctx, s.boundary)
	if err == nil {
		var named policy.Named
		named, err = r.parse(s.boundary, text, policy.Identity)
		r.sets.boundary = &named
	}
	if err != nil {
		r.sets.boundary = nil
		r.fault(err)
	}
}

// readSession reads the policies that the session was made with.
func (r *run) readSession() {
	for _, text := range r.SessionPolicies {
		named, err := r.parse(text.Name, text.Text, policy.Identity)
		r.fault(err)
		if err == nil {
			r.sets.session = append(r.sets.session, named)
		}
	}
}

// tagReader looks at the tags of functions, for the condition key aws:ResourceTag.
type tagReader interface {
	Tags(ctx context.Context, arn lambda.ARN) (map[string]string, error)
}

// readTags reads the function's tags. Where that fails they are unknown, which matters only to a policy that asks.
func (r *run) readTags(ctx context.Context) {
	if reader, ok := r.Owner.Functions.(tagReader); ok {
		tags, err := reader.Tags(ctx, r.function)
		r.tags, r.tagged = tags, err == nil
	}
}

// fault notes why policies of the caller could not be looked at; nil errors are none.
func (r *run) fault(errs ...error) {
	for _, err := range errs {
		if err != nil {
			r.sets.faults = append(r.sets.faults, err)
		}
	}
}

// tellPolicies adds a step for what was read and one for each thing that could not be.
func (r *run) tellPolicies() {
	var read []string
	switch {
	case r.resource.fault != nil:
	case r.resource.named == nil:
		read = append(read, r.function.String()+" has no resource-based policy")
	default:
		read = append(read, fmt.Sprintf("%s, %s", r.resource.named.Name, count(r.resource.named.Document.Len(), "statement")))
	}
	for _, named := range r.sets.identity {
		read = append(read, fmt.Sprintf("%s, %s", named.Name, count(named.Document.Len(), "statement")))
	}
	if r.sets.boundary != nil {
		read = append(read, "permissions boundary "+r.sets.boundary.Name)
	}
	for _, named := range r.sets.session {
		read = append(read, "session policy "+named.Name)
	}
	if r.subject.lookedUp && len(r.sets.identity) == 0 && len(r.sets.faults) == 0 {
		read = append(read, fmt.Sprintf("%s has no identity-based policy", r.subject.label))
	}
	if len(read) > 0 {
		r.add(Step{Name: stepPolicies, Status: OK, Summary: read[0], Details: read[1:]})
	}
	faults := r.sets.faults
	if r.resource.fault != nil {
		faults = append([]error{r.resource.fault}, faults...)
	}
	for _, fault := range faults {
		if awsapi.KindOf(fault) == awsapi.NotFound {
			r.add(Step{Name: stepPolicies, Status: Problem, Summary: fault.Error()})
			continue
		}
		r.add(lookingFailed(stepPolicies, "what would be judged by", fault, false))
	}
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
