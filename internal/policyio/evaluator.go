package policyio

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/policy"
)

// Evaluator answers questions. It keeps the policies it has read, since the lines of a file often share them. The zero
// value is ready; it is not safe for concurrent use.
type Evaluator struct {
	documents map[documentKey]*policy.Document
}

type documentKey struct {
	kind policy.Kind
	text string
}

// maxDocuments bounds the documents kept; beyond it they are forgotten all at once.
const maxDocuments = 1024

// Answer is one line of output. Fields are only added to it.
type Answer struct {
	ID       json.RawMessage `json:"id"`
	Decision string          `json:"decision"` // Allowed, ImplicitlyDenied or ExplicitlyDenied
	Matched  []Match         `json:"matched"`  // every statement that matched
	Reason   string          `json:"reason"`
	Error    string          `json:"error,omitempty"`    // what is wrong with the line; the decision is then ImplicitlyDenied
	Warnings []string        `json:"warnings,omitempty"` // what AWS takes in the policies although it does nothing

	// of an implicit deny
	NearestMisses []Miss       `json:"nearestMisses,omitempty"` // statements that failed on one element only, nearest first
	Suggestions   []Suggestion `json:"suggestions,omitempty"`   // the smallest statements that would allow it
}

// Match is a statement that matched.
type Match struct {
	Policy    string `json:"policy"`    // the field of the line, such as identityPolicies[0]
	Statement string `json:"statement"` // Statement[1], or Statement if there is no list
	Sid       string `json:"sid,omitempty"`
	Effect    string `json:"effect"` // Allow or Deny
}

// Miss is an element of a statement that kept it from allowing the request.
type Miss struct {
	Policy  string   `json:"policy"`
	Element string   `json:"element"` // its path in the policy
	Sid     string   `json:"sid,omitempty"`
	Wanted  []string `json:"wanted"`
	Got     []string `json:"got"` // null for a condition key that is absent
}

// Suggestion is a statement to add.
type Suggestion struct {
	Policy    string          `json:"policy"` // the type of policy to add it to
	Statement json.RawMessage `json:"statement"`

	// As is what it grants as cli, cloudformation and terraform, if it lets somebody call a function URL.
	As map[snippet.Form]string `json:"as,omitempty"`
}

// Evaluate answers one line.
func (e *Evaluator) Evaluate(line []byte) Answer {
	q, err := readQuestion(line)
	if err != nil {
		return failed(q.ID, err)
	}
	in, err := q.request()
	if err != nil {
		return failed(q.ID, err)
	}
	r := reader{Evaluator: e}
	sets := r.sets(&q)
	if r.err != nil {
		return failed(q.ID, r.err)
	}
	a := answer(&q, in, sets)
	a.Warnings = r.warnings
	return a
}

// failed answers a line that is not understood.
func failed(id json.RawMessage, err error) Answer {
	return Answer{
		ID: id, Decision: policy.ImplicitlyDenied.String(), Matched: []Match{},
		Reason: "the line cannot be evaluated", Error: err.Error(),
	}
}

// outright answers what is decided whatever the policies say (AWS STS API Reference, GetCallerIdentity and AssumeRole;
// IAM User Guide, "Compare AWS STS credentials"); false if they are to be asked.
func outright(q *question, caller *policy.Principal) (effect policy.Effect, reason string, ok bool) {
	service, operation, _ := strings.Cut(strings.ToLower(q.Action), ":")
	session := caller.Type == policy.RoleSession || caller.Type == policy.FederatedUser
	switch {
	case caller.Type == policy.Anonymous:
		return 0, "", false
	case service == "sts" && operation == "getcalleridentity":
		return policy.Allowed, "GetCallerIdentity needs no permission, and no policy can deny it", true
	case service == "sts" && operation == "assumerole" && caller.Type == policy.Root:
		return policy.ImplicitlyDenied, "roles may not be assumed by the root user", true
	case caller.Type == policy.FederatedUser && (service == "sts" || service == "iam"),
		session && service == "sts" && (operation == "getsessiontoken" || operation == "getfederationtoken"):
		return policy.ImplicitlyDenied, "a session like the caller's cannot use this operation", true
	case service == "sts" && operation == "getsessiontoken":
		return policy.Allowed, "GetSessionToken needs no permission, and no policy can deny it", true
	}
	return 0, "", false
}

