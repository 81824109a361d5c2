package check

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
)

// Bounds of what is read from a directory.
const (
	maxFiles    = 10_000
	maxFileSize = 64 << 20 // bytes: the answer of GetAccountAuthorizationDetails has all policies of an account
	maxRefusal  = 64 << 10 // of a file that is not .json, which may be what the AWS CLI wrote to standard error
)

// saved is the content of one file: what the AWS CLI printed for get-policy, get-function-url-config,
// list-function-url-configs or get-account-authorization-details, a policy by itself, an error, or something else.
type saved map[string]json.RawMessage

// text is a member that is a string; "" if it is not.
func (s saved) text(member string) (text string) {
	if json.Unmarshal(s[member], &text) != nil {
		return ""
	}
	return text
}

// error is the code and message of a saved error, as the AWS CLI (--cli-error-format json), botocore, the SDK for
// JavaScript and the API write it; "" if it is none.
func (s saved) error() (code, message string) {
	message = cmp.Or(s.text("Message"), s.text("message"))
	shape := s.text("__type")
	for _, code := range []string{s.text("Code"), shape[strings.LastIndexByte(shape, '#')+1:], s.text("name")} {
		if strings.HasSuffix(code, "Exception") || code != "" && message != "" {
			return code, message
		}
	}
	var inner saved
	if json.Unmarshal(s["Error"], &inner) == nil && inner["Error"] == nil {
		return inner.error()
	}
	return "", ""
}

type savedURL struct {
	FunctionArn string
	FunctionUrl string
	AuthType    lambda.AuthType
}

// errNothing is the error for a directory without anything to judge.
var errNothing = errors.New("there is no saved policy and no saved function URL in it: " +
	"save them with aws lambda get-policy and aws lambda get-function-url-config")

// Offline audits what was saved from the Lambda API: all files of the directory and those below it whose names end in
// .json, whatever else their names are. What a file is about it says itself, but for an error, which is of the function
// that the file or its directory is named for; it may stand in a file with any ending. noPolicy are functions, by name
// or ARN, that have no policy. A function whose policy is in no file is not judged, and a file that cannot be understood
// leaves the verdict open. Saved answers of GetAccountAuthorizationDetails are added to the callers.
func Offline(ctx context.Context, dir fs.FS, noPolicy []string, callers *Callers) (Audit, error) {
	o, err := readSaved(dir, noPolicy, callers)
	if err != nil {
		return Audit{}, err
	}
	audit := AuditOf(ctx, o.list(), o.callers)
	audit.Notes = append(o.notes, audit.Notes...)
	audit.unread, audit.Counts.Unread = o.unread, len(o.unread)
	audit.conclude()
	return audit, nil
}

// readSaved reads the files of a directory and those below it, or those of the names.
func readSaved(dir fs.FS, noPolicy []string, callers *Callers, names ...string) (*offline, error) {
	o := &offline{entries: map[string]*savedEntry{}, callers: callers}
	if callers == nil {
		o.callers = &Callers{}
	}
	walk := func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			o.fault(name, "%v", reason(err))
			return nil
		case entry.IsDir():
			return nil
		}
		if o.files++; o.files > maxFiles {
			return fmt.Errorf("more than %d files", maxFiles)
		}
		o.readFile(dir, name)
		return nil
	}
	if names == nil {
		if err := fs.WalkDir(dir, ".", walk); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		o.readJSON(name, setup.Unicode(text))
	}
	if err := o.noPolicy(noPolicy); err != nil {
		return nil, err
	}
	o.settle()
	if len(o.entries) == 0 {
		faults := []error{errNothing}
		for _, note := range o.notes {
			faults = append(faults, errors.New(note))
		}
		return nil, errors.Join(faults...)
	}
	return o, nil
}

// offline collects what files say of each function.
type offline struct {
	files   int
	entries map[string]*savedEntry // by ARN
	notes   []string
	unread  []string // those of notes that are about files that may hold a policy
	pending []pending
	callers *Callers
}

// savedEntry is a function with the places of what is known of it.
type savedEntry struct {
	Entry
	dirs     []string // with files about it
	noPolicy bool     // an error says so, or somebody
	noURL    bool
	names    *regexp.Regexp // of files about it
}

// pending is a file whose name has to say what it is about.
type pending struct {
	name, problem string
	refusal       refusal // zero if the file is not an error
}

// empty is the problem of a file without content.
const empty = "is empty"

// refusal is an error of an API, as a file has it.
type refusal struct{ code, operation, message string }

