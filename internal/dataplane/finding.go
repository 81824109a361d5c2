package dataplane

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

// note is a finding that says it all in one line.
type note struct {
	verdict trace.Verdict
	summary string
	details []string
	fix     []string
}

func (n *note) Verdict() trace.Verdict { return n.verdict }
func (n *note) Summary() string        { return n.summary }
func (n *note) Details() []string      { return n.details }
func (n *note) Fix() []string          { return n.fix }

// route is the function URL that a request is for.
type route struct {
	url       state.URL
	pathStyle bool
}

func (f *route) Verdict() trace.Verdict { return trace.OK }

func (f *route) Summary() string {
	arn := f.url.Function.ARN
	arn.Qualifier = f.url.Qualifier
	style := "host style"
	if f.pathStyle {
		style = "path style"
	}
	return fmt.Sprintf("%s, auth type %s, %s, %s", arn, f.url.Config.AuthType, f.url.Config.InvokeMode, style)
}

func (f *route) Details() []string { return nil }
func (f *route) Fix() []string     { return nil }

// unknownRoute is a request for a function URL that does not exist.
type unknownRoute struct {
	urlID, region string
	elsewhere     string // the region in which there is such an id, "" if there is none
}

// newUnknownRoute keeps of the address what is worth it: it is a piece of a request of any length.
func newUnknownRoute(a address) *unknownRoute {
	return &unknownRoute{urlID: strings.Clone(trace.Cut(a.urlID, 64)), region: strings.Clone(trace.Cut(a.region, 64))}
}

func (f *unknownRoute) Verdict() trace.Verdict { return trace.Refused }

func (f *unknownRoute) Summary() string {
	region := ""
	if f.region != "" {
		region = " in " + f.region
	}
	text := fmt.Sprintf("no function URL has the id %q%s", f.urlID, region)
	if f.elsewhere != "" {
		text += "; it is one of " + f.elsewhere
	}
	return text
}

func (f *unknownRoute) Details() []string { return nil }

func (f *unknownRoute) Fix() []string {
	return []string{"aws lambda list-function-url-configs --function-name NAME   # the URLs of a function; a URL made again has a new id"}
}

// newForeignHost is the finding for a host name under which a function URL does not answer. The name goes into a
// command only if that is all it is: a stranger has chosen it.
func newForeignHost(host string) *note {
	name := strings.Clone(trace.Cut(listener.HostName(host), 64))
	argument := name
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || name[0] == '-' {
		argument = "NAME"
	}
	return &note{
		verdict: trace.Refused,
		summary: fmt.Sprintf("the Host header names %q: in path style a function URL of auth type NONE answers under "+
			"localhost and loopback addresses only, since a web page can have its own name lead to this machine", name),
		fix: []string{"furl serve --allow-host " + argument + "   # if that name is yours"},
	}
}

// payloadSize is the event that was made.
type payloadSize int

func (f payloadSize) Verdict() trace.Verdict { return trace.OK }
func (f payloadSize) Summary() string        { return fmt.Sprintf("payload 2.0, %d bytes", int(f)) }
func (f payloadSize) Details() []string      { return nil }
func (f payloadSize) Fix() []string          { return nil }

// answered is the status that the function chose.
type answered int

func (f answered) Verdict() trace.Verdict { return trace.OK }
func (f answered) Summary() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s, from the function", int(f), http.StatusText(int(f))))
}
func (f answered) Details() []string { return nil }
func (f answered) Fix() []string     { return nil }

// functionFinding is how the function's run came out.
type functionFinding struct{ result *runtime.Result }

func (f *functionFinding) Verdict() trace.Verdict {
	if f.result.FunctionError != nil {
		return trace.Failed
	}
	return trace.OK
}

func (f *functionFinding) Summary() string {
	start := "warm environment"
	if f.result.ColdStart {
		start = "new environment"
	}
	if failed := f.result.FunctionError; failed != nil {
		return fmt.Sprintf("the function failed (%s: %s), %s", failed.Reason, failed.Type, start)
	}
	return "the function answered, " + start
}

// Details is what the function, or the runtime in its place, said of the failure. Its own logs say more.
func (f *functionFinding) Details() []string {
	if f.result.FunctionError == nil {
		return nil
	}
	return []string{trace.Cut(string(f.result.FunctionError.Payload), 4096)}
}

func (f *functionFinding) Fix() []string { return nil }

// log writes one line for the request: for a refusal or failure with the reason and the fix.
func (x *exchange) log() {
	level := slog.LevelDebug
	switch {
	case x.status >= 500 && x.errorType == "" && !x.failed():
		// the function's own answer
	case x.status >= 500, x.cutShort:
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

// failed reports whether a step failed, as against a function that chose its status itself.
func (x *exchange) failed() bool {
	_, failed := x.trace.Report().Deciding()
	return failed
}