func answer(q *question, in policy.Request, sets *policy.Sets) Answer {
	if effect, reason, ok := outright(q, in.Principal); ok {
		return Answer{ID: q.ID, Decision: effect.String(), Matched: []Match{}, Reason: reason}
	}
	d := policy.Evaluate(in, sets)
	a := Answer{ID: q.ID, Decision: d.Effect.String(), Matched: make([]Match, len(d.Matched)), Reason: d.Reason.String()}
	for i, r := range d.Matched {
		a.Matched[i] = Match{Policy: r.Policy, Statement: r.Path(), Sid: r.Sid(), Effect: "Allow"}
		if r.Effect == policy.ExplicitlyDenied {
			a.Matched[i].Effect = "Deny"
		}
	}
	for i, r := range d.Deciding() {
		separator := ", "
		if i == 0 {
			separator = map[policy.Effect]string{policy.Allowed: " by ", policy.ExplicitlyDenied: ": "}[d.Effect]
		}
		a.Reason += separator + r.Policy + "." + r.Path()
	}
	if d.Effect != policy.ImplicitlyDenied {
		return a
	}
	for _, m := range policy.NearestMisses(in, sets) {
		a.NearestMisses = append(a.NearestMisses, Miss{Policy: m.Policy, Element: m.Path(), Sid: m.Sid(), Wanted: m.Wanted, Got: m.Got})
	}
	for _, s := range policy.Suggest(in, sets, policy.IdentityBased) {
		name := s.Type.String()
		if s.Type == policy.ServiceControlPolicy {
			name = fmt.Sprintf("%s of level %d", name, s.Level)
		}
		a.Suggestions = append(a.Suggestions, Suggestion{Policy: name, Statement: s.JSON(), As: forms(q, s)})
	}
	return a
}

// sets reads the policies of a question. A role that has no trust policy is one that nobody may assume.
func (r *reader) sets(q *question) *policy.Sets {
	kind := policy.Resource
	if q.isAboutRole() {
		kind = policy.Trust
	}
	sets := &policy.Sets{
		Identity: r.list("identityPolicies", q.IdentityPolicies),
		Resource: r.optional("resourcePolicy", q.ResourcePolicy, kind),
		Boundary: r.optional("permissionBoundary", q.PermissionBoundary, policy.Identity),
		Session:  r.session(q.SessionPolicy),
	}
	for level, policies := range q.SCPs {
		sets.SCPs = append(sets.SCPs, r.list(fmt.Sprintf("SCPs[%d]", level), policies))
	}
	if kind == policy.Trust && sets.Resource == nil {
		sets.Resource = &policy.Named{Name: "resourcePolicy", Document: policy.Empty(policy.Trust)}
	}
	return sets
}

// reader reads the policies of one question.
type reader struct {
	*Evaluator
	err      error // the first
	warnings []string
}

// named reads a policy.
func (r *reader) named(name string, raw json.RawMessage, kind policy.Kind) policy.Named {
	document, err := r.document(raw, kind)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: %w", name, err)
	}
	if document != nil {
		for _, warning := range document.Warnings() {
			r.warnings = append(r.warnings, name+": "+warning.Error())
		}
	}
	return policy.Named{Name: name, Document: document}
}

// list reads policies of the identity grammar.
func (r *reader) list(name string, raw []json.RawMessage) []policy.Named {
	list := make([]policy.Named, len(raw))
	for i := range raw {
		list[i] = r.named(fmt.Sprintf("%s[%d]", name, i), raw[i], policy.Identity)
	}
	return list
}

// optional reads a policy that may be absent or null.
func (r *reader) optional(name string, raw json.RawMessage, kind policy.Kind) *policy.Named {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	return new(r.named(name, raw, kind))
}

// session reads one session policy or a list of them: a session may have an inline one and managed ones.
func (r *reader) session(raw json.RawMessage) []policy.Named {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && list != nil {
		return r.list("sessionPolicy", list)
	}
	if one := r.optional("sessionPolicy", raw, policy.Identity); one != nil {
		return []policy.Named{*one}
	}
	return nil
}

