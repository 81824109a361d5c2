package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
)

// PrincipalKind is the sort of a Principal.
type PrincipalKind string

// The sorts of principals that a permission can be for.
const (
	RolePrincipal      PrincipalKind = "role"
	UserPrincipal      PrincipalKind = "user"
	AccountPrincipal   PrincipalKind = "account"
	FederatedPrincipal PrincipalKind = "federated user"
	ServicePrincipal   PrincipalKind = "service"
	Everyone           PrincipalKind = "everyone"
)

// Principal is who a permission is for.
type Principal struct {
	Kind    PrincipalKind
	ARN     string // as a policy names it: an ARN, a service's name, or *
	Account string // "" for services and everyone
	Name    string // of a role or user
	Given   string // what was asked for, if it was not the ARN: "function:reader"
	// SourceARN limits a service to calls on behalf of one resource, such as a CloudFront distribution.
	SourceARN string
	// Note says what could not be made sure of; "" if all could.
	Note string
}

// String is the ARN, with what was asked for.
func (p Principal) String() string {
	if p.Given == "" || p.Given == p.ARN {
		return p.ARN
	}
	return p.ARN + " (" + p.Given + ")"
}

// label is a short name, for statement ids.
func (p Principal) label() string {
	switch p.Kind {
	case AccountPrincipal:
		return p.Account
	case Everyone:
		return "everyone"
	case ServicePrincipal:
		name, _, _ := strings.Cut(p.ARN, ".")
		return name
	default:
		return p.Name
	}
}

// owner is whose identity-based policies the principal's are; ok is false for those that have none of their own.
func (p Principal) owner() (owner iam.Owner, ok bool) {
	if p.Kind != RolePrincipal && p.Kind != UserPrincipal {
		return iam.Owner{}, false
	}
	return iam.Owner{Kind: iam.OwnerKind(p.Kind), Name: p.Name}, true
}

// permission is the principal as a permission names it.
func (p Principal) permission() lambda.PermissionPrincipal {
	switch p.Kind {
	case Everyone:
		return lambda.PermissionPrincipal{Anyone: true}
	case ServicePrincipal:
		return lambda.PermissionPrincipal{Service: p.ARN}
	default:
		return lambda.PermissionPrincipal{AWS: p.ARN}
	}
}

// Session is a session of a principal that is a role.
func (p Principal) Session(name string) arn.Principal {
	role, _ := arn.ParsePrincipal(p.ARN)
	return arn.Session(p.Account, p.Name, name).In(role.Partition)
}

// caller is a caller that the principal stands for, as policies see it; nil is an anonymous one.
func (p Principal) caller() *policy.Principal {
	switch p.Kind {
	case RolePrincipal:
		return &policy.Principal{Type: policy.RoleSession, Account: p.Account, ARN: p.Session("furl").String(),
			RoleARN: p.ARN}
	case UserPrincipal:
		return &policy.Principal{Type: policy.User, Account: p.Account, ARN: p.ARN}
	case AccountPrincipal:
		return &policy.Principal{Type: policy.Root, Account: p.Account, ARN: p.ARN}
	case FederatedPrincipal:
		return &policy.Principal{Type: policy.FederatedUser, Account: p.Account, ARN: p.ARN}
	case ServicePrincipal:
		return &policy.Principal{Type: policy.Service, ARN: p.ARN}
	default:
		return nil
	}
}

// isPrincipalName reports whether a role or user can have the name.
func isPrincipalName(text string) bool {
	const made = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-"
	return text != "" && len(text) <= 64 && strings.Trim(text, made) == ""
}

var uniqueID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^A(ROA|IDA|GPA|SIA|KIA)[A-Z0-9]{12,}$`)
})

// IsUniqueID reports whether a text is the unique id of a role, user or key, which AWS puts in the place of a deleted
// principal (IAM User Guide, "AWS JSON policy elements: Principal").
func IsUniqueID(text string) bool { return uniqueID().MatchString(text) }

var serviceName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$`)
})

// Resolver finds out who a principal is. Names without an account are looked for in Home.
type Resolver struct {
	Home  Account
	Other *Account // another account that can be asked about principals of its own; nil if there is none
}

