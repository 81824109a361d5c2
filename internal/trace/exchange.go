package trace

import (
	"bytes"
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Limits of the exchanges that are kept: how many, how many bytes of one body or of one head (the target and the header),
// and how many of all together.
const (
	KeptExchanges = 200
	MaxKept       = 64 << 10
	MaxExchanges  = 16 << 20
)

// Exchange is what a client sent, what the function got for it, and what was answered, as they may be shown: with secrets
// hidden. It does not change once it is recorded.
type Exchange struct {
	RequestID string
	Request   Message
	Event     Body // JSON, of which there may be only the beginning; empty if the function did not get the request
	Answer    Message

	// MakeEvent makes Event of the request when somebody asks for it; nil if there is nothing to make. It refers to nothing
	// of the request that may be large.
	MakeEvent func(Message) Body
}

// Message is a request or an answer.
type Message struct {
	Method, Target string // of a request
	Status         int    // of an answer
	Header         []Field
	Hidden         []string // the names of headers whose values are hidden, in whole or in part
	HiddenTarget   bool     // something in the target is hidden
	Cut            bool     // not all of target and header is there
	Body           Body
}

// Field is a header with one of its values.
type Field struct{ Name, Value string }

// Body is the beginning of a body.
type Body struct {
	Bytes  []byte
	Size   int  // bytes of all of it, before anything was hidden; what is known of it
	Cut    bool // there is more of it than Bytes
	Hidden bool // something in Bytes is hidden
}

// KeepBody is a body of size bytes, of which shown is the beginning with its secrets hidden.
func KeepBody(shown []byte, size int, cut, hidden bool) Body {
	room := min(len(shown), MaxKept)
	return Body{Bytes: bytes.Clone(shown[:room:room]), Size: size, Cut: cut || room < len(shown), Hidden: hidden}
}

// KeepHead sets target and header, as far as there is room for them, in memory of their own. openTarget and open are what
// may be shown of them: names of header with as many values, and none of what is not to be kept.
func (m *Message) KeepHead(target, openTarget string, header, open http.Header) {
	m.HiddenTarget, m.Target = openTarget != target, openTarget[:min(len(openTarget), MaxKept)]
	m.Cut = len(m.Target) < len(openTarget)
	count := 0
	for _, values := range header {
		count += len(values)
	}
	m.Header = make([]Field, 0, min(count, MaxKept/fieldSize))
	size := len(m.Target)
	for name, values := range header {
		shown, ok := open[name]
		if !ok {
			continue
		}
		for i, value := range values {
			if size+len(name)+len(shown[i])+fieldSize*(len(m.Header)+1) > MaxKept {
				m.Cut = true
				continue
			}
			if shown[i] != value && !slices.Contains(m.Hidden, name) {
				m.Hidden = append(m.Hidden, name)
			}
			size += len(name) + len(shown[i])
			m.Header = append(m.Header, Field{name, shown[i]})
		}
	}
	m.own(size)
}

// own moves target and header, which have so many bytes, to memory of their own.
func (m *Message) own(size int) {
	var text strings.Builder
	text.Grow(size)
	text.WriteString(m.Target)
	for _, field := range m.Header {
		text.WriteString(field.Name)
		text.WriteString(field.Value)
	}
	rest := text.String()
	m.Target, rest = rest[:len(m.Target)], rest[len(m.Target):]
	for i, field := range m.Header {
		name, end := len(field.Name), len(field.Name)+len(field.Value)
		m.Header[i] = Field{rest[:name], rest[name:end]}
		if hidden := slices.Index(m.Hidden, field.Name); hidden >= 0 {
			m.Hidden[hidden] = rest[:name]
		}
		rest = rest[end:]
	}
}

// fieldSize is what a field takes besides its texts, exchangeSize what an exchange does, in bytes.
const fieldSize, exchangeSize = 32, 1024

// sorted is the message with its header in the order of the names. Values of one name stay as they came.
func (m Message) sorted() Message {
	m.Header, m.Hidden = slices.Clone(m.Header), slices.Clone(m.Hidden)
	slices.SortStableFunc(m.Header, func(a, b Field) int { return cmp.Compare(a.Name, b.Name) })
	slices.Sort(m.Hidden)
	return m
}

// size is what the message takes in memory, in bytes.
func (m *Message) size() int {
	size := len(m.Method) + len(m.Target) + cap(m.Body.Bytes) + cap(m.Header)*fieldSize
	for _, field := range m.Header {
		size += len(field.Name) + len(field.Value)
	}
	return size + cap(m.Hidden)*fieldSize/2
}

func (e *Exchange) size() int {
	return exchangeSize + len(e.RequestID) + e.Request.size() + cap(e.Event.Bytes) + e.Answer.size()
}

// Exchanges keeps the latest exchanges: apart from the traces, which keep nothing of a body. It is safe for concurrent
// use, and is empty and ready as it is. A nil Exchanges keeps nothing.
type Exchanges struct {
	mu     sync.Mutex // copies nothing while it is held
	slots  [KeptExchanges]kept
	next   int // the slot of the next one
	oldest int
	count  int
	size   int // of all
}

type kept struct {
	exchange *Exchange
	size     int
}

// Record keeps an exchange, in place of the oldest ones if there is no room. It is the caller's no longer.
func (e *Exchanges) Record(exchange *Exchange) {
	if e == nil {
		return
	}
	size := exchange.size()
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.count == KeptExchanges || e.count > 0 && e.size+size > MaxExchanges {
		e.size -= e.slots[e.oldest].size
		e.slots[e.oldest] = kept{}
		e.oldest = (e.oldest + 1) % KeptExchanges
		e.count--
	}
	e.slots[e.next] = kept{exchange, size}
	e.next = (e.next + 1) % KeptExchanges
	e.count++
	e.size += size
}

// Find is the exchange of the request, if it is still kept. Its reader does not change what it refers to.
func (e *Exchanges) Find(requestID string) (Exchange, bool) {
	found := e.find(requestID)
	if found == nil {
		return Exchange{}, false
	}
	exchange := *found
	exchange.Request, exchange.Answer = found.Request.sorted(), found.Answer.sorted()
	if exchange.MakeEvent != nil {
		exchange.Event = exchange.MakeEvent(exchange.Request)
	}
	return exchange, true
}

func (e *Exchanges) find(requestID string) *Exchange {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.slots {
		if found := e.slots[i].exchange; found != nil && found.RequestID == requestID {
			return found
		}
	}
	return nil
}
