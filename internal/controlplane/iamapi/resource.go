package iamapi

import (
	"cmp"
	"slices"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
)

// The functions here name the resource that an operation needs a permission for, and the condition keys that come
// with it (Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access
// Management"). A user or role that does not exist is named by the ARN that it would have without a path: who may
// not look is told so, and not whether it is there. Refusals of AWS name existing entities as "role NAME" and new
// ones by their ARN.

// permission is a request that needs the permission.
func permission(c *controlplane.Call, need controlplane.Permission) (*wire.Request, error) {
	return &wire.Request{Call: c, Need: need}, nil
}

// factual is an input that has condition keys besides those of what it is about.
type factual interface{ facts() []auth.Fact }

func factsOf(in any) []auth.Fact {
	if in, ok := in.(factual); ok {
		return in.facts()
	}
	return nil
}

// onOwner is the role, user or group that the input names, or the calling user.
func onOwner[In interface {
	owner(*controlplane.Call) (iam.Owner, error)
}](c *controlplane.Call, in *In) (*ownerRequest, error) {
	o, err := (*in).owner(c)
	if err != nil {
		return nil, err
	}
	facts := factsOf(*in)
	need := controlplane.Permission{Resource: ownARN(c, string(o.Kind), "/", o.Name), Shown: o.String()}
	if o.Name == "" {
		need.Resource, need.Shown = c.Caller.ARN(), ""
	} else if e, err := findEntity(c.State.Now(), c.Caller.Account, o); err == nil {
		need.Resource = e.arn
		facts = append(facts, wire.ResourceTags(*e.tags, "iam")...)
		another := slices.ContainsFunc(facts, func(f auth.Fact) bool { return f.Key == boundaryKey })
		if !another {
			facts = append(facts, fact(boundaryKey, *e.boundary)...)
		}
	}
	need.Facts = facts
	return &ownerRequest{wire.Request{Call: c, Need: need}, o}, nil
}

// onNew is a role, user or group that is to be created.
func onNew[In interface {
	owner(*controlplane.Call) (iam.Owner, error)
	path() string
}](c *controlplane.Call, in *In) (*wire.Request, error) {
	o, err := (*in).owner(c)
	if err != nil {
		return nil, err
	}
	resource := ownARN(c, string(o.Kind), (*in).path(), o.Name)
	return permission(c, controlplane.Permission{Resource: resource, Facts: factsOf(*in)})
}

// pathInput asks for a list of what is below a path.
type pathInput struct {
	PathPrefix string
	wire.Page
}

// all is every entity of a type below the path that a list operation asks for.
func all(kind string) func(*controlplane.Call, *pathInput) (*wire.Request, error) {
	return func(c *controlplane.Call, in *pathInput) (*wire.Request, error) {
		return permission(c, controlplane.Permission{Resource: ownARN(c, kind, cmp.Or(in.PathPrefix, "/"), "")})
	}
}

// allPolicies is the managed policies below the path that a list operation asks for.
func allPolicies(c *controlplane.Call, in *listPoliciesInput) (*wire.Request, error) {
	path := cmp.Or(in.PathPrefix, "/")
	return permission(c, controlplane.Permission{Resource: ownARN(c, "policy", path, ""), Shown: "policy path " + path})
}

// onPolicy is the managed policy that the input names.
func onPolicy[In interface{ policy() string }](c *controlplane.Call, in *In) (*wire.Request, error) {
	name := (*in).policy()
	need := controlplane.Permission{Resource: name, Shown: "policy " + name, Facts: factsOf(*in)}
	if managed, ok := visiblePolicy(c.State.Now(), c.Caller.Account, name); ok {
		need.Facts = append(need.Facts, wire.ResourceTags(managed.Tags, "iam")...)
	}
	return permission(c, need)
}

// newPolicy is a managed policy that is to be created.
func newPolicy(c *controlplane.Call, in *createPolicyInput) (*wire.Request, error) {
	return permission(c, controlplane.Permission{
		Resource: ownARN(c, "policy", cmp.Or(in.Path, "/"), in.PolicyName), Shown: "policy " + in.PolicyName,
		Facts: tagFacts(in.Tags, nil),
	})
}

// onProvider is the identity provider that the input names.
func onProvider[In interface{ provider() string }](c *controlplane.Call, in *In) (*wire.Request, error) {
	need := controlplane.Permission{Resource: (*in).provider(), Facts: factsOf(*in)}
	if provider, ok := c.State.Now().Providers.Get(need.Resource); ok && provider.Account == c.Caller.Account {
		need.Facts = append(need.Facts, wire.ResourceTags(provider.Tags, "iam")...)
	}
	return permission(c, need)
}

// newProvider is an identity provider that is to be created.
func newProvider(c *controlplane.Call, in *createProviderInput) (*wire.Request, error) {
	provider := iam.Provider{Account: c.Caller.Account, Issuer: in.Url}
	return permission(c, controlplane.Permission{Resource: provider.ARN(), Facts: tagFacts(in.Tags, nil)})
}

// onSource is the user, group or role whose policies the input asks about, if any.
func onSource[In interface{ source() string }](c *controlplane.Call, in *In) (*wire.Request, error) {
	return permission(c, controlplane.Permission{Resource: cmp.Or((*in).source(), "*")})
}

// onKeyOwner is the user that an access key belongs to.
func onKeyOwner(c *controlplane.Call, in *keyInput) (*wire.Request, error) {
	need := controlplane.Permission{Resource: "*", Shown: "access key " + in.AccessKeyId}
	if account, name, ok := c.State.Now().KeyOwner(in.AccessKeyId); ok && account == c.Caller.Account && name != "" {
		need.Resource = ownARN(c, "user", "/", name)
		if user, ok := c.State.Now().User(account, name); ok {
			need.Resource = user.ARN()
		}
	}
	return permission(c, need)
}

func ownARN(c *controlplane.Call, kind, path, name string) string {
	return arn.IAM(c.Caller.Account, kind, path, name).String()
}

// tagFacts are the condition keys of the tags that a request sets, and of the keys that it sets or removes.
func tagFacts(tags []wire.Tag, keys []string) []auth.Fact {
	return append(wire.RequestTags(wire.Tags(tags)), wire.TagKeys(keys)...)
}

const boundaryKey = "iam:PermissionsBoundary"

// fact is a condition key, which is not there if it has no value.
func fact(key, value string) []auth.Fact {
	if value == "" {
		return nil
	}
	return []auth.Fact{{Key: key, Value: value}}
}
