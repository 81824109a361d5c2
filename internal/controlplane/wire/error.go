package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/sigv4"
)

// Error is a refusal as the client reads it. Each protocol has one writer for it.
type Error struct {
	Code     string // NoSuchEntity, ResourceNotFoundException: SDKs turn it into an error type; "" is Config.Refused
	Message  string // may be empty, where AWS gives none
	Status   int    // HTTP; 0 is what the model says of the code, else 400
	Reason   string // of throttling, in REST-JSON
	Wordless bool   // the message is null, in REST-JSON
	Untyped  bool   // the Type that the model has is left out, in REST-JSON
	Early    bool   // found before the operation was known; in Query such errors have a namespace of their own
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf is an Error with the status that the API's model gives to the code.
func Errorf(code, format string, arguments ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, arguments...)}
}

// WithStatus is the error with a status that the model does not have.
func (e *Error) WithStatus(status int) *Error {
	changed := *e
	changed.Status = status
	return &changed
}

// notNumber is a text in the place of a number, where AWS's protocol has no error of its own for it.
type notNumber struct{ text string }

func (*notNumber) Error() string { return "not a number" }

// invalid is the refusal of a request that violates the model.
func (a *API) invalid(text string) *Error { return &Error{Code: a.config.Invalid, Message: text} }

// unknown says of an operation that it is not in the model, and no more: AWS adds operations every month.
func (a *API) unknown() string {
	return "it is not in the API model of " + a.model().source + ". AWS may have it in a newer one."
}

// refuseMember is the refusal of a member that AWS has and furl does not.
func (a *API) refuseMember(path string) *Error {
	why := a.config.Absent[path]
	if why == "" {
		why = "leave it out."
	}
	return Errorf(a.config.Refused, "furl does not support %s: %s", path, why)
}

// refusal is the error as the client is told it. What is not meant for the client is logged.
func (a *API) refusal(call *controlplane.Call, err error) *Error {
	if refusal, ok := errors.AsType[*Error](err); ok {
		return refusal
	}
	if errors.Is(err, errMarker) {
		return a.config.BadMarker
	}
	if denied, ok := errors.AsType[*controlplane.Denied](err); ok {
		return &Error{Status: http.StatusForbidden, Code: a.config.Denied, Message: denied.Error()}
	}
	if a.config.Translate != nil {
		if refusal := a.config.Translate(call, err); refusal != nil {
			return refusal
		}
	}
	if !errors.Is(err, context.Canceled) {
		call.Log.ErrorContext(call.Context(), "API request failed", "service", a.config.Service,
			"request_id", call.RequestID, "method", call.Request.Method, "path", call.Request.URL.EscapedPath(), "error", err)
	}
	if a.query() {
		return a.failure(unknownFailure)
	}
	return a.failure("The request failed inside furl. The server's log says why, under request id " + call.RequestID + ".")
}

// failure is an error that is the server's fault.
func (a *API) failure(text string) *Error {
	return &Error{Status: http.StatusInternalServerError, Code: a.config.Failure, Message: text}
}

// Refuse answers a request whose signature is not good.
func (a *API) Refuse(w http.ResponseWriter, call *controlplane.Call, refusal *sigv4.Error) {
	a.identify(w, call)
	if op, _, err := a.codec().find(a, call); err == nil { // of Query only the body would say
		call.Named(a.Service() + ":" + op.name)
	}
	a.write(w, call, a.codec().signature(a, call, refusal))
}

// write answers with an error.
func (a *API) write(w http.ResponseWriter, call *controlplane.Call, e *Error) {
	if e.Code == "" {
		named := *e
		named.Code, e = a.config.Refused, &named
	}
	facts, known := a.model().errors[e.Code]
	if e.Status == 0 {
		e = e.WithStatus(http.StatusBadRequest)
		if known {
			e.Status = facts.status
		}
	}
	call.Refused(e.Status, e.Code)
	a.codec().fail(w, a, call, e, facts)
}
