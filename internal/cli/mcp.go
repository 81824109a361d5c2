package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/mcp"
)

// mcpFlags are the flags of mcp.
type mcpFlags struct {
	signing
	config      mcp.Config
	network     call.Network
	headers     []string
	stream      string
	printConfig string
	log         logFlags
}

func (p *program) mcp() *cobra.Command {
	flags := mcpFlags{log: newLogFlags()}
	flags.log.level = "warn"
	command := &cobra.Command{
		Use:   "mcp URL|FUNCTION[/PATH]",
		Short: "Use an MCP server behind a function URL from an MCP client that starts a command",
		Long: `Be the command that an MCP client starts, for a server with the streamable HTTP transport behind a
function URL with IAM authentication. The messages of the client on the standard input go to the server as signed
requests, and those of the server to the standard output, one on each line. The log goes to the standard error.

The client and the server agree on the version of the protocol: 2025-03-26, 2025-06-18, 2025-11-25 or 2026-07-28.
Credentials are those of the AWS CLI, and are renewed while the command runs. A request that Lambda refuses, or that
fails, is answered with an error that says why and what to type next. When the server forgets the session, the command
begins another one.

--print-config prints the configuration of a client, to paste into it. It has no secrets: credentials belong into a
profile, and secret headers into a file for --header @FILE. The clients:
` + strings.Join(mcp.ClientNames(), ", ") + `.

Name the path of the server, which often is /mcp. A server that keeps a session gets a stream on which it may send
messages of its own accord. That keeps the function running as long as the client runs; --stream never leaves it out.

` + exitStatus(status{
			exitOK: "the client has closed the input, or stopped by a signal", exitFailed: "the client reads no more",
		}, exitUsage),
		Example: `  furl mcp my-mcp-server/mcp --print-config claude-code
  furl mcp https://XYZ.lambda-url.eu-central-1.on.aws/mcp --profile work
  claude mcp add --transport stdio orders -- furl mcp my-mcp-server:live/mcp`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(command *cobra.Command, args []string) error {
			return p.runMCP(command, &flags, args)
		},
	}
	flags.signing.register(p, command)
	f := command.Flags()
	f.StringArrayVarP(&flags.headers, "header", "H", nil,
		"header \"NAME: VALUE\" of each request, or @FILE with one on each line; may be repeated")
	f.StringVar(&flags.printConfig, "print-config", "",
		"print the configuration for a `client`, and do not run: "+strings.Join(mcp.ClientNames(), ", "))
	f.Lookup("print-config").NoOptDefVal = mcp.ClientNames()[0]
	f.DurationVar(&flags.config.Timeout, "timeout", 15*time.Minute,
		"how long the server may send nothing while a request waits for its answer; 0 is without end")
	f.DurationVar(&flags.config.Drain, "drain-timeout", time.Second,
		"how long requests may take to finish after the client has closed the input")
	f.IntVar(&flags.config.MaxMessage, "max-message", mcp.DefaultMaxMessage,
		"longest message in both directions, in bytes")
	f.StringVar(&flags.stream, "stream", string(mcp.StreamAuto),
		"when to open the stream on which the server sends messages of its own accord: auto (if it keeps a session), "+
			"always or never")
	registerTLS(f, &flags.network)
	for _, setting := range flags.log.settings() {
		setting.register(f)
	}
	return command
}

// check finds flags that contradict each other, and reads the headers.
func (f *mcpFlags) check() error {
	if f.config.MaxMessage < 1 || f.config.Timeout < 0 || f.config.Drain < 0 {
		return errors.New("--max-message must be positive, --timeout and --drain-timeout must not be negative")
	}
	if !slices.Contains([]string{"auto", "always", "never"}, f.stream) {
		return fmt.Errorf("--stream %q is none of auto, always and never", f.stream)
	}
	request := call.Request{URL: "http://localhost/", Headers: f.headers, Bare: true, UserAgent: "-"}
	prepared, err := request.Build(context.Background())
	if err != nil {
		return err
	}
	f.config.Header = prepared.HTTP.Header
	for name := range f.config.Header {
		if mcp.Owns(name) {
			return fmt.Errorf("header %s is of the protocol: furl mcp sets it itself", name)
		}
	}
	if prepared.HTTP.Host != "localhost" {
		return errors.New("header Host is that of the URL: a front end that sends another one goes with --sign-host")
	}
	if f.config.Header.Get("User-Agent") == "" {
		f.config.Header.Set("User-Agent", "furl/"+Built().Version)
	}
	return nil
}

