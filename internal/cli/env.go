package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/app"
)

func (p *program) env() *cobra.Command {
	var (
		data    string
		account string
		shell   string
		asJSON  bool
		wait    time.Duration
	)
	command := &cobra.Command{
		Use:   "env",
		Short: "Shell exports for the running local server",
		Long: `Shell exports for the running local server: its endpoint, region and the root keys of an account, under the names that
the AWS CLI and the AWS SDKs read.

Exit status: 0 printed, 1 no server is running or it has no such account, 2 wrong usage.`,
		Example: "  furl serve & eval \"$(furl env --wait 10s)\"\n  furl env --shell fish | source\n  furl env --shell powershell | Out-String | Invoke-Expression",
		Args:    noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			write, ok := shells[shell]
			if !ok {
				return usage(command, fmt.Errorf("shell %q is none of sh, fish and powershell", shell))
			}
			variables, err := p.awaitVariables(command.Context(), wait, data, account)
			if err != nil {
				return err
			}
			if asJSON {
				return writeVariablesJSON(p.streams.Out, variables)
			}
			_, err = io.WriteString(p.streams.Out, write(variables))
			return err
		},
	}
	f := command.Flags()
	f.StringVar(&data, "data", cmp.Or(p.getenv("FURL_DATA"), app.Default().Data), "data directory of the server")
	f.StringVar(&account, "account", "", "account whose root keys to print (default: the server's first)")
	f.StringVar(&shell, "shell", "sh", "sh, fish or powershell")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.DurationVar(&wait, "wait", 0, "how long to wait for a server that is just starting")
	return command
}

// awaitVariables is variables, tried again for as long as no server is running and there is time to wait.
func (p *program) awaitVariables(ctx context.Context, wait time.Duration, data, account string) ([]variable, error) {
	deadline := time.Now().Add(wait)
	for {
		variables, err := p.variables(data, account)
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
func (p *program) variables(data, account string) ([]variable, error) {
	running, err := app.ReadRunning(data)
	if errors.Is(err, app.ErrNotRunning) {
		return nil, fail(exitFailed, "furl serve --data "+data, err)
	}
	if err != nil {
		return nil, err
	}
	key, err := p.rootKey(data, running, cmp.Or(account, running.Account))
	if err != nil {
		return nil, err
	}
	return exports(running.Endpoint, running.Region, key), nil
}

// rootKey is the root key of an account of the server that uses the data directory.
func (p *program) rootKey(data string, running app.Running, account string) (app.RootKey, error) {
	keys, err := app.ReadRootKeys(data)
	if err != nil {
		return app.RootKey{}, err
	}
	key, ok := keys[account]
	if id := p.getenv("FURL_ROOT_ACCESS_KEY_ID"); id != "" && account == running.Account {
		key, ok = app.RootKey{AccessKeyID: id, SecretAccessKey: p.getenv("FURL_ROOT_SECRET_ACCESS_KEY")}, true
	}
	if !ok {
		return app.RootKey{}, fail(exitFailed, "furl serve --account "+account,
			fmt.Errorf("the server has no root keys for account %s", account))
	}
	return key, nil
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

// cleared are variables that would get in the way of those that are set: a session token belongs to other keys, and a
// profile may name other keys.
var cleared = []string{"AWS_SESSION_TOKEN", "AWS_PROFILE"}

// shells write exports in the language of each shell.
var shells = map[string]func([]variable) string{
	"sh": func(variables []variable) string {
		quote := func(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
		var script strings.Builder
		for _, v := range variables {
			fmt.Fprintf(&script, "export %s=%s\n", v.name, quote(v.value))
		}
		fmt.Fprintf(&script, "unset %s\n", strings.Join(cleared, " "))
		return script.String()
	},
	"fish": func(variables []variable) string {
		quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
		var script strings.Builder
		for _, v := range variables {
			fmt.Fprintf(&script, "set -gx %s '%s'\n", v.name, quote.Replace(v.value))
		}
		fmt.Fprintf(&script, "set -e %s\n", strings.Join(cleared, " "))
		return script.String()
	},
	"powershell": func(variables []variable) string {
		var script strings.Builder
		for _, v := range variables {
			fmt.Fprintf(&script, "$Env:%s = '%s'\n", v.name, strings.ReplaceAll(v.value, "'", "''"))
		}
		for _, name := range cleared {
			fmt.Fprintf(&script, "Remove-Item Env:%s -ErrorAction SilentlyContinue\n", name)
		}
		return script.String()
	},
}

func writeVariablesJSON(out io.Writer, variables []variable) error {
	values := map[string]string{}
	for _, v := range variables {
		values[v.name] = v.value
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(values)
}
