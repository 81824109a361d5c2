package snippet

import "github.com/furl-dev/furl/internal/lambda"

// ResourcePolicy is the whole resource-based policy of a function or alias.
type ResourcePolicy struct {
	Function lambda.ARN // with the alias
	Document string     // IAM JSON
}

var _ Part = ResourcePolicy{}

// As writes the policy in the form.
func (p ResourcePolicy) As(form Form) string {
	switch form {
	case JSON:
		return p.Document
	case CloudFormation, SAM:
		return p.resource(logicalID(p.Function.Name+"-policy"), "", p.Function.String())
	case CDK:
		return p.construct("this", logicalID(p.Function.Name+"-policy"))
	case Terraform:
		return p.block(underscored(p.Function.Name))
	default:
		function := p.Function
		return PutResourcePolicy(function, p.Document, "")
	}
}

// resource is the policy as a resource of CloudFormation. arn is the ARN as YAML.
func (p ResourcePolicy) resource(id, condition, arn string) string {
	return resource(id, "Lambda::ResourcePolicy", condition, []member{
		{"ResourceArn", arn, word}, {"PolicyDocument", indented(p.Document, "      "), raw},
	})
}

// construct is the policy as a construct of the CDK.
func (p ResourcePolicy) construct(stack, id string) string {
	return construct("lambda.CfnResourcePolicy", stack, id, []member{
		{"ResourceArn", p.Function.String(), text}, {"PolicyDocument", indented(p.Document, "  "), raw},
	})
}

// block is the policy as a resource of Terraform (hashicorp/terraform-provider-aws#49866).
func (p ResourcePolicy) block(name string) string {
	document := escapeTemplate(spaceColons(indented(p.Document, "  ")))
	return block("aws_lambda_resource_policy", name, []member{
		{"resource_arn", p.Function.String(), text}, {"policy", "jsonencode(" + document + ")", raw},
	})
}

// PutResourcePolicy is the AWS CLI's command that replaces the policy of a function or alias, or for "" deletes it: if it
// has the revision, unless that is "".
func PutResourcePolicy(function lambda.ARN, document, revision string) string {
	words := []string{"aws", "lambda", "put-resource-policy"}
	if document == "" {
		words[2] = "delete-resource-policy"
	}
	if function.Region != "" {
		words = append(words, "--region", function.Region)
	}
	words = append(words, "--resource-arn", function.String())
	if document != "" {
		words = append(words, "--policy", document)
	}
	if revision != "" {
		words = append(words, "--revision-id", revision)
	}
	return command(words...)
}
