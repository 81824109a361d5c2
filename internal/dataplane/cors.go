package dataplane

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/trace"
)

// preflight answers a CORS preflight request if the URL has a CORS configuration: the front end does that itself,
// without a signature and without the function (Lambda Developer Guide, "Cross-origin resource sharing"). Without a
// configuration OPTIONS is a request like any other.
func (x *exchange) preflight() bool {
	cors := x.url.Config.CORS
	if cors == nil || x.r.Method != http.MethodOptions || x.r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	header := x.w.Header()
	if x.allowOrigin() {
		set := func(name string, values []string) {
			if len(values) > 0 {
				header.Set(name, strings.Join(values, ","))
			}
		}
		set("Access-Control-Allow-Methods", cors.AllowMethods)
		set("Access-Control-Allow-Headers", cors.AllowHeaders)
		if cors.MaxAge != nil {
			header.Set("Access-Control-Max-Age", strconv.Itoa(*cors.MaxAge))
		}
	}
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", "0")
	x.status = http.StatusOK
	x.w.WriteHeader(http.StatusOK)
	x.found("preflight", newNote(trace.OK, "CORS preflight, answered from the URL's CORS configuration"))
	return true
}

// allowOrigin adds the headers that let a page of the request's origin read the answer. For an origin that the
// configuration does not name there are none (assumed); credentials with the origin "*" reflect the origin, which
// is all that browsers accept.
func (x *exchange) allowOrigin() bool {
	cors, origin := x.url.Config.CORS, x.r.Header.Get("Origin")
	if cors == nil || origin == "" {
		return false
	}
	anyOrigin := slices.Contains(cors.AllowOrigins, "*")
	if !anyOrigin && !slices.ContainsFunc(cors.AllowOrigins, func(allowed string) bool { return matchOrigin(allowed, origin) }) {
		return false
	}
	credentials := cors.AllowCredentials != nil && *cors.AllowCredentials
	header := x.w.Header()
	if anyOrigin && !credentials {
		header.Set("Access-Control-Allow-Origin", "*")
	} else {
		header.Set("Access-Control-Allow-Origin", origin)
		header.Add("Vary", "Origin")
	}
	if credentials {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(cors.ExposeHeaders) > 0 {
		header.Set("Access-Control-Expose-Headers", strings.Join(cors.ExposeHeaders, ","))
	}
	return true
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
