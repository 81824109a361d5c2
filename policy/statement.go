package policy

import (
	"slices"
	"strings"
)

// Effect is what a statement or a decision says.
type Effect int

const (
	// ImplicitlyDenied is the decision for what no policy allows.
	ImplicitlyDenied Effect = iota
	// Allowed is the decision for an allowed request, and the effect of an Allow statement.
	Allowed
	// ExplicitlyDenied is the decision for what a Deny statement forbids, and the effect of such a statement.
	ExplicitlyDenied
)

// String returns "Allowed", "ImplicitlyDenied" or "ExplicitlyDenied".
func (e Effect) String() string { return word(e, "ImplicitlyDenied", "Allowed", "ExplicitlyDenied") }

// Statement is one statement of a [Document], as it is written. Changes to it leave the document as it is.
type Statement struct {
	Sid          string
	Effect       Effect   // Allowed or ExplicitlyDenied
	Principals   []string // with their types, such as "AWS:arn:aws:iam::…"; "*" for everyone
	NotPrincipal bool
	Actions      []string
	NotAction    bool
	Resources    []string
	NotResource  bool
	Conditions   []Condition
	JSON         []byte

	resources *resources
}

// Condition is one key of one operator of a [Statement].
type Condition struct {
	Operator, Key string
	Values        []string

	compiled *condition
}

// Statements returns the statements of the document in the order of its text.
func (d *Document) Statements() []Statement {
	list := make([]Statement, len(d.statements))
	for i := range d.statements {
		s := &d.statements[i]
		list[i] = Statement{
			Sid: s.sid, Effect: s.effect, JSON: []byte(d.source[s.start:s.end]),
			Actions: slices.Clone(s.actions.written), NotAction: s.actions.not,
			Resources: slices.Clone(s.resources.written), NotResource: s.resources.not, resources: &s.resources,
		}
		if s.principals != nil {
			list[i].Principals, list[i].NotPrincipal = slices.Clone(s.principals.written), s.principals.not
		}
		for j := range s.conditions {
			c := &s.conditions[j]
			list[i].Conditions = append(list[i].Conditions, Condition{c.name, c.key, slices.Clone(c.values), c})
		}
	}
	return list
}

// CoversAction reports whether the Action or NotAction element covers the action.
func (s *Statement) CoversAction(action string) bool {
	return slices.ContainsFunc(s.Actions, func(pattern string) bool { return MatchAction(pattern, action) }) != s.NotAction
}

// CoversResource reports whether the Resource or NotResource element covers the resource in every request: a pattern
// with policy variables counts for nothing.
func (s *Statement) CoversResource(arn string) bool { return s.resources.cover(&call{resource: arn}) }

// Holds reports whether the condition lets a request with the context pass.
func (c *Condition) Holds(ctx Context) bool { return c.compiled.holds(ctx) }

// MatchAction reports whether a pattern of an Action element, such as "lambda:Invoke*", stands for the action.
func MatchAction(pattern, action string) bool {
	c := newCall(&Request{Action: action}, &Sets{})
	var one actions
	one.add(pattern)
	return one.list(&c)
}

// statement is a compiled statement.
type statement struct {
	sid        string
	effect     Effect // Allowed or ExplicitlyDenied
	principals *principals
	actions    actions
	resources  resources
	conditions []condition
	start, end int // byte offsets in the source
}

// call is the part of a request that is the same for all statements, taken apart once.
type call struct {
	principal     *Principal
	service, name string // of the action
	action        string
	resource      string
	ctx           Context
	bounded       bool // the caller has a permissions boundary
	sameAccount   bool // the resource is in the caller's account
	resourceKind  Kind // the grammar of the resource-based policy, present or not
}

