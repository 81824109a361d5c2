package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/internal/tint"
)

func (p *program) url() *cobra.Command {
	command := &cobra.Command{
		Use:   "url",
		Short: "Create, show, change and delete function URLs, at AWS or at a local server",
		Long: `Create, show, change and delete function URLs, at AWS or at any endpoint that speaks the Lambda API, such as
furl serve. FUNCTION is a name, NAME:ALIAS, or an ARN. All commands may be repeated: they change only what differs.`,
		Args: noCommand,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(p.urlCreate(), p.urlGet(), p.urlList(), p.urlUpdate(), p.urlDelete())
	return command
}

// urlFlags are the flags that say which function, and how its URL shall be.
type urlFlags struct {
	place
	qualifier string
	dryRun    bool
	asJSON    bool

	authType, invokeMode string
	noCORS               bool
	cors                 lambda.CORS
	credentials          bool
	maxAge               int
}

func (u *urlFlags) register(p *program, command *cobra.Command) {
	u.aws(p, command)
	command.Flags().StringVar(&u.qualifier, "qualifier", "", "alias that the URL belongs to (default the function itself)")
	command.Flags().BoolVar(&u.asJSON, "json", false, "print JSON")
}

func (u *urlFlags) registerChange(p *program, command *cobra.Command) {
	u.register(p, command)
	f := command.Flags()
	f.BoolVar(&u.dryRun, "dry-run", false, "show what would change, as a diff, and change nothing")
	f.StringVar(&u.authType, "auth", "", "AWS_IAM for signed requests, NONE for everyone (a new URL: AWS_IAM)")
	f.StringVar(&u.invokeMode, "invoke-mode", "", "BUFFERED or RESPONSE_STREAM (a new URL: BUFFERED)")
	f.StringSliceVar(&u.cors.AllowOrigins, "cors-allow-origins", nil, "origins whose pages may read the answers, or *")
	f.StringSliceVar(&u.cors.AllowMethods, "cors-allow-methods", nil, "methods that these pages may use, or *")
	f.StringSliceVar(&u.cors.AllowHeaders, "cors-allow-headers", nil, "headers that these pages may send")
	f.StringSliceVar(&u.cors.ExposeHeaders, "cors-expose-headers", nil, "headers of the answer that these pages may read")
	f.BoolVar(&u.credentials, "cors-allow-credentials", false, "let these pages send cookies and credentials")
	f.IntVar(&u.maxAge, "cors-max-age", 0, "seconds that browsers may keep the answer to a preflight request")
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "auth-type" { // the AWS CLI's name
			name = "auth"
		}
		return pflag.NormalizedName(name)
	})
}

// change is what the flags given ask for.
func (u *urlFlags) change(command *cobra.Command) (setup.URLChange, error) {
	change := setup.URLChange{
		AuthType: lambda.AuthType(u.authType), InvokeMode: lambda.InvokeMode(u.invokeMode), NoCORS: u.noCORS,
	}
	command.Flags().Visit(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Name, "cors-") {
			change.CORS = &u.cors
		}
		switch f.Name {
		case "cors-allow-credentials":
			u.cors.AllowCredentials = &u.credentials
		case "cors-max-age":
			u.cors.MaxAge = &u.maxAge
		}
	})
	if err := change.Validate(); err != nil {
		return setup.URLChange{}, usage(command, err)
	}
	return change, nil
}

// target finds the function and opens its API.
func (u *urlFlags) target(command *cobra.Command, function string) (lambda.ARN, *awsapi.Client, error) {
	account, client, err := u.owner(command.Context(), function)
	if err != nil {
		return lambda.ARN{}, nil, err
	}
	arn, err := setup.ParseTarget(function, u.qualifier, account.Region, account.ID)
	return arn, client, err
}

func (p *program) urlCreate() *cobra.Command {
	var flags urlFlags
	command := &cobra.Command{
		Use:   "create FUNCTION",
		Short: "Give a function a URL and print it",
		Long: `Give a function a URL and print it. A function that already has a URL keeps it; if that URL differs from
what the flags ask for, the command fails and changes nothing.

No one can call the URL before furl grant.

` + awsStatus(status{exitOK: "the URL is there", exitFailed: "failed"}),
		Example: "  furl url create my-function-with-url",
		Args:    cobra.ExactArgs(1),
		RunE:    p.changeURL(&flags, setup.PlanCreate),
	}
	flags.registerChange(p, command)
	return command
}

