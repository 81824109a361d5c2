package policy

import (
	"slices"
	"strings"
)

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
		return s | when(bySelf, contains(l.services, p.ARN))
	case IdentityProvider:
		return s | when(bySelf, contains(l.provider, p.ARN))
	}
	if contains(l.accounts, p.Account) {
		s |= byAccount
		if p.Type == Root {
			s |= bySelf
		}
	}
	if p.Type == Root || l.names == nil {
		return s
	}
	s |= when(bySelf, contains(l.names, p.ARN))
	switch id := contains(l.names, p.UniqueID); p.Type {
	case User:
		s |= when(bySelf, id)
	case RoleSession:
		s |= when(byIssuer, id || contains(l.names, p.RoleARN))
	case FederatedUser:
		s |= when(byIssuer, id || contains(l.names, p.UserARN))
	}
	return s
}

// when returns s if the condition holds.
func when(s scope, holds bool) scope {
	if holds {
		return s
	}
	return 0
}

// contains reports whether the list holds s; an unknown, empty s is in no list.
func contains(list []string, s string) bool { return s != "" && slices.Contains(list, s) }

// spares reports whether a NotPrincipal with this list leaves the caller out. AWS checks the account, then the role,
// then the session, so the account has to be listed beside the user, and account and role beside the session: without
// its own ARN, every session of a listed role is denied. A user or role that has a permissions boundary is never
// spared. IAM User Guide, "AWS JSON policy elements: NotPrincipal"; AWS Security Blog, "How to restrict Amazon S3
// bucket access to a specific IAM role". Of a federated user, itself or the user behind it is enough (assumed).
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

// add adds one value of a Principal map to the list; false if it is not a principal of that type. A service or identity
// provider that AWS has taken may have any host name.
// IAM User Guide, "AWS JSON policy elements: Principal".
func (l *principals) add(kind, value string, taken bool) bool {
	account, resource, isARN := principalARN(value)
	switch {
	case kind == "Service" && (IsService(value) || taken && isHostName(value)):
		l.services = append(l.services, value)
	case kind == "Federated" &&
		(slices.Contains(webIdentityHosts, value) || isProviderARN(value) || taken && isHostName(value)):
		l.provider = append(l.provider, value)
	case kind == "CanonicalUser" && value != "" && !strings.ContainsAny(value, "*?"):
		// S3's id of an account: valid, but no caller is known by it
	case kind != "AWS":
		return false
	case value == "*":
		l.everyone = true
	case isAccount(value):
		l.accounts = append(l.accounts, value)
	case isARN && resource == "root":
		l.accounts = append(l.accounts, account)
	case isARN || isUniqueID(value):
		l.names = append(l.names, value)
	default:
		return false
	}
	l.written = append(l.written, kind+":"+value)
	return true
}
