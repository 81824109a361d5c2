// Package awsapi opens the Lambda, IAM and STS APIs that function URLs are set up and checked with, at AWS or at any
// endpoint that speaks the same protocols, through the AWS SDK. It answers in the terms of packages lambda and iam and
// puts every failure into an [Error] that says which permission was missing; SDK types stay inside.
//
// It decides nothing and never retries what the SDK does not. Partitions other than aws are refused: the ARNs of the
// policies would be of another form.
package awsapi

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/awsconfig"
)

// requestTimeout bounds one HTTP request. The APIs used here answer within seconds.
const requestTimeout = 30 * time.Second

// ErrNoRegion is returned by Open when neither the options nor the environment nor the configuration name a region.
var ErrNoRegion = errors.New("no region is set: neither --region nor AWS_REGION nor a region in the profile")

// Client is one set of credentials in one region. It may be used by several goroutines at once.
type Client struct {
	config      aws.Config
	region      string
	credentials aws.CredentialsProvider
	lambda      *awslambda.Client
	iam         *awsiam.Client
	sts         *sts.Client
}

// Open reads the configuration. It sends nothing; credentials are fetched when they are first needed.
func Open(ctx context.Context, options awsconfig.Options) (*Client, error) {
	loaded, err := awsconfig.Load(ctx, options)
	if err != nil {
		return nil, err
	}
	if loaded.Region == "" {
		return nil, ErrNoRegion
	}
	if client, ok := loaded.HTTPClient.(*awshttp.BuildableClient); ok {
		loaded.HTTPClient = client.WithTimeout(requestTimeout)
	}
	return New(loaded), nil
}

// New is a client with the configuration, whose Region must be set.
func New(loaded aws.Config) *Client {
	loaded.Credentials = credentials{loaded.Credentials}
	return &Client{
		config:      loaded,
		region:      loaded.Region,
		credentials: loaded.Credentials,
		lambda:      awslambda.NewFromConfig(loaded),
		iam:         awsiam.NewFromConfig(loaded),
		sts:         sts.NewFromConfig(loaded),
	}
}

// In is the client in another region.
func (c *Client) In(region string) *Client {
	config := c.config
	config.Region = region
	return New(config)
}

// Region is where the client's functions are.
func (c *Client) Region() string { return c.region }

// Credentials are the keys that requests are signed with.
func (c *Client) Credentials(ctx context.Context) (aws.Credentials, error) {
	return c.credentials.Retrieve(ctx)
}

// Identity is who the credentials stand for.
type Identity struct {
	Account string
	ARN     string
	UserID  string
	// ClockAhead is how far the service's clock is ahead of this machine's, as seen in the answer, whose own time is
	// in whole seconds. ClockKnown is false if the answer had no date.
	ClockAhead time.Duration
	ClockKnown bool
}

// Partition is the partition that the identity is in; "" is aws.
func (i Identity) Partition() string {
	caller, _ := arn.ParsePrincipal(i.ARN)
	return caller.Partition
}

// Identity asks STS who the credentials stand for. It needs no permission.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	out, err := c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, failure(err, "")
	}
	identity := Identity{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn), UserID: aws.ToString(out.UserId)}
	served, ok := awsmiddleware.GetServerTime(out.ResultMetadata)
	received, also := awsmiddleware.GetResponseAt(out.ResultMetadata)
	if ok && also {
		identity.ClockAhead, identity.ClockKnown = served.Sub(received), true
	}
	return identity, nil
}

// AssumeRole takes on a role for an hour at most.
func (c *Client) AssumeRole(ctx context.Context, role, session string) (aws.Credentials, error) {
	out, err := c.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: &session})
	if err != nil {
		return aws.Credentials{}, failure(err, role)
	}
	return aws.Credentials{
		AccessKeyID:     aws.ToString(out.Credentials.AccessKeyId),
		SecretAccessKey: aws.ToString(out.Credentials.SecretAccessKey),
		SessionToken:    aws.ToString(out.Credentials.SessionToken),
		Source:          "AssumeRole", CanExpire: true, Expires: aws.ToTime(out.Credentials.Expiration),
	}, nil
}

// pages is a list of the SDK's, which is read page by page.
type pages[Page, Options any] interface {
	HasMorePages() bool
	NextPage(ctx context.Context, options ...func(*Options)) (*Page, error)
}

// all reads a list to its end.
func all[Item, Page, Options any](
	ctx context.Context, list pages[Page, Options], on string, items func(*Page) []Item,
) (whole []Item, err error) {
	for list.HasMorePages() {
		page, err := list.NextPage(ctx)
		if err != nil {
			return nil, failure(err, on)
		}
		whole = append(whole, items(page)...)
	}
	return whole, nil
}
