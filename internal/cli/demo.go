//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/demo"
	"github.com/furl-dev/furl/internal/roster"
)

// runFunction runs the function of the demo whose bootstrap this program is, until it fails; is tells if it is one.
func runFunction() (failed error, is bool) {
	if !demo.IsFunction(os.Args[0], os.Getenv) {
		return nil, false
	}
	return demo.RunFunction(), true
}

// takeSignals keeps a file that may not grow further (ulimit -f) from ending the program: it is an error of the write.
func takeSignals() { signal.Notify(make(chan os.Signal, 1), syscall.SIGXFSZ) }

func (p *program) demo() *cobra.Command {
	var keep bool
	command := describeDemo()
	command.Args = cobra.NoArgs
	command.RunE = func(command *cobra.Command, _ []string) error { return p.runDemo(command.Context(), keep) }
	command.Flags().BoolVar(&keep, "keep", false, "keep the server up afterwards and print what furl env prints")
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
	key, _ := server.RootKey(account) // it always has one
	played := demo.Run(ctx, demo.Server{
		Endpoint: server.Endpoint(), Region: config.Region, Account: account,
		AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey,
	}, p.streams.Out)
	if keep && played == nil {
		admin, err := server.UserKey(account, roster.Admin)
		if err != nil {
			return err
		}
		variables := exports(server.Endpoint(), config.Region, server.CertificateFile(),
			aws.Credentials{AccessKeyID: admin.AccessKeyID, SecretAccessKey: admin.SecretAccessKey})
		exported := shells["sh"].script(variables, cleared(variables)...)
		fmt.Fprintf(p.streams.Out, "\nThe server stays up until Ctrl-C. In another shell:\n\n%s", exported)
		<-ctx.Done()
	}
	cancel()
	return errors.Join(played, <-ended)
}
