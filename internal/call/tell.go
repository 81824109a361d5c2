package call

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/furl-dev/furl/sigv4/diagnose"
)

// canonicalRequest is the header by which a furl serve is told what was signed, so that furl explain can show the first
// byte that differs from what the server made of the request.
const canonicalRequest = "Furl-Canonical-Request"

// maxTold is the longest value of that header, in bytes: a server reads no more.
const maxTold = 256 << 10

// addCanonicalRequest adds the header to a signed request, unsigned, if the request goes to a server on this machine:
// in clear, to a name that stands for a loopback address whatever the resolver says, and so through no proxy. The lines
// are without the session token.
func addCanonicalRequest(r *http.Request, lines []diagnose.Line) {
	if r.URL.Scheme != "http" || !IsLocal(r.URL.Host) {
		return
	}
	if _, typed := r.Header[canonicalRequest]; typed { // and signed
		return
	}
	texts := make([]string, len(lines))
	for i, line := range lines {
		texts[i] = line.Text
	}
	value := base64.StdEncoding.EncodeToString([]byte(strings.Join(texts, "\n")))
	if len(value) <= maxTold {
		r.Header[canonicalRequest] = []string{value}
	}
}
