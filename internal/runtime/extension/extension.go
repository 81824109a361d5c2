//go:build unix

// Package extension speaks AWS Lambda's Extensions API, version 2020-01-01, Telemetry API (2022-07-01) and Logs API
// (2020-08-15) to the extensions of one execution environment.
//
// A [Set] knows the extensions and at which point of its life each is. External extensions are programs of the
// function's layers, which the environment starts. Internal ones are what the function's own processes register. The Set
// answers their requests with the statuses and texts of AWS's own emulator, and tells the environment when one of them
// has asked for its next event or has reported an error. What follows from that is for the environment to decide.
//
// [Telemetry] keeps what happens in the environment for those that subscribe to it, within bounds, and delivers it to
// listeners of the environment's own processes only. It has goroutines only for subscriptions.
//
// It starts no process, and nothing that an extension writes reaches a log.
package extension

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
)

// Most is how many extensions an environment may have (AWS Lambda Developer Guide, "Lambda Extensions API").
const Most = 10

// Events that extensions subscribe to.
const (
	EventInvoke   = "INVOKE"
	EventShutdown = "SHUTDOWN"
)

// Types of errors with which an invocation fails for an extension (aws-lambda-runtime-interface-emulator, package
// fatalerror).
const (
	Crash       = "Extension.Crash"       // it has exited without a word
	InitError   = "Extension.InitError"   // it has reported that it cannot start
	ExitError   = "Extension.ExitError"   // it has reported that it cannot go on
	LaunchError = "Extension.LaunchError" // it could not be started
)

// Why an extension could not be started, in the log and in telemetry (package core of the emulator).
const (
	PermissionDenied = "PermissionDenied"
	TooMany          = "TooManyExtensions"
	UnknownError     = "UnknownError"
)

// state is where an extension is in its life. The names are those of AWS's emulator, which errors and logs show.
//
//	Started ──► Registered ──► Ready ◄──► Running ──► Exited
//	   └► LaunchError   └► InitError, and from each of these three ──► ExitError
type state uint8

const (
	started    state = iota // its process runs
	registered              // it has not asked for an event yet
	ready                   // it waits for an event
	running                 // it has an event
	initFailed
	exitFailed
	exited
	launchFailed
	states
)

func (s state) String() string {
	return [states]string{
		"Started", "Registered", "Ready", "Running", "InitError", "ExitError", "Exited", "LaunchError",
	}[s]
}

// moves holds the legal moves: moves[from][to]. Those from an error to itself say it again.
var moves = [states][states]bool{
	started:      {registered: true, launchFailed: true, exited: true},
	registered:   {ready: true, initFailed: true, exitFailed: true, exited: true},
	ready:        {running: true, exitFailed: true, exited: true},
	running:      {ready: true, exitFailed: true, exited: true},
	initFailed:   {initFailed: true},
	exitFailed:   {exitFailed: true},
	exited:       {},
	launchFailed: {},
}

// Config is what a Set has to know of its environment.
type Config struct {
	Function, Version, Handler, AccountID string

	// External are the names of the programs that the environment starts, which register by them.
	External []string
	// Asked is called when an extension has asked for its next event, and Failed when it has reported an error: by
	// the goroutines of connections, without a lock of the Set.
	Asked  func()
	Failed func(errorType string)
	// Telemetry answers subscriptions.
	Telemetry *Telemetry
}

// Set is the extensions of one environment. It is safe for concurrent use.
type Set struct {
	config     Config
	registered chan struct{} // closed when all external extensions have registered
	count      atomic.Int32  // of extensions

	mu     sync.Mutex
	closed bool // for registration
	all    []*extension
}

// extension is one of them. The lock of the Set guards it.
type extension struct {
	name      string
	id        string // empty until it has registered
	external  bool
	events    []string
	state     state
	errorType string
	event     chan event // that it gets next; holds one
	waiting   *asking
}

// Info is what is known of an extension.
type Info struct {
	Name, State string
	Events      []string
	ErrorType   string
	External    bool
}

// New makes the Set of an environment that is about to start its external extensions.
func New(config Config) *Set {
	s := &Set{config: config, registered: make(chan struct{})}
	for _, name := range config.External {
		s.all = append(s.all, newExtension(name, true))
	}
	s.count.Store(int32(len(s.all)))
	if len(s.all) == 0 {
		close(s.registered)
	}
	return s
}

