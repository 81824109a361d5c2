//go:build unix

package console

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

const (
	mostReplays = 16 // at a time

	// patience is how long the page waits for an answer, or for the end of one that is streamed.
	patience = 30 * time.Second

	maxTarget  = 64 << 10
	maxHeaders = 200
	maxSent    = 6 << 20 // the longest body that a function URL takes
)

func (c *Console) replayRoutes() []route {
	return []route{
		{pattern: "GET /callers", answer: c.listCallers},
		{pattern: "GET /requests/{id}/code", answer: c.code},
		{pattern: "POST /requests/{id}/replay", answer: c.replay, edits: true},
	}
}

// replayWanted is a Replay of the page. What is nil is as it was.
type replayWanted struct {
	Caller  string      `json:"caller"`
	Method  *string     `json:"method"`
	Target  *string     `json:"target"`
	Headers [][2]string `json:"headers"`
	Body    *string     `json:"body"`
	Base64  bool        `json:"base64"`
}

// replayed is a Replayed of the page.
type replayed struct {
	RequestID string   `json:"requestId,omitempty"`
	Answer    *message `json:"answer"`
}

// sending is a request that is to be sent, without a signature.
type sending struct {
	method, target, host string
	region               string
	header               http.Header
	body                 []byte
}

// replay sends a request again, through the front door of the server: every check is made that another client would meet.
func (c *Console) replay(r *http.Request) (any, error) {
	found, err := c.find(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	wanted, err := readInto[replayWanted](r)
	if err != nil {
		return nil, err
	}
	kept, ok := c.Exchanges.Find(found.RequestID)
	if !ok {
		return nil, noExchange(found.RequestID)
	}
	s := c.asItWas(found, kept)
	if err := s.edit(wanted); err != nil {
		return nil, err
	}
	if why := lacks(kept.Request, wanted.Target == nil, wanted.Headers == nil, wanted.Body == nil); why != "" {
		return nil, &Fault{http.StatusConflict, "the request cannot be sent as it was: " + why + "; edit that"}
	}
	if c.replays.Add(1) > mostReplays {
		c.replays.Add(-1)
		return nil, &Fault{http.StatusTooManyRequests, fmt.Sprintf("the console sends %d requests at a time: wait for one to end", mostReplays)}
	}
	defer c.replays.Add(-1)
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	request := s.request(ctx, c.Endpoint)
	if wanted.Caller != "" {
		credentials, err := c.credentials(ctx, wanted.Caller)
		if err != nil {
			return nil, err
		}
		signer := &sigv4.Signer{Region: s.region, Service: "lambda", Now: c.Now}
		if _, err := signer.Sign(request, credentials, sigv4.PayloadBytes(s.body)); err != nil {
			return nil, &Fault{http.StatusBadRequest, "the request cannot be signed: " + err.Error()}
		}
	}
	response, err := c.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, &Fault{http.StatusGatewayTimeout, fmt.Sprintf("the function has not answered within %s; its log goes on", patience)}
		}
		return nil, &Fault{http.StatusBadGateway, "the server did not answer itself: " + err.Error()}
	}
	defer response.Body.Close()
	return replayed{response.Header.Get("X-Amzn-Requestid"), answerOf(response)}, nil
}

func noExchange(id string) *Fault {
	return &Fault{http.StatusNotFound, fmt.Sprintf("what the client sent with request %.64q is not kept: the server keeps that of the last %d "+
		"requests to function URLs", id, trace.KeptExchanges)}
}

// asItWas is what the client sent, as far as it is kept, without its signature.
func (c *Console) asItWas(found *trace.Trace, kept trace.Exchange) *sending {
	s := &sending{
		method: kept.Request.Method, target: withoutSignature(kept.Request.Target), host: found.Host, region: c.Region,
		header: http.Header{}, body: kept.Request.Body.Bytes,
	}
	if parts := strings.Split(found.Function.String(), ":"); len(parts) > 3 {
		s.region = parts[3]
	}
	for _, field := range kept.Request.Header {
		if !slices.Contains(kept.Request.Hidden, field.Name) && !isOwn(field.Name) {
			s.header[field.Name] = append(s.header[field.Name], field.Value)
		}
	}
	return s
}

