//go:build unix

package controlplane_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/iamapi"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/controlplane/stsapi"
	"github.com/furl-dev/furl/sigv4"
)

const (
	json10  = "application/x-amz-json-1.0"
	json11  = "application/x-amz-json-1.1"
	form    = "application/x-www-form-urlencoded"
	unknown = `{"__type":"UnsupportedOperationException","message":"furl does not have the service `
)

// Requests to services that furl does not have are told so in their own protocols, no matter who signs them.
// The forms of requests and errors are those of the SDKs, as botocore 1.44.8 sends and parses them.
func TestServicesThatFurlDoesNotHave(t *testing.T) {
	s := planetest.New(t, lambdaAPI(t), iamapi.New(iamapi.Config{Random: rand.Reader}), stsapi.New(stsapi.Config{}))
	forged := sigv4.Credentials{AccessKeyID: "AKIAFROMREALAWS00000", Secret: sigv4.NewSecret("forged")}
	nobody := sigv4.Credentials{}
	cbor := func(message string) string {
		return "\xa2\x79\x00\x06__type\x79\x00\x1dUnsupportedOperationException\x79\x00\x07message\x79\x00" +
			string([]byte{byte(len(message))}) + message
	}
	const ec2 = "<Response><Errors><Error><Code>UnsupportedOperation</Code><Message>furl does not have the service "
	for _, test := range []struct {
		name, service  string
		who            sigv4.Credentials
		method, target string
		header         string // NAME: VALUE, several with | between
		body           string
		status         int
		contentType    string
		start, has     string // of the body
	}{
		{
			"json 1.1", "ssm", forged, "POST", "/", "Content-Type: " + json11 + "|X-Amz-Target: AmazonSSM.GetParameter", `{"Name":"x"}`,
			400, json11, unknown + "SSM, only Lambda, IAM, STS: ", "set AWS_ENDPOINT_URL_SSM to the endpoint of a server " +
				"that has it, for all functions with furl dev or furl serve --endpoint ssm=URL.",
		},
		{
			"json 1.0", "dynamodb", forged, "POST", "/", "Content-Type: " + json10 + "|X-Amz-Target: DynamoDB_20120810.ListTables", `{}`,
			400, json10, unknown + "DynamoDB, ", "AWS_ENDPOINT_URL_DYNAMODB ",
		},
		{
			"one of two with a signing name", "dynamodb", forged, "POST", "/",
			"Content-Type: " + json10 + "|X-Amz-Target: DynamoDBStreams_20120810.ListStreams", `{}`,
			400, json10, unknown + "DynamoDB Streams, ", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS ",
		},
		{
			"not signed", "", nobody, "POST", "/", "Content-Type: " + json10 + "|X-Amz-Target: AmazonSQS.ListQueues", `{}`,
			400, json10, unknown + "SQS, ", "AWS_ENDPOINT_URL_SQS ",
		},
		{
			"signed for another", "lambda", forged, "POST", "/", "Content-Type: " + json11 + "|X-Amz-Target: TrentService.ListKeys", `{}`,
			400, json11, unknown + "KMS, ", "AWS_ENDPOINT_URL_KMS ",
		},
		{
			"query", "cloudformation", forged, "POST", "/", "Content-Type: " + form, "Action=DescribeStacks&Version=2010-05-15",
			400, "text/xml", `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
				`<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>` +
				`<Code>UnsupportedOperation</Code><Message>furl does not have the service CloudFormation, `,
			"AWS_ENDPOINT_URL_CLOUDFORMATION ",
		},
		{
			"query by its version", "elasticloadbalancing", forged, "GET",
			"/?Action=DescribeLoadBalancers&Version=2012-06-01", "", "",
			400, "text/xml", "<?xml", "does not have the service Elastic Load Balancing, only",
		},
		{
			"query that is not signed", "", nobody, "POST", "/", "Content-Type: " + form, "Action=Publish&Version=2010-03-31",
			400, "text/xml", "<?xml", "AWS_ENDPOINT_URL_SNS ",
		},
		{
			"several", "rds", forged, "POST", "/", "Content-Type: " + form, "Action=DescribeDBInstances&Version=2014-10-31",
			400, "text/xml", "<?xml", "set AWS_ENDPOINT_URL_DOCDB or AWS_ENDPOINT_URL_NEPTUNE or AWS_ENDPOINT_URL_RDS to",
		},
		{
			"ec2", "ec2", forged, "POST", "/", "Content-Type: " + form, "Action=DescribeInstances&Version=2016-11-15",
			400, "text/xml", `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + ec2 + "EC2, ", "</Error></Errors><RequestID>",
		},
		{
			"rest-xml of S3", "s3", forged, "PUT", "/my-bucket/a%2Fb", "", "content", 501, "application/xml",
			`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>NotImplemented</Code><Message>furl does not have the service S3, ",
			"AWS_ENDPOINT_URL_S3 ",
		},
		{"buckets", "s3", forged, "GET", "/", "", "", 501, "application/xml", "<?xml", "AWS_ENDPOINT_URL_S3 "},
		{"a bucket with a directory", "s3express", forged, "GET", "/b?session", "", "", 501, "application/xml", "<?xml", "_S3 "},
		{
			"version 2 of the signature", "", nobody, "GET", "/b/k?AWSAccessKeyId=AKIA&Expires=1&Signature=x", "", "",
			501, "application/xml", "<?xml", "AWS_ENDPOINT_URL_S3 ",
		},
		{
			"presigned", "", nobody, "GET", "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20261123%2Fus-east-1%2Fs3" +
				"%2Faws4_request&X-Amz-Date=20261123T152650Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00", "", "",
			501, "application/xml", "<?xml", "AWS_ENDPOINT_URL_S3 ",
		},
		{
			"the CBOR of old SDKs", "kinesis", forged, "POST", "/",
			"Content-Type: application/x-amz-cbor-1.1|X-Amz-Target: Kinesis_20131202.ListStreams", "\xa0",
			400, "application/x-amz-cbor-1.1", "\xa2\x79\x00\x06__type", "AWS_ENDPOINT_URL_KINESIS ",
		},
		{
			"version 4A", "", nobody, "GET", "/b/k",
			"Authorization: AWS4-ECDSA-P256-SHA256 Credential=AKIA/20261123/s3/aws4_request, SignedHeaders=host, Signature=00", "",
			501, "application/xml", "<?xml", "AWS_ENDPOINT_URL_S3 ",
		},
		{
			"rest-xml", "cloudfront", forged, "GET", "/2020-05-31/distribution", "", "",
			400, "text/xml", "<?xml", "<Code>UnsupportedOperation</Code><Message>furl does not have the service CloudFront, ",
		},
		{"rest-xml of S3 Control", "s3", forged, "GET", "/v20180820/accesspoint", "", "", 400, "text/xml", "<?xml", "_S3_CONTROL "},
		{
			"rest-json", "apigateway", forged, "GET", "/restapis", "", "", 400, "application/json",
			unknown + "API Gateway, ", "AWS_ENDPOINT_URL_API_GATEWAY ",
		},
		{"its next version", "apigateway", forged, "GET", "/v2/apis", "", "", 400, "application/json", unknown + "ApiGatewayV2, ", "_APIGATEWAYV2 "},
		{
			"lambda-web", "lambda", forged, "GET", "/2025-03-07/web-functions", "", "", 400, "application/json",
			unknown + "Lambda Web, ", "AWS_ENDPOINT_URL_LAMBDA_WEB ",
		},
		{"lambda-core", "lambda", forged, "GET", "/2026-10-01/x", "", "", 400, "application/json", unknown + "Lambda Core, ", "_LAMBDA_CORE "},
		{
			"rpc-v2-cbor", "monitoring", forged, "POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics",
			"Content-Type: application/cbor|Smithy-Protocol: rpc-v2-cbor", "\xa0", 400, "application/cbor",
			cbor("furl does not have the service CloudWatch, only Lambda, IAM, STS: set AWS_ENDPOINT_URL_CLOUDWATCH to the endpoint of a server that has it, " +
				"for all functions with furl dev or furl serve --endpoint cloudwatch=URL."),
			"",
		},
		{"newer than the list", "brandnew", forged, "GET", "/x", "", "", 400, "application/json", unknown + "brandnew, ", "_BRANDNEW "},
		{"newer, query", "brandnew", forged, "GET", "/?Action=A&Version=2030-01-01", "", "", 400, "text/xml", "<?xml", "_BRANDNEW "},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := s.Request(t, test.method, test.target, test.body)
			for _, header := range strings.Split(test.header, "|") {
				if name, value, ok := strings.Cut(header, ": "); ok {
					request.Header.Set(name, value)
				}
			}
			answer := s.Send(t, request, test.body, test.who, test.service)
			if answer.Status != test.status || answer.Header.Get("Content-Type") != test.contentType ||
				!strings.HasPrefix(answer.Body, test.start) || !strings.Contains(answer.Body, test.has) {
				t.Errorf("got %d %s\n%q", answer.Status, answer.Header.Get("Content-Type"), answer.Body)
			}
			report := s.Refused()
			if report.RequestID != answer.Header.Get("X-Amzn-Requestid") || !strings.Contains(report.Reason(), "furl does not have the service ") {
				t.Errorf("the trace says %+v", report)
			}
		})
	}
}

// The answer to HEAD has no body, and a status that no SDK tries again.
func TestHeadOfAnotherServiceHasNoBody(t *testing.T) {
	s := planetest.New(t, lambdaAPI(t))
	answer := s.Send(t, s.Request(t, http.MethodHead, "/my-bucket", ""), "", s.Root(planetest.Account), "s3")
	if answer.Status != http.StatusNotImplemented || answer.Body != "" || answer.Header.Get("X-Amz-Request-Id") == "" {
		t.Errorf("got %d %q %v", answer.Status, answer.Body, answer.Header)
	}
}

// Services that had the Query protocol before expect its code in a header (botocore, parsers.py).
func TestQueryModeOfOtherServices(t *testing.T) {
	s := planetest.New(t, lambdaAPI(t))
	request := s.Request(t, "POST", "/", "{}")
	request.Header.Set("Content-Type", json10)
	request.Header.Set("X-Amz-Target", "AmazonSQS.ListQueues")
	request.Header.Set("X-Amzn-Query-Mode", "true")
	answer := s.Send(t, request, "{}", s.Root(planetest.Account), "sqs")
	if got := answer.Header.Get("X-Amzn-Query-Error"); got != "UnsupportedOperationException;Sender" {
		t.Errorf("the header is %q", got)
	}
}

// A request for an operation of an API that furl has is that API's, whatever service it was signed for: AWS's endpoint
// of the API refuses the scope.
func TestOperationsOfFurlSignedForAnotherService(t *testing.T) {
	s := planetest.New(t, lambdaAPI(t), iamapi.New(iamapi.Config{Random: rand.Reader}), stsapi.New(stsapi.Config{}))
	for _, test := range []struct{ service, target, want string }{
		{"execute-api", "/2015-03-31/functions/", "Credential should be scoped to correct service: 'lambda'."},
		{"s3", "/2015-03-31/functions/web", "Credential should be scoped to correct service: 'lambda'."},
		{"ec2", "/?Action=GetCallerIdentity&Version=2011-06-15", "Credential should be scoped to correct service: 'sts'."},
		{"sns", "/?Action=ListUsers&Version=2010-05-08", "Credential should be scoped to correct service: 'iam'."},
	} {
		answer := s.Send(t, s.Request(t, "GET", test.target, ""), "", s.Root(planetest.Account), test.service)
		if answer.Status != http.StatusForbidden || !strings.Contains(answer.Body, test.want) {
			t.Errorf("%s %s: %d %s", test.service, test.target, answer.Status, answer.Body)
		}
	}
}

// Operations that no model of furl has may be newer than the model: nobody is told that AWS lacks them.
func TestOperationsThatAreNewerThanTheModel(t *testing.T) {
	s := planetest.New(t, lambdaAPI(t), iamapi.New(iamapi.Config{Random: rand.Reader}), stsapi.New(stsapi.Config{}))
	for _, test := range []struct{ service, method, target, want string }{
		{"lambda", "POST", "/2031-01-01/functions/web/dream", "404 UnknownOperationException: furl knows no Lambda operation POST /2031-01-01/functions/web/dream"},
		{"iam", "GET", "/?Action=Dream&Version=2010-05-08", "400 : Could not find operation Dream for version 2010-05-08"},
		{"sts", "GET", "/?Action=Dream&Version=2011-06-15", "400 : Could not find operation Dream for version 2011-06-15"},
		{"sts", "GET", "/?Action=GetCallerIdentity&Version=2031-06-15", "400 : Could not find operation GetCallerIdentity for version 2031-06-15"},
	} {
		answer := s.Send(t, s.Request(t, test.method, test.target, ""), "", s.Root(planetest.Account), test.service)
		_, text, ok := strings.Cut(answer.Body, `essage":"`)
		if !ok {
			_, text, _ = strings.Cut(answer.Body, "<Message>")
		}
		got := fmt.Sprintf("%d %s: %s", answer.Status, answer.Header.Get("X-Amzn-Errortype"), text)
		if !strings.HasPrefix(got, test.want) || !strings.Contains(got, "botocore 1.44.8") || !strings.Contains(got, "AWS may have it") {
			t.Errorf("%s %s: %s", test.method, test.target, got)
		}
	}
}

// The names are those of the SDKs' own lists of AWS_ENDPOINT_URL_ variables (AWS SDKs and Tools Reference Guide,
// "Service-specific endpoints").
func TestEndpointVariables(t *testing.T) {
	for name, want := range map[string][]string{
		"dynamodb": {"AWS_ENDPOINT_URL_DYNAMODB"}, "DynamoDB": {"AWS_ENDPOINT_URL_DYNAMODB"},
		"AWS_ENDPOINT_URL_DYNAMODB": {"AWS_ENDPOINT_URL_DYNAMODB"}, "dynamodb_streams": {"AWS_ENDPOINT_URL_DYNAMODB_STREAMS"},
		"s3": {"AWS_ENDPOINT_URL_S3"}, "sqs": {"AWS_ENDPOINT_URL_SQS"}, "SNS": {"AWS_ENDPOINT_URL_SNS"},
		"secrets_manager": {"AWS_ENDPOINT_URL_SECRETS_MANAGER"}, "secretsmanager": {"AWS_ENDPOINT_URL_SECRETS_MANAGER"},
		"secrets-manager": {"AWS_ENDPOINT_URL_SECRETS_MANAGER"}, "Secrets Manager": {"AWS_ENDPOINT_URL_SECRETS_MANAGER"},
		"eventbridge": {"AWS_ENDPOINT_URL_EVENTBRIDGE"}, "cloudwatch_logs": {"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"},
		"logs": {"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"}, "states": {"AWS_ENDPOINT_URL_SFN"}, "sfn": {"AWS_ENDPOINT_URL_SFN"},
		"apigatewaymanagementapi": {"AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"}, "ssm": {"AWS_ENDPOINT_URL_SSM"},
	} {
		got, err := controlplane.EndpointVariables(name)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	for name, want := range map[string]string{
		"": `AWS has no service ""`, "dynamo": `AWS has no service "dynamo": name it as in AWS_ENDPOINT_URL_SERVICE, such as dynamodb`,
		"lambda": "furl has the service Lambda itself", "STS": "furl has the service STS itself", "=": "AWS has no service",
	} {
		if got, err := controlplane.EndpointVariables(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want %s", name, got, err, want)
		}
	}
}
