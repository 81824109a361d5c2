package policy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

const (
	version2008 = "2008-10-17"
	version2012 = "2012-10-17"

	alphanumeric = digits + letters + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits       = "0123456789"
	letters      = "abcdefghijklmnopqrstuvwxyz"
)

func quote(s string) string { return strconv.Quote(s) }

// compiler turns a JSON tree into a document and collects faults on the way. It does not stop at one.
type compiler struct {
	source    string
	root      node
	kind      Kind
	variables bool // the document's version knows policy variables
	taken     bool // AWS has taken the document: only what it means matters
	faults    Faults
	warnings  []Fault
}

func (c *compiler) fault(offset int, aws, message string) {
	if len(c.faults) < MaxFaults {
		c.faults = append(c.faults, c.at(offset, aws, message))
	}
}

// warn notes what AWS takes and what does not do what it looks like.
func (c *compiler) warn(offset int, message string) {
	if len(c.warnings) < MaxFaults {
		c.warnings = append(c.warnings, c.at(offset, "", message))
	}
}

func (c *compiler) at(offset int, aws, message string) Fault {
	line, column := lineColumn(c.source, offset)
	return Fault{Line: line, Column: column, Path: c.root.path(offset), Message: message, AWS: aws}
}

// sorted sorts the faults in the order of the text.
func sorted(faults []Fault) []Fault {
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return faults
}

// object checks that n is an object without repeated or unknown names and calls visit for each member.
func (c *compiler) object(n *node, what string, known []string, visit func(name string, m *member)) bool {
	if n.kind != nodeObject {
		c.fault(n.start, awsSyntax, what+" must be an object, not "+n.kind.String())
		return false
	}
	seen := make(map[string]bool, len(n.members))
	for i := range n.members {
		m := &n.members[i]
		switch {
		case seen[m.key]:
			c.fault(m.start, awsSyntax, quote(m.key)+" is given twice")
		case known != nil && !slices.Contains(known, m.key):
			c.fault(m.start, awsSyntax, "unknown element "+quote(m.key)+" of "+what+"; it knows "+strings.Join(known, ", "))
		default:
			visit(m.key, m)
		}
		seen[m.key] = true
	}
	return true
}

// text checks that n is a string and returns it.
func (c *compiler) text(n *node, what string) (string, bool) {
	if n.kind != nodeString {
		c.fault(n.start, awsSyntax, what+" must be a string, not "+n.kind.String())
		return "", false
	}
	return n.text, true
}

// list returns the elements of a list, or n itself where it stands for a list of one; none only after a fault.
func (c *compiler) list(n *node, what, awsEmpty string) []node {
	if n.kind != nodeArray {
		return []node{*n}
	}
	if len(n.items) == 0 {
		c.fault(n.start, awsEmpty, what+" is an empty list")
	}
	return n.items
}

// texts calls visit for each of the texts that n is or lists, with its place.
func (c *compiler) texts(n *node, what, awsEmpty string, visit func(text string, start int)) {
	items := c.list(n, what, awsEmpty)
	for i := range items {
		if text, ok := c.text(&items[i], what); ok {
			visit(text, items[i].start)
		}
	}
}

var documentElements = []string{"Version", "Id", "Statement"}

func (c *compiler) document() *Document {
	d := &Document{kind: c.kind, source: c.source}
	var statements *node
	ok := c.object(&c.root, "a policy", documentElements, func(name string, m *member) {
		switch name {
		case "Version":
			d.version, _ = c.text(&m.value, name)
			if m.value.kind == nodeString && d.version != version2008 && d.version != version2012 {
				c.fault(m.value.start, awsSyntax, "Version must be "+version2012+" or "+version2008+", not "+quote(d.version))
			}
		case "Id":
			d.id, _ = c.text(&m.value, name)
		default:
			statements = &m.value
		}
	})
	if !ok {
		return d
	}
	if statements == nil {
		c.fault(c.root.start, awsSyntax, "the policy has no Statement")
		return d
	}
	c.variables = d.version == version2012
	d.list = statements.kind == nodeArray
	items := c.list(statements, "Statement", awsSyntax)
	d.statements = make([]statement, len(items))
	sids := make(map[string]bool)
	for i := range items {
		c.statement(&items[i], &d.statements[i], sids)
	}
	return d
}

