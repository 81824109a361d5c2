// Package furlproto is what furl's client and furl's server share: the paths of furl's own addresses, furl's own
// headers, the token with which a client may read the pages, and what furl's clients say of a proxy between the two.
package furlproto

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Paths of a server that are furl's and not AWS's.
const (
	Prefix   = "/_furl/"           // begins all of them
	URLs     = Prefix + "url/"     // ID/… is a function URL in path style
	Health   = Prefix + "health"   // whether the server is well, for everybody
	Requests = Prefix + "requests" // the latest requests; /ID, /last and /last-api are one of them
	Logs     = Prefix + "logs"     // the log of the function that the query names
	Calls    = Prefix + "calls"    // who called what, and the statements that there are, as JSON
	Metrics  = Prefix + "metrics"  // for Prometheus
	Console  = Prefix + "v1/"      // begins the addresses of the console's JSON
	Assets   = Prefix + "assets/"  // what the page of the console consists of
	Ticket   = Console + "ticket"  // makes a ticket for the console
	Session  = Console + "session" // trades a ticket for a session

	TicketUse = Ticket + "/use" // waits until a ticket is used
	Keys      = Prefix + "keys" // the access key of the user that the query names, for those who have Secret
)

// ConsoleHost is the host name of the console. Browsers resolve it to this machine. Only furl's own pages answer under it,
// so that what the console keeps in a browser is out of the reach of pages that functions serve under other names.
const ConsoleHost = "console.localhost"

// Headers that are furl's and not AWS's.
const (
	// Explain is the address of the page that explains a refusal, for clients on loopback.
	Explain = "Furl-Explain"
	// Function and ErrorType are the name of a function that failed and the kind of its error, for clients on loopback with
	// no proxy in between.
	Function  = "Furl-Function"
	ErrorType = "Furl-Error-Type"
	// CanonicalRequest is the text that a client signed, in base64, with its session token hidden. `furl call -v`
	// sends it to servers on this machine. It decides nothing and reaches no function: the trace of a refusal shows
	// the first byte that differs from the server's text.
	CanonicalRequest = "Furl-Canonical-Request"
	// Note is what a page says besides what it shows, for the standard error of the command that reads it.
	Note = "Furl-Note"
	// MaxCanonicalRequest is the longest value of that header, in bytes: a server reads no more.
	MaxCanonicalRequest = 256 << 10
	// Secret is what a server wrote into server.json for commands of its user, who may read all that it keeps.
	Secret = "Furl-Secret"
	// Challenge has a server prove in the header Proof of its health page that it is the one of a data directory.
	Challenge = "Furl-Challenge"
	Proof     = "Furl-Proof"
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

// Prove is the proof of a server with that secret.
func Prove(secret, challenge string) string {
	proof := hmac.New(sha256.New, []byte(secret))
	proof.Write([]byte(challenge))
	return hex.EncodeToString(proof.Sum(nil))
}

// Trust is the system's authorities and those in files, for clients of a server on this machine; nil, which is the
// system's alone, if all files are "".
func Trust(files ...string) (*x509.CertPool, error) {
	files = slices.DeleteFunc(slices.Clone(files), func(file string) bool { return file == "" })
	if len(files) == 0 {
		return nil, nil
	}
	trusted, err := x509.SystemCertPool()
	if err != nil {
		trusted = x509.NewCertPool() // of a system without authorities
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if !trusted.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificate in PEM form", file)
		}
	}
	return trusted, nil
}

// ProxyError is the refusal of a proxy to connect to a server.
type ProxyError struct {
	Host   string // of the proxy, with its port
	Status int
}

func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy %s answered %d %s", e.Host, e.Status, http.StatusText(e.Status))
}

// CheckProxy is an [http.Transport.OnProxyConnectResponse] that names the proxy in the error.
func CheckProxy(_ context.Context, proxy *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode != http.StatusOK {
		return &ProxyError{proxy.Host, response.StatusCode}
	}
	return nil
}

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

// JSONLook looks at a body that is written to it: does it look like JSON?
type JSONLook struct{ first, last byte }

// Write never fails.
func (l *JSONLook) Write(p []byte) (int, error) {
	if text := bytes.Trim(p, "\ufeff \t\r\n"); len(text) > 0 {
		if l.first == 0 {
			l.first = text[0]
		}
		l.last = text[len(text)-1]
	}
	return len(p), nil
}

// Untyped reports whether the body looks like a JSON object or array, and its content type does not say that it is JSON.
func (l *JSONLook) Untyped(contentType string) bool {
	isJSON := l.first == '{' && l.last == '}' || l.first == '[' && l.last == ']'
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	return isJSON && !(strings.HasPrefix(media, "application/") && strings.Contains(media, "json"))
}

// UntypedJSON says what is wrong with a request whose body is Untyped. FastAPI answers 422 to it since 0.132
// (fastapi/fastapi#14978), older ones since 0.65.2.
func UntypedJSON(contentType string) string {
	says := "has no Content-Type"
	switch {
	case strings.HasPrefix(strings.ToLower(contentType), "application/x-www-form-urlencoded"):
		says = "has Content-Type application/x-www-form-urlencoded, which curl -d sends by itself"
	case contentType != "":
		says = "has Content-Type " + contentType
	}
	return "the body looks like JSON, but the request " + says + "; FastAPI, for one, answers 422 to that"
}

// TypeJSON is what helps against it.
const TypeJSON = "send the header Content-Type: application/json, as furl call --json and curl --json do"
