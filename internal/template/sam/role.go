package sam

import (
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/template/tree"
)

// role makes the role of a function that has none, and sets the function's Role.
func (r *resource) role(function *tree.Node, documents []*tree.Node, tags *tree.Node) []tree.Member {
	id, pos := r.name.Name+"Role", r.name.Value.Pos
	out, properties := r.make("AWS::IAM::Role", passedAttributes)
	trust := r.get("AssumeRolePolicyDocument")
	if trust == nil {
		trust = tree.Object(pos, "Version", tree.Text(pos, "2012-10-17"), "Statement", list(pos, tree.Object(pos,
			"Action", texts(pos, "sts:AssumeRole"), "Effect", tree.Text(pos, "Allow"),
			"Principal", tree.Object(pos, "Service", texts(pos, "lambda.amazonaws.com")))))
	}
	properties.Set("AssumeRolePolicyDocument", trust)

	p := policies{resource: r, role: id, managed: list(pos), inline: list(pos)}
	basic := "service-role/AWSLambdaBasicExecutionRole"
	if r.has("DurableConfig") != nil {
		basic = "service-role/AWSLambdaBasicDurableExecutionRolePolicy"
	}
	p.attach(tree.Text(pos, r.managedARN(basic)))
	if r.traced() {
		name := "AWSXrayWriteOnlyAccess"
		if r.partition != "aws" {
			name = "AWSXRayDaemonWriteAccess"
		}
		p.attach(tree.Text(pos, r.managedARN(name)))
	}
	if r.has("VpcConfig") != nil {
		p.attach(tree.Text(pos, r.managedARN("service-role/AWSLambdaVPCAccessExecutionRole")))
	}
	if queue := r.has("DeadLetterQueue"); queue != nil {
		action := "sqs:SendMessage"
		if queue.Get("Type").Text == "SNS" {
			action = "sns:Publish"
		}
		p.inline.Items = append(p.inline.Items, tree.Object(queue.Pos,
			"PolicyName", tree.Text(queue.Pos, "DeadLetterQueuePolicy"),
			"PolicyDocument", tree.Object(queue.Pos, "Version", tree.Text(queue.Pos, "2012-10-17"),
				"Statement", list(queue.Pos, tree.Object(queue.Pos, "Action", tree.Text(queue.Pos, action),
					"Resource", queue.Get("TargetArn"), "Effect", tree.Text(queue.Pos, "Allow"))))))
	}
	p.inline.Items = append(p.inline.Items, documents...)
	if value := r.has("Policies"); value != nil {
		items := []*tree.Node{value}
		if value.Is(tree.List) {
			items = value.Items
		}
		for i, item := range items {
			p.add(i, item)
		}
	}
	properties.Set("ManagedPolicyArns", p.managed)
	if len(p.inline.Items) > 0 {
		properties.Set("Policies", p.inline)
	}
	if path := r.get("RolePath"); path != nil {
		properties.Set("Path", path)
	}
	r.copy(properties, "PermissionsBoundary")
	properties.Set("Tags", tags)

	arn := getAtt(pos, id, "Arn")
	role := r.get("Role")
	if role == nil {
		function.Set("Role", arn)
		return []tree.Member{{Name: id, Value: out}}
	}
	parts, isIf := r.ifOf(r.resolve(role))
	if !isIf || parts == nil {
		return nil
	}
	switch condition := parts[0]; {
	case isNoValue(parts[1]) && isNoValue(parts[2]):
		function.Set("Role", arn)
	case !condition.Is(tree.String):
		return nil
	case isNoValue(parts[1]):
		function.Set("Role", ifElse(role.Pos, condition, arn, parts[2]))
		out.Set("Condition", condition)
	case isNoValue(parts[2]):
		function.Set("Role", ifElse(role.Pos, condition, parts[1], arn))
		out.Set("Condition", tree.Text(condition.Pos, "NOT"+condition.Text))
		r.addCondition("NOT"+condition.Text,
			tree.Object(condition.Pos, "Fn::Not", list(condition.Pos, conditionRef(condition))))
	default:
		return nil
	}
	return []tree.Member{{Name: id, Value: out}}
}

// managedARN is the ARN of one of AWS's managed policies, by its path and name.
func (t *transform) managedARN(name string) string {
	return "arn:" + t.partition + ":iam::aws:policy/" + name
}

// policies are those of a role.
type policies struct {
	*resource
	role            string
	managed, inline *tree.Node
}

// The forms of what stands in Policies.
type form int

const (
	unknownForm form = iota
	managedForm
	documentForm
	templateForm
)