func (p *program) runMCP(command *cobra.Command, flags *mcpFlags, args []string) error {
	if args = flags.named(args); len(args) > 1 {
		return expected(command, args)
	}
	if flags.given("print-config") {
		return p.printMCPConfig(command, flags, args[0])
	}
	if err := flags.check(); err != nil {
		return usage(command, err)
	}
	log, err := p.logger(&flags.log)
	if err != nil {
		return usage(command, err)
	}
	flags.config.Log, flags.config.Stream = log, mcp.Stream(flags.stream)
	base, err := flags.transport(flags.network, true)
	if err != nil {
		return usage(command, err)
	}
	defer base.CloseIdleConnections()
	server := mcpServer{program: p, command: command, flags: flags, base: base, argument: args[0]}
	flags.config.Open, flags.config.Explain = server.open, server.explain
	bridge, err := mcp.New(flags.config)
	if err != nil {
		return usage(command, err)
	}
	// What is wrong with the command line shall end the command. Everything else answers the client's requests: it is
	// there that its user looks, and a person may log in meanwhile.
	if _, err := server.open(command.Context()); err != nil {
		if row, _ := outcome(command.Context(), err); errorTable[row].code == exitUsage {
			return err
		}
		server.first = err
	}
	return bridge.Run(command.Context(), p.stop, p.streams.In, p.streams.Out)
}

// named takes the client of --print-config CLIENT from the arguments, where it is if no = stands before it.
func (f *mcpFlags) named(args []string) []string {
	if !f.given("print-config") || f.printConfig != mcp.ClientNames()[0] || len(args) != 2 {
		return args
	}
	at := slices.IndexFunc(args, func(arg string) bool { _, ok := mcp.FindClient(arg); return ok })
	if at < 0 && strings.ContainsAny(args[0], "/.:") { // an address, and a client that there is not
		at = 1
	}
	at = max(at, 0)
	f.printConfig = args[at]
	return slices.Delete(slices.Clone(args), at, at+1)
}

// mcpServer is the server that the command line names.
type mcpServer struct {
	program  *program
	command  *cobra.Command
	flags    *mcpFlags
	base     *http.Transport
	argument string

	mu     sync.Mutex
	first  error // of the first attempt, which nobody has heard of
	signer *signer

	explaining sync.Mutex
	explained  explanation // the latest
}

// explanation is what was said of an error.
type explanation struct {
	key           string // "" for an error that no other one is like
	message, hint string
	at            time.Time
}

// open says where the server is.
func (s *mcpServer) open(context.Context) (mcp.Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.first; err != nil {
		s.first = nil
		return mcp.Server{}, err
	}
	if s.signer == nil {
		signer, err := s.flags.signing.open(s.program, s.command, s.argument)
		if err != nil {
			return mcp.Server{}, err
		}
		if err := signer.checkRegions(signer.host); err != nil {
			return mcp.Server{}, err
		}
		signer.transport.Base = s.base
		s.signer = signer
	}
	return mcp.Server{URL: s.signer.url, Transport: s.signer.transport, Host: s.signer.signHost}, nil
}

// explain says of an error what furl call says of it. It looks at one error at a time: it asks the APIs about a
// refusal, once for all that come while it asks and soon after.
func (s *mcpServer) explain(ctx context.Context, err error) (message, hint string) {
	s.explaining.Lock()
	defer s.explaining.Unlock()
	key := ""
	if refused, ok := errors.AsType[*mcp.RefusedError](err); ok && refused.Explain == "" { // not by a request id
		key = refused.Error()
	}
	const soon = 10 * time.Second
	if last := &s.explained; key != "" && last.key == key && time.Since(last.at) < soon {
		return last.message, last.hint
	}
	s.mu.Lock()
	signer := s.signer
	if signer == nil { // another attempt to open may change what locate looks at
		defer s.mu.Unlock()
	} else {
		s.mu.Unlock()
		err = s.about(ctx, signer, err)
	}
	err = s.program.locate(ctx, err)
	_, hint = outcome(ctx, err)
	s.explained = explanation{key, err.Error(), hint, time.Now()}
	return err.Error(), hint
}

// about gives an error of a request its kind.
func (s *mcpServer) about(ctx context.Context, signer *signer, err error) error {
	if refused, ok := errors.AsType[*mcp.RefusedError](err); ok {
		return s.program.refused(ctx, refused.Refusal, signer)
	}
	answered, ok := errors.AsType[*mcp.StatusError](err)
	if !ok {
		return err
	}
	failed := unhappy(call.Result{Status: answered.Status, Failure: call.FailureOf(answered.Response)}, signer)
	url, _ := furl.ParseURL(signer.url) // signer has parsed it
	switch {
	case failed != nil:
		return failed
	case answered.Status == http.StatusNotFound || answered.Status == http.StatusMethodNotAllowed:
		return fail(mcpNotThere, err, cmp.Or(signer.function, "FUNCTION")+"/mcp",
			strings.TrimPrefix(url.Target, url.Base))
	case answered.Status == http.StatusUnauthorized || answered.Status == http.StatusForbidden:
		return fail(mcpWantsMore, err)
	}
	return err
}

