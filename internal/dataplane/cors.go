package dataplane

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
)

// isPreflight reports whether a request is a CORS preflight for a URL that has a CORS configuration. The front end
// answers it itself, without a signature and without the function (Lambda Developer Guide, "Cross-origin resource
// sharing"). Without a configuration OPTIONS is a request like any other.
func isPreflight(cors *lambda.CORS, r *http.Request) bool {
	return cors != nil && r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// answerPreflight sets the headers of the answer to a preflight.
func answerPreflight(cors *lambda.CORS, header http.Header, origin string) {
	if allowOrigin(cors, header, origin) {
		setList(header, "Access-Control-Allow-Methods", cors.AllowMethods)
		setList(header, "Access-Control-Allow-Headers", cors.AllowHeaders)
		if cors.MaxAge != nil {
			header.Set("Access-Control-Max-Age", strconv.Itoa(*cors.MaxAge))
		}
	}
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", "0")
}

// allowOrigin adds the headers that let a page of the origin read the answer, and reports whether it may. There are
// none for an origin that the configuration does not name (assumed). Credentials with the origin "*" reflect the
// origin, which is all that browsers accept.
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
		header.Set("Access-Control-Allow-Origin", "*")
	} else {
		header.Set("Access-Control-Allow-Origin", origin)
		header.Add("Vary", "Origin")
	}
	if credentials {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
	setList(header, "Access-Control-Expose-Headers", cors.ExposeHeaders)
	return true
}

func setList(header http.Header, name string, values []string) {
	if len(values) > 0 {
		header.Set(name, strings.Join(values, ","))
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
