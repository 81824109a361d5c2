//go:build unix

package apply

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
)

// placeholder is a role or user that a policy names and that nothing declares, made so that the policy is accepted and
// a person can play it. Its own account may assume the role. In another account it may call functions, as somebody
// there has to have allowed it at AWS: what it may call here is then up to the policies of the stack.
type placeholder struct {
	kind, account, path, name string
	runs                      bool // a function has it as its role
}

// isFor reports whether both stand for the same role or user.
func (p *placeholder) isFor(other *placeholder) bool {
	return p.kind == other.kind && p.account == other.account && p.name == other.name
}

func (p *placeholder) String() string {
	return "placeholder " + p.kind + " " + p.name + " of account " + p.account
}

// placeholderOf is the role or user that an ARN names: for a session that of its role.
func placeholderOf(principal string) (*placeholder, bool) {
	named, err := arn.ParsePrincipal(principal)
	if err != nil {
		return nil, false
	}
	switch {
	case named.Service == "iam" && (named.Type == kindRole || named.Type == kindUser):
		p := &placeholder{kind: named.Type, account: named.Account, path: pathOf(named.Path), name: named.Name}
		return p, !strings.ContainsAny(p.name, "*?")
	case named.Service == "sts" && named.Type == "assumed-role":
		name, _, _ := strings.Cut(named.Name, "/")
		return &placeholder{kind: kindRole, account: named.Account, path: "/", name: name}, name != ""
	}
	return nil, false
}

// client is the API of the placeholder's account, nil if there are no credentials for it.
func (a *Applier) client(account string) *awsiam.Client {
	if account == a.config.Account {
		return a.iam
	}
	return a.others[account]
}

func (a *Applier) putPlaceholder(ctx context.Context, p *placeholder, stack string) error {
	tags := tagList(map[string]string{tagStack: stack, tagPlaceholder: "true"})
	client := a.client(p.account)
	const policyName = "furl-placeholder"
	document := encode(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Action": []string{lambda.ActionInvokeURL, lambda.ActionInvoke}, "Resource": "*",
	}}})
	if p.kind == kindUser {
		if _, err := client.CreateUser(ctx, &awsiam.CreateUserInput{
			UserName: &p.name, Path: &p.path, Tags: tags,
		}); err != nil {
			return err
		}
		if p.account == a.config.Account {
			return nil
		}
		_, err := client.PutUserPolicy(ctx, &awsiam.PutUserPolicyInput{
			UserName: &p.name, PolicyName: aws.String(policyName), PolicyDocument: &document,
		})
		return err
	}
	trusted := []string{p.account}
	if p.account != a.config.Account {
		trusted = append(trusted, a.config.Account)
	}
	principals := map[string]any{"AWS": trusted}
	if p.runs {
		principals["Service"] = "lambda.amazonaws.com"
	}
	trust := encode(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole",
	}}})
	_, err := client.CreateRole(ctx, &awsiam.CreateRoleInput{
		RoleName: &p.name, Path: &p.path, AssumeRolePolicyDocument: &trust, Tags: tags,
		Description: aws.String("stands for the role of that name that a policy of the stack " + stack + " names"),
	})
	if err != nil || p.account == a.config.Account {
		return err
	}
	_, err = client.PutRolePolicy(ctx, &awsiam.PutRolePolicyInput{
		RoleName: &p.name, PolicyName: aws.String(policyName), PolicyDocument: &document,
	})
	return err
}

// removePlaceholder deletes one with all that it was given since.
func (a *Applier) removePlaceholder(ctx context.Context, p *placeholder) error {
	there := *a
	there.iam = a.client(p.account)
	found := &world{roles: map[string]*role{}, users: map[string]*user{}}
	err := details(ctx, there.iam, func(page *awsiam.GetAccountAuthorizationDetailsOutput) {
		for _, r := range page.RoleDetailList {
			found.roles[aws.ToString(r.RoleName)] = presentRole(r)
		}
		for _, u := range page.UserDetailList {
			found.users[aws.ToString(u.UserName)] = presentUser(u)
		}
	})
	if err != nil {
		return err
	}
	return there.removeHolder(ctx, key{p.kind, p.name}, found)
}

// readPlaceholders finds the roles and users of another account, and which of them are placeholders of the stack.
func (a *Applier) readPlaceholders(
	ctx context.Context, client *awsiam.Client, account, stack string,
) (*elsewhere, error) {
	found := &elsewhere{there: map[key]bool{}}
	see := func(kind string, path, name *string, tags map[string]string) {
		found.there[key{kind, aws.ToString(name)}] = true
		if tags[tagStack] == stack && tags[tagPlaceholder] != "" {
			found.made = append(found.made, &placeholder{
				kind: kind, account: account, path: aws.ToString(path), name: aws.ToString(name),
			})
		}
	}
	err := details(ctx, client, func(page *awsiam.GetAccountAuthorizationDetailsOutput) {
		for _, r := range page.RoleDetailList {
			see(kindRole, r.Path, r.RoleName, tagMap(r.Tags))
		}
		for _, u := range page.UserDetailList {
			see(kindUser, u.Path, u.UserName, tagMap(u.Tags))
		}
	})
	return found, err
}

// Accounts are those of the roles and users that a stack names as principals.
func Accounts(stack *template.Stack) (accounts []string) {
	for _, resource := range stack.Resources {
		value, err := stack.Value(resource, nil)
		if err != nil {
			continue // the plan says why
		}
		var named []string
		switch value := value.(type) {
		case *template.Permission:
			named = []string{value.Principal}
		case *template.ResourcePolicy:
			named = principals(value.Policy)
		case *template.Role:
			named = principals(value.Trust)
		}
		for _, principal := range named {
			if p, ok := placeholderOf(principal); ok && !slices.Contains(accounts, p.account) {
				accounts = append(accounts, p.account)
			}
		}
	}
	return accounts
}

// elsewhere is what another account has.
type elsewhere struct {
	there map[key]bool
	made  []*placeholder // of the stack
}

// settle turns the principals of a policy that nothing declares into placeholders. One for whose account there are no
// credentials is replaced by its account, of which nobody can call then.
func (b *builder) settle(principal string, pos tree.Position) string {
	p, ok := placeholderOf(principal)
	if !ok {
		return principal
	}
	holder := key{p.kind, p.name}
	if p.account == b.a.config.Account {
		if b.declares[holder] || b.exists(holder) && !b.world.isPlaceholder(holder) {
			return principal
		}
		b.wantPlaceholder(p, b.world.isPlaceholder(holder))
		return principal
	}
	other := b.world.others[p.account]
	if other == nil {
		b.notice(pos, "the account %s of %s is not one that furl dev has credentials for: the policies name the "+
			"account as a whole instead; start the server with --account %s besides --account %s, and the principal gets a "+
			"placeholder that a person can play", p.account, principal, p.account, b.a.config.Account)
		return arn.Root(p.account).String()
	}
	mine := slices.ContainsFunc(other.made, p.isFor)
	if mine || !other.there[holder] {
		b.wantPlaceholder(p, mine)
	}
	return principal
}
