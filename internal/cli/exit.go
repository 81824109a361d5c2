package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/roster"
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
	exitUnrunnable  = 126 // as shells say it, and 127
	exitNoCommand   = 127
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
	noRegion
	noCredentials
	keysElsewhere
	noURL
	noAlias
	noFunction
	noURLOrFunction
	noServer
	noAnswer
	notTrusted
	notReadable
	noRootKey
	rootKeyGiven
	noUserKey
	roleDenied
	pageDenied
	noConsole
	consoleElsewhere
	ticketUnused
	listenFailed
	adminListen
	linesInvalid
	lintFindings
	learnNothing
	learnUnknown
	learnFull
	functionFailed
	callFailed
	callFailedAtAWS
	callUntyped
	nothingListens
	callRefused
	callUnsigned
	tokenLeft
	urlGone
	callerDenied
	verdictRefused
	noTrustStore
	trustNeedsRoot
	commandMissing
	commandUnrunnable
	noProject
	mcpNotThere
	mcpWantsMore
	interrupted
	notHere
)

// errorTable says with which exit status the program ends for each kind of error, and what to type next. It is the only
// place with hints. A hint has a %s for each argument of fail, or for what match says the error is about; see fill. The
// first row that matches counts.
var errorTable = [...]struct {
	code  int
	hint  string
	match func(error) (about []any, ok bool)
}{
	wrongUsage: {exitUsage, "%s\n%s --help", nil},
	twoRegions: {exitUsage, "leave --region out", nil},
	noRegion: {
		exitUsage, `eval "$(furl env --data %s)"   # the local server` + "\n" +
			"--region REGION, for example --region eu-central-1",
		func(err error) ([]any, bool) {
			return []any{""}, errors.Is(err, awsapi.ErrNoRegion) || errors.Is(err, awsconfig.ErrNoRegion)
		},
	},
	noCredentials: {
		exitCredentials, `aws configure, aws sso login, or --profile NAME; for a local server: eval "$(furl env)"`,
		match(func(err error) bool {
			none := errors.Is(err, furl.ErrCredentials) || awsapi.KindOf(err) == awsapi.NoCredentials
			return none && !awsconfig.IsAccessDenied(err) // to assume a role, with credentials that there are
		}),
	},
	keysElsewhere: {
		exitCredentials, `eval "$(furl env --data %s)"   # the keys of the local server` + "\n" +
			"aws configure, aws sso login, or --profile NAME", nil,
	},
	noURL: {exitFailed, "furl url create %s", nil},
	noAlias: {
		exitFailed, "aws lambda create-alias --function-name %s --name %s --function-version '$LATEST'   # there is no such alias\n" +
			"furl url create %s", nil,
	},
	noFunction: {
		exitFailed, "--region %s   # the function is there\ndid you mean %s?\n" +
			"--region REGION, if the function is in another region than %s\nfurl url list   # the function URLs of the region", nil,
	},
	noURLOrFunction: {
		exitFailed, "--region REGION, if the function is in another region than %s\n" +
			"furl url create %s   # if the function is there, and has no URL", nil,
	},
	noServer: {exitFailed, "furl serve --data %s\n%s --data %s   # a server that runs", nil},
	notTrusted: {
		exitFailed, "AWS_CA_BUNDLE=FILE with the certificate that furl ca path prints for the user who started the server", nil,
	},
	noAnswer: {
		exitFailed, "%s --data %s   # a server that runs\nfurl serve   # or name the server with --data or --endpoint-url",
		nil,
	},
	notReadable: {
		exitFailed, "run the command as the user who started the server, or name a data directory of your own: --data DIR",
		nil,
	},
	noRootKey: {exitFailed, "furl serve --account %s", nil},
	rootKeyGiven: {
		exitFailed, "set FURL_ROOT_ACCESS_KEY_ID and FURL_ROOT_SECRET_ACCESS_KEY as they are set for the server", nil,
	},
	roleDenied: {
		exitDenied, "aws iam get-role --role-name %s   # its trust policy must name the user, or the root of the account\n" +
			"furl explain --last-api", nil,
	},
	noUserKey: {
		exitFailed, "aws iam create-access-key --user-name %s   # after eval \"$(furl env)\", if there is such a user", nil,
	},
	pageDenied: {exitDenied, "--data DIR with the data directory of the server, or --profile NAME", nil},
	noConsole:  {exitFailed, "furl serve --data %s --console read   # after the server has ended", nil},
	consoleElsewhere: {
		exitFailed, "furl serve --listen 127.0.0.1:9000   # after the server has ended\nfurl console --print", nil,
	},
	ticketUnused: {exitFailed, "furl console --print", nil},
	listenFailed: {
		exitFailed, "furl env --data %s   # the server that listens there already\nchoose another address with --listen, " +
			"such as --listen 127.0.0.1:0 for any free port", nil,
	},
	adminListen: {
		exitFailed, "choose another address for the pages about the proxy, such as --admin 127.0.0.1:0, or --admin off", nil,
	},
	linesInvalid:   {exitFailed, "the answers to those lines say what is wrong with them", nil},
	lintFindings:   {exitFailed, "make the fix of each finding, and then: furl policy lint %s", nil},
	learnNothing:   {exitFailed, "let the callers call, such as with furl call FUNCTION, and then: furl policy learn", nil},
	learnUnknown:   {exitFailed, "furl url list   # the functions with a URL", nil},
	learnFull:      {exitFailed, "restart the server, call less, and then: furl policy learn", nil},
	functionFailed: {exitFunction, "", nil},
	callFailed:     {exitFunction, "furl logs %s\nfurl explain %s", nil},
	callFailedAtAWS: {
		exitFunction, "aws logs tail /aws/lambda/%s --since 10m --region %s   # the log group of the function, for request %s", nil,
	},
	callUntyped: {exitFunction, furlproto.TypeJSON, nil},
	nothingListens: {
		exitConnect, `eval "$(furl env --data %s)"   # a server that runs` + "\nfurl serve   # nothing listens at %s", nil,
	},
	callRefused: {exitDenied, "furl explain %s\nfurl check %s", nil},
	callUnsigned: {
		exitDenied, "furl explain %s\nleave out what keeps furl call from signing: --no-sign, --user, --oauth2-bearer, the header " +
			"Authorization", nil,
	},
	tokenLeft: {
		exitDenied, "unset AWS_SESSION_TOKEN   # it belongs to other keys\nfurl explain %s\nfurl check %s", nil,
	},
	urlGone: {exitDenied, "furl url list   # the function URLs that there are: one made again has another address\n" +
		"furl explain %s\nfurl check %s", nil},
	callerDenied: {
		exitDenied, "furl explain %s\nfurl check %s\n" +
			"furl grant %s --to %s   # an administrator of the function types this\nfurl check %s --as %s   # an administrator of the function types this, which prints the grant", nil,
	},
	verdictRefused:    {exitDenied, "", nil},
	noTrustStore:      {exitFailed, "export AWS_CA_BUNDLE=%s NODE_EXTRA_CA_CERTS=%s   # for programs of this shell", nil},
	trustNeedsRoot:    {exitFailed, "sudo %s", nil},
	commandMissing:    {exitNoCommand, "", nil},
	commandUnrunnable: {exitUnrunnable, "", nil},
	noProject: {
		exitFailed, "furl dev PATH   # a template, a directory that has one, or a source directory with --handler and --runtime", nil,
	},
	mcpNotThere: {exitFailed, "furl mcp %s   # with the path of the server, which may be another one than %s", nil},
	mcpWantsMore: {
		exitDenied, "--header @FILE with what the server wants besides the signature, which Lambda has accepted", nil,
	},
	interrupted: {exitInterrupted, "", nil},
	notHere:     {exitUsage, "", nil},

	{exitUsage, "furl --help", match(func(err error) bool { return strings.HasPrefix(err.Error(), "unknown command") })},
	{exitUsage, "--endpoint-url ADDRESS, for example --endpoint-url http://127.0.0.1:9000", is(awsconfig.ErrEndpoint)},
	{exitCredentials, "--profile NAME with one of %s", profiles(true)},
	{exitCredentials, "aws configure --profile %s   # there are no profiles", profiles(false)},
	{exitFailed, "%s", as(func(refused *setup.Refusal) ([]any, bool) { return []any{refused.Instead}, refused.Now })},
	{exitUsage, "%s", as(func(refused *setup.Refusal) ([]any, bool) { return []any{refused.Instead}, true })},
	{exitUsage, "", as(func(*arn.Error) ([]any, bool) { return nil, true })},

	{
		exitConnect, "HTTPS_PROXY=http://USER:PASSWORD@%s with the user of the proxy, or NO_PROXY=HOST to go without it\n" +
			"--proxy-user USER:PASSWORD   # for the proxy of --proxy",
		proxyRefused,
	},
	{exitConnect, "check HTTPS_PROXY, or NO_PROXY=HOST to go without the proxy, %s", proxyFailed},
	{exitConnect, "http:// in place of https://: the server speaks plain HTTP", plainServer},
	{exitConnect, "https:// in place of http://: the server speaks TLS", secureServer},
	{exitConnect, `AWS_CA_BUNDLE="$(furl ca path)"   # for a server of this user`, unknownLocalCA},
	{exitConnect, "--cacert FILE or AWS_CA_BUNDLE=FILE with the certificate of the CA, in PEM form", unknownCA},
	{exitConnect, "use a name that the server's certificate is for: %s", otherName},
	{exitConnect, "date   # is this machine's clock right? If it is, the server needs a new certificate", badDate},
	{
		exitConnect, "furl url list %s   # there is no host %s, and if it is a function: the function and its aliases have URLs, " +
			"its versions have none", noShortHost,
	},
	{exitConnect, "check the region and the address: there is no host %s", noSuchHost},
	{exitConnect, "furl serve   # nothing listens at %s", refusedHere},

	{
		exitDenied, "the credentials need the permission %s\n%s   # an administrator of the account types this\n" +
			"furl explain %s", actionDenied,
	},
	{
		exitDenied, "furl explain %s\naws sts get-caller-identity   # or, for a local server: eval \"$(furl env)\"",
		badCredentials,
	},
	{exitDenied, "%s   # an administrator of the account types this\nfurl explain %s", explained},
	{exitConnect, "--endpoint-url ADDRESS, or check --region", api(awsapi.Unreachable)},
	{exitFailed, "aws iam list-%s   # the names that there are", noPrincipal},
	{exitFailed, "this endpoint does not have the operation", api(awsapi.Unsupported)},
	{exitFailed, "the same command again does the rest", as(func(partial *setup.PartialError) ([]any, bool) {
		return nil, len(partial.Done) > 0
	})},
	{exitFailed, "", as(func(*awsapi.Error) ([]any, bool) { return nil, true })},
	{exitConnect, "", is(call.ErrConnect)},
	{exitConnect, "", match(awsconfig.IsConnect)},
	{exitUsage, "", is(furl.ErrRequest)},
	{exitDenied, "%s   # an administrator of the account types this", denied},
	{exitDenied, "aws sts get-caller-identity", match(awsconfig.IsDenied)},
	{exitFailed, "", match(func(error) bool { return true })},
}

