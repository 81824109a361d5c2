// Command gocaller is the article's calling function in Go: it calls the function URL of another function, signed by
// furl.Transport with the credentials of its own execution role, which the SDK finds in the environment.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/furl-dev/furl"
)

// task is the event: which request to send to which URL.
type task struct {
	Do  string `json:"do"`
	URL string `json:"url"`
}

// answer is what came of it.
type answer struct {
	Status      int    `json:"status"`
	ErrorType   string `json:"errorType"`
	RequestID   string `json:"requestId"`
	ContentType string `json:"contentType"`
	Body        string `json:"body"`
}

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: furl.NewTransport(cfg)}
	lambda.Start(func(ctx context.Context, t task) (answer, error) {
		request, err := t.request(ctx)
		if err != nil {
			return answer{}, err
		}
		response, err := client.Do(request)
		if err != nil {
			return answer{}, err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return answer{
			Status: response.StatusCode, ErrorType: response.Header.Get("x-amzn-ErrorType"), RequestID: response.Header.Get("x-amzn-RequestId"),
			ContentType: response.Header.Get("Content-Type"), Body: string(body),
		}, err
	})
}

func (t task) request(ctx context.Context) (*http.Request, error) {
	switch t.Do {
	case "get":
		return http.NewRequestWithContext(ctx, http.MethodGet, t.URL+"book?page=5", nil)
	case "post":
		login, err := json.Marshal(map[string]string{"user": "my-user", "token": "ABC123"})
		if err != nil {
			return nil, err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL+"login", bytes.NewReader(login))
		if err != nil {
			return nil, err
		}
		request.Header.Set("Content-Type", "application/json")
		return request, nil
	default:
		return nil, fmt.Errorf("there is no request %q", t.Do)
	}
}
