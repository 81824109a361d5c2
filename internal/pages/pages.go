// Package pages answers furl's own addresses below /_furl/: whether the server is well, why a request was refused,
// what functions wrote to their logs, and the code of a function. They are for the person at the machine: requests
// from anywhere but loopback, and requests that a web page or a rebound host name brought there, are refused.
package pages

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/logs"
	"github.com/furl-dev/furl/internal/trace"
)

// Prefix begins every path of this package.
const Prefix = "/_furl/"

// Pages is the http.Handler of furl's own addresses.
type Pages struct {
	Traces   *trace.Recorder
	Logs     *logs.Store
	Code     *CodeLinks
	Draining func() bool // nil is never
	// FunctionKey finds the log of a function by its name or ARN; region and account may be empty. Its error is shown.
	FunctionKey func(name, region, account string) (key string, err error)
	// Open lets other hosts than this one read the pages.
	Open bool
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
	path := strings.TrimPrefix(r.URL.Path, Prefix)
	if path == "health" {
		p.health(w)
		return
	}
	if id, ok := strings.CutPrefix(path, "code/"); ok {
		p.Code.serve(w, r, id) // has its own signature
		return
	}
	if err := p.admit(r); err != nil {
		fail(w, http.StatusForbidden, err.Error())
		return
	}
	switch page, rest, _ := strings.Cut(path, "/"); page {
	case "requests":
		p.requests(w, r, rest)
	case "logs":
		p.logs(w, r)
	case "":
		text(w, "furl\n\n/_furl/health\n/_furl/requests           the latest requests\n/_furl/requests/ID        what happened to one, and why\n/_furl/logs?function=NAME  the log of a function (&region=, &account=, &lines=, &follow=1)\n")
	default:
		fail(w, http.StatusNotFound, "no such page; see /_furl/")
	}
}

// admit lets the person at the machine in. A page of some web site can make a browser on this machine send requests
// here, under a host name that it controls (DNS rebinding) or marked as coming from its own site.
func (p *Pages) admit(r *http.Request) error {
	if !p.Open && !isLoopback(hostOf(r.RemoteAddr)) {
		return errors.New("furl's own pages answer on loopback only; start the server with --open-pages to change that")
	}
	if host := hostOf(r.Host); !p.Open && host != "localhost" && !isLoopback(host) {
		return fmt.Errorf("furl's own pages do not answer under the host name %q", trace.Cut(host, 64))
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" && site != "same-origin" {
		return errors.New("furl's own pages do not answer requests of other web sites")
	}
	return nil
}

func (p *Pages) health(w http.ResponseWriter) {
	if p.Draining != nil && p.Draining() {
		fail(w, http.StatusServiceUnavailable, "draining")
		return
	}
	text(w, "ok\n")
}

// requests shows one trace, or the latest ones in a line each.
func (p *Pages) requests(w http.ResponseWriter, r *http.Request, id string) {
	wantJSON := strings.Contains(r.Header.Get("Accept"), "application/json")
	if id == "last" {
		if latest := p.Traces.Latest(1); len(latest) == 1 {
			id = latest[0].RequestID
		} else {
			fail(w, http.StatusNotFound, "there has been no request to a function URL yet")
			return
		}
	}
	if id != "" {
		found, ok := p.Traces.Find(id)
		if !ok {
			fail(w, http.StatusNotFound, fmt.Sprintf("no trace of a request %q: the server keeps the last %d", trace.Cut(id, 64), trace.Kept))
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
	p.latest(w, r, wantJSON)
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

func (p *Pages) latest(w http.ResponseWriter, r *http.Request, wantJSON bool) {
	limit := 100
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && n > 0 {
		limit = min(n, trace.Kept)
	}
	reports := []trace.Report{}
	for _, found := range p.Traces.Latest(limit) {
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

func hostOf(hostPort string) string {
	if host, _, err := net.SplitHostPort(hostPort); err == nil {
		return host
	}
	return strings.Trim(hostPort, "[]")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// linkLife is how long a link to a function's code is good. AWS's links are good for ten minutes (Lambda API
// reference, GetFunction).
const linkLife = 10 * time.Minute
