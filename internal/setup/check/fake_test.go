//go:build unix

package check_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/internal/setup/setuptest"
)

// fake is a side whose every answer a test can choose. It stands for what no server here can be: an alias with a URL,
// a clock that is off, credentials of all sorts, an organization.
type fake struct {
	identity    awsapi.Identity
	keys        error
	credentials aws.Credentials

	url      awsapi.URL
	urlFault error
	others   []awsapi.URL
	policies map[string]string // resource-based, by qualifier
	hidden   error             // of the resource-based policies

	role       iam.Role
	roleFault  error
	inline     map[string]string
	attached   map[string]string
	unreadable error // of the identity-based policies
	simulation awsapi.Simulation
	simulator  error
}

// fakeSide is a side with a function that has a URL, called by a session of a role without policies.
func fakeSide() *fake {
	function := lambda.ARN{Region: setuptest.Region, Account: here, Name: "web"}
	return &fake{
		identity:    awsapi.Identity{Account: here, ARN: arn.Session(here, "caller", "s").String(), ClockKnown: true},
		credentials: aws.Credentials{AccessKeyID: "ASIAABCDEFGHIJKLMNOP", SecretAccessKey: "secret", SessionToken: "token", Source: "test"},
		url:         awsapi.URL{Function: function, Address: "https://abcdefghijklmnopqrstuvwxy20fghij.lambda-url.eu-central-1.on.aws/", URLSettings: awsapi.URLSettings{AuthType: lambda.AuthIAM, InvokeMode: lambda.Buffered}},
		policies:    map[string]string{},
		role:        iam.Role{Account: here, Path: "/", Name: "caller", ID: "AROAABCDEFGHIJKLMNOPQ"},
		inline:      map[string]string{},
	}
}

// ask puts the question to the side alone.
func (f *fake) ask(t *testing.T, question check.Question, change func(*check.Checker)) check.Report {
	t.Helper()
	checker := &check.Checker{
		Owner:   &check.Side{Region: setuptest.Region, Functions: f, Keys: f, Principals: f, Policies: f},
		Network: offline{},
	}
	if change != nil {
		change(checker)
	} else {
		checker.Network = nil
	}
	report, err := checker.Run(t.Context(), question)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// allows grants the caller's role the actions in the policy of the qualifier.
func (f *fake) allows(qualifier string, actions ...string) {
	arn := f.url.Function
	arn.Qualifier = qualifier
	var permissions []lambda.Permission
	for _, action := range actions {
		permissions = append(permissions, lambda.Permission{StatementID: action[len("lambda:"):], Action: action, Principal: lambda.PermissionPrincipal{AWS: f.role.ARN()}})
	}
	f.policies[qualifier] = lambda.PolicyText(permissions, arn, func(p string) string { return p })
}

func (f *fake) Identity(context.Context) (awsapi.Identity, error) { return f.identity, f.keys }

func (f *fake) Credentials(context.Context) (aws.Credentials, error) {
	if awsapi.KindOf(f.keys) == awsapi.NoCredentials {
		return aws.Credentials{}, f.keys
	}
	return f.credentials, nil
}

func (f *fake) AssumeRole(context.Context, string, string) (aws.Credentials, error) {
	return f.credentials, nil
}

func (f *fake) Function(_ context.Context, arn lambda.ARN) (awsapi.Function, error) {
	return awsapi.Function{ARN: arn.Unqualified(), Role: f.role.ARN()}, nil
}

func (f *fake) URL(_ context.Context, arn lambda.ARN) (awsapi.URL, error) {
	if f.urlFault == nil && arn.Qualifier != f.url.Function.Qualifier {
		return awsapi.URL{}, &awsapi.Error{Kind: awsapi.NotFound, Action: "lambda:GetFunctionUrlConfig", Message: "no URL"}
	}
	return f.url, f.urlFault
}

func (f *fake) URLs(context.Context, lambda.ARN) ([]awsapi.URL, error) {
	return append([]awsapi.URL{f.url}, f.others...), f.urlFault
}

func (f *fake) Functions(context.Context) iter.Seq2[awsapi.Function, error] {
	return func(yield func(awsapi.Function, error) bool) {
		yield(awsapi.Function{ARN: f.url.Function.Unqualified()}, f.urlFault)
	}
}

func (f *fake) Policy(_ context.Context, arn lambda.ARN) (string, error) {
	if f.hidden != nil {
		return "", f.hidden
	}
	if text, ok := f.policies[arn.Qualifier]; ok {
		return text, nil
	}
	return "", &awsapi.Error{Kind: awsapi.NotFound, Action: "lambda:GetPolicy"}
}

func (f *fake) Principal(_ context.Context, owner iam.Owner) (awsapi.Principal, error) {
	found := awsapi.Principal{ARN: f.role.ARN(), ID: f.role.ID, Boundary: f.role.Boundary}
	if owner.Kind == iam.OfUser {
		found.ARN, found.ID = "arn:aws:iam::"+here+":user/"+owner.Name, "AIDAABCDEFGHIJKLMNOPQ"
	}
	return found, f.roleFault
}

func (f *fake) GroupsOf(context.Context, string) ([]string, error) {
	return []string{"staff"}, f.unreadable
}

func (f *fake) Simulate(context.Context, string, string, string, map[string][]string) (awsapi.Simulation, error) {
	return f.simulation, f.simulator
}

func (f *fake) InlineNames(_ context.Context, owner iam.Owner) ([]string, error) {
	var names []string
	for name := range f.inline {
		names = append(names, name)
	}
	return names, f.unreadable
}

func (f *fake) Inline(_ context.Context, _ iam.Owner, name string) (string, error) {
	return f.inline[name], f.unreadable
}

func (f *fake) Attached(context.Context, iam.Owner) ([]string, error) {
	var arns []string
	for arn := range f.attached {
		arns = append(arns, arn)
	}
	return arns, f.unreadable
}

func (f *fake) Managed(_ context.Context, arn string) (string, error) {
	if text, ok := f.attached[arn]; ok {
		return text, nil
	}
	return "", &awsapi.Error{Kind: awsapi.Denied, Action: "iam:GetPolicy", On: arn, Message: "not authorized"}
}

var moment = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
