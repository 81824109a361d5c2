package policyio

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/policy"
)

// question is one line of input.
type question struct {
	ID                 json.RawMessage            `json:"id"`        // any JSON value; answered as it is
	Principal          string                     `json:"principal"` // an ARN, the name of a service, or Anonymous
	Action             string                     `json:"action"`
	Resource           string                     `json:"resource"`
	ResourceAccount    string                     `json:"resourceAccount"` // "" means the one in the resource's ARN, else the caller's own
	Context            map[string]json.RawMessage `json:"context"`         // texts, numbers and booleans, or lists of them
	IdentityPolicies   []json.RawMessage          `json:"identityPolicies"`
	ResourcePolicy     json.RawMessage            `json:"resourcePolicy"`
	PermissionBoundary json.RawMessage            `json:"permissionBoundary"`
	SessionPolicy      json.RawMessage            `json:"sessionPolicy"` // a policy, or a list of them
	SCPs               [][]json.RawMessage        `json:"SCPs"`          // by level, the organization's root first
}

// readQuestion reads a line. The id is returned even if the rest is wrong, as far as it could be read.
func readQuestion(line []byte) (q question, err error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&q); err != nil {
		return q, fmt.Errorf("not a question: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return q, errors.New("not a question: text after the object")
	}
	for _, field := range [][2]string{{"principal", q.Principal}, {"action", q.Action}, {"resource", q.Resource}} {
		if field[1] == "" {
			return q, fmt.Errorf("%s is missing", field[0])
		}
	}
	if !strings.Contains(q.Action, ":") {
		return q, fmt.Errorf("action: want service:Action, got %q", q.Action)
	}
	if q.ResourceAccount != "" && !arn.IsAccount(q.ResourceAccount) {
		return q, fmt.Errorf("resourceAccount: want 12 digits, got %q", q.ResourceAccount)
	}
	return q, nil
}

// request turns the question into what the policies are asked.
func (q *question) request() (policy.Request, error) {
	values, err := q.values()
	if err != nil {
		return policy.Request{}, err
	}
	caller, err := q.caller(values)
	if err != nil {
		return policy.Request{}, err
	}
	account := cmp.Or(q.ResourceAccount, arn.AccountOf(q.Resource))
	return policy.Request{Principal: caller, Action: q.Action, Resource: q.Resource, ResourceAccount: account, Context: values}, nil
}

// caller is the principal, with what the context tells about it: the ARN of a session has neither the path of its role
// nor the unique id that policies keep of a deleted user or role.
func (q *question) caller(values policy.Values) (*policy.Principal, error) {
	if q.Principal == "Anonymous" || q.Principal == "anonymous" || q.Principal == "*" {
		return &policy.Principal{}, nil
	}
	p, err := policy.ParsePrincipal(q.Principal)
	if err != nil {
		return nil, fmt.Errorf("principal: %w", err)
	}
	if p.Type == policy.Service && strings.HasPrefix(strings.ToLower(q.Action), "sts:assumerolewith") {
		p.Type = policy.IdentityProvider // cognito-identity.amazonaws.com
	}
	switch id := one(values, "aws:userid"); p.Type {
	case policy.User:
		p.UniqueID = id
	case policy.RoleSession:
		p.UniqueID, _, _ = strings.Cut(id, ":")
		if arn := one(values, "aws:PrincipalArn"); sameRole(arn, p.RoleARN) {
			p.RoleARN = arn
		}
	}
	return &p, nil
}

// sameRole reports whether arn is that of the role without path, whatever its own path.
func sameRole(arn, role string) bool {
	prefix, name, _ := strings.Cut(role, ":role/")
	return strings.HasPrefix(arn, prefix+":role/") && strings.HasSuffix(arn, "/"+name)
}

// one returns the value of a key that has one, else "".
func one(values policy.Values, key string) string {
	if list, _ := values.Lookup(key); len(list) == 1 {
		return list[0]
	}
	return ""
}

// values reads the context.
func (q *question) values() (policy.Values, error) {
	values := make(policy.Values, len(q.Context))
	for key, raw := range q.Context {
		if _, twice := values.Lookup(key); twice {
			return nil, fmt.Errorf("context: the key %q is given twice; names of keys do not differ in case", key)
		}
		var value any
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber() // numbers compare as they are written
		if err := decoder.Decode(&value); err != nil {
			return nil, fmt.Errorf("context: %q: %w", key, err)
		}
		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}
		texts := make([]string, len(list))
		for i, v := range list {
			switch v.(type) {
			case string, json.Number, bool:
				texts[i] = fmt.Sprint(v)
			default:
				return nil, fmt.Errorf("context: %q: want text, a number, a boolean or a list of them", key)
			}
		}
		values[key] = texts
	}
	return values, nil
}
