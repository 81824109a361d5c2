//go:build unix

package extension

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
)

const (
	prefix        = "/2020-01-01/extension/"
	pathTelemetry = "/2022-07-01/telemetry"
	pathLogs      = "/2020-08-15/logs"

	headerName       = "Lambda-Extension-Name"
	headerID         = "Lambda-Extension-Identifier"
	headerEventID    = "Lambda-Extension-Event-Identifier"
	headerFeature    = "Lambda-Extension-Accept-Feature"
	headerErrorType  = "Lambda-Extension-Function-Error-Type"
	maxBody          = 1 << 20 // of a request; the errors that extensions report are not kept
	maxName          = 255     // as for files
	featureAccountID = "accountId"
)

// fault is the refusal of a request. The types and texts are those of aws-lambda-runtime-interface-emulator, package
// rapi/handler.
type fault struct {
	status        int
	kind, message string
}

func (f *fault) Error() string { return f.kind + ": " + f.message }

func forbidden(kind, format string, args ...any) *fault {
	return &fault{http.StatusForbidden, kind, fmt.Sprintf(format, args...)}
}

var _ runtimeapi.Extensions = (*Set)(nil)

// Serve implements runtimeapi.Extensions.
func (s *Set) Serve(w http.ResponseWriter, r *http.Request) bool {
	method, serve := http.MethodPost, s.register
	switch r.URL.Path {
	case prefix + "register":
	case prefix + "event/next":
		method, serve = http.MethodGet, s.next
	case prefix + "init/error":
		serve = s.reports(initFailed, InitError)
	case prefix + "exit/error":
		serve = s.reports(exitFailed, ExitError)
	case pathTelemetry:
		method, serve = http.MethodPut, s.subscribes(telemetryAPI)
	case pathLogs:
		method, serve = http.MethodPut, s.subscribes(logsAPI)
	default:
		return false
	}
	if r.Method != method {
		w.Header().Set("Allow", method)
		runtimeapi.Refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed",
			fmt.Sprintf("%s takes %s, not %s", r.URL.Path, method, r.Method))
		return true
	}
	if err := serve(w, r); err != nil {
		io.CopyN(io.Discard, r.Body, maxBody) //nolint:errcheck // so that the client reads the answer
		runtimeapi.Refuse(w, err.status, err.kind, err.message)
	}
	return true
}

// readBody reads the body of a request.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("the body is longer than %d bytes", maxBody)
	}
	return body, err
}

func (s *Set) register(w http.ResponseWriter, r *http.Request) *fault {
	name := r.Header.Get(headerName)
	if name == "" {
		return forbidden("Extension.InvalidExtensionName", "Empty extension name")
	}
	if len(name) > maxName {
		return forbidden("Extension.InvalidExtensionName", "Extension name is longer than %d bytes", maxName)
	}
	var request struct {
		Events            []string `json:"events"`
		ConfigurationKeys []string `json:"configurationKeys"`
	}
	body, err := readBody(r)
	if err == nil {
		err = json.Unmarshal(body, &request)
	}
	if err == nil && len(request.ConfigurationKeys) > 0 {
		err = errors.New("configurationKeys are deprecated; use environment variables instead")
	}
	if err != nil {
		return forbidden("InvalidRequestFormat", "%s", err)
	}
	id, refusal := s.enter(name, request.Events)
	if refusal != nil {
		return refusal
	}
	answer := struct {
		Function  string `json:"functionName"`
		Version   string `json:"functionVersion"`
		Handler   string `json:"handler"`
		AccountID string `json:"accountId,omitempty"`
	}{Function: s.config.Function, Version: s.config.Version, Handler: s.config.Handler}
	for feature := range strings.SplitSeq(r.Header.Get(headerFeature), ",") {
		if strings.TrimSpace(feature) == featureAccountID {
			answer.AccountID = s.config.AccountID
		}
	}
	w.Header().Set(headerID, id)
	writeJSON(w, answer)
	return nil
}

// enter registers an extension and answers its identifier.
func (s *Set) enter(name string, events []string) (string, *fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.external(name)
	for _, event := range events {
		switch {
		case event == EventInvoke, event == EventShutdown && e != nil:
		case event == EventShutdown:
			return "", forbidden("Extension.InvalidEventType", "%s: ShutdownEventNotSupportedForInternalExtension", event)
		default:
			return "", forbidden("Extension.InvalidEventType", "%s: ErrorInvalidEventType", event)
		}
	}
	switch {
	case e != nil && e.state != started:
		return "", illegal(e.state, registered, e.name)
	case e != nil:
	case s.closed:
		return "", forbidden("Extension.RegistrationClosed", "Extension registration closed already")
	case len(s.all) >= Most:
		return "", forbidden("Extension.TooManyExtensions", "Extension limit (%d) reached", Most)
	case slices.ContainsFunc(s.all, func(other *extension) bool { return other.name == name }):
		return "", forbidden("Extension.InvalidExtensionState", "Extension with this name already registered")
	default:
		e = newExtension(name, false)
		s.all = append(s.all, e)
		s.count.Store(int32(len(s.all)))
	}
	for _, event := range events {
		if !slices.Contains(e.events, event) {
			e.events = append(e.events, event)
		}
	}
	e.id, e.state = newID(), registered
	if e.external && !slices.ContainsFunc(s.all, func(other *extension) bool { return other.external && other.id == "" }) {
		close(s.registered)
	}
	return e.id, nil
}

