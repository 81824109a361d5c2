package template

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/template/tree"
)

// refName is the name of what {Ref: ID} is among the attributes.
const refName = "Ref"

func (e *evaluator) ref(n *tree.Node, member tree.Member) *tree.Node {
	if !member.Value.Is(tree.String, tree.Number, tree.Bool) {
		e.fault(member.Value.Pos, "Ref has %s, expected the name of a resource or of a parameter", member.Value.Kind)
		return e.failed(n.Pos)
	}
	return e.reference(n.Pos, member.Value.Text)
}

// reference is what a name stands for, nil for nothing: AWS::NoValue.
func (e *evaluator) reference(pos tree.Position, name string) *tree.Node {
	if strings.HasPrefix(name, "AWS::") {
		return e.pseudo(pos, name)
	}
	if p := e.stack.parameters[name]; p != nil {
		if p.value == nil {
			e.fault(p.pos, "the parameter %s is read from SSM, which is not here, and has no value, expected %s", name,
				p.howToGive())
			return e.failed(pos)
		}
		if strings.Contains(p.value.Text, dynamic) {
			return e.text(pos, p.value.Text, madeUp)
		}
		return e.placed(p.value, pos)
	}
	r := e.resource(pos, name)
	if r == nil {
		return e.failed(pos)
	}
	return e.attributeOf(pos, r, refName)
}

// pseudoParameters are AWS's (AWS CloudFormation User Guide, "Pseudo parameters").
var pseudoParameters = []string{
	"AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region", "AWS::StackId",
	"AWS::StackName", "AWS::URLSuffix",
}

func (e *evaluator) pseudo(pos tree.Position, name string) *tree.Node {
	o := e.stack.options
	switch name {
	case "AWS::AccountId":
		return tree.Text(pos, o.Account)
	case "AWS::NoValue":
		return nil
	case "AWS::NotificationARNs":
		return &tree.Node{Pos: pos, Kind: tree.List}
	case "AWS::Partition":
		return tree.Text(pos, arn.PartitionOf(o.Region))
	case "AWS::Region":
		return tree.Text(pos, o.Region)
	case "AWS::StackId":
		sum := sha256.Sum256([]byte(o.Stack))
		id := hex.EncodeToString(sum[:16])
		uuid := id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
		return tree.Text(pos, e.arn("cloudformation", o.Region, o.Account, "stack/"+o.Stack+"/"+uuid))
	case "AWS::StackName":
		return tree.Text(pos, o.Stack)
	case "AWS::URLSuffix":
		if arn.PartitionOf(o.Region) == "aws-cn" {
			return tree.Text(pos, "amazonaws.com.cn")
		}
		return tree.Text(pos, "amazonaws.com")
	}
	e.fault(pos, "there is no pseudo parameter %s%s", quote(name), expected(name, pseudoParameters))
	return e.failed(pos)
}

// arn is one of the partition of the region.
func (e *evaluator) arn(service, region, account, resource string) string {
	partition := arn.PartitionOf(e.stack.options.Region)
	return strings.Join([]string{"arn", partition, service, region, account, resource}, ":")
}

// resource is the one that something refers to, nil if it is not there.
func (e *evaluator) resource(pos tree.Position, id string) *Resource {
	r := e.stack.resources[id]
	switch {
	case e.inCondition:
		e.fault(pos, "a condition refers to %s, which is not a parameter%s", quote(id),
			expected(id, keys(e.stack.parameters)))
	case r == nil && e.isPartial:
	case r == nil:
		names := append(keys(e.stack.resources), keys(e.stack.parameters)...)
		e.fault(pos, "the template has no resource or parameter %s%s", quote(id), expected(id, names))
	case !r.active:
		e.fault(pos, "%s is not made, since its condition %s does not hold", id, r.node.Get("Condition").TextOr(""))
	default:
		if e.uses != nil {
			e.uses[id] = true
		}
		return r
	}
	return nil
}

