//go:build unix

package dataplane

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/sigv4"
)

// refusal is an answer of the front end, in place of the function.
type refusal struct {
	status    int
	errorType string // x-amzn-ErrorType; "" for the plain text of a failed function
	body      string
	reason    metric.Refusal // zero where the function failed
}

// These are the answers of real function URLs, byte for byte, as captured in 2025 and 2026. Authorization says
// "Message", authentication "message". What no capture shows is marked as assumed.
var (
	unknownURL    = refusal{http.StatusForbidden, "AccessDeniedException", `{"Message":null}`, metric.UnknownURL}
	unsigned      = refusal{http.StatusForbidden, "AccessDeniedException", `{"Message":"Forbidden"}`, metric.Unsigned}
	notAuthorized = refusal{http.StatusForbidden, "AccessDeniedException",
		`{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: ` +
			`https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`,
		metric.NotAuthorized}
	functionFailed = refusal{http.StatusBadGateway, "", "Internal Server Error", 0}
	// Assumed: the text of the Invoke API, whose limit it is.
	tooLarge = refusal{http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException",
		`{"Type":"User","message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`,
		metric.TooLarge}
	// Assumed: AWS takes hosts out of service without a trace outside.
	shuttingDown = refusal{http.StatusServiceUnavailable, "ServiceUnavailableException",
		`{"message":"Service Unavailable"}`, metric.ShuttingDown}
	// Assumed, for the same reason: the host lacked what the function needed.
	starved = refusal{http.StatusServiceUnavailable, "ServiceUnavailableException",
		`{"message":"Service Unavailable"}`, metric.Throttled}
	unreadable = refusal{http.StatusBadRequest, "BadRequestException", `{"message":"Bad Request"}`, metric.Unreadable}
)

// throttled is the refusal of a call for which there is no concurrency.
func throttled(err error) *refusal {
	body := `{"Reason":` + jsonString(invoke.ThrottleReason(err)) + `,"Type":"User","message":"Rate Exceeded."}`
	return &refusal{http.StatusTooManyRequests, "TooManyRequestsException", body, metric.Throttled}
}

// badSignature is the refusal of a request that could not be authenticated.
func badSignature(err *sigv4.Error) *refusal {
	var answer refusal
	switch err.Kind {
	case sigv4.MissingAuthentication:
		answer = unsigned
	case sigv4.MalformedRequest, sigv4.BodyRead:
		answer = unreadable
	case sigv4.BodyTooLarge:
		answer = tooLarge
	case sigv4.Internal:
		answer = functionFailed
	default:
		body := `{"message":` + jsonString(err.Message) + `}`
		answer = refusal{status: err.Status(), errorType: err.ErrorType(), body: body}
	}
	answer.reason = metric.OfSignature(err.Kind)
	return &answer
}

// jsonString is text as a JSON string. It escapes only what JSON demands.
func jsonString(text string) string {
	var quoted strings.Builder
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err) // a string always encodes
	}
	return strings.TrimSuffix(quoted.String(), "\n")
}

// write sends the refusal. Header names are spelled as AWS spells them.
func (f refusal) write(w http.ResponseWriter) {
	header := w.Header()
	contentType := "application/json"
	if f.errorType == "" {
		contentType = "text/plain; charset=utf-8"
	} else {
		header["x-amzn-ErrorType"] = []string{f.errorType}
	}
	header["Content-Type"] = []string{contentType}
	header["Content-Length"] = []string{strconv.Itoa(len(f.body))}
	w.WriteHeader(f.status)
	w.Write([]byte(f.body)) // if it fails, the client is gone
}
