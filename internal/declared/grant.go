package declared

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/snippet"
)

// Grant is what a project lacks to let a principal call a URL, as resources of its template.
type Grant struct {
	Function Source
	Plan     *setup.Plan
	to       string // a short name of the principal
	fragment snippet.Fragment
	whole    *resourcePolicy // declared as a whole, so that it takes statements, not permissions; nil otherwise
}

// Grant plans it. The function and the principal may be named by their logical ids, too.
func (w *World) Grant(ctx context.Context, request setup.Request) (*Grant, error) {
	f, qualifier, note, err := w.target(request.Function, request.Qualifier)
	if err != nil {
		return nil, err
	}
	request.Function, request.Qualifier, request.Principal = f.arn.String(), qualifier, w.named(request.Principal)
	plan, err := (&setup.Granter{Owner: w.reader(), Declared: true}).Grant(ctx, request)
	if err != nil {
		return nil, err
	}
	if note != "" {
		plan.Notes = append(plan.Notes, note)
	}
	isNamed := f.Resource.Place("FunctionName") != f.Resource.Pos
	if plan.Wanted.Inline != nil && plan.Wanted.Inline.Account != w.account && !isNamed {
		plan.Notes = append(plan.Notes, fmt.Sprintf("the template gives %s no name: write the one that it gets at AWS in "+
			"place of %s in the policies of account %s", f.Resource.ID, f.arn.Name, plan.Wanted.Inline.Account))
	}
	g := &Grant{Function: f.Source, Plan: plan}
	if p := w.policies[plan.Function.String()]; p != nil && p.whole != nil {
		g.whole = p
	}
	label := w.label(f.Source, plan.Principal)
	if w.granted[f.Stack] == nil {
		w.granted[f.Stack] = map[string]bool{}
	}
	ids, base := unusedIDs(f.Stack, w.granted[f.Stack]), f.Resource.ID+label
	if g.to = plan.Principal.ARN; f.Stack.Has(label) {
		g.to = label
	}
	var resources []snippet.Resource
	for _, change := range plan.Changes {
		switch change.Kind {
		case setup.AddStatement:
			id := ids(base + snippet.Suffix(change.Permission))
			resources = append(resources, w.permission(f.Stack, id, plan.Function, change.Permission))
		case setup.PutPolicy:
			inline := snippet.InlinePolicy{
				Account: change.Account, Owner: change.Owner, Name: "furl-call-" + f.Resource.ID, Document: change.Document,
			}
			owner := snippet.Intrinsic{Text: change.Owner.Name}
			if found, err := w.find(change.Owner); err == nil && found.Stack == f.Stack {
				owner = snippet.Intrinsic{ID: found.Resource.ID}
			}
			resources = append(resources, snippet.Resource{ID: ids(base + "Policy"), Owner: owner, Inline: &inline})
		}
	}
	g.fragment = w.fragment(f.Stack, resources...)
	return g, nil
}

// IsNothing reports whether nothing is lacking.
func (g *Grant) IsNothing() bool { return len(g.fragment.Resources) == 0 }

// Grants are what a project lacks for several functions.
type Grants []*Grant

// As writes what is lacking in a form: as parts of templates, or as constructs for CDK stacks.
func (list Grants) As(form snippet.Form) string {
	var text strings.Builder
	resources := map[string]json.RawMessage{} // of templates in JSON
	file := ""                                // that resources were written for last
	for _, g := range list {
		title := fmt.Sprintf("Lets %s call the URL of %s", g.to, g.Function.Resource.ID)
		switch at := g.Function.Pos.File; {
		case g.whole != nil && g.statements() != "":
			fmt.Fprintf(&text, "# %s: add to the Statement of %s at %s.\n%s", title, g.whole.sources[0].Resource.ID,
				g.whole.sources[0].Pos, g.statements())
			file = ""
		case form == snippet.CDK:
			fmt.Fprintf(&text, "// %s: add to the stack %s.\n%s", title, g.Function.Stack.Name, g.fragment.Constructs())
		case strings.HasSuffix(at, ".json"):
			maps.Copy(resources, g.fragment.JSON())
		default:
			fmt.Fprintf(&text, "# %s: add to %s.\n", title, at)
			if at != file {
				fmt.Fprintln(&text, "Resources:")
			}
			file = at
			fmt.Fprintln(&text, g.fragment.YAML("  "))
		}
	}
	if len(resources) > 0 {
		indented, _ := json.MarshalIndent(map[string]any{"Resources": resources}, "", "  ")
		text.Write(append(indented, '\n'))
	}
	return text.String()
}

// statements are what is lacking in a policy that is declared as a whole, a line each; "" if nothing is.
func (g *Grant) statements() string {
	var text strings.Builder
	for _, change := range g.Plan.Changes {
		if change.Kind == setup.AddStatement {
			statement := change.Permission.Statement(g.Plan.Function, lambda.Stored)
			fmt.Fprintf(&text, "- %s\n", g.fragment.Policy(string(statement)))
		}
	}
	return text.String()
}