func (e *evaluator) getAtt(n *tree.Node, member tree.Member) *tree.Node {
	id, attribute := member.Value, (*tree.Node)(nil)
	if id.Is(tree.List) {
		if !e.arguments(member, 2, 2) {
			return e.failed(n.Pos)
		}
		id, attribute = id.Items[0], e.scalar(id.Items[1], "the attribute of Fn::GetAtt")
	} else if before, after, ok := strings.Cut(id.Text, "."); ok {
		id, attribute = tree.Text(id.Pos, before), tree.Text(id.Pos, after)
	}
	if !id.Is(tree.String) || attribute == nil || e.isOpen(attribute) {
		if attribute == nil || !e.isOpen(attribute) {
			e.fault(member.Value.Pos, "Fn::GetAtt has %s, expected RESOURCE.ATTRIBUTE, or a list of the two",
				shown(member.Value))
		}
		return e.failed(n.Pos)
	}
	return e.attribute(n.Pos, id.Text, attribute.Text)
}

// attribute is that of a resource, by its name.
func (e *evaluator) attribute(pos tree.Position, id, name string) *tree.Node {
	r := e.resource(pos, id)
	if r == nil {
		return e.failed(pos)
	}
	return e.attributeOf(pos, r, name)
}

func (e *evaluator) attributeOf(pos tree.Position, r *Resource, name string) *tree.Node {
	if value, ok := e.known[r.ID][name]; ok && value != Unknown {
		return e.text(pos, value, 0)
	}
	if r.kind == nil {
		return e.text(pos, e.placeholder(r, name), madeUp)
	}
	work, ok := r.kind.attributes[name]
	switch {
	case !ok:
		names := r.kind.attributeNames()
		e.fault(pos, "%s, which is of type %s, has no attribute %s%s", r.ID, r.Type, quote(name), expected(name, names))
		return e.failed(pos)
	case work == nil && r.isNotRun:
		return e.text(pos, r.generated(e.stack.Name, maxGenerated)+"-"+name, madeUp)
	case work == nil:
		return e.failed(pos)
	}
	value := work(e, r)
	m := e.marks[value]
	if r.isNotRun {
		m |= madeUp
	}
	return e.text(pos, value.Text, m)
}

// nameOf is the physical name of a resource.
func (e *evaluator) nameOf(r *Resource) *tree.Node {
	switch {
	case r.name != nil:
		return r.name
	case e.names[r.ID] != nil:
		return e.names[r.ID]
	}
	name := (*tree.Node)(nil)
	if r.kind.name != "" {
		if name = e.property(r, r.kind.name); name != nil && !name.Is(tree.String, tree.Number, tree.Bool) {
			name = e.failed(name.Pos)
		}
	}
	if name == nil {
		name = e.text(r.Pos, r.generated(e.stack.Name, cmp.Or(r.kind.limit, maxGenerated)), 0)
	}
	e.names[r.ID] = name
	return name
}

// property works out one property of another resource, nil if it has none. What is wrong is found with that one.
func (e *evaluator) property(r *Resource, name string) *tree.Node {
	if e.naming[r.ID] {
		return e.failed(r.Pos) // a circle, which is found with the order
	}
	e.naming[r.ID] = true
	defer delete(e.naming, r.ID)
	var ignored tree.Faults
	uses, faults := e.uses, e.faults
	e.uses, e.faults = nil, &ignored
	defer func() { e.uses, e.faults = uses, faults }()
	n := r.node.Get("Properties")
	if member, ok := n.Only(); ok && isIntrinsic(member.Name) {
		return e.eval(n).Get(name)
	}
	if n = n.Get(name); n == nil {
		return nil
	}
	return e.eval(n)
}

// hashLength is how many letters tell names apart that are cut to the same text.
const hashLength = 8

// maxGenerated is the limit of names of types without one of their own.
const maxGenerated = 64

// generated is the name of a resource whose name is left open: stack, logical id, and letters that tell it from others
// that are cut to the same. It is the same each time.
func (r *Resource) generated(stack string, limit int) string {
	return generate(stack, r.ID, limit)
}

// GroupName is the name that a stack gives to a group of IAM whose name is left open.
func GroupName(stack, id string) string { return generate(stack, id, maxGroupName) }

func generate(stack, id string, limit int) string {
	sum := sha256.Sum256([]byte(stack + "/" + id))
	hash := base32.StdEncoding.EncodeToString(sum[:])[:hashLength]
	stack = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' {
			return c
		}
		return '-'
	}, stack)
	room := limit - hashLength - 2
	if len(stack)+len(id) > room {
		stack = stack[:min(len(stack), max(room-len(id), room/2))]
		id = id[:min(len(id), room-len(stack))]
	}
	return stack + "-" + id + "-" + hash
}
