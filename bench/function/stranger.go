package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// strangers are the functions of the soak test, by the handler of the function's configuration: some answer, and some
// do what no function should. Those of stranger.py, stranger.mjs and stranger.sh do the same.
var strangers = map[string]any{
	"stranger.echo":   echo,
	"stranger.fail":   fail,
	"stranger.exit":   exit,
	"stranger.crash":  crash,
	"stranger.hang":   hang,
	"stranger.flood":  flood,
	"stranger.stream": stream,
	"stranger.torn":   torn,
	"stranger.detach": detach,
}

// start serves the handler that the function's configuration names.
func start(handler string) {
	if handler == "stranger.refuse" {
		os.Exit(7) // before it has asked for an event
	}
	if stranger, ok := strangers[handler]; ok {
		lambda.Start(stranger)
		return
	}
	lambda.Start(handle)
}

type (
	request  = events.LambdaFunctionURLRequest
	response = events.LambdaFunctionURLResponse
)

// echo answers with what was sent, and names its caller, so that an answer that went astray is told.
func echo(_ context.Context, r request) (response, error) {
	caller := ""
	if r.RequestContext.Authorizer != nil && r.RequestContext.Authorizer.IAM != nil {
		caller = r.RequestContext.Authorizer.IAM.UserARN
	}
	return response{
		StatusCode: 200,
		Headers: map[string]string{
			"content-type": "application/octet-stream",
			"x-query":      r.RawQueryString, "x-caller": caller, "x-turn": os.Getenv("TURN"),
		},
		Body:            r.Body,
		IsBase64Encoded: r.IsBase64Encoded,
	}, nil
}

func fail(_ context.Context, r request) (response, error) { panic(r.Body) }

func exit(context.Context, request) (response, error) {
	os.Exit(3)
	return response{}, nil
}

func crash(context.Context, request) (response, error) {
	err := syscall.Kill(os.Getpid(), syscall.SIGKILL)
	time.Sleep(time.Minute)
	return response{}, err
}

func hang(context.Context, request) (response, error) {
	time.Sleep(time.Minute)
	return response{}, nil
}

// flood prints 4 MiB in lines, and 1 MiB without an end.
func flood(ctx context.Context, r request) (response, error) {
	line := strings.Repeat("\x1b[31mSTART RequestId: \x00\xff ", 48) + "\n"
	for range 4096 {
		fmt.Print(line)
	}
	os.Stdout.Write(bytes.Repeat([]byte("x"), 1<<20)) //nolint:errcheck // nobody may be reading
	return echo(ctx, r)
}

// numbered is as many bytes of lines that begin with a text and are numbered.
func numbered(text string, size int) []byte {
	var all []byte
	for i := 0; len(all) < size; i++ {
		all = fmt.Appendf(all, "%s %08d\n", text, i)
	}
	return all[:size]
}

func streamed(r request, body io.Reader) *events.LambdaFunctionURLStreamingResponse {
	return &events.LambdaFunctionURLStreamingResponse{
		StatusCode: 200, Headers: map[string]string{"content-type": "text/plain", "x-query": r.RawQueryString}, Body: body,
	}
}

func requested(r request) []byte {
	size, err := strconv.Atoi(r.QueryStringParameters["size"])
	if err != nil {
		panic(err)
	}
	return numbered(r.QueryStringParameters["id"], size)
}

func stream(_ context.Context, r request) (*events.LambdaFunctionURLStreamingResponse, error) {
	return streamed(r, bytes.NewReader(requested(r))), nil
}

// torn dies in the middle of its answer, once what it has written has had the time to arrive.
func torn(_ context.Context, r request) (*events.LambdaFunctionURLStreamingResponse, error) {
	return streamed(r, io.MultiReader(bytes.NewReader(requested(r)), dying{})), nil
}

type dying struct{}

func (dying) Read([]byte) (int, error) {
	time.Sleep(time.Second)
	os.Exit(3)
	return 0, io.EOF
}

// detach leaves a process in a session of its own behind, and directories that cannot be written.
func detach(ctx context.Context, r request) (response, error) {
	sleep := exec.Command("sleep", "600")
	sleep.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := sleep.Start(); err != nil {
		return response{}, err
	}
	call, _ := lambdacontext.FromContext(ctx)
	dir := filepath.Join(os.Getenv("HOME"), "kept", call.AwsRequestID, "inner")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return response{}, err
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o444); err != nil {
		return response{}, err
	}
	for _, closed := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(closed, 0o555); err != nil {
			return response{}, err
		}
	}
	return echo(ctx, r)
}
