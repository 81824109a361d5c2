//go:build unix

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

// sessions are the sessions of execution roles that environments use. Environments that exist at the same time have
// different credentials, as at AWS. One that has ended leaves its session to the next, until half of the session's life
// is over or the function has another role: a function that crashes at each start, or changes all day, makes a few
// sessions, not thousands.
type sessions struct {
	mu         sync.Mutex
	byFunction map[string][]*lease
}

// lease is a session and whether an environment has it.
type lease struct {
	session *iam.Session
	taken   bool
}

// credentials is a session of the execution role of a version for one environment.
func (s *Service) credentials(name lambda.ARN, version *lambda.Configuration) (runtime.Credentials, error) {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	key, now := name.Key(), s.now()
	var kept []*lease
	var free *lease
	for _, l := range s.sessions.byFunction[key] {
		switch {
		case l.session.RoleID != version.RoleID && !l.taken: // of an earlier role, or of the role of another version
			s.endSession(l.session)
		case l.session.Expires.Sub(now) >= sessionLife/2:
			kept = append(kept, l)
			if !l.taken {
				free = l
			}
		}
	}
	if free == nil {
		made, err := s.newSession(name, version, now)
		if err != nil {
			return runtime.Credentials{}, err
		}
		free = &lease{session: made}
		kept = append(kept, free)
	}
	free.taken = true
	if s.sessions.byFunction == nil {
		s.sessions.byFunction = map[string][]*lease{}
	}
	s.sessions.byFunction[key] = kept
	if _, exists := s.State.Now().Functions.Get(key); !exists { // deleted since the invocation began
		s.forgetSessions(key)
	}
	return runtime.Credentials{
		AccessKeyID:     free.session.AccessKeyID,
		SecretAccessKey: free.session.Secret,
		SessionToken:    free.session.Token,
		Expires:         free.session.Expires,
		Release: func() {
			s.sessions.mu.Lock()
			defer s.sessions.mu.Unlock()
			free.taken = false
		},
	}, nil
}

// retireSessions ends the sessions of a function that was deleted.
func (s *Service) retireSessions(functionKey string) {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	if _, exists := s.State.Now().Functions.Get(functionKey); !exists {
		s.forgetSessions(functionKey)
	}
}

// forgetSessions is called with the sessions' lock held.
func (s *Service) forgetSessions(functionKey string) {
	for _, l := range s.sessions.byFunction[functionKey] {
		s.endSession(l.session)
	}
	delete(s.sessions.byFunction, functionKey)
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

func (s *Service) newSession(name lambda.ARN, version *lambda.Configuration, now time.Time) (*iam.Session, error) {
	arn, ok := iam.ParseARN(version.Role)
	if !ok {
		return nil, fmt.Errorf("execution role %q is not a role's ARN", version.Role)
	}
	session, err := iam.NewSession(rand.Reader, iam.Session{
		Account:     arn.Account,
		Role:        arn.Name,
		RoleID:      version.RoleID,
		SessionName: sessionName(name.Name),
		// every call that a function makes says which function makes it (Lambda Developer Guide, "Using source function ARN
		// to control function access behavior")
		Claims: map[string][]string{"lambda:SourceFunctionArn": {name.Unqualified().String()}},
	}, now, sessionLife)
	if err != nil {
		return nil, err
	}
	err = s.State.Update(context.Background(), func(tx *state.Tx) error {
		role, ok := tx.View().Role(arn.Account, arn.Name)
		if !ok || role.ID != version.RoleID {
			return fmt.Errorf("%w: execution role %s was deleted; make it again and set it with "+
				"`aws lambda update-function-configuration --function-name %s --role %s`",
				ErrRole, version.Role, name.Name, version.Role)
		}
		tx.PutTransientSession(session)
		return nil
	})
	return session, err
}

// sessionName is the function's name. That of a session has at least two characters, so Lambda makes a name of one
// letter longer (recorded from AWS: e@lambda_function).
func sessionName(function string) string {
	if len(function) == 1 {
		return function + "@lambda_function"
	}
	return function
}
