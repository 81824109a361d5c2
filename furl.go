// Package furl calls AWS Lambda function URLs with IAM authentication.
//
// [Transport] is an [http.RoundTripper] that signs requests to function URLs with the credentials of an [aws.Config].
// The example of [NewTransport] is a whole client.
//
// It signs for the service "lambda" and for the region in the host name, no matter where the caller runs. The same
// client works with AWS and with a local server, in host style (*.localhost) and in path style (/_furl/url/ID/).
//
// # The pitfalls it handles
//
// It sends the request target as the caller typed it: net/http rewrites some legal targets, and a signature over one
// spelling does not match another. Lambda accepts no unsigned payload, so Transport hashes the body before it sends
// the first byte: it reads the body twice if it can, and spools it otherwise. It corrects a wrong clock and expired
// credentials when Lambda refuses them, and then repeats the request once. It never buffers responses.
//
// # Hosts that are not function URLs by their name
//
// A function URL on a domain of your own is signed for its region if [Transport.Domains] lists it. Where CloudFront or
// another proxy stands in front and sends the function URL's own host on, the signature has to be for that host:
// [Transport.SignHosts] says which.
//
// # Answers and errors
//
// An answer of the function is an answer, whatever its status. [RefusalOf] tells those that Lambda gave instead of calling
// it. Each error of this package wraps one of its Err variables; [Transport.Logger] logs what was signed and repeated.
//
// # What it refuses
//
// It does not sign requests to hosts that it does not know as function URLs, or requests that a redirect sends to
// another host. It refuses targets that no verifier accepts. It does not support the S3 variant of the signature.
package furl

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/furlproto"
)

// Errors of this package wrap one of these, so that errors.Is recognizes them. Errors of the network are those of
// net/http, and a request that its context ended has the cause of that.
var (
	// ErrURL says that a text is not a URL that can be sent byte for byte.
	ErrURL = errors.New("furl: bad URL")
	// ErrNotFunctionURL says that the host of a request is not known to be a function URL.
	ErrNotFunctionURL = errors.New("furl: not known to be a function URL")
	// ErrRegion says that it is not known which region to sign for.
	ErrRegion = errors.New("furl: no region to sign for")
	// ErrCredentials says that there are no credentials to sign a request with.
	ErrCredentials = errors.New("furl: no credentials to sign with")
	// ErrRequest says that no verifier would accept a request, such as one whose path climbs above the root, or that it
	// cannot be sent unchanged.
	ErrRequest = errors.New("furl: bad request")
	// ErrBody says that the body of a request cannot be read.
	ErrBody = errors.New("furl: cannot read the body")
	// ErrBodyTooLarge says that a body can be read only once and is too long for the spool.
	ErrBodyTooLarge = errors.New("furl: request body is too large to be spooled")
	// ErrRefused says that Lambda refused a request instead of calling the function: the error is a [Refusal].
	ErrRefused = errors.New("furl: refused")
)

// URL is a parsed function URL. Nothing in it is decoded or normalized.
type URL struct {
	Scheme string // "https", or "http" of a local server
	Host   string // as typed, with the port
	Target string // path and query as typed, at least "/", without the fragment
	ID     string // the function URL's id in lower case; "" for a custom domain
	Region string // in lower case; "" for a path-style URL and for a custom domain, which do not name one
	// Base is the start of Target that names the function URL and that the function does not see: "/_furl/url/ID" in
	// path style, "" otherwise.
	Base string
}

// String returns the URL as typed, without the fragment.
func (u URL) String() string { return u.Scheme + "://" + u.Host + u.Target }

// ParseURL parses an absolute http or https URL: ID.lambda-url.REGION.on.aws, the same with localhost or another suffix
// in place of on.aws, or a path-style URL. It takes any other URL for a custom domain, which has no ID and no Region.
//
// It refuses URLs that furl cannot send byte for byte, which have spaces, control characters or malformed escapes, and
// URLs with a user name.
func ParseURL(raw string) (URL, error) {
	if strings.ContainsFunc(raw, unsendable) {
		return URL{}, fmt.Errorf("%w: %q has a space or control character: write it percent-encoded", ErrURL, raw)
	}
	parsed, err := url.Parse(raw)
	if err != nil {
		return URL{}, fmt.Errorf("%w: %w", ErrURL, err)
	}
	switch {
	case parsed.Scheme != "https" && parsed.Scheme != "http":
		return URL{}, fmt.Errorf("%w: %q does not begin with https:// or http://", ErrURL, raw)
	case parsed.Host == "" || parsed.Opaque != "":
		return URL{}, fmt.Errorf("%w: %q has no host", ErrURL, raw)
	case parsed.User != nil:
		return URL{}, fmt.Errorf("%w: the one of %s has a user name: leave it out, the signature replaces passwords", ErrURL,
			parsed.Host)
	}
	u := URL{Scheme: parsed.Scheme, Host: parsed.Host, Target: rawTarget(raw)}
	u.ID, u.Region, u.Base = identify(u.Host, u.Target)
	return u, nil
}

// rawTarget returns the target of an absolute URL.
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

// identify finds the function URL that a host and a target name. It returns empty strings if they name none.
func identify(host, target string) (id, region, base string) {
	if h, err := arn.ParseURLHost(host); err == nil {
		return h.ID, h.Region, ""
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
