package state

import (
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state/record"
)

// Snapshot is the whole world at one moment. It never changes: its holder may read it without a lock for as long as
// it likes.
type Snapshot struct {
	Accounts Table[*iam.Account] // by id; from the configuration

	// What the store keeps, by Key. A line here and the type of its records make a collection.
	Admins    Kept[*iam.Admin, record.Admin]
	Users     Kept[*iam.User, record.User]
	Roles     Kept[*iam.Role, record.Role]
	Groups    Kept[*iam.Group, record.Group]
	Policies  Kept[*iam.ManagedPolicy, record.ManagedPolicy] // without those of AWS
	Providers Kept[*iam.Provider, record.Provider]
	Sessions  Kept[*iam.Session, record.Session] // and those that end with the server, which are not kept
	Functions Kept[*lambda.Function, record.Function]
	Versions  Kept[*lambda.Version, record.Version]
	Aliases   Kept[*lambda.Alias, record.Alias]
	Layers    Kept[*lambda.Layer, record.Layer]

	// Derived from the above when they change.
	keys       Table[keyOwner]          // by access key id: long-term keys only
	urls       Table[URL]               // by function URL id
	principals Table[principal]         // by unique id: the user or role
	claimed    Table[int]               // by region of an account: concurrency that functions keep to themselves
	published  Table[[]*lambda.Version] // by function: its versions, in order of their numbers
	aliases    Table[[]*lambda.Alias]   // by function: its aliases, in order of their names
}

// keyOwner says where a long-term access key is kept: with a user, or with an account's root user.
type keyOwner struct {
	user *iam.User    // nil for the root user
	root *iam.Account // whose root user it is; nil for a user
}

// principal is a *iam.User or a *iam.Role.
type principal interface{ ARN() string }

// URL is a function URL with the function it leads to.
type URL struct {
	Function  *lambda.Function
	Qualifier string // "" or the alias
	Config    *lambda.URLConfig
}

// URL finds a function URL by its id.
func (s *Snapshot) URL(id string) (URL, bool) { return s.urls.Get(id) }

// URLCount is how many function URLs there are.
func (s *Snapshot) URLCount() int { return s.urls.Len() }

// Function finds a function; the qualifier plays no part.
func (s *Snapshot) Function(arn lambda.ARN) (*lambda.Function, bool) {
	return s.Functions.Get(arn.Key())
}

// Alias finds an alias by its name with the qualifier.
func (s *Snapshot) Alias(name lambda.ARN) (*lambda.Alias, bool) {
	var key [maxKey]byte
	return s.Aliases.find(name.AppendQualifiedKey(key[:0]))
}

// Version finds a published version by its name with the qualifier.
func (s *Snapshot) Version(name lambda.ARN) (*lambda.Version, bool) {
	var key [maxKey]byte
	return s.Versions.find(name.AppendQualifiedKey(key[:0]))
}

// maxKey is the length of most keys. A longer one costs an allocation.
const maxKey = 128

// Claimed is how much of an account's concurrency in a region its functions have reserved or provisioned.
func (s *Snapshot) Claimed(account, region string) int {
	claimed, _ := s.claimed.Get(account + "/" + region)
	return claimed
}

// VersionsOf lists the published versions of a function in order of their numbers. The list must not be changed.
func (s *Snapshot) VersionsOf(function lambda.ARN) []*lambda.Version {
	list, _ := s.published.Get(function.Key())
	return list
}

// AliasesOf lists the aliases of a function in order of their names. The list must not be changed.
func (s *Snapshot) AliasesOf(function lambda.ARN) []*lambda.Alias {
	list, _ := s.aliases.Get(function.Key())
	return list
}

// User finds a user by account and name.
func (s *Snapshot) User(account, name string) (*iam.User, bool) {
	return s.Users.Get(iam.Key(account, name))
}

// Role finds a role by account and name.
func (s *Snapshot) Role(account, name string) (*iam.Role, bool) {
	return s.Roles.Get(iam.Key(account, name))
}

// Group finds a group by account and name.
func (s *Snapshot) Group(account, name string) (*iam.Group, bool) {
	return s.Groups.Get(iam.Key(account, name))
}

