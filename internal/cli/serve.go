//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/snippet"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	config  app.Config
	log     logFlags
	check   bool
	exports string // file for the exports, "" for none
}

// settings are everything that can be said about a server, each in one place.
func (s *serveFlags) settings() []setting {
	c := &s.config
	secret := ""
	if c.RootSecretAccessKey != "" {
		secret = "(hidden)"
	}
	return append([]setting{
		{"data", &c.Data, "data", "directory of the state, or " + app.InMemory + " to keep nothing"},
		{"listen", &c.Listen, "listen", "address to listen on, HOST:PORT; port 0 is any free one"},
		{"account", (*commaList)(&c.Accounts), "accounts", "account id; may be repeated"},
		{"region", &c.Region, "region", "region that furl env exports; the server answers for all regions"},
		{"url-style", &c.URLStyle, "urlStyle", "how to write function URLs: auto, host (which Terraform needs: it reads the id from the host name) or path"},
		{"suffix", &c.Suffix, "suffix", "what follows ID.lambda-url.REGION. in host style"},
		{
			"tls", &c.TLS, "tls",
			"answer https too, on the same port, with an authority that is made at first use; furl ca path prints its file",
		},
		{"tls-cert", &c.TLSCert, "tlsCert", "file of a certificate for https, in place of the authority; read again when it changes"},
		{"tls-key", &c.TLSKey, "tlsKey", "file of the key of --tls-cert"},
		{
			"forwarded-proto", &c.ForwardedProto, "forwardedProto",
			"what clients speak with a front end of your own that passes requests on to the server: https or http",
		},
		{
			"legacy-url-permissions", &c.LegacyURLPermissions, "legacyUrlPermissions",
			"require only lambda:InvokeFunctionUrl, as AWS did for old URLs (it announced 2026-11-01 as the end of that)",
		},
		{
			"block-public-access", &c.BlockPublicAccess, "blockPublicAccess",
			"refuse new permissions that let anybody call a function; those that exist stay in force",
		},
		{
			"faithful-states", &c.FaithfulStates, "faithfulStates",
			"keep functions Pending and updates InProgress for two seconds, and refuse changes meanwhile, as AWS does",
		},
		{"scp", &c.SCPs, "scps", "service control policy, ACCOUNT=FILE; may be repeated, from the root's level down"},
		{
			"allow-host", (*commaList)(&c.AllowHosts), "allowHosts",
			"host name at which function URLs of auth type NONE answer in path style; may be repeated",
		},
		{
			"open-pages", &c.OpenPages, "openPages",
			"let clients on other hosts read furl's own pages below /_furl/, with the page token or a signature",
		},
		{
			"console", &c.Console, "console",
			"what the console in the browser may do: read, edit (which sends requests again and saves policies) or off",
		},
		{
			"oidc-private-addresses", &c.OIDCPrivateAddresses, "oidcPrivateAddresses",
			"ask identity providers at loopback, link-local and private addresses too, on this machine also without https",
		},
		{"drain-timeout", &c.DrainTimeout, "drainTimeout", "how long running invocations may take to finish after a signal"},
		{"account-concurrency", &c.AccountConcurrency, "accountConcurrency", "most invocations at one time in an account and region"},
		{
			"stream-bandwidth", (*bandwidth)(&c.StreamBandwidth), "streamBandwidth",
			"bytes per second of a streamed answer after its first 6 MB, such as 2MB as at AWS; 0 is no bound",
		},
		{"max-environments", &c.MaxEnvironments, "maxEnvironments", "most execution environments at one time"},
		{
			"sandbox", (*string)(&c.Sandbox), "sandbox",
			"how to confine functions: auto for what the system offers, strict or off",
		},
		{
			"memory", &c.Memory, "memory",
			"what happens to functions that have more memory than their size: auto to kill them, as AWS does, or off",
		},
		{"sandbox-read", &c.SandboxRead, "sandboxRead", "file or directory that functions may also read; may be repeated"},
		{"sandbox-write", &c.SandboxWrite, "sandboxWrite", "directory that functions may also write; may be repeated"},
		{
			"code-dir", &c.CodeDirs, "codeDirs",
			"directory below which functions may use their code in place, with S3Bucket hot-reload; may be repeated",
		},
		{
			"http-upstream", &c.HTTPUpstreams, "httpUpstreams",
			"address of a running web server that functions may be, with S3Bucket http-server; may be repeated",
		},
		{
			"endpoint", &c.Endpoints, "endpoints",
			"server for another AWS service that functions call, SERVICE=URL; may be repeated",
		},
		{
			"debug", &c.Debug, "debug",
			"function to run under its language's debugger, NAME or NAME=PORT, without a timeout; may be repeated",
		},
		{
			"python-packages", &c.PythonPackages, "pythonPackages",
			"directory of packages that Python functions import besides their own, such as boto3",
		},
		{
			"node-modules", &c.NodeModules, "nodeModules",
			"node_modules that Node.js functions import from besides their own, such as @aws-sdk",
		},
		{"", &c.RootAccessKeyID, "rootAccessKeyId", ""},
		{"", &secret, "rootSecretAccessKey", ""},
	}, s.log.settings()...)
}

