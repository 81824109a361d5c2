package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/demo"
)

func (p *program) demo() *cobra.Command {
	var keep bool
	command := &cobra.Command{
		Use:   "demo",
		Short: "Play the whole story on a server in memory: refusals, reasons, permissions, signed calls",
		Long: `Play the whole story on a server in memory, with nothing to install: two functions, a function URL with IAM
authentication, a call that is refused and told why, the two permissions, then the signed GET and the signed POST that
one function sends to the other with its own role's credentials.

Exit status: 0 every step came out as it should, 1 one did not, 130 interrupted.`,
		Example: "  furl demo",
		Args:    noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			return p.runDemo(command.Context(), keep)
		},
	}
	command.Flags().BoolVar(&keep, "keep", false, "leave the server up afterwards and print what furl env prints")
	return command
}

func (p *program) runDemo(ctx context.Context, keep bool) error {
	config := app.Default()
	config.Data, config.Listen, config.Region = app.InMemory, "127.0.0.1:0", "eu-central-1"
	server, err := app.New(ctx, config)
	if err != nil {
		return err
	}
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- server.Run(serving, p.stop) }()

	account := config.Accounts[0]
	key, _ := server.RootKey(account) // there always is one
	played := demo.Run(ctx, demo.Server{
		Endpoint: server.Endpoint(), Region: config.Region, Account: account,
		AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey,
	}, p.streams.Out)
	if keep && played == nil {
		fmt.Fprintf(p.streams.Out, "\nThe server stays up until Ctrl-C. In another shell:\n\n%s", shells["sh"](exports(server.Endpoint(), config.Region, key)))
		<-ctx.Done()
	}
	cancel()
	return errors.Join(played, <-ended)
}
