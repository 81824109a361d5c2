//go:build unix

package extension

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// audience says which subscriptions get a record.
type audience uint8

const (
	toTelemetry audience = 1 << iota
	toLogs
	toLaterLogs // of the Logs API from 2021-03-18 on
	toAll       = toTelemetry | toLogs | toLaterLogs
)

// Event is a record of type platform.
type Event interface {
	about() (name string, to audience)
}

// The events of the platform (AWS Lambda Developer Guide, "Lambda Telemetry API Event schema reference").
type (
	InitStart struct {
		InitializationType string `json:"initializationType"`
		Phase              string `json:"phase"`
		RuntimeVersion     string `json:"runtimeVersion,omitempty"`
		RuntimeVersionARN  string `json:"runtimeVersionArn,omitempty"`
		FunctionName       string `json:"functionName"`
		FunctionVersion    string `json:"functionVersion"`
		InstanceID         string `json:"instanceId"`
		InstanceMaxMemory  int    `json:"instanceMaxMemory"` // in bytes
	}
	InitRuntimeDone struct {
		InitializationType string `json:"initializationType"`
		Phase              string `json:"phase"`
		Status             string `json:"status"`
		ErrorType          string `json:"errorType,omitempty"`
	}
	InitReport struct {
		InitializationType string  `json:"initializationType"`
		Phase              string  `json:"phase"`
		Status             string  `json:"status,omitempty"`
		ErrorType          string  `json:"errorType,omitempty"`
		Metrics            Metrics `json:"metrics"`
	}
	Extension struct {
		Name      string   `json:"name"`
		State     string   `json:"state"`
		Events    []string `json:"events"`
		ErrorType string   `json:"errorType,omitempty"`
	}
	subscribed struct {
		Name  string   `json:"name"`
		State string   `json:"state"`
		Types []string `json:"types"`
		api   *api
	}
	Start struct {
		RequestID string   `json:"requestId"`
		Version   string   `json:"version"`
		Tracing   *Tracing `json:"tracing,omitempty"`
	}
	RuntimeDone struct {
		RequestID string   `json:"requestId"`
		Status    string   `json:"status"`
		ErrorType string   `json:"errorType,omitempty"`
		Metrics   *Metrics `json:"metrics,omitempty"`
		Spans     []Span   `json:"spans,omitempty"`
		Tracing   *Tracing `json:"tracing,omitempty"`
	}
	End struct {
		RequestID string `json:"requestId"`
	}
	Report struct {
		RequestID string   `json:"requestId"`
		Status    string   `json:"status"`
		ErrorType string   `json:"errorType,omitempty"`
		Metrics   Metrics  `json:"metrics"`
		Spans     []Span   `json:"spans,omitempty"`
		Tracing   *Tracing `json:"tracing,omitempty"`
	}
	logsDropped struct {
		Bytes   int    `json:"droppedBytes"`
		Records int    `json:"droppedRecords"`
		Reason  string `json:"reason"`
	}
)

// Metrics are the numbers of an event; those that it does not have are nil.
type Metrics struct {
	Duration      Milliseconds  `json:"durationMs"`
	ProducedBytes *int64        `json:"producedBytes,omitempty"`
	Billed        *int64        `json:"billedDurationMs,omitempty"`
	MemoryMB      *int          `json:"memorySizeMB,omitempty"`
	MaxMemoryMB   *int          `json:"maxMemoryUsedMB,omitempty"`
	Init          *Milliseconds `json:"initDurationMs,omitempty"`
}

// Span is a part of an invocation.
type Span struct {
	Name     string       `json:"name"`
	Start    string       `json:"start"`
	Duration Milliseconds `json:"durationMs"`
}

// NewSpan makes a Span from its begin and its end.
func NewSpan(name string, begin, end time.Time) Span {
	return Span{name, stamp(begin), Milliseconds(end.Sub(begin))}
}

// Milliseconds is a duration in milliseconds with up to three decimals.
type Milliseconds time.Duration

// MarshalJSON implements json.Marshaler.
func (m Milliseconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(math.Round(float64(m)/1e3) / 1e3)
}

func (InitStart) about() (string, audience)       { return "platform.initStart", toTelemetry }
func (InitRuntimeDone) about() (string, audience) { return "platform.initRuntimeDone", toTelemetry }
func (InitReport) about() (string, audience)      { return "platform.initReport", toTelemetry }
func (Extension) about() (string, audience)       { return "platform.extension", toAll }
func (Start) about() (string, audience)           { return "platform.start", toAll }
func (End) about() (string, audience)             { return "platform.end", toLogs }
func (Report) about() (string, audience)          { return "platform.report", toAll }
func (RuntimeDone) about() (string, audience) {
	return "platform.runtimeDone", toTelemetry | toLaterLogs
}
func (logsDropped) about() (string, audience) { return "platform.logsDropped", toAll }
func (s subscribed) about() (string, audience) {
	if s.api == logsAPI {
		return "platform.logsSubscription", toLogs
	}
	return "platform.telemetrySubscription", toTelemetry
}