// document parses a policy, given as an object or as text that holds one.
func (e *Evaluator) document(raw json.RawMessage, kind policy.Kind) (*policy.Document, error) {
	text := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, err
		}
	}
	key := documentKey{kind, text}
	if d, ok := e.documents[key]; ok {
		return d, nil
	}
	d, err := policy.Parse([]byte(text), kind)
	if err != nil {
		return nil, err
	}
	if e.documents == nil || len(e.documents) >= maxDocuments {
		e.documents = make(map[documentKey]*policy.Document)
	}
	e.documents[key] = d
	return d, nil
}

// isAboutRole reports whether the resource's policy is a role's trust policy: the question is of STS about a role.
func (q *question) isAboutRole() bool {
	operation, isSTS := strings.CutPrefix(strings.ToLower(q.Action), "sts:")
	return isSTS && (strings.HasPrefix(operation, "assumerole") || strings.Contains(q.Resource, ":role/"))
}

// forms writes down what a suggestion grants in the other forms in which people keep it. It is nil for suggestions
// that are not about calling a function URL, and for callers that such a form cannot name.
func forms(q *question, s policy.Suggestion) map[snippet.Form]string {
	function, err := arn.ParseFunctionARN(q.Resource)
	if err != nil || s.Action != lambda.ActionInvoke && s.Action != lambda.ActionInvokeURL {
		return nil
	}
	var part snippet.Part
	switch s.Type {
	case policy.IdentityBased:
		part = inlinePolicy(q, s, function)
	case policy.ResourceBased:
		part = permission(s, function)
	}
	if part == nil {
		return nil
	}
	as := map[snippet.Form]string{}
	for _, form := range []snippet.Form{snippet.CLI, snippet.CloudFormation, snippet.Terraform} {
		as[form] = part.As(form)
	}
	return as
}

// inlinePolicy is the suggestion as a policy of the calling role or user; nil for other callers.
func inlinePolicy(q *question, s policy.Suggestion, function lambda.ARN) snippet.Part {
	caller, ok := ownerOf(q.Principal)
	if !ok {
		return nil
	}
	name := "call-" + function.Name + "-url"
	if s.Action == lambda.ActionInvoke {
		name = "call-" + function.Name + "-invoke"
	}
	return snippet.InlinePolicy{
		Owner: caller, Name: name,
		Document: `{"Version":"2012-10-17","Statement":[` + string(s.JSON()) + `]}`,
	}
}

// ownerOf is the user, or the role of a session, whose own policies a caller has.
func ownerOf(principal string) (owner iam.Owner, ok bool) {
	arn, _ := arn.ParsePrincipal(principal)
	switch arn.Type {
	case "user":
		return iam.Owner{Kind: iam.OfUser, Name: arn.Name}, true
	case "assumed-role":
		role, _, _ := strings.Cut(arn.Name, "/")
		return iam.Owner{Kind: iam.OfRole, Name: role}, true
	default:
		return iam.Owner{}, false
	}
}

// permission is the suggestion as a statement of the function's policy; nil if it is not about its URL only.
func permission(s policy.Suggestion, function lambda.ARN) snippet.Part {
	if s.Service || s.Provider {
		return nil
	}
	made := lambda.Permission{StatementID: s.Sid, Action: s.Action, Principal: lambda.PermissionPrincipal{AWS: s.Principal}}
	if s.Principal == "*" {
		made.Principal = lambda.PermissionPrincipal{Anyone: true}
	}
	for _, condition := range s.Conditions {
		switch {
		case s.Action == lambda.ActionInvokeURL && condition.Key == "lambda:FunctionUrlAuthType":
			made.FunctionURLAuthType = lambda.AuthType(condition.Value)
		case s.Action == lambda.ActionInvoke && condition.Key == "lambda:InvokedViaFunctionUrl":
			made.InvokedViaURL = new(true)
		default:
			continue
		}
		return snippet.Permission{Function: function, Permission: made}
	}
	return nil
}
