package runtimeapi_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
)

// function is an environment without invocations, whose every connection is its own.
type function struct{ runtimeapi.Handler }

func (function) Knows(net.Conn) bool                   { return true }
func (function) Admit(context.Context, net.Conn) error { return nil }
func (function) Refused(net.Conn, error)               {}

func (function) FailInit(failure *runtimeapi.Failure) error {
	fmt.Println("the function could not start:", failure.Type)
	return nil
}

func Example() {
	api, err := runtimeapi.Listen(function{}, slog.Default())
	if err != nil {
		log.Fatal(err)
	}
	defer api.Close()
	api.Serve(function{})
	// The function's process gets the address as AWS_LAMBDA_RUNTIME_API.
	request, err := http.NewRequest("POST", "http://"+api.Addr()+"/2018-06-01/runtime/init/error", strings.NewReader("{}"))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Lambda-Runtime-Function-Error-Type", "Runtime.NoHandler")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
	// Output:
	// the function could not start: Runtime.NoHandler
	// 202 Accepted
}
