package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

// signing are the flags that say who signs, and for which service.
type signing struct {
	place
	service  string
	signHost string
	clients  bool   // the command also calls AWS, for which it needs the whole configuration
	reason   string // why nothing is signed; "" if something is
	scheme   string // of a URL that has none; "" for the usual one
}

func (s *signing) register(p *program, command *cobra.Command) {
	s.place.register(p, command, "profile", "role-arn", "region", "endpoint-url")
	command.Flags().StringVar(&s.service, "service", "lambda", "service to sign for")
	command.Flags().StringVar(&s.signHost, "sign-host", "",
		"host to sign for, if another one stands in front of it and sends that host, as CloudFront does")
}

// signer is what a command knows before it builds a request.
type signer struct {
	place     *place
	program   *program
	transport *furl.Transport // signs; without credentials if nothing is to be signed
	plain     *furl.Transport // sends unsigned
	config    aws.Config
	flag      string     // the region of the flag
	signHost  string     // of the flag
	endpoint             // the first of all
	all       []endpoint // in the order of the arguments
}

// endpoint is a function URL that the command line names.
type endpoint struct {
	url      string // absolute
	host     string // of url, in lower case
	local    bool   // it is on this machine
	function string // its name, "" if the command line has the URL
	alias    string
	check    string // the argument for furl check
	unsigned string // why it is called without a signature; "" if it is not
}

// checkSignHost refuses what is no host, and one host for several function URLs.
func (s *signing) checkSignHost(urls int) error {
	if s.signHost == "" {
		return nil
	}
	parsed, err := furl.ParseURL("https://" + s.signHost)
	if err != nil || parsed.Host != s.signHost || parsed.Target != "/" {
		return fmt.Errorf("--sign-host %q is not a host such as XYZ.lambda-url.eu-central-1.on.aws", s.signHost)
	}
	if urls > 1 {
		return errors.New("--sign-host is the host of one function URL: leave it out, or name one URL only")
	}
	return nil
}

