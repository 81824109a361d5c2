package stsapi

import (
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// maxSessions is how many sessions of one account can be alive. AWS throttles instead of counting; a server that
// keeps every session in memory and on disk needs an end to them. A client that calls STS once a minute with the
// default duration has 60.
const maxSessions = 10_000

// credentials are the answer's part that holds secrets.
type credentials struct {
	AccessKeyId     string
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
}

// start makes temporary credentials for the session and keeps them. check is run in the same transaction.
func (s *service) start(
	c *controlplane.Call, session iam.Session, duration time.Duration, check func(*state.Snapshot) error,
) (credentials, error) {
	made, err := iam.NewSession(s.random, session, c.Now, duration)
	if err != nil {
		return credentials{}, err
	}
	err = c.Put(made, func(world *state.Snapshot) error {
		if err := check(world); err != nil {
			return err
		}
		return roomForSession(world, made.Account, c.Now)
	})
	if err != nil {
		return credentials{}, err
	}
	return credentials{made.AccessKeyID, made.Secret, made.Token, made.Expires}, nil
}

// roomForSession refuses a session more than the account can have.
func roomForSession(world *state.Snapshot, account string, now time.Time) error {
	if world.Sessions.Len() < maxSessions {
		return nil
	}
	alive := 0
	for _, session := range world.Sessions.All() {
		if session.Account == account && session.Expires.After(now) {
			alive++
		}
	}
	if alive >= maxSessions {
		return wire.Errorf("LimitExceeded", "The account %s has %d sessions that have not expired, the most that furl keeps. "+
			"Wait for some to expire, or use credentials for longer than one call.", account, alive)
	}
	return nil
}

type getSessionTokenInput struct {
	DurationSeconds *int
	SerialNumber    string
	TokenCode       string
}

type getSessionTokenOutput struct{ Credentials credentials }

// getSessionToken gives a user temporary credentials with the user's own permissions. A root user's last for an hour
// at most (AWS STS API Reference, GetSessionToken).
func (s *service) getSessionToken(r *wire.Request, in *getSessionTokenInput) (any, error) {
	c := r.Call
	if err := noMFA(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	duration := seconds(in.DurationSeconds, 43200)
	if c.Caller.User == nil {
		duration = min(duration, time.Hour)
	}
	made, err := s.start(c, ownSession(c), duration, callerExists(c))
	return &getSessionTokenOutput{made}, err
}

// ownSession is a session of the user or root user who calls.
func ownSession(c *controlplane.Call) iam.Session {
	session := iam.Session{Account: c.Caller.Account}
	if user := c.Caller.User; user != nil {
		session.User, session.UserID = user.Name, user.ID
	}
	return session
}

// callerExists checks that the caller was not deleted while it was asking.
func callerExists(c *controlplane.Call) func(*state.Snapshot) error {
	return func(world *state.Snapshot) error {
		if _, ok := world.Identity(c.Caller.AccessKeyID); !ok {
			return wire.Errorf("InvalidClientTokenId", "The security token included in the request is invalid.")
		}
		return nil
	}
}

// noMFA refuses what comes from an MFA device: furl has none that could have made the code.
func noMFA(serialNumber, tokenCode string) error {
	switch {
	case serialNumber == "" && tokenCode == "":
		return nil
	case serialNumber == "" || tokenCode == "":
		return accessDenied("MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.")
	default:
		return accessDenied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
	}
}

func seconds(given *int, otherwise int) time.Duration {
	if given != nil {
		otherwise = *given
	}
	return time.Duration(otherwise) * time.Second
}