func (o *offline) readFile(dir fs.FS, name string) {
	isJSON := strings.EqualFold(path.Ext(name), ".json")
	info, err := fs.Stat(dir, name) // what a link leads to
	switch {
	case !isJSON && (err != nil || !info.Mode().IsRegular() || info.Size() > maxRefusal):
		return
	case err != nil:
		o.wait(name, refusal{}, "%v", reason(err))
		return
	case !info.Mode().IsRegular() || info.Size() > maxFileSize:
		o.wait(name, refusal{}, "is no file, or larger than %d bytes", maxFileSize)
		return
	}
	text, err := fs.ReadFile(dir, name)
	text = setup.Unicode(text)
	refused, isRefusal := refusalIn(string(text))
	switch {
	case isRefusal && err == nil && !json.Valid(text):
		o.wait(name, refused, "%s", refused.message)
	case !isJSON:
	case err != nil:
		o.wait(name, refusal{}, "%v", reason(err))
	case len(bytes.TrimSpace(text)) == 0:
		o.wait(name, refusal{}, empty)
	default:
		o.readJSON(name, text)
	}
}

// reason is why a file cannot be read, without its name.
func reason(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}

// readJSON reads a file that is not empty.
func (o *offline) readJSON(name string, text []byte) {
	first, err := setup.FirstValue(text)
	if err != nil {
		o.wait(name, refusal{}, "%v", err)
		return
	}
	var policyText string
	if json.Unmarshal(first, &policyText) == nil && policyText != "" { // printed with --query Policy
		o.addPolicy(name, policyText)
		return
	}
	var content saved
	if err := json.Unmarshal(first, &content); err != nil || len(content) == 0 {
		problem := empty
		if first[0] == '[' && len(first) > 2 {
			problem = "is a list, without the name of what it lists"
		}
		o.wait(name, refusal{}, "%s", problem)
		return
	}
	if content.text("NextToken") != "" || content.text("NextMarker") != "" {
		o.fault(name, "is one page of several")
	}
	text = content["Policy"]
	_, isRevision := content["RevisionId"]
	code, message := content.error()
	switch {
	case bytes.HasPrefix(text, []byte("{")):
		o.addPolicy(name, string(text))
	case content.text("Policy") != "":
		o.addPolicy(name, content.text("Policy"))
	case text != nil, isRevision && len(content) == 1:
		o.wait(name, refusal{}, empty)
	case content["Statement"] != nil:
		o.addPolicy(name, string(first))
	case content["FunctionUrlConfigs"] != nil:
		o.addURLs(name, content["FunctionUrlConfigs"])
	case content["FunctionUrl"] != nil:
		o.addURLs(name, slices.Concat([]byte("["), first, []byte("]")))
	case content["UserDetailList"] != nil || content["RoleDetailList"] != nil:
		if err := o.callers.Read(first); err != nil {
			o.fault(name, "%v", err)
		}
	case code != "":
		o.wait(name, refusal{code: code, message: code + ": " + message}, "%s: %s", code, message)
	default:
		o.note(name, "is neither a policy nor a function URL's configuration")
	}
}

