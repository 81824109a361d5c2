package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/call"
)

// signing are the flags that say with what and for whom to sign.
type signing struct {
	options awsconfig.Options
	service string
	clients bool // AWS will be asked something, so that signing is not all that the configuration is for
}

func (s *signing) register(command *cobra.Command) {
	f := command.Flags()
	f.StringVar(&s.options.Profile, "profile", "", "profile of the AWS configuration (default $AWS_PROFILE)")
	f.StringVar(&s.options.RoleARN, "role-arn", "", "role to assume for the call")
	f.StringVar(&s.options.Region, "region", "", "region to sign for (default that of the URL, $AWS_REGION or the profile's)")
	f.StringVar(&s.options.EndpointURL, "endpoint-url", "", "address of the Lambda and STS APIs (default $AWS_ENDPOINT_URL, else AWS)")
	f.StringVar(&s.service, "service", "lambda", "service to sign for")
}

// signer is what is known before a request is built.
type signer struct {
	transport *furl.Transport
	config    aws.Config
	url       string // to call, absolute
	local     bool   // the URL is on this machine
	check     string // what furl check would be asked
}

// open reads the AWS configuration, looks up the function's URL if it was given by name, and makes the transport.
func (s *signing) open(p *program, command *cobra.Command, argument string) (*signer, error) {
	target, err := call.ParseTarget(argument)
	if err != nil {
		return nil, usage(command, err)
	}
	options := s.options
	options.MFACode = p.mfaCode
	options.DefaultRegion = target.Region
	var parsed furl.URL
	if target.URL != "" {
		if parsed, err = furl.ParseURL(target.URL); err != nil {
			return nil, usage(command, err)
		}
		options.DefaultRegion = parsed.Region
	}
	out := &signer{check: target.Function}
	if out.config, err = s.load(p, command.Context(), options, target, parsed); err != nil {
		return nil, err
	}
	lookup := func(ctx context.Context, function, qualifier string) (string, error) {
		config := out.config
		if target.Region != "" {
			config.Region = target.Region
		}
		return awsconfig.FunctionURL(ctx, config, function, qualifier)
	}
	if out.url, err = target.Resolve(command.Context(), lookup); err != nil {
		return nil, lookupError(err, target)
	}
	if parsed, err = furl.ParseURL(out.url); err != nil {
		return nil, usage(command, err)
	}
	if out.check == "" {
		out.check = parsed.Scheme + "://" + parsed.Host + parsed.Base + "/"
	}
	out.local = call.IsLocal(parsed.Host)
	region := orElse(s.options.Region, parsed.Region, target.Region, out.config.Region)
	if region == "" {
		return nil, fail(exitUsage, "--region REGION, for example --region eu-central-1", fmt.Errorf("%s does not say its region", out.check))
	}
	out.transport = furl.NewTransport(out.config)
	out.transport.Service = s.service
	// Whoever types a host wants it signed for.
	out.transport.Domains = map[string]string{strings.ToLower(parsed.Host): region}
	out.transport.MaxRetries = -1
	return out, nil
}

// load reads the AWS configuration, or no more of it than is needed.
func (s *signing) load(p *program, ctx context.Context, options awsconfig.Options, target call.Target, url furl.URL) (aws.Config, error) {
	if target.URL != "" && options.Profile == "" && options.RoleARN == "" && !s.clients {
		config, ok := awsconfig.FromEnvironment(p.getenv)
		if ok && orElse(options.Region, url.Region, config.Region) != "" {
			return config, nil
		}
	}
	return awsconfig.Load(ctx, options)
}

// sendAs makes the transport sign for another Host header as for the URL's host.
func (s *signer) sendAs(prepared *call.Prepared) {
	if host := prepared.HTTP.Host; host != "" {
		s.transport.Domains[strings.ToLower(host)] = s.transport.Domains[strings.ToLower(prepared.URL.Host)]
	}
}

func lookupError(err error, target call.Target) error {
	if errors.Is(err, awsconfig.ErrNoURL) {
		name := target.Function
		if target.Qualifier != "" {
			name += " --qualifier " + target.Qualifier
		}
		return fail(exitFailed, "furl url create "+name, err)
	}
	return callError(err)
}

// mfaCode asks the person at the terminal.
func (p *program) mfaCode() (string, error) {
	if !isTerminal(p.streams.In) {
		return "", errors.New("the profile wants an MFA code, and there is no terminal to ask for it")
	}
	fmt.Fprint(p.streams.Err, "MFA code: ")
	code, err := bufio.NewReader(p.streams.In).ReadString('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(code), nil
}

// callError chooses the exit code for an error of a call.
func callError(err error) error {
	var failed *failure
	switch {
	case err == nil, errors.As(err, &failed), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, furl.ErrCredentials):
		return fail(exitCredentials, "aws configure, aws sso login, or --profile NAME; for a local server: eval \"$(furl env)\"", err)
	case errors.Is(err, call.ErrConnect), awsconfig.IsConnect(err):
		return fail(exitConnect, "", err)
	case awsconfig.IsDenied(err):
		return fail(exitDenied, "aws sts get-caller-identity", err)
	}
	return err
}
