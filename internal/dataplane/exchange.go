//go:build unix

package dataplane

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

// exchange is one request on its way.
type exchange struct {
	plane   *Plane
	w       http.ResponseWriter
	r       *http.Request
	id      string
	xray    string // X-Amzn-Trace-Id that the function sees and the answer names
	started time.Time
	trace   *trace.Trace
	world   *state.Snapshot // the same one for the whole request
	source  string          // IP address of the peer

	address address
	url     state.URL
	target  resolve.Target                 // what the URL invokes
	caller  *auth.Caller                   // nil if the URL's auth type is NONE
	signed  []string                       // names of the headers that the caller signed
	body    []byte                         // as received; read by authenticate, else by event
	read    func() *event.Received         // what the event says
	hasBody bool                           // body has been read
	kept    *trace.Exchange                // what is kept of all this; nil until the body is read, and if nothing is
	remake  func(trace.Message) trace.Body // makes the event again
	tap     tap                            // what was answered

	signature *auth.Attempt // nil if no signature was looked at
	status    int
	errorType string
	failure   string // the kind of the function's error, "" if it did not fail or did not say
	concealed bool   // the function failed, and its client has an answer that does not say so
	untyped   bool   // the body looks like JSON, and the Content-Type does not say so
}

func (p *Plane) newExchange(w http.ResponseWriter, r *http.Request) *exchange {
	now := p.Now()
	x := &exchange{
		plane: p, w: w, r: r,
		id:      trace.NewRequestID(),
		started: now,
		world:   p.State.Now(),
		source:  listener.WithoutPort(r.RemoteAddr),
	}
	x.trace = trace.New(x.id, now, r.Method, r.RequestURI, r.Host, x.source)
	x.trace.Probe = furlproto.IsProbe(r)
	if p.Exchanges != nil {
		x.tap = tap{ResponseWriter: w, bodiless: r.Method == http.MethodHead}
		x.w = &x.tap
	}
	header := w.Header()
	header["x-amzn-RequestId"] = []string{x.id}
	header["Connection"] = []string{"keep-alive"}
	return x
}

// serve takes the request through all steps, up to the first refusal.
func (x *exchange) serve() *refusal {
	if refusal := x.route(); refusal != nil {
		return refusal
	}
	if x.preflight() {
		return nil
	}
	if refusal := x.authenticate(); refusal != nil {
		return refusal
	}
	if refusal := x.authorize(); refusal != nil {
		return refusal
	}
	payload, refusal := x.event()
	if refusal != nil {
		return refusal
	}
	result, refusal := x.invoke(payload)
	if refusal != nil {
		return refusal
	}
	x.respond(result)
	return nil
}

// found adds a step's finding to the trace.
func (x *exchange) found(step string, finding trace.Finding) {
	x.trace.Add(step, x.plane.Now(), finding)
}

// route finds the function URL.
func (x *exchange) route() *refusal {
	var served bool
	x.address, served = x.plane.addressOf(x.r)
	url, ok := x.address.find(x.world)
	if !served {
		x.found("route", x.foreignName())
		return &unknownURL
	}
	if !ok {
		elsewhere := ""
		if url, exists := x.world.URL(x.address.urlID); exists {
			elsewhere = url.Function.ARN.Region
		}
		x.found("route", newUnknownRoute(x.address, elsewhere))
		return &unknownURL
	}
	if !x.address.hasPath() || x.r.Method == http.MethodConnect {
		x.found("route", newNote(trace.Refused, "the request target is not a path of the function URL"))
		return &unreadable
	}
	if !x.plane.admits(url, x.address, x.r.Host) {
		x.found("route", newForeignHost(x.r.Host))
		return &unsigned // as a URL of auth type AWS_IAM would answer
	}
	x.url = url
	x.trace.Concern(url.Function.ARN.Account)
	var err error
	if x.target, err = resolve.Of(x.world, url.Function, url.Qualifier); err != nil {
		// AWS was recorded to answer so after the alias was deleted (LocalStack's snapshot of test_lambda_url_deletion and
		// its like); for how long is not known, and here it is as long as the function is there.
		x.found("route", newEndedURL(url))
		return &notAuthorized
	}
	found := newRoute(url, x.address.region == "")
	x.trace.Function = found.function
	x.found("route", found)
	return nil
}

// authenticate verifies the signature, if the URL asks for one. On a URL without authentication it ignores signatures.
func (x *exchange) authenticate() *refusal {
	if x.url.Config.AuthType == lambda.AuthNone {
		return nil
	}
	scope := auth.Scope{Service: "lambda", Region: x.url.Function.ARN.Region, MaxBody: event.MaxEvent}
	caller, verified, attempt, err := x.plane.Gate.Authenticate(x.r, scope)
	x.found("authenticate", attempt.Finding)
	x.trace.Concern(attempt.Finding.Account())
	x.trace.Caller = attempt.Finding.Caller()
	x.signature = attempt
	if err != nil {
		attempt.KnownAs(x.hosts()...)
		failed, ok := errors.AsType[*sigv4.Error](err)
		if !ok {
			return &unsigned // not reached: Authenticate promises a *sigv4.Error
		}
		x.body, x.hasBody = failed.Body, failed.Body != nil
		return badSignature(failed)
	}
	x.caller, x.signed, x.body, x.hasBody = caller, verified.SignedHeaders, verified.Body, true
	return nil
}

