// Command echo is a function of the runtime provided.al2023 that answers what it was called with.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// echo is the request as it arrived, the body as its hash.
type echo struct {
	Method   string            `json:"method"`
	RawPath  string            `json:"rawPath"`
	RawQuery string            `json:"rawQuery"`
	Body     string            `json:"body"` // hexadecimal SHA-256
	Headers  map[string]string `json:"headers"`
	Caller   string            `json:"caller"`
	Version  string            `json:"version"`
}

func handle(_ context.Context, request events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
	body := []byte(request.Body)
	if request.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(request.Body); err != nil {
			return events.LambdaFunctionURLResponse{}, err
		}
	}
	hash := sha256.Sum256(body)
	answer := echo{
		Method:   request.RequestContext.HTTP.Method,
		RawPath:  request.RawPath,
		RawQuery: request.RawQueryString,
		Body:     hex.EncodeToString(hash[:]),
		Headers:  request.Headers,
		Version:  lambdacontext.FunctionVersion,
	}
	if authorizer := request.RequestContext.Authorizer; authorizer != nil && authorizer.IAM != nil {
		answer.Caller = authorizer.IAM.UserARN
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return events.LambdaFunctionURLResponse{}, err
	}
	return events.LambdaFunctionURLResponse{
		StatusCode: http.StatusOK,
		Headers:    map[string]string{"Content-Type": "application/json"},
		Body:       string(text),
	}, nil
}

func main() { lambda.Start(handle) }
