//go:build unix

package runtime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// TestMain makes the test binary double as the function under test: as the "bootstrap" of a package it finds the
// Runtime API in its environment and serves it.
func TestMain(m *testing.M) {
	if address := os.Getenv("FURL_TEST_STRANGER"); address != "" {
		strangerMain(address)
		return
	}
	if _, isRuntime := os.LookupEnv("_HANDLER"); !isRuntime && os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		extensionMain(filepath.Base(os.Args[0]))
		os.Exit(0)
	}
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		functionMain(os.Getenv("_HANDLER"))
		os.Exit(0)
	}
	if dir := os.Getenv("FURL_TEST_SERVER"); dir != "" {
		serverMain(dir, os.Getenv("FURL_TEST_SANDBOX"))
	}
	os.Exit(m.Run())
}

// functionMain is the function's main. The handler name says how it starts.
func functionMain(handler string) {
	switch handler {
	case "main":
		lambda.Start(handle)
	case "init-exit":
		fmt.Println("about to exit")
		os.Exit(3)
	case "init-error":
		post("init/error", "application/json", `{"errorMessage":"no database","errorType":"Setup.Failed","stackTrace":[]}`,
			"Lambda-Runtime-Function-Error-Type", "Function.SetupFailed")
		os.Exit(1)
	case "init-error-hangs":
		post("init/error", "application/json", `{"errorMessage":"no database","errorType":"Setup.Failed"}`)
		time.Sleep(time.Minute)
	case "init-hangs":
		time.Sleep(time.Minute)
	case "init-hangs-once":
		if _, err := os.Stat(os.Getenv("MARK")); err != nil {
			must(os.WriteFile(os.Getenv("MARK"), nil, 0o600))
			time.Sleep(time.Minute)
		}
		lambda.Start(handle)
	case "init-error-forges":
		post("init/error", "application/json", `{"errorMessage":"m","errorType":"Mine\n`+forged+`"}`)
		os.Exit(1)
	case "raw":
		rawMain()
	case "internal":
		internalMain()
	case "never-polls":
		time.Sleep(time.Minute)
	case "next-twice":
		nextTwiceMain()
	case "next-broken":
		nextBrokenMain()
	case "web":
		webMain()
	default:
		panic("no such handler: " + handler)
	}
}

// order tells the function what to do with an event.
type order struct {
	Do   string `json:"do"`
	Ms   int    `json:"ms,omitempty"`
	N    int    `json:"n,omitempty"`
	Text string `json:"text,omitempty"`
}

func handle(ctx context.Context, event json.RawMessage) (any, error) {
	var o order
	if err := json.Unmarshal(event, &o); err != nil {
		return nil, err
	}
	switch o.Do {
	case "echo":
		time.Sleep(time.Duration(o.Ms) * time.Millisecond)
		return event, nil
	case "pid":
		time.Sleep(time.Duration(o.Ms) * time.Millisecond)
		return os.Getpid(), nil
	case "environment":
		return os.Environ(), nil
	case "cwd":
		return os.Getwd()
	case "deadline":
		deadline, ok := ctx.Deadline()
		if !ok {
			return nil, errors.New("no deadline")
		}
		return time.Until(deadline).Milliseconds(), nil
	case "attack":
		return attack(o.Text), nil
	case "error":
		return nil, errors.New(o.Text)
	case "panic":
		panic(o.Text)
	case "exit":
		os.Exit(o.N)
	case "exit-later":
		time.AfterFunc(time.Duration(o.Ms)*time.Millisecond, func() { os.Exit(o.N) })
		return "bye", nil
	case "kill":
		must(syscall.Kill(os.Getpid(), syscall.SIGKILL))
		time.Sleep(time.Minute)
	case "grandchild":
		child := exec.Command("/bin/sleep", "1000")
		must(child.Start())
		must(os.WriteFile(o.Text+".new", fmt.Append(nil, child.Process.Pid), 0o600))
		must(os.Rename(o.Text+".new", o.Text))
		time.Sleep(time.Duration(o.Ms) * time.Millisecond)
		if o.N != 0 {
			os.Exit(o.N)
		}
		return child.Process.Pid, nil
	case "detach":
		child := exec.Command("/bin/sleep", "1000")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		return "detached", child.Start()
	case "kill-parent": // and leave a child behind that starts more and more
		child := exec.Command("/bin/sh", "-c", "while :; do sleep 1000 & sleep 0.05; done")
		must(child.Start())
		must(os.WriteFile(o.Text, fmt.Append(nil, os.Getpid()), 0o600))
		time.Sleep(300 * time.Millisecond)
		must(syscall.Kill(os.Getppid(), syscall.SIGKILL))
		time.Sleep(time.Minute)
	case "sleep":
		time.Sleep(time.Duration(o.Ms) * time.Millisecond)
		return "slept", nil
	case "print":
		for i := range o.N {
			fmt.Fprintf([]*os.File{os.Stdout, os.Stderr}[i%2], "%s %d\n", o.Text, i)
		}
		return "printed", nil
	case "print-long":
		fmt.Print(strings.Repeat("x", o.N))
		return "printed", nil
	case "print-raw":
		fmt.Print(o.Text)
		return "printed", nil
	case "print-late":
		time.AfterFunc(time.Duration(o.Ms)*time.Millisecond, func() { fmt.Print(o.Text) })
		return "promised", nil
	case "shout":
		line := bytes.Repeat([]byte("all work and no play\n"), 3000)
		for written := 0; written < o.N; written += len(line) {
			if _, err := os.Stdout.Write(line); err != nil {
				return nil, err
			}
		}
		return "hoarse", nil
	case "big":
		return strings.Repeat("a", o.N-2), nil // with its quotes N bytes
	case "stream":
		return stream(o), nil
	case "stream-and-exit":
		time.AfterFunc(200*time.Millisecond, func() { os.Exit(1) })
		return stream(order{Text: o.Text, Ms: 60_000}), nil
	}
	return nil, fmt.Errorf("no such order: %q", o.Do)
}

