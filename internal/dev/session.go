//go:build unix

// Package dev is the session of furl dev: it reads what a project declares, makes a server equal to it, shows its
// function URLs, its logs and its refusals, and does so again when a file changes. It takes plain values and tells what
// happens as events; terminals, flags and the server itself are for its caller.
//
//	session := &dev.Session{Flags: settings, Root: root, Open: open, Emit: print}
//	err := session.Run(ctx)
//
// It changes no file of the project. The programs that it starts, a build command and a web server, are the user's own,
// run with the user's rights, and end with it.
package dev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/furl-dev/furl/internal/dev/apply"
	"github.com/furl-dev/furl/internal/project"
	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
	"github.com/furl-dev/furl/internal/watch"
)

// Session is one run of furl dev.
type Session struct {
	Flags   Settings      // which outrank the settings file
	Root    string        // absolute directory of the project
	Account string        // in which the project's things are made
	Region  string        // likewise
	Poll    time.Duration // look at files that often, in place of notifications; 0 for notifications
	DryRun  bool          // print the plan, and stop
	Environ []string      // of the programs of the user
	Skip    []string      // directories that are not watched
	// CodeDirs are directories outside of the project that its functions may have their code in.
	CodeDirs []string
	// Output are the files that what is emitted goes to: one of them may be in the project, and must not start a circle.
	Output []fs.FileInfo
	// Version is the version of an interpreter of the machine, python3 or node; "" if it has none.
	Version func(interpreter string) string
	// EndpointVariables are the environment variables that lead the SDKs to the server of a service.
	EndpointVariables func(service string) ([]string, error)

	// Open starts the server, or finds the one that runs. It is called once.
	Open func(context.Context, Needs) (*Server, error)
	// Then, if it is not nil, is called when the server is equal to the project, and the session ends with it.
	Then func(ctx context.Context, server *Server) error
	// Emit tells what happens, one event at a time.
	Emit func(Event)
	// Keys are what the user asks for meanwhile; nil for nothing.
	Keys <-chan Key

	set      Settings // in force
	emitting sync.Mutex
	server   *Server
	lambda   *awslambda.Client
	shell    shell
	watcher  *watch.Watcher
	world    *world
	environ  map[string]string // of all functions
	upstream string            // address of the web server
	build    builder
	failed   bool           // the server is not what the project declares: any change may mend that
	notices  string         // that were told last
	follower sync.WaitGroup // what runs beside the loop
	refusals lastRefusal

	names atomic.Pointer[[]string] // of the functions
	urls  atomic.Pointer[[]Event]
	only  atomic.Pointer[string] // the function whose log is shown alone
}

// Needs are what a session needs of a server that is started for it.
type Needs struct {
	CodeDirs  []string // below which functions have their code in place
	Upstreams []string // web servers that functions may be
	Debug     []string // functions that run under a debugger, NAME or NAME=PORT
	Accounts  []string // of roles and users that are named, and get placeholders
}

// Server is the server that functions run on.
type Server struct {
	Endpoint string
	Data     string     // its data directory
	AWS      aws.Config // with the keys of an administrator
	Secret   string     // proves that it is the one of the data directory
	Others   map[string]aws.CredentialsProvider
	KeyFile  string

	// Page reads one of the server's pages as JSON.
	Page func(ctx context.Context, path string, query url.Values) (io.ReadCloser, error)
	// MayCall says in a few words who may call each function URL, by the ARN of its function, with the alias if it has one.
	MayCall func(ctx context.Context) (map[string]string, error)
	// Call is what to type in another shell to call a function URL.
	Call func(address string) string
	// Ended tells when the server ends by itself, and why; nil if it is not the session's own.
	Ended <-chan error
	// Close ends the server if it is the session's own.
	Close func() error
}

// Key is something that a user asks for while a session runs.
type Key int

// What can be asked for.
const (
	KeyExplain Key = iota // why was the last request refused?
	KeyReload             // read everything again
	KeyLogs               // the logs of the next function, or of all
	KeyURLs               // the function URLs
)

// world is what the project declares, as it was applied last.
type world struct {
	project   *project.Project
	functions []*function
	urls      []Event
}

// function is a function of the project.
type function struct {
	name, id string
	runtime  string
	dir      string // of its code in place; "" if the code is elsewhere
	file     string // of its code, if it is one
}

// debounce is how long it must be quiet after a change.
const debounce = 40 * time.Millisecond

// emit tells one event.
func (s *Session) emit(e Event) {
	s.emitting.Lock()
	defer s.emitting.Unlock()
	s.Emit(e)
}

// fail tells errors, each with its place.
func (s *Session) fail(err error) {
	for _, event := range ErrorEvents(err) {
		s.emit(event)
	}
}

