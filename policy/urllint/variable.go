package urllint

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/furl-dev/furl/policy"
)

// variablesIn returns the insides of the policy variables in a text.
func variablesIn(s string) (list []string) {
	for {
		_, rest, found := strings.Cut(s, "${")
		inside, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return list
		}
		list = append(list, inside)
		s = after
	}
}

// replaceEverywhere returns the statement with a text in its resources and conditions replaced.
func (s *statement) replaceEverywhere(old, new string) policy.Statement {
	return s.changed(func(c *policy.Statement) {
		for i := range c.Resources {
			c.Resources[i] = strings.ReplaceAll(c.Resources[i], old, new)
		}
		for i := range c.Conditions {
			values := append([]string(nil), c.Conditions[i].Values...)
			for j := range values {
				values[j] = strings.ReplaceAll(values[j], old, new)
			}
			c.Conditions[i].Values = values
		}
	})
}

// texts are those of the statement in which variables may stand.
func (s *statement) texts() []string {
	list := s.Resources
	for _, c := range s.Conditions {
		list = append(list[:len(list):len(list)], c.Values...)
	}
	return list
}

// variables finds policy variables in a document whose version has none.
func variables(p *pass) {
	for _, t := range p.texts() {
		if list := variablesIn(t); len(list) > 0 && !p.version2012 {
			p.report("policies of version "+p.ref.Document.Version()+" have no variables, so ${"+list[0]+
				"} stands for these characters",
				`write "Version":"2012-10-17" in the document`)
			p.findings[len(p.findings)-1].Version = "2012-10-17"
			return
		}
	}
}

// missingVersion finds documents without a Version, and says so of the first statement that is about functions.
func missingVersion(p *pass) {
	var document struct{ Version *string }
	_ = json.Unmarshal([]byte(p.ref.Document.Source()), &document) // it has been read before
	if strings.Contains(p.ref.Document.Source(), "${") {
		return // which would become a variable
	}
	said := func(f Finding) bool { return f.Document == p.ref.Document && f.Version != "" }
	if document.Version == nil && !slices.ContainsFunc(p.findings, said) {
		p.report("the policy has no Version, which means 2008-10-17", `write "Version":"2012-10-17" in the document`)
		p.findings[len(p.findings)-1].Version = "2012-10-17"
	}
}

// unknownVariables finds policy variables that are no condition keys.
func unknownVariables(p *pass) {
	for _, t := range p.texts() {
		for _, inside := range variablesIn(t) {
			name, fallback, _ := strings.Cut(inside, ",")
			if !p.version2012 || len(inside) == 1 || knownKey(name) != nil || !isGlobal(strings.ToLower(serviceOf(name)), true) {
				continue
			}
			if near := nearestKey(name); near != "" && fallback == "" {
				p.report("${"+name+"} is no condition key, so it never has a value; did you mean ${"+near+"}?", "write ${"+near+"}",
					p.replaceEverywhere("${"+inside+"}", "${"+near+"}"))
				continue
			}
			p.report("${"+name+"} is no condition key that furl knows, so it never has a value",
				"remove the statement, or write the name of a key")
		}
	}
}

// emptyBlock finds a Condition without operators, and operators without keys.
func emptyBlock(p *pass) {
	var raw struct {
		Condition map[string]map[string]json.RawMessage
	}
	_ = json.Unmarshal(p.JSON, &raw) // it has been read before
	empty := raw.Condition != nil && len(raw.Condition) == 0
	for _, keys := range raw.Condition {
		empty = empty || len(keys) == 0
	}
	if empty {
		p.report("the condition, or one of its operators, is empty, and limits nothing", "remove it", p.limited(p.Statement))
	}
}

// emptySid finds a Sid without text.
func emptySid(p *pass) {
	var raw struct{ Sid *string }
	_ = json.Unmarshal(p.JSON, &raw) // it has been read before
	if raw.Sid != nil && *raw.Sid == "" {
		p.report("the Sid is empty", "write one, or leave it out", p.Statement)
	}
}
