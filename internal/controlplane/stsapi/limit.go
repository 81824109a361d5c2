package stsapi

import (
	"errors"
	"slices"

	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// limitInput is the part of a request that limits the session that it makes: it can do no more than these policies
// allow.
type limitInput struct {
	Policy     string
	PolicyArns []policyARN
}

// policyARN is a managed policy.
type policyARN struct{ Arn string }

// maxPacked is how large the policies and tags of a session may be. AWS packs them in a format of its own, up to a
// size that it does not tell, and gives the share of it that is used; furl counts characters against the documented
// limit of the plain text.
const maxPacked = 2048

// limit puts the policies into the session, and returns how much of the room they and the tags take, in percent; nil
// if there are none.
func (in *limitInput) limit(world *state.Snapshot, account string, session *iam.Session) (*int, error) {
	size := 0
	for key, value := range session.Tags {
		size += len(key) + len(value)
	}
	if in.Policy != "" {
		document, err := iam.ParsePolicy(in.Policy, policy.Identity)
		if err != nil {
			return nil, malformed(err)
		}
		session.Policies = []iam.Policy{document}
		size += len(document.Document().JSON())
	}
	var err error
	if session.PolicyARNs, err = managedPolicies(world, account, in.PolicyArns); err != nil {
		return nil, err
	}
	for _, arn := range session.PolicyARNs {
		size += len(arn)
	}
	if size == 0 {
		return nil, nil
	}
	percent := (size*100 + maxPacked - 1) / maxPacked
	switch {
	case percent > 100 && in.Policy == "" && len(in.PolicyArns) == 0: // in the words of aws/containers-roadmap#2413
		return nil, wire.Errorf("PackedPolicyTooLarge", "Packed size of session tags consumes %d%% of allotted space.", percent)
	case percent > 100:
		return nil, wire.Errorf("PackedPolicyTooLarge",
			"Packed policy and tags consume %d%% of the allotted space.", percent)
	}
	return &percent, nil
}

// managedPolicies finds the managed policies that a session is limited by, which must be the account's or AWS's.
func managedPolicies(world *state.Snapshot, account string, arns []policyARN) ([]string, error) {
	var found []string
	for _, given := range arns {
		managed, ok := world.Policy(given.Arn)
		if !ok || managed.Account != account && managed.Account != iam.AWS {
			return nil, validationError("Policy %s does not exist or is not attachable.", given.Arn)
		}
		if !slices.Contains(found, given.Arn) {
			found = append(found, given.Arn)
		}
	}
	return found, nil
}

// malformed is the fault of a policy document in AWS's words.
func malformed(err error) error {
	message := err.Error()
	var faults policy.Faults
	if errors.As(err, &faults) {
		message = faults.AWS()
	}
	return wire.Errorf("MalformedPolicyDocument", "%s", message)
}
