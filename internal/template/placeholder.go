package template

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// placeholder says what Ref and attributes are of a type that furl does not run. In these texts REGION, ACCOUNT, SUFFIX
// and NAME stand for themselves, arn: begins with the partition, and ID is a text of hexadecimal digits.
type placeholder struct {
	name       string // the property with the physical name
	ref        string // "" is NAME
	arn        string
	attributes map[string]string
}

// placeholders are the types whose ARNs policies and permissions name (Service Authorization Reference; AWS
// CloudFormation User Guide, "Return values" of each type).
func placeholderOf(kind string) placeholder {
	switch kind {
	case "AWS::S3::Bucket":
		return placeholder{"BucketName", "", "arn:s3:::NAME", map[string]string{
			"DomainName": "NAME.s3.SUFFIX", "RegionalDomainName": "NAME.s3.REGION.SUFFIX",
			"WebsiteURL": "http://NAME.s3-website-REGION.SUFFIX",
		}}
	case "AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::Serverless::SimpleTable":
		return placeholder{"TableName", "", "arn:dynamodb:REGION:ACCOUNT:table/NAME", map[string]string{
			"StreamArn": "arn:dynamodb:REGION:ACCOUNT:table/NAME/stream/2026-01-01T00:00:00.000",
		}}
	case "AWS::SQS::Queue":
		return placeholder{"QueueName", "https://sqs.REGION.SUFFIX/ACCOUNT/NAME", "arn:sqs:REGION:ACCOUNT:NAME",
			map[string]string{"QueueName": "NAME", "QueueUrl": "https://sqs.REGION.SUFFIX/ACCOUNT/NAME"}}
	case "AWS::SNS::Topic":
		const topic = "arn:sns:REGION:ACCOUNT:NAME"
		return placeholder{"TopicName", topic, topic, map[string]string{"TopicArn": topic, "TopicName": "NAME"}}
	case "AWS::SecretsManager::Secret":
		const secret = "arn:secretsmanager:REGION:ACCOUNT:secret:NAME-SIX"
		return placeholder{"Name", secret, secret, map[string]string{"Id": secret}}
	case "AWS::SSM::Parameter":
		return placeholder{"Name", "", "arn:ssm:REGION:ACCOUNT:parameter/NAME", nil}
	case "AWS::KMS::Key":
		return placeholder{"", "UUID", "arn:kms:REGION:ACCOUNT:key/UUID", map[string]string{"KeyId": "UUID"}}
	case "AWS::Logs::LogGroup":
		return placeholder{"LogGroupName", "", "arn:logs:REGION:ACCOUNT:log-group:NAME:*", nil}
	case "AWS::CloudFront::Distribution":
		return placeholder{"", "EUPPER", "arn:cloudfront::ACCOUNT:distribution/EUPPER", map[string]string{
			"Id": "EUPPER", "DomainName": "dID.cloudfront.net",
		}}
	case "AWS::CloudFront::OriginAccessControl":
		return placeholder{"", "EUPPER", "arn:cloudfront::ACCOUNT:origin-access-control/EUPPER",
			map[string]string{"Id": "EUPPER"}}
	case "AWS::Events::Rule":
		return placeholder{"Name", "", "arn:events:REGION:ACCOUNT:rule/NAME", nil}
	case "AWS::Events::EventBus":
		return placeholder{"Name", "", "arn:events:REGION:ACCOUNT:event-bus/NAME", map[string]string{"Name": "NAME"}}
	case "AWS::Kinesis::Stream":
		return placeholder{"Name", "", "arn:kinesis:REGION:ACCOUNT:stream/NAME", nil}
	case "AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine":
		const machine = "arn:states:REGION:ACCOUNT:stateMachine:NAME"
		name := "StateMachineName"
		if strings.HasPrefix(kind, "AWS::Serverless") {
			name = "Name"
		}
		return placeholder{name, machine, machine, map[string]string{"Name": "NAME"}}
	case "AWS::Cognito::UserPool":
		return placeholder{"", "REGION_SHORT", "arn:cognito-idp:REGION:ACCOUNT:userpool/REGION_SHORT", map[string]string{
			"UserPoolId": "REGION_SHORT", "ProviderName": "cognito-idp.REGION.SUFFIX/REGION_SHORT",
			"ProviderURL": "https://cognito-idp.REGION.SUFFIX/REGION_SHORT",
		}}
	case "AWS::IAM::OIDCProvider":
		const provider = "arn:iam::ACCOUNT:oidc-provider/NAME"
		return placeholder{"Url", provider, provider, nil}
	case "AWS::IAM::SAMLProvider":
		const provider = "arn:iam::ACCOUNT:saml-provider/NAME"
		return placeholder{"Name", provider, provider, nil}
	case "AWS::IAM::InstanceProfile":
		return placeholder{"InstanceProfileName", "", "arn:iam::ACCOUNT:instance-profile/NAME", nil}
	case "AWS::ApiGatewayV2::Api", "AWS::Serverless::HttpApi":
		return placeholder{"", "SHORT", "arn:apigateway:REGION::/apis/SHORT", map[string]string{
			"ApiId": "SHORT", "ApiEndpoint": "https://SHORT.execute-api.REGION.SUFFIX",
		}}
	case "AWS::EC2::SecurityGroup":
		return placeholder{"", "sg-ID", "arn:ec2:REGION:ACCOUNT:security-group/sg-ID", map[string]string{"GroupId": "sg-ID"}}
	case "AWS::EC2::VPC":
		return placeholder{"", "vpc-ID", "arn:ec2:REGION:ACCOUNT:vpc/vpc-ID", map[string]string{"VpcId": "vpc-ID"}}
	case "AWS::EC2::Subnet":
		return placeholder{"", "subnet-ID", "arn:ec2:REGION:ACCOUNT:subnet/subnet-ID",
			map[string]string{"SubnetId": "subnet-ID"}}
	}
	return placeholder{arn: "arn:" + serviceOf(kind) + ":REGION:ACCOUNT:NAME"}
}

