package check

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/policy"
)

// standing asks all policies about both actions. keep says which statements of the function's policy are asked; nil for
// all.
func (r *run) standing(ctx context.Context, e Entry, name, kind string, keep func(setup.Statement) bool) Caller {
	c := Caller{Principal: name, Kind: kind, Standing: MayCall}
	c.CrossAccount = r.subject.account != "" && r.subject.account != r.function.Account
	if e.Fault != nil {
		r.resource.fault = e.Fault
	}
	var open []string
	for _, action := range setup.Actions {
		step := r.decide(ctx, action)
		may := CallerMay{Action: action, Standing: MayCall, By: r.grounds(e, action, keep)}
		switch {
		case step.Status == Problem:
			may.Standing = MayNot
		case step.Status == Unknown && len(r.unread(action)) > 0:
			may.Standing = MayUnknown
		case step.Status == Unknown:
			may.Standing = MayDepends
		}
		if may.Standing == MayDepends && len(may.By) == 0 && kind != kindRoot {
			may.Standing = MayNot // no statement is left that more than its open conditions keeps from allowing it
		}
		if may.Standing == MayNot {
			c.Reasons = append(c.Reasons, step.Summary)
		}
		for _, detail := range step.Details {
			why, _, isOpen := strings.Cut(detail, ": --context ")
			switch {
			case step.Status == Problem && strings.HasPrefix(detail, "denied by"):
				c.Reasons = union(c.Reasons, []string{why})
			case isOpen && step.Status == Unknown:
				open = union(open, []string{why})
			}
		}
		c.Actions = append(c.Actions, may)
		if slices.Index(standings, may.Standing) > slices.Index(standings, c.Standing) {
			c.Standing = may.Standing
		}
		if conditions := alternatives(may.By); conditions != "" {
			c.Conditions = union(c.Conditions, []string{conditions})
		}
		if may.Standing == MayDepends {
			c.Conditions = union(c.Conditions, r.exceptions(action))
		}
	}
	if c.Standing != MayNot && (len(c.Conditions) == 0 || c.Standing == MayUnknown) {
		c.Reasons = append(c.Reasons, open...)
	}
	return c
}

// exceptions are the conditions under which a statement denies the action, as far as they depend on the request.
func (r *run) exceptions(action string) (list []string) {
	known := r.factsOf(action)
	request, sets := r.request(action, known)
	all := slices.Clone(sets.Identity)
	for _, named := range []*policy.Named{sets.Resource, sets.Boundary} {
		if named != nil {
			all = append(all, *named)
		}
	}
	for _, named := range all {
		for _, s := range r.sets.statements[named.Document] {
			if conditions, ok := told(s, known); ok && s.Denies() && len(unknownKeys(s, known)) > 0 && deniesWithoutConditions(request, s) {
				list = append(list, unless+strings.Join(conditions, " and "))
			}
		}
	}
	return list
}

// unless begins a condition under which a call is denied.
const unless = "unless "

// standings are all, in their order.
var standings = []Standing{MayCall, MayDepends, MayUnknown, MayNot}

// alternatives are the conditions of the statements, of which one has to let a call in; "" if one has none.
func alternatives(by []By) string {
	var list []string
	for _, b := range by {
		if len(b.Conditions) == 0 {
			return ""
		}
		list = union(list, []string{strings.Join(b.Conditions, " and ")})
	}
	return strings.Join(list, ", or ")
}

// grounds are the statements by which the caller has the action, if their conditions hold, for all that is known.
func (r *run) grounds(e Entry, action string, keep func(setup.Statement) bool) (by []By) {
	known := r.factsOf(action)
	request, sets := r.request(action, known)
	all := slices.Clone(sets.Identity)
	if e.named != nil {
		all = append(all, *e.named)
	}
	for _, named := range all {
		isResource := named.Document.Kind() == policy.Resource
		for i, s := range r.sets.statements[named.Document] {
			if s.Denies() || isResource && keep != nil && !keep(s) || !r.reaches(request, s) {
				continue
			}
			conditions, ok := told(s, known)
			if !ok {
				continue
			}
			ref := policy.Ref{Policy: named.Name, Document: named.Document, Statement: i}
			by = append(by, e.by(ref, s, conditions))
		}
	}
	return by
}

