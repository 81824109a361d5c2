// Package awsconfig finds credentials and region as the AWS CLI does (environment, profiles, SSO, roles with MFA, web
// identity, credential_process, containers, instances), and asks the two questions that calling a function URL may
// need: what is the function's URL, and who is calling.
//
// It stores nothing and logs nothing.
package awsconfig

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/furl-dev/furl"
)

// Options say where to look, besides the environment and the files that all AWS tools read.
type Options struct {
	Profile       string
	Region        string
	DefaultRegion string // where neither Region nor environment nor profile has one
	EndpointURL   string // of all APIs; "" for AWS_ENDPOINT_URL or AWS's own
	RoleARN       string // a role to assume with the credentials found
	// MFACode asks for the code of a profile's MFA device. nil: such profiles fail.
	MFACode func() (string, error)
}

// FromEnvironment is what signing takes from the environment alone: credentials, and a region if there is one. ok is
// false if it has no credentials. It saves reading the configuration files and certificates of Load, and comes to the
// same, since keys in the environment go before all others. No AWS client can be made of it.
func FromEnvironment(getenv func(string) string) (cfg aws.Config, ok bool) {
	provider := credentials.NewStaticCredentialsProvider(
		getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN"))
	region := getenv("AWS_REGION")
	if region == "" {
		region = getenv("AWS_DEFAULT_REGION")
	}
	return aws.Config{Region: region, Credentials: provider}, provider.Value.HasKeys()
}

// Load reads the configuration. It sends nothing: credentials are fetched when they are first asked for.
func Load(ctx context.Context, o Options) (aws.Config, error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DialContext = furl.Localhost(t.DialContext)
	})
	var roles endpoint
	complete := new(aws.Config)
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client),
		config.WithLogger(logging.Nop{}), // the SDK would write onto the standard error, and quote headers of responses
		config.WithAssumeRoleCredentialOptions(func(options *stscreds.AssumeRoleOptions) {
			options.TokenProvider = o.MFACode
			options.Client = roleClient{options.Client, &roles}
		}),
		config.WithWebIdentityRoleCredentialOptions(func(options *stscreds.WebIdentityRoleOptions) {
			options.Client = webIdentityClient{complete}
		}),
	}
	if o.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(o.Profile))
	}
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	if o.DefaultRegion != "" {
		load = append(load, config.WithDefaultRegion(o.DefaultRegion))
	}
	if o.EndpointURL != "" {
		endpoint, err := url.Parse(o.EndpointURL)
		if err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https" {
			return aws.Config{}, fmt.Errorf("endpoint %q is not an address such as http://127.0.0.1:9000", o.EndpointURL)
		}
		load = append(load, config.WithBaseEndpoint(o.EndpointURL))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("read the AWS configuration: %w", err)
	}
	if o.EndpointURL != "" {
		cfg.BaseEndpoint = aws.String(o.EndpointURL) // the SDK drops it for AWS_IGNORE_CONFIGURED_ENDPOINT_URLS
	}
	roles.url, *complete = cfg.BaseEndpoint, cfg
	if o.RoleARN != "" {
		provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), o.RoleARN, func(options *stscreds.AssumeRoleOptions) {
			options.RoleSessionName = "furl"
			options.TokenProvider = o.MFACode
		})
		cfg.Credentials = aws.NewCredentialsCache(provider)
	}
	return cfg, nil
}

// ErrNoURL is wrapped by the error for a function that does not exist or has no URL.
var ErrNoURL = errors.New("no such function URL")

// FunctionURL asks Lambda for the URL of a function, given by name or ARN, or of its alias if qualifier is not "".
func FunctionURL(ctx context.Context, cfg aws.Config, function, qualifier string) (string, error) {
	if cfg.Region == "" {
		return "", fmt.Errorf("the URL of %s can not be looked up without a region", function)
	}
	cfg.Credentials = marked{cfg.Credentials}
	in := &lambda.GetFunctionUrlConfigInput{FunctionName: aws.String(function)}
	if qualifier != "" {
		in.Qualifier = aws.String(qualifier)
	}
	out, err := lambda.NewFromConfig(cfg).GetFunctionUrlConfig(ctx, in)
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return "", fmt.Errorf("%w: %s in %s: %s", ErrNoURL, function, cfg.Region, missing.ErrorMessage())
	}
	if err != nil {
		return "", fmt.Errorf("look up the URL of %s: %w", function, err)
	}
	return aws.ToString(out.FunctionUrl), nil
}

// CallerARN asks STS whose credentials these are.
func CallerARN(ctx context.Context, cfg aws.Config) (string, error) {
	cfg.Credentials = marked{cfg.Credentials}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Arn), nil
}