// open reads the AWS configuration, looks up the URLs of functions given by name, and makes the transport.
func (s *signing) open(p *program, command *cobra.Command, arguments ...string) (*signer, error) {
	if err := s.checkSignHost(len(arguments)); err != nil {
		return nil, usage(command, err)
	}
	options := s.options
	var targets []call.Target
	for _, argument := range arguments {
		target, err := call.ParseTarget(argument)
		if err != nil {
			return nil, usage(command, err)
		}
		if _, rest, ok := strings.Cut(target.URL, "://"); ok && s.scheme != "" && !strings.Contains(argument, "://") {
			target.URL = s.scheme + "://" + rest
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
	if err := s.settleOwn(command.Context(), &options, addresses(targets, options)...); err != nil {
		return nil, err
	}
	out := &signer{
		place: &s.place, program: p, flag: s.options.Region, signHost: s.signHost,
		plain: &furl.Transport{Credentials: aws.AnonymousCredentials{}, MaxRetries: -1},
	}
	var err error
	if out.config, err = s.load(command.Context(), p.getenv, options, targets); err != nil {
		return nil, err
	}
	p.client = awsapi.New(out.config)
	out.transport = furl.NewTransport(out.config)
	out.transport.Service = s.service
	out.transport.Domains, out.transport.SignHosts = map[string]string{}, map[string]string{}
	out.transport.MaxRetries = -1
	for _, target := range targets {
		if err := out.add(command, target); err != nil {
			return nil, err
		}
		if last := &out.all[len(out.all)-1]; s.reason != "" {
			last.unsigned = s.reason
		}
	}
	out.endpoint = out.all[0]
	return out, nil
}

// addresses are where the command works: the endpoint that is named, and the hosts of all targets.
func addresses(targets []call.Target, options awsconfig.Options) []string {
	var found []string
	if options.EndpointURL != "" {
		found = append(found, options.EndpointURL)
	}
	for _, target := range targets {
		if url, err := furl.ParseURL(target.URL); err == nil {
			found = append(found, url.Scheme+"://"+url.Host)
		} else if options.EndpointURL == "" {
			found = append(found, "") // AWS, where a name is looked up
		}
	}
	return found
}

// load reads the AWS configuration, or only what signing needs of it.
func (s *signing) load(
	ctx context.Context, getenv func(string) string, options awsconfig.Options, targets []call.Target,
) (aws.Config, error) {
	byName := slices.ContainsFunc(targets, func(t call.Target) bool { return t.URL == "" })
	if !byName && s.reason != "" {
		return aws.Config{Region: options.Region}, nil // nothing needs more
	}
	if !byName && !options.Credentials.HasKeys() && options.Profile == "" && options.RoleARN == "" && !s.clients {
		config, ok := awsconfig.FromEnvironment(getenv)
		config.Region = cmp.Or(options.Region, config.Region, options.DefaultRegion)
		if ok && config.Region != "" {
			return config, nil
		}
	}
	return awsconfig.Load(ctx, options)
}

// add finds the URL of a target and has the transport sign for its host, whichever that is: the person typed it.
func (s *signer) add(command *cobra.Command, target call.Target) error {
	open := false
	url, err := target.Resolve(command.Context(), func(ctx context.Context, function, qualifier string) (string, error) {
		config := s.config
		config.Region = cmp.Or(target.Region, config.Region)
		found, err := awsconfig.FunctionURL(ctx, config, function, qualifier)
		open = found.Open
		return found.Address, err
	})
	if errors.Is(err, awsconfig.ErrNoURL) {
		name := target.Function
		if target.Qualifier != "" {
			name += " --qualifier " + target.Qualifier
		}
		return s.program.missing(command.Context(), err, functionName(target.Function), name)
	}
	if err != nil {
		return err
	}
	parsed, err := furl.ParseURL(url)
	if err != nil {
		return usage(command, err)
	}
	e := endpoint{
		url: url, host: strings.ToLower(parsed.Host), check: target.Function,
		function: functionName(target.Function), alias: target.Qualifier,
		local: call.IsLocal(parsed.Host),
	}
	if open && !s.place.given("no-sign") {
		e.unsigned = "the auth type of the function URL is NONE"
	}
	if e.alias != "" {
		e.check += ":" + e.alias
	}
	if e.check == "" {
		e.check = parsed.Scheme + "://" + parsed.Host + parsed.Base + "/"
	}
	region := cmp.Or(s.flag, regionOf(s.signHost), parsed.Region, target.Region, s.config.Region)
	if other, ok := s.transport.Domains[e.host]; ok && other != region {
		return usage(command, fmt.Errorf("the function URLs at %s are in two regions, %s and %s", e.host, other, region))
	}
	s.signFor(e.host, region)
	s.all = append(s.all, e)
	return nil
}

// overTLS reports whether a URL is one of https.
func (s *signer) overTLS() bool {
	return slices.ContainsFunc(s.all, func(e endpoint) bool { return strings.HasPrefix(e.url, "https://") })
}

// hostname is the host of the first URL, without its port.
func (s *signer) hostname() string {
	if host, _, err := net.SplitHostPort(s.all[0].host); err == nil {
		return host
	}
	return strings.Trim(s.all[0].host, "[]")
}

// sendThrough has both transports send through base and repeat as often as a person says.
func (s *signer) sendThrough(base *http.Transport, retries int) {
	for _, transport := range []*furl.Transport{s.transport, s.plain} {
		transport.Base = base
		if retries > 0 {
			transport.MaxRetries = retries
		}
	}
}

// transportFor is the transport for the endpoint.
func (s *signer) transportFor() *furl.Transport {
	if s.unsigned != "" {
		return s.plain
	}
	return s.transport
}

// signFor has the transport sign for a host.
func (s *signer) signFor(host, region string) {
	s.transport.Domains[host] = region
	if s.signHost != "" {
		s.transport.SignHosts[host] = s.signHost
		s.transport.Domains[strings.ToLower(s.signHost)] = region
	}
}

// regionOf is the region that a host names, "" if it is none of a function URL.
func regionOf(host string) string {
	parsed, err := furl.ParseURL("https://" + host)
	if err != nil {
		return ""
	}
	return parsed.Region
}

// functionName is the name of a function that is given by name or ARN.
func functionName(text string) string {
	function, err := arn.ParseFunction(text, "", "")
	if err != nil {
		return ""
	}
	return function.Name
}

// caller is the ARN of the credentials' owner, "" if STS does not say or is not to be asked: AWS knows nothing of the
// keys of a local server.
func (s *signer) caller(ctx context.Context) string {
	config := s.config
	if aws.ToString(config.BaseEndpoint) == "" {
		loaded, err := awsconfig.Load(ctx, s.place.options)
		if err != nil {
			return ""
		}
		config.BaseEndpoint, config.HTTPClient = loaded.BaseEndpoint, loaded.HTTPClient
	}
	url, err := furl.ParseURL(s.url)
	if err != nil {
		return ""
	}
	if s.local && aws.ToString(config.BaseEndpoint) == "" {
		running, ok := s.place.own(ctx, url.Scheme+"://"+url.Host)
		if !ok {
			return ""
		}
		config.BaseEndpoint = &running.Endpoint
	}
	config.Region = cmp.Or(config.Region, url.Region)
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	arn, err := awsconfig.CallerARN(ctx, config)
	if err != nil {
		return ""
	}
	return arn
}

// functionName is the name of the function to call, as furl grant takes it. For a URL it is known of the user's own
// server only; "" otherwise.
func (s *signer) functionName(ctx context.Context) string {
	url, err := furl.ParseURL(s.url)
	if err != nil || s.function != "" {
		return strings.TrimSuffix(s.function+":"+s.alias, ":")
	}
	running, ok := s.place.own(ctx, url.Scheme+"://"+url.Host)
	if !ok {
		return ""
	}
	options := awsconfig.Options{Region: s.transport.Domains[strings.ToLower(url.Host)], EndpointURL: running.Endpoint, Authority: running.CertificateFile}
	if options.Credentials, err = s.place.rootOf(running); err != nil {
		return ""
	}
	client, err := awsapi.Open(ctx, options)
	if err != nil {
		return ""
	}
	urls, err := setup.AllURLs(ctx, client)
	at := slices.IndexFunc(urls, func(u awsapi.URL) bool {
		_, address, _ := strings.Cut(u.Address, "://") // it answers over http and https
		return err == nil && strings.EqualFold(address, url.Host+url.Base+"/")
	})
	if at < 0 {
		return ""
	}
	return strings.TrimSuffix(urls[at].Function.Name+":"+urls[at].Function.Qualifier, ":")
}

// sendAs has the transport sign a request with another Host header as one to the URL's host. Such a header may name a
// function URL, too.
func (s *signer) sendAs(prepared *call.Prepared) {
	if host := prepared.HTTP.Host; host != "" {
		s.signFor(strings.ToLower(host), cmp.Or(s.flag, regionOf(s.signHost), regionOf(host), s.transport.Domains[s.host]))
	}
}

// checkRegions fails for a host that is to be signed for without a region.
func (s *signer) checkRegions(hosts ...string) error {
	for _, host := range hosts {
		if s.transport.Domains[strings.ToLower(host)] == "" {
			return fail(noRegion, fmt.Errorf("%s does not say its region", host), []string(nil))
		}
	}
	return nil
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
