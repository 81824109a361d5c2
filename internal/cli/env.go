package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/app"
)

func (p *program) env() *cobra.Command {
	var (
		server place
		name   string // of the shell
		asJSON bool
		wait   time.Duration
	)
	command := &cobra.Command{
		Use:   "env",
		Short: "Shell exports for the running local server",
		Long: `Shell exports for the running local server: its endpoint, region and the root keys of an account, under
the names that the AWS CLI and the AWS SDKs read. If there is no such server, the command prints a statement that fails,
so that a script does not go on with an account at AWS.

` + exitStatus(status{exitOK: "printed", exitFailed: "no server is running or it has no such account"},
			exitUsage, exitInterrupted),
		Example: `  furl serve & eval "$(furl env --wait 10s)"
  furl env --shell fish | source
  furl env --shell powershell | Out-String | Invoke-Expression`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			shell, ok := shellOf(name)
			if !ok {
				return usage(command, fmt.Errorf("--shell %q is none of sh, fish and powershell", name))
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
			_, err = io.WriteString(p.streams.Out, shell.script(variables, cleared...))
			return err
		},
	}
	server.register(p, command, "data", "account")
	f := command.Flags()
	f.StringVar(&name, "shell", "sh", "sh (also for bash and zsh), fish or powershell")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.DurationVar(&wait, "wait", 0, "how long to wait for a server that is starting")
	return command
}

// awaitVariables is variables, tried again while no server is running and there is time to wait.
func (l *place) awaitVariables(ctx context.Context, wait time.Duration) ([]variable, error) {
	deadline := time.Now().Add(wait)
	for {
		variables, err := l.variables(ctx)
		if !errors.Is(err, app.ErrNotRunning) || time.Now().After(deadline) {
			return variables, err
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
func (l *place) variables(ctx context.Context) ([]variable, error) {
	running, err := app.FindRunning(ctx, l.data)
	if err != nil {
		return nil, l.notRunning(ctx, err)
	}
	key, err := l.rootKey(running, cmp.Or(l.account, running.Account))
	if err != nil {
		return nil, err
	}
	return exports(running.Endpoint, running.Region, key), nil
}

func exports(endpoint, region string, key app.RootKey) []variable {
	return []variable{
		{"AWS_ENDPOINT_URL", endpoint},
		{"AWS_REGION", region},
		{"AWS_DEFAULT_REGION", region},
		{"AWS_ACCESS_KEY_ID", key.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", key.SecretAccessKey},
	}
}

// cleared are variables that would contradict those that are set: a session token belongs to other keys, and a profile
// may name other keys.
var cleared = []string{"AWS_SESSION_TOKEN", "AWS_PROFILE"}

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
	named := shells["sh"]
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
