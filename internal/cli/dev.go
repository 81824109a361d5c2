//go:build unix

package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/dev"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/sigv4"
)

// devFlags are the flags of dev.
type devFlags struct {
	server   serveFlags
	settings dev.Settings

	parameters, endpoints, debug, envFiles []string
	poll, dryRun, asJSON                   bool
}

func (p *program) dev() *cobra.Command {
	flags := devFlags{server: serveFlags{config: app.Default(), log: newLogFlags()}}
	flags.server.log.level = "warn" // requests and their refusals are shown by other lines
	command := describeDev()
	command.Args = cobra.MaximumNArgs(1)
	command.RunE = func(command *cobra.Command, args []string) error {
		if len(args) == 1 {
			flags.settings.Path = args[0]
		}
		if err := flags.complete(); err != nil {
			return usage(command, err)
		}
		return p.runDev(command, flags)
	}
	f := command.Flags()
	flags.server.register(f, "endpoint", "debug")
	flags.register(f)
	f.StringArrayVar(&flags.debug, "debug", nil, "have the function wait for a debugger, FUNCTION or FUNCTION=PORT; may be repeated")
	f.BoolVar(&flags.poll, "poll", false, "look at the files twice a second in place of notifications, for network mounts")
	f.BoolVar(&flags.dryRun, "dry-run", false, "print what would change, as a diff, and stop")
	f.BoolVar(&flags.asJSON, "json", false, "print one JSON object for each event")
	return command
}

// register adds the flags that say what a project is.
func (d *devFlags) register(f *pflag.FlagSet) {
	s := &d.settings
	f.StringVar(&s.Stack, "stack", "", "name of the stack, or the one of a CDK project to run (default the directory's name, or all)")
	f.StringArrayVar(&d.parameters, "param", nil, "value of a parameter of the template, NAME=VALUE; may be repeated")
	f.StringArrayVar(&d.envFiles, "env-file", nil, "file of NAME=VALUE lines, which outrank the declared environment; may be repeated")
	f.StringArrayVar(&d.endpoints, "endpoint", nil,
		"address of another AWS service for all functions, such as dynamodb=http://127.0.0.1:8000; may be repeated")
	f.BoolVar(&s.Strict, "strict", false, "refuse a declaration with resources that are not run here")
	f.StringVar(&s.Build, "build", "", "command that builds the code, run at the start and when a source changes")
	f.StringVar(&s.HTTP, "http", "", "command that starts a web server on $PORT, or the address of one that runs")
	f.StringVar(&s.Handler, "handler", "", "handler of a source directory, such as app.handler")
	f.StringVar(&s.Runtime, "runtime", "", "runtime of a source directory, such as python3.13")
	f.StringVar(&s.Name, "name", "", "name of the function of a source directory or a web server (default the directory's name)")
	f.StringVar(&s.AuthType, "auth", "", "auth type of its function URL: AWS_IAM (default) or NONE")
	f.StringVar(&s.InvokeMode, "invoke-mode", "", "invoke mode of its function URL: BUFFERED (default) or RESPONSE_STREAM")
}

