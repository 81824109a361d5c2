package event_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/furl-dev/furl/internal/event"
)

// A request becomes an event.
func ExampleAppend() {
	payload := event.Append(nil, &event.Request{
		Method: "GET", Target: "/book?page=5", Proto: "HTTP/1.1", Host: "id.lambda-url.eu-west-1.on.aws",
		Header: http.Header{"Accept": {"text/plain"}}, Time: time.Unix(0, 0),
	})
	fmt.Println(string(payload[:76]))
	// Output: {"version":"2.0","routeKey":"$default","rawPath":"/book","rawQueryString":"p
}

// The function's answer becomes a response. After an error the client gets 502; the error says why, for the log and the
// owner of the function.
func ExampleParseResponse() {
	response, err := event.ParseResponse([]byte(`{"statusCode": 201, "body": "made"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	err = response.Write(w, http.MethodPost)
	fmt.Println(w.Code, w.Body, err)
	// Output: 201 made <nil>
}
