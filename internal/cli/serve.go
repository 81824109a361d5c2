package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/app"
)

// serveFlags are the flags of serve, with the environment variable of each.
type serveFlags struct {
	config    app.Config
	logLevel  string
	logFormat string
	check     bool
}

func (p *program) serve() *cobra.Command {
	flags := serveFlags{config: app.Default()}
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run Lambda, function URLs, IAM and STS on this machine, on one port",
		Long: `Run Lambda, function URLs, IAM and STS on this machine, on one port.

State is kept in the data directory: one database, the code of the functions, their logs, the root keys in
root-credentials.json, and in page-token what lets furl explain and furl logs read the server's own pages. The first
SIGTERM or Ctrl-C lets running invocations finish, the second stops at once.

A function URL of auth type NONE answers in path style (http://127.0.0.1:9000/_furl/url/ID/) under localhost, names
below it and loopback addresses only: otherwise a web page could reach it whose own name leads to this machine. --listen
with another address adds that one, or all addresses if it is 0.0.0.0; --allow-host adds a name.

Each flag can also be given as an environment variable, FURL_DATA for --data; the flag wins. The root keys of the first
account can be given as FURL_ROOT_ACCESS_KEY_ID and FURL_ROOT_SECRET_ACCESS_KEY.

Exit status: 0 stopped as told, 1 could not start or serve, 2 wrong usage.`,
		Example: "  furl serve --data .furl &\n  eval \"$(furl env)\"\n  aws lambda list-functions",
		Args:    noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := p.environment(command, &flags.config); err != nil {
				return err
			}
			return p.runServe(command, flags)
		},
	}
	f := command.Flags()
	config := &flags.config
	f.StringVar(&config.Data, "data", config.Data, "directory of the state, or "+app.InMemory+" to keep nothing")
	f.StringVar(&config.Listen, "listen", config.Listen, "address to listen on, HOST:PORT; port 0 is any free one")
	f.StringSliceVar(&config.Accounts, "account", config.Accounts, "account id; may be repeated")
	f.StringVar(&config.Region, "region", config.Region, "region that furl env exports; the server answers for all")
	f.StringVar(&config.URLStyle, "url-style", config.URLStyle, "how function URLs are written: auto, host or path")
	f.StringVar(&config.Suffix, "suffix", config.Suffix, "what follows ID.lambda-url.REGION. in host style")
	f.BoolVar(&config.LegacyURLPermissions, "legacy-url-permissions", false, "ask for lambda:InvokeFunctionUrl alone, as AWS did before November 2026")
	f.StringArrayVar(&config.SCPs, "scp", nil, "service control policy, ACCOUNT=FILE; may be repeated, from the root's level down")
	f.StringSliceVar(&config.AllowHosts, "allow-host", nil,
		"host name under which function URLs of auth type NONE answer in path style; may be repeated")
	f.BoolVar(&config.OpenPages, "open-pages", false,
		"let clients on other hosts read furl's own pages below /_furl/, with the page token or a signature")
	f.BoolVar(&config.OIDCPrivateAddresses, "oidc-private-addresses", false,
		"ask identity providers at loopback, link-local and private addresses too, on this machine also without https")
	f.DurationVar(&config.DrainTimeout, "drain-timeout", config.DrainTimeout, "how long running invocations may take to finish")
	f.IntVar(&config.MaxEnvironments, "max-environments", config.MaxEnvironments, "most execution environments at one time")
	f.StringVar((*string)(&config.Sandbox), "sandbox", string(config.Sandbox), "how functions are confined: auto for what the system gives, strict or off")
	f.StringArrayVar(&config.SandboxRead, "sandbox-read", nil, "file or directory that functions may read, too; may be repeated")
	f.StringArrayVar(&config.SandboxWrite, "sandbox-write", nil, "directory that functions may write, too; may be repeated")
	f.StringVar(&flags.logLevel, "log-level", "info", "least level that is logged: debug, info, warn or error")
	f.StringVar(&flags.logFormat, "log-format", "auto", "text, json, or auto for text on a terminal")
	f.BoolVar(&flags.check, "check", false, "print the configuration in effect and stop")
	return command
}