// Resolve reads a principal as a person writes it:
//
//	arn:aws:iam::ACCOUNT:role/…, …:user/…, …:root       as it is
//	arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION      the role of the session
//	ACCOUNT                                             everyone in that account that its own policies allow
//	NAME, role/NAME, user/NAME                          a role or user by its name
//	function:NAME, or the ARN of a function             the function's execution role; with :VERSION or :ALIAS, the version's
//	cloudfront.amazonaws.com                            CloudFront, for origin access control
//	*                                                   everyone, for URLs without authentication
//
// It refuses principals that could never call a function URL.
func (r *Resolver) Resolve(ctx context.Context, text string) (Principal, error) {
	function, isFunction := strings.CutPrefix(text, "function:")
	named, _ := arn.Parse(text)
	switch {
	case text == "":
		return Principal{}, errors.New("no principal is named")
	case text == "*":
		return Principal{Kind: Everyone, ARN: "*"}, nil
	case arn.IsAccount(text):
		return Principal{Kind: AccountPrincipal, ARN: arn.Root(text).In(r.Home.Partition).String(), Account: text,
			Given: text}, nil
	case named.Service == "lambda":
		return r.executionRole(ctx, text, text)
	case strings.HasPrefix(text, "arn:"):
		return r.byARN(ctx, text)
	case isFunction:
		return r.executionRole(ctx, text, function)
	case serviceName().MatchString(text):
		return service(text)
	case uniqueID().MatchString(text):
		return Principal{}, refuse("", "%s is the unique id of a principal or key, which a permission cannot be given to: name the ARN", text)
	}
	if user, ok := strings.CutPrefix(text, "user/"); ok {
		return r.byName(ctx, text, iam.Owner{Kind: iam.OfUser, Name: lastOf(user)})
	}
	role := strings.TrimPrefix(text, "role/")
	return r.byName(ctx, text, iam.Owner{Kind: iam.OfRole, Name: lastOf(role)})
}

// lastOf is a name without its path.
func lastOf(text string) string { return text[strings.LastIndexByte(text, '/')+1:] }

func service(name string) (Principal, error) {
	switch strings.TrimSuffix(name, ".cn") {
	case "cloudfront.amazonaws.com":
		return Principal{Kind: ServicePrincipal, ARN: name}, nil
	case "lambda.amazonaws.com":
		return Principal{}, refuse("furl grant FUNCTION --to function:CALLING-FUNCTION",
			"%s is the Lambda service itself, not the functions that run on it: a function calls with the credentials of its execution role: name that role", name)
	default:
		return Principal{}, refuse("", "the service %s never sends signed requests to a function URL: name the role, user or account that does", name)
	}
}

// byARN reads the ARN of an IAM or STS principal.
func (r *Resolver) byARN(ctx context.Context, text string) (Principal, error) {
	named, err := arn.ParsePrincipal(text)
	if err != nil || named.Partition != r.Home.Partition {
		return Principal{}, refuse("", "%q is not the ARN of a role, user or account in the partition %s",
			text, cmp.Or(r.Home.Partition, arn.AWS))
	}
	principal := Principal{ARN: text, Account: named.Account, Name: named.Name}
	switch named.Service + ":" + named.Type {
	case "iam:root":
		principal.Kind = AccountPrincipal
	case "iam:role":
		principal.Kind = RolePrincipal
	case "iam:user":
		principal.Kind = UserPrincipal
	case "sts:assumed-role":
		return r.sessionRole(ctx, text, named)
	case "sts:federated-user":
		principal.Kind = FederatedPrincipal
	default:
		return Principal{}, refuse("", "%s is a %s, which cannot be given a permission", text, named.Type)
	}
	if strings.ContainsAny(text, "*?") {
		return Principal{}, refuse("", "%s has a wildcard: AWS takes none in a principal but * alone", text)
	}
	return principal, nil
}

