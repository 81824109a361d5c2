// Package pages answers furl's own addresses below /_furl/: whether the server is well, why a request was refused,
// what functions wrote to their logs, and the code of a function. They are for the person at the machine: requests
// from anywhere but loopback, and requests that a web page or a rebound host name brought there, are refused.
package pages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/logs"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

// Pages is the http.Handler of furl's own addresses.
type Pages struct {
	Traces   *trace.Recorder
	Logs     *logs.Store
	Code     *CodeLinks
	Draining func() bool // nil is never

	Token Token // see admit
	Gate  *auth.Gate
	State *state.State
	Now   func() time.Time

	// FunctionKey finds the log of a function by its name or ARN; region and account may be empty. If only is not
	// empty, it knows the functions of that account and no others. Its error is shown.
	FunctionKey func(name, region, account, only string) (key string, err error)
	// Metrics writes the metrics in the text form of Prometheus.
	Metrics func(io.Writer) error
	// Open lets clients on other hosts than this one read the pages.
	Open bool

	refusals metric.Refusals
}

// Collectors are the metrics of the pages.
func (p *Pages) Collectors() []metric.Collector {
	return p.refusals.Collectors("page", metric.NotLocal, metric.NoToken, metric.WrongToken, metric.NotAuthorized)
}

// ServeHTTP answers the pages. Only GET and HEAD exist: a page changes nothing.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		fail(w, http.StatusMethodNotAllowed, "pages are read with GET")
		return
	}
	path := r.URL.Path
	if path == furlproto.Health {
		p.health(w)
		return
	}
	if id, ok := strings.CutPrefix(path, codePrefix); ok {
		p.Code.serve(w, r, id) // the link is the proof
		return
	}
	reader, refused := p.admit(r)
	if refused != nil {
		p.refusals.Add(refused.reason)
		fail(w, http.StatusForbidden, refused.Error())
		return
	}
	id, isRequest := strings.CutPrefix(path, furlproto.Requests+"/")
	switch {
	case isRequest:
		p.requests(w, r, reader, id)
	case path == furlproto.Requests:
		p.requests(w, r, reader, "")
	case path == furlproto.Logs:
		p.logs(w, r, reader)
	case path == furlproto.Metrics:
		p.metrics(w)
	case path == furlproto.Prefix, path+"/" == furlproto.Prefix:
		text(w, index)
	default:
		fail(w, http.StatusNotFound, "no such page; see "+furlproto.Prefix)
	}
}

const index = `furl

` + furlproto.Health + `
` + furlproto.Requests + `            the latest requests
` + furlproto.Requests + `/ID         what happened to one, and why
` + furlproto.Logs + `?function=NAME  the log of a function (&region=, &account=, &lines=, &follow=1)
` + furlproto.Metrics + `             for Prometheus
`

func (p *Pages) health(w http.ResponseWriter) {
	if p.Draining != nil && p.Draining() {
		fail(w, http.StatusServiceUnavailable, "draining")
		return
	}
	text(w, "ok\n")
}

// metrics shows the numbers of the whole server. They name nothing that belongs to an account.
func (p *Pages) metrics(w http.ResponseWriter) {
	var body bytes.Buffer
	if err := p.Metrics(&body); err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	body.WriteTo(w) //nolint:errcheck // a client that is gone is nobody's loss
}

// visible are up to n of the latest traces that the reader may see, newest first.
func (p *Pages) visible(reader string, n int) []*trace.Trace {
	var visible []*trace.Trace
	for _, found := range p.Traces.Latest(trace.Kept) {
		if len(visible) < n && sees(reader, found) {
			visible = append(visible, found)
		}
	}
	return visible
}

func sees(reader string, found *trace.Trace) bool {
	return reader == allAccounts || reader == found.Account()
}

// requests shows one trace, or the latest ones in a line each.
func (p *Pages) requests(w http.ResponseWriter, r *http.Request, reader, id string) {
	wantJSON := strings.Contains(r.Header.Get("Accept"), "application/json")
	seen := ""
	if reader != allAccounts {
		seen = "; a signature shows those that concern account " + reader + " alone, and the page token shows all"
	}
	if id == furlproto.Last {
		if latest := p.visible(reader, 1); len(latest) == 1 {
			id = latest[0].RequestID
		} else {
			fail(w, http.StatusNotFound, "there has been no request to a function URL yet"+seen)
			return
		}
	}
	if id != "" {
		found, ok := p.Traces.Find(id)
		if !ok || !sees(reader, found) {
			fail(w, http.StatusNotFound, fmt.Sprintf("no trace of a request %q: the server keeps the last %d%s",
				trace.Cut(id, 64), trace.Kept, seen))
			return
		}
		report := found.Report()
		if form := r.URL.Query().Get("fix"); form != "" {
			showFix(w, found, form)
			return
		}
		if wantJSON {
			writeJSON(w, report)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		report.WriteTo(w) //nolint:errcheck // a client that is gone is nobody's loss
		return
	}
	p.latest(w, r, reader, wantJSON)
}

// showFix shows nothing but the fix, in the form.
func showFix(w http.ResponseWriter, found *trace.Trace, form string) {
	switch form {
	case "cli", "json", "cloudformation", "terraform":
		text(w, strings.Join(append(found.FixAs(form), ""), "\n"))
	default:
		fail(w, http.StatusBadRequest, fmt.Sprintf("fix: %q is none of cli, json, cloudformation and terraform", trace.Cut(form, 64)))
	}
}

func (p *Pages) latest(w http.ResponseWriter, r *http.Request, reader string, wantJSON bool) {
	limit := 100
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && n > 0 {
		limit = min(n, trace.Kept)
	}
	reports := []trace.Report{}
	for _, found := range p.visible(reader, limit) {
		reports = append(reports, found.Report())
	}
	if wantJSON {
		writeJSON(w, reports)
		return
	}
	var lines strings.Builder
	for _, report := range reports {
		reason := ""
		if step, ok := report.Deciding(); ok {
			reason = "  " + step.Summary
		}
		fmt.Fprintf(&lines, "%s  %s  %d  %s %s%s\n", report.Time.Format("15:04:05.000"), report.RequestID, report.Status, report.Method, report.Target, reason)
	}
	text(w, lines.String())
}

func text(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, body) //nolint:errcheck // a client that is gone is nobody's loss
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	encoder.Encode(value) //nolint:errcheck // a client that is gone is nobody's loss
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, message+"\n") //nolint:errcheck // a client that is gone is nobody's loss
}

// linkLife is how long a link to a function's code is good. AWS's links are good for ten minutes (Lambda API
// reference, GetFunction).
const linkLife = 10 * time.Minute
