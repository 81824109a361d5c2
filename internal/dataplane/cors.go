//go:build unix

package dataplane

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/trace"
)

// isPreflight reports whether a request is a CORS preflight for a URL that has a CORS configuration. The front end
// answers it itself, without a signature and without the function (Lambda Developer Guide, "Cross-origin resource
// sharing"). Without a configuration OPTIONS is a request like any other, and so it is without one of the two headers
// (radkawar/stackd, url_http_codecs.json, recorded in September 2026, as are the other facts of this file that are not
// marked as assumed).
func isPreflight(cors *lambda.CORS, r *http.Request) bool {
	return cors != nil && r.Method == http.MethodOptions &&
		r.Header.Get("Access-Control-Request-Method") != "" && r.Header.Get("Origin") != ""
}

// answerPreflight sets the headers of the answer to a preflight. One that asks for a method or a header that the
// configuration does not name gets none, as one from another origin.
func answerPreflight(cors *lambda.CORS, header, asked http.Header) {
	if allowsRequest(cors, asked) && allowOrigin(cors, header, asked.Get("Origin")) {
		addList(header, "Access-Control-Allow-Methods", cors.AllowMethods)
		addList(header, "Access-Control-Allow-Headers", cors.AllowHeaders)
		if cors.MaxAge != nil {
			header.Set("Access-Control-Max-Age", strconv.Itoa(*cors.MaxAge))
		}
	}
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", "0")
}

// allowsRequest reports whether the configuration names the method and the headers that a preflight asks for. A list
// that is not configured forbids nothing here: the browser does, for the answer does not name it (assumed).
func allowsRequest(cors *lambda.CORS, asked http.Header) bool {
	names := func(list []string, wanted string) bool {
		return len(list) == 0 || wanted == "" || slices.ContainsFunc(list, func(allowed string) bool {
			return allowed == "*" || strings.EqualFold(allowed, wanted)
		})
	}
	for name := range strings.SplitSeq(asked.Get("Access-Control-Request-Headers"), ",") {
		if !names(cors.AllowHeaders, strings.TrimSpace(name)) {
			return false
		}
	}
	return names(cors.AllowMethods, asked.Get("Access-Control-Request-Method"))
}

// exposeTo adds the headers that let a page of the origin read the function's answer, after those that the function
// set itself.
func exposeTo(cors *lambda.CORS, header http.Header, origin string) {
	if allowOrigin(cors, header, origin) {
		addList(header, "Access-Control-Expose-Headers", cors.ExposeHeaders)
	}
}

// allowOrigin adds the headers that name the origin, and reports whether it may read the answer. There are none for an
// origin that the configuration does not name. Credentials with the origin "*" reflect the origin, which is all that
// browsers accept.
func allowOrigin(cors *lambda.CORS, header http.Header, origin string) bool {
	if cors == nil || origin == "" {
		return false
	}
	isAllowed := func(allowed string) bool { return matchOrigin(allowed, origin) }
	anyOrigin := slices.Contains(cors.AllowOrigins, "*")
	if !anyOrigin && !slices.ContainsFunc(cors.AllowOrigins, isAllowed) {
		return false
	}
	credentials := cors.AllowCredentials != nil && *cors.AllowCredentials
	if anyOrigin && !credentials {
		header.Add("Access-Control-Allow-Origin", "*")
	} else {
		header.Add("Access-Control-Allow-Origin", origin)
		header.Add("Vary", "Origin")
	}
	if credentials {
		header.Add("Access-Control-Allow-Credentials", "true")
	}
	return true
}

// addList adds values to a header that is one list.
func addList(header http.Header, name string, values []string) {
	if len(values) > 0 {
		header.Set(name, strings.Join(slices.Concat(header.Values(name), values), ","))
	}
}

// matchOrigin compares an origin with an allowed one, which may have one "*" in the place of anything, as in
// https://*.example.com.
func matchOrigin(allowed, origin string) bool {
	before, after, wildcard := strings.Cut(allowed, "*")
	if !wildcard {
		return strings.EqualFold(allowed, origin)
	}
	return len(origin) >= len(before)+len(after) &&
		strings.EqualFold(origin[:len(before)], before) && strings.EqualFold(origin[len(origin)-len(after):], after)
}

// preflight answers a CORS preflight request.
func (x *exchange) preflight() bool {
	cors := x.url.Config.CORS
	if !isPreflight(cors, x.r) {
		return false
	}
	answerPreflight(cors, x.w.Header(), x.r.Header)
	x.status = http.StatusOK
	x.w.WriteHeader(http.StatusOK)
	x.found("preflight", newNote(trace.OK, "CORS preflight, answered from the URL's CORS configuration"))
	return true
}