func newCall(in *Request, sets *Sets) call {
	c := call{
		principal: in.Principal, action: in.Action, resource: in.Resource, ctx: in.Context,
		bounded: sets.Boundary != nil, resourceKind: Resource,
	}
	if c.principal == nil {
		c.principal = new(Principal) // anonymous
	}
	c.sameAccount = in.ResourceAccount == "" || in.ResourceAccount == c.principal.Account
	if sets.Resource != nil && sets.Resource.Document != nil && sets.Resource.Document.kind == Trust {
		c.resourceKind = Trust
	}
	if service, name, ok := strings.Cut(in.Action, ":"); ok {
		c.service, c.name = service, name // else it is no action, which only "*" covers
	}
	return c
}

// matches reports how the statement covers the call, 0 if it does not. Cheap and telling elements come first.
func (s *statement) matches(c *call) scope {
	if !s.actions.cover(c) {
		return 0
	}
	reach := s.reaches(c)
	if reach == 0 || !s.resources.cover(c) {
		return 0
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(c.ctx) {
			return 0
		}
	}
	return reach
}

// reaches returns how the statement's principal element covers the caller, 0 if it does not. A statement without one
// belongs to the caller's own policies.
func (s *statement) reaches(c *call) scope {
	switch {
	case s.principals == nil:
		return bySelf
	case s.principals.not:
		if s.principals.spares(c.principal, c.bounded) {
			return 0
		}
		return byWildcard
	}
	reach := s.principals.reach(c.principal)
	if c.principal.Type == IdentityProvider && s.effect == Allowed {
		reach &^= byWildcard // a provider is trusted by name only
	}
	return reach
}

// actions is a compiled Action or NotAction element.
type actions struct {
	not     bool
	any     bool // "*"
	groups  []actionGroup
	written []string
}

// actionGroup holds the actions of one service, "*" for those of any. Statements list dozens of actions of few
// services, so the service is compared once.
type actionGroup struct {
	service string
	names   []string  // without wildcards
	globs   []pattern // lower case
}

func (a *actions) add(action string) {
	a.written = append(a.written, action)
	service, name, _ := strings.Cut(action, ":")
	if action == "*" {
		a.any = true
		return
	}
	var g *actionGroup
	for i := range a.groups {
		if equalFold(a.groups[i].service, service) {
			g = &a.groups[i]
		}
	}
	if g == nil {
		a.groups = append(a.groups, actionGroup{service: service})
		g = &a.groups[len(a.groups)-1]
	}
	if strings.ContainsAny(name, "*?") {
		g.globs = append(g.globs, newPattern(encodeWildcards(lowerASCII(name))))
	} else {
		g.names = append(g.names, name)
	}
}

func (a *actions) cover(c *call) bool { return a.list(c) != a.not }

func (a *actions) list(c *call) bool {
	if a.any {
		return true
	}
	for i := range a.groups {
		g := &a.groups[i]
		if !equalFold(g.service, c.service) && (g.service != "*" || c.service == "") {
			continue
		}
		for _, name := range g.names {
			if equalFold(name, c.name) {
				return true
			}
		}
		for i := range g.globs {
			if g.globs[i].match(c.name, true) {
				return true
			}
		}
	}
	return false
}

// resources is a compiled Resource or NotResource element; absent in trust policies, where it covers everything.
type resources struct {
	not     bool
	any     bool // "*", or no element
	list    []template
	written []string
}

func (r *resources) cover(c *call) bool { return r.includes(c) != r.not }

func (r *resources) includes(c *call) bool {
	if r.any {
		return true
	}
	for i := range r.list {
		if r.list[i].matches(c.resource, c.ctx) {
			return true
		}
	}
	return false
}

