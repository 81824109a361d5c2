package pages

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

// Token lets its holder read the pages of all accounts. The zero Token admits nobody. It holds a hash, so that nothing
// that prints a Token tells the text.
type Token struct {
	_    [0]func() // makes the type incomparable
	hash [sha256.Size]byte
}

// NewToken is the token with the text.
func NewToken(text string) Token { return Token{hash: sha256.Sum256([]byte(text))} }

// is reports whether the text is that of the token. It takes as long for no text as for a wrong one.
func (t *Token) is(text string) bool {
	hash := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(hash[:], t.hash[:]) == 1
}

// ActionRead is what a caller must be allowed to do to the resource * to read the pages of its account. AWS has no such
// action: a policy allows it by this name, or because it allows everything, as an administrator's does.
const ActionRead = "furl:ReadPages"

// allAccounts is a reader with the page token. Every other reader is an account id.
const allAccounts = "*"

// refusal is why a request is not admitted. Its text is for the client.
type refusal struct {
	reason metric.Refusal
	text   string
}

func (r *refusal) Error() string { return r.text }

// howTo is what a refused person can do.
const howTo = `

Type one of these, with the server's data directory as DIR:

  furl explain REQUEST-ID --data DIR
  furl logs FUNCTION --data DIR
  sed 's/^/Authorization: Bearer /' DIR/page-token | curl -H @- ADDRESS

Or sign the request for the service ` + furlproto.Service + `, as the root user of an account or as somebody who is
allowed to do ` + ActionRead + ` to the resource *.`

// admit finds out who asks for a page: allAccounts with the page token, or the account of which the caller is an
// administrator.
func (p *Pages) admit(r *http.Request) (reader string, refused *refusal) {
	if refused := p.admitClient(r); refused != nil {
		return "", refused
	}
	token := furlproto.Token(r)
	switch {
	case token == "" && isSigned(r):
		return p.administrator(r)
	case p.Token.is(token):
		return allAccounts, nil
	case token == "":
		return "", &refusal{metric.NoToken, "furl's own pages want the page token of the server, or a signature." + howTo}
	default:
		return "", &refusal{metric.WrongToken, "that is not the page token of this server." + howTo}
	}
}

// admitClient lets programs on this machine in. A page of some web site can make a browser on this machine send
// requests here, under a host name that it controls (DNS rebinding) or marked as coming from its own site.
func (p *Pages) admitClient(r *http.Request) *refusal {
	if !p.Open && !listener.IsLoopback(listener.WithoutPort(r.RemoteAddr)) {
		return &refusal{metric.NotLocal,
			"furl's own pages answer on loopback only; start the server with --open-pages to change that"}
	}
	if host := listener.WithoutPort(r.Host); !p.Open && host != "localhost" && !listener.IsLoopback(host) {
		return &refusal{metric.NotLocal,
			fmt.Sprintf("furl's own pages do not answer under the host name %q", trace.Cut(host, 64))}
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" && site != "same-origin" {
		return &refusal{metric.NotLocal, "furl's own pages do not answer requests of other web sites"}
	}
	return nil
}

// isSigned reports whether a request without page token tries to authenticate itself in another way.
func isSigned(r *http.Request) bool {
	return len(r.Header["Authorization"]) > 0 || r.URL.Query().Has("X-Amz-Algorithm")
}

// administrator is the account of the caller who signed the request, if the caller may read the account's pages.
func (p *Pages) administrator(r *http.Request) (account string, refused *refusal) {
	_, region := auth.ClaimedScope(r)
	const noBody = 1 // a limit of 0 would be that of an invocation
	caller, _, _, err := p.Gate.Authenticate(r, auth.Scope{Service: furlproto.Service, Region: region, MaxBody: noBody})
	if err != nil {
		return "", badSignature(err)
	}
	decision, _ := auth.Authorize(p.State.Now(), caller, auth.Check{
		Action: ActionRead, Resource: "*", ResourceAccount: caller.Account,
		Context: &auth.Conditions{
			Caller: caller, Now: p.Now(), SourceIP: listener.WithoutPort(r.RemoteAddr), Secure: r.TLS != nil,
			Header: r.Header, Region: region, Resource: caller.Account,
		},
	})
	if decision.Effect != policy.Allowed {
		return "", &refusal{metric.NotAuthorized, fmt.Sprintf("%s may not read furl's own pages: %s.%s",
			caller.ARN(), decision.Reason, howTo)}
	}
	return caller.Account, nil
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
