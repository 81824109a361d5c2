package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/furlproto"
)

func (p *program) logs() *cobra.Command {
	var (
		server                  place
		follow                  bool
		lines                   int
		since, requestID, level string
		asJSON                  bool
		asIs                    bool
	)
	command := &cobra.Command{
		Use:   "logs [FUNCTION]...",
		Short: "What functions of the local server wrote to their logs",
		Long: `What functions of the local server wrote to their logs: their standard output and standard error, with the
START, END and REPORT lines of each invocation. FUNCTION is a name or an ARN. With a version (my-function:3), or an
alias, which stands for the versions that it points at now, it is what these versions wrote; without one, what all did.
Without FUNCTION it is what all functions wrote, with --follow also those that are created later.

The lines of several functions are in the order of their times, with the name of the function before each. After the
time, each line says who wrote it: platform, which is the local server, or function. With --json, the stream of a line
is "platform" if the platform wrote it, and "stdout" if the function did; "version" is that of a published version.

--level prints lines of the level and above, from TRACE, DEBUG, INFO, WARN, ERROR to FATAL. A line of a function says
its level in a member of a JSON object (level, severity), as AWS's runtimes write it, or as its first word in capitals.
A line that does not goes with the one before it in the same invocation, as those of a traceback do; the first ones are
INFO. A line of the platform is an ERROR if something failed.

On a terminal, control characters that a function prints appear as escapes such as \u001b, so that they cannot move the
cursor or imitate other output. --raw sends them to the terminal unchanged, which shows the colors of a function that
you trust. Files and pipes always get the bytes unchanged.
` + provesItself + "\n" + exitStatus(status{
			exitOK: "printed, or interrupted while following", exitFailed: "no such function or no server",
			exitDenied: "denied by the server",
		}, exitUsage, exitCredentials, exitInterrupted),
		Example: "  furl logs my-function-with-url --follow\n  furl logs --since 10m --level error",
		RunE: func(command *cobra.Command, args []string) error {
			if lines < 0 {
				return usage(command, fmt.Errorf("--lines %d is negative", lines))
			}
			query := url.Values{
				"function": args, "account": {server.account}, "region": {server.options.Region},
				"request-id": {requestID}, "level": {level},
			}
			if len(args) == 0 && !server.given("region") {
				query.Del("region") // of the environment: all are those of all regions
			}
			for _, function := range args {
				if function == "" {
					return usage(command, errors.New("FUNCTION is empty: give it a name, or leave it out for all functions"))
				}
				region, err := server.region(function)
				if err != nil {
					return err
				}
				if len(args) == 1 {
					query.Set("region", region)
				}
			}
			if since != "" {
				from, err := sinceTime(since, time.Now())
				if err != nil {
					return usage(command, err)
				}
				query.Set("since", from.UTC().Format(time.RFC3339Nano))
				if !command.Flags().Changed("lines") {
					const most = 100_000
					lines = most
				}
			}
			query.Set("lines", strconv.Itoa(lines))
			if follow {
				query.Set("follow", "1")
			}
			out := p.streams.Out
			if asIs {
				out = raw(out)
			}
			err := server.page(command.Context(), out, furlproto.Logs, query, asJSON)
			if errors.Is(err, context.Canceled) && follow {
				return nil
			}
			return server.missingAt(command.Context(), err, args)
		},
	}
	server.register(p, command, "data", "endpoint-url", "profile", "region", "account")
	f := command.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "print further lines as the functions write them")
	f.IntVarP(&lines, "lines", "n", 1000, "how many of the latest lines to print first, at most 100,000, which is the default with --since")
	f.StringVar(&since, "since", "", "print only lines since a `TIME`: 10m or 1h30m ago, 2026-11-23T15:00:00Z, 2026-11-23 or 15:04")
	f.StringVar(&requestID, "request-id", "", "print only lines of the invocation with this `ID`, the x-amzn-RequestId of the answer")
	f.StringVar(&level, "level", "", "print only lines of this `LEVEL` and above: debug, info, warn, error or fatal")
	f.BoolVar(&asJSON, "json", false, "print one JSON object for each line")
	f.BoolVar(&asIs, "raw", false, "print control characters unchanged, also on a terminal")
	return command
}

// sinceTime is a time that a person types: a duration before now, or a time, in this machine's zone if it names none.
func sinceTime(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			today := time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, now.Location())
			if today.After(now) { // yesterday
				today = today.AddDate(0, 0, -1)
			}
			return today, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since %q is neither a duration such as 10m nor a time such as 2026-11-23T15:00:00Z", text)
}
