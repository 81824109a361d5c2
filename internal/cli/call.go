package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/snippet"
)

// callFlags are the flags of call.
type callFlags struct {
	signing
	request call.Request
	caller  call.Caller
	network call.Network

	remoteName     bool
	silent         bool
	showError      bool
	failWithBody   bool
	retry          int
	maxTime        float64
	connectTimeout float64

	load   call.Load
	report string
}

func (p *program) call() *cobra.Command {
	var flags callFlags
	command := &cobra.Command{
		Use:   "call URL|FUNCTION[/PATH]",
		Short: "Call a function URL: one signed request, with curl's flags",
		Long: `Call a function URL: one signed request, with curl's flags and habits. The URL's path and query go out
byte for byte as typed. The name or ARN of a function also works, with an alias (my-function:live) and a path; the
command then looks up the URL.

The command finds credentials as the AWS CLI does. The region is that of the URL. The response goes to the standard
output as it arrives, everything else to the standard error. When the answer is 403, a message says who refused and what
to type next.

-v shows the canonical request and the string to sign, without the session token. It also sends the canonical request to
a server on this machine, as an unsigned header, so that furl explain can show where it differs from the server's.

--repeat sends the request many times and reports the times instead of the responses: one request after the other,
unless --concurrency says how many at one time and --rate how many a second.

` + exitStatus(status{exitOK: "answered", exitDenied: "refused by authentication or authorization"},
			exitFailed, exitUsage, exitFunction, exitConnect, exitCredentials, exitInterrupted),
		Example: `  furl call 'https://XYZ.lambda-url.eu-central-1.on.aws/book?page=5'
  furl call my-function/login --json '{"user": "a"}'
  furl call https://app.example.com/book --sign-host XYZ.lambda-url.eu-central-1.on.aws
  furl call my-function --repeat 1000 --concurrency 10`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			p.quiet, p.silent = flags.silent, flags.silent && !flags.showError
			return p.runCall(command, &flags, args[0])
		},
	}
	flags.signing.register(p, command)
	registerRequest(command, &flags.request)
	flags.register(command)
	return command
}

func (c *callFlags) register(command *cobra.Command) {
	f := command.Flags()
	f.StringVarP(&c.caller.Output, "output", "o", "", "file to write the response to")
	f.BoolVarP(&c.remoteName, "remote-name", "O", false, "write the response to a file named as the end of the URL's path")
	f.BoolVarP(&c.caller.Include, "include", "i", false, "print the response's headers too")
	f.BoolVarP(&c.silent, "silent", "s", false, "no progress and no messages")
	f.BoolVarP(&c.showError, "show-error", "S", false, "with --silent, still print messages")
	f.BoolVarP(&c.caller.Verbose, "verbose", "v", false,
		"print who calls, what was signed, what was sent and how long it took")
	f.StringVarP(&c.caller.WriteOut, "write-out", "w", "",
		"print this at the end: text with %{variables} as in curl, or @FILE")
	f.BoolVarP(&c.caller.Follow, "location", "L", false, "follow redirects; requests to another host are not signed")
	f.IntVar(&c.caller.MaxRedirects, "max-redirs", 50, "how many redirects to follow")
	f.BoolVarP(&c.caller.Fail, "fail", "f", false, "exit with 3 if the status is 400 or more, and print no body")
	f.BoolVar(&c.failWithBody, "fail-with-body", false, "as --fail, and print the body")
	f.IntVar(&c.retry, "retry", 0,
		"how often to repeat an idempotent request that was answered with 429, 502, 503 or 504")
	f.Float64VarP(&c.maxTime, "max-time", "m", 0, "seconds that the call may take")
	f.Float64Var(&c.connectTimeout, "connect-timeout", 30, "seconds that a connection may take")
	f.StringArrayVar(&c.network.Resolve, "resolve", nil,
		"HOST:PORT:ADDRESS, the address to use for a host; may be repeated")
	registerTLS(f, &c.network)
	f.IntVar(&c.load.Repeat, "repeat", 0, "how often to send the request")
	f.IntVar(&c.load.Concurrency, "concurrency", 1, "with --repeat: how many requests at one time")
	f.Float64Var(&c.load.Rate, "rate", 0, "with --repeat: how many requests a second (default no limit)")
	f.StringVar(&c.report, "report", "text", "with --repeat: how to report, text or json")
}

