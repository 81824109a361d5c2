//go:build unix

package apply_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/furl-dev/furl/internal/dev/apply"
)

// faulty is a client that does as many requests that change something as it has left, and loses all others: as if the
// server was gone, or as if it was gone before its answer.
type faulty struct {
	http.Transport // its own, whose connections no other test closes
	left           atomic.Int64
	armed          atomic.Bool
	answers        atomic.Bool // only answers are lost
}

var errBroken = errors.New("the connection broke")

func (f *faulty) Do(r *http.Request) (*http.Response, error) {
	if !f.armed.Load() || r.Method == http.MethodGet || f.left.Add(-1) >= 0 {
		return f.RoundTrip(r)
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	// Nobody can know the secret of a key whose answer is lost.
	if !f.answers.Load() || bytes.Contains(body, []byte("Action=CreateAccessKey")) {
		return nil, errBroken
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	response, err := f.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	return nil, errors.Join(errBroken, response.Body.Close())
}

// everything has one resource of each kind at least.
const everything = role + `
  Shared:
    Type: AWS::IAM::ManagedPolicy
    Properties: {PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}, Roles: [!Ref Role], Users: [!Ref Alice]}
  Own:
    Type: AWS::IAM::Policy
    Properties: {PolicyName: own, PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}, Roles: [!Ref Role], Groups: [!Ref Team]}
  Team:
    Type: AWS::IAM::Group
    Properties: {Path: /team/}
  Alice:
    Type: AWS::IAM::User
    Properties: {Tags: [{Key: team, Value: red}]}
  Members:
    Type: AWS::IAM::UserToGroupAddition
    Properties: {GroupName: !Ref Team, Users: [!Ref Alice]}
  Key:
    Type: AWS::IAM::AccessKey
    Properties: {UserName: !Ref Alice}
  Layer:
    Type: AWS::Lambda::LayerVersion
    Properties: {Content: layer}
  Api:
    Type: AWS::Lambda::Function
    Properties: {Runtime: python3.13, Handler: app.handler, Role: !GetAtt Role.Arn, Code: one.zip, Layers: [!Ref Layer], ReservedConcurrentExecutions: 5, Environment: {Variables: {ID: !Ref Key}}}
  V1:
    Type: AWS::Lambda::Version
    Properties: {FunctionName: !Ref Api}
  Live:
    Type: AWS::Lambda::Alias
    Properties: {FunctionName: !Ref Api, Name: live, FunctionVersion: !GetAtt V1.Version, ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}}
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref Live, AuthType: AWS_IAM}
  Async:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref Api, Qualifier: live, MaximumRetryAttempts: 0}
  Policy:
    Type: AWS::Lambda::ResourcePolicy
    Properties: {ResourceArn: !GetAtt Api.Arn, PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: "*", Action: "lambda:InvokeFunctionUrl", Resource: "*"}]}}
  Allow:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Live, Action: lambda:InvokeFunctionUrl, FunctionUrlAuthType: AWS_IAM, Principal: "arn:aws:iam::210987654321:role/caller"}`

// Wherever a run breaks off, the next one comes to the same end: on the way up, to other names, and down to nothing.
func TestEveryStepMayFail(t *testing.T) {
	w := newWorld(t)
	w.write("layer/python/shared.py", "one")
	w.zip("one.zip", "app.py", "one")
	client := &faulty{}
	w.restart(func(c *apply.Config) { c.AWS.HTTPClient, c.AWS.RetryMaxAttempts = client, 1 })
	renamed := strings.NewReplacer("\n  Api:", "\n  Moved:", "!Ref Api", "!Ref Moved", "Api.Arn", "Moved.Arn",
		"\n  Role:", "\n  Other:", "!Ref Role", "!Ref Other", "Role.Arn", "Other.Arn", "\n  Team:", "\n  Group:", "!Ref Team", "!Ref Group",
		"\n  V1:", "\n  V2:", "V1.Version", "V2.Version", "Name: live", "Name: other", "Qualifier: live", "Qualifier: other").Replace(everything)
	const nothing = "\n  Nobody:\n    Type: AWS::IAM::User\n    Properties: {UserName: nobody}"
	for _, target := range []string{everything, renamed, everything, nothing} {
		failures := 0
		for attempt := 0; ; attempt++ {
			if attempt > 500 {
				t.Fatal("there is no end")
			}
			plan := w.plan(target)
			client.left.Store(int64(attempt % 4)) // a few requests more each time, and never all
			client.answers.Store(attempt%3 == 2)
			client.armed.Store(true)
			_, err := plan.Apply(t.Context(), nil)
			client.armed.Store(false)
			if err == nil {
				break
			}
			failures++
			var failed *apply.Failure
			if !errors.As(err, &failed) || !errors.Is(err, errBroken) {
				t.Fatalf("the error is %v", err)
			}
		}
		if failures == 0 {
			t.Error("nothing failed")
		}
		w.apply(target)
	}
	if names := w.functions(); names != nil {
		t.Errorf("there still are functions: %q", names)
	}
	listed, err := w.lambda.ListLayers(t.Context(), &awslambda.ListLayersInput{})
	if err != nil || len(listed.Layers) != 0 {
		t.Errorf("there still are layers: %+v, %v", listed, err)
	}
	for _, client := range []aws.Config{w.aws(account), w.aws(other)} {
		if left := w.leftovers(client); left != nil {
			t.Errorf("there still are %q", left)
		}
	}
}
