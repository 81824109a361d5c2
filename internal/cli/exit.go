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
	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/furlproto"
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

// The kinds of errors that fail names. The rows after them have no name: match recognizes the error.
const (
	wrongUsage kind = iota
	twoRegions
	wrongEndpoint
	noRegion
	noCredentials
	noURL
	noServer
	noAnswer
	noRootKey
	rootKeyGiven
	pageDenied
	listenFailed
	linesInvalid
	lintFindings
	functionFailed
	callFailed
	callFailedAtAWS
	callUntyped
	callRefused
	callExplained
	verdictRefused
	interrupted
)

// errorTable says with which exit status the program ends for each kind of error, and what to type next. It is the only
// place with hints. A hint has a %s for each argument of fail, or one for what match says the error is about. The first
// row that matches counts.
var errorTable = [...]struct {
	code  int
	hint  string
	match func(error) (about string, ok bool)
}{
	wrongUsage:    {exitUsage, "%s --help", nil},
	twoRegions:    {exitUsage, "leave --region out", nil},
	wrongEndpoint: {exitUsage, "--endpoint-url ADDRESS, for example --endpoint-url http://127.0.0.1:9000", nil},
	noRegion:      {exitUsage, "--region REGION, for example --region eu-central-1", is(awsapi.ErrNoRegion)},
	noCredentials: {
		exitCredentials, `aws configure, aws sso login, or --profile NAME; for a local server: eval "$(furl env)"`,
		func(err error) (string, bool) {
			return "", errors.Is(err, furl.ErrCredentials) || awsapi.KindOf(err) == awsapi.NoCredentials
		},
	},
	noURL:     {exitFailed, "furl url create %s", nil},
	noServer:  {exitFailed, "furl serve --data %s", nil},
	noAnswer:  {exitFailed, "furl serve   # or name the server with --data or --endpoint-url", nil},
	noRootKey: {exitFailed, "furl serve --account %s", nil},
	rootKeyGiven: {
		exitFailed, "set FURL_ROOT_ACCESS_KEY_ID and FURL_ROOT_SECRET_ACCESS_KEY as they are set for the server", nil,
	},
	pageDenied:     {exitDenied, "--data DIR with the data directory of the server, or --profile NAME", nil},
	listenFailed:   {exitFailed, "choose another address with --listen", nil},
	linesInvalid:   {exitFailed, "the answers to those lines say what is wrong with them", nil},
	lintFindings:   {exitFailed, "make the fix of each finding, and then: furl policy lint %s", nil},
	functionFailed: {exitFunction, "", nil},
	callFailed:     {exitFunction, "furl logs %s\nfurl explain %s", nil},
	callFailedAtAWS: {
		exitFunction, "aws logs tail /aws/lambda/%s --since 10m   # the log group of the function, for request %s", nil,
	},
	callUntyped:    {exitFunction, furlproto.TypeJSON, nil},
	callRefused:    {exitDenied, "furl check %s", nil},
	callExplained:  {exitDenied, "furl explain %s\nfurl check %s", nil},
	verdictRefused: {exitDenied, "", nil},
	interrupted:    {exitInterrupted, "", nil},

	{exitUsage, "furl --help", func(err error) (string, bool) {
		return "", strings.HasPrefix(err.Error(), "unknown command")
	}},
	{exitFailed, "%s", as(func(refused *setup.Refusal) (string, bool) { return refused.Instead, refused.Now })},
	{exitUsage, "%s", as(func(refused *setup.Refusal) (string, bool) { return refused.Instead, true })},
	{exitUsage, "", as(func(*arn.Error) (string, bool) { return "", true })},
	{exitDenied, "the credentials need the permission %s", api(awsapi.Denied)},
	{exitDenied, `aws sts get-caller-identity   # or, for a local server: eval "$(furl env)"`, api(awsapi.BadCredentials)},
	{exitConnect, "--endpoint-url ADDRESS, or check --region", api(awsapi.Unreachable)},
	{exitFailed, "this endpoint does not have the operation", api(awsapi.Unsupported)},
	{exitFailed, "the same command again does the rest", as(func(partial *setup.PartialError) (string, bool) {
		return "", len(partial.Done) > 0
	})},
	{exitFailed, "", as(func(*awsapi.Error) (string, bool) { return "", true })},
	{exitConnect, "", is(call.ErrConnect)},
	{exitConnect, "", func(err error) (string, bool) { return "", awsconfig.IsConnect(err) }},
	{exitUsage, "", is(furl.ErrRequest)},
	{exitDenied, "aws sts get-caller-identity", func(err error) (string, bool) { return "", awsconfig.IsDenied(err) }},
	{exitFailed, "", func(error) (string, bool) { return "", true }},
}

// is matches an error value.
func is(target error) func(error) (string, bool) {
	return func(err error) (string, bool) { return "", errors.Is(err, target) }
}

// as matches an error type.
func as[E error](match func(E) (about string, ok bool)) func(error) (string, bool) {
	return func(err error) (string, bool) {
		found, ok := errors.AsType[E](err)
		if !ok {
			return "", false
		}
		return match(found)
	}
}

// api matches a failed call of an API, which is about an action.
func api(kind awsapi.Kind) func(error) (string, bool) {
	return as(func(failed *awsapi.Error) (string, bool) { return failed.Action, failed.Kind == kind })
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

// outcome is the row of an error, and what to type next.
func outcome(ctx context.Context, err error) (row kind, hint string) {
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
		if about, ok := row.match(err); ok {
			return kind(i), strings.ReplaceAll(row.hint, "%s", about)
		}
	}
	panic("the last row matches every error")
}

// exit says what went wrong and what to type next, and returns the exit status.
func (p *program) exit(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	row, hint := outcome(ctx, err)
	code := errorTable[row].code
	if p.silent || row == interrupted {
		return code
	}
	p.tell("furl: error: ", err.Error())
	p.tell("furl: hint: ", hint)
	return code
}
