package setup

import (
	"context"
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
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
	Owner    awsapi.Owner
	Policy   string // name
	Document string // to put
	Before   string // what it replaces or removes; "" for nothing, or if it could not be read

	account Account
}

// String is what the change does, in words.
func (c Change) String() string {
	switch c.Kind {
	case AddStatement:
		return fmt.Sprintf("statement %s (%s)", c.StatementID, granted(c.Permission))
	case RemoveStatement:
		if c.Restorable {
			return fmt.Sprintf("statement %s (%s)", c.StatementID, granted(c.Permission))
		}
		return "statement " + c.StatementID
	default:
		return fmt.Sprintf("inline policy %s of %s", c.Policy, c.Owner)
	}
}

// Place is what the change changes.
func (c Change) Place() string {
	switch c.Kind {
	case AddStatement, RemoveStatement:
		return "resource-based policy of " + c.Function.String()
	default:
		return fmt.Sprintf("inline policy %s of %s in account %s", c.Policy, c.Owner, c.Account)
	}
}

func granted(permission lambda.Permission) string {
	if permission.InvokedViaURL != nil && *permission.InvokedViaURL {
		return permission.Action + " through the function URL only"
	}
	return permission.Action
}

// Command is the AWS CLI's command for the change.
func (c Change) Command() string {
	switch c.Kind {
	case AddStatement:
		return addPermission(c.Function, c.Permission)
	case RemoveStatement:
		return removePermission(c.Function, c.StatementID)
	case PutPolicy:
		return putPolicy(c.Owner, c.Policy, c.Document)
	default:
		return deletePolicy(c.Owner, c.Policy)
	}
}

// Undo is the AWS CLI's command that takes the change back; a comment if there is none.
func (c Change) Undo() string {
	switch {
	case c.Kind == AddStatement:
		return removePermission(c.Function, c.StatementID)
	case c.Kind == RemoveStatement && c.Restorable:
		return addPermission(c.Function, c.Permission)
	case c.Before != "":
		return putPolicy(c.Owner, c.Policy, c.Before)
	case c.Kind == PutPolicy:
		return deletePolicy(c.Owner, c.Policy)
	default:
		return "# " + c.String() + " can not be restored: it could not be read"
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

func addPermission(function lambda.ARN, permission lambda.Permission) string {
	words := append(functionWords("add-permission", function),
		"--statement-id", permission.StatementID,
		"--action", permission.Action,
		"--principal", awsapi.Principal(permission.Principal))
	option := func(name, value string) {
		if value != "" {
			words = append(words, name, value)
		}
	}
	option("--source-arn", permission.SourceARN)
	option("--source-account", permission.SourceAccount)
	option("--event-source-token", permission.EventSourceToken)
	option("--principal-org-id", permission.PrincipalOrgID)
	option("--function-url-auth-type", string(permission.FunctionURLAuthType))
	if permission.InvokedViaURL != nil {
		if *permission.InvokedViaURL {
			words = append(words, "--invoked-via-function-url")
		} else {
			words = append(words, "--no-invoked-via-function-url")
		}
	}
	return shell(words)
}

func removePermission(function lambda.ARN, statementID string) string {
	return shell(append(functionWords("remove-permission", function), "--statement-id", statementID))
}

// functionWords begin a command about a function.
func functionWords(operation string, function lambda.ARN) []string {
	words := []string{"aws", "lambda", operation, "--region", function.Region, "--function-name", function.Name}
	if function.Qualifier != "" {
		words = append(words, "--qualifier", function.Qualifier)
	}
	return words
}

func putPolicy(owner awsapi.Owner, name, document string) string {
	kind := string(owner.Kind)
	return shell([]string{"aws", "iam", "put-" + kind + "-policy", "--" + kind + "-name", owner.Name, "--policy-name", name, "--policy-document", document})
}

func deletePolicy(owner awsapi.Owner, name string) string {
	kind := string(owner.Kind)
	return shell([]string{"aws", "iam", "delete-" + kind + "-policy", "--" + kind + "-name", owner.Name, "--policy-name", name})
}

// shell writes words as a POSIX shell takes them.
func shell(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = Quote(word)
	}
	return strings.Join(quoted, " ")
}

// Quote writes a word as a POSIX shell takes it.
func Quote(word string) string {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("-_./:=@,+%", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
