//go:build unix

package dataplane

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

// How much a trace keeps of a sentence and of the error that a function reports, in bytes, and how much of the kind of
// that error a client is told.
const (
	maxSentence      = 1 << 10
	maxFunctionError = 4 << 10
	maxErrorType     = 128
)

// note is a finding that says it all in one line.
type note struct {
	verdict trace.Verdict
	summary trace.Text
	details trace.Texts
	fix     trace.Texts
}

func newNote(verdict trace.Verdict, summary string) *note {
	return &note{verdict: verdict, summary: trace.Keep(summary, maxSentence)}
}

// newThrottling is the note of a call for which there was no environment, with what would help if a limit of the
// function or of the machine is the reason.
func newThrottling(err error, function *lambda.Function) *note {
	reason := err.Error()
	if errors.Is(err, runtime.ErrReserved) && function.Reserved != nil && *function.Reserved == 0 {
		reason = "the reserved concurrency of the function is zero, so it answers nobody"
	}
	throttling := newNote(trace.Refused, "throttled: "+reason)
	if remedy := invoke.ThrottleRemedy(err, function); remedy != "" {
		throttling.fix = trace.KeepAll(maxSentence, remedy)
	}
	if lack, ok := errors.AsType[*machine.Lack](err); ok {
		throttling.fix = trace.KeepAll(maxSentence, lack.Fix)
	}
	return throttling
}

// newStreamFailure is the note of a function that failed while it was to write its answer.
func newStreamFailure(text string, failed *runtime.FunctionError) *note {
	failure := newNote(trace.Failed, fmt.Sprintf("%s (%s: %s)", text, failed.Reason, failed.Type))
	failure.details = trace.KeepAll(maxFunctionError, failed.Payload)
	return failure
}

func (n *note) Verdict() trace.Verdict { return n.verdict }
func (n *note) Summary() string        { return n.summary.String() }
func (n *note) Details() []string      { return n.details.Strings() }
func (n *note) Fix() []string          { return n.fix.Strings() }

// newEndedURL is the note of a URL whose alias was deleted.
func newEndedURL(url state.URL) *note {
	function := url.Function.ARN
	ended := newNote(trace.Refused, "the function URL ended with its alias "+url.Qualifier+" of "+function.String())
	ended.fix = trace.KeepAll(maxSentence, "furl url create "+function.Name+":ALIAS   # for an alias that there is: each has a URL of its own")
	return ended
}

// passed is a finding that needs no explanation and no fix.
type passed struct{}

func (passed) Verdict() trace.Verdict { return trace.OK }
func (passed) Details() []string      { return nil }
func (passed) Fix() []string          { return nil }

// route is the function URL that a request is for.
type route struct {
	passed
	function  trace.Text // ARN, with the URL's qualifier
	authType  lambda.AuthType
	mode      lambda.InvokeMode
	pathStyle bool
}

func newRoute(url state.URL, pathStyle bool) *route {
	arn := url.Function.ARN
	arn.Qualifier = url.Qualifier
	return &route{
		function: trace.Keep(arn.String(), maxSentence),
		authType: url.Config.AuthType, mode: url.Config.Mode(), pathStyle: pathStyle,
	}
}

func (f *route) Summary() string {
	style := "host style"
	if f.pathStyle {
		style = "path style"
	}
	return fmt.Sprintf("%s, auth type %s, %s, %s", f.function, f.authType, f.mode, style)
}

// unknownRoute is a request for a function URL that does not exist.
type unknownRoute struct {
	passed
	urlID, region trace.Text
	elsewhere     trace.Text // the region of the function URL with this id, empty if there is none
}

func newUnknownRoute(a address, elsewhere string) *unknownRoute {
	keep := func(text string) trace.Text { return trace.Keep(text, 64) }
	return &unknownRoute{urlID: keep(a.urlID), region: keep(a.region), elsewhere: keep(elsewhere)}
}

func (f *unknownRoute) Verdict() trace.Verdict { return trace.Refused }

func (f *unknownRoute) Summary() string {
	text := fmt.Sprintf("no function URL has the id %q", f.urlID.String())
	if !f.region.Empty() {
		text += " in " + f.region.String()
	}
	if !f.elsewhere.Empty() {
		text += "; it is in " + f.elsewhere.String()
	}
	return text
}

