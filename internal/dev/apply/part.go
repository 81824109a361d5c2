//go:build unix

package apply

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"golang.org/x/sync/errgroup"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/policy"
)

// readFunction reads what the list does not show of a function: what the stack declares of it along with the tags, and
// after them what these tell of.
func (a *Applier) readFunction(ctx context.Context, f *function, stack string, in interest) error {
	f.urls, f.aliases, f.versions = map[string]*functionURL{}, map[string]*alias{}, map[string]*version{}
	f.policies, f.statements = map[string]string{}, map[string]map[string]lambda.Permission{}
	f.events, f.provisioned = map[string]*eventInvoke{}, map[string]int{}

	name := f.Name
	wanted := interestIn{in.urls[name], in.aliases[name], in.versions[name], in.events[name]}
	qualifiers := in.policies[name]
	first, ctx1 := errgroup.WithContext(ctx)
	first.Go(func() error { return a.do(ctx1, func() error { return f.readTags(ctx1, a) }) })
	a.readParts(ctx1, first, f, wanted, qualifiers)
	if err := first.Wait(); err != nil {
		return err
	}

	// What the tags tell of and was not read yet.
	marked := f.owner.marks(stack)
	rest := map[string]bool{}
	if marked.has(partStatement, partPolicy) && !qualifiers[""] {
		rest[""] = true
	}
	more := interestIn{
		!wanted.urls && marked.has(partURL), !wanted.aliases && marked.has(partAlias, partProvisioned),
		!wanted.versions && len(f.versionTags(stack)) > 0, !wanted.events && marked.has(partEvent),
	}
	second, ctx2 := errgroup.WithContext(ctx)
	a.readParts(ctx2, second, f, more, rest)
	if err := second.Wait(); err != nil {
		return err
	}
	return a.readLostPolicies(ctx, f, stack, marked)
}

// interestIn says which parts of a function to read.
type interestIn struct{ urls, aliases, versions, events bool }

// readParts reads parts of a function, in parallel. Each kind of part has a map of its own; those that are by qualifier
// have it guarded.
func (a *Applier) readParts(
	ctx context.Context, all *errgroup.Group, f *function, in interestIn, policies map[string]bool,
) {
	read := func(wanted bool, read func(context.Context, *Applier) error) {
		if wanted {
			all.Go(func() error { return a.do(ctx, func() error { return unlessAbsent(read(ctx, a)) }) })
		}
	}
	read(in.urls, f.readURLs)
	read(in.aliases, f.readAliases)
	read(in.aliases, f.readProvisioned)
	read(in.versions, f.readVersions)
	read(in.events, f.readEvents)
	read(len(policies) > 0, func(ctx context.Context, a *Applier) error {
		for qualifier := range policies {
			if err := f.readPolicy(ctx, a, qualifier); err != nil {
				return err
			}
		}
		return nil
	})
}

// readLostPolicies reads the policies of qualifiers that nothing declares any more, if there are statements of the
// stack that were not found yet.
func (a *Applier) readLostPolicies(ctx context.Context, f *function, stack string, marked marks) error {
	left := marks{}
	for mark := range marked {
		if mark[0] == partStatement || mark[0] == partPolicy {
			left[mark] = true
		}
	}
	for _, p := range f.has() {
		delete(left, p.mark(stack))
	}
	if len(left) == 0 {
		return nil
	}
	if err := unlessAbsent(f.readAliases(ctx, a)); err != nil {
		return err
	}
	if err := unlessAbsent(f.readVersions(ctx, a)); err != nil {
		return err
	}
	var qualifiers []string
	for name := range f.aliases {
		qualifiers = append(qualifiers, name)
	}
	for number := range f.versions {
		qualifiers = append(qualifiers, number)
	}
	for _, qualifier := range qualifiers {
		if _, read := f.policies[qualifier]; read {
			continue
		}
		if err := a.do(ctx, func() error { return f.readPolicy(ctx, a, qualifier) }); err != nil {
			return err
		}
	}
	return nil
}