// parseResource compiles a pattern of a Resource element and reports what is wrong with it, and what AWS says of it
// (LocalStack's test snapshots of CreatePolicy, 2026-02-18; getmoto/moto#2269). Parts that are missing at the end count
// as *.
func parseResource(s string, variables bool) (t template, message, aws string) {
	parts, part := resourceParts(s)
	partition, service, region, account := part(1), part(2), part(3), part(4)
	switch {
	case len(parts) > 1 && partition != "*" && !isPartition(partition):
		return t, "unknown partition in " + quote(s) + "; it is aws, aws-cn or aws-us-gov",
			`Partition "` + partition + `" is not valid for resource "` + completed(parts) + `".`
	case len(parts) == 1 || parts[0] != "arn":
		return t, "want an ARN or *, got " + quote(s), "Resource " + s + ` must be in ARN format or "*".`
	case len(parts) == 2 || strings.ContainsAny(service, "*?$"):
		return t, "the service of an ARN must be written out, got " + quote(s), awsResourceVendor
	case service == "":
		return t, "the ARN " + quote(s) + " names no service", awsLegacy
	case region != "" && service == "iam":
		return t, "ARNs of IAM have no region, got " + quote(s), "IAM resource " + s + " cannot contain region information."
	case region != "" && region != "*" && service == "s3" && account == "":
		return t, "ARNs of buckets and objects have no region, got " + quote(s),
			"Resource " + s + " can not contain region information."
	}
	t, err := parseTemplate(s, variables, encodeWildcards)
	if err != nil {
		return t, err.Error(), awsSyntax
	}
	t.confine()
	return t, "", ""
}

// likeAWS says what AWS has against a pattern that means something all the same: an ARN of IAM without a type, an
// account that is none, five parts, which AWS takes for a forgotten colon unless the last can stand for two.
func likeAWS(s string) (message, aws string) {
	parts, part := resourceParts(s)
	service, region, account := part(2), part(3), part(4)
	switch {
	case service == "iam" && !isIAMPath(part(5)):
		return "want an ARN such as arn:aws:iam::ACCOUNT:role/NAME, got " + quote(s), awsIAMPath
	case (service == "iam" || service == "sts") && account != "" && account != "aws" && !isAccount(account) &&
		!strings.ContainsAny(account, "*?$"):
		return "the account of an ARN has 12 digits, got " + quote(s), awsLegacy
	case len(parts) == 5 && (region == "" || !strings.HasSuffix(account, "*")):
		return "an ARN has six parts, some of which may be empty: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE; got " +
			quote(s), awsLegacy
	}
	return "", ""
}

// resourceParts are the parts of an ARN, and a function that returns "" for those that it lacks.
func resourceParts(s string) (parts []string, part func(int) string) {
	parts = strings.SplitN(withoutVariables(s), ":", 6)
	return parts, func(i int) string {
		if i < len(parts) {
			return parts[i]
		}
		return ""
	}
}

// withoutVariables is the text with a dollar sign in the place of each policy variable, which may have colons.
func withoutVariables(s string) string {
	for from := 0; ; {
		start := strings.Index(s[from:], "${")
		end := strings.IndexByte(s[from+max(start, 0):], '}')
		if start < 0 || end < 0 {
			return s
		}
		from += start + 1
		s = s[:from] + s[from+end:]
	}
}

// completed is an ARN of a partition that does not exist as AWS prints it: with an asterisk for each part that it
// lacks.
func completed(parts []string) string {
	all := []string{"arn", "*", "*", "*", "*", "*"}
	copy(all[1:], parts[1:])
	if len(parts) == 3 && parts[2] == "" {
		all[2] = "*"
	}
	return strings.Join(all, ":")
}

// isIAMPath reports whether the last part of an ARN of IAM begins as AWS wants it to.
func isIAMPath(path string) bool {
	kind, _, found := strings.Cut(path, "/")
	return path == "*" || path == "root" || found && slices.Contains(iamTypes, kind)
}

var iamTypes = []string{
	"user", "federated-user", "role", "group", "instance-profile", "mfa", "server-certificate", "policy", "sms-mfa",
	"saml-provider", "oidc-provider", "report", "access-report",
}

// isPartition accepts aws, aws-cn, aws-us-gov, aws-iso and whatever region groups come next.
func isPartition(s string) bool {
	if s != "aws" && !strings.HasPrefix(s, "aws-") {
		return false
	}
	return strings.Trim(s, letters+"-") == ""
}