// serviceOf is the service of a type in ARNs, as it mostly is.
func serviceOf(kind string) string {
	parts := strings.Split(kind, "::")
	if parts[0] == "AWS" && len(parts) > 1 {
		return strings.ToLower(parts[1])
	}
	return "cloudformation"
}

// placeholder is an attribute of a resource that is not run: of a plausible form where that is well known, and a name.
func (e *evaluator) placeholder(r *Resource, attribute string) string {
	p := placeholderOf(r.Type)
	name := r.generated(e.stack.Name, maxGenerated)
	if r.Type == "AWS::S3::Bucket" {
		name = strings.ToLower(name)
	}
	if p.name != "" {
		if value := e.property(r, p.name); value != nil && !e.isOpen(value) && value.Text != "" {
			name = strings.TrimPrefix(value.Text, "https://") // of an OIDC provider
		}
	}
	form := name + "-" + attribute
	switch known, ok := p.attributes[attribute]; {
	case ok:
		form = known
	case attribute == refName && p.ref != "":
		form = p.ref
	case attribute == refName:
		return name
	case attribute == "Arn" && p.arn != "":
		form = p.arn
	default:
		return form
	}
	sum := sha256.Sum256([]byte(e.stack.Name + "/" + r.ID))
	id := hex.EncodeToString(sum[:])
	letters := base32.StdEncoding.EncodeToString(sum[:])
	o := e.stack.options
	prefix := strings.TrimSuffix(e.arn("", "", "", ""), "::::")
	if rest, ok := strings.CutPrefix(form, "arn:"); ok {
		form = prefix + ":" + rest
	}
	return strings.NewReplacer("REGION", o.Region, "ACCOUNT", o.Account, "SUFFIX", e.pseudo(r.Pos, "AWS::URLSuffix").Text,
		"NAME", name, "UUID", id[:8]+"-"+id[8:12]+"-4"+id[13:16]+"-a"+id[17:20]+"-"+id[20:32], "UPPER", letters[:13],
		"SHORT", letters[:9], "SIX", letters[:6], "ID", id[:17]).Replace(form)
}
