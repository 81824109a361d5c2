//go:build unix

package lambdaapi

import (
	"fmt"
	"net/http"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/machine"
)

// The errors of the API. Their statuses, and how their bodies look, are in the model and its overlay.

func notFound(format string, arguments ...any) *wire.Error {
	return wire.Errorf("ResourceNotFoundException", format, arguments...)
}

func functionNotFound(arn lambda.ARN) *wire.Error { return notFound("Function not found: %s", arn) }

func invalidParameter(format string, arguments ...any) *wire.Error {
	return wire.Errorf("InvalidParameterValueException", format, arguments...)
}

// untyped is an error that AWS was recorded to send without its Type.
func untyped(e *wire.Error) *wire.Error {
	e.Untyped = true
	return e
}

func invalidContent(format string, arguments ...any) *wire.Error {
	return wire.Errorf("InvalidRequestContentException", format, arguments...)
}

func conflict(format string, arguments ...any) *wire.Error {
	return wire.Errorf("ResourceConflictException", format, arguments...)
}

// staleRevision is the refusal of a RevisionId that is not the latest. The text names where to read that one.
func staleRevision(readWith string) *wire.Error {
	return wire.Errorf("PreconditionFailedException",
		"The Revision Id provided does not match the latest Revision Id. Call the %s API to retrieve the latest Revision Id", readWith)
}

func accessDenied(message string) *wire.Error {
	return wire.Errorf("AccessDeniedException", "%s", message)
}

// violation is the refusal of a value that the model lets pass and Lambda does not, in the words of the model.
func violation(shown, at, must string) *wire.Error {
	return wire.Errorf("ValidationException",
		"1 validation error detected: Value%s at '%s' failed to satisfy constraint: Member must %s", shown, at, must)
}

// unsupported is the refusal of a value that furl cannot give the meaning it has at AWS.
func unsupported(member, instead string) *wire.Error {
	return invalidParameter("furl does not support %s: %s", member, instead)
}

func throttled(reason string) *wire.Error {
	e := wire.Errorf("TooManyRequestsException", "Rate Exceeded.")
	e.Reason = reason
	return e
}

// translate makes a refusal of what the machine lacks for a moment.
func translate(call *controlplane.Call, err error) *wire.Error {
	lack := machine.Lacking(err)
	if lack == nil || lack.Of == machine.OfDiskSpace {
		return nil
	}
	call.Log.Warn("lambda API request throttled",
		"request_id", call.RequestID, "limit", lack.Limit, "error", err, "fix", lack.Fix)
	return throttled("CallerRateLimitExceeded")
}

// requireRegion refuses a credential scope whose region does not look like one: it ends up in ARNs and names.
func requireRegion(call *controlplane.Call, _ *wire.Operation) error {
	if arn.IsRegion(call.Region) {
		return nil
	}
	return wire.Errorf("InvalidSignatureException", "Credential should be scoped to a valid region. ").WithStatus(http.StatusForbidden)
}

// tooLarge is the refusal of an event that is larger than an asynchronous invocation takes.
func tooLarge(size int) *wire.Error {
	text := fmt.Sprintf("%d byte payload is too large for the Event invocation type (limit %d bytes)", size, maxEventPayload)
	return wire.Errorf("RequestEntityTooLargeException", "%s", text)
}
