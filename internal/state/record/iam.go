package record

import (
	"fmt"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/policy"
)

// Policy is a policy document in a record: its text, which is compiled when it is read.
type Policy struct {
	Text string      `json:"Text"`
	Kind policy.Kind `json:"Kind"`
}

func fromPolicy(p iam.Policy) Policy { return Policy{p.Text, p.Kind} }

// policies compiles the policies of one record. The first fault is in err.
type policies struct{ err error }

func (c *policies) value(p Policy) iam.Policy {
	if p.Text == "" { // none was set
		return iam.Policy{}
	}
	parsed, err := iam.ParsePolicy(p.Text, p.Kind)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("stored policy: %w", err)
	}
	return parsed
}

// Grants are the policies of a User, Role or Group.
type Grants struct {
	Inline   map[string]Policy `json:"Inline,omitempty"`
	Attached []string          `json:"Attached,omitempty"`
}

func fromGrants(g iam.Grants) Grants { return Grants{each(g.Inline, fromPolicy), g.Attached} }

func (c *policies) grants(g Grants) iam.Grants {
	return iam.Grants{Inline: each(g.Inline, c.value), Attached: g.Attached}
}

// AccessKey is an access key of a User.
type AccessKey struct {
	ID       string    `json:"ID"`
	Secret   string    `json:"Secret"`
	Inactive bool      `json:"Inactive"`
	Created  time.Time `json:"Created"`
}

// User is the record of an iam.User.
type User struct {
	header
	Account  string            `json:"Account"`
	Name     string            `json:"Name"`
	Path     string            `json:"Path"`
	ID       string            `json:"ID"`
	Created  time.Time         `json:"Created"`
	Tags     map[string]string `json:"Tags,omitempty"`
	Boundary string            `json:"Boundary,omitempty"`
	Groups   []string          `json:"Groups,omitempty"`
	Keys     []AccessKey       `json:"Keys,omitempty"`
	Grants
}

// Kind implements Of.
func (User) Kind() (string, int) { return "user", 1 }

// From implements Of.
func (User) From(u *iam.User) User {
	return User{
		Account: u.Account, Name: u.Name, Path: u.Path, ID: u.ID, Created: u.Created, Tags: u.Tags, Boundary: u.Boundary,
		Groups: u.Groups, Keys: all(u.Keys, func(k iam.AccessKey) AccessKey { return AccessKey(k) }),
		Grants: fromGrants(u.Grants),
	}
}

// Value implements Of.
func (r User) Value() (*iam.User, error) {
	var compile policies
	return &iam.User{
		Account: r.Account, Name: r.Name, Path: r.Path, ID: r.ID, Created: r.Created, Tags: r.Tags, Boundary: r.Boundary,
		Groups: r.Groups, Keys: all(r.Keys, func(k AccessKey) iam.AccessKey { return iam.AccessKey(k) }),
		Grants: compile.grants(r.Grants),
	}, compile.err
}

// Role is the record of an iam.Role.
type Role struct {
	header
	Account     string            `json:"Account"`
	Name        string            `json:"Name"`
	Path        string            `json:"Path"`
	ID          string            `json:"ID"`
	Created     time.Time         `json:"Created"`
	Description string            `json:"Description,omitempty"`
	Trust       Policy            `json:"Trust"`
	MaxSession  time.Duration     `json:"MaxSession"`
	Tags        map[string]string `json:"Tags,omitempty"`
	Boundary    string            `json:"Boundary,omitempty"`
	Grants
}

// Kind implements Of.
func (Role) Kind() (string, int) { return "role", 1 }

// From implements Of.
func (Role) From(r *iam.Role) Role {
	return Role{
		Account: r.Account, Name: r.Name, Path: r.Path, ID: r.ID, Created: r.Created, Description: r.Description,
		Trust: fromPolicy(r.Trust), MaxSession: r.MaxSession, Tags: r.Tags, Boundary: r.Boundary,
		Grants: fromGrants(r.Grants),
	}
}

// Value implements Of.
func (r Role) Value() (*iam.Role, error) {
	var compile policies
	return &iam.Role{
		Account: r.Account, Name: r.Name, Path: r.Path, ID: r.ID, Created: r.Created, Description: r.Description,
		Trust: compile.value(r.Trust), MaxSession: r.MaxSession, Tags: r.Tags, Boundary: r.Boundary,
		Grants: compile.grants(r.Grants),
	}, compile.err
}

// Group is the record of an iam.Group.
type Group struct {
	header
	Account string    `json:"Account"`
	Name    string    `json:"Name"`
	Path    string    `json:"Path"`
	ID      string    `json:"ID"`
	Created time.Time `json:"Created"`
	Grants
}

// Kind implements Of.
func (Group) Kind() (string, int) { return "group", 1 }

// From implements Of.
func (Group) From(g *iam.Group) Group {
	return Group{
		Account: g.Account, Name: g.Name, Path: g.Path, ID: g.ID, Created: g.Created, Grants: fromGrants(g.Grants),
	}
}

// Value implements Of.
func (r Group) Value() (*iam.Group, error) {
	var compile policies
	return &iam.Group{
		Account: r.Account, Name: r.Name, Path: r.Path, ID: r.ID, Created: r.Created, Grants: compile.grants(r.Grants),
	}, compile.err
}

// ManagedPolicy is the record of an iam.ManagedPolicy.
type ManagedPolicy struct {
	header
	Account     string            `json:"Account"`
	Name        string            `json:"Name"`
	Path        string            `json:"Path"`
	ID          string            `json:"ID"`
	Description string            `json:"Description,omitempty"`
	Created     time.Time         `json:"Created"`
	Updated     time.Time         `json:"Updated"`
	Tags        map[string]string `json:"Tags,omitempty"`
	Versions    []PolicyVersion   `json:"Versions"`
	Default     string            `json:"Default"`
	Last        int               `json:"Last"`
}

