package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/mcp"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
)

// patience is how long a shell waits for words. Lists that are longer then have what was read until then.
const patience = 2 * time.Second

// tab is one question of a shell: what may stand in the place of the word that is being typed.
type tab struct {
	*program
	command *cobra.Command
	args    []string // before it
	typed   string   // of it
}

// words are the answer. A shell offers files or directories, which it knows by itself, only if the answer says so.
type words struct {
	list               []string
	files, directories bool
}

// completion finds the words for a flag or an argument.
type completion func(ctx context.Context, t *tab) words

// isCompletion reports whether the command line is a shell's question.
func isCompletion(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// answerTab prepares a command and those below it to answer a shell.
func (p *program) answerTab(command *cobra.Command) {
	command.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	if what := argumentCompletion(command); what != nil {
		command.ValidArgsFunction = p.answer(command, what)
	}
	command.LocalFlags().VisitAll(func(f *pflag.Flag) {
		_, f.Usage = pflag.UnquoteUsage(f) // what stands beside the flag
		if what := flagCompletion(command, f); what != nil {
			command.RegisterFlagCompletionFunc(f.Name, p.answer(command, what)) //nolint:errcheck // the flag is there
		}
	})
	for _, child := range command.Commands() {
		p.answerTab(child)
	}
}

// answer has the shell wait no longer than patience, whatever the question asks: AWS, a program that makes credentials, or
// a disk that does not answer.
func (p *program) answer(command *cobra.Command, what completion) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if command.Context() == nil {
			command.SetContext(context.Background())
		}
		ctx, cancel := context.WithTimeout(command.Context(), patience)
		defer cancel()
		found := make(chan words, 1)
		asked := *p
		asked.quiet = true // the shell shows what furl notes below the line that is being typed
		go func() { found <- what(ctx, &tab{&asked, command, args, typed}) }()
		last := time.NewTimer(patience + patience/4)
		defer last.Stop()
		select {
		case answer := <-found:
			return answer.matching(typed)
		case <-last.C:
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
}

// matching are the words that begin as typed, for a shell.
func (w words) matching(typed string) ([]string, cobra.ShellCompDirective) {
	switch {
	case w.files:
		return nil, cobra.ShellCompDirectiveDefault
	case w.directories:
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	matching := slices.DeleteFunc(w.list, func(word string) bool { return !strings.HasPrefix(word, typed) })
	slices.Sort(matching)
	directive := cobra.ShellCompDirectiveNoFileComp
	if len(matching) > 0 && !slices.ContainsFunc(matching, func(word string) bool { return !isOpen(word) }) {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return slices.Compact(matching), directive
}

// isOpen reports whether more has to follow a word at once.
func isOpen(word string) bool {
	return word != "" && strings.ContainsRune("=:/,", rune(word[len(word)-1]))
}

// withNames is the answer of names that somebody else chose. What a shell could take for more than a word is left out: some
// evaluate what they complete.
func withNames(names []string) words {
	return words{list: slices.DeleteFunc(names, func(name string) bool {
		return name == "" || name[0] == '-' || len(name) > maxWord || strings.ContainsFunc(name, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_-./:@+=,", r))
		})
	})}
}

const maxWord = 2048 // the longest ARN of IAM

// fixed is a completion with words of furl's own.
func fixed(list ...string) completion {
	return func(context.Context, *tab) words { return words{list: slices.Clone(list)} }
}

// freeText is what nobody but the person knows: the shell offers nothing.
func freeText(context.Context, *tab) words { return words{} }

func files(context.Context, *tab) words { return words{files: true} }

func directories(context.Context, *tab) words { return words{directories: true} }

// argumentCompletion is the completion of a command's arguments; nil for those that are subcommands, or none.
func argumentCompletion(command *cobra.Command) completion {
	switch strings.TrimPrefix(command.CommandPath(), "furl ") {
	case "call", "sign", "proxy", "check", "grant", "revoke", "url create", "url get", "url list", "url update", "url delete":
		return oneMore(functions(aliases))
	case "logs":
		return functions(qualifiers)
	case "mcp":
		return func(ctx context.Context, t *tab) words {
			if f := t.command.Flag("print-config"); len(t.args) > 0 && f.Changed && f.Value.String() == f.NoOptDefVal {
				return words{list: mcp.ClientNames()} // --print-config CLIENT
			}
			return oneMore(functions(aliases))(ctx, t)
		}
	case "explain":
		return oneMore(requestIDs)
	case "policy who":
		return oneOf(functions(aliases), files)
	case "dev", "policy lint", "exec":
		return files
	}
	return nil
}

// oneMore is the completion of an argument that the command has room for.
func oneMore(what completion) completion {
	return func(ctx context.Context, t *tab) words {
		if t.command.Args != nil && t.command.Args(t.command, append(slices.Clone(t.args), "x")) != nil {
			return words{}
		}
		return what(ctx, t)
	}
}

// oneOf is the completion with the words of the first, and the second one's where there are none.
func oneOf(first, second completion) completion {
	return func(ctx context.Context, t *tab) words {
		found := first(ctx, t)
		if !slices.ContainsFunc(found.list, func(word string) bool { return strings.HasPrefix(word, t.typed) }) {
			return second(ctx, t)
		}
		return found
	}
}

func forms(list []snippet.Form) (names []string) {
	for _, form := range list {
		names = append(names, string(form))
	}
	return names
}

// value is a flag of the command line, else of the environment, else its default. A shell's question runs no command, so
// that settle has not settled it.
func (t *tab) value(name string) string {
	f := t.command.Flags().Lookup(name)
	if f == nil {
		return ""
	}
	if !f.Changed {
		for _, variable := range f.Annotations[variables] {
			if value := t.getenv(variable); value != "" {
				return value
			}
		}
	}
	return f.Value.String()
}

// place is where the command will work.
func (t *tab) place() *place {
	l := &place{p: t.program, command: t.command, data: roster.DefaultData, account: t.value("account")}
	if t.isLocal() {
		l.data = t.value("data")
	}
	l.options = awsconfig.Options{
		Profile: t.value("profile"), Region: t.value("region"), EndpointURL: t.value("endpoint-url"), AppID: furlproto.Probe,
	}
	return l
}

// isLocal reports whether the command works with a local server only.
func (t *tab) isLocal() bool {
	f := t.command.Flags().Lookup("data")
	return f != nil && slices.Contains(f.Annotations[variables], "FURL_DATA")
}

// client calls the APIs that the command will call.
func (t *tab) client(ctx context.Context) (*awsapi.Client, error) {
	l := t.place()
	if !t.isLocal() {
		return l.client(ctx, "")
	}
	server, err := l.server(ctx)
	if err != nil {
		return nil, err
	}
	if !server.ours {
		return nil, errors.New("the server is somebody else's")
	}
	key, err := l.rootKey(server.Running, cmp.Or(l.account, server.Account))
	if err != nil {
		return nil, err
	}
	options := awsconfig.Options{
		Region: cmp.Or(l.options.Region, server.Region), EndpointURL: server.Endpoint, Authority: server.CertificateFile, AppID: furlproto.Probe,
	}
	options.Credentials.AccessKeyID, options.Credentials.SecretAccessKey = key.AccessKeyID, key.SecretAccessKey
	return awsapi.Open(ctx, options)
}

// list asks the APIs for names. Those of a server on this machine are always new; others are kept for a minute.
func (t *tab) list(ctx context.Context, what string, ask func(context.Context, *awsapi.Client) []string) []string {
	client, err := t.client(ctx)
	if err != nil {
		return nil
	}
	endpoint, err := url.Parse(client.Endpoint())
	if err != nil || call.IsLocal(endpoint.Host) {
		return ask(ctx, client)
	}
	kept := newKeptNames(what, client.Endpoint(), client.Region(), t.value("profile"), t.getenv("AWS_PROFILE"), t.getenv("AWS_ACCESS_KEY_ID"))
	if names, ok := kept.read(time.Now()); ok {
		return names
	}
	names := ask(ctx, client)
	if len(names) > 0 {
		kept.write(names, time.Now())
	}
	return names
}

// functions completes NAME or NAME:QUALIFIER.
func functions(which qualifierKind) completion {
	return func(ctx context.Context, t *tab) words {
		if strings.ContainsAny(t.typed, "/?#") { // a path, or a URL
			return words{}
		}
		name, _, qualified := strings.Cut(t.typed, ":")
		if !qualified {
			return withNames(t.functions(ctx))
		}
		var names []string
		for _, qualifier := range t.qualifiers(ctx, name, which) {
			names = append(names, name+":"+qualifier)
		}
		return withNames(names)
	}
}

func (t *tab) functions(ctx context.Context) []string {
	return t.list(ctx, "functions", func(ctx context.Context, client *awsapi.Client) (names []string) {
		for function, err := range client.Functions(ctx) {
			if err != nil || len(names) == maxKept {
				break
			}
			names = append(names, function.ARN.Name)
		}
		return names
	})
}

// qualifierKind is what may follow the name of a function.
type qualifierKind int

const (
	aliases    qualifierKind = iota // which may have URLs
	qualifiers                      // versions, too
)

func (t *tab) qualifiers(ctx context.Context, function string, which qualifierKind) []string {
	if _, err := arn.ParseFunction(function, "", ""); err != nil {
		return nil
	}
	names := t.list(ctx, "aliases of "+function, func(ctx context.Context, client *awsapi.Client) []string {
		names, _ := client.Aliases(ctx, function) //nolint:errcheck // a shell shows no error
		return names
	})
	if which == qualifiers {
		names = append(names, t.list(ctx, "versions of "+function, func(ctx context.Context, client *awsapi.Client) []string {
			versions, _ := client.Versions(ctx, function) //nolint:errcheck // likewise
			return slices.DeleteFunc(versions, func(version string) bool { return version == arn.Latest })
		})...)
	}
	return names
}

// function is the function that the command line names.
func (t *tab) function() (string, bool) {
	if len(t.args) > 0 {
		return t.args[0], true
	}
	if f := t.command.Flags().Lookup("function"); f != nil && f.Changed {
		if list, ok := f.Value.(pflag.SliceValue); ok {
			return list.GetSlice()[0], true
		}
	}
	return "", false
}

// principals are the ARNs of the roles or users of the account.
func (t *tab) principals(ctx context.Context, kind iam.OwnerKind) []string {
	return t.list(ctx, string(kind), func(ctx context.Context, client *awsapi.Client) []string {
		names, _ := client.Principals(ctx, kind) //nolint:errcheck // likewise
		return names
	})
}

// localPrincipals completes the name of a role or user of the local server.
func localPrincipals(kind iam.OwnerKind) completion {
	return func(ctx context.Context, t *tab) words {
		names := t.principals(ctx, kind)
		if strings.HasPrefix(t.typed, "arn:") {
			return withNames(names)
		}
		for i := range names {
			names[i] = names[i][strings.LastIndexByte(names[i], '/')+1:]
		}
		return withNames(names)
	}
}

// localAccounts completes an account of the local server.
func localAccounts(_ context.Context, t *tab) words {
	keys, err := roster.ReadRootKeys(t.place().data)
	if err != nil {
		return words{}
	}
	var accounts []string
	for account := range keys {
		accounts = append(accounts, account)
	}
	return withNames(accounts)
}

// grantees completes the principals that a permission can be given to: roles and users by name, functions for their
// roles, and what has a name of its own. ARNs come when one is being typed.
func grantees(ctx context.Context, t *tab) words {
	const ofFunction = "function:"
	if function, ok := strings.CutPrefix(t.typed, ofFunction); ok {
		return t.behind(ofFunction, function, func(t *tab) words { return functions(qualifiers)(ctx, t) })
	}
	roles, users := t.principals(ctx, iam.OfRole), t.principals(ctx, iam.OfUser)
	if strings.HasPrefix(t.typed, "arn:") {
		return withNames(append(roles, users...))
	}
	names := []string{ofFunction, "cloudfront.amazonaws.com"}
	for _, role := range roles {
		names = append(names, role[strings.LastIndexByte(role, '/')+1:])
	}
	for _, user := range users {
		names = append(names, "user/"+user[strings.LastIndexByte(user, '/')+1:])
	}
	return withNames(names)
}

// granted completes the principals that the function's policy names.
func granted(ctx context.Context, t *tab) words {
	named, ok := t.function()
	if !ok {
		return words{}
	}
	principals := t.list(ctx, "principals of "+named+" "+t.value("qualifier"), func(ctx context.Context, client *awsapi.Client) []string {
		identity, err := client.Identity(ctx)
		if err != nil {
			return nil
		}
		function, err := arn.ParseFunction(named, client.Region(), identity.Account)
		if err != nil {
			return nil
		}
		function.Qualifier = cmp.Or(t.value("qualifier"), function.Qualifier)
		text, err := client.Policy(ctx, function)
		if err != nil {
			return nil
		}
		document, err := policy.Parse([]byte(text), policy.Resource)
		if err != nil {
			return nil
		}
		var principals []string
		for _, statement := range document.Statements() {
			for _, principal := range statement.Principals {
				_, name, _ := strings.Cut(principal, ":") // its type
				principals = append(principals, name)
			}
		}
		return principals
	})
	return withNames(principals)
}

// callers completes who may call: the principals of the function's policy, and who could be given a permission.
func callers(ctx context.Context, t *tab) words {
	return words{list: append(granted(ctx, t).list, grantees(ctx, t).list...)}
}

// regions completes the regions of the partition that the environment is in.
func regions(_ context.Context, t *tab) words {
	partition := arn.PartitionOf(cmp.Or(t.getenv("AWS_REGION"), t.getenv("AWS_DEFAULT_REGION")))
	for _, other := range []string{"aws-cn", "aws-us-gov", "aws-eusc"} {
		for _, region := range arn.Regions(other) {
			if t.typed != "" && strings.HasPrefix(region, t.typed) {
				return words{list: append(arn.Regions(partition), arn.Regions(other)...)}
			}
		}
	}
	return words{list: arn.Regions(partition)}
}

// endpoints completes the addresses of the servers of this user.
func endpoints(ctx context.Context, t *tab) words {
	var addresses []string
	for _, running := range t.servers(ctx, t.place().data) {
		addresses = append(addresses, running.Endpoint)
	}
	return withNames(addresses)
}

// requestIDs completes the latest requests that the local server keeps.
func requestIDs(ctx context.Context, t *tab) words {
	const most = "20"
	var page strings.Builder
	if err := t.place().page(ctx, &page, furlproto.Requests, url.Values{"limit": {most}}, true); err != nil {
		return words{}
	}
	var reports []trace.Report
	if err := json.Unmarshal([]byte(page.String()), &reports); err != nil {
		return words{}
	}
	var ids []string
	for _, report := range reports {
		ids = append(ids, report.RequestID)
	}
	return withNames(ids)
}

// behind completes the rest of a word whose beginning stays as it is.
func (t *tab) behind(beginning, rest string, what func(*tab) words) words {
	shorter := *t
	shorter.typed = rest
	answer := what(&shorter)
	for i := range answer.list {
		answer.list[i] = beginning + answer.list[i]
	}
	return answer
}

// after completes what follows the last of a mark in the word.
func after(mark string, what completion) completion {
	return func(ctx context.Context, t *tab) words {
		at := strings.LastIndex(t.typed, mark) + len(mark)
		if at < len(mark) {
			return words{}
		}
		return t.behind(t.typed[:at], t.typed[at:], func(t *tab) words { return what(ctx, t) })
	}
}

// filesAfter completes the name of a file behind a mark such as @. The shell would look for a file whose name has the mark.
func filesAfter(marks ...string) completion {
	return func(ctx context.Context, t *tab) words {
		for _, mark := range marks {
			if answer := after(mark, namesOfFiles)(ctx, t); answer.list != nil {
				return answer
			}
		}
		return words{}
	}
}

func namesOfFiles(_ context.Context, t *tab) words {
	dir, base := filepath.Split(t.typed)
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return words{}
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, base) || base == "" && name[0] == '.' {
			continue
		}
		if entry.IsDir() {
			name += "/"
		}
		names = append(names, dir+name)
	}
	return withNames(names)
}