// hosts are the names of the function URL in host style, here and at AWS: a client may have signed for one and sent the
// request to another.
func (x *exchange) hosts() []string {
	names := make([]string, len(x.plane.Suffixes))
	for i, suffix := range x.plane.Suffixes {
		names[i] = arn.URLHost{ID: x.url.Config.ID, Region: x.url.Function.ARN.Region, Suffix: suffix}.String()
	}
	return names
}

// authorize asks for both actions that a call of a function URL needs. It asks for the second even if the first is
// denied, so that the trace names everything that is missing.
func (x *exchange) authorize() *refusal {
	url := x.ask(lambda.ActionInvokeURL)
	allowed := url.Effect == policy.Allowed
	if x.plane.LegacyPermissions && allowed {
		x.decided(url, decision{})
		x.used(url)
		return nil
	}
	invoke := x.ask(lambda.ActionInvoke)
	x.decided(url, invoke)
	x.used(url, invoke)
	if !x.plane.LegacyPermissions {
		x.decided(invoke, url)
		allowed = allowed && invoke.Effect == policy.Allowed
	}
	if !allowed {
		return &notAuthorized
	}
	return nil
}

// decision is what the policies said to one action.
type decision struct {
	policy.Decision
	asked auth.Asked
}

// ask asks for one action on the function.
func (x *exchange) ask(action string) decision {
	decided, asked := auth.Authorize(x.world, x.caller, auth.URLCheck(action, x.url, x.target, auth.Conditions{
		Caller: x.caller, Now: x.started, SourceIP: x.source, Secure: x.plane.Gate.IsSecure(x.r), Header: x.r.Header,
	}))
	return decision{decided, asked}
}

// used keeps what the call needs, unless one of furl's own commands sent it by itself.
func (x *exchange) used(decisions ...decision) {
	if x.trace.Probe {
		return
	}
	answers := make([]auth.Answer, 0, 2)
	for _, one := range decisions {
		answers = append(answers, auth.Answer{Asked: one.asked, Decision: one.Decision})
	}
	x.plane.Usage.Record(x.started, answers...)
}

// decided adds the decision about one of the two actions to the trace. other is that about the other one.
func (x *exchange) decided(one, other decision) {
	call := auth.URLCall{
		Caller: x.caller, Function: x.url.Function.ARN, Qualifier: x.url.Qualifier, AuthType: x.url.Config.AuthType,
		Other: other.Decision, NoPublic: x.plane.BlockPublicAccess,
	}
	x.found("authorize", auth.NewURLFinding(call, one.asked, one.Decision))
}

// event makes the function's payload.
func (x *exchange) event() ([]byte, *refusal) {
	if !x.hasBody {
		if x.r.ContentLength > event.MaxEvent {
			x.found("event", newNote(trace.Refused, "the body is larger than 6,291,456 bytes"))
			return nil, &tooLarge
		}
		body, err := io.ReadAll(io.LimitReader(x.r.Body, event.MaxEvent+1))
		if err != nil {
			x.found("event", newNote(trace.Refused, "the request body could not be read: "+err.Error()))
			return nil, &unreadable
		}
		x.body = body
	}
	segment := trace.NewXRayID(x.started)
	x.xray = trace.XRay{
		Own: segment, Received: x.r.Header.Get("X-Amzn-Trace-Id"), Active: x.target.Version.TracingMode == lambda.TracingActive,
		RequestID: x.id, FunctionARN: x.url.Function.ARN.String(),
	}.Header()
	request := event.Request{
		Method:     x.r.Method,
		Target:     x.address.target,
		Proto:      x.r.Proto,
		Host:       x.r.Host,
		Header:     x.r.Header,
		Signed:     x.signed,
		Body:       x.body,
		SourceIP:   x.source,
		Port:       x.plane.port(x.r),
		HTTPS:      x.plane.Gate.IsSecure(x.r),
		TLSVersion: tlsVersion(x.r),
		TLSCipher:  tlsCipher(x.r),
		URLID:      x.url.Config.ID,
		DomainName: x.r.Host,
		RequestID:  x.id,
		TraceID:    segment,
		Time:       x.started,
		Caller:     eventCaller(x.caller),
	}
	var payload []byte
	payload, x.read = event.Make(&request)
	if x.plane.Exchanges != nil {
		x.keepRequest()
		x.remake = remake(request, x.r.RequestURI, len(payload))
	}
	var look furlproto.JSONLook
	look.Write(x.body) // never fails
	x.untyped = look.Untyped(x.r.Header.Get("Content-Type"))
	x.body, x.r.Body = nil, http.NoBody // to free the memory: the function may run for half an hour
	if len(payload) > event.MaxEvent {
		x.found("event", newNote(trace.Refused,
			"the event is larger than 6,291,456 bytes, which counts the envelope and base64 of a binary body"))
		return nil, &tooLarge
	}
	x.found("event", payloadSize{bytes: len(payload)})
	return payload, nil
}

