package iamapi

import (
	"iter"
	"strings"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/query"
	"github.com/furl-dev/furl/internal/iam"
)

// nameFree refuses a name that an account's users, roles or groups have already, in whatever case, and one more of
// them than the quota allows. Entities are kept by iam.Key.
func nameFree[V any](entities iter.Seq2[string, V], account, name string, quota int, kind, quotaName string) error {
	count := 0
	for key := range entities {
		existing, ok := strings.CutPrefix(key, iam.Key(account, ""))
		if !ok {
			continue
		}
		if strings.EqualFold(existing, name) {
			return alreadyExists("%s with name %s already exists.", kind, name)
		}
		count++
	}
	if count >= quota {
		return overQuota(quotaName, quota)
	}
	return nil
}

// userName is the user that a request is about: the one it names, or else the caller. It is empty for an account's
// root user.
func userName(c *controlplane.Call, given string) (string, error) {
	switch session := c.Caller.Session; {
	case given != "":
		return given, nil
	case session != nil && (session.Role != "" || session.Federated != ""):
		return "", query.ValidationErrorf("Must specify userName when calling with non-User credentials")
	case c.Caller.User != nil:
		return c.Caller.User.Name, nil
	default:
		return "", nil
	}
}
