package urllint

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/policy"
)

// The parts of an ARN, by their place.
const (
	partPartition = 1 + iota
	partService
	partRegion
	partAccount
	partResource
)

// arnFault is one thing wrong with an ARN, and the ARN without it; "" if the ARN tells nothing of what is meant.
type arnFault struct{ rule, why, want string }

// faultsOf are the reasons for which an ARN matches no function. An ARN of another service has one: that it is one.
func faultsOf(resource string) (faults []arnFault) {
	parts := strings.SplitN(masked(resource), ":", 6)
	if parts[0] != "arn" || len(parts) < 3 {
		return nil
	}
	add := func(rule, why string, part int, want string) {
		fixed := slices.Clone(parts)
		fixed[part] = want
		faults = append(faults, arnFault{rule, why, strings.Join(fixed, ":")})
	}
	if service := strings.ToLower(parts[partService]); service != "lambda" {
		_, function, _ := strings.Cut(resource, "arn:aws:lambda:")
		function, _, _ = strings.Cut(function, "/")
		if function != "" {
			function = "arn:aws:lambda:" + function
		}
		return []arnFault{{"invalid-arn-resource", "it is an ARN of " + parts[partService] + ", not of a function", function}}
	}
	if len(parts) < 6 {
		return []arnFault{{
			"missing-arn-field", "an ARN has six parts, of which AWS takes missing ones for *", strings.Join(append(parts, "*",
				"*", "*")[:6], ":"),
		}}
	}
	if parts[partService] != "lambda" {
		add("invalid-arn-service-case", "the service of an ARN is in lower case", partService, "lambda")
	}
	region := parts[partRegion]
	switch fixed := strings.TrimRight(strings.ToLower(region), "abcdefghijklmnopqrstuvwxyz"); {
	case region == "":
		add("missing-arn-region", "the ARN of a function has a region", partRegion, "*")
	case strings.ContainsAny(region, "*?"):
		if strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-*?") != "" {
			add("invalid-arn-region", quote(region)+" matches no region", partRegion, strings.ToLower(region))
		}
	case isRegion(region):
		if want := partitionOf(region); !matchPart(parts[partPartition], want) {
			add("invalid-partition", "the region "+region+" belongs to the partition "+want, partPartition, want)
		}
	case isRegion(fixed):
		add("invalid-arn-region", quote(region)+" is no region", partRegion, fixed)
	default:
		add("invalid-arn-region", quote(region)+" is no region", partRegion, "*")
	}
	switch account := parts[partAccount]; {
	case strings.Trim(account, "0123456789*?") == "" && (isAccount(account) || strings.ContainsAny(account, "*?") &&
		len(account) <= 12):
	case isAccount(strings.Trim(strings.ReplaceAll(account, "-", ""), " ")):
		add("invalid-arn-account", "an account is twelve digits", partAccount, strings.Trim(strings.ReplaceAll(account, "-",
			""), " "))
	default:
		add("invalid-arn-account", "the ARN of a function has an account of twelve digits, not "+quote(account),
			partAccount, "*")
	}
	if !canBeFunction(parts[partResource]) {
		add("invalid-arn-resource", quote(parts[partResource])+" is not function:NAME or function:NAME:QUALIFIER",
			partResource,
			meantFunction(parts[partResource]))
	}
	return faults
}

// otherResources are the types of Lambda's resources besides functions.
var otherResources = strings.Fields("layer event-source-mapping code-signing-config capacity-provider")

// onlyURLActions reports whether all actions of the statement are those of function URLs, so that each resource has to
// be a function.
func (s *statement) onlyURLActions() bool {
	return !s.NotAction && !slices.ContainsFunc(s.meantActions, func(pattern string) bool {
		return nameOf(pattern) == "*" || !policy.MatchAction(pattern, actionInvokeURL) && !policy.MatchAction(pattern,
			actionInvoke)
	})
}

// checkARNs finds resources that match no function, for the reason that the rule is about.
func checkARNs(p *pass) {
	for i, r := range p.Resources {
		for _, fault := range faultsOf(r) {
			if fault.rule != string(p.row.Rule) || !p.concerns(r, fault) {
				continue
			}
			message := quote(r) + " matches no function: " + fault.why
			if p.row.Severity != SeverityError {
				message = quote(r) + " is incomplete: " + fault.why
			}
			if fault.want == "" || strings.HasSuffix(fault.want, ":function:*") {
				p.report(message, "list the function, arn:aws:lambda:REGION:ACCOUNT:function:NAME, or remove the resource",
					p.withoutResource(i)...)
				continue
			}
			p.report(message, "write "+quote(fault.want), p.changed(func(c *policy.Statement) { c.Resources[i] = fault.want }))
		}
	}
}

// concerns reports whether a resource has to be a function: in a statement about more than function URLs it may be
// something else.
func (s *statement) concerns(resource string, fault arnFault) bool {
	if s.onlyURLActions() || fault.rule != "invalid-arn-resource" {
		return true
	}
	parts := strings.SplitN(masked(resource), ":", 6)
	head := parts[partResource][:strings.IndexAny(parts[partResource]+":", ":/*?")]
	return strings.EqualFold(parts[partService], "lambda") && !slices.Contains(otherResources, head)
}

