package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl"
)

// RefusedError is a request that Lambda refused instead of calling the function.
type RefusedError struct{ furl.Refusal }

// StatusError is an answer that is none of success.
type StatusError struct {
	Status    int
	RequestID string // of Lambda
	// Response is the answer. Its body is the first 64 KiB.
	Response *http.Response
	body     []byte
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("the MCP server answered %d %s", e.Status, http.StatusText(e.Status))
	if start := said(e.body); start != "" {
		text += ": " + start
	}
	return text
}

// code is the code of the answer, if it is an error of JSON-RPC.
func (e *StatusError) code() int {
	var answer struct {
		Error struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(e.body, &answer) != nil {
		return 0
	}
	return answer.Error.Code
}

const (
	maxSaid    = 300      // bytes of an answer that an error quotes
	maxError   = 64 << 10 // bytes of an answer that is none of success
	anyKind    = "application/json, text/event-stream"
	streamKind = "text/event-stream"
)

// said is the start of what a server said, as an error quotes it.
func said(text []byte) string {
	start := strings.ToValidUTF8(string(text[:min(len(text), maxSaid)]), "")
	start = strings.Join(strings.FieldsFunc(start, func(c rune) bool { return c <= ' ' || c == 0x7f }), " ")
	if len(text) > maxSaid {
		start += " …"
	}
	return start
}

// rejection is the error that an answer stands for which is none of success. It reads and closes the answer.
func rejection(resp *http.Response) error {
	defer resp.Body.Close()
	if refusal, refused := furl.RefusalOf(resp); refused {
		return &RefusedError{refusal}
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxError)) // what there is of it
	answer := *resp
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return &StatusError{resp.StatusCode, resp.Header.Get("X-Amzn-Requestid"), &answer, body}
}

func isStream(resp *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return resp.StatusCode == http.StatusOK && kind == streamKind
}

const (
	maxRedirects = 5
	// maxThrottled is how often a request is sent again that Lambda or the server has no room for now. Such a request
	// was not handled.
	maxThrottled  = 4
	throttled     = 250 * time.Millisecond
	maxRetryAfter = 30 * time.Second
)

// send sends one request. It follows redirects on the same host, which web frameworks answer for a slash too few, and
// refuses others: the headers are for this server alone.
func (b *Bridge) send(ctx context.Context, method string, body []byte, header http.Header) (*http.Response, error) {
	server, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	target, redirects, busy := server.URL, 0, 0
	for {
		r, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		b.setHeader(r, header)
		resp, err := server.Transport.RoundTrip(r)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, err
		case resp.StatusCode == http.StatusTooManyRequests && busy < maxThrottled:
			wait := throttled << busy
			if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
				wait = time.Duration(seconds) * time.Second
			}
			if wait < 0 || wait > maxRetryAfter {
				return resp, nil
			}
			busy++
			resp.Body.Close()
			b.config.Log.Info("the function has no room for a request now",
				"retry_after", wait.String(), "attempt", busy)
			if err := sleep(ctx, wait); err != nil {
				return nil, err
			}
		case redirected(resp) && redirects < maxRedirects:
			redirects++
			resp.Body.Close()
			if target, err = server.redirect(target, resp); err != nil {
				return nil, err
			}
			b.noteMoved(target)
		default:
			return resp, nil
		}
	}
}

func (b *Bridge) setHeader(r *http.Request, header http.Header) {
	for name, values := range b.config.Header {
		if !Owns(name) {
			r.Header[name] = values
		}
	}
	for name, values := range header {
		r.Header[name] = values
	}
	switch r.Method {
	case http.MethodGet:
		r.Header.Set("Accept", streamKind)
	case http.MethodPost:
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", anyKind)
	}
}

// redirected reports whether an answer sends a request elsewhere as it is. 301, 302 and 303 would make a POST a GET.
func redirected(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return resp.Header.Get("Location") != ""
	case http.StatusMovedPermanently, http.StatusFound:
		return resp.Header.Get("Location") != "" && resp.Request.Method == http.MethodGet
	}
	return false
}

// redirect is where a redirect leads, on the server.
func (s *Server) redirect(from string, resp *http.Response) (string, error) {
	base, err := url.Parse(from)
	if err != nil {
		return "", err
	}
	to, err := base.Parse(resp.Header.Get("Location"))
	if err != nil {
		return "", fmt.Errorf("the server redirects to %q: %w", resp.Header.Get("Location"), err)
	}
	// An application behind a front end may take its scheme for http, and its host for the one that it is called by.
	if !strings.EqualFold(to.Host, base.Host) && (s.Host == "" || !strings.EqualFold(to.Host, s.Host)) {
		return "", fmt.Errorf("the server redirects to another host, %s, which gets neither the request nor its headers",
			to.Host)
	}
	to.Scheme, to.Host, to.User = base.Scheme, base.Host, nil
	return to.String(), nil
}

// noteMoved says once that each request takes two.
func (b *Bridge) noteMoved(target string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.moved {
		b.moved = true
		b.config.Log.Info("the server redirects each request: name the address that it redirects to", "target", target)
	}
}
