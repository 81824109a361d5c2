package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/furlproto"
)

func (p *program) logs() *cobra.Command {
	var (
		server place
		follow bool
		lines  int
		asJSON bool
		asIs   bool
	)
	command := &cobra.Command{
		Use:   "logs FUNCTION",
		Short: "What a function of the local server wrote to its log",
		Long: `What a function of the local server wrote to its log: its standard output and standard error, with the
START, END and REPORT lines of each invocation. FUNCTION is a name or an ARN. With a version (my-function:3), or an
alias, which stands for the versions that it points at now, it is what these versions wrote; without one, what all did.

After the time, each line says who wrote it: platform, which is the local server, or function. With --json, the stream
of a line is "platform" if the platform wrote it, and "stdout" if the function did; "version" is that of a published
version.

On a terminal, control characters that a function prints appear as escapes such as \u001b, so that they cannot move the
cursor or imitate other output. --raw sends them to the terminal unchanged, which shows the colors of a function that
you trust. Files and pipes always get the bytes unchanged.
` + provesItself + "\n" + exitStatus(status{
			exitOK: "printed, or interrupted while following", exitFailed: "no such function or no server",
			exitDenied: "denied by the server",
		}, exitUsage, exitCredentials, exitInterrupted),
		Example: "  furl logs my-function-with-url --follow\n  furl logs my-function-with-url --raw",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if lines < 0 {
				return usage(command, fmt.Errorf("--lines %d is negative", lines))
			}
			region, err := server.region(args[0])
			if err != nil {
				return err
			}
			query := url.Values{
				"function": {args[0]}, "lines": {strconv.Itoa(lines)}, "region": {region}, "account": {server.account},
			}
			if follow {
				query.Set("follow", "1")
			}
			out := p.streams.Out
			if asIs {
				out = raw(out)
			}
			err = server.page(command.Context(), out, furlproto.Logs, query, asJSON)
			if errors.Is(err, context.Canceled) && follow {
				return nil
			}
			return err
		},
	}
	server.register(p, command, "data", "endpoint-url", "profile", "region", "account")
	f := command.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "print further lines as the function writes them")
	f.IntVarP(&lines, "lines", "n", 1000, "how many of the latest lines to print first, at most 100,000")
	f.BoolVar(&asJSON, "json", false, "print one JSON object for each line")
	f.BoolVar(&asIs, "raw", false, "print control characters unchanged, also on a terminal")
	return command
}
