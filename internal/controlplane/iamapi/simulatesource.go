package iamapi

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// source is whose policies are simulated.
type source struct {
	principal *policy.Principal // nil for a group and for policies that belong to nobody
	policies  []policy.Named    // named as the simulator names them
	boundary  *policy.Named
	tags      map[string]string
}

// findSource gathers the policies of the user, group or role with the ARN. Those of a user are its groups' too.
func findSource(c *controlplane.Call, arn string) (source, error) {
	world, account := c.State.Now(), c.Caller.Account
	parsed, ok := iam.ParseARN(arn)
	if !ok || parsed.Service != "iam" || parsed.Account != account {
		return source{}, invalidInput("Invalid Entity Arn: %s does not clearly define entity type and name.", arn)
	}
	switch parsed.Type {
	case "user":
		user, err := findUser(world, account, parsed.Name)
		if err != nil {
			return source{}, err
		}
		return userSource(world, user), nil
	case "role":
		role, err := findRole(world, account, parsed.Name)
		if err != nil {
			return source{}, err
		}
		return source{
			principal: &policy.Principal{
				Type: policy.RoleSession, Account: account, ARN: iam.SessionARN(account, role.Name, "simulation"),
				RoleARN: role.ARN(), UniqueID: role.ID, SessionName: "simulation",
			},
			policies: sourcePolicies(world, "role_"+role.Name, &role.Grants), boundary: sourceBoundary(world, role.Boundary), tags: role.Tags,
		}, nil
	case "group":
		group, err := findGroup(world, account, parsed.Name)
		if err != nil {
			return source{}, err
		}
		return source{policies: sourcePolicies(world, "group_"+group.Name, &group.Grants)}, nil
	default:
		return source{}, invalidInput("Invalid Entity Arn: %s is not the ARN of a user, group or role.", arn)
	}
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

func userSource(world *state.Snapshot, user *iam.User) source {
	s := source{
		principal: &policy.Principal{Type: policy.User, Account: user.Account, ARN: user.ARN(), UniqueID: user.ID},
		policies:  sourcePolicies(world, "user_"+user.Name, &user.Grants),
		boundary:  sourceBoundary(world, user.Boundary), tags: user.Tags,
	}
	for _, name := range user.Groups {
		if group, ok := world.Group(user.Account, name); ok {
			s.policies = append(s.policies, sourcePolicies(world, "group_"+name, &group.Grants)...)
		}
	}
	return s
}

// sourcePolicies are the policies of one owner under the names of the simulator: inline policies by owner and name,
// managed ones by name.
func sourcePolicies(world *state.Snapshot, owner string, grants *iam.Grants) []policy.Named {
	var list []policy.Named
	for _, name := range slices.Sorted(maps.Keys(grants.Inline)) {
		list = append(list, policy.Named{Name: owner + "_" + name, Document: grants.Inline[name].Document})
	}
	for _, arn := range grants.Attached {
		if managed, ok := world.Policy(arn); ok {
			list = append(list, policy.Named{Name: managed.Name, Document: managed.InForce().Policy.Document})
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
	return &policy.Named{Name: managed.Name, Document: managed.InForce().Policy.Document}
}

// inputPolicies are the identity-based policies that a request brings along.
func inputPolicies(texts []string) ([]policy.Named, error) {
	return namedPolicies("PolicyInputList", texts)
}

func namedPolicies(list string, texts []string) ([]policy.Named, error) {
	named := make([]policy.Named, len(texts))
	for i, text := range texts {
		name := fmt.Sprintf("%s.%d", list, i+1)
		document, err := iam.ParsePolicy(text, policy.Identity)
		if err != nil {
			return nil, inputFault(name, err)
		}
		named[i] = policy.Named{Name: name, Document: document.Document}
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

type contextKeysOutput struct{ ContextKeyNames []string }

type customKeysInput struct {
	PolicyInputList []string `query:"required" member:"min=1,max=131072,pattern=policy"`
}

func (s *service) getContextKeysForCustomPolicy(_ *controlplane.Call, in *customKeysInput) (*contextKeysOutput, error) {
	policies, err := inputPolicies(in.PolicyInputList)
	return &contextKeysOutput{contextKeys(policies)}, err
}

type principalKeysInput struct {
	PolicySourceArn string   `query:"required,min=20,max=2048"`
	PolicyInputList []string `member:"min=1,max=131072,pattern=policy"`
}

func (s *service) getContextKeysForPrincipalPolicy(c *controlplane.Call, in *principalKeysInput) (*contextKeysOutput, error) {
	from, err := findSource(c, in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	policies, err := inputPolicies(in.PolicyInputList)
	return &contextKeysOutput{contextKeys(append(from.policies, policies...))}, err
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
