package iamapi

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"unicode"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// parseIdentity compiles an identity-based policy.
func parseIdentity(text string) (iam.Policy, error) {
	parsed, err := iam.ParsePolicy(text, policy.Identity)
	if err != nil {
		return iam.Policy{}, malformed(err)
	}
	return parsed, nil
}

// parseTrust compiles a role's trust policy. Users and roles that it names must exist, and are kept by unique id, so
// that a later one of the same name does not inherit the trust (IAM User Guide, "AWS JSON policy elements:
// Principal").
func parseTrust(text string, world *state.Snapshot) (iam.Policy, error) {
	if !json.Valid([]byte(text)) {
		return iam.Policy{}, malformedPolicy("This policy contains invalid Json")
	}
	if length(text) > maxTrust {
		return iam.Policy{}, overQuota("ACLSizePerRole", maxTrust)
	}
	given, err := policy.Parse([]byte(text), policy.Trust)
	if err != nil {
		return iam.Policy{}, malformed(err)
	}
	unknown := ""
	stored, err := given.MapPrincipals(func(principal string) string {
		id, ok := storedPrincipal(world, principal)
		if !ok && unknown == "" {
			unknown = principal
		}
		return id
	})
	if unknown != "" {
		return iam.Policy{}, malformedPolicy("Invalid principal in policy: %q:%q", "AWS", unknown)
	}
	if err != nil {
		return iam.Policy{}, malformed(err)
	}
	return iam.NewPolicy(stored), nil
}

// storedPrincipal is how a principal of type AWS is kept. ok is false for a user or role that does not exist.
func storedPrincipal(world *state.Snapshot, principal string) (stored string, ok bool) {
	if id, ok := world.PrincipalID(principal); ok {
		return id, true
	}
	parsed, isARN := iam.ParseARN(principal)
	if !isARN {
		// An account id, "*", or the unique id of a user or role, which must exist.
		_, exists := world.PrincipalARN(principal)
		return principal, exists || principal == "*" || arn.IsAccount(principal)
	}
	return principal, parsed.Type != "user" && parsed.Type != "role"
}

// malformed is the fault of a policy document in AWS's words.
func malformed(err error) error {
	var faults policy.Faults
	if errors.As(err, &faults) {
		return malformedPolicy("%s", faults.AWS())
	}
	return malformedPolicy("%s", err)
}

// showTrust is a trust policy as it is printed: principals that exist by their ARN, others by the id that is left.
func showTrust(world *state.Snapshot, trust iam.Policy) string {
	shown, err := trust.Document().MapPrincipals(world.ShowPrincipal)
	if err != nil { // an ARN that is no principal: there is none
		return escape(trust.Text)
	}
	return escape(shown.Source())
}

// escape writes a policy document as IAM returns it: percent-encoded by RFC 3986.
func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// length is the size of a policy that counts towards quotas: its characters without white space.
func length(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}
