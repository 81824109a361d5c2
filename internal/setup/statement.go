package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/policy"
)

// Statement is one statement of a policy, by itself.
type Statement struct {
	policy.Statement
	Document *policy.Document // a policy of this statement alone
}

// Statements takes a policy apart. name is what errors call it.
func Statements(name string, document *policy.Document) ([]Statement, error) {
	parts := document.Statements()
	statements := make([]Statement, len(parts))
	for i, part := range parts {
		alone, err := parseAlone(document, part.JSON)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		statements[i] = Statement{part, alone}
	}
	return statements, nil
}

// parseAlone makes a policy of one statement, in the language of the document that it is from.
func parseAlone(from *policy.Document, statement json.RawMessage) (*policy.Document, error) {
	text, err := json.Marshal(struct {
		Version   string
		Statement json.RawMessage
	}{from.Version(), statement})
	if err != nil {
		return nil, err
	}
	return policy.Parse(text, from.Kind())
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
	return parseAlone(s.Document, bare)
}

// document is a policy taken apart.
type document struct {
	text       string // "" if there is no policy
	statements []Statement
}

func parseDocument(name, text string, kind policy.Kind) (document, error) {
	parsed, err := policy.Parse([]byte(text), kind)
	if err != nil {
		return document{}, fmt.Errorf("%s: %w", name, err)
	}
	statements, err := Statements(name, parsed)
	return document{text: text, statements: statements}, err
}

// find is the statement with the id.
func (d document) find(sid string) (Statement, bool) {
	for _, s := range d.statements {
		if s.Sid == sid {
			return s, true
		}
	}
	return Statement{}, false
}

// call is a call of a function URL that a statement may be about.
type call struct {
	function  lambda.ARN // with the alias
	authType  lambda.AuthType
	principal Principal
}

// actions are the two actions that a call needs.
var actions = [...]string{lambda.ActionInvokeURL, lambda.ActionInvoke}

// facts are the condition keys that every call of the kind has. What else a real call has (its address, its time) is
// left out: a statement that asks for more than these does not let the principal in each time.
func (c call) facts(action string) policy.Values {
	facts := policy.Values{}
	if caller := c.principal.caller(); caller != nil {
		facts = caller.Keys()
	}
	if action == lambda.ActionInvokeURL {
		facts["lambda:FunctionUrlAuthType"] = []string{string(c.authType)}
	} else {
		facts["lambda:InvokedViaFunctionUrl"] = []string{"true"}
	}
	if c.principal.SourceARN != "" {
		facts["aws:SourceArn"] = []string{c.principal.SourceARN}
	}
	return facts
}

// everything is the policy of a caller whose own account lets it do all.
var everything = policy.Named{Name: "everything", Document: mustParse(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)}

func mustParse(text string) *policy.Document {
	parsed, err := policy.Parse([]byte(text), policy.Identity)
	if err != nil {
		panic(err)
	}
	return parsed
}

// matches reports whether the statement, on the resource's side or on the caller's, decides the action on its own.
func (c call) matches(s Statement, action string) bool {
	facts := c.facts(action)
	for _, key := range s.Document.ContextKeys() {
		if _, ok := facts.Lookup(key); !ok {
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
			sets.Identity = []policy.Named{everything} // the other side's part
		}
	} else {
		sets.Identity = []policy.Named{named}
		request.ResourceAccount = c.principal.Account // the function's side is not asked
	}
	decision := policy.Evaluate(request, &sets)
	if s.Denies() {
		return decision.Effect == policy.ExplicitlyDenied
	}
	return decision.Effect == policy.Allowed
}

// granting are the statements that let the principal do the action.
func (c call) granting(d document, action string) []Statement {
	return slices.DeleteFunc(slices.Clone(d.statements), func(s Statement) bool { return s.Denies() || !c.matches(s, action) })
}

// denying are the statements that forbid the principal the action in every call.
func (c call) denying(d document, action string) []Statement {
	return slices.DeleteFunc(slices.Clone(d.statements), func(s Statement) bool { return !s.Denies() || !c.matches(s, action) })
}

// name is how people are told of a statement.
func (s Statement) name() string {
	if s.Sid == "" {
		return "statement without id"
	}
	return "statement " + s.Sid
}

// names lists statements.
func names(statements []Statement) string {
	list := make([]string, len(statements))
	for i, s := range statements {
		list[i] = s.name()
	}
	return strings.Join(list, ", ")
}

// Permission reads a statement of a function's policy back into the permission that AddPermission made it from. ok is
// false for a statement that AddPermission could not have made.
func (s Statement) Permission() (made lambda.Permission, ok bool) {
	var read struct {
		Sid, Effect string
		Principal   json.RawMessage
		Action      string
		Resource    string
		Condition   map[string]map[string]string
	}
	decoder := json.NewDecoder(bytes.NewReader(s.JSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil || read.Effect != "Allow" {
		return lambda.Permission{}, false
	}
	made = lambda.Permission{StatementID: read.Sid, Action: read.Action}
	var anyone string
	var named struct{ AWS, Service string }
	switch {
	case json.Unmarshal(read.Principal, &anyone) == nil && anyone == "*":
		made.Principal.Anyone = true
	case json.Unmarshal(read.Principal, &named) == nil && (named.AWS == "") != (named.Service == ""):
		made.Principal = lambda.PermissionPrincipal{AWS: named.AWS, Service: named.Service}
	default:
		return lambda.Permission{}, false
	}
	for operator, keys := range read.Condition {
		for key, value := range keys {
			switch strings.ToLower(operator + " " + key) {
			case "stringequals lambda:functionurlauthtype":
				made.FunctionURLAuthType = lambda.AuthType(value)
			case "bool lambda:invokedviafunctionurl":
				via := value == "true"
				made.InvokedViaURL = &via
			case "arnlike aws:sourcearn":
				made.SourceARN = value
			case "stringequals aws:sourceaccount":
				made.SourceAccount = value
			case "stringequals aws:principalorgid":
				made.PrincipalOrgID = value
			case "stringequals lambda:eventsourcetoken":
				made.EventSourceToken = value
			default:
				return lambda.Permission{}, false
			}
		}
	}
	return made, true
}
