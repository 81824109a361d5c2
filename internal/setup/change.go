package setup

import (
	"context"
	"fmt"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/snippet"
)

// ChangeKind is what a Change does.
type ChangeKind string

// The kinds of changes.
const (
	AddStatement    ChangeKind = "add-statement"
	RemoveStatement ChangeKind = "remove-statement"
	PutPolicy       ChangeKind = "put-policy"
	DeletePolicy    ChangeKind = "delete-policy"
)

// Change is one call that changes something.
type Change struct {
	Kind    ChangeKind
	Account string // whose credentials it takes

	// Of a statement of a function's resource-based policy.
	Function    lambda.ARN
	StatementID string
	Permission  lambda.Permission // to add, or as it was before it is removed
	Restorable  bool              // Permission is the whole of a statement that is removed

	// Of an inline policy.
	Owner    iam.Owner
	Policy   string // name
	Document string // to put
	Before   string // what it replaces or removes; "" for nothing, or if it could not be read

	account Account
}

// String is what the change does, in words.
func (c Change) String() string {
	switch {
	case c.Policy != "":
		return fmt.Sprintf("inline policy %s of %s", c.Policy, c.Owner)
	case c.Kind == RemoveStatement && !c.Restorable:
		return "statement " + c.StatementID
	case value(c.Permission.InvokedViaURL):
		return fmt.Sprintf("statement %s (%s through the function URL only)", c.StatementID, c.Permission.Action)
	default:
		return fmt.Sprintf("statement %s (%s)", c.StatementID, c.Permission.Action)
	}
}

// Place is what the change changes.
func (c Change) Place() string {
	if c.Policy != "" {
		return c.String() + " in account " + c.Account
	}
	return "resource-based policy of " + c.Function.String()
}

// Command is the AWS CLI's command for the change.
func (c Change) Command() string {
	switch c.Kind {
	case AddStatement:
		return snippet.AddPermission(c.Function, c.Permission)
	case RemoveStatement:
		return snippet.RemovePermission(c.Function, c.StatementID)
	case PutPolicy:
		return snippet.PutPolicy(c.Owner, c.Policy, c.Document)
	default:
		return snippet.DeletePolicy(c.Owner, c.Policy)
	}
}

// Undo is the AWS CLI's command that takes the change back; a comment if there is none.
func (c Change) Undo() string {
	switch {
	case c.Kind == AddStatement:
		return snippet.RemovePermission(c.Function, c.StatementID)
	case c.Kind == RemoveStatement && c.Restorable:
		return snippet.AddPermission(c.Function, c.Permission)
	case c.Before != "":
		return snippet.PutPolicy(c.Owner, c.Policy, c.Before)
	case c.Kind == PutPolicy:
		return snippet.DeletePolicy(c.Owner, c.Policy)
	default:
		return "# " + c.String() + " cannot be restored: it could not be read"
	}
}

// apply makes the call.
func (c Change) apply(ctx context.Context) error {
	switch c.Kind {
	case AddStatement:
		return c.account.Permissions.AddPermission(ctx, c.Function, c.Permission)
	case RemoveStatement:
		return absentIsDone(c.account.Permissions.RemovePermission(ctx, c.Function, c.StatementID))
	case PutPolicy:
		return c.account.Inline.PutInline(ctx, c.Owner, c.Policy, c.Document)
	default:
		return absentIsDone(c.account.Inline.DeleteInline(ctx, c.Owner, c.Policy))
	}
}

// absentIsDone takes what is gone already for removed.
func absentIsDone(err error) error {
	if awsapi.KindOf(err) == awsapi.NotFound {
		return nil
	}
	return err
}
