package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

// cloud are the flags by which a command finds an account and region, named as the AWS CLI names them.
type cloud struct {
	options awsconfig.Options
}

func (c *cloud) register(p *program, command *cobra.Command) {
	c.options.MFACode = p.mfaCode
	f := command.Flags()
	f.StringVar(&c.options.Profile, "profile", "", "profile of the AWS configuration (default $AWS_PROFILE)")
	f.StringVar(&c.options.Region, "region", "", "region (default that of the ARN or URL given, $AWS_REGION or the profile's)")
	f.StringVar(&c.options.EndpointURL, "endpoint-url", "", "address of the APIs, such as a furl serve (default $AWS_ENDPOINT_URL, else AWS)")
}

// open reads the configuration for the region that function names, if it is an ARN or a URL.
func (c *cloud) open(ctx context.Context, function string) (*awsapi.Client, error) {
	options := c.options
	if region := regionOf(function); region != "" {
		if options.Region != "" && options.Region != region {
			return nil, fail(exitUsage, "leave --region out", fmt.Errorf("the function is in region %s, not in %s", region, options.Region))
		}
		options.Region = region
	}
	client, err := awsapi.Open(ctx, options)
	if errors.Is(err, awsapi.ErrNoRegion) {
		return nil, fail(exitUsage, "--region REGION, for example --region eu-central-1", err)
	}
	return client, err
}

// regionOf is the region that an ARN or a function URL names; "" for anything else.
func regionOf(function string) string {
	if arn, err := lambda.ParseARN(function); err == nil {
		return arn.Region
	}
	if url, err := furl.ParseURL(function); err == nil {
		return url.Region
	}
	return ""
}

// account opens the account of the credentials.
func (c *cloud) account(ctx context.Context, function string) (setup.Account, *awsapi.Client, error) {
	client, err := c.open(ctx, function)
	if err != nil {
		return setup.Account{}, nil, err
	}
	identity, err := client.Identity(ctx)
	if err != nil {
		return setup.Account{}, nil, err
	}
	return setup.NewAccount(identity, client), client, nil
}

// of are the same flags for another profile.
func (c *cloud) of(profile, region string) *cloud {
	options := c.options
	options.Profile, options.Region = profile, region
	return &cloud{options: options}
}

// callerAccount opens the account of another profile, in the same region and at the same endpoint. Without a profile
// there is none.
func (c *cloud) callerAccount(ctx context.Context, profile, region string) (*setup.Account, *awsapi.Client, error) {
	if profile == "" {
		return nil, nil, nil
	}
	account, client, err := c.of(profile, region).account(ctx, "")
	if err != nil {
		return nil, nil, fmt.Errorf("profile %s: %w", profile, err)
	}
	return &account, client, nil
}

// cloudError chooses exit code and hint for an error of packages setup and awsapi.
func cloudError(err error) error {
	if err == nil {
		return nil
	}
	var (
		chosen  *failure
		refused *setup.Refusal
		invalid *lambda.Error
		failed  *awsapi.Error
	)
	switch {
	case errors.As(err, &chosen), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &refused) && refused.Now:
		return fail(exitFailed, refused.Instead, err)
	case errors.As(err, &refused):
		return fail(exitUsage, refused.Instead, err)
	case errors.As(err, &invalid):
		return fail(exitUsage, "", err)
	case !errors.As(err, &failed):
		return err
	}
	switch failed.Kind {
	case awsapi.Denied:
		return fail(exitDenied, "the credentials need the permission "+failed.Action, err)
	case awsapi.BadCredentials:
		return fail(exitDenied, `aws sts get-caller-identity   # or, for a local server: eval "$(furl env)"`, err)
	case awsapi.NoCredentials:
		return fail(exitCredentials, `--profile NAME, or for a local server: eval "$(furl env)"`, err)
	case awsapi.Unreachable:
		return fail(exitConnect, "--endpoint-url ADDRESS, or check --region", err)
	case awsapi.Unsupported:
		return fail(exitFailed, "this endpoint does not have the operation", err)
	default:
		return err
	}
}

// runCloud makes a command's errors those of the cloud.
func runCloud(run func(command *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, args []string) error { return cloudError(run(command, args)) }
}

// printJSON prints one JSON value for programs to read.
func (p *program) printJSON(value any) error {
	encoder := json.NewEncoder(p.streams.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// exitStatusAWS is the part of a help text on exit codes that these commands share.
const exitStatusAWS = "2 wrong usage or refused as\nit could not work, 4 denied by AWS, 5 no answer from the endpoint, 6 no credentials, 130 interrupted."