// stream writes the words of Text with pauses in between, and then N bytes, and then fails if N is negative.
func stream(o order) io.Reader {
	r, w := io.Pipe()
	go func() {
		for word := range strings.FieldsSeq(o.Text) {
			io.WriteString(w, word+" ") //nolint:errcheck // the reader's end tells
			time.Sleep(time.Duration(o.Ms) * time.Millisecond)
		}
		if o.N < 0 {
			w.CloseWithError(errors.New("torn"))
			return
		}
		chunk := bytes.Repeat([]byte("z"), 64*1024)
		for left := o.N; left > 0; {
			n, err := w.Write(chunk[:min(left, len(chunk))])
			if err != nil {
				return
			}
			left -= n
		}
		fmt.Println("wrote all of it")
		w.Close()
	}()
	return r
}

// rawMain speaks the Runtime API by hand, to misbehave. The event is a JSON list of requests to make: path, body and
// headers, with {id} for the request id and {statuses} for what the requests of the event before were answered.
func rawMain() {
	var before []string
	for {
		resp, err := http.Get("http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/next")
		must(err)
		event, err := io.ReadAll(resp.Body)
		must(err)
		resp.Body.Close()
		id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
		var steps []struct {
			Path   string
			Body   string
			Header []string
			Exit   bool
			Cut    bool // promise more of the body than is sent
			Next   bool // ask for another event
			Sleep  int  // milliseconds
		}
		must(json.Unmarshal(event, &steps))
		var statuses []string
		for _, s := range steps {
			switch {
			case s.Exit:
				os.Exit(7)
			case s.Cut:
				cutShort(id)
				continue
			case s.Sleep > 0:
				time.Sleep(time.Duration(s.Sleep) * time.Millisecond)
				continue
			case s.Next:
				resp, err := http.Get("http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/next")
				must(err)
				answer, err := io.ReadAll(resp.Body)
				must(err)
				resp.Body.Close()
				statuses = append(statuses, fmt.Sprintf("%d %s", resp.StatusCode, answer))
				continue
			}
			body := strings.ReplaceAll(s.Body, "{statuses}", strings.Join(before, " "))
			statuses = append(statuses, post(strings.ReplaceAll(s.Path, "{id}", id), "application/json", body, s.Header...))
		}
		before = statuses
	}
}

// post answers the status and the body.
func post(path, contentType, body string, header ...string) string {
	if !strings.HasPrefix(path, "/") {
		path = "/2018-06-01/runtime/" + path
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+path, strings.NewReader(body))
	must(err)
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	must(err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	must(err)
	return fmt.Sprintf("%d %s", resp.StatusCode, answer)
}

// cutShort begins a response and drops the connection.
func cutShort(id string) {
	r, w := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, "http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+
		"/2018-06-01/runtime/invocation/"+id+"/response", r)
	must(err)
	req.ContentLength = 1000
	go func() {
		io.WriteString(w, "only this") //nolint:errcheck // it is cut on purpose
		w.CloseWithError(errors.New("cut"))
	}()
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
	}
	time.Sleep(50 * time.Millisecond) // the next request takes another connection and must not come first
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
