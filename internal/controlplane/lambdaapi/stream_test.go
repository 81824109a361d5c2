//go:build unix

package lambdaapi_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/runtime"
)

const streamPath = "/2021-11-15/functions/books/response-streaming-invocations"

// frame is one event as it is sent.
func frame(kind, contentType, payload string) string {
	return fmt.Sprintf(":event-type=%s :content-type=%s :message-type=event %s", kind, contentType, payload)
}

func chunk(payload string) string { return frame("PayloadChunk", "application/octet-stream", payload) }

func complete(payload string) string { return frame("InvokeComplete", "application/json", payload) }

// frames are the events of a stream, whose checksums are right.
func frames(t testing.TB, stream string) []string {
	t.Helper()
	var all []string
	for rest := strings.NewReader(stream); rest.Len() > 0; {
		message, err := eventstream.NewDecoder().Decode(rest, nil)
		if err != nil {
			t.Fatalf("%v after %q", err, all)
		}
		text := ""
		for _, header := range message.Headers {
			text += header.Name + "=" + header.Value.String() + " "
		}
		all = append(all, text+string(message.Payload))
	}
	return all
}

// broken is a streamed answer whose function failed after it had begun.
type broken struct {
	io.Reader
	reason runtime.Reason
}

func (broken) Close() error { return nil }

func (b broken) StreamError() *runtime.FunctionError {
	return &runtime.FunctionError{Type: "Probe.Explicit", Kind: "Unhandled", Payload: []byte(`{"errorMessage":"late"}`), Reason: b.reason}
}

// The frames and headers are those recorded from AWS in radkawar/stackd, testdata/aws/lambda/streaming.json (September
// 2026), under the names of the rows, unless a row says assumed.
func TestInvokeWithResponseStream(t *testing.T) {
	const failure = `{"errorType":"Probe.Explicit","errorMessage":"explicit-runtime-error","stackTrace":[]}`
	quoted := strings.ReplaceAll(failure, `"`, `\"`)
	log := base64.StdEncoding.EncodeToString([]byte("START\nEND\n"))
	sent := func(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }
	for _, test := range []struct {
		name   string
		result result
		header map[string]string
		kind   string // the type of the function's answer
		want   []string
	}{
		{"without_log_tail", result{Stream: sent("A\x00\xff\n")}, map[string]string{"X-Amz-Log-Type": "None"}, "application/x-books",
			[]string{chunk("A\x00\xff\n"), complete("{}")}},
		{"success", result{Stream: sent("A"), LogTail: []byte("START\nEND\n")}, map[string]string{"X-Amz-Log-Type": "Tail"}, "application/x-books",
			[]string{chunk("A"), complete(`{"LogResult":"` + log + `"}`)}},
		{"empty", result{Stream: sent("")}, nil, "application/x-books", []string{complete("{}")}},
		{"plain_handler_streaming_api", result{Payload: []byte(`{"plain":true}`)}, nil, "application/json",
			[]string{chunk(`{"plain":true}`), complete("{}")}},
		{"dry_run", result{Stream: sent("A")}, map[string]string{"X-Amz-Invocation-Type": "DryRun"}, "application/x-books",
			[]string{chunk("A"), complete("{}")}},
		{"invalid_event_type", result{Stream: sent("A")}, map[string]string{"X-Amz-Invocation-Type": "Event"}, "application/x-books",
			[]string{chunk("A"), complete("{}")}},
		{"throw_after", result{Stream: broken{strings.NewReader("A"), runtime.ReasonError}}, nil, "application/x-books",
			[]string{chunk("A"), complete("{}")}},
		{"throw_before", result{Stream: broken{strings.NewReader(""), runtime.ReasonError}}, nil, "application/x-books",
			[]string{complete("{}")}},
		{"timeout_after_streaming", result{Stream: broken{strings.NewReader("A"), runtime.ReasonTimeout}}, nil, "application/x-books",
			[]string{chunk("A"), complete("{}")}},
		{"an exit in the middle (assumed)", result{Stream: broken{strings.NewReader("A"), runtime.ReasonExit}}, nil, "application/x-books",
			[]string{chunk("A"), complete("{}")}},
		{"explicit_error_before_streaming", result{Payload: []byte(failure), FunctionError: "Unhandled", Reason: runtime.ReasonError}, nil,
			"application/json", []string{chunk(failure), complete("{}")}},
		{"a timeout before (assumed)", result{Payload: []byte(failure), FunctionError: "Unhandled", Reason: runtime.ReasonTimeout}, nil,
			"application/json", []string{chunk(failure), complete(`{"ErrorCode":"Unhandled","ErrorDetails":"` + quoted + `"}`)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			s.create("books")
			s.invoker.result = test.result
			got := s.do(request{method: "POST", path: streamPath + "?Qualifier=$LATEST", body: `{"page":5}`, header: test.header})
			if got.status != 200 || got.header.Get("Content-Type") != "application/vnd.amazon.eventstream" ||
				got.header.Get("X-Amz-Executed-Version") != "$LATEST" || got.header.Get("X-Amzn-Remapped-Content-Type") != test.kind {
				t.Errorf("answered %d %v", got.status, got.header)
			}
			if diff := cmp.Diff(test.want, frames(t, got.body)); diff != "" {
				t.Error(diff)
			}
			if len(s.invoker.calls) != 1 {
				t.Fatalf("%d calls", len(s.invoker.calls))
			}
			call := s.invoker.calls[0]
			if !call.Stream || string(call.Payload) != `{"page":5}` || call.Target.Qualifier != "$LATEST" || call.TraceID != got.header.Get("X-Amzn-Trace-Id") {
				t.Errorf("invoked with %+v", call)
			}
			if _, there := test.header["X-Amz-Log-Type"]; !there && s.invoker.tails > 0 {
				t.Error("the log was not asked for")
			}
		})
	}
}