// target is the function of a logical id, a name or an ARN. If only an alias of it has a URL, that one is meant.
func (w *World) target(text, qualifier string) (f function, alias, note string, err error) {
	for _, other := range w.functions {
		if other.Resource.ID == text {
			f = other
		}
	}
	if f.Resource == nil {
		named, err := setup.ParseTarget(text, qualifier, w.region, w.account)
		if err != nil {
			return f, "", "", err
		}
		if f = w.functions[named.Unqualified().String()]; f.Resource == nil {
			var ids []string
			for _, other := range w.functions {
				ids = append(ids, other.Resource.ID)
			}
			slices.Sort(ids)
			there := cmp.Or(strings.Join(ids, ", "), "none")
			return f, "", "", fmt.Errorf("no function %s is declared; there is %s", text, there)
		}
		qualifier = named.Qualifier
	}
	var aliases []string
	for _, url := range w.urls {
		if url.function.Unqualified() == f.arn {
			aliases = append(aliases, url.function.Qualifier)
		}
	}
	if qualifier == "" && len(aliases) == 1 && aliases[0] != "" {
		qualifier = aliases[0]
		note = fmt.Sprintf("the URL is that of the alias %s, and so is the grant", qualifier)
	}
	return f, qualifier, note, nil
}

// named is the principal of a logical id; what is none is answered as it is.
func (w *World) named(text string) string {
	id := text
	for _, prefix := range []string{"function:", "role/", "user/"} {
		id = strings.TrimPrefix(id, prefix)
	}
	for _, o := range w.owners {
		if o.Resource.ID == id && !o.outside && o.Kind != iam.OfGroup && !strings.HasPrefix(text, "function:") {
			return o.arn
		}
	}
	for _, f := range w.functions {
		if f.Resource.ID == id {
			return "function:" + f.arn.Name
		}
	}
	return text
}

// label tells the principal's resources from those of others: its logical id, or its name in letters and digits.
func (w *World) label(at Source, principal setup.Principal) string {
	for _, o := range w.owners {
		if o.arn == principal.ARN && o.Stack == at.Stack && !o.outside {
			return o.Resource.ID
		}
	}
	name := cmp.Or(principal.Name, principal.Account, principal.ARN)
	switch principal.Kind {
	case setup.Everyone:
		name = "everyone"
	case setup.AccountPrincipal:
		name = "account" + principal.Account
	case setup.ServicePrincipal:
		name, _, _ = strings.Cut(principal.ARN, ".")
	}
	return snippet.LogicalID(name)
}

// reader is the account as it would be with all that the project declares, for setup.Granter to plan with. It cannot be
// changed.
func (w *World) reader() setup.Account {
	return setup.Account{ID: w.account, Region: w.region, Functions: w, Principals: w, Policies: w}
}

var (
	_ setup.FunctionReader  = (*World)(nil)
	_ setup.PrincipalReader = (*World)(nil)
	_ setup.PolicyReader    = (*World)(nil)
)

func notDeclared(what string) error {
	return &awsapi.Error{Kind: awsapi.NotFound, Message: what + " is not declared"}
}

// Function implements setup.FunctionReader.
func (w *World) Function(_ context.Context, name lambda.ARN) (awsapi.Function, error) {
	f, ok := w.functions[name.Unqualified().String()]
	if !ok {
		return awsapi.Function{}, notDeclared("function " + name.String())
	}
	return awsapi.Function{ARN: f.arn, Role: f.role}, nil
}

// URL implements setup.FunctionReader.
func (w *World) URL(_ context.Context, name lambda.ARN) (awsapi.URL, error) {
	for _, url := range w.urls {
		if url.function == name {
			return awsapi.URL{Function: name, URLSettings: awsapi.URLSettings{AuthType: url.authType}}, nil
		}
	}
	return awsapi.URL{}, notDeclared("the URL of " + name.String())
}

// Policy implements setup.FunctionReader.
func (w *World) Policy(_ context.Context, name lambda.ARN) (string, error) {
	p := w.policies[name.String()]
	switch {
	case p == nil:
		return "", notDeclared("a policy of " + name.String())
	case p.fault != nil:
		return "", p.fault
	}
	return p.text(), nil
}

func (w *World) find(o iam.Owner) (*owner, error) {
	for _, other := range w.owners {
		if other.Owner == o && !other.outside {
			return other, nil
		}
	}
	return nil, notDeclared(o.String())
}

// Principal implements setup.PrincipalReader.
func (w *World) Principal(_ context.Context, o iam.Owner) (awsapi.Principal, error) {
	found, err := w.find(o)
	if err != nil {
		return awsapi.Principal{}, &awsapi.Error{
			Kind: awsapi.NotFound, Message: o.String() + " is not declared: name one from elsewhere by its ARN",
		}
	}
	return awsapi.Principal{ARN: found.arn, Tags: found.tags, Boundary: found.boundary}, nil
}

// InlineNames implements setup.PolicyReader.
func (w *World) InlineNames(_ context.Context, o iam.Owner) (names []string, err error) {
	found, err := w.find(o)
	if err != nil {
		return nil, nil // nothing declared is known of it
	}
	for _, d := range found.inline {
		names = append(names, d.inline)
	}
	return names, nil
}

// Inline implements setup.PolicyReader.
func (w *World) Inline(_ context.Context, o iam.Owner, name string) (string, error) {
	found, err := w.find(o)
	if err == nil {
		for _, d := range found.inline {
			if d.inline == name {
				return d.text, d.fault
			}
		}
	}
	return "", notDeclared("policy " + name)
}

// Attached implements setup.PolicyReader.
func (w *World) Attached(_ context.Context, o iam.Owner) ([]string, error) {
	found, err := w.find(o)
	if err != nil {
		return nil, nil
	}
	return slices.DeleteFunc(slices.Clone(found.managed), func(name string) bool { return !w.isKnown(name) }), nil
}

// Managed implements setup.PolicyReader.
func (w *World) Managed(_ context.Context, name string) (string, error) {
	if text, ok := w.managedText(name); ok {
		return text, nil
	}
	return "", notDeclared("policy " + name)
}