// complete takes the flags that have several values.
func (f *devFlags) complete() error {
	var faults []error
	var err error
	if f.settings.Parameters, err = pairs("param", f.parameters, "NAME=VALUE"); err != nil {
		faults = append(faults, err)
	}
	if f.settings.Endpoints, err = pairs("endpoint", f.endpoints, "SERVICE=ADDRESS, such as dynamodb=http://127.0.0.1:8000"); err != nil {
		faults = append(faults, err)
	}
	f.settings.EnvFiles = f.envFiles
	f.settings.Functions = map[string]dev.FunctionSettings{}
	for _, text := range f.debug {
		name, port, given := strings.Cut(text, "=")
		debug := dev.Debug{On: true}
		if given {
			if debug.Port, err = strconv.Atoi(port); err != nil || debug.Port < 1 || debug.Port > 65535 {
				faults = append(faults, fmt.Errorf("--debug %q: %q is not a port", text, port))
				continue
			}
		}
		f.settings.Functions[name] = dev.FunctionSettings{Debug: debug}
	}
	if err := f.settings.Validate(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// devRun is one run of dev.
type devRun struct {
	*program
	command *cobra.Command
	flags   *devFlags
	place   place
	root    string
	stop    context.Context // ends the server at once
	own     *app.Server     // nil if it is another program's
}

func (p *program) runDev(command *cobra.Command, flags devFlags) error {
	root, err := dev.Root(flags.settings.Path)
	if err != nil {
		return fail(noProject, err)
	}
	config := &flags.server.config
	config.RootAccessKeyID = p.getenv("FURL_ROOT_ACCESS_KEY_ID")
	config.RootSecretAccessKey = p.getenv("FURL_ROOT_SECRET_ACCESS_KEY")
	log, logFault := p.logger(&flags.server.log)
	config.Log, config.Version = log, Built().Version
	if err := errors.Join(config.Validate(), logFault); err != nil {
		return usage(command, err)
	}
	if config.Data == app.Default().Data && !command.Flags().Changed("data") {
		config.Data = filepath.Join(root, config.Data)
	}
	ctx, quit := context.WithCancel(command.Context())
	defer quit()
	stop, stopNow := context.WithCancel(p.stop)
	defer stopNow()
	r := &devRun{program: p, command: command, flags: &flags, root: root, stop: stop}
	r.place.p, r.place.command, r.place.data = p, command, config.Data

	session, err := r.session(ctx)
	if err != nil {
		return err
	}
	ended := endOnHangUp(quit)
	defer ended()
	if flags.asJSON {
		session.Emit = r.emitJSON(quit)
		return r.said(session.Run(ctx))
	}
	screen := newDevScreen(p, quit)
	session.Emit = screen.emit
	if !flags.dryRun {
		session.Keys = screen.keys(ctx, func() {
			if ctx.Err() != nil {
				stopNow()
			}
			quit()
		}, func(ctx context.Context, data string) error {
			opener := consoleOpener{place: r.place}
			opener.place.data = data
			return opener.run(ctx)
		})
		defer screen.close()
	}
	return r.said(session.Run(ctx))
}

// session is a session on the server that runs with the data directory, or on one of its own.
func (r *devRun) session(ctx context.Context) (*dev.Session, error) {
	config := &r.flags.server.config
	session := &dev.Session{
		Flags: r.flags.settings, Root: r.root, Account: config.Accounts[0], Region: config.Region, DryRun: r.flags.dryRun,
		Environ: os.Environ(), Version: interpreterVersion(ctx), EndpointVariables: app.EndpointVariables,
		CodeDirs: config.CodeDirs,
	}
	for _, stream := range []io.Writer{r.streams.Out, r.streams.Err} {
		if file, ok := stream.(*os.File); ok {
			if info, err := file.Stat(); err == nil {
				session.Output = append(session.Output, info)
			}
		}
	}
	if r.flags.poll {
		session.Poll = 500 * time.Millisecond
	}
	if absolute, err := filepath.Abs(config.Data); err == nil {
		session.Skip = []string{absolute}
	}
	running, err := r.findRunning(ctx)
	if err != nil {
		return nil, err
	}
	if running != nil {
		session.Account = running.Account
		if !r.command.Flags().Changed("region") {
			session.Region = running.Region
		}
	}
	session.Open = func(ctx context.Context, needs dev.Needs) (*dev.Server, error) {
		if running != nil {
			if len(needs.Debug) > 0 {
				const text = "the server at %s runs without --debug, which %s needs: stop it, or start it with that flag"
				return nil, fmt.Errorf(text, running.Endpoint, strings.Join(needs.Debug, ", "))
			}
			return r.openRunning(ctx, *running, session)
		}
		return r.openOwn(ctx, needs, session)
	}
	return session, nil
}

// said is the error of a session. A user who stops it gets none.
func (r *devRun) said(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return nil
	case r.flags.asJSON:
		for _, event := range dev.ErrorEvents(err) {
			r.printLine(event)
		}
	}
	return err
}

// printLine prints a JSON object.
func (r *devRun) printLine(event dev.Event) error {
	encoder := json.NewEncoder(r.streams.Out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(event)
}

// emitJSON prints events. When nobody reads them any more, it quits.
func (r *devRun) emitJSON(quit func()) func(dev.Event) {
	return func(event dev.Event) {
		if r.printLine(event) != nil {
			quit()
		}
	}
}

// findRunning finds the server that runs on the data directory, if there is one.
func (r *devRun) findRunning(ctx context.Context) (*roster.Running, error) {
	if r.flags.server.config.Data == app.InMemory {
		return nil, nil
	}
	running, err := roster.FindRunning(ctx, r.flags.server.config.Data)
	switch {
	case errors.Is(err, roster.ErrNotRunning):
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, fail(notReadable, err)
	case err != nil:
		return nil, err
	}
	return &running, nil
}

// openRunning uses a server that runs.
func (r *devRun) openRunning(ctx context.Context, running roster.Running, session *dev.Session) (*dev.Server, error) {
	whose := environment{place: r.place}
	key, err := whose.key(ctx, running, running.Account)
	if err != nil {
		return nil, err
	}
	for _, setting := range r.flags.server.settings() {
		if setting.flag != "" && setting.flag != "data" && setting.flag != "region" && r.command.Flags().Changed(setting.flag) {
			r.note("--%s has no effect: a server runs on %s already", setting.flag, running.Dir)
		}
	}
	server, err := r.serverAt(running.Endpoint, running.CertificateFile, running.Dir, session, key)
	if err != nil {
		return nil, err
	}
	server.Secret = running.Secret
	server.Ended = awaitEnd(ctx, running)
	return server, nil
}

// awaitEnd tells when a server that runs elsewhere does so no more. It asks twice: a server may be stopped for a while.
func awaitEnd(ctx context.Context, running roster.Running) <-chan error {
	const pause, times = time.Second, 2
	ended := make(chan error, 1)
	go func() {
		for failed := 0; failed < times; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			now, err := roster.FindRunning(ctx, running.Dir)
			switch {
			case err == nil && now.PID == running.PID:
				failed = 0
			case ctx.Err() == nil:
				failed++
			}
		}
		ended <- fmt.Errorf("nothing runs on %s any more", running.Dir)
	}()
	return ended
}

// openOwn starts a server in this process.
func (r *devRun) openOwn(ctx context.Context, needs dev.Needs, session *dev.Session) (*dev.Server, error) {
	config := &r.flags.server.config
	config.CodeDirs = append(config.CodeDirs, needs.CodeDirs...)
	config.HTTPUpstreams = append(config.HTTPUpstreams, needs.Upstreams...)
	config.Debug = needs.Debug
	for _, account := range needs.Accounts {
		if !slices.Contains(config.Accounts, account) {
			config.Accounts = append(slices.Clip(config.Accounts), account)
		}
	}
	config.WatchCode = false // the session watches
	if _, err := os.Stat(config.Data); r.flags.dryRun && errors.Is(err, fs.ErrNotExist) {
		config.Data = app.InMemory // a dry run makes nothing
	}
	server, err := app.New(ctx, *config)
	if errors.Is(err, app.ErrListen) && config.Listen == app.Default().Listen && !r.command.Flags().Changed("listen") {
		r.note("%s is taken: another port is used; choose one with --listen", config.Listen)
		config.Listen = "127.0.0.1:0"
		server, err = app.New(ctx, *config)
	}
	if errors.Is(err, app.ErrListen) {
		return nil, r.listenError(ctx, config.Listen, err)
	}
	if err != nil {
		return nil, err
	}
	keyOf := func(account string) (roster.Key, error) {
		key, err := server.UserKey(account, roster.Admin)
		if root, ok := server.RootKey(account); err != nil && ok {
			return root, nil
		}
		return key, err
	}
	key, err := keyOf(session.Account)
	if err != nil {
		server.Close() //nolint:errcheck // the error is that there is no key
		return nil, err
	}
	made, err := r.serverAt(server.Endpoint(), server.CertificateFile(), server.Dir(), session, key)
	if err != nil {
		server.Close() //nolint:errcheck // the first error says it
		return nil, err
	}
	made.Others = map[string]aws.CredentialsProvider{} // for placeholders of principals that are declared in other accounts
	for _, account := range config.Accounts {
		if other, err := keyOf(account); err == nil && account != session.Account {
			made.Others[account] = provider(other)
		}
	}
	r.own = server
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	ended, gone := make(chan error, 1), make(chan struct{})
	var result error
	go func() {
		defer close(gone)
		result = server.Run(serving, r.stop)
		ended <- result
	}()
	made.Ended = ended
	closeConnections := made.Close
	made.Close = func() error {
		closeConnections() //nolint:errcheck // it never fails
		end()
		<-gone
		return result
	}
	return made, nil
}

// serverAt is a server as a session uses it.
func (r *devRun) serverAt(endpoint, authority, dir string, session *dev.Session, key roster.Key) (*dev.Server, error) {
	trusted, err := furlproto.Trust(authority)
	if err != nil {
		return nil, err
	}
	const parallel = 32
	base := &http.Transport{ // without a proxy: the server is on this machine
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted},
		MaxIdleConnsPerHost: parallel,
	}
	config := aws.Config{
		Region: session.Region, BaseEndpoint: &endpoint, HTTPClient: &http.Client{Transport: base},
		Credentials: provider(key),
	}
	return &dev.Server{
		Endpoint: endpoint, Data: dir, AWS: config, KeyFile: filepath.Join(dir, "dev-access-keys.json"),
		Page: func(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
			keys := aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}
			return readPage(ctx, base, endpoint, dir, keys, path, query)
		},
		MayCall: func(ctx context.Context) (map[string]string, error) { return mayCall(ctx, config) },
		Call:    r.callLine(dir),
		Close: func() error {
			base.CloseIdleConnections() // a server that ends waits for those that were never used
			return nil
		},
	}, nil
}

