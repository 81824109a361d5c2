package iam

import (
	"time"

	"github.com/furl-dev/furl/internal/arn"
)

// Group is an IAM group: policies that all users in it have. Which users are in it is kept with the users.
type Group struct {
	Account string
	Name    string
	Path    string
	ID      string // AGPA…
	Created time.Time
	Grants
}

// ARN is the group's ARN.
func (g *Group) ARN() string { return arn.IAM(g.Account, "group", g.Path, g.Name).String() }

// Key identifies the group among all groups of the server.
func (g *Group) Key() string { return Key(g.Account, g.Name) }

// Clone is a copy that may be changed without changing g.
func (g *Group) Clone() *Group {
	clone := *g
	clone.Grants = g.Grants.clone()
	return &clone
}

// Prepare makes what InlinePolicies returns. It is called once, before the group is published.
func (g *Group) Prepare() { g.prepare("group " + g.Name) }
