package cli

import (
	"errors"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/furlproto"
)

func (p *program) explain() *cobra.Command {
	var (
		server place
		last   bool
		asJSON bool
		fix    string
	)
	command := &cobra.Command{
		Use:   "explain [REQUEST-ID]",
		Short: "Why the local server answered a request as it did",
		Long: `Why the local server answered a request as it did: every step of the request, what it decided and why,
and for a refusal the commands that would change it. The request id is the x-amzn-RequestId header of the answer. The
server keeps the last 1,000 requests to function URLs and calls of its APIs. Of the API calls it keeps those that it
refused and those that it answered although AWS might not accept the signature.

The server looks for the reason of a wrong signature for at most 20 requests a second. furl call -v helps: it sends the
server what it signed.
` + provesItself + "\n" + exitStatus(
			status{exitOK: "explained", exitFailed: "no such request or no server", exitDenied: "denied by the server"},
			exitUsage, exitCredentials, exitInterrupted),
		Example: "  furl explain --last\n  furl explain --last --fix terraform",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if last == (len(args) == 1) {
				return usage(command, errors.New("name one request: furl explain REQUEST-ID, or furl explain --last"))
			}
			id := furlproto.Last
			if !last {
				id = url.PathEscape(args[0])
			}
			accept := "text/plain"
			if asJSON {
				accept = "application/json"
			}
			var query url.Values
			if fix != "" {
				query = url.Values{"fix": {fix}}
			}
			page, err := server.page(command.Context(), furlproto.Requests+"/"+id, query, accept)
			if err != nil {
				return err
			}
			defer page.Close()
			_, err = io.Copy(p.streams.Out, page)
			return err
		},
	}
	server.register(p, command, "data", "endpoint-url", "profile")
	command.Flags().BoolVar(&last, "last", false, "the latest request")
	command.Flags().StringVar(&fix, "fix", "",
		"print only what would allow the request: cli, json, cloudformation (SAM takes it too) or terraform")
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}
