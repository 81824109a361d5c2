package setup

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/policy"
)

// Statement is one statement of a policy, by itself.
type Statement struct {
	policy.Statement
	Document *policy.Document // a policy of this statement alone
}

// Parse reads a policy and takes it apart. name is what errors call it.
func Parse(name, text string, kind policy.Kind) (*policy.Document, []Statement, error) {
	document, err := policy.ParseTaken([]byte(text), kind)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	parts := document.Statements()
	statements := make([]Statement, len(parts))
	for i, part := range parts {
		alone, err := parseParts(document, []json.RawMessage{part.JSON})
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		statements[i] = Statement{part, alone}
	}
	return document, statements, nil
}

// parseParts makes a policy of statements, in the language of the document that they are from.
func parseParts(from *policy.Document, statements []json.RawMessage) (*policy.Document, error) {
	text, err := json.Marshal(struct {
		Version   string
		Statement []json.RawMessage
	}{from.Version(), statements})
	if err != nil {
		return nil, err
	}
	return policy.ParseTaken(text, from.Kind())
}

// Denies reports whether the statement denies.
func (s Statement) Denies() bool { return s.Effect == policy.ExplicitlyDenied }

// WithoutConditions is the policy of this statement as it would be if it asked for nothing but principal, action and
// resource.
func (s Statement) WithoutConditions() (*policy.Document, error) {
	var elements map[string]json.RawMessage
	if err := json.Unmarshal(s.JSON, &elements); err != nil {
		return nil, err
	}
	delete(elements, "Condition")
	bare, err := json.Marshal(elements)
	if err != nil {
		return nil, err
	}
	return parseParts(s.Document, []json.RawMessage{bare})
}

// Without is the policy without those of its statements that are to be dropped; nil if none is left.
func Without(from *policy.Document, statements []Statement, drop func(Statement) bool) (*policy.Document, error) {
	var kept []json.RawMessage
	for _, s := range statements {
		if !drop(s) {
			kept = append(kept, s.JSON)
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	return parseParts(from, kept)
}

// document is a policy taken apart.
type document struct {
	text       string           // "" if there is no policy
	parsed     *policy.Document // nil if there is none
	statements []Statement
}

// whole reports whether the policy has statements that AddPermission could not have made.
func (d document) whole() bool { return lambda.IsWhole(d.parsed) }

func parseDocument(name, text string, kind policy.Kind) (document, error) {
	parsed, statements, err := Parse(name, text, kind)
	return document{text: text, parsed: parsed, statements: statements}, err
}

// call is a call of a function URL that a statement may be about.
type call struct {
	function  lambda.ARN // with the alias
	authType  lambda.AuthType
	principal Principal
}

// Actions are the two actions that a call needs.
var Actions = [...]string{lambda.ActionInvokeURL, lambda.ActionInvoke}

// facts are the condition keys that every call of the kind has. What else a real call has (its address, its time) is
// left out: a statement that asks for more than these does not let the principal in each time.
func (c call) facts(action string) policy.Values {
	facts := ActionKeys(action, c.authType)
	if caller := c.principal.caller(); caller != nil {
		maps.Copy(facts, caller.Keys())
	}
	if c.principal.SourceARN != "" {
		facts["aws:SourceArn"] = []string{c.principal.SourceARN}
	}
	return facts
}

// ActionKeys are the condition keys that only the one action has, of a call of a URL of the auth type.
func ActionKeys(action string, authType lambda.AuthType) policy.Values {
	if action == lambda.ActionInvokeURL {
		return policy.Values{"lambda:FunctionUrlAuthType": {string(authType)}}
	}
	return policy.Values{"lambda:InvokedViaFunctionUrl": {"true"}}
}

// ofOneAction reports whether a condition key is one that calls have for one of the two actions, and never for the other.
func ofOneAction(key string) bool {
	return strings.EqualFold(key, "lambda:FunctionUrlAuthType") || strings.EqualFold(key, "lambda:InvokedViaFunctionUrl")
}

// Everything are the policies of a caller whose own account lets it do all.
var Everything = sync.OnceValue(func() []policy.Named {
	const text = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	document, err := policy.Parse([]byte(text), policy.Identity)
	if err != nil {
		panic(err)
	}
	return []policy.Named{{Name: "everything", Document: document}}
})

// matches reports whether the statement, on the resource's side or on the caller's, decides the action on its own.
func (c call) matches(s Statement, action string) bool {
	facts := c.facts(action)
	for _, key := range s.Document.ContextKeys() {
		if _, ok := facts.Lookup(key); !ok && !ofOneAction(key) {
			return false
		}
	}
	request := policy.Request{
		Principal: c.principal.caller(), Action: action, Resource: c.function.String(),
		ResourceAccount: c.function.Account, Context: facts,
	}
	named := policy.Named{Document: s.Document}
	var sets policy.Sets
	if s.Document.Kind() == policy.Resource {
		sets.Resource = &named
		if c.principal.Account != c.function.Account && c.principal.Account != "" {
			sets.Identity = Everything() // the other side's part
		}
	} else {
		sets.Identity = []policy.Named{named}
		request.ResourceAccount = c.principal.Account // the function's side is not asked
	}
	return policy.Evaluate(request, &sets).Effect == s.Effect
}

// deciding are the statements that by themselves let the principal do the action, or forbid it, in every call.
func (c call) deciding(d document, action string, effect policy.Effect) []Statement {
	return slices.DeleteFunc(slices.Clone(d.statements), func(s Statement) bool {
		return s.Effect != effect || !c.matches(s, action)
	})
}

// names lists statements.
func names(statements []Statement) string {
	list := make([]string, len(statements))
	for i, s := range statements {
		list[i] = "statement " + cmp.Or(s.Sid, "without id")
	}
	return strings.Join(list, ", ")
}

// Permission reads a statement of a function's policy back into the permission that AddPermission made it from. ok is
// false for a statement that AddPermission could not have made.
func (s Statement) Permission() (made lambda.Permission, ok bool) {
	return lambda.ReadPermission(s.Statement)
}