// register adds the flags of a server to a command that starts one, but for some.
func (s *serveFlags) register(f *pflag.FlagSet, except ...string) {
	for _, setting := range s.settings() {
		if setting.flag == "" || slices.Contains(except, setting.flag) {
			continue
		}
		setting.register(f)
		names := []string{"FURL_" + strings.ToUpper(strings.ReplaceAll(setting.flag, "-", "_"))}
		if setting.flag == "region" {
			names = append(names, "AWS_REGION", "AWS_DEFAULT_REGION")
		}
		readFrom(f, setting.flag, names...)
	}
}

func (p *program) serve() *cobra.Command {
	flags := serveFlags{config: app.Default(), log: newLogFlags()}
	command := describeServe()
	command.Args = cobra.NoArgs
	command.RunE = func(command *cobra.Command, _ []string) error { return p.runServe(command, flags) }
	f := command.Flags()
	flags.register(f)
	f.BoolVar(&flags.check, "check", false, "print the configuration in effect and stop")
	f.StringVar(&flags.exports, "env-file", "", "`FILE` to write what furl env exports to, while the server runs")
	return command
}

func (p *program) runServe(command *cobra.Command, flags serveFlags) error {
	config := &flags.config
	config.RootAccessKeyID = p.getenv("FURL_ROOT_ACCESS_KEY_ID")
	config.RootSecretAccessKey = p.getenv("FURL_ROOT_SECRET_ACCESS_KEY")
	log, logFault := p.logger(&flags.log)
	config.Log, config.Version = log, Built().Version
	faults := []error{config.Validate(), logFault}
	if !config.IsLoopback() && !command.Flags().Changed("listen") {
		const text = "$FURL_LISTEN: %s can be reached from other machines; say that with --listen %[1]s"
		faults = append(faults, fmt.Errorf(text, config.Listen))
	}
	if err := errors.Join(faults...); err != nil {
		return usage(command, err)
	}
	if flags.check {
		return p.printConfig(&flags)
	}
	exports := exportFile(flags.exports)
	if err := exports.check(); err != nil {
		return err
	}
	server, err := app.New(command.Context(), *config)
	if errors.Is(err, app.ErrListen) {
		return p.listenError(command.Context(), config.Listen, err)
	}
	if err != nil {
		return err
	}
	if !config.IsLoopback() {
		p.note("warning: other machines can reach %s, and everyone with a key can run code here", config.Listen)
	}
	if file := server.CertificateFile(); file != "" {
		p.note("https and http on the same port; clients of https trust %s", file)
	}
	if config.URLStyle != "host" {
		p.note("Terraform and other tools that read the id of a function URL from its host name need --url-style host")
	}
	data := server.Dir()
	p.note("listening on %s, data in %s", server.Endpoint(), data)
	p.note("in another shell: eval \"$(furl env --data %s)\"", snippet.Quote(data))
	if config.Console != app.ConsoleOff {
		p.note("in a browser: furl console --data %s", snippet.Quote(data))
	}
	if exports == "" {
		return server.Run(command.Context(), p.stop)
	}
	serving, stop := context.WithCancel(command.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- server.Run(serving, p.stop) }()
	unwritten := p.export(serving, command, data, exports)
	if unwritten != nil {
		stop()
	}
	return errors.Join(unwritten, <-ended, exports.remove())
}

// export writes the exports of the server of a data directory when it answers.
func (p *program) export(ctx context.Context, command *cobra.Command, data string, to exportFile) error {
	server := environment{place: place{p: p, command: command, data: data}}
	const patience = 30 * time.Second // of which a server takes milliseconds
	variables, err := server.awaitVariables(ctx, patience)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // it was told to stop before it was ready
	}
	if err == nil {
		err = to.write(variables)
	}
	return err
}

// printConfig prints the configuration in effect, without secrets, empty lists and root keys that are not set.
func (p *program) printConfig(flags *serveFlags) error {
	shown := map[string]any{}
	for _, setting := range flags.settings() {
		value := reflect.ValueOf(setting.value).Elem()
		if value.IsZero() && (value.Kind() == reflect.Slice || setting.flag == "") {
			continue
		}
		shown[setting.json] = setting.shown()
	}
	return p.printJSON(shown)
}
