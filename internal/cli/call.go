package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/furlproto"
)

// callFlags are the flags of call.
type callFlags struct {
	signing
	requestFlags
	caller  call.Caller
	network call.Network

	outputs        []output // one for each URL
	remoteNameAll  bool
	silent         bool
	pretty         bool
	har            call.HAR
	harFile        string
	showError      bool
	noProgress     bool
	failWithBody   bool
	failEarly      bool
	retry          int
	maxTime        float64
	connectTimeout float64
	cookieJar      string
	bearer         string
	noSign         bool
	ipv4, ipv6     bool
	http1          bool
	limitRate      string
	socks5         string
	socks5h        string

	load   call.Load
	report string
}

func (p *program) call() *cobra.Command {
	var flags callFlags
	command := &cobra.Command{
		Use:   "call URL|FUNCTION[/PATH]...",
		Short: "Call a function URL: one signed request, with curl's flags",
		Long: `Call a function URL: one signed request, with curl's flags and habits. The URL's path and query go out
byte for byte as typed. The name or ARN of a function also works, with an alias (my-function:live) and a path; the
command then looks up the URL.

The command finds credentials as the AWS CLI does. The region is that of the URL. The response goes to the standard
output as it arrives, everything else to the standard error. When the answer is 403, a message says who refused and what
to type next.

-v shows the canonical request and the string to sign, without the session token. It also sends the canonical request to
a server on this machine, as an unsigned header, so that furl explain can show where it differs from the server's.

With several URLs the command sends the same request to each, one after the other, as curl does: the nth --output is for
the nth URL, and what has none goes to the standard output. The last URL decides the exit status, unless --fail-early
ends the command at the first failure.

A command line is for everyone on the machine to read. --config - reads flags with secrets from the standard input. -v
and messages never show passwords, tokens and the values of cookies. Every flag of curl: docs/curl.md.

--repeat sends the request many times and reports the times instead of the responses: one request after the other,
unless --concurrency says how many at one time and --rate how many a second.

` + exitStatus(status{exitOK: "answered", exitDenied: "refused by authentication or authorization"},
			exitFailed, exitUsage, exitFunction, exitConnect, exitCredentials, exitInterrupted),
		Example: `  furl call 'https://XYZ.lambda-url.eu-central-1.on.aws/book?page=5'
  furl call my-function/login --json '{"user": "a"}' -c cookies.txt
  furl call https://app.example.com/book --sign-host XYZ.lambda-url.eu-central-1.on.aws
  furl call my-function --pretty --har calls.har
  furl call my-function --repeat 1000 --concurrency 10`,
		RunE: func(command *cobra.Command, args []string) error {
			p.quiet, p.silent = flags.silent, flags.silent && !flags.showError
			targets := flags.targets(args)
			if len(targets) == 0 {
				return expected(command, args)
			}
			if err := misplaced(command, args); err != nil {
				return err
			}
			return p.runCall(command, &flags, targets)
		},
	}
	flags.signing.register(p, command)
	flags.requestFlags.register(p, command)
	flags.register(command)
	return command
}

func (p *program) runCall(command *cobra.Command, flags *callFlags, targets []string) error {
	if err := flags.check(command, targets); err != nil {
		return usage(command, err)
	}
	if err := flags.requestFlags.settle(p, command, targets); err != nil {
		return err
	}
	if err := flags.requestFlags.hint(command, &flags.signing); err != nil {
		return err
	}
	if err := flags.settleNetwork(p, command); err != nil {
		return err
	}
	flags.reason = flags.unsigned(command)
	flags.clients = flags.caller.Verbose && flags.reason == "" // it asks STS who calls
	flags.scheme = flags.protocol
	signer, err := flags.signing.open(p, command, targets...)
	if err != nil {
		return err
	}
	base, err := flags.transport(flags.network, signer.overTLS())
	if err != nil {
		return usage(command, err)
	}
	defer base.CloseIdleConnections()
	signer.sendThrough(base, flags.retry)
	if err := flags.jar(signer.hostname(), flags.cookieJar != ""); err != nil {
		return usage(command, err)
	}
	if flags.reason != "" {
		if flags.Login, err = flags.login(p, command); err != nil {
			return err
		}
	}
	if command.Flags().Changed("repeat") {
		return p.repeatCall(command, flags, signer)
	}
	if len(flags.outputs) > len(targets) {
		p.note("there are %d files for the responses of %d URLs", len(flags.outputs), len(targets))
	}
	for n := range signer.all {
		if err != nil { // of the URL before
			p.exit(command.Context(), p.locate(command.Context(), err))
		}
		err = p.callOne(command, flags, signer, n)
		if err != nil && (flags.failEarly || command.Context().Err() != nil) {
			break
		}
	}
	if flags.harFile != "" {
		if harErr := p.writeHAR(flags); harErr != nil {
			if err == nil {
				return fmt.Errorf("what was sent and received is not kept: %w", harErr)
			}
			p.note("what was sent and received is not kept: %v", harErr)
		}
	}
	if flags.cookieJar != "" {
		if jarErr := flags.Jar.Write(flags.cookieJar, p.streams.Out); jarErr != nil {
			p.note("the cookies are not kept: %v", jarErr) // as curl, which goes on as well
		}
	}
	return err
}

// writeHAR keeps what was sent and received.
func (p *program) writeHAR(flags *callFlags) error {
	flags.har.Version = Built().Version
	if flags.harFile == "-" {
		return flags.har.Write(p.streams.Out)
	}
	return flags.har.WriteFile(flags.harFile)
}

