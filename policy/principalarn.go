package policy

import (
	"errors"
	"strings"
)

// add adds one value of a Principal map to the list; false if it is not a principal of that type.
// IAM User Guide, "AWS JSON policy elements: Principal".
func (l *principals) add(kind, value string) bool {
	switch kind {
	case "AWS":
		return l.addAWS(value)
	case "Service":
		if !isServiceName(value) {
			return false
		}
		l.services = append(l.services, value)
	case "Federated":
		if !isServiceName(value) && !isProviderARN(value) {
			return false
		}
		l.provider = append(l.provider, value)
	default: // CanonicalUser, S3's id of an account: valid, but no caller is known by it
		if value == "" || strings.ContainsAny(value, "*?") {
			return false
		}
	}
	l.written = append(l.written, kind+":"+value)
	return true
}

func (l *principals) addAWS(value string) bool {
	switch {
	case value == "*":
		l.everyone = true
	case isAccount(value):
		l.accounts = append(l.accounts, value)
	case isUniqueID(value):
		l.names = append(l.names, value)
	default:
		account, resource, ok := principalARN(value)
		if !ok {
			return false
		}
		if resource == "root" {
			l.accounts = append(l.accounts, account)
		} else {
			l.names = append(l.names, value)
		}
	}
	l.written = append(l.written, "AWS:"+value)
	return true
}

// principalARN takes the ARN of an account, user, role, role session or federated user apart.
func principalARN(s string) (account, resource string, ok bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !isPartition(parts[1]) || parts[3] != "" || !isAccount(parts[4]) ||
		strings.ContainsAny(parts[5], "*?:$ ") {
		return "", "", false
	}
	kind, name, _ := strings.Cut(parts[5], "/")
	switch parts[2] {
	case "iam":
		ok = parts[5] == "root" || (kind == "user" || kind == "role") && name != "" && !strings.HasSuffix(name, "/")
	case "sts":
		role, session, _ := strings.Cut(name, "/")
		ok = kind == "assumed-role" && role != "" && session != "" && !strings.Contains(session, "/") ||
			kind == "federated-user" && name != ""
	}
	return parts[4], parts[5], ok
}

// ParsePrincipal describes the caller that an ARN or a name stands for: a user, a role session, a federated user, a root
// user, an identity provider, or a service such as cloudfront.amazonaws.com. Host names outside of amazonaws.com are
// identity providers. What the text does not say stays empty: unique ids, the issuer of a federated user, and the path
// of a session's role, which its ARN does not have, so RoleARN is right for roles of path / only.
func ParsePrincipal(s string) (Principal, error) {
	switch {
	case isProviderARN(s):
		return Principal{Type: IdentityProvider, ARN: s}, nil
	case isServiceName(s) && !strings.HasSuffix(s, ".amazonaws.com") && !strings.HasSuffix(s, ".amazonaws.com.cn"):
		return Principal{Type: IdentityProvider, ARN: s}, nil
	case isServiceName(s):
		return Principal{Type: Service, ARN: s}, nil
	}
	account, resource, ok := principalARN(s)
	kind, name, _ := strings.Cut(resource, "/")
	p := Principal{Account: account, ARN: s}
	switch {
	case !ok || kind == "role":
		return Principal{}, errors.New("want the ARN of a user, role session, federated user, root user or identity provider, or the name of a service, got " + quote(s))
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
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// isUniqueID recognises the ids of users and roles, which AWS puts in the place of the ARN of a deleted one.
// IAM User Guide, "IAM identifiers".
func isUniqueID(s string) bool {
	if len(s) < 16 || len(s) > 128 || !strings.HasPrefix(s, "AIDA") && !strings.HasPrefix(s, "AROA") {
		return false
	}
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// isServiceName recognises host-like names: lambda.amazonaws.com, cognito-identity.amazonaws.com.
func isServiceName(s string) bool {
	return strings.Contains(s, ".") && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
}

func isProviderARN(s string) bool {
	parts := strings.SplitN(s, ":", 6)
	return len(parts) == 6 && parts[0] == "arn" && isPartition(parts[1]) && parts[2] == "iam" && parts[3] == "" && isAccount(parts[4]) &&
		(strings.HasPrefix(parts[5], "oidc-provider/") || strings.HasPrefix(parts[5], "saml-provider/")) && !strings.ContainsAny(parts[5], "*? ")
}
