package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// methods: HTTP libraries change the method on redirects, and HEAD is often signed as GET.
func (x *exam) methods(try tries) {
	for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		if m != x.base.method {
			try(hypothesis{Method, inMethod, m == "GET" || m == "POST",
				"The request was signed as " + m + " but arrived as " + short(x.base.method) + ".",
				"Sign the method that is sent; do not follow redirects with a signed request.",
				func(a *attempt) { a.method = m }})
		}
	}
	try(hypothesis{MethodCase, inMethod, false,
		"The method was signed in lower case.", "Sign the method in capitals, as it is sent.",
		func(a *attempt) { a.method = strings.ToLower(a.method) }})
}

// paths: all the ways to get the double encoding wrong, and changes on the way.
func (x *exam) paths(try tries) {
	const fixOnce = "Encode each path segment twice in the canonical request: only S3 wants it encoded once."
	path := cmp.Or(x.claim.Path, "/")
	if len(path) > maxText {
		x.skip("path")
		return
	}
	normal := x.base.path
	set := func(p string) func(*attempt) { return func(a *attempt) { a.path = p } }
	segment := func(dst []byte, seg string) []byte { return append(dst, seg...) }
	encoded := func(p string, form canonical.PathForm) string { return string(canonical.AppendPath(nil, p, form)) }
	x.guesses(try, inPath, map[string]bool{normal: true}, set, []guess{
		{PathNotNormal, true, func() string { return encoded(path, canonical.AsSent) },
			"The path was signed with its empty or dot segments.",
			"Send a path without empty and dot segments."},
		// A path signed "as it is" is mostly not normalized either.
		{PathEncodedOnce, true, func() string { return string(canonical.AppendNormal(nil, path, true, segment)) },
			"The path was signed as it stands in the URL, not encoded once more.", fixOnce},
		{PathEncodedOnce, true, func() string {
			return string(canonical.AppendNormal(nil, canonical.Unescape(path), true, canonical.AppendEscaped))
		}, "The path was encoded only once in the canonical request.", fixOnce},
		{PathEncodedOnce, false, func() string { return path },
			"The path was signed as it stands in the URL, neither normalized nor encoded once more.", fixOnce},
		{PathNotEncoded, false, func() string { return canonical.Unescape(path) }, "The path was signed decoded.", fixOnce},
		{PathOverencoded, false, func() string { return encoded(normal, canonical.AsSent) },
			"The path was encoded once too often.",
			"Give the signer the path as it is sent; it encodes it once more itself."},
		{PathEscapeCase, false, func() string { return encoded(escapeCase(path, strings.ToUpper), canonical.Normal) },
			"The path was sent with lower-case percent escapes and signed with upper-case ones.",
			"Write percent escapes in capitals, %C3 and not %c3."},
		{PathEscapeCase, false, func() string { return encoded(escapeCase(path, strings.ToLower), canonical.Normal) },
			"The path was sent with upper-case percent escapes and signed with lower-case ones.",
			"Write percent escapes in capitals when signing, %C3 and not %c3."},
		{PathParameters, false, func() string { return encoded(withoutParameters(path), canonical.Normal) },
			"The path was signed without what follows the ';' in its last segment, as Python's urlparse cuts it off.",
			"Write %3B for a ';' in the path."},
		{PathSlash, true, func() string { return strings.TrimSuffix(normal, "/") },
			"The path was signed without the slash at its end.", "Sign the path as it is sent: with the slash at the end."},
		{PathSlash, true, func() string { return normal + "/" },
			"The path was signed with a slash at its end that was not sent.",
			"Send the slash that was signed, or sign without it."},
	})
	// Python's requests, for one, decodes what need not be encoded, after the path has been signed.
	for _, c := range []string{"~", ".", "-", "_"} {
		escape := fmt.Sprintf("%%%02X", c[0])
		for _, signed := range []string{"%25" + escape[1:], "%25" + strings.ToLower(escape[1:]), escape} {
			if strings.Contains(normal, c) {
				try(hypothesis{PathUnreserved, inPath, false, "The path was signed with an escape for each '" + c + "'.",
					"Write '" + c + "' as it is, before the URL is signed.", set(strings.ReplaceAll(normal, c, signed))})
			}
		}
	}
	x.prefixes(try, normal, set)
}

