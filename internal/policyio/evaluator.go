package policyio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

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
	Error    string          `json:"error,omitempty"` // what is wrong with the line; the decision is then ImplicitlyDenied

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
	sets, err := e.sets(&q)
	if err != nil {
		return failed(q.ID, err)
	}
	return answer(&q, in, sets)
}

// failed answers a line that is not understood.
func failed(id json.RawMessage, err error) Answer {
	return Answer{ID: id, Decision: policy.ImplicitlyDenied.String(), Matched: []Match{}, Reason: "the line cannot be evaluated", Error: err.Error()}
}

func answer(q *question, in policy.Request, sets *policy.Sets) Answer {
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

// sets reads the policies of a question.
func (e *Evaluator) sets(q *question) (*policy.Sets, error) {
	var (
		sets policy.Sets
		err  error
	)
	if sets.Identity, err = e.list("identityPolicies", q.IdentityPolicies); err != nil {
		return nil, err
	}
	kind := policy.Resource
	if q.isAboutRole() {
		kind = policy.Trust
	}
	if sets.Resource, err = e.optional("resourcePolicy", q.ResourcePolicy, kind); err != nil {
		return nil, err
	}
	if sets.Boundary, err = e.optional("permissionBoundary", q.PermissionBoundary, policy.Identity); err != nil {
		return nil, err
	}
	if sets.Session, err = e.session(q.SessionPolicy); err != nil {
		return nil, err
	}
	for level, policies := range q.SCPs {
		list, err := e.list(fmt.Sprintf("SCPs[%d]", level), policies)
		if err != nil {
			return nil, err
		}
		sets.SCPs = append(sets.SCPs, list)
	}
	return &sets, nil
}

// list reads policies of the identity grammar.
func (e *Evaluator) list(name string, raw []json.RawMessage) ([]policy.Named, error) {
	list := make([]policy.Named, len(raw))
	for i := range raw {
		name := fmt.Sprintf("%s[%d]", name, i)
		d, err := e.document(name, raw[i], policy.Identity)
		if err != nil {
			return nil, err
		}
		list[i] = policy.Named{Name: name, Document: d}
	}
	return list, nil
}

// optional reads a policy that may be absent or null.
func (e *Evaluator) optional(name string, raw json.RawMessage, kind policy.Kind) (*policy.Named, error) {
	if isNull(raw) {
		return nil, nil
	}
	d, err := e.document(name, raw, kind)
	if err != nil {
		return nil, err
	}
	return &policy.Named{Name: name, Document: d}, nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// session reads one session policy or a list of them: a session may have an inline one and managed ones.
func (e *Evaluator) session(raw json.RawMessage) ([]policy.Named, error) {
	if raw = bytes.TrimSpace(raw); len(raw) > 0 && raw[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, fmt.Errorf("sessionPolicy: %w", err)
		}
		return e.list("sessionPolicy", list)
	}
	named, err := e.optional("sessionPolicy", raw, policy.Identity)
	if named == nil {
		return nil, err
	}
	return []policy.Named{*named}, nil
}

// document parses a policy, given as an object or as text that holds one.
func (e *Evaluator) document(name string, raw json.RawMessage, kind policy.Kind) (*policy.Document, error) {
	text := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	key := documentKey{kind, text}
	if d, ok := e.documents[key]; ok {
		return d, nil
	}
	d, err := policy.Parse([]byte(text), kind)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if e.documents == nil || len(e.documents) >= maxDocuments {
		e.documents = make(map[documentKey]*policy.Document)
	}
	e.documents[key] = d
	return d, nil
}

// isAboutRole reports whether the resource's policy is a role's trust policy: the question is of STS about a role.
func (q *question) isAboutRole() bool {
	service, _, _ := strings.Cut(q.Action, ":")
	return strings.EqualFold(service, "sts") && strings.Contains(q.Resource, ":role/")
}
