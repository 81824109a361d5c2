package policy

import (
	"slices"
	"strings"
)

// Miss is a statement that would have helped to allow a denied request but for one of its elements.
type Miss struct {
	Ref
	Element  string   // "Principal", "Action", "Resource", their "Not…" forms, or "Condition"
	Operator string   // of a Condition: the operator as written
	Key      string   // of a Condition: the key as written
	Wanted   []string // the element's values; of a principal with its type, as in "AWS:arn:aws:iam::…"
	Got      []string // the request's values; nil for a condition key it does not have
}

// Path returns the place of the element in the document, such as `Statement[1].Condition.ArnLike["AWS:SourceArn"]`.
func (m Miss) Path() string {
	path := joinPath(m.Ref.Path(), m.Element)
	if m.Key != "" {
		path = joinPath(joinPath(path, pathKey(m.Operator)), pathKey(m.Key))
	}
	return path
}

// NearestMisses returns, for a request that no policy allows, the Allow statements that failed on one element only,
// nearest first: those of the types of policy whose permission is missing. A Condition is one element; when several of
// its keys fail, each of them is a Miss, behind those of statements where one did. A statement whose action or resource
// belongs to another service is not near. The result is nil for a request that is allowed or explicitly denied.
func NearestMisses(in Request, sets *Sets) []Miss {
	if sets == nil {
		sets = &Sets{}
	}
	c := newCall(&in, sets)
	var e evaluation
	e.run(&c, sets)
	if e.verdict(&c, &in, sets).Effect != ImplicitlyDenied {
		return nil
	}
	var list []rankedMiss
	for _, gap := range gaps(&e, &c, &in, sets) {
		for i := range gap.policies {
			list = appendMisses(list, &c, &gap.policies[i], gap)
		}
	}
	slices.SortStableFunc(list, func(a, b rankedMiss) int {
		if a.rank != b.rank {
			return a.rank - b.rank
		}
		return b.likeness - a.likeness
	})
	nearest := make([]Miss, len(list))
	for i := range list {
		nearest[i] = list[i].Miss
	}
	return nearest
}

// gap is a group of policies one of which would have to allow.
type gap struct {
	kind     PolicyType
	level    int
	policies []Named
}

// gaps returns the policies among which a permission is missing. Within an account the resource-based policy could
// stand in for the identity-based ones.
func gaps(e *evaluation, c *call, in *Request, sets *Sets) (list []gap) {
	missing := e.missing(c, in, sets)
	if missing&(1<<IdentityBased) != 0 && in.sameAccount(c.principal) {
		missing |= 1 << ResourceBased
	}
	for t := range PolicyType(policyTypes) {
		if missing&(1<<t) == 0 {
			continue
		}
		switch {
		case t == ServiceControlPolicy:
			for level, policies := range sets.SCPs {
				if !levelAllows(c, policies) {
					list = append(list, gap{t, level, policies})
				}
			}
		case t == ResourceBased && sets.Resource != nil:
			list = append(list, gap{kind: t, policies: []Named{*sets.Resource}})
		case t == IdentityBased:
			list = append(list, gap{kind: t, policies: sets.Identity})
		case t == PermissionsBoundary:
			list = append(list, gap{kind: t, policies: []Named{*sets.Boundary}})
		case t == SessionPolicy:
			list = append(list, gap{kind: t, policies: sets.Session})
		}
	}
	return list
}

// levelAllows reports whether one level of service control policies allows the call.
func levelAllows(c *call, policies []Named) bool {
	var e evaluation
	allowed := false
	for i := range policies {
		allowed = e.weigh(c, &policies[i], ServiceControlPolicy, 0) != 0 || allowed
	}
	return allowed
}

type rankedMiss struct {
	Miss
	rank     int // conditions first, by how many failed; then principals, resources, actions
	likeness int // in permille, of the wanted value that is most like the one got
}

const (
	rankPrincipal = 1000 + iota
	rankResource
	rankAction
)