// withoutSignature takes the parameters of a presigned request out of a request target: it is signed anew in a header.
func withoutSignature(target string) string {
	path, query, ok := strings.Cut(target, "?")
	if !ok {
		return target
	}
	pairs := slices.DeleteFunc(strings.Split(query, "&"), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		switch strings.ToLower(name) {
		case "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature",
			"x-amz-security-token":
			return true
		}
		return false
	})
	if len(pairs) == 0 {
		return path
	}
	return path + "?" + strings.Join(pairs, "&")
}

// isOwn reports whether a header is made anew for the request that is sent: it is part of the signature, concerns one
// connection only (RFC 9110, 7.6.1), or is furl's own.
func isOwn(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256",
		"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect",
		"Host", "Content-Length", furlproto.CanonicalRequest, furlproto.Secret, furlproto.Challenge:
		return true
	}
	return false
}

// edit makes the changes that the page wants.
func (s *sending) edit(wanted replayWanted) error {
	refuse := func(format string, arguments ...any) error {
		return &Fault{http.StatusBadRequest, fmt.Sprintf(format, arguments...)}
	}
	if wanted.Method != nil {
		if *wanted.Method == "" || strings.ContainsFunc(*wanted.Method, func(r rune) bool { return !isToken(r) }) || len(*wanted.Method) > 32 {
			return refuse("method: %.64q is not a method such as GET", *wanted.Method)
		}
		s.method = *wanted.Method
	}
	if wanted.Target != nil {
		target := *wanted.Target
		switch before, _, _ := strings.Cut(s.target, "?"); {
		case !strings.HasPrefix(target, "/"):
			return refuse("target: %.256q is not a path that begins with /", target)
		case len(target) > maxTarget:
			return refuse("target: it has %d bytes, of %d at most", len(target), maxTarget)
		case strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '#' }):
			return refuse("target: %.256q has a space, a control character or #: write %%20, %%0A, %%23 …", target)
		case mountOf(target) != mountOf(before):
			return refuse("target: %.256q is another function URL's or none: keep %s before the path", target, mountOf(before))
		}
		s.target = withoutSignature(target)
	}
	if wanted.Headers != nil {
		if len(wanted.Headers) > maxHeaders {
			return refuse("headers: there are %d, of %d at most", len(wanted.Headers), maxHeaders)
		}
		s.header = http.Header{}
		for _, field := range wanted.Headers {
			name, value := http.CanonicalHeaderKey(field[0]), field[1]
			switch {
			case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isToken(r) }):
				return refuse("headers: %.64q is not the name of a header", field[0])
			case isOwn(name):
				return refuse("headers: %s is the server's to write: leave it out", name)
			case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
				return refuse("headers: the value of %s, %.128q, has a control character", name, value)
			}
			s.header[name] = append(s.header[name], value)
		}
	}
	if wanted.Body != nil {
		s.body = []byte(*wanted.Body)
		if wanted.Base64 {
			var err error
			if s.body, err = base64.StdEncoding.DecodeString(*wanted.Body); err != nil {
				return refuse("body: it is not base64: %v", err)
			}
		}
		if len(s.body) > maxSent {
			return refuse("body: it has %d bytes, of %d at most", len(s.body), maxSent)
		}
	}
	return nil
}

// mountOf is what stands before the path of a function URL in path style; "" for one in host style.
func mountOf(target string) string {
	rest, ok := strings.CutPrefix(target, furlproto.URLs)
	if !ok {
		return ""
	}
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	return furlproto.URLs + rest
}

// isToken reports whether a character may stand in the name of a header or a method (RFC 9110, 5.6.2).
func isToken(r rune) bool {
	return r < utf8.RuneSelf && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
}

