package iam

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/arn"
)

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
