package policyio

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/furl-dev/furl/policy"
)

// Set is policies that apply together: those of one user or role with what it has of its groups.
type Set struct {
	Policies []Saved
	AWS      []Saved // policies of AWS's own, which nobody else can change
}

// Saved is a policy from a file.
type Saved struct {
	File  string
	Label string // which one it is of several in the file, such as "role caller, policy read"; "" for the only one
	*policy.Document
}

// Named is the policy under its whole name.
func (s Saved) Named() policy.Named {
	name := s.File
	if s.Label != "" {
		name += ": " + s.Label
	}
	return policy.Named{Name: name, Document: s.Document}
}

// ErrURLConfig is what [ReadSaved] says of the configuration of a function URL.
var ErrURLConfig = errors.New("is the configuration of a function URL, and no policy")

// ReadSaved reads a policy, or what a command of the AWS CLI printed that has policies in it: get-policy and
// get-resource-policy of Lambda; get-role, list-roles, get-role-policy, get-user-policy, get-group-policy,
// get-policy-version and get-account-authorization-details of IAM. Policies that cannot be read are left out of the
// sets, and the error has all their faults.
func ReadSaved(file string, text []byte) ([]Set, error) {
	r := savedReader{file: file, managed: map[string]Saved{}}
	var answer savedAnswer
	if json.Unmarshal(text, &answer) != nil || !answer.hasPolicies() {
		if answer.FunctionUrl != "" || answer.FunctionUrlConfigs != nil {
			return nil, fmt.Errorf("%s %w", file, ErrURLConfig)
		}
		plain := string(text)
		_ = json.Unmarshal(text, &plain) // as --query Policy prints it; else it is the policy
		answer.Policy = &plain
	}
	if answer.Policy != nil {
		if saved, ok := r.parse(policy.GuessKind([]byte(*answer.Policy)), "", *answer.Policy); ok {
			r.sets = append(r.sets, Set{Policies: []Saved{saved}})
		}
	}
	r.add(policy.Identity, "", answer.PolicyDocument)
	r.add(policy.Identity, "", answer.PolicyVersion.Document)
	r.add(policy.Trust, "", answer.Role.AssumeRolePolicyDocument)
	for _, role := range answer.Roles {
		r.add(policy.Trust, "role "+role.RoleName+", trust policy", role.AssumeRolePolicyDocument)
	}
	r.addAccount(&answer)
	if answer.IsTruncated {
		r.faults = append(r.faults,
			fmt.Errorf("%s: the answer goes on (IsTruncated): save it without --max-items and --no-paginate", file))
	}
	return r.sets, errors.Join(r.faults...)
}

// savedAnswer has the members of all the answers.
type savedAnswer struct {
	FunctionUrl        string
	FunctionUrlConfigs json.RawMessage

	Policy         *string // a policy itself has no element Policy
	PolicyDocument json.RawMessage
	PolicyVersion  struct{ Document json.RawMessage }
	Role           savedRole
	Roles          []savedRole

	UserDetailList, GroupDetailList, RoleDetailList []savedOwner
	Policies                                        []struct {
		PolicyName, Arn   string
		PolicyVersionList []struct {
			Document         json.RawMessage
			IsDefaultVersion bool
		}
	}
	IsTruncated bool
}

type savedRole struct {
	RoleName, Path           string
	AssumeRolePolicyDocument json.RawMessage
}

// savedOwner is a user, group or role with its policies.
type savedOwner struct {
	savedRole
	UserName, GroupName                             string
	UserPolicyList, GroupPolicyList, RolePolicyList []struct {
		PolicyName     string
		PolicyDocument json.RawMessage
	}
	AttachedManagedPolicies []struct{ PolicyArn string }
	GroupList               []string
}

func (a *savedAnswer) hasPolicies() bool {
	return a.Policy != nil || a.PolicyDocument != nil || a.PolicyVersion.Document != nil || a.Roles != nil ||
		a.Role.AssumeRolePolicyDocument != nil || a.UserDetailList != nil || a.GroupDetailList != nil ||
		a.RoleDetailList != nil || a.Policies != nil
}

type savedReader struct {
	file    string
	sets    []Set
	managed map[string]Saved // by ARN
	faults  []error
}

