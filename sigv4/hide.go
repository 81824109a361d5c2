package sigv4

import (
	"strconv"
	"strings"
)

// SecretParameter reports whether the query parameter of that name, as it stands in a URL, lets whoever reads its value
// act as the caller: a session token; a signature, which makes a presigned URL good until it expires; a web identity
// token, which STS takes for credentials. Spelling and escapes of the name do not matter, since a client that signs
// wrongly may write names wrongly too.
func SecretParameter(name string) bool {
	const often = 3 // a name may be escaped
	if len(name) > (1+2*often)*len(paramSecurityToken) {
		return false // even with all of its characters escaped so often
	}
	for range often {
		if checkEscapes(name) == "" {
			name = unescape(name)
		}
	}
	switch len(name) { // nearly all names are told by their length
	case len(paramSecurityToken), len(paramSignature), len(paramWebIdentity):
		return strings.EqualFold(name, paramSecurityToken) || strings.EqualFold(name, paramSignature) || strings.EqualFold(name, paramWebIdentity)
	}
	return false
}

// paramWebIdentity is a parameter of STS's AssumeRoleWithWebIdentity.
const paramWebIdentity = "WebIdentityToken"

// secretHeader reports whether the header holds what SecretParameter is about.
func secretHeader(name string) bool {
	return strings.EqualFold(name, nameToken) || strings.EqualFold(name, nameAuthorization)
}

// hide replaces what lets one act as the caller in a line of a canonical request: in a header line or a query.
func hide(text string) string {
	if name, value, ok := strings.Cut(text, ":"); ok && secretHeader(strings.TrimSpace(name)) {
		return name + ":" + size(value)
	}
	if !strings.Contains(text, "=") {
		return text
	}
	pairs := strings.Split(text, "&")
	for i, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if ok && SecretParameter(name[strings.LastIndexByte(name, '?')+1:]) { // some sign a URL where the path belongs
			pairs[i] = name + "=" + size(value)
		}
	}
	return strings.Join(pairs, "&")
}

func size(value string) string { return "(" + strconv.Itoa(len(value)) + " bytes)" }
