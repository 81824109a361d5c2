package wire

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/sigv4"
)

// queryCodec is the Query protocol.
type queryCodec struct{}

// find is the operation that the form names.
func (queryCodec) find(a *API, call *controlplane.Call) (*operation, func() (members, error), error) {
	f, err := parseForm(call.Request, call.Body)
	if err != nil {
		return nil, nil, err
	}
	action, ok := f.lookup("Action")
	if !ok {
		// AWS sends such a request to its web site; a local server does not send its clients to the Internet.
		return nil, nil, early(http.StatusBadRequest, "MissingAction", "The request has no parameter Action.")
	}
	version, ok := f.lookup("Version")
	if !ok {
		version = "NO_VERSION_SPECIFIED"
	}
	if op, ok := a.model().operations[action]; ok && version == a.model().version {
		return op, func() (members, error) { return f.structure() }, nil
	}
	text := fmt.Sprintf("Could not find operation %s for version %s", cut(action), cut(version))
	if source := a.model().source; source != "" && action != "" && version >= a.model().version && ok {
		text += ": " + a.unknown()
	}
	return nil, nil, early(http.StatusBadRequest, "InvalidAction", text)
}

func (queryCodec) lacks(a *API, op *operation) *Error {
	return Errorf("UnsupportedOperation",
		"furl does not have the operation %s of %s. Its documentation, docs/compatibility.md, lists the operations that it has.",
		op.name, strings.ToUpper(a.config.Service))
}

// identify adds the header by which STS names a request besides its id.
func (a *API) identify(w http.ResponseWriter, call *controlplane.Call) {
	if a.config.Service != "sts" {
		return
	}
	region := call.Region
	if call.Caller == nil {
		scope, _ := sigv4.ParseScope(call.Request)
		region = scope.Region
	}
	w.Header().Set("X-Amz-Sts-Extended-Request-Id", base64.StdEncoding.EncodeToString([]byte(region+":"+call.RequestID)))
}

type metadata struct{ RequestId string }

func (queryCodec) answer(w http.ResponseWriter, a *API, call *controlplane.Call, op *operation, result any) {
	var children []child
	if op.result && result != nil {
		children = append(children, child{op.name + "Result", result})
	}
	children = append(children, child{"ResponseMetadata", metadata{call.RequestID}})
	writeXML(w, http.StatusOK, document(op.name+"Response", a.config.Namespace, children...))
}

// faultNamespace is the namespace of errors that AWS's front end finds before it knows the operation.
const faultNamespace = "http://webservices.amazon.com/AWSFault/2005-15-09"

func (queryCodec) fail(w http.ResponseWriter, a *API, call *controlplane.Call, e *Error, _ errorFacts) {
	namespace := a.config.Namespace
	if e.Early {
		namespace = faultNamespace
	}
	fault := struct {
		Type    string
		Code    string
		Message string `xml:",omitempty"`
	}{"Sender", e.Code, e.Message}
	if e.Status >= http.StatusInternalServerError {
		fault.Type = "Receiver"
	}
	writeXML(w, e.Status, document("ErrorResponse", namespace, child{"Error", fault}, child{"RequestId", call.RequestID}))
}

func writeXML(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone away is told nothing
}

// signature is the refusal in the codes of the Query protocol (IAM API Reference, "Common Error Types"; chart "AWS
// Auth Error Ordering" of dacut/scratchstack-aws-signature, measured on STS).
func (queryCodec) signature(a *API, call *controlplane.Call, refusal *sigv4.Error) *Error {
	forbidden := func(code string) *Error { return Errorf(code, "%s", refusal.Message).WithStatus(http.StatusForbidden) }
	switch refusal.Kind {
	case sigv4.MissingAuthentication:
		return missingAuthentication()
	case sigv4.MalformedRequest:
		return early(http.StatusBadRequest, "MalformedQueryString", refusal.Message)
	case sigv4.IncompleteSignature:
		return early(http.StatusBadRequest, "IncompleteSignature", refusal.Message)
	case sigv4.InvalidSignature, sigv4.SignatureExpired, sigv4.SignatureNotYetCurrent, sigv4.InvalidScope:
		return forbidden("SignatureDoesNotMatch")
	case sigv4.UnknownKey, sigv4.InvalidToken:
		return forbidden("InvalidClientTokenId")
	case sigv4.ExpiredToken:
		return forbidden("ExpiredToken")
	case sigv4.BodyTooLarge:
		return early(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", refusal.Message)
	case sigv4.BodyRead:
		return early(http.StatusBadRequest, "RequestTimeout", refusal.Message)
	default:
		return a.failure(unknownFailure)
	}
}

// unknownFailure is the text of IAM and STS for what is their own fault.
const unknownFailure = "The request processing has failed because of an unknown error, exception or failure."

func early(status int, code, message string) *Error {
	return &Error{Status: status, Code: code, Message: message, Early: true}
}

func missingAuthentication() *Error {
	return Errorf("MissingAuthenticationToken", "Request is missing Authentication Token").WithStatus(http.StatusForbidden)
}

// malformedQuery refuses what is not a form. IAM API Reference, "Common Error Types", gives it the status 404.
func malformedQuery(format string, arguments ...any) *Error {
	return Errorf("MalformedQueryString", format, arguments...).WithStatus(http.StatusNotFound)
}

// malformedInput refuses a value that is not of its parameter's type. STS was seen to answer so, with no text for
// anything but an empty number.
func malformedInput(message string) *Error { return &Error{Code: "MalformedInput", Message: message} }
