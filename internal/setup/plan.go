package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/snippet"
)

// Plan is what there is to do, found out before anything is done.
type Plan struct {
	Function  lambda.ARN // with the alias
	Principal Principal
	AuthType  lambda.AuthType // that the statements are made for

	Changes []Change // to apply, in order
	// Elsewhere are changes in another account that there are no credentials for. Somebody there has to make them.
	Elsewhere []Change
	Kept      []string // what is right already, in words
	Notes     []string // what else somebody should know

	// Wanted is the whole of a grant, whatever of it is there already.
	Wanted snippet.Grant
	// Documents are the policies before and after, of those that change.
	Documents []Revision
}

// Revision is a policy before and after.
type Revision struct {
	Name          string
	Before, After string // JSON; "" if there is no policy
}

// PartialError says how far Apply got.
type PartialError struct {
	Done   []Change
	Failed Change
	Err    error
	Left   []Change // after the one that failed
}

func (e *PartialError) Error() string {
	return fmt.Sprintf("%s: %v", e.Failed.Place(), e.Err)
}

func (e *PartialError) Unwrap() error { return e.Err }

// Finish are the commands that do what was not done.
func (e *PartialError) Finish() []string {
	commands := []string{e.Failed.Command()}
	for _, change := range e.Left {
		commands = append(commands, change.Command())
	}
	return commands
}

// Undo are the commands that take back what was done, last first.
func (e *PartialError) Undo() []string {
	var commands []string
	for _, change := range slices.Backward(e.Done) {
		commands = append(commands, change.Undo())
	}
	return commands
}

// Apply makes the changes, one after the other. It stops at the first that fails, with a *PartialError. It calls
// done after each change.
func (p *Plan) Apply(ctx context.Context, done func(Change)) error {
	for i, change := range p.Changes {
		if err := change.apply(ctx); err != nil {
			return &PartialError{Done: p.Changes[:i], Failed: change, Err: err, Left: p.Changes[i+1:]}
		}
		done(change)
	}
	return nil
}

// note adds to the notes.
func (p *Plan) note(format string, arguments ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, arguments...))
}

// revise records how the plan changes the function's policy.
func (p *Plan) revise(before document) {
	var statements []json.RawMessage
	for _, s := range before.statements {
		removes := func(c Change) bool { return c.Kind == RemoveStatement && c.StatementID == s.Sid }
		if !slices.ContainsFunc(p.Changes, removes) {
			statements = append(statements, s.JSON)
		}
	}
	after := ""
	for _, change := range p.Changes {
		switch change.Kind {
		case AddStatement:
			statements = append(statements, change.Permission.Statement(p.Function, lambda.Stored))
		case ReplacePolicy:
			before.text, after, statements = change.Before, change.Document, nil
		}
	}
	if len(statements) > 0 {
		after = lambda.WithStatements(before.parsed, statements)
	}
	p.Documents = append(p.Documents, Revision{Name: "resource-based policy of " + p.Function.String(), Before: before.text, After: after})
}

// Missing is what of the grant is not there yet, on both sides. What a caller of another account has is not known, if
// there are no credentials for that account.
func (p *Plan) Missing() snippet.Grant {
	missing := snippet.Grant{Function: p.Function}
	for _, change := range slices.Concat(p.Changes, p.Elsewhere) {
		switch change.Kind {
		case AddStatement:
			missing.Permissions, missing.Policy = append(missing.Permissions, change.Permission), p.Wanted.Policy
		case PutPolicy:
			missing.Inline = p.Wanted.Inline
		}
	}
	if inline := p.Wanted.Inline; inline != nil && inline.Owner.Name == "" {
		missing.Inline = inline
	}
	return missing
}

// Diff shows what the plan changes, in the form of a unified diff; "" if it changes nothing.
func (p *Plan) Diff() string {
	var text strings.Builder
	for _, revision := range p.Documents {
		text.WriteString(revision.diff())
	}
	return text.String()
}

// diff is the revision as a unified diff; "" if both texts say the same.
func (r Revision) diff() string {
	from, to := r.Name, r.Name
	if r.Before == "" {
		from = "/dev/null"
	}
	if r.After == "" {
		to = "/dev/null"
	}
	text := diff.Diff(from, lines(r.Before), to, lines(r.After))
	_, hunks, _ := strings.Cut(string(text), "\n") // the first line names the command that Diff stands for
	return hunks
}

// lines is a JSON text, indented; each line ends.
func lines(text string) []byte {
	if text == "" {
		return nil
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(text), "", "  "); err != nil {
		return []byte(text + "\n")
	}
	return append(indented.Bytes(), '\n')
}

// Script are the AWS CLI's commands for the plan, in order, with comments on what they do not cover. They name the
// profiles of their accounts, as far as there are any.
func (p *Plan) Script(profiles map[string]string) string {
	var text strings.Builder
	for _, change := range p.Changes {
		fmt.Fprintln(&text, snippet.InProfile(change.Command(), profiles[change.Account]))
	}
	for _, change := range p.Elsewhere {
		command := snippet.InProfile(change.Command(), profiles[change.Account])
		fmt.Fprintf(&text, "# in account %s:\n%s\n", change.Account, command)
	}
	if inline := p.Wanted.Inline; inline != nil && inline.Owner.Name == "" {
		fmt.Fprintf(&text, "# in account %s, for a policy to attach to the caller:\n%s\n", inline.Account,
			snippet.CreatePolicy(inline.Name, inline.Document))
	}
	if text.Len() == 0 {
		return "# nothing to do\n"
	}
	return text.String()
}

// ChangeKind is what a Change does.
type ChangeKind string

// The kinds of changes.
const (
	AddStatement    ChangeKind = "add-statement"
	RemoveStatement ChangeKind = "remove-statement"
	ReplacePolicy   ChangeKind = "replace-policy" // the function's, as a whole
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

	// Of a whole resource-based policy: what of it changes, and the revision that the change is for.
	Narrowed []string
	Revision string

	// Of an inline policy, or of a whole resource-based one.
	Owner    iam.Owner
	Policy   string // name
	Document string // to put; "" removes a resource-based policy
	Before   string // what it replaces or removes; "" for nothing, or if it could not be read

	account Account
}

// String is what the change does, in words.
func (c Change) String() string {
	switch {
	case c.Policy != "":
		return fmt.Sprintf("inline policy %s of %s", c.Policy, c.Owner)
	case c.Kind == ReplacePolicy:
		return strings.Join(c.Narrowed, ", ")
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
	case ReplacePolicy:
		return snippet.PutResourcePolicy(c.Function, c.Document, c.Revision)
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
	case c.Kind == RemoveStatement:
		return "# " + c.String() + " says more than add-permission takes: put-resource-policy can put it back"
	case c.Kind == ReplacePolicy:
		return snippet.PutResourcePolicy(c.Function, c.Before, "")
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
		return c.account.Writer.AddPermission(ctx, c.Function, c.Permission)
	case RemoveStatement:
		return absentIsDone(c.account.Writer.RemovePermission(ctx, c.Function, c.StatementID))
	case ReplacePolicy:
		return c.account.Writer.PutResourcePolicy(ctx, c.Function, c.Document, c.Revision)
	case PutPolicy:
		return c.account.Writer.PutInline(ctx, c.Owner, c.Policy, c.Document)
	default:
		return absentIsDone(c.account.Writer.DeleteInline(ctx, c.Owner, c.Policy))
	}
}

// absentIsDone takes what is gone already for removed.
func absentIsDone(err error) error {
	if awsapi.KindOf(err) == awsapi.NotFound {
		return nil
	}
	return err
}
