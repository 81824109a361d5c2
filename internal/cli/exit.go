package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

// Exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitFunction    = 3
	exitDenied      = 4
	exitConnect     = 5 // name resolution, connection, TLS
	exitCredentials = 6
	exitInterrupted = 130
)

// status is what exit statuses mean for a command.
type status map[int]string

// meanings are the meanings that most commands share.
var meanings = status{
	exitFailed:      "failed",
	exitUsage:       "wrong usage",
	exitFunction:    "the function answered 400 or more and --fail was given",
	exitDenied:      "denied by AWS",
	exitConnect:     "could not connect",
	exitCredentials: "no credentials",
	exitInterrupted: "interrupted",
}

// exitStatus is the paragraph of a help text on the exit status: what the command means by some codes, and the others
// that it has, with their usual meaning.
func exitStatus(own status, others ...int) string {
	all := maps.Clone(own)
	for _, code := range others {
		all[code] = meanings[code]
	}
	var words []string
	for _, code := range slices.Sorted(maps.Keys(all)) {
		words = append(words, strings.Fields(fmt.Sprintf("%d %s,", code, all[code]))...)
	}
	const width = 120
	line := "Exit status:"
	var text strings.Builder
	for _, word := range words {
		if len(line)+1+len(word) > width {
			text.WriteString(line + "\n")
			line = word
			continue
		}
		line += " " + word
	}
	return text.String() + strings.TrimSuffix(line, ",") + "."
}

// awsStatus is the exit status of a command that sets something up: own, and what all of them can end with.
func awsStatus(own status) string {
	own[exitUsage] = "wrong usage, or refused because it could not work"
	return exitStatus(own, exitDenied, exitConnect, exitCredentials, exitInterrupted)
}

// kind is a row of the table of errors.
type kind int

// The kinds of errors. The first ones are named where they arise, with fail; the others are recognized by their value,
// in this order.
const (
	wrongUsage kind = iota
	twoRegions
	wrongEndpoint
	noURL
	noServer
	noAnswer
	noRootKey
	pageDenied
	listenFailed
	linesInvalid
	lintFindings
	functionFailed
	callRefused
	callExplained
	verdictRefused
	interrupted

	unknownCommand
	planRefusedNow
	planRefused
	inputInvalid
	noRegion
	permissionMissing
	credentialsRefused
	noCredentials
	endpointUnreachable
	operationMissing
	planHalfDone
	apiFailed
	notConnected
	wrongRequest
	lookupDenied
	otherwise
)

