package stsapi

import (
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
)

type getFederationTokenInput struct {
	Name string
	limitInput
	DurationSeconds *int
	Tags            []wire.Tag
}

type getFederationTokenOutput struct {
	Credentials      credentials
	FederatedUser    federatedUser
	PackedPolicySize int
}

type federatedUser struct {
	FederatedUserId string
	Arn             string
}

// onFederatedUser is the federated user that the session will be.
func onFederatedUser(c *controlplane.Call, in *getFederationTokenInput) (*wire.Request, error) {
	return &wire.Request{Call: c, Need: controlplane.Permission{
		Resource: arn.FederatedUser(c.Caller.Account, in.Name).String(), Facts: wire.RequestTags(wire.Tags(in.Tags)),
	}}, nil
}

// getFederationToken gives a user, or the root user, credentials for somebody who is none: they can do what both the
// user and the policies of the request allow. A root user's last for an hour at most (AWS STS API Reference).
func (s *service) getFederationToken(r *wire.Request, in *getFederationTokenInput) (any, error) {
	c := r.Call
	tags, err := newSessionTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if len(tags.values) > 0 {
		need := controlplane.Permission{Action: tagSession, Resource: r.Need.Resource, Facts: tags.facts()}
		if err := c.Authorize(need); err != nil {
			return nil, err
		}
	}
	session := ownSession(c)
	session.Federated = in.Name
	session.Tags = tags.values
	packed, err := in.limit(c.State.Now(), session.Account, &session)
	if err != nil {
		return nil, err
	}
	duration := seconds(in.DurationSeconds, 43200)
	if c.Caller.User == nil {
		duration = min(duration, time.Hour)
	}
	made, err := s.start(c, session, duration, callerExists(c))
	if err != nil {
		return nil, err
	}
	out := &getFederationTokenOutput{
		Credentials:   made,
		FederatedUser: federatedUser{session.Account + ":" + in.Name, arn.FederatedUser(session.Account, in.Name).String()},
	}
	if packed != nil {
		out.PackedPolicySize = *packed
	}
	return out, nil
}
