package dataplane

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/trace"
)

// respond sends the function's answer.
func (x *exchange) respond(result *runtime.Result) {
	defer result.Body.Close()
	x.w.Header()["X-Amzn-Trace-Id"] = []string{trace.XRayHeader(x.xray, x.id, x.url.Function.ARN.String())}
	x.allowOrigin()
	if x.url.Config.InvokeMode == lambda.ResponseStream {
		x.stream(result)
		return
	}
	response, err := buffered(result)
	if err != nil {
		x.w.Header().Del("X-Amzn-Trace-Id")
		x.found("response", newNote(trace.Failed, err.Error()))
		x.refuse(functionFailed)
		return
	}
	x.status = response.Status
	if err := response.Write(x.w, x.r.Method); err != nil {
		x.found("response", newNote(trace.OK, "the client was gone before the answer was sent"))
		return
	}
	x.found("response", answered(response.Status))
}

// buffered reads a whole answer. A function that streams although its URL is BUFFERED has its prelude honoured
// (assumed: what AWS does with it is not known).
func buffered(result *runtime.Result) (*event.Response, error) {
	payload, err := result.ReadAll(runtime.MaxBufferedResponse)
	if err != nil {
		return nil, err
	}
	if result.FunctionError != nil {
		return nil, result.FunctionError
	}
	if result.ContentType != event.IntegrationContentType {
		return event.ParseResponse(payload)
	}
	reader := bufio.NewReader(bytes.NewReader(payload))
	head, err := event.ParsePrelude(reader)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(reader)
	return &event.Response{Head: *head, Body: body}, err
}

// stream passes the answer on while the function writes it.
func (x *exchange) stream(result *runtime.Result) {
	reader := bufio.NewReaderSize(result.Body, 32<<10)
	head, err := streamHead(result, reader)
	if err != nil {
		x.w.Header().Del("X-Amzn-Trace-Id")
		x.found("response", newNote(trace.Failed, err.Error()))
		x.refuse(functionFailed)
		return
	}
	x.status = head.Status
	head.WriteHeader(x.w)
	if err := x.copy(reader); err != nil {
		x.cutShort = true
		x.found("response", newNote(trace.Failed, fmt.Sprintf("the answer broke off: %v", err)))
		// Half of an answer must not look like all of it: without the end of its chunks the client sees an error.
		panic(http.ErrAbortHandler)
	}
	if failed := result.StreamError(); failed != nil {
		// The client has a whole answer, as at AWS: what a function says in its trailers does not undo what it sent
		// (AWS Lambda Developer Guide, "Building a custom runtime").
		x.cutShort = true
		late := newNote(trace.Failed, fmt.Sprintf("%d %s, but the function failed after its answer had begun (%s: %s)",
			head.Status, http.StatusText(head.Status), failed.Reason, failed.Type))
		late.details = trace.KeepAll(maxFunctionError, failed.Payload)
		x.found("response", late)
		return
	}
	x.found("response", answered(head.Status))
}

func streamHead(result *runtime.Result, reader *bufio.Reader) (*event.Head, error) {
	if result.ContentType == event.IntegrationContentType {
		return event.ParsePrelude(reader)
	}
	contentType := result.ContentType
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	return &event.Head{Status: http.StatusOK, Header: http.Header{"Content-Type": {contentType}}}, nil
}

// copy sends the body on, every piece as soon as it is there. A client that is gone is no error: the function runs
// to its end all the same, as it does at AWS.
func (x *exchange) copy(from io.Reader) error {
	flusher := http.NewResponseController(x.w)
	flusher.Flush() //nolint:errcheck // the write that follows meets the same error
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if _, err := x.w.Write(buffer[:n]); err != nil {
				return nil
			}
			if err := flusher.Flush(); err != nil {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
