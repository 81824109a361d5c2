package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/proxy"
	"github.com/furl-dev/furl/sigv4"
)

// proxyFlags are the flags of proxy.
type proxyFlags struct {
	signing
	config   proxy.Config
	network  call.Network
	listen   string
	routes   []string
	token    bool
	open     bool
	printEnv bool
	maxBody  int64
	log      logFlags
}

// tokenVariable is where the token comes from. A flag would show it to all users of the machine.
const tokenVariable = "FURL_PROXY_TOKEN"

func (p *program) proxy() *cobra.Command {
	flags := proxyFlags{log: newLogFlags()}
	command := &cobra.Command{
		Use:   "proxy [URL|FUNCTION]",
		Short: "Use a function URL with IAM authentication from any HTTP client, browser or MCP client",
		Long: `Listen for plain HTTP and pass each request on to a function URL, signed. Path and query go on byte for
byte, and responses stream. Requests are HTTP/1.1, or HTTP/2 without TLS. The proxy spools a request's body before it
passes it on, since the signature covers the body.

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
  furl proxy my-mcp-server --allow-origin http://localhost:6274 --token`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return p.runProxy(command, &flags, args)
		},
	}
	flags.signing.register(p, command)
	f := command.Flags()
	f.StringVar(&flags.listen, "listen", "127.0.0.1:8080", "address to listen on, HOST:PORT; port 0 is any free one")
	f.StringArrayVar(&flags.routes, "route", nil, "PATH=URL, HOST=URL or HOST/PATH=URL; may be repeated")
	f.StringSliceVar(&flags.config.AllowOrigins, "allow-origin", nil,
		"origin whose pages may use the proxy, or *; may be repeated")
	f.StringSliceVar(&flags.config.AllowHosts, "allow-host", nil, "name that may be in the Host header; may be repeated")
	f.BoolVar(&flags.token, "token", false, "require the token in $"+tokenVariable+", or a new one")
	f.BoolVar(&flags.open, "open", false, "let other machines use the proxy without a token")
	f.BoolVar(&flags.config.ForwardAuthorization, "forward-authorization", false,
		"pass the client's Authorization header on as X-Forwarded-Authorization")
	f.BoolVar(&flags.printEnv, "print-env", false,
		"print shell exports of the proxy's address for common tools, then serve")
	f.Int64Var(&flags.maxBody, "max-body", 1<<30, "longest request body, in bytes")
	f.IntVar(&flags.config.MaxConcurrent, "max-concurrent", proxy.MaxConcurrent, "most requests at one time")
	f.DurationVar(&flags.config.DrainTimeout, "drain-timeout", 10*time.Second,
		"how long requests may take to finish after a signal")
	registerTLS(f, &flags.network)
	for _, setting := range flags.log.settings() {
		setting.register(f)
	}
	return command
}

func (p *program) runProxy(command *cobra.Command, flags *proxyFlags, args []string) error {
	if err := flags.check(args); err != nil {
		return usage(command, err)
	}
	log, err := p.logger(&flags.log)
	if err != nil {
		return usage(command, err)
	}
	signer, err := flags.upstreams(p, command, args)
	if err != nil {
		return err
	}
	// Missing credentials shall end the command now, not fail the first request.
	if _, err := signer.transport.Credentials.Retrieve(command.Context()); err != nil {
		return noKeys(err)
	}
	base, err := flags.transport(flags.network, true)
	if err != nil {
		return usage(command, err)
	}
	signer.transport.Base, signer.transport.MaxSpool = base, flags.maxBody
	config := flags.config
	config.Transport, config.Log = signer.transport, log
	token := ""
	if flags.token {
		token = p.getenv(tokenVariable)
		switch {
		case token == "":
			token = rand.Text()
		case strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '\\' }):
			return usage(command, fmt.Errorf("$%s has characters that a header cannot hold", tokenVariable))
		}
		config.Token = sigv4.NewSecret(token)
	}
	handler, err := proxy.New(config)
	if err != nil {
		return usage(command, err)
	}
	listener, err := net.Listen("tcp", flags.listen)
	if err != nil {
		return p.listenError(command.Context(), flags.listen, err)
	}
	address := reachable(listener.Addr())
	p.note("listening on http://%s", address)
	if flags.token && p.getenv(tokenVariable) == "" {
		p.note("the token is %s", token)
	}
	if flags.open {
		p.note("warning: other machines can reach %s and call with these credentials", flags.listen)
	}
	if flags.printEnv {
		if _, err := io.WriteString(p.streams.Out, proxyExports(address, token)); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	return handler.Serve(command.Context(), p.stop, listener)
}

// check finds flags that contradict each other.
func (f *proxyFlags) check(args []string) error {
	if len(args)+len(f.routes) == 0 {
		return errors.New("name a function URL, or say --route")
	}
	host, _, err := net.SplitHostPort(f.listen)
	if err != nil {
		return fmt.Errorf("--listen %q is not HOST:PORT", f.listen)
	}
	address, err := netip.ParseAddr(host)
	loopback := host == "localhost" || err == nil && address.IsLoopback()
	switch {
	case !loopback && !f.token && !f.open:
		return fmt.Errorf("other machines can reach %s and call with your credentials: say --token, or --open to allow that",
			f.listen)
	case loopback && f.open:
		return errors.New("--open is for an address that other machines can reach: say --listen too")
	case f.maxBody < 1 || f.config.MaxConcurrent < 1 || f.config.DrainTimeout <= 0:
		return errors.New("--max-body, --max-concurrent and --drain-timeout must be positive")
	}
	return nil
}

// upstreams resolves what the argument and the routes name.
func (f *proxyFlags) upstreams(p *program, command *cobra.Command, args []string) (*signer, error) {
	f.clients = true // the whole configuration, so that a proxy that runs for long gets new credentials
	var routes []proxy.Route
	names := args
	for _, text := range f.routes {
		route, err := proxy.ParseRoute(text)
		if err != nil {
			return nil, usage(command, err)
		}
		routes = append(routes, route)
		names = append(names, route.Upstream)
	}
	signer, err := f.signing.open(p, command, names...)
	if err != nil {
		return nil, err
	}
	for _, e := range signer.all {
		if err := signer.checkRegions(e.host); err != nil {
			return nil, err
		}
	}
	urls := signer.all
	if len(args) == 1 {
		f.config.Upstream, urls = urls[0].url, urls[1:]
	}
	for i := range routes {
		routes[i].Upstream = urls[i].url
	}
	f.config.Routes = routes
	return signer, nil
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
	base := "http://" + address
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
