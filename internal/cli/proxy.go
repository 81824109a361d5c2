package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/proxy"
)

// proxyFlags are the flags of proxy.
type proxyFlags struct {
	signing
	config   proxy.Config
	network  call.Network
	file     string // the configuration file, "" for none
	check    bool
	routes   []string
	printEnv bool
	log      logFlags
}

// tokenVariable is where the token comes from. A flag would show it to all users of the machine.
const tokenVariable = "FURL_PROXY_TOKEN"

func (p *program) proxy() *cobra.Command {
	flags := proxyFlags{config: proxy.Default(), log: newLogFlags()}
	command := &cobra.Command{
		Use:   "proxy [URL|FUNCTION]",
		Short: "Use a function URL with IAM authentication from any HTTP client, browser or MCP client",
		Long: `Listen for plain HTTP and pass each request on to a function URL, signed. Path and query go on byte for
byte, and responses stream. Requests are HTTP/1.1, or HTTP/2 without TLS. The proxy spools a request's body before it
passes it on, since the signature covers the body.

--config reads the settings and routes of a service from a file. SIGHUP reads it again, and --check prints what it
means.

--route serves several function URLs: /PATH=URL takes requests below the path and passes on what follows it, HOST=URL
takes requests with that host name, and HOST/PATH=URL takes requests with both. The most specific route counts.

Everyone who reaches the proxy calls with its credentials. It listens only on this machine, unless --listen comes with
--token or --open. The Host header, which web pages cannot forge, must be localhost, an IP address or one of
--allow-host. The proxy refuses requests of web pages from other origins than those of --allow-origin. With --token each
request needs the token in $` + tokenVariable + `, or a new one that the proxy prints: as
"Authorization: Bearer TOKEN", as password in the URL (http://furl:TOKEN@…), or as "X-Furl-Token: TOKEN".

The proxy makes the function's redirects and cookies its own, and tells the function its name in X-Forwarded-Host. The
Origin of a page of its own becomes that of the function URL. A page of --allow-origin sees responses for which the
function URL has no CORS configuration; if it has one, that counts.

The proxy does not pass on the client's Authorization header, except with --forward-authorization, which passes it on as
X-Forwarded-Authorization. It never passes on a header of that name that the client sends itself.
The log has a line for each request: status, time, and who refused it.

` + exitStatus(status{
			exitOK: "stopped by a signal", exitFailed: "could not listen or serve",
			exitDenied:  "no permission to look up a function's URL",
			exitConnect: "could not connect to look up a function's URL",
		}, exitUsage, exitCredentials),
		Example: `  furl proxy my-function --listen 127.0.0.1:8080
  furl proxy --route /orders=my-orders --route /users=my-users:live
  furl proxy https://app.example.com --sign-host XYZ.lambda-url.eu-central-1.on.aws
  furl proxy my-mcp-server --allow-origin http://localhost:6274 --token
  furl proxy --config proxy.toml --check`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return p.runProxy(command, &flags, args)
		},
	}
	flags.signing.register(p, command)
	f := command.Flags()
	f.StringVar(&flags.file, "config", "", "`FILE` in TOML with routes and settings; see docs/proxy.md")
	f.BoolVar(&flags.check, "check", false, "check the configuration, print what would be served and stop")
	f.StringArrayVar(&flags.routes, "route", nil, "PATH=URL, HOST=URL or HOST/PATH=URL; may be repeated")
	f.BoolVar(&flags.printEnv, "print-env", false,
		"print shell exports of the proxy's address for common tools, then serve")
	for _, setting := range flags.settings() {
		setting.register(f)
	}
	registerTLS(f, &flags.network)
	for _, setting := range flags.log.settings() {
		setting.register(f)
	}
	return command
}