// invoke runs the function.
func (x *exchange) invoke(payload []byte) (*runtime.Result, *refusal) {
	read := x.read
	x.read = nil // the body, like the event
	result, err := x.plane.Invoker.Invoke(x.r.Context(), invoke.Request{
		Target:    x.target,
		Payload:   payload,
		Read:      read,
		RequestID: x.id,
		TraceID:   x.xray,
		Stream:    x.streams(),
		ViaURL:    true,
	})
	if err == nil && x.kept != nil {
		x.kept.MakeEvent = x.remake // only now did the function get it
	}
	switch {
	case errors.Is(err, runtime.ErrBusy):
		x.found("invoke", newThrottling(err, x.url.Function))
		return nil, throttled(err)
	case errors.As(err, new(*runtime.Exhausted)): // of a running function
		x.found("invoke", newThrottling(err, x.url.Function))
		return nil, &starved
	case errors.Is(err, runtime.ErrClosed):
		x.found("invoke", newNote(trace.Failed, "the server is shutting down"))
		return nil, &shuttingDown
	case err != nil:
		x.found("invoke", newNote(trace.Failed, err.Error()))
		return nil, &functionFailed
	}
	x.found("invoke", newFunctionFinding(result))
	if failed := result.FunctionError; failed != nil && !x.passesOn(failed) {
		result.Body.Close()
		x.failure = failed.Type
		return nil, &functionFailed
	}
	return result, nil
}

// finish ends the trace, keeps it and logs how the request came out. It finds out why a signature does not match after
// the client has its answer.
func (x *exchange) finish() {
	x.trace.End(x.plane.Now(), x.status, x.errorType)
	x.keep()
	x.count()
	x.plane.Traces.Record(x.trace)
	if x.signature != nil && x.errorType != "" {
		http.NewResponseController(x.w).Flush() //nolint:errcheck // the client is gone
		x.signature.Diagnose(context.WithoutCancel(x.r.Context()))
	}
	x.log()
}

// count counts a call of the function: a refusal and a failure are errors, as is an answer of 5xx that the function chose,
// which AWS counts as Url5xxCount (Lambda Developer Guide, "Monitoring Lambda function URLs"). What furl's own commands send
// by themselves and preflights are no calls.
func (x *exchange) count() {
	if x.url.Function == nil || x.trace.Probe || isPreflight(x.url.Config.CORS, x.r) {
		return
	}
	failed := x.status >= 500 || x.errorType != "" || x.concealed
	x.plane.Traffic.Record(x.url.Function.ARN, x.trace.Started.Add(x.trace.Took), x.trace.Took, failed)
}

// log writes one line for the request, with the reason and the fix of a refusal or failure.
func (x *exchange) log() {
	level := slog.LevelDebug
	switch {
	case x.status >= 500 && x.errorType == "" && !x.failed():
		// the function's own answer
	case x.status >= 500, x.concealed:
		level = slog.LevelWarn
	case x.errorType != "":
		level = slog.LevelInfo
	}
	ctx := context.WithoutCancel(x.r.Context())
	if !x.plane.Log.Enabled(ctx, level) {
		return
	}
	attributes := []slog.Attr{
		slog.String("request_id", x.id),
		slog.String("method", x.trace.Method),
		slog.String("target", x.trace.Target),
		slog.Int("status", x.status),
		slog.String("took", x.trace.Took.String()),
	}
	message := "function URL answered"
	if level != slog.LevelDebug {
		report := x.trace.Report()
		if step, ok := report.Deciding(); ok {
			attributes = append(attributes, slog.String("step", step.Step), slog.String("reason", report.Reason()))
			if step.Verdict == trace.Failed && len(step.Details) > 0 {
				attributes = append(attributes, slog.String("detail", step.Details[0]))
			}
		}
		if len(report.Fix) > 0 {
			attributes = append(attributes, slog.String("fix", strings.Join(report.Fix, "; ")))
		}
		message = "function URL refused"
		if level == slog.LevelWarn {
			message = "function URL failed"
		}
	}
	x.plane.Log.LogAttrs(ctx, level, message, attributes...)
}

// failed reports whether a step failed. If not, the function chose its status itself.
func (x *exchange) failed() bool {
	_, failed := x.trace.Report().Deciding()
	return failed
}

func eventCaller(caller *auth.Caller) *event.Caller {
	if caller == nil {
		return nil
	}
	return &event.Caller{
		AccessKey: caller.AccessKeyID,
		AccountID: caller.Account,
		CallerID:  caller.UserID,
		UserARN:   caller.ARN(),
		UserID:    caller.UserID,
	}
}
