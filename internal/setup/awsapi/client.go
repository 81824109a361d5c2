// Package awsapi opens the Lambda, IAM and STS APIs that function URLs are set up and checked with, at AWS or at any
// endpoint that speaks the same protocols, through the AWS SDK. It answers in the terms of packages lambda and iam and
// puts every failure into an [Error] that says which permission was missing; SDK types stay inside.
//
//	client, err := awsapi.Open(ctx, awsapi.Options{Region: "eu-central-1"})
//	…
//	url, err := client.URL(ctx, function)
//
// It decides nothing and never retries what the SDK does not. Partitions other than aws are refused: the ARNs of the
// policies would be of another form.
package awsapi

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Options say which account, region and endpoint to use. Empty fields are taken from the environment and the
// configuration files, as the AWS CLI does.
type Options struct {
	Profile     string
	Region      string
	EndpointURL string // of all services; "" for AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_LAMBDA…, the profile's, or AWS
}

// requestTimeout bounds one HTTP request. The APIs used here answer within seconds.
const requestTimeout = 30 * time.Second

// ErrNoRegion is returned by Open when neither the options nor the environment nor the configuration name a region.
var ErrNoRegion = errors.New("no region is set: neither --region nor AWS_REGION nor a region in the profile")

// Client is one set of credentials in one region. It may be used by several goroutines at once.
type Client struct {
	region      string
	credentials aws.CredentialsProvider
	lambda      *awslambda.Client
	iam         *awsiam.Client
	sts         *sts.Client
}

// Open reads the configuration. It sends nothing; credentials are fetched when they are first needed.
func Open(ctx context.Context, options Options) (*Client, error) {
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(requestTimeout)),
	}
	if options.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(options.Profile))
	}
	if options.Region != "" {
		load = append(load, config.WithRegion(options.Region))
	}
	if options.EndpointURL != "" {
		endpoint, err := url.Parse(options.EndpointURL)
		if err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https" {
			return nil, fmt.Errorf("endpoint %q is not an address such as http://127.0.0.1:9000", options.EndpointURL)
		}
		load = append(load, config.WithBaseEndpoint(options.EndpointURL))
	}
	loaded, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	if loaded.Region == "" {
		return nil, ErrNoRegion
	}
	return New(loaded), nil
}

// New is a client with the configuration, whose Region must be set.
func New(loaded aws.Config) *Client {
	loaded.Credentials = credentials{loaded.Credentials}
	return &Client{
		region:      loaded.Region,
		credentials: loaded.Credentials,
		lambda:      awslambda.NewFromConfig(loaded),
		iam:         awsiam.NewFromConfig(loaded),
		sts:         sts.NewFromConfig(loaded),
	}
}

// Region is where the client's functions are.
func (c *Client) Region() string { return c.region }

// Credentials are the keys that requests are signed with.
func (c *Client) Credentials(ctx context.Context) (aws.Credentials, error) {
	return c.credentials.Retrieve(ctx)
}

// credentials tells a missing key from all else that can go wrong with a call.
type credentials struct{ from aws.CredentialsProvider }

func (c credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if c.from == nil {
		return aws.Credentials{}, &Error{Kind: NoCredentials, Message: "no AWS credentials are configured"}
	}
	found, err := c.from.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, &Error{Kind: NoCredentials, Message: "no AWS credentials could be found", Err: err}
	}
	return found, nil
}
