//go:build unix

// Package dataplane answers function URLs: it is the http.Handler behind every URL, host style and path style. A
// request goes through route, authenticate, authorize, event, invoke and response, in that order; each step is a method
// of the request's exchange, and adds what it found to one Trace.
//
// It answers a refused request byte for byte as AWS does: without a reason. The reason is in the Trace. It looks at the
// request as received: nothing may clean up the path or the headers before it.
package dataplane

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

// Invoker runs a function. Its errors are runtime.ErrBusy, runtime.ErrClosed, invoke.ErrUnavailable and the
// context's; a function that fails is a result.
type Invoker interface {
	Invoke(context.Context, invoke.Request) (*runtime.Result, error)
}

// Plane is the data plane's http.Handler. Its fields do not change once it serves.
type Plane struct {
	State   *state.State
	Gate    *auth.Gate
	Invoker Invoker
	Traces  *trace.Recorder
	Usage   *auth.Usage     // nil keeps none
	Traffic *invoke.Traffic // nil counts nothing
	Log     *slog.Logger
	Now     func() time.Time

	Exchanges *trace.Exchanges // of requests to function URLs that there are; nil keeps none

	// Suffixes are what may follow ID.lambda-url.REGION. in a host name.
	Suffixes []string
	// Hosts are the host names and addresses under which function URLs of auth type NONE answer in path style.
	Hosts listener.Hosts
	// LegacyPermissions asks for lambda:InvokeFunctionUrl alone, as AWS does for URLs made before October
	// 2025, which it announced to end on 2026-11-01.
	LegacyPermissions bool
	// BlockPublicAccess says that the control plane takes no permission that lets anybody in.
	BlockPublicAccess bool
	// Explain is the address of the page that explains a request. Clients on loopback see it in a header.
	Explain func(requestID string) string

	refusals metric.Refusals
}

// Collectors are the metrics of the data plane.
func (p *Plane) Collectors() []metric.Collector {
	return p.refusals.Collectors("function-url", metric.UnknownURL, metric.Unreadable, metric.NotAuthorized,
		metric.TooLarge, metric.Throttled, metric.ShuttingDown)
}

// ServeHTTP answers one request to a function URL.
func (p *Plane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := p.newExchange(w, r)
	defer x.finish()
	if refusal := x.serve(); refusal != nil {
		x.refuse(*refusal)
	}
}
