package auth

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/policy"
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
	Region   string            // of the endpoint
	Resource string            // account of the resource
	Tags     map[string]string // of the resource: aws:ResourceTag

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
	var principal *policy.Principal
	if c.Caller != nil {
		principal = &c.Caller.Principal
	}
	if values, ok := principal.Lookup(key); ok {
		return values, true
	}
	if value, ok := c.global(strings.ToLower(key)); ok {
		return []string{value}, true
	}
	return c.resourceTag(key)
}

// resourceTag is the values of the resource's tags with the key, whose case does not matter.
func (c *Conditions) resourceTag(key string) (values []string, ok bool) {
	const prefix = "aws:ResourceTag/"
	if len(c.Tags) == 0 || len(key) < len(prefix) || !strings.EqualFold(key[:len(prefix)], prefix) {
		return nil, false
	}
	for name, value := range c.Tags {
		if strings.EqualFold(name, key[len(prefix):]) {
			values = append(values, value)
		}
	}
	return values, values != nil
}

// claim is what the identity provider, or Lambda, said that vouched for the caller's session.
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

// global is the value of a global condition key, named in lower case.
func (c *Conditions) global(name string) (string, bool) {
	switch name {
	case "aws:currenttime":
		return c.Now.UTC().Format(time.RFC3339), true
	case "aws:epochtime":
		return strconv.FormatInt(c.Now.Unix(), 10), true
	case "aws:securetransport":
		return strconv.FormatBool(c.Secure), true
	case "aws:sourceip":
		return present(c.SourceIP)
	case "aws:useragent":
		return present(c.Header.Get("User-Agent"))
	case "aws:referer":
		return present(c.Header.Get("Referer"))
	case "aws:requestedregion":
		return present(c.Region)
	case "aws:resourceaccount":
		return present(c.Resource)
	case "aws:viaawsservice":
		return "false", true
	}
	if c.Caller == nil || c.Caller.Session == nil {
		return "", false
	}
	switch session := c.Caller.Session; name {
	case "aws:tokenissuetime":
		return session.Issued.UTC().Format(time.RFC3339), true
	case "aws:multifactorauthpresent":
		return strconv.FormatBool(session.MFA), true
	case "aws:federatedprovider":
		return present(session.Provider)
	case "aws:sourceidentity":
		return present(session.SourceIdentity)
	}
	return "", false
}

func present(value string) (string, bool) { return value, value != "" }
