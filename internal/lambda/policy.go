package lambda

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/furl-dev/furl/policy"
)

// Policy is the resource-based policy of a function, a version or an alias, written by AddPermission, statement
// by statement, or PutResourcePolicy as a whole. It never changes.
type Policy struct {
	// Text is IAM JSON. It names users and roles by their unique ids, so that one that was deleted and made again under
	// its old name does not match.
	Text       string
	RevisionID string // a UUID, new with every change; "" for a policy from before policies had revisions
}

// SetPolicy gives the qualifier a policy, in the place of the one that it has; "" leaves it without.
func (f *Function) SetPolicy(qualifier, text, revision string) {
	if text == "" {
		delete(f.Policies, qualifier)
		return
	}
	if f.Policies == nil {
		f.Policies = map[string]Policy{}
	}
	f.Policies[qualifier] = Policy{Text: text, RevisionID: revision}
}

// Document is the policy as it was written; nil if there is none.
func (p Policy) Document() (*policy.Document, error) {
	if p.Text == "" {
		return nil, nil
	}
	return policy.ParseTaken([]byte(p.Text), policy.Resource)
}

// Shown is the text as the API shows it. show turns a stored principal into the one to print: AWS prints the ARN of a
// user or role for as long as it exists (IAM User Guide, "AWS JSON policy elements: Principal").
func (p Policy) Shown(show func(principal string) string) (string, error) {
	document, err := p.Document()
	if err != nil || document == nil {
		return "", err
	}
	shown, err := document.MapPrincipals(show)
	if err != nil {
		return "", err
	}
	return shown.Source(), nil
}

// With is the text of the policy with one more statement.
func (p Policy) With(statement json.RawMessage) (string, error) {
	document, err := p.Document()
	if err != nil {
		return "", err
	}
	return WithStatements(document, append(statementsOf(document), statement)), nil
}

// Without is the text of the policy without the statement that has the id; "" if there is none left.
func (p Policy) Without(sid string) (string, error) {
	document, err := p.Document()
	if err != nil {
		return "", err
	}
	statements := statementsOf(document)
	if i := IndexOfStatement(document, sid); i >= 0 {
		statements = slices.Delete(statements, i, i+1)
	}
	return WithStatements(document, statements), nil
}

func statementsOf(document *policy.Document) (statements []json.RawMessage) {
	if document == nil {
		return nil
	}
	for _, statement := range document.Statements() {
		statements = append(statements, statement.JSON)
	}
	return statements
}

// IndexOfStatement is the place of the statement with the id in the document; -1 if there is none.
func IndexOfStatement(document *policy.Document, sid string) int {
	if document == nil {
		return -1
	}
	return slices.IndexFunc(document.Statements(), func(s policy.Statement) bool { return s.Sid == sid })
}

// IsWhole reports whether the document, which may be nil, has statements that AddPermission could not have made: then
// somebody puts it as a whole.
func IsWhole(document *policy.Document) bool {
	return document != nil && slices.ContainsFunc(document.Statements(), func(s policy.Statement) bool {
		_, ok := ReadPermission(s)
		return !ok || s.Sid == ""
	})
}

// WithStatements is the text of the document with other statements: "" without any, and for no document that of a policy
// as AddPermission begins one.
func WithStatements(document *policy.Document, statements []json.RawMessage) string {
	version, id := "2012-10-17", "default"
	if document != nil {
		var head struct{ Version string } // "" if the document has none, which policy.Document does not tell from the oldest
		_ = json.Unmarshal([]byte(document.Source()), &head)
		version, id = head.Version, document.ID()
	}
	if len(statements) == 0 {
		return ""
	}
	return string(marshal(struct {
		Version   string `json:",omitempty"`
		ID        string `json:"Id,omitempty"`
		Statement []json.RawMessage
	}{version, id, statements}))
}

// PolicyText is the resource-based policy that the permissions make up, as GetPolicy returns it; "" without any.
func PolicyText(permissions []Permission, resource fmt.Stringer, show func(principal string) string) string {
	statements := make([]json.RawMessage, len(permissions))
	for i, permission := range permissions {
		statements[i] = permission.Statement(resource, show)
	}
	return WithStatements(nil, statements)
}

// Stored leaves a principal of a permission as it is kept.
func Stored(principal string) string { return principal }

// compiled is the policy that requests are judged by. What cannot be compiled was changed by others, since the API
// refuses it; it then refuses everything.
func (p Policy) compiled() *policy.Document {
	document, err := p.Document()
	if err != nil {
		return refuseAll()
	}
	return document
}

// refuseAll is the policy that denies everything to everyone.
var refuseAll = sync.OnceValue(func() *policy.Document {
	document, err := policy.Parse([]byte(
		`{"Version":"2012-10-17","Statement":{"Sid":"DamagedPolicy","Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}`), policy.Resource)
	if err != nil {
		panic(err)
	}
	return document
})

// fixing are the condition keys that say who calls, or on whose behalf (AWS Config, lambda-function-public-access-
// prohibited; Amazon S3 User Guide, "The meaning of public").
var fixing = []string{
	"aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceAccount",
	"aws:SourceArn", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpce",
	"aws:userid",
}

// IsPublic reports whether the statement gives access to anybody: to the principal * without a condition that fixes who
// that is, by values without wildcards and policy variables (AWS Config, lambda-function-public-access-prohibited).
func IsPublic(s policy.Statement) bool {
	anybody := slices.Contains(s.Principals, "*") || slices.Contains(s.Principals, "AWS:*")
	return s.Effect == policy.Allowed && anybody && !slices.ContainsFunc(s.Conditions, fixesCaller)
}

func fixesCaller(c policy.Condition) bool {
	operator := strings.TrimPrefix(strings.ToLower(c.Operator), "foranyvalue:")
	switch operator {
	case "ipaddress":
		return strings.EqualFold(c.Key, "aws:SourceIp") && len(c.Values) > 0 && !slices.ContainsFunc(c.Values, isWide)
	case "stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike":
		known := func(key string) bool { return strings.EqualFold(key, c.Key) }
		open := func(value string) bool {
			return value == "" || strings.ContainsAny(value, "*?") || strings.Contains(value, "${")
		}
		return slices.ContainsFunc(fixing, known) && len(c.Values) > 0 && !slices.ContainsFunc(c.Values, open)
	}
	return false
}

// isWide reports whether a range of addresses counts as everywhere: one broader than /8, or /32 for IPv6 (Amazon S3 User
// Guide, "The meaning of public").
func isWide(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return false
	}
	network, err := netip.ParsePrefix(text)
	narrowest := 8
	if err == nil && network.Addr().Is6() {
		narrowest = 32
	}
	return err != nil || network.Bits() < narrowest
}
