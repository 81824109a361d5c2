//go:build unix

package lambdaapi

import (
	"regexp"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
)

func badPrincipal() *wire.Error {
	return invalidParameter("The provided principal was invalid. Please check the principal and try again.")
}

// serviceName is the form of a service principal. A few services of Amazon's own do not end in amazonaws.com:
// alexa-appkit.amazon.com invokes functions.
var serviceName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.(amazonaws\.com|amazonaws\.com\.cn|amazon\.com)$`)
})

// resolvePrincipal reads the principal of a permission. A user or role is kept by its unique id, as AWS does, so that
// one that is deleted and made again has to be permitted again (IAM User Guide, "AWS JSON policy elements:
// Principal"); it must exist. Accounts and services are taken as they are.
func resolvePrincipal(world *state.Snapshot, text string) (lambda.PermissionPrincipal, error) {
	if text == "*" {
		return lambda.PermissionPrincipal{Anyone: true}, nil
	}
	if arn.IsAccount(text) {
		return lambda.PermissionPrincipal{AWS: arn.Root(text).String()}, nil
	}
	if serviceName().MatchString(text) {
		return lambda.PermissionPrincipal{Service: text}, nil
	}
	if _, ok := world.PrincipalARN(text); ok {
		return lambda.PermissionPrincipal{AWS: text}, nil
	}
	named, ok := iam.ParseARN(text)
	if !ok {
		return lambda.PermissionPrincipal{}, badPrincipal()
	}
	switch {
	case named.Service == "iam" && (named.Type == "user" || named.Type == "role"):
		id, ok := world.PrincipalID(text)
		if !ok {
			return lambda.PermissionPrincipal{}, badPrincipal()
		}
		return lambda.PermissionPrincipal{AWS: id}, nil
	case named.Service == "iam" && named.Type == "root",
		named.Service == "sts" && named.Type == "assumed-role" && strings.Contains(named.Name, "/"),
		named.Service == "sts" && named.Type == "federated-user":
		return lambda.PermissionPrincipal{AWS: text}, nil
	default:
		return lambda.PermissionPrincipal{}, badPrincipal()
	}
}
