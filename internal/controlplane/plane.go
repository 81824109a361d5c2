// Package controlplane answers the AWS APIs that furl speaks: Lambda (REST-JSON), IAM and STS (Query/XML). It finds
// the API that a request is for, verifies the signature, finds the operation, has the caller authorized for it and
// runs it; each API is one [API] value made of a table of operations, which is also its documentation.
//
// It answers an unsigned request with a refusal, unless it is for one of the operations whose callers cannot have
// credentials yet.
package controlplane

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

// API is one AWS API: its operations and how it speaks.
type API interface {
	// Service is the API's name in a credential scope: lambda, iam, sts.
	Service() string
	// Serve answers a request whose signature is good.
	Serve(http.ResponseWriter, *Call)
	// Refuse answers a request whose signature is not, in the protocol of the API.
	Refuse(http.ResponseWriter, *Call, *sigv4.Error)
	// Claims reports whether a request is for an operation of the API, whatever its signature says, and whether for one
	// that needs no signature. body is the form that came with it. A request that is not signed names no service; yet
	// some operations of STS need no signature, and a refusal should be in the protocol of the client.
	Claims(r *http.Request, body []byte) (mine, unsigned bool)
	// Query reports whether the API is in the Query protocol, all of whose requests go to "/".
	Query() bool
	// Operations lists what the API has, for the documentation.
	Operations() []Operation
	// MaxBody is the largest body that the API takes of such a request, in bytes. Its sender is not known yet.
	MaxBody(*http.Request) int64
}

// Operation is what the documentation says of one operation.
type Operation struct {
	Name   string // CreateFunctionUrlConfig
	Action string // IAM action that it needs, "" if it needs none
	Also   []Also // further actions that it needs for some requests
	Method string // REST only
	Path   string // REST only
	Note   string // what differs from AWS, if anything
}

// Also is a further IAM action that an operation needs if the request has the member.
type Also struct{ Member, Action string }

// Plane is the control plane's http.Handler.
type Plane struct {
	Gate   *auth.Gate
	State  *state.State
	Traces *trace.Recorder
	Usage  *auth.Usage // nil keeps none
	Log    *slog.Logger
	Now    func() time.Time
	APIs   []API

	// Point tells a client on this machine where a refusal is explained, in a header; nil tells none.
	Point func(w http.ResponseWriter, r *http.Request, requestID string)
	// Messages seals the reasons of refusals; nil sends none.
	Messages *Messages

	refusals metric.Refusals
}

// Collectors are the metrics of the control plane.
func (p *Plane) Collectors() []metric.Collector {
	return p.refusals.Collectors("api", metric.NotAuthorized)
}

// ServeHTTP answers a request to any of the APIs.
func (p *Plane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := &Call{Request: r, RequestID: trace.NewRequestID(), Now: p.Now(), State: p.State, Log: p.Log, Messages: p.Messages, clock: p.Now}
	call.point, call.secure = p.Point, p.Gate.IsSecure(r)
	w.Header()["x-amzn-RequestId"] = []string{call.RequestID} // spelled as AWS spells it
	service, region := auth.ClaimedScope(r)
	api, body, unsigned := p.claimed(r)
	call.Region = region
	call.Trace = trace.New(call.RequestID, call.Now, r.Method, r.RequestURI, r.Host, sourceIP(r))
	call.Trace.API, call.Trace.Probe = true, furlproto.IsProbe(r)
	if api == nil {
		if others, ok := p.foreign(r); ok {
			p.serveForeign(w, call, others)
			return
		}
	}
	if api == nil {
		api = p.api(service, r)
	}

	if unsigned && !isSigned(r) {
		call.Body = body
		p.serve(w, api, call)
		return
	}
	wanted := auth.Scope{Service: api.Service(), Region: region, MaxBody: api.MaxBody(r)}
	caller, verified, attempt, err := p.Gate.Authenticate(r, wanted)
	call.Trace.Add("authenticate", p.Now(), attempt.Finding)
	call.Trace.Concern(attempt.Finding.Account())
	call.Trace.Caller = attempt.Finding.Caller()
	if err != nil {
		attempt.KnownAs(api.Service()+"."+region+".amazonaws.com", api.Service()+".amazonaws.com")
		refusal, ok := errors.AsType[*sigv4.Error](err)
		if !ok {
			panic(err) // Authenticate promises a *sigv4.Error
		}
		p.refusals.Add(metric.OfSignature(refusal.Kind))
		call.denied = true
		call.PointOut(w)
		api.Refuse(w, call, refusal)
		p.explain(w, call, attempt)
		return
	}
	call.Caller, call.Body = caller, verified.Body
	if len(verified.Warnings) > 0 {
		p.serveDoubtful(w, api, call)
		return
	}
	p.serve(w, api, call)
}

