package iam

import (
	"crypto/sha256"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl/policy"
)

// AWSPolicy finds one of AWS's managed policies by its ARN.
func AWSPolicy(arn string) (*ManagedPolicy, bool) {
	if !strings.HasPrefix(arn, "arn:aws:iam::aws:policy/") {
		return nil, false
	}
	found, ok := awsPolicies()[arn]
	return found, ok
}

// AWSPolicies yields AWS's managed policies in the order of their ARNs.
func AWSPolicies() iter.Seq[*ManagedPolicy] {
	policies := awsPolicies()
	return func(yield func(*ManagedPolicy) bool) {
		for _, arn := range slices.Sorted(maps.Keys(policies)) {
			if !yield(policies[arn]) {
				return
			}
		}
	}
}

// awsStatement is a statement of one of AWS's policies. All of them allow.
type awsStatement struct {
	Actions   []string
	Resources []string                     // none is "*"
	Condition map[string]map[string]string `json:",omitempty"`
}

// awsTable is AWS's managed policies as furl has them: those that people attach to the roles of functions and to
// those who work on them, with the actions that they are attached for (AWS Managed Policy Reference Guide). They are
// shorter than AWS's own wherever that makes no difference to the services that furl has.
var awsTable = []struct {
	path, name, description string
	statements              []awsStatement
}{
	{"/", "AdministratorAccess", "Provides full access to AWS services and resources.",
		[]awsStatement{{Actions: []string{"*"}}}},
	{"/", "ReadOnlyAccess", "Provides read-only access to AWS services and resources.",
		[]awsStatement{{Actions: append([]string{
			"lambda:Get*", "lambda:List*", "iam:GenerateCredentialReport", "iam:Get*", "iam:List*", "iam:Simulate*",
			"sts:GetAccessKeyInfo", "sts:GetCallerIdentity", "sts:GetSessionToken",
		}, readElsewhere...)}}},
	{"/", "PowerUserAccess", "Provides full access to AWS services and resources, but does not allow management of Users and groups.",
		[]awsStatement{
			{Actions: []string{
				"lambda:*", "sts:*", "apigateway:*", "cloudformation:*", "cloudwatch:*", "dynamodb:*", "ec2:*", "events:*",
				"kinesis:*", "kms:*", "logs:*", "s3:*", "secretsmanager:*", "sns:*", "sqs:*", "ssm:*", "states:*", "xray:*",
			}},
			{Actions: []string{"iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles"}},
		}},
	{"/", "IAMFullAccess", "Provides full access to IAM via the AWS Management Console.",
		[]awsStatement{{Actions: []string{"iam:*"}}}},
	{"/", "IAMReadOnlyAccess", "Provides read only access to IAM via the AWS Management Console.",
		[]awsStatement{{Actions: []string{"iam:GenerateCredentialReport", "iam:GenerateServiceLastAccessedDetails", "iam:Get*", "iam:List*", "iam:Simulate*"}}}},
	{"/", "SecurityAudit", "The security audit template grants access to read security configuration metadata.",
		[]awsStatement{{Actions: append([]string{"lambda:GetAccountSettings", "lambda:GetFunctionConfiguration", "lambda:GetFunctionUrlConfig", "lambda:GetPolicy", "lambda:List*", "iam:Get*", "iam:List*", "iam:Simulate*"}, readElsewhere...)}}},

	{"/", "AWSLambda_FullAccess", "Grants full access to AWS Lambda service, AWS Lambda console features, and other related AWS services.",
		[]awsStatement{
			{Actions: append([]string{"lambda:*", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:ListRoles"}, readElsewhere...)},
			{Actions: []string{"iam:PassRole"}, Condition: map[string]map[string]string{"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}},
		}},
	{"/", "AWSLambda_ReadOnlyAccess", "Grants read-only access to AWS Lambda service, AWS Lambda console features, and other related AWS services.",
		[]awsStatement{{Actions: append([]string{"lambda:Get*", "lambda:List*", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:ListRoles"}, readElsewhere...)}}},
	{"/", "AWSLambdaExecute", "Provides Put, Get access to S3 and full access to CloudWatch Logs.",
		[]awsStatement{
			{Actions: []string{"logs:*"}, Resources: []string{"arn:aws:logs:*:*:*"}},
			{Actions: []string{"s3:GetObject", "s3:PutObject"}, Resources: []string{"arn:aws:s3:::*"}},
		}},
	{"/", "AWSLambdaInvocation-DynamoDB", "Provides read access to DynamoDB Streams.",
		[]awsStatement{
			{Actions: []string{"lambda:InvokeFunction"}},
			{Actions: []string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}},
		}},
	{"/service-role/", "AWSLambdaRole", "Default policy for AWS Lambda service role.",
		[]awsStatement{{Actions: []string{"lambda:InvokeFunction"}}}},
	{"/service-role/", "AWSLambdaBasicExecutionRole", "Provides write permissions to CloudWatch Logs.",
		[]awsStatement{{Actions: writeLogs}}},
	{"/service-role/", "AWSLambdaVPCAccessExecutionRole", "Provides minimum permissions for a Lambda function to execute while accessing a resource within a VPC.",
		[]awsStatement{{Actions: append([]string{"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"}, writeLogs...)}}},
	{"/service-role/", "AWSLambdaENIManagementAccess", "Provides minimum permissions for a Lambda function to manage network interfaces in a VPC.",
		[]awsStatement{{Actions: []string{"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:UnassignPrivateIpAddresses"}}}},
	{"/service-role/", "AWSLambdaDynamoDBExecutionRole", "Provides list and read access to DynamoDB streams and write permissions to CloudWatch Logs.",
		[]awsStatement{{Actions: append([]string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}, writeLogs...)}}},
	{"/service-role/", "AWSLambdaKinesisExecutionRole", "Provides list and read access to Kinesis streams and write permissions to CloudWatch Logs.",
		[]awsStatement{{Actions: append([]string{"kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:ListStreams", "kinesis:SubscribeToShard"}, writeLogs...)}}},
	{"/service-role/", "AWSLambdaSQSQueueExecutionRole", "Provides receive message, delete message, and read attribute access to SQS queues, and write permissions to CloudWatch Logs.",
		[]awsStatement{{Actions: append([]string{"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}, writeLogs...)}}},
	{"/service-role/", "AWSLambdaMSKExecutionRole", "Provides permissions required to access MSK Cluster within a VPC, manage network interfaces and write permissions to CloudWatch Logs.",
		[]awsStatement{{Actions: append([]string{"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"}, writeLogs...)}}},
	{"/", "AWSXRayDaemonWriteAccess", "Allows the AWS X-Ray daemon to relay raw trace segments and to retrieve sampling data.",
		[]awsStatement{{Actions: []string{"xray:GetSamplingRules", "xray:GetSamplingStatisticSummaries", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}}}},
	{"/", "CloudWatchLambdaInsightsExecutionRolePolicy", "Policy required for the Lambda Insights extension.",
		[]awsStatement{{Actions: writeLogs}}},
	{"/", "CloudWatchLogsFullAccess", "Provides full access to CloudWatch Logs.", []awsStatement{{Actions: []string{"logs:*"}}}},
	{"/", "CloudWatchFullAccess", "Provides full access to CloudWatch.", []awsStatement{{Actions: []string{"cloudwatch:*", "logs:*"}}}},
	{"/", "AmazonS3FullAccess", "Provides full access to all buckets.", []awsStatement{{Actions: []string{"s3:*", "s3-object-lambda:*"}}}},
	{"/", "AmazonS3ReadOnlyAccess", "Provides read only access to all buckets.", []awsStatement{{Actions: []string{"s3:Describe*", "s3:Get*", "s3:List*", "s3-object-lambda:Get*", "s3-object-lambda:List*"}}}},
	{"/", "AmazonDynamoDBFullAccess", "Provides full access to Amazon DynamoDB.", []awsStatement{{Actions: []string{"dax:*", "dynamodb:*"}}}},
	{"/", "AmazonDynamoDBReadOnlyAccess", "Provides read only access to Amazon DynamoDB.", []awsStatement{{Actions: []string{"dynamodb:BatchGetItem", "dynamodb:Describe*", "dynamodb:Get*", "dynamodb:List*", "dynamodb:PartiQLSelect", "dynamodb:Query", "dynamodb:Scan"}}}},
	{"/", "AmazonSQSFullAccess", "Provides full access to Amazon SQS.", []awsStatement{{Actions: []string{"sqs:*"}}}},
	{"/", "AmazonSNSFullAccess", "Provides full access to Amazon SNS.", []awsStatement{{Actions: []string{"sns:*"}}}},
	{"/", "AmazonSSMReadOnlyAccess", "Provides read only access to Amazon SSM.", []awsStatement{{Actions: []string{"ssm:Describe*", "ssm:Get*", "ssm:List*"}}}},
	{"/", "SecretsManagerReadWrite", "Provides read/write access to AWS Secrets Manager.", []awsStatement{{Actions: []string{"secretsmanager:*", "lambda:GetFunctionConfiguration", "lambda:InvokeFunction", "lambda:ListFunctions"}}}},
}

// writeLogs is what a function needs to write its log.
var writeLogs = []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}

// readElsewhere is reading in services that furl does not have.
var readElsewhere = []string{"cloudformation:Describe*", "cloudformation:List*", "cloudwatch:Get*", "cloudwatch:List*", "ec2:Describe*", "kms:List*", "logs:Describe*", "logs:Filter*", "logs:Get*", "s3:Get*", "s3:List*", "xray:BatchGetTraces", "xray:Get*"}

// awsCreated is when AWS made its first managed policies.
var awsCreated = time.Date(2015, 2, 6, 18, 39, 46, 0, time.UTC)

// awsPolicies compiles the table on first use.
var awsPolicies = sync.OnceValue(func() map[string]*ManagedPolicy {
	policies := make(map[string]*ManagedPolicy, len(awsTable))
	for _, row := range awsTable {
		made := &ManagedPolicy{Account: AWS, Path: row.path, Name: row.name, Description: row.description, Created: awsCreated}
		made.ID = awsID(made.ARN())
		document, err := ParsePolicy(awsDocument(row.statements), policy.Identity)
		if err != nil {
			panic(row.name + ": " + err.Error()) // a mistake in the table
		}
		made.AddVersion(document, true, awsCreated)
		policies[made.ARN()] = made
	}
	return policies
})

// awsDocument writes the statements as a policy.
func awsDocument(statements []awsStatement) string {
	type statement struct {
		Effect    string
		Action    []string
		Resource  any
		Condition map[string]map[string]string `json:",omitempty"`
	}
	document := struct {
		Version   string
		Statement []statement
	}{Version: "2012-10-17"}
	for _, s := range statements {
		var resource any = "*"
		if len(s.Resources) > 0 {
			resource = s.Resources
		}
		document.Statement = append(document.Statement, statement{"Allow", s.Actions, resource, s.Condition})
	}
	text, err := json.Marshal(document)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(text)
}

// awsID is an id that is the same on every server.
func awsID(arn string) string {
	sum := sha256.Sum256([]byte(arn))
	id, err := NewID(strings.NewReader(string(sum[:])), PrefixPolicy)
	if err != nil {
		panic(err) // 32 bytes are enough
	}
	return id
}
