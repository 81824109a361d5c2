package cli

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/snippet"
)

// fill puts the arguments into the places of a hint, line by line. A line with a list is there once for each of its
// elements; a line with an empty argument is not there.
func fill(hint string, arguments []any) string {
	var lines []string
	for line := range strings.SplitSeq(hint, "\n") {
		places := strings.Count(line, "%s")
		own := arguments[:places]
		arguments = arguments[places:]
		lines = append(lines, fillLine(line, own)...)
	}
	return strings.Join(lines, "\n")
}

func fillLine(line string, arguments []any) []string {
	for i, argument := range arguments {
		list, ok := argument.([]string)
		if !ok {
			continue
		}
		var lines []string
		for _, element := range list {
			one := slices.Clone(arguments)
			one[i] = element
			lines = append(lines, fillLine(line, one)...)
		}
		return lines
	}
	if slices.Contains(arguments, any("")) {
		return nil
	}
	return []string{fmt.Sprintf(line, arguments...)}
}

// mistyped makes an error in how the command was typed, with what was meant.
func mistyped(command *cobra.Command, err error, meant ...string) error {
	return fail(wrongUsage, err, meant, command.CommandPath())
}

// expected is the error for a number of arguments that a command does not take.
func expected(command *cobra.Command, args []string) error {
	use := strings.TrimSuffix(command.UseLine(), " [flags]")
	_, wanted, _ := strings.Cut(use, command.CommandPath()+" ")
	found := "there is no argument"
	if len(args) > 0 {
		found = fmt.Sprintf("there are %d arguments: %s", len(args), strings.Join(quoted(args), " "))
	}
	if wanted == "" {
		return usage(command, fmt.Errorf("%s takes no arguments, and there is %q", command.CommandPath(), args[0]))
	}
	return mistyped(command, fmt.Errorf("%s takes %s, and %s", command.CommandPath(), wanted, found), use)
}

// misplaced is the error for a method or a path in the place of a URL; nil if there is none.
func misplaced(command *cobra.Command, args []string) error {
	switch {
	case len(args) != 2:
	case isMethod(args[0]):
		return mistyped(command, fmt.Errorf("%q is a method, and not a URL or a function", args[0]),
			command.CommandPath()+" -X "+strings.ToUpper(args[0])+" "+snippet.Quote(args[1]))
	case strings.HasPrefix(args[1], "/"):
		return mistyped(command, fmt.Errorf("%q is a path, and not a URL or a function", args[1]),
			command.CommandPath()+" "+snippet.Quote(strings.TrimSuffix(args[0], "/")+args[1]))
	}
	return nil
}

func isMethod(text string) bool {
	methods := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions,
	}
	return slices.Contains(methods, strings.ToUpper(text))
}

func quoted(texts []string) []string {
	var all []string
	for _, text := range texts {
		all = append(all, fmt.Sprintf("%q", text))
	}
	return all
}

// synonyms are words that people type for furl's commands: those of the AWS CLI, of SAM and of other tools.
var synonyms = map[string]string{
	"invoke": "call", "curl": "call", "request": "call", "http": "call", "fetch": "call", "post": "call", "send": "call",
	"start": "serve", "run": "serve", "up": "serve", "server": "serve", "local": "serve", "daemon": "serve",
	"list": "url list", "ls": "url list", "urls": "url list",
	"create": "url create", "add": "url create", "new": "url create",
	"get": "url get", "show": "url get", "update": "url update", "delete": "url delete", "rm": "url delete",
	"remove": "url delete", "trace": "explain", "why": "explain", "describe": "explain", "debug": "explain", "log": "logs",
	"tail": "logs", "allow": "grant", "permit": "grant", "add-permission": "grant", "deny": "revoke", "ungrant": "revoke",
	"remove-permission": "revoke", "lint": "policy lint", "evaluate": "policy evaluate", "simulate": "policy evaluate",
	"presign": "sign", "test": "check", "verify": "check", "doctor": "check", "diagnose": "check", "status": "env",
	"config": "env", "environment": "env", "forward": "proxy", "tunnel": "proxy", "example": "demo", "tutorial": "demo",
}

