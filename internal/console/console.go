//go:build unix

// Package console is what a browser shows of a server: the page at /_furl/, and the JSON below /_furl/v1/ that it reads.
// The page has no keys: what it asks for, the server does for it. docs/console.md lists the addresses and
// console/src/api.ts describes the JSON, whose fields are only added.
package console

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/trace"
)

// Console is the http.Handler of the addresses below /_furl/v1/. Its caller has made sure that the client is on this machine
// and may read everything.
type Console struct {
	// Edit allows replay and saving.
	Edit bool

	Traces    *trace.Recorder
	Exchanges *trace.Exchanges
	Log       LogReader // nil shows no lines

	followers atomic.Int32                                                      // of requests
	replay    func(found *trace.Trace, kept trace.Exchange, ok bool) replayable // nil: nothing can be sent again

	mux http.ServeMux
}

// Fault is an error that the client sees.
type Fault struct {
	Status  int
	Message string // what happened, to which input, and what to do
}

func (f *Fault) Error() string { return f.Message }

// readOnly is the fault of what changes something without Edit.
var readOnly = &Fault{http.StatusForbidden, "the console is read-only: start the server with --console=edit"}

// route is an address of the console.
type route struct {
	pattern string // of net/http, without the prefix
	answer  func(*http.Request) (any, error)
	edits   bool // wants Edit
}

// routes are all addresses, apart from those that stream.
func (c *Console) routes() []route {
	return c.requestRoutes()
}

// Open makes the console ready to serve.
func (c *Console) Open() {
	for _, one := range c.routes() {
		c.mux.Handle(one.pattern, c.handler(one))
	}
	c.mux.HandleFunc("GET /requests/live", c.live)
}

func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// maxBody bounds what a page sends: a body of a function URL in base64, with its headers.
const maxBody = 10 << 20

// handler answers with JSON.
func (c *Console) handler(one route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if one.edits && !c.Edit {
			fail(w, readOnly)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		answer, err := one.answer(r)
		if err != nil {
			fail(w, err)
			return
		}
		writeJSON(w, http.StatusOK, answer)
	})
}

func fail(w http.ResponseWriter, err error) {
	fault, ok := errors.AsType[*Fault](err)
	if !ok {
		fault = &Fault{http.StatusInternalServerError, err.Error()}
	}
	writeJSON(w, cmp.Or(fault.Status, http.StatusInternalServerError), struct {
		Message string `json:"message"`
	}{fault.Message})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.Encode(value) //nolint:errcheck // the client is gone
}

// readInto reads the JSON of a request.
func readInto[T any](r *http.Request) (value T, err error) {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&value); err != nil {
		return value, &Fault{http.StatusBadRequest, "the body is not the JSON that " + furlproto.Console + " takes: " + err.Error()}
	}
	return value, nil
}
