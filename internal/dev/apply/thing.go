//go:build unix

package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
)

// thing is a resource as it is declared or as it is present on the server. Both are of the same type.
type thing interface {
	key() key               // the same for what is declared and what is present
	properties() properties // what both are compared by
	// attributes are those that are known only of what is present: empty ones are not known.
	attributes() map[string]string
}

// declared is a thing as it is declared, worked out.
type declared interface {
	thing
	// parts are what of it is marked in the tags of the things that it belongs to.
	parts() []part
	// present finds it in the world; nil if it is not there. What others have added to it is left out.
	present(w *world) thing
	// put makes it, or changes what differs from the one that is present. It may be called again after it failed.
	put(ctx context.Context, r *run, was thing) (thing, error)
}

// thing makes the declared thing of a value.
func (b *builder) thing(resource *template.Resource, value template.Value) (declared, error) {
	a, id := b.a, resource.ID
	var fault error
	name := func(text, qualifier string) (string, string) {
		if isUnknown(text) {
			return text, qualifier
		}
		named, err := a.functionNamed(text)
		switch {
		case err != nil:
			fault = err
		case named.Qualifier != "" && qualifier != "" && named.Qualifier != qualifier:
			fault = fmt.Errorf("the function %s and the qualifier %s are about different versions", text, qualifier)
		case qualifier == "":
			qualifier = named.Qualifier
		}
		if qualifier == arn.Latest {
			qualifier = ""
		}
		return named.Name, qualifier
	}
	switch v := value.(type) {
	case *template.Function:
		f := &function{Function: *v}
		f.complete(a.config.Environment, a.config.Environments[f.Name])
		code, err := a.source(b.stack, f.Runtime, v.Code)
		f.code = code
		return f, err
	case *template.Version:
		made := &version{Version: *v, id: id}
		made.Function, _ = name(v.Function, "")
		return made, fault
	case *template.Alias:
		made := &alias{*v}
		made.Function, _ = name(v.Function, "")
		made.Version = numberOf(v.Version)
		return made, fault
	case *template.URL:
		made := &functionURL{URL: *v}
		made.Function, made.Qualifier = name(v.Function, v.Qualifier)
		made.complete()
		return made, fault
	case *template.Permission:
		made := &permission{Permission: *v}
		made.Function, made.qualifier = name(v.Function, "")
		return made, fault
	case *template.ResourcePolicy:
		made := &resourcePolicy{ResourcePolicy: *v}
		made.Function, made.qualifier = name(v.Function, "")
		return made, fault
	case *template.Layer:
		made := &layer{Layer: *v, id: id}
		made.Description = strings.TrimSpace(strings.TrimSuffix(made.described(b.stack.Name), made.note(b.stack.Name)))
		code, err := a.layerSource(b.stack, v.Code)
		made.code = code
		return made, err
	case *template.EventInvoke:
		made := &eventInvoke{*v}
		made.Function, made.Qualifier = name(v.Function, v.Qualifier)
		return made, fault
	case *template.Role:
		made := &role{Role: *v}
		made.complete()
		return made, nil
	case *template.User:
		made := &user{User: *v}
		made.complete()
		return made, nil
	case *template.Group:
		made := &group{Group: *v}
		made.complete()
		return made, nil
	case *template.Policy:
		return &inline{Policy: *v}, nil
	case *template.ManagedPolicy:
		made := &managedPolicy{ManagedPolicy: *v}
		made.complete(a.config.Account)
		return made, nil
	case *template.Membership:
		return &membership{*v}, nil
	case *template.AccessKey:
		made := &accessKey{AccessKey: *v, logical: id, ring: a.keys}
		made.complete()
		return made, nil
	}
	return nil, fmt.Errorf("furl dev does not make resources of type %s", resource.Type)
}

// functionNamed is a function by its name or ARN, which has to be one of the account and the region.
func (a *Applier) functionNamed(text string) (arn.Function, error) {
	named, err := arn.ParseFunction(text, a.config.Region, a.config.Account)
	switch {
	case err != nil:
		return named, err
	case named.Account != a.config.Account || named.Region != a.config.Region:
		return named, fmt.Errorf("the function %s is in account %s and region %s; furl dev makes things in account %s and "+
			"region %s", text, named.Account, named.Region, a.config.Account, a.config.Region)
	}
	return named, nil
}

// numberOf is the number of a version that is given by its number or its ARN.
func numberOf(version string) string {
	if qualifier := qualifierOf(version); qualifier != "" {
		return qualifier
	}
	return version
}

