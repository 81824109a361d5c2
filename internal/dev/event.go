//go:build unix

package dev

import "time"

// Event is something that happened. Its JSON form is a contract of furl dev --json: fields are only added.
type Event struct {
	Event EventName `json:"event"`

	Function   string `json:"function,omitempty"` // name
	Qualifier  string `json:"qualifier,omitempty"`
	LogicalID  string `json:"logicalId,omitempty"`
	URL        string `json:"url,omitempty"`
	AuthType   string `json:"authType,omitempty"`
	InvokeMode string `json:"invokeMode,omitempty"`
	MayCall    string `json:"mayCall,omitempty"` // who, in short
	Call       string `json:"call,omitempty"`    // what to type to call it

	Time      *time.Time `json:"time,omitempty"`
	Stream    string     `json:"stream,omitempty"`  // platform or stdout
	Version   string     `json:"version,omitempty"` // of the function that wrote a line; "" for $LATEST
	RequestID string     `json:"requestId,omitempty"`
	Method    string     `json:"method,omitempty"`
	Target    string     `json:"target,omitempty"`
	Status    int        `json:"status,omitempty"`
	Fix       []string   `json:"fix,omitempty"`

	Stack string   `json:"stack,omitempty"`
	Steps []string `json:"steps,omitempty"` // of a plan
	Diff  string   `json:"diff,omitempty"`
	Plan  bool     `json:"dryRun,omitempty"` // nothing is done
	Files []string `json:"files,omitempty"`  // that changed

	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`

	Endpoint string `json:"endpoint,omitempty"`
	Data     string `json:"data,omitempty"` // directory

	Program string `json:"program,omitempty"` // build or http
	Text    string `json:"text,omitempty"`
}

// EventName says what an [Event] is.
type EventName string

// The events.
const (
	EventServer   EventName = "server"   // the server runs: Endpoint, Data
	EventURL      EventName = "url"      // a function URL that there is
	EventPlanned  EventName = "planned"  // what will be made, changed and deleted: Stack, Steps, Diff
	EventApplied  EventName = "applied"  // what was: Stack, Steps
	EventReloaded EventName = "reloaded" // a function has new code: Function, Files
	EventRefused  EventName = "refused"  // a request: RequestID, Method, Target, Status, Text, Fix
	EventLog      EventName = "log"      // a line of a function: Function, Time, Stream, Version, Text
	EventOutput   EventName = "output"   // a line of a program of the user: Program, Text
	EventBuilt    EventName = "built"    // the build command is done
	EventNotice   EventName = "notice"   // something that a user may expect otherwise: Text, File, Line, Column
	EventError    EventName = "error"    // Text, File, Line, Column
	EventDebug    EventName = "debug"    // Function, Text: what an editor needs to find the function
	EventEnded    EventName = "ended"    // a program of the user ended: Program, Text
)
