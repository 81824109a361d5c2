package iam

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/arn"
)

// ManagedPolicy is a policy that stands by itself and can be attached to users, roles and groups, or bound their
// permissions.
type ManagedPolicy struct {
	Account     string // of the owner; AWS for the policies that every account has
	Name        string
	Path        string
	ID          string // ANPA…
	Description string
	Created     time.Time
	Updated     time.Time
	Tags        map[string]string
	Versions    []PolicyVersion // oldest first, never empty
	Default     string          // id of the version that is in force
	Last        int             // number of the latest version ever made; numbers are not used again
}

// PolicyVersion is one version of a managed policy. It does not change.
type PolicyVersion struct {
	ID      string // v1, v2, …
	Created time.Time
	Policy  Policy
}

// AWS is the account part of the ARNs of AWS's own managed policies.
const AWS = "aws"

// ARN is the policy's ARN.
func (p *ManagedPolicy) ARN() string {
	return arn.IAM(p.Account, "policy", p.Path, p.Name).String()
}

// Key identifies the policy among all policies of the server.
func (p *ManagedPolicy) Key() string { return p.ARN() }

// Version finds a version.
func (p *ManagedPolicy) Version(id string) (PolicyVersion, bool) {
	for _, version := range p.Versions {
		if version.ID == id {
			return version, true
		}
	}
	return PolicyVersion{}, false
}

// InForce is the version that is in force.
func (p *ManagedPolicy) InForce() PolicyVersion {
	version, _ := p.Version(p.Default)
	return version
}

// AddVersion adds a version, which is in force if it is to be or if it is the first.
func (p *ManagedPolicy) AddVersion(document Policy, inForce bool, now time.Time) PolicyVersion {
	p.Last++
	version := PolicyVersion{ID: "v" + strconv.Itoa(p.Last), Created: now, Policy: document}
	p.Versions = append(p.Versions, version)
	if inForce || p.Default == "" {
		p.Default = version.ID
	}
	p.Updated = now
	return version
}

// Clone is a copy that may be changed without changing p.
func (p *ManagedPolicy) Clone() *ManagedPolicy {
	clone := *p
	clone.Tags, clone.Versions = maps.Clone(p.Tags), slices.Clone(p.Versions)
	return &clone
}

// Provider is an OpenID Connect identity provider that an account trusts to vouch for web identities.
type Provider struct {
	Account     string
	Issuer      string   // with its scheme: https://oidc.example.com/path
	ClientIDs   []string // audiences
	Thumbprints []string // of its server's certificate; kept, not used
	Created     time.Time
	Tags        map[string]string
}

// URL is the issuer without its scheme, as ARNs, principals and condition keys have it.
func (p *Provider) URL() string {
	_, url, _ := strings.Cut(p.Issuer, "://")
	return url
}

// ARN is the provider's ARN.
func (p *Provider) ARN() string { return arn.IAM(p.Account, "oidc-provider", "/", p.URL()).String() }

// Key identifies the provider among all providers of the server.
func (p *Provider) Key() string { return p.ARN() }

// Clone is a copy that may be changed without changing p.
func (p *Provider) Clone() *Provider {
	clone := *p
	clone.ClientIDs, clone.Thumbprints = slices.Clone(p.ClientIDs), slices.Clone(p.Thumbprints)
	clone.Tags = maps.Clone(p.Tags)
	return &clone
}