func (p *program) urlUpdate() *cobra.Command {
	var flags urlFlags
	command := &cobra.Command{
		Use:   "update FUNCTION",
		Short: "Change a function's URL",
		Long: `Change a function's URL. The command leaves alone what no flag names, also within the CORS configuration.
An empty list, as in --cors-allow-headers '', removes that part of the CORS configuration.

` + awsStatus(status{exitOK: "the URL is as the flags say", exitFailed: "failed"}),
		Example: "  furl url update my-function-with-url --invoke-mode RESPONSE_STREAM",
		Args:    cobra.ExactArgs(1),
		RunE:    p.changeURL(&flags, setup.PlanUpdate),
	}
	flags.registerChange(p, command)
	command.Flags().BoolVar(&flags.noCORS, "no-cors", false, "remove the CORS configuration")
	return command
}

func (p *program) urlDelete() *cobra.Command {
	var flags urlFlags
	command := &cobra.Command{
		Use:   "delete FUNCTION",
		Short: "Delete a function's URL",
		Long: `Delete a function's URL. A URL created later has another address. The permissions to call it stay: furl
revoke removes them.

` + awsStatus(status{exitOK: "there is no URL", exitFailed: "failed"}),
		Example: "  furl url delete my-function-with-url",
		Args:    cobra.ExactArgs(1),
		RunE: p.changeURL(&flags,
			func(ctx context.Context, at setup.URLWriter, arn lambda.ARN, _ setup.URLChange) (*setup.URLPlan, error) {
				return setup.PlanDelete(ctx, at, arn)
			}),
	}
	flags.register(p, command)
	command.Flags().BoolVar(&flags.dryRun, "dry-run", false, "show what would change, as a diff, and change nothing")
	return command
}

// urlPlanner plans a change of a function's URL.
type urlPlanner func(context.Context, setup.URLWriter, lambda.ARN, setup.URLChange) (*setup.URLPlan, error)

// changeURL plans what the flags ask for, and carries it out or shows it.
func (p *program) changeURL(flags *urlFlags, makePlan urlPlanner) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, args []string) error {
		change, err := flags.change(command)
		if err != nil {
			return err
		}
		function, client, err := flags.target(command, args[0])
		if err != nil {
			return err
		}
		plan, err := makePlan(command.Context(), client, function, change)
		if err != nil {
			return err
		}
		if plan.Before == nil && plan.Action == setup.NoAction { // nothing to delete, or no such function
			if has, sure := client.HasFunction(command.Context(), function.String()); sure && !has {
				_, err := client.URL(command.Context(), function)
				return p.missing(command.Context(), err, function.Unqualified().String(), args[0])
			}
		}
		return p.applyURL(command, *flags, plan)
	}
}

// applyURL carries a plan out, or shows it.
func (p *program) applyURL(command *cobra.Command, flags urlFlags, plan *setup.URLPlan) error {
	diff, err := plan.Diff()
	if err != nil {
		return err
	}
	if flags.dryRun {
		if flags.asJSON {
			return p.printJSON(struct {
				Function string          `json:"function"`
				Action   setup.URLAction `json:"action"`
				Diff     string          `json:"diff"`
			}{plan.Function.String(), plan.Action, diff})
		}
		if diff == "" {
			p.note("nothing to change")
		}
		_, err := tint.Diff(diff, "").WriteTo(p.streams.Out)
		return err
	}
	url, err := plan.Apply(command.Context())
	if err != nil {
		return err
	}
	return p.tellURL(flags, plan, url)
}

// tellURL says what was done: the address on stdout, the rest on stderr.
func (p *program) tellURL(flags urlFlags, plan *setup.URLPlan, url awsapi.URL) error {
	deleted := plan.Action == setup.DeleteURL || plan.Before == nil && plan.Action == setup.NoAction
	switch plan.Action {
	case setup.CreateURL:
		p.note("created, auth type %s, %s", url.AuthType, url.InvokeMode)
		who, principal := "a principal", "PRINCIPAL"
		if url.AuthType == lambda.AuthNone {
			who, principal = "everyone", "'*'"
		}
		p.note("no one can call it yet; to let %s call it: furl grant %s --to %s", who, plan.Function.Short(), principal)
	case setup.UpdateURL:
		p.note("changed")
	case setup.DeleteURL:
		const text = "deleted; permissions to call it stay, and this removes them: furl revoke %s --from PRINCIPAL"
		p.note(text, plan.Function.Short())
	default:
		p.note("nothing to change")
	}
	switch {
	case !deleted:
		return p.printURL(flags, url, plan.Action)
	case flags.asJSON:
		return p.printJSON(struct {
			Function string          `json:"function"`
			Action   setup.URLAction `json:"action"`
		}{plan.Function.String(), plan.Action})
	}
	return nil
}