// Whatever is wrong before the function answers is an error like that of any operation.
func TestErrorsBeforeAStream(t *testing.T) {
	s := start(t)
	s.create("books")
	post := func(path, body string) request { return request{method: "POST", path: path, body: body} }
	s.expect(post(strings.Replace(streamPath, "books", "none", 1), ""),
		fault{404, "ResourceNotFoundException", `{"Type":"User","Message":"Function not found: ` + prefix + `none:$LATEST"}`})
	s.expect(post(streamPath, "x"), fault{400, "InvalidRequestContentException", `{"Type":"User","message":"Could not parse request body into json: ` +
		`Could not parse payload into json: Unrecognized token 'x': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n` +
		` at [Source: REDACTED (` + "`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION`" + ` disabled); line: 1, column: 2]"}`})
	s.expect(post(streamPath, `"`+strings.Repeat("x", 6_291_455)+`"`),
		fault{413, "RequestEntityTooLargeException", `{"message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`})
	stranger := post(streamPath, "{}")
	stranger.as = s.addUser(account, "alice", `{"Effect":"Allow","Action":"lambda:InvokeWithResponseStream","Resource":"*"}`)
	if got := s.do(stranger); got.status != 403 || !strings.Contains(got.body, "is not authorized to perform: lambda:InvokeFunction on resource: "+prefix+"books because") {
		t.Errorf("a stranger: %d %s", got.status, got.body)
	}
	s.invoker.err = runtime.ErrBusy
	if got := s.do(post(streamPath, "{}")); got.status != 429 || got.name != "TooManyRequestsException" {
		t.Errorf("no room: %d %s %s", got.status, got.name, got.body)
	}
	s.invoker.err, s.invoker.calls = nil, nil
	guest := post(streamPath, "{}")
	guest.as = s.addUser(account, "bob", `{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"*"}`)
	if got := s.do(guest); got.status != 200 || len(s.invoker.calls) != 1 {
		t.Errorf("a guest: %d %s", got.status, got.body)
	}
}

