//go:build unix

package dataplane

import (
	"cmp"
	"maps"
	"net/http"
	"strings"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/trace"
)

// tap passes an answer on to the client, and keeps the beginning of it.
type tap struct {
	http.ResponseWriter
	bodiless bool // net/http takes a body, and drops it
	status   int
	start    []byte
	size     int // of what was passed on
}

func (t *tap) WriteHeader(status int) {
	if t.status == 0 && status >= http.StatusOK {
		t.status = status
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write keeps of a piece what the client's connection took.
func (t *tap) Write(piece []byte) (int, error) {
	n, err := t.ResponseWriter.Write(piece)
	if t.status == 0 {
		t.status = http.StatusOK
	}
	if n > 0 && !t.bodiless {
		t.size += n
		t.start = append(t.start, piece[:min(n, trace.MaxKept+1-len(t.start))]...) // one more, for whole characters
	}
	return n, err
}

// Unwrap is for [http.ResponseController].
func (t *tap) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// keepRequest keeps what the client sent.
func (x *exchange) keepRequest() {
	x.kept = &trace.Exchange{RequestID: x.id, Request: trace.Message{Method: x.trace.Method}}
	request, target := &x.kept.Request, x.r.RequestURI
	open := event.WithoutSecrets(x.r.Header)
	if len(open[furlproto.CanonicalRequest]) > 0 { // may have a session token in it, and is for the trace alone
		open = maps.Clone(open)
		delete(open, furlproto.CanonicalRequest)
	}
	request.KeepHead(target, event.HideParameters(target), x.r.Header, open)
	if !x.hasBody && x.body == nil && x.r.ContentLength != 0 { // refused without a look at it
		request.Body = trace.Body{Size: int(max(0, x.r.ContentLength)), Cut: true}
		return
	}
	request.Body = keepBody(x.r.Header, x.body, len(x.body))
}

// remake makes the event for the request, of so many bytes, again from what is kept. It keeps nothing of the request that
// a client can make large.
func remake(request event.Request, target string, size int) func(trace.Message) trace.Body {
	signed := strings.Join(request.Signed, ";")
	own := ""
	if request.Target != target { // path style
		own = strings.Clone(event.HideParameters(request.Target[:min(len(request.Target), trace.MaxKept)]))
	}
	request.Header, request.Signed, request.Body, request.Target = nil, nil, nil, ""
	return func(kept trace.Message) trace.Body {
		made := request
		made.Target = cmp.Or(own, kept.Target)
		made.Signed = strings.Split(signed, ";")
		made.Header = http.Header{}
		for _, field := range kept.Header {
			made.Header[field.Name] = append(made.Header[field.Name], field.Value)
		}
		made.Body, made.Size = kept.Body.Bytes, kept.Body.Size
		shown, cut := event.Shown(&made, kept.Cut || kept.Body.Cut, trace.MaxKept)
		return trace.Body{
			Bytes: shown, Size: size, Cut: cut, Hidden: kept.HiddenTarget || kept.Body.Hidden || len(kept.Hidden) > 0,
		}
	}
}

// keep keeps the exchange, if the request was for a function URL that there is.
func (x *exchange) keep() {
	if x.plane.Exchanges == nil || x.url.Function == nil {
		return
	}
	if x.kept == nil {
		x.keepRequest()
	}
	header, answer := x.w.Header(), &x.kept.Answer
	answer.Status = x.tap.status
	answer.KeepHead("", "", header, event.WithoutSecrets(header))
	answer.Body = keepBody(header, x.tap.start, x.tap.size)
	x.plane.Exchanges.Record(x.kept)
}

// keepBody keeps the beginning of a body of size bytes, without the secrets.
func keepBody(header http.Header, start []byte, size int) trace.Body {
	if size == 0 {
		return trace.Body{}
	}
	shown, cut, hidden := event.HideBody(header.Get("Content-Type"), start, trace.MaxKept)
	return trace.KeepBody(shown, size, cut || len(start) < size, hidden)
}
