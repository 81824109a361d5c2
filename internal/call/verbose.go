package call

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// verbose reports on the standard error what happens: furl's own lines begin with '*', lines of the request with '>',
// lines of the response with '<'. It hides session tokens, and signatures except for their beginning, since anyone can
// send a signed request again for five minutes, and call a presigned link, such as a redirect leads to, for longer.
type verbose struct {
	mu         sync.Mutex // the transport's goroutines write too
	w          io.Writer
	target     string // as typed, until a redirect
	tellServer bool   // see Caller.TellServer
	identity   chan string
}

// identityTimeout bounds the wait for the name of the caller.
const identityTimeout = 2 * time.Second

func newVerbose(ctx context.Context, c *Caller, u furl.URL) *verbose {
	v := &verbose{w: c.Stderr, target: u.Target, tellServer: c.TellServer}
	c.Transport.OnSign = v.signed
	c.Transport.OnRepeat = func(reason string) { v.tell("*", "%s", reason) }
	if c.Identity != nil {
		v.identity = make(chan string, 1)
		go func() { // ends by its timeout
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), identityTimeout)
			defer cancel()
			who, err := c.Identity(ctx)
			if err != nil {
				who = fmt.Sprintf("not known: %v", err)
			}
			v.identity <- who
		}()
	}
	return v
}

