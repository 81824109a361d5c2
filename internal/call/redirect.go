package call

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// redirected is the request that a response asks for, nil if it is to be taken as it is. Methods and bodies are kept
// and dropped as RFC 9110, section 15.4 has it and curl does it.
func (x *exchange) redirected(r *http.Request, resp *http.Response) (*http.Request, error) {
	if !x.caller.Follow || resp.Header.Get("Location") == "" {
		return nil, nil
	}
	method, body := r.Method, true
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound:
		if method == http.MethodPost {
			method, body = http.MethodGet, false
		}
	case http.StatusSeeOther:
		if method != http.MethodHead {
			method = http.MethodGet
		}
		body = false
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	if x.caller.KeepMethod {
		method = r.Method
	}
	if x.redirects >= x.caller.MaxRedirects {
		return nil, fmt.Errorf("redirected more than %d times", x.caller.MaxRedirects)
	}
	x.redirects++
	to, err := r.URL.Parse(resp.Header.Get("Location"))
	if err != nil {
		return nil, fmt.Errorf("redirected to %q: %w", resp.Header.Get("Location"), err)
	}
	if to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
		return nil, fmt.Errorf("redirected to %q, which is no http or https URL", resp.Header.Get("Location"))
	}
	next := r.Clone(r.Context())
	next.Method, next.URL, next.Response = method, to, resp
	next.Body, next.ContentLength = nil, 0
	if body && r.GetBody != nil {
		if next.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
		next.ContentLength = r.ContentLength
	} else {
		next.GetBody = nil
		next.Header.Del("Content-Type")
	}
	if to.Scheme != r.URL.Scheme || !strings.EqualFold(to.Host, r.URL.Host) {
		next.Host = ""
		next.Header.Del("Cookie")
	}
	return next, nil
}

// ErrTimeout is returned for a call that took longer than it may.
var ErrTimeout = errors.New("the call took longer than --max-time")

// unwrapTimeout says what ended the context, which net/http does not always.
func unwrapTimeout(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
