package call

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/furl-dev/furl"
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
	if strings.HasPrefix(head, "arn:") {
		return parseARN(head, rest)
	}
	if name, qualifier, ok := parseName(head); ok && !IsLocal(head) {
		return Target{Function: name, Qualifier: qualifier, Rest: rest}, nil
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

// parseARN reads arn:aws:lambda:REGION:ACCOUNT:function:NAME, with or without an alias.
func parseARN(arn, rest string) (Target, error) {
	const name = 6 // the colons before it
	parts := strings.SplitN(arn, ":", name+1)
	if len(parts) == name+1 && parts[2] == "lambda" && parts[3] != "" && parts[5] == "function" {
		if _, qualifier, ok := parseName(parts[name]); ok {
			function := strings.TrimSuffix(arn, ":"+qualifier)
			return Target{Function: function, Region: parts[3], Qualifier: qualifier, Rest: rest}, nil
		}
	}
	return Target{}, fmt.Errorf("%q is not the ARN of a Lambda function", arn)
}

// parseName reads NAME or NAME:ALIAS, as Lambda accepts them (API reference, FunctionName). A number is not an alias
// but a version, which has no function URL, so "name:8080" is a host with a port.
func parseName(text string) (name, alias string, ok bool) {
	name, alias, hasAlias := strings.Cut(text, ":")
	const longestName, longestAlias = 64, 128
	ok = isName(name, longestName)
	if hasAlias {
		ok = ok && isName(alias, longestAlias) && strings.Trim(alias, "0123456789") != ""
	}
	return name, alias, ok
}

func isName(text string, longest int) bool {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return text != "" && len(text) <= longest
}

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
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, `\:`) {
		return "", errors.New("the URL has no file name at its end: name one with --output")
	}
	return name, nil
}
