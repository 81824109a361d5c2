package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/explain"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
)

// Entry is a function or alias with its URL and the policy that the URL asks.
type Entry struct {
	Function lambda.ARN // with the alias
	AuthType lambda.AuthType
	Address  string // of the URL; "" if it is not known whether there is one
	Policy   string // "" if there is none
	Fault    error  // why the policy is not known
}

// Audit is what the rule of November 2026 means for many functions. Its JSON form is a contract: fields are only added.
type Audit struct {
	Verdict   Verdict         `json:"verdict"` // Refused if some principal lost its access, Undecided if some policy was not seen
	Functions []AuditFunction `json:"functions"`
	Notes     []string        `json:"notes,omitempty"`
	Fix       []string        `json:"fix,omitempty"`
}

// AuditFunction is what it means for one function or alias.
type AuditFunction struct {
	Function string          `json:"function"`
	URL      string          `json:"url,omitempty"`
	AuthType lambda.AuthType `json:"authType,omitempty"`
	Status   Status          `json:"status"`
	Summary  string          `json:"summary"`
	Details  []string        `json:"details,omitempty"`
	Missing  string          `json:"missingPermission,omitempty"`
	fix      []string
}

// atOnce is how many policies are read at one time: the Lambda API lets an account make 15 calls a second (Lambda
// Developer Guide, "Lambda quotas").
const atOnce = 4

// All audits every function URL of the owner's account and region.
func (c *Checker) All(ctx context.Context) (Audit, error) {
	urls, err := setup.AllURLs(ctx, c.Owner.Functions)
	if err != nil {
		return Audit{}, err
	}
	entries := make([]Entry, len(urls))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, url := range urls {
		group.Go(func() error {
			text, err := c.Owner.Functions.Policy(ctx, url.Function)
			entries[i] = Entry{Function: url.Function, AuthType: url.AuthType, Address: url.Address, Policy: text}
			if awsapi.KindOf(err) != awsapi.NotFound {
				entries[i].Fault = err
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return Audit{}, err
	}
	return AuditOf(entries), nil
}

// AuditOf judges the entries.
func AuditOf(entries []Entry) Audit {
	audit := Audit{Verdict: Allowed, Functions: []AuditFunction{}}
	for _, entry := range entries {
		judged := entry.judge()
		audit.Functions = append(audit.Functions, judged)
		switch {
		case judged.Status == Problem:
			audit.Verdict = Refused
		case judged.Status == Unknown && audit.Verdict == Allowed:
			audit.Verdict = Undecided
		}
		audit.Fix = union(audit.Fix, judged.fix)
	}
	return audit
}

func (e Entry) judge() AuditFunction {
	judged := AuditFunction{Function: e.Function.String(), URL: e.Address, AuthType: e.AuthType, Status: OK}
	if e.Fault != nil {
		judged.Status, judged.Summary = Unknown, e.Fault.Error()
		judged.Missing, _ = awsapi.DeniedAction(e.Fault)
		return judged
	}
	var document *policy.Document
	name := "resource-based policy of " + judged.Function
	var statements []setup.Statement
	if e.Policy != "" {
		var err error
		if document, statements, err = setup.Parse(name, e.Policy, policy.Resource); err != nil {
			judged.Status, judged.Summary = Unknown, err.Error()
			return judged
		}
	}
	if e.AuthType == lambda.AuthNone {
		e.judgePublic(&judged, document)
		return judged
	}
	if document == nil {
		judged.Summary = "no resource-based policy: callers need both actions in their own"
		return judged
	}
	judged.Summary = "each principal that the policy names has both actions, or neither"
	judged.Details, judged.fix, _ = lint(judged.Function, policy.Named{Name: name, Document: document}, statements)
	if len(judged.Details) > 0 {
		judged.Status, judged.Summary = Problem, "one of the two actions is granted alone"+noUse
	}
	return judged
}

// judgePublic judges a URL that asks nobody who they are: both actions have to be granted to everyone.
func (e Entry) judgePublic(judged *AuditFunction, document *policy.Document) {
	sets := &policy.Sets{}
	if document != nil {
		sets.Resource = &policy.Named{Document: document}
	}
	var lacking []string
	for _, action := range setup.Actions {
		request := policy.Request{
			Action: action, Resource: judged.Function, ResourceAccount: e.Function.Account,
			Context: setup.ActionKeys(action, lambda.AuthNone),
		}
		if policy.Evaluate(request, sets).Effect != policy.Allowed {
			lacking = append(lacking, action)
		}
	}
	if len(lacking) == 0 {
		judged.Summary = "everyone may call"
		return
	}
	slices.Sort(lacking)
	judged.Status = Problem
	judged.Summary = "everyone is to call, but is not granted " + strings.Join(lacking, " and ")
	judged.fix = []string{explain.GrantCommand(judged.Function, lambda.PermissionPrincipal{Anyone: true}, "")}
}

// WriteTo writes the audit for a person to read.
func (a Audit) WriteTo(w io.Writer) (int64, error) {
	var text strings.Builder
	for _, function := range a.Functions {
		fmt.Fprintf(&text, "%-14s  %s  %s\n", function.Status, function.Function, function.Summary)
		for _, detail := range function.Details {
			fmt.Fprintf(&text, "%-14s    %s\n", "", detail)
		}
	}
	for _, note := range a.Notes {
		fmt.Fprintf(&text, "note: %s\n", note)
	}
	writeList(&text, "fix:", a.Fix)
	n, err := io.WriteString(w, text.String())
	return int64(n), err
}

// Bounds of what is read from a directory.
const (
	maxFiles    = 10_000
	maxFileSize = 1 << 20 // bytes
)

// saved is the content of one file: what the AWS CLI printed for get-policy, get-function-url-config or
// list-function-url-configs, or a policy by itself.
type saved struct {
	Policy             *string
	FunctionUrlConfigs []savedURL
	savedURL

	Version   json.RawMessage
	Statement json.RawMessage
}

type savedURL struct {
	FunctionArn string
	FunctionUrl string
	AuthType    lambda.AuthType
}

// errNothing is the error for a directory without anything to judge.
var errNothing = errors.New("there is no saved policy and no saved function URL in it: " +
	"save them with aws lambda get-policy and aws lambda get-function-url-config")

// Offline audits what was saved from the Lambda API: all files of the directory and those below it whose names end
// in .json, whatever else their names are. What a file is about it says itself. An empty file is what the AWS CLI leaves
// where there was nothing to print; a file that cannot be understood leaves the verdict open.
func Offline(dir fs.FS) (Audit, error) {
	o := offline{entries: map[string]*Entry{}}
	err := fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || path.Ext(name) != ".json" {
			return nil
		}
		if o.files++; o.files > maxFiles {
			return fmt.Errorf("more than %d files", maxFiles)
		}
		return o.readFile(dir, name, entry)
	})
	if err != nil {
		return Audit{}, err
	}
	if len(o.entries) == 0 {
		faults := []error{errNothing}
		for _, note := range o.notes {
			faults = append(faults, errors.New(note))
		}
		return Audit{}, errors.Join(faults...)
	}
	var entries []Entry
	for _, entry := range o.entries {
		entries = append(entries, *entry)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Function.String(), b.Function.String()) })
	audit := AuditOf(entries)
	audit.Notes = o.notes
	if o.unread && audit.Verdict == Allowed {
		audit.Verdict = Undecided
	}
	return audit, nil
}

