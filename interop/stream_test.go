//go:build unix

package interop_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

// streamEvent is what a client says of a streamed answer: its head, a piece of it, or its end.
type streamEvent struct {
	Status        int
	Version, Type string
	Chunk         string
	Complete      bool
	Error, Log    string
}

// streamClient invokes a function and says what it sees while it sees it.
type streamClient func(t *testing.T, s *server, function, qualifier, payload string, say func(streamEvent))

// TestInvokeWithResponseStream has three clients of AWS read an answer while its function still writes it: the function
// goes on only when the client has its first word.
func TestInvokeWithResponseStream(t *testing.T) {
	need(t, "python", "node")
	needProgram(t, "node")
	s := startServer(t)
	zip := writeZip(t, []string{"testdata/function/stream"}, nil)
	runtime := nodeRuntime(t)
	s.createFunction(t, "streams", runtime, "index.handler", zip, types.InvokeModeBuffered)
	s.createFunction(t, "plain", runtime, "index.plain", zip, types.InvokeModeBuffered)
	const failure = `{"errorType":"RangeError","errorMessage":"torn","trace":[`
	for name, client := range map[string]streamClient{
		"boto3": streamScript("python"), "JavaScript SDK": streamScript("node"), "Go SDK": streamInGo,
	} {
		for _, test := range []struct {
			name, function string
			fail           bool
			want           []string // the beginnings of the pieces
		}{
			{"whole", "streams", false, []string{"one ", "two"}},
			{"broken", "streams", true, []string{"one "}},
			{"not streamed", "plain", false, []string{`{"word":"one"}`}},
			{"an error", "plain", true, []string{failure}},
		} {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				seen := make(chan struct{}) // the first piece
				hold := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					select {
					case <-seen:
					case <-r.Context().Done():
					}
				}))
				defer hold.Close()
				payload := must(t, func() ([]byte, error) {
					return json.Marshal(map[string]any{"hold": hold.URL, "fail": test.fail})
				})
				var got []string
				var last streamEvent
				client(t, s, test.function, "$LATEST", string(payload), func(event streamEvent) {
					switch {
					case event.Status != 0:
						if event.Status != 200 || event.Version != "$LATEST" || event.Type != "application/vnd.amazon.eventstream" {
							t.Errorf("the head is %+v", event)
						}
					case event.Complete:
						last = event
					default:
						if len(got) == 0 {
							close(seen)
						}
						got = append(got, event.Chunk)
					}
				})
				for i := range min(len(got), len(test.want)) {
					got[i] = got[i][:min(len(got[i]), len(test.want[i]))]
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error(diff)
				}
				log, err := base64.StdEncoding.DecodeString(last.Log)
				if !last.Complete || last.Error != "" || !strings.Contains(string(log), "REPORT RequestId: ") || err != nil {
					t.Errorf("the end is %+v, the log %q, %v", last, log, err)
				}
			})
		}
	}
}

// streamScript is the client that the script of a language drives.
func streamScript(language string) streamClient {
	return func(t *testing.T, s *server, function, qualifier, payload string, say func(streamEvent)) {
		t.Helper()
		program, script := "node", "node/stream.mjs"
		if language == "python" {
			program, script = python(t), "python/stream.py"
		}
		command := exec.CommandContext(t.Context(), program, script, function, qualifier, payload)
		command.Env, command.Stderr = s.env(), os.Stderr
		stdout := must(t, command.StdoutPipe)
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(commandTimeout, func() { command.Process.Kill() }) //nolint:errcheck // it may have ended
		defer timer.Stop()
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			say(decode[streamEvent](t, lines.Text()))
		}
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func streamInGo(t *testing.T, s *server, function, qualifier, payload string, say func(streamEvent)) {
	t.Helper()
	answer := must(t, func() (*lambda.InvokeWithResponseStreamOutput, error) {
		return lambda.NewFromConfig(s.config()).InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{
			FunctionName: &function, Qualifier: &qualifier, Payload: []byte(payload), LogType: types.LogTypeTail,
		})
	})
	say(streamEvent{
		Status: int(answer.StatusCode), Version: aws.ToString(answer.ExecutedVersion),
		Type: aws.ToString(answer.ResponseStreamContentType),
	})
	stream := answer.GetStream()
	defer stream.Close()
	for event := range stream.Events() {
		switch event := event.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			say(streamEvent{Chunk: string(event.Value.Payload)})
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			say(streamEvent{Complete: true, Error: aws.ToString(event.Value.ErrorCode), Log: aws.ToString(event.Value.LogResult)})
		}
	}
	if err := stream.Err(); err != nil {
		t.Error(err)
	}
}

// TestBrokenStreamOfAURL: curl takes the answer of a function that fails in the middle of it for a whole one, as it does
// at AWS (hotsock/voker, examples/runtime-probe).
func TestBrokenStreamOfAURL(t *testing.T) {
	needProgram(t, "node")
	needProgram(t, "curl")
	s := startServer(t)
	zip := writeZip(t, []string{"testdata/function/stream"}, nil)
	url := s.createFunction(t, "broken", nodeRuntime(t), "broken.handler", zip, types.InvokeModeResponseStream)
	for _, version := range []string{"--http1.0", "--http1.1"} {
		for _, how := range []string{"throws", "exits", "dies"} {
			out := s.shell(t, `curl --silent --show-error --fail `+version+` --aws-sigv4 "aws:amz:$AWS_REGION:lambda" `+
				`--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" --write-out ' %{http_code} %{exitcode}' "$URL"`, "URL="+url+how)
			if out != "tea 200 0" {
				t.Errorf("%s, %s: %q", version, how, out)
			}
		}
	}
}

// TestLongStream: a stream of 200 MB leaves the memory of the server as it was.
func TestLongStream(t *testing.T) {
	needProgram(t, "node")
	s := startServer(t)
	zip := writeZip(t, []string{"testdata/function/stream"}, nil)
	s.createFunction(t, "long", nodeRuntime(t), "long.handler", zip, types.InvokeModeBuffered)
	client := lambda.NewFromConfig(s.config())
	read := func(blocks int) (n int) {
		answer := must(t, func() (*lambda.InvokeWithResponseStreamOutput, error) {
			return client.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{
				FunctionName: aws.String("long"), Payload: []byte(`{"blocks":` + strconv.Itoa(blocks) + `}`),
			})
		})
		stream := answer.GetStream()
		defer stream.Close()
		for event := range stream.Events() {
			if piece, ok := event.(*types.InvokeWithResponseStreamResponseEventMemberPayloadChunk); ok {
				n += len(piece.Value.Payload)
			}
		}
		if err := stream.Err(); err != nil {
			t.Error(err)
		}
		return n
	}
	read(1) // starts the function
	before := s.peakMemory(t)
	if n := read(2000); n != 200_000_000 {
		t.Errorf("%d bytes came", n)
	}
	if grown := s.peakMemory(t) - before; grown > 32<<20 {
		t.Errorf("the server has taken %d MB for it", grown>>20)
	}
}

// peakMemory is the most that the server's process has had in memory.
func (s *server) peakMemory(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(s.process.Process.Pid) + "/status")
	if err != nil {
		t.Skip("only Linux tells the peak of a process's memory")
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
