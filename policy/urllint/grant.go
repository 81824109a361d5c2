package urllint

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/policy"
)

// missingAction looks for the second action of what the statement grants.
func missingAction(p *pass) {
	url, invoke := p.names(actionInvokeURL), p.names(actionInvoke)
	if p.Effect != policy.Allowed || p.demandsBoth() {
		return
	}
	add := func(action string, condition policy.Condition) policy.Statement {
		return p.changed(func(c *policy.Statement) {
			c.Sid = p.freeSid(nameOf(action))
			c.Actions = []string{action}
			c.Resources = slices.DeleteFunc(c.Resources, func(r string) bool { return !isFunction(meantResource(r)) })
			for i := len(c.Conditions) - 1; i >= 0; i-- {
				if p.keys[i].is(keyAuthType) || p.keys[i].is(keyViaURL) {
					c.Conditions = slices.Delete(c.Conditions, i, i+1)
				}
			}
			c.Conditions = append([]policy.Condition{condition}, c.Conditions...)
		})
	}
	switch {
	case url && p.possible(actionInvokeURL) && !p.granted(p.statement, actionInvoke):
		first := p.Statement
		if invoke { // with a condition that the second action does not have
			first = p.withoutInvoke()
		}
		p.report(actionInvokeURL+" is granted without "+actionInvoke+" for the same principals and functions; "+
			"a call of a function URL needs both",
			"add a statement that allows "+actionInvoke+" on the same resource, with the condition "+viaURLCondition,
			first, add(actionInvoke, viaURL()))
	case invoke && p.demands(keyViaURL) && !p.granted(p.statement, actionInvokeURL):
		auth := "AWS_IAM"
		if p.everyone() && !p.limitsBesides() {
			auth = "NONE"
		}
		p.report(actionInvoke+" is granted for function URLs without "+actionInvokeURL+
			" for the same principals and functions; "+
			"a call needs both",
			"add a statement that allows "+actionInvokeURL+" on the same resource, with the condition "+
				`{"StringEquals":{"`+keyAuthType+`":"`+auth+`"}}`,
			p.Statement, add(actionInvokeURL, equals(keyAuthType, auth)))
	}
}

const viaURLCondition = `{"Bool":{"` + keyViaURL + `":"true"}}`

// limitsBesides reports whether the statement limits its callers by something else than the way they come.
func (s *statement) limitsBesides() bool {
	return slices.ContainsFunc(s.keys, func(k *key) bool { return k != nil && k.ofCaller })
}

// granted reports whether the action is allowed for all principals and resources of s, by any statements. Principals
// that never call are left out: they have findings of their own.
func (l *linter) granted(s *statement, action string) bool {
	grantees := slices.DeleteFunc(slices.Clone(s.Principals), func(p string) bool {
		service, ok := strings.CutPrefix(p, "Service:")
		return ok && service != cloudFront || strings.HasPrefix(p, "AWS:AROA") || strings.HasPrefix(p, "AWS:AIDA")
	})
	if s.ownsIdentity() {
		grantees = []string{""} // the owner of the policy
	}
	for _, p := range grantees {
		for _, r := range s.meantResources {
			if !isFunction(r) {
				continue
			}
			if !slices.ContainsFunc(l.all, func(t *statement) bool {
				return t.Effect == policy.Allowed && t.covers(action) && t.isMeantFor(action) &&
					t.includes(p) && t.includesPattern(r)
			}) {
				return false
			}
		}
	}
	return true
}

// isMeantFor reports whether the statement is to grant the action, though a condition may be the wrong one for it.
func (s *statement) isMeantFor(action string) bool {
	return s.possible(action) || len(s.actions()) == 1
}

// qualifiedOnly finds resources that are the versions and aliases of a function without the function itself.
func qualifiedOnly(p *pass) {
	if p.Effect != policy.Allowed || p.NotResource {
		return
	}
	for _, r := range p.Resources {
		bare, ok := strings.CutSuffix(r, ":*")
		if !ok {
			bare, ok = strings.CutSuffix(r, ":$LATEST")
		}
		if !ok || strings.Count(bare, ":") != 6 || !strings.Contains(bare, ":function:") || p.includesPattern(bare) {
			continue
		}
		p.report(quote(r)+" covers qualified names of the function only, not the function itself, "+
			"to which a URL without qualifier belongs",
			"list "+quote(bare)+" too", p.changed(func(c *policy.Statement) { c.Resources = append(c.Resources, bare) }))
	}
}

