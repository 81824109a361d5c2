package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/snippet"
)

// place is where a command works: in which account and region, and at AWS, another endpoint of its APIs, or a local
// server. It is the one group of flags for that, named as the AWS CLI names them.
type place struct {
	p       *program
	command *cobra.Command

	options awsconfig.Options
	trust   string // file of the authority of the servers on this machine in which the command works
	data    string // directory of the local server
	account string // of the local server
}

// register gives the command those flags of the group that it has a use for.
func (l *place) register(p *program, command *cobra.Command, names ...string) {
	l.p, l.command, l.options.MFACode, l.data = p, command, p.mfaCode, roster.DefaultData
	local := slices.Contains(names, "data")
	for _, flag := range []struct {
		name      string
		value     *string
		usage     string
		variables []string // the AWS SDK reads those that begin with AWS by itself
	}{
		{"profile", &l.options.Profile, "profile of the AWS configuration (default $AWS_PROFILE)", nil},
		{
			"region", &l.options.Region, "region (default that of the ARN or URL, $AWS_REGION, or that of the profile)",
			[]string{"AWS_REGION", "AWS_DEFAULT_REGION"},
		},
		{
			"endpoint-url", &l.options.EndpointURL, "address of the APIs or of a local server (default $AWS_ENDPOINT_URL)",
			[]string{"AWS_ENDPOINT_URL"},
		},
		{"role-arn", &l.options.RoleARN, "role to assume", nil},
		{"data", &l.data, "data directory of the local server, or $FURL_DATA", []string{"FURL_DATA"}},
		{"account", &l.account, "account of the local server (default its first one)", nil},
	} {
		if !slices.Contains(names, flag.name) {
			continue
		}
		command.Flags().StringVar(flag.value, flag.name, *flag.value, flag.usage)
		if !local {
			flag.variables = nil
		}
		readFrom(command.Flags(), flag.name, flag.variables...)
	}
}

// aws registers the flags of the commands that call the APIs of AWS.
func (l *place) aws(p *program, command *cobra.Command) {
	l.register(p, command, "profile", "region", "endpoint-url")
}

// variables is the annotation of a flag with the names of its environment variables.
const variables = "variables"

// readFrom has settle read a flag from environment variables, the first that is set.
func readFrom(f *pflag.FlagSet, flag string, names ...string) {
	if err := f.SetAnnotation(flag, variables, names); err != nil {
		panic(err) // there is no such flag
	}
}

// curlEmpty are the flags that curl takes without a text, which means something to it.
var curlEmpty = []string{"user-agent", "write-out", "proxy", "noproxy", "aws-sigv4"}

// settle gives the flags of a command their values: that of the command line, else that of the environment, else the
// default. A flag that is given without a value, as in --as "$UNSET", must not leave the choice to the environment or
// to the default: furl check would say of another caller that it may call.
func (p *program) settle(command *cobra.Command, _ []string) error {
	var faults []error
	command.Flags().VisitAll(func(f *pflag.Flag) {
		names, ok := f.Annotations[variables]
		text := ok || f.Value.Type() == "string" && !slices.Contains(curlEmpty, f.Name)
		switch {
		case f.Changed && text && f.Value.String() == "":
			faults = append(faults, empty(f.Name))
		case ok && !f.Changed:
			for _, name := range names {
				value := p.getenv(name)
				if value == "" {
					continue
				}
				if err := f.Value.Set(value); err != nil {
					faults = append(faults, fmt.Errorf("$%s: %q is not a value for --%s: %w", name, value, f.Name, err))
				}
				break
			}
		}
	})
	if err := errors.Join(faults...); err != nil {
		return usage(command, err)
	}
	return nil
}

func empty(flag string) error {
	return fmt.Errorf("--%s is empty: give it a value, or leave it out", flag)
}

// typed are the flags of the group that the command line has, as a shell takes them.
func (l *place) typed() string {
	var words []string
	for _, name := range []string{"profile", "region", "endpoint-url"} {
		if l.given(name) {
			words = append(words, "--"+name, snippet.Quote(l.command.Flag(name).Value.String()))
		}
	}
	return strings.Join(words, " ")
}

// again is the command as it was typed, but for the server, as a shell takes it.
func (l *place) again() string {
	words := []string{l.command.CommandPath()}
	for _, argument := range l.command.Flags().Args() {
		words = append(words, snippet.Quote(argument))
	}
	l.command.Flags().Visit(func(f *pflag.Flag) {
		switch {
		case f.Name == "data" || f.Name == "endpoint-url":
		case f.Value.String() == f.NoOptDefVal:
			words = append(words, "--"+f.Name)
		default:
			words = append(words, "--"+f.Name, snippet.Quote(f.Value.String()))
		}
	})
	return strings.Join(words, " ")
}

