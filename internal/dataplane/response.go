//go:build unix

package dataplane

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/trace"
)

// passesOn reports whether the client gets a failure as if it were an answer. AWS streams what the function reports
// instead of an answer like an answer of type application/json (radkawar/stackd, url_http_codecs.json,
// stream_plain_throw, recorded in September 2026). A function that reports nothing, since it timed out or exited, is
// answered with 502 (assumed), as it is where the answer is not streamed.
func (x *exchange) passesOn(failed *runtime.FunctionError) bool {
	return x.streams() && failed.Reason == runtime.ReasonError
}

// streams reports whether the URL passes answers on while functions write them.
func (x *exchange) streams() bool { return x.url.Config.InvokeMode == lambda.ResponseStream }

// respond sends the function's answer.
func (x *exchange) respond(result *runtime.Result) {
	defer result.Body.Close()
	if x.streams() {
		x.stream(result)
		return
	}
	response, err := buffered(result)
	if err != nil {
		x.noAnswer(err)
		return
	}
	x.begin(&response.Head)
	if err := response.Write(x.w, x.r.Method); err != nil {
		x.found("response", newNote(trace.OK, "the client was gone before the answer was sent"))
		return
	}
	x.answered(result)
}

// begin decides on the status, and sets the headers that an answer of the function has besides its own.
func (x *exchange) begin(head *event.Head) {
	x.status = head.Status
	x.w.Header()["X-Amzn-Trace-Id"] = []string{x.xray}
	x.mount(head)
	exposeTo(x.url.Config.CORS, head.Header, x.r.Header.Get("Origin"))
}

// answered adds the status that the function chose to the trace, with the likeliest reason for one that a framework gives
// to a body that it does not read. A function that failed, before or since its answer began, has one all the same.
func (x *exchange) answered(result *runtime.Result) {
	failed, when := result.FunctionError, "and its error is the body of the answer"
	if failed == nil {
		failed, when = result.StreamError(), "after its answer had begun"
	}
	if failed != nil {
		x.concealed = true
		x.found("response", newStreamFailure(fmt.Sprintf("%d %s, but the function failed %s", x.status,
			http.StatusText(x.status), when), failed))
		return
	}
	found := answered{status: x.status}
	if x.untyped && x.status >= 400 && x.status < 500 {
		contentType := trace.Cut(x.r.Header.Get("Content-Type"), 64)
		found.advice = trace.Keep(furlproto.UntypedJSON(contentType), maxSentence)
	}
	x.found("response", found)
}

// stream passes the answer on while the function writes it. Nothing is sent before the first byte of it: a function that
// fails until then is answered with 502 (assumed; the answer of AWS does not end then, by url_http_empty.json of
// radkawar/stackd). One that fails later has a whole answer: see runtime.Result.StreamError.
func (x *exchange) stream(result *runtime.Result) {
	envelope, err := wholeEnvelope(result)
	if err != nil {
		x.noAnswer(err)
		return
	}
	reader := bufio.NewReaderSize(result.Body, 32<<10)
	reader.Peek(1) //nolint:errcheck // StreamError has it, or the next read
	if failed := result.StreamError(); failed != nil && reader.Buffered() == 0 {
		x.noAnswer(failed)
		return
	}
	head, err := event.ReadHead(reader, result.ContentType)
	if failed := result.StreamError(); err != nil && failed != nil {
		err = failed // it is why there is not all of the prelude
	}
	if err != nil {
		x.noAnswer(err)
		return
	}
	if envelope != nil {
		head = envelope
	}
	body, err := unzipped(head, reader)
	if err != nil {
		x.noAnswer(err)
		return
	}
	x.begin(head)
	x.w.Header()["Transfer-Encoding"] = []string{"chunked"} // as at AWS, also where the whole answer is there at once
	head.WriteHeader(x.w)
	flush := http.NewResponseController(x.w).Flush
	if reader.Buffered() == 0 { // else the first piece takes the head along
		flush() //nolint:errcheck // the write that follows meets the same error
	}
	// A client that is gone is no error: the function runs to its end, as it does at AWS. Nor is a function that fails, but
	// a body that cannot be unzipped is.
	_, broken := runtime.Relay(body, func(piece []byte) error {
		_, err := x.w.Write(piece)
		return err
	}, flush)
	failed := result.StreamError()
	if failed != nil && failed.Reason == runtime.ReasonShutdown {
		// It is this server that ends the answer. Without the end of its chunks the client sees that.
		x.concealed = true
		x.found("response", newStreamFailure("the answer broke off", failed))
		flush() //nolint:errcheck // the client is gone
		panic(http.ErrAbortHandler)
	}
	if broken != nil && failed == nil {
		x.concealed = true
		x.found("response", newNote(trace.Failed, fmt.Sprintf("the answer broke off: %v", broken)))
		return
	}
	x.answered(result)
}

