package urllint

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/furl-dev/furl/policy"
)

// each calls a rule with every condition that no finding is about yet, and marks those about which it makes one.
func (p *pass) each(rule func(i int, c policy.Condition, k *key)) {
	for i, c := range p.Conditions {
		if p.spoken[i] {
			continue
		}
		before := len(p.findings)
		rule(i, c, p.keys[i])
		p.spoken[i] = len(p.findings) > before
	}
}

// eachKnown is each for the conditions whose keys are spelled right.
func (p *pass) eachKnown(rule func(i int, c policy.Condition, k *key)) {
	p.each(func(i int, c policy.Condition, k *key) {
		if k != nil {
			rule(i, c, k)
		}
	})
}

// misspelled finds keys that are not spelled as any known one is, of those that wrong picks.
func misspelled(wrong func(service string, prefixed bool) bool, why string) func(*pass) {
	return func(p *pass) {
		p.each(func(i int, c policy.Condition, k *key) {
			service, _, prefixed := strings.Cut(c.Key, ":")
			if knownKey(c.Key) != nil || !wrong(strings.ToLower(service), prefixed) {
				return
			}
			if k == nil {
				p.report(why+": "+quote(c.Key)+" is none that furl knows, and no call of a function URL has it",
					"write the name of a key, or remove the statement")
				return
			}
			name := nearestKey(c.Key)
			c.Key = name
			p.report(why+": "+quote(p.Conditions[i].Key)+" does not exist; did you mean "+name+"?", "write "+quote(name),
				p.recondition(i, c)...)
		})
	}
}

func hasNoPrefix(_ string, prefixed bool) bool { return !prefixed }
func isGlobal(service string, _ bool) bool     { return service == "aws" }
func isLambda(service string, _ bool) bool     { return service == "lambda" }
func isNoService(service string, _ bool) bool {
	return isLike(service, "lambda") || isLike(service, "aws") && len(service) > 2
}

// unsupportedKey finds aws:ARN, which was never documented and does not exist any more.
func unsupportedKey(p *pass) {
	p.each(func(i int, c policy.Condition, _ *key) {
		if strings.EqualFold(c.Key, "aws:ARN") {
			c.Key = "aws:PrincipalArn"
			p.report("the condition key aws:ARN is not supported", `write "aws:PrincipalArn" for the caller`, p.recondition(i,
				c)...)
		}
	})
}

// emptyList finds conditions without values of the operators that pick takes.
func emptyList(pick func(operator) bool, why string) func(*pass) {
	return func(p *pass) {
		p.each(func(i int, c policy.Condition, _ *key) {
			if len(c.Values) == 0 && pick(operatorOf(c)) {
				p.report(c.Key+" has an empty list of values: "+why, "list values, or remove the condition", p.unconditioned(i)...)
			}
		})
	}
}

func isPlain(o operator) bool    { return o.quantifier == "" && !o.ifExists }
func isIfExists(o operator) bool { return o.quantifier == "" && o.ifExists }
func isForAll(o operator) bool   { return o.quantifier == "ForAllValues" }
func isForAny(o operator) bool   { return o.quantifier == "ForAnyValue" }

// authType finds values of lambda:FunctionUrlAuthType that no call has.
func authType(p *pass) {
	p.eachKnown(func(i int, c policy.Condition, k *key) {
		o := operatorOf(c)
		if !k.is(keyAuthType) || o.of() != text || o.wildcards() {
			return
		}
		is := func(v, want string) bool {
			return v == want || strings.HasSuffix(o.base, "IgnoreCase") && strings.EqualFold(v, want)
		}
		for _, v := range c.Values {
			message, fix, want := "", "write AWS_IAM", "AWS_IAM"
			switch {
			case is(v, "AWS_IAM"):
			case is(v, "NONE"):
				if p.grantsNamed() && !o.negated() && !c.Holds(policy.Values{keyAuthType: {"AWS_IAM"}}) {
					message = "a function URL of auth type NONE does not ask who calls, so no user or role gets in by this statement"
				}
			case strings.EqualFold(v, "NONE") && !p.grantsNamed():
				want = "NONE"
				fallthrough
			default:
				message, fix = keyAuthType+" is NONE or AWS_IAM, never "+quote(v), "write "+want
			}
			if message != "" {
				fixed := c
				fixed.Values = append(without(c.Values, v, want), want)
				p.report(message, fix, p.recondition(i, fixed)...)
			}
		}
	})
}

