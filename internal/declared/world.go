// Package declared answers questions about function URLs as a project declares them, before anything is made: who may
// call which URL, what is likely wrong with what lets them, and what a grant lacks. It reads the stacks of package
// project and puts them in the forms that packages check, setup and urllint judge. It makes nothing.
//
//	world, err := declared.New(p.Stacks, account, region)
//	audit := world.Audit(ctx, flags)
//	granter := &setup.Granter{Owner: world.Account()}
package declared

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
	"github.com/furl-dev/furl/policy"
)

// Source is the resource of a template that something is from, and where in it.
type Source struct {
	Pos      tree.Position
	Stack    *template.Stack
	Resource *template.Resource
}

// World is what the stacks of a project declare.
type World struct {
	account, region string
	stacks          []*template.Stack

	functions map[string]function // by ARN
	aliases   map[string]Source   // by ARN
	urls      []functionURL
	policies  map[string]*resourcePolicy // of functions, by ARN with the alias
	owners    []*owner                   // users, groups and roles
	managed   map[string]*document       // managed policies by ARN
	places    map[string]func(policy.Ref) (Source, bool)
	notes     []string
	granted   map[*template.Stack]map[string]bool // logical ids of what grants lack
}

type function struct {
	Source
	arn  lambda.ARN
	role string // ARN
	tags map[string]string
}

type functionURL struct {
	Source
	function lambda.ARN // with the alias
	authType lambda.AuthType
}

// resourcePolicy is the policy of a function or alias, made of permissions or declared as a whole.
type resourcePolicy struct {
	function   lambda.ARN
	whole      *policy.Document // nil if it is made of permissions only
	statements []json.RawMessage
	sources    []Source
	fault      error
}

func (p *resourcePolicy) name() string { return "resource-based policy of " + p.function.String() }

func (p *resourcePolicy) text() string { return lambda.WithStatements(p.whole, p.statements) }

// owner is a user, a group or a role.
type owner struct {
	Source
	iam.Owner
	arn, boundary string
	trust         *document
	inline        []*document
	managed       []string // ARNs
	groups        []string // names, of a user
	tags          map[string]string
	outside       bool // the project does not declare it, only policies of it
}

// document is a policy of the world's, with its places in the template.
type document struct {
	Source
	inline     string // its own name, of an inline policy
	name, text string
	written    template.Document
	fault      error
}

// New reads stacks. Their account and region are those that they were loaded for.
func New(stacks []*template.Stack, account, region string) (*World, error) {
	w := &World{
		account: account, region: region, stacks: stacks, functions: map[string]function{}, aliases: map[string]Source{},
		policies: map[string]*resourcePolicy{}, managed: map[string]*document{},
		places: map[string]func(policy.Ref) (Source, bool){}, granted: map[*template.Stack]map[string]bool{},
	}
	// What policies are attached to comes first.
	for _, attached := range []bool{false, true} {
		for _, stack := range stacks {
			for _, r := range stack.Resources {
				if err := w.read(Source{r.Pos, stack, r}, attached); err != nil {
					return nil, err
				}
			}
		}
	}
	return w, nil
}

// note adds to the notes what is not there yet.
func (w *World) note(format string, arguments ...any) {
	if text := fmt.Sprintf(format, arguments...); !slices.Contains(w.notes, text) {
		w.notes = append(w.notes, text)
	}
}