func newExtension(name string, external bool) *extension {
	return &extension{name: name, external: external, event: make(chan event, 1)}
}

func newID() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Registered is closed when all external extensions have registered: then the runtime may start.
func (s *Set) Registered() <-chan struct{} { return s.registered }

// IsEmpty reports whether there are no extensions, which costs nothing.
func (s *Set) IsEmpty() bool { return s.count.Load() == 0 }

// HasExternal reports whether the environment has started extensions.
func (s *Set) HasExternal() bool { return len(s.config.External) > 0 }

// CloseRegistration refuses extensions that register from now on: the runtime has asked for its first event.
func (s *Set) CloseRegistration() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// AllReady reports whether each extension waits for an event: then initialization, or an invocation, is complete.
func (s *Set) AllReady() bool {
	if s.IsEmpty() {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.ContainsFunc(s.all, func(e *extension) bool { return e.state != ready })
}

// Infos lists the extensions, in the order of their start.
func (s *Set) Infos() []Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Info
	for _, e := range s.all {
		all = append(all, Info{
			Printable(e.name), e.state.String(), append([]string{}, e.events...), Printable(e.errorType), e.external,
		})
	}
	return all
}

// LaunchFailed notes that an external extension could not be started.
func (s *Set) LaunchFailed(name, errorType string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.external(name); e != nil && moves[e.state][launchFailed] {
		e.state, e.errorType = launchFailed, errorType
	}
}

// Exited notes that the process of an external extension has ended.
func (s *Set) Exited(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.external(name); e != nil && moves[e.state][exited] {
		e.state = exited
	}
}

// Subscribed reports whether an external extension has registered for an event.
func (s *Set) Subscribed(name, to string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.external(name)
	return e != nil && slices.Contains(e.events, to)
}

// external finds an external extension. Called with mu held.
func (s *Set) external(name string) *extension {
	for _, e := range s.all {
		if e.external && e.name == name {
			return e
		}
	}
	return nil
}

// event is the answer to a request for the next event.
type event struct {
	id   string // empty for SHUTDOWN
	body any
}

// Invocation is what extensions learn of an invocation: not its payload.
type Invocation struct {
	RequestID, FunctionARN, TraceID string
	Deadline                        time.Time
}

type invokeEvent struct {
	Type        string   `json:"eventType"`
	Deadline    int64    `json:"deadlineMs"`
	RequestID   string   `json:"requestId"`
	FunctionARN string   `json:"invokedFunctionArn"`
	Tracing     *Tracing `json:"tracing,omitempty"`
}

// Tracing is the trace of an invocation.
type Tracing struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// NewTracing answers nil without a trace.
func NewTracing(id string) *Tracing {
	if id == "" {
		return nil
	}
	return &Tracing{"X-Amzn-Trace-Id", id}
}

type shutdownEvent struct {
	Type     string `json:"eventType"`
	Deadline int64  `json:"deadlineMs"`
	Reason   string `json:"shutdownReason"`
}

// Invoke hands an invocation to the extensions that are registered for it, all of which wait.
func (s *Set) Invoke(in Invocation) {
	if s.IsEmpty() {
		return
	}
	body := invokeEvent{
		EventInvoke, in.Deadline.UnixMilli(), in.RequestID, in.FunctionARN, NewTracing(in.TraceID),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.all {
		if slices.Contains(e.events, EventInvoke) && e.state == ready {
			e.state = running // at once, so that the invocation cannot end before
			e.give(event{newID(), body})
		}
	}
}

// Shutdown hands the end of the environment to the external extensions that are registered for it, now or when they ask
// next. Reason is spindown, timeout or failure.
func (s *Set) Shutdown(deadline time.Time, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.all {
		if e.external && slices.Contains(e.events, EventShutdown) {
			if e.state == ready {
				e.state = running
			}
			e.give(event{body: shutdownEvent{EventShutdown, deadline.UnixMilli(), reason}})
		}
	}
}

// give replaces the event that the extension gets next.
func (e *extension) give(next event) {
	select {
	case <-e.event:
	default:
	}
	e.event <- next
}

// Printable makes a name fit for a log line: an extension has chosen it.
func Printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
}

// asking is a request for the next event that waits.
type asking struct {
	client *runtimeapi.Client
	over   chan struct{} // closed to end it
}