// The AWS CLI and botocore write the first form, the SDK for Go the second; the CLI's other formats of errors have the
// code by itself (aws/aws-cli#10094).
var refusalForms = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?:An error occurred|A client error) \((?P<code>\w+)\)(?: occurred)? ` +
			`when calling the (?P<operation>\w+) operation[^:]*: (?P<message>.*)`),
		regexp.MustCompile(`operation error Lambda: (?P<operation>\w+), .*?(?P<code>\w+Exception): (?P<message>.*)`),
		regexp.MustCompile(`(?:^|\s)Code:? (?P<code>\w+Exception)(?P<operation>)(?P<message>.*)`),
	}
})

// refusalIn finds an error of an API in a text.
func refusalIn(text string) (refusal, bool) {
	text = strings.Join(strings.Fields(text), " ") // terminals and PowerShell break lines
	for _, form := range refusalForms() {
		if found := form.FindStringSubmatch(text); found != nil {
			part := func(name string) string { return found[form.SubexpIndex(name)] }
			message, _, _ := strings.Cut(part("message"), " Additional error details:")
			return refusal{part("code"), part("operation"), part("code") + ": " + strings.TrimSpace(message)}, true
		}
	}
	return refusal{}, false
}

func (o *offline) note(name, format string, arguments ...any) {
	o.notes = append(o.notes, name+": left out: "+fmt.Sprintf(format, arguments...))
}

// fault notes a file that may be about a function for all that could be made of it.
func (o *offline) fault(name, format string, arguments ...any) {
	o.note(name, format, arguments...)
	o.unread = append(o.unread, o.notes[len(o.notes)-1])
}

// wait puts a file off until all functions are known.
func (o *offline) wait(name string, refused refusal, format string, arguments ...any) {
	o.pending = append(o.pending, pending{name, fmt.Sprintf(format, arguments...), refused})
}

func (o *offline) entry(name string, arn lambda.ARN) *savedEntry {
	known, ok := o.entries[arn.String()]
	if !ok {
		known = &savedEntry{Entry: Entry{Function: arn}}
		o.entries[arn.String()] = known
	}
	if dir := path.Dir(name); !slices.Contains(known.dirs, dir) {
		known.dirs = append(known.dirs, dir)
	}
	return known
}

func (o *offline) addURLs(name string, list []byte) {
	var urls []savedURL
	if err := json.Unmarshal(list, &urls); err != nil {
		o.wait(name, refusal{}, "%v", err)
	}
	for _, url := range urls {
		o.addURL(name, url)
	}
}

func (o *offline) addURL(name string, url savedURL) {
	arn, err := arn.ParseFunctionARN(url.FunctionArn)
	if err != nil {
		o.fault(name, "%v", err)
		return
	}
	entry := o.entry(name, arn)
	if entry.AuthType != "" && entry.AuthType != url.AuthType {
		o.fault(name, "there is another configuration of the URL of %s, with auth type %s", arn, entry.AuthType)
		return
	}
	entry.Address, entry.AuthType = url.FunctionUrl, url.AuthType
}

// addPolicy takes a policy for that of the function or alias which its statements are about.
func (o *offline) addPolicy(name, text string) {
	document, err := policy.Parse([]byte(text), policy.Resource)
	if err != nil {
		for _, kind := range []policy.Kind{policy.Identity, policy.Trust} {
			if other, err := policy.Parse([]byte(text), kind); err == nil && other.Len() > 0 {
				o.note(name, "is a policy of a user or role, not of a function")
				return
			}
		}
		o.wait(name, refusal{}, "policy: %v", err)
		return
	}
	var arns []lambda.ARN
	for _, s := range document.Statements() {
		for _, resource := range s.Resources {
			arn, err := arn.ParseFunctionARN(resource)
			switch {
			case err != nil && !s.NotResource && resource != "*" && !strings.Contains(resource, ":lambda:"):
				o.note(name, "%v", err)
				return
			case err != nil || s.NotResource:
				o.wait(name, refusal{}, "policy: its resource %q does not say which function it is of", resource)
				return
			}
			if !slices.Contains(arns, arn) {
				arns = append(arns, arn)
			}
		}
	}
	switch {
	case len(arns) == 0:
		o.wait(name, refusal{}, "policy: it has no statement")
		return
	case len(arns) > 1:
		o.fault(name, "its statements are about %d functions, not about one", len(arns))
		return
	}
	entry := o.entry(name, arns[0])
	if entry.Policy != "" && !sameText(entry.Policy, text) {
		o.fault(name, "there is another policy of %s, which differs", arns[0])
		entry.Fault = fmt.Errorf("two saved policies of it differ, one of them in %s", name)
		return
	}
	entry.Policy = text
}

// sameText reports whether two JSON texts are the same but for white space.
func sameText(a, b string) bool {
	var left, right bytes.Buffer
	return json.Compact(&left, []byte(a)) == nil && json.Compact(&right, []byte(b)) == nil &&
		bytes.Equal(left.Bytes(), right.Bytes())
}

// settle finds out which functions the pending files are about, by their names: errors first, which say why a file with
// the same name but for its ending is empty.
func (o *offline) settle() {
	slices.SortStableFunc(o.pending, func(a, b pending) int { return strings.Compare(b.refusal.code, a.refusal.code) })
	told := map[string]bool{}
	stem := func(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }
	for _, p := range o.pending {
		entry := o.named(p.name)
		if p.problem == empty && told[stem(p.name)] {
			continue
		}
		aboutURL := strings.Contains(p.refusal.operation, "Url") ||
			p.refusal.operation == "" && strings.Contains(strings.ToLower(path.Base(p.name)), "url")
		missing := p.refusal.code == "ResourceNotFoundException" &&
			!strings.Contains(p.refusal.message, "Function not found") && !strings.Contains(p.refusal.message, "Cannot find alias")
		told[stem(p.name)] = told[stem(p.name)] || missing
		switch {
		case missing && aboutURL:
			if o.note(p.name, "there is no function URL"); entry != nil && entry.Address == "" {
				entry.noURL = true
			}
		case p.refusal.operation != "" && p.refusal.operation != "GetPolicy" && !aboutURL:
			o.note(p.name, "%s", p.problem)
		case missing && entry == nil:
			o.fault(p.name, "it does not say which function has no policy, and its name is that of none: "+
				"--no-policy FUNCTION says so")
		case missing:
			entry.noPolicy = true
		case entry != nil && entry.noPolicy && !aboutURL && p.refusal.code == "":
			if p.problem != empty {
				o.note(p.name, "%s", p.problem)
			}
		case entry != nil && !aboutURL && entry.Policy == "" && entry.Fault == nil:
			entry.Fault = p.fault()
			o.fault(p.name, "%s", p.problem)
		default:
			o.fault(p.name, "%s", p.problem)
		}
	}
}

// fault is why the policy is not known that the file should have.
func (p pending) fault() error {
	failed := &awsapi.Error{Message: p.name + ": " + p.problem}
	if strings.HasPrefix(p.refusal.code, "AccessDenied") {
		failed.Kind, failed.Action = awsapi.Denied, "lambda:GetPolicy"
	}
	return failed
}

// words are what people put into the names of files besides the name of a function.
const fileWords = `arn|aws|lambda|function|get|fetch|saved?|resource|based|policy|policies|url|config|json|txt|log|` +
	`err|errors?|stderr|stdout|out|output|response|result|no|not|found|none|missing|404|exception`

var plainName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(?:(?:` + fileWords + `)(?:[-_.:@ +]+|$))+$`)
})

