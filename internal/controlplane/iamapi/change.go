package iamapi

import (
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// change changes an entity of the caller's account in a transaction: edit gets a copy of what find finds, and put puts
// that in its place.
func change[E interface{ Clone() E }](
	c *controlplane.Call,
	find func(world *state.Snapshot, account, name string) (E, error), name string,
	put func(*state.Tx, E) error,
	edit func(*state.Snapshot, E) error,
) error {
	return c.State.Update(c.Context(), func(tx *state.Tx) error {
		found, err := find(tx.View(), c.Caller.Account, name)
		if err != nil {
			return err
		}
		changed := found.Clone()
		if err := edit(tx.View(), changed); err != nil {
			return err
		}
		return put(tx, changed)
	})
}

func (s *service) changeRole(c *controlplane.Call, name string, edit func(*state.Snapshot, *iam.Role) error) error {
	return change(c, findRole, name, (*state.Tx).PutRole, edit)
}

func (s *service) changeUser(c *controlplane.Call, name string, edit func(*state.Snapshot, *iam.User) error) error {
	return change(c, findUser, name, (*state.Tx).PutUser, edit)
}

func (s *service) changeGroup(c *controlplane.Call, name string, edit func(*state.Snapshot, *iam.Group) error) error {
	return change(c, findGroup, name, (*state.Tx).PutGroup, edit)
}

// changePolicy changes a managed policy of the account itself for an operation.
func (s *service) changePolicy(c *controlplane.Call, operation, arn string, edit func(*iam.ManagedPolicy) error) error {
	find := func(world *state.Snapshot, _, arn string) (*iam.ManagedPolicy, error) {
		return ownPolicy(world, c, operation, arn)
	}
	return change(c, find, arn, (*state.Tx).PutPolicy, func(_ *state.Snapshot, p *iam.ManagedPolicy) error { return edit(p) })
}

func (s *service) changeProvider(c *controlplane.Call, arn string, edit func(*iam.Provider) error) error {
	return change(c, findProvider, arn, (*state.Tx).PutProvider, func(_ *state.Snapshot, p *iam.Provider) error {
		if err := edit(p); err != nil {
			return err
		}
		return checkProvider(p)
	})
}
