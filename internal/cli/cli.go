// Package cli is furl's command line. It turns flags and environment into the plain values that the rest of the program
// takes, prints results to stdout and everything else to stderr, and turns errors into exit statuses. Each command has
// one constructor. The package has no logic of its own that a library user would miss.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/setup/awsapi"
)

// Streams are the program's standard streams.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Main is the program without os.Exit. As the bootstrap of one of the demo's functions it is that function.
func Main() int {
	if ended, isFunction := runFunction(); isFunction {
		fmt.Fprintln(os.Stderr, ended)
		return exitFailed
	}
	// The first signal asks the command to end, the second one ends it at once.
	ctx, cancel := context.WithCancel(context.Background())
	stop, cancelStop := context.WithCancel(context.Background())
	defer cancel()
	defer cancelStop()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		cancelStop()
	}()
	takeSignals()
	streams := Streams{In: os.Stdin, Out: shown(os.Stdout, os.Getenv), Err: shown(os.Stderr, os.Getenv)}
	log.SetOutput(streams.Err) // for libraries that take no logger
	return Run(ctx, stop, os.Args[1:], os.Getenv, streams)
}

// Run runs one command line and returns its exit status. A command ends when ctx does, and at once when stop does.
func Run(ctx, stop context.Context, args []string, getenv func(string) string, streams Streams) int {
	streams.Out, streams.Err = shown(streams.Out, getenv), shown(streams.Err, getenv)
	defer finish(streams.Out)
	defer finish(streams.Err)
	p := &program{stop: stop, getenv: getenv, streams: streams, args: args}
	root := p.root()
	root.SetArgs(args)
	if isCompletion(args) {
		p.answerTab(root)
	}
	command, err := root.ExecuteContextC(ctx)
	if err != nil {
		p.failEval(command, err)
	}
	return p.exit(ctx, p.locate(ctx, err))
}

// Commands are all commands, for documents that describe them. Their defaults are those of an empty environment.
func Commands() *cobra.Command {
	p := &program{getenv: func(string) string { return "" }, streams: Streams{Out: io.Discard, Err: io.Discard}}
	return p.root()
}

// program is what all commands share.
type program struct {
	stop    context.Context
	getenv  func(string) string
	streams Streams // Out and Err as shown makes them
	args    []string
	quiet   bool           // the command notes nothing
	silent  bool           // the command says nothing about its error
	lines   *endOfLine     // of a command whose answer may not end its line; nil for none
	client  *awsapi.Client // of the latest place in which the command worked; nil for none
}

func (p *program) root() *cobra.Command {
	version := false
	root := &cobra.Command{
		Use:   "furl",
		Short: "AWS Lambda function URLs with IAM auth: run them locally, and learn why a call is refused",
		Long: `furl runs AWS Lambda functions and their function URLs on this machine, with the signatures, the IAM policies
and the refusals of AWS, and explains each refusal.`,
		Example:       "  furl demo",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE: func(command *cobra.Command, _ []string) error {
			if version {
				return p.printVersion()
			}
			return command.Help()
		},

		PersistentPreRunE: p.settle,
	}
	root.SetIn(p.streams.In)
	root.SetOut(p.streams.Out) // which the commands for completion keep
	root.SetErr(p.streams.Err)
	root.Flags().BoolVar(&version, "version", false, "print the version of this program")
	root.CompletionOptions.HiddenDefaultCmd = false
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error { return flagError(command, p.args, err) })
	if leaf := p.leaf(); leaf != nil {
		root.CompletionOptions.DisableDefaultCmd = true
		root.AddCommand(leaf)
		markUsage(root)
		return root
	}
	for _, command := range p.commands() {
		root.AddCommand(command.make())
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, command := range root.Commands() {
		switch command.Name() {
		case "help":
			command.Args = unknownTopic
		case "completion":
			command.Args, command.RunE = noCommand, root.RunE
		}
	}
	markUsage(root)
	return root
}

// named is a command that is not made yet.
type named struct {
	name string
	make func() *cobra.Command
}

func (p *program) commands() []named {
	return []named{
		{"serve", p.serve}, {"dev", p.dev}, {"exec", p.exec}, {"demo", p.demo}, {"env", p.env}, {"ca", p.ca},
		{"explain", p.explain}, {"logs", p.logs}, {"console", p.console}, {"policy", p.policy}, {"call", p.call}, {"sign", p.sign},
		{"proxy", p.proxy}, {"mcp", p.mcp}, {"url", p.url}, {"grant", p.grant}, {"revoke", p.revoke}, {"check", p.check},
		{"version", p.version},
	}
}

// leaf is the command that the first argument names, unless it has commands below it. Such a command asks for no other,
// and making all of them with their flags and help would take a third of a millisecond at each start.
func (p *program) leaf() *cobra.Command {
	if len(p.args) == 0 {
		return nil
	}
	all := p.commands()
	i := slices.IndexFunc(all, func(command named) bool { return command.name == p.args[0] })
	if i < 0 {
		return nil
	}
	if command := all[i].make(); !command.HasSubCommands() {
		return command
	}
	return nil
}

// markUsage makes a wrong number of arguments an error of usage, for the command and its subcommands.
func markUsage(command *cobra.Command) {
	if check := command.Args; check != nil {
		command.Args = func(command *cobra.Command, args []string) error {
			err := check(command, args)
			if _, known := errors.AsType[*failure](err); known || err == nil {
				return err
			}
			return expected(command, args)
		}
	}
	for _, child := range command.Commands() {
		markUsage(child)
	}
}

// noCommand refuses the arguments of a command that only has subcommands.
func noCommand(command *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(command, args[0])
	}
	return nil
}

// note tells the person something that is not the answer.
func (p *program) note(format string, arguments ...any) {
	if p.quiet {
		return
	}
	p.tell("furl: ", fmt.Sprintf(format, arguments...))
}

// tell prints text to the standard error, with a mark before each line.
func (p *program) tell(mark, text string) {
	if p.lines != nil {
		p.lines.end()
	}
	for line := range strings.Lines(text) {
		fmt.Fprintf(p.streams.Err, "%s%s\n", mark, strings.TrimRight(line, "\n"))
	}
}

// printJSON prints one JSON value for programs to read.
func (p *program) printJSON(value any) error {
	encoder := json.NewEncoder(p.streams.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
