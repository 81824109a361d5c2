package iamapi

import (
	"cmp"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/query"
	"github.com/furl-dev/furl/internal/iam"
)

// The functions here name the resource that an operation needs a permission for, and the condition keys that come
// with it (Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access
// Management"). A user or role that does not exist is named by the ARN that it would have without a path: who may
// not look is told so, and not whether it is there. Refusals of AWS name existing entities as "role NAME" and new
// ones by their ARN.

// anything is the resource of operations that are about the account.
func anything(*controlplane.Call, *query.Form) (controlplane.Permission, error) {
	return controlplane.Permission{Resource: "*"}, nil
}

// onRole is the role of the parameter RoleName.
func onRole(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
	name := form.Get("RoleName")
	need := controlplane.Permission{Resource: arn(c, "role", "/", name), Shown: "role " + name}
	if role, ok := c.State.Now().Role(c.Caller.Account, name); ok {
		need.Resource = role.ARN()
		need.Facts = resourceTags(role.Tags)
		need.Facts = appendFact(need.Facts, "iam:PermissionsBoundary", role.Boundary)
	}
	return need, nil
}

// onUser is the user of the parameter UserName, or the caller.
func onUser(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
	name, err := userName(c, form.Get("UserName"))
	if err != nil {
		return controlplane.Permission{}, err
	}
	if name == "" {
		return controlplane.Permission{Resource: c.Caller.ARN()}, nil
	}
	need := controlplane.Permission{Resource: arn(c, "user", "/", name), Shown: "user " + name}
	if user, ok := c.State.Now().User(c.Caller.Account, name); ok {
		need.Resource = user.ARN()
		need.Facts = resourceTags(user.Tags)
		need.Facts = appendFact(need.Facts, "iam:PermissionsBoundary", user.Boundary)
	}
	return need, nil
}

// newPrincipal is a role or user that is to be created.
func newPrincipal(kind, parameter string) permission {
	return func(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
		need := controlplane.Permission{Resource: arn(c, kind, path(form), form.Get(parameter))}
		need.Facts = appendFact(requestTags(form), "iam:PermissionsBoundary", form.Get("PermissionsBoundary"))
		return need, nil
	}
}

// onGroup is the group of the parameter GroupName.
func onGroup(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
	name := form.Get("GroupName")
	need := controlplane.Permission{Resource: arn(c, "group", "/", name), Shown: "group " + name}
	if group, ok := c.State.Now().Group(c.Caller.Account, name); ok {
		need.Resource = group.ARN()
	}
	return need, nil
}

// newGroup is a group that is to be created.
func newGroup(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
	return controlplane.Permission{Resource: arn(c, "group", path(form), form.Get("GroupName"))}, nil
}

// onPolicy is the managed policy of the parameter PolicyArn.
func onPolicy(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
	name := form.Get("PolicyArn")
	need := controlplane.Permission{Resource: name, Shown: "policy " + name}
	if managed, ok := visiblePolicy(c.State.Now(), c.Caller.Account, name); ok {
		need.Facts = resourceTags(managed.Tags)
	}
	return need, nil
}

// newPolicy is a managed policy that is to be created.
func newPolicy(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
	name := form.Get("PolicyName")
	return controlplane.Permission{
		Resource: arn(c, "policy", path(form), name), Shown: "policy " + name, Facts: requestTags(form),
	}, nil
}

// allPolicies is the managed policies below the path that a list operation asks for.
func allPolicies(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
	need, err := all("policy")(c, form)
	need.Shown = "policy path " + strings.TrimPrefix(need.Resource, arn(c, "policy", "", ""))
	return need, err
}

// onProvider is the identity provider of the parameter OpenIDConnectProviderArn.
func onProvider(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
	need := controlplane.Permission{Resource: form.Get("OpenIDConnectProviderArn")}
	if provider, ok := c.State.Now().Providers.Get(need.Resource); ok && provider.Account == c.Caller.Account {
		need.Facts = resourceTags(provider.Tags)
	}
	return need, nil
}

// newProvider is an identity provider that is to be created.
func newProvider(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
	provider := iam.Provider{Account: c.Caller.Account, Issuer: form.Get("Url")}
	return controlplane.Permission{Resource: provider.ARN(), Facts: requestTags(form)}, nil
}

// onSource is the user, group or role of the parameter PolicySourceArn.
func onSource(_ *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
	return controlplane.Permission{Resource: form.Get("PolicySourceArn")}, nil
}

// attaching adds the managed policy that is attached or detached to a permission.
func attaching(on permission) permission {
	return func(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
		need, err := on(c, form)
		need.Facts = appendFact(need.Facts, "iam:PolicyARN", form.Get("PolicyArn"))
		return need, err
	}
}

// bounding puts the permissions boundary that is asked for in place of the one that is there.
func bounding(on permission) permission {
	return func(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
		need, err := on(c, form)
		need.Facts = slices.DeleteFunc(need.Facts, func(f auth.Fact) bool { return f.Key == "iam:PermissionsBoundary" })
		need.Facts = appendFact(need.Facts, "iam:PermissionsBoundary", form.Get("PermissionsBoundary"))
		return need, err
	}
}

// all is every entity of a type below the path that a list operation asks for.
func all(kind string) permission {
	return func(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
		return controlplane.Permission{Resource: arn(c, kind, cmp.Or(form.Get("PathPrefix"), "/"), "")}, nil
	}
}

// tagging adds the tags of the request to a permission.
func tagging(on permission) permission {
	return func(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
		need, err := on(c, form)
		need.Facts = append(need.Facts, requestTags(form)...)
		return need, err
	}
}

// permission names what an operation needs.
type permission = func(*controlplane.Call, *query.Form) (controlplane.Permission, error)

func arn(c *controlplane.Call, kind, path, name string) string {
	return "arn:aws:iam::" + c.Caller.Account + ":" + kind + path + name
}

func path(form *query.Form) string { return cmp.Or(form.Get("Path"), "/") }

func resourceTags(tags map[string]string) []auth.Fact {
	var facts []auth.Fact
	for _, t := range tagList(tags) {
		facts = append(facts, auth.Fact{Key: "aws:ResourceTag/" + t.Key, Value: t.Value}, auth.Fact{Key: "iam:ResourceTag/" + t.Key, Value: t.Value})
	}
	return facts
}

// requestTags are the tags that a request sets, and the keys that it sets or removes.
func requestTags(form *query.Form) []auth.Fact {
	var facts []auth.Fact
	for _, item := range form.Members("Tags") {
		facts = append(facts,
			auth.Fact{Key: "aws:RequestTag/" + item.Get("Key"), Value: item.Get("Value")},
			auth.Fact{Key: "aws:TagKeys", Value: item.Get("Key")})
	}
	for _, item := range form.Members("TagKeys") {
		facts = append(facts, auth.Fact{Key: "aws:TagKeys", Value: item.Value()})
	}
	return facts
}

func appendFact(facts []auth.Fact, key, value string) []auth.Fact {
	if value == "" {
		return facts
	}
	return append(facts, auth.Fact{Key: key, Value: value})
}

// onKeyOwner is the user that an access key belongs to.
func onKeyOwner(c *controlplane.Call, form *query.Form) (controlplane.Permission, error) {
	key := form.Get("AccessKeyId")
	need := controlplane.Permission{Resource: "*", Shown: "access key " + key}
	if account, user, ok := c.State.Now().KeyOwner(key); ok && account == c.Caller.Account && user != "" {
		need.Resource = arn(c, "user", "/", user)
		if known, ok := c.State.Now().User(account, user); ok {
			need.Resource = known.ARN()
		}
	}
	return need, nil
}