// grantsNamed reports whether the statement allows something to users and roles only.
func (s *statement) grantsNamed() bool { return s.Effect == policy.Allowed && s.namesCallers() }

// viaURLFalse finds grants to calls that did not come through a function URL, in a policy for function URLs.
func viaURLFalse(p *pass) {
	p.eachKnown(func(i int, c policy.Condition, k *key) {
		if !k.is(keyViaURL) || p.Effect != policy.Allowed || operatorOf(c).base == "Null" ||
			c.Holds(policy.Values{keyViaURL: {"true"}}) {
			return
		}
		if p.covers(actionInvoke) {
			p.report(keyViaURL+" is true for every call of a function URL, so the statement allows direct invocation only",
				"write true", p.recondition(i, viaURL())...)
		}
	})
}

// multipleBoolean finds booleans that may be true and false.
func multipleBoolean(p *pass) {
	p.eachKnown(func(i int, c policy.Condition, _ *key) {
		if operatorOf(c).base != "Bool" || len(c.Values) < 2 {
			return
		}
		c.Values = []string{"true"}
		if p.Effect == policy.ExplicitlyDenied {
			c.Values = []string{"false"}
		}
		p.report(c.Key+" is compared with several booleans, which limits nothing", "write one of them", p.recondition(i,
			c)...)
	})
}

// typeMismatch finds operators of another type than the key's values, where the comparison cannot hold.
func typeMismatch(p *pass) {
	p.eachKnown(func(i int, c policy.Condition, k *key) {
		o := operatorOf(c)
		if o.of() == "" || k.of == anything || fits(o, k, c.Values) {
			return
		}
		message := c.Key + " has values of type " + string(k.of) + ", with which " + c.Operator + " never agrees"
		wild := slices.ContainsFunc(c.Values, func(v string) bool { return strings.ContainsAny(v, "*?") })
		c.Operator = o.as(k.of, wild).String()
		switch {
		case k.is(keyAuthType):
			c = equals(keyAuthType, "AWS_IAM")
		case k.is(keyViaURL):
			c = viaURL()
		}
		changed := p.changed(func(changed *policy.Statement) { changed.Conditions[i] = c })
		if o.of() == "Binary" || p.parsed(changed) == p.statement {
			p.report(message, "write a value of that type, or remove the statement")
			return
		}
		p.report(message, "write "+c.Operator, p.recondition(i, c)...)
	})
}

// fits reports whether an operator can agree with a key's values. Operators of texts do with values that are written
// as the request has them.
func fits(o operator, k *key, values []string) bool {
	switch t := o.of(); {
	case t == k.of, t == number && k.is("aws:EpochTime"):
		return true
	case t != text:
		return false
	case k.of == arn:
		return true
	case k.of == boolean:
		return !slices.ContainsFunc(values, func(v string) bool { return v != "true" && v != "false" })
	case k.of == address:
		return !slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "/") })
	default:
		return false
	}
}

// wildcardWithoutLike finds wildcards where the operator takes them for themselves.
func wildcardWithoutLike(p *pass) {
	p.eachKnown(func(i int, c policy.Condition, k *key) {
		o, marks := operatorOf(c), "*?"
		if k.of == anything || k.is("aws:UserAgent") || k.is("aws:referer") {
			marks = "*"
		}
		if o.of() != text || o.wildcards() || !slices.ContainsFunc(c.Values, func(v string) bool {
			return strings.ContainsAny(strings.NewReplacer("${*}", "", "${?}", "").Replace(v), marks)
		}) {
			return
		}
		written := c.Operator
		c.Operator = o.as(text, true).String()
		p.report(written+" takes * and ? for themselves, and no "+c.Key+" has them", "write "+c.Operator, p.recondition(i,
			c)...)
	})
}