// registerRequest registers the flags that say what to send, with curl's names.
func registerRequest(command *cobra.Command, q *call.Request) {
	f := command.Flags()
	f.StringVarP(&q.Method, "request", "X", "", "method (default GET, or what the body implies)")
	f.StringArrayVarP(&q.Headers, "header", "H", nil,
		"header \"NAME: VALUE\", \"NAME:\" to leave one out, or @FILE; may be repeated")
	for _, flag := range []struct {
		name, short string
		encoding    call.Encoding
		usage       string
	}{
		{"data", "d", call.Plain, "`body`, or @FILE without its line ends; may be repeated, joined with &"},
		{"data-raw", "", call.Raw, "`body` as for --data, but @ has no meaning"},
		{"data-binary", "", call.Binary, "`body`, or @FILE unchanged"},
		{"data-urlencode", "", call.URLEncode, "`body`, percent-encoded: CONTENT, NAME=CONTENT, @FILE or NAME@FILE"},
		{"json", "", call.JSON, "JSON `body`, or @FILE, with the headers that belong to it"},
	} {
		f.FuncP(flag.name, flag.short, flag.usage, func(value string) error {
			q.Data = append(q.Data, call.Data{Encoding: flag.encoding, Value: value})
			return nil
		})
	}
	field := func(literal bool) func(string) error {
		return func(value string) error {
			q.Form = append(q.Form, call.Field{Value: value, Literal: literal})
			return nil
		}
	}
	f.FuncP("form", "F",
		"form `field` NAME=CONTENT, NAME=@FILE or NAME=<FILE, with ;type= and ;filename=; may be repeated", field(false))
	f.Func("form-string", "form `field` NAME=CONTENT, in which @, < and ; have no meaning", field(true))
	f.StringVarP(&q.Upload, "upload-file", "T", "", "file to send with PUT, or - for the standard input")
	f.BoolVarP(&q.Get, "get", "G", false, "put the data into the query")
	f.BoolVarP(&q.Head, "head", "I", false, "send HEAD and print the headers")
	f.BoolVar(&q.Compressed, "compressed", false, "ask for a compressed response and decompress it")
	for name, short := range map[string]string{"path-as-is": "", "globoff": "g"} { // curl needs them, furl does not
		f.BoolP(name, short, true, "always the case")
		f.Lookup(name).Hidden = true
	}
	f.StringVarP(&q.UserAgent, "user-agent", "A", "furl/"+buildVersion(), "User-Agent header")
}

// check finds flags that contradict each other.
func (c *callFlags) check(command *cobra.Command) error {
	changed := command.Flags().Changed
	switch {
	case c.remoteName && c.caller.Output != "":
		return errors.New("use one of --output and --remote-name, not both")
	case c.caller.Fail && c.failWithBody:
		return errors.New("use one of --fail and --fail-with-body, not both")
	case c.retry < 0 || c.maxTime < 0 || c.connectTimeout < 0 || c.caller.MaxRedirects < 0:
		return errors.New("--retry, --max-time, --connect-timeout and --max-redirs must not be negative")
	case !changed("repeat") && (changed("concurrency") || changed("rate") || changed("report")):
		return errors.New("--concurrency, --rate and --report go with --repeat: add --repeat N")
	case changed("repeat") && (c.caller.Output != "" || c.remoteName || c.caller.Include || c.caller.Verbose ||
		c.caller.WriteOut != "" || c.caller.Follow):
		return errors.New("--repeat prints no responses and follows no redirects: leave out -o, -O, -i, -v, -w and -L")
	case c.report != "text" && c.report != "json":
		return fmt.Errorf("--report %q is neither text nor json", c.report)
	}
	return nil
}

