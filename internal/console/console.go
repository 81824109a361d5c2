//go:build unix

// Package console is what a browser shows of a server: the page at /_furl/, and the JSON below /_furl/v1/ that it reads.
// The page has no keys: what it asks for, the server does for it. docs/console.md lists the addresses and
// console/src/api.ts describes the JSON, whose fields are only added.
package console

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

// Console is the http.Handler of the addresses below /_furl/v1/. Its caller has made sure that the client is on this machine
// and may read everything.
type Console struct {
	// Edit allows replay and saving.
	Edit bool
	// Version is the program's, and Endpoint the address of function URLs in path style and of the APIs.
	Version, Endpoint string
	Region            string
	State             *state.State
	Now               func() time.Time
	Refused           func(metric.Refusal) // counts a refusal

	Traces    *trace.Recorder
	Exchanges *trace.Exchanges
	Log       LogReader // nil shows no lines

	// LegacyPermissions and BlockPublicAccess are those of the server: see app.Config.
	LegacyPermissions, BlockPublicAccess bool

	// Do sends a request to the server itself, whatever its host is, and follows no redirect.
	Do func(*http.Request) (*http.Response, error)

	followers atomic.Int32 // of requests
	replays   atomic.Int32 // that are on their way
	borrowed  borrowed
	saving    sync.Mutex

	// FunctionURL is the address of a function URL as the API gives it.
	FunctionURL func(id, region string) string
	Concurrency Concurrency
	Pool        Pool
	Traffic     *invoke.Traffic // nil shows none

	functions sorted[*lambda.Function]
	accounts  accounts

	mux      http.ServeMux
	sessions sessions
	page     func() (map[string]asset, error)
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
	pattern string // of net/http, without the prefix, such as GET /server
	answer  func(*http.Request) (any, error)
	edits   bool // wants Edit
}

// routes are all addresses, apart from those that stream.
func (c *Console) routes() []route {
	return slices.Concat(
		c.sessionRoutes(),
		c.serverRoutes(),
		c.requestRoutes(),
		c.functionRoutes(),
		c.accountRoutes(),
		c.replayRoutes(),
		c.accessRoutes(),
	)
}

// Open makes the console ready to serve.
func (c *Console) Open() {
	for _, one := range c.routes() {
		c.mux.Handle(one.pattern, c.handler(one))
	}
	c.mux.HandleFunc("GET /requests/live", c.live)
	c.sessions.tickets, c.sessions.sessions = issued{}, issued{}
	c.page = sync.OnceValues(func() (map[string]asset, error) {
		below, err := fs.Sub(dist, "dist")
		if err != nil {
			return nil, err
		}
		return openPage(below)
	})
}

// ServeHTTP answers with JSON, also where there is no such address.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	prefix := strings.TrimSuffix(furlproto.Console, "/")
	inner := *r
	inner.URL = &url.URL{
		Path: strings.TrimPrefix(r.URL.Path, prefix), RawPath: strings.TrimPrefix(r.URL.RawPath, prefix), RawQuery: r.URL.RawQuery,
	}
	if inner.URL.Path != path.Clean(inner.URL.Path) { // the mux would redirect to another place
		fail(w, unknown(r))
		return
	}
	handler, pattern := c.mux.Handler(&inner)
	if pattern != "" {
		c.mux.ServeHTTP(w, &inner)
		return
	}
	refusal := &statusWriter{header: w.Header()}
	handler.ServeHTTP(refusal, &inner)
	if refusal.status != http.StatusMethodNotAllowed {
		fail(w, unknown(r))
		return
	}
	fail(w, &Fault{refusal.status, fmt.Sprintf("%s does not take the method %s, only %s", trace.Cut(r.URL.Path, maxShown),
		trace.Cut(r.Method, maxShown), w.Header().Get("Allow"))})
}

// maxShown bounds, in bytes, what a message shows of the request.
const maxShown = 128

func unknown(r *http.Request) *Fault {
	return &Fault{http.StatusNotFound, "the console has no address " + trace.Cut(r.URL.Path, maxShown) + "; docs/console.md lists them"}
}

// statusWriter keeps the status of an answer and its headers, and drops its text.
type statusWriter struct {
	header http.Header
	status int
}

func (s *statusWriter) Header() http.Header         { return s.header }
func (s *statusWriter) WriteHeader(status int)      { s.status = status }
func (s *statusWriter) Write(p []byte) (int, error) { return len(p), nil }

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

// Fail answers with an error as the console's addresses do.
func Fail(w http.ResponseWriter, status int, message string) { fail(w, &Fault{status, message}) }

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

// server is what the server says of itself.
type server struct {
	Version   string    `json:"version"`
	Endpoint  string    `json:"endpoint"`
	Region    string    `json:"region"`
	Accounts  []string  `json:"accounts"`
	Edit      bool      `json:"edit"`
	Now       time.Time `json:"now"`
	Functions int       `json:"functions"`
	URLs      int       `json:"urls"`
}

func (c *Console) serverRoutes() []route {
	return []route{{pattern: "GET /server", answer: func(*http.Request) (any, error) {
		world := c.State.Now()
		answer := server{
			Version: c.Version, Endpoint: c.Endpoint, Region: c.Region, Edit: c.Edit, Now: c.Now().UTC(),
			Functions: world.Functions.Len(), URLs: world.URLCount(), Accounts: []string{},
		}
		for _, account := range world.Accounts.All() {
			answer.Accounts = append(answer.Accounts, account.ID)
		}
		slices.Sort(answer.Accounts)
		return answer, nil
	}}}
}

// readInto reads the JSON of a request.
func readInto[T any](r *http.Request) (value T, err error) {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err = decoder.Decode(&value)
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return value, &Fault{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", tooLong.Limit)}
	}
	if err != nil {
		return value, &Fault{http.StatusBadRequest, "the body is not the JSON that " + furlproto.Console + " takes: " + err.Error()}
	}
	return value, nil
}
