package cli

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/mcp"
	"github.com/furl-dev/furl/internal/proxy"
	"github.com/furl-dev/furl/internal/snippet"
)

// flagCompletion is the completion of a flag's value; nil for a flag without one, and for one that it does not know.
func flagCompletion(command *cobra.Command, f *pflag.Flag) completion {
	own := command.Name() + " --" + f.Name
	switch own { // flags that mean something of their own
	case "call --data", "sign --data", "call --data-ascii", "sign --data-ascii":
		return filesAfter("@")
	case "call --user", "sign --user":
		return freeText
	case "sign --as":
		return fixed(call.Formats()...)
	case "check --as":
		return callers
	case "mcp --print-config":
		return fixed(mcp.ClientNames()...)
	case "mcp --stream":
		return fixed("auto", "always", "never")
	case "check --fix":
		return fixed(forms(snippet.Files())...)
	case "learn --print":
		return fixed(forms(snippet.Forms())...)
	case "revoke --print":
		return fixed(string(snippet.CLI))
	case "serve --account", "dev --account", "exec --account", "check --account", "grant --account", "lint --account", "who --account":
		return freeText // what there will be
	case "url --auth", "create --auth", "update --auth", "dev --auth", "exec --auth":
		return fixed("AWS_IAM", "NONE")
	case "check --callers", "who --callers", "serve --env-file", "dev --env-file", "exec --env-file":
		return files
	}
	switch f.Name {
	case "profile", "caller-profile":
		return func(context.Context, *tab) words { return withNames(awsconfig.Profiles()) }
	case "region":
		return regions
	case "endpoint-url":
		return endpoints
	case "role-arn":
		return func(ctx context.Context, t *tab) words { return withNames(t.principals(ctx, iam.OfRole)) }
	case "role", "user":
		return localPrincipals(iam.OwnerKind(f.Name))
	case "account":
		return localAccounts
	case "qualifier":
		return func(ctx context.Context, t *tab) words {
			function, ok := t.function()
			if !ok {
				return words{}
			}
			return withNames(t.qualifiers(ctx, function, aliases))
		}
	case "function":
		return functions(aliases)
	case "to":
		return grantees
	case "from":
		return granted
	case "via":
		return fixed("resource", "identity")
	case "print":
		return fixed(append([]string{string(snippet.CLI)}, forms(snippet.Wholes())...)...)
	case "fix":
		return fixed(forms(snippet.Forms())...)
	case "stream":
		return fixed("auto", "always", "never")
	case "print-config":
		return fixed(mcp.ClientNames()...)
	case "route":
		return after("=", functions(aliases))
	case "request", "method", "cors-allow-methods":
		return fixed("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
	case "invoke-mode":
		return fixed("BUFFERED", "RESPONSE_STREAM")
	case "runtime":
		return fixed("nodejs24.x", "nodejs22.x", "nodejs20.x", "python3.14", "python3.13", "python3.12", "python3.11", "java25", "java21",
			"ruby3.4", "ruby3.3", "provided.al2023", "provided.al2")
	case "log-level":
		return fixed("debug", "info", "warn", "error")
	case "level":
		return fixed("trace", "debug", "info", "warn", "error", "fatal")
	case "log-format":
		return fixed("auto", "text", "json")
	case "report":
		return fixed("text", "json")
	case "sandbox":
		return fixed("auto", "strict", "off")
	case "memory":
		return fixed("auto", "off")
	case "console":
		return fixed("read", "edit", "off")
	case "url-style":
		return fixed("auto", "host", "path")
	case "forwarded-proto":
		return fixed("https", "http")
	case "client-auth":
		return fixed(string(proxy.ClientsRequired), string(proxy.ClientsOptional))
	case "admin":
		return fixed(proxy.DefaultAdmin, "off")
	case "shell":
		return fixed("sh", "bash", "zsh", "fish", "powershell")
	case "service":
		return fixed("lambda")
	case "cors-allow-origins", "allow-origin":
		return fixed("*")
	case "context":
		return fixed("aws:SourceIp=", "aws:SourceVpc=", "aws:SourceVpce=", "aws:SourceArn=", "aws:SourceAccount=",
			"aws:PrincipalOrgID=", "aws:UserAgent=", "aws:SecureTransport=", "aws:CurrentTime=")
	case "data", "node-modules", "python-packages", "sandbox-write", "code-dir":
		return directories
	case "proto-default":
		return fixed("https", "http")
	case "aws-sigv4":
		return fixed("aws:amz")
	case "output-dir":
		return directories
	case "har", "output", "upload-file", "cookie", "cookie-jar", "dump-header", "config", "cacert", "session-policy", "input",
		"template", "offline", "tls-cert", "tls-key", "client-ca", "token-file", "sandbox-read", "dev":
		return files
	case "scp":
		return filesAfter("=")
	case "data-binary", "json", "header", "write-out":
		return filesAfter("@")
	case "data-urlencode", "url-query":
		return filesAfter("@")
	case "form":
		return filesAfter("=@", "=<")
	case "data-raw", "form-string", "user-agent", "resolve", "connect-to", "url", "referer", "range",
		"oauth2-bearer", "proxy", "proxy-user", "noproxy", "socks5", "socks5-hostname", "limit-rate", "sign-host", "source-arn", "path", "request-id", "no-policy", // texts
		"param", "stack", "handler", "name", "build", "http", "http-upstream", "endpoint", "debug", "suffix", "listen",
		"allow-host", "cors-allow-headers", "cors-expose-headers",
		"expires", "since", "wait", "drain-timeout", "max-time", "connect-timeout", "timeout", "idle-timeout", "breaker-timeout", // times
		"lines", "repeat", "concurrency", "rate", "retry", "max-redirs", "max-body", "max-concurrent", "max-environments", // numbers
		"account-concurrency", "stream-bandwidth", "cors-max-age", "max-message", "burst", "breaker-failures", "max-connections",
		"retries", "retry-budget":
		return freeText
	}
	return nil
}
