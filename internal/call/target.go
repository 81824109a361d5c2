package call

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/arn"
)

// Target is the URL or the function to call.
type Target struct {
	URL string // absolute, "" for a function
	// Function is a name or an ARN without a qualifier. Qualifier is an alias or "". Rest is the path and the query, at
	// least "/".
	Function, Qualifier, Rest string
	Region                    string // of the ARN; "" for a name
}

// ParseTarget reads the argument of a command: a URL; a host with or without a path, which gets http if it is this
// machine and https otherwise; or the name or ARN of a function, with or without an alias and a path, such as
// my-function:live/orders?id=7.
func ParseTarget(argument string) (Target, error) {
	if strings.Contains(argument, "://") {
		return Target{URL: argument}, nil
	}
	end := strings.IndexAny(argument, "/?#")
	if end < 0 {
		end = len(argument)
	}
	head, rest := argument[:end], argument[end:]
	if rest == "" || rest[0] != '/' {
		rest = "/" + rest
	}
	function, err := arn.ParseFunction(head, "", "")
	if strings.HasPrefix(head, "arn:") {
		if _, err := arn.ParseFunctionARN(head); err != nil {
			return Target{}, err
		}
		if !hasURL(function) {
			return Target{}, fmt.Errorf("%q has no function URL: only a function and its aliases do", head)
		}
	}
	if err == nil && hasURL(function) && !IsLocal(head) {
		unqualified := strings.TrimSuffix(head, ":"+function.Qualifier)
		return Target{Function: unqualified, Region: function.Region, Qualifier: function.Qualifier, Rest: rest}, nil
	}
	if !strings.ContainsAny(head, ".:") && !IsLocal(head) {
		return Target{}, fmt.Errorf("%q is neither a URL nor the name of a function", argument)
	}
	scheme := "https://"
	if IsLocal(head) {
		scheme = "http://"
	}
	return Target{URL: scheme + argument}, nil
}

// hasURL reports whether a function or alias may have a function URL. A version has none, so "name:8080" is a host with
// a port.
func hasURL(f arn.Function) bool { return f.Qualifier == "" || f.IsAlias() }

// IsLocal reports whether a host, with or without a port, is this machine.
func IsLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	address, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && address.IsLoopback()
}

// Lookup finds the URL of a function, as Lambda writes it.
type Lookup func(ctx context.Context, function, qualifier string) (url string, err error)

// Resolve returns the absolute URL to call.
func (t Target) Resolve(ctx context.Context, lookup Lookup) (string, error) {
	if t.URL != "" {
		return t.URL, nil
	}
	url, err := lookup(ctx, t.Function, t.Qualifier)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(url, "/") + t.Rest, nil
}

// RemoteName returns the file name that -O takes from a URL: its last path segment.
func RemoteName(u furl.URL) (string, error) {
	path, _, _ := strings.Cut(strings.TrimPrefix(u.Target, u.Base), "?")
	name := path[strings.LastIndexByte(path, '/')+1:]
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, `\:`) || !filepath.IsLocal(name) { // such as NUL on Windows
		return "", errors.New("the URL has no file name at its end: name one with --output")
	}
	return name, nil
}
