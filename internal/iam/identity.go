// Package iam is the domain of identities: accounts, users, roles, access keys, sessions and the policies that
// belong to them. It does no I/O and decides nothing; values are immutable once published, a change makes a new
// value.
package iam

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/furl-dev/furl/policy"
)

// Account is one AWS account with its root user's access key.
type Account struct {
	ID      string // twelve digits
	RootKey AccessKey
}

// User is an IAM user.
type User struct {
	Account  string
	Name     string
	Path     string
	ID       string // AIDA…
	Created  time.Time
	Tags     map[string]string `json:",omitempty"`
	Inline   map[string]Policy `json:",omitempty"` // inline policies by name
	Attached []string          `json:",omitempty"` // ARNs of managed policies, in order of attachment
	Boundary string            `json:",omitempty"` // ARN of the permissions boundary
	Groups   []string          `json:",omitempty"` // names of the groups it is in
	Keys     []AccessKey       `json:",omitempty"`

	inline []policy.Named // Inline as the evaluation takes it
}

// Role is an IAM role.
type Role struct {
	Account     string
	Name        string
	Path        string
	ID          string // AROA…
	Created     time.Time
	Description string `json:",omitempty"`
	Trust       Policy // who may assume it
	MaxSession  time.Duration
	Tags        map[string]string `json:",omitempty"`
	Inline      map[string]Policy `json:",omitempty"`
	Attached    []string          `json:",omitempty"`
	Boundary    string            `json:",omitempty"`

	inline []policy.Named // Inline as the evaluation takes it
}

// AccessKey is a long-term access key of a user or of an account's root user.
type AccessKey struct {
	ID       string // AKIA…
	Secret   string
	Inactive bool
	Created  time.Time
}

// Session is a set of temporary credentials, with whom they stand for.
type Session struct {
	AccessKeyID string // ASIA…
	Secret      string
	Token       string
	Issued      time.Time
	Expires     time.Time

	Account     string
	Role        string   // name of the assumed role, "" for other sessions
	RoleID      string   // its unique id: a role made again under the same name is another one
	User        string   // name of the user that the session was made for, "" for the root user
	UserID      string   // its unique id
	Federated   string   // name of the federated user, "" for other sessions
	SessionName string   // of an assumed role
	Policies    []Policy `json:",omitempty"` // session policies: the session can do no more than these allow
	PolicyARNs  []string `json:",omitempty"` // managed policies used as session policies

	SourceIdentity string            `json:",omitempty"`
	Tags           map[string]string `json:",omitempty"`
	TransitiveTags []string          `json:",omitempty"` // keys of the tags that a role assumed with the session gets too
	MFA            bool              `json:",omitempty"`
}

// ARN is the user's ARN.
func (u *User) ARN() string { return "arn:aws:iam::" + u.Account + ":user" + u.Path + u.Name }

// ARN is the role's ARN.
func (r *Role) ARN() string { return "arn:aws:iam::" + r.Account + ":role" + r.Path + r.Name }

// Key identifies the user among all users of the server.
func (u *User) Key() string { return Key(u.Account, u.Name) }

// Key identifies the role among all roles of the server.
func (r *Role) Key() string { return Key(r.Account, r.Name) }

// Key identifies a user, role, group or policy by account and name. AWS compares these names without regard to
// case when it looks for a clash, but looks them up as written.
func Key(account, name string) string { return account + "/" + name }

// Clone is a copy that may be changed without changing u.
func (u *User) Clone() *User {
	clone := *u
	clone.Tags, clone.Inline = maps.Clone(u.Tags), maps.Clone(u.Inline)
	clone.Attached, clone.Groups, clone.Keys = slices.Clone(u.Attached), slices.Clone(u.Groups), slices.Clone(u.Keys)
	return &clone
}

// Clone is a copy that may be changed without changing r.
func (r *Role) Clone() *Role {
	clone := *r
	clone.Tags, clone.Inline, clone.Attached = maps.Clone(r.Tags), maps.Clone(r.Inline), slices.Clone(r.Attached)
	return &clone
}

// Prepare makes what InlinePolicies returns. It is called once, before the user is published.
func (u *User) Prepare() { u.inline = named(u.Inline, "user "+u.Name) }

// Prepare makes what InlinePolicies returns. It is called once, before the role is published.
func (r *Role) Prepare() { r.inline = named(r.Inline, "role "+r.Name) }

// InlinePolicies are the user's inline policies, in the order of their names.
func (u *User) InlinePolicies() []policy.Named { return u.inline }

// InlinePolicies are the role's inline policies, in the order of their names.
func (r *Role) InlinePolicies() []policy.Named { return r.inline }

func named(policies map[string]Policy, owner string) []policy.Named {
	var list []policy.Named
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		list = append(list, policy.Named{Name: "inline policy " + name + " of " + owner, Document: policies[name].Document})
	}
	return list
}

// Policy is a policy document: its text as the client gave it and what it compiles to. It is stored as its text.
type Policy struct {
	Text     string
	Kind     policy.Kind
	Document *policy.Document
}

// ParsePolicy compiles a policy's text. The error lists every fault of it.
func ParsePolicy(text string, kind policy.Kind) (Policy, error) {
	document, err := policy.Parse([]byte(text), kind)
	if err != nil {
		return Policy{}, err
	}
	return Policy{Text: text, Kind: kind, Document: document}, nil
}

type storedPolicy struct {
	Text string
	Kind policy.Kind
}

// MarshalJSON writes the text and kind.
func (p Policy) MarshalJSON() ([]byte, error) { return json.Marshal(storedPolicy{p.Text, p.Kind}) }

// UnmarshalJSON reads what MarshalJSON wrote and compiles it.
func (p *Policy) UnmarshalJSON(data []byte) error {
	var stored storedPolicy
	if err := json.Unmarshal(data, &stored); err != nil {
		return fmt.Errorf("stored policy: %w", err)
	}
	if stored.Text == "" { // none was set
		*p = Policy{}
		return nil
	}
	parsed, err := ParsePolicy(stored.Text, stored.Kind)
	if err != nil {
		return fmt.Errorf("stored policy: %w", err)
	}
	*p = parsed
	return nil
}
