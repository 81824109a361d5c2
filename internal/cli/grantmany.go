package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
)

// functions are those that a command is about: of its argument, of --function, and of standard input for the name -. many
// says that they are a list, however short, and not the argument alone.
func (p *program) functions(command *cobra.Command, flagged, args []string) (functions []string, many bool, err error) {
	read := false
	for _, name := range append(args[:len(args):len(args)], flagged...) {
		switch {
		case name == "":
			return nil, false, usage(command, errors.New("the name of a function is empty"))
		case name != "-":
			functions = append(functions, name)
		case !read:
			read = true
			names, err := p.readNames()
			if err != nil {
				return nil, false, err
			}
			functions = append(functions, names...)
		}
	}
	if len(functions) == 0 {
		if read {
			return nil, false, usage(command, errors.New("standard input has no name of a function"))
		}
		return nil, false, expected(command, args)
	}
	return functions, read || len(flagged) > 0, nil
}

// oneFunction takes one argument, or none where --function is given.
func oneFunction(command *cobra.Command, args []string) error {
	if len(args) == 0 && command.Flags().Changed("function") {
		return nil
	}
	return cobra.ExactArgs(1)(command, args)
}

// readNames reads names from standard input. Those that the AWS CLI prints with --output text stand on one line.
func (p *program) readNames() (names []string, err error) {
	text, err := io.ReadAll(p.streams.In)
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	for line := range strings.Lines(string(setup.Unicode(text))) {
		line, _, _ = strings.Cut(line, "#")
		names = append(names, strings.Fields(line)...)
	}
	return names, nil
}

// grantOne is one of the functions of a grant to many.
type grantOne struct {
	name    string
	granter *setup.Granter
	plan    *setup.Plan // nil if there is none
	done    int         // changes that were made
	err     error
	told    chan struct{} // closed when the function is done
}

// atOnce is how many functions are worked on at one time: the Lambda API lets an account make 15 calls a second (Lambda
// Developer Guide, "Lambda quotas").
const atOnce = 4

// grantMany makes all plans, and then carries them out or shows them. What fails for one function is no reason to leave
// out another.
func (p *program) grantMany(command *cobra.Command, flags grantFlags, functions []string, planFor planner) error {
	all := flags.open(command, functions)
	ctx := command.Context()
	each(all, atOnce, func(one *grantOne) {
		if one.err == nil {
			one.plan, one.err = planFor(one.granter, ctx, flags.request(one.name))
		}
	})
	if flags.dryRun || flags.print != "" {
		return p.showMany(ctx, flags, all)
	}
	limit, locks := atOnce, map[lambda.ARN]*sync.Mutex{}
	if flags.via == string(setup.ViaIdentity) || flags.callerProfile != "" {
		limit = 1 // IAM refuses changes of one role at the same time (IAM API Reference, ConcurrentModification)
	}
	for _, one := range all {
		if one.plan != nil { // the function and its aliases change one after the other, too
			locks[one.plan.Function.Unqualified()] = &sync.Mutex{}
		}
		one.told = make(chan struct{})
	}
	go each(all, limit, func(one *grantOne) {
		defer close(one.told)
		if one.err == nil {
			lock := locks[one.plan.Function.Unqualified()]
			lock.Lock()
			defer lock.Unlock()
			one.err = one.plan.Apply(ctx, func(setup.Change) { one.done++ })
		}
	})
	for _, one := range all {
		<-one.told
		if !flags.asJSON && one.plan != nil {
			p.tellPlan(one.plan, one.done, one.err)
		}
		if !flags.asJSON && one.err != nil {
			fmt.Fprintf(p.streams.Out, "%-9s  %s: %v\n", "failed", one.name, one.err)
		}
		p.notePartial(one.err)
	}
	return p.sumUp(ctx, flags, all)
}

