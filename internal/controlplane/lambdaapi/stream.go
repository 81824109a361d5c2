//go:build unix

package lambdaapi

import (
	"cmp"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/runtime"
)

const octetStream = "application/octet-stream"

// invokeStream runs the function and passes on what it sends while it runs. AWS was recorded to run the function whatever
// the invocation type, even for a dry run (radkawar/stackd, testdata/aws/lambda/streaming.json, dry_run and
// invalid_event_type, September 2026; so are the other facts of this file that are not marked).
func (s *service) invokeStream(r *request, in *invokeInput) (any, error) {
	in.InvocationType = ""
	invocation, err := s.invocation(r, in)
	if err != nil {
		return nil, err
	}
	invocation.Stream = true
	result, err := s.config.Invoker.Invoke(r.Context(), invocation)
	if err != nil {
		return nil, invokeFault(err)
	}
	return &streamed{request: r, result: result, traceID: invocation.TraceID, tail: in.LogType == "Tail"}, nil
}

// streamed is the answer to InvokeWithResponseStream.
type streamed struct {
	request *request
	result  *runtime.Result
	traceID string
	tail    bool // the end of the log was asked for
}

// Write sends an event for each piece that the function has sent, and then one for the end. Nothing is sent before the
// first piece. The bytes are the function's: a prelude for function URLs stays among them. A client that is gone ends
// nothing: the function runs to its end.
func (s *streamed) Write(w http.ResponseWriter, status int) {
	defer s.result.Body.Close()
	header := w.Header()
	header.Set("Content-Type", "application/vnd.amazon.eventstream")
	header.Set("X-Amz-Executed-Version", s.result.Version)
	header.Set("X-Amzn-Trace-Id", s.traceID)
	header.Set("X-Amzn-Remapped-Content-Type", cmp.Or(s.result.ContentType, octetStream))
	header.Set("Transfer-Encoding", "chunked") // also where all is there at once
	w.WriteHeader(status)

	encoder := eventstream.NewEncoder()
	send := func(kind, contentType string, payload []byte) error {
		return encoder.Encode(w, eventstream.Message{
			Headers: eventstream.Headers{
				{Name: ":event-type", Value: eventstream.StringValue(kind)},
				{Name: ":content-type", Value: eventstream.StringValue(contentType)},
				{Name: ":message-type", Value: eventstream.StringValue("event")},
			},
			Payload: payload,
		})
	}
	flush := http.NewResponseController(w).Flush
	gone, _ := runtime.Relay(s.result.Body, func(piece []byte) error { // its reader has no error but its end
		return send("PayloadChunk", octetStream, piece)
	}, flush)
	if gone != nil {
		return
	}
	if failed := s.result.StreamError(); failed != nil {
		s.request.Log.WarnContext(s.request.Context(), "function failed after its streamed answer had begun",
			"function", s.request.target.function.ARN.String(), "request_id", s.request.RequestID, "error", failed)
		if failed.Reason == runtime.ReasonShutdown {
			flush()                     //nolint:errcheck // the client is gone
			panic(http.ErrAbortHandler) // it is this server that ends the answer
		}
	}
	send("InvokeComplete", "application/json", wire.JSON(s.complete())) //nolint:errcheck // the client is gone
}

// complete is the last event. Of a function that fails once it streams, or that reports an error instead of an answer, AWS
// says nothing in it: what the function has sent, or its error, is the payload. Of one that timed out, exited or did not
// start before it answered, nothing is recorded; that the payload is its error then too, and that the last event repeats
// it, is assumed.
func (s *streamed) complete() any {
	var last struct {
		ErrorCode    string `json:",omitempty"`
		ErrorDetails string `json:",omitempty"`
		LogResult    string `json:",omitempty"`
	}
	if failed := s.result.FunctionError; failed != nil && failed.Reason != runtime.ReasonError {
		last.ErrorCode, last.ErrorDetails = failed.Kind, string(failed.Payload)
	}
	if s.tail {
		last.LogResult = logResult(s.result.LogTail())
	}
	return last
}
