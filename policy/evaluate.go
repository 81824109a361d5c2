package policy

import "cmp"

// Named is a document with the name by which reasons refer to it: "inline policy read-books of role caller",
// "resource-based policy of function:books", or the ARN of a managed policy.
type Named struct {
	Name     string
	Document *Document
}

func (n *Named) statements() []statement {
	if n.Document == nil {
		return nil
	}
	return n.Document.statements
}

// Request is what a principal asks to do.
type Request struct {
	Principal *Principal // nil is an anonymous caller
	Action    string     // service:Name
	Resource  string     // the ARN, or "*" for actions that are not about a resource
	// ResourceAccount is the account that owns the resource, 12 digits. Empty means the principal's own.
	ResourceAccount string
	Context         Context // nil has no keys
}

// Sets are the policies that apply to a request.
type Sets struct {
	Identity []Named   // attached to the caller: of a user and its groups, of a session's role, of a federated user's user
	Resource *Named    // attached to the resource; nil if it has none. Of kind Trust for sts:AssumeRole*
	Boundary *Named    // the permissions boundary of the user or role; nil if it has none
	Session  []Named   // passed when the session was made; nil if none were, which is no limit
	SCPs     [][]Named // service control policies of the caller's account, root first; nil outside of an organization
}

// of returns the policies of a type, but for service control policies.
func (s *Sets) of(t PolicyType) []Named {
	switch {
	case t == IdentityBased:
		return s.Identity
	case t == SessionPolicy:
		return s.Session
	case t == PermissionsBoundary:
		return []Named{*s.Boundary}
	case s.Resource != nil:
		return []Named{*s.Resource}
	}
	return nil
}

// PolicyType is where in an evaluation a policy takes part.
type PolicyType int

// The types of policy, in the order AWS evaluates them.
const (
	ServiceControlPolicy PolicyType = iota
	ResourceBased
	IdentityBased
	PermissionsBoundary
	SessionPolicy
	policyTypes int = iota
)

// String returns the type as AWS's messages name it: "service control policy", "resource-based policy",
// "identity-based policy", "permissions boundary", "session policy".
func (t PolicyType) String() string {
	return word(t, "service control policy", "resource-based policy", "identity-based policy", "permissions boundary",
		"session policy")
}

func (t PolicyType) withArticle() string {
	if t == IdentityBased {
		return "an " + t.String()
	}
	return "a " + t.String()
}

// Evaluate decides a request. It is total: it needs no error and looks at every statement, so that the decision names
// all that matched. IAM User Guide, "Policy evaluation logic".
//
//   - A Deny anywhere wins. Without one, every level of service control policies must allow.
//   - In one account the identity-based or the resource-based policies must allow; a resource-based policy that names
//     the account only hands the question to the identity-based ones. Boundary and session policies must allow too,
//     unless the resource-based policy grants to the user, to the session itself or to everyone. A grant to the role
//     of a session, or to the user behind a federated user, is limited by them.
//   - Across accounts both sides must allow, and nothing lifts the limits.
//   - The root user needs no identity-based policy and has neither boundary nor session policy.
//   - Services, identity providers and anonymous callers have nothing but the resource-based policy, and no service
//     control policies.
func Evaluate(in Request, sets *Sets) Decision {
	sets = cmp.Or(sets, new(Sets))
	c := newCall(&in, sets)
	var e evaluation
	d := e.decide(&c, sets)
	d.Matched = e.matched()
	return d
}

// evaluation gathers what the policies of each type say.
type evaluation struct {
	denied  [policyTypes]bool
	allowed [policyTypes]bool // not of ResourceBased
	grant   scope             // of the resource-based policy
	first   [8]Ref            // the statements that matched: here, on the stack, as long as they are few
	count   int
	more    []Ref // the rest
}

func (e *evaluation) match(r Ref) {
	if e.count < len(e.first) {
		e.first[e.count] = r
	} else {
		e.more = append(e.more, r)
	}
	e.count++
}

// matched returns all statements that matched, nil for none.
func (e *evaluation) matched() []Ref {
	if e.count == 0 {
		return nil
	}
	list := make([]Ref, e.count)
	copy(list[copy(list, e.first[:]):], e.more)
	return list
}