// each does something for all, a few at one time.
func each(all []*grantOne, limit int, do func(*grantOne)) {
	var group errgroup.Group
	group.SetLimit(limit)
	for _, one := range all {
		group.Go(func() error {
			do(one)
			return nil
		})
	}
	_ = group.Wait()
}

// open finds the functions in their regions, each once.
func (g *grantFlags) open(command *cobra.Command, functions []string) (all []*grantOne) {
	type opened struct {
		granter *setup.Granter
		err     error
	}
	regions, seen := map[string]opened{}, map[string]bool{}
	for _, name := range functions {
		one := &grantOne{name: name}
		region, err := g.region(name)
		if err != nil {
			one.err = err
			all = append(all, one)
			continue
		}
		at, ok := regions[region]
		if !ok {
			at.granter, at.err = g.granter(command, name)
			regions[region] = at
		}
		if one.granter, one.err = at.granter, at.err; one.err == nil {
			var target lambda.ARN
			target, one.err = setup.ParseTarget(name, g.qualifier, at.granter.Owner.Region, at.granter.Owner.ID)
			if key := target.String(); one.err == nil && seen[key] {
				continue
			} else if one.err == nil {
				seen[key] = true
			}
		}
		all = append(all, one)
	}
	return all
}

// showMany prints plans without carrying them out.
func (p *program) showMany(ctx context.Context, flags grantFlags, all []*grantOne) error {
	var plans []*setup.Plan
	for _, one := range all {
		if one.err != nil {
			p.note("failed: %s: %v", one.name, one.err)
			continue
		}
		plans = append(plans, one.plan)
		if flags.dryRun && !flags.asJSON {
			if err := p.printDryRun(one.plan); err != nil {
				return err
			}
		}
	}
	if flags.print != "" && len(plans) > 0 {
		if err := p.printCode(flags, plans...); err != nil {
			return err
		}
	}
	return p.sumUp(ctx, flags, all)
}

// grantSummary counts the functions of a grant to many.
type grantSummary struct {
	Functions int `json:"functions"`
	Changed   int `json:"changed"` // to be changed, if nothing is carried out
	Unchanged int `json:"unchanged"`
	Failed    int `json:"failed"`
}

// sumUp prints the last line, or all of the JSON, and makes an error of what failed: the first one with its exit status.
func (p *program) sumUp(ctx context.Context, flags grantFlags, all []*grantOne) error {
	shown, failed := []shownPlan{}, (*grantOne)(nil)
	var sum grantSummary
	for _, one := range all {
		entry := shownPlan{Function: one.name, Principal: flags.principal, Changes: []shownChange{}}
		if one.plan != nil {
			diff := ""
			if flags.dryRun {
				diff = one.plan.Diff()
			}
			entry = showPlan(one.plan, one.done, diff)
		}
		switch sum.Functions++; {
		case one.err != nil:
			entry.Error = one.err.Error()
			if sum.Failed++; failed == nil {
				failed = one
			}
		case len(one.plan.Changes) > 0:
			sum.Changed++
		default:
			sum.Unchanged++
		}
		shown = append(shown, entry)
	}
	switch {
	case flags.asJSON:
		err := p.printJSON(struct {
			Functions []shownPlan  `json:"functions"`
			Summary   grantSummary `json:"summary"`
		}{shown, sum})
		if err != nil {
			return err
		}
	case flags.print != "" || flags.dryRun:
		p.note("%s", sum.text("to change"))
	default:
		fmt.Fprintln(p.streams.Out, sum.text("changed"))
	}
	switch {
	case failed == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return fmt.Errorf("%s: %w", failed.name, failed.err)
	}
}

// text is the summary in a line, without what there is none of.
func (s grantSummary) text(changed string) string {
	line := fmt.Sprintf("%d functions: ", s.Functions)
	if s.Functions == 1 {
		line = "1 function: "
	}
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{{s.Changed, changed}, {s.Unchanged, "unchanged"}, {s.Failed, "failed"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	return line + strings.Join(parts, ", ")
}
