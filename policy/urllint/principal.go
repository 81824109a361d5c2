package urllint

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/policy"
)

// deletedPrincipal finds principals that AWS shows by the id of a user or role that was deleted (IAM User Guide, "AWS
// JSON policy elements: Principal").
func deletedPrincipal(prefix, what string) func(*pass) {
	return func(p *pass) {
		for _, principal := range p.Principals {
			id, ok := strings.CutPrefix(principal, "AWS:")
			if !ok || !strings.HasPrefix(id, prefix) {
				continue
			}
			p.report(quote(id)+" is the id of a "+what+
				" that was deleted; a new one of the same name has another id, and is not let in",
				"remove the principal, and grant to the "+what+" that there is now by its ARN", p.withoutPrincipals(principal)...)
		}
	}
}

// withoutPrincipals is the statement without some of its principals: nothing if none remain.
func (s *statement) withoutPrincipals(principals ...string) []policy.Statement {
	rest := without(s.Principals, principals...)
	return s.narrowed(rest, s.NotPrincipal, func(c *policy.Statement, rest []string, not bool) {
		c.Principals, c.NotPrincipal = rest, not
	})
}

// serviceNeverSigns finds grants to services that do not call function URLs.
func serviceNeverSigns(p *pass) {
	if p.Effect != policy.Allowed || !p.names(actionInvokeURL) && !p.demands(keyViaURL) {
		return
	}
	for _, service := range p.services() {
		switch {
		case service == cloudFront, !isKnownService(service): // signs with an origin access control; is another finding
		case service == "lambda.amazonaws.com":
			p.report("lambda.amazonaws.com is the Lambda service, not a function: a function calls with its execution role",
				`name the execution role of the calling function, {"AWS":"arn:aws:iam::ACCOUNT:role/NAME"}, and remove the `+
					"service",
				p.withoutPrincipals("Service:"+service)...)
		default:
			p.report(service+" does not send signed requests to function URLs; of the services only "+cloudFront+" does, "+
				"with an origin access control",
				"name the user or role that calls, and remove the service", p.withoutPrincipals("Service:"+service)...)
		}
	}
}

// cloudFront is the only service that signs requests to function URLs, with an origin access control (CloudFront
// Developer Guide, "Restrict access to an AWS Lambda function URL origin").
const cloudFront = "cloudfront.amazonaws.com"

// unknownService finds service principals that furl does not know. There is no complete list, so it is a warning.
func unknownService(p *pass) {
	for i, principal := range p.Principals {
		service, ok := strings.CutPrefix(principal, "Service:")
		if !ok || isKnownService(service) {
			continue
		}
		near := nearestService(service)
		if near == "" {
			p.report("furl does not know the service "+quote(service), "remove it, if it is no service of AWS",
				p.withoutPrincipals(principal)...)
			continue
		}
		p.report("furl does not know the service "+quote(service)+"; did you mean "+near+"?", "write "+quote(near),
			p.changed(func(c *policy.Statement) { c.Principals[i] = "Service:" + near }))
	}
}

// unpaired finds grants to a service that acts for anyone (IAM User Guide, "The confused deputy problem"). The grant of
// lambda:InvokeFunction to calls of function URLs is limited by that of the other action, and services that never call
// function URLs have a finding of their own there.
func unpaired(p *pass) {
	services := p.services()
	front := slices.Contains(services, cloudFront)
	if p.Effect != policy.Allowed || !slices.ContainsFunc(services, isKnownService) || p.limitsSource() ||
		!p.covers(actionInvokeURL) && p.demands(keyViaURL) || !front && p.names(actionInvokeURL) {
		return
	}
	fixed, whose := equals("aws:SourceAccount", p.account()), "whatever anyone sets up with it"
	if front {
		whose = "the distributions of every account"
		fixed = policy.Condition{
			Operator: "ArnLike", Key: "aws:SourceArn", Values: []string{"arn:aws:cloudfront::" + p.account() +
				":distribution/*"},
		}
	}
	p.report("without a condition on aws:SourceArn or aws:SourceAccount, the service lets in "+whose,
		"add the condition "+string(renderConditions([]policy.Condition{fixed}))+", or name one resource",
		p.changed(func(c *policy.Statement) {
			c.Conditions = slices.DeleteFunc(c.Conditions, func(c policy.Condition) bool {
				return strings.EqualFold(c.Key,
					fixed.Key)
			})
			c.Conditions = append(c.Conditions, fixed)
		}))
}

