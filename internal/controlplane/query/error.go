package query

import (
	"fmt"
	"net/http"

	"github.com/furl-dev/furl/internal/controlplane"
)

// Error is a refusal as the client reads it: the code, which SDKs turn into an error type, and the text.
type Error struct {
	Status  int
	Code    string
	Message string // may be empty, where AWS gives none
	// Early marks errors found before the operation was known, which AWS puts into a namespace of their own.
	Early bool
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf is an Error with a formatted message.
func Errorf(status int, code, format string, arguments ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, arguments...)}
}

// ValidationErrorf refuses a parameter.
func ValidationErrorf(format string, arguments ...any) *Error {
	return Errorf(http.StatusBadRequest, "ValidationError", format, arguments...)
}

// malformedQuery refuses what is not a form. IAM API Reference, "Common Error Types", gives it the status 404.
func malformedQuery(format string, arguments ...any) *Error {
	return Errorf(http.StatusNotFound, "MalformedQueryString", format, arguments...)
}

// malformedInput refuses a value that is not of its parameter's type. STS was seen to answer so, with no text for
// anything but an empty number.
func malformedInput(message string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "MalformedInput", Message: message}
}

// faultNamespace is the namespace of errors that AWS's front end finds before it knows the operation.
const faultNamespace = "http://webservices.amazon.com/AWSFault/2005-15-09"

// writeError answers with the error.
func (a *API) writeError(w http.ResponseWriter, call *controlplane.Call, refusal *Error) {
	call.Refused(refusal.Status, refusal.Code)
	namespace := a.config.Namespace
	if refusal.Early {
		namespace = faultNamespace
	}
	fault := fault{Type: "Sender", Code: refusal.Code, Message: refusal.Message}
	if refusal.Status >= http.StatusInternalServerError {
		fault.Type = "Receiver"
	}
	write(w, refusal.Status, document("ErrorResponse", namespace, child{"Error", fault}, child{"RequestId", call.RequestID}))
}

// fault is the Error element of a refusal.
type fault struct {
	Type    string
	Code    string
	Message string `query:"omitempty"`
}
