package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/learn"
	"github.com/furl-dev/furl/internal/snippet"
)

// learnFlags are the flags of policy learn.
type learnFlags struct {
	server  place
	since   string
	options learn.Options
	print   string
	asJSON  bool
}

func (p *program) policyLearn() *cobra.Command {
	var flags learnFlags
	command := &cobra.Command{
		Use:   "learn",
		Short: "The smallest policies for what was called on a local server",
		Long: `The smallest identity-based and resource-based policies that allow what was called on a local server and nothing
else, and the statements that are there and that no call used.

The server keeps who called what since it started: function URLs, and the operations of Lambda, IAM and STS. A session
counts as its role. The policies of users and roles allow the calls; those of functions allow the calls of other
accounts, of services and of everyone. A root user needs no policy in its own account. The command leaves out calls that
were refused, unless --denied adds those that were refused for lack of a grant, and what furl check and furl demo send
by themselves.

--print writes the policies as code, in a form of furl grant --print or as JSON. The policies of users and roles are
named ` + learn.PolicyName + `, so that learning again replaces them. The command changes nothing. docs/learn.md says what
it does not consider, and has the fields of --json.
` + provesItself + "\n" + exitStatus(status{
			exitOK:     "printed",
			exitFailed: "nothing was called, the server could not keep all different calls, or no such function or no server",
			exitDenied: "denied by the server",
		}, exitUsage, exitCredentials, exitInterrupted),
		Example: "  furl policy learn\n  furl policy learn --since 10m --function my-function-with-url --print terraform",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			switch forms := snippet.Forms(); {
			case flags.print != "" && flags.asJSON:
				return usage(command, errors.New("use one of --print and --json, not both"))
			case flags.print != "" && !slices.Contains(forms, snippet.Form(flags.print)):
				return usage(command, fmt.Errorf("--print %q is none of %s", flags.print, snippet.FormNames()))
			}
			return p.learn(command, flags)
		},
	}
	flags.server.register(p, command, "data", "endpoint-url", "profile")
	f := command.Flags()
	f.StringVar(&flags.since, "since", "",
		"learn only from calls since a `TIME`: 10m or 1h30m ago, 2026-11-23T15:00:00Z, 2026-11-23 or 15:04")
	f.StringArrayVar(&flags.options.Functions, "function", nil, "learn only from calls of this `FUNCTION`; may be repeated")
	f.BoolVar(&flags.options.Denied, "denied", false, "learn also from calls that were refused for lack of a grant")
	f.StringVar(&flags.print, "print", "", "print only the policies, as `FORM`: "+snippet.FormNames())
	f.BoolVar(&flags.asJSON, "json", false, "print JSON")
	return command
}

func (p *program) learn(command *cobra.Command, flags learnFlags) error {
	if flags.since != "" {
		from, err := sinceTime(flags.since, time.Now())
		if err != nil {
			return usage(command, err)
		}
		flags.options.Since = from
	}
	var page strings.Builder
	if err := flags.server.page(command.Context(), &page, furlproto.Calls, nil, true); err != nil {
		return err
	}
	var seen learn.Seen
	if err := json.Unmarshal([]byte(page.String()), &seen); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	learned, err := learn.Learn(seen, flags.options)
	if err != nil {
		return fail(learnUnknown, err)
	}
	known := learned.KnownSince.Local().Format(time.DateTime)
	if flags.options.Since.Before(learned.KnownSince) && flags.since != "" {
		p.note("note: the server knows calls since %s alone, when it started", known)
	}
	if learned.IsEmpty() {
		since := "the server started at " + known
		if flags.options.Since.After(learned.KnownSince) {
			since = flags.options.Since.Local().Format(time.DateTime)
		}
		return fail(learnNothing, fmt.Errorf("there is no call to learn from since %s", since))
	}
	if err := p.printLearned(learned, flags); err != nil {
		return err
	}
	if !learned.Complete {
		return fail(learnFull, errors.New("the server saw more different calls than it keeps: policies may be missing"))
	}
	return nil
}

// printLearned prints what was learned in the way that the flags ask for.
func (p *program) printLearned(learned *learn.Learned, flags learnFlags) error {
	switch form := snippet.Form(flags.print); {
	case flags.asJSON:
		return p.printJSON(learned)
	case form == "":
		_, err := learned.WriteTo(p.streams.Out)
		return err
	case form == snippet.JSON:
		p.noteAll(learned.Notes)
		return p.printJSON(slices.Concat(learned.Identities, learned.Resources))
	case len(learned.Identities)+len(learned.Resources) == 0:
		p.note("no policy is needed: only root users called")
		return nil
	default:
		p.noteAll(learned.Notes)
		// As furl check --all --fix does: configuration stands beside other files of its module.
		head := form != snippet.CLI && (form != snippet.Terraform || learned.Accounts() > 1)
		text, err := learned.File(form, head)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(p.streams.Out, text)
		return err
	}
}
