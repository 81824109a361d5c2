package iamapi

import "github.com/furl-dev/furl/internal/controlplane"

// Clients ask for some things that furl has none of before they delete or describe what it has: Terraform looks for
// the instance profiles of a role that it is to delete, and for the MFA devices and the password of a user. Since none
// can be made, that there are none is the true answer.

type instanceProfilesOutput struct {
	InstanceProfiles []string
	paged
}

func (s *service) listInstanceProfilesForRole(c *controlplane.Call, in *listOfRoleInput) (*instanceProfilesOutput, error) {
	_, err := findRole(c.State.Now(), c.Caller.Account, in.RoleName)
	return &instanceProfilesOutput{}, err
}

type listMFADevicesInput struct {
	ownInput
	paging
}

type mfaDevicesOutput struct {
	MFADevices []string
	paged
}

func (s *service) listMFADevices(c *controlplane.Call, in *listMFADevicesInput) (*mfaDevicesOutput, error) {
	name, err := userName(c, in.UserName)
	if err == nil && name != "" {
		_, err = findUser(c.State.Now(), c.Caller.Account, name)
	}
	return &mfaDevicesOutput{}, err
}

func (s *service) getLoginProfile(c *controlplane.Call, in *ownInput) error {
	name, err := userName(c, in.UserName)
	if err == nil && name != "" {
		_, err = findUser(c.State.Now(), c.Caller.Account, name)
	}
	if err != nil {
		return err
	}
	return noSuchEntity("Login Profile for User %s cannot be found.", name)
}

type accountAliasesOutput struct {
	AccountAliases []string
	paged
}

func (s *service) listAccountAliases(*controlplane.Call, *paging) (*accountAliasesOutput, error) {
	return &accountAliasesOutput{}, nil
}
