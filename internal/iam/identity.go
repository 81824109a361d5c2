// Package iam is the domain of identities: accounts, users, roles, access keys, sessions and the policies that
// belong to them. It does no I/O and decides nothing; values are immutable once published, a change makes a new
// value.
package iam

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/policy"
)

// Account is one AWS account with its root user's access key.
type Account struct {
	ID      string // twelve digits
	RootKey AccessKey

	// SCPs are the service control policies above the account, level by level from the organization's root down; nil
	// outside of an organization.
	SCPs [][]policy.Named
}

// Admin says that an account once got the user that it begins with. It stays when the user is deleted, which is then not
// made again.
type Admin struct {
	Account string
	Made    time.Time
}

// Key identifies the account.
func (a *Admin) Key() string { return a.Account }

// ParseARN reads the ARN of a principal or policy of the partition aws, in which everything is that a server keeps.
func ParseARN(text string) (arn.Principal, bool) {
	p, err := arn.ParsePrincipal(text)
	return p, err == nil && p.Partition == ""
}

// User is an IAM user.
type User struct {
	Account  string
	Name     string
	Path     string
	ID       string // AIDA…
	Created  time.Time
	Tags     map[string]string
	Boundary string   // ARN of the permissions boundary
	Groups   []string // names of the groups it is in, in order of joining
	Keys     []AccessKey
	Grants
}

// Role is an IAM role.
type Role struct {
	Account     string
	Name        string
	Path        string
	ID          string // AROA…
	Created     time.Time
	Description string
	Trust       Policy // who may assume it
	MaxSession  time.Duration
	Tags        map[string]string
	Boundary    string
	Grants
}

// AccessKey is a long-term access key of a user or of an account's root user.
type AccessKey struct {
	ID       string // AKIA…
	Secret   string
	Inactive bool
	Created  time.Time
}

// Session is a set of temporary credentials and the identity that they stand for.
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
	Policies    []Policy // session policies: the session can do no more than these allow
	PolicyARNs  []string // managed policies used as session policies

	SourceIdentity string
	Tags           map[string]string
	TransitiveTags []string // keys of the tags that a role assumed with the session gets too
	MFA            bool

	// Of a session that an identity provider vouched for: the provider's ARN, and condition keys of its claims. Of a
	// function's session: what Lambda says of it.
	Provider string
	Claims   map[string][]string
}

// ARN is the user's ARN.
func (u *User) ARN() string { return arn.IAM(u.Account, "user", u.Path, u.Name).String() }

// ARN is the role's ARN.
func (r *Role) ARN() string { return arn.IAM(r.Account, "role", r.Path, r.Name).String() }

// Key identifies the user among all users of the server.
func (u *User) Key() string { return Key(u.Account, u.Name) }

// Key identifies the role among all roles of the server.
func (r *Role) Key() string { return Key(r.Account, r.Name) }

// Key identifies the session among all sessions of the server.
func (s *Session) Key() string { return s.AccessKeyID }

// Key identifies a user, role, group or policy by account and name. AWS compares these names without regard to
// case when it looks for a clash, but looks them up as written.
func Key(account, name string) string { return account + "/" + name }

// Clone is a copy that may be changed without changing u.
func (u *User) Clone() *User {
	clone := *u
	clone.Tags, clone.Grants = maps.Clone(u.Tags), u.Grants.clone()
	clone.Groups, clone.Keys = slices.Clone(u.Groups), slices.Clone(u.Keys)
	return &clone
}

// Clone is a copy that may be changed without changing r.
func (r *Role) Clone() *Role {
	clone := *r
	clone.Tags, clone.Grants = maps.Clone(r.Tags), r.Grants.clone()
	return &clone
}

// Prepare makes what InlinePolicies returns. It is called once, before the user is published.
func (u *User) Prepare() { u.prepare(OfUser, u.Name) }

// Prepare makes what InlinePolicies returns. It is called once, before the role is published.
func (r *Role) Prepare() { r.prepare(OfRole, r.Name) }

// Owner is a user, role or group that policies belong to.
type Owner struct {
	Kind OwnerKind
	Name string
}

