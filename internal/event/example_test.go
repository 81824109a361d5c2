package event_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"

	"github.com/furl-dev/furl/internal/event"
)

func Example() {
	payload := event.Append(nil, &event.Request{
		Method: "GET", Target: "/book?page=5", Proto: "HTTP/1.1", Host: "localhost:9000", SourceIP: "127.0.0.1",
	})
	var seen struct{ RawPath, RawQueryString string }
	if err := json.Unmarshal(payload, &seen); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the function sees", seen.RawPath, seen.RawQueryString)

	response, err := event.ParseResponse([]byte(`{"statusCode":201,"body":"made"}`))
	if err != nil {
		fmt.Println(err) // 502 Internal Server Error; the error says why
		return
	}
	answer := httptest.NewRecorder()
	if err := response.Write(answer, "GET"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the client sees", answer.Code, answer.Body)
	// Output:
	// the function sees /book page=5
	// the client sees 201 made
}