// sessionRole is the role behind a session: sessions come and go, and with them a permission that names one.
func (r *Resolver) sessionRole(ctx context.Context, text string, session arn.Principal) (Principal, error) {
	name, _, ok := strings.Cut(session.Name, "/")
	if !ok || !isPrincipalName(name) {
		return Principal{}, refuse("", "%q is not the ARN of a role's session", text)
	}
	guess := Principal{
		Kind: RolePrincipal, ARN: arn.IAM(session.Account, "role", "/", name).In(session.Partition).String(),
		Account: session.Account, Name: name, Given: text,
		Note: "the role's path is not part of a session's ARN and could not be looked up; it is taken to be /",
	}
	account, ok := r.account(session.Account)
	if !ok {
		return guess, nil
	}
	role, err := account.Principals.Principal(ctx, iam.Owner{Kind: iam.OfRole, Name: name})
	switch {
	case err == nil:
		return Principal{Kind: RolePrincipal, ARN: role.ARN, Account: session.Account, Name: name, Given: text}, nil
	case awsapi.KindOf(err) == awsapi.NotFound, errors.Is(err, context.Canceled):
		return Principal{}, err
	default:
		return guess, nil
	}
}

// account finds the account that can be asked.
func (r *Resolver) account(id string) (Account, bool) {
	switch {
	case id == r.Home.ID:
		return r.Home, true
	case r.Other != nil && id == r.Other.ID:
		return *r.Other, true
	default:
		return Account{}, false
	}
}

// byName looks a role or user up by its name.
func (r *Resolver) byName(ctx context.Context, given string, owner iam.Owner) (Principal, error) {
	if !isPrincipalName(owner.Name) {
		return Principal{}, refuse("", "%q is neither an ARN, an account id nor a role's name", given)
	}
	principal := Principal{Kind: PrincipalKind(owner.Kind), Account: r.Home.ID, Name: owner.Name, Given: given}
	found, err := r.Home.Principals.Principal(ctx, owner)
	switch awsapi.KindOf(err) {
	case awsapi.NotFound:
		return Principal{}, r.elsewhere(ctx, given, owner, err)
	case awsapi.Denied:
		principal.ARN = arn.IAM(r.Home.ID, string(owner.Kind), "/", owner.Name).In(r.Home.Partition).String()
		principal.Note = fmt.Sprintf("the path of %s could not be looked up (%v); it is taken to be /", owner, err)
		return principal, nil
	}
	principal.ARN = found.ARN
	return principal, err
}

// elsewhere is the error for a role that does not exist, and knows what else the name may have meant.
func (r *Resolver) elsewhere(ctx context.Context, given string, owner iam.Owner, missing error) error {
	if owner.Kind != iam.OfRole {
		return missing
	}
	if user, err := r.Home.Principals.Principal(ctx, iam.Owner{Kind: iam.OfUser, Name: owner.Name}); err == nil {
		return refuse("--to "+user.ARN, "account %s has no role %s, but a user of that name", r.Home.ID, given)
	}
	if function, err := r.Home.Functions.Function(ctx, lambda.ARN{Region: r.Home.Region, Account: r.Home.ID, Name: owner.Name}); err == nil {
		return refuse("--to function:"+function.ARN.Name, "account %s has no role %s, but a function of that name", r.Home.ID, given)
	}
	return missing
}

// executionRole is the role that a function runs as: what it signs its requests with.
func (r *Resolver) executionRole(ctx context.Context, given, name string) (Principal, error) {
	named, err := arn.ParseFunction(name, r.Home.Region, r.Home.ID)
	if err != nil {
		return Principal{}, err
	}
	account, ok := r.account(named.Account)
	if !ok {
		return Principal{}, refuse("name the function's execution role by its ARN, or give a profile of that account with --caller-profile",
			"function %s is in account %s, which the credentials cannot be used for", named.Name, named.Account)
	}
	function, err := account.Functions.Function(ctx, named)
	if err != nil {
		return Principal{}, err
	}
	role, err := arn.ParsePrincipal(function.Role)
	if err != nil || role.Type != "role" {
		return Principal{}, fmt.Errorf("the execution role of %s is %q, which is not the ARN of a role", function.ARN, function.Role)
	}
	return Principal{Kind: RolePrincipal, ARN: function.Role, Account: role.Account, Name: role.Name, Given: given}, nil
}
