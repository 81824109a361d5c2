//go:build unix

package pages

import (
	"net/http"

	"github.com/furl-dev/furl/internal/console"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/sigv4"
)

// console hands a request of the console on, if its client may read everything.
func (p *Pages) console(w http.ResponseWriter, r *http.Request) {
	status, refused := p.admitConsole(r)
	if refused != nil {
		p.refusals.Add(refused.reason)
		console.Fail(w, status, refused.Error())
		return
	}
	if p.Console == nil {
		console.Fail(w, http.StatusNotFound, "this server has no console; start it with --console=read or --console=edit")
		return
	}
	p.Console.ServeHTTP(w, r)
}

// admitConsole admits the page token and the sessions that come of it. The page asks for another session where the answer
// is 401.
func (p *Pages) admitConsole(r *http.Request) (status int, refused *refusal) {
	if refused := p.admitClient(r, p.Open); refused != nil {
		return http.StatusForbidden, refused
	}
	if r.URL.Path == furlproto.Session { // the ticket in the body gives access
		return 0, nil
	}
	token := furlproto.Token(r)
	switch {
	case token == "" && isSigned(r):
		return http.StatusForbidden, &refusal{metric.NoToken, "the console wants the page token of the server, and takes no " +
			"signature: it shows all accounts; type furl console"}
	case token == "":
		return http.StatusUnauthorized, &refusal{metric.NoToken, "the console wants the token of a session; type furl console"}
	case p.Token.Equal(sigv4.NewSecret(token)):
		return 0, nil
	case r.URL.Path != furlproto.Ticket && p.hasSession(token):
		return 0, nil
	}
	return http.StatusUnauthorized, &refusal{metric.WrongToken, "the session has ended, or it is of another server; type furl console"}
}

// hasSession reports whether the token is that of a session of the console.
func (p *Pages) hasSession(token string) bool { return p.Console != nil && p.Console.Admits(token) }