// match matches an error that is about nothing.
func match(is func(error) bool) func(error) ([]any, bool) {
	return func(err error) ([]any, bool) { return nil, is(err) }
}

// is matches an error value.
func is(target error) func(error) ([]any, bool) {
	return match(func(err error) bool { return errors.Is(err, target) })
}

// as matches an error type.
func as[E error](match func(E) (about []any, ok bool)) func(error) ([]any, bool) {
	return func(err error) ([]any, bool) {
		found, ok := errors.AsType[E](err)
		if !ok {
			return nil, false
		}
		return match(found)
	}
}

// api matches a failed call of an API.
func api(kind awsapi.Kind) func(error) ([]any, bool) {
	return as(func(failed *awsapi.Error) ([]any, bool) { return nil, failed.Kind == kind })
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
	return mistyped(command, err)
}

// outcome is the row of an error, and what to type next.
func outcome(ctx context.Context, err error) (row kind, hint string) {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return interrupted, ""
	}
	if failed, ok := errors.AsType[*failure](err); ok {
		return failed.kind, fill(errorTable[failed.kind].hint, failed.arguments)
	}
	for i, row := range errorTable {
		if row.match == nil {
			continue
		}
		if about, ok := row.match(err); ok {
			return kind(i), fill(row.hint, about)
		}
	}
	panic("the last row matches every error")
}

