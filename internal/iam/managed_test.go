package iam_test

import (
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/policy"
)

func TestVersionsOfAManagedPolicy(t *testing.T) {
	document, err := iam.ParsePolicy(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, policy.Identity)
	if err != nil {
		t.Fatal(err)
	}
	managed := &iam.ManagedPolicy{Account: "123456789012", Name: "p", Path: "/x/"}
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	managed.AddVersion(document, false, now) // the first is in force whatever was asked for
	managed.AddVersion(document, false, now)
	clone := managed.Clone()
	clone.AddVersion(document, true, now.Add(time.Hour))
	if managed.Default != "v1" || managed.InForce().ID != "v1" || len(managed.Versions) != 2 {
		t.Errorf("the original is %+v", managed)
	}
	if clone.InForce().ID != "v3" || !clone.Updated.Equal(now.Add(time.Hour)) || clone.ARN() != "arn:aws:iam::123456789012:policy/x/p" {
		t.Errorf("the copy is %+v", clone)
	}
	clone.Versions = clone.Versions[:1]
	if made := clone.AddVersion(document, false, now); made.ID != "v4" {
		t.Errorf("the number of a deleted version was used again: %s", made.ID)
	}
	if _, ok := clone.Version("v2"); ok {
		t.Error("v2 was deleted")
	}
}

func TestAWSPolicies(t *testing.T) {
	ids := map[string]bool{}
	count := 0
	for managed := range iam.AWSPolicies() {
		count++
		found, ok := iam.AWSPolicy(managed.ARN())
		if !ok || found != managed {
			t.Errorf("%s is not found by its ARN", managed.ARN())
		}
		if ids[managed.ID] || len(managed.ID) != 21 {
			t.Errorf("%s has the id %s", managed.Name, managed.ID)
		}
		ids[managed.ID] = true
		if managed.InForce().Policy.Document().Len() == 0 || managed.Description == "" {
			t.Errorf("%s is empty", managed.Name)
		}
	}
	if count < 20 {
		t.Errorf("%d policies", count)
	}
	for range iam.AWSPolicies() { // can be left early
		break
	}
	for _, arn := range []string{
		"arn:aws:iam::aws:policy/AdministratorAccess",
		"arn:aws:iam::aws:policy/ReadOnlyAccess",
		"arn:aws:iam::aws:policy/AWSLambda_FullAccess",
		"arn:aws:iam::aws:policy/AWSLambda_ReadOnlyAccess",
		"arn:aws:iam::aws:policy/AWSLambdaExecute",
		"arn:aws:iam::aws:policy/AWSLambdaInvocation-DynamoDB",
		"arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
		"arn:aws:iam::aws:policy/service-role/AWSLambdaRole",
	} {
		if _, ok := iam.AWSPolicy(arn); !ok {
			t.Errorf("%s is missing", arn)
		}
	}
	for _, arn := range []string{"", "AdministratorAccess", "arn:aws:iam::123456789012:policy/AdministratorAccess"} {
		if _, ok := iam.AWSPolicy(arn); ok {
			t.Errorf("%q was found", arn)
		}
	}
}

// What the policies are attached for is what they allow.
func TestAWSPoliciesAllow(t *testing.T) {
	for _, test := range []struct {
		name, action string
		allowed      bool
	}{
		{"AdministratorAccess", "iam:DeleteUser", true},
		{"ReadOnlyAccess", "lambda:GetFunctionUrlConfig", true},
		{"ReadOnlyAccess", "lambda:InvokeFunctionUrl", false},
		{"AWSLambda_FullAccess", "lambda:InvokeFunctionUrl", true},
		{"AWSLambda_FullAccess", "iam:CreateRole", false},
		{"AWSLambda_FullAccess", "iam:PassRole", false}, // only to Lambda
		{"AWSLambda_ReadOnlyAccess", "lambda:ListFunctions", true},
		{"AWSLambda_ReadOnlyAccess", "lambda:CreateFunction", false},
		{"AWSLambdaExecute", "logs:PutLogEvents", false}, // only to log groups
		{"service-role/AWSLambdaBasicExecutionRole", "logs:PutLogEvents", true},
		{"service-role/AWSLambdaBasicExecutionRole", "lambda:InvokeFunctionUrl", false},
		{"service-role/AWSLambdaRole", "lambda:InvokeFunction", true},
		{"service-role/AWSLambdaRole", "lambda:InvokeFunctionUrl", false},
		{"PowerUserAccess", "lambda:CreateFunction", true},
		{"PowerUserAccess", "iam:CreateUser", false},
	} {
		managed, ok := iam.AWSPolicy("arn:aws:iam::aws:policy/" + test.name)
		if !ok {
			t.Fatalf("%s is missing", test.name)
		}
		decision := policy.Evaluate(policy.Request{
			Principal: &policy.Principal{Type: policy.User, Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/u"},
			Action:    test.action, Resource: "*",
		}, &policy.Sets{Identity: []policy.Named{{Name: test.name, Document: managed.InForce().Policy.Document()}}})
		if allowed := decision.Effect == policy.Allowed; allowed != test.allowed {
			t.Errorf("%s: %s allowed: %v", test.name, test.action, allowed)
		}
	}
}