// withoutResource is the statement without one of its resources: nothing if none remain.
func (s *statement) withoutResource(i int) []policy.Statement {
	rest := slices.Delete(slices.Clone(s.Resources), i, i+1)
	return s.narrowed(rest, s.NotResource, func(c *policy.Statement, rest []string, not bool) {
		c.Resources, c.NotResource = rest, not
	})
}

// meantResource returns the resource that an ARN stands for, with all its faults mended that can be.
func meantResource(resource string) string {
	for {
		faults := faultsOf(resource)
		if len(faults) == 0 || faults[0].want == "" {
			return resource
		}
		resource = faults[0].want
	}
}

// isFunction reports whether a resource may be a function.
func isFunction(resource string) bool { return len(faultsOf(resource)) == 0 }

// masked replaces policy variables by *: anything may come out of them.
func masked(resource string) string {
	for {
		before, rest, found := strings.Cut(resource, "${")
		_, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return resource
		}
		resource = before + "*" + after
	}
}

// canBeFunction reports whether the last part of an ARN's pattern matches that of some function. It follows all ways of
// reading the pattern at once: as so many characters of "function:", as a name, or as a qualifier.
func canBeFunction(pattern string) bool {
	const head = "function:"
	const (
		name      = len(head) + 1 + iota // some of it
		colon                            // the one after the name
		qualifier                        // some of it
		states
	)
	step := func(at int, c byte) (next []int) {
		wild := c == '?' || c == '*'
		switch {
		case at < len(head):
			if wild || c == head[at] {
				return []int{at + 1}
			}
		case at == len(head) || at == name:
			if wild || isNameByte(c) {
				next = append(next, name)
			}
			if at == name && (wild || c == ':') {
				next = append(next, colon)
			}
		case wild || isNameByte(c) || c == '$' || c == '.':
			return []int{qualifier}
		}
		return next
	}
	at := [states]bool{0: true}
	for i := range len(pattern) {
		var reached [states]bool
		for from := range states {
			if pattern[i] == '*' && at[from] {
				reached[from] = true
			}
			if !at[from] && (pattern[i] != '*' || !reached[from]) {
				continue
			}
			for _, next := range step(from, pattern[i]) {
				reached[next] = true
			}
		}
		at = reached
	}
	return at[name] || at[qualifier]
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// meantFunction makes the last part of a function's ARN of something like it: function/NAME, NAME, functions:NAME.
func meantFunction(resource string) string {
	fields := strings.FieldsFunc(resource, func(r rune) bool { return strings.ContainsRune(":/ ", r) })
	if len(fields) > 0 && (isLike(fields[0], "function") || isLike(fields[0], "lambda")) {
		fields = fields[1:]
	} else if len(fields) != 1 {
		return "function:*"
	}
	meant := "function:" + strings.Join(fields[:min(1, len(fields))], "")
	if len(fields) > 1 && strings.Contains(resource, fields[0]+":"+fields[1]) {
		meant += ":" + fields[1]
	}
	if canBeFunction(meant) {
		return meant
	}
	return "function:*"
}

// coversARN tells what else a pattern of a Resource element covers, as far as that is plain to see.
func coversARN(pattern string) func(string) bool {
	document := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":` +
		string(marshal(pattern)) + `}}`
	parsed, err := policy.Parse([]byte(document), policy.Identity)
	if err != nil { // a variable, in a version without variables
		return func(string) bool { return false }
	}
	statement := parsed.Statements()[0]
	return func(other string) bool { return !strings.Contains(other, "${") && statement.CoversResource(other) }
}

// matchPart reports whether a pattern without colons matches a text.
func matchPart(pattern, s string) bool { return policy.MatchAction("x:"+pattern, "x:"+s) }

// isAccount reports whether text is an account id: twelve digits.
func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// isRegion reports whether text has the form of a region's name.
func isRegion(s string) bool {
	fields := strings.Split(s, "-")
	last := fields[len(fields)-1]
	if len(fields) < 3 || len(fields[0]) != 2 && fields[0] != "eusc" || len(last) > 2 || last == "" || strings.Trim(last,
		"0123456789") != "" {
		return false
	}
	return !slices.ContainsFunc(fields[:len(fields)-1], func(f string) bool {
		return f == "" || strings.Trim(f, "abcdefghijklmnopqrstuvwxyz") != ""
	})
}

// partitionOf is the partition that a region belongs to.
func partitionOf(region string) string {
	fields := strings.Split(region, "-")
	isolated, ok := strings.CutPrefix(fields[1], "iso")
	switch {
	case fields[0] == "cn", fields[0] == "eusc":
		return "aws-" + fields[0]
	case fields[1] == "gov":
		return "aws-us-gov"
	case ok && isolated == "":
		return "aws-iso"
	case ok && len(isolated) == 1:
		return "aws-iso-" + isolated
	default:
		return "aws"
	}
}
