package state

import "github.com/furl-dev/furl/internal/iam"

// PutGroup adds or replaces a group.
func (tx *Tx) PutGroup(group *iam.Group) error {
	group.Prepare()
	tx.setGroup(group)
	return tx.record(kindGroup, group.Key(), group)
}

// DeleteGroup removes a group.
func (tx *Tx) DeleteGroup(group *iam.Group) {
	tx.groups.delete(group.Key())
	tx.erase(kindGroup, group.Key())
}

func (tx *Tx) setGroup(group *iam.Group) {
	tx.groups.set(group.Key(), group)
}

// PutPolicy adds or replaces a managed policy.
func (tx *Tx) PutPolicy(policy *iam.ManagedPolicy) error {
	tx.policies.set(policy.ARN(), policy)
	return tx.record(kindPolicy, policy.ARN(), policy)
}

// DeletePolicy removes a managed policy. It must not be attached to anything.
func (tx *Tx) DeletePolicy(policy *iam.ManagedPolicy) {
	tx.policies.delete(policy.ARN())
	tx.erase(kindPolicy, policy.ARN())
}

// PutProvider adds or replaces an identity provider.
func (tx *Tx) PutProvider(provider *iam.Provider) error {
	tx.providers.set(provider.ARN(), provider)
	return tx.record(kindProvider, provider.ARN(), provider)
}

// DeleteProvider removes an identity provider.
func (tx *Tx) DeleteProvider(provider *iam.Provider) {
	tx.providers.delete(provider.ARN())
	tx.erase(kindProvider, provider.ARN())
}

// RenameUser puts a user in place of the same user under its old name. Its keys, sessions and the grants that name it
// by unique id stay its own.
func (tx *Tx) RenameUser(old, user *iam.User) error {
	tx.DeleteUser(old)
	for _, session := range tx.View().Sessions.All() {
		if session.Account == old.Account && session.UserID == old.ID {
			renamed := *session
			renamed.User = user.Name
			if err := tx.PutSession(&renamed); err != nil {
				return err
			}
		}
	}
	return tx.PutUser(user)
}
