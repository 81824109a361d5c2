package runtimeapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const (
	prefix           = "/2018-06-01/runtime/"
	invocationPrefix = prefix + "invocation/"
	contentTypeJSON  = "application/json"
)

// ServeHTTP routes by hand: the API has five paths, and the way of every invocation leads through here twice.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isFromPage(r) {
		refuse(w, http.StatusForbidden, "Forbidden", "the Runtime API is not for web pages")
		return
	}
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, invocationPrefix); ok {
		if rest == "next" {
			s.next(w, r)
			return
		}
		if id, verb, ok := strings.Cut(rest, "/"); ok && id != "" {
			switch verb {
			case "response":
				s.response(w, r, id)
				return
			case "error":
				s.failure(w, r, func(f *Failure) error { return s.handler.Fail(id, f) })
				return
			}
		}
	}
	switch path {
	case prefix + "init/error":
		s.failure(w, r, s.handler.FailInit)
	case "/ping", "/2018-06-01/ping":
		w.Write([]byte("pong")) //nolint:errcheck // a broken connection has nobody to tell
	default:
		refuse(w, http.StatusNotFound, "NotFound", "furl's Runtime API has no "+r.Method+" "+path)
	}
}

// isFromPage tells what a web page had a browser send: functions may start browsers of their own. Other Sec-Fetch
// headers tell nothing, as clients that are no browsers send them (Node.js's fetch does). The Host header tells nothing
// either, since proxies between a runtime and this API put theirs in.
func isFromPage(r *http.Request) bool {
	return r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != ""
}

func (s *Server) next(w http.ResponseWriter, r *http.Request) {
	if !isMethod(w, r, http.MethodGet) {
		return
	}
	client, ok := r.Context().Value(clientKey{}).(*Client)
	if !ok {
		panic("a request without a connection")
	}
	in, err := s.handler.Next(r.Context(), client)
	if err != nil {
		refuseError(w, err)
		return
	}
	// One array holds all header values: net/http wants a slice per name.
	values := [...]string{
		contentTypeJSON, strconv.Itoa(len(in.Payload)), in.ID, strconv.FormatInt(in.Deadline.UnixMilli(), 10),
		in.FunctionARN, in.TraceID, in.ClientContext, in.CognitoIdentity,
	}
	names := [...]string{
		"Content-Type", "Content-Length", headerRequestID, headerDeadline,
		headerARN, headerTraceID, headerClientContext, headerIdentity,
	}
	header := w.Header()
	for i, name := range names {
		if values[i] != "" {
			header[name] = values[i : i+1 : i+1]
		}
	}
	w.Write(in.Payload) //nolint:errcheck // a process that is gone is noticed by whoever waits for it
}

func (s *Server) response(w http.ResponseWriter, r *http.Request, id string) {
	if !isMethod(w, r, http.MethodPost) {
		return
	}
	response := &Response{
		ContentType: first(r.Header, "Content-Type"),
		Length:      r.ContentLength,
		Body:        r.Body,
		request:     r,
	}
	switch mode := first(r.Header, headerMode); mode {
	case "":
		response.Streaming = streamsSilently(r, response.ContentType)
	case "streaming":
		response.Streaming = true
	default:
		err := s.handler.Fail(id, &Failure{Type: "Runtime.InvalidResponseModeHeader", RawType: "Runtime.InvalidResponseModeHeader"})
		discard(r.Body)
		if err != nil {
			refuseError(w, err)
			return
		}
		refuse(w, http.StatusBadRequest, "InvalidFunctionResponseMode", "Invalid function response mode")
		return
	}
	if err := s.handler.Respond(id, response); err != nil {
		// Clients send all of the body before they read the status; without this they see a broken pipe.
		discard(r.Body)
		refuseError(w, err)
		return
	}
	accept(w)
}

// streamsSilently tells the streams of aws-lambda-go, which sends no mode header, and sends every response in chunks
// and with trailers: what it has encoded itself, as JSON, is not a stream.
func streamsSilently(r *http.Request, contentType string) bool {
	_, trailer := r.Trailer[headerErrorType]
	return r.ContentLength < 0 && trailer && contentType != contentTypeJSON
}

func (s *Server) failure(w http.ResponseWriter, r *http.Request, report func(*Failure) error) {
	if !isMethod(w, r, http.MethodPost) {
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxErrorBody+1))
	if err != nil {
		refuseError(w, ErrTruncated)
		return
	}
	tooLarge := len(body) > MaxErrorBody
	if tooLarge {
		body = nil
	}
	errorType := first(r.Header, headerErrorType)
	err = report(&Failure{Type: sanitize(errorType), RawType: errorType, Body: body, Cause: first(r.Header, headerErrorCause)})
	if err == nil && tooLarge {
		err = ErrTooLarge
	}
	discard(r.Body)
	if err != nil {
		refuseError(w, err)
		return
	}
	accept(w)
}

// first is Header.Get for a name that is known to be canonical.
func first(header http.Header, name string) string {
	if values := header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// discardLimit is more than any response may have; what sends more than that loses its connection.
const discardLimit = 256 << 20

func discard(body io.Reader) {
	io.CopyN(io.Discard, body, discardLimit) //nolint:errcheck // what is left is of no use, and a broken connection ends it too
}

func isMethod(w http.ResponseWriter, r *http.Request, want string) bool {
	if r.Method == want {
		return true
	}
	w.Header().Set("Allow", want)
	refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", fmt.Sprintf("%s takes %s, not %s", r.URL.Path, want, r.Method))
	return false
}

var (
	statusOK       = []byte(`{"status":"OK"}`)
	jsonType       = []string{contentTypeJSON}
	statusOKLength = []string{strconv.Itoa(len(statusOK))}
)

func accept(w http.ResponseWriter) {
	header := w.Header()
	header["Content-Type"] = jsonType
	header["Content-Length"] = statusOKLength
	w.WriteHeader(http.StatusAccepted)
	w.Write(statusOK) //nolint:errcheck // a broken connection has nobody to tell
}

// refuseError is the one place that maps a Handler's error to a status (aws-lambda-runtime-interface-emulator,
// package rendering).
func refuseError(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrRequestID):
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
	case errors.Is(err, ErrState):
		refuse(w, http.StatusForbidden, "InvalidStateTransition", err.Error())
	case errors.Is(err, ErrTooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", MaxErrorBody))
	case errors.Is(err, ErrTruncated):
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
	default:
		refuse(w, http.StatusInternalServerError, "InternalServerError", "Internal Server Error")
	}
}

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	w.Write(refusalBody(errorType, message)) //nolint:errcheck // a broken connection has nobody to tell
}

func refusalBody(errorType, message string) []byte {
	body, err := json.Marshal(struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{message, errorType})
	if err != nil {
		panic(err) // two strings always marshal
	}
	return body
}