func (p *program) printURL(flags urlFlags, url awsapi.URL, action setup.URLAction) error {
	if flags.asJSON {
		return p.printJSON(showURL(url, action))
	}
	_, err := fmt.Fprintln(p.streams.Out, url.Address)
	return err
}

// shownURL is a function URL in JSON.
type shownURL struct {
	Function   string            `json:"function"`
	URL        string            `json:"url"`
	AuthType   lambda.AuthType   `json:"authType"`
	InvokeMode lambda.InvokeMode `json:"invokeMode"`
	CORS       *shownCORS        `json:"cors,omitempty"`
	Created    time.Time         `json:"created,omitzero"`
	Modified   time.Time         `json:"modified,omitzero"`
	Action     setup.URLAction   `json:"action,omitempty"`
}

// shownCORS is a lambda.CORS without nil pointers.
type shownCORS struct {
	AllowCredentials *bool    `json:"allowCredentials"`
	AllowHeaders     []string `json:"allowHeaders,omitempty"`
	AllowMethods     []string `json:"allowMethods,omitempty"`
	AllowOrigins     []string `json:"allowOrigins,omitempty"`
	ExposeHeaders    []string `json:"exposeHeaders,omitempty"`
	MaxAge           *int     `json:"maxAge"`
}

func showURL(url awsapi.URL, action setup.URLAction) shownURL {
	shown := shownURL{
		Function: url.Function.String(), URL: url.Address, AuthType: url.AuthType, InvokeMode: url.InvokeMode,
		Created: url.Created, Modified: url.Modified, Action: action,
	}
	if url.CORS != nil {
		cors := shownCORS(*url.CORS)
		cors.AllowCredentials = cmp.Or(cors.AllowCredentials, new(bool))
		cors.MaxAge = cmp.Or(cors.MaxAge, new(int))
		shown.CORS = &cors
	}
	return shown
}

func (p *program) urlGet() *cobra.Command {
	var flags urlFlags
	command := &cobra.Command{
		Use:   "get FUNCTION",
		Short: "Print a function's URL",
		Long: `Print a function's URL: the address, or with --json its settings too.

` + awsStatus(status{exitOK: "printed", exitFailed: "failed, or the function has no URL"}),
		Example: "  URL=$(furl url get my-function-with-url)",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			function, client, err := flags.target(command, args[0])
			if err != nil {
				return err
			}
			url, err := client.URL(command.Context(), function)
			if awsapi.KindOf(err) == awsapi.NotFound {
				return p.missing(command.Context(), err, function.Unqualified().String(), args[0])
			}
			if err != nil {
				return err
			}
			return p.printURL(flags, url, "")
		},
	}
	flags.register(p, command)
	return command
}

func (p *program) urlList() *cobra.Command {
	var flags urlFlags
	var allRegions bool
	var regions *list
	command := &cobra.Command{
		Use:   "list [FUNCTION]",
		Short: "List the URLs of a function and its aliases, or of all functions of regions",
		Long: `List the URLs of a function and its aliases, or of all functions of the account and region, with their auth types
and invoke modes, and who may call by the function's policy. With an alias, the list has the URL of that alias alone.

--region may name several regions, or all; --all-regions is the same as --region all. Principals are in short: anyone,
an account, an org, or a role or user by its name, with the conditions that a call has to meet. Users and roles may call
a URL of auth type AWS_IAM by policies of their own, too: furl policy who names them.

` + awsStatus(status{exitOK: "listed", exitFailed: "failed, or a region could not be looked at, after listing the others"}),
		Example: "  furl url list --all-regions",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if allRegions {
				if flags.given("region") && regions.String() != everywhere {
					return usage(command, errors.New("--all-regions and --region name different regions: leave one of them out"))
				}
				regions.values = []string{everywhere}
			}
			if len(args) == 1 && (len(regions.values) > 1 || slices.Contains(regions.values, everywhere)) {
				return usage(command, errors.New("a function is in one region: name it alone, or list all functions of the regions"))
			}
			entries, faults, err := p.listURLs(command, &flags, regions, args)
			if err != nil {
				return err
			}
			if err := p.printURLs(command.Context(), entries, len(regions.values) > 0 && len(args) == 0, flags.asJSON); err != nil {
				return err
			}
			return errors.Join(faults...)
		},
	}
	flags.aws(p, command)
	regions = flags.several(command, "region", &flags.options.Region, "region, several with commas or all of the partition "+
		"with all (default that of the ARN, $AWS_REGION, or that of the profile)")
	command.Flags().BoolVar(&allRegions, "all-regions", false, "list the URLs of all regions")
	command.Flags().BoolVar(&flags.asJSON, "json", false, "print JSON")
	return command
}

