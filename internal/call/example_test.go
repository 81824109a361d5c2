package call_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/call"
)

func Example() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	request := call.Request{
		URL: "https://ID.lambda-url.eu-central-1.on.aws/x", Data: []call.Data{{Value: "hello"}},
	}
	prepared, err := request.Build(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	caller := call.Caller{Transport: furl.NewTransport(cfg), Stdout: os.Stdout, Stderr: os.Stderr}
	if _, err := caller.Do(prepared); err != nil {
		log.Fatal(err)
	}
}

func ExampleRequest_Build() {
	request := call.Request{
		URL: "http://localhost:9000/_furl/url/abcdefghijklmnopqrstuvwxyz012345/x", Data: []call.Data{{Value: "hello"}}, UserAgent: "example",
	}
	prepared, err := request.Build(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(prepared.HTTP.Method, prepared.HTTP.URL, prepared.HTTP.Header.Get("Content-Type"))
	// Output: POST http://localhost:9000/_furl/url/abcdefghijklmnopqrstuvwxyz012345/x application/x-www-form-urlencoded
}
