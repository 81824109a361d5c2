// Package awsconfig finds credentials and a region as the AWS CLI does (environment, profiles, SSO, roles with MFA, web
// identity, credential_process, containers, instances). It looks up the URL of a function and the identity of the
// caller.
//
// It stores nothing and logs nothing.
package awsconfig

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/furlproto"
)

// Options override the environment and the files that all AWS tools read.
type Options struct {
	Profile       string
	Region        string
	DefaultRegion string // if Region, environment and profile have none
	EndpointURL   string // of all APIs; "" for AWS_ENDPOINT_URL or AWS's own
	RoleARN       string // a role to assume with the credentials found
	AppID         string // for the User-Agent of the APIs' clients
	Authority     string // file of certificates to trust besides the system's: that of a server on this machine
	// Credentials are used in place of those that the environment and the files name; without keys they are not.
	Credentials aws.Credentials
	// MFACode asks for the code of a profile's MFA device. If it is nil, such profiles fail.
	MFACode func() (string, error)
}

// FromEnvironment returns the credentials in the environment, and the region if there is one. ok is false if there are
// no credentials. The result signs like that of Load, since keys in the environment take precedence, but
// FromEnvironment does not read configuration files and certificates. An AWS client needs the result of Load.
func FromEnvironment(getenv func(string) string) (cfg aws.Config, ok bool) {
	provider := credentials.NewStaticCredentialsProvider(
		getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN"))
	region := cmp.Or(getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"))
	return aws.Config{Region: region, Credentials: provider}, provider.Value.HasKeys()
}

// Load reads the configuration. It sends nothing: credentials are fetched when they are first asked for. When their
// cache is invalidated, or they have expired, the whole configuration is read again for them: a person may have changed
// the keys in a file, or signed in.
func Load(ctx context.Context, o Options) (aws.Config, error) {
	cfg, err := load(ctx, o)
	if err != nil || cfg.Credentials == nil {
		return cfg, err
	}
	next := cfg.Credentials
	cfg.Credentials = aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		provider := next
		if next = nil; provider == nil { // the cache asks once at a time
			again, err := load(ctx, o)
			if err != nil {
				return aws.Credentials{}, err
			}
			provider = again.Credentials
		}
		return provider.Retrieve(ctx)
	}))
	return cfg, nil
}

func load(ctx context.Context, o Options) (aws.Config, error) {
	trusted, err := furlproto.Trust(o.Authority)
	if err != nil {
		return aws.Config{}, err
	}
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DialContext = furl.Localhost(t.DialContext)
		t.OnProxyConnectResponse = furlproto.CheckProxy
		if trusted != nil {
			t.TLSClientConfig.RootCAs = trusted
		}
	})
	var roles endpoint
	complete := new(aws.Config)
	load := []func(*config.LoadOptions) error{ // each ignores an empty string
		config.WithSharedConfigProfile(o.Profile),
		config.WithRegion(o.Region),
		config.WithDefaultRegion(o.DefaultRegion),
		config.WithAppID(o.AppID),
		config.WithHTTPClient(client),
		config.WithLogger(logging.Nop{}), // the SDK's logger writes headers of responses to the standard error
		config.WithAssumeRoleCredentialOptions(func(options *stscreds.AssumeRoleOptions) {
			options.TokenProvider = o.MFACode
			options.Client = roleClient{options.Client, &roles}
		}),
		config.WithWebIdentityRoleCredentialOptions(func(options *stscreds.WebIdentityRoleOptions) {
			options.Client = webIdentityClient{complete}
		}),
	}
	if o.EndpointURL != "" {
		if err := CheckEndpoint(o.EndpointURL); err != nil {
			return aws.Config{}, err
		}
		load = append(load, config.WithBaseEndpoint(o.EndpointURL))
	}
	if o.Credentials.HasKeys() {
		load = append(load, config.WithCredentialsProvider(credentials.StaticCredentialsProvider{Value: o.Credentials}))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if missing, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return aws.Config{}, &UnknownProfile{Profile: missing.Profile, Known: Profiles()}
	}
	if err != nil {
		return aws.Config{}, fmt.Errorf("read the AWS configuration: %w", err)
	}
	if o.EndpointURL != "" {
		cfg.BaseEndpoint = aws.String(o.EndpointURL) // the SDK drops it for AWS_IGNORE_CONFIGURED_ENDPOINT_URLS
	}
	if cfg.BaseEndpoint != nil { // of the environment or the profile, which the SDK takes as it is
		if err := CheckEndpoint(*cfg.BaseEndpoint); err != nil {
			return aws.Config{}, err
		}
	}
	roles.url, *complete = cfg.BaseEndpoint, cfg
	if o.RoleARN != "" {
		provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), o.RoleARN,
			func(options *stscreds.AssumeRoleOptions) {
				options.RoleSessionName = "furl"
				options.TokenProvider = o.MFACode
			})
		cfg.Credentials = provider
	}
	return cfg, nil
}

// ErrEndpoint is in the chain of an error for an endpoint that is no address.
var ErrEndpoint = errors.New("not an address such as http://127.0.0.1:9000")

// CheckEndpoint refuses what is no address of a server.
func CheckEndpoint(address string) error {
	endpoint, err := url.Parse(address)
	if err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https" {
		return fmt.Errorf("endpoint %q is %w", address, ErrEndpoint)
	}
	return nil
}

// UnknownProfile is the error for a profile that no file has.
type UnknownProfile struct {
	Profile string
	Known   []string // the profiles that there are
}

