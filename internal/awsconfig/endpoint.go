package awsconfig

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// The SDK makes the clients that fetch credentials of roles before it has read AWS_ENDPOINT_URL and endpoint_url. They
// would ask AWS for the roles of a local server.

// endpoint is where STS is asked for the credentials of roles.
type endpoint struct{ url *string }

// set points a client at the endpoint, unless it has one for STS alone.
func (e *endpoint) set(o *sts.Options) {
	if o.BaseEndpoint == nil {
		o.BaseEndpoint = e.url
	}
}

type roleClient struct {
	stscreds.AssumeRoleAPIClient
	endpoint *endpoint
}

func (c roleClient) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput, options ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	return c.AssumeRoleAPIClient.AssumeRole(ctx, in, append(options, c.endpoint.set)...)
}

// webIdentityClient asks with the configuration as it will be when it is complete. The request is not signed.
type webIdentityClient struct{ config *aws.Config }

func (c webIdentityClient) AssumeRoleWithWebIdentity(ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput, options ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	return sts.NewFromConfig(*c.config).AssumeRoleWithWebIdentity(ctx, in, options...)
}