// wholeEnvelope is what the envelope of a handler that does not stream says before its body, nil if there is none. AWS
// takes status, headers and cookies from it, and sends all of it as the body (radkawar/stackd, url_http_codecs.json,
// stream_plain_explicit, recorded in September 2026).
func wholeEnvelope(result *runtime.Result) (*event.Head, error) {
	if result.ResponseMode == runtime.ModeStreaming || result.ContentType != "application/json" || result.FunctionError != nil {
		return nil, nil //nolint:nilnil // no envelope is no failure
	}
	payload, err := result.ReadAll(runtime.MaxBufferedResponse)
	if err == nil && result.FunctionError != nil {
		err = result.FunctionError
	}
	if err != nil {
		return nil, err
	}
	result.Body = io.NopCloser(bytes.NewReader(payload))
	return event.EnvelopeHead(payload), nil
}

// unzipped is the body of a streamed answer. AWS decompresses one with Content-Encoding: gzip and takes the header away
// (aws/aws-lambda-nodejs-runtime-interface-client#96), assumed whatever encodings the client accepts. A body that is not
// what its header says is passed on as it is.
func unzipped(head *event.Head, reader *bufio.Reader) (io.Reader, error) {
	if !strings.EqualFold(strings.TrimSpace(head.Header.Get("Content-Encoding")), "gzip") {
		return reader, nil
	}
	if magic, _ := reader.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) { //nolint:errcheck // too short is no gzip
		return reader, nil
	}
	body, err := gzip.NewReader(reader)
	if err != nil {
		return nil, fmt.Errorf("the answer is no gzip stream: %w", err)
	}
	head.Header.Del("Content-Encoding")
	return body, nil
}

// noAnswer refuses a request because the function's answer is not one.
func (x *exchange) noAnswer(err error) {
	if failed, ok := errors.AsType[*runtime.FunctionError](err); ok {
		x.failure = failed.Type
		had := "was complete"
		if x.streams() {
			had = "had begun"
		}
		x.found("response", newStreamFailure("the function failed before its answer "+had, failed))
	} else {
		x.found("response", newNote(trace.Failed, err.Error()))
	}
	x.refuse(functionFailed)
}

// refuse answers in place of the function.
func (x *exchange) refuse(answer refusal) {
	x.status, x.errorType = answer.status, answer.errorType
	if answer.reason != 0 {
		x.plane.refusals.Add(answer.reason)
	}
	if x.plane.Explain != nil && listener.IsLoopback(x.source) {
		x.w.Header()[strings.ToLower(furlproto.Explain)] = []string{x.plane.Explain(x.id)}
		if answer == functionFailed && !isForwarded(x.r.Header) {
			x.w.Header()[strings.ToLower(furlproto.Function)] = []string{x.url.Function.ARN.Name}
			if x.failure != "" {
				x.w.Header()[strings.ToLower(furlproto.ErrorType)] = []string{trace.Cut(x.failure, maxErrorType)}
			}
		}
	}
	answer.write(x.w)
}

// isForwarded reports whether a proxy on this machine passed the request on, so that its client may be anywhere.
func isForwarded(header http.Header) bool {
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"} {
		if len(header[name]) > 0 {
			return true
		}
	}
	return false
}

// buffered reads a whole answer, be it of a function that streams although its URL is BUFFERED.
func buffered(result *runtime.Result) (*event.Response, error) {
	payload, err := result.ReadAll(runtime.MaxBufferedResponse)
	if err != nil {
		return nil, err
	}
	if result.FunctionError != nil {
		return nil, result.FunctionError
	}
	if result.Head != nil {
		return &event.Response{Head: *result.Head, Body: payload}, nil
	}
	if result.ResponseMode == runtime.ModeStreaming || result.ContentType == event.IntegrationContentType {
		return event.ParseStreamed(payload)
	}
	return event.ParseResponse(payload)
}