// run evaluates every policy that concerns the caller.
func (e *evaluation) run(c *call, sets *Sets) {
	t := c.principal.Type
	if t.hasPolicies() || t == Root {
		e.allowed[ServiceControlPolicy] = true
		for level, policies := range sets.SCPs {
			allowed := e.weighAll(c, policies, ServiceControlPolicy, level)
			e.allowed[ServiceControlPolicy] = e.allowed[ServiceControlPolicy] && allowed
		}
	}
	if sets.Resource != nil {
		e.grant = e.weigh(c, sets.Resource, ResourceBased, 0)
	}
	if !t.hasPolicies() {
		return
	}
	e.allowed[IdentityBased] = e.weighAll(c, sets.Identity, IdentityBased, 0)
	e.allowed[PermissionsBoundary] = sets.Boundary == nil || e.weigh(c, sets.Boundary, PermissionsBoundary, 0) != 0
	// A GetFederationToken session that was given no policies has no permissions of its own.
	// AWS STS API Reference, GetFederationToken.
	e.allowed[SessionPolicy] = e.weighAll(c, sets.Session, SessionPolicy, 0) || sets.Session == nil && t != FederatedUser
}

// weighAll matches the statements of all documents and reports whether one of them grants.
func (e *evaluation) weighAll(c *call, policies []Named, t PolicyType, level int) (granted bool) {
	for i := range policies {
		granted = e.weigh(c, &policies[i], t, level) != 0 || granted
	}
	return granted
}

// weigh matches the statements of one document and returns how they grant.
func (e *evaluation) weigh(c *call, named *Named, t PolicyType, level int) (grant scope) {
	statements := named.statements()
	for i := range statements {
		s := &statements[i]
		if t == ResourceBased && s.principals == nil {
			continue
		}
		reach := s.matches(c)
		if reach == 0 {
			continue
		}
		e.match(Ref{Type: t, Level: level, Policy: named.Name, Document: named.Document, Statement: i, Effect: s.effect})
		if s.effect == Allowed {
			grant |= reach
		} else {
			e.denied[t] = true
		}
	}
	return grant
}

// decide evaluates every policy that concerns the caller, and draws the conclusion. The decision lacks what matched.
func (e *evaluation) decide(c *call, sets *Sets) Decision {
	e.run(c, sets)
	for t := range PolicyType(policyTypes) {
		if e.denied[t] {
			return Decision{Effect: ExplicitlyDenied, Reason: deniedBy[t]}
		}
	}
	missing := e.missing(c)
	for _, t := range reasonOrder {
		if missing&(1<<t) != 0 {
			return Decision{Effect: ImplicitlyDenied, Reason: notAllowedBy[t]}
		}
	}
	return Decision{Effect: Allowed, Reason: ReasonAllowed}
}

// reasonOrder is the order in which missing permissions are reported, since AWS names one only.
var reasonOrder = [...]PolicyType{
	ServiceControlPolicy, IdentityBased, ResourceBased, PermissionsBoundary, SessionPolicy,
}

// missing returns the types of policy that would have to allow and do not, as a set of bits.
func (e *evaluation) missing(c *call) (missing uint8) {
	const bySelfOrWildcard = bySelf | byWildcard
	p := c.principal
	need := func(t PolicyType, ok bool) {
		if !ok {
			missing |= 1 << t
		}
	}
	if !p.Type.hasPolicies() && p.Type != Root {
		need(ResourceBased, e.grant&bySelfOrWildcard != 0)
		return missing
	}
	need(ServiceControlPolicy, e.allowed[ServiceControlPolicy])
	mustBeNamed := !c.sameAccount || c.resourceKind == Trust
	need(ResourceBased, e.grant != 0 || !mustBeNamed)
	if p.Type == Root || c.sameAccount && e.grant&bySelfOrWildcard != 0 {
		return missing
	}
	need(IdentityBased, e.allowed[IdentityBased] || c.sameAccount && e.grant&byIssuer != 0 ||
		p.Type == FederatedUser && isRootARN(p.UserARN))
	need(PermissionsBoundary, e.allowed[PermissionsBoundary])
	need(SessionPolicy, e.allowed[SessionPolicy])
	return missing
}

// isRootARN reports whether the ARN is an account's root user's, who may issue federated sessions too.
func isRootARN(arn string) bool {
	_, resource, ok := principalARN(arn)
	return ok && resource == "root"
}
