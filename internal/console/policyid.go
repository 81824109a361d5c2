//go:build unix

package console

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
)

// PolicyRef names a policy that the console can show.
type PolicyRef struct {
	ID      string     `json:"id"` // of a policyID
	Kind    policyKind `json:"kind"`
	Name    string     `json:"name"` // for people
	Account string     `json:"account"`
}

// policyKind is where a policy is kept.
type policyKind string

const (
	resourcePolicy policyKind = "resource" // of a function or an alias
	inlinePolicy   policyKind = "inline"   // of an owner
	managedPolicy  policyKind = "managed"
	trustPolicy    policyKind = "trust"    // of a role
	boundaryPolicy policyKind = "boundary" // of a user or role: the managed policy that bounds it
)

// policyID says which policy is meant. It may name one that does not exist, or not yet. Which fields are set depends on
// the kind.
type policyID struct {
	kind     policyKind
	function lambda.ARN // of a resource policy, with the URL's qualifier
	account  string     // of the owner
	owner    iam.Owner  // of an inline policy, a trust policy or a boundary
	name     string     // of an inline policy
	arn      string     // of the managed policy, also as a boundary
}

func resourcePolicyID(function lambda.ARN) policyID {
	return policyID{kind: resourcePolicy, function: function}
}

func inlinePolicyID(account string, owner iam.Owner, name string) policyID {
	return policyID{kind: inlinePolicy, account: account, owner: owner, name: name}
}

func managedPolicyID(arn string) policyID { return policyID{kind: managedPolicy, arn: arn} }

func trustPolicyID(account, role string) policyID {
	return policyID{kind: trustPolicy, account: account, owner: iam.Owner{Kind: iam.OfRole, Name: role}}
}

func boundaryPolicyID(account string, owner iam.Owner, arn string) policyID {
	return policyID{kind: boundaryPolicy, account: account, owner: owner, arn: arn}
}

// String is what parsePolicyID reads. The names of IAM have no slash, and an ARN comes last.
func (p policyID) String() string {
	owner := p.account + "/" + string(p.owner.Kind) + "/" + p.owner.Name
	switch p.kind {
	case resourcePolicy:
		return string(p.kind) + "/" + p.function.String()
	case managedPolicy:
		return string(p.kind) + "/" + p.arn
	case trustPolicy:
		return string(p.kind) + "/" + owner
	case inlinePolicy:
		return string(p.kind) + "/" + owner + "/" + p.name
	default:
		return string(p.kind) + "/" + owner + "/" + p.arn
	}
}

// parsePolicyID reads the id of a PolicyRef.
func parsePolicyID(text string) (policyID, error) {
	kind, rest, _ := strings.Cut(text, "/")
	p := policyID{kind: policyKind(kind)}
	ok := false
	switch p.kind {
	case resourcePolicy:
		var err error
		p.function, err = arn.ParseFunctionARN(rest)
		ok = err == nil
	case managedPolicy:
		p.arn, ok = rest, isPolicyARN(rest)
	case trustPolicy, inlinePolicy, boundaryPolicy:
		ok = p.parseOwned(rest)
	}
	if !ok || p.String() != text {
		return policyID{}, &Fault{http.StatusBadRequest,
			fmt.Sprintf("%.200q is not the id of a policy: take one that the console's lists have", text)}
	}
	return p, nil
}

// parseOwned reads the id of a policy that belongs to a user, role or group.
func (p *policyID) parseOwned(text string) bool {
	parts := strings.SplitN(text, "/", 4)
	if len(parts) < 3 || !arn.IsAccount(parts[0]) || parts[2] == "" {
		return false
	}
	p.account, p.owner = parts[0], iam.Owner{Kind: iam.OwnerKind(parts[1]), Name: parts[2]}
	switch p.owner.Kind {
	case iam.OfRole, iam.OfUser:
	case iam.OfGroup:
		if p.kind != inlinePolicy {
			return false
		}
	default:
		return false
	}
	if p.kind == trustPolicy {
		return len(parts) == 3 && p.owner.Kind == iam.OfRole
	}
	if len(parts) != 4 {
		return false
	}
	if p.kind == boundaryPolicy {
		p.arn = parts[3]
		return isPolicyARN(p.arn)
	}
	p.name = parts[3]
	return p.name != "" && !strings.Contains(p.name, "/")
}

func isPolicyARN(text string) bool {
	parsed, ok := iam.ParseARN(text)
	return ok && parsed.Type == "policy"
}

// ref is the policy as the page names it.
func (p policyID) ref() PolicyRef {
	ref := PolicyRef{ID: p.String(), Kind: p.kind, Account: p.account}
	switch p.kind {
	case resourcePolicy:
		ref.Account = p.function.Account
		ref.Name = "resource-based policy of " + p.function.Short()
	case inlinePolicy:
		ref.Name = fmt.Sprintf("inline policy %q of %s", p.name, p.owner)
	case trustPolicy:
		ref.Name = "trust policy of " + p.owner.String()
	case managedPolicy:
		ref.Account = arn.AccountOf(p.arn)
		ref.Name = fmt.Sprintf("managed policy %q", policyName(p.arn))
	case boundaryPolicy:
		ref.Name = fmt.Sprintf("permissions boundary %q of %s", policyName(p.arn), p.owner)
	}
	return ref
}

// policyName is the name in the ARN of a managed policy.
func policyName(text string) string {
	parsed, _ := iam.ParseARN(text)
	return parsed.Name
}
