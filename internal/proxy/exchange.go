package proxy

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/mount"
)

var _ io.ReadCloser = (*exchange)(nil)

// exchange is one request and the body of its response, whose bytes it counts.
type exchange struct {
	start    time.Time
	upstream *url.URL
	route    *route // nil if none was found
	mount    *mount.Mount
	origin   string // of the page that may see the response
	status   int
	refusal  furl.Refusal // by Lambda
	refused  string       // by the proxy: which check
	reason   string
	body     io.ReadCloser
	bytes    int64
	done     bool // the whole response was passed on
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
func (x *exchange) refuse(w http.ResponseWriter, status int, check, reason string) {
	x.status, x.refused, x.reason = status, check, reason
	w.Header().Set("Furl-Proxy-Error", check)
	http.Error(w, "furl proxy: "+strings.TrimPrefix(reason, "furl: "), status)
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

// log writes one line for the request, without the query, which may contain secrets.
func (x *exchange) log(r *http.Request, log *slog.Logger) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	attributes := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", path), slog.Int("status", x.status),
		slog.Int64("bytes", x.bytes),
		slog.String("took", time.Since(x.start).Round(10*time.Microsecond).String()),
	}
	if x.route != nil {
		attributes = append(attributes, slog.String("upstream", x.route.name))
	}
	level := slog.LevelInfo
	switch {
	case x.refused != "":
		level = slog.LevelWarn
		attributes = append(attributes, slog.String("refused_by", "proxy"), slog.String("step", x.refused),
			slog.String("reason", x.reason))
	case x.refusal.Layer != "":
		level = slog.LevelWarn
		attributes = append(attributes, slog.String("refused_by", string(x.refusal.Layer)),
			slog.String("reason", x.refusal.Message),
			slog.String("request_id", x.refusal.RequestID))
	case !x.done:
		attributes = append(attributes, slog.Bool("aborted", true))
	}
	log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attributes...)
}
