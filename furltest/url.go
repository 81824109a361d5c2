//go:build unix

package furltest

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/furl-dev/furl/internal/arn"
	domain "github.com/furl-dev/furl/internal/lambda"
)

// FunctionURL is the URL of a function whose code is a handler of the test. Its auth type is AWS_IAM.
type FunctionURL struct {
	URL string // with a slash at the end, as at AWS
	ARN string // of the function

	server   *Server
	function *function
}

// URLOption is an option of [Server.NewFunctionURL].
type URLOption struct {
	apply func(*lambda.CreateFunctionInput, *lambda.CreateFunctionUrlConfigInput)
}

// Named gives the function a name; otherwise it is handler-1, handler-2 and so on.
func Named(name string) URLOption {
	return URLOption{func(function *lambda.CreateFunctionInput, _ *lambda.CreateFunctionUrlConfigInput) {
		function.FunctionName = aws.String(name)
	}}
}

// Streaming has the URL pass the answer on while the handler writes it (invoke mode RESPONSE_STREAM), after each Flush at
// the latest. Without it the client gets the answer when the handler has returned, and 502 if it is larger than 6 MB.
func Streaming() URLOption {
	return URLOption{func(_ *lambda.CreateFunctionInput, url *lambda.CreateFunctionUrlConfigInput) {
		url.InvokeMode = types.InvokeModeResponseStream
	}}
}

// Timeout is how long the handler may take, in whole seconds; without it 15 minutes. The context of its request ends then,
// and the client gets 502, or the end of an answer that is streamed.
func Timeout(d time.Duration) URLOption {
	return URLOption{func(function *lambda.CreateFunctionInput, _ *lambda.CreateFunctionUrlConfigInput) {
		function.Timeout = aws.Int32(int32((d + time.Second - 1) / time.Second))
	}}
}

// NewFunctionURL puts a handler behind a new function URL. The administrator of [Server.Config] may call it, and
// principals with [Server.Grant].
//
// The handler gets the request that the event stands for, as a function on Lambda that serves HTTP gets it: without the
// signature's headers, with header names of one value each. [CallerOf] says who called. What it answers goes the way of a
// function's answer. It is a function that fails if it panics.
func (s *Server) NewFunctionURL(handler http.Handler, options ...URLOption) *FunctionURL {
	s.t.Helper()
	ctx, client := context.Background(), lambda.NewFromConfig(s.Config())
	function := &lambda.CreateFunctionInput{
		FunctionName: aws.String(fmt.Sprintf("handler-%d", s.counter.Add(1))),
		Role:         aws.String(s.executionRole()),
		Runtime:      types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Code: &types.FunctionCode{ZipFile: noCode()}, Timeout: aws.Int32(900),
	}
	url := &lambda.CreateFunctionUrlConfigInput{AuthType: types.FunctionUrlAuthTypeAwsIam}
	for _, option := range options {
		option.apply(function, url)
	}
	url.FunctionName = function.FunctionName
	created, err := client.CreateFunction(ctx, function)
	if err != nil {
		s.t.Fatalf("furltest: %v", err)
	}
	served := s.runner.add(aws.ToString(created.FunctionArn), handler)
	made, err := client.CreateFunctionUrlConfig(ctx, url)
	if err != nil {
		s.t.Fatalf("furltest: %v", err)
	}
	return &FunctionURL{
		URL: aws.ToString(made.FunctionUrl), ARN: aws.ToString(created.FunctionArn), server: s, function: served,
	}
}

// executionRole is the role of all functions.
func (s *Server) executionRole() string {
	s.t.Helper()
	const name = "furltest-execution"
	s.roles.Lock()
	defer s.roles.Unlock()
	if _, exists := s.app.State().Now().Role(Account, name); !exists {
		return s.Role(name).ARN
	}
	return arn.IAM(Account, "role", "/", name).String()
}

// noCode is the package of a function whose code is in the test.
var noCode = sync.OnceValue(func() []byte {
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	if file, err := writer.Create("bootstrap"); err == nil {
		file.Write([]byte("# a handler of package furltest\n")) //nolint:errcheck // a buffer takes everything
	}
	writer.Close() //nolint:errcheck // see above
	return archive.Bytes()
})

// Throttle has the URL answer the next n calls with 429, as if the function had no concurrency left.
func (u *FunctionURL) Throttle(n int) { u.function.throttled.Store(int64(n)) }

// Grant allows a principal to call the URLs: both actions that a call needs, lambda:InvokeFunctionUrl and
// lambda:InvokeFunction, in a policy of the principal, and in the resource-based policy of the function too if the
// principal is of another account.
func (s *Server) Grant(p *Principal, urls ...*FunctionURL) {
	s.t.Helper()
	for _, url := range urls {
		p.allow(statement("Allow", []string{domain.ActionInvokeURL, domain.ActionInvoke}, url.ARN))
		if p.account == Account {
			continue
		}
		client := lambda.NewFromConfig(s.Config())
		for _, action := range []string{domain.ActionInvokeURL, domain.ActionInvoke} {
			permission := &lambda.AddPermissionInput{
				FunctionName: aws.String(url.ARN), Action: aws.String(action), Principal: aws.String(p.ARN),
				StatementId: aws.String(fmt.Sprintf("grant-%d", s.counter.Add(1))),
			}
			if action == domain.ActionInvokeURL {
				permission.FunctionUrlAuthType = types.FunctionUrlAuthTypeAwsIam
			} else {
				permission.InvokedViaFunctionUrl = aws.Bool(true)
			}
			if _, err := client.AddPermission(context.Background(), permission); err != nil {
				s.t.Fatalf("furltest: %v", err)
			}
		}
	}
}
