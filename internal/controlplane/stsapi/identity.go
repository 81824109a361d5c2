package stsapi

import "github.com/furl-dev/furl/internal/controlplane/wire"

// getCallerIdentityOutput has its fields in the order that STS was seen to use, which is not that of the model.
type getCallerIdentityOutput struct {
	Arn     string
	UserId  string
	Account string
}

func (s *service) getCallerIdentity(r *wire.Request, _ *struct{}) (any, error) {
	return &getCallerIdentityOutput{Arn: r.Caller.ARN(), UserId: r.Caller.UserID, Account: r.Caller.Account}, nil
}

type getAccessKeyInfoInput struct{ AccessKeyId string }

type getAccessKeyInfoOutput struct{ Account string }

// getAccessKeyInfo finds the account that a key belongs to. AWS reads it from the id itself.
func (s *service) getAccessKeyInfo(r *wire.Request, in *getAccessKeyInfoInput) (any, error) {
	account, _, ok := r.State.Now().KeyOwner(in.AccessKeyId)
	if !ok {
		return nil, validationError("The access key id %s does not exist on this server.", in.AccessKeyId)
	}
	return &getAccessKeyInfoOutput{account}, nil
}

type decodeMessageInput struct{ EncodedMessage string }

type decodeMessageOutput struct{ DecodedMessage string }

// decodeAuthorizationMessage opens the reason that came with a refusal.
func (s *service) decodeAuthorizationMessage(r *wire.Request, in *decodeMessageInput) (any, error) {
	invalid := wire.Errorf("InvalidAuthorizationMessageException", "Message is not valid")
	if r.Messages == nil {
		return nil, invalid
	}
	text, err := r.Messages.Decode(in.EncodedMessage)
	if err != nil {
		return nil, invalid
	}
	return &decodeMessageOutput{text}, nil
}
