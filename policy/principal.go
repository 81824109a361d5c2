package policy

import (
	"strconv"
	"strings"
)

// PrincipalType is the sort of caller.
type PrincipalType int

// The sorts of caller.
const (
	Anonymous        PrincipalType = iota // an unsigned request
	User                                  // an IAM user, also through GetSessionToken credentials
	RoleSession                           // an assumed role
	FederatedUser                         // a GetFederationToken session
	Root                                  // the root user of an account
	Service                               // an AWS service calling for itself, such as cloudfront.amazonaws.com
	IdentityProvider                      // the provider that vouches for a caller of AssumeRoleWithWebIdentity or AssumeRoleWithSAML
)

// String returns AWS's value of aws:PrincipalType for the type, "Service" and "Federated" for those that have none.
func (t PrincipalType) String() string {
	switch t {
	case User:
		return "User"
	case RoleSession:
		return "AssumedRole"
	case FederatedUser:
		return "FederatedUser"
	case Root:
		return "Account"
	case Service:
		return "Service"
	case IdentityProvider:
		return "Federated"
	default:
		return "Anonymous"
	}
}

// Principal is the caller of a request. Fields that do not apply to its type are ignored.
type Principal struct {
	Type    PrincipalType
	Account string // 12 digits; "" for Service, IdentityProvider and Anonymous
	// ARN is arn:aws:iam::A:user/path/name, arn:aws:sts::A:assumed-role/R/S, arn:aws:sts::A:federated-user/N or
	// arn:aws:iam::A:root; the name of a Service; the ARN or host name of an IdentityProvider.
	ARN string
	// RoleARN is the role of a RoleSession, path included: arn:aws:iam::A:role/path/R.
	RoleARN string
	// UserARN is the user that issued a FederatedUser session: its user ARN, or arn:aws:iam::A:root.
	UserARN string
	// UniqueID is the id of the user (AIDA…), of the role of a RoleSession (AROA…) or of the user that issued a
	// FederatedUser session. Resource-based policies name principals by it once those have been deleted.
	UniqueID string
	// SessionName is the name of a RoleSession or FederatedUser.
	SessionName string
	// Tags are the caller's: those of its session, else those of its user or role.
	Tags map[string]string
}

var _ Context = (*Principal)(nil)

// principalKeys are the condition keys that follow from the principal alone, but for its tags.
var principalKeys = [...]string{
	"aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType", "aws:userid", "aws:username",
	"aws:PrincipalIsAWSService", "aws:PrincipalServiceName",
}

const tagPrefix = "aws:PrincipalTag/"

// Lookup implements [Context] for the condition keys that follow from the principal alone: aws:PrincipalArn,
// aws:PrincipalAccount, aws:PrincipalType, aws:userid, aws:username, aws:PrincipalIsAWSService,
// aws:PrincipalServiceName and aws:PrincipalTag, as far as requests of its type have them. A nil principal is
// anonymous. IAM User Guide, "AWS global condition context keys" and "Where you can use policy variables" (table of
// principal key values).
func (p *Principal) Lookup(key string) ([]string, bool) {
	if p == nil {
		p = &Principal{}
	}
	for _, known := range principalKeys {
		if equalFold(known, key) {
			value := p.value(known)
			return []string{value}, value != ""
		}
	}
	if len(key) > len(tagPrefix) && equalFold(key[:len(tagPrefix)], tagPrefix) {
		for name, value := range p.Tags {
			if strings.EqualFold(name, key[len(tagPrefix):]) {
				return []string{value}, true
			}
		}
	}
	return nil, false
}

// Keys returns all that [Principal.Lookup] finds.
func (p *Principal) Keys() Values {
	keys := make(Values, len(principalKeys)+len(p.Tags))
	for _, key := range principalKeys {
		if value := p.value(key); value != "" {
			keys[key] = []string{value}
		}
	}
	for name, value := range p.Tags {
		keys[tagPrefix+name] = []string{value}
	}
	return keys
}

