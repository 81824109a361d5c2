package stsapi

import (
	"net/http"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/query"
)

type decodeMessageInput struct {
	EncodedMessage string `query:"required,min=1,max=10240"`
}

type decodeMessageOutput struct{ DecodedMessage string }

// decodeAuthorizationMessage opens the reason that came with a refusal.
func (s *service) decodeAuthorizationMessage(c *controlplane.Call, in *decodeMessageInput) (*decodeMessageOutput, error) {
	invalid := query.Errorf(http.StatusBadRequest, "InvalidAuthorizationMessageException", "Message is not valid")
	if c.Messages == nil {
		return nil, invalid
	}
	text, err := c.Messages.Decode(in.EncodedMessage)
	if err != nil {
		return nil, invalid
	}
	return &decodeMessageOutput{text}, nil
}