// reaches reports whether the statement alone allows the request but for its conditions.
func (r *run) reaches(request policy.Request, s setup.Statement) bool {
	bare, err := s.WithoutConditions()
	if err != nil {
		return false
	}
	alone := policy.Named{Document: bare}
	sets := &policy.Sets{}
	if bare.Kind() == policy.Resource {
		if sets.Resource = &alone; r.subject.account != r.function.Account && r.subject.account != "" {
			sets.Identity = setup.Everything()
		}
	} else {
		sets.Identity = []policy.Named{alone}
		request.ResourceAccount = r.subject.account // the function's side is not asked
	}
	return policy.Evaluate(request, sets).Effect == policy.Allowed
}

// told are the conditions of a statement that not each call of a function URL meets; not ok if one of them cannot be met.
func told(s setup.Statement, known *facts) (conditions []string, ok bool) {
	for _, c := range s.Conditions {
		switch unknown := known.isUnknown(c.Key); {
		case !unknown && !c.Holds(known):
			return nil, false
		case !ofCall(c):
			conditions = append(conditions, conditionText(c))
		}
	}
	return conditions, true
}

// ofCall reports whether a condition is about the call of a function URL, and not about who calls.
func ofCall(c policy.Condition) bool {
	return strings.EqualFold(c.Key, "lambda:FunctionUrlAuthType") || strings.EqualFold(c.Key, "lambda:InvokedViaFunctionUrl")
}

// conditionText is a condition in words.
func conditionText(c policy.Condition) string {
	set, operator, isSet := strings.Cut(c.Operator, ":")
	if !isSet {
		set, operator = "", c.Operator
	}
	operator = strings.ToLower(operator)
	operator, orNone := strings.CutSuffix(operator, "ifexists")
	values := strings.Join(c.Values, " or ")
	is := map[string]string{
		"stringequals": "=", "stringnotequals": "is not", "stringequalsignorecase": "=", "stringnotequalsignorecase": "is not",
		"stringlike": "is like", "stringnotlike": "is not like", "arnequals": "is like", "arnlike": "is like",
		"arnnotequals": "is not like", "arnnotlike": "is not like", "ipaddress": "in", "notipaddress": "not in", "bool": "=",
		"numericequals": "=", "numericnotequals": "is not", "numericlessthan": "<", "numericlessthanequals": "<=",
		"numericgreaterthan": ">", "numericgreaterthanequals": ">=", "dateequals": "=", "datenotequals": "is not",
		"datelessthan": "<", "datelessthanequals": "<=", "dategreaterthan": ">", "dategreaterthanequals": ">=",
	}[operator]
	text := c.Key + " " + cmp.Or(is, c.Operator) + " " + values
	if operator == "null" {
		if text = "with " + c.Key; strings.EqualFold(values, "true") {
			text = "without " + c.Key
		}
	}
	switch {
	case strings.EqualFold(set, "ForAnyValue"):
		text = "any " + text
	case strings.EqualFold(set, "ForAllValues"):
		text = "each " + text
	}
	if orNone {
		text += " (or without it)"
	}
	return text
}

func (e Entry) by(ref policy.Ref, s setup.Statement, conditions []string) By {
	by := By{Policy: ref.Policy, Sid: s.Sid, Statement: ref.Path(), Conditions: conditions}
	if e.Declared != nil {
		by.Place, _ = e.Declared.At(ref)
	}
	return by
}

// own are the statements of the function's policy.
func (e Entry) own() []setup.Statement {
	if e.named == nil {
		return nil
	}
	return e.statements[e.named.Document]
}

// concerns reports whether a statement is about a call of the URL.
func (e Entry) concerns(s setup.Statement) bool {
	return (s.CoversAction(lambda.ActionInvokeURL) || s.CoversAction(lambda.ActionInvoke)) && s.CoversResource(e.Function.String())
}

// denies are the statements of the function's policy that deny one of the two actions.
func (e Entry) denies() (list []By) {
	for i, s := range e.own() {
		if s.Denies() && e.concerns(s) {
			conditions := []string{}
			for _, c := range s.Conditions {
				conditions = append(conditions, conditionText(c))
			}
			by := e.by(policy.Ref{Policy: e.named.Name, Document: e.named.Document, Statement: i}, s, conditions)
			if by.Principals = s.Principals; s.NotPrincipal {
				by.Principals = []string{"everyone except " + strings.Join(s.Principals, ", ")}
			}
			list = append(list, by)
		}
	}
	return list
}
