// Package policy is the AWS IAM policy language: it parses policy documents, strictly, and decides requests the way
// AWS does, with its reasons.
//
// A [Document] is compiled once and is then immutable and safe for concurrent use. [Evaluate] weighs identity-based
// policies, a resource-based policy, a permissions boundary, session policies and service control policies together;
// [NearestMisses] says which statements would almost have allowed a denied request, and [Suggest] what to add. Package
// urllint says what is likely wrong with a document before it denies anything.
//
// The package does no I/O, knows no clock and derives nothing about the request: every condition key the policies may
// ask for must be in the request's [Context] (see [Principal.Keys] for those that follow from the caller). What it
// cannot resolve it treats as absent, and what no policy allows is denied. It does not model resource control policies,
// ACLs or the exemption of an organization's management account from service control policies.
package policy

import "strings"

// MaxSize is the largest document, in bytes, that [Parse] reads: the limit of IAM's own API model for a policy
// document. The quotas of single policy types (6,144 characters of a managed policy, 20,480 bytes of a function's
// resource-based policy, …) are smaller and are the caller's to enforce.
const MaxSize = 131072

// MaxFaults is how many faults of one document [Parse] reports.
const MaxFaults = 100

// Kind says which grammar a document follows.
type Kind int

const (
	// Identity is the grammar of everything attached to a principal or an account: identity-based policies,
	// permissions boundaries, session policies and service control policies. No Principal; Resource required.
	Identity Kind = iota
	// Resource is the grammar of a policy attached to a resource. Principal and Resource required.
	Resource
	// Trust is the grammar of a role's assume-role policy: a resource-based policy without Resource, of STS actions.
	// In the same account it must name the caller or the account; an identity-based policy alone is not enough.
	Trust
)

// String returns "identity", "resource" or "trust".
func (k Kind) String() string { return word(k, "identity", "resource", "trust") }

// word returns the word for a value of an enumeration, the first for one that it does not have.
func word[T ~int](value T, words ...string) string {
	if value < 0 || int(value) >= len(words) {
		return words[0]
	}
	return words[value]
}

// GuessKind tells the grammar a document is written for: one that names principals is for a role if all its actions are
// of sts and it names no resources, else for a resource. Text that is no policy, or larger than [MaxSize], counts as
// Identity.
func GuessKind(doc []byte) Kind {
	var principal, resource, other bool
	root, _ := readJSON(string(doc[:min(len(doc), MaxSize)]))
	root.each(func(s *node) {
		principal = principal || s.has("Principal", "NotPrincipal")
		resource = resource || s.has("Resource", "NotResource")
		s.each(func(action *node) { other = other || !strings.HasPrefix(lowerASCII(action.text), "sts:") },
			"Action", "NotAction")
	}, "Statement")
	switch {
	case !principal:
		return Identity
	case resource || other:
		return Resource
	default:
		return Trust
	}
}
