package invoke

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
)

// sessionLife is how long the credentials of an execution environment last. AWS documents no number; a role gives
// sessions of up to twelve hours.
const sessionLife = 12 * time.Hour

// afterlife is how long a session lasts that no new environment gets: as long as a busy environment may go on.
const afterlife = lambda.MaxTimeout + time.Minute

// sessions are the sessions of execution roles that environments use. Environments of one function share a session
// until half of its life is over or the function has another role: a function that crashes at each start, or changes
// all day, makes one session, not thousands.
type sessions struct {
	mu         sync.Mutex
	byFunction map[string]*iam.Session
}

// credentials is a session of the function's execution role. Its name is the function's, as at AWS.
func (s *Service) credentials(function *lambda.Function) (runtime.Credentials, error) {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	key, now := function.ARN.Key(), s.now()
	session := s.sessions.byFunction[key]
	if session == nil || session.RoleID != function.RoleID || session.Expires.Sub(now) < sessionLife/2 {
		made, err := s.newSession(function, now)
		if err != nil {
			return runtime.Credentials{}, err
		}
		if session != nil && session.RoleID != function.RoleID {
			s.endSession(session)
		}
		if s.sessions.byFunction == nil {
			s.sessions.byFunction = map[string]*iam.Session{}
		}
		s.sessions.byFunction[key], session = made, made
		if _, exists := s.State.Now().Functions.Get(key); !exists { // deleted since the invocation began
			s.forgetSession(key)
		}
	}
	return runtime.Credentials{
		AccessKeyID:     session.AccessKeyID,
		SecretAccessKey: session.Secret,
		SessionToken:    session.Token,
		Expires:         session.Expires,
	}, nil
}

// retireSession ends the session of a function that was deleted.
func (s *Service) retireSession(functionKey string) {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	if _, exists := s.State.Now().Functions.Get(functionKey); !exists {
		s.forgetSession(functionKey)
	}
}

// forgetSession is called with the sessions' lock held.
func (s *Service) forgetSession(functionKey string) {
	if session := s.sessions.byFunction[functionKey]; session != nil {
		delete(s.sessions.byFunction, functionKey)
		s.endSession(session)
	}
}

// endSession has a session expire as soon as no environment can be using it.
func (s *Service) endSession(session *iam.Session) {
	ended := *session
	ended.Expires = s.now().Add(afterlife)
	if !ended.Expires.Before(session.Expires) {
		return
	}
	//nolint:errcheck // nothing is stored, so nothing fails
	s.State.Update(context.Background(), func(tx *state.Tx) error {
		if _, exists := tx.View().Sessions.Get(ended.AccessKeyID); exists {
			tx.PutTransientSession(&ended)
		}
		return nil
	})
}

func (s *Service) newSession(function *lambda.Function, now time.Time) (*iam.Session, error) {
	arn, ok := iam.ParseARN(function.Role)
	if !ok {
		return nil, fmt.Errorf("execution role %q is not a role's ARN", function.Role)
	}
	session, err := iam.NewSession(rand.Reader, iam.Session{
		Account:     arn.Account,
		Role:        arn.Name,
		RoleID:      function.RoleID,
		SessionName: function.ARN.Name,
		// every call that a function makes says which function makes it (Lambda Developer Guide, "Using source function ARN
		// to control function access behavior")
		Claims: map[string][]string{"lambda:SourceFunctionArn": {function.ARN.Unqualified().String()}},
	}, now, sessionLife)
	if err != nil {
		return nil, err
	}
	err = s.State.Update(context.Background(), func(tx *state.Tx) error {
		role, ok := tx.View().Role(arn.Account, arn.Name)
		if !ok || role.ID != function.RoleID {
			return fmt.Errorf("%w: execution role %s was deleted; make it again and set it with "+
				"`aws lambda update-function-configuration --function-name %s --role %s`",
				ErrRole, function.Role, function.ARN.Name, function.Role)
		}
		tx.PutTransientSession(session)
		return nil
	})
	return session, err
}