// readPolicy reads the resource-based policy of a qualifier.
func (f *function) readPolicy(ctx context.Context, a *Applier, qualifier string) error {
	got, err := a.lambda.GetPolicy(ctx, &awslambda.GetPolicyInput{
		FunctionName: &f.Name, Qualifier: optional(qualifier),
	})
	if err != nil {
		return unlessAbsent(err)
	}
	text := aws.ToString(got.Policy)
	document, err := policy.ParseTaken([]byte(text), policy.Resource)
	if err != nil {
		return err
	}
	statements := map[string]lambda.Permission{}
	for _, s := range document.Statements() {
		if made, ok := lambda.ReadPermission(s); ok {
			statements[s.Sid] = made
		} else if s.Sid != "" {
			statements[s.Sid] = lambda.Permission{StatementID: s.Sid}
		}
	}
	f.policies[qualifier], f.statements[qualifier] = text, statements
	return nil
}

// optional is a member that is left out if it is empty.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// has are the parts of the function that were read. Versions are not among them: their numbers are in the tags.
func (f *function) has() (all []part) {
	add := func(kind byte, id string) { all = append(all, part{f.key(), kind, id}) }
	for qualifier := range f.urls {
		add(partURL, qualifier)
	}
	for name := range f.aliases {
		add(partAlias, name)
	}
	for qualifier := range f.provisioned {
		add(partProvisioned, qualifier)
	}
	for qualifier := range f.events {
		add(partEvent, qualifier)
	}
	for qualifier, statements := range f.statements {
		add(partPolicy, qualifier)
		for sid := range statements {
			add(partStatement, qualifier+"/"+sid)
		}
	}
	return all
}

// removePart deletes a part of a function.
func (a *Applier) removePart(ctx context.Context, p part) (err error) {
	name := &p.holder.name
	switch p.kind {
	case partAlias:
		_, err = a.lambda.DeleteAlias(ctx, &awslambda.DeleteAliasInput{FunctionName: name, Name: &p.id})
	case partVersion:
		_, err = a.lambda.DeleteFunction(ctx, &awslambda.DeleteFunctionInput{FunctionName: name, Qualifier: &p.id})
		if code(err) == "ResourceConflictException" {
			err = nil // an alias of somebody else uses it
		}
	case partURL:
		_, err = a.lambda.DeleteFunctionUrlConfig(ctx, &awslambda.DeleteFunctionUrlConfigInput{
			FunctionName: name, Qualifier: optional(p.id),
		})
	case partStatement:
		qualifier, sid, _ := strings.Cut(p.id, "/")
		_, err = a.lambda.RemovePermission(ctx, &awslambda.RemovePermissionInput{
			FunctionName: name, Qualifier: optional(qualifier), StatementId: &sid,
		})
	case partPolicy:
		arn := a.functionARN(p.holder.name, p.id).String()
		_, err = a.lambda.DeleteResourcePolicy(ctx, &awslambda.DeleteResourcePolicyInput{ResourceArn: &arn})
	case partEvent:
		_, err = a.lambda.DeleteFunctionEventInvokeConfig(ctx, &awslambda.DeleteFunctionEventInvokeConfigInput{
			FunctionName: name, Qualifier: optional(p.id),
		})
	case partProvisioned:
		_, err = a.lambda.DeleteProvisionedConcurrencyConfig(ctx, &awslambda.DeleteProvisionedConcurrencyConfigInput{
			FunctionName: name, Qualifier: &p.id,
		})
	default:
		err = a.removeGrant(ctx, p)
	}
	return unlessAbsent(err)
}

// functionARN is the ARN of a function of the account.
func (a *Applier) functionARN(name, qualifier string) lambda.ARN {
	return lambda.ARN{Region: a.config.Region, Account: a.config.Account, Name: name, Qualifier: qualifier}
}