func (f *unknownRoute) Fix() []string {
	return []string{"aws lambda list-function-url-configs --function-name NAME   " +
		"# the URLs of a function; a URL made again has a new id"}
}

// newForeignHost is the finding for a host name under which a function URL does not answer. A stranger has chosen the
// name, so it goes into a command only if nothing but a name is in it.
func newForeignHost(host string) *note {
	name := strings.Clone(trace.Cut(listener.HostName(host), 64))
	argument := name
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || name[0] == '-' {
		argument = "NAME"
	}
	finding := newNote(trace.Refused, fmt.Sprintf("the Host header names %q: in path style a function URL of auth "+
		"type NONE answers only under localhost and loopback addresses, since a web page can have its own name lead "+
		"to this machine", name))
	finding.fix = trace.KeepAll(maxSentence, "furl serve --allow-host "+argument+"   # if that name is yours")
	return finding
}

// foreignName is the finding for a host name that is no function URL's of this server.
func (x *exchange) foreignName() *note {
	const longest = 253 // of a host name
	name := trace.Cut(listener.HostName(x.r.Host), longest)
	finding := newNote(trace.Refused, fmt.Sprintf("no function URL has the host name %q: those of this server are "+
		"ID.lambda-url.REGION.%s", name, x.plane.Suffixes[0]))
	fix := "furl url list   # a function URL answers only under its own host name, as at AWS"
	if host, err := arn.ParseURLHost(x.r.Host); err == nil {
		if url, ok := (address{urlID: host.ID}).find(x.world); ok {
			own := arn.URLHost{ID: host.ID, Region: url.Function.ARN.Region, Suffix: x.plane.Suffixes[0], Port: x.plane.port(x.r)}
			fix = x.scheme() + own.String() + "/   # the function URL with this id"
		}
	}
	finding.fix = trace.KeepAll(maxSentence, fix)
	return finding
}

// payloadSize is the event that was made.
type payloadSize struct {
	passed
	bytes int
}

func (f payloadSize) Summary() string { return fmt.Sprintf("payload 2.0, %d bytes", f.bytes) }

// answered is the status that the function chose.
type answered struct {
	passed
	status int
	advice trace.Text // why the function may have chosen it, empty if nobody knows
}

func (f answered) Details() []string {
	if f.advice.Empty() {
		return nil
	}
	return []string{f.advice.String()}
}

func (f answered) Fix() []string {
	if f.advice.Empty() {
		return nil
	}
	return []string{furlproto.TypeJSON}
}

func (f answered) Summary() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s, from the function", f.status, http.StatusText(f.status)))
}

// functionFinding is how the function's run came out.
type functionFinding struct {
	passed
	coldStart bool
	streams   bool
	version   trace.Text     // that ran, empty for $LATEST
	reason    runtime.Reason // of a failure, "" if the function answered
	errorType trace.Text     // of a failure
	reported  trace.Text     // what the function, or the runtime in its place, said about the failure
}

func newFunctionFinding(result *runtime.Result) *functionFinding {
	finding := &functionFinding{coldStart: result.ColdStart, streams: result.ResponseMode == runtime.ModeStreaming}
	if result.Version != lambda.Latest {
		finding.version = trace.Keep(result.Version, maxErrorType)
	}
	if failed := result.FunctionError; failed != nil {
		finding.reason, finding.errorType = failed.Reason, trace.Keep(failed.Type, maxSentence)
		finding.reported = trace.Keep(failed.Payload, maxFunctionError)
	}
	return finding
}

func (f *functionFinding) Verdict() trace.Verdict {
	if f.reason != "" {
		return trace.Failed
	}
	return trace.OK
}

func (f *functionFinding) Summary() string {
	start := "warm environment"
	if f.coldStart {
		start = "new environment"
	}
	if !f.version.Empty() {
		start += " of version " + f.version.String()
	}
	if f.reason != "" {
		return fmt.Sprintf("the function failed (%s: %s), %s", f.reason, f.errorType, start)
	}
	if f.streams {
		return "the function streams its answer, " + start
	}
	return "the function answered, " + start
}

// Details is the report of a failure. The function's own logs say more.
func (f *functionFinding) Details() []string {
	if f.reason == "" {
		return nil
	}
	return []string{f.reported.String()}
}
