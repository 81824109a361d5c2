//go:build unix

package runtime

import (
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/runtime/extension"
)

// phase is init, or invoke for an initialization that counts as a part of the invocation.
func (e *environment) phase() string {
	if e.call != nil && e.call.lateInit {
		return "invoke"
	}
	return "init"
}

func (e *environment) initStart() extension.Event {
	return extension.InitStart{
		InitializationType: e.initializationType(), Phase: e.phase(), RuntimeVersion: e.fn.Runtime,
		FunctionName: e.fn.Name, FunctionVersion: e.fn.Version,
		InstanceID: e.id, InstanceMaxMemory: e.fn.MemoryMB << 20,
	}
}

// initRuntimeDone is how the runtime has initialized: an error has a type.
func (e *environment) initRuntimeDone(errorType string) extension.Event {
	return extension.InitRuntimeDone{
		InitializationType: e.initializationType(), Phase: e.phase(), Status: statusOf(errorType), ErrorType: errorType,
	}
}

// statusOf is the status of something that failed with a type of error, or did not.
func statusOf(errorType string) string {
	switch errorType {
	case "":
		return "success"
	case "timeout":
		return errorType
	default:
		return "error"
	}
}

// initDone says how the extensions are, in the log and in telemetry, and closes subscription. It does so once.
func (e *environment) initDone(took time.Duration, errorType string) {
	if e.extensions == nil {
		return
	}
	for _, info := range e.extensions.Infos() {
		if info.External {
			line := "EXTENSION\tName: " + info.Name + "\tState: " + info.State +
				"\tEvents: [" + strings.Join(info.Events, ", ") + "]"
			if info.ErrorType != "" {
				line += "\tError Type: " + info.ErrorType
			}
			e.log.platform(line)
		}
		e.telemetry.Send(extension.Extension{
			Name: info.Name, State: info.State, Events: info.Events, ErrorType: info.ErrorType,
		})
	}
	e.telemetry.Send(extension.InitReport{
		InitializationType: e.initializationType(), Phase: e.phase(), Status: statusOf(errorType), ErrorType: errorType,
		Metrics: extension.Metrics{Duration: extension.Milliseconds(took)},
	})
	e.telemetry.CloseSubscription()
}

// runtimeDone says, once for each invocation, that the runtime is done with it, or fails to be. Called with mu held.
func (e *environment) runtimeDone(status, errorType string) {
	c := e.call
	if c == nil || c.deadline.IsZero() || !e.telemetry.IsActive() {
		return
	}
	now := time.Now()
	if c.course == nil {
		c.course = &course{} // it has not answered
	}
	if !c.course.asked.IsZero() {
		return
	}
	c.course.asked = now
	e.telemetry.Send(extension.RuntimeDone{
		RequestID: c.in.RequestID, Status: status, ErrorType: errorType,
		Metrics: &extension.Metrics{
			Duration: extension.Milliseconds(now.Sub(c.started)), ProducedBytes: &c.course.produced,
		},
		Spans: c.course.spans(c.started, now), Tracing: extension.NewTracing(c.in.TraceID),
	})
}

// spans are the parts of an invocation up to the next request for an event; none if it was not answered.
func (c *course) spans(started, now time.Time) []extension.Span {
	if c.responded.IsZero() {
		return nil
	}
	return []extension.Span{
		extension.NewSpan("responseLatency", started, c.responded),
		extension.NewSpan("responseDuration", c.responded, c.completed),
		extension.NewSpan("runtimeOverhead", c.completed, now),
	}
}

// reported passes on the report of an invocation.
func (e *environment) reported(c *call, status string) {
	if e.telemetry == nil || !e.telemetry.IsActive() {
		return
	}
	status, errorType, _ := strings.Cut(status, "\tError Type: ")
	if status == "" {
		status = "success"
	}
	billed := c.report.BilledDuration.Milliseconds()
	metrics := extension.Metrics{
		Duration: extension.Milliseconds(c.report.Duration), Billed: &billed,
		MemoryMB: &c.report.MemoryMB, MaxMemoryMB: &c.report.MaxMemoryMB,
	}
	if c.report.InitDuration > 0 {
		took := extension.Milliseconds(c.report.InitDuration)
		metrics.Init = &took
	}
	var spans []extension.Span
	if !e.extensions.IsEmpty() && c.course != nil && c.complete {
		spans = append(spans, extension.NewSpan("extensionOverhead", c.course.asked, time.Now()))
	}
	e.telemetry.Send(extension.End{RequestID: c.in.RequestID})
	e.telemetry.Send(extension.Report{
		RequestID: c.in.RequestID, Status: status, ErrorType: errorType, Metrics: metrics,
		Spans: spans, Tracing: extension.NewTracing(c.in.TraceID),
	})
}