// ErrorEvents are the events that tell an error: one for each fault of a file.
func ErrorEvents(err error) []Event {
	if faults, ok := errors.AsType[tree.Faults](err); ok {
		var events []Event
		for _, fault := range faults {
			events = append(events, Event{
				Event: EventError, File: fault.Pos.File, Line: fault.Pos.Line, Column: fault.Pos.Column, Text: fault.What,
			})
		}
		return events
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var events []Event
		for _, one := range joined.Unwrap() {
			events = append(events, ErrorEvents(one)...)
		}
		return events
	}
	_, closed := errors.AsType[*closedError](err)
	if failure, ok := errors.AsType[*apply.Failure](err); ok && !closed {
		pos := failure.Failed.Pos
		return []Event{{Event: EventError, File: pos.File, Line: pos.Line, Column: pos.Column, Text: failure.What()}}
	}
	if fault, ok := errors.AsType[*FileError](err); ok {
		return []Event{{Event: EventError, File: fault.Path, Line: fault.Line, Column: fault.Column, Text: fault.Text}}
	}
	return []Event{{Event: EventError, Text: err.Error()}}
}

// Run runs until the context ends, or until what it needs fails at the start. It leaves no program behind.
func (s *Session) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	s.names.Store(&[]string{})
	s.urls.Store(&[]Event{})
	s.shell = newShell(s.Environ, s.Root)
	var web sync.WaitGroup
	webContext, endWeb := context.WithCancel(context.Background())
	defer func() {
		cancel()
		s.follower.Wait()
		if s.watcher != nil {
			s.watcher.Close()
		}
		if s.server != nil {
			err = errors.Join(err, s.server.Close()) // running calls still need the web server
		}
		endWeb()
		web.Wait()
	}()
	if err := s.readSettings(); err != nil {
		return err
	}
	s.watcher, err = watch.New(watch.Config{
		Base: s.Root, Roots: s.roots(), Skip: s.Skip, Poll: s.Poll, Debounce: debounce,
		Warn: func(text string) { s.emit(Event{Event: EventNotice, Text: text}) },
	})
	if err != nil {
		return err
	}
	if err := s.findUpstream(); err != nil {
		return err
	}
	if s.upstream != "" && s.set.upstream() == "" && !s.DryRun {
		web.Go(func() { s.serveUpstream(webContext) })
	}
	opened, err := s.start(ctx)
	if err != nil {
		return err
	}
	if s.Then == nil && !s.DryRun {
		s.follow(ctx) // before anybody knows a function URL, so that no call of one is missed
	}
	if s.DryRun { // whose server ends at once, and is none to call
		return s.dryRun(ctx, opened)
	}
	s.emit(Event{Event: EventServer, Endpoint: s.server.Endpoint, Data: s.server.Data})
	if err := s.apply(ctx, opened); err != nil {
		if s.Then != nil || fatal(err) {
			return err
		}
		s.unsettled(err)
	}
	if s.Then != nil {
		if err := s.awaitUpstream(ctx); err != nil {
			return err
		}
		return s.Then(ctx, s.server)
	}
	debug.FreeOSMemory() // what reading and planning took is not needed while nothing changes
	s.loop(ctx)
	select {
	case err := <-s.server.Ended:
		return err
	default:
		return nil
	}
}

// start reads the project, which may have to be built first, and opens a server for what that needs.
func (s *Session) start(ctx context.Context) (opened *project.Project, err error) {
	needs := Needs{CodeDirs: []string{project.Bound(s.Root)}}
	if s.upstream != "" {
		needs.Upstreams = []string{s.upstream}
	}
	if s.set.Build != "" && !s.DryRun {
		err := s.runBuild(ctx)
		if err != nil && s.Then != nil {
			return nil, fmt.Errorf("build: %w", err)
		}
		if err != nil && ctx.Err() == nil {
			s.emit(Event{Event: EventError, Program: "build", Text: err.Error()})
		}
	}
	if opened, err = s.openProject(); err != nil {
		return nil, err
	}
	if s.set.debugs() {
		if needs.Debug, err = s.debugged(opened); err != nil {
			return nil, err
		}
	}
	for _, stack := range opened.Stacks {
		needs.Accounts = append(needs.Accounts, apply.Accounts(stack)...)
	}
	if s.server, err = s.Open(ctx, needs); err != nil {
		return nil, err
	}
	s.lambda = awslambda.NewFromConfig(s.server.AWS)
	return opened, nil
}

// fatal reports whether an error of the first start ends the session: all but that of a step, which may come out well
// after a change.
func fatal(err error) bool {
	if _, ok := errors.AsType[*closedError](err); ok {
		return true
	}
	_, step := errors.AsType[*apply.Failure](err)
	return !step
}

// closedError says that a server that already runs was started without what the project needs.
type closedError struct {
	server *Server
	flag   string
	err    error
}

