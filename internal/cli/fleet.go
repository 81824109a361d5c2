package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/report"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/internal/snippet"
)

// list is a flag with several values: given several times, or with commas. A command that works in one place takes the
// first.
type list struct {
	first  *string
	values []string
}

// several makes a flag of the group a list.
func (l *place) several(command *cobra.Command, flag string, first *string, usage string) *list {
	values := &list{first: first}
	f := command.Flag(flag)
	f.Value, f.Usage = values, usage
	return values
}

// Set adds values.
func (l *list) Set(text string) error {
	for value := range strings.SplitSeq(text, ",") {
		if value = strings.TrimSpace(value); value == "" && text != "" {
			return errors.New("an empty value between commas")
		} else if !slices.Contains(l.values, value) {
			l.values = append(l.values, value)
		}
	}
	*l.first = l.values[0]
	return nil
}

func (l *list) String() string { return strings.Join(l.values, ",") }

// Type is that of flags with a text, which settle does not let be empty.
func (l *list) Type() string { return "string" }

// everywhere is the value of --region for all regions of the partition.
const everywhere = "all"

// isFleet reports whether the flags name more than one region or profile.
func (flags *checkFlags) isFleet() bool {
	return len(flags.regions.values) > 1 || len(flags.profiles.values) > 1 ||
		slices.Contains(flags.regions.values, everywhere)
}

// checkers are those of each region of each profile, which look at the targets, and whether these are all regions. A
// target that names its own region is looked at there.
func (p *program) checkers(ctx context.Context, flags *checkFlags) (list []*check.Checker, all bool, err error) {
	if all = slices.Contains(flags.regions.values, everywhere); !all && len(flags.regions.values) > 1 {
		for _, region := range flags.regions.values {
			if !arn.IsRegion(region) {
				return nil, false, usage(flags.command, fmt.Errorf("%q in --region is not the name of a region, nor all", region))
			}
		}
	}
	profiles := flags.profiles.values
	if len(profiles) == 0 {
		profiles = []string{flags.options.Profile}
	}
	for _, profile := range profiles {
		there := flags.of(profile, flags.options.Region)
		if all {
			there.options.Region, there.options.DefaultRegion = "", anyRegion
		}
		client, err := there.client(ctx, "")
		if err != nil {
			return nil, false, err
		}
		flags.trust = there.trust
		regions := flags.regions.values
		switch {
		case all:
			if regions = arn.Regions(arn.PartitionOf(client.Region())); regions == nil {
				regions = []string{client.Region()}
			}
		case len(regions) == 0:
			regions = []string{client.Region()}
		}
		for _, region := range regions {
			list = append(list, flags.checker(client.In(region), profile))
		}
	}
	return list, all, nil
}

// anyRegion is where the credentials are looked at if only the partition matters.
const anyRegion = "us-east-1"

// checker looks with a client.
func (flags *checkFlags) checker(client *awsapi.Client, profile string) *check.Checker {
	side := check.NewSide(client.Paced())
	side.Profile = profile
	return &check.Checker{Owner: side, Flags: flags.typedIn(profile, client.Region()), CallerProfile: flags.callerProfile}
}

// typedIn are the flags of the group that reach a region of a profile, as a shell takes them.
func (flags *checkFlags) typedIn(profile, region string) string {
	var words []string
	add := func(name, value string) {
		if flags.given(name) {
			words = append(words, "--"+name, snippet.Quote(value))
		}
	}
	add("profile", profile)
	add("region", region)
	add("endpoint-url", flags.options.EndpointURL)
	return strings.Join(words, " ")
}

// checkAll checks all function URLs of the regions and profiles.
func (p *program) checkAll(command *cobra.Command, flags checkFlags) error {
	checkers, all, err := p.checkers(command.Context(), &flags)
	if err != nil {
		return err
	}
	callers, err := p.callersOf(command, flags, checkers)
	if err != nil {
		return err
	}
	shown := p.progress(flags.quiet)
	fleet := &check.Fleet{Checkers: checkers, Everywhere: all, Progress: shown.tell}
	audit, err := fleet.Audit(command.Context(), callers)
	shown.end()
	if err != nil {
		return err
	}
	if len(audit.Functions) == 0 && len(checkers) == 1 {
		p.note("no function in %s has a URL", checkers[0].Owner.Region)
	}
	return p.printAudit(audit, flags)
}

// callersOf asks each profile for the callers of its account, or reads them from a file; nil if they are not to be
// counted.
func (p *program) callersOf(
	command *cobra.Command, flags checkFlags, checkers []*check.Checker,
) (*check.Callers, error) {
	if flags.callers != live {
		return p.callers(command, flags)
	}
	callers := &check.Callers{}
	for i, checker := range checkers {
		if i > 0 && checker.Owner.Profile == checkers[i-1].Owner.Profile {
			continue // IAM has no regions
		}
		if err := callers.Ask(command.Context(), checker.Owner); err != nil {
			return nil, err
		}
	}
	return callers, nil
}