// locate names in an error what there is: the servers that run, and the functions.
func (p *program) locate(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	switch row, _ := outcome(ctx, err); row {
	case noCredentials:
		if dirs := p.dirs(ctx); len(dirs) > 0 {
			return fail(keysElsewhere, err, dirs)
		}
	case noRegion:
		return fail(noRegion, err, p.dirs(ctx))
	}
	if about, ok := refusedHere(err); ok {
		if _, known := errors.AsType[*failure](err); !known {
			return fail(nothingListens, err, p.dirs(ctx), about[0])
		}
	}
	refusal, ok := awsconfig.RefusalOf(err)
	if ok && refusal.Status == http.StatusForbidden && len(grants(refusal.Message)) == 0 && p.leftToken(p.getenv("AWS_ACCESS_KEY_ID")) {
		return fail(tokenLeft, err, explainedAs(err), "")
	}
	if refused, ok := errors.AsType[*setup.Refusal](err); ok {
		if name, ok := strings.CutPrefix(refused.Instead, "furl url create "); ok {
			return p.missing(ctx, err, name, name)
		}
	}
	failed, ok := errors.AsType[*awsapi.Error](err)
	if ok && failed.Kind == awsapi.NotFound && strings.HasPrefix(failed.Action, "lambda:") {
		if function, parseErr := arn.ParseFunctionARN(failed.On); parseErr == nil {
			return p.missing(ctx, err, function.Unqualified().String(), function.Short())
		}
	}
	return err
}

