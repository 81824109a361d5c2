package auth

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Conditions are the facts of one request that policy conditions can ask about. They come from the connection, the
// verified caller and the server itself; of the request's own headers only those feed one (User-Agent, Referer)
// for which AWS documents that the client can write what it likes.
type Conditions struct {
	Caller   *Caller // nil for an anonymous request
	Now      time.Time
	SourceIP string
	Secure   bool // the request came over TLS
	Header   http.Header
	Region   string // of the endpoint
	Resource string // account of the resource

	// Extra are keys of the service, such as lambda:FunctionUrlAuthType. At most a handful. A key with several
	// values, such as aws:TagKeys, occurs once for each.
	Extra []Fact
}

// Fact is the value of one condition key.
type Fact struct{ Key, Value string }

// Lookup is the value of a condition key, whose name is compared without regard to case. Keys that AWS would not
// have for such a request are absent: for a function URL, which is public, aws:SourceVpc and the like; for calls
// of users and roles, aws:SourceArn and aws:SourceAccount, which a service sets for itself.
func (c *Conditions) Lookup(key string) ([]string, bool) {
	var extra []string
	for _, fact := range c.Extra {
		if strings.EqualFold(fact.Key, key) {
			extra = append(extra, fact.Value)
		}
	}
	if extra != nil {
		return extra, true
	}
	if values, ok := c.claim(key); ok {
		return values, true
	}
	prefix, name, _ := strings.Cut(key, ":")
	if !strings.EqualFold(prefix, "aws") {
		return nil, false
	}
	if tag, ok := cutPrefixFold(name, "PrincipalTag/"); ok {
		return c.principalTag(tag)
	}
	value, ok := c.global(strings.ToLower(name))
	if !ok {
		return nil, false
	}
	return []string{value}, true
}

// claim is what the identity provider said that vouched for the caller's session.
func (c *Conditions) claim(key string) ([]string, bool) {
	if c.Caller == nil || c.Caller.Session == nil {
		return nil, false
	}
	for name, values := range c.Caller.Session.Claims {
		if strings.EqualFold(name, key) {
			return values, true
		}
	}
	return nil, false
}

// global is the value of a global condition key, named in lower case without "aws:".
func (c *Conditions) global(name string) (string, bool) {
	switch name {
	case "currenttime":
		return c.Now.UTC().Format("2006-01-02T15:04:05Z"), true
	case "epochtime":
		return strconv.FormatInt(c.Now.Unix(), 10), true
	case "securetransport":
		return strconv.FormatBool(c.Secure), true
	case "sourceip":
		return present(c.SourceIP)
	case "useragent":
		return present(c.Header.Get("User-Agent"))
	case "referer":
		return present(c.Header.Get("Referer"))
	case "requestedregion":
		return present(c.Region)
	case "resourceaccount":
		return present(c.Resource)
	case "viaawsservice", "principalisawsservice":
		return "false", true
	}
	if c.Caller == nil {
		if name == "principaltype" {
			return "Anonymous", true
		}
		return "", false
	}
	return c.Caller.fact(name)
}

// fact is the value of a condition key about the caller.
func (c *Caller) fact(name string) (string, bool) {
	switch name {
	case "principalaccount":
		return c.Account, true
	case "userid":
		return c.UserID, true
	case "username":
		// Present for IAM users only (IAM User Guide, global condition keys).
		if c.User == nil || c.Session != nil && c.Session.Federated != "" {
			return "", false
		}
		return c.User.Name, true
	case "principalarn":
		// The role's own ARN for a role session.
		if c.Role != nil {
			return c.Role.ARN(), true
		}
		return c.Principal.ARN, true
	case "principaltype":
		switch {
		case c.Role != nil:
			return "AssumedRole", true
		case c.Session != nil && c.Session.Federated != "":
			return "FederatedUser", true
		case c.User != nil:
			return "User", true
		default:
			return "Account", true
		}
	}
	if c.Session == nil {
		return "", false
	}
	switch name {
	case "tokenissuetime":
		return c.Session.Issued.UTC().Format("2006-01-02T15:04:05Z"), true
	case "multifactorauthpresent":
		return strconv.FormatBool(c.Session.MFA), true
	case "federatedprovider":
		return present(c.Session.Provider)
	case "sourceidentity":
		return present(c.Session.SourceIdentity)
	}
	return "", false
}

// principalTag is a tag of the caller. A session's own tags take precedence over those of its role.
func (c *Conditions) principalTag(name string) ([]string, bool) {
	if c.Caller == nil {
		return nil, false
	}
	var sources []map[string]string
	if c.Caller.Session != nil {
		sources = append(sources, c.Caller.Session.Tags)
	}
	if c.Caller.Role != nil {
		sources = append(sources, c.Caller.Role.Tags)
	}
	if c.Caller.User != nil {
		sources = append(sources, c.Caller.User.Tags)
	}
	for _, tags := range sources {
		for key, value := range tags {
			if strings.EqualFold(key, name) {
				return []string{value}, true
			}
		}
	}
	return nil, false
}

func present(value string) (string, bool) { return value, value != "" }

func cutPrefixFold(text, prefix string) (rest string, ok bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}
