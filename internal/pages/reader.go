//go:build unix

package pages

import (
	"errors"
	"net/http"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

// actionRead is the action that a caller needs on the resource * to read the pages of its account. AWS has no such
// action: a policy allows it by this name, or because it allows everything, as an administrator's does.
const actionRead = "furl:ReadPages"

// reader is who reads the pages: an account's id, or allAccounts with the page token.
type reader string

const allAccounts reader = "*"

func (r reader) sees(found *trace.Trace) bool {
	return r == allAccounts || string(r) == found.Account()
}

// refusal is why a request is not admitted. Its text is for the client.
type refusal struct {
	reason metric.Refusal
	text   string
}

func (r *refusal) Error() string { return r.text }

// howTo is what a refused user can do.
const howTo = `

Type one of these, with the server's data directory as DIR:

  furl explain REQUEST-ID --data DIR
  furl logs FUNCTION --data DIR
  sed 's/^/Authorization: Bearer /' DIR/page-token | curl -H @- ADDRESS

Or sign the request for the service ` + furlproto.Service + `, as the root user of an account or as a user who is
allowed ` + actionRead + ` on the resource *.`

// isSigned reports whether a request without the page token tries to authenticate itself in another way.
func isSigned(r *http.Request) bool {
	return len(r.Header["Authorization"]) > 0 || r.URL.Query().Has("X-Amz-Algorithm")
}

// badSignature is the refusal of a signature, with what AWS would tell the client.
func badSignature(err error) *refusal {
	const maxQuoted = 512 // bytes; the text may quote the request
	var failed *sigv4.Error
	if !errors.As(err, &failed) {
		failed = &sigv4.Error{Kind: sigv4.Internal} // not reached: Authenticate promises a *sigv4.Error
	}
	text := "The request could not be authenticated: " + failed.Kind.String() + "."
	if failed.Message != "" {
		text = trace.Cut(failed.Message, maxQuoted)
	}
	return &refusal{metric.OfSignature(failed.Kind), text + howTo}
}