var statementElements = []string{
	"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}

func (c *compiler) statement(n *node, s *statement, sids map[string]bool) {
	s.start, s.end = n.start, n.end
	seen := make(map[string]*member)
	ok := c.object(n, "a statement", statementElements, func(name string, m *member) {
		seen[name] = m
		switch name {
		case "Sid":
			c.sid(&m.value, s, sids)
		case "Effect":
			c.effect(&m.value, s)
		case "Principal", "NotPrincipal":
			c.principal(m, s)
		case "Action", "NotAction":
			c.actions(m, s)
		case "Resource", "NotResource":
			c.resources(m, s)
		default:
			c.conditions(&m.value, s)
		}
	})
	if !ok {
		return
	}
	for _, name := range []string{"Principal", "Action", "Resource"} {
		if seen[name] != nil && seen["Not"+name] != nil {
			c.fault(max(seen[name].start, seen["Not"+name].start), awsSyntax, name+" and Not"+name+" exclude each other")
		}
	}
	c.required(n, s, seen)
}

// required checks which elements a statement of the document's kind must and must not have.
func (c *compiler) required(n *node, s *statement, seen map[string]*member) {
	if seen["Effect"] == nil {
		c.fault(n.start, awsSyntax, "the statement has no Effect")
	}
	if seen["Action"] == nil && seen["NotAction"] == nil {
		c.fault(n.start, awsNoActions, "the statement has neither Action nor NotAction")
	}
	if seen["Resource"] == nil && seen["NotResource"] == nil {
		s.resources.any = true
		if c.kind != Trust {
			c.fault(n.start, awsNoResources, "the statement has neither Resource nor NotResource")
		}
	}
	if seen["NotPrincipal"] != nil && s.effect == Allowed && c.kind != Identity {
		// "Using it with "Effect":"Allow" is not supported." IAM User Guide, "AWS JSON policy elements: NotPrincipal"
		c.fault(seen["NotPrincipal"].start, awsInvalidPrinc, "NotPrincipal goes with Effect Deny only")
	}
	if c.kind != Identity && seen["Principal"] == nil && seen["NotPrincipal"] == nil {
		c.fault(n.start, awsNeedPrincipal,
			"the statement has no Principal; a "+c.kind.String()+" policy must name one")
	}
}

func (c *compiler) sid(n *node, s *statement, sids map[string]bool) {
	sid, ok := c.text(n, "Sid")
	if !ok {
		return
	}
	s.sid = sid
	if c.kind != Resource && strings.Trim(sid, alphanumeric) != "" {
		c.fault(n.start, awsSidCharacters, "a Sid has letters and digits only, got "+quote(sid))
	}
	if sid != "" && sids[sid] {
		c.fault(n.start, awsSidUnique, "another statement has the Sid "+quote(sid)+" already")
	}
	sids[sid] = true
}

func (c *compiler) effect(n *node, s *statement) {
	switch effect, ok := c.text(n, "Effect"); {
	case effect == "Allow":
		s.effect = Allowed
	case effect == "Deny":
		s.effect = ExplicitlyDenied
	case equalFold(effect, "Allow"), equalFold(effect, "Deny"):
		c.fault(n.start, awsLegacy, "Effect must be Allow or Deny, not "+quote(effect))
	case ok:
		c.fault(n.start, awsSyntax, "Effect must be Allow or Deny, not "+quote(effect))
	}
}

var principalTypes = []string{"AWS", "Service", "Federated", "CanonicalUser"}

func (c *compiler) principal(m *member, s *statement) {
	if c.kind == Identity {
		c.fault(m.start, awsNoPrincipal, "a policy of this kind belongs to its principals and may not name others")
		return
	}
	l := &principals{not: m.key == "NotPrincipal"}
	s.principals = l
	if l.not && c.kind == Trust {
		c.fault(m.start, awsInvalidPrinc, "a trust policy may not have NotPrincipal")
	}
	n := &m.value
	if n.kind == nodeString {
		if n.text != "*" {
			c.fault(n.start, awsInvalidPrinc, m.key+" must be * or an object such as {\"AWS\": …}, not "+quote(n.text))
		}
		l.everyone = true
		l.written = append(l.written, "*")
		return
	}
	c.object(n, m.key, principalTypes, func(kind string, m *member) {
		c.texts(&m.value, kind, awsInvalidPrinc, func(value string, start int) {
			if !l.add(kind, value, c.taken) {
				aws := awsInvalidPrinc + `: "` + strings.ToUpper(kind) + `":"` + value + `"`
				c.fault(start, aws, "want "+principalForms[kind]+", got "+quote(value))
			}
		})
	})
	if n.kind == nodeObject && len(n.members) == 0 {
		c.fault(n.start, awsInvalidPrinc, m.key+" names nobody")
	}
}

// principalForms are what the values of each type of principal are.
var principalForms = map[string]string{
	"AWS":           "*, an account id or the ARN of an account, user, role, role session or federated user, without wildcards",
	"Service":       "the name of a service in a domain of AWS, such as cloudfront.amazonaws.com",
	"Federated":     "the ARN of an identity provider, or one of " + strings.Join(webIdentityHosts, ", "),
	"CanonicalUser": "a canonical user id",
}

func (c *compiler) actions(m *member, s *statement) {
	s.actions.not = m.key == "NotAction"
	c.texts(&m.value, m.key, awsNoActions, func(action string, start int) {
		if message, aws := c.checkAction(action); message != "" {
			c.fault(start, aws, message)
			return
		}
		_, name, _ := strings.Cut(action, ":")
		if action != "*" && (name == "" || strings.Trim(name, alphanumeric+"-_*?") != "") {
			c.warn(start, "no action has the name "+quote(action)+": it never matches")
		}
		s.actions.add(action)
	})
}

// trustActions are the actions of a role's trust policy (IAM User Guide, "IAM JSON policy elements: Action" of roles;
// Service Authorization Reference, AWS Security Token Service).
var trustActions = []string{
	"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:SetContext", "sts:SetSourceIdentity",
	"sts:TagSession",
}

func (c *compiler) checkAction(action string) (message, aws string) {
	service, name, found := strings.Cut(action, ":")
	switch {
	case c.kind == Trust && (!equalFold(service, "sts") || !c.taken &&
		!slices.ContainsFunc(trustActions, func(known string) bool { return MatchAction(action, known) })):
		return "a trust policy has no actions but " + strings.Join(trustActions, ", ") + "; got " + quote(action),
			awsTrustActions
	case action == "*":
		return "", ""
	case !found:
		return "want service:Action, got " + quote(action), awsNoVendor
	case strings.Contains(name, ":"):
		return "an action has one colon, got " + quote(action), awsOneColon
	case service != "*" && (service == "" || strings.Trim(service, alphanumeric+"-.") != ""):
		return "the service of an action has letters, digits, hyphens and dots only, got " + quote(action),
			awsVendor + service + " is not valid"
	}
	return "", ""
}

func (c *compiler) resources(m *member, s *statement) {
	if c.kind == Trust {
		c.fault(m.start, awsTrustResource, "a trust policy is about its own role and may not name a resource")
		return
	}
	s.resources.not = m.key == "NotResource"
	c.texts(&m.value, m.key, awsNoResources, func(text string, start int) {
		s.resources.written = append(s.resources.written, text)
		if text == "*" {
			s.resources.any = true
			return
		}
		pattern, message, aws := parseResource(text, c.variables)
		if message == "" && !c.taken {
			message, aws = likeAWS(text)
		}
		if message != "" {
			c.fault(start, aws, message)
			return
		}
		s.resources.list = append(s.resources.list, pattern)
	})
}

func (c *compiler) conditions(n *node, s *statement) {
	c.object(n, "Condition", nil, func(name string, m *member) {
		op, q, ifExists, ok := parseOperator(name)
		if m.value.kind == nodeObject && len(m.value.members) == 0 {
			c.warn(m.start, quote(name)+" compares nothing: it lets every request pass")
			return
		}
		if !ok {
			c.fault(m.start, awsSyntax, "unknown condition operator "+quote(name))
			return
		}
		keys := make(map[string]bool)
		c.object(&m.value, name, nil, func(key string, m *member) {
			if folded := strings.ToLower(key); keys[folded] {
				c.fault(m.start, awsSyntax, "the condition key "+quote(key)+" is given twice; names of keys do not differ in case")
			} else {
				keys[folded] = true
			}
			cond := condition{
				name: name, key: key, lookup: spelling(key), quantifier: q, ifExists: ifExists, negated: op.negated,
				multivalued: multivalued[spelling(key)],
			}
			if c.condition(&cond, op, m) {
				s.conditions = append(s.conditions, cond)
			}
		})
	})
}

// condition compiles the values of one key.
func (c *compiler) condition(cond *condition, op operator, m *member) bool {
	if !strings.Contains(m.key, ":") {
		c.warn(m.start, "no request has the condition key "+quote(m.key)+"; the name of one is like aws:SourceIp")
	}
	items := m.value.items
	switch {
	case m.value.kind != nodeArray:
		items = []node{m.value}
	case len(items) == 0:
		c.warn(m.value.start, "an empty list equals no value")
	}
	cond.values = make([]string, 0, len(items))
	for i := range items {
		switch item := &items[i]; item.kind {
		case nodeString, nodeNumber, nodeBool:
			cond.values = append(cond.values, item.text)
		default:
			c.fault(item.start, awsSyntax, "a condition's value must be a string, number or boolean, not "+item.kind.String())
			return false
		}
	}
	var err error
	if op.matcher == nil {
		cond.null, err = parseAll(cond.values, parseBool) // which takes anything
	} else {
		cond.test, err = op.matcher(op.relation, cond.values, c.variables)
	}
	if err != nil {
		c.fault(m.value.start, awsLegacy, cond.name+" "+err.Error())
		return false
	}
	for i, v := range cond.values {
		if strings.Contains(cond.name, "IpAddress") && !c.taken {
			if err := checkRange(v); err != nil {
				c.fault(items[i].start, awsLegacy, cond.name+" "+quote(v)+": "+err.Error())
				return false
			}
		}
		if boolean := op.matcher == nil || strings.Contains(cond.name, "Bool"); boolean && !isBool(v) {
			c.warn(items[i].start, quote(v)+" is neither true nor false: it counts as false")
		}
	}
	return true
}
