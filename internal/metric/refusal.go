package metric

import (
	"strings"

	"github.com/furl-dev/furl/sigv4"
)

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

var refusals = map[Refusal]string{
	UnknownURL: "unknown-url", Unreadable: "unreadable", NotAuthorized: "not-authorized", TooLarge: "too-large",
	Throttled: "throttled", ShuttingDown: "shutting-down",
	NotLocal: "not-local", NoToken: "no-token", WrongToken: "wrong-token",
}

// OfSignature is the refusal of a signature.
func OfSignature(kind sigv4.Kind) Refusal { return Refusal(kind) }

// String is the value of the label.
func (r Refusal) String() string {
	if name, ok := refusals[r]; ok {
		return name
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
