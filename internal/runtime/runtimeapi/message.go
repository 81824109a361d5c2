//go:build unix

package runtimeapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// Header names, in the canonical form under which net/http keeps them.
const (
	headerRequestID     = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline      = "Lambda-Runtime-Deadline-Ms"
	headerARN           = "Lambda-Runtime-Invoked-Function-Arn"
	headerTraceID       = "Lambda-Runtime-Trace-Id"
	headerClientContext = "Lambda-Runtime-Client-Context"
	headerIdentity      = "Lambda-Runtime-Cognito-Identity"
	headerMode          = "Lambda-Runtime-Function-Response-Mode"
	headerErrorType     = "Lambda-Runtime-Function-Error-Type"
	headerErrorBody     = "Lambda-Runtime-Function-Error-Body"
)

// Invocation is the answer to next. Empty fields send no header.
type Invocation struct {
	ID              string
	Deadline        time.Time
	FunctionARN     string
	TraceID         string
	ClientContext   string // JSON
	CognitoIdentity string // JSON
	Payload         []byte
}

// Response is what the function posts for an invocation.
type Response struct {
	ContentType string
	Streaming   bool  // the function says so
	Length      int64 // of Body, -1 if it is sent in chunks
	Body        io.Reader

	request *http.Request
}

// Trailer is the error that the function appended to a response that it had begun, nil if there is none. It is known
// once Body has returned io.EOF.
//
// See "Response streaming for Lambda functions" and "Building a custom runtime" in the AWS Lambda Developer Guide.
func (r *Response) Trailer() *Failure {
	if r.request == nil {
		return nil
	}
	errorType := r.request.Trailer.Get(headerErrorType)
	encoded := r.request.Trailer.Get(headerErrorBody)
	if errorType == "" && encoded == "" {
		return nil
	}
	body, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		body = nil // the type alone still says that the stream failed
	}
	return &Failure{Type: sanitize(errorType), RawType: errorType, Body: body}
}

// Failure is an error that the function reports.
type Failure struct {
	Type    string // "Runtime.X" or "Function.X"; anything else the function says becomes "Runtime.Unknown"
	RawType string // as the function said it
	Body    []byte // JSON as the function wrote it; may be empty
}

// InvalidMode is the Type of the Failure that the server reports for a function that names an unknown response mode.
const InvalidMode = "Runtime.InvalidResponseModeHeader"

// legalType is what Lambda lets through as an error type (aws-lambda-runtime-interface-emulator, package fatalerror).
var legalType = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(Runtime|Function)\.[A-Z][a-zA-Z]+$`)
})

func sanitize(errorType string) string {
	if legalType().MatchString(errorType) {
		return errorType
	}
	return "Runtime.Unknown"
}

// first is Header.Get for a name that is known to be canonical.
func first(header http.Header, name string) string {
	if values := header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// discardLimit is more than any response may have; a client that sends more loses its connection.
const discardLimit = 256 << 20

func discard(body io.Reader) {
	io.CopyN(io.Discard, body, discardLimit) //nolint:errcheck // a broken connection ends it, too
}

func isMethod(w http.ResponseWriter, r *http.Request, want string) bool {
	if r.Method == want {
		return true
	}
	w.Header().Set("Allow", want)
	Refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed",
		fmt.Sprintf("%s takes %s, not %s", r.URL.Path, want, r.Method))
	return false
}

var (
	statusOK       = []byte(`{"status":"OK"}`)
	jsonType       = []string{contentTypeJSON}
	statusOKLength = []string{strconv.Itoa(len(statusOK))}
)

// answer accepts what the function has posted, or refuses it with a Handler's error.
func answer(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		// Clients send the whole body before they read the status; without this they see a broken pipe.
		discard(r.Body)
		refuseError(w, err)
		return
	}
	Accept(w)
}

// Accept answers that what was posted is taken.
func Accept(w http.ResponseWriter) {
	header := w.Header()
	header["Content-Type"] = jsonType
	header["Content-Length"] = statusOKLength
	w.WriteHeader(http.StatusAccepted)
	w.Write(statusOK) //nolint:errcheck // the connection is broken
}

// refuseError is the one place that maps a Handler's error to a status (aws-lambda-runtime-interface-emulator,
// package rendering).
func refuseError(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrRequestID):
		Refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
	case errors.Is(err, ErrState):
		Refuse(w, http.StatusForbidden, "InvalidStateTransition", err.Error())
	case errors.Is(err, ErrTooLarge):
		Refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", MaxPayload))
	case errors.Is(err, ErrTruncated):
		Refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
	default:
		Refuse(w, http.StatusInternalServerError, "InternalServerError", "Internal Server Error")
	}
}

// Refuse answers an error as the APIs of functions write it.
func Refuse(w http.ResponseWriter, status int, errorType, message string) {
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	w.Write(refusalBody(errorType, message)) //nolint:errcheck // the connection is broken
}

func refusalBody(errorType, message string) []byte {
	body, err := json.Marshal(struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{message, errorType})
	if err != nil {
		panic(err) // two strings always marshal
	}
	return body
}
