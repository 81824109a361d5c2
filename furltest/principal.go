//go:build unix

package furltest

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// Principal is a user or a role that calls. It has no permissions but those of its [WithPolicy] and of [Server.Grant].
type Principal struct {
	ARN string // arn:aws:iam::123456789012:role/caller

	server  *Server
	account string
	role    *iam.Role // nil for a user
	user    *iam.User // nil for a role

	mu       sync.Mutex
	session  *iam.Session // of a role, the one of now
	sessions []*iam.Session
	granted  int
}

// PrincipalOption is an option of [Server.User] and [Server.Role].
type PrincipalOption struct{ apply func(*principalConfig) }

type principalConfig struct {
	account  string
	policies []string
}

// WithPolicy gives the principal an identity-based policy, a JSON document.
func WithPolicy(document string) PrincipalOption {
	return PrincipalOption{func(c *principalConfig) { c.policies = append(c.policies, document) }}
}

// InAccount puts the principal into another account, an id of twelve digits. The server gets the account if it does not
// have it.
func InAccount(account string) PrincipalOption {
	return PrincipalOption{func(c *principalConfig) { c.account = account }}
}

// sessionLife is how long a session of a role lasts, as by default at AWS (API reference of AssumeRole).
const sessionLife = time.Hour

// User makes a user with an access key.
func (s *Server) User(name string, options ...PrincipalOption) *Principal {
	s.t.Helper()
	account, grants := s.identity(options)
	key, err := iam.NewAccessKey(rand.Reader, s.Now())
	if err != nil {
		s.t.Fatalf("furltest: %v", err)
	}
	user := &iam.User{
		Account: account, Path: "/", Name: name, ID: newID(iam.PrefixUser), Created: s.Now(), Keys: []iam.AccessKey{key},
		Grants: grants,
	}
	s.update(func(tx *state.Tx) error {
		if _, exists := tx.View().User(account, name); exists {
			return fmt.Errorf("account %s has a user %s already", account, name)
		}
		return tx.Put(user)
	})
	return &Principal{ARN: user.ARN(), server: s, account: account, user: user}
}

// Role makes a role. The principal calls with a session of the role: temporary credentials that last an hour and are
// renewed when they have ended. Lambda and everybody in the account of the role may assume it.
func (s *Server) Role(name string, options ...PrincipalOption) *Principal {
	s.t.Helper()
	account, grants := s.identity(options)
	trust := s.parse(fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":`+
		`{"Service":"lambda.amazonaws.com","AWS":"%s"},"Action":"sts:AssumeRole"}}`, account), policy.Trust)
	role := &iam.Role{
		Account: account, Path: "/", Name: name, ID: newID(iam.PrefixRole), Created: s.Now(), Trust: trust,
		MaxSession: sessionLife, Grants: grants,
	}
	s.update(func(tx *state.Tx) error {
		if _, exists := tx.View().Role(account, name); exists {
			return fmt.Errorf("account %s has a role %s already", account, name)
		}
		return tx.Put(role)
	})
	return &Principal{ARN: role.ARN(), server: s, account: account, role: role}
}

// identity is the account and the policies of a new principal.
func (s *Server) identity(options []PrincipalOption) (account string, grants iam.Grants) {
	s.t.Helper()
	config := principalConfig{account: Account}
	for _, option := range options {
		option.apply(&config)
	}
	if !arn.IsAccount(config.account) {
		s.t.Fatalf("furltest: InAccount(%q): an account id has twelve digits", config.account)
	}
	grants.Inline = map[string]iam.Policy{}
	for i, document := range config.policies {
		grants.Inline[fmt.Sprintf("policy-%d", i+1)] = s.parse(document, policy.Identity)
	}
	s.addAccount(config.account)
	return config.account, grants
}

// addAccount adds an account that the server does not have.
func (s *Server) addAccount(account string) {
	s.t.Helper()
	if _, exists := s.app.State().Now().Accounts.Get(account); exists {
		return
	}
	key, err := iam.NewAccessKey(rand.Reader, s.Now())
	if err != nil {
		s.t.Fatalf("furltest: %v", err)
	}
	s.update(func(tx *state.Tx) error {
		tx.SetAccount(&iam.Account{ID: account, RootKey: key})
		return nil
	})
	s.setDenied(func(denied []string) []string { return denied }) // there, too
}

// Config is the configuration of clients that call as the principal.
//
// Its credentials are those of the moment at which they are asked for. A client that keeps them, in an
// [aws.CredentialsCache] for example, has to ask again when they are refused.
func (p *Principal) Config() aws.Config {
	if p.user != nil {
		return p.server.config(static(p.user.Keys[0].ID, p.user.Keys[0].Secret))
	}
	return p.server.config(aws.CredentialsProviderFunc(p.assume))
}

// assume is the session of now.
func (p *Principal) assume(ctx context.Context) (aws.Credentials, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.server.Now()
	if p.session == nil || !now.Before(p.session.Expires) {
		session, err := iam.NewSession(rand.Reader, iam.Session{
			Account: p.account, Role: p.role.Name, RoleID: p.role.ID, SessionName: "furltest",
		}, now, sessionLife)
		if err != nil {
			return aws.Credentials{}, err
		}
		err = p.server.app.State().Update(ctx, func(tx *state.Tx) error {
			tx.PutTransientSession(session)
			return nil
		})
		if err != nil {
			return aws.Credentials{}, err
		}
		p.session, p.sessions = session, append(p.sessions, session)
	}
	return aws.Credentials{
		AccessKeyID: p.session.AccessKeyID, SecretAccessKey: p.session.Secret, SessionToken: p.session.Token,
		// by the clock of the clients, which is not set ahead
		CanExpire: true, Expires: p.session.Expires.Add(time.Since(now)), AccountID: p.account, Source: "furltest",
	}, nil
}

// EndSessions ends the sessions that the role has given: the server refuses their credentials from now on, as expired.
// The next ones that a client asks the configuration for are of a new session. A user has none.
func (p *Principal) EndSessions() {
	p.server.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.server.Now()
	p.server.update(func(tx *state.Tx) error {
		for _, session := range p.sessions {
			ended := *session
			ended.Expires = now.Add(-time.Second)
			tx.PutTransientSession(&ended)
		}
		return nil
	})
	p.session, p.sessions = nil, nil
}

// allow adds an inline policy of the statement.
func (p *Principal) allow(statement string) {
	p.server.t.Helper()
	added := p.server.policyOf(statement)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.granted++
	name := fmt.Sprintf("grant-%d", p.granted)
	p.server.update(func(tx *state.Tx) error {
		with := func(grants *iam.Grants) {
			grants.Inline = maps.Clone(grants.Inline)
			grants.Inline[name] = added
		}
		if p.user != nil {
			user := p.user.Clone()
			with(&user.Grants)
			p.user = user
			return tx.Put(user)
		}
		role := p.role.Clone()
		with(&role.Grants)
		p.role = role
		return tx.Put(role)
	})
}

// static provides a key that does not change.
func static(id, secret string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, Source: "furltest"}, nil
	})
}
