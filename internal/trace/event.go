package trace

import (
	"bytes"
	"sync/atomic"
)

// Limits of the events that are kept: how many, how many bytes of one, and how many of all together.
const (
	KeptEvents = 200
	MaxEvent   = 64 << 10
	MaxEvents  = 16 << 20
)

const _ = uint(MaxEvents - KeptEvents*MaxEvent) // all together never have more

// Event is what a function got for a request, as it may be shown: with secrets hidden.
type Event struct {
	RequestID string
	JSON      []byte // of an event that was cut, maybe only the beginning of the JSON
	Bytes     int    // of what the function got
	Cut       bool   // there is more of it
}

// Events keeps the events of the latest requests that reached their function. They are apart from the traces, which keep
// nothing of a request's body. It is safe for concurrent use, takes no lock, and is empty and ready as it is. A nil Events
// keeps nothing.
type Events struct {
	slots [KeptEvents]atomic.Pointer[Event]
	next  atomic.Uint64
}

// Record keeps an event in place of the oldest.
func (e *Events) Record(event Event) {
	if e == nil {
		return
	}
	event.JSON = bytes.Clone(event.JSON[:min(len(event.JSON), MaxEvent)])
	e.slots[(e.next.Add(1)-1)%KeptEvents].Store(&event)
}

// Find is the event of the request, if it is still kept.
func (e *Events) Find(requestID string) (Event, bool) {
	if e == nil {
		return Event{}, false
	}
	for i := range e.slots {
		if event := e.slots[i].Load(); event != nil && event.RequestID == requestID {
			return *event, true
		}
	}
	return Event{}, false
}
