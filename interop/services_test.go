//go:build unix

package interop_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestOtherServices calls all services of AWS with boto3, which must read in the error what furl does not have.
func TestOtherServices(t *testing.T) {
	need(t, "python")
	s := startServer(t)
	env := append(s.env(), "HTTPS_PROXY=http://127.0.0.1:1") // nothing leaves this machine
	done := run(t, env, nil, python(t), "python/services.py")
	if done.code != 0 {
		t.Fatalf("exit %d: %s", done.code, done.stderr)
	}
	services, skipped := 0, 0
	for decoder := json.NewDecoder(strings.NewReader(done.stdout)); decoder.More(); services++ {
		var c struct{ Name, Error string }
		if err := decoder.Decode(&c); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(c.Error, "skipped: ") {
			skipped++
		} else if c.Error != "" {
			t.Errorf("%s: %s", c.Name, c.Error)
		}
	}
	const atLeast, mostSkipped = 400, 5
	if services < atLeast || skipped > mostSkipped {
		t.Errorf("%d services were called, and %d were skipped", services, skipped)
	}
}

// TestOtherServicesWithTheCLI types what users type next after aws lambda create-function.
func TestOtherServicesWithTheCLI(t *testing.T) {
	need(t, "python")
	s := startServer(t)
	for _, test := range []struct{ service, variable, arguments string }{
		{"S3", "S3", "s3 ls"},
		{"S3", "S3", "s3api create-bucket --bucket my-bucket"},
		{"SSM", "SSM", "ssm get-parameter --name x"},
		{"DynamoDB", "DYNAMODB", "dynamodb list-tables"},
		{"CloudFormation", "CLOUDFORMATION", "cloudformation describe-stacks"},
		{"CloudWatch", "CLOUDWATCH", "cloudwatch list-metrics"},
		{"API Gateway", "API_GATEWAY", "apigateway get-rest-apis"},
		{"EC2", "EC2", "ec2 describe-instances"},
		{"Elastic Load Balancing v2", "ELASTIC_LOAD_BALANCING_V2", "elbv2 describe-load-balancers"},
		{"CloudFront", "CLOUDFRONT", "cloudfront list-distributions"},
	} {
		done := run(t, s.env(), nil, installed(t, "python", "bin", "aws"), strings.Fields(test.arguments)...)
		if done.code == 0 || !strings.Contains(done.stderr, "furl does not have the service "+test.service+", only ") ||
			!strings.Contains(done.stderr, "set AWS_ENDPOINT_URL_"+test.variable+" to ") {
			t.Errorf("aws %s: exit %d, %s", test.arguments, done.code, done.stderr)
		}
	}
	// The answer to HEAD has no body: the status must do.
	done := run(t, s.env(), nil, installed(t, "python", "bin", "aws"), "s3api", "head-bucket", "--bucket", "my-bucket")
	want := fmt.Sprintf("(%d) when calling the HeadBucket operation: Not Implemented", http.StatusNotImplemented)
	if done.code == 0 || !strings.Contains(done.stderr, want) {
		t.Errorf("aws s3api head-bucket: exit %d, %s", done.code, done.stderr)
	}
}