// offline collects what files say of each function.
type offline struct {
	files   int
	entries map[string]*Entry // by ARN
	notes   []string
	unread  bool // some file may hold a policy that was not understood
}

func (o *offline) readFile(dir fs.FS, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFileSize {
		o.fault(name, "is no file, or larger than %d bytes", maxFileSize)
		return nil
	}
	text, err := fs.ReadFile(dir, name)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(text)) == 0 {
		o.note(name, "is empty")
		return nil
	}
	var content saved
	if err := json.Unmarshal(text, &content); err != nil {
		o.fault(name, "%v", err)
		return nil
	}
	switch {
	case content.Policy != nil:
		o.addPolicy(name, *content.Policy)
	case content.Statement != nil:
		o.addPolicy(name, string(text))
	case content.FunctionUrlConfigs != nil:
		for _, url := range content.FunctionUrlConfigs {
			o.addURL(name, url)
		}
	case content.FunctionUrl != "":
		o.addURL(name, content.savedURL)
	default:
		o.note(name, "is neither a policy nor a function URL's configuration")
	}
	return nil
}

func (o *offline) note(name, format string, arguments ...any) {
	o.notes = append(o.notes, name+": left out: "+fmt.Sprintf(format, arguments...))
}

// fault notes a file that may be about a function for all that could be made of it.
func (o *offline) fault(name, format string, arguments ...any) {
	o.note(name, format, arguments...)
	o.unread = true
}

func (o *offline) entry(arn lambda.ARN) *Entry {
	known, ok := o.entries[arn.String()]
	if !ok {
		known = &Entry{Function: arn}
		o.entries[arn.String()] = known
	}
	return known
}

func (o *offline) addURL(name string, url savedURL) {
	arn, err := arn.ParseFunctionARN(url.FunctionArn)
	if err != nil {
		o.fault(name, "%v", err)
		return
	}
	entry := o.entry(arn)
	entry.Address, entry.AuthType = url.FunctionUrl, url.AuthType
}

// addPolicy takes a policy for that of the function or alias which its statements are about.
func (o *offline) addPolicy(name, text string) {
	document, err := policy.Parse([]byte(text), policy.Resource)
	if err != nil {
		o.fault(name, "policy: %v", err)
		return
	}
	var arns []lambda.ARN
	for _, s := range document.Statements() {
		var about struct{ Resource string }
		if err := json.Unmarshal(s.JSON, &about); err != nil {
			o.fault(name, "%v", err)
			return
		}
		arn, err := arn.ParseFunctionARN(about.Resource)
		if err != nil {
			o.note(name, "%v", err)
			return
		}
		if !slices.Contains(arns, arn) {
			arns = append(arns, arn)
		}
	}
	if len(arns) != 1 {
		o.fault(name, "its statements are about %d functions, not about one", len(arns))
		return
	}
	entry := o.entry(arns[0])
	if entry.Policy != "" && entry.Policy != text {
		o.fault(name, "there is another policy of %s, which differs", arns[0])
		return
	}
	entry.Policy = text
}