// appendMisses adds the near misses of one document.
func appendMisses(list []rankedMiss, c *call, named *Named, g gap) []rankedMiss {
	if named.Document == nil {
		return list
	}
	for i := range named.Document.statements {
		s := &named.Document.statements[i]
		if s.effect != Allowed {
			continue
		}
		ref := Ref{Type: g.kind, Level: g.level, Policy: named.Name, Document: named.Document, Statement: i, Effect: s.effect}
		list = append(list, misses(s, c, ref)...)
	}
	return list
}

// misses returns the statement's failures if they are all of one element.
func misses(s *statement, c *call, ref Ref) (list []rankedMiss) {
	elements := 0
	if s.reaches(c) == 0 || ref.Type == ResourceBased && s.principals == nil {
		elements++
		list = append(list, missedPrincipal(s.principals, c, ref)...)
	}
	if !s.resources.cover(c) {
		elements++
		if s.resources.not || isNearResource(&s.resources, c) {
			list = append(list, newMiss(ref, "Resource", s.resources.not, s.resources.written, c.resource, rankResource))
		}
	}
	if !s.actions.cover(c) {
		elements++
		if s.actions.not || isNearAction(&s.actions, c) {
			list = append(list, newMiss(ref, "Action", s.actions.not, s.actions.written, c.action, rankAction))
		}
	}
	failed := 0
	for i := range s.conditions {
		if !s.conditions[i].holds(c.ctx) {
			failed++
		}
	}
	if failed > 0 {
		elements++
	}
	if elements != 1 {
		return nil
	}
	for i := range s.conditions {
		if cond := &s.conditions[i]; !cond.holds(c.ctx) {
			miss := Miss{Ref: ref, Element: "Condition", Operator: cond.name, Key: cond.key, Wanted: cond.values, Got: slices.Clone(lookup(c.ctx, cond.lookup))}
			list = append(list, rankedMiss{Miss: miss, rank: failed})
		}
	}
	return list
}

func newMiss(ref Ref, element string, not bool, wanted []string, got string, rank int) rankedMiss {
	m := rankedMiss{Miss: Miss{Ref: ref, Element: element, Wanted: wanted, Got: []string{got}}, rank: rank}
	if not {
		m.Element = "Not" + element
	}
	for _, w := range wanted {
		m.likeness = max(m.likeness, likeness(w, got))
	}
	return m
}

// missedPrincipal describes why the element does not include the caller; nothing for a document without principals, which is not
// a resource-based policy at all.
func missedPrincipal(l *principals, c *call, ref Ref) []rankedMiss {
	if l == nil {
		return nil
	}
	got := "AWS:" + c.principal.ARN
	switch c.principal.Type {
	case Anonymous:
		got = "*"
	case Service:
		got = "Service:" + c.principal.ARN
	case IdentityProvider:
		got = "Federated:" + c.principal.ARN
	case RoleSession:
		got = "AWS:" + c.principal.RoleARN
	}
	return []rankedMiss{newMiss(ref, "Principal", l.not, l.written, got, rankPrincipal)}
}

// isNearAction reports whether an action of the call's service is listed.
func isNearAction(a *actions, c *call) bool {
	return slices.ContainsFunc(a.groups, func(g actionGroup) bool { return g.service == "*" || equalFold(g.service, c.service) })
}

// isNearResource reports whether a resource of the same service is listed.
func isNearResource(r *resources, c *call) bool {
	return slices.ContainsFunc(r.written, func(s string) bool { return arnService(s) == arnService(c.resource) })
}

func arnService(s string) string {
	if parts := strings.SplitN(s, ":", 4); len(parts) > 2 {
		return parts[2]
	}
	return ""
}

// likeness is the share, in permille, of the longer text that both begin or end with. One of them is not empty.
func likeness(a, b string) int {
	longer, shorter := max(len(a), len(b)), min(len(a), len(b))
	prefix := 0
	for prefix < shorter && a[prefix] == b[prefix] {
		prefix++
	}
	suffix := 0
	for suffix < shorter-prefix && a[len(a)-1-suffix] == b[len(b)-1-suffix] {
		suffix++
	}
	return 1000 * (prefix + suffix) / longer
}
