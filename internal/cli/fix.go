package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/declared"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/internal/snippet"
)

// printFix prints the grants that would mend the functions of an audit, as one file.
func (p *program) printFix(audit check.Audit, flags checkFlags) error {
	plans, left := audit.Grants(flags.command.Context())
	form := snippet.Form(flags.fix)
	if len(plans) > 0 {
		// Configuration stands beside other files of its module, which have what there is once; unless it takes the
		// providers of several accounts.
		head := flags.whole || form != snippet.CLI && (form != snippet.Terraform || accounts(plans) > 1)
		file := snippet.File{Form: form, Head: head}
		if len(flags.profiles.values) > 1 {
			file.Profiles = audit.Profiles()
		}
		if err := p.printFile(file, flags.whole, plans...); err != nil {
			return err
		}
	}
	for _, text := range left {
		p.note("not mended by code: %s", text)
	}
	for _, region := range audit.Regions {
		if region.Status == check.Unknown {
			p.note("could not look: %s: %s", region.Region, region.Summary)
		}
	}
	p.note("%s", audit.Counts.Sentence())
	return verdictError(audit.Verdict)
}

// accounts is how many accounts the functions of the plans are in.
func accounts(plans []*setup.Plan) int {
	all := map[string]bool{}
	for _, plan := range plans {
		all[plan.Function.Account] = true
	}
	return len(all)
}

// fixDeclared prints what a project lacks so that its functions have no problem.
func (p *program) fixDeclared(command *cobra.Command, flags checkFlags, world *declared.World, audit check.Audit) error {
	form := snippet.Form(flags.fix)
	if form == snippet.CLI || form == snippet.Terraform || flags.whole {
		return usage(command, errors.New("a project is mended by --fix sam, cloudformation or cdk, without --whole"))
	}
	var grants declared.Grants
	for _, request := range audit.Requests() {
		grant, err := world.Grant(command.Context(), request)
		switch {
		case err != nil:
			p.note("not mended by code: %s: %v", request.Function, err)
		case !grant.IsNothing():
			p.noteAll(grant.Plan.Notes)
			grants = append(grants, grant)
		}
	}
	if err := p.printGrants(grants, form); err != nil {
		return err
	}
	p.note("%s", audit.Counts.Sentence())
	return verdictError(audit.Verdict)
}
