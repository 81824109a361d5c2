//go:build unix

package attack_test

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

// rogues are the functions of the soak test by their handlers: some answer, and some do what no function should. Those
// in testdata do the same.
var rogues = map[string]any{
	"rogue.echo":   echo,
	"rogue.fail":   fail,
	"rogue.exit":   exit,
	"rogue.crash":  crash,
	"rogue.hang":   hang,
	"rogue.flood":  flood,
	"rogue.stream": stream,
	"rogue.torn":   torn,
	"rogue.detach": detach,
}

// runRogue is this program as the function with the handler.
func runRogue(handler string) {
	if handler == "rogue.refuse" {
		os.Exit(7) // before it has asked for an event
	}
	lambda.Start(rogues[handler])
}

type (
	called    = events.LambdaFunctionURLRequest
	returned  = events.LambdaFunctionURLResponse
	streaming = events.LambdaFunctionURLStreamingResponse
)

// echo answers with what was sent, and names its caller, so that an answer that went astray is noticed.
func echo(_ context.Context, r called) (returned, error) {
	caller := ""
	if r.RequestContext.Authorizer != nil && r.RequestContext.Authorizer.IAM != nil {
		caller = r.RequestContext.Authorizer.IAM.UserARN
	}
	return returned{
		StatusCode: 200,
		Headers: map[string]string{
			"content-type": "application/octet-stream",
			"x-query":      r.RawQueryString, "x-caller": caller, "x-turn": os.Getenv("TURN"),
		},
		Body:            r.Body,
		IsBase64Encoded: r.IsBase64Encoded,
	}, nil
}

func fail(_ context.Context, r called) (returned, error) { panic(r.Body) }

func exit(context.Context, called) (returned, error) {
	os.Exit(3)
	return returned{}, nil
}

func crash(context.Context, called) (returned, error) {
	err := syscall.Kill(os.Getpid(), syscall.SIGKILL)
	time.Sleep(time.Minute)
	return returned{}, err
}

func hang(context.Context, called) (returned, error) {
	time.Sleep(time.Minute)
	return returned{}, nil
}

// flood prints 4 MiB in lines, and 1 MiB without an end.
func flood(ctx context.Context, r called) (returned, error) {
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

func streamed(r called, body io.Reader) *streaming {
	return &streaming{
		StatusCode: 200, Headers: map[string]string{"content-type": "text/plain", "x-query": r.RawQueryString}, Body: body,
	}
}

func requested(r called) []byte {
	size, err := strconv.Atoi(r.QueryStringParameters["size"])
	if err != nil {
		panic(err)
	}
	return numbered(r.QueryStringParameters["id"], size)
}

func stream(_ context.Context, r called) (*streaming, error) {
	return streamed(r, bytes.NewReader(requested(r))), nil
}

// torn dies in the middle of its answer, once what it has written has had the time to arrive.
func torn(_ context.Context, r called) (*streaming, error) {
	return streamed(r, io.MultiReader(bytes.NewReader(requested(r)), dying{})), nil
}

type dying struct{}

func (dying) Read([]byte) (int, error) {
	time.Sleep(time.Second)
	os.Exit(3)
	return 0, io.EOF
}

// detach leaves a process in a session of its own behind, and directories that cannot be written.
func detach(ctx context.Context, r called) (returned, error) {
	sleep := exec.Command("sleep", "600")
	sleep.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := sleep.Start(); err != nil {
		return returned{}, err
	}
	call, _ := lambdacontext.FromContext(ctx)
	dir := filepath.Join(os.Getenv("HOME"), "kept", call.AwsRequestID, "inner")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return returned{}, err
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o444); err != nil {
		return returned{}, err
	}
	for _, closed := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(closed, 0o555); err != nil {
			return returned{}, err
		}
	}
	return echo(ctx, r)
}