// provider gives a key to the SDK.
func provider(key roster.Key) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}, nil
	})
}

// interpreterVersion asks an interpreter of the machine for its version.
func interpreterVersion(ctx context.Context) func(string) string {
	return func(interpreter string) string {
		const patience = 2 * time.Second
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		out, err := exec.CommandContext(ctx, interpreter, "--version").Output()
		if err != nil {
			return ""
		}
		fields := strings.Fields(string(out)) // Python 3.13.1, or v22.12.0
		if len(fields) == 0 {
			return ""
		}
		return strings.TrimPrefix(fields[len(fields)-1], "v")
	}
}

// callLine is what to type in another shell to call a function URL. Where credentials are in the environment, those of
// the server take their place for the one command.
func (r *devRun) callLine(dir string) func(address string) string {
	return func(address string) string {
		call := "furl call " + snippet.Quote(address)
		if r.place.environment() {
			return fmt.Sprintf(`(eval "$(furl env --data %s)" && %s)`, snippet.Quote(dir), call)
		}
		return call
	}
}

// readPage begins to read one of the server's own pages as JSON.
func readPage(
	ctx context.Context, base http.RoundTripper, endpoint, dir string, keys aws.Credentials, path string, query url.Values,
) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	if token, _, err := roster.ReadPageToken(dir); err == nil {
		furlproto.SetToken(request, token.Reveal())
	} else {
		signer := sigv4.Signer{Region: "us-east-1", Service: furlproto.Service} // any region
		credentials := sigv4.Credentials{AccessKeyID: keys.AccessKeyID, Secret: sigv4.NewSecret(keys.SecretAccessKey)}
		if _, err := signer.Sign(request, credentials, sigv4.PayloadBytes(nil)); err != nil {
			return nil, err
		}
	}
	response, err := base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		const enough = 4096
		text, _ := io.ReadAll(io.LimitReader(response.Body, enough)) // the status says enough
		response.Body.Close()                                        //nolint:errcheck // it was read
		return nil, errors.New(cmp.Or(strings.TrimSpace(string(text)), response.Status))
	}
	return response.Body, nil
}