// add adds what stands in Policies at an index.
func (p *policies) add(index int, item *tree.Node) {
	invalid := func() {
		p.faults.Add(item.Pos, "an entry of Policies must be the name or the ARN of a managed policy, a policy with a "+
			"Statement, or a policy template of SAM with its parameters")
	}
	document := func(value *tree.Node) *tree.Node {
		return tree.Object(value.Pos, "PolicyName", tree.Text(value.Pos, p.role+"Policy"+strconv.Itoa(index)),
			"PolicyDocument", value)
	}
	parts, isIf := p.ifOf(item)
	if isIf && parts == nil {
		return
	}
	if !isIf {
		switch of, value := p.formOf(item); of {
		case managedForm:
			p.attach(p.named(value))
		case documentForm, templateForm:
			if value = p.expand(of, value); value != nil {
				p.inline.Items = append(p.inline.Items, document(value))
			}
		default:
			if !p.misspelled(item) {
				invalid()
			}
		}
		return
	}
	// Both sides must be of one form, since a managed policy stands elsewhere than a document.
	of, known := unknownForm, false
	for _, side := range parts[1:] {
		if isNoValue(side) {
			continue
		}
		if other, _ := p.formOf(side); known && other != of {
			p.faults.Add(item.Pos, "the two sides of an Fn::If in Policies must both be managed policies, or both "+
				"policies with a Statement, or both policy templates")
			return
		} else {
			of, known = other, true
		}
	}
	sides := make([]*tree.Node, 2)
	for i, side := range parts[1:] {
		switch {
		case isNoValue(side):
			sides[i] = side
		case of == managedForm:
			sides[i] = p.named(side)
		case of == unknownForm:
			if !p.misspelled(side) {
				invalid()
			}
			return
		default:
			if _, nested := p.ifOf(side); nested {
				invalid()
				return
			}
			value := p.expand(of, side)
			if value == nil {
				return
			}
			sides[i] = document(value)
		}
	}
	value := ifElse(item.Pos, parts[0], sides[0], sides[1])
	if of == managedForm || !known {
		p.attach(value)
	} else {
		p.inline.Items = append(p.inline.Items, value)
	}
}

// formOf says what a policy is.
func (p *policies) formOf(item *tree.Node) (form, *tree.Node) {
	only, single := item.Only()
	switch {
	case item.Is(tree.String), isIntrinsic(item):
		return managedForm, item
	case item.Is(tree.Map) && item.Get("Statement") != nil:
		return documentForm, item
	case single && policyTemplates()[only.Name] != nil:
		return templateForm, item
	}
	return unknownForm, item
}

// misspelled adds a fault for an entry that looks like a policy template that SAM does not have.
func (p *policies) misspelled(item *tree.Node) bool {
	only, single := item.Only()
	if !single || !strings.Contains(only.Name, "Policy") {
		return false
	}
	hint := ""
	for name := range policyTemplates() {
		if strings.EqualFold(name, only.Name) {
			hint = "; " + name + " is one"
		}
	}
	p.faults.Add(only.Pos, "%s is no policy template of SAM%s", only.Name, hint)
	return true
}

// expand is the document of a policy, nil if there was a fault.
func (p *policies) expand(of form, item *tree.Node) *tree.Node {
	if of == documentForm {
		return item
	}
	only, _ := item.Only()
	template := policyTemplates()[only.Name]
	var missing []string
	for _, parameter := range template.parameters {
		if only.Value.Get(parameter) == nil {
			missing = append(missing, parameter)
		}
	}
	if len(missing) > 0 {
		p.faults.Add(only.Pos, "%s has no %s, which it needs", only.Name, strings.Join(missing, " and no "))
		return nil
	}
	if !only.Value.Is(tree.Map) {
		p.faults.Add(only.Value.Pos, "%s must be a map of its parameters, which is {} if it has none", only.Name)
		return nil
	}
	return template.document(only.Pos, only.Value)
}

// attach attaches a managed policy, once.
func (p *policies) attach(policy *tree.Node) {
	var text strings.Builder
	writeJSON(&text, policy)
	for _, other := range p.managed.Items {
		var have strings.Builder
		if writeJSON(&have, other); have.String() == text.String() {
			return
		}
	}
	p.managed.Items = append(p.managed.Items, policy)
}

// named is a managed policy with its ARN in place of its name. A name that AWS does not have stays as it is.
func (p *policies) named(policy *tree.Node) *tree.Node {
	if !policy.Is(tree.String) {
		return policy
	}
	if path, ok := managedPolicies()[policy.Text]; ok {
		return tree.Text(policy.Pos, p.managedARN(path))
	}
	return policy
}