// illegal is the answer to a request that an extension may not make at this point of its life.
func illegal(from, to state, extension string) *fault {
	name := to.String()
	if to == exitFailed {
		name = exited.String() // as AWS's emulator says it
	}
	return forbidden("Extension.InvalidExtensionState",
		"State transition from %s to %s failed for extension %s. Error: State transition is not allowed", from, name, extension)
}

// caller is the extension that a request is from. Called with mu held.
func (s *Set) caller(r *http.Request) (*extension, *fault) {
	given := r.Header.Get(headerID)
	if given == "" {
		return nil, forbidden("Extension.MissingExtensionIdentifier", "Missing %s header", headerID)
	}
	id, ok := parseID(given)
	if !ok {
		return nil, forbidden("Extension.InvalidExtensionIdentifier", "Invalid %s", headerID)
	}
	for _, e := range s.all {
		if e.id == id {
			return e, nil
		}
	}
	return nil, forbidden("Extension.UnknownExtensionIdentifier", "Unknown extension %s", id)
}

// parseID takes a UUID in any of its written forms, as AWS's emulator does.
func parseID(text string) (string, bool) {
	if len(text) > len("urn:uuid:")+36 {
		return "", false
	}
	text = strings.ToLower(text)
	text = strings.TrimPrefix(text, "urn:uuid:")
	if strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") {
		text = text[1 : len(text)-1]
	}
	if len(text) == 36 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-' {
		text = text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
	}
	if _, err := hex.DecodeString(text); err != nil || len(text) != 32 {
		return "", false
	}
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:], true
}

// next waits for the extension's next event.
func (s *Set) next(w http.ResponseWriter, r *http.Request) *fault {
	e, own, asked, refusal := s.ask(r)
	if refusal != nil {
		return refusal
	}
	if asked {
		s.config.Asked()
	}
	select {
	case next := <-e.event:
		s.mu.Lock()
		if e.waiting == own {
			e.waiting = nil
		}
		lost := r.Context().Err() != nil || own.client.Gone()
		if lost && len(e.event) == 0 {
			e.event <- next // for the connection that replaces this one
		}
		s.mu.Unlock()
		if lost {
			return nil
		}
		if next.id != "" {
			w.Header().Set(headerEventID, next.id)
		}
		writeJSON(w, next.body)
	case <-own.over: // another connection has taken its place
	case <-r.Context().Done():
		s.mu.Lock()
		if e.waiting == own {
			e.waiting = nil
		}
		s.mu.Unlock()
	}
	return nil
}

// ask makes a request the one that waits for the extension's next event. It reports whether the extension has become
// ready by it.
func (s *Set) ask(r *http.Request) (e *extension, own *asking, asked bool, refusal *fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, refusal = s.caller(r)
	if refusal != nil {
		return nil, nil, false, refusal
	}
	switch {
	case e.waiting != nil && !e.waiting.client.Gone():
		return nil, nil, false, illegal(e.state, ready, e.id)
	case e.waiting != nil:
		close(e.waiting.over)
	case e.state == ready, len(e.event) > 0: // again, after a lost connection
	case !moves[e.state][ready]:
		return nil, nil, false, illegal(e.state, ready, e.id)
	default:
		e.state, asked = ready, true
	}
	e.waiting = &asking{client: runtimeapi.ClientOf(r), over: make(chan struct{})}
	return e, e.waiting, asked, nil
}

// reports takes the error that an extension reports.
func (s *Set) reports(to state, errorType string) func(http.ResponseWriter, *http.Request) *fault {
	return func(w http.ResponseWriter, r *http.Request) *fault {
		refusal, first := s.fail(r, to)
		if refusal != nil {
			return refusal
		}
		if first {
			s.config.Failed(errorType)
		}
		io.CopyN(io.Discard, r.Body, maxBody) //nolint:errcheck // nothing in it is used
		runtimeapi.Accept(w)
		return nil
	}
}

func (s *Set) fail(r *http.Request, to state) (refusal *fault, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, refusal := s.caller(r)
	errorType := r.Header.Get(headerErrorType)
	switch {
	case refusal != nil && refusal.kind != "Extension.UnknownExtensionIdentifier":
		return refusal, false
	case errorType == "":
		return forbidden("Extension.MissingHeader", "%s not found", headerErrorType), false
	case refusal != nil:
		return refusal, false
	case !moves[e.state][to]:
		return illegal(e.state, to, e.id), false
	}
	if first = e.state != to; first {
		e.state, e.errorType = to, errorType[:min(len(errorType), maxName)]
	}
	return nil, first
}

// subscribes takes a subscription to telemetry.
func (s *Set) subscribes(api *api) func(http.ResponseWriter, *http.Request) *fault {
	return func(w http.ResponseWriter, r *http.Request) *fault {
		s.mu.Lock()
		e, refusal := s.caller(r)
		s.mu.Unlock()
		if refusal != nil {
			return refusal
		}
		body, err := readBody(r)
		if err != nil {
			return api.invalid(err)
		}
		if refusal := s.config.Telemetry.subscribe(Printable(e.name), api, body); refusal != nil {
			return refusal
		}
		writeJSON(w, "OK")
		return nil
	}
}

// writeJSON answers 200.
func writeJSON(w http.ResponseWriter, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // structs of strings and numbers always marshal
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body) //nolint:errcheck // the connection is broken
}
