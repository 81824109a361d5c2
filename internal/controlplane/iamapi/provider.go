package iamapi

import (
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/oidc"
	"github.com/furl-dev/furl/internal/state"
)

// providerInput names an OpenID Connect provider.
type providerInput struct{ OpenIDConnectProviderArn string }

func (in providerInput) provider() string { return in.OpenIDConnectProviderArn }

type createProviderInput struct {
	Url            string
	ClientIDList   []string
	ThumbprintList []string
	Tags           []wire.Tag
}

type createProviderOutput struct {
	OpenIDConnectProviderArn string
	Tags                     []wire.Tag `xml:",omitempty"`
}

func (s *service) createProvider(r *wire.Request, in *createProviderInput) (any, error) {
	if !oidc.ValidIssuer(in.Url, s.privateProviders) {
		if oidc.ValidIssuer(in.Url, true) {
			r.Explain("an identity provider without https must be on this machine, and is taken only if the server is told to",
				"furl serve --oidc-private-addresses")
		}
		return nil, validationError("Invalid Open ID Connect Provider URL")
	}
	tags, err := newTags(r, tagProvider, in.Tags, wire.Exactly)
	if err != nil {
		return nil, err
	}
	provider := &iam.Provider{
		Account: r.Caller.Account, Issuer: in.Url, ClientIDs: in.ClientIDList, Thumbprints: in.ThumbprintList,
		Created: r.Now, Tags: tags,
	}
	if err := checkProvider(provider); err != nil {
		return nil, err
	}
	err = r.Put(provider, func(world *state.Snapshot) error {
		if _, exists := world.Providers.Get(provider.ARN()); exists {
			return alreadyExists("Provider with url %s already exists.", in.Url)
		}
		if len(providersOf(world, provider.Account)) >= maxProviders {
			return overQuota("OpenIdConnectProvidersPerAccount", maxProviders)
		}
		return nil
	})
	return &createProviderOutput{provider.ARN(), wire.TagList(tags)}, err
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
	Tags           []wire.Tag
}

func (s *service) getProvider(r *wire.Request, in *providerInput) (any, error) {
	found, ok := r.State.Now().Providers.Get(in.OpenIDConnectProviderArn)
	if !ok || found.Account != r.Caller.Account {
		return nil, noSuchEntity("OpenIDConnect Provider not found for arn %s", in.OpenIDConnectProviderArn)
	}
	tags := wire.TagList(found.Tags)
	return &getProviderOutput{found.URL(), found.ClientIDs, found.Thumbprints, found.Created, tags}, nil
}

type listProvidersOutput struct{ OpenIDConnectProviderList []providerEntry }

type providerEntry struct{ Arn string }

func (s *service) listProviders(r *wire.Request, _ *struct{}) (any, error) {
	out := &listProvidersOutput{}
	for _, p := range providersOf(r.State.Now(), r.Caller.Account) {
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

func (s *service) deleteProvider(r *wire.Request, in *providerInput) (any, error) {
	return nil, controlplane.Delete(r.Call, in.find(r), nil)
}

type clientIDInput struct {
	providerInput
	ClientID string
}

func (s *service) addClientID(r *wire.Request, in *clientIDInput) (any, error) {
	return nil, in.change(r, func(p *iam.Provider) error {
		if !slices.Contains(p.ClientIDs, in.ClientID) {
			p.ClientIDs = append(p.ClientIDs, in.ClientID)
		}
		return nil
	})
}

func (s *service) removeClientID(r *wire.Request, in *clientIDInput) (any, error) {
	return nil, in.change(r, func(p *iam.Provider) error {
		p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(id string) bool { return id == in.ClientID })
		return nil
	})
}

type thumbprintInput struct {
	providerInput
	ThumbprintList []string
}

func (s *service) updateThumbprint(r *wire.Request, in *thumbprintInput) (any, error) {
	return nil, in.change(r, func(p *iam.Provider) error {
		p.Thumbprints = in.ThumbprintList
		return nil
	})
}

type tagProviderInput struct {
	providerInput
	tagging
}

// tagProvider sets tags, or removes them.
func (s *service) tagProvider(r *wire.Request, in *tagProviderInput) (any, error) {
	return nil, in.change(r, func(p *iam.Provider) (err error) {
		p.Tags, err = in.apply(p.Tags, wire.Exactly)
		return err
	})
}

// change changes the provider that the input names.
func (in providerInput) change(r *wire.Request, edit func(*iam.Provider) error) error {
	return controlplane.Change(r.Call, in.find(r), func(_ *state.Snapshot, p *iam.Provider) error {
		if err := edit(p); err != nil {
			return err
		}
		return checkProvider(p)
	})
}

type listOfProviderInput struct {
	providerInput
	wire.Page
}

func (s *service) listProviderTags(r *wire.Request, in *listOfProviderInput) (any, error) {
	found, err := in.find(r)(r.State.Now())
	if err != nil {
		return nil, err
	}
	return pageOfTags(in.Page, found.Tags)
}

// find finds the provider that the input names in the caller's account.
func (in providerInput) find(r *wire.Request) func(*state.Snapshot) (*iam.Provider, error) {
	return func(world *state.Snapshot) (*iam.Provider, error) {
		found, ok := world.Providers.Get(in.OpenIDConnectProviderArn)
		if !ok || found.Account != r.Caller.Account {
			return nil, noSuchEntity("OpenId connect Provider %s cannot be found.", in.OpenIDConnectProviderArn)
		}
		return found, nil
	}
}
