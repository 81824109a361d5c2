package setup

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/policy"
)

// taken is a statement of the function's policy without what a revocation takes from it.
type taken struct {
	Statement
	changed bool              // something is taken from it
	rest    []json.RawMessage // then the statements in its place; none if nothing is left
}

// removable reports whether RemovePermission does it (Lambda API model, NamespacedStatementId).
func (t taken) removable() bool {
	const taken = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	return len(t.rest) == 0 && t.Sid != "" && len(t.Sid) <= 100 && strings.Trim(t.Sid, taken) == ""
}

// take takes from the statement what it gives to the principal for calls of the URL, and nothing else: other principals
// keep what they have, and the principal keeps its other actions. From a statement that does not name the principal and
// one of the two actions, but covers them with a pattern or an account, nothing is taken. used are the ids of statements.
func (p *Plan) take(s Statement, used map[string]bool) taken {
	unchanged := taken{Statement: s}
	if s.Denies() || s.NotPrincipal || s.NotAction || !s.CoversResource(p.Function.String()) {
		return unchanged
	}
	if p.own(s) {
		return taken{Statement: s, changed: true}
	}
	ofURL := func(action string) bool {
		return strings.EqualFold(action, lambda.ActionInvokeURL) || strings.EqualFold(action, lambda.ActionInvoke) && isViaURL(s)
	}
	named, others := split(s.Principals, p.isNamed)
	going, left := split(s.Actions, ofURL)
	if len(named) == 0 || len(going) == 0 || strings.Join(s.Sources(), " ") != p.Principal.SourceARN {
		return unchanged
	}
	t := taken{Statement: s, changed: true}
	if len(others) > 0 {
		t.rest = append(t.rest, s.with(s.Sid, others, s.Actions))
	}
	if len(left) > 0 {
		sid := s.Sid
		for len(others) > 0 && sid != "" && used[sid] {
			sid += "-rest"
		}
		used[sid] = true
		t.rest = append(t.rest, s.with(sid, named, left))
	}
	return t
}

// split is what of the list is so, and what is not.
func split(list []string, isSo func(string) bool) (so, not []string) {
	for _, one := range list {
		if isSo(one) {
			so = append(so, one)
		} else {
			not = append(not, one)
		}
	}
	return so, not
}

// own reports whether the statement is one that a grant for the principal made: by its id, with one principal, which may
// be the unique id of a role that was deleted and made again since, and one of the two actions.
func (p *Plan) own(s Statement) bool {
	urlID, invokeID := statementIDs(p.Principal)
	if s.Sid != urlID && s.Sid != invokeID || len(s.Principals) != 1 || len(s.Actions) != 1 || s.Denies() || s.NotAction {
		return false
	}
	_, name, _ := strings.Cut(s.Principals[0], ":")
	return (p.isNamed(s.Principals[0]) || uniqueID().MatchString(name)) && slices.Contains(Actions[:], s.Actions[0])
}

// isNamed reports whether a principal of a statement is the plan's.
func (p *Plan) isNamed(listed string) bool {
	switch kind, name, _ := strings.Cut(listed, ":"); p.Principal.Kind {
	case Everyone:
		return listed == "*" || listed == "AWS:*"
	case ServicePrincipal:
		return kind == "Service" && name == p.Principal.ARN
	case AccountPrincipal:
		if arn.IsAccount(name) {
			name = arn.Root(name).In(p.Function.Partition()).String()
		}
		return kind == "AWS" && name == p.Principal.ARN
	default:
		return kind == "AWS" && name == p.Principal.ARN
	}
}

// Sources are the resources that the statement is limited to by aws:SourceArn; nil if it is not.
func (s Statement) Sources() (sources []string) {
	for _, c := range s.Conditions {
		if strings.EqualFold(c.Key, "aws:SourceArn") {
			sources = append(sources, c.Values...)
		}
	}
	return sources
}

// isViaURL reports whether the statement asks for calls through the URL.
func isViaURL(s Statement) bool {
	return slices.ContainsFunc(s.Conditions, func(c policy.Condition) bool {
		return strings.EqualFold(c.Key, "lambda:InvokedViaFunctionUrl") && strings.EqualFold(c.Operator, "Bool") &&
			slices.Equal(c.Values, []string{"true"})
	})
}

// with is the statement with another id, for other principals and actions. All else stays as it was written.
func (s Statement) with(sid string, principals, actions []string) json.RawMessage {
	var elements struct {
		Sid                              string `json:",omitempty"`
		Effect                           string
		Principal, Action                any
		Resource, NotResource, Condition json.RawMessage `json:",omitempty"`
	}
	_ = json.Unmarshal(s.JSON, &elements) // it has been read before
	elements.Sid, elements.Action = sid, oneOrAll(actions)
	if slices.Contains(principals, "*") {
		elements.Principal = "*"
	} else {
		byKind := map[string][]string{}
		for _, listed := range principals {
			kind, name, _ := strings.Cut(listed, ":")
			byKind[kind] = append(byKind[kind], name)
		}
		named := map[string]any{}
		for kind, names := range byKind {
			named[kind] = oneOrAll(names)
		}
		elements.Principal = named
	}
	return compactJSON(elements)
}

func oneOrAll(list []string) any {
	if len(list) == 1 {
		return list[0]
	}
	return list
}

// compactJSON is json.Marshal without the escaping of <, > and &, which policies have in patterns.
func compactJSON(value any) json.RawMessage {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // it is made of texts
	}
	return bytes.TrimRight(text.Bytes(), "\n")
}
