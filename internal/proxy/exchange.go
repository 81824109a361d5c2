package proxy

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl"
)

var _ io.ReadCloser = (*exchange)(nil)

// exchange is one request and the body of its response, whose bytes it counts.
type exchange struct {
	start     time.Time
	in        *http.Request // as the client sent it
	forward   bool          // the Authorization header of the client
	upstream  *url.URL
	route     *route // nil if none was found
	origin    string // of the page that may see the response
	status    int
	requestID string       // of Lambda
	refusal   furl.Refusal // by Lambda
	refused   check        // by the proxy
	reason    string
	result    result
	retries   int
	body      io.ReadCloser
	bytes     int64
	done      bool // the whole response was passed on
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

func (x *exchange) Read(p []byte) (int, error) {
	n, err := x.body.Read(p)
	x.bytes += int64(n)
	return n, err
}

func (x *exchange) Close() error { return x.body.Close() }

// refuse answers instead of the function. The header marks the answer as the proxy's.
func (x *exchange) refuse(w http.ResponseWriter, status int, check check, reason string) {
	x.status, x.refused, x.reason = status, check, reason
	w.Header().Set("Furl-Proxy-Error", check.String())
	http.Error(w, "furl proxy: "+strings.TrimPrefix(reason, "furl: "), status)
}

// refuseFor is refuse for a request that may be sent again after a while.
func (x *exchange) refuseFor(w http.ResponseWriter, status int, wait time.Duration, check check, reason string) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(max(wait, time.Second).Seconds()))))
	x.refuse(w, status, check, reason)
}

// allowOrigin lets the page that sent the request see the response. If the function URL says who may see it, that
// stands, so that a page finds a wrong CORS configuration here and not only at AWS.
func (x *exchange) allowOrigin(h http.Header) {
	if x.origin == "" || h.Get("Access-Control-Allow-Origin") != "" {
		return
	}
	maps.DeleteFunc(h, func(name string, _ []string) bool { return strings.HasPrefix(name, "Access-Control-") })
	exposed := strings.Join(slices.Sorted(maps.Keys(h)), ", ")
	h.Set("Access-Control-Allow-Origin", x.origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", exposed)
	h.Add("Vary", "Origin")
}

// ended counts a request and logs it.
func (p *Proxy) ended(x *exchange, r *http.Request) {
	counted := &p.outcomes
	if x.route != nil {
		counted = &x.route.state.outcomes
	}
	counted.Add(x.outcome())
	x.log(r, p.log)
}

// The most of texts from outside that a line of the log has, in bytes.
const (
	mostMethod  = 32
	mostPath    = 1024
	mostReason  = 512
	mostSubject = 256
)

// log writes one line for the request, without the query, which may contain secrets such as a presigned signature.
func (x *exchange) log(r *http.Request, log *slog.Logger) {
	level := slog.LevelInfo
	if x.refused != 0 || x.refusal.Layer != "" {
		level = slog.LevelWarn
	}
	if !log.Enabled(context.Background(), level) {
		return
	}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	attributes := make([]slog.Attr, 0, 16)
	attributes = append(attributes,
		slog.String("client", r.RemoteAddr),
		slog.String("method", bounded(r.Method, mostMethod)), slog.String("path", bounded(withoutUsers(path), mostPath)),
		slog.Int("status", x.status), slog.Int64("bytes", x.bytes),
		slog.String("took", time.Since(x.start).Round(10*time.Microsecond).String()),
	)
	if subject := subjectOf(r); subject != "" {
		attributes = append(attributes, slog.String("subject", bounded(subject, mostSubject)))
	}
	if x.route != nil {
		attributes = append(attributes, slog.String("route", x.route.Where()), slog.String("upstream", x.route.name))
	}
	if x.retries > 0 {
		attributes = append(attributes, slog.Int("retries", x.retries))
	}
	if x.requestID != "" {
		attributes = append(attributes, slog.String("request_id", bounded(x.requestID, mostMethod*2)))
	}
	switch {
	case x.refused != 0:
		attributes = append(attributes, slog.String("refused_by", "proxy"), slog.String("step", x.refused.String()),
			slog.String("reason", bounded(withoutSecrets(x.reason), mostReason)))
	case x.refusal.Layer != "":
		attributes = append(attributes, slog.String("refused_by", string(x.refusal.Layer)),
			slog.String("reason", bounded(withoutSecrets(x.refusal.Message), mostReason)))
	}
	if x.refused == 0 && !x.done {
		attributes = append(attributes, slog.Bool("aborted", true))
	}
	log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attributes...)
}

// bounded is the beginning of a text that is too long.
func bounded(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// withoutSecrets hides what URLs in a text have besides their hosts and paths.
func withoutSecrets(text string) string { return withoutQueries(withoutUsers(text)) }

// withoutUsers hides the names and passwords before the hosts of URLs, such as the target of a client that takes the
// proxy for one of HTTP.
func withoutUsers(text string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "://")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		out.WriteString("://")
		end := strings.IndexAny(rest, "/?# \"'\t\r\n")
		if end < 0 {
			end = len(rest)
		}
		if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
			out.WriteString("…")
			rest = rest[at:]
		}
		text = rest
	}
}

// withoutQueries hides what stands behind question marks: an error may have a whole URL in it, with a signature.
func withoutQueries(text string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "?")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		out.WriteString("?")
		end := strings.IndexAny(rest, " \"'\t\r\n")
		if end < 0 {
			end = len(rest)
		}
		if end > 0 {
			out.WriteString("…")
		}
		text = rest[end:]
	}
}

// subjectOf is the subject of the certificate that the client has proved to have, "" without one.
func subjectOf(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return ""
	}
	return subjectName(r.TLS.VerifiedChains[0][0])
}

// subjectName is the distinguished name of a certificate, or its first other name.
func subjectName(c *x509.Certificate) string {
	if name := c.Subject.String(); name != "" {
		return name
	}
	for _, uri := range c.URIs {
		return uri.String()
	}
	for _, name := range slices.Concat(c.DNSNames, c.EmailAddresses) {
		return name
	}
	return "serial " + c.SerialNumber.String()
}
