package setup

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf16"

	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
)

// Unicode is a text in UTF-8. PowerShell writes what a program prints in UTF-16.
func Unicode(text []byte) []byte {
	var order func(two []byte) uint16
	switch {
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}):
		order = func(two []byte) uint16 { return uint16(two[0]) | uint16(two[1])<<8 }
	case bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		order = func(two []byte) uint16 { return uint16(two[1]) | uint16(two[0])<<8 }
	default:
		return bytes.TrimPrefix(text, []byte("\ufeff"))
	}
	var units []uint16
	for i := 2; i+1 < len(text); i += 2 {
		units = append(units, order(text[i:]))
	}
	return []byte(string(utf16.Decode(units)))
}

// trailer is what the AWS CLI prints behind a policy with --output text: the revision.
var trailer = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\s*(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?\s*$`)
})

// FirstValue is the JSON value that the AWS CLI printed, without what it prints behind a policy.
func FirstValue(text []byte) (json.RawMessage, error) {
	var first json.RawMessage
	decoder := json.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(&first)
	if err == nil && !trailer().Match(text[decoder.InputOffset():]) {
		err = errors.New("something follows the first value")
	}
	return first, err
}

// SavedSet is policies that apply together: those of one user or role with what it has of its groups.
type SavedSet struct {
	Owner    string // the ARN of the user, group or role; "" if the file does not say
	Common   bool   // it is one policy of nobody that is known, and may complete each other one
	Policies []SavedPolicy
	AWS      []SavedPolicy // policies of AWS's own, which nobody else can change
}

// SavedPolicy is a policy from a file.
type SavedPolicy struct {
	File  string
	Label string // which one it is of several in the file, such as "role caller, policy read"; "" for the only one
	*policy.Document
}

// Named is the policy under its whole name.
func (s SavedPolicy) Named() policy.Named {
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
// get-policy-version and get-account-authorization-details of IAM; describe-policy of Organizations. Policies that
// cannot be read are left out of the sets, and the error has all their faults.
func ReadSaved(file string, text []byte) ([]SavedSet, error) {
	r := savedReader{file: file, managed: map[string]SavedPolicy{}, attached: map[string]bool{}}
	text = Unicode(text)
	if first, err := FirstValue(text); err == nil {
		text = first
	}
	var answer savedAnswer
	err := json.Unmarshal(text, &answer)
	var list []savedAnswer // of --query FunctionUrlConfigs
	switch {
	case err == nil && (answer.FunctionUrl != "" || answer.FunctionUrlConfigs != nil),
		json.Unmarshal(text, &list) == nil && len(list) > 0 && list[0].FunctionUrl != "":
		return nil, fmt.Errorf("%s %w", file, ErrURLConfig)
	case err != nil && bytes.HasPrefix(text, []byte("{")) && json.Valid(text):
		return nil, fmt.Errorf("%s: %w", file, err)
	case err == nil && answer.Policy != "":
		var described struct{ Content awsapi.Document } // by describe-policy of Organizations
		_ = json.Unmarshal([]byte(answer.Policy), &described)
		r.addText("", string(cmp.Or(described.Content, answer.Policy)))
	case err == nil && answer.hasPolicies():
		r.add(policy.Identity, "", answer.PolicyDocument)
		r.add(policy.Identity, "", answer.PolicyVersion.Document)
		r.add(policy.Trust, "", answer.Role.AssumeRolePolicyDocument)
		for _, role := range answer.TrustOf {
			r.add(policy.Trust, trustOf(role), role.AssumeRolePolicyDocument)
		}
		r.addAccount(&answer.Details)
	default:
		plain := string(text)
		_ = json.Unmarshal(text, &plain) // as --query Policy prints it; else it is the policy
		r.addText("", plain)
	}
	if answer.IsTruncated || answer.NextToken != "" {
		r.faults = append(r.faults, fmt.Errorf("%s: is one page of several: save all of them, without --max-items and "+
			"--no-paginate", file))
	}
	return r.sets, errors.Join(r.faults...)
}

// savedAnswer has the members of all the answers.
type savedAnswer struct {
	FunctionUrl        string
	FunctionUrlConfigs json.RawMessage

	Policy         awsapi.Document // a policy itself has no element Policy
	PolicyDocument awsapi.Document
	PolicyVersion  struct{ Document awsapi.Document }
	Role           awsapi.Entity
	TrustOf        []awsapi.Entity `json:"Roles"`
	awsapi.Details

	IsTruncated bool
	NextToken   string
}

func (a *savedAnswer) hasPolicies() bool {
	return a.PolicyDocument+a.PolicyVersion.Document+a.Role.AssumeRolePolicyDocument != "" || a.TrustOf != nil ||
		a.Users != nil || a.Groups != nil || a.Roles != nil || a.Policies != nil
}

type savedReader struct {
	file     string
	sets     []SavedSet
	managed  map[string]SavedPolicy // by ARN
	attached map[string]bool        // the same, of those that somebody has
	faults   []error
}

// add reads a policy that is a set of its own.
func (r *savedReader) add(kind policy.Kind, label string, text awsapi.Document) {
	if saved, ok := r.read(kind, label, text); ok {
		r.sets = append(r.sets, SavedSet{Common: label == "", Policies: []SavedPolicy{saved}})
	}
}

// addText is add for a policy that has to say itself what kind it is of.
func (r *savedReader) addText(label, text string) {
	if saved, ok := r.parse(policy.GuessKind([]byte(text)), label, text); ok {
		r.sets = append(r.sets, SavedSet{Common: label == "", Policies: []SavedPolicy{saved}})
	}
}

func (r *savedReader) read(kind policy.Kind, label string, text awsapi.Document) (SavedPolicy, bool) {
	if text == "" {
		return SavedPolicy{}, false
	}
	return r.parse(kind, label, string(text))
}

func (r *savedReader) parse(kind policy.Kind, label, text string) (SavedPolicy, bool) {
	saved := SavedPolicy{File: r.file, Label: label}
	document, err := policy.Parse([]byte(text), kind)
	var faults policy.Faults
	if errors.As(err, &faults) {
		for _, fault := range faults {
			r.faults = append(r.faults, fmt.Errorf("%s:%w", saved.Named().Name, fault))
		}
		return SavedPolicy{}, false
	}
	saved.Document = document
	return saved, true
}

// addAccount reads the answer of GetAccountAuthorizationDetails. Service-linked roles are left out: only their services
// can change them.
func (r *savedReader) addAccount(account *awsapi.Details) {
	for _, p := range account.Policies {
		for _, version := range p.Versions {
			if version.ID != p.Default {
				continue
			}
			label := "policy " + p.ARN[strings.LastIndexByte(p.ARN, '/')+1:]
			if saved, ok := r.read(policy.Identity, label, version.Document); ok {
				r.managed[p.ARN] = saved
			}
		}
	}
	groups := map[string]SavedSet{}
	for _, group := range account.Groups {
		groups[group.Name()] = r.owned(group, "group "+group.Name())
	}
	joined := map[string]bool{}
	for _, user := range account.Users {
		set := r.owned(user, "user "+user.Name())
		for _, name := range user.GroupList {
			set.Policies = append(set.Policies, groups[name].Policies...)
			set.AWS = append(set.AWS, groups[name].AWS...)
			joined[name] = true
		}
		r.sets = append(r.sets, set)
	}
	for _, group := range account.Groups {
		if !joined[group.Name()] {
			r.sets = append(r.sets, groups[group.Name()])
		}
	}
	for _, role := range account.Roles {
		if strings.Contains(role.ARN, ":role/aws-service-role/") {
			continue
		}
		r.add(policy.Trust, trustOf(role), role.AssumeRolePolicyDocument)
		r.sets = append(r.sets, r.owned(role, "role "+role.Name()))
	}
	for _, p := range account.Policies {
		if saved, ok := r.managed[p.ARN]; ok && !r.attached[p.ARN] && !isOfAWS(p.ARN) {
			r.sets = append(r.sets, SavedSet{Policies: []SavedPolicy{saved}})
		}
	}
}

func trustOf(role awsapi.Entity) string { return "role " + role.Name() + ", trust policy" }

// owned is the policies of a user, group or role, inline and attached.
func (r *savedReader) owned(owner awsapi.Entity, name string) (set SavedSet) {
	set.Owner = owner.ARN
	for _, inline := range owner.Inline() {
		if saved, ok := r.read(policy.Identity, name+", policy "+inline.Name, inline.Document); ok {
			set.Policies = append(set.Policies, saved)
		}
	}
	for _, p := range owner.AttachedManagedPolicies {
		r.attached[p.PolicyArn] = true
		saved, ok := r.managed[p.PolicyArn]
		switch {
		case !ok: // the answer was filtered, or the policy has faults
		case isOfAWS(p.PolicyArn):
			set.AWS = append(set.AWS, saved)
		default:
			set.Policies = append(set.Policies, saved)
		}
	}
	return set
}

// isOfAWS reports whether a managed policy is AWS's own: arn:aws:iam::aws:policy/NAME.
func isOfAWS(arn string) bool { return strings.Contains(arn, ":iam::aws:") }
