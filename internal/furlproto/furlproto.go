// Package furlproto is what furl's client and furl's server share: the paths of furl's own addresses, furl's own
// headers, and the token with which a client may read the pages.
package furlproto

import (
	"net/http"
	"strings"
)

// Paths of a server that are furl's and not AWS's.
const (
	Prefix   = "/_furl/"           // begins all of them
	URLs     = Prefix + "url/"     // ID/… is a function URL in path style
	Health   = Prefix + "health"   // whether the server is well, for everybody
	Requests = Prefix + "requests" // the latest requests; /ID, /last and /last-api are one of them
	Logs     = Prefix + "logs"     // the log of the function that the query names
	Metrics  = Prefix + "metrics"  // for Prometheus
)

// Headers that are furl's and not AWS's.
const (
	// Explain is the address of the page that explains a refusal, for clients on loopback.
	Explain = "Furl-Explain"
	// CanonicalRequest is the text that a client signed, in base64, with its session token hidden. `furl call -v`
	// sends it to servers on this machine. It decides nothing and reaches no function: the trace of a refusal shows
	// the first byte that differs from the server's text.
	CanonicalRequest = "Furl-Canonical-Request"
	// Note is what a page says besides what it shows, for the standard error of the command that reads it.
	Note = "Furl-Note"
	// MaxCanonicalRequest is the longest value of that header, in bytes: a server reads no more.
	MaxCanonicalRequest = 256 << 10
)

// Last stands for the id of the latest request to a function URL, LastAPI for that of the latest call of an API. Both pass
// over probes.
const (
	Last    = "last"
	LastAPI = "last-api"
)

// Probe is part of the User-Agent of what furl's own commands send by themselves. That a request is a probe hides it from
// nobody who asks for it by its id or lists all.
const Probe = "furl-probe"

// IsProbe reports whether one of furl's own commands sent a request by itself.
func IsProbe(r *http.Request) bool { return strings.Contains(r.UserAgent(), Probe) }

// Service is the service in the scope of a signature for a page. The region may be any.
const Service = "lambda"

// The page token comes as Authorization: Bearer TOKEN. Prometheus can send that, and no web site can make a browser
// send it to another site.
const (
	header = "Authorization"
	scheme = "Bearer"
)

// SetToken adds the page token to a request.
func SetToken(r *http.Request, token string) { r.Header.Set(header, scheme+" "+token) }

// Token is the page token of a request. It is empty where there is none, and where there are two.
func Token(r *http.Request) string {
	values := r.Header[header]
	if len(values) != 1 {
		return ""
	}
	given, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(given, scheme) {
		return ""
	}
	return token
}