// serve has the call answered, and keeps the trace of one that is refused.
func (p *Plane) serve(w http.ResponseWriter, api API, call *Call) {
	api.Serve(w, call)
	if !call.Trace.Probe {
		p.Usage.Record(call.Now, call.answers...)
	}
	if call.denied {
		p.refusals.Add(metric.NotAuthorized)
		p.keep(call)
	}
}

// serveDoubtful is serve for a call whose signature AWS might not accept: its trace is kept however it is answered.
func (p *Plane) serveDoubtful(w http.ResponseWriter, api API, call *Call) {
	answered := &statusWriter{w, http.StatusOK}
	p.serve(answered, api, call)
	if call.denied {
		return
	}
	call.Trace.End(p.Now(), answered.status, call.errorType)
	p.Traces.Record(call.Trace)
	p.Log.Debug("API call answered with a warning", "request_id", call.RequestID)
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// explain keeps and logs why a request was not authenticated, once the client has its answer.
func (p *Plane) explain(w http.ResponseWriter, call *Call, attempt *auth.Attempt) {
	http.NewResponseController(w).Flush() //nolint:errcheck // a client that is gone is nobody's loss
	attempt.Diagnose(context.WithoutCancel(call.Context()))
	p.keep(call)
}

// keep keeps the trace of a refused call and logs it. Calls that are answered leave none, unless there is a warning in
// it: the traces are for those who wonder.
func (p *Plane) keep(call *Call) {
	call.Trace.End(p.Now(), call.status, call.errorType)
	p.Traces.Record(call.Trace)
	report := call.Trace.Report()
	p.Log.Info("API call refused", "request_id", call.RequestID, "reason", report.Reason(), "fix", strings.Join(report.Fix, "; "))
}

// api finds the API by the service of the credential scope. A request that names none that furl has, or none at
// all, is refused by one that speaks the client's protocol: calls of the Query protocol go to "/", where a REST API
// has nothing.
func (p *Plane) api(service string, r *http.Request) API {
	for _, api := range p.APIs {
		if api.Service() == service {
			return api
		}
	}
	for _, api := range p.APIs {
		if r.URL.Path == "/" && api.Query() {
			return api
		}
	}
	return p.APIs[0]
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// maxUnsigned bounds the body of a request that nobody has signed: a web identity token and a session policy fit.
const maxUnsigned = 64 << 10

// Serves reports whether the request is for an API, one of furl's or another, or signed for one. Only requests that
// look like nothing but a method and a path are not.
func (p *Plane) Serves(r *http.Request) bool {
	form, _ := p.formOf(r)
	_, other := p.foreign(r)
	return other || form.isRPC() || slices.ContainsFunc(p.APIs, func(api API) bool {
		mine, _ := api.Claims(r, nil)
		return mine || api.Query() && api.Service() == claimedService(r)
	})
}

// claimed finds the API that has the operation that a request asks for, if it is not signed for one. The body that it
// returns has been read from the request; what there is can be read again.
func (p *Plane) claimed(r *http.Request) (api API, body []byte, unsigned bool) {
	if p.mustVerify(r) {
		return nil, nil, false
	}
	body, err := peekForm(r)
	if err != nil {
		return nil, nil, false
	}
	for _, candidate := range p.APIs {
		if mine, unsigned := candidate.Claims(r, body); mine {
			return candidate, body, unsigned
		}
	}
	return nil, nil, false
}

// isSigned reports whether the request tries to authenticate itself in any way.
func isSigned(r *http.Request) bool {
	return r.Header.Get("Authorization") != "" || r.URL.Query().Has("X-Amz-Algorithm")
}

// peekForm reads a form of at most maxUnsigned bytes and puts it back. Other bodies are left alone.
func peekForm(r *http.Request) ([]byte, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, nil
	}
	if r.ContentLength > maxUnsigned {
		return nil, io.ErrShortBuffer
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxUnsigned+1))
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	if err != nil || len(body) > maxUnsigned {
		return nil, io.ErrShortBuffer
	}
	return body, nil
}
