//go:build unix

// Package pages answers furl's own addresses below /_furl/: whether the server is well, why a request was refused,
// what functions wrote to their logs, and the code of a function. They are for users of this machine: it refuses
// requests from other hosts, and those that a web page sent, also under a rebound host name.
package pages

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/console"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/logs"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

// Pages is the http.Handler of furl's own addresses.
type Pages struct {
	Traces    *trace.Recorder
	Exchanges *trace.Exchanges
	Usage     *auth.Usage
	Logs      *logs.Store
	Code      *CodeLinks
	Draining  func() bool     // nil is never
	Ending    <-chan struct{} // closed when the server ends: who follows a page waits for nothing more; nil is never

	Secret string       // proves to those who know it that they have found this server
	Token  sigv4.Secret // lets its holder read the pages of all accounts; the zero one admits no reader
	Gate   *auth.Gate
	State  *state.State
	Now    func() time.Time

	// Functions finds the logs of functions.
	Functions Functions
	// UserKey is an access key of a user, as JSON. The owner of the server sees its error.
	UserKey func(account, user string) (any, error)
	// Metrics writes the metrics in the text form of Prometheus.
	Metrics func(io.Writer) error
	// Console is what a browser shows; nil is none. The pages admit its clients.
	Console *console.Console
	// Open lets clients on other hosts than this one read the pages.
	Open bool
	// URLsUnder reports whether function URLs in path style answer everybody under a Host header.
	URLsUnder func(header string) bool
	// HoldsCertificate reports whether clients can get a certificate for a host; it is asked only where there is TLS.
	HoldsCertificate func(host string) bool

	refusals metric.Refusals
}

// Collectors are the metrics of the pages.
func (p *Pages) Collectors() []metric.Collector {
	return p.refusals.Collectors("page", metric.NotLocal, metric.NoToken, metric.WrongToken, metric.NotAuthorized)
}

// Refused counts a refusal that is not a page's own.
func (p *Pages) Refused(reason metric.Refusal) { p.refusals.Add(reason) }

// ServeHTTP answers the pages. They take only GET and HEAD, and change nothing, but for those of the console.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	setHeaders(header)
	isConsole := strings.HasPrefix(r.URL.Path, furlproto.Console)
	if r.Method != http.MethodGet && r.Method != http.MethodHead && !isConsole {
		header.Set("Allow", "GET, HEAD")
		fail(w, http.StatusMethodNotAllowed, "pages are read with GET")
		return
	}
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil { // what is left out of it would be read as not asked for
		const text = "the query cannot be read: a semicolon is %3B in it, and a percent sign %25"
		if isConsole {
			console.Fail(w, http.StatusBadRequest, text)
		} else {
			fail(w, http.StatusBadRequest, text)
		}
		return
	}
	path := r.URL.Path
	if path == furlproto.Health {
		if challenge := r.Header.Get(furlproto.Challenge); challenge != "" && p.Secret != "" {
			w.Header().Set(furlproto.Proof, furlproto.Prove(p.Secret, challenge))
		}
		p.health(w)
		return
	}
	if id, ok := strings.CutPrefix(path, codePrefix); ok {
		p.Code.serve(w, r, id) // the link itself gives access
		return
	}
	if path == furlproto.Keys {
		p.keys(w, r)
		return
	}
	if p.page(w, r) {
		return
	}
	if isConsole || r.URL.Query().Get("follow") != "" {
		following, end := context.WithCancel(r.Context())
		defer end()
		go func() {
			select {
			case <-p.Ending:
				end()
			case <-following.Done():
			}
		}()
		r = r.WithContext(following)
	}
	if isConsole {
		p.console(w, r)
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
	case path == furlproto.Calls:
		account := ""
		if reader != allAccounts {
			account = string(reader)
			w.Header().Set(furlproto.Note, "only what concerns account "+account+" alone; the page token shows all")
		}
		writeJSON(w, p.Usage.Seen(p.State.Now(), account))
	case path == furlproto.Metrics:
		p.metrics(w)
	case path == furlproto.Prefix, path+"/" == furlproto.Prefix:
		text(w, index)
	default:
		fail(w, http.StatusNotFound, "no such page; see "+furlproto.Prefix)
	}
}