func (w *World) read(from Source, attached bool) error {
	value, err := from.Stack.Value(from.Resource, nil)
	if err != nil {
		return err
	}
	switch value.(type) {
	case *template.Policy, *template.ManagedPolicy, *template.Membership, *template.ResourcePolicy:
		if !attached {
			return nil
		}
	default:
		if attached {
			return nil
		}
	}
	written, err := from.Stack.Documents(from.Resource, nil)
	if err != nil {
		return err
	}
	switch v := value.(type) {
	case *template.Function:
		name := w.arn(v.Name)
		w.functions[name.String()] = function{from, name, v.Role, v.Tags}
	case *template.Alias:
		if name, ok := w.functionOf(v.Function, v.Name); ok {
			w.aliases[name.String()] = from
		}
	case *template.URL:
		name, ok := w.functionOf(v.Function, v.Qualifier)
		if !ok {
			w.note("%s: the function of the URL %s is known only once it is made", from.Pos, from.Resource.ID)
			return nil
		}
		w.urls = append(w.urls, functionURL{from, name, v.AuthType})
	case *template.Permission:
		w.addPermission(from, v)
	case *template.ResourcePolicy:
		w.addWhole(from, v, written[0])
	case *template.Role:
		w.addOwner(from, iam.OfRole, v.Name, v.Path, v.Inline, v.Managed, written)
		o := w.owners[len(w.owners)-1]
		o.boundary, o.tags = v.Boundary, v.Tags
	case *template.User:
		w.addOwner(from, iam.OfUser, v.Name, v.Path, v.Inline, v.Managed, written)
		o := w.owners[len(w.owners)-1]
		o.boundary, o.tags, o.groups = v.Boundary, v.Tags, v.Groups
	case *template.Group:
		w.addOwner(from, iam.OfGroup, v.Name, v.Path, v.Inline, v.Managed, written)
	case *template.Membership:
		for _, user := range v.Users {
			o := w.owner(from, iam.OfUser, user)
			o.groups = append(o.groups, v.Group)
		}
	case *template.Policy:
		for _, o := range w.ownersOf(from, v.Roles, v.Users, v.Groups) {
			o.inline = append(o.inline, w.inlineDocument(from, v.Name, o.Owner, written[0]))
		}
	case *template.ManagedPolicy:
		name := arn.IAM(w.account, "policy", pathOf(v.Path), v.Name).String()
		w.managed[name] = w.document(from, name, written[0])
		for _, o := range w.ownersOf(from, v.Roles, v.Users, v.Groups) {
			o.managed = append(o.managed, name)
		}
	}
	return nil
}

func (w *World) arn(name string) lambda.ARN {
	return lambda.ARN{Region: w.region, Account: w.account, Name: name}
}

// functionOf is the function that a property names, with a qualifier of another; not ok if it is known only once
// something is made, such as a version.
func (w *World) functionOf(text, qualifier string) (name lambda.ARN, ok bool) {
	name, err := arn.ParseFunction(text, w.region, w.account)
	if err != nil || strings.Contains(text+qualifier, template.Unknown) {
		return lambda.ARN{}, false
	}
	if qualifier != "" {
		name.Qualifier = qualifier
	}
	return name, true
}

