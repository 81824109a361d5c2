package furl

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/furl-dev/furl/sigv4"
)

// credentials asks for the credentials to sign with.
func (t *Transport) credentials(ctx context.Context) (sigv4.Credentials, error) {
	if t.Credentials == nil {
		return sigv4.Credentials{}, fmt.Errorf("%w: none are configured", ErrCredentials)
	}
	c, err := t.Credentials.Retrieve(ctx)
	if err != nil {
		return sigv4.Credentials{}, fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	if !c.HasKeys() {
		return sigv4.Credentials{}, fmt.Errorf("%w: access key id or secret is empty", ErrCredentials)
	}
	return sigv4.Credentials{
		AccessKeyID: c.AccessKeyID, Secret: sigv4.NewSecret(c.SecretAccessKey), SessionToken: c.SessionToken,
	}, nil
}

// renew fetches credentials again that were refused and reports whether another attempt has a chance: they had expired,
// or are others now.
func (t *Transport) renew(ctx context.Context, refusal Refusal) bool {
	cache, ok := t.Credentials.(*aws.CredentialsCache)
	if !ok {
		return false
	}
	before, err := cache.Retrieve(ctx)
	if err != nil || before.CanExpire && refusal.ErrorType == "InvalidSignatureException" {
		return false // a session that its provider has just fetched has the right secret
	}
	cache.Invalidate()
	after, err := cache.Retrieve(ctx)
	return err == nil && after.HasKeys() && (refusal.expired() || before.AccessKeyID != after.AccessKeyID ||
		before.SecretAccessKey != after.SecretAccessKey || before.SessionToken != after.SessionToken)
}

// fromFiles is how the source of keys begins that config.LoadDefaultConfig has read from a shared file. It keeps them
// as they were.
const fromFiles = "SharedConfigCredentials"

// reloading returns the credentials of a configuration, as a provider that looks for others each time but the first.
// The cache in front of it asks again only after credentials have expired or were refused.
func reloading(cfg aws.Config) aws.CredentialsProvider {
	var asked atomic.Bool
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		if !asked.Swap(true) {
			return cfg.Credentials.Retrieve(ctx)
		}
		if cache, ok := cfg.Credentials.(*aws.CredentialsCache); ok {
			cache.Invalidate()
		}
		c, err := cfg.Credentials.Retrieve(ctx)
		if err != nil || !strings.HasPrefix(c.Source, fromFiles) {
			return c, err
		}
		for _, source := range cfg.ConfigSources {
			if options, ok := source.(config.LoadOptions); ok {
				again, err := config.LoadDefaultConfig(ctx, func(o *config.LoadOptions) error { *o = options; return nil })
				if err != nil {
					return aws.Credentials{}, err
				}
				return again.Credentials.Retrieve(ctx)
			}
		}
		return c, nil
	})
}
