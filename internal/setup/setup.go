// Package setup gives functions their URLs and principals the permission to call them, at AWS or at any endpoint that
// speaks the same API. It reads what is there, makes a [Plan] of what is missing and applies it.
//
// A call of a new function URL needs two actions since October 2025, lambda:InvokeFunctionUrl and lambda:InvokeFunction
// (Lambda Developer Guide, "Control access to Lambda function URLs"); a plan always is about both. What is right
// already stays as it is, no matter who made it. What could never let anybody call is refused with the reason.
package setup

import (
	"context"
	"fmt"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

// FunctionReader looks at functions. Errors are of package awsapi.
type FunctionReader interface {
	Function(ctx context.Context, arn lambda.ARN) (awsapi.Function, error)
	URL(ctx context.Context, arn lambda.ARN) (awsapi.URL, error)
	Policy(ctx context.Context, arn lambda.ARN) (string, error)
}

// Writer changes resource-based policies and inline policies. No method is retried. PutInline replaces a policy of the
// same name, PutResourcePolicy the one of the revision that ResourcePolicy read; "" removes it.
type Writer interface {
	ResourcePolicy(ctx context.Context, arn lambda.ARN) (text, revision string, err error)
	PutResourcePolicy(ctx context.Context, arn lambda.ARN, text, revision string) error
	AddPermission(ctx context.Context, arn lambda.ARN, permission lambda.Permission) error
	RemovePermission(ctx context.Context, arn lambda.ARN, statementID string) error
	PutInline(ctx context.Context, owner iam.Owner, name, document string) error
	DeleteInline(ctx context.Context, owner iam.Owner, name string) error
}

// PrincipalReader looks up roles and users by their names.
type PrincipalReader interface {
	Principal(ctx context.Context, owner iam.Owner) (awsapi.Principal, error)
}

// PolicyReader reads identity-based policies.
type PolicyReader interface {
	InlineNames(ctx context.Context, owner iam.Owner) ([]string, error)
	Inline(ctx context.Context, owner iam.Owner, name string) (string, error)
	Attached(ctx context.Context, owner iam.Owner) ([]string, error)
	Managed(ctx context.Context, arn string) (string, error)
}

// Account is one AWS account in one region, as some credentials see it.
type Account struct {
	ID         string
	Partition  string // of its principals; "" is aws
	Region     string
	Functions  FunctionReader
	Principals PrincipalReader
	Policies   PolicyReader
	Writer     Writer
}

// NewAccount is the account of the identity, which the client's credentials stand for.
func NewAccount(identity awsapi.Identity, client *awsapi.Client) Account {
	return Account{
		ID: identity.Account, Partition: identity.Partition(), Region: client.Region(),
		Functions: client, Principals: client, Policies: client, Writer: client,
	}
}

// Refusal is the error for a request that is not carried out.
type Refusal struct {
	Reason  string
	Instead string // what to type, or to do; "" if there is nothing
	// Now says that the request is one that can be made, and that things are in its way as they are now; else it could
	// never work.
	Now bool
}

func (r *Refusal) Error() string { return r.Reason }

func refuse(instead, format string, arguments ...any) error {
	return &Refusal{Reason: fmt.Sprintf(format, arguments...), Instead: instead}
}

// refuseNow is a Refusal for as long as things are as they are.
func refuseNow(instead, format string, arguments ...any) error {
	return &Refusal{Reason: fmt.Sprintf(format, arguments...), Instead: instead, Now: true}
}

// PolicyText is a policy as it was read.
type PolicyText struct {
	Name string // by which reasons refer to it: "inline policy read of role caller", or the ARN of a managed policy
	Text string
}

// ReadPolicies reads all identity-based policies of a role, user or group, and goes on when one cannot be read. The
// errors are of package awsapi, one for each thing that could not be looked at.
func ReadPolicies(ctx context.Context, reader PolicyReader, owner iam.Owner) (policies []PolicyText, faults []error) {
	fault := func(err error) bool {
		if err != nil {
			faults = append(faults, err)
		}
		return err != nil
	}
	names, err := reader.InlineNames(ctx, owner)
	fault(err)
	for _, name := range names {
		if text, err := reader.Inline(ctx, owner, name); !fault(err) {
			policies = append(policies, PolicyText{Name: "inline policy " + name + " of " + owner.String(), Text: text})
		}
	}
	attached, err := reader.Attached(ctx, owner)
	fault(err)
	for _, arn := range attached {
		if text, err := reader.Managed(ctx, arn); !fault(err) {
			policies = append(policies, PolicyText{Name: arn, Text: text})
		}
	}
	return policies, faults
}

// ParseTarget reads a function's name in any form that the Lambda API takes, with an alias in the name or in
// qualifier. What the text leaves out comes from region and account. It refuses what can have neither a URL nor, for
// $LATEST, a policy.
func ParseTarget(text, qualifier, region, account string) (lambda.ARN, error) {
	arn, err := arn.ParseFunction(text, region, account)
	if err != nil {
		return lambda.ARN{}, err
	}
	if arn.Qualifier != "" && qualifier != "" && arn.Qualifier != qualifier {
		return lambda.ARN{}, fmt.Errorf("the name %s and the qualifier %s are about different aliases", text, qualifier)
	}
	if qualifier != "" {
		arn.Qualifier = qualifier
	}
	switch {
	case arn.Qualifier == "":
		return arn, nil
	case arn.Qualifier == lambda.Latest:
		return lambda.ARN{}, refuse("leave the qualifier out: the name alone means "+lambda.Latest,
			"%s has no policy of its own, and the function URL without a qualifier calls it", lambda.Latest)
	case arn.IsVersion():
		return lambda.ARN{}, refuse(
			fmt.Sprintf("aws lambda create-alias --function-name %s --name NAME --function-version %s   # then use --qualifier NAME", arn.Name, arn.Qualifier),
			"version %s can have no function URL: a URL belongs to the function itself or to an alias", arn.Qualifier)
	case !arn.IsAlias():
		return lambda.ARN{}, fmt.Errorf("qualifier %q is not the name of an alias", arn.Qualifier)
	default:
		return arn, nil
	}
}
