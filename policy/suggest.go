package policy

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
)

// Suggestion is a statement that is missing from the policies of one type.
type Suggestion struct {
	Type      PolicyType
	Level     int    // of a service control policy: the level that lacks it
	Sid       string // unique in the resource-based policy; "" for other types
	Principal string // of a resource-based policy: "*", an ARN or a service's name
	Provider  bool   // the principal is an identity provider
	Service   bool   // the principal is a service
	Action    string
	Resource  string // as a pattern: characters that would be wildcards are escaped; "" in a trust policy
	// Conditions keep the statement as narrow as the request.
	Conditions []SuggestedCondition
}

// SuggestedCondition is one condition of a [Suggestion].
type SuggestedCondition struct{ Operator, Key, Value string }

// JSON returns the statement as IAM JSON, for a document of version 2012-10-17.
func (s Suggestion) JSON() []byte {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			b.WriteString(`"` + name + `":` + jsonString(value) + `,`)
		}
	}
	b.WriteByte('{')
	field("Sid", s.Sid)
	field("Effect", "Allow")
	switch {
	case s.Principal == "" || s.Principal == "*":
		field("Principal", s.Principal)
	case s.Service:
		b.WriteString(`"Principal":{"Service":` + jsonString(s.Principal) + `},`)
	case s.Provider:
		b.WriteString(`"Principal":{"Federated":` + jsonString(s.Principal) + `},`)
	default:
		b.WriteString(`"Principal":{"AWS":` + jsonString(s.Principal) + `},`)
	}
	field("Action", s.Action)
	field("Resource", s.Resource)
	if len(s.Conditions) > 0 {
		b.WriteString(`"Condition":{`)
		for _, c := range s.Conditions {
			b.WriteString(jsonString(c.Operator) + `:{` + jsonString(c.Key) + `:` + jsonString(c.Value) + `},`)
		}
		return []byte(strings.TrimSuffix(b.String(), ",") + "}}")
	}
	return []byte(strings.TrimSuffix(b.String(), ",") + "}")
}

func jsonString(s string) string {
	b, _ := json.Marshal(s) // strings always marshal
	return string(b)
}

// Suggest returns the smallest statements that, added to the policies named, would allow a request that no policy
// allows. Where the identity-based or the resource-based policy would do, prefer says which of the two is to grant;
// its other values count as IdentityBased. The result is nil if the request is allowed, if a Deny forbids it, since no
// addition helps against that, or if the request itself cannot be written as a statement.
func Suggest(in Request, sets *Sets, prefer PolicyType) []Suggestion {
	sets = cmp.Or(sets, new(Sets))
	c := newCall(&in, sets)
	var e evaluation
	if e.decide(&c, sets).Effect != ImplicitlyDenied {
		return nil
	}
	missing := e.missing(&c)
	eitherSide := missing&(1<<IdentityBased) != 0 && c.sameAccount
	if missing&(1<<ResourceBased) != 0 || prefer == ResourceBased && eitherSide {
		e.grant |= bySelf
		if c.principal.Type == RoleSession {
			e.grant = e.grant&^bySelf | byIssuer
		}
		missing = e.missing(&c) | 1<<ResourceBased
	}
	var list []Suggestion
	for _, g := range gaps(missing, &c, sets) {
		s := newSuggestion(&c, g, sets)
		if !s.covers(&c) {
			return nil
		}
		list = append(list, s)
	}
	return list
}

// covers reports whether the statement passes the grammar and matches the call. It fails for requests that name an
// action, resource or principal that no statement can name.
func (s Suggestion) covers(c *call) bool {
	kind := Identity
	if s.Type == ResourceBased {
		kind = c.resourceKind
	}
	d, err := Parse([]byte(`{"Version":"2012-10-17","Statement":`+string(s.JSON())+`}`), kind)
	return err == nil && d.statements[0].matches(c) != 0
}

func newSuggestion(c *call, g gap, sets *Sets) Suggestion {
	s := Suggestion{Type: g.kind, Level: g.level, Action: c.action, Resource: escapeWildcards(c.resource)}
	if c.resource == "*" {
		s.Resource = "*"
	}
	switch g.kind {
	case ResourceBased:
		s.Sid = freeSid("Allow"+c.name, sets.Resource)
		_, s.Principal = c.principal.grantee()
		s.Service, s.Provider = c.principal.Type == Service, c.principal.Type == IdentityProvider
		if c.resourceKind == Trust {
			s.Resource = ""
		}
		s.narrow(c)
	case IdentityBased:
		s.narrow(c)
	}
	return s
}

// narrow adds the conditions that AWS's own examples for function URLs have (AWS Lambda Developer Guide, "Control
// access to Lambda function URLs"), and the caller's source for a service.
func (s *Suggestion) narrow(c *call) {
	add := func(operator, key, value string) {
		s.Conditions = append(s.Conditions, SuggestedCondition{operator, key, value})
	}
	value := func(key string) string {
		if values := lookup(c.ctx, key); len(values) == 1 {
			return values[0]
		}
		return ""
	}
	if auth := value(keyAuthType); auth != "" && equalFold(c.action, actionInvokeURL) {
		add("StringEquals", keyAuthType, escapeVariables(auth))
	}
	if value(keyViaURL) == "true" && equalFold(c.action, actionInvoke) {
		add("Bool", keyViaURL, "true")
	}
	if !s.Service {
		return
	}
	if source, owner := value("aws:SourceArn"), value("aws:SourceAccount"); arnMatch("\xff", source) {
		add("ArnLike", "aws:SourceArn", escapeWildcards(source))
	} else if owner != "" {
		add("StringEquals", "aws:SourceAccount", escapeVariables(owner))
	}
}

// The two actions of a function URL and the condition key that comes with each.
const (
	actionInvokeURL = "lambda:InvokeFunctionUrl"
	actionInvoke    = "lambda:InvokeFunction"
	keyAuthType     = "lambda:FunctionUrlAuthType"
	keyViaURL       = "lambda:InvokedViaFunctionUrl"
)

// freeSid returns a Sid that no statement of the policy has.
func freeSid(base string, named *Named) string {
	taken := make(map[string]bool)
	if named != nil {
		for _, s := range named.statements() {
			taken[s.sid] = true
		}
	}
	sid := base
	for n := 2; taken[sid]; n++ {
		sid = base + strconv.Itoa(n)
	}
	return sid
}

var wildcardEscaper = strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}")

// escapeWildcards writes text as a pattern that matches it alone.
func escapeWildcards(s string) string { return wildcardEscaper.Replace(s) }

// escapeVariables writes text so that no part of it reads as a policy variable.
func escapeVariables(s string) string { return strings.ReplaceAll(s, "${", "${$}{") }