// leftToken reports whether the session token of the environment belongs to other keys than this one: a long-term key
// has none.
func (p *program) leftToken(key string) bool {
	return strings.HasPrefix(key, "AKIA") && p.getenv("AWS_SESSION_TOKEN") != ""
}

// missing says of a function whose URL was not found what is missing: the URL or the function, which
// is a name or an ARN. typed is the function as furl url create takes it.
func (p *program) missing(ctx context.Context, err error, function, typed string) error {
	if _, known := errors.AsType[*failure](err); known || p.client == nil {
		return err
	}
	has, sure := p.client.HasFunction(ctx, function)
	if alias := aliasOf(typed); has && alias != "" {
		if has, sure := p.client.HasFunction(ctx, function+":"+alias); sure && !has {
			return fail(noAlias, err, functionName(function), alias, typed)
		}
	}
	switch {
	case has && !lacksURL(err):
		return err
	case has:
		return fail(noURL, err, typed)
	case !sure:
		return fail(noURLOrFunction, err, p.client.Region(), typed)
	}
	const enough = 1000
	var names []string
	for function, fault := range p.client.Functions(ctx) {
		if fault != nil || len(names) == enough {
			break
		}
		names = append(names, function.ARN.Name)
	}
	name := functionName(function)
	return fail(noFunction, err, p.otherRegions(ctx, name), nearest(name, names), p.client.Region())
}

// numbered are the qualifiers that no alias has.
var numbered = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\d*$`)
})

// aliasOf is the alias of a function as furl url create takes it, "" for none.
func aliasOf(typed string) string {
	name, alias, _ := strings.Cut(typed, " --qualifier ")
	if parsed, err := arn.ParseFunction(name, "", ""); err == nil {
		alias = cmp.Or(alias, parsed.Qualifier)
	}
	if alias == arn.Latest || numbered().MatchString(alias) {
		return ""
	}
	return alias
}

// otherRegions are the regions that the environment or a local server names, and in which the function is.
func (p *program) otherRegions(ctx context.Context, name string) []string {
	candidates := []string{p.getenv("AWS_REGION"), p.getenv("AWS_DEFAULT_REGION")}
	for _, running := range p.servers(ctx, roster.DefaultData) {
		candidates = append(candidates, running.Region)
	}
	slices.Sort(candidates)
	return slices.DeleteFunc(slices.Compact(candidates), func(region string) bool {
		if region == "" || region == p.client.Region() {
			return true
		}
		has, _ := p.client.In(region).HasFunction(ctx, name)
		return !has
	})
}

// lacksURL reports whether it is a function URL that was not found.
func lacksURL(err error) bool {
	failed, ok := errors.AsType[*awsapi.Error](err)
	return !ok || failed.Action == "lambda:GetFunctionUrlConfig"
}

// exit says what went wrong and what to type next, and returns the exit status.
func (p *program) exit(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	if ended, ok := errors.AsType[*commandStatus](err); ok {
		return ended.code
	}
	row, hint := outcome(ctx, err)
	code := errorTable[row].code
	if _, ok := errors.AsType[*lookError](err); ok && code == exitDenied {
		code = exitFailed
	}
	if p.silent || row == interrupted {
		return code
	}
	p.tell("furl: error: ", err.Error())
	p.tell("furl: hint: ", forShell(runtime.GOOS, hint))
	return code
}

// commandStatus is the exit status of a command that failed. It has said why.
type commandStatus struct{ code int }

func (s *commandStatus) Error() string {
	return fmt.Sprintf("the command ended with status %d", s.code)
}