// PolicyVersion is a version of a ManagedPolicy.
type PolicyVersion struct {
	ID      string    `json:"ID"`
	Created time.Time `json:"Created"`
	Policy  Policy    `json:"Policy"`
}

// Kind implements Of.
func (ManagedPolicy) Kind() (string, int) { return "policy", 1 }

// From implements Of.
func (ManagedPolicy) From(p *iam.ManagedPolicy) ManagedPolicy {
	return ManagedPolicy{
		Account: p.Account, Name: p.Name, Path: p.Path, ID: p.ID, Description: p.Description, Created: p.Created,
		Updated: p.Updated, Tags: p.Tags, Default: p.Default, Last: p.Last,
		Versions: all(p.Versions, func(v iam.PolicyVersion) PolicyVersion {
			return PolicyVersion{ID: v.ID, Created: v.Created, Policy: fromPolicy(v.Policy)}
		}),
	}
}

// Value implements Of.
func (r ManagedPolicy) Value() (*iam.ManagedPolicy, error) {
	var compile policies
	return &iam.ManagedPolicy{
		Account: r.Account, Name: r.Name, Path: r.Path, ID: r.ID, Description: r.Description, Created: r.Created,
		Updated: r.Updated, Tags: r.Tags, Default: r.Default, Last: r.Last,
		Versions: all(r.Versions, func(v PolicyVersion) iam.PolicyVersion {
			return iam.PolicyVersion{ID: v.ID, Created: v.Created, Policy: compile.value(v.Policy)}
		}),
	}, compile.err
}

// Provider is the record of an iam.Provider.
type Provider struct {
	header
	Account     string            `json:"Account"`
	Issuer      string            `json:"Issuer"`
	ClientIDs   []string          `json:"ClientIDs,omitempty"`
	Thumbprints []string          `json:"Thumbprints,omitempty"`
	Created     time.Time         `json:"Created"`
	Tags        map[string]string `json:"Tags,omitempty"`
}

// Kind implements Of.
func (Provider) Kind() (string, int) { return "oidc-provider", 1 }

// From implements Of.
func (Provider) From(p *iam.Provider) Provider {
	return Provider{
		Account: p.Account, Issuer: p.Issuer, ClientIDs: p.ClientIDs, Thumbprints: p.Thumbprints, Created: p.Created,
		Tags: p.Tags,
	}
}

// Value implements Of.
func (r Provider) Value() (*iam.Provider, error) {
	return &iam.Provider{
		Account: r.Account, Issuer: r.Issuer, ClientIDs: r.ClientIDs, Thumbprints: r.Thumbprints, Created: r.Created,
		Tags: r.Tags,
	}, nil
}

// Session is the record of an iam.Session.
type Session struct {
	header
	AccessKeyID    string              `json:"AccessKeyID"`
	Secret         string              `json:"Secret"`
	Token          string              `json:"Token"`
	Issued         time.Time           `json:"Issued"`
	Expires        time.Time           `json:"Expires"`
	Account        string              `json:"Account"`
	Role           string              `json:"Role"`
	RoleID         string              `json:"RoleID"`
	User           string              `json:"User"`
	UserID         string              `json:"UserID"`
	Federated      string              `json:"Federated"`
	SessionName    string              `json:"SessionName"`
	Policies       []Policy            `json:"Policies,omitempty"`
	PolicyARNs     []string            `json:"PolicyARNs,omitempty"`
	SourceIdentity string              `json:"SourceIdentity,omitempty"`
	Tags           map[string]string   `json:"Tags,omitempty"`
	TransitiveTags []string            `json:"TransitiveTags,omitempty"`
	MFA            bool                `json:"MFA,omitempty"`
	Provider       string              `json:"Provider,omitempty"`
	Claims         map[string][]string `json:"Claims,omitempty"`
}

// Kind implements Of.
func (Session) Kind() (string, int) { return "session", 1 }

// From implements Of.
func (Session) From(s *iam.Session) Session {
	return Session{
		AccessKeyID: s.AccessKeyID, Secret: s.Secret, Token: s.Token, Issued: s.Issued, Expires: s.Expires,
		Account: s.Account, Role: s.Role, RoleID: s.RoleID, User: s.User, UserID: s.UserID, Federated: s.Federated,
		SessionName: s.SessionName, Policies: all(s.Policies, fromPolicy), PolicyARNs: s.PolicyARNs,
		SourceIdentity: s.SourceIdentity, Tags: s.Tags, TransitiveTags: s.TransitiveTags, MFA: s.MFA,
		Provider: s.Provider, Claims: s.Claims,
	}
}

// Value implements Of.
func (r Session) Value() (*iam.Session, error) {
	var compile policies
	return &iam.Session{
		AccessKeyID: r.AccessKeyID, Secret: r.Secret, Token: r.Token, Issued: r.Issued, Expires: r.Expires,
		Account: r.Account, Role: r.Role, RoleID: r.RoleID, User: r.User, UserID: r.UserID, Federated: r.Federated,
		SessionName: r.SessionName, Policies: all(r.Policies, compile.value), PolicyARNs: r.PolicyARNs,
		SourceIdentity: r.SourceIdentity, Tags: r.Tags, TransitiveTags: r.TransitiveTags, MFA: r.MFA,
		Provider: r.Provider, Claims: r.Claims,
	}, compile.err
}