// errorTable says with which exit status the program ends for each kind of error, and what to type next. It is the only
// place with hints. A hint has a %s for each argument of fail, or for each that match returns.
var errorTable = [...]struct {
	code  int
	hint  string
	match func(error) (arguments []any, ok bool)
}{
	wrongUsage:     {exitUsage, "%s --help", nil},
	twoRegions:     {exitUsage, "leave --region out", nil},
	wrongEndpoint:  {exitUsage, "--endpoint-url ADDRESS, for example --endpoint-url http://127.0.0.1:9000", nil},
	noURL:          {exitFailed, "furl url create %s", nil},
	noServer:       {exitFailed, "furl serve --data %s", nil},
	noAnswer:       {exitFailed, "furl serve   # or name the server with --data or --endpoint-url", nil},
	noRootKey:      {exitFailed, "furl serve --account %s", nil},
	pageDenied:     {exitDenied, "--data DIR with the data directory of the server, or --profile NAME", nil},
	listenFailed:   {exitFailed, "choose another address with --listen", nil},
	linesInvalid:   {exitFailed, "the answers to those lines say what is wrong with them", nil},
	lintFindings:   {exitFailed, "make the fix of each finding, and then: furl policy lint %s", nil},
	functionFailed: {exitFunction, "", nil},
	callRefused:    {exitDenied, "furl check %s", nil},
	callExplained:  {exitDenied, "furl explain %s\nfurl check %s", nil},
	verdictRefused: {exitDenied, "", nil},
	interrupted:    {exitInterrupted, "", nil},

	unknownCommand: {exitUsage, "furl --help", func(err error) ([]any, bool) {
		return nil, strings.HasPrefix(err.Error(), "unknown command")
	}},
	planRefusedNow: {exitFailed, "%s", func(err error) ([]any, bool) {
		refused, ok := errors.AsType[*setup.Refusal](err)
		return instead(refused), ok && refused.Now
	}},
	planRefused: {exitUsage, "%s", func(err error) ([]any, bool) {
		refused, ok := errors.AsType[*setup.Refusal](err)
		return instead(refused), ok
	}},
	inputInvalid: {exitUsage, "", func(err error) ([]any, bool) {
		_, ok := errors.AsType[*lambda.Error](err)
		return nil, ok
	}},
	noRegion: {exitUsage, "--region REGION, for example --region eu-central-1", is(awsapi.ErrNoRegion)},
	permissionMissing: {exitDenied, "the credentials need the permission %s", func(err error) ([]any, bool) {
		failed, ok := errors.AsType[*awsapi.Error](err)
		if !ok || failed.Kind != awsapi.Denied {
			return nil, false
		}
		return []any{failed.Action}, true
	}},
	credentialsRefused: {
		exitDenied, `aws sts get-caller-identity   # or, for a local server: eval "$(furl env)"`,
		isAPI(awsapi.BadCredentials),
	},
	noCredentials: {
		exitCredentials, `aws configure, aws sso login, or --profile NAME; for a local server: eval "$(furl env)"`,
		func(err error) ([]any, bool) {
			return nil, errors.Is(err, furl.ErrCredentials) || awsapi.KindOf(err) == awsapi.NoCredentials
		},
	},
	endpointUnreachable: {exitConnect, "--endpoint-url ADDRESS, or check --region", isAPI(awsapi.Unreachable)},
	operationMissing:    {exitFailed, "this endpoint does not have the operation", isAPI(awsapi.Unsupported)},
	planHalfDone: {exitFailed, "the same command again does the rest", func(err error) ([]any, bool) {
		partial, ok := errors.AsType[*setup.PartialError](err)
		return nil, ok && len(partial.Done) > 0
	}},
	apiFailed: {exitFailed, "", func(err error) ([]any, bool) {
		_, ok := errors.AsType[*awsapi.Error](err)
		return nil, ok
	}},
	notConnected: {exitConnect, "", func(err error) ([]any, bool) {
		return nil, errors.Is(err, call.ErrConnect) || awsconfig.IsConnect(err)
	}},
	wrongRequest: {exitUsage, "", is(furl.ErrRequest)},
	lookupDenied: {exitDenied, "aws sts get-caller-identity", func(err error) ([]any, bool) {
		return nil, awsconfig.IsDenied(err)
	}},
	otherwise: {exitFailed, "", func(error) ([]any, bool) { return nil, true }},
}

func is(target error) func(error) ([]any, bool) {
	return func(err error) ([]any, bool) { return nil, errors.Is(err, target) }
}

func isAPI(kind awsapi.Kind) func(error) ([]any, bool) {
	return func(err error) ([]any, bool) { return nil, awsapi.KindOf(err) == kind }
}

// instead is what to do in place of what was refused.
func instead(refused *setup.Refusal) []any {
	if refused == nil {
		return nil
	}
	return []any{refused.Instead}
}

// failure is an error of a kind that its value does not show.
type failure struct {
	error
	kind      kind
	arguments []any // of the hint
}

func (f *failure) Unwrap() error { return f.error }

// fail gives an error its kind, and the arguments of the hint.
func fail(kind kind, err error, arguments ...any) error { return &failure{err, kind, arguments} }

// usage is an error in how the command was typed.
func usage(command *cobra.Command, err error) error {
	return fail(wrongUsage, err, command.CommandPath())
}

// outcome is the kind of an error, and what to type next.
func outcome(ctx context.Context, err error) (kind, string) {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return interrupted, ""
	}
	if failed, ok := errors.AsType[*failure](err); ok {
		return failed.kind, fmt.Sprintf(errorTable[failed.kind].hint, failed.arguments...)
	}
	for i, row := range errorTable {
		if row.match == nil {
			continue
		}
		if arguments, ok := row.match(err); ok {
			return kind(i), fmt.Sprintf(row.hint, arguments...)
		}
	}
	return otherwise, ""
}

// exit says what went wrong and what to type next, and returns the exit status.
func (p *program) exit(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	kind, hint := outcome(ctx, err)
	code := errorTable[kind].code
	if p.silent || kind == interrupted {
		return code
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(p.streams.Err, "furl: error: %s\n", strings.TrimRight(line, "\n"))
	}
	for line := range strings.Lines(hint) {
		fmt.Fprintf(p.streams.Err, "furl: hint: %s\n", strings.TrimRight(line, "\n"))
	}
	return code
}