// linked matches a secret of a presigned link, also of a link within a query.
var linked = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(X-Amz-(?:Signature|Security-Token)(?:=|%3D))[^&\s]+`)
})

// tell writes lines with a mark before each.
func (v *verbose) tell(mark, format string, arguments ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out strings.Builder
	for line := range strings.Lines(fmt.Sprintf(format, arguments...)) {
		line = linked().ReplaceAllString(strings.TrimRight(line, "\r\n"), "$1(hidden)")
		fmt.Fprintf(&out, "%s %s\n", mark, line)
	}
	io.WriteString(v.w, out.String())
}

// signed reports what is signed, for each attempt.
func (v *verbose) signed(r *http.Request, s sigv4.Signed) {
	var text strings.Builder
	scope, _ := sigv4.ParseScope(r) // it has just been written
	fmt.Fprintf(&text, "signed with %s for %s in %s\n", scope.AccessKeyID, scope.Service, scope.Region)
	text.WriteString("canonical request:\n")
	lines := diagnose.Lines(s.CanonicalRequest)
	for _, line := range lines {
		shown := line.Text
		if name, ok := strings.CutPrefix(line.Label, "header "); ok && name != "x-amz-security-token" { // hidden already
			shown = name + ":" + hidden(name, strings.TrimPrefix(shown, name+":"))
		} else if line.Label == "query" {
			shown = strings.TrimPrefix(event.HideParameters("?"+shown), "?")
		}
		fmt.Fprintf(&text, "  %-28s %s\n", line.Label, shown)
	}
	text.WriteString("string to sign:\n")
	for line := range strings.Lines(s.StringToSign) {
		text.WriteString("  " + line)
	}
	v.tell("*", "%s", text.String())
	v.requestLine(r)
	if v.tellServer {
		addCanonicalRequest(r, lines)
	}
}

// requestLine reports the line of a request. The target is that of the URL as typed until a redirect.
func (v *verbose) requestLine(r *http.Request) {
	target := r.URL.RequestURI()
	if r.Response == nil {
		target = v.target
	}
	v.tell(">", "%s %s HTTP/1.1", r.Method, event.HideParameters(target))
}

// sending reports a request that goes out as it is; signed reports the others.
func (v *verbose) sending(r *http.Request, unsigned string) {
	if unsigned != "" {
		v.tell("*", "not signed: %s", unsigned)
		v.requestLine(r)
	}
}

// trace reports connections, and headers as they are written.
func (v *verbose) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		ConnectDone: func(network, address string, err error) {
			if err != nil {
				v.tell("*", "connect to %s: %v", address, err)
			}
		},
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			if err != nil {
				v.tell("*", "TLS: %v", err)
				return
			}
			v.tell("*", "%s, %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite))
			if len(state.PeerCertificates) > 0 {
				leaf := state.PeerCertificates[0]
				v.tell("*", "certificate of %s by %s, valid until %s", leaf.Subject, leaf.Issuer,
					leaf.NotAfter.Format(time.RFC3339))
			}
		},
		GotConn: func(info httptrace.GotConnInfo) {
			how := "connected to"
			if info.Reused {
				how = "connected already to"
			}
			v.tell("*", "%s %s", how, info.Conn.RemoteAddr())
		},
		WroteHeaderField: func(name string, values []string) {
			for _, value := range values {
				v.tell(">", "%s: %s", name, hidden(name, value))
			}
		},
		WroteHeaders: func() { v.tell(">", "\n") },
	})
}

// hidden returns the value of a header without its secrets.
func hidden(name, value string) string {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Proxy-Authorization":
		const shown = 8
		scheme, _, hasScheme := strings.Cut(value, " ")
		if i := strings.Index(value, "Signature="); i >= 0 && len(value) > i+len("Signature=")+shown {
			return value[:i+len("Signature=")+shown] + "… (hidden)"
		}
		if hasScheme {
			return scheme + " (hidden)"
		}
		return "(hidden)"
	case "X-Amz-Security-Token":
		return fmt.Sprintf("(hidden, %d bytes)", len(value))
	case "Cookie", "Set-Cookie":
		return hiddenCookies(name, value)
	case furlproto.CanonicalRequest:
		return fmt.Sprintf("(the canonical request as it stands above, in %d bytes)", len(value))
	case "Location", "Content-Location", "Referer":
		return hideURL(value)
	case "Www-Authenticate", "Proxy-Authenticate", "Access-Control-Allow-Credentials", "Access-Control-Allow-Headers",
		"Access-Control-Expose-Headers": // no secrets, whatever their names say
		return value
	}
	return event.HideHeader(name, value)
}

// hiddenCookies returns the value of a Cookie or Set-Cookie header without the values of the cookies.
func hiddenCookies(name, value string) string {
	parts := strings.Split(value, ";")
	for i, part := range parts {
		if i > 0 && strings.EqualFold(name, "Set-Cookie") { // attributes
			break
		}
		pair, _, ok := strings.Cut(part, "=")
		if !ok {
			pair = ""
		}
		parts[i] = pair + "=(hidden)"
	}
	return strings.Join(parts, ";")
}

// response reports the status line and the headers of a response.
func (v *verbose) response(head []byte) {
	var shown strings.Builder
	for line := range strings.Lines(string(head)) {
		name, value, ok := strings.Cut(line, ":")
		if text := strings.TrimSpace(value); ok && hidden(name, text) != text {
			line = name + ": " + hidden(name, text) + "\n"
		}
		shown.WriteString(line)
	}
	v.tell("<", "%s", shown.String())
}

// finish reports the caller and the times of a call that has ended.
func (v *verbose) finish(t steps, err error) {
	if v.identity != nil {
		v.tell("*", "caller: %s", <-v.identity)
	}
	if err != nil {
		v.tell("*", "failed after %s", milliseconds(t.total))
		return
	}
	steps := []struct {
		name string
		took time.Duration
	}{
		{"name looked up", t.name}, {"connected", t.connect}, {"TLS", t.tls}, {"request sent", t.wrote},
		{"first byte", t.first}, {"all", t.total},
	}
	var told []string
	for _, step := range steps {
		if step.took > 0 {
			told = append(told, step.name+" "+milliseconds(step.took).String())
		}
	}
	v.tell("*", "time since the start: %s", strings.Join(told, ", "))
}

// milliseconds is a time as reports print it.
type milliseconds time.Duration

func (d milliseconds) String() string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// MarshalJSON writes a number, in whole microseconds.
func (d milliseconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(d).Microseconds()) / 1000)
}

// addCanonicalRequest adds furlproto.CanonicalRequest, unsigned, to a signed request for a server on this machine: to
// a name that is a loopback address no matter what the resolver says, and so through no proxy. The lines
// contain no session token.
func addCanonicalRequest(r *http.Request, lines []diagnose.Line) {
	if !IsLocal(r.URL.Host) {
		return
	}
	if _, typed := r.Header[furlproto.CanonicalRequest]; typed { // it is signed and must not change
		return
	}
	texts := make([]string, len(lines))
	for i, line := range lines {
		texts[i] = line.Text
	}
	value := base64.StdEncoding.EncodeToString([]byte(strings.Join(texts, "\n")))
	if len(value) <= furlproto.MaxCanonicalRequest {
		r.Header[furlproto.CanonicalRequest] = []string{value}
	}
}
