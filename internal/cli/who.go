package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/check"
)

// whoFlags are the flags of policy who.
type whoFlags struct {
	place
	declaration declaration
	qualifier   string
	callers     string
	asJSON      bool
}

func (p *program) policyWho() *cobra.Command {
	var flags whoFlags
	command := &cobra.Command{
		Use:   "who FUNCTION|TEMPLATE|DIR|FILE...",
		Short: "Everyone who may call a function's URL, and by which statements",
		Long: `Everyone who may call a function's URL, by which statements, and under which conditions. A call needs both
lambda:InvokeFunctionUrl and lambda:InvokeFunction.

Of FUNCTION, the command reads the function's policy and, with iam:GetAccountAuthorizationDetails, the policies of all
users and roles of the account, or those of --callers. A template of SAM or CloudFormation, or the directory of a
project, says what it declares. Other directories, and FILE, have what aws lambda get-policy, aws lambda
get-function-url-config and aws iam get-account-authorization-details printed. - is standard input. A name without a
slash and a dot is that of a function, unless it is a directory with one of these.

Principals that are known by name are judged with all of their policies. What depends on the request, or on the own
account of a caller of another one, is listed as a condition. What could not be read is named, and never taken for
nobody. docs/who.md has the fields of --json, and what is not considered.

` + exitStatus(status{
			exitOK: "everything could be looked at", exitFailed: "something could not be looked at, so that there may be others",
		}, exitUsage, exitDenied, exitConnect, exitCredentials, exitInterrupted),
		Example: "  furl policy who my-function-with-url\n  furl policy who template.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			who, err := p.who(command, flags, args)
			if err != nil {
				return err
			}
			if flags.asJSON {
				err = p.printJSON(who)
			} else {
				_, err = who.WriteTo(p.streams.Out)
			}
			if err == nil && !who.IsComplete() {
				err = errTold
			}
			return err
		},
	}
	flags.aws(p, command)
	flags.declaration.register(p, command)
	f := command.Flags()
	f.StringVar(&flags.qualifier, "qualifier", "", "alias that the URL belongs to (default the function and all of its aliases)")
	f.StringVar(&flags.callers, "callers", "", "file with what aws iam get-account-authorization-details printed, in place of asking")
	f.BoolVar(&flags.asJSON, "json", false, "print JSON")
	return command
}

// who answers for what the arguments are.
func (p *program) who(command *cobra.Command, flags whoFlags, args []string) (check.Who, error) {
	callers, err := p.callers(command, checkFlags{callers: flags.callers})
	if err != nil {
		return check.Who{}, err
	}
	if !isPath(args[0]) {
		switch {
		case len(args) > 1:
			return check.Who{}, usage(command, errors.New("several arguments are files: name one function"))
		case flags.declaration.given() != "":
			return check.Who{}, usage(command, errors.New("--param, --stack and --account are for a project or a template"))
		}
		return p.whoLive(command.Context(), flags, args[0], callers)
	}
	text, declared, err := p.readDeclared(args[0])
	switch {
	case err != nil:
		return check.Who{}, err
	case declared && (len(args) > 1 || flags.callers != "" || flags.qualifier != ""):
		return check.Who{}, usage(command, errors.New("a project declares both sides: name it alone, without --callers and --qualifier"))
	case declared:
		world, err := flags.declaration.open(args[0], flags.options.Region, text)
		if err != nil {
			return check.Who{}, err
		}
		who, err := world.Who(command.Context())
		if err == nil && len(who.Functions) == 0 {
			p.note("%s declares no function URL", args[0])
		}
		return who, err
	}
	if info, err := os.Stat(args[0]); err == nil && info.IsDir() && len(args) == 1 {
		root, err := os.OpenRoot(args[0])
		if err != nil {
			return check.Who{}, err
		}
		defer root.Close()
		return check.WhoSaved(command.Context(), root.FS(), callers)
	}
	texts := savedTexts{args[0]: text}
	for _, path := range args[1:] {
		if texts[path], err = p.readPolicy(path); err != nil {
			return check.Who{}, err
		}
	}
	return check.WhoSaved(command.Context(), texts, callers, args...)
}

// savedTexts are files that were read.
type savedTexts map[string][]byte

// Open implements [fs.FS], for ReadFile alone.
func (savedTexts) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
}

// ReadFile implements [fs.ReadFileFS].
func (s savedTexts) ReadFile(name string) ([]byte, error) { return s[name], nil }

// isPath reports whether an argument is a file or directory, and not the name of a function.
func isPath(text string) bool {
	switch {
	case text == "-":
		return true
	case strings.Contains(text, ":"): // of an ARN, or with an alias; and of a disk of Windows
		return filepath.VolumeName(text) != ""
	case strings.ContainsAny(text, "./"+string(filepath.Separator)):
		return true
	}
	info, err := os.Stat(text)
	if err != nil || !info.IsDir() { // a program may have the name of the function that it is
		return false
	}
	saved, _ := filepath.Glob(filepath.Join(text, "*.json"))
	return len(saved) > 0 || isDeclared(text, nil)
}

// whoLive answers for a function.
func (p *program) whoLive(ctx context.Context, flags whoFlags, name string, callers *check.Callers) (check.Who, error) {
	account, client, err := flags.owner(ctx, name)
	if err != nil {
		return check.Who{}, err
	}
	function, err := setup.ParseTarget(name, flags.qualifier, account.Region, account.ID)
	if err != nil {
		return check.Who{}, err
	}
	urls, err := p.urlsOf(ctx, client, function, name)
	if err != nil {
		return check.Who{}, err
	}
	checker := &check.Checker{Owner: check.NewSide(client)}
	var blind error
	if callers == nil {
		callers, blind = checker.Callers(ctx)
	}
	if err := ctx.Err(); err != nil {
		return check.Who{}, err
	}
	var entries []check.Entry
	for _, url := range urls {
		entries = append(entries, checker.Entry(ctx, url, true))
	}
	return check.WhoOf(ctx, entries, callers, blind), nil
}

// urlsOf are the URLs of a function and its aliases, or of the one alias. To have none is an error, which knows what was
// meant.
func (p *program) urlsOf(ctx context.Context, client *awsapi.Client, function lambda.ARN, name string) ([]awsapi.URL, error) {
	urls, err := setup.URLsOf(ctx, client, function)
	urls = slices.DeleteFunc(urls, func(url awsapi.URL) bool {
		return function.Qualifier != "" && url.Function.Qualifier != function.Qualifier
	})
	if err == nil && len(urls) == 0 {
		_, err = client.URL(ctx, function)
	}
	if awsapi.KindOf(err) == awsapi.NotFound {
		err = p.missing(ctx, err, function.Unqualified().String(), name)
	}
	return urls, err
}
