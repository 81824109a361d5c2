package stsapi

import (
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/query"
)

type getCallerIdentityInput struct{}

// getCallerIdentityOutput has its fields in the order that STS was seen to use, which is not that of the model.
type getCallerIdentityOutput struct {
	Arn     string
	UserId  string
	Account string
}

func (s *service) getCallerIdentity(c *controlplane.Call, _ *getCallerIdentityInput) (*getCallerIdentityOutput, error) {
	return &getCallerIdentityOutput{Arn: c.Caller.ARN(), UserId: c.Caller.UserID, Account: c.Caller.Account}, nil
}

type getAccessKeyInfoInput struct {
	AccessKeyId string `query:"required,min=16,max=128,pattern=keyID"`
}

type getAccessKeyInfoOutput struct{ Account string }

// getAccessKeyInfo finds the account that a key belongs to. AWS reads it from the id itself.
func (s *service) getAccessKeyInfo(c *controlplane.Call, in *getAccessKeyInfoInput) (*getAccessKeyInfoOutput, error) {
	account, _, ok := c.State.Now().KeyOwner(in.AccessKeyId)
	if !ok {
		return nil, query.ValidationErrorf("The access key id %s does not exist on this server.", in.AccessKeyId)
	}
	return &getAccessKeyInfoOutput{account}, nil
}
