// Package furl calls AWS Lambda function URLs with IAM authentication.
//
// [Transport] is an [http.RoundTripper] that signs whatever goes to a function URL with the credentials of an
// [aws.Config].
//
// The service is "lambda" and the region is that of the host, wherever the caller runs. The same client works against
// a real function URL and one of a local server, in host style (*.localhost) and in path style (/_furl/url/ID/).
//
// # What it does about the pitfalls
//
// The request target goes out as it was typed: net/http writes some legal targets differently, and a signature made
// for one spelling does not hold for the other. Lambda accepts no unsigned payload, so the body is hashed before the
// first byte is sent: read twice where it can be read again, spooled where not. Refusals that a second try can cure
// (a clock that is off, credentials that were renewed) are cured and tried once more. Responses are never buffered.
//
// # What it refuses
//
// It signs nothing for a host that is not known to be a function URL, and nothing that a redirect leads to another
// host. It refuses targets that no verifier accepts. It does not speak the S3 dialect of the signature.
package furl

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/furl-dev/furl/internal/furlproto"
)

// URL is a function URL taken apart. Nothing in it is decoded or normalised.
type URL struct {
	Scheme string // "https", or "http" of a local server
	Host   string // as typed, with port
	Target string // path and query as typed, "/" at least; without fragment
	ID     string // the function URL's id in lower case; "" for a custom domain
	Region string // in lower case; "" where the URL does not say: path style and custom domains
	// Base is what of the target addresses the function URL and is not for the function: "/_furl/url/ID" in path
	// style, else "".
	Base string
}

// String returns the URL as it was typed, but for the fragment.
func (u URL) String() string { return u.Scheme + "://" + u.Host + u.Target }

// ParseURL takes an absolute http or https URL apart: ID.lambda-url.REGION.on.aws, the same below localhost or any
// other suffix, a path-style URL, or anything else, which is taken for a custom domain with neither ID nor Region.
//
// It refuses what could not be sent byte for byte: spaces and control characters, malformed escapes, user
// information.
func ParseURL(raw string) (URL, error) {
	for i := 0; i < len(raw); i++ {
		if raw[i] <= ' ' || raw[i] == 0x7f {
			return URL{}, fmt.Errorf("furl: URL %q has a space or control character: write it percent-encoded", raw)
		}
	}
	parsed, err := url.Parse(raw)
	if err != nil {
		return URL{}, fmt.Errorf("furl: %w", err)
	}
	switch {
	case parsed.Scheme != "https" && parsed.Scheme != "http":
		return URL{}, fmt.Errorf("furl: URL %q does not begin with https:// or http://", raw)
	case parsed.Host == "" || parsed.Opaque != "":
		return URL{}, fmt.Errorf("furl: URL %q has no host", raw)
	case parsed.User != nil:
		return URL{}, fmt.Errorf("furl: URL of %s has a user name: the signature takes the place of passwords", parsed.Host)
	}
	u := URL{Scheme: parsed.Scheme, Host: parsed.Host, Target: rawTarget(raw)}
	u.ID, u.Region, u.Base = identify(u.Host, u.Target)
	return u, nil
}

// rawTarget is the target in an absolute URL.
func rawTarget(raw string) string {
	raw, _, _ = strings.Cut(raw, "#")
	_, raw, _ = strings.Cut(raw, "://")
	start := strings.IndexAny(raw, "/?")
	if start < 0 {
		return "/"
	}
	if raw[start] == '?' {
		return "/" + raw[start:]
	}
	return raw[start:]
}

// identify finds out which function URL a host and a target are. All three are empty if it is none.
func identify(host, target string) (id, region, base string) {
	if id, region, ok := parseHost(host); ok {
		return id, region, ""
	}
	rest, ok := strings.CutPrefix(target, furlproto.URLs)
	if !ok {
		return "", "", ""
	}
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	if rest == "" {
		return "", "", ""
	}
	return rest, "", furlproto.URLs + rest
}

// parseHost reads ID.lambda-url.REGION.SUFFIX, with or without port. Some old URLs have ID.cell-1-lambda-url.
func parseHost(host string) (id, region string, ok bool) {
	id, rest, ok := strings.Cut(host, ".")
	if !ok || id == "" {
		return "", "", false
	}
	service, rest, ok := strings.Cut(rest, ".")
	if !ok || !strings.HasSuffix(strings.ToLower(service), "lambda-url") {
		return "", "", false
	}
	region, suffix, ok := strings.Cut(rest, ".")
	if !ok || region == "" || suffix == "" {
		return "", "", false
	}
	return strings.ToLower(id), strings.ToLower(region), true
}
