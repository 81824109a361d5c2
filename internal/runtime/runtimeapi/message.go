package runtimeapi

import (
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
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
	headerErrorCause    = "Lambda-Runtime-Function-Xray-Error-Cause"
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

// Trailer is the error that the function appended after a response that it had begun, nil if there is none. It is
// known once Body has returned io.EOF.
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
		body = nil // the type alone still tells that the stream failed
	}
	return &Failure{Type: sanitize(errorType), RawType: errorType, Body: body}
}

// Failure is an error that the function reports.
type Failure struct {
	Type    string // "Runtime.X" or "Function.X"; anything else the function says becomes "Runtime.Unknown"
	RawType string // as the function said it
	Body    []byte // JSON as the function wrote it; may be empty
	Cause   string // X-Ray cause, JSON; may be empty
}

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