// private are the ranges that no call through the internet comes from (RFC 1918, 6598, 3927, 4193, 4291, 1122).
var private = sync.OnceValue(func() (list []netip.Prefix) {
	for _, s := range strings.Fields("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 169.254.0.0/16 127.0.0.0/8 " +
		"fc00::/7 fe80::/10 ::1/128") {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
})

// isPrivate reports whether a range of addresses is within a private one.
func isPrivate(value string) bool {
	prefix, err := parseRange(value)
	return err == nil && slices.ContainsFunc(private(), func(q netip.Prefix) bool {
		return q.Bits() <= prefix.Bits() && q.Contains(prefix.Addr())
	})
}

func parseRange(value string) (netip.Prefix, error) {
	if !strings.Contains(value, "/") {
		addr, err := netip.ParseAddr(value)
		return netip.PrefixFrom(addr, addr.BitLen()), err
	}
	return netip.ParsePrefix(value)
}

// privateAddresses finds addresses that no call comes from: all values, or some of them.
func privateAddresses(negated, some bool) func(*pass) {
	return func(p *pass) {
		p.eachKnown(func(i int, c policy.Condition, k *key) {
			o := operatorOf(c)
			public := slices.DeleteFunc(slices.Clone(c.Values), isPrivate)
			if !k.is("aws:SourceIp") || o.of() == "" || o.negated() != negated || len(public) == len(c.Values) ||
				some != (len(public) > 0) {
				return
			}
			c.Values = public
			p.report("function URLs are called through the internet, so aws:SourceIp is never a private address",
				"list public addresses only, such as that of the NAT gateway", p.recondition(i, c)...)
		})
	}
}

// invalidRegion finds regions that there cannot be.
func invalidRegion(p *pass) {
	impossible(p, func(k *key) bool { return k.is("aws:RequestedRegion") }, "a region such as eu-west-1", func(_ *key,
		v string) (string, bool) {
		return strings.ToLower(v), isRegion(v)
	})
}

// impossibleValue finds values that no request has for a key.
func impossibleValue(p *pass) {
	impossible(p, func(k *key) bool { return !k.is("aws:RequestedRegion") && !k.is(keyAuthType) }, "", possibleValue)
}

// impossible finds values of the keys picked that ok refuses, with what may be meant: a value for which ok holds.
func impossible(p *pass, pick func(*key) bool, want string, ok func(*key, string) (string, bool)) {
	p.eachKnown(func(i int, c policy.Condition, k *key) {
		if t := operatorOf(c).of(); !pick(k) || t != text && t != arn {
			return
		}
		for j, v := range c.Values {
			meant, possible := ok(k, v)
			if possible || strings.ContainsAny(v, "*?$") && (!k.is("aws:PrincipalArn") || !strings.Contains(v,
				":assumed-role/")) {
				continue
			}
			fixed := c
			fixed.Values = slices.Delete(slices.Clone(c.Values), j, j+1)
			fix := "write the value that is meant, or remove it"
			if _, possible := ok(k, meant); possible || strings.Contains(v, ":assumed-role/") {
				fixed.Values = slices.Insert(fixed.Values, j, meant)
				fix = "write " + quote(meant)
			}
			message := c.Key + " is never " + quote(v)
			if want = cmp.Or(want, wanted(k)); want != "" {
				message += ": it is " + want
			}
			if len(fixed.Values) == 0 { // what is left would let in more callers than meant
				p.report(message, "write the value that is meant, or remove the statement")
				continue
			}
			p.report(message, fix, p.recondition(i, fixed)...)
		}
	})
}

// wanted says what the values of a key look like.
func wanted(k *key) string {
	switch {
	case strings.HasSuffix(k.name, "Account"):
		return "an account id of twelve digits"
	case strings.HasSuffix(k.name, "OrgID"):
		return "the id of an organization, such as o-a1b2c3d4e5"
	case strings.HasSuffix(k.name, "OrgPaths"):
		return "a path such as o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/"
	case k.is("aws:PrincipalType"):
		return strings.Join(k.values, ", ")
	case k.is("aws:PrincipalArn"):
		return "the ARN of a user, root user, federated user or, for all sessions of a role, of the role"
	default:
		return ""
	}
}

// possibleValue reports whether a request can have the value, and what may be meant otherwise.
func possibleValue(k *key, v string) (meant string, ok bool) {
	trimmed := strings.TrimSpace(v)
	parts := strings.SplitN(trimmed, ":", 6)
	switch {
	case strings.HasSuffix(k.name, "Account"):
		digits := strings.ReplaceAll(trimmed, "-", "")
		if len(parts) == 6 {
			digits = parts[4]
		}
		return digits, isAccount(v)
	case strings.HasSuffix(k.name, "OrgID"):
		return strings.ToLower(trimmed), isOrganization(v)
	case strings.HasSuffix(k.name, "OrgPaths"):
		id, _, _ := strings.Cut(v, "/")
		return trimmed, isOrganization(id)
	case k.is("aws:PrincipalType"):
		i := slices.IndexFunc(k.values, func(known string) bool { return strings.EqualFold(known, trimmed) })
		return append(k.values, v)[(i+len(k.values)+1)%(len(k.values)+1)], slices.Contains(k.values, v)
	case k.of != arn:
		return trimmed, v == trimmed && v != ""
	case len(parts) < 6 || parts[0] != "arn":
		return trimmed, false
	case k.is("aws:PrincipalArn") && strings.HasPrefix(parts[5], "assumed-role/"):
		role, _, _ := strings.Cut(strings.TrimPrefix(parts[5], "assumed-role/"), "/")
		return "arn:" + parts[1] + ":iam::" + parts[4] + ":role/" + role, false
	case k.is("aws:PrincipalArn"):
		return "arn:" + parts[1] + ":" + parts[2] + "::" + parts[4] + ":" + parts[5], v == trimmed && parts[3] == "" &&
			(parts[2] == "iam" || parts[2] == "sts") && isAccount(parts[4])
	case parts[2] == "cloudfront":
		fixed := strings.Join([]string{"arn", parts[1], parts[2], "", parts[4], parts[5]}, ":")
		return fixed, v == fixed
	default:
		return trimmed, v == trimmed
	}
}

func isOrganization(s string) bool {
	id, ok := strings.CutPrefix(s, "o-")
	return ok && len(id) >= 10 && len(id) <= 32 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// dateGoneBy finds grants that have ended.
func dateGoneBy(p *pass) {
	p.eachKnown(func(i int, c policy.Condition, k *key) {
		if (k.is("aws:CurrentTime") || k.is("aws:EpochTime")) && p.Effect == policy.Allowed && p.outcomeOf(p.statement, i,
			actionInvoke) == never {
			p.report("the statement ended: "+c.Key+" is "+c.Operator+" "+strings.Join(c.Values, " or ")+" no more",
				"remove the statement, or write a later date")
		}
	})
}

// forAllSingle finds ForAllValues with a key of one value, which a request without the key passes, too.
func forAllSingle(p *pass) {
	p.eachKnown(func(i int, c policy.Condition, k *key) {
		if o := operatorOf(c); isForAll(o) && !k.many {
			o.quantifier = ""
			c.Operator = o.String()
			p.report("ForAllValues also holds for a request without "+c.Key+", which has one value", "write "+c.Operator,
				p.recondition(i, c)...)
		}
	})
}

// forAllAbsent finds ForAllValues in a grant with a key that callers may lack.
func forAllAbsent(p *pass) {
	p.eachKnown(func(i int, c policy.Condition, k *key) {
		o := operatorOf(c)
		if !isForAll(o) || p.Effect != policy.Allowed || p.demandsPresence(k) {
			return
		}
		o.quantifier = "ForAnyValue"
		c.Operator = o.String()
		if k.in == inNone {
			p.report("ForAllValues holds for every call of a function URL, since none has "+c.Key, "remove the condition",
				p.unconditioned(i)...)
			return
		}
		p.report("ForAllValues also holds for a request without "+c.Key+
			", such as that of a caller outside of every organization",
			"write "+c.Operator, p.recondition(i, c)...)
	})
}

// demandsPresence reports whether another condition asks for the key to be there.
func (s *statement) demandsPresence(k *key) bool { return s.demands(k.name) }

// missingQualifier finds multivalued keys without a quantifier.
func missingQualifier(p *pass) {
	p.eachKnown(func(i int, c policy.Condition, k *key) {
		o := operatorOf(c)
		if !k.many || k.in == inNone || o.quantifier != "" || o.base == "Null" {
			return
		}
		o.quantifier = "ForAnyValue"
		if o.negated() {
			o.quantifier = "ForAllValues"
		}
		c.Operator = o.String()
		p.report(c.Key+" has several values, of which a condition without ForAnyValue or ForAllValues accepts none",
			"write "+c.Operator, p.recondition(i, c)...)
	})
}

// ifExists finds grants that a caller without the key passes.
func ifExists(p *pass) {
	p.eachKnown(func(i int, c policy.Condition, k *key) {
		o := operatorOf(c)
		if !o.ifExists || o.negated() || p.Effect != policy.Allowed || !k.ofCaller && !strings.HasPrefix(k.name,
			"aws:Multi") {
			return
		}
		if in := p.presence(k, actionInvokeURL); in != depends {
			return
		}
		o.ifExists = false
		c.Operator = o.String()
		p.report("IfExists also lets in callers without "+c.Key, "write "+c.Operator, p.recondition(i, c)...)
	})
}

// nullOpens finds grants to callers that lack what others are told by.
func nullOpens(p *pass) {
	p.eachKnown(func(i int, c policy.Condition, k *key) {
		if operatorOf(c).base != "Null" || p.Effect != policy.Allowed || !c.Holds(nil) ||
			c.Holds(policy.Values{c.Key: {"x"}}) ||
			!k.ofCaller || k.of == anything || p.presence(k, actionInvokeURL) != depends {
			return
		}
		c.Values = []string{"false"}
		p.report("Null with true lets in callers without "+c.Key+" only, and nobody that has it", "write false",
			p.recondition(i, c)...)
	})
}

// neverMatches finds conditions on keys that no call of a function URL has.
func neverMatches(p *pass) {
	url, invoke := p.names(actionInvokeURL), p.names(actionInvoke)
	if p.demandsBoth() {
		p.neverBoth()
		return
	}
	if !url && !p.demandsOne() {
		return // it may be for Invoke alone
	}
	p.eachKnown(func(i int, c policy.Condition, k *key) {
		if k.is(keyAuthType) && invoke && !url || k.is(keyViaURL) && url && !invoke {
			p.neverOther(i, k)
			return
		}
		if p.Effect == policy.ExplicitlyDenied && !p.lacks(k) || !p.lacks(k) && k.of != boolean && !k.is(keyAuthType) ||
			slices.ContainsFunc(p.actions(), func(action string) bool { return p.outcomeOf(p.statement, i, action) != never }) {
			return
		}
		why, fix := "no call of a function URL fulfills "+c.Operator+" "+c.Key, "remove the condition"
		switch {
		case k.in == inService:
			why = "requests of users and roles have no " + k.name + "; only those a service makes for a resource have"
		case strings.Contains(k.name, "Vpc"):
			why = "function URLs are reached through the internet only, so no request has " + k.name
			fix = "remove the condition, or limit callers by aws:SourceIp, aws:PrincipalArn or aws:PrincipalOrgID"
		case k.in == inNone:
			why = "no call of a function URL has " + k.name
		}
		instead := p.unconditioned(i)
		switch {
		case p.Effect == policy.ExplicitlyDenied:
			fix = "remove the statement"
		case k.is(keyAuthType):
			fix, instead = "write AWS_IAM", p.recondition(i, equals(keyAuthType, "AWS_IAM"))
		case k.values != nil:
			fixed := policy.Condition{Operator: "Bool", Key: c.Key, Values: k.values}
			fix, instead = "write "+k.values[0], p.recondition(i, fixed)
		}
		p.report("the statement never matches a call of a function URL: "+why, fix, instead...)
	})
}

// lacks reports whether no call that the statement is about has the key.
func (s *statement) lacks(k *key) bool {
	return s.presence(k, actionInvokeURL) == never && s.presence(k, actionInvoke) == never
}

// neverBoth reports a statement that demands the keys of both actions.
func (p *pass) neverBoth() {
	part := func(action, key, other string) policy.Statement {
		return p.changed(func(c *policy.Statement) {
			if action == actionInvoke {
				c.Sid = p.freeSid(nameOf(action))
			}
			c.Actions, c.NotAction = []string{action}, false
			for i := len(c.Conditions) - 1; i >= 0; i-- {
				if p.keys[i].is(other) {
					c.Conditions = slices.Delete(c.Conditions, i, i+1)
				}
			}
		})
	}
	p.report("the statement never matches a call of a function URL: "+keyAuthType+" comes with "+actionInvokeURL+
		" only and "+
		keyViaURL+" with "+actionInvoke+" only",
		"use two statements: "+actionInvokeURL+" with "+keyAuthType+", and "+actionInvoke+" with "+keyViaURL,
		part(actionInvokeURL, keyAuthType, keyViaURL), part(actionInvoke, keyViaURL, keyAuthType))
	for i, k := range p.keys {
		p.spoken[i] = p.spoken[i] || k.is(keyAuthType) || k.is(keyViaURL)
	}
}

// neverOther reports a condition that demands the key of the action that the statement does not have.
func (p *pass) neverOther(i int, k *key) {
	if p.Conditions[i].Holds(nil) {
		return
	}
	action, fixed := actionInvoke, viaURL()
	if k.is(keyViaURL) {
		action, fixed = actionInvokeURL, equals(keyAuthType, "AWS_IAM")
	}
	message := "the statement never matches a call of a function URL: " + action + " does not come with " + k.name
	if p.Effect == policy.ExplicitlyDenied {
		p.report(message, "remove the statement")
		return
	}
	p.report(message, "write the condition on "+fixed.Key, p.recondition(i, fixed)...)
}

// limitsNothing finds conditions of a grant that every call fulfills, though they look like limits.
func limitsNothing(p *pass) {
	if p.Effect != policy.Allowed {
		return
	}
	p.eachKnown(func(i int, c policy.Condition, k *key) {
		if k.is(keyAuthType) || k.is(keyViaURL) || k.is("aws:SecureTransport") || k.is("aws:CurrentTime") ||
			k.is("aws:EpochTime") {
			return
		}
		if p.outcomeOf(p.statement, i, actionInvokeURL) != always || p.outcomeOf(p.statement, i, actionInvoke) != always {
			return
		}
		p.report("every call of a function URL fulfills "+c.Operator+" "+c.Key+", so the condition limits nothing",
			"remove the condition", p.unconditioned(i)...)
	})
}

// improveRange finds ranges with bits set that the mask cuts off.
func improveRange(p *pass) {
	for i, c := range p.Conditions {
		if operatorOf(c).of() != address {
			continue
		}
		for j, v := range c.Values {
			if prefix, err := netip.ParsePrefix(v); err == nil && prefix != prefix.Masked() {
				fixed := c
				fixed.Values = slices.Clone(c.Values)
				fixed.Values[j] = prefix.Masked().String()
				p.report("the bits of "+v+" after the mask are ignored", "write "+quote(fixed.Values[j]), p.recondition(i,
					fixed)...)
			}
		}
	}
}

// redundantNumber finds several bounds where the widest one decides.
func redundantNumber(p *pass) {
	for i, c := range p.Conditions {
		o := operatorOf(c)
		if o.of() != number || len(c.Values) < 2 || strings.HasSuffix(o.base, "Equals") && !strings.Contains(o.base, "Than") {
			continue
		}
		best := c.Values[0]
		for _, v := range c.Values[1:] {
			less := isLess(v, best)
			if less == strings.Contains(o.base, "Greater") {
				best = v
			}
		}
		c.Values = []string{best}
		p.report("of several values of "+c.Operator+" the widest decides", "write "+quote(best), p.recondition(i, c)...)
	}
}

func isLess(a, b string) bool {
	x, _ := strconv.ParseFloat(a, 64) // both have been read by the parser
	y, _ := strconv.ParseFloat(b, 64)
	return x < y
}
