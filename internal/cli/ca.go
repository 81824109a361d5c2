//go:build unix

package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/snippet"
)

func (p *program) ca() *cobra.Command {
	command := describeCA()
	command.Args = noCommand
	command.RunE = func(command *cobra.Command, _ []string) error { return command.Help() }
	command.AddCommand(p.caPath(), p.caInstall())
	return command
}

func (p *program) caPath() *cobra.Command {
	var server place
	command := &cobra.Command{
		Use:   "path",
		Short: "The file with the certificate of the authority",
		Long: `The file with the certificate of the authority, which is made if there is none. Programs take it as
AWS_CA_BUNDLE (the AWS CLI and the AWS SDKs; furl env exports it), NODE_EXTRA_CA_CERTS (Node.js; furl env exports it),
SSL_CERT_FILE (Go, Ruby and OpenSSL; it replaces the system's authorities), REQUESTS_CA_BUNDLE (Python's requests; the
same) or curl --cacert.

A server with another --suffix, or with --listen at an address of the network, has an authority of its own in its data
directory. If such a server uses the data directory, the command prints that file.

` + exitStatus(status{exitOK: "printed", exitFailed: "the authority could not be made"}, exitUsage),
		Example: "  export NODE_EXTRA_CA_CERTS=\"$(furl ca path)\"",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			running, err := roster.FindRunning(command.Context(), server.data)
			file := running.CertificateFile
			if err != nil || file == "" {
				if file, err = app.UserAuthority(); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintln(p.streams.Out, file)
			return err
		},
	}
	server.register(p, command, "data")
	return command
}

func (p *program) caInstall() *cobra.Command {
	return &cobra.Command{
		Use:   "install",
		Short: "Have the system and the browsers of this machine trust the authority",
		Long: `Have the system and the browsers of this machine trust the authority of this user, which is made if there is
none. The command adds it to the trust store of the system (Debian, Alpine, Fedora, RHEL, openSUSE, Arch, macOS), and
with certutil to the databases of Chrome and Firefox that the user has. It prints each command before it runs it. If it
does not run as root, it changes nothing that only root may change, and prints what to type.

` + exitStatus(status{exitOK: "trusted", exitFailed: "not trusted everywhere"}, exitUsage),
		Example: "  furl ca install",
		Args:    cobra.NoArgs,
		RunE:    func(command *cobra.Command, _ []string) error { return p.runCAInstall(command) },
	}
}

func (p *program) runCAInstall(command *cobra.Command) error {
	file, err := app.UserAuthority()
	if err != nil {
		return err
	}
	steps, missing, err := app.TrustSteps(file, p.getenv("HOME"))
	for _, database := range missing {
		p.note("the browser database %s needs certutil: install libnss3-tools or nss-tools, and run the command again", database)
	}
	if errors.Is(err, app.ErrNoTrustStore) {
		return fail(noTrustStore, err, snippet.Quote(file), snippet.Quote(file))
	} else if err != nil {
		return err
	}
	if len(steps) == 0 {
		p.note("the trust stores have %s already", file)
		return nil
	}
	var rest []string
	for _, step := range steps {
		line := quoteAll(step.Args)
		if step.Root && os.Geteuid() != 0 {
			rest = append(rest, line)
			continue
		}
		p.note("running: %s", line)
		run := exec.CommandContext(command.Context(), step.Args[0], step.Args[1:]...)
		run.Stdout, run.Stderr = p.streams.Err, p.streams.Err
		if err := run.Run(); err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
	}
	if len(rest) > 0 {
		return fail(trustNeedsRoot, errors.New("only root may change the trust store of the system"), rest)
	}
	p.note("the trust stores have %s; programs that run already may have to be started again", file)
	return nil
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = snippet.Quote(word)
	}
	return strings.Join(quoted, " ")
}
