package declared

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

// Finding is something that is likely wrong with what a project declares.
type Finding struct {
	Source
	Policy    string // that it is about, "" for none
	Statement string // its place in the policy
	Sid       string
	Rule      urllint.Rule
	Severity  urllint.Severity
	Message   string
	Fix       string
	Version   string // that the policy has to have
	// Instead are the statements to write in the place of this one, with the template's references; none to remove it.
	Instead []json.RawMessage
	// Resources are to be written into the template's Resources, by their ids; null is one to remove. It is nil if that is
	// not the fix.
	Resources map[string]json.RawMessage
	fragment  snippet.Fragment
}

// Code is the fix as a person writes it into the template; "" if it is not known.
func (f Finding) Code() string {
	var text strings.Builder
	line := func(format string, arguments ...any) { fmt.Fprintf(&text, "    "+format+"\n", arguments...) }
	for _, id := range slices.Sorted(maps.Keys(f.Resources)) {
		if string(f.Resources[id]) == "null" {
			line("remove %s", id)
		}
	}
	switch inJSON := strings.HasSuffix(f.Pos.File, ".json"); {
	case f.Resources == nil:
		for _, statement := range f.Instead {
			line("%s", statement)
		}
	case len(f.fragment.Resources) > 0 && inJSON:
		line("in Resources:")
		for _, r := range f.fragment.Resources {
			line("  %s: %s", strconv.Quote(r.ID), f.Resources[r.ID])
		}
	case len(f.fragment.Resources) > 0:
		line("in Resources:")
		text.WriteString(f.fragment.YAML("      ") + "\n")
	}
	return text.String()
}

// Sets are the policies that are declared, in the form of saved ones. AWS's own are among them, to complete others.
func (w *World) Sets() (sets []setup.SavedSet) {
	for _, name := range slices.Sorted(maps.Keys(w.policies)) {
		p := w.policies[name]
		if saved, ok := savedPolicy(p.name(), p.text(), policy.Resource); ok && p.fault == nil {
			sets = append(sets, setup.SavedSet{Common: true, Policies: []setup.SavedPolicy{saved}})
		}
	}
	joined, attached := map[string]bool{}, map[string]bool{}
	of := func(o *owner) (set setup.SavedSet) {
		set.Owner = o.arn
		for _, d := range o.inline {
			if saved, ok := savedPolicy(d.name, d.text, policy.Identity); ok {
				set.Policies = append(set.Policies, saved)
			}
		}
		for _, name := range o.managed {
			attached[name] = true
			text, _ := w.managedText(name)
			switch saved, ok := savedPolicy(name, text, policy.Identity); {
			case !ok:
			case w.managed[name] == nil:
				set.AWS = append(set.AWS, saved)
			default:
				set.Policies = append(set.Policies, saved)
			}
		}
		return set
	}
	for _, o := range w.owners {
		if o.Kind == iam.OfGroup {
			continue
		}
		set := of(o)
		for _, name := range o.groups {
			for _, group := range w.owners {
				if group.Kind == iam.OfGroup && group.Name == name {
					joined[name] = true
					more := of(group)
					set.Policies, set.AWS = append(set.Policies, more.Policies...), append(set.AWS, more.AWS...)
				}
			}
		}
		sets = append(sets, set)
		if o.trust != nil {
			name := "trust policy of " + o.String()
			w.places[name] = o.trust.at
			if saved, ok := savedPolicy(name, o.trust.text, policy.Trust); ok {
				sets = append(sets, setup.SavedSet{Policies: []setup.SavedPolicy{saved}})
			}
		}
	}
	for _, o := range w.owners {
		if o.Kind == iam.OfGroup && !joined[o.Name] {
			sets = append(sets, of(o))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.managed)) {
		if saved, ok := savedPolicy(name, w.managed[name].text, policy.Identity); ok && !attached[name] {
			sets = append(sets, setup.SavedSet{Policies: []setup.SavedPolicy{saved}})
		}
	}
	return sets
}

// at is where a statement of the document is.
func (d *document) at(ref policy.Ref) (Source, bool) {
	start, _ := ref.Position()
	at := d.Source
	at.Pos = d.written.Place(start.Line, start.Column)
	return at, true
}

// savedPolicy reads a policy; not ok for one that cannot be read before everything is known.
func savedPolicy(name, text string, kind policy.Kind) (setup.SavedPolicy, bool) {
	parsed, err := policy.Parse([]byte(text), kind)
	return setup.SavedPolicy{Label: name, Document: parsed}, err == nil
}

