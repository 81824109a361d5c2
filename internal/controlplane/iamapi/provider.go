package iamapi

import (
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/query"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/oidc"
	"github.com/furl-dev/furl/internal/state"
)

// providerARN names an OpenID Connect provider in a request.
type providerARN struct {
	OpenIDConnectProviderArn string `query:"required,min=20,max=2048"`
}

type createProviderInput struct {
	Url            string   `query:"required,min=1,max=255"`
	ClientIDList   []string `member:"min=1,max=255"`
	ThumbprintList []string `member:"min=40,max=40"`
	Tags           []tag    `query:"max=50"`
}

type createProviderOutput struct {
	OpenIDConnectProviderArn string
	Tags                     []tag `query:"omitempty"`
}

func (s *service) createProvider(c *controlplane.Call, in *createProviderInput) (*createProviderOutput, error) {
	if !oidc.ValidIssuer(in.Url, s.privateProviders) {
		if oidc.ValidIssuer(in.Url, true) {
			c.Explain("an identity provider without https must be on this machine, and is taken only if the server is told to",
				"furl serve --oidc-private-addresses")
		}
		return nil, query.ValidationErrorf("Invalid Open ID Connect Provider URL")
	}
	tags, err := exactTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	provider := &iam.Provider{
		Account: c.Caller.Account, Issuer: in.Url, ClientIDs: in.ClientIDList, Thumbprints: in.ThumbprintList, Created: c.Now, Tags: tags,
	}
	if err := checkProvider(provider); err != nil {
		return nil, err
	}
	err = c.State.Update(c.Context(), func(tx *state.Tx) error {
		if _, exists := tx.View().Providers.Get(provider.ARN()); exists {
			return alreadyExists("Provider with url %s already exists.", in.Url)
		}
		if len(providersOf(tx.View(), provider.Account)) >= maxProviders {
			return overQuota("OpenIdConnectProvidersPerAccount", maxProviders)
		}
		return tx.PutProvider(provider)
	})
	if err != nil {
		return nil, err
	}
	return &createProviderOutput{provider.ARN(), tagList(tags)}, nil
}

// checkProvider holds a provider to the quotas.
func checkProvider(p *iam.Provider) error {
	if len(p.Thumbprints) > maxThumbprints {
		return invalidInput("Thumbprint list must contain fewer than %d entries.", maxThumbprints)
	}
	if len(p.ClientIDs) > maxClientIDs {
		return overQuota("ClientIdsPerOpenIdConnectProvider", maxClientIDs)
	}
	return nil
}

type getProviderOutput struct {
	Url            string
	ClientIDList   []string
	ThumbprintList []string
	CreateDate     time.Time
	Tags           []tag
}

func (s *service) getProvider(c *controlplane.Call, in *providerARN) (*getProviderOutput, error) {
	found, ok := c.State.Now().Providers.Get(in.OpenIDConnectProviderArn)
	if !ok || found.Account != c.Caller.Account {
		return nil, noSuchEntity("OpenIDConnect Provider not found for arn %s", in.OpenIDConnectProviderArn)
	}
	return &getProviderOutput{found.URL(), found.ClientIDs, found.Thumbprints, found.Created, tagList(found.Tags)}, nil
}

type listProvidersOutput struct{ OpenIDConnectProviderList []providerEntry }

type providerEntry struct{ Arn string }

func (s *service) listProviders(c *controlplane.Call, _ *struct{}) (*listProvidersOutput, error) {
	out := &listProvidersOutput{}
	for _, p := range providersOf(c.State.Now(), c.Caller.Account) {
		out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, providerEntry{p.ARN()})
	}
	return out, nil
}

// providersOf are the identity providers of an account, by ARN.
func providersOf(world *state.Snapshot, account string) []*iam.Provider {
	var list []*iam.Provider
	for _, p := range world.Providers.All() {
		if p.Account == account {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *iam.Provider) int { return strings.Compare(a.ARN(), b.ARN()) })
	return list
}

func (s *service) deleteProvider(c *controlplane.Call, in *providerARN) error {
	return c.State.Update(c.Context(), func(tx *state.Tx) error {
		found, err := findProvider(tx.View(), c.Caller.Account, in.OpenIDConnectProviderArn)
		if err != nil {
			return err
		}
		tx.DeleteProvider(found)
		return nil
	})
}

type clientIDInput struct {
	providerARN
	ClientID string `query:"required,min=1,max=255"`
}

func (s *service) addClientID(c *controlplane.Call, in *clientIDInput) error {
	return s.changeProvider(c, in.OpenIDConnectProviderArn, func(p *iam.Provider) error {
		if !slices.Contains(p.ClientIDs, in.ClientID) {
			p.ClientIDs = append(p.ClientIDs, in.ClientID)
		}
		return nil
	})
}

func (s *service) removeClientID(c *controlplane.Call, in *clientIDInput) error {
	return s.changeProvider(c, in.OpenIDConnectProviderArn, func(p *iam.Provider) error {
		p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(id string) bool { return id == in.ClientID })
		return nil
	})
}

type thumbprintInput struct {
	providerARN
	ThumbprintList []string `query:"required" member:"min=40,max=40"`
}

func (s *service) updateThumbprint(c *controlplane.Call, in *thumbprintInput) error {
	return s.changeProvider(c, in.OpenIDConnectProviderArn, func(p *iam.Provider) error {
		p.Thumbprints = in.ThumbprintList
		return nil
	})
}

type tagProviderInput struct {
	providerARN
	Tags []tag `query:"required,max=50"`
}

func (s *service) tagProvider(c *controlplane.Call, in *tagProviderInput) error {
	return s.changeProvider(c, in.OpenIDConnectProviderArn, func(p *iam.Provider) (err error) {
		p.Tags, err = exactTags(p.Tags, in.Tags)
		return err
	})
}

type untagProviderInput struct {
	providerARN
	TagKeys []string `query:"required,max=50" member:"min=1,max=128,pattern=tagKey"`
}

func (s *service) untagProvider(c *controlplane.Call, in *untagProviderInput) error {
	return s.changeProvider(c, in.OpenIDConnectProviderArn, func(p *iam.Provider) error {
		for _, key := range in.TagKeys {
			delete(p.Tags, key)
		}
		return nil
	})
}

type listOfProviderInput struct {
	providerARN
	paging
}

func (s *service) listProviderTags(c *controlplane.Call, in *listOfProviderInput) (*tagsOutput, error) {
	found, err := findProvider(c.State.Now(), c.Caller.Account, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return pageOfTags(in.paging, found.Tags)
}

func findProvider(world *state.Snapshot, account, arn string) (*iam.Provider, error) {
	found, ok := world.Providers.Get(arn)
	if !ok || found.Account != account {
		return nil, noSuchEntity("OpenId connect Provider %s cannot be found.", arn)
	}
	return found, nil
}
