// Package cli is furl's command line: one constructor for each command, flags and environment into the plain values
// that the rest of the program takes, results onto stdout and everything else onto stderr, errors into exit codes. It
// holds no logic of its own that a library user would miss.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/demo"
)

// Exit codes, stated in each command's help.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitFunction    = 3 // a function returned an error
	exitDenied      = 4
	exitConnect     = 5 // no answer: name resolution, connection, TLS
	exitCredentials = 6 // nothing to sign with
	exitInterrupted = 130
)

// Streams are the program's standard streams.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Main is the program: it is main but for os.Exit. Run as the bootstrap of one of the demo's functions, it is that
// function.
func Main() int {
	if demo.IsFunction(os.Args[0], os.Getenv) {
		demo.RunFunction()
		return exitOK
	}
	// The first signal asks the command to come to an end, the second makes it.
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
	// A file that may not grow further (ulimit -f) is an error of the write, not the end of the program.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGXFSZ)
	streams := Streams{In: os.Stdin, Out: shown(os.Stdout), Err: shown(os.Stderr)}
	log.SetOutput(streams.Err) // where libraries write that are given no log
	return Run(ctx, stop, os.Args[1:], os.Getenv, streams)
}

// Run runs one command line and returns its exit code. Commands come to an end when ctx does, at once when stop does.
func Run(ctx, stop context.Context, args []string, getenv func(string) string, streams Streams) int {
	streams.Out, streams.Err = shown(streams.Out), shown(streams.Err)
	defer finish(streams.Out)
	defer finish(streams.Err)
	p := &program{stop: stop, getenv: getenv, streams: streams}
	root := p.root()
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	err := root.ExecuteContext(ctx)
	return p.exit(ctx, err)
}

// program is what all commands share.
type program struct {
	stop    context.Context
	getenv  func(string) string
	streams Streams // Out and Err as shown makes them
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "furl",
		Short: "AWS Lambda function URLs with IAM auth: run them locally, and be told why a call is refused",
		Long: `furl runs AWS Lambda functions and their function URLs on this machine, with the signatures, the IAM policies
and the refusals of AWS, and says why it refused what it refused.`,
		Example:       "  furl demo",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error { return usage(command, err) })
	root.AddCommand(p.serve(), p.demo(), p.env(), p.explain(), p.logs(), p.policy(), p.call(), p.sign(), p.proxy(), p.url(), p.grant(), p.revoke(), p.check(), p.version())
	markUsage(root)
	return root
}

// markUsage makes a wrong number of arguments an error of usage, for the command and all below it.
func markUsage(command *cobra.Command) {
	command.Args = usageArgs(command.Args)
	for _, child := range command.Commands() {
		markUsage(child)
	}
}

// failure is an error with the exit code and the next step.
type failure struct {
	err   error
	code  int
	hint  string
	quiet bool // say nothing
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(code int, hint string, err error) error { return &failure{err: err, code: code, hint: hint} }

// quiet is the error without a message.
func quiet(err error) error {
	if err == nil {
		return nil
	}
	code := exitFailed
	if failed := (*failure)(nil); errors.As(err, &failed) {
		code = failed.code
	}
	return &failure{err: err, code: code, quiet: true}
}

func usage(command *cobra.Command, err error) error {
	return fail(exitUsage, command.CommandPath()+" --help", err)
}

func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(command, args); err != nil {
			return usage(command, err)
		}
		return nil
	}
}

// noArguments is cobra.NoArgs for a command that has no commands below it, of which one could be unknown.
func noArguments(command *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, and there is %q", command.CommandPath(), args[0])
	}
	return nil
}

// exit tells of the error and chooses the exit code.
func (p *program) exit(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	code, hint := exitFailed, ""
	var failed *failure
	if errors.As(err, &failed) {
		code, hint = failed.code, failed.hint
		if failed.quiet {
			return code
		}
	} else if strings.HasPrefix(err.Error(), "unknown command") {
		code, hint = exitUsage, "furl --help"
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(p.streams.Err, "furl: error: %s\n", strings.TrimRight(line, "\n"))
	}
	for line := range strings.Lines(hint) {
		fmt.Fprintf(p.streams.Err, "furl: hint: %s\n", strings.TrimRight(line, "\n"))
	}
	return code
}

// note tells the person at the terminal something that is not the answer.
func (p *program) note(format string, arguments ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, arguments...)) {
		fmt.Fprintf(p.streams.Err, "furl: %s\n", strings.TrimRight(line, "\n"))
	}
}