// request is the request to the server, with the very target.
func (s *sending) request(ctx context.Context, endpoint string) *http.Request {
	scheme, address, _ := strings.Cut(endpoint, "://")
	opaque := s.target
	if strings.HasPrefix(opaque, "//") { // net/http takes it for a host
		opaque = "//" + s.host + opaque
	}
	request := (&http.Request{
		Method: s.method, Host: s.host, Header: s.header, ContentLength: int64(len(s.body)), Body: http.NoBody,
		URL: &url.URL{Scheme: scheme, Host: address, Opaque: opaque},
	}).WithContext(ctx)
	if len(s.body) > 0 {
		request.Body = io.NopCloser(bytes.NewReader(s.body))
	}
	if request.Header["User-Agent"] == nil {
		request.Header["User-Agent"] = []string{""} // none, and not that of net/http
	}
	return request
}

// answerOf reads the beginning of an answer, until it is long enough or its time is over. Secrets are hidden in it as in what
// is kept of the answers to others.
func answerOf(response *http.Response) *message {
	start, err := io.ReadAll(io.LimitReader(response.Body, trace.MaxKept+1)) // one more, for whole characters
	shown, cut, hidden := event.HideBody(response.Header.Get("Content-Type"), start, trace.MaxKept)
	kept := trace.Message{
		Status: response.StatusCode,
		Body:   trace.KeepBody(shown, max(len(start), int(response.ContentLength)), cut || err != nil, hidden),
	}
	kept.KeepHead("", "", response.Header, event.WithoutSecrets(response.Header))
	return messageOf(kept)
}

// lacks says why a request cannot be sent as it was, as far as its target, headers and body stay; "" if it can.
func lacks(request trace.Message, target, headers, body bool) string {
	var why []string
	if request.Cut && (target || headers) {
		why = append(why, "only the beginning of its target or of its headers is kept")
	}
	if target && request.HiddenTarget && strings.Contains(withoutSignature(request.Target), "(hidden)") {
		why = append(why, "its query has what is secret, which is not kept")
	}
	switch kept := request.Body; {
	case body && kept.Cut:
		why = append(why, fmt.Sprintf("of the %d bytes of its body only %d are kept", kept.Size, len(kept.Bytes)))
	case body && kept.Hidden:
		why = append(why, "its body has what is secret, which is not kept")
	}
	return strings.Join(why, "; ")
}

// replayableOf says whether a request can be sent again, and the callers to offer.
func (c *Console) replayableOf(found *trace.Trace, kept trace.Exchange, ok bool) replayable {
	shown := replayable{Hidden: []string{}, Callers: []string{}}
	if !ok {
		shown.Why = noExchange(found.RequestID).Message
		return shown
	}
	for _, name := range kept.Request.Hidden {
		if !isOwn(name) {
			shown.Hidden = append(shown.Hidden, name)
		}
	}
	shown.Why = lacks(kept.Request, true, true, true)
	if shown.Possible = shown.Why == ""; shown.Possible && len(shown.Hidden) > 0 {
		shown.Why = "it goes without " + strings.Join(shown.Hidden, ", ") + ": what is secret in headers is not kept"
	}
	// The request's own caller comes first, if the server can sign for it; nobody, if nobody signed.
	switch caller := found.Caller.String(); {
	case caller == "":
		shown.Callers = append(shown.Callers, "")
	case c.canSign(caller):
		shown.Callers = append(shown.Callers, caller)
	}
	first, err := c.listCallers(&http.Request{URL: &url.URL{RawQuery: "limit=50"}})
	if list, ok := first.(callerList); ok && err == nil {
		for _, one := range list.Callers {
			if !slices.Contains(shown.Callers, one) {
				shown.Callers = append(shown.Callers, one)
			}
		}
	}
	if !slices.Contains(shown.Callers, "") {
		shown.Callers = append(shown.Callers, "")
	}
	return shown
}
