package awsapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Kind is why a call failed.
type Kind int

// The kinds of failure.
const (
	Failed         Kind = iota // anything else
	NotFound                   // what was asked for does not exist
	Conflict                   // it exists already, or is being changed
	Denied                     // the caller lacks a permission
	Invalid                    // the service did not take the input
	Limit                      // a quota is used up, or too many calls
	BadCredentials             // the service did not accept the signature, key or token
	NoCredentials              // there was nothing to sign with
	Unreachable                // no answer
	Unsupported                // the endpoint does not have the operation
)

// Error is a failed call.
type Error struct {
	Kind    Kind
	Action  string // the IAM action, such as lambda:GetPolicy; "" if no call was made
	On      string // what it was about, such as an ARN
	Message string // the service's own
	Err     error
}

func (e *Error) Error() string {
	switch {
	case e.Action == "" && e.Err != nil:
		return e.Message + ": " + e.Err.Error()
	case e.Action == "":
		return e.Message
	case e.On == "":
		return e.Action + ": " + e.Message
	default:
		return fmt.Sprintf("%s of %s: %s", e.Action, e.On, e.Message)
	}
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of an error of this package; Failed for any other.
func KindOf(err error) Kind {
	var failed *Error
	if errors.As(err, &failed) {
		return failed.Kind
	}
	return Failed
}

// codes are the error codes of the three services. Lambda's end in Exception, IAM's and STS's do not.
var codes = map[Kind][]string{
	NotFound: {"ResourceNotFoundException", "NoSuchEntity"},
	Conflict: {"ResourceConflictException", "EntityAlreadyExists", "ConcurrentModification", "PreconditionFailedException"},
	Denied:   {"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"},
	Invalid: {
		"InvalidParameterValueException", "ValidationException", "ValidationError", "InvalidInput", "MalformedPolicyDocument",
		"UnmodifiableEntity", "InvalidRequestContentException", "PublicPolicyException",
	},
	Limit: {
		"TooManyRequestsException", "Throttling", "ThrottlingException", "LimitExceeded", "PolicyLengthExceededException",
	},
	BadCredentials: {
		"UnrecognizedClientException", "InvalidClientTokenId", "ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch",
		"InvalidSignatureException", "IncompleteSignature", "IncompleteSignatureException", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "InvalidAccessKeyId", "RequestExpired", "OptInRequired",
	},
	Unsupported: {
		"UnsupportedOperation", "UnsupportedOperationException", "UnknownOperationException", "InvalidAction",
		"NotImplemented",
	},
}

// failure puts the error of an SDK call into words; nil stays nil. The IAM actions of all calls that are made here have
// the names of their operations.
func failure(err error, on string) error {
	if err == nil {
		return nil
	}
	failed := &Error{On: on, Message: err.Error(), Err: err}
	if operation := (*smithy.OperationError)(nil); errors.As(err, &operation) {
		failed.Action = strings.ToLower(operation.Service()) + ":" + operation.Operation()
	}
	var (
		answered   smithy.APIError
		unsent     *smithyhttp.RequestSendError
		unread     *smithyhttp.ResponseError
		unsignable *Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &unsignable):
		return unsignable
	case errors.As(err, &answered):
		failed.Message = answered.ErrorMessage()
		if failed.Message == "" {
			failed.Message = answered.ErrorCode()
		}
		if isTooMany(err) {
			failed.Kind = Limit
		}
		for kind, names := range codes {
			if slices.Contains(names, answered.ErrorCode()) {
				failed.Kind = kind
			}
		}
	case errors.As(err, &unsent):
		failed.Kind, failed.Message = Unreachable, unsent.Err.Error()
	case errors.As(err, &unread):
		status := unread.HTTPStatusCode()
		failed.Message = fmt.Sprintf("the endpoint answered with status %d, and not as AWS does", status)
		switch status { // an endpoint that stands in for AWS, and does not have the operation
		case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
			failed.Kind = Unsupported
		}
	}
	return failed
}

// IsNotEnabled reports whether a call failed as it does in a region that is not enabled for the account: the region does
// not know the key (epsagon/clear-lambda-storage#9 for Lambda, remotion-dev/github-unwrapped-2022#34 for STS), or it is
// not open yet and has no host. A key that is wrong fails in the same way, but in all regions.
func IsNotEnabled(err error) bool {
	if missing, ok := errors.AsType[*net.DNSError](err); ok {
		return missing.IsNotFound
	}
	answered, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains([]string{"UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired"}, answered.ErrorCode())
}

// DeniedAction is the permission that the caller lacked for the call that failed; ok is false if it failed otherwise.
func DeniedAction(err error) (action string, ok bool) {
	var failed *Error
	if !errors.As(err, &failed) || failed.Kind != Denied {
		return "", false
	}
	return failed.Action, true
}