// settings are everything that flags can say about a proxy, each in one place. Their names in a configuration file are
// the same, but in the plural for lists.
func (f *proxyFlags) settings() []setting {
	c := &f.config
	return append([]setting{
		{"listen", &c.Listen, "listen", "address to listen on, HOST:PORT; port 0 is any free one"},
		{"open", &c.Open, "open", "let other machines use the proxy without a token"},
		{"token", &c.RequireToken, "token", "require the token in $" + tokenVariable + ", or a new one"},
		{"token-file", &c.TokenFile, "tokenFile", "file of the token, in place of $" + tokenVariable},
		{
			"admin", &c.Admin, "admin",
			"address of the pages /healthz, /readyz and /metrics, or off " +
				"(default off; with --config " + proxy.DefaultAdmin + ")",
		},
		{"admin-open", &c.AdminOpen, "adminOpen", "let other machines read those pages"},
		{"tls-cert", &c.TLSCert, "tlsCert", "file of a certificate: speak TLS only; read again when it changes"},
		{"tls-key", &c.TLSKey, "tlsKey", "file of the key of --tls-cert"},
		{"client-ca", &c.ClientCA, "clientCa", "file of the certificates that sign those of clients"},
		{
			"client-auth", (*string)(&c.ClientAuth), "clientAuth",
			"whether clients need a certificate of --client-ca: required or optional (default required)",
		},
		{"allow-host", (*commaList)(&c.AllowHosts), "allowHosts", "name that may be in the Host header; may be repeated"},
		{
			"allow-origin", (*commaList)(&c.AllowOrigins), "allowOrigins",
			"origin whose pages may use the proxy, or *; may be repeated",
		},
		{
			"forward-authorization", &c.ForwardAuthorization, "forwardAuthorization",
			"pass the client's Authorization header on as X-Forwarded-Authorization",
		},
		{"max-concurrent", &c.MaxConcurrent, "maxConcurrent", "most requests at one time"},
		{
			"max-connections", &c.MaxConnections, "maxConnections",
			"most connections of clients at one time; 0 is 10,000, or half of the files that may be open",
		},
		{"drain-timeout", &c.DrainTimeout, "drainTimeout", "how long requests may take to finish after a signal"},
	}, limitSettings(&c.Limits)...)
}

// limitSettings are those that each route of a file may have.
func limitSettings(c *proxy.Limits) []setting {
	return []setting{
		{"max-body", &c.MaxBody, "maxBody", "longest request body, in bytes"},
		{"timeout", &c.Timeout, "timeout", "how long a function may take until its response begins; 0 is no limit"},
		{"idle-timeout", &c.IdleTimeout, "idleTimeout", "how long a response may pause; 0 is no limit"},
		{"rate", &c.Rate, "rate", "most requests of a route in a second; 0 is no limit"},
		{"burst", &c.Burst, "burst", "most requests at once with --rate; 0 is as many as in a second"},
		{"retries", &c.Retries, "retries", "how often to repeat a request that failed and may be repeated"},
		{"retry-budget", &c.RetryBudget, "retryBudget", "most retries, as a share of the requests of a route"},
		{
			"breaker-failures", &c.BreakerFailures, "breakerFailures",
			"failures in a row after which a route is left alone for --breaker-timeout; 0 is never",
		},
		{"breaker-timeout", &c.BreakerTimeout, "breakerTimeout", "how long a circuit breaker stays open"},
	}
}

// configure is the configuration of the flags and of the file, whose settings the flags outrank.
func (f *proxyFlags) configure(args []string) (proxy.Config, error) {
	var routes []proxy.Route
	for _, text := range f.routes {
		route, err := proxy.ParseRoute(text)
		if err != nil {
			return proxy.Config{}, err
		}
		routes = append(routes, route)
	}
	var config proxy.Config
	if f.file == "" {
		config = f.config
		f.over(&config)
		if err := spelled(config.Validate()); err != nil {
			return proxy.Config{}, err
		}
	} else {
		var err error
		if config, err = proxy.ReadConfig(f.file, f.over); err != nil {
			return proxy.Config{}, err
		}
	}
	for _, route := range routes {
		route.Signing, route.Limits = config.Signing, config.Limits
		config.Routes = append(config.Routes, route)
	}
	if len(args) == 1 {
		config.Upstream, config.At = args[0], ""
	}
	if config.Upstream == "" && len(config.Routes) == 0 {
		return proxy.Config{}, errors.New("name a function URL, or say --route or --config")
	}
	return config, nil
}

