package policy

import (
	"errors"
	"slices"
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
	IdentityProvider                      // vouches for a caller of AssumeRoleWithWebIdentity or AssumeRoleWithSAML
)

// String returns AWS's value of aws:PrincipalType for the type, "Service" and "Federated" for those that have none.
func (t PrincipalType) String() string {
	return word(t, "Anonymous", "User", "AssumedRole", "FederatedUser", "Account", "Service", "Federated")
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
		if p.Type != Anonymous {
			_, arn := p.grantee()
			return arn
		}
	case "aws:userid":
		return p.userID()
	case "aws:username":
		if p.Type == User {
			return p.ARN[strings.LastIndexByte(p.ARN, '/')+1:]
		}
	}
	return ""
}

// grantee returns the value of a Principal element that is the caller's, and its type: "" for "*". A session is named
// by its role.
func (p *Principal) grantee() (kind, value string) {
	switch p.Type {
	case Anonymous:
		return "", "*"
	case Service:
		return "Service", p.ARN
	case IdentityProvider:
		return "Federated", p.ARN
	case RoleSession:
		return "AWS", p.RoleARN
	default:
		return "AWS", p.ARN
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

// accountARN takes an ARN of something that belongs to an account and no region apart.
func accountARN(s string) (service, account, resource string, ok bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !isPartition(parts[1]) || parts[3] != "" || !isAccount(parts[4]) ||
		strings.ContainsAny(parts[5], "*? ") {
		return "", "", "", false
	}
	return parts[2], parts[4], parts[5], true
}

// principalARN takes the ARN of an account, user, role, role session or federated user apart.
func principalARN(s string) (account, resource string, ok bool) {
	service, account, resource, ok := accountARN(s)
	if !ok || strings.ContainsAny(resource, ":$") {
		return "", "", false
	}
	kind, name, _ := strings.Cut(resource, "/")
	ok = false
	switch service {
	case "iam":
		ok = resource == "root" || (kind == "user" || kind == "role") && name != "" && !strings.HasSuffix(name, "/")
	case "sts":
		role, session, _ := strings.Cut(name, "/")
		ok = kind == "assumed-role" && role != "" && session != "" && !strings.Contains(session, "/") ||
			kind == "federated-user" && name != ""
	}
	return account, resource, ok
}

// ParsePrincipal describes the caller that an ARN or a name stands for: a user, a role session, a federated user, a
// root user, an identity provider, or a service such as cloudfront.amazonaws.com. Other host
// names are identity providers. What the text does not say stays empty: unique ids, the issuer of a federated user, and
// the path of a session's role, which its ARN does not have, so RoleARN is right for roles of path / only.
func ParsePrincipal(s string) (Principal, error) {
	switch {
	case isProviderARN(s), s == "www.amazon.com": // Login with Amazon is no service of AWS
		return Principal{Type: IdentityProvider, ARN: s}, nil
	case IsService(s):
		return Principal{Type: Service, ARN: s}, nil
	case isHostName(s):
		return Principal{Type: IdentityProvider, ARN: s}, nil
	}
	account, resource, ok := principalARN(s)
	kind, name, _ := strings.Cut(resource, "/")
	p := Principal{Account: account, ARN: s}
	switch {
	case !ok || kind == "role":
		return Principal{}, errors.New("want the ARN of a user, role session, federated user, root user or identity " +
			"provider, or the name of a service, got " + quote(s))
	case kind == "root":
		p.Type = Root
	case kind == "user":
		p.Type = User
	case kind == "federated-user":
		p.Type = FederatedUser
		p.SessionName = name
	default:
		p.Type = RoleSession
		role, session, _ := strings.Cut(name, "/")
		p.SessionName = session
		partition, _, _ := strings.Cut(strings.TrimPrefix(s, "arn:"), ":")
		p.RoleARN = "arn:" + partition + ":iam::" + account + ":role/" + role
	}
	return p, nil
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, digits) == ""
}

// isUniqueID recognizes the ids of users and roles, which AWS puts in the place of the ARN of a deleted one.
// IAM User Guide, "IAM identifiers".
func isUniqueID(s string) bool {
	if len(s) < 16 || len(s) > 128 || !strings.HasPrefix(s, "AIDA") && !strings.HasPrefix(s, "AROA") {
		return false
	}
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// isHostName recognizes host-like names: lambda.amazonaws.com, accounts.google.com.
func isHostName(s string) bool {
	return strings.Contains(s, ".") && strings.Trim(s, alphanumeric+".-_") == ""
}

// serviceDomains are the domains of AWS's service principals, in every partition. There is no complete list of the
// services themselves.
var serviceDomains = []string{
	".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".amazon.com", ".aws.internal",
	".c2s.ic.gov", ".sc2s.sgov.gov",
	".csp.hci.ic.gov", ".cloud.adc-e.uk",
}

// IsService reports whether s has the form of a service principal: a name in a domain of AWS.
func IsService(s string) bool {
	return isHostName(s) && slices.ContainsFunc(serviceDomains, func(domain string) bool {
		name, ok := strings.CutSuffix(s, domain)
		return ok && name != ""
	})
}

// webIdentityHosts are the identity providers that a policy names by their host (IAM User Guide, "AWS JSON policy
// elements: Principal").
var webIdentityHosts = []string{
	"cognito-identity.amazonaws.com", "www.amazon.com", "graph.facebook.com", "accounts.google.com",
}

func isProviderARN(s string) bool {
	service, _, resource, ok := accountARN(s)
	return ok && service == "iam" &&
		(strings.HasPrefix(resource, "oidc-provider/") || strings.HasPrefix(resource, "saml-provider/"))
}

// hasPolicies reports whether the caller is one that policies can be attached to.
func (t PrincipalType) hasPolicies() bool { return t == User || t == RoleSession || t == FederatedUser }
