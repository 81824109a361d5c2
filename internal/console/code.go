//go:build unix

package console

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

// requestCode is a RequestCode of the page.
type requestCode struct {
	Form string `json:"form"`
	Text string `json:"text"`
	Note string `json:"note,omitempty"`
}

// code writes a request as a command or a program that signs it with the keys of its environment, and sends it.
func (c *Console) code(r *http.Request) (any, error) {
	found, err := c.find(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	kept, ok := c.Exchanges.Find(found.RequestID)
	if !ok {
		return nil, noExchange(found.RequestID)
	}
	if why := lacks(kept.Request, true, true, true); why != "" {
		return nil, &Fault{http.StatusConflict, "the request cannot be written as it was: " + why}
	}
	form := r.URL.Query().Get("form")
	forms := append([]string{"curl", "furl"}, call.Languages()...)
	if !slices.Contains(forms, form) {
		return nil, &Fault{http.StatusBadRequest, fmt.Sprintf("form: %.64q is none of %s", form, strings.Join(forms, ", "))}
	}
	s := c.asItWas(found, kept)
	prepared, err := s.prepare(r.Context(), c.Endpoint)
	if err != nil {
		return nil, &Fault{http.StatusConflict, "the request cannot be written as a command: " + err.Error()}
	}
	answer := requestCode{Form: form, Note: c.noteOn(found, kept)}
	var text bytes.Buffer
	if form == "curl" || form == "furl" {
		if form == "curl" {
			answer.Note += " curl adds headers of its own, such as Accept, if the request has none."
		}
		if form == "curl" && !call.IsPlain(s.target) {
			answer.Note += " Many versions of curl sign another path or query than AWS makes of this one: furl call does not."
		}
		err = prepared.WriteSigning(&text, form, s.region)
	} else {
		// The signature is made for its canonical path and query alone.
		signer := &sigv4.Signer{Region: s.region, Service: "lambda", Now: c.Now, KeepTexts: true}
		anybody := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", Secret: sigv4.NewSecret("secret")}
		sign := func(r *http.Request) (sigv4.Signed, error) { return signer.Sign(r, anybody, sigv4.EmptyPayload()) }
		err = call.Program{Region: s.region, Service: "lambda"}.Write(&text, prepared, form, sign)
	}
	if err != nil {
		return nil, &Fault{http.StatusConflict, fmt.Sprintf("form %s: %v", form, err)}
	}
	answer.Text = text.String()
	return answer, nil
}

// prepare makes the request as furl call would make it of its flags.
func (s *sending) prepare(ctx context.Context, endpoint string) (*call.Prepared, error) {
	scheme, _, _ := strings.Cut(endpoint, "://")
	request := call.Request{URL: scheme + "://" + s.host + s.target, Method: s.method, Bare: true}
	for _, name := range slices.Sorted(maps.Keys(s.header)) {
		for _, value := range s.header[name] {
			line := name + ": " + value
			if value == "" {
				line = name + ";"
			}
			request.Headers = append(request.Headers, line)
		}
	}
	if s.header["User-Agent"] == nil {
		request.Headers = append(request.Headers, "User-Agent:")
	}
	if len(s.body) > 0 {
		request.Data = []call.Data{{Encoding: call.Raw, Value: string(s.body)}}
	}
	return request.Build(ctx)
}

// noteOn says what a reader of the code has to know.
func (c *Console) noteOn(found *trace.Trace, kept trace.Exchange) string {
	notes := []string{"It takes the keys from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN: eval \"$(furl env)\" sets them."}
	if again := c.replayableOf(found, kept, true); len(again.Hidden) > 0 {
		notes = append(notes, "It has no "+strings.Join(again.Hidden, ", ")+": what is secret in headers is not kept.")
	}
	return strings.Join(notes, " ")
}