func (e *UnknownProfile) Error() string {
	return fmt.Sprintf("the AWS configuration has no profile %q", e.Profile)
}

// Profiles are the names of the profiles in the files that the SDK reads.
func Profiles() []string {
	var names []string
	for _, path := range []string{
		cmp.Or(os.Getenv("AWS_CONFIG_FILE"), config.DefaultSharedConfigFilename()),
		cmp.Or(os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), config.DefaultSharedCredentialsFilename()),
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the SDK does without it, too
		}
		for line := range strings.Lines(string(text)) {
			section, _, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "["), "]")
			if !ok || !strings.HasPrefix(strings.TrimSpace(line), "[") {
				continue
			}
			name := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(section), "profile "))
			if !strings.HasPrefix(name, "sso-session ") && !strings.HasPrefix(name, "services ") {
				names = append(names, strings.Trim(name, `"'`))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Refusal is what an API said to a request that it refused.
type Refusal struct {
	Status    int
	Message   string
	RequestID string
	Explained bool // by a furl server on this machine, under the request id
}

// RefusalOf finds the refusal in an error of the SDK.
func RefusalOf(err error) (Refusal, bool) {
	answered, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || answered.Response == nil || answered.HTTPStatusCode() < 400 || answered.HTTPStatusCode() >= 500 {
		return Refusal{}, false
	}
	header := answered.Response.Header
	refusal := Refusal{
		Status: answered.HTTPStatusCode(), RequestID: header.Get("X-Amzn-Requestid"), Explained: header.Get(furlproto.Explain) != "",
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		refusal.Message = api.ErrorMessage()
	}
	return refusal, true
}

// ErrNoURL says that a function does not exist or has no URL. Errors wrap it.
var ErrNoURL = errors.New("no such function URL")

// ErrNoRegion says that a function cannot be looked up, since nothing names its region. Errors wrap it.
var ErrNoRegion = errors.New("no region is set")

// URL is a function URL as Lambda knows it.
type URL struct {
	Address string
	Open    bool // its auth type is NONE
}

// FunctionURL asks Lambda for the URL of a function, given by name or ARN, or of its alias if qualifier is not "".
func FunctionURL(ctx context.Context, cfg aws.Config, function, qualifier string) (URL, error) {
	if cfg.Region == "" {
		return URL{}, fmt.Errorf("the URL of %s cannot be looked up: %w", function, ErrNoRegion)
	}
	cfg.Credentials = marked{cfg.Credentials}
	in := &lambda.GetFunctionUrlConfigInput{FunctionName: aws.String(function)}
	if qualifier != "" {
		in.Qualifier = aws.String(qualifier)
	}
	out, err := lambda.NewFromConfig(cfg).GetFunctionUrlConfig(ctx, in)
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return URL{}, fmt.Errorf("%w: %s in %s: %s", ErrNoURL, function, cfg.Region, missing.ErrorMessage())
	}
	if err != nil {
		return URL{}, fmt.Errorf("look up the URL of %s: %w", function, err)
	}
	return URL{aws.ToString(out.FunctionUrl), out.AuthType == types.FunctionUrlAuthTypeNone}, nil
}

// CallerARN asks STS for the identity of the credentials' owner.
func CallerARN(ctx context.Context, cfg aws.Config) (string, error) {
	cfg.Credentials = marked{cfg.Credentials}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Arn), nil
}

// endpoint is the STS endpoint for credentials of roles. The SDK makes the clients for them before it reads
// AWS_ENDPOINT_URL and endpoint_url, so they would ask AWS for the roles of a local server.
type endpoint struct{ url *string }

// set points a client at the endpoint, unless the configuration has one for STS only.
func (e *endpoint) set(o *sts.Options) {
	if o.BaseEndpoint == nil {
		o.BaseEndpoint = e.url
	}
}

type roleClient struct {
	stscreds.AssumeRoleAPIClient
	endpoint *endpoint
}

func (c roleClient) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput,
	options ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	return c.AssumeRoleAPIClient.AssumeRole(ctx, in, append(options, c.endpoint.set)...)
}

// webIdentityClient sends its request, which is not signed, with the configuration as Load completes it.
type webIdentityClient struct{ config *aws.Config }

func (c webIdentityClient) AssumeRoleWithWebIdentity(ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput,
	options ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	return sts.NewFromConfig(*c.config).AssumeRoleWithWebIdentity(ctx, in, options...)
}

// marked credentials wrap their errors in furl.ErrCredentials, so that missing credentials can be recognized in an
// error of the SDK.
type marked struct{ aws.CredentialsProvider }

func (m marked) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := m.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		err = fmt.Errorf("%w: %w", furl.ErrCredentials, err)
	}
	return c, err
}

// IsConnect reports whether a request could not reach AWS or the endpoint that replaces it.
func IsConnect(err error) bool {
	var failed *smithyhttp.RequestSendError
	return errors.As(err, &failed)
}

// IsAccessDenied reports whether AWS knew who asked and did not allow it, such as to assume a role.
func IsAccessDenied(err error) bool {
	refused, ok := errors.AsType[smithy.APIError](err)
	return ok && refused.ErrorCode() == "AccessDenied" && IsDenied(err)
}

// IsDenied reports whether AWS refused a request.
func IsDenied(err error) bool {
	var refused *smithyhttp.ResponseError
	return errors.As(err, &refused) && refused.HTTPStatusCode() == http.StatusForbidden
}