// listURLs are the URLs of a function, or those of all regions, and why there may be more.
func (p *program) listURLs(
	command *cobra.Command, flags *urlFlags, regions *list, args []string,
) (entries []check.Entry, faults []error, err error) {
	ctx := command.Context()
	if len(args) == 1 {
		function, client, err := flags.target(command, args[0])
		if err != nil {
			return nil, nil, err
		}
		urls, err := setup.URLsOf(ctx, client, function)
		if err != nil {
			return nil, nil, err
		}
		checker := &check.Checker{Owner: check.NewSide(client)}
		for _, url := range urls {
			if function.Qualifier == "" || url.Function.Qualifier == function.Qualifier {
				entries = append(entries, checker.Entry(ctx, url, false))
			}
		}
		if len(entries) == 0 && function.Qualifier != "" {
			if has, sure := client.HasFunction(ctx, function.String()); sure && !has {
				_, err := client.URL(ctx, function)
				return nil, nil, p.missing(ctx, err, function.Unqualified().String(), args[0])
			}
		}
		if len(entries) == 0 {
			p.note("%s has no URL", args[0])
		}
		return entries, nil, nil
	}
	checkers, all, err := p.checkers(ctx, &checkFlags{place: flags.place, regions: regions, profiles: &list{}})
	if err != nil {
		return nil, nil, err
	}
	entries, looked, err := (&check.Fleet{Checkers: checkers, Everywhere: all}).Entries(ctx, false)
	for _, region := range looked {
		if region.Status == check.Unknown {
			faults = append(faults, fmt.Errorf("region %s: %s", region.Region, region.Summary))
		}
	}
	for _, entry := range entries {
		if entry.URL == nil { // whose URLs could not be listed
			faults = append(faults, entry.Fault)
		}
	}
	return slices.DeleteFunc(entries, func(e check.Entry) bool { return e.URL == nil }), faults, err
}

// listedURL is a function URL in the JSON of a list.
type listedURL struct {
	shownURL
	Region string `json:"region"`
	// MayCall are those that the function's policy lets call; null if the policy could not be looked at.
	MayCall      []string `json:"mayCall"`
	CouldNotLook string   `json:"couldNotLook,omitempty"`
}

// printURLs prints the URLs, with their regions if there may be several.
func (p *program) printURLs(ctx context.Context, entries []check.Entry, several, asJSON bool) error {
	shown := []listedURL{}
	table := tabwriter.NewWriter(p.streams.Out, 0, 0, 2, ' ', 0)
	for _, entry := range entries {
		url := *entry.URL
		one := listedURL{shownURL: showURL(url, ""), Region: url.Function.Region}
		names, known := entry.ByPolicy(ctx)
		who := strings.Join(names, ", ")
		switch {
		case !known:
			who, one.CouldNotLook = "could not look", "lambda:GetPolicy"
			if entry.Fault != nil {
				one.CouldNotLook = entry.Fault.Error()
			}
		case len(names) == 0 && url.AuthType == lambda.AuthNone:
			who = "nobody"
		case len(names) == 0:
			who = "nobody by its policy"
		}
		one.MayCall = names
		shown = append(shown, one)
		cors := "no CORS"
		if url.CORS != nil {
			cors = "CORS"
		}
		if several {
			fmt.Fprintf(table, "%s\t", url.Function.Region)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", url.Function.Short(), url.AuthType, url.InvokeMode, cors, who, url.Address)
	}
	if asJSON {
		return p.printJSON(shown)
	}
	return table.Flush()
}
