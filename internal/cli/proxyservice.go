package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/proxy"
	"github.com/furl-dev/furl/sigv4"
)

// service is a proxy that runs.
type service struct {
	program *program
	command *cobra.Command
	flags   *proxyFlags
	args    []string
	log     *slog.Logger
	proxy   *proxy.Proxy
	base    *http.Transport // of all routes; it stays when the configuration is read again
	token   string
	drawn   bool // the token is furl's own choice
}

// connect gives a configuration what it needs to serve: the token, the URLs of functions that it names, and transports
// that have credentials.
func (s *service) connect(config *proxy.Config) error {
	if err := s.readToken(config); err != nil {
		return usage(s.command, err)
	}
	config.Routes, config.Upstream = config.AllRoutes(), ""
	type group struct {
		proxy.Signing
		maxBody int64 // of a Transport
	}
	groups := map[group][]*proxy.Route{}
	var order []group
	for i := range config.Routes {
		route := &config.Routes[i]
		key := group{route.Signing, route.MaxBody}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], route)
	}
	for _, key := range order {
		if err := s.sign(key.Signing, key.maxBody, groups[key]); err != nil {
			return err
		}
	}
	return nil
}

// locate says where a file has the route that an error is about.
func locate(route *proxy.Route, err error) error {
	if route.At == "" {
		return err
	}
	return located{route.At, err}
}

// located is an error about a route of a file. It is handled as the error that it wraps.
type located struct {
	at  string
	err error
}

func (l located) Error() string { return l.at + ": " + l.err.Error() }
func (l located) Unwrap() error { return l.err }

// sign makes the transport of routes that have the same credentials, and resolves what they name.
func (s *service) sign(how proxy.Signing, maxBody int64, routes []*proxy.Route) error {
	signing, err := s.flags.as(how, s.program.getenv)
	if err != nil {
		return locate(routes[0], usage(s.command, err))
	}
	var names []string
	for _, route := range routes {
		names = append(names, route.Upstream)
	}
	signer, err := signing.open(s.program, s.command, names...)
	if err != nil {
		for _, route := range routes { // which of them is it?
			if _, err := signing.open(s.program, s.command, route.Upstream); err != nil {
				return locate(route, err)
			}
		}
		return locate(routes[0], err)
	}
	for i, e := range signer.all {
		if err := signer.checkRegions(e.host); err != nil {
			return locate(routes[i], err)
		}
		routes[i].Upstream = e.url
	}
	// Missing credentials shall end the command now, not fail the first request.
	if _, err := signer.transport.Credentials.Retrieve(s.command.Context()); err != nil {
		return locate(routes[0], noKeys(err))
	}
	if s.base == nil {
		if s.base, err = signing.transport(s.flags.network, true); err != nil {
			return usage(s.command, err)
		}
		s.base.MaxIdleConnsPerHost = proxy.MaxConcurrent / 4
		s.base.MaxIdleConns = proxy.MaxConcurrent
	}
	signer.transport.Base, signer.transport.MaxSpool = s.base, maxBody
	for _, route := range routes {
		route.Transport = signer.transport
	}
	return nil
}

// as is the flags for credentials that a file may name.
func (f *proxyFlags) as(how proxy.Signing, getenv func(string) string) (*signing, error) {
	s := f.signing
	s.clients = true // the whole configuration, so that a proxy that runs for long gets new credentials
	s.service, s.signHost = how.Service, how.SignHost
	o := &s.options
	o.Profile, o.RoleARN, o.Region, o.EndpointURL = how.Profile, how.RoleARN, how.Region, how.EndpointURL
	if how.EnvPrefix != "" {
		o.Credentials = aws.Credentials{
			AccessKeyID:     getenv(how.EnvPrefix + "AWS_ACCESS_KEY_ID"),
			SecretAccessKey: getenv(how.EnvPrefix + "AWS_SECRET_ACCESS_KEY"),
			SessionToken:    getenv(how.EnvPrefix + "AWS_SESSION_TOKEN"), Source: "env-prefix",
		}
		if !o.Credentials.HasKeys() {
			return nil, fmt.Errorf("env-prefix: $%[1]sAWS_ACCESS_KEY_ID or $%[1]sAWS_SECRET_ACCESS_KEY is not set",
				how.EnvPrefix)
		}
	}
	return &s, nil
}

// readToken finds the token, or draws one.
func (s *service) readToken(config *proxy.Config) error {
	if !config.RequireToken {
		return nil
	}
	token, from := s.program.getenv(tokenVariable), "$"+tokenVariable
	if config.TokenFile != "" {
		text, err := os.ReadFile(config.TokenFile)
		if err != nil {
			return err
		}
		if token, from = strings.TrimSpace(string(text)), config.TokenFile; token == "" {
			return fmt.Errorf("%s is empty: it must have the token", from)
		}
	}
	switch {
	case token == "" && s.token == "":
		s.token, s.drawn = rand.Text(), true
	case token == "":
	case strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '\\' }):
		return fmt.Errorf("%s has characters that a header cannot hold", from)
	default:
		s.token, s.drawn = token, false
	}
	config.Token = sigv4.NewSecret(s.token)
	return nil
}