// given reports whether the command line has a flag.
func (l *place) given(flag string) bool { return l.command.Flags().Changed(flag) }

// region is the region of a function or URL: the one that its ARN or address names, else that of the flag. "" leaves
// the choice to the AWS configuration.
func (l *place) region(target string) (string, error) {
	named := namedRegion(target)
	switch {
	case named == "":
		return l.options.Region, nil
	case l.given("region") && l.options.Region != named:
		return "", fail(twoRegions, fmt.Errorf("the function is in region %s, not in %s", named, l.options.Region))
	}
	return named, nil
}

// namedRegion is the region that a function or URL says by itself, "" for none.
func namedRegion(target string) string {
	if arn, err := arn.ParseFunctionARN(target); err == nil {
		return arn.Region
	} else if url, err := furl.ParseURL(target); err == nil {
		return url.Region
	}
	return ""
}

// client opens the APIs in the region of a function or URL.
func (l *place) client(ctx context.Context, target string) (*awsapi.Client, error) {
	options := l.options
	var err error
	if options.Region, err = l.region(target); err != nil {
		return nil, err
	}
	address := options.EndpointURL
	if url, err := furl.ParseURL(target); err == nil && address == "" {
		address = url.Scheme + "://" + url.Host
	}
	if err := l.settleOwn(ctx, &options, address); err != nil {
		return nil, err
	}
	client, err := awsapi.Open(ctx, options)
	l.p.client = client
	return client, err
}

// own finds the server at a local address among those of this user, which have proved that they are: the root keys are
// in their data directories, and no other server gets to see what they sign.
func (l *place) own(ctx context.Context, address string) (roster.Running, bool) {
	at, err := url.Parse(address)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || !call.IsLocal(at.Host) {
		return roster.Running{}, false
	}
	host := at.Hostname()
	if name := strings.ToLower(host); name == "localhost" || strings.HasSuffix(name, ".localhost") {
		host = "127.0.0.1" // to which furl connects first; at another address there may be another server
	}
	for _, running := range l.p.servers(ctx, l.data) {
		endpoint, err := url.Parse(running.Endpoint)
		if err == nil && endpoint.Host == net.JoinHostPort(host, cmp.Or(at.Port(), map[string]string{"http": "80", "https": "443"}[at.Scheme])) {
			return running, true
		}
	}
	return roster.Running{}, false
}

// authority is the file of the authority that clients of a server on this machine trust over https; "" where there is
// none, and for all other servers.
func (l *place) authority(ctx context.Context, address string) string {
	at, err := url.Parse(address)
	if err != nil || !call.IsLocal(at.Host) {
		return ""
	}
	if running, ok := l.own(ctx, address); ok {
		return running.CertificateFile
	}
	if file, ok := roster.TrustedAuthority(); ok {
		return file
	}
	return ""
}

// settleOwn takes region, endpoint and credentials from a server of this user, if all addresses are its, as far as
// nothing names them: a person who types the address of a local server means no account at AWS.
func (l *place) settleOwn(ctx context.Context, options *awsconfig.Options, addresses ...string) error {
	for _, address := range append(addresses, l.p.getenv("AWS_ENDPOINT_URL")) {
		file := l.authority(ctx, address)
		l.trust = cmp.Or(l.trust, file)
		if strings.HasPrefix(address, "https://") {
			options.Authority = cmp.Or(options.Authority, file)
		}
	}
	l.options.Authority = options.Authority
	var running roster.Running
	for _, address := range addresses {
		found, ok := l.own(ctx, address)
		if !ok || running.Dir != "" && running.Dir != found.Dir {
			return nil
		}
		running = found
	}
	if running.Dir == "" {
		return nil
	}
	options.DefaultRegion = cmp.Or(options.DefaultRegion, running.Region)
	if options.Profile != "" || options.RoleARN != "" || l.environment() {
		return nil
	}
	var err error
	if options.Credentials, err = l.rootOf(running); err != nil {
		return err
	}
	options.EndpointURL, options.Authority = running.Endpoint, running.CertificateFile
	l.p.note("no credentials are set: signing with the root key of account %s of the local server (data in %s)",
		running.Account, running.Dir)
	return nil
}

