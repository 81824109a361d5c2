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
		server local
		last   bool
		asJSON bool
		fix    string
	)
	command := &cobra.Command{
		Use:   "explain [REQUEST-ID]",
		Short: "Why the local server answered a request as it did",
		Long: `Why the local server answered a request as it did: every step of the request, what it decided and by what, and for a
refusal the commands that would change it. The request id is the x-amzn-RequestId header of the answer. The server
keeps the last 1,000 requests to function URLs and calls of its APIs; of the latter those that were refused, or answered
although AWS might not accept the signature.

Why a signature does not match is found out for at most 20 requests a second; furl call -v helps by telling the server
what it signed.
` + provesItself + `
Exit status: 0 explained, 1 no such request or no server, 2 wrong usage, 4 denied by the server, 6 no credentials.`,
		Example: "  furl explain --last\n  furl explain --last --fix terraform",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if last == (len(args) == 1) {
				return usage(command, errors.New("name a request id, or say --last"))
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
	server.register(p, command)
	command.Flags().BoolVar(&last, "last", false, "the latest request")
	command.Flags().StringVar(&fix, "fix", "", "print only what would allow the request, as cli, json, cloudformation (which SAM takes too) or terraform")
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}