// Faults are policies that cannot be judged before everything is known.
func (w *World) Faults() (faults []error) {
	for _, name := range slices.Sorted(maps.Keys(w.policies)) {
		if fault := w.policies[name].fault; fault != nil {
			faults = append(faults, fault)
		}
	}
	_, more := w.details()
	return append(faults, more...)
}

// Linted is a finding of urllint about one of the policies of Sets.
type Linted struct {
	Policy string
	urllint.Finding
}

// Findings are what is likely wrong: what urllint found in the policies, with its place in the template and in the
// template's terms, and what the rules about declarations find.
func (w *World) Findings(found []Linted) []Finding {
	own := slices.Concat(w.directOnly(), w.authTypes(), w.qualifiers(), w.notPublic())
	all := slices.Clone(own)
	for _, f := range found {
		at, ok := w.at(policy.Ref{Policy: f.Policy, Document: f.Document, Statement: f.Ref.Statement})
		if !ok {
			continue
		}
		isSAM := f.Rule == "missing-version" && at.Resource.ID != at.Resource.Origin // as its policy templates are
		isSaid := f.Rule == urllint.RuleAuthType && slices.ContainsFunc(own, func(o Finding) bool {
			return o.Rule == RuleAuthType && o.Resource == at.Resource
		})
		if isSAM || isSaid || f.Rule == urllint.RuleDirectInvoke && isOnlyDirect(f.Document) {
			continue
		}
		finding := Finding{
			Source: at, Policy: f.Policy, Statement: f.Path(), Sid: f.Ref.Sid(), Rule: f.Rule, Severity: f.Severity,
			Message: f.Message, Fix: f.Fix, Version: f.Version, Instead: []json.RawMessage{},
		}
		fragment := w.fragment(at.Stack)
		for _, statement := range f.Instead {
			finding.Instead = append(finding.Instead, fragment.Policy(string(statement)))
		}
		w.mend(&finding, f)
		all = append(all, finding)
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), a.Pos.Line-b.Pos.Line, a.Pos.Column-b.Pos.Column)
	})
	return all
}

// Examine is what the rules about declarations find in a template that needs nothing besides its text.
func Examine(file, text string) ([]Finding, error) {
	root, err := tree.Parse(file, []byte(text))
	if err != nil {
		return nil, err
	}
	o := template.Options{Stack: "app", Account: "111122223333", Region: "eu-west-1"}
	stack, err := template.Load(root, o)
	if err != nil {
		return nil, err
	}
	w, err := New([]*template.Stack{stack}, o.Account, o.Region)
	if err != nil {
		return nil, err
	}
	return w.Findings(nil), nil
}

// isOnlyDirect reports whether a policy of a user, group or role is about direct invocation only: what lets the caller
// use the URL is then another policy, if anything does, which RuleDirectOnly looks for.
func isOnlyDirect(d *policy.Document) bool {
	return d.Kind() == policy.Identity && !slices.ContainsFunc(d.Statements(), func(s policy.Statement) bool {
		return s.Effect == policy.Allowed && !s.NotAction && s.CoversAction(lambda.ActionInvokeURL)
	})
}