// limitsSource reports whether a condition says for which resource or account a service acts.
func (s *statement) limitsSource() bool {
	for i, k := range s.keys {
		if c := s.Conditions[i]; k != nil && (k.in == inService || k.is("lambda:EventSourceToken")) && !c.Holds(nil) &&
			!isWide(c) {
			return true
		}
	}
	return false
}

// public finds grants to everyone, on purpose or not.
func public(p *pass) {
	if p.Effect != policy.Allowed || !p.everyone() || p.limitsCallers() || p.demandsAuth() {
		return
	}
	message, fix := "Principal * without a condition lets anyone in, of any account and unsigned",
		`name the principal, or add a condition such as {"StringEquals":{"`+keyAuthType+`":"NONE"}} if the URL is public `+
			"on purpose"
	if len(p.Conditions) > 0 {
		message = "Principal * lets anyone in, of any account and unsigned: no condition tells callers apart"
	}
	p.report(message, fix, p.toOwnAccount())
}

// anyAccount finds grants to every principal of AWS.
func anyAccount(p *pass) {
	if p.Effect != policy.Allowed || !p.everyone() || p.limitsCallers() || !p.demandsAuth() {
		return
	}
	p.report("Principal * lets in the users and roles of every account, though signed: no condition tells them apart",
		"name the principal, or limit it by aws:PrincipalAccount or aws:PrincipalOrgID", p.toOwnAccount())
}

// demandsAuth reports whether the statement is for signed requests only.
func (s *statement) demandsAuth() bool {
	return !s.isPublic() && slices.ContainsFunc(keys, func(k key) bool {
		return (k.in == inNamed || k.in == inURL) &&
			s.demands(k.name)
	})
}

// toOwnAccount is the statement for callers of the function's account only.
func (s *statement) toOwnAccount() policy.Statement {
	return s.changed(func(c *policy.Statement) {
		c.Conditions = slices.DeleteFunc(c.Conditions, func(c policy.Condition) bool {
			return strings.EqualFold(c.Key,
				"aws:PrincipalAccount")
		})
		c.Conditions = append(c.Conditions, equals("aws:PrincipalAccount", s.account()))
	})
}

// denyNotPrincipal finds Deny statements that spare only those who are listed with their accounts and sessions.
func denyNotPrincipal(p *pass) {
	if p.Effect != policy.ExplicitlyDenied || !p.NotPrincipal {
		return
	}
	lists := map[string][]string{}
	for _, principal := range p.Principals {
		kind, value, _ := strings.Cut(principal, ":")
		switch {
		case kind == "Service":
			lists["aws:PrincipalServiceName"] = append(lists["aws:PrincipalServiceName"], value)
		case isAccount(value):
			lists["aws:PrincipalAccount"] = append(lists["aws:PrincipalAccount"], value)
		case strings.HasSuffix(value, ":root"):
			lists["aws:PrincipalAccount"] = append(lists["aws:PrincipalAccount"], strings.Split(value, ":")[4])
		case strings.HasPrefix(value, "arn:"):
			meant, _ := possibleValue(knownKey("aws:PrincipalArn"), value)
			lists["aws:PrincipalArn"] = append(lists["aws:PrincipalArn"], meant)
		}
	}
	if arns := lists["aws:PrincipalArn"]; arns != nil { // the account stands there for the sake of the user or role
		delete(lists, "aws:PrincipalAccount")
	}
	p.report("NotPrincipal also denies the sessions of a role that is listed, and everyone whose account is not listed "+
		"beside the user or role", "deny everyone but by a condition",
		p.changed(func(c *policy.Statement) {
			c.Principals, c.NotPrincipal = []string{"*"}, false
			for _, key := range []string{"aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalServiceName"} {
				if values := lists[key]; values != nil {
					operator := "StringNotEquals"
					if key == "aws:PrincipalArn" {
						operator = "ArnNotEquals"
					}
					c.Conditions = append(c.Conditions, policy.Condition{Operator: operator, Key: key, Values: slices.Compact(values)})
				}
			}
		}))
}