// flagSynonyms are flags that people type for furl's flags: those of its own other commands and of the AWS CLI.
var flagSynonyms = map[string][]string{
	"to": {"from"}, "from": {"to"}, "principal": {"to", "from", "as"}, "role": {"to", "from", "as", "role-arn"},
	"function-url-auth-type": {"auth"}, "alias": {"qualifier"}, "body": {"data"}, "verify": {"cacert"},
	"port": {"listen"}, "host": {"listen"}, "address": {"listen"}, "dir": {"data"}, "tail": {"follow"},
}

// unknownCommand is the error for a word in the place of a command.
func unknownCommand(parent *cobra.Command, word string) error {
	root := parent.Root()
	err := fmt.Errorf("unknown command %q for %q", word, parent.CommandPath())
	var meant []string
	if path, ok := synonyms[strings.ToLower(word)]; ok {
		meant = append(meant, root.Name()+" "+path)
	}
	paths := map[string]string{} // by name
	var names []string
	for _, from := range []*cobra.Command{parent, root} {
		walk(from, func(command *cobra.Command) {
			if _, known := paths[command.Name()]; !known {
				paths[command.Name()] = command.CommandPath()
				names = append(names, command.Name())
			}
		})
	}
	for _, name := range nearest(word, names) {
		if !slices.Contains(meant, paths[name]) {
			meant = append(meant, paths[name])
		}
	}
	if target, err := call.ParseTarget(word); err == nil && target.URL != "" {
		meant = []string{root.Name() + " call " + snippet.Quote(word)}
	}
	return mistyped(parent, err, meant...)
}

// unknownTopic refuses help about a command that there is not.
func unknownTopic(help *cobra.Command, args []string) error {
	about, rest, err := help.Root().Find(args)
	if err == nil && len(rest) > 0 && about.HasSubCommands() {
		return unknownCommand(about, rest[0])
	}
	return err
}

// walk visits the commands below a command that people may type.
func walk(parent *cobra.Command, visit func(*cobra.Command)) {
	for _, child := range parent.Commands() {
		if child.IsAvailableCommand() {
			visit(child)
			walk(child, visit)
		}
	}
}

// flagError is the error for flags that cannot be read. args are all of the command line.
func flagError(command *cobra.Command, args []string, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return usage(command, err)
	}
	if command.HasSubCommands() {
		words := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return strings.HasPrefix(arg, "-") })
		if above := len(strings.Fields(command.CommandPath())) - 1; len(words) > above {
			return unknownCommand(command, words[above])
		}
	}
	name := unknown.GetSpecifiedName()
	if !command.HasParent() && slices.Contains([]string{"V", "v"}, name) { // as curl and most programs have it
		return mistyped(command, err, command.Name()+" version")
	}
	if command.Flags().Lookup("data-binary") != nil { // a command with curl's flags
		if option, typed, ok := call.FindCurlOption(name); ok {
			const other = "furl sign URL --as curl, which prints the signed curl command to add it to"
			return mistyped(command, fmt.Errorf("%s does not have curl's %s", command.CommandPath(), typed), cmp.Or(option.Instead, other))
		}
	}
	var names, meant []string
	command.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if unknown.GetSpecifiedShortnames() == "" {
		for _, twin := range flagSynonyms[name] {
			if slices.Contains(names, twin) {
				meant = append(meant, "--"+twin)
			}
		}
		for _, known := range nearest(name, names) {
			meant = append(meant, "--"+known)
		}
	} else if group := unknown.GetSpecifiedShortnames(); slices.Contains(names, group) {
		meant = append(meant, "--"+group) // -profile
	}
	return mistyped(command, err, meant...)
}

