package check

import (
	"context"
	"errors"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
)

// subject is who would call.
type subject struct {
	principal *policy.Principal // nil is anonymous
	kind      policy.PrincipalType
	account   string // "" for services and anonymous callers
	label     string // the name that a grant would use
	self      bool   // it is who the caller's credentials stand for
	session   bool   // which session of the role it is, nobody said: the session's name is made up
	anybody   bool   // it stands for all users and roles, so that what follows from the principal is not known

	owner    iam.Owner  // of its identity-based policies; zero if it has none
	function lambda.ARN // whose session of its execution role it is; zero if it is none, or nobody knows
	boundary string     // ARN of its permissions boundary
	lookedUp bool       // owner's own facts (boundary, tags, path) are known
	fault    error      // why they are not
}

// exists reports whether there is anybody to ask the policies about.
func (s *subject) exists() bool {
	return s.principal != nil && awsapi.KindOf(s.fault) != awsapi.NotFound
}

// findSubject finds out who would call. Nobody, for want of credentials, is an anonymous caller.
func (r *run) findSubject(ctx context.Context) error {
	switch {
	case r.As == "" && r.noKeys != nil:
		r.subject = subject{self: true, label: "anonymous"}
		return nil
	case r.As == "":
		principal, err := policy.ParsePrincipal(r.identity.ARN)
		if err != nil {
			return err
		}
		r.subject = subject{principal: &principal, self: true}
	default:
		if err := r.resolveSubject(ctx); err != nil {
			return err
		}
	}
	if r.subject.self && r.subject.principal != nil { // AROA…:SESSION, AIDA… (IAM User Guide, "IAM identifiers")
		r.subject.principal.UniqueID, _, _ = strings.Cut(r.identity.UserID, ":")
	}
	r.lookUpSubject(ctx)
	return nil
}

// resolveSubject reads who is asked about.
func (r *run) resolveSubject(ctx context.Context) error {
	if arn.IsAccount(r.As) {
		return &setup.Refusal{Reason: "account " + r.As + " cannot call anything: a role or user in it does", Instead: "--as ARN"}
	}
	if caller, err := policy.ParsePrincipal(r.As); err == nil && caller.Type == policy.Service && !isLambda(r.As) {
		r.subject = subject{principal: &caller}
		return nil
	}
	home := setup.Account{
		ID: r.identity.Account, Partition: r.identity.Partition(), Region: r.caller.Region,
		Functions: r.caller.Functions, Principals: r.caller.Principals,
	}
	resolver := &setup.Resolver{Home: home}
	if r.Caller != nil {
		resolver.Other = &setup.Account{ID: r.ownerID, Region: r.Owner.Region, Functions: r.Owner.Functions, Principals: r.Owner.Principals}
	}
	found, err := resolver.Resolve(ctx, r.As)
	if err != nil {
		return err
	}
	if found.Kind == setup.Everyone {
		r.subject = subject{label: "*"}
		return nil
	}
	function, _ := arn.ParseFunctionARN(r.As) // what names a function was resolved, so that it is well formed
	if name, ok := strings.CutPrefix(r.As, "function:"); ok {
		function, _ = arn.ParseFunction(name, home.Region, home.ID)
	}
	principal, err := policy.ParsePrincipal(sessionOf(found, r.As, function.Name))
	if err != nil {
		return err
	}
	if found.Kind == setup.RolePrincipal {
		principal.RoleARN = found.ARN
	}
	r.subject = subject{principal: &principal, self: r.noKeys == nil && isSelf(found, r.identity)}
	r.subject.function = function.Unqualified()
	r.subject.session = principal.SessionName == madeUp && principal.ARN != r.As
	return nil
}

// isLambda reports whether a service is Lambda itself, which is mistaken for the functions that run on it.
func isLambda(service string) bool { return strings.HasPrefix(service, "lambda.") }

// madeUp is the name of a session of which nobody said the name.
const madeUp = "furl-check"

// sessionOf is the ARN by which a principal calls: of a role, that of a session. Lambda names the sessions of an
// execution role after the function (AWS's recordings, 2025).
func sessionOf(found setup.Principal, given, function string) string {
	if found.Kind != setup.RolePrincipal {
		return found.ARN
	}
	if session, err := arn.ParsePrincipal(given); err == nil && session.Service == "sts" {
		return given
	}
	switch len(function) {
	case 0:
		return found.Session(madeUp).String()
	case 1: // session names have two characters at least
		return found.Session(function + "@lambda_function").String()
	default:
		return found.Session(function).String()
	}
}

// isSelf reports whether the identity is the principal, or a session of it.
func isSelf(found setup.Principal, identity awsapi.Identity) bool {
	if found.ARN == identity.ARN {
		return true
	}
	named, err := arn.ParsePrincipal(identity.ARN)
	return err == nil && found.Kind == setup.RolePrincipal && named.Account == found.Account &&
		named.Type == "assumed-role" && strings.HasPrefix(named.Name, found.Name+"/")
}

// side is whose credentials can look at the account; nil if none can.
func (r *run) side(account string) *Side {
	switch {
	case account == "":
		return nil
	case account == r.identity.Account && r.noKeys == nil:
		return r.caller
	case account == r.ownerID:
		return r.Owner
	default:
		return nil
	}
}

// lookUpSubject looks at the role or user.
func (r *run) lookUpSubject(ctx context.Context) {
	s := &r.subject
	if s.principal == nil {
		return
	}
	s.kind, s.account, s.label = s.principal.Type, s.principal.Account, s.principal.ARN
	side := r.side(s.account)
	switch s.kind {
	case policy.RoleSession:
		s.label = s.principal.RoleARN
		role, _ := arn.ParsePrincipal(s.principal.RoleARN)
		s.owner = iam.Owner{Kind: iam.OfRole, Name: role.Name}
	case policy.User:
		user, _ := arn.ParsePrincipal(s.principal.ARN)
		s.owner = iam.Owner{Kind: iam.OfUser, Name: user.Name}
	default:
		return
	}
	if side == nil {
		s.fault = errors.New("there are no credentials for account " + s.account + "; --caller-profile names some")
		return
	}
	s.lookUp(ctx, side)
}

// lookUp asks IAM for the facts of the role or user.
func (s *subject) lookUp(ctx context.Context, side *Side) {
	found, err := side.Principals.Principal(ctx, s.owner)
	if err != nil {
		s.fault = err
		return
	}
	if s.owner.Kind == iam.OfRole {
		s.principal.RoleARN, s.label = found.ARN, found.ARN
	}
	s.principal.UniqueID, s.principal.Tags, s.boundary, s.lookedUp = found.ID, found.Tags, found.Boundary, true
}
