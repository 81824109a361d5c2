package urllint

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/policy"
)

// changed returns a copy of the statement with a change made to it.
func (s *statement) changed(change func(*policy.Statement)) policy.Statement {
	c := s.Statement
	c.Principals, c.Actions, c.Resources = slices.Clone(c.Principals), slices.Clone(c.Actions), slices.Clone(c.Resources)
	c.Conditions = slices.Clone(c.Conditions)
	change(&c)
	return c
}

// unconditioned returns the cure for a condition that is no use: the statement without it. It limits a grant to
// everyone that has no other limit then to callers of the function's account. A Deny is removed.
func (s *statement) unconditioned(i int) []policy.Statement {
	if s.Effect == policy.ExplicitlyDenied {
		return nil
	}
	return []policy.Statement{s.limited(s.changed(func(c *policy.Statement) {
		c.Conditions = slices.Delete(c.Conditions,
			i, i+1)
	}))}
}

// limited adds a limit to a grant to everyone that has none.
func (s *statement) limited(c policy.Statement) policy.Statement {
	if t := s.parsed(c); t.everyone() && t.Effect == policy.Allowed && !t.limitsCallers() {
		c.Conditions = append(c.Conditions, equals("aws:PrincipalAccount", s.account()))
	}
	return c
}

// parsed reads a changed statement as it would stand in the document. One that cannot stand there reads as s.
func (s *statement) parsed(c policy.Statement) *statement {
	text := `{"Version":"` + s.ref.Document.Version() + `","Statement":[` + string(render(&c)) + `]}`
	document, err := policy.Parse([]byte(text), s.ref.Document.Kind())
	if err != nil {
		return s
	}
	ref := s.ref
	ref.Document, ref.Statement = document, 0
	return newStatement(document.Statements()[0], ref)
}

// freeSid is a Sid for a statement that is split off this one; "" if this one has none.
func (s *statement) freeSid(suffix string) string {
	if s.Sid == "" {
		return ""
	}
	taken := map[string]bool{}
	for _, t := range s.ref.Document.Statements() {
		taken[t.Sid] = true
	}
	sid := s.Sid + suffix
	for n := 2; taken[sid]; n++ {
		sid = s.Sid + suffix + strconv.Itoa(n)
	}
	return sid
}

// account is the account of the statement's resources, as a value of a condition.
func (s *statement) account() string {
	for _, r := range s.meantResources {
		if parts := strings.SplitN(r, ":", 6); len(parts) == 6 && isAccount(parts[4]) {
			return parts[4]
		}
	}
	return "${aws:ResourceAccount}"
}

func equals(key, value string) policy.Condition {
	return policy.Condition{Operator: "StringEquals", Key: key, Values: []string{value}}
}

func viaURL() policy.Condition {
	return policy.Condition{Operator: "Bool", Key: keyViaURL, Values: []string{"true"}}
}

// recondition returns the statement with another condition in the place of one, and removes the condition if the new
// one has no values.
func (s *statement) recondition(i int, c policy.Condition) []policy.Statement {
	if len(c.Values) == 0 {
		return s.unconditioned(i)
	}
	return []policy.Statement{s.limited(s.changed(func(changed *policy.Statement) { changed.Conditions[i] = c }))}
}

// render writes a statement as JSON. It leaves out elements that are empty.
func render(s *policy.Statement) json.RawMessage {
	var members []string
	add := func(name string, value any) {
		members = append(members, string(marshal(name))+":"+string(marshal(value)))
	}
	if s.Sid != "" {
		add("Sid", s.Sid)
	}
	if s.Effect == policy.ExplicitlyDenied {
		add("Effect", "Deny")
	} else {
		add("Effect", "Allow")
	}
	if len(s.Principals) > 0 {
		add(not("Principal", s.NotPrincipal), renderPrincipals(s.Principals))
	}
	add(not("Action", s.NotAction), oneOrList(s.Actions))
	if len(s.Resources) > 0 {
		add(not("Resource", s.NotResource), oneOrList(s.Resources))
	}
	if len(s.Conditions) > 0 {
		add("Condition", renderConditions(s.Conditions))
	}
	return json.RawMessage("{" + strings.Join(members, ",") + "}")
}

func not(name string, not bool) string {
	if not {
		return "Not" + name
	}
	return name
}

func oneOrList(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	return values
}

func renderPrincipals(principals []string) any {
	byType := map[string][]string{}
	for _, p := range principals {
		kind, value, typed := strings.Cut(p, ":")
		if !typed {
			return "*"
		}
		byType[kind] = append(byType[kind], value)
	}
	return oneOrLists(byType)
}

func oneOrLists(lists map[string][]string) map[string]any {
	m := map[string]any{}
	for key, values := range lists {
		m[key] = oneOrList(values)
	}
	return m
}

// renderConditions groups conditions by operator. Of two with the same operator and key the first counts: one object
// cannot hold both.
func renderConditions(conditions []policy.Condition) json.RawMessage {
	var operators []string
	members := map[string][]string{}
	seen := map[[2]string]bool{}
	for _, c := range conditions {
		if seen[[2]string{c.Operator, strings.ToLower(c.Key)}] {
			continue
		}
		seen[[2]string{c.Operator, strings.ToLower(c.Key)}] = true
		if members[c.Operator] == nil {
			operators = append(operators, c.Operator)
		}
		members[c.Operator] = append(members[c.Operator], string(marshal(c.Key))+":"+string(marshal(oneOrList(c.Values))))
	}
	blocks := make([]string, len(operators))
	for i, operator := range operators {
		blocks[i] = string(marshal(operator)) + ":{" + strings.Join(members[operator], ",") + "}"
	}
	return json.RawMessage("{" + strings.Join(blocks, ",") + "}")
}
