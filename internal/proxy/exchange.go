package proxy

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/furl-dev/furl"
)

// exchange is one request under way, and the body of its response, which it counts.
type exchange struct {
	start    time.Time
	upstream *url.URL
	route    string
	origin   string // of a page that may see the response
	status   int
	refusal  furl.Refusal // by Lambda
	refused  string       // by the proxy: which check
	reason   string
	body     io.ReadCloser
	bytes    int64
	done     bool // the response was passed on to its end
}

type exchangeKey struct{}

func withExchange(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

func (x *exchange) Read(p []byte) (int, error) {
	n, err := x.body.Read(p)
	x.bytes += int64(n)
	return n, err
}

func (x *exchange) Close() error { return x.body.Close() }

// refuse answers in place of the function. The header tells the proxy's answers from the function's.
func (x *exchange) refuse(w http.ResponseWriter, status int, check, reason string) {
	x.status, x.refused, x.reason = status, check, reason
	w.Header().Set("Furl-Proxy-Error", check)
	http.Error(w, "furl proxy: "+strings.TrimPrefix(reason, "furl: "), status)
}

// log writes one line for the request. The query is left out: it may hold what is nobody's business.
func (p *Proxy) log(r *http.Request, x *exchange) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	attributes := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", path), slog.Int("status", x.status), slog.Int64("bytes", x.bytes),
		slog.String("took", time.Since(x.start).Round(10*time.Microsecond).String()),
	}
	if x.route != "" {
		attributes = append(attributes, slog.String("upstream", x.route))
	}
	level := slog.LevelInfo
	switch {
	case x.refused != "":
		level = slog.LevelWarn
		attributes = append(attributes, slog.String("refused_by", "proxy"), slog.String("step", x.refused), slog.String("reason", x.reason))
	case x.refusal.Layer != "":
		level = slog.LevelWarn
		attributes = append(attributes, slog.String("refused_by", string(x.refusal.Layer)), slog.String("reason", x.refusal.Message),
			slog.String("request_id", x.refusal.RequestID))
	case !x.done:
		attributes = append(attributes, slog.Bool("aborted", true))
	}
	p.config.Log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attributes...)
}