func (e *closedError) Error() string {
	return fmt.Sprintf("the server at %s runs without %s, which this project needs: stop it, or start it with that flag: %v",
		e.server.Endpoint, e.flag, e.err)
}

func (e *closedError) Unwrap() error { return e.err }

// readSettings reads the settings file and the environment files. Values that a user gave outrank the declared ones.
func (s *Session) readSettings() error {
	file, err := ReadSettings(s.Root)
	if err != nil {
		return err
	}
	set := s.Flags.Over(file)
	if err := set.Validate(); err != nil {
		return err
	}
	s.set = set
	environ := map[string]string{}
	var faults []error
	for service, address := range s.set.Endpoints {
		names, err := s.EndpointVariables(service)
		if err != nil {
			faults = append(faults, fmt.Errorf("endpoint: %w", err))
		}
		for _, name := range names {
			environ[name] = address
		}
	}
	for _, path := range s.set.EnvFiles {
		values, err := ReadEnvFile(path)
		if err != nil {
			faults = append(faults, err)
		}
		maps.Copy(environ, values)
	}
	s.environ = environ
	return errors.Join(faults...)
}

// declared are the files that say what the project is.
func (s *Session) declared() []string {
	paths := []string{filepath.Join(s.Root, SettingsFile)}
	for _, path := range s.set.EnvFiles {
		if absolute, err := filepath.Abs(path); err == nil {
			paths = append(paths, absolute)
		}
	}
	if s.world != nil {
		paths = append(paths, s.world.project.Files...)
	}
	return paths
}

// findUpstream finds the address of the web server: the one that was named, or one at a free port.
func (s *Session) findUpstream() error {
	s.upstream = s.set.upstream()
	if s.set.HTTP == "" || s.upstream != "" {
		return nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.upstream = "http://" + listener.Addr().String()
	return listener.Close()
}

// awaitUpstream waits until the web server listens, if there is one.
func (s *Session) awaitUpstream(ctx context.Context) error {
	at, err := url.Parse(s.upstream)
	if err != nil || at.Host == "" {
		return err
	}
	const patience = 30 * time.Second
	for began := time.Now(); ; {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", at.Host)
		if err == nil {
			return conn.Close()
		}
		if ctx.Err() != nil || time.Since(began) > patience {
			return fmt.Errorf("the web server does not listen: %v", err) //nolint:errorlint // no server of furl is missing
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// serveUpstream keeps the web server of the user running.
func (s *Session) serveUpstream(ctx context.Context) {
	at, _ := url.Parse(s.upstream) // which findUpstream made
	environ := []string{"PORT=" + at.Port(), "HOST=127.0.0.1"}
	for name, value := range s.environ {
		environ = append(environ, name+"="+value)
	}
	tell := func(line string) { s.emit(Event{Event: EventOutput, Program: "http", Text: line}) }
	ended := func(why string) { s.emit(Event{Event: EventEnded, Program: "http", Text: why}) }
	s.shell.supervise(ctx, s.set.HTTP, environ, tell, ended)
}

// openProject reads what is on disk.
func (s *Session) openProject() (*project.Project, error) {
	set := s.set
	options := project.Options{
		Path: cmp.Or(set.Path, s.Root),
		Template: template.Options{
			Stack: set.Stack, Account: s.Account, Region: s.Region, Parameters: set.Parameters, Strict: set.Strict,
		},
		Function: project.Function{
			Name: set.Name, Handler: set.Handler, Runtime: set.Runtime, AuthType: set.AuthType, InvokeMode: set.InvokeMode,
			Upstream: s.upstream,
		},
		CodeDirs: s.CodeDirs,
		Version:  s.Version,
	}
	return project.Open(options)
}

// dryRun prints what would be done.
func (s *Session) dryRun(ctx context.Context, p *project.Project) error {
	s.notice(p)
	world, err := s.survey(p)
	if err != nil {
		return err
	}
	applier, err := s.newApplier(world)
	if err != nil {
		return err
	}
	for _, stack := range p.Stacks {
		plan, err := applier.Plan(ctx, stack)
		if err != nil {
			return s.explained(err)
		}
		s.emit(Event{Event: EventPlanned, Stack: stack.Name, Steps: texts(plan.Steps), Diff: plan.Diff(), Plan: true})
	}
	return nil
}

// loop does what changes and keys ask for, until the context or the server ends.
func (s *Session) loop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-s.server.Ended:
			if err != nil {
				s.fail(fmt.Errorf("the server ended: %w", err))
			}
			return
		case paths, ok := <-s.watcher.Changes():
			if !ok {
				return
			}
			s.change(ctx, paths)
		case err := <-s.build.done:
			s.built(ctx, err)
		case key, ok := <-s.Keys:
			if !ok {
				s.Keys = nil
				continue
			}
			s.press(ctx, key)
		}
	}
}
