//go:build unix

package apply

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"
)

// world is what the account has, as far as a stack is concerned.
type world struct {
	stack string

	functions map[string]*function
	roles     map[string]*role
	users     map[string]*user
	groups    map[string]*group
	policies  map[string]*managedPolicy // by ARN
	layers    map[string][]*layer       // by name: the versions of the stack, the latest last

	others      map[string]*elsewhere // other accounts
	awsPolicies map[string]bool       // which of the policies of AWS that are declared the server has

	absentLayers map[string]bool // which of the layers that functions name it does not have
}

// interest is what of the world is to be read besides what the stack has made: it is made of the declaration.
type interest struct {
	policies map[string]map[string]bool // qualifiers of functions whose resource-based policies are declared
	urls     map[string]bool            // functions of which these are declared
	aliases  map[string]bool
	versions map[string]bool
	events   map[string]bool
	keys     map[string]bool // users with access keys
	details  map[string]bool // roles with what only GetRole shows
	managed  map[string]bool // policies of AWS
	layers   map[string]bool // versions of layers by ARN
}

// read reads the world.
func (a *Applier) read(ctx context.Context, stack string, in interest) (*world, error) {
	w := &world{
		stack: stack, functions: map[string]*function{}, roles: map[string]*role{}, users: map[string]*user{},
		groups: map[string]*group{}, policies: map[string]*managedPolicy{}, layers: map[string][]*layer{},
		others: map[string]*elsewhere{}, awsPolicies: map[string]bool{},
		absentLayers: map[string]bool{},
	}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return a.readIAM(ctx, w, in) })
	all.Go(func() error { return a.readFunctions(ctx, w, in) })
	all.Go(func() error { return a.readLayers(ctx, w) })
	var mu sync.Mutex
	for arn := range in.managed {
		all.Go(func() error {
			_, err := a.iam.GetPolicy(ctx, &awsiam.GetPolicyInput{PolicyArn: &arn})
			mu.Lock()
			defer mu.Unlock()
			w.awsPolicies[arn] = err == nil
			return unlessAbsent(err)
		})
	}
	for arn := range in.layers {
		all.Go(func() error {
			_, err := a.lambda.GetLayerVersionByArn(ctx, &awslambda.GetLayerVersionByArnInput{Arn: &arn})
			mu.Lock()
			defer mu.Unlock()
			w.absentLayers[arn] = code(err) != "" // refused, as it is of an account that the server does not have
			if code(err) != "" {
				return nil
			}
			return err
		})
	}
	for account, client := range a.others {
		all.Go(func() error {
			found, err := a.readPlaceholders(ctx, client, account, stack)
			mu.Lock()
			defer mu.Unlock()
			w.others[account] = found
			return err
		})
	}
	return w, all.Wait()
}