// directInvoke finds grants of lambda:InvokeFunction that are not limited to function URLs.
func directInvoke(p *pass) {
	grantsURL := func(t *statement) bool { return t.Effect == policy.Allowed && t.names(actionInvokeURL) }
	if p.Effect != policy.Allowed || !p.names(actionInvoke) || !p.possible(actionInvoke) || p.demands(keyViaURL) ||
		!slices.ContainsFunc(p.all, grantsURL) || p.grantsBoth() {
		return
	}
	withVia := func(c *policy.Statement) {
		for i := len(c.Conditions) - 1; i >= 0; i-- {
			if p.keys[i].is(keyViaURL) || p.keys[i].is(keyAuthType) {
				c.Conditions = slices.Delete(c.Conditions, i, i+1)
			}
		}
		c.Conditions = append(c.Conditions, viaURL())
	}
	fixed := []policy.Statement{p.changed(withVia)}
	if p.names(actionInvokeURL) {
		fixed = []policy.Statement{p.withoutInvoke(), p.changed(func(c *policy.Statement) {
			c.Sid = p.freeSid(nameOf(actionInvoke))
			c.Actions = []string{actionInvoke}
			withVia(c)
		})}
	}
	p.report(actionInvoke+" without "+keyViaURL+" also allows the function to be invoked directly, past its URL",
		"add the condition "+viaURLCondition+" unless that is meant", fixed...)
}

// grantsBoth reports whether the grant for function URLs is there, too: then direct invocation is meant, as in a SAM
// connector beside a function's own policy.
func (p *pass) grantsBoth() bool {
	via := linter{all: slices.DeleteFunc(slices.Clone(p.all), func(t *statement) bool { return !t.demands(keyViaURL) })}
	return !p.names(actionInvokeURL) && via.granted(p.statement, actionInvoke)
}

// withoutInvoke is the statement for lambda:InvokeFunctionUrl and what it has besides lambda:InvokeFunction.
func (s *statement) withoutInvoke() policy.Statement {
	return s.changed(func(c *policy.Statement) {
		c.Actions = []string{actionInvokeURL}
		for _, pattern := range s.meantActions {
			if !policy.MatchAction(pattern, actionInvoke) && !policy.MatchAction(pattern, actionInvokeURL) {
				c.Actions = append(c.Actions, pattern)
			}
		}
		for i := len(c.Conditions) - 1; i >= 0; i-- {
			if s.keys[i].is(keyViaURL) {
				c.Conditions = slices.Delete(c.Conditions, i, i+1)
			}
		}
	})
}

// deniesEveryCall finds Deny statements that every call of a function URL by their principals matches.
func deniesEveryCall(p *pass) {
	if p.Effect != policy.ExplicitlyDenied || p.NotPrincipal || len(p.Principals) > 0 &&
		len(p.services()) == len(p.Principals) {
		return
	}
	for _, action := range p.actions() {
		open := func(i int) bool { return p.outcomeOf(p.statement, i, action) != always }
		if !p.CoversAction(action) || slices.ContainsFunc(p.indexes(), open) {
			continue // or it is misspelled, and denies nothing
		}
		message := "the statement denies " + action +
			" to every call of the function URLs that it is about, whatever allows it"
		if len(p.Conditions) == 0 {
			if p.NotResource {
				return // it is about other functions than those that are meant to be called
			}
			p.report(message, "remove the statement, unless that is meant", p.exempted()...)
			p.doubt()
			return
		}
		why := "every call fulfills the condition on " + p.Conditions[0].Key
		if k := p.keys[0]; p.presence(k, action) == never {
			why = "no call has " + k.name + ", which " + p.Conditions[0].Operator + " takes for a difference"
		}
		if p.demandsNothingOf(keyAuthType) && p.onlyURLActions() && action == actionInvoke && p.covers(actionInvokeURL) {
			p.report(message+": "+actionInvoke+" does not come with "+keyAuthType, "deny "+actionInvokeURL+
				" only, which comes with it",
				p.changed(func(c *policy.Statement) { c.Actions, c.NotAction = []string{actionInvokeURL}, false }))
			return
		}
		p.report(message+": "+why, "remove the statement, or let it spare calls of function URLs", p.exempted()...)
		return
	}
}

// demandsNothingOf reports whether a condition is about the key and holds for requests without it.
func (s *statement) demandsNothingOf(name string) bool {
	return slices.ContainsFunc(s.keys, func(k *key) bool { return k.is(name) }) && !s.demands(name)
}

func (s *statement) indexes() (list []int) {
	for i := range s.Conditions {
		list = append(list, i)
	}
	return list
}

// exempted is a Deny that spares the calls of function URLs: nothing, if it is about them only.
func (s *statement) exempted() []policy.Statement {
	if s.onlyURLActions() {
		return nil
	}
	return []policy.Statement{s.changed(func(c *policy.Statement) {
		c.Conditions = append(c.Conditions,
			policy.Condition{Operator: "Null", Key: keyAuthType, Values: []string{"true"}},
			policy.Condition{Operator: "BoolIfExists", Key: keyViaURL, Values: []string{"false"}})
	})}
}