// maxSegments is how many segments of a path are looked at for some that were put into it.
const maxSegments = 8

// prefixes: segments that were put into the path on the way: before it, such as the name of a stage or of a service
// behind a proxy, or /_furl/url/id of furl's own, or behind those.
func (x *exam) prefixes(try tries, normal string, set func(string) func(*attempt)) {
	segments := strings.SplitN(strings.TrimPrefix(normal, "/"), "/", maxSegments+1)
	for from := range segments {
		for to := from + 1; to <= len(segments); to++ {
			put := strings.Join(segments[from:to], "/")
			rest := "/" + strings.Join(slices.Concat(segments[:from], segments[to:]), "/")
			if put == "" || rest == "/" && segments[len(segments)-1] != "" {
				continue // the slash at the end, or all of the path, which targets has
			}
			explanation := "The request was signed for " + quote(rest) + "; the prefix " + quote("/"+put+"/") +
				" was put before it afterwards."
			if from > 0 {
				explanation = "The request was signed for " + quote(rest) + "; " + quote("/"+put) +
					" was put into its path afterwards."
			}
			const fix = "Sign the URL that is called, prefix included."
			// A client that takes /_furl/url/id for another URL has another host too.
			try(hypothesis{PathPrefix, inPath, from == 0 && to <= 3, explanation, fix, set(rest)})
			if from > 0 && to == len(segments) { // the document of a directory
				try(hypothesis{PathPrefix, inPath, false, explanation, fix, set(rest + "/")})
			}
		}
	}
}

// originals are the headers in which proxies tell a target, or a part of one, that they have rewritten.
var originals = []string{"X-Original-Uri", "X-Original-Url", "X-Rewrite-Url", "X-Envoy-Original-Path",
	"X-Replaced-Path", "X-Forwarded-Uri", "X-Forwarded-Prefix", "X-Script-Name"}

// stages are the usual names of stages and versions that gateways take off a path.
var stages = []string{"prod", "production", "dev", "stage", "staging", "test", "default", "$default", "api", "v1", "v2",
	"lambda", "beta", "live"}

// stripped: a prefix that something on the way took off the path, or a target that it rewrote and tells about.
func (x *exam) stripped(try tries) {
	if len(x.base.path) > maxText {
		return
	}
	const fix = "Sign the URL that arrives, or have nothing on the way rewrite it."
	seen := map[[2]string]bool{{x.base.path, x.base.query}: true}
	signed := func(target, query string) {
		path := string(canonical.AppendPath(nil, target, canonical.Normal))
		if seen[[2]string{path, query}] {
			return
		}
		seen[[2]string{path, query}] = true
		try(hypothesis{PathStripped, inTarget, false, "The request was signed for " + quote(path) +
			", which something on the way rewrote into " + quote(x.base.path) + ".", fix,
			func(a *attempt) { a.path, a.query = path, query }})
	}
	for _, name := range originals {
		for _, value := range x.sent(name)[:min(len(x.sent(name)), 1)] {
			if len(value) > maxText {
				continue
			}
			path, query := canonical.SplitTarget(value)
			args, _ := splitQuery(query, x.claim.InQuery)
			signed(path, rightQuery(args))
			signed(path, x.base.query)
			signed(strings.TrimSuffix(path, "/")+x.claim.Path, x.base.query)
		}
	}
	for _, stage := range stages {
		signed("/"+stage+x.claim.Path, x.base.query)
		if x.claim.Path == "/" {
			signed("/"+stage, x.base.query)
		}
	}
}

// withoutParameters cuts the last segment of a path at its first ';'.
func withoutParameters(path string) string {
	last := strings.LastIndexByte(path, '/')
	segment, _, _ := strings.Cut(path[last+1:], ";")
	return path[:last+1] + segment
}

// escapeCase applies f to each percent escape.
func escapeCase(s string, f func(string) string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 || i+3 > len(s) {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		b.WriteString(f(s[i : i+3]))
		s = s[i+3:]
	}
}