func pathOf(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// inlineDocument reads an inline policy, under the name that package setup gives it.
func (w *World) inlineDocument(from Source, name string, of iam.Owner, written template.Document) *document {
	d := w.document(from, "inline policy "+name+" of "+of.String(), written)
	d.inline = name
	return d
}

// late stands for what is known only once something is made, in policies: it is as long as template.Unknown, so that
// the rest of the text stays where it is, and the ARN of nothing.
const late = "arn:aws:furl:::late"

// document reads a policy of a user, group or role.
func (w *World) document(from Source, name string, written template.Document) *document {
	text := strings.ReplaceAll(written.Text, template.Unknown, late)
	d := &document{Source: from, name: name, written: written, text: text}
	d.Pos = written.Place(1, 1)
	parsed, err := policy.Parse([]byte(d.text), policy.Identity)
	switch {
	case err != nil:
		d.fault = fmt.Errorf("%s: %s is not known yet: %w", d.Pos, name, err)
	case isLate(parsed):
		d.fault = fmt.Errorf("%s: conditions of %s are known only once it is made", d.Pos, name)
	}
	w.places[name] = func(ref policy.Ref) (Source, bool) {
		start, _ := ref.Position()
		at := from
		at.Pos = written.Place(start.Line, start.Column)
		return at, true
	}
	return d
}

// isLate reports whether who may do what with functions hangs on what is known only once something is made. Resources
// are left out: a function's name is always known, and a version has no URL.
func isLate(d *policy.Document) bool {
	return slices.ContainsFunc(d.Statements(), func(s policy.Statement) bool {
		if !s.CoversAction(lambda.ActionInvokeURL) && !s.CoversAction(lambda.ActionInvoke) {
			return false
		}
		has := func(text string) bool { return strings.Contains(text, late) }
		return slices.ContainsFunc(s.Principals, has) || slices.ContainsFunc(s.Conditions, func(c policy.Condition) bool {
			return slices.ContainsFunc(c.Values, has)
		})
	})
}

// policyOf is the policy of a function or alias, which is made if there is none.
func (w *World) policyOf(name lambda.ARN) *resourcePolicy {
	p := w.policies[name.String()]
	if p == nil {
		p = &resourcePolicy{function: name}
		w.policies[name.String()] = p
		w.places[p.name()] = func(ref policy.Ref) (Source, bool) {
			if ref.Statement >= len(p.sources) {
				return Source{}, false
			}
			return p.sources[ref.Statement], true
		}
	}
	return p
}

func (w *World) addPermission(from Source, v *template.Permission) {
	name, ok := w.functionOf(v.Function, "")
	if !ok {
		return // of a version, or of a function elsewhere, which have no URL here
	}
	p := w.policyOf(name)
	if strings.Contains(v.Principal+v.SourceARN+v.SourceAccount+v.OrganizationID, template.Unknown) {
		p.fault = fmt.Errorf("%s: what %s says is known only once it is made", from.Pos, from.Resource.ID)
	}
	p.statements = append(p.statements, permissionOf(v).Statement(name, lambda.Stored))
	p.sources = append(p.sources, from)
}

// permissionOf is the permission as AddPermission takes it.
func permissionOf(v *template.Permission) lambda.Permission {
	p := lambda.Permission{
		StatementID: v.StatementID, Action: v.Action, SourceARN: v.SourceARN, SourceAccount: v.SourceAccount,
		EventSourceToken: v.EventSourceToken, PrincipalOrgID: v.OrganizationID, FunctionURLAuthType: v.AuthType,
	}
	if v.InvokedViaFunctionURL {
		p.InvokedViaURL = new(true)
	}
	switch {
	case v.Principal == "*":
		p.Principal.Anyone = true
	case arn.IsAccount(v.Principal):
		p.Principal.AWS = arn.Root(v.Principal).String()
	case strings.HasPrefix(v.Principal, "arn:"):
		p.Principal.AWS = v.Principal
	default:
		p.Principal.Service = v.Principal
	}
	return p
}

// addWhole adds the statements of a policy that is declared as a whole.
func (w *World) addWhole(from Source, v *template.ResourcePolicy, written template.Document) {
	name, ok := w.functionOf(v.Function, "")
	if !ok {
		return
	}
	p := w.policyOf(name)
	text := strings.ReplaceAll(written.Text, template.Unknown, late)
	parsed, err := policy.Parse([]byte(text), policy.Resource)
	switch {
	case err != nil:
		p.fault = fmt.Errorf("%s: the policy is not known yet: %w", written.Place(1, 1), err)
		return
	case isLate(parsed):
		p.fault = fmt.Errorf("%s: parts of the policy are known only once it is made", written.Place(1, 1))
	}
	if p.whole == nil {
		p.whole = parsed
	}
	for i, s := range parsed.Statements() {
		start, _ := policy.Ref{Document: parsed, Statement: i}.Position()
		at := from
		at.Pos = written.Place(start.Line, start.Column)
		p.statements, p.sources = append(p.statements, s.JSON), append(p.sources, at)
	}
}

// addOwner adds a user, group or role. A role's first document is its trust policy.
func (w *World) addOwner(
	from Source, kind iam.OwnerKind, name, path string, inline []template.Inline, managed []string,
	written []template.Document,
) {
	o := &owner{
		Source: from, Owner: iam.Owner{Kind: kind, Name: name}, managed: managed,
		arn: arn.IAM(w.account, string(kind), pathOf(path), name).String(),
	}
	if kind == iam.OfRole {
		o.trust = &document{Source: from, text: written[0].Text, written: written[0]}
		written = written[1:]
	}
	for i, d := range written {
		o.inline = append(o.inline, w.inlineDocument(from, inline[i].Name, o.Owner, d))
	}
	w.owners = append(w.owners, o)
}

// owner is that of the name, which is added if the project does not declare it: only its policies are known then.
func (w *World) owner(from Source, kind iam.OwnerKind, name string) *owner {
	i := slices.IndexFunc(w.owners, func(o *owner) bool { return o.Kind == kind && o.Name == name })
	if i >= 0 {
		return w.owners[i]
	}
	w.owners = append(w.owners, &owner{
		Source: from, Owner: iam.Owner{Kind: kind, Name: name}, outside: true,
		arn: arn.IAM(w.account, string(kind), "/", name).String(),
	})
	return w.owners[len(w.owners)-1]
}

func (w *World) ownersOf(from Source, roles, users, groups []string) (list []*owner) {
	add := func(kind iam.OwnerKind, names []string) {
		for _, name := range names {
			if !strings.Contains(name, template.Unknown) {
				list = append(list, w.owner(from, kind, name))
			}
		}
	}
	add(iam.OfRole, roles)
	add(iam.OfUser, users)
	add(iam.OfGroup, groups)
	return list
}

// details are the users, groups and roles, as GetAccountAuthorizationDetails would answer them.
func (w *World) details() (answer awsapi.Details, faults []error) {
	used := map[string]bool{}
	for _, o := range w.owners {
		entity := awsapi.Entity{ARN: o.arn, GroupList: o.groups}
		if o.trust != nil {
			entity.AssumeRolePolicyDocument = awsapi.Document(o.trust.text)
		}
		var inline []awsapi.InlinePolicy
		for _, d := range o.inline {
			if d.fault != nil {
				faults = append(faults, d.fault)
			}
			inline = append(inline, awsapi.InlinePolicy{Name: d.inline, Document: awsapi.Document(d.text)})
		}
		for _, name := range o.managed {
			if !w.isKnown(name) && strings.Contains(name, ":iam::aws:policy/") {
				w.note("%s is taken to allow neither action: furl does not know it", name)
				continue
			}
			if !w.isKnown(name) {
				w.note("%s: %s of %s is not declared, and what it allows is not known", o.Pos, name, o)
			}
			used[name] = true
			entity.AttachedManagedPolicies = append(entity.AttachedManagedPolicies, struct{ PolicyArn string }{name})
		}
		entity.PermissionsBoundary.PermissionsBoundaryArn = o.boundary
		used[o.boundary] = true
		for key, value := range o.tags {
			entity.Tags = append(entity.Tags, struct{ Key, Value string }{key, value})
		}
		switch o.Kind {
		case iam.OfRole:
			entity.RoleName, entity.RolePolicyList = o.Name, inline
			answer.Roles = append(answer.Roles, entity)
		case iam.OfUser:
			entity.UserName, entity.UserPolicyList = o.Name, inline
			answer.Users = append(answer.Users, entity)
		default:
			entity.GroupName, entity.GroupPolicyList = o.Name, inline
			answer.Groups = append(answer.Groups, entity)
		}
		if o.outside {
			w.note("%s is not declared: only the policies that the project gives it are counted", o)
		}
	}
	for name := range used {
		text, ok := w.managedText(name)
		if !ok {
			continue
		}
		if d := w.managed[name]; d != nil && d.fault != nil {
			faults = append(faults, d.fault)
		}
		policy := awsapi.ManagedPolicy{ARN: name, Default: "v1"}
		policy.Versions = append(policy.Versions, struct {
			ID        string `json:"VersionId"`
			IsDefault bool   `json:"IsDefaultVersion"`
			Document  awsapi.Document
		}{"v1", true, awsapi.Document(text)})
		answer.Policies = append(answer.Policies, policy)
	}
	return answer, faults
}

func (w *World) isKnown(policy string) bool {
	_, ok := w.managedText(policy)
	return ok
}

// managedText is the text of a managed policy that is declared, or of one of AWS's that furl knows.
func (w *World) managedText(name string) (string, bool) {
	if d := w.managed[name]; d != nil {
		return d.text, true
	}
	found, ok := iam.AWSPolicy(name)
	if !ok {
		return "", false
	}
	version, ok := found.Version(found.Default)
	return version.Policy.Text, ok
}
