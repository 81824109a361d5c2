package call_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/call"
)

// A POST with a body in JSON, as furl call --json sends it.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s\n", r.Method, r.RequestURI, r.Header.Get("Content-Type"), body)
	}))
	defer server.Close()
	transport := &furl.Transport{
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		Domains:     map[string]string{server.Listener.Addr().String(): "eu-central-1"},
	}
	request := call.Request{
		URL:  server.URL + "/login?next=a|b",
		Data: []call.Data{{Encoding: call.JSON, Value: `{"user": "a"}`}},
	}
	prepared, err := request.Build(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	result, err := (&call.Caller{Transport: transport, Stdout: os.Stdout, Stderr: os.Stderr}).Do(prepared)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Status)
	// Output:
	// POST /login?next=a|b application/json {"user": "a"}
	// 200
}
