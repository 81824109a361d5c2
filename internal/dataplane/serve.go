package dataplane

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

// ServeHTTP answers one request to a function URL.
func (p *Plane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := p.newExchange(w, r)
	defer x.finish()

	if refusal := x.route(); refusal != nil {
		x.refuse(*refusal)
		return
	}
	if x.preflight() {
		return
	}
	if refusal := x.authenticate(); refusal != nil {
		x.refuse(*refusal)
		return
	}
	if refusal := x.authorize(); refusal != nil {
		x.refuse(*refusal)
		return
	}
	payload, refusal := x.event()
	if refusal != nil {
		x.refuse(*refusal)
		return
	}
	result, refusal := x.invoke(payload)
	if refusal != nil {
		x.refuse(*refusal)
		return
	}
	x.respond(result)
}

// exchange is one request on its way.
type exchange struct {
	plane   *Plane
	w       http.ResponseWriter
	r       *http.Request
	id      string
	xray    string
	started time.Time
	trace   *trace.Trace
	world   *state.Snapshot // one and the same for the whole request
	source  string          // IP address of the peer

	address address
	url     state.URL
	caller  *auth.Caller // nil if the URL's auth type is NONE
	signed  []string     // names of the headers that the caller signed
	body    []byte       // as received; read by authenticate, else by event
	hasBody bool         // body has been read

	signature *auth.Attempt // nil if no signature was looked at
	status    int
	errorType string
	cutShort  bool // the function failed after its answer had begun
}

func (p *Plane) newExchange(w http.ResponseWriter, r *http.Request) *exchange {
	now := p.Now()
	x := &exchange{
		plane: p, w: w, r: r,
		id:      trace.NewRequestID(),
		started: now,
		world:   p.State.Now(),
		source:  hostName(r.RemoteAddr),
	}
	x.trace = trace.New(x.id, now, r.Method, r.RequestURI, r.Host, x.source)
	header := w.Header()
	header["x-amzn-RequestId"] = []string{x.id}
	header["Connection"] = []string{"keep-alive"}
	return x
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
	if !served || !ok {
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
	x.found("route", newRoute(url, x.address.region == ""))
	return nil
}

// authenticate verifies the signature, if the URL asks for one. On a URL without authentication a signature means
// nothing, and is not looked at.
func (x *exchange) authenticate() *refusal {
	if x.url.Config.AuthType == lambda.AuthNone {
		return nil
	}
	scope := auth.Scope{Service: "lambda", Region: x.url.Function.ARN.Region, MaxBody: event.MaxEvent}
	caller, verified, attempt, err := x.plane.Gate.Authenticate(x.r, scope)
	x.found("authenticate", attempt.Finding)
	x.trace.Concern(attempt.Finding.Account())
	x.signature = attempt
	if err != nil {
		attempt.KnownAs(x.hosts()...)
		var failed *sigv4.Error
		if !errors.As(err, &failed) {
			return &unsigned // not reached: Authenticate promises a *sigv4.Error; anything else is refused too
		}
		refusal := badSignature(failed)
		return &refusal
	}
	x.caller, x.signed, x.body, x.hasBody = caller, verified.SignedHeaders, verified.Body, true
	return nil
}

// hosts are the names of the function URL in host style, here and at AWS: a client may have signed for another one than
// the request came to.
func (x *exchange) hosts() []string {
	names := make([]string, len(x.plane.Suffixes))
	for i, suffix := range x.plane.Suffixes {
		names[i] = lambda.URLHost(x.url.Config.ID, x.url.Function.ARN.Region, suffix)
	}
	return names
}

// authorize asks for both actions that a call of a function URL needs. The second is asked for even if the first is
// denied, so that the trace names everything that is missing at once.
func (x *exchange) authorize() *refusal {
	resource := x.url.Function.ARN
	resource.Qualifier = x.url.Qualifier
	arn := resource.String()
	authType := string(x.url.Config.AuthType)

	checks := []auth.Fact{{Key: "lambda:FunctionUrlAuthType", Value: authType}, {Key: "lambda:FunctionArn", Value: arn}}
	allowed := x.allows(lambda.ActionInvokeURL, arn, checks)
	if !x.plane.LegacyPermissions {
		viaURL := []auth.Fact{{Key: "lambda:InvokedViaFunctionUrl", Value: "true"}}
		allowed = x.allows(lambda.ActionInvoke, arn, viaURL) && allowed
	}
	if !allowed {
		return &notAuthorized
	}
	return nil
}

// allows asks for one action on the function.
func (x *exchange) allows(action, arn string, facts []auth.Fact) bool {
	function := x.url.Function
	decision, asked := auth.Authorize(x.world, x.caller, auth.Check{
		Action:          action,
		Resource:        arn,
		ResourceAccount: function.ARN.Account,
		Policy:          function.Policy(x.url.Qualifier),
		PolicyName:      "the function's resource-based policy",
		Context: &auth.Conditions{
			Caller: x.caller, Now: x.started, SourceIP: x.source, Secure: x.r.TLS != nil,
			Header: x.r.Header, Region: function.ARN.Region, Resource: function.ARN.Account, Extra: facts,
		},
	})
	call := auth.URLCall{Caller: x.caller, Function: function.ARN, Qualifier: x.url.Qualifier, AuthType: x.url.Config.AuthType}
	x.found("authorize", auth.NewURLFinding(call, asked, decision))
	return decision.Effect == policy.Allowed
}

// event makes the payload that the function gets.
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
	x.xray = trace.NewXRayID(x.started)
	payload := event.Append(nil, &event.Request{
		Method:     x.r.Method,
		Target:     x.address.target,
		Proto:      x.r.Proto,
		Host:       x.r.Host,
		Header:     x.r.Header,
		Signed:     x.signed,
		Body:       x.body,
		SourceIP:   x.source,
		Port:       localPort(x.r),
		HTTPS:      x.r.TLS != nil,
		URLID:      x.url.Config.ID,
		DomainName: x.r.Host,
		RequestID:  x.id,
		TraceID:    x.xray,
		Time:       x.started,
		Caller:     eventCaller(x.caller),
	})
	x.body, x.r.Body = nil, http.NoBody // it is in the payload, and the function may run for fifteen minutes
	if len(payload) > event.MaxEvent {
		x.found("event", newNote(trace.Refused,
			"the event is larger than 6,291,456 bytes, which counts the envelope and base64 of a binary body"))
		return nil, &tooLarge
	}
	x.found("event", payloadSize(len(payload)))
	return payload, nil
}

