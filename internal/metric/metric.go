// Package metric makes the metrics of numbers that components keep themselves, and writes them in the text format of
// Prometheus: it reads a number when the page of metrics is read.
//
// Labels are closed sets: all values of a label are there from the start, and no value comes from a request.
//
// The client library of Prometheus writes the same text, but each start of the program pays for it: the initialization
// of its packages takes longer than that of net/http, whatever the command.
package metric

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/furl-dev/furl/sigv4"
)

// Label is a label and its value. Metrics of one name have the same labels.
type Label struct{ Name, Value string }

// Gauge is a number that goes up and down.
func Gauge(name, help string, value func() float64) Collector {
	return single(name, help, "gauge", value)
}

// Counter is a number that only goes up.
func Counter(name, help string, value func() float64, labels ...Label) Collector {
	return single(name, help, "counter", value, labels...)
}

func single(name, help, kind string, value func() float64, labels ...Label) Collector {
	return Collector{name, help, kind, func() []sample { return []sample{{labels: labels, value: value()}} }}
}

// Gauges are numbers that belong together, one for each value of a label. read gives all of them as they are at one
// moment, in the order of the values.
func Gauges(name, help, label string, values []string, read func() []float64) Collector {
	return Collector{name, help, "gauge", func() []sample {
		var samples []sample
		for i, number := range read() {
			samples = append(samples, sample{labels: []Label{{label, values[i]}}, value: number})
		}
		return samples
	}}
}

// Kind is one of a closed set of at most maxKinds. Its String is the value of a label.
type Kind interface {
	~uint8
	fmt.Stringer
}

const maxKinds = 32

// Tally counts events by their kind. It is safe for concurrent use, and the zero Tally is ready.
type Tally[K Kind] struct{ counts [maxKinds]atomic.Uint64 }

// Add counts one event.
func (t *Tally[K]) Add(kind K) { t.counts[kind].Add(1) }

// Collectors are the counters of the kinds, one for each.
func (t *Tally[K]) Collectors(name, help, label string, kinds []K, others ...Label) []Collector {
	var all []Collector
	for _, kind := range kinds {
		value := func() float64 { return float64(t.counts[kind].Load()) }
		all = append(all, Counter(name, help, value, append(slices.Clip(others), Label{label, kind.String()})...))
	}
	return all
}

// Refusal is why the server refused a request: the kinds of package sigv4, and after them the reasons of later steps.
type Refusal uint8

// Unsigned is the refusal of a request without a signature.
const Unsigned = Refusal(sigv4.MissingAuthentication)

// The refusals that are not about the signature.
const (
	UnknownURL    = Refusal(sigv4.Internal) + 1 + iota // no function URL has this address
	Unreadable                                         // no path, or the body could not be read
	NotAuthorized                                      // the policies do not allow it
	TooLarge                                           // the body, or the event made of it
	Throttled                                          // no execution environment was free
	ShuttingDown                                       // the server takes no more
	NotLocal                                           // a page, for another host, under another name or for a web site
	NoToken                                            // a page, without page token and signature
	WrongToken                                         // a page, with another token
)

const _ = maxKinds - 1 - WrongToken // must not be negative

// OfSignature is the refusal of a signature.
func OfSignature(kind sigv4.Kind) Refusal { return Refusal(kind) }

// String is the value of the label.
func (r Refusal) String() string {
	switch r {
	case UnknownURL:
		return "unknown-url"
	case Unreadable:
		return "unreadable"
	case NotAuthorized:
		return "not-authorized"
	case TooLarge:
		return "too-large"
	case Throttled:
		return "throttled"
	case ShuttingDown:
		return "shutting-down"
	case NotLocal:
		return "not-local"
	case NoToken:
		return "no-token"
	case WrongToken:
		return "wrong-token"
	}
	return strings.ReplaceAll(sigv4.Kind(r).String(), " ", "-")
}

// Refusals counts the refusals of one part of the server.
type Refusals struct{ Tally[Refusal] }

// Collectors are the counters of a part, such as api, that refuses signatures and, besides, other requests.
func (r *Refusals) Collectors(part string, besides ...Refusal) []Collector {
	var all []Refusal
	for kind := sigv4.MissingAuthentication; kind <= sigv4.Internal; kind++ {
		all = append(all, OfSignature(kind))
	}
	return r.Tally.Collectors("furl_refusals_total", "Refused requests, by the part of the server and the reason.",
		"reason", append(all, besides...), Label{"part", part})
}
