package proxy

import (
	"net/http"
	"slices"
	"time"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/metric"
)

// check is what refused a request in place of the function.
type check uint8

const (
	checkOverload check = iota + 1
	checkUnsupported
	checkHost
	checkOrigin
	checkToken
	checkRoute
	checkTarget
	checkRate
	checkBreaker
	checkBody
	checkCredentials
	checkTimeout
	checkUpstream
	checkMachine
	checkClient
	lastCheck
)

// String is the name of the check in the log, in Furl-Proxy-Error and in metrics.
func (c check) String() string {
	return [...]string{
		"", "overload", "unsupported", "host", "origin", "token", "route", "target", "rate", "breaker", "body",
		"credentials", "timeout", "upstream", "machine", "client",
	}[c]
}

// outcome is how a request ended: below lastCheck the check that refused it.
type outcome uint8

const (
	outcomeAnswered    = outcome(lastCheck) + iota // by the function
	outcomeFailed                                  // by the function, with a status of 500 or more
	outcomeRefused                                 // by Lambda
	outcomeAborted                                 // its response ended too early
	outcomePreflighted                             // by the proxy, for a browser
	lastOutcome
)

func (o outcome) String() string {
	switch o {
	case outcomeAnswered:
		return "answered"
	case outcomeFailed:
		return "failed"
	case outcomeRefused:
		return "refused"
	case outcomeAborted:
		return "aborted"
	case outcomePreflighted:
		return "preflight"
	}
	return check(o).String()
}

func (x *exchange) outcome() outcome {
	switch {
	case x.refused != 0:
		return outcome(x.refused)
	case x.refusal != furl.Refusal{}:
		return outcomeRefused
	case !x.done:
		return outcomeAborted
	case x.route == nil:
		return outcomePreflighted
	case x.status >= http.StatusInternalServerError:
		return outcomeFailed
	}
	return outcomeAnswered
}

type tally = metric.Tally[outcome]

func outcomes() []outcome {
	var all []outcome
	for o := outcome(1); o < lastOutcome; o++ {
		all = append(all, o)
	}
	return all
}

// noRoute is the label of requests that have found no route. It is none of a route.
const noRoute = "none"

// Collectors are the metrics of the proxy. The values of the label route are those of the configuration now.
func (p *Proxy) Collectors() []metric.Collector {
	t := p.table.Load()
	var all []metric.Collector
	if open := p.open.Load(); open != nil {
		all = open.Collectors()
	}
	const requests, help = "furl_proxy_requests_total", "Requests, by their route and how they ended."
	others := metric.Label{Name: "route", Value: noRoute}
	all = append(all, p.outcomes.Collectors(requests, help, "outcome", outcomes(), others)...)
	var names []string
	for _, r := range t.routes {
		names = append(names, r.Where())
	}
	// gauges are one number of each route, which are all read at once.
	gauges := func(name, help string, value func(*routeState) float64) {
		all = append(all, metric.Gauges(name, help, "route", names, func() []float64 {
			var numbers []float64
			for _, r := range t.routes {
				numbers = append(numbers, value(r.state))
			}
			return numbers
		}))
	}
	for _, r := range t.routes {
		label := metric.Label{Name: "route", Value: r.Where()}
		all = append(all, r.state.outcomes.Collectors(requests, help, "outcome", outcomes(), label)...)
		all = append(all,
			metric.Counter("furl_proxy_response_seconds_total", "How long requests waited until their responses began.",
				func() float64 { return time.Duration(r.state.waited.Load()).Seconds() }, label),
			metric.Counter("furl_proxy_retries_total", "Requests that were sent again.",
				func() float64 { return float64(r.state.retries.Load()) }, label))
	}
	gauges("furl_proxy_requests", "Requests that are being passed on.",
		func(s *routeState) float64 { return float64(s.running.Load()) })
	gauges("furl_proxy_breaker_open", "1 if the circuit breaker is open or half open.", func(s *routeState) float64 {
		if s.breaker.isOpen() {
			return 1
		}
		return 0
	})
	for i, name := range []string{"applied", "refused"} {
		all = append(all, metric.Counter("furl_proxy_reloads_total", "How often the configuration was read again.",
			func() float64 { return float64(p.reloads[i].Load()) }, metric.Label{Name: "outcome", Value: name}))
	}
	return slices.Clip(all)
}
