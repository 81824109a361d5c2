//go:build unix

package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/dev"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/trace"
)

// executor is furl exec.
type executor struct {
	environment
	flags   devFlags
	started *app.Server // nil if the server is another program's
	stop    func() error
	since   time.Time
}

func (p *program) exec() *cobra.Command {
	x := &executor{flags: devFlags{server: serveFlags{config: app.Default(), log: newLogFlags()}}}
	x.flags.server.config.Listen, x.flags.server.log.level = "127.0.0.1:0", "error"
	command := describeExec()
	command.Args = func(command *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage(command, errors.New("there is no command: furl exec -- COMMAND, for example furl exec -- npm test"))
		}
		return nil
	}
	command.RunE = func(command *cobra.Command, args []string) error { return x.run(command, args) }
	x.p, x.command = p, command
	f := command.Flags()
	f.SetInterspersed(false) // flags behind the command are the command's, also without --
	f.StringVar(&x.data, "data", "", "data directory of a server that runs, or $FURL_DATA (default a server of its own)")
	readFrom(f, "data", "FURL_DATA")
	f.StringVar(&x.flags.settings.Path, "dev", "", "make the server equal to what the project at `PATH` declares, a file or a directory")
	f.StringVar(&x.user, "user", "", "run the command with the keys of this user (default "+roster.Admin+")")
	f.StringVar(&x.role, "role", "", "run the command with a session of this role, an ARN or a name in the account")
	x.flags.register(f)
	x.flags.server.register(f, "data", "listen", "endpoint", "debug")
	return command
}

// run runs the command and returns how it ended.
func (x *executor) run(command *cobra.Command, args []string) error {
	path, err := lookCommand(args[0])
	if err != nil {
		return err
	}
	// The signal that asks furl to end goes to the command; furl ends after it.
	ctx := context.WithoutCancel(command.Context())
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)
	call := func(ctx context.Context) error {
		x.since = time.Now()
		err := x.prepared(ctx, func(environment []string) error {
			return x.wait(path, args, environment, signals)
		})
		if err != nil {
			x.report(ctx)
		}
		return err
	}
	if x.given("dev") {
		return x.runDeclared(command.Context(), call)
	}
	if err := x.checkFlags(); err != nil {
		return err
	}
	if err := x.open(ctx); err != nil {
		return err
	}
	return errors.Join(call(ctx), x.stop())
}

// checkFlags refuses flags that have no effect on the server that is used.
func (x *executor) checkFlags() error {
	project := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(devFlags).register(project)
	var forDev, forServer []string
	for _, setting := range x.flags.server.settings() {
		f := x.command.Flag(setting.flag)
		if f != nil && f.Changed && setting.flag != "data" && project.Lookup(setting.flag) == nil {
			forServer = append(forServer, "--"+setting.flag)
		}
	}
	project.VisitAll(func(f *pflag.Flag) {
		if x.given(f.Name) {
			forDev = append(forDev, "--"+f.Name)
		}
	})
	if len(forDev) > 0 && !x.given("dev") {
		return usage(x.command, fmt.Errorf("%s is for a project: name it with --dev PATH", strings.Join(forDev, ", ")))
	}
	if len(forServer) > 0 && x.data != "" {
		return usage(x.command, fmt.Errorf("%s is for a server that furl exec starts: leave it out, or leave --data out",
			strings.Join(forServer, ", ")))
	}
	return nil
}

// runDeclared makes the server equal to what the project declares before it runs the command.
func (x *executor) runDeclared(interrupted context.Context, call func(context.Context) error) error {
	if err := errors.Join(x.checkFlags(), x.flags.complete()); err != nil {
		return usage(x.command, err)
	}
	root, err := dev.Root(x.flags.settings.Path)
	if err != nil {
		return fail(noProject, err)
	}
	if x.data != "" {
		if _, err := roster.FindRunning(interrupted, x.data); err != nil {
			return x.notRunning(interrupted, err)
		}
	}
	if err := x.configure(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(interrupted))
	defer cancel()
	started := context.AfterFunc(interrupted, cancel) // until there is a command that takes signals
	r := &devRun{program: x.p, command: x.command, flags: &x.flags, root: root, stop: x.p.stop}
	r.place.p, r.place.command, r.place.data = x.p, x.command, x.flags.server.config.Data
	session, err := r.session(ctx)
	if err != nil {
		return err
	}
	session.Emit = x.emit
	session.Then = func(ctx context.Context, server *dev.Server) error {
		started()
		x.started, x.data = r.own, server.Data
		return call(ctx)
	}
	return session.Run(ctx)
}