// invoke runs the function.
func (x *exchange) invoke(payload []byte) (*runtime.Result, *refusal) {
	result, err := x.plane.Invoker.Invoke(x.r.Context(), invoke.Request{
		Function:  x.url.Function,
		Qualifier: x.url.Qualifier,
		Payload:   payload,
		RequestID: x.id,
		TraceID:   "Root=" + x.xray + ";Sampled=0",
		Stream:    x.url.Config.InvokeMode == lambda.ResponseStream,
	})
	switch {
	case errors.Is(err, runtime.ErrBusy):
		x.found("invoke", newThrottling(err))
		return nil, &throttled
	case isExhausted(err):
		x.found("invoke", newThrottling(err))
		return nil, &starved
	case errors.Is(err, runtime.ErrClosed):
		x.found("invoke", newNote(trace.Failed, "the server is shutting down"))
		return nil, &shuttingDown
	case err != nil:
		x.found("invoke", newNote(trace.Failed, err.Error()))
		return nil, &functionFailed
	case result.FunctionError != nil:
		defer result.Body.Close()
		x.found("invoke", newFunctionFinding(result))
		return nil, &functionFailed
	}
	x.found("invoke", newFunctionFinding(result))
	return result, nil
}

// isExhausted reports whether the machine had no room for a function that was running.
func isExhausted(err error) bool {
	var exhausted *runtime.Exhausted
	return errors.As(err, &exhausted)
}

// refuse answers in place of the function.
func (x *exchange) refuse(answer refusal) {
	x.status, x.errorType = answer.status, answer.errorType
	if answer.reason != 0 {
		x.plane.refusals.Add(answer.reason)
	}
	if x.plane.Explain != nil && isLoopback(x.source) {
		x.w.Header()["furl-explain"] = []string{x.plane.Explain(x.id)}
	}
	answer.write(x.w)
}

// finish ends the trace, keeps it and logs how the request came out. Why a signature does not match is found out when
// the client has its answer.
func (x *exchange) finish() {
	x.trace.End(x.plane.Now(), x.status, x.errorType)
	x.plane.Traces.Record(x.trace)
	if x.signature != nil && x.errorType != "" {
		http.NewResponseController(x.w).Flush() //nolint:errcheck // a client that is gone is nobody's loss
		x.signature.Diagnose(context.WithoutCancel(x.r.Context()))
	}
	x.log()
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

// localPort is the port that the client connected to.
func localPort(r *http.Request) string {
	if address, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if _, port, err := net.SplitHostPort(address.String()); err == nil {
			return port
		}
	}
	return ""
}

func isLoopback(ip string) bool {
	address := net.ParseIP(ip)
	return address != nil && address.IsLoopback()
}