// Only this server's own end breaks a stream off: the last event does not come.
func TestShutdownBreaksAStreamOff(t *testing.T) {
	s := start(t)
	s.plane.SetTrueTime()
	s.create("books")
	s.invoker.result = result{Stream: broken{strings.NewReader("A"), runtime.ReasonShutdown}}
	answer := must(s.client().InvokeWithResponseStream(t.Context(), &awslambda.InvokeWithResponseStreamInput{FunctionName: aws.String("books")}))(t)
	stream := answer.GetStream()
	defer stream.Close()
	var got []string
	for event := range stream.Events() {
		got = append(got, fmt.Sprintf("%T", event))
	}
	if diff := cmp.Diff([]string{"*types.InvokeWithResponseStreamResponseEventMemberPayloadChunk"}, got); diff != "" {
		t.Error(diff)
	}
}

// The AWS SDK for Go reads each piece before the function has written the next one.
func TestTheSDKStreams(t *testing.T) {
	s := start(t)
	s.plane.SetTrueTime()
	s.create("books")
	reader, writer := io.Pipe()
	s.invoker.result = result{Stream: reader, LogTail: []byte("END\n")}
	go io.WriteString(writer, "one ") //nolint:errcheck // the test reads it
	answer := must(s.client().InvokeWithResponseStream(t.Context(), &awslambda.InvokeWithResponseStreamInput{
		FunctionName: aws.String("books"), LogType: types.LogTypeTail,
	}))(t)
	if aws.ToString(answer.ExecutedVersion) != "$LATEST" || answer.StatusCode != 200 ||
		aws.ToString(answer.ResponseStreamContentType) != "application/vnd.amazon.eventstream" {
		t.Errorf("answered %+v", answer)
	}
	stream := answer.GetStream()
	defer stream.Close()
	for _, want := range []string{"one ", "two ", "three"} {
		if want != "one " {
			go io.WriteString(writer, want) //nolint:errcheck // the test reads it
		}
		piece, ok := (<-stream.Events()).(*types.InvokeWithResponseStreamResponseEventMemberPayloadChunk)
		if !ok || string(piece.Value.Payload) != want {
			t.Fatalf("%v, want %q: %v", piece, want, stream.Err())
		}
	}
	writer.Close()
	last, ok := (<-stream.Events()).(*types.InvokeWithResponseStreamResponseEventMemberInvokeComplete)
	if !ok || aws.ToString(last.Value.LogResult) != base64.StdEncoding.EncodeToString([]byte("END\n")) || last.Value.ErrorCode != nil {
		t.Errorf("the end is %+v", last)
	}
	if _, more := <-stream.Events(); more || stream.Err() != nil {
		t.Errorf("after the end: %v", stream.Err())
	}
}

// A client that hangs up ends nothing: the answer is read to where the client was, and the function left to itself.
func TestStreamWithoutItsClient(t *testing.T) {
	s := start(t)
	s.plane.SetTrueTime()
	s.create("books")
	reader, writer := io.Pipe()
	s.invoker.result = result{Stream: reader}
	go io.WriteString(writer, "one ") //nolint:errcheck // the test reads it
	answer := must(s.client().InvokeWithResponseStream(t.Context(), &awslambda.InvokeWithResponseStreamInput{FunctionName: aws.String("books")}))(t)
	<-answer.GetStream().Events()
	answer.GetStream().Close()
	for {
		if _, err := writer.Write(make([]byte, 1<<20)); err != nil {
			if !errors.Is(err, io.ErrClosedPipe) {
				t.Error(err)
			}
			return
		}
	}
}

// A function that streams answers Invoke with bytes, whatever type it gives them (radkawar/stackd, streaming.json,
// ordinary_invoke_streaming_handler and ordinary_throw_before).
func TestInvokeOfAFunctionThatStreams(t *testing.T) {
	s := start(t)
	s.create("books")
	for body, want := range map[string]string{"A\x00": "application/octet-stream", "": "application/json"} {
		s.invoker.result = result{Stream: broken{strings.NewReader(body), runtime.ReasonError}}
		got := s.do(request{method: "POST", path: invokePath})
		if got.status != 200 || got.body != body || got.header.Get("Content-Type") != want || got.header.Get("X-Amz-Function-Error") != "" {
			t.Errorf("answered %+v, want %q of %s", got, body, want)
		}
	}
}
