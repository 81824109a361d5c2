package policy

import (
	"strconv"
	"strings"
)

// Decision is the result of [Evaluate].
type Decision struct {
	Effect  Effect
	Reason  Reason
	Matched []Ref // every statement that matched, Allow or Deny, in the order of the types of policy
}

// Reason says why a decision was made. The set is closed.
type Reason int

// The reasons.
const (
	ReasonAllowed          Reason = iota + 1 // all policies that must allow do
	ReasonNoIdentityPolicy                   // no identity-based policy allows
	ReasonNoResourcePolicy                   // no resource-based policy allows
	ReasonNoBoundary                         // no permissions boundary allows
	ReasonNoSessionPolicy                    // no session policy allows
	ReasonNoSCP                              // no service control policy allows, on some level
	ReasonDeniedByIdentity                   // explicit deny in an identity-based policy
	ReasonDeniedByResource                   // explicit deny in a resource-based policy
	ReasonDeniedByBoundary                   // explicit deny in a permissions boundary
	ReasonDeniedBySession                    // explicit deny in a session policy
	ReasonDeniedBySCP                        // explicit deny in a service control policy
)

var deniedBy = [...]Reason{
	ServiceControlPolicy: ReasonDeniedBySCP, ResourceBased: ReasonDeniedByResource, IdentityBased: ReasonDeniedByIdentity,
	PermissionsBoundary: ReasonDeniedByBoundary, SessionPolicy: ReasonDeniedBySession,
}

var notAllowedBy = [...]Reason{
	ServiceControlPolicy: ReasonNoSCP, ResourceBased: ReasonNoResourcePolicy, IdentityBased: ReasonNoIdentityPolicy,
	PermissionsBoundary: ReasonNoBoundary, SessionPolicy: ReasonNoSessionPolicy,
}

// PolicyType returns the type of policy the reason is about; false for ReasonAllowed.
func (r Reason) PolicyType() (PolicyType, bool) {
	for t := range PolicyType(policyTypes) {
		if deniedBy[t] == r || notAllowedBy[t] == r {
			return t, true
		}
	}
	return 0, false
}

// String returns a short text such as "no identity-based policy allows the action" or "explicit deny in a session
// policy".
func (r Reason) String() string {
	t, ok := r.PolicyType()
	switch {
	case !ok:
		return "allowed"
	case deniedBy[t] == r:
		return "explicit deny in " + t.withArticle()
	default:
		return "no " + t.String() + " allows the action"
	}
}

// Because returns the end of AWS's access denied message for the decision, which follows "User: … is not authorized to
// perform: … on resource: … ": "because no identity-based policy allows the lambda:InvokeFunction action" or "with an
// explicit deny in an identity-based policy"; "" for an allowed request.
// IAM User Guide, "Troubleshoot access denied error messages".
func (d Decision) Because(action string) string {
	t, ok := d.Reason.PolicyType()
	switch {
	case !ok:
		return ""
	case d.Effect == ExplicitlyDenied:
		return "with an explicit deny in " + t.withArticle()
	default:
		return "because no " + t.String() + " allows the " + action + " action"
	}
}

// Deciding returns the statements that made the decision. A root user may be allowed without any.
func (d Decision) Deciding() (list []Ref) {
	for _, r := range d.Matched {
		if d.Decides(r) {
			list = append(list, r)
		}
	}
	return list
}

// Decides reports whether a statement that matched made the decision: of an explicit deny those that deny do, of an
// allowed request the identity-based and resource-based ones that allow, of an implicit deny none.
func (d Decision) Decides(r Ref) bool {
	switch d.Effect {
	case ExplicitlyDenied:
		return r.Effect == ExplicitlyDenied
	case Allowed:
		return r.Effect == Allowed && (r.Type == IdentityBased || r.Type == ResourceBased)
	default:
		return false
	}
}

// Ref names a statement.
type Ref struct {
	Type      PolicyType
	Level     int // of a service control policy: its level, 0 is the root
	Policy    string
	Document  *Document
	Statement int // index in the document
	Effect    Effect
}

// Sid returns the statement's Sid, or "".
func (r Ref) Sid() string { return r.Document.statements[r.Statement].sid }

// Path returns the statement's place in the document, such as "Statement[2]", or "Statement" for one that is not in a
// list.
func (r Ref) Path() string {
	if !r.Document.list {
		return "Statement"
	}
	return "Statement[" + strconv.Itoa(r.Statement) + "]"
}

// Position is a place in a document's text: line and column, both from 1, columns counted in characters.
type Position struct{ Line, Column int }

// Position returns where the statement begins and ends; the end is the place of its last character.
func (r Ref) Position() (start, end Position) {
	s := &r.Document.statements[r.Statement]
	start.Line, start.Column = lineColumn(r.Document.source, s.start)
	end.Line, end.Column = lineColumn(r.Document.source, s.end-1)
	return start, end
}

// Extent returns where IAM's simulator says that the statement begins and ends: the places after what a JSON parser has
// read by then. That is the bracket before the first statement of a list, the statement before any other, and the
// opening brace of one that is not in a list. Recorded: radkawar/stackd, testdata/aws/iam/simulation.json, 2026-09-11.
func (r Ref) Extent() (start, end Position) {
	d := r.Document
	from, to := d.statements[r.Statement].start+1, d.statements[r.Statement].end
	switch {
	case r.Statement > 0:
		from = d.statements[r.Statement-1].end
	case d.list:
		from = strings.LastIndexByte(d.source[:from], '[') + 1
	}
	start.Line, start.Column = lineColumn(d.source, from)
	end.Line, end.Column = lineColumn(d.source, to)
	return start, end
}