// setHeaders keeps browsers from keeping an answer, from taking it for something else, and from showing it in another page.
func setHeaders(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// admit finds out who reads a page: allAccounts with the page token, or the account that the caller administrates.
func (p *Pages) admit(r *http.Request) (from reader, refused *refusal) {
	if refused := p.admitClient(r, p.Open); refused != nil {
		return "", refused
	}
	token := furlproto.Token(r)
	switch {
	case token == "" && isSigned(r):
		return p.administrator(r)
	case token == "":
		return "", &refusal{metric.NoToken,
			"furl's own pages want the page token of the server, or a signature." + howTo}
	case !p.Token.Equal(sigv4.NewSecret(token)) && !p.hasSession(token):
		return "", &refusal{metric.WrongToken, "that is not the page token of this server." + howTo}
	}
	return allAccounts, nil
}

// admitOwner admits the commands of the server's user on this machine, and nobody else: not those who have the page
// token, nor clients on other machines with Open.
func (p *Pages) admitOwner(r *http.Request) *refusal {
	if refused := p.admitClient(r, false); refused != nil {
		return refused
	}
	if given := sigv4.NewSecret(r.Header.Get(furlproto.Secret)); p.Secret == "" || !sigv4.NewSecret(p.Secret).Equal(given) {
		return &refusal{metric.WrongToken, "only commands of the server's own user read access keys; furl env does"}
	}
	return nil
}

// keys is the access key of a user.
func (p *Pages) keys(w http.ResponseWriter, r *http.Request) {
	if refused := p.admitOwner(r); refused != nil {
		p.refusals.Add(refused.reason)
		fail(w, http.StatusForbidden, refused.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	key, err := p.UserKey(r.URL.Query().Get("account"), r.URL.Query().Get("user"))
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		key = map[string]string{"message": err.Error()}
	}
	json.NewEncoder(w).Encode(key) //nolint:errcheck // the client is gone
}

// admitClient admits programs on this machine. A page of a web site can make a browser on this machine send requests
// here, under a host name that it controls (DNS rebinding), with a mark that they come from its own site or with its own
// origin. That is stricter than http.CrossOriginProtection, which lets every GET pass and compares no schemes.
func (p *Pages) admitClient(r *http.Request, open bool) *refusal {
	if refused := admitHost(r, open); refused != nil {
		return refused
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" && site != "same-origin" {
		return &refusal{metric.NotLocal, "furl's own pages do not answer requests of other web sites"}
	}
	if origins := r.Header["Origin"]; len(origins) > 1 || len(origins) == 1 && !p.isOwn(r, origins[0]) {
		return &refusal{metric.NotLocal, fmt.Sprintf("furl's own pages do not answer requests of the origin %q, only of their own, "+
			"%s: a front end has to keep the Host header, and --forwarded-proto says whether its clients speak https",
			trace.Cut(strings.Join(origins, ", "), 64), trace.Cut(p.origin(r), 64))}
	}
	return nil
}

// isOwn reports whether an origin is that of the pages as the client calls them. A front end may speak https with its
// clients, and others call the server itself.
func (p *Pages) isOwn(r *http.Request, origin string) bool {
	direct := "http://"
	if r.TLS != nil {
		direct = "https://"
	}
	return origin == p.origin(r) || origin == direct+r.Host
}

// origin is that of the pages as the client calls them.
func (p *Pages) origin(r *http.Request) string {
	if p.Gate.IsSecure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// admitHost admits clients on this machine that call it by one of its names.
func admitHost(r *http.Request, open bool) *refusal {
	if !open && !listener.IsLoopback(listener.WithoutPort(r.RemoteAddr)) {
		return &refusal{metric.NotLocal,
			"furl's own pages answer only on loopback; start the server with --open-pages to change that"}
	}
	host := listener.WithoutPort(r.Host)
	if !open && host != "localhost" && !listener.IsLoopback(host) && !IsConsole(r.Host) {
		return &refusal{metric.NotLocal,
			fmt.Sprintf("furl's own pages do not answer under the host name %q", trace.Cut(host, 64))}
	}
	return nil
}

// administrator is the account of the caller who signed the request, if the caller may read the account's pages.
func (p *Pages) administrator(r *http.Request) (from reader, refused *refusal) {
	_, region := auth.ClaimedScope(r)
	const noBody = 1 // a limit of 0 would be that of an invocation
	caller, _, _, err := p.Gate.Authenticate(r, auth.Scope{Service: furlproto.Service, Region: region, MaxBody: noBody})
	if err != nil {
		return "", badSignature(err)
	}
	decision, _ := auth.Authorize(p.State.Now(), caller, auth.Check{
		Action: actionRead, Resource: "*", ResourceAccount: caller.Account,
		Context: &auth.Conditions{
			Caller: caller, Now: p.Now(), SourceIP: listener.WithoutPort(r.RemoteAddr), Secure: p.Gate.IsSecure(r),
			Header: r.Header, Region: region, Resource: caller.Account,
		},
	})
	if decision.Effect != policy.Allowed {
		return "", &refusal{metric.NotAuthorized, fmt.Sprintf("%s may not read furl's own pages: %s.%s",
			caller.ARN(), decision.Reason, howTo)}
	}
	return reader(caller.Account), nil
}

const index = `furl

` + furlproto.Health + `
` + furlproto.Requests + `            the latest requests (?follow=1 for those from now on, as JSON)
` + furlproto.Requests + `/ID         what happened to one, and why (?fix=FORM, ?event=1)
` + furlproto.Requests + `/last       the latest to a function URL
` + furlproto.Requests + `/last-api   the latest of an API
` + furlproto.Logs + `               the logs of all functions, or of some (?function=NAME, &region=, &account=, &lines=,
                               &follow=1, &since=TIME, &request-id=, &level=)
` + furlproto.Calls + `              who called what, and by which statements, as JSON
` + furlproto.Metrics + `             for Prometheus
` + furlproto.Console + `                 what the console reads and does, as JSON (docs/console.md)
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
	body.WriteTo(w) //nolint:errcheck // the client is gone
}

// visible are up to n of the latest traces that the reader may see and that are wanted, newest first.
func (p *Pages) visible(reader reader, n int, wanted func(*trace.Trace) bool) []*trace.Trace {
	var visible []*trace.Trace
	for _, found := range p.Traces.Latest(trace.Kept) {
		if len(visible) < n && reader.sees(found) && wanted(found) {
			visible = append(visible, found)
		}
	}
	return visible
}

// last is the latest request that the reader may see, to a function URL or of an API, and not one that furl sent itself.
func (p *Pages) last(reader reader, api bool) (*trace.Trace, bool) {
	wanted := func(found *trace.Trace) bool { return found.API == api && !found.Probe }
	if latest := p.visible(reader, 1, wanted); len(latest) == 1 {
		return latest[0], true
	}
	return nil, false
}

// requests shows one request, or the latest ones in a line each.
func (p *Pages) requests(w http.ResponseWriter, r *http.Request, reader reader, id string) {
	seen := ""
	if reader != allAccounts {
		seen = "; a signature shows those that concern account " + string(reader) +
			" alone, and the page token shows all"
	}
	switch id {
	case "":
		p.latest(w, r, reader)
		return
	case furlproto.Last, furlproto.LastAPI:
		found, ok := p.last(reader, id == furlproto.LastAPI)
		switch {
		case ok:
			p.request(w, r, found)
		case id == furlproto.LastAPI:
			fail(w, http.StatusNotFound, "no call of an API has been refused yet"+seen)
		default:
			fail(w, http.StatusNotFound, "there has been no request to a function URL yet"+seen)
		}
		return
	}
	found, ok := p.Traces.Find(id)
	if !ok || !reader.sees(found) {
		fail(w, http.StatusNotFound, fmt.Sprintf("no trace of a request %q: the server keeps the last %d%s",
			trace.Cut(id, 64), trace.Kept, seen))
		return
	}
	p.request(w, r, found)
}

// request shows one trace, or what else the query asks for.
func (p *Pages) request(w http.ResponseWriter, r *http.Request, found *trace.Trace) {
	query := r.URL.Query()
	switch form := query.Get("fix"); {
	case form != "":
		showFix(w, found, form)
	case query.Get("event") != "":
		p.event(w, r, found)
	case wantsJSON(r):
		writeJSON(w, found.Report())
	default:
		w.Header().Set("Content-Type", plain)
		found.Report().WriteTo(w) //nolint:errcheck // the client is gone
	}
}

// event shows what the function got. Who may see the trace of a request may see its event.
func (p *Pages) event(w http.ResponseWriter, r *http.Request, found *trace.Trace) {
	kept, _ := p.Exchanges.Find(found.RequestID)
	event := kept.Event
	if event.Size == 0 {
		why := fmt.Sprintf("the server keeps those of the last %d requests to function URLs", trace.KeptExchanges)
		if step, refused := found.Report().Deciding(); refused && step.Verdict == trace.Refused {
			why = "the function did not get it: " + step.Summary
		}
		fail(w, http.StatusNotFound, "there is no event of the request "+found.RequestID+": "+why)
		return
	}
	if event.Cut {
		w.Header().Set(furlproto.Note, fmt.Sprintf("the event has %d bytes, of which %d are kept", event.Size, len(event.Bytes)))
	}
	if !wantsJSON(r) {
		text(w, string(event.Bytes)+"\n")
		return
	}
	shown := json.RawMessage(event.Bytes)
	if !json.Valid(shown) {
		shown, _ = json.Marshal(string(event.Bytes)) // a string always marshals
	}
	writeJSON(w, struct {
		RequestID string          `json:"requestId"`
		Bytes     int             `json:"bytes"`
		Cut       bool            `json:"cut"`
		Event     json.RawMessage `json:"event"`
	}{found.RequestID, event.Size, event.Cut, shown})
}

// showFix shows only the fix, in the form: all of it, or nothing and why.
func showFix(w http.ResponseWriter, found *trace.Trace, form string) {
	if !slices.Contains(snippet.Forms(), snippet.Form(form)) {
		fail(w, http.StatusBadRequest, fmt.Sprintf("fix: %q is none of %s", trace.Cut(form, 64), snippet.FormNames()))
		return
	}
	texts, sentences := found.FixAs(form)
	switch _, bad := found.Report().Deciding(); {
	case len(sentences) > 0:
		fail(w, http.StatusNotFound, "the fix cannot be written as "+form+": "+strings.Join(sentences, "; "))
	case len(texts) > 0:
		text(w, strings.Join(append(texts, ""), "\n"))
	case bad:
		fail(w, http.StatusNotFound, "no fix is known: furl explain "+found.RequestID+" says what happened")
	default:
		fail(w, http.StatusNotFound, "there is nothing to fix: the request was not refused")
	}
}

func (p *Pages) latest(w http.ResponseWriter, r *http.Request, reader reader) {
	if r.URL.Query().Get("follow") != "" {
		p.follow(w, r, reader)
		return
	}
	limit := number(r, "limit", 100, 1, trace.Kept)
	reports := []trace.Report{}
	for _, found := range p.visible(reader, limit, func(*trace.Trace) bool { return true }) {
		reports = append(reports, found.Report())
	}
	if wantsJSON(r) {
		writeJSON(w, reports)
		return
	}
	var lines strings.Builder
	for _, report := range reports {
		reason := ""
		if step, ok := report.Deciding(); ok {
			reason = "  " + step.Summary
		}
		fmt.Fprintf(&lines, "%s  %s  %d  %s %s%s\n", report.Time.Format("15:04:05.000"), report.RequestID,
			report.Status, report.Method, report.Target, reason)
	}
	text(w, lines.String())
}

// follow shows each request that the reader may see as it comes: a JSON object each in a line.
func (p *Pages) follow(w http.ResponseWriter, r *http.Request, reader reader) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	flusher := http.NewResponseController(w)
	encoder := json.NewEncoder(w)
	following := p.Traces.Follow(r.Context(), 0) // from here on, so that a client misses nothing that it does after the header
	if flusher.Flush() != nil {
		return
	}
	for found := range following {
		if reader.sees(found) && (encoder.Encode(found.Report()) != nil || flusher.Flush() != nil) {
			return // the client is gone
		}
	}
}

// wantsJSON reports whether the client asks for JSON in place of text.
func wantsJSON(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "application/json")
}

// number is a number of the query: at most the most, and the usual one if there is none of at least the least.
func number(r *http.Request, name string, usual, least, most int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < least {
		return usual
	}
	return min(n, most)
}

const plain = "text/plain; charset=utf-8"

func text(w http.ResponseWriter, body string) { respond(w, http.StatusOK, body) }

func fail(w http.ResponseWriter, status int, message string) { respond(w, status, message+"\n") }

func respond(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", plain)
	w.WriteHeader(status)
	io.WriteString(w, body) //nolint:errcheck // the client is gone
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	encoder.Encode(value) //nolint:errcheck // the client is gone
}