// mend writes the fix of a permission as resources: what changes in its place, and what is new beside it.
func (w *World) mend(finding *Finding, f Linted) {
	r := finding.Resource
	if r.Type != "AWS::Lambda::Permission" || r.ID != r.Origin || f.Version != "" {
		return
	}
	name, err := arn.ParseFunctionARN(f.Document.Statements()[f.Ref.Statement].Resources[0])
	before, ok := lambda.ReadPermission(f.Document.Statements()[f.Ref.Statement])
	if err != nil || !ok {
		return
	}
	isWide := before.Principal.Anyone && (f.Rule == urllint.RulePublic || f.Rule == ruleAnyAccount)
	if isWide && w.narrow(finding, name, before) {
		return
	}
	var changed []lambda.Permission
	kept := false
	for _, statement := range f.Instead {
		parsed, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[`+string(statement)+`]}`), policy.Resource)
		if err != nil {
			return
		}
		p, ok := lambda.ReadPermission(parsed.Statements()[0])
		if !ok {
			return // AddPermission has no such condition
		}
		p.StatementID = before.StatementID
		if reflect.DeepEqual(p, before) {
			kept = true
			continue
		}
		changed = append(changed, p)
	}
	finding.Resources = map[string]json.RawMessage{}
	if !kept {
		finding.Resources[r.ID] = json.RawMessage("null")
	}
	ids := w.ids(finding.Stack)
	for i, p := range changed {
		id := r.ID
		if i > 0 || kept {
			id = ids(r.ID + snippet.Suffix(p))
		}
		finding.add(w.permission(finding.Stack, id, name, p), w)
	}
}

// ruleAnyAccount is urllint's for grants to the users and roles of all accounts.
const ruleAnyAccount urllint.Rule = "any-account"

// narrow writes the fix of a permission for everyone, in what a permission can say: a URL that asks nobody has the
// condition for that, and one that asks who calls is for the account, whose own policies then decide. It is not ok if
// the function has no URL.
func (w *World) narrow(f *Finding, name lambda.ARN, before lambda.Permission) bool {
	i := slices.IndexFunc(w.urls, func(url functionURL) bool { return url.function == name })
	if i < 0 {
		return false
	}
	of := func(p lambda.Permission) lambda.Permission {
		switch p.Action {
		case lambda.ActionInvokeURL:
			p.FunctionURLAuthType = w.urls[i].authType
		case lambda.ActionInvoke:
			p.InvokedViaURL = new(true)
		}
		return p
	}
	if w.urls[i].authType == lambda.AuthNone {
		f.Fix = "write the condition of URLs of auth type NONE, if the URL is public on purpose"
		f.add(w.permission(f.Stack, f.Resource.ID, name, of(before)), w)
		return true
	}
	f.Fix = "name the principal; or grant to the account, whose own policies then decide who may call"
	p := w.policies[name.String()]
	for at, s := range statementsOf(p.text(), policy.Resource) {
		r := p.sources[at].Resource
		other, ok := lambda.ReadPermission(s.Statement)
		if !ok || !other.Principal.Anyone || other.PrincipalOrgID != "" || r.ID != r.Origin ||
			r.Type != f.Resource.Type || p.sources[at].Stack != f.Stack {
			continue
		}
		other.Principal = lambda.PermissionPrincipal{AWS: arn.Root(w.account).String()}
		f.add(w.permission(f.Stack, r.ID, name, of(other)), w)
	}
	return true
}

// add adds a resource to the fix.
func (f *Finding) add(r snippet.Resource, w *World) {
	if f.Resources == nil {
		f.Resources = map[string]json.RawMessage{}
	}
	f.fragment = w.fragment(f.Stack, append(f.fragment.Resources, r)...)
	maps.Copy(f.Resources, f.fragment.JSON())
}

// ids answers logical ids that the template does not have, like the ones that are asked for.
func (w *World) ids(stack *template.Stack) func(wanted string) string {
	return unusedIDs(stack, map[string]bool{})
}

func unusedIDs(stack *template.Stack, used map[string]bool) func(wanted string) string {
	return func(wanted string) string {
		id := wanted
		for n := 2; used[id] || stack.Has(id); n++ {
			id = wanted + strconv.Itoa(n)
		}
		used[id] = true
		return id
	}
}

// pair are the two permissions that let a principal call a URL.
func pair(principal lambda.PermissionPrincipal, authType lambda.AuthType) []lambda.Permission {
	return []lambda.Permission{
		{Action: lambda.ActionInvokeURL, Principal: principal, FunctionURLAuthType: authType},
		{Action: lambda.ActionInvoke, Principal: principal, InvokedViaURL: new(true)},
	}
}

// grantBoth adds what lets a principal call the URL.
func (f *Finding) grantBoth(w *World, url functionURL, base string, principal lambda.PermissionPrincipal) {
	ids := w.ids(f.Stack)
	for _, p := range pair(principal, url.authType) {
		f.add(w.permission(f.Stack, ids(base+snippet.Suffix(p)), url.function, p), w)
	}
}

func (w *World) finding(at Source, rule urllint.Rule, message, fix string) Finding {
	return Finding{
		Source: at, Rule: rule, Severity: severityOf(rule), Message: message, Fix: fix, Instead: []json.RawMessage{},
	}
}

// directOnly finds execution roles that may invoke a function directly and not call its URL.
func (w *World) directOnly() (all []Finding) {
	for _, o := range w.owners {
		isExecution := func(f function) bool { return f.role == o.arn }
		if o.Kind != iam.OfRole || !slices.ContainsFunc(slices.Collect(maps.Values(w.functions)), isExecution) {
			continue
		}
		documents := slices.Clone(o.inline)
		for _, name := range o.managed {
			if d := w.managed[name]; d != nil {
				documents = append(documents, d)
			} else if text, ok := w.managedText(name); ok {
				of := o.Source
				of.Pos = o.Resource.Place("ManagedPolicyArns")
				documents = append(documents, &document{Source: of, name: name, text: text})
			}
		}
		for _, url := range w.urls {
			f := w.functions[url.function.Unqualified().String()]
			if url.authType != lambda.AuthIAM || f.role == o.arn || w.mayCallURL(o, documents, url) {
				continue
			}
			for _, d := range documents {
				for i, s := range statementsOf(d.text, policy.Identity) {
					if !s.allows(lambda.ActionInvoke, url.function) || forURLs(s.Statement) {
						continue
					}
					at := d.Source
					if d.inline != "" || w.managed[d.name] != nil { // AWS's own stand elsewhere
						at, _ = d.at(policy.Ref{Document: s.document, Statement: i})
					}
					finding := w.finding(at, RuleDirectOnly, fmt.Sprintf("%s lets %s invoke %s directly, and not call its URL, "+
						"which has auth type AWS_IAM: lambda:InvokeFunctionUrl is missing, and each call is refused",
						d.whose(), o.Resource.ID, f.Resource.ID),
						"grant both actions to the role, unless the function is only invoked directly")
					finding.Policy, finding.Statement = d.name, policy.Ref{Document: s.document, Statement: i}.Path()
					finding.grantBoth(w, url, f.Resource.ID+o.Resource.ID, lambda.PermissionPrincipal{AWS: o.arn})
					all = append(all, finding)
				}
			}
		}
	}
	return all
}

// whose says what made the policy: what of SAM's looks as if it let callers in has a name.
func (d *document) whose() string {
	if connectors := d.Resource.Metadata().Get("aws:sam:connectors"); connectors != nil && len(connectors.Members) > 0 {
		return "the SAM connector " + connectors.Members[0].Name
	}
	one := statementsOf(d.text, policy.Identity)
	isOne := d.inline != "" && d.Resource.ID != d.Resource.Origin && len(one) == 1 && len(one[0].Resources) == 1
	if isOne && one[0].Sid == "" &&
		slices.Equal(one[0].Actions, []string{lambda.ActionInvoke}) && strings.HasSuffix(one[0].Resources[0], "*") {
		return "the policy template LambdaInvokePolicy of SAM"
	}
	return d.name
}

// parsedStatement is a statement with its document.
type parsedStatement struct {
	policy.Statement
	document *policy.Document
}

func statementsOf(text string, kind policy.Kind) (list []parsedStatement) {
	parsed, err := policy.Parse([]byte(text), kind)
	if err != nil {
		return nil
	}
	for _, s := range parsed.Statements() {
		list = append(list, parsedStatement{s, parsed})
	}
	return list
}

// allows reports whether the statement allows the action on the function, whatever its conditions.
func (s parsedStatement) allows(action string, function lambda.ARN) bool {
	return s.Effect == policy.Allowed && !s.NotAction && !s.NotResource && s.CoversAction(action) &&
		slices.ContainsFunc(s.Resources, func(r string) bool {
			matches, err := path.Match(r, function.String()) // which has no slash
			return err == nil && matches
		})
}

// mayCallURL reports whether something allows the role lambda:InvokeFunctionUrl.
func (w *World) mayCallURL(o *owner, documents []*document, url functionURL) bool {
	for _, d := range documents {
		for _, s := range statementsOf(d.text, policy.Identity) {
			if s.allows(lambda.ActionInvokeURL, url.function) {
				return true
			}
		}
	}
	p := w.policies[url.function.String()]
	return p != nil && slices.ContainsFunc(statementsOf(p.text(), policy.Resource), func(s parsedStatement) bool {
		return s.allows(lambda.ActionInvokeURL, url.function) && slices.ContainsFunc(s.Principals, func(name string) bool {
			return name == "*" || name == "AWS:*" || name == "AWS:"+o.arn
		})
	})
}

// authTypes finds statements for the auth type that the URL does not have.
func (w *World) authTypes() (all []Finding) {
	for _, url := range w.urls {
		p := w.policies[url.function.String()]
		if p == nil || p.fault != nil {
			continue
		}
		for i, s := range statementsOf(p.text(), policy.Resource) {
			at := slices.IndexFunc(s.Conditions, func(c policy.Condition) bool {
				return equalKey(c, "lambda:FunctionUrlAuthType") && strings.EqualFold(c.Operator, "StringEquals")
			})
			if at < 0 || s.Effect != policy.Allowed || slices.Contains(s.Conditions[at].Values, string(url.authType)) {
				continue
			}
			given := strings.Join(s.Conditions[at].Values, " and ")
			source := p.sources[i]
			permission, ok := lambda.ReadPermission(s.Statement)
			ok = ok && source.Resource.Type == "AWS::Lambda::Permission" && source.Resource.ID == source.Resource.Origin
			if source.Resource.Type == "AWS::Lambda::Permission" {
				source.Pos = source.Resource.Place("FunctionUrlAuthType")
			}
			finding := w.finding(source, RuleAuthType, fmt.Sprintf("%s is for URLs of auth type %s, and the URL %s has %s: it "+
				"lets nobody call", source.Resource.ID, given, url.Resource.ID, url.authType), "")
			finding.Policy, finding.Sid = p.name(), s.Sid
			finding.Statement = policy.Ref{Document: s.document, Statement: i}.Path()
			everyone := permission.Principal.Anyone
			switch {
			case url.authType == lambda.AuthIAM && everyone && permission.PrincipalOrgID == "":
				finding.Fix = "name the principal that is to call; or remove the grant to everyone, or write AuthType: NONE"
				if ok {
					w.removePair(&finding, p, permission.Principal)
				}
			case url.authType == lambda.AuthIAM || everyone:
				finding.Fix = "write FunctionUrlAuthType: " + string(url.authType)
				if permission.FunctionURLAuthType = url.authType; ok {
					finding.add(w.permission(source.Stack, source.Resource.ID, url.function, permission), w)
				}
			default:
				finding.Fix = "write AuthType: AWS_IAM for the URL, which asks nobody who they are now; or remove the grant"
				if ok {
					w.removePair(&finding, p, permission.Principal)
				}
			}
			all = append(all, finding)
		}
	}
	return all
}

// removePair has the fix remove the grants of a URL's calls to a principal.
func (w *World) removePair(f *Finding, p *resourcePolicy, principal lambda.PermissionPrincipal) {
	f.Resources = map[string]json.RawMessage{}
	for i, s := range statementsOf(p.text(), policy.Resource) {
		permission, ok := lambda.ReadPermission(s.Statement)
		if ok && permission.Principal == principal && forURLs(s.Statement) && p.sources[i].Stack == f.Stack {
			f.Resources[p.sources[i].Resource.ID] = json.RawMessage("null")
		}
	}
}

// qualifiers finds grants on something else than the URL belongs to.
func (w *World) qualifiers() (all []Finding) {
	seen := map[Source]bool{}
	for _, url := range w.urls {
		for _, m := range w.misplaced(url) {
			if seen[m.Source] {
				continue
			}
			seen[m.Source] = true
			source := m.Source
			if source.Resource.Type == "AWS::Lambda::Permission" {
				source.Pos = source.Resource.Place("FunctionName")
			}
			name := w.functionName(m.Stack, url.function)
			finding := w.finding(source, RuleQualifier, fmt.Sprintf("%s is about %s, and the URL %s is that of %s, which has a "+
				"policy of its own: it lets nobody call", m.Resource.ID, what(m.on), url.Resource.ID, what(url.function)),
				"write FunctionName: "+name.YAML())
			if p, ok := lambda.ReadPermission(m.statement); ok && m.Resource.Type == "AWS::Lambda::Permission" &&
				m.Resource.ID == m.Resource.Origin {
				finding.add(w.permission(m.Stack, m.Resource.ID, url.function, p), w)
			}
			all = append(all, finding)
		}
	}
	return all
}

// notPublic finds URLs for everyone that nothing lets anybody call. One action alone is for urllint to find.
func (w *World) notPublic() (all []Finding) {
	for _, url := range w.urls {
		p := w.policies[url.function.String()]
		if url.authType != lambda.AuthNone || p != nil && (p.fault != nil || slices.ContainsFunc(
			statementsOf(p.text(), policy.Resource), func(s parsedStatement) bool {
				return s.Effect == policy.Allowed && (slices.Contains(s.Principals, "*") || slices.Contains(s.Principals, "AWS:*"))
			})) {
			continue
		}
		finding := w.finding(url.Source, RuleNotPublic, fmt.Sprintf("the URL %s has auth type NONE, and nothing grants "+
			"everyone %s and %s: each call is refused", url.Resource.ID, lambda.ActionInvokeURL, lambda.ActionInvoke),
			"grant both actions to everyone, or write AuthType: AWS_IAM")
		finding.grantBoth(w, url, url.Resource.ID+"Public", lambda.PermissionPrincipal{Anyone: true})
		all = append(all, finding)
	}
	return all
}