// run serves until the command ends. SIGHUP reads the file of a service again.
func (s *service) run(config proxy.Config, listener net.Listener) error {
	ctx, cancel := context.WithCancel(s.command.Context())
	defer cancel()
	admin, stopAdmin := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAdmin()
	pages := make(chan error, 1)
	if config.Admin == "" || config.Admin == "off" {
		pages <- nil
	} else {
		inner, err := net.Listen("tcp", config.Admin)
		if err != nil {
			return errors.Join(fail(adminListen, err), listener.Close())
		}
		s.program.note("health and metrics on http://%s", reachable(inner.Addr()))
		go func() { pages <- s.proxy.ServeAdmin(admin, inner) }()
	}
	reloads := make(chan os.Signal, 1)
	if s.flags.file != "" {
		signal.Notify(reloads, syscall.SIGHUP) // never sent on Windows
		defer signal.Stop(reloads)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.proxy.Serve(ctx, s.program.stop, listener) }()
	notify := s.notifier()
	notify("READY=1")
	done := ctx.Done()
	for {
		select {
		case <-reloads:
			notify("RELOADING=1")
			s.reload()
			notify("READY=1")
		case <-done:
			done = nil
			notify("STOPPING=1")
		case err := <-ended:
			stopAdmin()
			return errors.Join(err, <-pages)
		}
	}
}

// reload reads the file again. If that cannot be used, the proxy goes on as it is.
func (s *service) reload() {
	config, err := s.flags.configure(s.args)
	if err == nil {
		// The token that was drawn stays.
		err = s.connect(&config)
	}
	if err != nil {
		s.proxy.Refuse()
	} else if err = s.proxy.Reload(config); err != nil {
		err = proxy.Locate(s.flags.file, err)
	}
	if err != nil {
		s.log.Error("configuration not reloaded, the proxy goes on with the one before", "error", err)
		return
	}
	s.log.Info("configuration reloaded", "file", s.flags.file)
}

// notifier tells the service manager of systemd what the proxy does (sd_notify), if it started the proxy.
func (s *service) notifier() func(state string) {
	socket := s.program.getenv("NOTIFY_SOCKET")
	if socket == "" {
		return func(string) {}
	}
	return func(state string) {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
		if err == nil {
			err = errors.Join(conn.SetWriteDeadline(time.Now().Add(time.Second)), write(conn, state), conn.Close())
		}
		if err != nil {
			s.log.Warn("the service manager was not told", "error", err)
		}
	}
}

func write(conn net.Conn, text string) error {
	_, err := conn.Write([]byte(text))
	return err
}

// shownRoute is a route as --check prints it.
type shownRoute struct {
	Route         string         `json:"route"`
	KeepPath      bool           `json:"keepPath,omitempty"`
	Upstream      string         `json:"upstream"`
	SignHost      string         `json:"signHost,omitempty"`
	Region        string         `json:"region,omitempty"`
	Credentials   string         `json:"credentials"`
	RoleARN       string         `json:"roleArn,omitempty"`
	MaxConcurrent int            `json:"maxConcurrent,omitempty"`
	Limits        map[string]any `json:"limits"`
}

// checkProxy prints what a configuration means. It reads the files that the configuration names, and sends nothing.
func (s *service) checkProxy(config proxy.Config) error {
	config.Routes, config.Upstream = config.AllRoutes(), ""
	if err := s.readToken(&config); err != nil {
		return usage(s.command, err)
	}
	var routes []shownRoute
	for i := range config.Routes {
		route := &config.Routes[i]
		routes = append(routes, shownRoute{
			route.Where(), route.KeepPath, route.Upstream, route.SignHost, route.Region, keysOf(route.Signing),
			route.RoleARN, route.MaxConcurrent, set(limitSettings(&route.Limits)),
		})
		if err := s.checkRoute(route); err != nil {
			return locate(route, err)
		}
	}
	if _, err := proxy.New(config); err != nil {
		return usage(s.command, err)
	}
	flags := proxyFlags{config: config}
	shown := set(flags.settings())
	for _, setting := range limitSettings(&config.Limits) {
		delete(shown, setting.json)
	}
	shown["routes"] = routes
	return s.program.printJSON(shown)
}

// set is the values of settings, but for those that are empty.
func set(settings []setting) map[string]any {
	shown := map[string]any{}
	for _, setting := range settings {
		if !reflect.ValueOf(setting.value).Elem().IsZero() {
			shown[setting.json] = setting.shown()
		}
	}
	return shown
}

// checkRoute finds what is wrong with a route without asking anybody, and has proxy.New take it.
func (s *service) checkRoute(route *proxy.Route) error {
	signing, err := s.flags.as(route.Signing, s.program.getenv)
	if err != nil {
		return usage(s.command, err)
	}
	if err := signing.checkSignHost(1); err != nil {
		return usage(s.command, err)
	}
	target, err := call.ParseTarget(route.Upstream)
	if err != nil {
		return usage(s.command, err)
	}
	if target.URL == "" {
		route.Upstream = "https://name.invalid" // the URL is looked up at the start
	}
	route.Transport = http.DefaultTransport // which nobody uses
	_, err = signing.load(s.command.Context(), s.program.getenv, signing.options, []call.Target{target})
	return err
}

// keysOf says where the keys of a route come from.
func keysOf(s proxy.Signing) string {
	switch {
	case s.EnvPrefix != "":
		return "$" + s.EnvPrefix + "AWS_ACCESS_KEY_ID"
	case s.Profile != "":
		return "profile " + s.Profile
	}
	return "default"
}
