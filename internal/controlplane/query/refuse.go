package query

import (
	"net/http"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/sigv4"
)

// Refuse answers a request whose signature is not good.
func (a *API) Refuse(w http.ResponseWriter, call *controlplane.Call, refusal *sigv4.Error) {
	scope, _ := sigv4.ParseScope(call.Request)
	a.identify(w, call, scope.Region)
	a.writeError(w, call, signatureError(refusal, a.config.Failure))
}

// signatureError is the refusal in the codes of the Query protocol (IAM API Reference, "Common Error Types"; chart
// "AWS Auth Error Ordering" of dacut/scratchstack-aws-signature, measured on STS).
func signatureError(refusal *sigv4.Error, failure string) *Error {
	forbidden := func(code string) *Error {
		return &Error{Status: http.StatusForbidden, Code: code, Message: refusal.Message}
	}
	early := func(status int, code string) *Error {
		return &Error{Status: status, Code: code, Message: refusal.Message, Early: true}
	}
	switch refusal.Kind {
	case sigv4.MissingAuthentication:
		return missingAuthentication()
	case sigv4.MalformedRequest:
		return early(http.StatusBadRequest, "MalformedQueryString")
	case sigv4.IncompleteSignature:
		return early(http.StatusBadRequest, "IncompleteSignature")
	case sigv4.InvalidSignature, sigv4.SignatureExpired, sigv4.SignatureNotYetCurrent, sigv4.InvalidScope:
		return forbidden("SignatureDoesNotMatch")
	case sigv4.UnknownKey, sigv4.InvalidToken:
		return forbidden("InvalidClientTokenId")
	case sigv4.ExpiredToken:
		return forbidden("ExpiredToken")
	case sigv4.BodyTooLarge:
		return early(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
	case sigv4.BodyRead:
		return early(http.StatusBadRequest, "RequestTimeout")
	default:
		return &Error{
			Status: http.StatusInternalServerError, Code: failure,
			Message: "The request processing has failed because of an unknown error, exception or failure.",
		}
	}
}

func missingAuthentication() *Error {
	return &Error{Status: http.StatusForbidden, Code: "MissingAuthenticationToken", Message: "Request is missing Authentication Token"}
}
