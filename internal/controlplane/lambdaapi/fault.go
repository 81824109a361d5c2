package lambdaapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/sigv4"
)

// fault is an error as the API's clients see it.
type fault struct {
	status  int
	name    string // x-amzn-ErrorType
	message string
	member  string // what the message is called in the body: upperCase or lowerCase
	blame   string // the body's Type: User, Service, or "" for none
	reason  string // the body's Reason, for throttling only
}

// The API's model calls an error's text Message for some errors and message for others.
const (
	upperCase = "Message"
	lowerCase = "message"
)

func (f *fault) Error() string { return f.name + ": " + f.message }

func notFound(format string, arguments ...any) *fault {
	return &fault{http.StatusNotFound, "ResourceNotFoundException", fmt.Sprintf(format, arguments...), upperCase, "User", ""}
}

func invalidParameter(format string, arguments ...any) *fault {
	return &fault{http.StatusBadRequest, "InvalidParameterValueException", fmt.Sprintf(format, arguments...), lowerCase, "User", ""}
}

func invalidContent(format string, arguments ...any) *fault {
	return &fault{http.StatusBadRequest, "InvalidRequestContentException", fmt.Sprintf(format, arguments...), lowerCase, "User", ""}
}

func conflict(format string, arguments ...any) *fault {
	return &fault{http.StatusConflict, "ResourceConflictException", fmt.Sprintf(format, arguments...), lowerCase, "User", ""}
}

// staleRevision is the refusal of a RevisionId that is not the latest. The text names where to read that one.
func staleRevision(readWith string) *fault {
	return &fault{http.StatusPreconditionFailed, "PreconditionFailedException",
		"The Revision Id provided does not match the latest Revision Id. Call the " + readWith + " API to retrieve the latest Revision Id",
		lowerCase, "User", ""}
}

func accessDenied(message string) *fault {
	return &fault{http.StatusForbidden, "AccessDeniedException", message, upperCase, "", ""}
}

// serialization is the refusal of a body that is not JSON or has a member of the wrong type.
func serialization(format string, arguments ...any) *fault {
	return &fault{http.StatusBadRequest, "SerializationException", fmt.Sprintf(format, arguments...), upperCase, "", ""}
}

func validation(violations ...string) *fault {
	count := "1 validation error"
	if len(violations) != 1 {
		count = fmt.Sprintf("%d validation errors", len(violations))
	}
	return &fault{http.StatusBadRequest, "ValidationException",
		count + " detected: " + strings.Join(violations, "; "), lowerCase, "", ""}
}

func requestTooLarge(op *operation) *fault {
	name := op.name
	if name == "Invoke" {
		name = "InvokeFunction"
	}
	return &fault{http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException",
		fmt.Sprintf("Request must be smaller than %d bytes for the %s operation", op.maxBody(), name), lowerCase, "", ""}
}

// unknownOperation is the answer to a method and path that no AWS Lambda API has.
func unknownOperation(r *http.Request) *fault {
	return &fault{http.StatusNotFound, "UnknownOperationException",
		fmt.Sprintf("The Lambda API has no operation %s %s", r.Method, r.URL.EscapedPath()), upperCase, "", ""}
}

// unsupportedOperation is the answer to an operation of AWS Lambda that furl does not have. Status 400 is the one that
// no client tries again; the CLI and the SDKs print name and message.
func unsupportedOperation(name string) *fault {
	return &fault{http.StatusBadRequest, "UnsupportedOperationException",
		"furl does not have the Lambda operation " + name + ". docs/compatibility.md lists what it has.", lowerCase, "User", ""}
}

// unsupported is the refusal of a member that furl can not give the meaning it has at AWS.
func unsupported(member, instead string) *fault {
	return invalidParameter("furl does not support %s: %s", member, instead)
}

func throttled(reason string) *fault {
	return &fault{http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.", lowerCase, "User", reason}
}

func serviceFault(status int, message string) *fault {
	return &fault{status, "ServiceException", message, upperCase, "Service", ""}
}

// faultOf is what the client learns of an error. What is the server's own fault is logged here, once.
func faultOf(call *controlplane.Call, err error) *fault {
	var known *fault
	if errors.As(err, &known) {
		return known
	}
	var denied *controlplane.Denied
	if errors.As(err, &denied) {
		return accessDenied(denied.Error())
	}
	if lack := machine.Lacking(err); lack != nil && lack.Of != machine.OfDiskSpace {
		call.Log.Warn("lambda API request throttled",
			"request_id", call.RequestID, "limit", lack.Limit, "error", err, "fix", lack.Fix)
		return throttled("CallerRateLimitExceeded")
	}
	if !errors.Is(err, context.Canceled) {
		call.Log.Error("lambda API request failed", "request_id", call.RequestID, "method", call.Request.Method,
			"path", call.Request.URL.EscapedPath(), "error", err)
	}
	return serviceFault(http.StatusInternalServerError, "The request failed inside furl. The server's log says why, under request id "+call.RequestID+".")
}

// Refuse answers a request whose signature is not good. The Lambda API puts the message of an authentication error in
// "message" and has no Type there.
func (a *API) Refuse(w http.ResponseWriter, call *controlplane.Call, refusal *sigv4.Error) {
	f := &fault{status: http.StatusForbidden, message: refusal.Message, member: lowerCase}
	switch refusal.Kind {
	case sigv4.MissingAuthentication:
		f.name, f.message = "MissingAuthenticationTokenException", "Missing Authentication Token"
	case sigv4.IncompleteSignature:
		f.name = "IncompleteSignatureException"
	case sigv4.InvalidSignature, sigv4.SignatureExpired, sigv4.SignatureNotYetCurrent, sigv4.InvalidScope:
		f.name = "InvalidSignatureException"
	case sigv4.UnknownKey, sigv4.InvalidToken:
		f.name = "UnrecognizedClientException"
	case sigv4.ExpiredToken:
		f.name = "ExpiredTokenException"
	case sigv4.BodyTooLarge:
		op, _, ok := a.routes.find(call.Request)
		if !ok {
			op = &operation{name: "requested"}
		}
		f = requestTooLarge(op)
	case sigv4.MalformedRequest, sigv4.BodyRead:
		f.status, f.name = http.StatusBadRequest, "BadRequestException"
		if f.message == "" {
			f.message = "The request could not be read."
		}
	default:
		f = serviceFault(http.StatusInternalServerError, "The signature could not be checked.")
	}
	f.write(w, call)
}