func (p *program) runCall(command *cobra.Command, flags *callFlags, argument string) error {
	if err := flags.check(command); err != nil {
		return usage(command, err)
	}
	flags.clients = flags.caller.Verbose // it asks STS who calls
	signer, prepared, err := p.prepare(command, &flags.signing, &flags.request, argument)
	if err != nil {
		return err
	}
	flags.network.ConnectTimeout = seconds(flags.connectTimeout)
	base, err := flags.transport(flags.network, prepared.URL.Scheme == "https")
	if err != nil {
		return usage(command, err)
	}
	signer.transport.Base = base
	defer base.CloseIdleConnections()
	if flags.retry > 0 {
		signer.transport.MaxRetries = flags.retry
	}
	if command.Flags().Changed("repeat") {
		return p.runLoad(command, flags, signer, prepared)
	}
	if flags.maxTime > 0 {
		ctx, cancel := context.WithTimeoutCause(prepared.HTTP.Context(), seconds(flags.maxTime), call.ErrTimeout)
		defer cancel()
		prepared.HTTP = prepared.HTTP.WithContext(ctx)
	}

	caller := &flags.caller
	caller.Transport, caller.Stdout, caller.Stderr = signer.transport, p.streams.Out, p.streams.Err
	caller.RawStdout, caller.RawStderr = raw(p.streams.Out), raw(p.streams.Err)
	caller.Decompress = flags.request.Compressed
	caller.Include = caller.Include || flags.request.Head
	caller.KeepMethod = flags.request.Method != ""
	if flags.remoteName {
		if caller.Output, err = call.RemoteName(prepared.URL); err != nil {
			return usage(command, err)
		}
	}
	toFile := caller.Output != "" && caller.Output != "-"
	caller.Progress = !flags.silent && isTerminal(p.streams.Err) && (toFile || !isTerminal(p.streams.Out))
	if caller.Verbose {
		caller.Identity = identity(signer)
		caller.TellServer = len(flags.network.Resolve) == 0
	}
	result, err := caller.Do(prepared)
	if err != nil {
		return err
	}
	return p.verdict(command.Context(), flags, signer, result)
}

