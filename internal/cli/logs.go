package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/furlproto"
)

func (p *program) logs() *cobra.Command {
	var (
		server  local
		follow  bool
		lines   int
		region  string
		account string
		asJSON  bool
		asIs    bool
	)
	command := &cobra.Command{
		Use:   "logs FUNCTION",
		Short: "What a function of the local server wrote to its log",
		Long: `What a function of the local server wrote to its log: its standard output and standard error, with the START, END and
REPORT lines of each invocation. FUNCTION is a name or an ARN, without version or alias: the local server has neither.

After the time, each line says who wrote it: platform, which is the local server, or function. With --json the stream of
the platform's lines is platform and that of the function's stdout.

On a terminal, control characters that a function prints are shown as \u001b, so that they cannot move the cursor or
imitate other output. --raw sends them to the terminal as they are, which shows the colors of a function that you
trust. Files and pipes always get the bytes as they are.
` + provesItself + `
Exit status: 0 printed, or interrupted while following, 1 no such function or no server, 2 wrong usage, 4 denied by the
server, 6 no credentials, 130 interrupted.`,
		Example: "  furl logs my-function-with-url --follow\n  furl logs my-function-with-url --raw",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if lines < 0 {
				return usage(command, fmt.Errorf("lines: %d is negative", lines))
			}
			query := url.Values{"function": {args[0]}, "lines": {strconv.Itoa(lines)}}
			for name, value := range map[string]string{"region": region, "account": account} {
				if value != "" {
					query.Set(name, value)
				}
			}
			if follow {
				query.Set("follow", "1")
			}
			accept := "text/plain"
			if asJSON {
				accept = "application/json"
			}
			page, err := server.page(command.Context(), furlproto.Logs, query, accept)
			if err != nil {
				return err
			}
			defer page.Close()
			out := p.streams.Out
			if asIs {
				out = raw(out)
			}
			_, err = io.Copy(out, page)
			if errors.Is(err, context.Canceled) && follow {
				return nil
			}
			return err
		},
	}
	server.register(p, command)
	f := command.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on printing what is written")
	f.IntVarP(&lines, "lines", "n", 1000, "how many of the latest lines to begin with, at most 100,000")
	f.StringVar(&region, "region", cmp.Or(p.getenv("AWS_REGION"), p.getenv("AWS_DEFAULT_REGION")), "region of the function, if it has but a name (default $AWS_REGION)")
	f.StringVar(&account, "account", "", "account of the function, if it has but a name")
	f.BoolVar(&asJSON, "json", false, "print one JSON object for each line")
	f.BoolVar(&asIs, "raw", false, "print control characters as they are, on a terminal too")
	return command
}