// links are the things that have to be there before: those that it is a part of, and those that it names without saying
// so with Ref or GetAtt.
func (b *builder) links(want declared) (all []key) {
	for _, p := range want.parts() {
		all = append(all, p.holder)
	}
	principal := func(names ...string) {
		for _, text := range names {
			if p, ok := placeholderOf(text); ok && p.account == b.a.config.Account {
				all = append(all, key{p.kind, p.name})
			}
		}
	}
	managed := func(arns ...string) {
		for _, text := range arns {
			if named, err := arn.ParsePrincipal(text); err == nil && named.Type == "policy" {
				all = append(all, key{kindPolicy, arnName(text)})
			}
		}
	}
	switch v := want.(type) {
	case *function:
		principal(v.Role)
	case *version:
		all = append(all, key{kindFunction, v.Function})
	case *alias:
		for _, other := range b.items {
			if made, ok := other.want.(*version); ok && made.Function == v.Function {
				all = append(all, made.key())
			}
		}
	case *functionURL:
		all = append(all, key{"alias", v.Function + ":" + v.Qualifier})
	case *eventInvoke:
		all = append(all, key{"alias", v.Function + ":" + v.Qualifier})
	case *permission:
		all = append(all, key{"alias", v.Function + ":" + v.qualifier})
		principal(v.Principal)
	case *resourcePolicy:
		all = append(all, key{"alias", v.Function + ":" + v.qualifier})
		principal(principals(v.Policy)...)
	case *role:
		principal(principals(v.Trust)...)
		managed(v.Managed...)
		managed(v.Boundary)
	case *user:
		for _, name := range v.Groups {
			all = append(all, key{kindGroup, name})
		}
		managed(v.Managed...)
		managed(v.Boundary)
	case *group:
		managed(v.Managed...)
	case *membership:
		all = append(all, key{kindGroup, v.Group})
	case *accessKey:
		all = append(all, key{kindUser, v.User})
	}
	return all
}

// settled is the thing with placeholders for principals that nothing declares, and without policies and layers that are
// at AWS and not here.
func (b *builder) settled(want declared, pos tree.Position) {
	switch v := want.(type) {
	case *function:
		v.Role = b.settleRole(v, pos)
		b.dropLayers(v, pos)
	case *permission:
		v.Principal = b.settle(v.Principal, pos)
	case *resourcePolicy:
		v.Policy = mapPrincipals(v.Policy, func(p string) string { return b.settle(p, pos) })
	case *role:
		v.Trust = mapPrincipals(v.Trust, func(p string) string { return b.settle(p, pos) })
		b.dropPolicies(&v.grants, v.key(), pos)
		v.Boundary = b.settleBoundary(v.Boundary, v.key(), pos)
	case *user:
		b.dropPolicies(&v.grants, v.key(), pos)
		v.Boundary = b.settleBoundary(v.Boundary, v.key(), pos)
	case *group:
		b.dropPolicies(&v.grants, v.key(), pos)
	}
}

// settleRole is the execution role of a function. One that nothing declares gets a placeholder that Lambda may assume;
// one of another account is stood for by one of this account, since a function cannot have it.
func (b *builder) settleRole(f *function, pos tree.Position) string {
	p, ok := placeholderOf(f.Role)
	if !ok || p.kind != kindRole || isUnknown(f.Role) {
		return f.Role
	}
	if p.account != b.a.config.Account {
		b.notice(pos, "the %s has a role of account %s, %s: a role of that name in account %s stands for it here", f.key(),
			p.account, f.Role, b.a.config.Account)
		p.account = b.a.config.Account
	}
	holder := key{kindRole, p.name}
	if !b.declares[holder] && (!b.exists(holder) || b.world.isPlaceholder(holder)) {
		p.runs = true
		b.wantPlaceholder(p, b.world.isPlaceholder(holder))
		b.notice(pos, "the role %s of the %s is neither declared nor on the server: a placeholder without permissions "+
			"stands for it", p.name, f.key())
	}
	return arn.IAM(p.account, kindRole, p.path, p.name).String()
}

// isAWSManaged reports whether a policy is one of AWS's own.
func isAWSManaged(text string) bool {
	named, err := arn.ParsePrincipal(text)
	return err == nil && named.Account == "aws" && named.Type == "policy"
}

// hasPolicy reports whether there is a managed policy, or will be.
func (b *builder) hasPolicy(text string) bool {
	if isUnknown(text) || isAWSManaged(text) && b.world.awsPolicies[text] || b.world.policies[text] != nil {
		return true
	}
	it := b.byKey[key{kindPolicy, arnName(text)}]
	if it == nil {
		return false
	}
	declared, ok := it.want.(*managedPolicy)
	return ok && declared.arn == text
}

func (b *builder) dropPolicies(g *grants, of key, pos tree.Position) {
	g.attached = slices.DeleteFunc(slices.Clone(g.attached), func(arn string) bool {
		unknown := !b.hasPolicy(arn)
		if unknown {
			b.notice(pos, "the %s goes without %s: the server does not have this policy; write what is needed of it as a policy "+
				"of the template", of, arn)
		}
		return unknown
	})
}

func (b *builder) settleBoundary(boundary string, of key, pos tree.Position) string {
	if boundary == "" || b.hasPolicy(boundary) {
		return boundary
	}
	b.notice(pos, "the %s goes without its permissions boundary %s, so that more is allowed here than at AWS: the server does "+
		"not have this policy; declare it in the template", of, boundary)
	return ""
}

func (b *builder) dropLayers(f *function, pos tree.Position) {
	f.Layers = slices.DeleteFunc(slices.Clone(f.Layers), func(arn string) bool {
		absent := b.world.absentLayers[arn]
		if absent {
			b.notice(pos, "the %s goes without the layer %s, which is not here: declare its content as an "+
				"AWS::Lambda::LayerVersion, or have what is in it among the function's own code", f.key(), arn)
		}
		return absent
	})
}
