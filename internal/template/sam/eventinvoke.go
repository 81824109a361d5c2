package sam

import (
	"github.com/furl-dev/furl/internal/template/tree"
)

// eventInvoke makes the AWS::Lambda::EventInvokeConfig, the queues and topics that it needs, and the policies that let
// the function send to them.
func (r *resource) eventInvoke(config *tree.Node, alias, aliasName string) (made []tree.Member, policies []*tree.Node) {
	id, pos := r.name.Name+"EventInvokeConfig", config.Pos
	out, properties := r.make("AWS::Lambda::EventInvokeConfig", ownAttributes)
	qualifier := "$LATEST"
	if alias != "" {
		out.Set("DependsOn", texts(pos, alias))
		qualifier = aliasName
	}
	properties.Set("FunctionName", ref(pos, r.name.Name))
	properties.Set("Qualifier", tree.Text(pos, qualifier))
	for _, name := range []string{"MaximumEventAgeInSeconds", "MaximumRetryAttempts"} {
		if value := config.Get(name); value != nil {
			properties.Set(name, value)
		}
	}
	sends := &tree.Node{Pos: pos, Kind: tree.Map}
	if destinations := config.Get("DestinationConfig"); destinations != nil && destinations.Kind != tree.Null {
		if !destinations.Is(tree.Map) || isIntrinsic(destinations) {
			r.faults.Add(destinations.Pos, "DestinationConfig must be a map of OnSuccess and OnFailure")
			return nil, nil
		}
		for _, event := range []string{"OnSuccess", "OnFailure"} {
			if destination := destinations.Get(event); destination != nil && destination.Kind != tree.Null {
				d := destinationOf{r, destination, id + event}
				arn, queue, policy := d.make()
				if arn == nil {
					continue
				}
				sends.Set(event, tree.Object(destination.Pos, "Destination", arn))
				if queue.Value != nil {
					made = append(made, queue)
					if r.parts[r.name.Name] == nil {
						r.parts[r.name.Name] = map[string]string{}
					}
					part := "DestinationQueue"
					if queue.Value.Get("Type").Text == "AWS::SNS::Topic" {
						part = "DestinationTopic"
					}
					r.parts[r.name.Name][part] = queue.Name
				}
				policies = append(policies, policy)
			}
		}
	}
	if len(sends.Members) > 0 {
		properties.Set("DestinationConfig", sends)
	}
	return append(made, tree.Member{Name: id, Value: out}), policies
}

// destinationOf is one destination of an EventInvokeConfig.
type destinationOf struct {
	*resource
	config *tree.Node
	id     string // begins the names of what is made for it
}

// make answers the ARN, the queue or topic if one is made, and the policy. Without an ARN there was a fault.
func (d destinationOf) make() (arn *tree.Node, queue tree.Member, policy *tree.Node) {
	kind := d.config.Get("Type")
	text := ""
	if kind.Is(tree.String) {
		text = kind.Text
	}
	var made, suffix string
	switch text {
	case "SQS":
		made, suffix = "AWS::SQS::Queue", "Queue"
	case "SNS":
		made, suffix = "AWS::SNS::Topic", "Topic"
	case "EventBridge", "Lambda", "S3Bucket":
	default:
		pos := d.config.Pos
		if kind != nil {
			pos = kind.Pos
		}
		d.faults.Add(pos, "Type of a destination must be SQS, SNS, EventBridge, Lambda or S3Bucket")
		return nil, queue, nil
	}
	arn = d.config.Get("Destination")
	if arn != nil && arn.Kind == tree.Null {
		arn = nil
	}
	condition, other := d.condition(arn)
	if arn == nil || condition != "" {
		if made == "" {
			d.faults.Add(d.config.Pos, "a destination of Type %s needs a Destination", text)
			return nil, queue, nil
		}
		out, _ := d.resource.make(made, passedAttributes)
		own := ""
		if value := out.Get("Condition"); value.Is(tree.String) {
			own = value.Text
		}
		if both := d.and(own, condition); both != "" {
			out.Set("Condition", tree.Text(d.config.Pos, both))
		}
		queue = tree.Member{Name: d.id + suffix, Value: out}
		arn = getAtt(d.config.Pos, queue.Name, "Arn")
		if text == "SNS" {
			arn = ref(d.config.Pos, queue.Name)
		}
		if condition != "" {
			arn = ifElse(d.config.Pos, tree.Text(d.config.Pos, condition), arn, other)
		}
	}
	return arn, queue, d.policy(text, arn)
}

// condition is that under which a queue is made for a Destination that is an Fn::If with AWS::NoValue in it, and the
// Destination otherwise. "" means that none is made.
func (d destinationOf) condition(arn *tree.Node) (name string, other *tree.Node) {
	parts, isIf := d.ifOf(arn)
	if !isIf || parts == nil || !parts[0].Is(tree.String) || isNoValue(parts[1]) == isNoValue(parts[2]) {
		return "", nil
	}
	if isNoValue(parts[1]) {
		return parts[0].Text, parts[2]
	}
	config := d.name.Name + "EventInvokeConfig"
	name = "NOT" + parts[0].Text + hash(tree.Text(arn.Pos, config))
	d.addCondition(name, tree.Object(arn.Pos, "Fn::Not", list(arn.Pos, conditionRef(parts[0]))))
	return name, parts[1]
}

// and is the name of a condition that is true if two are, each of which may be missing.
func (d destinationOf) and(own, other string) string {
	if own == "" || other == "" {
		return own + other
	}
	name := own + "AND" + other + hash(tree.Text(d.config.Pos, d.name.Name))
	pos := d.config.Pos
	d.addCondition(name, tree.Object(pos, "Fn::And",
		list(pos, conditionRef(tree.Text(pos, own)), conditionRef(tree.Text(pos, other)))))
	return name
}

func conditionRef(name *tree.Node) *tree.Node { return tree.Object(name.Pos, "Condition", name) }

// addCondition adds a condition to the template.
func (t *transform) addCondition(name string, value *tree.Node) {
	for _, condition := range t.conditions {
		if condition.Name == name {
			return
		}
	}
	t.conditions = append(t.conditions, tree.Member{Name: name, Pos: value.Pos, Value: value})
}

// policy lets the function send to the destination.
func (d destinationOf) policy(kind string, arn *tree.Node) *tree.Node {
	pos := d.config.Pos
	allow := func(action string, resource *tree.Node) *tree.Node {
		return tree.Object(pos, "Action", tree.Text(pos, action), "Effect", tree.Text(pos, "Allow"), "Resource", resource)
	}
	var statements *tree.Node
	switch kind {
	case "SQS":
		statements = list(pos, allow("sqs:SendMessage", arn))
	case "SNS":
		statements = list(pos, allow("sns:publish", arn))
	case "EventBridge":
		statements = list(pos, allow("events:PutEvents", arn))
	case "Lambda":
		statements = list(pos, allow("lambda:InvokeFunction", arn))
	case "S3Bucket":
		objects := tree.Object(pos, "Fn::Join", list(pos, tree.Text(pos, "/"), list(pos, arn, tree.Text(pos, "*"))))
		statements, kind = list(pos, allow("s3:PutObject", objects), allow("s3:ListBucket", arn)), "S3"
	}
	return tree.Object(pos, "PolicyName", tree.Text(pos, d.id+kind+"Policy"),
		"PolicyDocument", tree.Object(pos, "Statement", statements))
}
