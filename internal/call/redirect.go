package call

import (
	"fmt"
	"net/http"
	"strings"
)

// redirected returns the request that a redirect asks for, or nil if the response is no redirect or furl does not
// follow it. It keeps and drops methods and bodies as RFC 9110, section 15.4 says and as curl does.
func (x *exchange) redirected(r *http.Request, resp *http.Response) (*http.Request, error) {
	location := resp.Header.Get("Location")
	if !x.caller.Follow || location == "" {
		return nil, nil
	}
	method, body := r.Method, true
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound:
		if method == http.MethodPost && !x.caller.KeepPost[resp.StatusCode-http.StatusMovedPermanently] {
			method, body = http.MethodGet, false
		}
	case http.StatusSeeOther:
		body = method == http.MethodPost && x.caller.KeepPost[resp.StatusCode-http.StatusMovedPermanently]
		if method != http.MethodHead && !body {
			method = http.MethodGet
		}
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default: // as curl does with what names a place and has no rule of its own
		if resp.StatusCode < http.StatusMultipleChoices || resp.StatusCode >= http.StatusBadRequest {
			return nil, nil
		}
	}
	if x.caller.KeepMethod {
		method = r.Method
	}
	if x.caller.MaxRedirects >= 0 && x.redirects >= x.caller.MaxRedirects {
		return nil, fmt.Errorf("redirected more than %d times", x.caller.MaxRedirects)
	}
	x.redirects++
	to, err := r.URL.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("redirected to %q: %w", location, err)
	}
	if to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
		return nil, fmt.Errorf("redirected to %q, which is not an http or https URL", location)
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
	same := to.Scheme == r.URL.Scheme && strings.EqualFold(to.Host, r.URL.Host) && !x.left
	if !same {
		x.left = true // for good, as for the signature
		next.Host = ""
		for _, name := range []string{"Authorization", "X-Amz-Security-Token", "X-Amz-Date"} { // of an unsigned request
			next.Header.Del(name)
		}
	}
	if x.prepared.autoReferer {
		from := *r.URL
		from.Fragment, from.User = "", nil
		next.Header.Set("Referer", from.String())
	}
	x.prepared.setCookies(next, same)
	return next, nil
}