// nearest are the names that a person may have meant, at most three: those that differ in few letters or begin with the
// word. Cobra compares words for its own suggestions.
func nearest(word string, names []string) []string {
	const most, fewest, letters = 3, 1, 3
	list := &cobra.Command{SuggestionsMinimumDistance: fewest + len(word)/letters}
	for _, name := range names {
		list.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	found := list.SuggestionsFor(word)
	return found[:min(most, len(found))]
}

// Recognizers of errors of other packages, for the table.

// proxyRefused matches a proxy that wants a password, which is about the proxy.
func proxyRefused(err error) ([]any, bool) {
	refused, ok := errors.AsType[*furlproto.ProxyError](err)
	if !ok {
		return nil, false
	}
	return []any{refused.Host}, refused.Status == http.StatusProxyAuthRequired
}

// proxyFailed matches a proxy that does not answer, or not as it should.
func proxyFailed(err error) ([]any, bool) {
	if refused, ok := errors.AsType[*furlproto.ProxyError](err); ok {
		return []any{refused.Host}, true
	}
	dialed, ok := errors.AsType[*net.OpError](err)
	return []any{"that of HTTPS_PROXY or --proxy"}, ok && dialed.Op == "proxyconnect"
}

func plainServer(err error) ([]any, bool) {
	_, garbled := errors.AsType[tls.RecordHeaderError](err)
	return nil, garbled || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// secureServer matches a server that answers with an alert of TLS.
func secureServer(err error) ([]any, bool) {
	return nil, strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`)
}

// unknownLocalCA matches the certificate of a local server whose authority the command does not trust.
func unknownLocalCA(err error) ([]any, bool) {
	unknown, ok := errors.AsType[x509.UnknownAuthorityError](err)
	return nil, ok && unknown.Cert != nil && slices.Contains(unknown.Cert.DNSNames, "localhost")
}

func unknownCA(err error) ([]any, bool) {
	_, ok := errors.AsType[x509.UnknownAuthorityError](err)
	return nil, ok
}

// otherName matches a certificate for other names, which it is about.
func otherName(err error) ([]any, bool) {
	mismatch, ok := errors.AsType[x509.HostnameError](err)
	if !ok {
		return nil, false
	}
	names := slices.Clone(mismatch.Certificate.DNSNames)
	for _, address := range mismatch.Certificate.IPAddresses {
		names = append(names, address.String())
	}
	return []any{cmp.Or(strings.Join(names, ", "), "no name")}, true
}

func badDate(err error) ([]any, bool) {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	return nil, ok && invalid.Reason == x509.Expired
}

// noSuchHost matches a name that does not resolve, which it is about.
func noSuchHost(err error) ([]any, bool) {
	unresolved, ok := errors.AsType[*net.DNSError](err)
	if !ok {
		return nil, false
	}
	return []any{unresolved.Name}, true
}

// noShortHost matches such a name without a dot: NAME:3, a version of a function, reads as a host with a port.
func noShortHost(err error) ([]any, bool) {
	about, ok := noSuchHost(err)
	if !ok || strings.Contains(fmt.Sprint(about...), ".") {
		return nil, false
	}
	return append(about, about...), true
}

// refusedHere matches a port of this machine at which nothing listens, which it is about.
func refusedHere(err error) ([]any, bool) {
	dialed, ok := errors.AsType[*net.OpError](err)
	if !ok || !errors.Is(err, refusedConnection) || dialed.Addr == nil || !call.IsLocal(dialed.Addr.String()) {
		return nil, false
	}
	return []any{dialed.Addr.String()}, true
}

// profiles matches an unknown profile, which is about those that there are, if there are any, or about its name.
func profiles(some bool) func(error) ([]any, bool) {
	return as(func(unknown *awsconfig.UnknownProfile) ([]any, bool) {
		if some {
			return []any{strings.Join(unknown.Known, ", ")}, len(unknown.Known) > 0
		}
		return []any{unknown.Profile}, true
	})
}

// explained matches a refusal by a local server, which is about what would allow it and about the request.
func explained(err error) ([]any, bool) {
	refused, ok := awsconfig.RefusalOf(err)
	return []any{grants(refused.Message), refused.RequestID}, ok && refused.Explained
}

// denied matches the refusal of a caller by AWS, which is about what would allow it.
func denied(err error) ([]any, bool) {
	refused, ok := awsconfig.RefusalOf(err)
	commands := grants(refused.Message)
	return []any{commands}, ok && len(commands) > 0
}

// notAuthorized is what AWS tells a caller who lacks a permission (IAM User Guide, "Troubleshoot access denied error
// messages").
var notAuthorized = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`User: (\S+) is not authorized to perform: ([\w:-]+)(?: on resource: (\S+))?`)
})

// grants are the commands with which an administrator gives the caller of a refusal the permission that it lacks.
func grants(message string) []string {
	found := notAuthorized().FindStringSubmatch(message)
	if found == nil || strings.Contains(message, "explicit deny") {
		return nil
	}
	caller, err := arn.ParsePrincipal(found[1])
	if err != nil {
		return nil
	}
	owner := iam.Owner{Kind: iam.OfUser, Name: caller.Name}
	switch caller.Type {
	case "user":
	case "assumed-role":
		owner.Kind = iam.OfRole
		owner.Name, _, _ = strings.Cut(caller.Name, "/")
	default:
		return nil
	}
	document, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []map[string]string{
		{"Effect": "Allow", "Action": found[2], "Resource": cmp.Or(found[3], "*")},
	}})
	if err != nil {
		return nil
	}
	_, action, _ := strings.Cut(found[2], ":")
	return []string{snippet.PutPolicy(owner, "allow-"+action, string(document))}
}

// actionDenied matches a call of an API that a caller may not make, which is about the action and what would allow it.
func actionDenied(err error) ([]any, bool) {
	failed, ok := errors.AsType[*awsapi.Error](err)
	if !ok || failed.Kind != awsapi.Denied {
		return nil, false
	}
	return []any{failed.Action, grants(failed.Message), explainedAs(err)}, true
}

// badCredentials matches keys that an API does not know, which is about the request.
func badCredentials(err error) ([]any, bool) {
	return []any{explainedAs(err)}, awsapi.KindOf(err) == awsapi.BadCredentials
}

// noPrincipal matches a role or user that does not exist, which is about their kind.
func noPrincipal(err error) ([]any, bool) {
	failed, ok := errors.AsType[*awsapi.Error](err)
	if !ok || failed.Kind != awsapi.NotFound {
		return nil, false
	}
	kind, ok := map[string]string{"iam:GetRole": "roles", "iam:GetUser": "users"}[failed.Action]
	return []any{kind}, ok
}

// explainedAs is the id under which a local server explains a refusal, "" for none.
func explainedAs(err error) string {
	if refused, ok := awsconfig.RefusalOf(err); ok && refused.Explained {
		return refused.RequestID
	}
	return ""
}

// forShell is a hint as the shell of a system takes it. Hints are written for the shells of Unix. On Windows it is
// PowerShell, and a command that needs another system is one for WSL.
func forShell(goos, hint string) string {
	if goos != "windows" {
		return hint
	}
	var text strings.Builder
	for line := range strings.Lines(hint) {
		if before, rest, ok := strings.Cut(line, `eval "$(furl env`); ok {
			if arguments, after, ok := strings.Cut(rest, `)"`); ok {
				line = before + "furl env" + arguments + " --shell powershell | Out-String | Invoke-Expression" + after
			}
		}
		if names, ok := strings.CutPrefix(line, "unset "); ok {
			line = "Remove-Item Env:" + names
		}
		if rest, ok := strings.CutPrefix(line, "date "); ok {
			line = "Get-Date " + rest
		}
		for _, command := range []string{"serve", "dev", "exec", "demo", "ca"} {
			if strings.HasPrefix(line, "furl "+command+" ") {
				line = "wsl " + line
			}
		}
		text.WriteString(strings.ReplaceAll(line, `'\''`, "''"))
	}
	return text.String()
}