// Policy finds a managed policy by its ARN, be it an account's or AWS's.
func (s *Snapshot) Policy(arn string) (*iam.ManagedPolicy, bool) {
	if policy, ok := s.Policies.Get(arn); ok {
		return policy, true
	}
	return iam.AWSPolicy(arn)
}

// PrincipalARN is the ARN of the user or role with the unique id, for as long as it exists.
func (s *Snapshot) PrincipalARN(uniqueID string) (arn string, ok bool) {
	found, ok := s.principals.Get(uniqueID)
	if !ok {
		return "", false
	}
	return found.ARN(), true
}

// ShowPrincipal is PrincipalARN for printing policies: what is not the id of an existing user or role stays as
// it is.
func (s *Snapshot) ShowPrincipal(principal string) string {
	if arn, ok := s.PrincipalARN(principal); ok {
		return arn
	}
	return principal
}

// PrincipalID is the unique id of the user or role with the ARN.
func (s *Snapshot) PrincipalID(arn string) (uniqueID string, ok bool) {
	parsed, ok := iam.ParseARN(arn)
	if !ok {
		return "", false
	}
	switch parsed.Type {
	case "user":
		if user, ok := s.User(parsed.Account, parsed.Name); ok && user.ARN() == arn {
			return user.ID, true
		}
	case "role":
		if role, ok := s.Role(parsed.Account, parsed.Name); ok && role.ARN() == arn {
			return role.ID, true
		}
	}
	return "", false
}

// KeyOwner is the account that an access key belongs to, long-term or temporary, usable or not, and the name of the
// user whose long-term key it is.
func (s *Snapshot) KeyOwner(accessKeyID string) (account, user string, ok bool) {
	if session, ok := s.Sessions.Get(accessKeyID); ok {
		return session.Account, "", true
	}
	owner, ok := s.keys.Get(accessKeyID)
	if !ok {
		return "", "", false
	}
	if owner.user == nil {
		return owner.root.ID, "", true
	}
	return owner.user.Account, owner.user.Name, true
}

// Identity is who an access key stands for, with what is needed to verify its signatures. At most one of User and
// Role is set; neither is for a root user and its sessions.
type Identity struct {
	AccessKeyID string
	Secret      string
	Token       string    // "" for a long-term key
	Expires     time.Time // zero for a long-term key
	Account     string
	User        *iam.User
	Role        *iam.Role
	Session     *iam.Session // nil for a long-term key
}

// Identity finds who an access key stands for. A key that is inactive, or whose user or role was deleted since (or
// deleted and made again), stands for nobody. Expired sessions are found: telling an expired token from a wrong
// one is the verifier's work.
func (s *Snapshot) Identity(accessKeyID string) (Identity, bool) {
	if session, ok := s.Sessions.Get(accessKeyID); ok {
		return s.sessionIdentity(session)
	}
	owner, ok := s.keys.Get(accessKeyID)
	if !ok {
		return Identity{}, false
	}
	if owner.user == nil {
		return Identity{AccessKeyID: accessKeyID, Account: owner.root.ID, Secret: owner.root.RootKey.Secret}, true
	}
	identity := Identity{AccessKeyID: accessKeyID, Account: owner.user.Account, User: owner.user}
	for _, key := range owner.user.Keys {
		if key.ID == accessKeyID && !key.Inactive {
			identity.Secret = key.Secret
			return identity, true
		}
	}
	return Identity{}, false
}

func (s *Snapshot) sessionIdentity(session *iam.Session) (Identity, bool) {
	identity := Identity{
		AccessKeyID: session.AccessKeyID,
		Secret:      session.Secret,
		Token:       session.Token,
		Expires:     session.Expires,
		Account:     session.Account,
		Session:     session,
	}
	switch {
	case session.Role != "":
		role, ok := s.Role(session.Account, session.Role)
		if !ok || role.ID != session.RoleID {
			return Identity{}, false
		}
		identity.Role = role
	case session.User != "":
		user, ok := s.User(session.Account, session.User)
		if !ok || user.ID != session.UserID {
			return Identity{}, false
		}
		identity.User = user
	default:
		if _, ok := s.Accounts.Get(session.Account); !ok {
			return Identity{}, false
		}
	}
	return identity, true
}
