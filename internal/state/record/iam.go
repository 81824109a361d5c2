package record

import (
	"time"

	"github.com/furl-dev/furl/policy"
)

// Policy is a policy document in a record: its text, which is compiled when it is read.
type Policy struct {
	Text string      `json:"Text"`
	Kind policy.Kind `json:"Kind"`
}

// Grants are the policies of a User, Role or Group.
type Grants struct {
	Inline   map[string]Policy `json:"Inline,omitempty"`
	Attached []string          `json:"Attached,omitempty"`
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

// Kind implements Record.
func (User) Kind() (string, int) { return "user", 1 }

// Admin is the record of an iam.Admin.
type Admin struct {
	header
	Account string    `json:"Account"`
	Made    time.Time `json:"Made"`
}

// Kind implements Record.
func (Admin) Kind() (string, int) { return "admin", 1 }

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

// Kind implements Record.
func (Role) Kind() (string, int) { return "role", 1 }

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

// Kind implements Record.
func (Group) Kind() (string, int) { return "group", 1 }

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

// Kind implements Record.
func (ManagedPolicy) Kind() (string, int) { return "policy", 1 }

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

// Kind implements Record.
func (Provider) Kind() (string, int) { return "oidc-provider", 1 }

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

// Kind implements Record.
func (Session) Kind() (string, int) { return "session", 1 }