// prepare opens the signer and builds the request.
func (p *program) prepare(
	command *cobra.Command, s *signing, q *call.Request, argument string,
) (*signer, *call.Prepared, error) {
	signer, err := s.open(p, command, argument)
	if err != nil {
		return nil, nil, err
	}
	q.URL, q.Stdin = signer.url, p.streams.In
	prepared, err := q.Build(command.Context())
	if err != nil {
		return nil, nil, usage(command, err)
	}
	signer.sendAs(prepared)
	return signer, prepared, signer.checkRegions(cmp.Or(prepared.HTTP.Host, prepared.URL.Host))
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

// verdict turns the response into an error, or nil.
func (p *program) verdict(ctx context.Context, flags *callFlags, s *signer, result call.Result) error {
	if result.Refusal.Layer != "" {
		return p.refused(ctx, result.Refusal, s)
	}
	if result.Status == http.StatusForbidden {
		p.note("the function itself answered 403: the signature and the permissions were accepted")
	}
	answered := unhappy(result, s)
	if (flags.caller.Fail || flags.failWithBody) && result.Status >= http.StatusBadRequest {
		return cmp.Or(answered, fail(functionFailed, fmt.Errorf("the function answered %d", result.Status)))
	}
	if answered != nil && !flags.silent {
		_, hint := outcome(context.Background(), answered)
		p.note("%v", answered)
		p.tell("furl: hint: ", hint)
	}
	return nil
}

// unhappy is what there is to say of an answer that is no refusal: of a function that failed, or that did not understand
// the body. It is nil if there is nothing.
func unhappy(result call.Result, s *signer) error {
	switch failure := result.Failure; {
	case failure != nil:
		why := ""
		if failure.ErrorType != "" {
			why = " (" + failure.ErrorType + ")"
		}
		err := fmt.Errorf("the function failed%s, and Lambda instead of the function answered %d", why, result.Status)
		name := cmp.Or(functionName(failure.Function), s.function, "NAME")
		if failure.Explained {
			return fail(callFailed, err, name, snippet.Quote(failure.RequestID))
		}
		region := s.config.Region
		if parsed, err := furl.ParseURL(s.url); err == nil {
			region = cmp.Or(parsed.Region, region)
		}
		return fail(callFailedAtAWS, err, name, cmp.Or(region, "REGION"), snippet.Quote(failure.RequestID))
	case result.Untyped != "":
		return fail(callUntyped, fmt.Errorf("the function answered %d: %s", result.Status, result.Untyped))
	default:
		return nil
	}
}

// refused says who refused a request, and who can change it.
func (p *program) refused(ctx context.Context, r furl.Refusal, s *signer) error {
	explain := ""
	if r.Explain != "" {
		explain = r.RequestID
	}
	switch {
	case r.Layer == furl.Address:
		return fail(urlGone, errors.New("refused: there is no such function URL"), explain, s.check)
	case r.Layer == furl.Authorization:
		err := errors.New("refused by authorization: the signature is right, but the caller may not call this function URL")
		caller, function, unnamed := s.caller(ctx), s.functionName(ctx), ""
		if function == "" {
			unnamed = s.check
		}
		return fail(callerDenied, err, explain, s.check, function, caller, unnamed, caller)
	case r.Message == "Forbidden":
		return fail(callRefused, fmt.Errorf("refused by authentication (%s): the signature did not reach Lambda: "+
			"something on the way removes the Authorization header", r.ErrorType), explain, s.check)
	}
	err := fmt.Errorf("refused by authentication (%s): %s", r.ErrorType, r.Message)
	keys, keysErr := s.transport.Credentials.Retrieve(ctx)
	if keysErr == nil && keys.SessionToken != "" && p.leftToken(keys.AccessKeyID) {
		return fail(tokenLeft, err, explain, s.check)
	}
	return fail(callRefused, err, explain, s.check)
}

func (p *program) runLoad(command *cobra.Command, flags *callFlags, s *signer, prepared *call.Prepared) error {
	load := flags.load
	load.Transport, load.Timeout = s.transport, seconds(flags.maxTime)
	report, err := load.Run(command.Context(), prepared)
	if err != nil {
		return usage(command, err)
	}
	write := report.WriteText
	if flags.report == "json" {
		write = report.WriteJSON
	}
	if err := write(p.streams.Out); err != nil {
		return err
	}
	return flags.loadVerdict(command.Context(), report, s)
}

// loadVerdict turns the report into an error, the one that matters most, or nil.
func (c *callFlags) loadVerdict(ctx context.Context, report call.Report, s *signer) error {
	for layer := range report.Refused {
		return fail(callRefused, fmt.Errorf("%d requests were refused by %s", report.Refused[layer], layer), "", s.check)
	}
	failed, errored := report.Count()-len(report.Times), 0
	for status, n := range report.Statuses {
		if status >= http.StatusBadRequest {
			errored += n
		}
	}
	switch {
	case failed > 0:
		return fmt.Errorf("%d of %d requests failed", failed, report.Count())
	case (c.caller.Fail || c.failWithBody) && errored > 0:
		return fail(functionFailed, fmt.Errorf("the function answered %d requests with 400 or more", errored))
	case report.Stopped:
		return context.Cause(ctx)
	}
	return nil
}

// registerTLS registers the flags that say which servers to trust.
func registerTLS(f *pflag.FlagSet, network *call.Network) {
	f.BoolVarP(&network.Insecure, "insecure", "k", false, "do not check the server's certificate")
	f.StringVar(&network.CACert, "cacert", "",
		"PEM file of the certificates to trust (default $AWS_CA_BUNDLE, else the system's)")
	readFrom(f, "cacert", "AWS_CA_BUNDLE")
}

// transport makes what sends the requests. The certificates of the environment are not read where nothing checks them.
func (s *signing) transport(network call.Network, checked bool) (*http.Transport, error) {
	if (!checked || network.Insecure) && !s.given("cacert") {
		network.CACert = ""
	}
	if checked {
		network.Authority = s.trust
	}
	return network.Transport()
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