// OwnerKind is the sort of an Owner.
type OwnerKind string

// The sorts of owners.
const (
	OfRole  OwnerKind = "role"
	OfUser  OwnerKind = "user"
	OfGroup OwnerKind = "group"
)

// String is "role NAME".
func (o Owner) String() string { return string(o.Kind) + " " + o.Name }

// Group is an IAM group: policies that all users in it have. Which users are in it is kept with the users.
type Group struct {
	Account string
	Name    string
	Path    string
	ID      string // AGPA…
	Created time.Time
	Grants
}

// ARN is the group's ARN.
func (g *Group) ARN() string { return arn.IAM(g.Account, "group", g.Path, g.Name).String() }

// Key identifies the group among all groups of the server.
func (g *Group) Key() string { return Key(g.Account, g.Name) }

// Clone is a copy that may be changed without changing g.
func (g *Group) Clone() *Group {
	clone := *g
	clone.Grants = g.Grants.clone()
	return &clone
}

// Prepare makes what InlinePolicies returns. It is called once, before the group is published.
func (g *Group) Prepare() { g.prepare(OfGroup, g.Name) }

// Grants are the identity-based policies of a user, role or group.
type Grants struct {
	Inline   map[string]Policy // inline policies by name
	Attached []string          // ARNs of managed policies, in order of attachment

	inline *inlinePolicies // Inline as the evaluation takes it; nil for none
}

// inlinePolicies are made when they are needed first: few of the principals of a large server ever call.
type inlinePolicies struct {
	once  sync.Once
	owner Owner
	named []policy.Named
}

// InlinePolicies are the inline policies, in the order of their names.
func (g *Grants) InlinePolicies() []policy.Named {
	if g.inline == nil {
		return nil
	}
	g.inline.once.Do(func() {
		for _, name := range slices.Sorted(maps.Keys(g.Inline)) {
			g.inline.named = append(g.inline.named, policy.Named{
				Name: "inline policy " + name + " of " + g.inline.owner.String(), Document: g.Inline[name].Document(),
			})
		}
	})
	return g.inline.named
}

func (g *Grants) clone() Grants {
	return Grants{Inline: maps.Clone(g.Inline), Attached: slices.Clone(g.Attached)}
}

// prepare says whose policies InlinePolicies returns.
func (g *Grants) prepare(kind OwnerKind, name string) {
	g.inline = nil
	if len(g.Inline) > 0 {
		g.inline = &inlinePolicies{owner: Owner{kind, name}}
	}
}

// Policy is a policy document: its text as the client gave it and what it compiles to.
type Policy struct {
	Text string
	Kind policy.Kind

	compiled *compiled // nil for no policy
}

// compiled is what a policy compiles to.
type compiled struct {
	once     sync.Once
	document *policy.Document
}

// Document is what the policy compiles to; nil for no policy.
func (p Policy) Document() *policy.Document {
	if p.compiled == nil {
		return nil
	}
	p.compiled.once.Do(func() {
		if p.compiled.document == nil {
			p.compiled.document, _ = policy.ParseTaken([]byte(p.Text), p.Kind) //nolint:errcheck // TakenPolicy has seen to it
		}
	})
	return p.compiled.document
}

// NewPolicy is the policy with the document.
func NewPolicy(document *policy.Document) Policy {
	return Policy{Text: document.Source(), Kind: document.Kind(), compiled: &compiled{document: document}}
}

// TakenPolicy is a policy whose text was taken before. Its document takes much more memory than its text, so it is made
// again when it is needed.
func TakenPolicy(text string, kind policy.Kind) (Policy, error) {
	if _, err := policy.ParseTaken([]byte(text), kind); err != nil {
		return Policy{}, err
	}
	return Policy{Text: text, Kind: kind, compiled: &compiled{}}, nil
}

// ParsePolicy compiles a policy's text. The error lists every fault of it.
func ParsePolicy(text string, kind policy.Kind) (Policy, error) {
	document, err := policy.Parse([]byte(text), kind)
	if err != nil {
		return Policy{}, err
	}
	return NewPolicy(document), nil
}