// details reads all of the IAM of an account.
func details(ctx context.Context, client *awsiam.Client, each func(*awsiam.GetAccountAuthorizationDetailsOutput)) error {
	const most = 1000
	pages := awsiam.NewGetAccountAuthorizationDetailsPaginator(client, &awsiam.GetAccountAuthorizationDetailsInput{
		MaxItems: aws.Int32(most),
		Filter: []iamtypes.EntityType{
			iamtypes.EntityTypeUser, iamtypes.EntityTypeGroup, iamtypes.EntityTypeRole, iamtypes.EntityTypeLocalManagedPolicy,
		},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		each(page)
	}
	return nil
}

// readIAM reads roles, users, groups and managed policies.
func (a *Applier) readIAM(ctx context.Context, w *world, in interest) error {
	err := details(ctx, a.iam, func(page *awsiam.GetAccountAuthorizationDetailsOutput) {
		for _, r := range page.RoleDetailList {
			w.roles[aws.ToString(r.RoleName)] = presentRole(r)
		}
		for _, u := range page.UserDetailList {
			if u.UserName != nil { // the root user has none
				w.users[*u.UserName] = presentUser(u)
			}
		}
		for _, g := range page.GroupDetailList {
			w.groups[aws.ToString(g.GroupName)] = presentGroup(g)
		}
		for _, p := range page.Policies {
			w.policies[aws.ToString(p.Arn)] = presentPolicy(p)
		}
	})
	if err != nil {
		return err
	}
	w.attachments()
	all, ctx := errgroup.WithContext(ctx)
	for name, r := range w.roles {
		if in.details[name] || r.owner.marks(w.stack).has(partDetail) {
			all.Go(func() error { return a.do(ctx, func() error { return a.readRole(ctx, r) }) })
		}
	}
	for name, u := range w.users {
		if in.keys[name] || u.owner.is(w.stack) || len(u.owner.numbered(tagAccessKey, w.stack)) > 0 {
			all.Go(func() error { return a.do(ctx, func() error { return a.readKeys(ctx, u) }) })
		}
	}
	for _, p := range w.policies {
		all.Go(func() error { return a.do(ctx, func() error { return a.readPolicyTags(ctx, p) }) })
	}
	return all.Wait()
}

// readFunctions reads the functions of the region, with the parts that count.
func (a *Applier) readFunctions(ctx context.Context, w *world, in interest) error {
	pages := awslambda.NewListFunctionsPaginator(a.lambda, &awslambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, configuration := range page.Functions {
			w.functions[aws.ToString(configuration.FunctionName)] = presentFunction(&configuration)
		}
	}
	all, ctx := errgroup.WithContext(ctx)
	for _, f := range w.functions {
		all.Go(func() error { return a.readFunction(ctx, f, w.stack, in) })
	}
	return all.Wait()
}

// owner is whose a thing that has tags is; ok is false if it is not there.
func (w *world) owner(k key) (found owner, ok bool) {
	switch k.kind {
	case kindFunction:
		if f := w.functions[k.name]; f != nil {
			return f.owner, true
		}
	case kindRole:
		if r := w.roles[k.name]; r != nil {
			return r.owner, true
		}
	case kindUser:
		if u := w.users[k.name]; u != nil {
			return u.owner, true
		}
	case kindGroup:
		if g := w.groups[k.name]; g != nil {
			return g.owner, true
		}
	case kindPolicy:
		for _, p := range w.policies {
			if p.Name == k.name {
				return p.owner, true
			}
		}
	}
	return owner{}, false
}

// holders are all things that may have parts, or be the stack's.
func (w *world) holders() (all []key) {
	for name := range w.functions {
		all = append(all, key{kindFunction, name})
	}
	for name := range w.roles {
		all = append(all, key{kindRole, name})
	}
	for name := range w.users {
		all = append(all, key{kindUser, name})
	}
	for name := range w.groups {
		all = append(all, key{kindGroup, name})
	}
	for _, p := range w.policies {
		all = append(all, p.key())
	}
	slices.SortFunc(all, func(x, y key) int { return strings.Compare(x.String(), y.String()) })
	return all
}

// parts are the parts of a thing that were read.
func (w *world) parts(k key) []part {
	switch k.kind {
	case kindFunction:
		return w.functions[k.name].has()
	case kindUser:
		parts := w.users[k.name].grants.parts(k)
		for _, group := range w.users[k.name].Groups {
			parts = append(parts, part{k, partMember, group})
		}
		return parts
	}
	return w.grants(k).parts(k)
}

// isPlaceholder reports whether the stack made the role or user as a placeholder.
func (w *world) isPlaceholder(k key) bool {
	found, ok := w.owner(k)
	return ok && found.is(w.stack) && found.tags[tagPlaceholder] != ""
}

// code is the error code of an answer; "" for other errors.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// absent reports whether an API says that something is not there.
func absent(err error) bool {
	switch code(err) {
	case "ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException",
		"ProvisionedConcurrencyConfigNotFoundException":
		return true
	}
	return false
}

// unlessAbsent is the error, but for what is not there.
func unlessAbsent(err error) error {
	if absent(err) {
		return nil
	}
	return err
}

// unescape reads a policy document as IAM returns it.
func unescape(document *string) string {
	text, err := url.PathUnescape(aws.ToString(document))
	if err != nil {
		return aws.ToString(document)
	}
	return text
}

// arnName is the last part of an ARN or of a path.
func arnName(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