// add reads a policy that is a set of its own.
func (r *savedReader) add(kind policy.Kind, label string, raw json.RawMessage) {
	if saved, ok := r.read(kind, label, raw); ok {
		r.sets = append(r.sets, Set{Policies: []Saved{saved}})
	}
}

// read reads a policy: an object, or text that holds one, as it is or with the escapes of URLs, in which IAM sends it.
func (r *savedReader) read(kind policy.Kind, label string, raw json.RawMessage) (Saved, bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return Saved{}, false
	}
	text := string(raw)
	if text[0] == '"' && json.Unmarshal(raw, &text) == nil && strings.HasPrefix(text, "%7B") {
		if plain, err := url.PathUnescape(text); err == nil {
			text = plain
		}
	}
	return r.parse(kind, label, text)
}

func (r *savedReader) parse(kind policy.Kind, label, text string) (Saved, bool) {
	saved := Saved{File: r.file, Label: label}
	document, err := policy.Parse([]byte(text), kind)
	var faults policy.Faults
	if errors.As(err, &faults) {
		for _, fault := range faults {
			r.faults = append(r.faults, fmt.Errorf("%s:%w", saved.Named().Name, fault))
		}
		return Saved{}, false
	}
	saved.Document = document
	return saved, true
}

// addAccount reads the answer of GetAccountAuthorizationDetails. Service-linked roles are left out: only their services
// can change them.
func (r *savedReader) addAccount(answer *savedAnswer) {
	attached := map[string]bool{}
	for _, p := range answer.Policies {
		for _, version := range p.PolicyVersionList {
			if saved, ok := r.read(policy.Identity, "policy "+p.PolicyName, version.Document); ok && version.IsDefaultVersion {
				r.managed[p.Arn] = saved
			}
		}
	}
	groups := map[string]Set{}
	for _, group := range answer.GroupDetailList {
		groups[group.GroupName] = r.owned(group, "group "+group.GroupName, attached)
	}
	joined := map[string]bool{}
	for _, user := range answer.UserDetailList {
		set := r.owned(user, "user "+user.UserName, attached)
		for _, name := range user.GroupList {
			set.Policies = append(set.Policies, groups[name].Policies...)
			set.AWS = append(set.AWS, groups[name].AWS...)
			joined[name] = true
		}
		r.sets = append(r.sets, set)
	}
	for _, group := range answer.GroupDetailList {
		if !joined[group.GroupName] {
			r.sets = append(r.sets, groups[group.GroupName])
		}
	}
	for _, role := range answer.RoleDetailList {
		if strings.HasPrefix(role.Path, "/aws-service-role/") {
			continue
		}
		r.add(policy.Trust, "role "+role.RoleName+", trust policy", role.AssumeRolePolicyDocument)
		r.sets = append(r.sets, r.owned(role, "role "+role.RoleName, attached))
	}
	for _, p := range answer.Policies {
		if saved, ok := r.managed[p.Arn]; ok && !attached[p.Arn] && !isOfAWS(p.Arn) {
			r.sets = append(r.sets, Set{Policies: []Saved{saved}})
		}
	}
}

// owned is the policies of a user, group or role, inline and attached.
func (r *savedReader) owned(owner savedOwner, name string, attached map[string]bool) (set Set) {
	for _, inline := range slices.Concat(owner.UserPolicyList, owner.GroupPolicyList, owner.RolePolicyList) {
		if saved, ok := r.read(policy.Identity, name+", policy "+cmp.Or(inline.PolicyName, "without a name"),
			inline.PolicyDocument); ok {
			set.Policies = append(set.Policies, saved)
		}
	}
	for _, policy := range owner.AttachedManagedPolicies {
		attached[policy.PolicyArn] = true
		saved, ok := r.managed[policy.PolicyArn]
		switch {
		case !ok: // the answer was filtered, or the policy has faults
		case isOfAWS(policy.PolicyArn):
			set.AWS = append(set.AWS, saved)
		default:
			set.Policies = append(set.Policies, saved)
		}
	}
	return set
}

// isOfAWS reports whether a managed policy is AWS's own: arn:aws:iam::aws:policy/NAME.
func isOfAWS(arn string) bool { return strings.Contains(arn, ":iam::aws:") }