// over puts the flags of the command line over a configuration.
func (f *proxyFlags) over(config *proxy.Config) {
	of := proxyFlags{config: *config}
	from := f.settings()
	for i, to := range of.settings() {
		if f.given(to.flag) {
			reflect.ValueOf(to.value).Elem().Set(reflect.ValueOf(from[i].value).Elem())
		}
	}
	*config = of.config
	for _, own := range []struct {
		flag string
		from string
		to   *string
	}{
		{"profile", f.options.Profile, &config.Profile}, {"role-arn", f.options.RoleARN, &config.RoleARN},
		{"region", f.options.Region, &config.Region}, {"endpoint-url", f.options.EndpointURL, &config.EndpointURL},
		{"service", f.service, &config.Service}, {"sign-host", f.signHost, &config.SignHost},
	} {
		if f.given(own.flag) {
			*own.to = own.from
		}
	}
}

// spelled is an error about settings, which are flags.
func spelled(err error) error {
	var faults []error
	for _, fault := range proxy.Faults(err, "--") {
		// Lists are in the plural in a file.
		if name, ok := strings.CutSuffix(fault.Key, "s"); ok && strings.HasPrefix(name, "allow-") {
			fault.Text = name + strings.TrimPrefix(fault.Text, fault.Key)
		}
		faults = append(faults, errors.New("--"+fault.Text))
	}
	return errors.Join(faults...)
}

func (p *program) runProxy(command *cobra.Command, flags *proxyFlags, args []string) error {
	config, err := flags.configure(args)
	if err != nil {
		return usage(command, err)
	}
	log, err := p.logger(&flags.log)
	if err != nil {
		return usage(command, err)
	}
	config.Log = log
	s := &service{program: p, command: command, flags: flags, args: args, log: log}
	if flags.check {
		return s.checkProxy(config)
	}
	if err := s.connect(&config); err != nil {
		return err
	}
	handler, err := proxy.New(config)
	if err != nil {
		return usage(command, err)
	}
	listener, err := net.Listen("tcp", config.Listen)
	if err != nil {
		return p.listenError(command.Context(), config.Listen, err)
	}
	s.proxy = handler
	address := scheme(config) + reachable(listener.Addr())
	p.note("listening on %s", address)
	if config.RequireToken && s.drawn {
		p.note("the token is %s", s.token)
	}
	if config.Open {
		p.note("warning: other machines can reach %s and call with these credentials", config.Listen)
	}
	if flags.printEnv {
		if _, err := io.WriteString(p.streams.Out, proxyExports(address, s.token)); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	return s.run(config, listener)
}

// scheme is what begins the address of the proxy.
func scheme(config proxy.Config) string {
	if config.TLSCert != "" {
		return "https://"
	}
	return "http://"
}

// reachable is the listener's address as clients on this machine can use it.
func reachable(address net.Addr) string {
	tcp, ok := address.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return address.String()
}

// proxyExports are shell exports of the proxy's address and token, under the names that common tools read. NO_PROXY
// keeps these tools from going through another proxy.
func proxyExports(address, token string) string {
	base := address
	variables := []variable{
		{"FURL_PROXY_URL", base},
		{"OPENAI_BASE_URL", base + "/v1"},
		{"ANTHROPIC_BASE_URL", base},
		{"OLLAMA_HOST", base},
	}
	mcp := fmt.Sprintf(`{"mcpServers": {"furl": {"type": "http", "url": "%s/"}}}`, base)
	if token != "" { // these tools send it as a bearer token
		for _, name := range []string{tokenVariable, "OPENAI_API_KEY", "ANTHROPIC_AUTH_TOKEN"} {
			variables = append(variables, variable{name, token})
		}
		const withToken = `{"mcpServers": {"furl": {"type": "http", "url": "%s/", ` +
			`"headers": {"Authorization": "Bearer %s"}}}}`
		mcp = fmt.Sprintf(withToken, base, token)
	}
	return shells["sh"].script(variables) +
		"export NO_PROXY=\"${NO_PROXY:+$NO_PROXY,}127.0.0.1,localhost\"\n" +
		"# MCP clients: " + mcp + "\n"
}