// value returns the value of one of principalKeys, "" if it is absent.
func (p *Principal) value(key string) string {
	switch key {
	case "aws:PrincipalAccount":
		return p.Account
	case "aws:PrincipalIsAWSService":
		return strconv.FormatBool(p.Type == Service)
	}
	switch p.Type {
	case Service:
		if key == "aws:PrincipalServiceName" {
			return p.ARN
		}
		return ""
	case IdentityProvider:
		return ""
	}
	switch key {
	case "aws:PrincipalType":
		return p.Type.String()
	case "aws:PrincipalArn":
		return p.issuerARN()
	case "aws:userid":
		return p.userID()
	case "aws:username":
		if p.Type == User {
			return p.ARN[strings.LastIndexByte(p.ARN, '/')+1:]
		}
	}
	return ""
}

// issuerARN returns the role's ARN for a session of one, else the principal's own.
func (p *Principal) issuerARN() string {
	switch p.Type {
	case Anonymous:
		return ""
	case RoleSession:
		return p.RoleARN
	default:
		return p.ARN
	}
}

func (p *Principal) userID() string {
	switch p.Type {
	case User:
		return p.UniqueID
	case RoleSession:
		return p.UniqueID + ":" + p.SessionName
	case FederatedUser:
		return p.Account + ":" + p.SessionName
	case Root:
		return p.Account
	default:
		return "anonymous"
	}
}

// scope says how a Principal element reaches a caller. The distinction matters for what else limits a grant.
type scope uint8

const (
	byAccount  scope = 1 << iota // through the account: delegates to identity-based policies
	byIssuer                     // through the role of a session, or the user behind a federated user
	bySelf                       // as itself: user, session, root user, service
	byWildcard                   // as anyone
)

// principals is a compiled Principal or NotPrincipal element.
type principals struct {
	not      bool
	everyone bool
	accounts []string // 12 digits
	names    []string // ARNs and unique ids of the AWS type
	services []string
	provider []string // of the Federated type
	written  []string // for messages: "AWS:…", "Service:…", "*"
}

// reach returns how the listed principals include the caller, whether or not the element is a NotPrincipal.
func (l *principals) reach(p *Principal) (s scope) {
	if l.everyone {
		s = byWildcard
	}
	switch p.Type {
	case Anonymous:
		return s
	case Service:
		if contains(l.services, p.ARN) {
			s |= bySelf
		}
		return s
	case IdentityProvider:
		if contains(l.provider, p.ARN) {
			s |= bySelf
		}
		return s
	}
	if p.Account != "" && contains(l.accounts, p.Account) {
		s |= byAccount
		if p.Type == Root {
			s |= bySelf
		}
	}
	switch p.Type {
	case User:
		if l.names != nil && (contains(l.names, p.ARN) || contains(l.names, p.UniqueID)) {
			s |= bySelf
		}
	case RoleSession:
		if contains(l.names, p.ARN) {
			s |= bySelf
		}
		if contains(l.names, p.RoleARN) || contains(l.names, p.UniqueID) {
			s |= byIssuer
		}
	case FederatedUser:
		if contains(l.names, p.ARN) {
			s |= bySelf
		}
		if contains(l.names, p.UserARN) || contains(l.names, p.UniqueID) {
			s |= byIssuer
		}
	}
	return s
}

// contains reports whether the list holds s; an unknown, empty s is in no list.
func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return s != ""
		}
	}
	return false
}

// spares reports whether a NotPrincipal with this list leaves the caller out. AWS checks the account, then the role,
// then the session, so the account has to be listed beside the user, and account and role beside the session: without
// its own ARN, every session of a listed role is denied. A user or role that has a permissions boundary is never
// spared. IAM User Guide, "AWS JSON policy elements: NotPrincipal"; AWS Security Blog, "How to restrict Amazon S3 bucket
// access to a specific IAM role". Of a federated user, itself or the user behind it is enough (assumed).
func (l *principals) spares(p *Principal, bounded bool) bool {
	s := l.reach(p)
	if s&byWildcard != 0 {
		return true
	}
	switch p.Type {
	case User:
		return !bounded && s&byAccount != 0 && s&bySelf != 0
	case RoleSession:
		return !bounded && s&byAccount != 0 && s&byIssuer != 0 && s&bySelf != 0
	case FederatedUser:
		return !bounded && s&byAccount != 0 && s&(byIssuer|bySelf) != 0
	default:
		return s&bySelf != 0
	}
}
