package demo

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/sigv4"
)

// The handlers that the demo's package has, chosen by the function's handler setting.
const (
	handlerWeb    = "web"
	handlerCaller = "caller"
)

// IsFunction reports whether the program was started as a function of the demo: as the bootstrap of a package, in an
// execution environment.
func IsFunction(program string, getenv func(string) string) bool {
	return filepath.Base(program) == "bootstrap" && getenv("AWS_LAMBDA_RUNTIME_API") != ""
}

// RunFunction is the function. It serves invocations until the environment ends.
func RunFunction() {
	switch os.Getenv("_HANDLER") {
	case handlerCaller:
		lambda.Start(call)
	default:
		lambda.Start(web)
	}
}

// web is my-function-with-url: a web app with two pages that says who called.
func web(_ context.Context, request events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
	caller := "no signer"
	if authorizer := request.RequestContext.Authorizer; authorizer != nil && authorizer.IAM != nil {
		caller = authorizer.IAM.UserARN
	}
	switch request.RequestContext.HTTP.Method + " " + request.RawPath {
	case "GET /book":
		return answer(http.StatusOK, map[string]string{"page": request.QueryStringParameters["page"], "caller": caller})
	case "POST /login":
		var login struct {
			User string `json:"user"`
		}
		body, err := bodyOf(request)
		if err == nil {
			err = json.Unmarshal(body, &login)
		}
		if err != nil {
			return answer(http.StatusBadRequest, map[string]string{"error": err.Error()})
		}
		return answer(http.StatusOK, map[string]string{"user": login.User, "caller": caller})
	default:
		return answer(http.StatusNotFound, map[string]string{"error": "no such page"})
	}
}

// bodyOf is the request's body, which comes as base64 unless its content type says that it is text.
func bodyOf(request events.LambdaFunctionURLRequest) ([]byte, error) {
	if request.IsBase64Encoded {
		return base64.StdEncoding.DecodeString(request.Body)
	}
	return []byte(request.Body), nil
}

func answer(status int, body map[string]string) (events.LambdaFunctionURLResponse, error) {
	text, err := json.Marshal(body)
	return events.LambdaFunctionURLResponse{
		StatusCode: status,
		Headers:    map[string]string{"content-type": "application/json"},
		Body:       string(text),
	}, err
}

// order tells my-calling-function what to send. In a step its URL is a path of the function's URL.
type order struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	Body   string `json:"body,omitempty"`
}

// outcome is the answer that my-calling-function got.
type outcome struct {
	Status    int    `json:"status"`
	Body      string `json:"body"`
	RequestID string `json:"requestId"`
}

// call is my-calling-function: it signs a request with the credentials of its own execution role, which its
// environment holds, and sends it.
func call(ctx context.Context, o order) (outcome, error) {
	request, err := http.NewRequestWithContext(ctx, o.Method, o.URL, strings.NewReader(o.Body))
	if err != nil {
		return outcome{}, err
	}
	if o.Body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	credentials := sigv4.Credentials{
		AccessKeyID:  os.Getenv("AWS_ACCESS_KEY_ID"),
		Secret:       sigv4.NewSecret(os.Getenv("AWS_SECRET_ACCESS_KEY")),
		SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
	}
	return signAndSend(request, os.Getenv("AWS_REGION"), "lambda", credentials, []byte(o.Body))
}

func signAndSend(
	request *http.Request, region, service string, credentials sigv4.Credentials, body []byte,
) (outcome, error) {
	signer := sigv4.Signer{Region: region, Service: service}
	if _, err := signer.Sign(request, credentials, sigv4.PayloadBytes(body)); err != nil {
		return outcome{}, err
	}
	return send(request)
}

// send sends a request and reads its answer.
func send(request *http.Request) (outcome, error) {
	request.Header.Set("User-Agent", furlproto.Probe+" (furl demo)")
	client := http.Client{Timeout: time.Minute}
	response, err := client.Do(request)
	if err != nil {
		return outcome{}, err
	}
	defer response.Body.Close()
	const enough = 1 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err != nil {
		return outcome{}, fmt.Errorf("read the answer of %s: %w", request.URL.Redacted(), err)
	}
	id := response.Header.Get("X-Amzn-Requestid")
	return outcome{Status: response.StatusCode, Body: string(body), RequestID: id}, nil
}
