package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/snippet"
)

func (p *program) env() *cobra.Command {
	var (
		server environment
		name   string // of the shell
		asJSON bool
		wait   time.Duration
	)
	command := &cobra.Command{
		Use:   "env",
		Short: "Shell exports for the running local server",
		Long: `Shell exports for the running local server: its endpoint, region and keys, under the names that the AWS CLI and
the AWS SDKs read, and the certificate to trust if the server answers https. If there is no such server, the command
prints a statement that fails, so that a script does not go on with an account at AWS.

The keys are those of the user admin, which each account begins with and which may do anything. --user exports those of
another user, --role a session of a role that the user may assume (for an hour), and --root the root keys. As at AWS,
the root user may not assume roles. If there is no user admin, the command exports the root keys and says so.

` + exitStatus(status{exitOK: "printed", exitFailed: "no server is running or it has no such account or user"},
			exitUsage, exitDenied, exitInterrupted),
		Example: `  furl serve & eval "$(furl env --wait 10s)"
  eval "$(furl env --user alice)"
  eval "$(furl env --role arn:aws:iam::123456789012:role/deployer)"
  furl env --shell fish | source
  furl env --shell powershell | Out-String | Invoke-Expression`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			shell, ok := shellOf(name)
			if !ok {
				return usage(command, fmt.Errorf("--shell %q is none of sh, fish and powershell", name))
			}
			if server.root && server.user+server.role != "" {
				return usage(command, errors.New("use --root alone: the root user has no other user's keys and may not assume roles"))
			}
			variables, err := server.awaitVariables(command.Context(), wait)
			if err != nil {
				return err
			}
			if asJSON {
				values := map[string]string{}
				for _, v := range variables {
					values[v.name] = v.value
				}
				return p.printJSON(values)
			}
			_, err = io.WriteString(p.streams.Out, shell.script(variables, cleared(variables)...))
			return err
		},
	}
	server.register(p, command, "data", "account")
	f := command.Flags()
	f.BoolVar(&server.root, "root", false, "export the root keys")
	f.StringVar(&server.user, "user", "", "export the keys of this user (default "+roster.Admin+")")
	f.StringVar(&server.role, "role", "", "export a session of this role, an ARN or a name in the account")
	f.StringVar(&name, "shell", shellOn(runtime.GOOS), "sh (also for bash and zsh), fish or powershell")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.DurationVar(&wait, "wait", 0, "how long to wait for a server that is starting")
	return command
}

// environment is whose keys to export, of which server.
type environment struct {
	place
	root       bool
	user, role string
}

// awaitVariables is variables, after a while if no server is running and there is time to wait for one.
func (l *environment) awaitVariables(ctx context.Context, wait time.Duration) ([]variable, error) {
	deadline := time.Now().Add(wait)
	for {
		_, err := roster.FindRunning(ctx, l.data)
		if !errors.Is(err, roster.ErrNotRunning) || time.Now().After(deadline) {
			return l.variables(ctx)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// variable is an environment variable to set.
type variable struct{ name, value string }

// variables are what the AWS CLI and the AWS SDKs need to know of the running server.
func (l *environment) variables(ctx context.Context) ([]variable, error) {
	running, err := roster.FindRunning(ctx, l.data)
	if err != nil {
		return nil, l.notRunning(ctx, err)
	}
	account := cmp.Or(l.account, running.Account)
	key, err := l.key(ctx, running, account)
	if err != nil {
		return nil, err
	}
	credentials := aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}
	if l.role != "" {
		if credentials, err = assume(ctx, running, credentials, account, l.role); err != nil {
			return nil, err
		}
	}
	return exports(running.Endpoint, running.Region, running.CertificateFile, credentials), nil
}

// key is the long-term key to export.
func (l *environment) key(ctx context.Context, running roster.Running, account string) (roster.Key, error) {
	if l.root {
		return l.rootKey(running, account)
	}
	name := cmp.Or(l.user, roster.Admin)
	key, err := running.UserKey(ctx, account, name)
	if !errors.Is(err, roster.ErrNoUserKey) {
		return key, err
	}
	if l.user != "" {
		return roster.Key{}, fail(noUserKey, err, snippet.Quote(name))
	}
	key, rootErr := l.rootKey(running, account)
	if rootErr == nil {
		l.p.note("%v: exporting the root keys, which may not assume roles", err)
	}
	return key, rootErr
}

// assume is a session of a role at the server.
func assume(ctx context.Context, running roster.Running, as aws.Credentials, account, role string) (aws.Credentials, error) {
	if !strings.HasPrefix(role, "arn:") {
		role = arn.IAM(account, "role", "/", role).String()
	}
	session, err := clientOf(running, as).AssumeRole(ctx, role, "furl")
	if failed, ok := errors.AsType[*awsapi.Error](err); ok && failed.Kind == awsapi.Denied {
		name := role[strings.LastIndexByte(role, '/')+1:]
		return aws.Credentials{}, fail(roleDenied, err, snippet.Quote(name))
	}
	return session, err
}

// clientOf is a client of a server on this machine. It reads no AWS configuration, which may be about another place, and
// needs no certificate: every server answers plain HTTP, too.
func clientOf(running roster.Running, as aws.Credentials) *awsapi.Client {
	endpoint := running.Endpoint
	if rest, ok := strings.CutPrefix(endpoint, "https://"); ok {
		endpoint = "http://" + rest
	}
	return awsapi.New(aws.Config{
		Region: running.Region, BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return as, nil }),
	})
}