// TelemetryConfig is what Telemetry has to know.
type TelemetryConfig struct {
	// Dial connects to a port of the environment itself. Nil is a system that cannot tell whose port that is: then
	// nobody can subscribe.
	Dial func(ctx context.Context, port int) (net.Conn, error)
	// Failed is told, once for each batch, why it could not be delivered.
	Failed func(extension string, port int, err error)
	Now    func() time.Time
	// JSON says that the function logs objects (LogFormat), which records then hold as such.
	JSON bool
}

// Telemetry passes on what happens in one environment. It is safe for concurrent use.
type Telemetry struct {
	config TelemetryConfig
	active atomic.Bool // somebody gets records, or may still subscribe
	ctx    context.Context
	cancel context.CancelFunc
	alive  sync.WaitGroup // subscribers

	mu          sync.Mutex
	open        bool
	early       []record // since the start, for those that subscribe later
	earlyBytes  int
	subscribers []*subscriber
}

// record is one element of what is delivered.
type record struct {
	category string
	audience audience
	text     []byte // JSON
}

// These bound what is kept for later subscribers, and the subscriptions of one environment.
const (
	maxEarly       = 256 << 10
	maxSubscribers = 2 * Most
)

// NewTelemetry makes the Telemetry of an environment that is about to start. Close ends it.
func NewTelemetry(config TelemetryConfig) *Telemetry {
	t := &Telemetry{config: config, open: config.Dial != nil}
	t.active.Store(t.open)
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// IsActive reports whether anybody gets records or may still subscribe. It costs nothing.
func (t *Telemetry) IsActive() bool { return t.active.Load() }

// Send passes on an event of the platform.
func (t *Telemetry) Send(e Event) {
	if !t.IsActive() {
		return
	}
	name, to := e.about()
	t.pass(record{"platform", to, encode(t.config.Now(), name, e)})
}

// Line passes on a line of output, of an extension or of the function.
func (t *Telemetry) Line(at time.Time, ofExtension bool, text []byte) {
	if !t.IsActive() {
		return
	}
	category := "function"
	if ofExtension {
		category = "extension"
	}
	var line any = string(text)
	if t.config.JSON && len(text) > 0 && text[0] == '{' && json.Valid(text) {
		line = json.RawMessage(text)
	}
	t.pass(record{category, toAll, encode(at, category, line)})
}

// encode writes a record.
func encode(at time.Time, name string, content any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Time   string `json:"time"`
		Type   string `json:"type"`
		Record any    `json:"record"`
	}{stamp(at), name, content})
	if err != nil {
		panic(err) // these types always marshal
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

func (t *Telemetry) pass(r record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open && t.earlyBytes+len(r.text) <= maxEarly {
		t.early = append(t.early, r)
		t.earlyBytes += len(r.text)
	}
	for _, s := range t.subscribers {
		s.add(r)
	}
}

// CloseSubscription refuses further subscriptions: the environment is initialized.
func (t *Telemetry) CloseSubscription() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open, t.early = false, nil
	t.active.Store(len(t.subscribers) > 0)
}

// Flush delivers what there is, as far as that is possible before ctx ends.
func (t *Telemetry) Flush(ctx context.Context) {
	t.mu.Lock()
	subscribers := slices.Clone(t.subscribers)
	t.mu.Unlock()
	var all sync.WaitGroup
	for _, s := range subscribers {
		all.Go(func() { s.flush(ctx) })
	}
	all.Wait()
}

// Close ends all deliveries. It may be called twice.
func (t *Telemetry) Close() {
	t.mu.Lock()
	t.open = false
	t.active.Store(false)
	t.mu.Unlock()
	t.cancel()
	t.alive.Wait()
}

// subscribe makes a subscription of an extension. A second one to the same API replaces the first.
func (t *Telemetry) subscribe(name string, api *api, body []byte) *fault {
	if t.config.Dial == nil {
		return api.unsupported()
	}
	wanted, err := api.parse(body)
	if err != nil {
		return api.invalid(err)
	}
	t.mu.Lock()
	if !t.open {
		t.mu.Unlock()
		return api.closed()
	}
	s := newSubscriber(t, name, api, wanted)
	i := slices.IndexFunc(t.subscribers, func(other *subscriber) bool { return other.name == name && other.api == api })
	switch {
	case i >= 0:
		t.subscribers[i].end()
		t.subscribers[i] = s
	case len(t.subscribers) >= maxSubscribers:
		t.mu.Unlock()
		return api.invalid(errors.New("the environment has too many subscriptions"))
	default:
		t.subscribers = append(t.subscribers, s)
	}
	for _, r := range t.early {
		s.add(r)
	}
	t.alive.Go(s.run)
	t.mu.Unlock()
	t.Send(subscribed{name, "Subscribed", wanted.Types, api})
	return nil
}
