package policy

import (
	"cmp"
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

// Match is an element that had a say in it that a statement matched a request: a condition, or an element that covers
// all but what it lists.
type Match struct {
	Element  string   // "Condition", "NotPrincipal", "NotAction" or "NotResource"
	Operator string   // of a Condition: the operator as written
	Key      string   // of a Condition: the key as written
	Listed   []string // the element's values; of a principal with its type
	Got      []string // the request's values; nil for a condition key it does not have
}

// Matches returns the elements by which the statement, which matched the request, may be narrower than it looks: the
// conditions that held and the elements with Not, in this order. It has none for a statement without either.
func (r Ref) Matches(in Request) (list []Match) {
	s, c := &r.Document.statements[r.Statement], newCall(&in, new(Sets))
	for i := range s.conditions {
		cond := &s.conditions[i]
		list = append(list, Match{
			Element: "Condition", Operator: cond.name, Key: cond.key, Listed: cond.values,
			Got: slices.Clone(lookup(c.ctx, cond.lookup)),
		})
	}
	if s.principals != nil && s.principals.not {
		list = append(list, Match{Element: "NotPrincipal", Listed: s.principals.written, Got: []string{c.grantee()}})
	}
	if s.actions.not {
		list = append(list, Match{Element: "NotAction", Listed: s.actions.written, Got: []string{c.action}})
	}
	if s.resources.not {
		list = append(list, Match{Element: "NotResource", Listed: s.resources.written, Got: []string{c.resource}})
	}
	return list
}

// grantee is the caller as a Principal element writes it, with its type.
func (c *call) grantee() string {
	kind, name := c.principal.grantee()
	if kind == "" {
		return name
	}
	return kind + ":" + name
}

// NearestMisses returns, for a request that no policy allows, the Allow statements that failed on one element only,
// nearest first: those of the types of policy whose permission is missing. A Condition is one element; when several of
// its keys fail, each of them is a Miss, behind those of statements where one did. A statement whose action or resource
// belongs to another service is not near. The result is nil for a request that is allowed or explicitly denied.
func NearestMisses(in Request, sets *Sets) []Miss {
	sets = cmp.Or(sets, new(Sets))
	c := newCall(&in, sets)
	var e evaluation
	if e.decide(&c, sets).Effect != ImplicitlyDenied {
		return nil
	}
	missing := e.missing(&c)
	// Within an account the resource-based policy could stand in for the identity-based ones.
	if missing&(1<<IdentityBased) != 0 && c.sameAccount {
		missing |= 1 << ResourceBased
	}
	var list []rankedMiss
	for _, g := range gaps(missing, &c, sets) {
		for _, named := range g.policies {
			ref := Ref{Type: g.kind, Level: g.level, Policy: named.Name, Document: named.Document, Effect: Allowed}
			for i := range named.statements() {
				ref.Statement = i
				list = append(list, misses(&ref.Document.statements[i], &c, ref)...)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b rankedMiss) int { return cmp.Or(a.rank-b.rank, b.likeness-a.likeness) })
	nearest := make([]Miss, len(list))
	for i := range list {
		nearest[i] = list[i].Miss
	}
	return nearest
}

// gap is a group of policies that has to allow: one of them is enough.
type gap struct {
	kind     PolicyType
	level    int
	policies []Named
}

// gaps returns the policies among which a permission is missing, of the types that are.
func gaps(missing uint8, c *call, sets *Sets) (list []gap) {
	for t := range PolicyType(policyTypes) {
		switch {
		case missing&(1<<t) == 0:
		case t == ServiceControlPolicy:
			for level, policies := range sets.SCPs {
				if !new(evaluation).weighAll(c, policies, t, level) {
					list = append(list, gap{t, level, policies})
				}
			}
		default:
			list = append(list, gap{t, 0, sets.of(t)})
		}
	}
	return list
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

// misses returns the failures of a statement that allows, if they are all of one element.
func misses(s *statement, c *call, ref Ref) (list []rankedMiss) {
	if s.effect != Allowed {
		return nil
	}
	elements := 0
	if s.reaches(c) == 0 || ref.Type == ResourceBased && s.principals == nil {
		elements++
		if s.principals != nil { // else it is not a resource-based policy at all
			list = append(list, newMiss(ref, "Principal", s.principals.not, s.principals.written, c.grantee(), rankPrincipal))
		}
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
	var failed []*condition
	for i := range s.conditions {
		if cond := &s.conditions[i]; !cond.holds(c.ctx) {
			failed = append(failed, cond)
		}
	}
	if failed != nil {
		elements++
	}
	if elements != 1 {
		return nil
	}
	for _, cond := range failed {
		miss := Miss{
			Ref: ref, Element: "Condition", Operator: cond.name, Key: cond.key, Wanted: cond.values,
			Got: slices.Clone(lookup(c.ctx, cond.lookup)),
		}
		list = append(list, rankedMiss{Miss: miss, rank: len(failed)})
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

// isNearAction reports whether an action of the call's service is listed.
func isNearAction(a *actions, c *call) bool {
	return slices.ContainsFunc(a.groups, func(g actionGroup) bool {
		return g.service == "*" || equalFold(g.service, c.service)
	})
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