// writeTo gives the caller the streams. Messages begin on a line of their own.
func (p *program) writeTo(c *call.Caller) {
	if p.lines == nil {
		p.lines = newEndOfLine(p.streams)
	}
	c.Stdout, c.RawStdout = p.lines.body(p.streams.Out), p.lines.body(raw(p.streams.Out))
	c.Stderr, c.RawStderr = p.lines.message(p.streams.Err), raw(p.streams.Err)
}

// build builds the request for the nth URL of the command line.
func (q *requestFlags) build(command *cobra.Command, s *signer, n int) (*call.Prepared, error) {
	s.endpoint = s.all[n]
	q.URL, q.Unsigned, q.Upload = s.url, s.unsigned != "", ""
	if n < len(q.uploads) {
		q.Upload = q.uploads[n]
	}
	if q.stdin != nil {
		q.Stdin = bytes.NewReader(q.stdin)
	}
	prepared, err := q.Build(command.Context())
	if err != nil {
		return nil, usage(command, err)
	}
	if q.Unsigned {
		return prepared, nil
	}
	s.sendAs(prepared)
	return prepared, s.checkRegions(cmp.Or(prepared.HTTP.Host, prepared.URL.Host))
}

// callOne calls the nth URL of the command line.
func (p *program) callOne(command *cobra.Command, flags *callFlags, s *signer, n int) error {
	prepared, err := flags.build(command, s, n)
	if err != nil {
		return err
	}
	if flags.maxTime > 0 {
		ctx, cancel := context.WithTimeoutCause(prepared.HTTP.Context(), seconds(flags.maxTime), call.ErrTimeout)
		defer cancel()
		prepared.HTTP = prepared.HTTP.WithContext(ctx)
	}
	caller := flags.caller
	to := flags.outputFor(n)
	if caller.Output = to.file; to.remote {
		if caller.Output, err = call.RemoteName(prepared.URL); err != nil {
			return usage(command, err)
		}
	}
	caller.RemoteHeaderName = caller.RemoteHeaderName && to.remote
	caller.DumpAppend, caller.Number = n > 0, n
	toFile := caller.Output != "" && caller.Output != "-"
	p.writeTo(&caller)
	caller.Transport, caller.Unsigned = s.transportFor(), s.unsigned
	caller.Decompress = flags.Compressed
	caller.Include = caller.Include || flags.Head
	caller.KeepMethod = flags.Method != ""
	caller.Progress = !flags.silent && !flags.noProgress && isTerminal(p.streams.Err) &&
		(toFile || !isTerminal(p.streams.Out))
	if flags.harFile != "" {
		caller.Record, caller.RecordBodies = flags.har.Add, call.HARBodies
	}
	if flags.pretty && !toFile && isTerminal(p.streams.Out) {
		caller.Filter = func(resp *http.Response, _ io.Writer) io.WriteCloser {
			return call.NewPretty(resp, caller.Decompress, caller.Stdout)
		}
	}
	if caller.Verbose && s.unsigned == "" {
		caller.Identity = identity(s)
		n := &flags.network
		caller.TellServer = len(n.Resolve) == 0 && len(n.ConnectTo) == 0 && !n.Proxies.Given
	}
	result, err := caller.Do(prepared)
	if err != nil {
		return err
	}
	return p.verdict(command.Context(), flags, s, result)
}

// prepare opens the signer of one URL and builds the request.
func (p *program) prepare(
	command *cobra.Command, s *signing, q *requestFlags, targets []string,
) (*signer, *call.Prepared, error) {
	if err := q.settle(p, command, targets); err != nil {
		return nil, nil, err
	}
	if err := q.hint(command, s); err != nil {
		return nil, nil, err
	}
	s.scheme = q.protocol
	signer, err := s.open(p, command, targets...)
	if err != nil {
		return nil, nil, err
	}
	if err := q.jar(signer.hostname(), false); err != nil {
		return nil, nil, usage(command, err)
	}
	signer.all[0].unsigned = "" // a command that signs
	prepared, err := q.build(command, signer, 0)
	return signer, prepared, err
}

// password asks the person at the terminal for the password of a user.
func (p *program) password(user string) (string, error) {
	if !isTerminal(p.streams.In) {
		return "", fmt.Errorf("--user has no password: add :PASSWORD, or have --config - read it (\"user = NAME:PASSWORD\")")
	}
	fmt.Fprintf(p.streams.Err, "Password of %s: ", user)
	text, err := term.ReadPassword(int(p.streams.In.(*os.File).Fd()))
	fmt.Fprintln(p.streams.Err)
	return string(text), err
}

// identity asks STS who calls, unless it would ask AWS about the keys of a local server.
func identity(s *signer) func(context.Context) (string, error) {
	if s.local && aws.ToString(s.config.BaseEndpoint) == "" {
		return nil
	}
	config := s.config
	config.AppID = furlproto.Probe
	return func(ctx context.Context) (string, error) { return awsconfig.CallerARN(ctx, config) }
}

// transport makes what sends the requests. The certificates of the environment are not read where nothing checks them.
func (s *signing) transport(network call.Network, checked bool) (*http.Transport, error) {
	if (!checked || network.Insecure) && !s.given("cacert") {
		network.CACert = ""
	}
	if checked {
		network.Authority = s.trust
	}
	network.Proxies.Getenv = s.p.getenv
	return network.Transport()
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
