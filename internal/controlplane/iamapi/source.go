package iamapi

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// sourceInput is whose policies are simulated, and those that the request brings along.
type sourceInput struct {
	PolicySourceArn string
	PolicyInputList []string
}

func (in sourceInput) source() string { return in.PolicySourceArn }

// source is the policies of a sourceInput.
type source struct {
	principal *policy.Principal // nil for a group and for policies that belong to nobody
	policies  []policy.Named    // named as the simulator names them
	boundary  *policy.Named
	tags      map[string]string
	levels    [][]policy.Named // service control policies of the account, root first; nil outside of an organization
}

// find gathers the policies of the input.
func (in sourceInput) find(r *wire.Request, without exclusions) (source, error) {
	from := source{}
	if in.PolicySourceArn != "" {
		var err error
		if from, err = findSource(r, in.PolicySourceArn, without); err != nil {
			return source{}, err
		}
	}
	more, err := namedPolicies("PolicyInputList", in.PolicyInputList)
	from.policies = append(from.policies, more...)
	return from, err
}

// findSource gathers the policies of the user, group or role with the ARN, but for the exclusions. Those of a user are
// its groups' too.
func findSource(r *wire.Request, entity string, without exclusions) (source, error) {
	if err := without.check(); err != nil {
		return source{}, err
	}
	world, account := r.State.Now(), r.Caller.Account
	parsed, ok := iam.ParseARN(entity)
	if !ok || parsed.Service != "iam" || parsed.Account != account {
		return source{}, invalidInput("Invalid Entity Arn: %s does not clearly define entity type and name.", entity)
	}
	kind := iam.OwnerKind(parsed.Type)
	if kind != iam.OfUser && kind != iam.OfGroup && kind != iam.OfRole {
		return source{}, invalidInput("Invalid Entity Arn: %s is not the ARN of a user, group or role.", entity)
	}
	e, err := findEntity(world, account, iam.Owner{Kind: kind, Name: parsed.Name})
	if err != nil {
		return source{}, err
	}
	from := source{policies: sourcePolicies(world, e, without), tags: *e.tags}
	if !without.ofType("permission-boundary") {
		from.boundary = sourceBoundary(world, *e.boundary)
	}
	if known, ok := world.Accounts.Get(account); ok && !without.ofType("scp") {
		from.levels = known.SCPs
	}
	switch kind {
	case iam.OfRole:
		from.principal = &policy.Principal{
			Type: policy.RoleSession, Account: account, ARN: arn.Session(account, e.Name, "simulation").String(),
			RoleARN: e.arn, UniqueID: e.id, SessionName: "simulation",
		}
	case iam.OfUser:
		from.principal = &policy.Principal{Type: policy.User, Account: account, ARN: e.arn, UniqueID: e.id}
		user, _ := world.User(account, e.Name)
		for _, name := range user.Groups {
			if group, ok := world.Group(account, name); ok {
				from.policies = append(from.policies, sourcePolicies(world, groupEntity(group), without)...)
			}
		}
	}
	return from, nil
}

// namedCaller is the user or session of a role with the ARN, whether it exists or not. Of one that exists it says what
// the ARN does not: the unique id, and the path of the session's role.
func namedCaller(world *state.Snapshot, arn string) (caller policy.Principal, ok bool) {
	caller, err := policy.ParsePrincipal(arn)
	if err != nil {
		return policy.Principal{}, false
	}
	parsed, _ := iam.ParseARN(arn)
	switch caller.Type {
	case policy.User:
		if user, ok := world.User(parsed.Account, parsed.Name); ok && user.ARN() == arn {
			caller.UniqueID = user.ID
		}
	case policy.RoleSession:
		name, _, _ := strings.Cut(parsed.Name, "/")
		if role, ok := world.Role(parsed.Account, name); ok {
			caller.RoleARN, caller.UniqueID = role.ARN(), role.ID
		}
	default:
		return policy.Principal{}, false
	}
	return caller, true
}

// sourcePolicies are the policies of one owner under the names of the simulator: inline policies by owner and name,
// managed ones by name.
func sourcePolicies(world *state.Snapshot, e entity, without exclusions) []policy.Named {
	var list []policy.Named
	for _, name := range slices.Sorted(maps.Keys(e.grants.Inline)) {
		if !without.inline(e.Owner, name) {
			named := policy.Named{Name: string(e.Kind) + "_" + e.Name + "_" + name, Document: e.grants.Inline[name].Document()}
			list = append(list, named)
		}
	}
	for _, arn := range e.grants.Attached {
		if managed, ok := world.Policy(arn); ok && !without.managed(managed) {
			list = append(list, policy.Named{Name: managed.Name, Document: managed.InForce().Policy.Document()})
		}
	}
	return list
}