// exportNames are the names of all variables that exports may set.
var exportNames = [...]string{
	"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
	"AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
}

// exports are the variables for a server. Those of its certificate name programs that trust it besides others, and
// those that ask only the server.
func exports(endpoint, region, certificate string, credentials aws.Credentials) []variable {
	variables := []variable{
		{"AWS_ENDPOINT_URL", endpoint},
		{"AWS_REGION", region},
		{"AWS_DEFAULT_REGION", region},
		{"AWS_ACCESS_KEY_ID", credentials.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", credentials.SecretAccessKey},
	}
	if credentials.SessionToken != "" {
		variables = append(variables, variable{"AWS_SESSION_TOKEN", credentials.SessionToken},
			variable{"AWS_CREDENTIAL_EXPIRATION", credentials.Expires.UTC().Format(time.RFC3339)})
	}
	if certificate != "" {
		variables = append(variables, variable{"AWS_CA_BUNDLE", certificate}, variable{"NODE_EXTRA_CA_CERTS", certificate})
	}
	return variables
}

// cleared are the variables that would contradict those that are set: a session token belongs to other keys, a profile
// may name other keys, as a role and the credentials of a container do, and an endpoint for one service counts more than
// that for all.
func cleared(set []variable) []string {
	names := []string{
		"AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
		"AWS_SECURITY_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_ACCOUNT_ID",
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return slices.ContainsFunc(set, func(v variable) bool { return v.name == name })
	})
}

// shell is how a shell sets a variable to a value in single quotes, unsets one, and fails. The fail of PowerShell has a
// place for a text in single quotes; the others have the message of the command.
type shell struct {
	set, unset, fail string
	quote            *strings.Replacer
}

var shells = map[string]shell{
	"sh":   {"export %s='%s'\n", "unset %s\n", "false\n", strings.NewReplacer("'", `'\''`)},
	"fish": {"set -gx %s '%s'\n", "set -e %s\n", "false\n", strings.NewReplacer(`\`, `\\`, "'", `\'`)},
	"powershell": {
		"$Env:%s = '%s'\n", "Remove-Item Env:%s -ErrorAction SilentlyContinue\n", "throw '%s'\n",
		strings.NewReplacer("'", "''"),
	},
}

// shellOn is the name of the shell that a system has.
func shellOn(goos string) string {
	if goos == "windows" {
		return "powershell"
	}
	return "sh"
}

// shellOf is the shell of a name.
func shellOf(name string) (shell, bool) {
	switch name {
	case "bash", "zsh", "dash", "ksh":
		name = "sh"
	case "pwsh":
		name = "powershell"
	}
	found, ok := shells[name]
	return found, ok
}

// failEval prints a statement that fails in place of exports: after eval "$(furl env)" without one, a script would go
// on with the account that the environment named before. A person at a terminal has the message.
func (p *program) failEval(command *cobra.Command, err error) {
	if command.Name() != "env" || isTerminal(p.streams.Out) || slices.Contains(p.args, "--json") {
		return
	}
	named := shells[shellOn(runtime.GOOS)]
	for i, arg := range p.args {
		name, ok := strings.CutPrefix(arg, "--shell=")
		if arg == "--shell" && i+1 < len(p.args) {
			name, ok = p.args[i+1], true
		}
		if found, known := shellOf(name); ok && known {
			named = found
		}
	}
	reason := named.quote.Replace(strings.Join(strings.Fields(err.Error()), " "))
	fmt.Fprint(p.streams.Out, strings.Replace(named.fail, "%s", "furl env: "+reason, 1))
}

// script sets variables, and unsets names.
func (s shell) script(variables []variable, names ...string) string {
	var script strings.Builder
	for _, v := range variables {
		fmt.Fprintf(&script, s.set, v.name, s.quote.Replace(v.value))
	}
	for _, name := range names {
		fmt.Fprintf(&script, s.unset, name)
	}
	return script.String()
}
