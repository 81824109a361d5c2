//go:build unix

package demo

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

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

// RunFunction is the function. It serves invocations until the environment ends, or returns an error.
//
// It speaks the Runtime API by itself: AWS's runtime client would be linked into furl, and each start of furl would pay
// for the initialization of its packages.
func RunFunction() error {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	handle := func(event []byte) (any, error) { return decoded(event, web) }
	if os.Getenv("_HANDLER") == handlerCaller {
		handle = func(event []byte) (any, error) { return decoded(event, call) }
	}
	for {
		if err := invocation(api, handle); err != nil {
			return err
		}
	}
}

// invocation waits for an invocation, runs it, and posts the result or the error of the function.
func invocation(api string, handle func(event []byte) (any, error)) error {
	next, err := http.Get(api + "next") // waits as long as nobody calls
	if err != nil {
		return err
	}
	event, err := io.ReadAll(next.Body)
	next.Body.Close()
	if err != nil {
		return fmt.Errorf("read an event: %w", err)
	}
	result, failed := handle(event)
	kind := "response"
	if failed != nil {
		kind, result = "error", map[string]string{"errorType": "Error", "errorMessage": failed.Error()}
	}
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
	posted, err := http.Post(api+id+"/"+kind, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	return posted.Body.Close()
}

// decoded is the result of a handler that takes a type of its own.
func decoded[In, Out any](event []byte, handle func(In) (Out, error)) (any, error) {
	var in In
	if err := json.Unmarshal(event, &in); err != nil {
		return nil, err
	}
	return handle(in)
}

// request is what a function URL passes to its function, as far as the demo reads it.
type request struct {
	RawPath               string            `json:"rawPath"`
	QueryStringParameters map[string]string `json:"queryStringParameters"`
	Body                  string            `json:"body"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
	RequestContext        struct {
		HTTP       struct{ Method string }
		Authorizer struct{ IAM struct{ UserARN string } }
	}
}

// response is what the function answers.
type response struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

// web is my-function-with-url: a web app with two pages that says who called.
func web(r request) (response, error) {
	caller := cmp.Or(r.RequestContext.Authorizer.IAM.UserARN, "no signer")
	switch r.RequestContext.HTTP.Method + " " + r.RawPath {
	case "GET /book":
		return answer(http.StatusOK, map[string]string{"page": r.QueryStringParameters["page"], "caller": caller})
	case "POST /login":
		var login struct {
			User string `json:"user"`
		}
		body, err := bodyOf(r)
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
func bodyOf(r request) ([]byte, error) {
	if r.IsBase64Encoded {
		return base64.StdEncoding.DecodeString(r.Body)
	}
	return []byte(r.Body), nil
}

func answer(status int, body map[string]string) (response, error) {
	text, err := json.Marshal(body)
	return response{status, map[string]string{"content-type": "application/json"}, string(text)}, err
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
func call(o order) (outcome, error) {
	request, err := http.NewRequest(o.Method, o.URL, strings.NewReader(o.Body))
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