// fromShell are the variables that say where credentials and servers are, which a client that was not started in a
// shell lacks, each with the flag that outranks it. None of them holds a secret.
var fromShell = [][2]string{
	{"AWS_PROFILE", "profile"}, {"AWS_REGION", "region"}, {"AWS_DEFAULT_REGION", "region"},
	{"AWS_ENDPOINT_URL", "endpoint-url"}, {"AWS_CA_BUNDLE", "cacert"}, {"AWS_CONFIG_FILE", ""},
	{"AWS_SHARED_CREDENTIALS_FILE", ""},
}

// printMCPConfig prints what a client needs to start this command.
func (p *program) printMCPConfig(command *cobra.Command, flags *mcpFlags, argument string) error {
	client, ok := mcp.FindClient(flags.printConfig)
	if !ok {
		return usage(command, fmt.Errorf("--print-config %q is none of %s", flags.printConfig,
			strings.Join(mcp.ClientNames(), ", ")))
	}
	if err := flags.check(); err != nil {
		return usage(command, err)
	}
	target, err := call.ParseTarget(argument)
	if err != nil {
		return usage(command, err)
	}
	host := ""
	if target.URL != "" {
		parsed, err := furl.ParseURL(target.URL)
		if err != nil {
			return usage(command, err)
		}
		host = cmp.Or(parsed.ID, parsed.Host)
	}
	entry := mcp.Entry{Name: entryName(cmp.Or(functionName(target.Function), host)), Env: map[string]string{}}
	if entry.Command, err = ownPath(); err != nil {
		return err
	}
	entry.Args = []string{"mcp", argument}
	var faults []error
	command.Flags().Visit(func(f *pflag.Flag) {
		words, err := flagWords(f)
		entry.Args, faults = append(entry.Args, words...), append(faults, err)
	})
	if err := errors.Join(faults...); err != nil {
		return usage(command, err)
	}
	for _, pair := range fromShell {
		name, flag := pair[0], pair[1]
		if value := p.getenv(name); value != "" && (flag == "" || !flags.given(flag)) {
			entry.Env[name] = value
		}
	}
	if p.getenv("AWS_SECRET_ACCESS_KEY") != "" && !flags.given("profile") {
		p.note("the keys of this shell are not in the configuration, since they are secret: " +
			"name a profile with --profile")
	}
	p.note("paste this into %s (%s)", client.Place, client.Title)
	_, err = io.WriteString(p.streams.Out, client.Config(entry))
	return err
}

// flagWords is a flag as words of a command line that works in every directory.
func flagWords(f *pflag.Flag) ([]string, error) {
	switch value, isList := f.Value.(pflag.SliceValue); {
	case f.Name == "print-config":
		return nil, nil
	case isList: // --header
		var words []string
		for _, header := range value.GetSlice() {
			file, isFile := strings.CutPrefix(header, "@")
			if !isFile {
				return nil, errors.New("a header may be a secret, and the configuration is no place for one: " +
					"write the headers into a file and say --header @FILE")
			}
			path, err := filepath.Abs(file)
			if err != nil {
				return nil, err
			}
			words = append(words, "--"+f.Name, "@"+path)
		}
		return words, nil
	case f.Value.Type() == "bool":
		return []string{"--" + f.Name + "=" + f.Value.String()}, nil
	case f.Name == "cacert":
		path, err := filepath.Abs(f.Value.String())
		return []string{"--" + f.Name, path}, err
	default:
		return []string{"--" + f.Name, f.Value.String()}, nil
	}
}

// entryName is a name as all clients take it.
func entryName(name string) string {
	name, _, _ = strings.Cut(name, ":")
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' {
			return c
		}
		return '-'
	}, name)
}

// ownPath is where this program is: the link that the shell finds, which stays when the program gets a new version, or
// else the file.
func ownPath() (string, error) {
	file, err := os.Executable()
	if err != nil {
		return "", err
	}
	found, err := exec.LookPath(os.Args[0])
	if err != nil {
		return file, nil
	}
	one, errOne := os.Stat(found)
	other, errOther := os.Stat(file)
	if errOne != nil || errOther != nil || !os.SameFile(one, other) {
		return file, nil
	}
	return filepath.Abs(found)
}
