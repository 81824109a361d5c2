package iam

import (
	"maps"
	"slices"

	"github.com/furl-dev/furl/policy"
)

// Grants are the identity-based policies of a user, role or group.
type Grants struct {
	Inline   map[string]Policy // inline policies by name
	Attached []string          // ARNs of managed policies, in order of attachment

	inline []policy.Named // Inline as the evaluation takes it
}

// InlinePolicies are the inline policies, in the order of their names.
func (g *Grants) InlinePolicies() []policy.Named { return g.inline }

func (g *Grants) clone() Grants {
	return Grants{Inline: maps.Clone(g.Inline), Attached: slices.Clone(g.Attached)}
}

// prepare makes what InlinePolicies returns.
func (g *Grants) prepare(owner string) {
	g.inline = nil
	for _, name := range slices.Sorted(maps.Keys(g.Inline)) {
		g.inline = append(g.inline, policy.Named{Name: "inline policy " + name + " of " + owner, Document: g.Inline[name].Document})
	}
}