// emit tells what a user of exec has to know of a session.
func (x *executor) emit(event dev.Event) {
	switch event.Event {
	case dev.EventNotice:
		x.p.note("%s", event.Text)
	case dev.EventOutput:
		x.p.tell("furl: "+event.Program+": ", event.Text)
	case dev.EventError, dev.EventEnded:
		x.p.tell("furl: error: ", event.Text)
	}
}

// lookCommand finds a command as shells do.
func lookCommand(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, exec.ErrDot):
		return "", fail(commandMissing, fmt.Errorf("%s is in the working directory: name it ./%[1]s", name))
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist):
		return "", fail(commandMissing, fmt.Errorf("there is no command %s", name))
	default:
		return "", fail(commandUnrunnable, fmt.Errorf("%s cannot be run: %w", name, errors.Unwrap(err)))
	}
}

// open starts a server, or finds the one that runs.
func (x *executor) open(ctx context.Context) error {
	x.stop = func() error { return nil }
	if x.data != "" {
		_, err := roster.FindRunning(ctx, x.data)
		return x.notRunning(ctx, err)
	}
	if err := x.configure(); err != nil {
		return err
	}
	server, err := app.New(ctx, x.flags.server.config)
	if err != nil {
		return err
	}
	serving, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- server.Run(serving, x.p.stop) }()
	x.started, x.data = server, server.Dir()
	x.stop = func() error {
		cancel()
		return <-ended
	}
	return nil
}

// configure completes the configuration of a server that is started.
func (x *executor) configure() error {
	config := &x.flags.server.config
	config.Data = cmp.Or(x.data, app.InMemory)
	log, fault := x.p.logger(&x.flags.server.log)
	config.Log = log
	if err := errors.Join(config.Validate(), fault); err != nil {
		return usage(x.command, err)
	}
	return nil
}

// prepared calls run with the environment of the command.
func (x *executor) prepared(ctx context.Context, run func(environment []string) error) error {
	const patience = 10 * time.Second     // of which a server takes milliseconds
	if x.started != nil && x.user != "" { // nobody else can give a key to a user that this server has just got
		if err := x.started.GiveKey(ctx, x.flags.server.config.Accounts[0], x.user); err != nil {
			return err
		}
	}
	variables, err := x.awaitVariables(ctx, patience)
	if err != nil {
		return err
	}
	urls, err := x.urls(ctx)
	if err != nil {
		return err
	}
	return run(surrounded(os.Environ(), append(variables, urls...)))
}

// surrounded is the environment of a program, with other variables in place of those that would contradict them.
func surrounded(environ []string, set []variable) []string {
	gone := cleared(set)
	environ = slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(gone, name) || strings.HasPrefix(name, urlPrefix) ||
			slices.ContainsFunc(set, func(v variable) bool { return v.name == name })
	})
	for _, v := range set {
		environ = append(environ, v.name+"="+v.value)
	}
	return environ
}

// urlPrefix begins the names of the variables with function URLs.
const urlPrefix = "FURL_URL_"