// mayCall says in a few words who may call the function URLs of an account and region, besides its administrator.
func mayCall(ctx context.Context, config aws.Config) (map[string]string, error) {
	checker := &check.Checker{Owner: check.NewSide(awsapi.New(config))}
	callers, err := checker.Callers(ctx)
	if err != nil {
		return nil, err
	}
	audit, err := checker.All(ctx, callers)
	if err != nil {
		return nil, err
	}
	who := map[string]string{}
	for _, function := range audit.Functions {
		named, err := arn.ParseFunctionARN(function.Function)
		if err != nil {
			continue
		}
		who[named.Short()] = inShort(function, named.Short())
	}
	return who, nil
}

// inShort says who may call a function URL.
func inShort(function check.AuditFunction, name string) string {
	const most = 3
	var names []string
	for _, principal := range function.MayCall {
		if principal == "*" {
			return "anyone"
		}
		parsed, err := arn.ParsePrincipal(principal)
		switch {
		case err != nil:
			names = append(names, principal)
		case parsed.Type == "user" && parsed.Name == roster.Admin:
		case parsed.Type == "root":
			names = append(names, "account "+parsed.Account)
		default:
			names = append(names, parsed.Type+" "+parsed.Name)
		}
	}
	switch more := len(names) - most; {
	case len(names) == 0:
		return "nobody yet: furl grant " + name + " --to PRINCIPAL"
	case more > 0:
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