// named is the function that a file is named for, or its directory, if the name of the file says nothing, or the one
// function that the other files of the directory are about; nil if there is none, or more than one.
func (o *offline) named(name string) *savedEntry {
	dir, base := path.Dir(name), path.Base(name)
	plain := plainName().MatchString(base)
	if plain {
		if found := o.only(func(entry *savedEntry) bool { return entry.isNamed(path.Base(dir)) }, dir); found != nil {
			return found
		}
	}
	found := o.only(func(entry *savedEntry) bool { return entry.isNamed(base) }, dir)
	if found == nil && plain {
		found = o.only(func(entry *savedEntry) bool { return slices.Contains(entry.dirs, dir) }, "")
	}
	return found
}

// only is the one function that is meant; nil if there is none or more than one. Functions of the same name in several
// regions or accounts are told apart by the names of directories.
func (o *offline) only(meant func(*savedEntry) bool, dir string) *savedEntry {
	var found, near []*savedEntry
	for _, entry := range o.entries {
		if !meant(entry) {
			continue
		}
		found = append(found, entry)
		parts := strings.Split(dir, "/")
		if slices.Contains(parts, entry.Function.Region) || slices.Contains(parts, entry.Function.Account) {
			near = append(near, entry)
		}
	}
	switch {
	case len(found) == 1:
		return found[0]
	case len(near) == 1:
		return near[0]
	default:
		return nil
	}
}

// isNamed reports whether a file has the name of the function, with nothing but common words around it.
func (e *savedEntry) isNamed(base string) bool {
	if e.names != nil {
		return e.names.MatchString(base)
	}
	around := `(?:(?i:` + fileWords + `)|` + e.Function.Account + `|` + e.Function.Region + `)`
	name := regexp.QuoteMeta(e.Function.Name)
	if e.Function.Qualifier != "" {
		name += `[-_.:@ +]+` + regexp.QuoteMeta(e.Function.Qualifier)
	}
	e.names = regexp.MustCompile(`^(?:` + around + `[-_.:@ +]+)*` + name + `(?:[-_.:@ +]+` + around + `)*$`)
	return e.names.MatchString(base)
}

// noPolicy takes somebody's word that functions have no policy.
func (o *offline) noPolicy(functions []string) error {
	for _, function := range functions {
		named, err := arn.ParseFunction(function, "", "")
		if err != nil {
			return fmt.Errorf("--no-policy: %w", err)
		}
		entry := o.only(func(entry *savedEntry) bool {
			f := entry.Function
			return f.Name == named.Name && f.Qualifier == named.Qualifier &&
				(named.Region == "" || f.Region == named.Region) && (named.Account == "" || f.Account == named.Account)
		}, "")
		switch {
		case entry == nil && named.Account != "" && named.Region != "":
			entry = o.entry("", named)
		case entry == nil:
			return fmt.Errorf("--no-policy %s: no saved function, or more than one, has that name: give its ARN",
				function)
		case entry.Policy != "":
			return fmt.Errorf("--no-policy %s: a file has its policy", function)
		}
		entry.noPolicy, entry.Fault = true, nil
	}
	return nil
}

// list are the functions that have a URL for all that is known, in the order of their ARNs.
func (o *offline) list() []Entry {
	var entries []Entry
	for _, entry := range o.entries {
		switch {
		case entry.noURL:
			continue
		case entry.Policy != "" && entry.noPolicy:
			entry.Fault = errors.New("one file has its policy, another says that there is none")
		case entry.Policy == "" && !entry.noPolicy && entry.Fault == nil:
			entry.Fault = fmt.Errorf("no file has its policy: save what aws lambda get-policy prints, its error included, "+
				"or say --no-policy %s", entry.Function)
		}
		entries = append(entries, entry.Entry)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Function.String(), b.Function.String()) })
	return entries
}
