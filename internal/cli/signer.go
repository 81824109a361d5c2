package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/call"
)

// signing are the flags that say who signs, and for which service.
type signing struct {
	place
	service string
	clients bool // the command also calls AWS, for which it needs the whole configuration
}

func (s *signing) register(p *program, command *cobra.Command) {
	s.place.register(p, command, "profile", "role-arn", "region", "endpoint-url")
	command.Flags().StringVar(&s.service, "service", "lambda", "service to sign for")
}

// signer is what a command knows before it builds a request.
type signer struct {
	transport *furl.Transport
	config    aws.Config
	endpoint             // the first of all
	all       []endpoint // in the order of the arguments
}

// endpoint is a function URL that the command line names.
type endpoint struct {
	url   string // absolute
	local bool   // it is on this machine
	check string // the argument for furl check

	function string // its name, "" if the command line has the URL
}

// open reads the AWS configuration, looks up the URLs of functions given by name, and makes the transport.
func (s *signing) open(p *program, command *cobra.Command, arguments ...string) (*signer, error) {
	options := s.options
	var targets []call.Target
	for _, argument := range arguments {
		target, err := call.ParseTarget(argument)
		if err != nil {
			return nil, usage(command, err)
		}
		if target.URL != "" {
			parsed, err := furl.ParseURL(target.URL)
			if err != nil {
				return nil, usage(command, err)
			}
			target.Region = parsed.Region
		}
		targets = append(targets, target)
		options.DefaultRegion = cmp.Or(options.DefaultRegion, target.Region)
	}
	out := &signer{}
	var err error
	if out.config, err = s.load(command.Context(), p.getenv, options, targets); err != nil {
		return nil, err
	}
	out.transport = furl.NewTransport(out.config)
	out.transport.Service = s.service
	out.transport.Domains = map[string]string{}
	out.transport.MaxRetries = -1
	for _, target := range targets {
		if err := out.add(command, target, s.options.Region); err != nil {
			return nil, err
		}
	}
	out.endpoint = out.all[0]
	return out, nil
}

// load reads the AWS configuration, or only what signing needs of it.
func (s *signing) load(
	ctx context.Context, getenv func(string) string, options awsconfig.Options, targets []call.Target,
) (aws.Config, error) {
	byName := slices.ContainsFunc(targets, func(t call.Target) bool { return t.URL == "" })
	if !byName && options.Profile == "" && options.RoleARN == "" && !s.clients {
		config, ok := awsconfig.FromEnvironment(getenv)
		if ok && cmp.Or(options.Region, options.DefaultRegion, config.Region) != "" {
			return config, nil
		}
	}
	return awsconfig.Load(ctx, options)
}

// add finds the URL of a target and has the transport sign for its host, whichever that is: the person typed it. region
// is that of the flag.
func (s *signer) add(command *cobra.Command, target call.Target, region string) error {
	url, err := target.Resolve(command.Context(), func(ctx context.Context, function, qualifier string) (string, error) {
		config := s.config
		config.Region = cmp.Or(target.Region, config.Region)
		return awsconfig.FunctionURL(ctx, config, function, qualifier)
	})
	if errors.Is(err, awsconfig.ErrNoURL) {
		name := target.Function
		if target.Qualifier != "" {
			name += " --qualifier " + target.Qualifier
		}
		return fail(noURL, err, name)
	}
	if err != nil {
		return err
	}
	parsed, err := furl.ParseURL(url)
	if err != nil {
		return usage(command, err)
	}
	e := endpoint{url: url, check: target.Function, function: functionName(target.Function), local: call.IsLocal(parsed.Host)}
	if e.check == "" {
		e.check = parsed.Scheme + "://" + parsed.Host + parsed.Base + "/"
	}
	region = cmp.Or(region, parsed.Region, target.Region, s.config.Region)
	if region == "" {
		return fail(noRegion, fmt.Errorf("%s does not say its region", e.check))
	}
	host := strings.ToLower(parsed.Host)
	if other, ok := s.transport.Domains[host]; ok && other != region {
		return usage(command, fmt.Errorf("the function URLs at %s are in two regions, %s and %s", host, other, region))
	}
	s.transport.Domains[host] = region
	s.all = append(s.all, e)
	return nil
}

// functionName is the name of a function that is given by name or ARN.
func functionName(text string) string {
	function, err := arn.ParseFunction(text, "", "")
	if err != nil {
		return ""
	}
	return function.Name
}

// sendAs has the transport sign a request with another Host header as one to the URL's host.
func (s *signer) sendAs(prepared *call.Prepared) {
	if host := prepared.HTTP.Host; host != "" {
		s.transport.Domains[strings.ToLower(host)] = s.transport.Domains[strings.ToLower(prepared.URL.Host)]
	}
}

// mfaCode asks the person at the terminal for a code.
func (p *program) mfaCode() (string, error) {
	if !isTerminal(p.streams.In) {
		return "", errors.New("the profile needs an MFA code, and standard input is not a terminal to ask for it at")
	}
	fmt.Fprint(p.streams.Err, "MFA code: ")
	code, err := bufio.NewReader(p.streams.In).ReadString('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(code), nil
}
