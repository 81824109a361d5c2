package sam

import (
	_ "embed" // for the two texts
	"slices"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/template/tree"
)

// policyTemplatesText is what SAM's policy templates allow, written by tools/sampolicy. A line without an indent is the
// name of a template and its parameters; below it stand its statements: "allow" and the actions, "on" and a resource,
// "if" with an operator, a key and a value. A ${parameter} in a value is written with the letters that SAM writes it
// with, which are those of the parameter but for their case.
//
//go:embed policytemplates.txt
var policyTemplatesText string

// managedPoliciesText are AWS's managed policies by path and name, a line each, written by tools/sampolicy.
//
//go:embed managedpolicies.txt
var managedPoliciesText string

// managedPolicies are AWS's managed policies: path and name by name.
var managedPolicies = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for line := range lines(managedPoliciesText) {
		all[line[strings.LastIndexByte(line, '/')+1:]] = line
	}
	return all
})

// lines yields the lines of a data file without its comments.
func lines(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\n"); line != "" && !strings.HasPrefix(line, "#") && !yield(line) {
				return
			}
		}
	}
}

// policyTemplate is one of SAM's policy templates.
type policyTemplate struct {
	parameters []string
	statements []statement
}

type statement struct {
	actions, resources, condition []string
}

// policyTemplates are SAM's policy templates by name.
var policyTemplates = sync.OnceValue(func() map[string]*policyTemplate {
	all := map[string]*policyTemplate{}
	var current *policyTemplate
	for line := range lines(policyTemplatesText) {
		words := strings.Fields(line)
		if line[0] != ' ' {
			current = &policyTemplate{parameters: words[1:]}
			all[words[0]] = current
			continue
		}
		if words[0] == "allow" {
			current.statements = append(current.statements, statement{actions: words[1:]})
			continue
		}
		last := &current.statements[len(current.statements)-1]
		switch words[0] {
		case "on":
			last.resources = append(last.resources, words[1])
		case "if":
			last.condition = words[1:]
		}
	}
	return all
})

// document is the policy with values for the parameters.
func (p *policyTemplate) document(pos tree.Position, values *tree.Node) *tree.Node {
	statements := list(pos)
	for _, s := range p.statements {
		resources := list(pos)
		for _, resource := range s.resources {
			resources.Items = append(resources.Items, p.value(pos, resource, values))
		}
		out := tree.Object(pos, "Effect", tree.Text(pos, "Allow"), "Action", texts(pos, s.actions...), "Resource", resources)
		if len(resources.Items) == 1 {
			out.Set("Resource", resources.Items[0])
		}
		if len(s.condition) == 3 {
			out.Set("Condition", tree.Object(pos, s.condition[0],
				tree.Object(pos, s.condition[1], p.value(pos, s.condition[2], values))))
		}
		statements.Items = append(statements.Items, out)
	}
	return tree.Object(pos, "Statement", statements)
}

// value is a value of a statement: an Fn::Sub if there is something to put in.
func (p *policyTemplate) value(pos tree.Position, text string, values *tree.Node) *tree.Node {
	if !strings.Contains(text, "${") {
		return tree.Text(pos, text)
	}
	variables := &tree.Node{Pos: pos, Kind: tree.Map}
	substitute(text, func(name string) (string, bool) {
		same := func(parameter string) bool { return strings.EqualFold(parameter, name) }
		if i := slices.IndexFunc(p.parameters, same); i >= 0 {
			variables.Set(name, values.Get(p.parameters[i]))
		}
		return "", false
	})
	if len(variables.Members) == 0 {
		return tree.Object(pos, "Fn::Sub", tree.Text(pos, text))
	}
	return tree.Object(pos, "Fn::Sub", list(pos, tree.Text(pos, text), variables))
}