// rootOf is the root key of the first account of a server of this user.
func (l *place) rootOf(running roster.Running) (aws.Credentials, error) {
	there := *l
	there.data = running.Dir
	key, err := there.rootKey(running, running.Account)
	return aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}, err
}

// environment reports whether the environment says who calls, or which server is meant.
func (l *place) environment() bool {
	return slices.ContainsFunc([]string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
		"AWS_ENDPOINT_URL", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	}, func(name string) bool { return l.p.getenv(name) != "" })
}

// servers are the running servers of this user: that of the data directory and those of others.
func (p *program) servers(ctx context.Context, data string) []roster.Running {
	servers := roster.Servers(ctx)
	if running, err := roster.FindRunning(ctx, data); err == nil &&
		!slices.ContainsFunc(servers, func(other roster.Running) bool { return other.Dir == running.Dir }) {
		servers = append(servers, running)
	}
	return servers
}

// dirs are the data directories of the running servers of this user, as a shell takes them.
func (p *program) dirs(ctx context.Context) []string {
	var dirs []string
	for _, running := range p.servers(ctx, roster.DefaultData) {
		dirs = append(dirs, snippet.Quote(running.Dir))
	}
	return dirs
}

// owner opens the account of the credentials.
func (l *place) owner(ctx context.Context, target string) (setup.Account, *awsapi.Client, error) {
	client, err := l.client(ctx, target)
	if err != nil {
		return setup.Account{}, nil, err
	}
	identity, err := client.Identity(ctx)
	if err != nil {
		return setup.Account{}, nil, err
	}
	return setup.NewAccount(identity, client), client, nil
}

// of is the same place for another profile.
func (l *place) of(profile, region string) *place {
	other := *l
	other.options.Profile, other.options.Region = profile, region
	return &other
}

// localServer is a server on this machine. It is ours if it is the one that uses the data directory, which then has its
// secrets.
type localServer struct {
	roster.Running
	ours bool
}

// server finds the local server: the one of --data, the one of --endpoint-url or $AWS_ENDPOINT_URL, the one of the data
// directory, or the one at the default address.
func (l *place) server(ctx context.Context) (localServer, error) {
	running, err := roster.FindRunning(ctx, l.data)
	endpoint := strings.TrimRight(l.options.EndpointURL, "/")
	switch {
	case l.given("data") && !l.given("endpoint-url"):
		return localServer{running, true}, l.notRunning(ctx, err)
	case endpoint != "":
		ours := err == nil && endpoint == running.Endpoint
		running.Endpoint = endpoint
		return localServer{running, ours}, nil
	case err == nil:
		return localServer{running, true}, nil
	default:
		return localServer{roster.Running{Endpoint: "http://" + roster.DefaultListen}, false}, nil
	}
}

// notRunning is the error for a data directory that no server uses, or that cannot be read.
func (l *place) notRunning(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, roster.ErrNotRunning):
		return fail(noServer, err, snippet.Quote(l.data), l.again(), l.p.dirs(ctx))
	case errors.Is(err, fs.ErrPermission):
		return fail(notReadable, err)
	default:
		return err
	}
}

// rootKey is the root key of an account of the server that uses the data directory. The environment may have the key of
// another server, so it counts only for a server that was given this key.
func (l *place) rootKey(running roster.Running, account string) (roster.Key, error) {
	if id := running.RootAccessKeyID; id != "" && account == running.Account {
		if id != l.p.getenv("FURL_ROOT_ACCESS_KEY_ID") {
			return roster.Key{}, fail(rootKeyGiven, fmt.Errorf("root key %s of account %s is not in %s", id, account, l.data))
		}
		return roster.Key{AccessKeyID: id, SecretAccessKey: l.p.getenv("FURL_ROOT_SECRET_ACCESS_KEY")}, nil
	}
	keys, err := roster.ReadRootKeys(l.data)
	if err != nil {
		return roster.Key{}, err
	}
	key, ok := keys[account]
	if !ok {
		return roster.Key{}, fail(noRootKey, fmt.Errorf("the server has no root keys for account %s", account), account)
	}
	return key, nil
}

// listenError is the error for an address at which nothing can listen, with the servers of this user that have its port.
func (p *program) listenError(ctx context.Context, address string, err error) error {
	var dirs []string
	_, port, _ := net.SplitHostPort(address)
	for _, running := range p.servers(ctx, roster.DefaultData) {
		if strings.HasSuffix(running.Endpoint, ":"+port) {
			dirs = append(dirs, snippet.Quote(running.Dir))
		}
	}
	return fail(listenFailed, err, dirs)
}