// environment fills in the flags that were not given from their environment variables.
func (p *program) environment(command *cobra.Command, config *app.Config) error {
	var faults []error
	for _, name := range []string{
		"data", "listen", "account", "region", "url-style", "suffix", "legacy-url-permissions", "allow-host",
		"open-pages", "oidc-private-addresses", "drain-timeout", "max-environments", "sandbox", "sandbox-read",
		"sandbox-write", "log-level", "log-format",
	} {
		variable := "FURL_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		value := p.getenv(variable)
		if name == "region" {
			value = cmp.Or(value, p.getenv("AWS_REGION"), p.getenv("AWS_DEFAULT_REGION"))
		}
		if value == "" || command.Flags().Changed(name) {
			continue
		}
		if err := command.Flags().Set(name, value); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", variable, err))
		}
		if name == "listen" && !config.IsLoopback() {
			faults = append(faults, fmt.Errorf("%s: %s can be reached from other machines; say that with --listen %s", variable, value, value))
		}
	}
	config.RootAccessKeyID = p.getenv("FURL_ROOT_ACCESS_KEY_ID")
	config.RootSecretAccessKey = p.getenv("FURL_ROOT_SECRET_ACCESS_KEY")
	if err := errors.Join(faults...); err != nil {
		return usage(command, err)
	}
	return nil
}

func (p *program) runServe(command *cobra.Command, flags serveFlags) error {
	var err error
	flags.config.Log, err = p.logger(flags.logLevel, flags.logFormat)
	if err := errors.Join(flags.config.Validate(), err); err != nil {
		return usage(command, err)
	}
	if flags.check {
		return p.printConfig(flags)
	}
	server, err := app.New(command.Context(), flags.config)
	if err != nil {
		return err
	}
	if !flags.config.IsLoopback() {
		p.note("warning: %s can be reached from other machines; whoever has a key can run code here", flags.config.Listen)
	}
	data := server.Dir()
	p.note("listening on %s, data in %s", server.Endpoint(), data)
	hint := `eval "$(furl env)"`
	if flags.config.Data != app.Default().Data {
		hint = fmt.Sprintf(`eval "$(furl env --data %s)"`, data)
	}
	p.note("in another shell: %s", hint)
	return server.Run(command.Context(), p.stop)
}

// printConfig prints the configuration in effect, without secrets.
func (p *program) printConfig(flags serveFlags) error {
	config := flags.config
	redacted := ""
	if config.RootSecretAccessKey != "" {
		redacted = "(hidden)"
	}
	encoder := json.NewEncoder(p.streams.Out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Data                 string   `json:"data"`
		Listen               string   `json:"listen"`
		Accounts             []string `json:"accounts"`
		Region               string   `json:"region"`
		URLStyle             string   `json:"urlStyle"`
		Suffix               string   `json:"suffix"`
		LegacyURLPermissions bool     `json:"legacyUrlPermissions"`
		SCPs                 []string `json:"scps,omitempty"`
		AllowHosts           []string `json:"allowHosts,omitempty"`
		OpenPages            bool     `json:"openPages"`
		OIDCPrivateAddresses bool     `json:"oidcPrivateAddresses"`
		DrainTimeout         string   `json:"drainTimeout"`
		MaxEnvironments      int      `json:"maxEnvironments"`
		Sandbox              string   `json:"sandbox"`
		SandboxRead          []string `json:"sandboxRead,omitempty"`
		SandboxWrite         []string `json:"sandboxWrite,omitempty"`
		RootAccessKeyID      string   `json:"rootAccessKeyId,omitempty"`
		RootSecretAccessKey  string   `json:"rootSecretAccessKey,omitempty"`
		LogLevel             string   `json:"logLevel"`
		LogFormat            string   `json:"logFormat"`
	}{
		config.Data, config.Listen, config.Accounts, config.Region, config.URLStyle, config.Suffix,
		config.LegacyURLPermissions, config.SCPs, config.AllowHosts, config.OpenPages, config.OIDCPrivateAddresses,
		config.DrainTimeout.String(), config.MaxEnvironments, string(config.Sandbox), config.SandboxRead,
		config.SandboxWrite, config.RootAccessKeyID, redacted, flags.logLevel, flags.logFormat,
	})
}