func sourceBoundary(world *state.Snapshot, arn string) *policy.Named {
	if arn == "" {
		return nil
	}
	managed, ok := world.Policy(arn)
	if !ok {
		return &policy.Named{Name: arn, Document: &policy.Document{}} // lets nothing through
	}
	return &policy.Named{Name: managed.Name, Document: managed.InForce().Policy.Document()}
}

func namedPolicies(list string, texts []string) ([]policy.Named, error) {
	named := make([]policy.Named, len(texts))
	for i, text := range texts {
		name := fmt.Sprintf("%s.%d", list, i+1)
		document, err := iam.ParsePolicy(text, policy.Identity)
		if err != nil {
			return nil, inputFault(name, err)
		}
		named[i] = policy.Named{Name: name, Document: document.Document()}
	}
	return named, nil
}

// inputFault tells what is wrong with a policy that the request brings along, and where: other than a policy that is
// to be kept, it is there to be looked at.
func inputFault(name string, err error) error {
	var faults policy.Faults
	if errors.As(err, &faults) {
		return invalidInput("%s: %s (%s)", name, faults.AWS(), faults[0].Error())
	}
	return invalidInput("%s: %s", name, err)
}

// exclusions are policies that a simulation does without.
type exclusions []exclusion

type exclusion struct {
	PolicyType             string
	PolicyArn              string
	InlinePolicyIdentifier *struct{ PolicyName, AttachmentType, AttachmentName string }
}

// check holds the exclusions to what AWS takes: a name may have one asterisk. That of an inline policy may have none.
func (list exclusions) check() error {
	for i, e := range list {
		inline := e.InlinePolicyIdentifier
		count := 0
		for _, given := range []bool{e.PolicyType != "", e.PolicyArn != "", inline != nil} {
			if given {
				count++
			}
		}
		switch {
		case count != 1:
			return invalidInput("PolicyExclusionList.%d must have one of PolicyType, PolicyArn and InlinePolicyIdentifier.", i+1)
		case e.PolicyArn != "" && (!isPolicyARN(e.PolicyArn) || strings.Count(e.PolicyArn, "*") > 1):
			return invalidInput("ARN %s is not valid.", e.PolicyArn)
		case inline != nil && (strings.ContainsAny(inline.PolicyName, "*?") || strings.Count(inline.AttachmentName, "*") > 1):
			return invalidInput("Invalid inline policy exclusion: policyName, attachmentType, and attachmentName are required")
		}
	}
	return nil
}

// ofType reports whether all policies of a type are excluded.
func (list exclusions) ofType(name string) bool {
	return slices.ContainsFunc(list, func(e exclusion) bool { return e.PolicyType == name })
}

func (list exclusions) inline(owner iam.Owner, name string) bool {
	return list.ofType("inline") || slices.ContainsFunc(list, func(e exclusion) bool {
		in := e.InlinePolicyIdentifier
		return in != nil && in.PolicyName == name &&
			in.AttachmentType == string(owner.Kind) && like(in.AttachmentName, owner.Name)
	})
}

// managed reports whether a managed policy is excluded. AWS was seen to know it by the ARN that it would have without
// its path, and by no other.
func (list exclusions) managed(p *iam.ManagedPolicy) bool {
	kind := "user-managed"
	if p.Account == iam.AWS {
		kind = "aws-managed"
	}
	return list.ofType(kind) || slices.ContainsFunc(list, func(e exclusion) bool {
		return like(e.PolicyArn, arn.IAM(p.Account, "policy", "/", p.Name).String())
	})
}

// like reports whether a name is like a pattern, whose * and ? stand for any characters and any one.
func like(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

type contextKeysOutput struct{ ContextKeyNames []string }

func (s *service) getContextKeys(r *wire.Request, in *sourceInput) (any, error) {
	from, err := in.find(r, nil)
	return &contextKeysOutput{contextKeys(from.policies)}, err
}

// contextKeys are the condition keys that the policies refer to.
func contextKeys(policies []policy.Named) []string {
	var keys []string
	for _, named := range policies {
		keys = append(keys, named.Document.ContextKeys()...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