// checkMany puts the question about several functions, or about one in several regions or accounts.
func (p *program) checkMany(command *cobra.Command, flags checkFlags, targets []string) error {
	ctx := command.Context()
	checkers, all, err := p.checkers(ctx, &flags)
	if err != nil {
		return err
	}
	var asked []check.Asked
	for _, target := range targets {
		named := namedRegion(target)
		if named != "" && flags.given("region") && !all && !slices.Contains(flags.regions.values, named) {
			return fail(twoRegions, fmt.Errorf("%s is in region %s, not in %s", target, named, flags.regions))
		}
		isOwn := named != "" || strings.Contains(target, "://") // says where it is, and is looked at there only
		for i, checker := range checkers {
			profile := checker.Owner.Profile
			if isOwn && i > 0 && checkers[i-1].Owner.Profile == profile {
				continue
			}
			if isOwn {
				there := flags.of(profile, named)
				client, err := there.client(ctx, target)
				if err != nil {
					return err
				}
				checker = flags.checker(client, profile)
				flags.trust = cmp.Or(flags.trust, there.trust)
			}
			if flags.callerProfile != "" {
				client, err := flags.of(flags.callerProfile, checker.Owner.Region).client(ctx, "")
				if err != nil {
					return err
				}
				checker.Caller = check.NewSide(client)
			}
			asked = append(asked, check.Asked{Checker: checker, Target: target})
		}
	}
	trusted, err := furlproto.Trust(flags.trust)
	if err != nil {
		return err
	}
	for _, one := range asked {
		one.Network = check.Machine{Trusted: trusted}
	}
	shown := p.progress(flags.quiet)
	audit, err := (&check.Fleet{Progress: shown.tell}).Ask(ctx, asked, flags.question)
	shown.end()
	if err != nil {
		return err
	}
	return p.printAudit(audit, flags)
}

// printAudit prints an audit in the form that the flags name, and turns its verdict into an error.
func (p *program) printAudit(audit check.Audit, flags checkFlags) error {
	if flags.fix != "" {
		return p.printFix(audit, flags)
	}
	shown := audit
	if flags.quiet {
		shown = audit.Quiet()
	}
	var err error
	switch {
	case flags.format == report.JSON:
		err = p.printJSON(shown)
	case flags.format != report.Text:
		err = shown.Report(Built().Version).Write(p.streams.Out, flags.format)
	case !flags.quiet || audit.Verdict != check.Allowed:
		_, err = shown.WriteTo(p.streams.Out)
	}
	if err != nil {
		return err
	}
	return verdictError(audit.Verdict)
}

// formatFlag registers --format and --json, its older name. settle has to be called when the flags are read.
func formatFlag(command *cobra.Command, format *report.Format, jsonUsage string) (settle func() error) {
	f := command.Flags()
	name := f.String("format", string(report.Text), "form of the output: text, json, sarif, github or junit (docs/ci.md)")
	asJSON := f.Bool("json", false, jsonUsage)
	if err := command.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(
		[]string{"text", "json", "sarif", "github", "junit"}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
	return func() (err error) {
		if *format, err = report.ParseFormat(*name); err != nil {
			return usage(command, fmt.Errorf("--format: %w", err))
		}
		if *asJSON && f.Changed("format") && *format != report.JSON {
			return usage(command, fmt.Errorf("--json is --format json, and not %s: leave one of them out", *format))
		}
		if *asJSON {
			*format = report.JSON
		}
		return nil
	}
}

// progress is one line on a terminal that says how far a command is. It is gone at the end.
type progress struct {
	mu    sync.Mutex
	out   *os.File // nil for none
	begun time.Time
	drawn time.Time
}

// progress is shown on a terminal only, and not to a person who wants quiet.
func (p *program) progress(quiet bool) *progress {
	file, ok := unshown(p.streams.Err).(*os.File)
	if quiet || !ok || !isTerminal(file) || p.getenv("TERM") == "dumb" {
		return &progress{}
	}
	return &progress{out: file, begun: time.Now()}
}

const (
	clearLine    = "\r\x1b[K"
	progressStep = 100 * time.Millisecond
	// progressAfter is how long a command has to take before a person wants to know how far it is.
	progressAfter = 250 * time.Millisecond
)

// tell draws the line, ten times a second at most.
func (s *progress) tell(done, known int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil || time.Since(s.begun) < progressAfter || time.Since(s.drawn) < progressStep {
		return
	}
	s.drawn = time.Now()
	text := fmt.Sprintf("looked at %d of %d functions", done, known)
	if width, _, err := term.GetSize(int(s.out.Fd())); err == nil && width > 0 && len(text) >= width {
		text = text[:max(0, width-1)] // so that it stays one line
	}
	s.out.WriteString(clearLine + text) //nolint:errcheck // the terminal is gone
}

// end takes the line away.
func (s *progress) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out != nil && !s.drawn.IsZero() {
		s.out.WriteString(clearLine) //nolint:errcheck // the terminal is gone
	}
	s.out = nil
}