// urls are the variables with the function URLs of the server's region.
func (x *executor) urls(ctx context.Context) ([]variable, error) {
	running, err := roster.FindRunning(ctx, x.data)
	if err != nil {
		return nil, err
	}
	reader := x.environment
	reader.user, reader.role = "", ""
	key, err := reader.key(ctx, running, running.Account)
	if err != nil {
		return nil, err
	}
	client := clientOf(running, aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey})
	urls := map[string][]variable{} // by name; its elements have the function as their name
	var names []string
	for function, err := range client.Functions(ctx) {
		if err != nil {
			return nil, err
		}
		found, err := client.URLs(ctx, function.ARN)
		if err != nil {
			return nil, err
		}
		for _, url := range found {
			short := url.Function.Short()
			name := urlName(short)
			if urls[name] == nil {
				names = append(names, name)
			}
			urls[name] = append(urls[name], variable{short, url.Address})
		}
	}
	var variables []variable
	for _, name := range names {
		if same := urls[name]; len(same) > 1 {
			var functions []string
			for _, url := range same {
				functions = append(functions, url.name)
			}
			x.p.note("%s is not set: it would be the URL of each of %s", name, strings.Join(functions, ", "))
			continue
		}
		variables = append(variables, variable{name, urls[name][0].value})
	}
	return variables, nil
}

// urlName is the name of the variable with the URL of a function, which may have a qualifier.
func urlName(function string) string {
	return urlPrefix + strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, function)
}

// wait runs the command to its end, and passes signals on to it.
func (x *executor) wait(path string, args, environment []string, signals <-chan os.Signal) error {
	child := &exec.Cmd{
		Path: path, Args: args, Env: environment,
		Stdin: x.p.streams.In, Stdout: unshown(x.p.streams.Out), Stderr: unshown(x.p.streams.Err),
	}
	if err := child.Start(); err != nil {
		if errors.Is(err, fs.ErrNotExist) { // its interpreter
			return fail(commandMissing, fmt.Errorf("%s cannot be started: %w", args[0], errors.Unwrap(err)))
		}
		return fail(commandUnrunnable, fmt.Errorf("%s cannot be started: %w", args[0], errors.Unwrap(err)))
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for {
		select {
		case sent := <-signals:
			if !x.fromTerminal(sent) {
				child.Process.Signal(sent) //nolint:errcheck // it has just ended
			}
		case err := <-ended:
			return endedAs(child.ProcessState, err)
		}
	}
}

// fromTerminal reports whether a signal is one that a terminal sends, to the command as well as to furl.
func (x *executor) fromTerminal(sent os.Signal) bool {
	switch sent {
	case os.Interrupt, syscall.SIGQUIT, syscall.SIGHUP:
		return isTerminal(x.p.streams.In)
	}
	return false
}

// endedAs is how a command ended, nil if it succeeded.
func endedAs(state *os.ProcessState, err error) error {
	if waited, ok := state.Sys().(syscall.WaitStatus); ok && waited.Signaled() {
		return &commandStatus{128 + int(waited.Signal())}
	}
	if code := state.ExitCode(); code != 0 {
		return &commandStatus{code}
	}
	return err // of its output
}

// report prints what was refused while the command ran.
func (x *executor) report(ctx context.Context) {
	refusals, err := x.refusals(ctx)
	if err != nil {
		x.p.note("what was refused is not known: %v", err)
		return
	}
	refusals = slices.DeleteFunc(refusals, func(r trace.Report) bool { return r.Time.Before(x.since) })
	if len(refusals) == 0 {
		return
	}
	const enough = 10
	switch n := len(refusals); {
	case n == 1:
		x.p.note("one request was refused or failed:")
	case n <= enough:
		x.p.note("%d requests were refused or failed:", n)
	default:
		x.p.note("%d requests were refused or failed; the last %d:", n, enough)
		refusals = refusals[n-enough:]
	}
	for _, refusal := range refusals {
		refusal.WriteTo(x.p.streams.Err) //nolint:errcheck // nobody reads it
	}
}

// refusals are the requests that the server has refused, oldest first.
func (x *executor) refusals(ctx context.Context) ([]trace.Report, error) {
	if x.started != nil {
		return x.started.Refusals(), nil
	}
	var page bytes.Buffer
	query := map[string][]string{"limit": {"1000"}}
	if err := x.page(ctx, &page, furlproto.Requests, query, true); err != nil {
		return nil, err
	}
	var all []trace.Report
	if err := json.Unmarshal(page.Bytes(), &all); err != nil {
		return nil, err
	}
	slices.Reverse(all)
	return slices.DeleteFunc(all, func(r trace.Report) bool { return !r.IsRefusal() }), nil
}
